/* outbox.ts: messages on their way to the server, in the order they were written.
 *
 * An entry stays until the server has it. Each carries an idempotency key, so sending it again
 * after a lost answer or a reload cannot double it. Only an answer that would be the same next time
 * makes an entry fail; while the connection is away everything simply waits. */
import { signal } from '@preact/signals-core';
import { newKey } from './key.ts';
import { asProblem } from './problem.ts';
import type { Message } from './types.ts';

export interface OutboxEntry {
  key: string;
  room: number;
  text: string;
  reply_to: number | null;
  created_at: string;
  state: 'waiting' | 'sending' | 'failed';
  /** Why it failed, in words. */
  error: string;
}

export interface OutboxParts {
  send(entry: OutboxEntry): Promise<Message>;
  /** The server has it; called before the entry is taken out. */
  onSent(message: Message): void;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Where in the storage: one place per person. */
  place: string;
  newKey?: () => string;
  now?: () => string;
  setTimer?: (callback: () => void, delay_ms: number) => unknown;
  clearTimer?: (timer: unknown) => void;
}

const delay_first_ms = 1_000;
const delay_max_ms = 30_000;
/* A message that makes the server fail every time must not hold up the others for ever. */
const faults_max = 5;

export class Outbox {
  readonly entries = signal<readonly OutboxEntry[]>([]);

  readonly #parts: OutboxParts;
  #isOnline = false;
  #isSending = false;
  #attempts = 0;
  #timer: unknown = null;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.entries.value = restore(parts.storage.getItem(parts.place));
  }

  add(room: number, text: string, reply_to: number | null): OutboxEntry {
    const entry: OutboxEntry = {
      key: (this.#parts.newKey ?? newKey)(),
      room,
      text,
      reply_to,
      created_at: (this.#parts.now ?? (() => new Date().toISOString()))(),
      state: 'waiting',
      error: '',
    };
    this.#set([...this.entries.value, entry]);
    this.#pump();
    return entry;
  }

  /** Again, behind what was written since: it would surprise to see it jump the queue. */
  retry(key: string): void {
    const entry = this.#find(key);
    if (entry?.state !== 'failed') return;
    const others = this.entries.value.filter((other) => other !== entry);
    this.#set([...others, { ...entry, state: 'waiting', error: '' }]);
    this.#pump();
  }

  /** Forget an entry: the person deleted it, or its message has come back from the server. */
  remove(key: string): void {
    if (this.#find(key)) this.#set(this.entries.value.filter((entry) => entry.key !== key));
  }

  setOnline(isOnline: boolean): void {
    this.#isOnline = isOnline;
    this.#attempts = 0;
    this.#stopTimer();
    this.#pump();
  }

  /** On signing out: nothing of this person may stay behind in the browser. */
  clear(): void {
    this.setOnline(false);
    this.entries.value = [];
    this.#parts.storage.removeItem(this.#parts.place);
  }

  #pump(): void {
    if (!this.#isOnline || this.#isSending || this.#timer !== null) return;
    const entry = this.entries.value.find((candidate) => candidate.state === 'waiting');
    if (entry) void this.#send(entry.key);
  }

  async #send(key: string): Promise<void> {
    this.#isSending = true;
    const entry = this.#update(key, { state: 'sending' });
    try {
      if (entry) this.#parts.onSent(await this.#parts.send(entry));
      this.#attempts = 0;
      this.remove(key);
    } catch (error) {
      this.#failed(key, error);
    }
    this.#isSending = false;
    this.#pump();
  }

  #failed(key: string, error: unknown): void {
    const problem = asProblem(error);
    // The session ended: all wait for the person to sign in again, and none of them is to blame.
    if (problem.status === 401) {
      this.#isOnline = false;
      this.#update(key, { state: 'waiting' });
      return;
    }
    const isHopeless = problem.status >= 500 && this.#attempts + 1 >= faults_max;
    if (!problem.isTemporary || isHopeless) {
      this.#attempts = 0;
      this.#update(key, { state: 'failed', error: problem.words });
      return;
    }
    this.#update(key, { state: 'waiting' });
    // Offline, the next setOnline() starts again; a timer would only add to the storm.
    if (!this.#isOnline) return;
    const delay_ms = Math.min(delay_max_ms, delay_first_ms * 2 ** this.#attempts);
    this.#attempts += 1;
    const setTimer = this.#parts.setTimer ?? ((callback, ms) => setTimeout(callback, ms));
    this.#timer = setTimer(() => {
      this.#timer = null;
      this.#pump();
    }, delay_ms);
  }

  #stopTimer(): void {
    const clear =
      this.#parts.clearTimer ?? ((timer) => clearTimeout(timer as ReturnType<typeof setTimeout>));
    if (this.#timer !== null) clear(this.#timer);
    this.#timer = null;
  }

  #find(key: string): OutboxEntry | undefined {
    return this.entries.value.find((entry) => entry.key === key);
  }

  #update(key: string, change: Partial<OutboxEntry>): OutboxEntry | undefined {
    this.#set(
      this.entries.value.map((entry) => (entry.key === key ? { ...entry, ...change } : entry)),
    );
    return this.#find(key);
  }

  #set(entries: readonly OutboxEntry[]): void {
    this.entries.value = entries;
    try {
      this.#parts.storage.setItem(this.#parts.place, JSON.stringify(entries));
    } catch {
      // A full or forbidden storage costs the reload, not the message.
    }
  }
}

/* What was on its way when the page went may or may not have arrived: its key makes asking again
 * harmless. */
function restore(text: string | null): OutboxEntry[] {
  try {
    const entries: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(entries)) return [];
    return (entries as OutboxEntry[])
      .filter((entry) => typeof entry?.key === 'string' && typeof entry.text === 'string')
      .map((entry) => (entry.state === 'failed' ? entry : { ...entry, state: 'waiting' }));
  } catch {
    return [];
  }
}
