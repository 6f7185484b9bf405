/* matrix.ts: what one subject is granted on each model, and what somebody is about to change in it. Nothing is done
 * before it is saved, and then all of it at once or nothing. */
import { batch, computed, signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem, type Problem } from '../shared/problem.ts';
import { count } from '../shared/text.ts';
import {
  type AnyRight,
  allRights,
  type EffectiveAnswer,
  type Grant,
  readSubject,
  type Source,
  sameRights,
  sorted,
  subjectQuery,
} from './grants.ts';

/** A row of the matrix. */
export interface GrantableModel {
  name: string;
  title: string;
  /** What one holds oneself: nobody gives what he has not. */
  rights: readonly AnyRight[];
}

export interface Asker {
  id: number;
  superuser: boolean;
}

export interface Cell {
  model: string;
  right: AnyRight;
  /** As it will be. */
  isOn: boolean;
  isStaged: boolean;
  /** Somebody else changed it since it was looked at. */
  isConflict: boolean;
  /** What gives it besides a grant to this very subject. */
  inherited: readonly Source[];
  /** When the grant to this very subject ends. */
  until: string | null;
  /** Why it cannot be changed, or null. */
  whyNot: string | null;
}

export interface Change {
  model: string;
  right: AnyRight;
  isAdded: boolean;
}

export interface Conflict {
  model: string;
  /** What was there when one began to change it, what is there now, and what one wants. */
  seen: readonly AnyRight[];
  now: readonly AnyRight[];
  wanted: readonly AnyRight[];
}

export interface GrantForm {
  subject: string;
  model: string;
  rights: AnyRight[];
  /** What the page saw: the server refuses if it is something else by now. */
  expect: AnyRight[];
  reason?: string;
  until?: string;
}

interface Staged {
  seen: readonly AnyRight[];
  wanted: readonly AnyRight[];
}

interface Undo {
  forms: GrantForm[];
  words: string;
}

export class Matrix {
  readonly subject: string;
  readonly who = signal<EffectiveAnswer['subject'] | null>(null);
  readonly isReady = signal(false);
  readonly isBusy = signal(false);
  readonly problem = signal<Problem | null>(null);
  readonly filter = signal('');
  readonly isOnlyChanged = signal(false);
  /** For what is granted now; empty: as it was, or none. */
  readonly reason = signal('');
  readonly until = signal('');
  readonly undo = signal<Undo | null>(null);
  readonly models: () => readonly GrantableModel[];

  readonly #api: Api;
  readonly #asker: Asker;
  readonly #own = signal<ReadonlyMap<string, Grant>>(new Map());
  readonly #inherited = signal<EffectiveAnswer['models']>({});
  readonly #staged = signal<ReadonlyMap<string, Staged>>(new Map());
  #turn = 0;

  constructor(api: Api, asker: Asker, subject: string, models: () => readonly GrantableModel[]) {
    this.#api = api;
    this.#asker = asker;
    this.subject = subject;
    this.models = models;
  }

  readonly rows = computed(() => {
    const words = this.filter.value.trim().toLowerCase();
    const isOnlyChanged = this.isOnlyChanged.value;
    // Read only if it decides: else each change would make the whole list anew.
    const staged = isOnlyChanged ? this.#staged.value : null;
    return this.models().filter(
      ({ name, title }) =>
        (!staged || staged.has(name)) &&
        (name.toLowerCase().includes(words) || title.toLowerCase().includes(words)),
    );
  });

