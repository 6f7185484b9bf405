/* chat.ts: everything that lives as long as one person is signed in, joined together. */
import { effect, signal } from '@preact/signals-core';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import { Conn } from '../shared/conn.ts';
import { outboxOf } from '../shared/forget.ts';
import { Outbox, type OutboxEntry } from '../shared/outbox.ts';
import type { Session } from '../shared/session.ts';
import type { Me, Message, Room, UserEvent } from '../shared/types.ts';
import { Announcer } from './announcer.ts';
import { Drafts } from './drafts.ts';
import { KeptLogs } from './log.ts';
import type { Notifier } from './notify.ts';
import { OpenRoom } from './room.ts';
import { Rooms } from './rooms.ts';
import { settings, startSettings } from './settings.ts';
import { TextLimit } from './text-limit.ts';

/* The newest of these are offered first when one wants to go somewhere. */
const recent_max = 20;
/* What few visits show is fetched when the page is at rest: later there may be no connection. */
const ahead_ms = 2_000;
/* Thousands of pages are told at once that the rights of everybody changed. */
const spread_ms = 3_000;

export type DialogName =
  | 'room'
  | 'direct'
  | 'switcher'
  | 'search'
  | 'details'
  | 'members'
  | 'settings';

export class Chat {
  readonly rooms: Rooms;
  readonly conn: Conn;
  readonly outbox: Outbox;
  readonly drafts: Drafts;
  readonly announcer = new Announcer();
  readonly logs = new KeptLogs();
  readonly textLimit: TextLimit;
  readonly room = signal<OpenRoom | null>(null);
  /** The one dialog that is open; their code is in `later.ts`. */
  readonly dialog = signal<DialogName | null>(null);
  /** Rooms that were open in this tab, the last one first. */
  recent: readonly number[] = [];

  #stops: (() => void)[] = [];
  #rightsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly api: Api,
    readonly session: Session,
    readonly me: Me,
  ) {
    this.conn = new Conn(me.user.id);
    this.rooms = new Rooms(api);
    this.textLimit = new TextLimit(api);
    this.drafts = new Drafts(localStorage, me.user.id);
    startSettings(localStorage, me.user.id);
    this.outbox = new Outbox({
      storage: sessionStorage,
      place: outboxOf(me.user.id),
      send: (entry) => this.#send(entry),
      onSent: (message) => {
        const room = this.room.value;
        if (room && message?.room === room.id) room.log.add(message);
      },
    });
  }

  start(): void {
    this.conn.onUserEvent = (event) => this.#receive(event);
    // What one may do can change for everybody at once, and then no feed tells of it.
    const readRights = () => void this.session.load();
    this.api.onForbidden = readRights;
    this.conn.onForbidden = readRights;
    // Somebody else signed in here meanwhile: the page begins anew as theirs.
    this.conn.onStranger = readRights;
    let isFirst = true;
    this.conn.onConnected = () => {
      // The personal feed has no history: what it would have said meanwhile is in these answers.
      void this.rooms.load();
      if (!isFirst) readRights();
      isFirst = false;
      const room = this.room.value;
      if (room?.error.value && room.isErrorTemporary.value) void room.start();
    };
    this.#stops = [
      effect(() => this.outbox.setOnline(this.conn.isConnected.value)),
      effect(() => this.#startNotifying()),
      effect(() => this.#letGo()),
    ];
    const ahead = setTimeout(() => import('./later.ts').catch(() => {}), ahead_ms);
    this.#stops.push(() => clearTimeout(ahead));
    void this.rooms.load();
    this.conn.start();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    clearTimeout(this.#rightsTimer);
    this.#stopNotifying();
    this.room.value?.stop();
    this.conn.stop();
    // Nothing is tried any more, and nothing kept: the next chat of this person has the same outbox.
    this.outbox.setOnline(false);
  }

  async signOut(): Promise<void> {
    await this.session.signOut();
    // The next person at this browser shall find nothing.
    this.outbox.clear();
    this.drafts.clear();
  }

  mayWrite(room: Room | undefined): boolean {
    const role = room?.membership?.role;
    return role !== undefined && role !== 'reader' && this.session.can('message', 'write');
  }

  /** As far as the page knows: the server decides. */
  mayRead(room: number): boolean {
    return this.session.can('message', 'read') && this.rooms.all.value.has(room);
  }

  /** Show a room; the one before is left to itself. */
  enter(id: number): OpenRoom {
    this.room.value?.stop();
    const room = new OpenRoom(id, this);
    this.room.value = room;
    this.recent = [id, ...this.recent.filter((other) => other !== id)].slice(0, recent_max);
    void room.start();
    return room;
  }

  exit(room: OpenRoom): void {
    room.stop();
    if (this.room.value === room) this.room.value = null;
  }

  /* What is kept of rooms that one left is let go with the right to read there. */
  #letGo(): void {
    this.logs.retain((room) => this.mayRead(room));
  }

  #send({ room, text, reply_to, key }: OutboxEntry): Promise<Message> {
    const params = reply_to === null ? {} : { reply_to };
    return this.conn.rpc<Message>('message.create', { id: room, text, key, ...params });
  }

  /* What tells of messages while one looks elsewhere is fetched by those who want it. */
  #notifier: Notifier | null = null;
  #notifierTurn = 0;

  #startNotifying(): void {
    const { notify, sound } = settings.value;
    this.#stopNotifying();
    if (!notify && !sound) return;
    const turn = ++this.#notifierTurn;
    import('./later.ts').then(
      ({ startNotifier }) => {
        if (turn === this.#notifierTurn) this.#notifier = startNotifier(this);
      },
      () => {},
    );
  }

  #stopNotifying(): void {
    this.#notifierTurn++;
    this.#notifier?.stop();
    this.#notifier = null;
  }

  /* What everybody is told at once, not everybody asks about at once. */
  #rightsChanged(isEverybody: boolean): void {
    const read = async () => {
      await Promise.all([this.session.load(), this.rooms.load()]);
      const room = this.room.value;
      if (room?.error.value) void room.start();
    };
    clearTimeout(this.#rightsTimer);
    this.#rightsTimer = setTimeout(read, isEverybody ? Math.random() * spread_ms : 0);
  }

  #receive(event: UserEvent): void {
    this.#notifier?.tell(event);
    if (event.event === 'permissions') this.#rightsChanged(event.everybody === true);
    else this.rooms.receive(event);
    // Invited again while the page still says that one is not.
    const room = this.room.value;
    if (event.event === 'room.added' && event.room.id === room?.id && room.error.value)
      void room.start();
  }
}

export const ChatContext = createContext<Chat | null>(null);

export function useChat(): Chat {
  const chat = useContext(ChatContext);
  if (!chat) throw new Error('useChat() is for parts of the signed-in page');
  return chat;
}
