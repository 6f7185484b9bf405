/* rows.ts: the rows of a list. What changes elsewhere is shown in place; what is new is only counted until the reader
 * asks for it, so that nothing moves under their eyes. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem, type Problem } from '../shared/problem.ts';
import type { ModelEvent } from './live.ts';
import { apiQuery, type ListQuery } from './query.ts';
import type { ModelSchema } from './schema.ts';

export interface May {
  update: boolean;
  delete: boolean;
  /** What may be written now. */
  fields: readonly string[];
}

export interface Row {
  id: number;
  version: number;
  may?: May;
  [field: string]: unknown;
}

interface RowPage {
  items: Row[];
  next: string | null;
}

/* Changes come in bursts: they are asked for together. */
const gather_ms = 150;
/* As many as the server lets one ask for by number. */
const ids_max = 100;

export class RowList {
  readonly rows = signal<readonly Row[]>([]);
  readonly next = signal<string | null>(null);
  readonly isReady = signal(false);
  readonly isBusy = signal(false);
  readonly problem = signal<Problem | null>(null);
  /** Changed while one looks on. */
  readonly changed = signal<ReadonlySet<number>>(new Set());
  readonly deleted = signal<ReadonlySet<number>>(new Set());
  /** New ones that this list would show. */
  readonly added = signal<ReadonlySet<number>>(new Set());
  /** By id; those of other pages of the same list too. */
  readonly selected = signal<ReadonlyMap<number, Row>>(new Map());

  readonly #api: Api;
  readonly #schema: ModelSchema;
  readonly #later: (work: () => void) => void;
  #query: ListQuery | null = null;
  #columns: readonly string[] = [];
  /* Of each load: what an older one brings is not shown. */
  #turn = 0;
  readonly #toRead = new Set<number>();
  readonly #toCheck = new Set<number>();
  #isGathering = false;
  readonly #held: ModelEvent[] = [];

  constructor(
    api: Api,
    schema: ModelSchema,
    later: (work: () => void) => void = (work) => setTimeout(work, gather_ms),
  ) {
    this.#api = api;
    this.#schema = schema;
    this.#later = later;
  }