  readonly changes = computed<Change[]>(() => {
    const all: Change[] = [];
    for (const [model, { seen, wanted }] of this.#staged.value)
      for (const right of allRights)
        if (seen.includes(right) !== wanted.includes(right))
          all.push({ model, right, isAdded: wanted.includes(right) });
    return all;
  });

  readonly conflicts = computed<Conflict[]>(() => {
    const all: Conflict[] = [];
    for (const [model, { seen, wanted }] of this.#staged.value) {
      const now = this.#now(model);
      if (!sameRights(seen, now)) all.push({ model, seen, now, wanted });
    }
    return all;
  });

  /** Read what is in force. What is staged stays; where both differ by now there is a conflict. */
  async load(): Promise<void> {
    const turn = ++this.#turn;
    const subject = readSubject(this.subject);
    if (!subject) return;
    try {
      const [own, effective] = await Promise.all([
        this.#readOwn(),
        this.#api.get<EffectiveAnswer>(`/acl/effective?${subjectQuery(subject)}`),
      ]);
      if (turn !== this.#turn) return;
      batch(() => {
        this.#own.value = new Map(own.map((grant) => [grant.model, grant]));
        this.#inherited.value = effective.models;
        this.who.value = effective.subject;
        this.problem.value = null;
        this.isReady.value = true;
        this.#dropDone();
      });
    } catch (error) {
      if (turn === this.#turn) this.problem.value = asProblem(error);
    }
  }

  cell({ name: model, rights }: GrantableModel, right: AnyRight): Cell {
    const staged = this.#staged.value.get(model);
    const now = this.#now(model);
    const seen = staged?.seen ?? now;
    const isOn = (staged?.wanted ?? now).includes(right);
    const grant = this.#own.value.get(model);
    return {
      model,
      right,
      isOn,
      isStaged: staged !== undefined && isOn !== seen.includes(right),
      isConflict: seen.includes(right) !== now.includes(right),
      inherited: (this.#inherited.value[model]?.[right] ?? []).filter(
        (source) => source.grant !== grant?.id,
      ),
      until: now.includes(right) ? (grant?.until ?? null) : null,
      whyNot: this.#whyNot(rights, right, isOn),
    };
  }

  toggle(model: GrantableModel, right: AnyRight): void {
    const cell = this.cell(model, right);
    if (cell.whyNot === null) this.#set(model.name, right, !cell.isOn);
  }

  /** Give all that can be given on @model, or take all away if it is all there. */
  toggleRow(model: GrantableModel): void {
    this.#toggleAll(allRights.map((right) => [model, right]));
  }

  /** The same for all models that are shown. */
  toggleColumn(right: AnyRight): void {
    this.#toggleAll(this.rows.value.map((model) => [model, right]));
  }

  /** What is staged on @model shall be done to what is there now. */
  keepMine(model: string): void {
    const staged = this.#staged.value.get(model);
    if (!staged) return;
    const now = this.#now(model);
    const wanted = allRights.filter((right) =>
      staged.seen.includes(right) === staged.wanted.includes(right)
        ? now.includes(right)
        : staged.wanted.includes(right),
    );
    this.#stage(model, { seen: now, wanted });
  }

  takeTheirs(model: string): void {
    const staged = new Map(this.#staged.value);
    staged.delete(model);
    this.#staged.value = staged;
  }

  discard(): void {
    batch(() => {
      this.#staged.value = new Map();
      this.reason.value = '';
      this.until.value = '';
      this.problem.value = null;
    });
  }

  /** What is to be sent. Where nothing else is said a grant keeps its reason and its end. */
  forms(): GrantForm[] {
    const end = this.until.value ? new Date(this.until.value).toISOString() : '';
    return [...this.#staged.value].map(([model, { seen, wanted }]) => {
      const grant = this.#own.value.get(model);
      const reason = this.reason.value.trim() || (wanted.length > 0 ? (grant?.reason ?? '') : '');
      const until = wanted.length > 0 ? end || (grant?.until ?? '') : '';
      return {
        subject: this.subject,
        model,
        rights: sorted(wanted),
        expect: sorted(seen),
        ...(reason && { reason }),
        ...(until && { until }),
      };
    });
  }

  /** Is it oneself who would then lose the right to grant? */
  get locksOut(): boolean {
    const isOwn = this.subject === `user:${this.#asker.id}`;
    return (
      isOwn &&
      !this.#asker.superuser &&
      this.changes.value.some(({ right, isAdded }) => right === 'grant' && !isAdded)
    );
  }

  async save(): Promise<void> {
    const forms = this.forms();
    const words = count(this.changes.value.length, 'change', 'changes');
    const back = forms.map((form) => this.#opposite(form));
    if (forms.length === 0 || this.conflicts.value.length > 0) return;
    if (await this.#send(forms)) {
      batch(() => {
        this.discard();
        this.undo.value = { forms: back, words };
      });
      await this.load();
    }
  }

  /** Take back what was saved last: with the reasons and ends that were there before. */
  async undoLast(): Promise<void> {
    const undo = this.undo.value;
    if (!undo) return;
    const forms = restorable(undo.forms);
    if (forms.length > 0 && (await this.#send(forms))) await this.load();
    this.undo.value = null;
  }

  async #send(forms: readonly GrantForm[]): Promise<boolean> {
    this.isBusy.value = true;
    this.problem.value = null;
    try {
      await this.#api.post('/batch', {
        operations: forms.map((params) => ({ action: 'grant.create', params })),
      });
      return true;
    } catch (error) {
      const problem = asProblem(error);
      // What others did is shown first; then the words, which load() would clear.
      if (problem.status === 412 || problem.status === 404) await this.load();
      this.problem.value = problem;
      return false;
    } finally {
      this.isBusy.value = false;
    }
  }

  async #readOwn(): Promise<Grant[]> {
    const path = `/grant?subject=${encodeURIComponent(this.subject)}`;
    return (await this.#api.get<{ items: Grant[] }>(path)).items;
  }

  #opposite({ subject, model, rights }: GrantForm): GrantForm {
    const grant = this.#own.value.get(model);
    return {
      subject,
      model,
      rights: sorted(grant?.rights ?? []),
      expect: rights,
      ...(grant?.reason && { reason: grant.reason }),
      ...(grant?.until && { until: grant.until }),
    };
  }

  #now(model: string): readonly AnyRight[] {
    return this.#own.value.get(model)?.rights ?? [];
  }

  #whyNot(held: readonly AnyRight[], right: AnyRight, isOn: boolean): string | null {
    if (right === 'grant' && this.subject === 'everyone')
      return 'Only people who sign in can grant.';
    const isOwn = this.subject === `user:${this.#asker.id}`;
    if (this.#asker.superuser || held.includes(right) || (isOwn && isOn)) return null;
    return isOn
      ? `You do not hold ${right} here yourself, so you cannot take it away.`
      : `You do not hold ${right} here yourself, so you cannot give it.`;
  }

  #toggleAll(places: readonly (readonly [GrantableModel, AnyRight])[]): void {
    const free = places.filter(([model, right]) => this.cell(model, right).whyNot === null);
    const isOn = free.every(([model, right]) => this.cell(model, right).isOn);
    batch(() => {
      for (const [model, right] of free) this.#set(model.name, right, !isOn);
    });
  }

