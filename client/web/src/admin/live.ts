/* live.ts: what changes in a model while one looks at it. All views share one connection, and the watchers of a model
 * share its subscription. A refused subscription is no fault: the page works, it only has to be read again by hand. */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals-core';

export interface ChangedRow {
  id: number;
  version?: number;
  [field: string]: unknown;
}

export type ModelEvent =
  | { action: 'create' | 'update'; record: ChangedRow }
  | { action: 'delete'; record: { id: number } }
  /** Something may have been missed, such as while the line was cut or before it stood: read again. */
  | { action: 'gap' };

export interface LiveClient {
  /** Connect, also after the server ended the connection. */
  wake(): void;
  /** Returns how to stop. */
  subscribe(channel: string, handlers: Handlers): () => void;
}

interface Handlers {
  onData(data: unknown): void;
  onSubscribed(): void;
  /** It may come again by itself. */
  onLost(): void;
  /** It will not: the right was taken back, or the session has ended. */
  onEnded(): void;
}

type Listener = (event: ModelEvent) => void;

interface Watched {
  listeners: Set<Listener>;
  stop: (() => void) | null;
}

export class Live {
  readonly #open: () => Promise<LiveClient>;
  readonly #watched = new Map<string, Watched>();
  readonly #isLive = new Map<string, Signal<boolean>>();
  #client: Promise<LiveClient> | null = null;

  constructor(open: () => Promise<LiveClient>) {
    this.#open = open;
  }

  /** Tell @listener of the changes in @model; returns how to stop. */
  watch(model: string, listener: Listener): () => void {
    const watched = this.#watched.get(model) ?? this.#begin(model);
    watched.listeners.add(listener);
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0 || this.#watched.get(model) !== watched) return;
      this.#watched.delete(model);
      watched.stop?.();
      this.#liveness(model).value = false;
    };
  }

  /** Whether changes in @model are being told now. */
  isLive(model: string): ReadonlySignal<boolean> {
    return this.#liveness(model);
  }

  #begin(model: string): Watched {
    const watched: Watched = { listeners: new Set(), stop: null };
    this.#watched.set(model, watched);
    this.#client ??= this.#open();
    this.#client.then(
      (client) => {
        // Who watched may be gone before the connection's code has come.
        if (this.#watched.get(model) === watched) this.#subscribe(client, model, watched);
      },
      () => {
        // The code could not be fetched: the next watcher tries again.
        this.#client = null;
      },
    );
    return watched;
  }

  #subscribe(client: LiveClient, model: string, watched: Watched): void {
    const isLive = this.#liveness(model);
    let wasLive = false;
    const tell = (event: ModelEvent) => {
      for (const listener of [...watched.listeners]) listener(event);
    };
    watched.stop = client.subscribe(`model:${model}`, {
      onData: (data) => {
        if (isEvent(data)) tell(data);
      },
      onSubscribed: () => {
        isLive.value = true;
        wasLive = true;
        tell({ action: 'gap' });
      },
      onLost: () => {
        isLive.value = false;
      },
      onEnded: () => {
        isLive.value = false;
        // What is shown may not be seen any more: reading it again tells why.
        if (wasLive) tell({ action: 'gap' });
        wasLive = false;
      },
    });
    client.wake();
  }

  #liveness(model: string): Signal<boolean> {
    const known = this.#isLive.get(model);
    if (known) return known;
    const made = signal(false);
    this.#isLive.set(model, made);
    return made;
  }
}

function isEvent(data: unknown): data is ModelEvent {
  const { action, record } = (data ?? {}) as { action?: unknown; record?: { id?: unknown } };
  return typeof action === 'string' && typeof record?.id === 'number';
}

const live = new Live(async () => (await import('./live-client.ts')).openClient());

export const watchModel = (model: string, listener: Listener): (() => void) =>
  live.watch(model, listener);
export const isLive = (model: string): ReadonlySignal<boolean> => live.isLive(model);
