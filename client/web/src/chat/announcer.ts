/* announcer.ts: what a screen reader is told about new messages. The log itself is not a live
 * region: it would read out pages of history. Lines are queued, not overwritten, and a burst
 * becomes one sentence. */
import { signal } from '@preact/signals-core';
import { count } from '../shared/text.ts';

const burst_ms = 800;
const burst_lines_max = 3;
const lines_max = 8;

export class Announcer {
  readonly lines = signal<readonly { id: number; text: string }[]>([]);

  #queue: string[] = [];
  #next = 0;
  readonly #setTimer: (callback: () => void, delay_ms: number) => unknown;

  constructor(
    setTimer: (callback: () => void, delay_ms: number) => unknown = (callback, ms) =>
      setTimeout(callback, ms),
  ) {
    this.#setTimer = setTimer;
  }

  say(text: string): void {
    this.#queue.push(text);
    if (this.#queue.length === 1) this.#setTimer(() => this.#flush(), burst_ms);
  }

  /** The room is left or lost: what was said in it must not stay in the page. */
  clear(): void {
    this.#queue = [];
    this.lines.value = [];
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    const texts =
      queue.length > burst_lines_max ? [count(queue.length, 'new message', 'new messages')] : queue;
    const added = texts.map((text) => ({ id: this.#next++, text }));
    this.lines.value = [...this.lines.value, ...added].slice(-lines_max);
  }
}
