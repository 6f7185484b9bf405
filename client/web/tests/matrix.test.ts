/* matrix.test.ts: permissions are staged, saved all at once, taken back, and never over somebody else's change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyRight, Grant, Source } from '../src/admin/grants.ts';
import { type Asker, type GrantableModel, Matrix } from '../src/admin/matrix.ts';
import { conflictWords, diffLine } from '../src/admin/matrix-words.ts';
import { Api } from '../src/shared/api.ts';

const everything: readonly AnyRight[] = ['read', 'write', 'delete', 'grant'];
const news: GrantableModel = { name: 'news', title: 'News', rights: everything };
const task: GrantableModel = { name: 'task', title: 'Tasks', rights: everything };
const root: Asker = { id: 1, superuser: true };

type Fields = Pick<Grant, 'model' | 'rights'> & Partial<Grant>;

function grantOf(fields: Fields): Grant {
  return {
    id: 7,
    subject: 'group:3',
    reason: '',
    until: null,
    granted_by: null,
    created_at: '2026-11-22T10:00:00Z',
    ...fields,
  };
}

interface Sent {
  operations: { action: string; params: Record<string, unknown> }[];
}

/** A server with the grants of one subject, which remembers what was sent. */
function serverWith(own: Fields[], inherited: Record<string, Record<string, Source[]>> = {}) {
  const state = { own, inherited, sent: [] as Sent[], refusal: null as null | [number, object] };
  const answer = (status: number, body: object) => new Response(JSON.stringify(body), { status });
  const api = new Api(async (input, init) => {
    const path = String(input);
    if (path.includes('/grant?')) return answer(200, { items: state.own.map(grantOf) });
    if (path.includes('/acl/effective'))
      return answer(200, {
        subject: { kind: 'group', id: 3, name: 'editors' },
        models: state.inherited,
      });
    if (!path.endsWith('/batch')) return answer(404, {});
    if (state.refusal) return answer(...state.refusal);
    state.sent.push(JSON.parse(String(init?.body)) as Sent);
    for (const { params } of state.sent.at(-1)?.operations ?? []) {
      state.own = state.own.filter(({ model }) => model !== params.model);
      const made = { ...params, until: params.until ?? null } as unknown as Fields;
      if (made.rights.length > 0) state.own.push(made);
    }
    return answer(200, { results: [] });
  });
  return { state, api };
}

async function matrixOf(
  own: Fields[],
  { models = [news, task], asker = root, subject = 'group:3', inherited = {} } = {},
) {
  const { state, api } = serverWith(own, inherited);
  const matrix = new Matrix(api, asker, subject, () => models);
  await matrix.load();
  return { matrix, state };
}

const wordsOf = (matrix: Matrix) => diffLine(matrix.changes.value);

test('a cell that is toggled is staged, and nothing is sent', async () => {
  const { matrix, state } = await matrixOf([{ model: 'task', rights: ['read'] }]);

  matrix.toggle(news, 'write');
  matrix.toggle(task, 'read');

  assert.equal(wordsOf(matrix), '2 changes: + news write, − task read');
  assert.equal(matrix.cell(news, 'write').isOn, true);
  assert.equal(matrix.cell(news, 'write').isStaged, true);
  assert.equal(matrix.cell(task, 'read').isOn, false);
  assert.equal(matrix.cell(news, 'read').isStaged, false);
  assert.deepEqual(state.sent, []);
});

test('toggled twice is not a change', async () => {
  const { matrix } = await matrixOf([{ model: 'task', rights: ['read', 'delete'] }]);

  matrix.toggle(task, 'read');
  matrix.toggle(task, 'read');

  assert.equal(matrix.changes.value.length, 0);
  assert.deepEqual(matrix.forms(), []);
});

test('a row and a column are given whole, or taken whole if all is there', async () => {
  const { matrix } = await matrixOf([{ model: 'task', rights: ['read'] }]);

  matrix.toggleColumn('read');
  assert.equal(wordsOf(matrix), '1 change: + news read');
  matrix.toggleColumn('read');
  assert.equal(wordsOf(matrix), '1 change: − task read');
  matrix.discard();
  matrix.toggleRow(news);
  assert.equal(matrix.changes.value.length, 4);
  matrix.toggleRow(news);
  assert.equal(matrix.changes.value.length, 0);
});

test('a column is toggled only for the models that are shown', async () => {
  const { matrix } = await matrixOf([]);
  matrix.filter.value = 'TASK';

  matrix.toggleColumn('read');

  assert.equal(wordsOf(matrix), '1 change: + task read');
  matrix.filter.value = '';
  matrix.isOnlyChanged.value = true;
  assert.deepEqual(
    matrix.rows.value.map(({ name }) => name),
    ['task'],
  );
});

