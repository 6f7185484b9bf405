/* subjects.ts: finding whom permissions are about: a group, a person, all members or everyone. */
import type { Api } from '../shared/api.ts';
import type { Page } from '../shared/types.ts';
import { type Grant, readSubject, type SubjectKind } from './grants.ts';
import { readGroups } from './groups.ts';
import { type Account, userListQuery } from './users.ts';

export interface SubjectChoice {
  /** "group:3". */
  subject: string;
  kind: SubjectKind;
  name: string;
}

const people_max = 8;
const groups_max = 12;

export const openChoices: readonly SubjectChoice[] = [
  { subject: 'members', kind: 'members', name: 'All members' },
  { subject: 'everyone', kind: 'everyone', name: 'Everyone' },
];

/** What stands before the name, so that a group is not taken for a person. */
export const kindWords: Record<SubjectKind, string> = {
  group: 'Group',
  user: 'Person',
  members: 'All who have an account',
  everyone: 'Also without an account',
};

/* Only administrators may list groups; others know those that are granted something on their models. */
async function readGroupChoices(api: Api, isAdministrator: boolean): Promise<SubjectChoice[]> {
  if (isAdministrator)
    return (await readGroups(api)).map(({ id, name }) => groupChoice(`group:${id}`, name));
  const { items } = await api.get<Page<Grant>>('/grant');
  const groups = new Map<string, SubjectChoice>();
  for (const { subject, name } of items)
    if (readSubject(subject)?.kind === 'group')
      groups.set(subject, groupChoice(subject, name ?? subject));
  return [...groups.values()];
}

const groupChoice = (subject: string, name: string): SubjectChoice => ({
  subject,
  kind: 'group',
  name,
});

/** Finds subjects for one field. Groups are few: they are read once for it; people are asked for as one types. */
export function finderOfSubjects(
  api: Api,
  isAdministrator: boolean,
): (typed: string) => Promise<readonly SubjectChoice[]> {
  let groups: readonly SubjectChoice[] | null = null;
  return async (typed) => {
    groups ??= await readGroupChoices(api, isAdministrator);
    return findSubjects(api, groups, typed);
  };
}

/* What fits @typed: groups first, then people, then what is for all. */
async function findSubjects(
  api: Api,
  groups: readonly SubjectChoice[],
  typed: string,
): Promise<SubjectChoice[]> {
  const words = typed.trim().toLowerCase();
  const fits = ({ name }: SubjectChoice) => name.toLowerCase().includes(words);
  const path = userListQuery({ typed: words, filter: 'all', cursor: '' });
  // Groups are no names of people: what no name can hold finds no people.
  const isName = words === '' || /^[a-z0-9._-]+$/.test(words);
  const people = isName ? (await api.get<Page<Account>>(path)).items : [];
  return [
    ...groups.filter(fits).slice(0, groups_max),
    ...people
      .slice(0, people_max)
      .map(({ id, name }): SubjectChoice => ({ subject: `user:${id}`, kind: 'user', name })),
    ...openChoices.filter(fits),
  ];
}