  async load(query: ListQuery, columns: readonly string[]): Promise<void> {
    const turn = ++this.#turn;
    if (this.#query && !isSameList(this.#query, query)) this.selected.value = new Map();
    this.#query = query;
    this.#columns = columns;
    this.isBusy.value = true;
    try {
      const page = await this.#ask(query);
      if (turn !== this.#turn) return;
      this.rows.value = page.items;
      this.next.value = page.next;
      this.problem.value = null;
      this.changed.value = new Set();
      this.deleted.value = new Set();
      if (!query.cursor) this.added.value = new Set();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.problem.value = asProblem(error);
    }
    this.isReady.value = true;
    this.isBusy.value = false;
    for (const event of this.#held.splice(0)) this.apply(event);
  }

  /** Again, as it is now. */
  async reload(): Promise<void> {
    if (this.#query) await this.load(this.#query, this.#columns);
  }

  /** How many rows there are in all; only asked for when a person wants to know. */
  async count(): Promise<number> {
    const query = apiQuery(
      this.#schema,
      { ...(this.#query as ListQuery), cursor: '' },
      {
        columns: [],
        limit: 1,
        isFull: false,
      },
    );
    return (await this.#api.get<{ count: number }>(`/${this.#schema.name}?${query}&count=true`))
      .count;
  }

  apply(event: ModelEvent): void {
    // The page that is on its way may not know of it.
    if (this.isBusy.value || !this.isReady.value) {
      this.#held.push(event);
      return;
    }
    if (event.action === 'gap') {
      for (const { id } of this.rows.value) this.#toRead.add(id);
      this.#gather();
      return;
    }
    const { id } = event.record;
    const isShown = this.rows.value.some((row) => row.id === id);
    if (event.action === 'delete') this.#forget(id);
    else if (!isShown) this.#toCheck.add(id);
    // One's own change that the page has read already.
    else if (this.#versionOf(id) === event.record.version) return;
    else this.#toRead.add(id);
    this.#gather();
  }

  toggle(row: Row): void {
    const selected = new Map(this.selected.value);
    if (!selected.delete(row.id)) selected.set(row.id, row);
    this.selected.value = selected;
  }

  /** All rows of this page, or none of them. */
  toggleAll(): void {
    const rows = this.rows.value.filter(({ id }) => !this.deleted.value.has(id));
    const isAll = rows.every(({ id }) => this.selected.value.has(id));
    const selected = new Map(this.selected.value);
    for (const row of rows)
      if (isAll) selected.delete(row.id);
      else selected.set(row.id, row);
    this.selected.value = selected;
  }

  clearSelection(): void {
    this.selected.value = new Map();
  }

  #gather(): void {
    if (this.#isGathering || this.#toRead.size + this.#toCheck.size === 0) return;
    this.#isGathering = true;
    this.#later(() => {
      this.#isGathering = false;
      void this.#readChanged();
    });
  }

  async #readChanged(): Promise<void> {
    const turn = this.#turn;
    const read = [...this.#toRead].slice(0, ids_max);
    const check = [...this.#toCheck].slice(0, ids_max);
    this.#toRead.clear();
    this.#toCheck.clear();
    const everything: ListQuery = { words: '', sort: '', filters: [], cursor: '' };
    const query = this.#query ?? everything;
    // A filter by number is the person's own: a second one would take its place.
    const canCheck = !query.filters.some(({ field }) => field === 'id');
    try {
      const [known, fresh] = await Promise.all([
        read.length > 0 ? this.#ask(everything, read) : null,
        check.length > 0 && canCheck ? this.#ask({ ...query, cursor: '' }, check) : null,
      ]);
      if (turn !== this.#turn) return;
      if (known) this.#replace(read, known.items);
      if (fresh) {
        const shown = new Set(this.rows.value.map(({ id }) => id));
        const added = fresh.items.filter(({ id }) => !shown.has(id)).map(({ id }) => id);
        this.added.value = new Set([...this.added.value, ...added]);
      }
    } catch (error) {
      // What one may not see any more is not left standing there. After all else the list stays as it is: the next
      // change, or the next connection, asks again.
      const problem = asProblem(error);
      if (turn === this.#turn && problem.status === 403) this.problem.value = problem;
    }
  }

  #replace(asked: readonly number[], items: readonly Row[]): void {
    const fresh = new Map(items.map((row) => [row.id, row]));
    const changed = new Set(this.changed.value);
    this.rows.value = this.rows.value.map((row) => {
      const now = fresh.get(row.id);
      if (now && now.version !== row.version) changed.add(row.id);
      return now ?? row;
    });
    this.changed.value = changed;
    for (const id of asked) if (!fresh.has(id)) this.#forget(id);
    const selected = new Map(this.selected.value);
    for (const [id, row] of fresh) if (selected.has(id)) selected.set(id, row);
    this.selected.value = selected;
  }

  #forget(id: number): void {
    this.#toRead.delete(id);
    this.#toCheck.delete(id);
    if (this.rows.value.some((row) => row.id === id))
      this.deleted.value = new Set([...this.deleted.value, id]);
    if (this.added.value.has(id))
      this.added.value = new Set([...this.added.value].filter((one) => one !== id));
    if (!this.selected.value.has(id)) return;
    const selected = new Map(this.selected.value);
    selected.delete(id);
    this.selected.value = selected;
  }

  #versionOf(id: number): number | undefined {
    return this.rows.value.find((row) => row.id === id)?.version;
  }

  #ask(query: ListQuery, ids?: readonly number[]): Promise<RowPage> {
    const wanted = ids
      ? { columns: this.#columns, ids, limit: ids.length }
      : { columns: this.#columns };
    const asked = apiQuery(this.#schema, query, wanted);
    return this.#api.get<RowPage>(`/${this.#schema.name}?${asked}`);
  }
}

/* Another page of it is the same list. */
function isSameList(a: ListQuery, b: ListQuery): boolean {
  return a.words === b.words && JSON.stringify(a.filters) === JSON.stringify(b.filters);
}

const empty: ListQuery = { words: '', sort: '', filters: [], cursor: '' };

/** What an empty list means, in words. */
export function emptyWords(query: ListQuery): string {
  if (query.cursor) return 'There is nothing on this page any more.';
  return isSameList(query, empty)
    ? 'Nothing here yet.'
    : 'Nothing fits the search and the filters. Take one of them away.';
}
