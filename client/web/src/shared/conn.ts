/* conn.ts: the one realtime connection of the page. The Centrifuge SDK keeps it up; this file says
 * what its states mean to a person and gives rooms a subscription with a position. */
import { computed, signal } from '@preact/signals-core';
import {
  Centrifuge,
  type ClientInfo,
  type StreamPosition,
  type TransportEndpoint,
} from 'centrifuge';
import { problemFromRealtime } from './problem.ts';
import type { RoomEvent, UserEvent } from './types.ts';

/* A tab that slept this long may hold a socket that only looks open. */
const sleep_ms = 30_000;
const probe_ms = 2_000;
const tick_ms = 5_000;
/* The protocol's code for more than the server likes to give. */
const limit_exceeded = 106;
/* The SDK's code for a command that was not answered; those of the server's answers begin here. */
const timed_out = 1;
const answered = 100;

export type ConnState =
  | { is: 'connecting'; since: number }
  | { is: 'connected' }
  /** The SDK will not try again by itself. */
  | { is: 'ended'; code: number; reason: string };

export interface RoomListener {
  onEvent(event: RoomEvent, offset: number | undefined): void;
  /** Everything after the asked position follows; if not @recovered, reload the room. */
  onSubscribed(recovered: boolean): void;
  /** For good: the person may not listen any more. */
  onUnsubscribed(): void;
  /** null: they are too many to be told. */
  onPresence(clients: Record<string, ClientInfo> | null): void;
  onJoin(info: ClientInfo): void;
  onLeave(info: ClientInfo): void;
}

/** Some proxies let no web socket through: then a stream brings what the server says, and commands go one by one. Some
 * refuse or collect the answer to a POST too, and let server-sent events pass. Those are asked for without an Origin;
 * only over HTTPS, or on one's own machine, does the browser say in another header that the page itself asks, and without
 * that the server takes no cookie: it would look as if the session had ended. */
const transports = (): TransportEndpoint[] => [
  {
    transport: 'websocket',
    endpoint: `${location.origin.replace(/^http/, 'ws')}/connection/websocket`,
  },
  { transport: 'http_stream', endpoint: `${location.origin}/connection/http_stream` },
  ...(isSecureContext
    ? [{ transport: 'sse' as const, endpoint: `${location.origin}/connection/sse` }]
    : []),
];

/** A client over what gets through. The SDK goes on to the next transport if one does not open, but not from a web socket
 * that a proxy opened and through which nothing comes: to it that is a slow server. Here two such silences, before the
 * server was ever heard, are a proxy; from then on each failure leads to the next of the others. */
export function newClient(name: string): Centrifuge {
  let isSilent = false;
  let silences = 0;
  let isHeard = false;
  class Watched extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols);
      isSilent = false;
      this.addEventListener('open', () => {
        isSilent = true;
      });
    }
  }
  // The SDK looks into this list at each attempt. Should a new version copy it, it stays with the first.
  const list = transports();
  const client = new Centrifuge(list, { name, websocket: Watched });
  client.on('connected', () => {
    isHeard = true;
  });
  client.on('error', ({ type, error }) => {
    isHeard ||= error.code >= answered;
    if (isHeard) return;
    const hasLeft = list[0]?.transport !== 'websocket';
    if (hasLeft) list.push(list.shift() as TransportEndpoint);
    else if (type === 'connect' && error.code === timed_out && isSilent && ++silences > 1)
      list.shift();
  });
  return client;
}

export class Conn {
  readonly state = signal<ConnState>({ is: 'connecting', since: Date.now() });
  /** When the SDK tries again, while it waits for that. */
  readonly nextTry = signal(0);
  readonly isConnected = computed(() => this.state.value.is === 'connected');
  onUserEvent: (event: UserEvent) => void = () => {};
  /** After every (re)connect: what has no history must be read again. */
  onConnected: () => void = () => {};
  /** Something was refused that the page had offered. */
  onForbidden: () => void = () => {};
  /** The cookie is somebody else's by now: nothing is said or heard in his name. */
  onStranger: () => void = () => {};

  readonly #client: Centrifuge;
  readonly #userChannel: string;
  #awakeAt = 0;
  #isOurs = false;
  #probeTimer: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;

