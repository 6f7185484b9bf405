/* resource.ts: something that is read from the server, shown, and read again when it may have changed. */
import { batch, signal } from '@preact/signals-core';
import { asProblem, type Problem } from '../shared/problem.ts';

export class Resource<T> {
  /** What was read last; it stays while it is read again, or when that fails. */
  readonly value = signal<T | null>(null);
  readonly problem = signal<Problem | null>(null);

  readonly #read: () => Promise<T>;
  #turn = 0;

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** Only the answer to the newest question counts. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const value = await this.#read();
      if (turn !== this.#turn) return;
      batch(() => {
        this.value.value = value;
        this.problem.value = null;
      });
    } catch (error) {
      if (turn === this.#turn) this.problem.value = asProblem(error);
    }
  }
}

/** A page after the other, until there is none: for lists that are short by their nature. */
export async function readAll<T>(
  read: (after: string | number | null) => Promise<{ items: T[]; next: string | number | null }>,
  pages_max = 25,
): Promise<T[]> {
  const all: T[] = [];
  let next: string | number | null = null;
  for (let page = 0; page < pages_max; page++) {
    const answer = await read(next);
    all.push(...answer.items);
    next = answer.next;
    if (next === null) break;
  }
  return all;
}
