/* quotes.ts: what replies answer to: in the log, or asked for by itself if it is further back. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem } from '../shared/problem.ts';
import type { Message } from '../shared/types.ts';
import type { RoomLog } from './log.ts';

/* How long to wait after a failure before the same is asked again. */
const pause_ms = 10_000;

interface Ask {
  /** When it may be asked again. */
  again: number;
}

export class Quotes {
  readonly #api: Api;
  readonly #log: RoomLog;
  readonly #known = signal<ReadonlyMap<number, Message | null>>(new Map());
  readonly #asked = new Map<number, Ask>();
  #asking: Promise<unknown> = Promise.resolve();

  constructor(api: Api, log: RoomLog) {
    this.#api = api;
    this.#log = log;
  }

  /** The message @id; undefined as long as it is not known, null if it is out of reach. */
  of(id: number): Message | null | undefined {
    const held = this.#log.messages.value.find((message) => message.id === id);
    if (held) return held;
    if ((this.#asked.get(id)?.again ?? 0) <= Date.now()) {
      const ask = { again: Number.POSITIVE_INFINITY };
      this.#asked.set(id, ask);
      // One after the other: a page may be full of replies.
      this.#asking = this.#asking.then(() => this.#ask(id, ask));
    }
    return this.#known.value.get(id);
  }

  /** It was changed or deleted: what was fetched, or is on its way, may not be shown any more. */
  drop(id: number): void {
    if (!this.#asked.delete(id)) return;
    const known = new Map(this.#known.value);
    known.delete(id);
    this.#known.value = known;
  }

  /** The connection is back: what could not be had may be had now. */
  retry(): void {
    for (const [id, { again }] of this.#asked)
      if (again !== Number.POSITIVE_INFINITY) this.#asked.delete(id);
    this.#known.value = new Map(this.#known.value);
  }

  /** One may no longer read here, or nobody knows what was changed meanwhile. */
  forget(): void {
    this.#asked.clear();
    this.#known.value = new Map();
  }

  async #ask(id: number, ask: Ask): Promise<void> {
    const isDropped = () => this.#asked.get(id) !== ask;
    if (isDropped()) return;
    let message: Message | null = null;
    try {
      message = await this.#api.get<Message>(`/message/${id}`);
    } catch (error) {
      if (asProblem(error).isTemporary) {
        ask.again = Date.now() + pause_ms;
        return;
      }
    }
    if (!isDropped()) this.#known.value = new Map(this.#known.value).set(id, message);
  }
}
