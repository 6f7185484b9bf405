/* record.ts: one row in a form. Saving names the version that was loaded, so a change made meanwhile by somebody else is
 * never overwritten: theirs and mine are shown beside each other, and the person decides. */
import { batch, computed, signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { newKey } from '../shared/key.ts';
import { asProblem, Problem } from '../shared/problem.ts';
import type { ChangedRow, ModelEvent } from './live.ts';
import type { Row } from './rows.ts';
import type { FieldSchema, ModelSchema } from './schema.ts';
import { fromText, isSame, toText } from './value.ts';

/** Somebody changed a field while it was open here. */
export interface Theirs {
  field: FieldSchema;
  before: unknown;
  now: unknown;
  who: string;
  /** It was changed here too: one of the two has to go. */
  isConflict: boolean;
}

export type Texts = Readonly<Record<string, string>>;

export class RecordForm {
  readonly id: number | null;
  /** As the server had it last; null: not loaded, or not made yet. */
  readonly base = signal<Row | null>(null);
  readonly texts = signal<Texts>({});
  readonly isReady = signal(false);
  readonly isBusy = signal(false);
  /** Why it cannot be shown. */
  readonly loadProblem = signal<Problem | null>(null);
  /** Why it was not saved. */
  readonly problem = signal<Problem | null>(null);
  readonly errors = signal<Readonly<Record<string, string>>>({});
  readonly theirs = signal<readonly Theirs[]>([]);
  readonly isGone = signal(false);
  readonly changed = computed(() => this.#changed());
  readonly conflicts = computed(() => this.theirs.value.filter((one) => one.isConflict));

  readonly #api: Api;
  readonly #schema: ModelSchema;
  readonly #path: string;
  #initial: Texts = {};
  readonly #held: ModelEvent[] = [];
  #isLoading = true;
  #key = { body: '', key: '' };

  constructor(api: Api, schema: ModelSchema, id: number | null) {
    this.#api = api;
    this.#schema = schema;
    this.#path = `/${schema.name}`;
    this.id = id;
  }

  /** Of a new row: begin with the defaults, or with what row @copied holds. */
  async load(copied: number | null = null): Promise<void> {
    this.loadProblem.value = null;
    this.#isLoading = true;
    const id = this.id ?? copied;
    try {
      const row = id === null ? null : await this.#read(id);
      batch(() => (this.id === null ? this.#beginNew(row) : this.#begin(row as Row)));
    } catch (error) {
      this.loadProblem.value = asProblem(error);
    }
    this.isReady.value = true;
    this.#isLoading = false;
    this.#applyHeld();
  }

  setText(field: string, text: string): void {
    this.texts.value = { ...this.texts.value, [field]: text };
    if (!this.errors.value[field]) return;
    const { [field]: _, ...rest } = this.errors.value;
    this.errors.value = rest;
  }

  discard(): void {
    batch(() => {
      this.texts.value = this.base.value ? this.#textsOf(this.base.value) : this.#initial;
      this.errors.value = {};
      this.problem.value = null;
      this.theirs.value = [];
    });
  }

  /** Mine is kept: it will be saved over theirs. */
  keepMine(field: string): void {
    this.theirs.value = this.theirs.value.filter((one) => one.field.name !== field);
  }

  takeTheirs(field: string): void {
    const one = this.theirs.value.find((other) => other.field.name === field);
    if (one) this.setText(field, toText(one.field, one.now));
    this.keepMine(field);
  }

  /** The saved row, or null: then `problem`, `errors` and `conflicts` say why not. */
  async save(): Promise<Row | null> {
    const body = this.#body();
    if (!body || this.isBusy.value) return null;
    if (this.conflicts.value.length > 0) {
      this.problem.value = choose();
      return null;
    }
    this.problem.value = null;
    this.isBusy.value = true;
    const sent = this.texts.value;
    try {
      const row = await (this.id === null ? this.#create(body) : this.#update(this.id, body));
      // The change may have changed what one may do with the row.
      const now = this.id === null ? row : await this.#withMay(row);
      batch(() => this.#begin(now.version === row.version ? now : { ...row, may: now.may }, sent));
      // Somebody may have changed it since.
      await this.#adopt(now);
      return this.base.value;
    } catch (error) {
      await this.#refused(asProblem(error));
      return null;
    } finally {
      this.#rest();
    }
  }

  /** Rejects with a Problem. */
  async delete(): Promise<void> {
    this.isBusy.value = true;
    try {
      const match = { 'If-Match': `"${this.base.value?.version}"` };
      await this.#api.request('DELETE', `${this.#path}/${this.id}`, undefined, match);
      // Its end is no news any more.
      this.#held.length = 0;
    } catch (error) {
      if (asProblem(error).status === 412) await this.#merge();
      throw error;
    } finally {
      this.#rest();
    }
  }

  /** What the feed tells. */
  apply(event: ModelEvent): void {
    // One's own change may be told before it is answered, and another's before the row has come.
    if (this.isBusy.value || this.#isLoading) this.#held.push(event);
    else if (event.action === 'gap') void this.#catchUp();
    else if (event.record.id !== this.id || !this.base.value) return;
    else if (event.action === 'delete') this.isGone.value = true;
    else void this.#adopt(event.record);
  }

  #rest(): void {
    this.isBusy.value = false;
    this.#applyHeld();
  }

  #applyHeld(): void {
    for (const event of this.#held.splice(0)) this.apply(event);
  }

  /* What was typed after @sent stays. */
  #begin(row: Row, sent: Texts = this.texts.value): void {
    const typed = Object.entries(this.texts.value).filter(([name, text]) => text !== sent[name]);
    this.base.value = row;
    this.texts.value = { ...this.#textsOf(row), ...Object.fromEntries(typed) };
    this.errors.value = {};
    this.theirs.value = [];
    this.isGone.value = false;
  }

  #beginNew(copied: Row | null): void {
    const texts: Record<string, string> = {};
    for (const field of this.#schema.fields) {
      // What one may not see cannot be copied.
      const isCopied = copied && !field.isWriteOnly && field.name in copied;
      const value = isCopied ? copied[field.name] : field.default;
      texts[field.name] = field.mayCreate ? toText(field, value) : '';
    }
    this.texts.value = texts;
    this.#initial = texts;
  }

  #textsOf(row: Row): Texts {
    const texts: Record<string, string> = {};
    for (const field of this.#schema.fields) texts[field.name] = toText(field, row[field.name]);
    return texts;
  }

  #changed(): FieldSchema[] {
    const base = this.base.value;
    const before = base ? this.#textsOf(base) : this.#initial;
    return this.#schema.fields.filter(
      ({ name, mayCreate, mayUpdate }) =>
        (base ? mayUpdate : mayCreate) && (this.texts.value[name] ?? '') !== (before[name] ?? ''),
    );
  }

  /* What is to be sent, or null if something in it is wrong. */
  #body(): Record<string, unknown> | null {
    const body: Record<string, unknown> = {};
    const errors: Record<string, string> = {};
    for (const field of this.id === null ? this.#filled() : this.changed.value) {
      const read = fromText(field, this.texts.value[field.name] ?? '');
      if ('error' in read) errors[field.name] = read.error;
      else body[field.name] = read.value;
    }
    this.errors.value = errors;
    const isRight = Object.keys(errors).length === 0;
    this.problem.value = isRight ? null : mend(Object.keys(errors).length);
    return isRight ? body : null;
  }

  /* Of a new row. An empty field that the server can fill is left to it, but not one that was emptied. */
  #filled(): FieldSchema[] {
    return this.#schema.fields.filter((field) => {
      const text = this.texts.value[field.name] ?? '';
      const isEmptied = field.hasDefault && text !== toText(field, field.default);
      return field.mayCreate && (field.isRequired || text !== '' || isEmptied);
    });
  }

  /* Sent again after a lost answer it must not be done twice. */
  async #create(body: Record<string, unknown>): Promise<Row> {
    const text = JSON.stringify(body);
    if (this.#key.body !== text) this.#key = { body: text, key: newKey() };
    return this.#api.request('POST', this.#path, body, { 'Idempotency-Key': this.#key.key });
  }

  #update(id: number, body: Record<string, unknown>): Promise<Row> {
    const version = { 'If-Match': `"${this.base.value?.version}"` };
    return this.#api.request('PATCH', `${this.#path}/${id}`, body, version);
  }

  async #withMay(row: Row): Promise<Row> {
    return this.#schema.hasMay ? this.#read(row.id).catch(() => row) : row;
  }

  async #refused(problem: Problem): Promise<void> {
    if (problem.status === 412) {
      await this.#merge();
      this.problem.value = this.conflicts.value.length > 0 ? choose() : again();
    } else if (problem.status === 404 && this.id !== null) this.isGone.value = true;
    else {
      batch(() => {
        this.errors.value = problem.fields;
        this.problem.value = problem;
      });
    }
  }

  async #merge(): Promise<void> {
    try {
      await this.#adopt(await this.#read(this.id as number));
    } catch (error) {
      if (asProblem(error).status === 404) this.isGone.value = true;
    }
  }

  async #catchUp(): Promise<void> {
    if (this.id !== null && this.base.value) await this.#merge();
  }

  /* What somebody else changed: shown at once where it was not touched here, put beside it where it was. */
  async #adopt(now: ChangedRow): Promise<void> {
    const version = now.version ?? 0;
    if (!this.base.value || version <= this.base.value.version) return;
    const who = await this.#whoMade(version);
    const base = this.base.value;
    if (version <= base.version) return;
    const mine = new Set(this.changed.value.map(({ name }) => name));
    const texts = { ...this.texts.value };
    const theirs = new Map(this.theirs.value.map((one) => [one.field.name, one]));
    for (const field of this.#schema.fields) {
      const { name } = field;
      if (isBookkeeping(name) || !(name in now) || isSame(base[name], now[name])) continue;
      const text = toText(field, now[name]);
      const isConflict = mine.has(name) && texts[name] !== text;
      if (!isConflict) texts[name] = text;
      const before = theirs.get(name)?.before ?? base[name];
      theirs.set(name, { field, before, now: now[name], who, isConflict });
    }
    batch(() => {
      this.base.value = { ...base, ...now, version };
      this.texts.value = texts;
      this.theirs.value = [...theirs.values()];
    });
  }

  async #whoMade(version: number): Promise<string> {
    if (!this.#schema.hasHistory) return 'Somebody';
    try {
      const { items } = await this.#api.get<{
        items: { version: number; user: { name: string } | null }[];
      }>(`${this.#path}/${this.id}/history?limit=5`);
      return items.find((one) => one.version === version)?.user?.name ?? 'Somebody';
    } catch {
      return 'Somebody';
    }
  }

  #read(id: number): Promise<Row> {
    return this.#api.get<Row>(`${this.#path}/${id}${this.#schema.hasMay ? '?may=true' : ''}`);
  }
}

const isBookkeeping = (name: string) => name === 'version' || name === 'updated_at';

const choose = () =>
  new Problem(
    412,
    'conflict',
    'Somebody changed the same as you. Choose for each, then save again.',
  );
const again = () =>
  new Problem(
    412,
    'changed',
    'Somebody changed something else meanwhile: it is shown now. Look at it, then save again.',
  );
const mend = (errors: number) =>
  new Problem(
    422,
    'invalid',
    errors === 1
      ? 'Not saved yet: one field needs another look.'
      : `Not saved yet: ${errors} fields need another look.`,
  );
