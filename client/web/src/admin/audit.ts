/* audit.ts: the record of changes: what is looked for in it, and what an entry says in a sentence. */
import type { Api } from '../shared/api.ts';
import { stampLabel } from '../shared/time.ts';
import type { Page } from '../shared/types.ts';
import {
  type AnyRight,
  readSubject,
  rightsWords,
  sameRights,
  subjectLink,
  subjectWords,
} from './grants.ts';
import { readGroups } from './groups.ts';
import { readNames } from './users.ts';

export interface Entry {
  id: number;
  at: string;
  /** Who did it; absent: the server or its command line. */
  user?: number;
  name: string | null;
  action: string;
  detail: Record<string, unknown>;
}

export type AuditPage = Page<Entry>;

/** Names are not in the record: they may have changed since. */
export interface Names {
  users: ReadonlyMap<number, string>;
  groups: ReadonlyMap<number, string>;
}

export interface AuditQuery {
  user: number | null;
  subject: string;
  model: string;
  action: string;
  /** Days, as a date field has them. */
  since: string;
  until: string;
  before: string;
}

export const auditActions: readonly [string, string][] = [
  ['grant', 'Permissions given or changed'],
  ['revoke', 'Permissions taken away'],
  ['expired', 'Permissions that ended'],
  ['user.create', 'Accounts made'],
  ['user.update', 'Accounts changed'],
  ['user.password', 'Passwords changed by their owner'],
  ['setup', 'First administrator'],
  ['group.create', 'Groups made'],
  ['group.update', 'Groups renamed'],
  ['group.delete', 'Groups deleted'],
  ['group.join', 'People put into groups'],
  ['group.part', 'People taken out of groups'],
  ['token.create', 'API tokens made'],
  ['token.delete', 'API tokens ended'],
  ['session.delete', 'Sessions ended by others'],
  ['connection.delete', 'Connections closed'],
];

export function readAuditQuery(search: string): AuditQuery {
  const given = new URLSearchParams(search);
  const text = (name: string) => given.get(name) ?? '';
  const number = (name: string) => (/^[1-9][0-9]{0,14}$/.test(text(name)) ? text(name) : '');
  const day = (name: string) => (Number.isNaN(Date.parse(text(name))) ? '' : text(name));
  return {
    user: number('user') ? Number(text('user')) : null,
    subject: readSubject(text('subject')) ? text('subject') : '',
    model: text('model'),
    action: text('action'),
    since: day('since'),
    until: day('until'),
    before: number('before'),
  };
}

export function auditPath(query: AuditQuery): string {
  const given = asSearch(query);
  return given.size > 0 ? `/admin/audit?${given}` : '/admin/audit';
}

/** The question to the server. Days are those of the reader: the last one is meant whole. */
export function auditRequest(query: AuditQuery, limit: number): string {
  const given = asSearch(query);
  if (query.since) given.set('since', startOfDay(query.since, 0));
  if (query.until) given.set('until', startOfDay(query.until, 1));
  given.set('limit', String(limit));
  return `/audit?${given}`;
}

function asSearch(query: AuditQuery): URLSearchParams {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) given.set(name, String(value));
  return given;
}

