/* quotes.ts: what replies answer to: in the log, or asked for by itself if it is further back. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
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

  /** One may no longer read here. */
  forget(): void {
    this.#known.value = new Map();
    this.#asked.clear();
  }

  async #ask(id: number): Promise<void> {
    const message = await this.#api.get<Message>(`/message/${id}`).catch(() => null);
    this.#known.value = new Map(this.#known.value).set(id, message);
  }
}