  #set(model: string, right: AnyRight, isOn: boolean): void {
    const { seen, wanted } = this.#staged.value.get(model) ?? {
      seen: this.#now(model),
      wanted: this.#now(model),
    };
    const others = wanted.filter((other) => other !== right);
    this.#stage(model, { seen, wanted: sorted(isOn ? [...others, right] : others) });
  }

  /* What is wanted and what was there are the same again: there is nothing to save. */
  #stage(model: string, staged: Staged): void {
    const all = new Map(this.#staged.value);
    if (sameRights(staged.seen, staged.wanted)) all.delete(model);
    else all.set(model, staged);
    this.#staged.value = all;
  }

  /* Somebody else did just that, or the answer to one's own saving was lost. */
  #dropDone(): void {
    const left = [...this.#staged.value].filter(
      ([model, { wanted }]) => !sameRights(wanted, this.#now(model)),
    );
    if (left.length < this.#staged.value.size) this.#staged.value = new Map(left);
  }
}

/* Where the end of what was there has passed meanwhile, it would be gone by now. */
function restorable(forms: readonly GrantForm[]): GrantForm[] {
  const still = forms.map((form) => {
    if (!form.until || Date.parse(form.until) > Date.now()) return form;
    const { until: _, ...rest } = form;
    return { ...rest, rights: [] };
  });
  // Nothing instead of nothing is no change, and the server would say so.
  return still.filter(({ rights, expect }) => !sameRights(rights, expect));
}
