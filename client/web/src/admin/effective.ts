/* effective.ts: questions about what somebody may do, and the server's answers in words. */

import { stampLabel } from '../shared/time.ts';
import { type AnyRight, allRights, type Source, subjectWords } from './grants.ts';

export interface Story {
  rule: unknown;
  holds: boolean;
  parts?: readonly Story[];
}

/** The answer of acl.explain. */
export interface Explained {
  allowed: boolean;
  user: { id: number; name: string } | null;
  model: string;
  action: AnyRight;
  id?: number;
  because: readonly (
    | { right: AnyRight; from: readonly Source[] }
    | { superuser: true }
    | { disabled: true }
  )[];
  read_rule?: Story;
  rule?: Story;
  create_rule?: unknown;
  rows_have_rules: boolean;
  is_builtin: boolean;
}

/** What the address asks: about a person or group, or who may. */
export interface Question {
  direction: 'what' | 'who';
  user: number | null;
  group: number | null;
  model: string;
  right: AnyRight;
  /** A row's id; empty: the model as a whole. */
  row: string;
  after: string;
}

export function readQuestion(search: string): Question {
  const given = new URLSearchParams(search);
  const right = given.get('right') as AnyRight;
  return {
    direction: given.has('who') ? 'who' : 'what',
    user: idOf(given.get('user')),
    group: idOf(given.get('group')),
    model: given.get('who') ?? given.get('model') ?? '',
    right: allRights.includes(right) ? right : 'read',
    row: /^[1-9][0-9]{0,14}$/.test(given.get('row') ?? '') ? (given.get('row') ?? '') : '',
    after: given.get('after') ?? '',
  };
}

export function questionPath(question: Partial<Question>): string {
  const { direction = 'what', user, group, model = '', right, row, after } = question;
  const query = new URLSearchParams();
  if (direction === 'who') query.set('who', model);
  else {
    if (user) query.set('user', String(user));
    if (group) query.set('group', String(group));
    if (model) query.set('model', model);
  }
  if (model && right) query.set('right', right);
  if (model && row) query.set('row', row);
  if (after) query.set('after', after);
  return query.size > 0 ? `/admin/effective?${query}` : '/admin/effective';
}

/** How acl.explain is asked. */
export function explainQuery({ user, model, right, row }: Question): string {
  const query = new URLSearchParams({ user: String(user), model, action: right });
  if (row) query.set('id', row);
  return `/acl/explain?${query}`;
}

export function whoQuery({ model, right, row, after }: Question): string {
  const query = new URLSearchParams({ model, right, limit: '100' });
  if (row) query.set('id', row);
  if (after) query.set('after', after);
  return `/acl/who?${query}`;
}

function idOf(text: string | null): number | null {
  return text !== null && /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : null;
}

/** "Yes: ann may write news." */
export function verdictWords({ allowed, user, action, model, id }: Explained): string {
  const who = user?.name ?? 'Somebody who is not signed in';
  const what = id === undefined ? model : `${model} ${id}`;
  return `${allowed ? 'Yes' : 'No'}: ${who} ${allowed ? 'may' : 'may not'} ${action} ${what}.`;
}

/** "by group editors, given by ann because …, until …": how a right came to somebody. */
export function grantWords(source: Source): string {
  const parts = [`by a grant to ${subjectWords(source.subject, source.name, source.id)}`];
  if (source.granted_by !== undefined)
    parts.push(`given by ${source.granted_by?.name ?? 'the server'}`);
  if (source.created_at) parts.push(`on ${stampLabel(source.created_at)}`);
  if (source.until) parts.push(`until ${stampLabel(source.until)}`);
  return parts.join(', ') + (source.reason ? `, because: ${source.reason}` : '');
}

/** Everything that decided, line by line, in the order in which it is looked at. */
export function chainOf(explained: Explained): string[] {
  const lines: string[] = [];
  for (const cause of explained.because) {
    if ('superuser' in cause) lines.push('Is an administrator, who may do everything.');
    else if ('disabled' in cause)
      lines.push('The account is disabled: nothing is in force for it.');
    else if (cause.from.length === 0)
      lines.push(`Nothing gives the right to ${cause.right} ${explained.model}.`);
    else for (const source of cause.from) lines.push(`Has ${cause.right} ${grantWords(source)}.`);
  }
  if (explained.read_rule) lines.push(...storyLines('To see the row', explained.read_rule));
  if (explained.rule) lines.push(...storyLines(`To ${explained.action} the row`, explained.rule));
  if (explained.create_rule !== undefined)
    lines.push(`A new row must fit this rule: ${ruleWords(explained.create_rule)}.`);
  if (explained.id === undefined && explained.rows_have_rules)
    lines.push('Each row has a rule as well: ask about one row to see what it says.');
  if (explained.is_builtin)
    lines.push('This is a part of the server itself, with checks of its own besides these.');
  return lines;
}

function storyLines(start: string, story: Story): string[] {
  const lines = [
    `${start}: ${ruleWords(story.rule)} - ${story.holds ? 'this holds' : 'this does not hold'}.`,
  ];
  for (const part of story.parts ?? [])
    lines.push(`${part.holds ? '✓' : '✗'} ${ruleWords(part.rule)}`);
  return lines;
}

const operators: Record<string, string> = {
  ne: 'is not',
  lt: 'is less than',
  lte: 'is at most',
  gt: 'is more than',
  gte: 'is at least',
  in: 'is one of',
};

/** A rule of the schema as a person would say it; what is not known here is shown as it is written. */
export function ruleWords(rule: unknown): string {
  if (rule === true || rule === null || rule === undefined) return 'always';
  if (rule === false) return 'never';
  if (typeof rule !== 'object' || Array.isArray(rule)) return JSON.stringify(rule);
  const entries = Object.entries(rule as Record<string, unknown>);
  return entries.map(([name, value]) => entryWords(name, value)).join(' and ') || 'always';
}

function entryWords(name: string, value: unknown): string {
  if ((name === 'any' || name === 'all') && Array.isArray(value)) {
    const parts = value.map(ruleWords);
    return parts.length === 1
      ? (parts[0] ?? '')
      : `(${parts.join(name === 'any' ? ' or ' : ' and ')})`;
  }
  if (name === 'not') return `not (${ruleWords(value)})`;
  if (name === 'right') return `holds the right ${valueWords(value)}`;
  if (typeof value !== 'object' || value === null) return `${name} is ${valueWords(value)}`;
  const [operator, operand] = Object.entries(value)[0] ?? [];
  const words = operator === undefined ? undefined : operators[operator];
  return words ? `${name} ${words} ${valueWords(operand)}` : `${name}: ${JSON.stringify(value)}`;
}

function valueWords(value: unknown): string {
  if (value === '$me') return 'the person';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.map(valueWords).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