test('what others give is shown beside what is granted here, and is not one of the changes', async () => {
  const own = { grant: 7, subject: 'group', id: 3, name: 'editors', until: null, reason: '' };
  const members = { grant: 9, subject: 'members', name: null, until: null, reason: '' };
  const { matrix } = await matrixOf([{ model: 'news', rights: ['read'] }], {
    inherited: { news: { read: [own, members] as Source[] } },
  });

  const cell = matrix.cell(news, 'read');

  assert.equal(cell.isOn, true);
  assert.deepEqual(
    cell.inherited.map(({ subject }) => subject),
    ['members'],
  );
});

test('saving is one batch that says what the page had seen', async () => {
  const { matrix, state } = await matrixOf([
    {
      model: 'task',
      rights: ['read', 'write'],
      reason: 'a project',
      until: '2099-01-01T00:00:00Z',
    },
  ]);
  matrix.toggle(news, 'read');
  matrix.toggle(task, 'write');

  await matrix.save();

  assert.equal(matrix.problem.value, null);
  assert.deepEqual(
    state.sent.map(({ operations }) => operations),
    [
      [
        {
          action: 'grant.create',
          params: { subject: 'group:3', model: 'news', rights: ['read'], expect: [] },
        },
        {
          action: 'grant.create',
          params: {
            subject: 'group:3',
            model: 'task',
            rights: ['read'],
            expect: ['read', 'write'],
            // It was there before: a change of its rights does not make it last for ever.
            reason: 'a project',
            until: '2099-01-01T00:00:00Z',
          },
        },
      ],
    ],
  );
  assert.equal(matrix.changes.value.length, 0);
  assert.equal(matrix.cell(news, 'read').isOn, true);
});

test('a reason and an end that are typed are for all that is granted', async () => {
  const { matrix } = await matrixOf([{ model: 'task', rights: ['read'], reason: 'old' }]);
  matrix.toggle(task, 'write');
  matrix.toggle(news, 'read');
  matrix.reason.value = ' the fair ';
  matrix.until.value = '2099-05-01T12:00';

  for (const form of matrix.forms()) {
    assert.equal(form.reason, 'the fair');
    assert.equal(form.until, new Date(2099, 4, 1, 12).toISOString());
  }
});

test('what is taken away whole has no end', async () => {
  const { matrix } = await matrixOf([
    { model: 'task', rights: ['read'], reason: 'old', until: '2099-01-01T00:00:00Z' },
  ]);
  matrix.toggle(task, 'read');
  matrix.reason.value = 'left the team';

  assert.deepEqual(matrix.forms(), [
    { subject: 'group:3', model: 'task', rights: [], expect: ['read'], reason: 'left the team' },
  ]);
});

test('undo sends the opposite, with the reason and the end that were there', async () => {
  const { matrix, state } = await matrixOf([
    { model: 'task', rights: ['read'], reason: 'a project', until: '2099-01-01T00:00:00Z' },
  ]);
  matrix.toggle(task, 'read');
  matrix.toggle(news, 'write');
  await matrix.save();
  assert.equal(matrix.undo.value?.words, '2 changes');

  await matrix.undoLast();

  assert.deepEqual(
    state.sent[1]?.operations.map(({ params }) => params),
    [
      {
        subject: 'group:3',
        model: 'task',
        rights: ['read'],
        expect: [],
        reason: 'a project',
        until: '2099-01-01T00:00:00Z',
      },
      { subject: 'group:3', model: 'news', rights: [], expect: ['write'] },
    ],
  );
  assert.equal(matrix.undo.value, null);
  assert.equal(matrix.cell(task, 'read').isOn, true);
  assert.equal(matrix.cell(news, 'write').isOn, false);
});

test('what would have ended by now is not restored for ever', async () => {
  const soon = new Date(Date.now() + 30).toISOString();
  const { matrix, state } = await matrixOf([{ model: 'task', rights: ['read'], until: soon }]);
  matrix.toggle(task, 'read');
  matrix.toggle(news, 'read');
  await matrix.save();
  while (Date.now() <= Date.parse(soon));

  await matrix.undoLast();

  const params = state.sent[1]?.operations.map((operation) => operation.params);
  assert.deepEqual(params, [{ subject: 'group:3', model: 'news', rights: [], expect: ['read'] }]);
});

test('another administrator’s change is shown at once where nothing is staged', async () => {
  const { matrix, state } = await matrixOf([{ model: 'task', rights: ['read'] }]);
  matrix.toggle(news, 'read');
  state.own = [{ model: 'task', rights: ['read', 'delete'] }];

  await matrix.load();

  assert.equal(matrix.cell(task, 'delete').isOn, true);
  assert.deepEqual(matrix.conflicts.value, []);
  assert.equal(wordsOf(matrix), '1 change: + news read');
});

