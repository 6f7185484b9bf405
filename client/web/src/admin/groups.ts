/* groups.ts: groups of people, and what would go with one. */
import type { Api } from '../shared/api.ts';
import { count } from '../shared/text.ts';
import type { Page } from '../shared/types.ts';
import { type Grant, rightsWords } from './grants.ts';
import { readAll } from './resource.ts';

export interface Group {
  id: number;
  name: string;
  /** How many they are. */
  members: number;
  /** The first thousand of them. */
  users: number[];
}

export function readGroups(api: Api): Promise<Group[]> {
  return readAll((after) =>
    api.get<Page<Group>>(after === null ? '/group?limit=200' : `/group?limit=200&after=${after}`),
  );
}

/** What goes with @group, before it is asked whether it shall. */
export function whatGoes(group: Group, grants: readonly Grant[]): string {
  const people =
    group.members === 0
      ? 'Nobody is in it.'
      : `${count(group.members, 'person is', 'people are')} taken out of it; their accounts stay.`;
  if (grants.length === 0) return `${people} It has no permissions.`;
  const shown = grants.slice(0, 5).map(({ model, rights }) => `${rightsWords(rights)} on ${model}`);
  const rest = grants.length - shown.length;
  if (rest > 0) shown.push(count(rest, 'more', 'more'));
  return `${people} Its permissions go too: ${shown.join('; ')}. This cannot be undone.`;
}
