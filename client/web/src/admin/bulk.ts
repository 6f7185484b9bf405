/* bulk.ts: the same done to many rows, one after the other: each can fail for a reason of its own, and is told so. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem } from '../shared/problem.ts';
import { patiently } from './patience.ts';
import type { Row } from './rows.ts';

export type Task = { is: 'delete' } | { is: 'edit'; field: string; value: unknown };

export interface Result {
  row: Row;
  state: 'waiting' | 'done' | 'failed';
  /** Why it failed. */
  words: string;
}

export class Bulk {
  readonly results = signal<readonly Result[]>([]);
  readonly isBusy = signal(false);

  readonly #api: Api;
  readonly #path: string;
  #isCancelled = false;

  constructor(api: Api, model: string) {
    this.#api = api;
    this.#path = `/${model}`;
  }

  /** Do @task to @rows as they were seen: one that changed meanwhile is left alone and told of. */
  async run(task: Task, rows: readonly Row[]): Promise<void> {
    if (!this.#begin()) return;
    this.results.value = rows.map((row) => ({ row, state: 'waiting', words: '' }));
    await this.#go(task);
  }

  /** Those that failed once more, as they are now. */
  async retry(task: Task): Promise<void> {
    if (!this.#begin()) return;
    const latest = this.results.value.map(async (result): Promise<Result> => {
      if (result.state === 'done') return result;
      const now = await this.#api
        .get<Row>(`${this.#path}/${result.row.id}`)
        .catch(() => result.row);
      return { row: { ...result.row, version: now.version }, state: 'waiting', words: '' };
    });
    this.results.value = await Promise.all(latest);
    await this.#go(task);
  }

  /** What is not begun yet is not done. */
  cancel(): void {
    this.#isCancelled = true;
  }

  /* Before anything is waited for: a second press begins nothing, and a cancel holds. */
  #begin(): boolean {
    if (this.isBusy.value) return false;
    this.isBusy.value = true;
    this.#isCancelled = false;
    return true;
  }

  async #go(task: Task): Promise<void> {
    for (const [i, result] of this.results.value.entries()) {
      if (result.state === 'done') continue;
      if (this.#isCancelled) this.#set(i, 'failed', 'Not done: you stopped before it.');
      else await this.#one(task, result.row, i);
    }
    this.isBusy.value = false;
  }

  async #one(task: Task, row: Row, i: number): Promise<void> {
    const path = `${this.#path}/${row.id}`;
    const match = { 'If-Match': `"${row.version}"` };
    try {
      await patiently(() =>
        task.is === 'delete'
          ? this.#api.request('DELETE', path, undefined, match)
          : this.#api.request('PATCH', path, { [task.field]: task.value }, match),
      );
      this.#set(i, 'done', '');
    } catch (error) {
      const problem = asProblem(error);
      // What is to be deleted and is gone already is as it should be.
      if (problem.status === 404 && task.is === 'delete') this.#set(i, 'done', '');
      else this.#set(i, 'failed', wordsFor(problem.status) || problem.words);
    }
  }

  #set(at: number, state: Result['state'], words: string): void {
    this.results.value = this.results.value.map((result, i) =>
      i === at ? { ...result, state, words } : result,
    );
  }
}

function wordsFor(status: number): string {
  if (status === 412) return 'Somebody changed it meanwhile. Look at it before you try again.';
  if (status === 404) return 'It is gone: it was deleted, or you may no longer see it.';
  return '';
}