test('where something is staged it is a conflict, and nothing is sent before it is solved', async () => {
  const { matrix, state } = await matrixOf([{ model: 'task', rights: ['read'] }]);
  matrix.toggle(task, 'write');
  state.own = [{ model: 'task', rights: ['read', 'delete'] }];
  await matrix.load();

  const [conflict] = matrix.conflicts.value;
  assert.ok(conflict);
  assert.equal(
    conflictWords(conflict),
    'task was changed meanwhile: it was read, now it is read, delete.',
  );
  assert.equal(matrix.cell(task, 'delete').isConflict, true);
  assert.equal(matrix.cell(task, 'write').isConflict, false);
  await matrix.save();
  assert.deepEqual(state.sent, []);

  matrix.keepMine('task');

  assert.deepEqual(matrix.conflicts.value, []);
  assert.deepEqual(matrix.forms()[0]?.rights, ['read', 'write', 'delete']);
  assert.deepEqual(matrix.forms()[0]?.expect, ['read', 'delete']);
});

test('to take theirs drops what is staged there', async () => {
  const { matrix, state } = await matrixOf([{ model: 'task', rights: ['read'] }]);
  matrix.toggle(task, 'write');
  matrix.toggle(news, 'read');
  state.own = [];
  await matrix.load();

  matrix.takeTheirs('task');

  assert.equal(wordsOf(matrix), '1 change: + news read');
  assert.equal(matrix.cell(task, 'write').isOn, false);
});

test('somebody else did the same: nothing is left to save', async () => {
  const { matrix, state } = await matrixOf([]);
  matrix.toggle(task, 'read');
  state.own = [{ model: 'task', rights: ['read'] }];

  await matrix.load();

  assert.equal(matrix.changes.value.length, 0);
  assert.deepEqual(matrix.conflicts.value, []);
});

test('a refused batch keeps what is staged, says why and shows what changed', async () => {
  const { matrix, state } = await matrixOf([]);
  matrix.toggle(task, 'read');
  state.own = [{ model: 'task', rights: ['delete'] }];
  state.refusal = [412, { status: 412, code: 'precondition_failed', detail: 'Somebody else did.' }];

  await matrix.save();

  assert.equal(matrix.problem.value?.message, 'Somebody else did.');
  assert.equal(wordsOf(matrix), '1 change: + task read');
  assert.equal(matrix.conflicts.value.length, 1);
  assert.equal(matrix.undo.value, null);
});

test('what one does not hold is locked, with the reason, also for rows and columns', async () => {
  const reader: GrantableModel = { name: 'news', title: 'News', rights: ['read', 'grant'] };
  const { matrix } = await matrixOf([{ model: 'news', rights: ['delete'] }], {
    models: [reader],
    asker: { id: 5, superuser: false },
  });

  matrix.toggle(reader, 'write');
  matrix.toggleRow(reader);

  assert.equal(wordsOf(matrix), '2 changes: + news read, + news grant');
  assert.match(matrix.cell(reader, 'write').whyNot ?? '', /cannot give/);
  assert.match(matrix.cell(reader, 'delete').whyNot ?? '', /cannot take/);
  assert.equal(matrix.cell(reader, 'read').whyNot, null);
});

test('one’s own rights can always be given up, with a warning about granting', async () => {
  const reader: GrantableModel = { name: 'news', title: 'News', rights: ['read', 'grant'] };
  const { matrix } = await matrixOf([{ model: 'news', rights: ['delete', 'grant'] }], {
    models: [reader],
    asker: { id: 5, superuser: false },
    subject: 'user:5',
  });

  matrix.toggle(reader, 'delete');
  assert.equal(wordsOf(matrix), '1 change: − news delete');
  assert.equal(matrix.locksOut, false);
  matrix.toggle(reader, 'grant');

  assert.equal(matrix.locksOut, true);
});

test('nobody who is not signed in can grant', async () => {
  const { matrix } = await matrixOf([], { subject: 'everyone' });

  matrix.toggleRow(news);

  assert.match(matrix.cell(news, 'grant').whyNot ?? '', /sign in/);
  assert.equal(wordsOf(matrix), '3 changes: + news read, + news write, + news delete');
});

test('a long list of changes is cut in words', () => {
  const changes = Array.from({ length: 20 }, (_, i) => ({
    model: `m${i}`,
    right: 'read' as const,
    isAdded: true,
  }));
  assert.match(diffLine(changes), /^20 changes: \+ m0 read, .*\+ m7 read, 12 more$/);
});

test('200 models are staged and asked for quickly enough to be typed into', async () => {
  const models = Array.from({ length: 200 }, (_, i) => ({
    ...news,
    name: `m${i}`,
    title: `M${i}`,
  }));
  const { matrix } = await matrixOf([], { models });

  for (const right of everything) matrix.toggleColumn(right);

  assert.equal(matrix.changes.value.length, 800);
  assert.equal(matrix.forms().length, 200);
});
