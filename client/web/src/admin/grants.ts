/* grants.ts: who may do what: the words and shapes that all views of permissions share. */
import { stampLabel } from '../shared/time.ts';

export type AnyRight = 'read' | 'write' | 'delete' | 'grant';
export const allRights: readonly AnyRight[] = ['read', 'write', 'delete', 'grant'];

export type SubjectKind = 'user' | 'group' | 'members' | 'everyone';

export interface Subject {
  kind: SubjectKind;
  /** Of a user or group. */
  id?: number;
}

/** A grant as it is stored: one for each subject and model. */
export interface Grant {
  id: number;
  subject: string;
  name?: string;
  model: string;
  rights: AnyRight[];
  reason: string;
  until: string | null;
  granted_by: { id: number; name: string } | null;
  created_at: string;
}

/** A grant as the cause of a right. */
export interface Source {
  grant: number;
  subject: SubjectKind;
  id?: number;
  name?: string | null;
  until: string | null;
  reason: string;
  granted_by?: { id: number; name: string } | null;
  created_at?: string;
}

/** What the server says about all that somebody may do. */
export interface EffectiveAnswer {
  subject: {
    kind: SubjectKind;
    id?: number;
    name?: string;
    superuser?: boolean;
    disabled?: boolean;
  };
  models: Record<string, Partial<Record<AnyRight, Source[]>>>;
}

/** "group:3", "members": as the server and the address write it; null: no such thing. */
export function readSubject(text: string | null): Subject | null {
  if (text === 'members' || text === 'everyone') return { kind: text };
  const found = /^(user|group):([1-9][0-9]{0,14})$/.exec(text ?? '');
  return found ? { kind: found[1] as 'user' | 'group', id: Number(found[2]) } : null;
}

export function subjectText({ kind, id }: Subject): string {
  return id === undefined ? kind : `${kind}:${id}`;
}

/** How acl/effective is asked about @subject. */
export function subjectQuery({ kind, id }: Subject): string {
  return id === undefined ? `subject=${kind}` : `${kind}=${id}`;
}

/** "group editors", "all members": in the middle of a sentence. */
export function subjectWords(kind: SubjectKind, name?: string | null, id?: number): string {
  if (kind === 'everyone') return 'everyone';
  if (kind === 'members') return 'all members';
  return kind === 'group' ? `group ${name ?? id}` : (name ?? `user ${id}`);
}

/** Where somebody's or some group's page is; null: there is none. */
export function subjectLink(kind: SubjectKind, id?: number): string | null {
  return id === undefined || id === 0 || (kind !== 'user' && kind !== 'group')
    ? null
    : `/admin/${kind}s/${id}`;
}

/** "from group editors until 3 Dec 2026, 10:00". */
export function sourceWords(source: Source): string {
  return `from ${subjectWords(source.subject, source.name, source.id)}${endWords(source)}`;
}

export function endWords({ until }: Pick<Source, 'until'>): string {
  return until ? ` until ${stampLabel(until)}` : '';
}

/** In the order of the columns, each once. */
export function sorted(rights: Iterable<AnyRight>): AnyRight[] {
  const given = new Set(rights);
  return allRights.filter((right) => given.has(right));
}

export function sameRights(a: readonly AnyRight[], b: readonly AnyRight[]): boolean {
  return a.length === b.length && a.every((right) => b.includes(right));
}

export function rightsWords(rights: readonly AnyRight[]): string {
  return rights.length === 0 ? 'nothing' : sorted(rights).join(', ');
}
