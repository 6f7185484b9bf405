/* finder.ts: what fits what is being typed. It asks when one pauses, not with every key, and only the answer to the
 * newest question counts, whichever comes last. */
import { signal } from '@preact/signals-core';
import { asProblem } from './problem.ts';

/* Shorter than one notices, longer than between two keys. */
const pause_ms = 150;

export interface Found<T> {
  items: readonly T[];
  /** What is typed has no answer yet: the items are those of before. */
  isSearching: boolean;
  error: string;
}

export const nothingYet: Found<never> = { items: [], isSearching: false, error: '' };

export class Finder<T> {
  readonly found = signal<Found<T>>(nothingYet);

  readonly #find: (text: string) => Promise<readonly T[]>;
  readonly #setTimer: (callback: () => void, delay_ms: number) => unknown;
  #turn = 0;

  constructor(
    find: (text: string) => Promise<readonly T[]>,
    setTimer: (callback: () => void, delay_ms: number) => unknown = (callback, ms) =>
      setTimeout(callback, ms),
  ) {
    this.#find = find;
    this.#setTimer = setTimer;
  }

  ask(text: string): void {
    const turn = ++this.#turn;
    this.found.value = { ...this.found.value, isSearching: true, error: '' };
    this.#setTimer(() => {
      if (turn === this.#turn) void this.#answer(turn, text);
    }, pause_ms);
  }

  /** Nobody waits for an answer any more. */
  stop(): void {
    this.#turn++;
    this.found.value = nothingYet;
  }

  async #answer(turn: number, text: string): Promise<void> {
    const found = await this.#find(text).then(
      (items) => ({ items, isSearching: false, error: '' }),
      (error: unknown) => ({ items: [], isSearching: false, error: asProblem(error).words }),
    );
    if (turn === this.#turn) this.found.value = found;
  }
}