  constructor(userId: number) {
    this.#userChannel = `user:${userId}`;
    this.#client = newClient('web');
    this.#watchDelays();
    this.#client.on('connecting', () => {
      const state = this.state.value;
      this.state.value = {
        is: 'connecting',
        since: state.is === 'connecting' ? state.since : Date.now(),
      };
    });
    this.#client.on('connected', () => {
      this.#isOurs = false;
      // The server's own subscriptions are told in this same turn.
      queueMicrotask(() => {
        if (this.#isOurs || this.#client.state !== 'connected') return;
        this.#client.disconnect();
        this.onStranger();
      });
    });
    this.#client.on('subscribed', ({ channel }) => {
      if (channel !== this.#userChannel) return;
      this.#isOurs = true;
      this.state.value = { is: 'connected' };
      this.onConnected();
    });
    this.#client.on('disconnected', ({ code, reason }) => {
      this.state.value = { is: 'ended', code, reason };
    });
    this.#client.on('publication', ({ channel, data }) => {
      if (channel === this.#userChannel) this.onUserEvent(data as UserEvent);
    });
  }

  start(): void {
    this.#awakeAt = Date.now();
    document.addEventListener('visibilitychange', this.#onAwake);
    this.#ticker = setInterval(this.#onAwake, tick_ms);
    this.#client.connect();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#onAwake);
    clearInterval(this.#ticker);
    clearTimeout(this.#probeTimer);
    this.#client.disconnect();
  }

  /** Do not wait for the next try. */
  retryNow(): void {
    if (this.#client.state !== 'disconnected') this.#client.disconnect();
    this.#client.connect();
  }

  /** Call an action; rejects with a Problem. */
  async rpc<T>(method: string, params: object): Promise<T> {
    try {
      return (await this.#client.rpc(method, params)).data as T;
    } catch (error) {
      const problem = problemFromRealtime(error);
      if (problem.status === 403) this.onForbidden();
      throw problem;
    }
  }

  /** Listen to a room from @position on; returns how to stop. */
  listen(room: number, position: StreamPosition, listener: RoomListener): () => void {
    const channel = `room:${room}`;
    const old = this.#client.getSubscription(channel);
    if (old) this.#client.removeSubscription(old);
    const sub = this.#client.newSubscription(channel, { since: position, joinLeave: true });
    sub.on('publication', ({ data, offset }) => listener.onEvent(data as RoomEvent, offset));
    sub.on('subscribed', ({ recovered }) => {
      listener.onSubscribed(recovered);
      // Presence is a comfort: without it the room works on.
      sub.presence().then(
        ({ clients }) => listener.onPresence(clients),
        (error: { code?: number }) => {
          if (error.code === limit_exceeded) listener.onPresence(null);
        },
      );
    });
    sub.on('unsubscribed', () => listener.onUnsubscribed());
    sub.on('join', ({ info }) => listener.onJoin(info));
    sub.on('leave', ({ info }) => listener.onLeave(info));
    sub.subscribe();
    return () => {
      sub.removeAllListeners();
      this.#client.removeSubscription(sub);
    };
  }

  /* The SDK has no event for the pause before its next try, but one member that decides it. Should a
   * new version have another, the banner says less. */
  #watchDelays(): void {
    const sdk = this.#client as unknown as { _getReconnectDelay?: () => number };
    const original = sdk._getReconnectDelay?.bind(this.#client);
    if (!original) return;
    sdk._getReconnectDelay = () => {
      const delay_ms = original();
      this.nextTry.value = Date.now() + delay_ms;
      return delay_ms;
    };
  }

  /* The clock jumps when the machine slept, and a hidden tab may have been frozen. */
  readonly #onAwake = (): void => {
    if (document.visibilityState === 'hidden') return;
    const slept_ms = Date.now() - this.#awakeAt;
    this.#awakeAt = Date.now();
    if (slept_ms > sleep_ms && this.isConnected.value) this.#probe();
  };

  /* After a sleep `OPEN` proves nothing, and waiting for the missing ping takes half a minute: ask
   * something, and any answer at all, even a refusal, means that the socket lives. */
  #probe(): void {
    clearTimeout(this.#probeTimer);
    this.#probeTimer = setTimeout(() => this.retryNow(), probe_ms);
    this.#client.rpc('me.detail', {}).then(
      () => clearTimeout(this.#probeTimer),
      (error: { code?: number }) => {
        if ((error.code ?? 0) >= 100) clearTimeout(this.#probeTimer);
      },
    );
  }
}
