/* users.ts: accounts as the administration sees them, and how they are found. */
import type { Api } from '../shared/api.ts';
import type { Page } from '../shared/types.ts';

export interface Account {
  id: number;
  name: string;
  email?: string | null;
  superuser: boolean;
  disabled: boolean;
  created_at: string;
  version: number;
}

export type UserFilter = 'all' | 'active' | 'disabled' | 'administrators';
export const userFilters: readonly [UserFilter, string][] = [
  ['all', 'All'],
  ['active', 'Can sign in'],
  ['disabled', 'Disabled'],
  ['administrators', 'Administrators'],
];

const name_length_max = 32;

export interface UserQuery {
  typed: string;
  filter: UserFilter;
  cursor: string;
}

/** What the address says that is looked for. */
export function readUserQuery(search: string): UserQuery {
  const given = new URLSearchParams(search);
  const filter = given.get('show') as UserFilter;
  return {
    typed: given.get('q') ?? '',
    filter: userFilters.some(([name]) => name === filter) ? filter : 'all',
    cursor: given.get('cursor') ?? '',
  };
}

export const users_path = '/admin/users';

/** The address of a search; a new search begins at its first page. */
export function userListPath({ typed, filter, cursor = '' }: Partial<UserQuery>): string {
  const query = new URLSearchParams();
  if (typed) query.set('q', typed);
  if (filter && filter !== 'all') query.set('show', filter);
  if (cursor) query.set('cursor', cursor);
  return query.size > 0 ? `${users_path}?${query}` : users_path;
}

/** The question to the server. A star would stand for any signs, and names have none. */
export function userListQuery({ typed, filter, cursor }: UserQuery): string {
  const query = new URLSearchParams({ sort: 'name', limit: '50' });
  const words = typed.replace(/[^a-z0-9._-]/gi, '').slice(0, name_length_max + 1);
  if (words) query.set('name[like]', `*${words}*`);
  if (filter === 'active') query.set('disabled', 'false');
  if (filter === 'disabled') query.set('disabled', 'true');
  if (filter === 'administrators') query.set('superuser', 'true');
  if (cursor) query.set('cursor', cursor);
  return `/user?${query}`;
}

const ids_max = 100;

/** The names of people, by their ids; those who are gone are missing. */
export async function readNames(
  api: Api,
  ids: Iterable<number>,
): Promise<ReadonlyMap<number, string>> {
  const all = [...new Set(ids)];
  const names = new Map<number, string>();
  for (let i = 0; i < all.length; i += ids_max) {
    const query = new URLSearchParams({
      'id[in]': all.slice(i, i + ids_max).join(','),
      fields: 'id,name',
      limit: String(ids_max),
    });
    for (const { id, name } of (await api.get<Page<Account>>(`/user?${query}`)).items)
      names.set(id, name);
  }
  return names;
}

/** What one should know before changing an account in this way. */
export function warning(change: 'disable' | 'demote' | 'promote' | 'password', isOwn: boolean) {
  const words = {
    disable: isOwn
      ? 'This is your own account: you will be signed out and cannot come back until another administrator enables it.'
      : 'They are signed out everywhere at once and cannot sign in again until the account is enabled. What they wrote stays.',
    demote: isOwn
      ? 'This is your own account: you will lose the administration at once, and only another administrator can give it back.'
      : 'They keep only what they are granted, themselves or by their groups.',
    promote:
      'Administrators may do everything: read and change all data, all permissions and all accounts.',
    password: isOwn
      ? 'This is your own account: all your other sessions end.'
      : 'The old password stops working and all their sessions end.',
  };
  return words[change];
}