function startOfDay(day: string, later: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

/** A piece of a sentence; one with an address is a link. */
export interface Piece {
  text: string;
  to?: string;
}

/** "ann gave group editors read, write on news because …". */
export function entryPieces({ user, name, action, detail }: Entry, names: Names): Piece[] {
  const actor: Piece =
    user === undefined
      ? { text: name === 'shell' ? 'The command line' : 'The server' }
      : { text: name ?? `user ${user}`, to: `/admin/users/${user}` };
  return [actor, { text: ' ' }, ...whatPieces(action, detail, names)];
}

function whatPieces(action: string, detail: Record<string, unknown>, names: Names): Piece[] {
  const person = () => subjectPiece('user', idIn(detail.user), names, detail.name);
  const group = () => subjectPiece('group', idIn(detail.group), names, detail.name);
  const member = () => subjectPiece('user', idIn(detail.user), names);
  switch (action) {
    case 'grant':
    case 'revoke':
    case 'expired':
      return grantPieces(action, detail, names);
    case 'group.create':
      return [{ text: 'made the ' }, group()];
    case 'group.update':
      return [{ text: 'changed the ' }, group(), { text: changeWords(detail) }];
    case 'group.delete':
      return [{ text: `deleted the group ${stateOf(detail.before).name ?? detail.name}` }];
    case 'group.join':
      return [{ text: 'put ' }, member(), { text: ' into ' }, group()];
    case 'group.part':
      return [{ text: 'took ' }, member(), { text: ' out of ' }, group()];
    case 'user.create':
      return [
        { text: 'made the account ' },
        person(),
        { text: stateOf(detail.after).superuser ? ', an administrator' : '' },
      ];
    case 'user.update':
      return [{ text: 'changed the account ' }, person(), { text: changeWords(detail) }];
    case 'user.password':
      return [{ text: 'set a new password of their own' }];
    case 'setup':
      return [{ text: 'became the first administrator' }];
    case 'token.create':
      return [{ text: `made the API token ${detail.name ?? ''}` }];
    case 'token.delete':
      return [{ text: 'ended an API token' }];
    case 'session.delete':
      return [
        {
          text:
            typeof detail.sessions === 'number' ? 'ended all sessions of ' : 'ended a session of ',
        },
        person(),
      ];
    case 'connection.delete':
      // Not everybody who is connected has signed in.
      return detail.user
        ? [{ text: 'disconnected ' }, person()]
        : [{ text: 'closed a connection of nobody in particular' }];
    default:
      return [{ text: action }];
  }
}

function grantPieces(action: string, detail: Record<string, unknown>, names: Names): Piece[] {
  const kind = readSubject(String(detail.subject))?.kind ?? String(detail.subject);
  const subject =
    kind === 'members' || kind === 'everyone'
      ? { text: subjectWords(kind) }
      : subjectPiece(kind === 'group' ? 'group' : 'user', idIn(detail.id), names);
  const on = ` on ${detail.model}`;
  const before = rightsIn(detail.before);
  const after = rightsIn(detail.after);
  const reason: Piece[] = detail.reason ? [{ text: ` because ${detail.reason}` }] : [];
  if (action === 'expired')
    return [
      { text: `ended ${rightsWords(before)} of ` },
      subject,
      { text: `${on}: its time was over` },
    ];
  if (after.length === 0)
    return [{ text: `took ${rightsWords(before)}${on} from ` }, subject, ...reason];
  const isChanged = before.length > 0 && !sameRights(before, after);
  const was = isChanged ? ` (was ${rightsWords(before)})` : '';
  const until = typeof detail.until === 'string' ? ` until ${stampLabel(detail.until)}` : '';
  return [
    { text: 'gave ' },
    subject,
    { text: ` ${rightsWords(after)}${on}${was}${until}` },
    ...reason,
  ];
}

function subjectPiece(kind: 'user' | 'group', id: number, names: Names, recorded?: unknown): Piece {
  const known = names[kind === 'user' ? 'users' : 'groups'].get(id);
  const name = known ?? (typeof recorded === 'string' && recorded ? recorded : undefined);
  const text = subjectWords(kind, name, id);
  const to = known === undefined ? null : subjectLink(kind, id);
  return to ? { text, to } : { text };
}

/* ": disabled, not an administrator any more, with a new password". */
function changeWords(detail: Record<string, unknown>): string {
  const before = stateOf(detail.before);
  const after = stateOf(detail.after);
  const words: string[] = [];
  if (before.disabled !== after.disabled) words.push(after.disabled ? 'disabled' : 'enabled');
  if (before.superuser !== after.superuser)
    words.push(after.superuser ? 'now an administrator' : 'no administrator any more');
  if (before.name !== after.name) words.push(`was ${before.name}, is now ${after.name}`);
  if (detail.password === true) words.push('with a new password');
  return words.length > 0 ? `: ${words.join(', ')}` : '';
}

interface State {
  name?: string;
  superuser?: boolean;
  disabled?: boolean;
}

const stateOf = (value: unknown): State =>
  typeof value === 'object' && value !== null ? (value as State) : {};
const idIn = (value: unknown): number => (typeof value === 'number' ? value : 0);
const rightsIn = (value: unknown): AnyRight[] =>
  Array.isArray(value) ? (value as AnyRight[]) : [];

/** The names that a page of entries speaks of. */
export async function readNamesOf(api: Api, entries: readonly Entry[]): Promise<Names> {
  const users: number[] = [];
  let hasGroups = false;
  for (const { detail } of entries) {
    if (detail.subject === 'user') users.push(idIn(detail.id));
    if (typeof detail.user === 'number') users.push(detail.user);
    hasGroups ||= detail.subject === 'group' || typeof detail.group === 'number';
  }
  const [known, groups] = await Promise.all([
    readNames(api, users.filter(Boolean)),
    hasGroups ? readGroups(api) : [],
  ]);
  return { users: known, groups: new Map(groups.map(({ id, name }) => [id, name])) };
}
