/* quotes.ts: what replies answer to: in the log, or asked for by itself if it is further back. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem } from '../shared/problem.ts';
import type { Message } from '../shared/types.ts';
import type { RoomLog } from './log.ts';

export class Quotes {
  readonly #api: Api;
  readonly #log: RoomLog;
  readonly #known = signal<ReadonlyMap<number, Message | null>>(new Map());
  readonly #asked = new Set<number>();
  #asking: Promise<unknown> = Promise.resolve();

  constructor(api: Api, log: RoomLog) {
    this.#api = api;
    this.#log = log;
  }

  /** The message @id; undefined as long as it is not known, null if it is out of reach. */
  of(id: number): Message | null | undefined {
    const held = this.#log.messages.value.find((message) => message.id === id);
    if (held) return held;
    if (!this.#asked.has(id)) {
      this.#asked.add(id);
      // One after the other: a page may be full of replies.
      this.#asking = this.#asking.then(() => this.#ask(id));
    }
    return this.#known.value.get(id);
  }

  /** It is no longer what it was: nothing of the old text stays, and it is asked for anew where it is shown. */
  changed(id: number): void {
    if (!this.#asked.delete(id)) return;
    const known = new Map(this.#known.value);
    known.delete(id);
    this.#known.value = known;
  }

  /** The server is back: what could not be had is asked for again. */
  retry(): void {
    for (const id of this.#asked) if (!this.#known.value.has(id)) this.#asked.delete(id);
    this.#known.value = new Map(this.#known.value);
  }

  /** One may no longer read here. */
  forget(): void {
    this.#known.value = new Map();
    this.#asked.clear();
  }

  async #ask(id: number): Promise<void> {
    try {
      const message = await this.#api.get<Message>(`/message/${id}`);
      this.#known.value = new Map(this.#known.value).set(id, message);
    } catch (error) {
      if (!asProblem(error).isTemporary)
        this.#known.value = new Map(this.#known.value).set(id, null);
    }
  }
}
