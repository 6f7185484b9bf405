/* grants.test.ts: the words and questions of the views about people and permissions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditPath, auditRequest, entryPieces, readAuditQuery } from '../src/admin/audit.ts';
import { outcomeWords } from '../src/admin/dry-run.ts';
import {
  chainOf,
  type Explained,
  questionPath,
  readQuestion,
  ruleWords,
  verdictWords,
} from '../src/admin/effective.ts';
import { readSubject, subjectText } from '../src/admin/grants.ts';
import { nextPlace } from '../src/admin/grid-keys.ts';
import { whatGoes } from '../src/admin/groups.ts';
import { makePassword } from '../src/admin/password.ts';
import { readAll } from '../src/admin/resource.ts';
import { readUserQuery, userListPath, userListQuery } from '../src/admin/users.ts';

test('a subject is read from an address and written as it was', () => {
  for (const text of ['group:3', 'user:12', 'members', 'everyone']) {
    const subject = readSubject(text);
    assert.ok(subject, text);
    assert.equal(subjectText(subject), text);
  }
  for (const text of [null, '', 'group', 'group:', 'group:0', 'user:x', 'room:3', 'user:3 '])
    assert.equal(readSubject(text), null, String(text));
});

test('a password has 20 signs of which none looks like another', () => {
  const fixed = (bytes: Uint8Array) => bytes.map((_, i) => i * 13);
  assert.match(makePassword(), /^([a-kmnp-z2-9]{5}-){3}[a-kmnp-z2-9]{5}$/);
  assert.equal(makePassword(fixed), makePassword(fixed));
  assert.notEqual(makePassword(), makePassword());
});

test('the search for users is in the address, and nothing typed reaches beyond a name', () => {
  assert.deepEqual(readUserQuery('q=an&show=disabled&cursor=x'), {
    typed: 'an',
    filter: 'disabled',
    cursor: 'x',
  });
  assert.equal(readUserQuery('show=nonsense').filter, 'all');
  assert.equal(
    userListPath({ typed: 'an', filter: 'disabled' }),
    '/admin/users?q=an&show=disabled',
  );
  assert.equal(userListPath({ filter: 'all' }), '/admin/users');
  const asked = new URLSearchParams(
    userListQuery({ typed: 'a*&n', filter: 'administrators', cursor: '' }).split('?')[1],
  );
  assert.equal(asked.get('name[like]'), '*an*');
  assert.equal(asked.get('superuser'), 'true');
});

test('before a group is deleted one reads what goes with it', () => {
  const group = { id: 1, name: 'editors', members: 2, users: [1, 2] };
  const grant = { model: 'news', rights: ['read', 'write'] } as never;
  assert.match(whatGoes(group, [grant]), /2 people are taken out.*read, write on news.*undone/);
  assert.match(whatGoes({ ...group, members: 0 }, []), /Nobody is in it\. It has no permissions/);
});

test('the arrows, Home and End move in a grid and stay in it', () => {
  const at = (key: string, control = false, from = { row: 1, column: 1 }) =>
    nextPlace(key, control, from, 4, 3);
  assert.deepEqual(at('ArrowDown'), { row: 2, column: 1 });
  assert.deepEqual(at('ArrowUp', false, { row: 0, column: 1 }), { row: 0, column: 1 });
  assert.deepEqual(at('ArrowRight', false, { row: 1, column: 2 }), { row: 1, column: 2 });
  assert.deepEqual(at('Home'), { row: 1, column: 0 });
  assert.deepEqual(at('End'), { row: 1, column: 2 });
  assert.deepEqual(at('Home', true), { row: 0, column: 0 });
  assert.deepEqual(at('End', true), { row: 3, column: 2 });
  assert.deepEqual(at('PageDown'), { row: 3, column: 1 });
  assert.equal(at('a'), null);
});

test('a question about rights is in the address, both ways', () => {
  const what = readQuestion('user=5&model=news&right=write&row=3');
  assert.equal(questionPath(what), '/admin/effective?user=5&model=news&right=write&row=3');
  const who = readQuestion('who=news&right=delete&after=40');
  assert.equal(who.direction, 'who');
  assert.equal(questionPath(who), '/admin/effective?who=news&right=delete&after=40');
  assert.equal(readQuestion('right=fly&row=-1').right, 'read');
  assert.equal(readQuestion('row=-1').row, '');
});

const explained: Explained = {
  allowed: true,
  user: { id: 5, name: 'ann' },
  model: 'news',
  action: 'write',
  id: 3,
  because: [
    {
      right: 'write',
      from: [
        {
          grant: 7,
          subject: 'group',
          id: 2,
          name: 'editors',
          reason: 'the fair',
          until: null,
          granted_by: { id: 1, name: 'root' },
        },
      ],
    },
  ],
  rule: {
    rule: { any: [{ author: '$me' }, { published: false }] },
    holds: true,
    parts: [
      { rule: { author: '$me' }, holds: false },
      { rule: { published: false }, holds: true },
    ],
  },
  rows_have_rules: true,
  is_builtin: false,
};

test('why somebody may is told with every grant and every rule', () => {
  assert.equal(verdictWords(explained), 'Yes: ann may write news 3.');
  assert.deepEqual(chainOf(explained), [
    'Has write by a grant to group editors, given by root, because: the fair.',
    'To write the row: (author is the person or published is false) - this holds.',
    '✗ author is the person',
    '✓ published is false',
  ]);
});

test('why somebody may not is told as well', () => {
  const refused: Explained = {
    ...explained,
    allowed: false,
    because: [{ right: 'write', from: [] }],
  };
  assert.equal(verdictWords(refused), 'No: ann may not write news 3.');
  assert.match(chainOf(refused)[0] ?? '', /Nothing gives the right to write news/);
});

test('a rule that is not known is shown as it is written', () => {
  assert.equal(ruleWords({ status: { in: ['draft', 'new'] } }), 'status is one of draft, new');
  assert.equal(ruleWords({ not: { locked: true } }), 'not (locked is true)');
  assert.equal(ruleWords({ x: { y: 1 } }), 'x: {"y":1}');
  assert.equal(ruleWords(false), 'never');
});

test('what a dry run found is said in one sentence', () => {
  const run = { losing: [], gaining: [], self: false };
  assert.equal(
    outcomeWords({ ...run, people: 0, gain: 14, subscriptions: 0 }),
    '14 people gain something; nobody loses anything; no open view is cut off.',
  );
  assert.equal(
    outcomeWords({ ...run, people: 1, gain: 0, subscriptions: 2 }),
    'Nobody gains anything; 1 person loses something; 2 open views are cut off.',
  );
});

const names = { users: new Map([[5, 'eve']]), groups: new Map([[3, 'editors']]) };
const entry = (action: string, detail: Record<string, unknown>, user: number | undefined = 1) => {
  const pieces = entryPieces(
    { id: 1, at: '', action, detail, ...(user ? { user } : {}), name: user ? 'ann' : 'server' },
    names,
  );
  return pieces.map(({ text }) => text).join('');
};

test('an entry of the record is a sentence', () => {
  const grant = { subject: 'group', id: 3, model: 'news', reason: 'the fair' };
  assert.equal(
    entry('grant', { ...grant, before: [], after: ['read', 'write'] }),
    'ann gave group editors read, write on news because the fair',
  );
  assert.equal(
    entry('revoke', { ...grant, before: ['read'], after: [] }),
    'ann took read on news from group editors because the fair',
  );
  assert.equal(
    entry('group.join', { group: 3, user: 5, name: 'editors' }),
    'ann put eve into group editors',
  );
  assert.equal(
    entry('user.update', {
      user: 5,
      name: 'eve',
      before: { superuser: false, disabled: false },
      after: { superuser: false, disabled: true },
      password: true,
    }),
    'ann changed the account eve: disabled, with a new password',
  );
  assert.match(entry('something.new', {}), /ann something\.new/);
});

test('whoever is gone is named as the record has it, without a link', () => {
  const pieces = entryPieces(
    {
      id: 1,
      at: '',
      user: 1,
      name: 'ann',
      action: 'user.create',
      detail: { user: 9, name: 'zoe' },
    },
    names,
  );
  assert.deepEqual(
    pieces.find(({ text }) => text === 'zoe'),
    { text: 'zoe' },
  );
});

test('the filters of the record are in the address, and the last day is meant whole', () => {
  const query = readAuditQuery(
    'user=4&subject=group:3&model=news&since=2026-11-01&until=2026-11-22',
  );
  assert.equal(readAuditQuery('subject=nobody&user=x&since=never').subject, '');
  assert.equal(
    auditPath(query),
    '/admin/audit?user=4&subject=group%3A3&model=news&since=2026-11-01&until=2026-11-22',
  );
  const asked = new URLSearchParams(auditRequest(query, 50).split('?')[1]);
  assert.equal(asked.get('since'), new Date(2026, 10, 1).toISOString());
  assert.equal(asked.get('until'), new Date(2026, 10, 23).toISOString());
});

test('pages are read until there is none, and no further than asked', async () => {
  const page = async (after: string | number | null) => ({
    items: [Number(after ?? 0)],
    next: Number(after ?? 0) + 1,
  });
  assert.deepEqual(await readAll(page, 3), [0, 1, 2]);
  assert.deepEqual(await readAll(async () => ({ items: [1], next: null })), [1]);
});
