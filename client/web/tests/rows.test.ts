import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bulk } from '../src/admin/bulk.ts';
import { csvLine, exportRows } from '../src/admin/export.ts';
import { Live, type LiveClient, type ModelEvent } from '../src/admin/live.ts';
import { findRows } from '../src/admin/picker.ts';
import { RecordForm } from '../src/admin/record.ts';
import { type Row, RowList } from '../src/admin/rows.ts';
import { type OpenApi, schemaOf } from '../src/admin/schema.ts';
import { Api } from '../src/shared/api.ts';
import { settle } from './settle.ts';

const properties = {
  id: { type: 'integer', readOnly: true },
  version: { type: 'integer', readOnly: true },
  title: { type: 'string', minLength: 1 },
  status: { type: 'string', enum: ['open', 'done'], default: 'open' },
};
const document = {
  paths: {
    '/api/v1/task': {
      get: {
        parameters: [
          { name: 'sort', schema: { items: { enum: ['title', '-title'] } } },
          ...['title[like]', 'status', 'may'].map((name) => ({ name })),
        ],
      },
    },
    '/api/v1/task/{id}/history': {},
  },
  components: {
    schemas: {
      task: { title: 'Task', properties, 'x-label': 'title', 'x-list': ['title', 'status'] },
      'task.create': {
        required: ['title'],
        properties: { title: properties.title, status: properties.status },
      },
      'task.update': { properties: { title: properties.title, status: properties.status } },
    },
  },
} as unknown as OpenApi;
const schema = schemaOf(document, 'task') ?? assert.fail();

interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  headers: Record<string, string>;
}
type Answer = { status?: number; body?: unknown };

/* A server of one's own: @answer says what comes back. */
function apiOf(answer: (asked: Asked) => Answer) {
  const asked: Asked[] = [];
  const api = new Api(async (input, init) => {
    const url = new URL(String(input), 'http://here');
    const one: Asked = {
      method: init?.method ?? 'GET',
      path: url.pathname.replace('/api/v1', ''),
      query: url.searchParams,
      body: init?.body ? JSON.parse(String(init.body)) : {},
      headers: init?.headers as Record<string, string>,
    };
    if (one.path === '/openapi.json') return new Response(JSON.stringify(document));
    asked.push(one);
    const { status = 200, body } = answer(one);
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
  return { api, asked };
}

const rowOf = (id: number, version = 1, title = `row ${id}`): Row => ({
  id,
  version,
  title,
  status: 'open',
});
const all = { words: '', sort: '', filters: [], cursor: '' };

/* A list over rows that the test changes. */
async function listOver(rows: Row[]) {
  const { api, asked } = apiOf(({ query }) => {
    const ids = query.get('id[in]')?.split(',').map(Number);
    const status = query.get('status');
    const items = rows
      .filter((row) => (!ids || ids.includes(row.id)) && (!status || row.status === status))
      .sort((a, b) => b.id - a.id);
    return { body: { items, next: null } };
  });
  const waiting: (() => void)[] = [];
  const list = new RowList(api, schema, (work) => waiting.push(work));
  const quiet = async () => {
    for (const work of waiting.splice(0)) work();
    await settle();
  };
  return { list, asked, quiet };
}

const ids = (list: RowList) => list.rows.value.map(({ id }) => id);

test('changes of others are shown in place, new rows are only counted', async () => {
  const rows = [rowOf(1), rowOf(2)];
  const { list, asked, quiet } = await listOver(rows);
  await list.load(all, ['title']);
  rows[0] = rowOf(1, 2, 'better');
  rows.push(rowOf(3), rowOf(4));
  list.apply({ action: 'update', record: { id: 1, version: 2 } });
  list.apply({ action: 'create', record: { id: 3, version: 1 } });
  list.apply({ action: 'create', record: { id: 4, version: 1 } });
  await quiet();
  assert.deepEqual(ids(list), [2, 1]);
  assert.equal(list.rows.value[1]?.title, 'better');
  assert.deepEqual([...list.changed.value], [1]);
  assert.deepEqual([...list.added.value].sort(), [3, 4]);
  assert.equal(asked.length, 3, 'a burst is asked for together');
  await list.reload();
  assert.deepEqual(ids(list), [4, 3, 2, 1]);
  assert.equal(list.added.value.size, 0);
});

test('a new row that the filter would not show is not announced', async () => {
  const rows = [rowOf(1)];
  const { list, quiet } = await listOver(rows);
  await list.load({ ...all, filters: [{ field: 'status', operator: '', value: 'open' }] }, [
    'title',
  ]);
  rows.push({ ...rowOf(2), status: 'done' }, rowOf(3));
  for (const id of [2, 3]) list.apply({ action: 'create', record: { id, version: 1 } });
  await quiet();
  assert.deepEqual([...list.added.value], [3]);
});

test('what is deleted stays to be seen, but is no longer selected', async () => {
  const rows = [rowOf(1), rowOf(2)];
  const { list } = await listOver(rows);
  await list.load(all, ['title']);
  list.toggleAll();
  list.apply({ action: 'delete', record: { id: 2 } });
  assert.deepEqual(ids(list), [2, 1]);
  assert.deepEqual([...list.deleted.value], [2]);
  assert.deepEqual([...list.selected.value.keys()], [1]);
});

test('after a gap the rows are read again', async () => {
  const rows = [rowOf(1), rowOf(2)];
  const { list, quiet } = await listOver(rows);
  await list.load(all, ['title']);
  rows.splice(0, 2, rowOf(2, 5));
  list.apply({ action: 'gap' });
  await quiet();
  assert.deepEqual([...list.changed.value], [2]);
  assert.deepEqual([...list.deleted.value], [1]);
});

test('a change that is told while a page is on its way is not undone by that page', async () => {
  const rows = [rowOf(1)];
  const { list, quiet } = await listOver(rows);
  const loading = list.load(all, ['title']);
  rows[0] = rowOf(1, 2, 'better');
  list.apply({ action: 'update', record: { id: 1, version: 2 } });
  await loading;
  await quiet();
  assert.equal(list.rows.value[0]?.title, 'better');
});

test('watchers of a model share a subscription, and the last one ends it', async () => {
  const log: string[] = [];
  let handlers: Parameters<LiveClient['subscribe']>[1] | undefined;
  const live = new Live(async () => ({
    wake: () => log.push('wake'),
    subscribe: (channel, given) => {
      handlers = given;
      log.push(channel);
      return () => log.push(`stop ${channel}`);
    },
  }));
  const heard: ModelEvent[] = [];
  const first = live.watch('task', (event) => heard.push(event));
  const second = live.watch('task', () => {});
  await settle();
  assert.equal(live.isLive('task').value, false);
  handlers?.onSubscribed();
  handlers?.onData({ action: 'create', record: { id: 1 } });
  handlers?.onData('rubbish');
  assert.deepEqual(heard, [{ action: 'gap' }, { action: 'create', record: { id: 1 } }]);
  assert.equal(live.isLive('task').value, true);
  first();
  assert.equal(live.isLive('task').value, true);
  second();
  assert.equal(live.isLive('task').value, false);
  assert.deepEqual(log, ['model:task', 'wake', 'stop model:task']);
});

test('who stops watching before the code is there is never subscribed', async () => {
  const log: string[] = [];
  const live = new Live(async () => ({
    wake: () => {},
    subscribe: (channel) => {
      log.push(channel);
      return () => {};
    },
  }));
  live.watch('task', () => {})();
  await settle();
  assert.deepEqual(log, []);
});

/* A form of row 1, and a server that holds it. */
async function formOver(row: Row, of = schema) {
  const held = { row, isDeleted: false };
  const { api, asked } = apiOf(({ method, path, body, headers }) => {
    if (path.endsWith('/history'))
      return { body: { items: [{ version: held.row.version, user: { name: 'bob' } }] } };
    if (held.isDeleted) return { status: 404, body: { code: 'not_found', detail: 'Gone.' } };
    if (method !== 'PATCH') return { body: held.row };
    if (headers['If-Match'] !== `"${held.row.version}"`)
      return { status: 412, body: { code: 'changed', detail: 'Changed.' } };
    held.row = { ...held.row, ...body, version: held.row.version + 1 };
    return { body: held.row };
  });
  const form = new RecordForm(api, of, 1);
  await form.load();
  const theirs = (changes: Partial<Row>) => {
    held.row = { ...held.row, ...changes, version: held.row.version + 1 };
    return held.row;
  };
  return { form, held, asked, theirs };
}

for (const [when, hasFailed] of [
  ['the row is asked for', false],
  ['the row is asked for once more', true],
] as const)
  test(`a change that is told while ${when} is not lost`, async () => {
    let row = rowOf(1);
    let isDown: boolean = hasFailed;
    const { api } = apiOf(({ path }) => {
      if (isDown) return { status: 503, body: { title: 'Try again.' } };
      return { body: path.endsWith('/history') ? { items: [] } : row };
    });
    const form = new RecordForm(api, schema, 1);
    if (isDown) await form.load();
    assert.equal(form.loadProblem.value !== null, isDown);
    isDown = false;
    const loading = form.load();
    row = rowOf(1, 2, 'theirs');
    form.apply({ action: 'update', record: row });
    await loading;
    await settle();
    assert.equal(form.texts.value.title, 'theirs');
  });

test('only what was changed is sent, with the version that was loaded', async () => {
  const { form, asked } = await formOver(rowOf(1, 7));
  form.setText('title', 'mine');
  assert.ok(await form.save());
  const sent = asked.find(({ method }) => method === 'PATCH');
  assert.deepEqual(sent?.body, { title: 'mine' });
  assert.equal(sent?.headers['If-Match'], '"7"');
  assert.equal(form.changed.value.length, 0);
});

test('a change that was not seen is never overwritten: both are shown, and one chosen', async () => {
  const { form, held, theirs } = await formOver(rowOf(1));
  theirs({ title: 'theirs' });
  form.setText('title', 'mine');
  assert.equal(await form.save(), null);
  assert.equal(held.row.title, 'theirs');
  const [conflict] = form.conflicts.value;
  assert.deepEqual([conflict?.now, conflict?.before, conflict?.who], ['theirs', 'row 1', 'bob']);
  assert.equal(form.texts.value.title, 'mine');
  assert.equal(await form.save(), null, 'not before it is decided');
  form.keepMine('title');
  assert.ok(await form.save());
  assert.equal(held.row.title, 'mine');
});

test('taking theirs leaves nothing to save', async () => {
  const { form, theirs } = await formOver(rowOf(1));
  form.setText('title', 'mine');
  form.apply({ action: 'update', record: theirs({ title: 'theirs' }) });
  await settle();
  assert.equal(form.conflicts.value.length, 1);
  form.takeTheirs('title');
  assert.equal(form.texts.value.title, 'theirs');
  assert.equal(form.changed.value.length, 0);
});

test('two people may change different fields: the other one is taken over and told', async () => {
  const { form, held, theirs } = await formOver(rowOf(1));
  form.setText('title', 'mine');
  form.apply({ action: 'update', record: theirs({ status: 'done' }) });
  await settle();
  assert.equal(form.texts.value.status, 'done');
  assert.deepEqual(
    form.theirs.value.map((one) => [one.field.name, one.isConflict]),
    [['status', false]],
  );
  assert.ok(await form.save());
  assert.deepEqual([held.row.title, held.row.status], ['mine', 'done']);
});

test('one’s own change that comes back by the feed is no news', async () => {
  const { form, held } = await formOver(rowOf(1), { ...schema, hasHistory: false });
  const told: number[] = [];
  form.theirs.subscribe((theirs) => void told.push(theirs.length));
  form.setText('title', 'mine');
  const saving = form.save();
  form.apply({ action: 'update', record: { ...held.row, title: 'mine', version: 2 } });
  await saving;
  await settle();
  assert.equal(Math.max(...told), 0);
});

test('a row that is deleted meanwhile keeps what was typed', async () => {
  const { form, held } = await formOver(rowOf(1));
  form.setText('title', 'mine');
  held.isDeleted = true;
  assert.equal(await form.save(), null);
  assert.equal(form.isGone.value, true);
  assert.equal(form.texts.value.title, 'mine');
});

test('what is typed while it is saved stays, and is still to be saved', async () => {
  for (const hasMay of [false, true]) {
    const { form, held } = await formOver(rowOf(1), { ...schema, hasMay });
    form.setText('title', 'mine');
    const saving = form.save();
    form.setText('title', 'mine, and more');
    assert.equal((await saving)?.title, 'mine');
    assert.equal(form.texts.value.title, 'mine, and more');
    assert.deepEqual(
      form.changed.value.map(({ name }) => name),
      ['title'],
    );
    assert.ok(await form.save());
    assert.equal(held.row.title, 'mine, and more');
    assert.equal(form.changed.value.length, 0);
  }
});

test('what somebody changes right after a save is put beside what was typed meanwhile', async () => {
  let row = rowOf(1);
  const { api } = apiOf(({ method, path, body }) => {
    if (path.endsWith('/history')) return { body: { items: [] } };
    if (method !== 'PATCH') return { body: row };
    const saved = { ...row, ...body, version: 2 };
    row = { ...saved, title: 'theirs', version: 3 };
    return { body: saved };
  });
  const form = new RecordForm(api, { ...schema, hasMay: true }, 1);
  await form.load();
  form.setText('title', 'mine');
  const saving = form.save();
  form.setText('title', 'mine, and more');
  assert.equal((await saving)?.version, 3);
  assert.equal(form.texts.value.title, 'mine, and more');
  assert.deepEqual(
    form.conflicts.value.map(({ before, now }) => [before, now]),
    [['mine', 'theirs']],
  );
});

test('what the feed tells during a refused delete is heard after it', async () => {
  const { api } = apiOf(({ method }) =>
    method === 'DELETE' ? { status: 409, body: {} } : { body: rowOf(1) },
  );
  const form = new RecordForm(api, { ...schema, hasHistory: false }, 1);
  await form.load();
  const deleting = form.delete();
  form.apply({ action: 'update', record: rowOf(1, 2, 'theirs') });
  await assert.rejects(deleting);
  await settle();
  assert.equal(form.texts.value.title, 'theirs');
});

test('one’s own delete is no news', async () => {
  const { api } = apiOf(({ method }) =>
    method === 'DELETE' ? { status: 204 } : { body: rowOf(1) },
  );
  const form = new RecordForm(api, schema, 1);
  await form.load();
  const deleting = form.delete();
  form.apply({ action: 'delete', record: { id: 1 } });
  await deleting;
  assert.equal(form.isGone.value, false);
});

test('a wrong field is told before anything is sent', async () => {
  const { form, asked } = await formOver(rowOf(1));
  form.setText('title', '');
  assert.equal(await form.save(), null);
  assert.match(form.errors.value.title ?? '', /empty/);
  assert.ok(asked.every(({ method }) => method === 'GET'));
});

test('a new row begins with its defaults and is not made twice by a retry', async () => {
  let isLost = true;
  const { api, asked } = apiOf(({ body }) => {
    if (!isLost) return { status: 201, body: { ...rowOf(9), ...body } };
    isLost = false;
    return { status: 503, body: {} };
  });
  const form = new RecordForm(api, schema, null);
  await form.load();
  assert.equal(form.texts.value.status, 'open');
  form.setText('title', 'new');
  assert.equal(await form.save(), null);
  assert.equal((await form.save())?.id, 9);
  assert.deepEqual(asked[0]?.body, { title: 'new', status: 'open' });
  assert.equal(asked[0]?.headers['Idempotency-Key'], asked[1]?.headers['Idempotency-Key']);
});

test('a new row is made where the origin is not secure', async (t) => {
  const { api } = apiOf(({ body }) => ({ status: 201, body: { ...rowOf(9), ...body } }));
  const form = new RecordForm(api, schema, null);
  await form.load();
  form.setText('title', 'new');
  t.mock.method(crypto, 'randomUUID', () => {
    throw new TypeError('crypto.randomUUID is not a function');
  });
  assert.equal((await form.save())?.id, 9);
});

test('of many rows each succeeds or fails by itself, and the failed are tried again', async () => {
  let isStale = true;
  const { api, asked } = apiOf(({ method, path }) => {
    if (method === 'GET') return { body: rowOf(2, 5) };
    if (path === '/task/2' && isStale) return { status: 412, body: {} };
    return path === '/task/3' && method === 'DELETE' ? { status: 404, body: {} } : { status: 204 };
  });
  const bulk = new Bulk(api, 'task');
  await bulk.run({ is: 'delete' }, [rowOf(1), rowOf(2), rowOf(3)]);
  assert.deepEqual(
    bulk.results.value.map(({ state }) => state),
    ['done', 'failed', 'done'],
  );
  assert.match(bulk.results.value[1]?.words ?? '', /changed it meanwhile/);
  isStale = false;
  await bulk.retry({ is: 'delete' });
  assert.deepEqual(
    bulk.results.value.map(({ state }) => state),
    ['done', 'done', 'done'],
  );
  assert.equal(asked.at(-1)?.headers['If-Match'], '"5"');
});

test('what is begun twice is done once, and a cancel while it is prepared holds', async () => {
  let isHeld = true;
  const { api, asked } = apiOf(({ method }) => {
    if (method === 'GET') return { body: rowOf(1, 5) };
    return isHeld ? { status: 409, body: {} } : { status: 204 };
  });
  const deletes = () => asked.filter(({ method }) => method === 'DELETE').length;
  const bulk = new Bulk(api, 'task');
  const task = { is: 'delete' } as const;
  await Promise.all([bulk.run(task, [rowOf(1)]), bulk.run(task, [rowOf(1)])]);
  assert.equal(deletes(), 1);
  const cancelled = bulk.retry(task);
  assert.equal(bulk.isBusy.value, true);
  bulk.cancel();
  await cancelled;
  assert.equal(deletes(), 1);
  assert.match(bulk.results.value[0]?.words ?? '', /you stopped/);
  isHeld = false;
  await Promise.all([bulk.retry(task), bulk.retry(task)]);
  assert.equal(deletes(), 2);
  assert.equal(bulk.isBusy.value, false);
});

test('CSV follows its standard and cannot run in a spreadsheet', () => {
  assert.equal(
    csvLine(['a', 'b,c', 'say "x"', 'two\nlines']),
    'a,"b,c","say ""x""","two\nlines"\r\n',
  );
  assert.equal(csvLine(['=1+1', '+1', '-1', '@x', '\t=1']), `'=1+1,'+1,'-1,'@x,'\t=1\r\n`);
  assert.equal(csvLine([-1, null, undefined, true, ['a', 'b']]), '-1,,,true,"[""a"",""b""]"\r\n');
});

test('an export reads all pages and tells how far it is; a cancelled one gives nothing', async () => {
  const { api, asked } = apiOf(({ query }) => ({
    body: query.get('cursor')
      ? { items: [rowOf(1)], next: null }
      : { items: [rowOf(2)], next: 'more' },
  }));
  const seen: number[] = [];
  const stop = new AbortController();
  const props = { api, schema, query: all, columns: ['id', 'title'], signal: stop.signal };
  const onProgress = (rows: number) => seen.push(rows);
  const csv = await exportRows({ ...props, format: 'csv', onProgress });
  assert.equal(await csv.text(), 'id,title\r\n2,row 2\r\n1,row 1\r\n');
  const json = await exportRows({ ...props, format: 'json', onProgress });
  assert.deepEqual(JSON.parse(await json.text()), [
    { id: 2, title: 'row 2' },
    { id: 1, title: 'row 1' },
  ]);
  assert.deepEqual(seen, [1, 2, 1, 2]);
  assert.equal(asked[0]?.query.get('limit'), '200');
  const cancelled = exportRows({ ...props, format: 'csv', onProgress: () => stop.abort() });
  await assert.rejects(cancelled);
});

test('a row is found by the beginning of its name or by its number, a few at a time', async () => {
  const { api, asked } = apiOf(({ path }) =>
    path === '/task/12'
      ? { body: rowOf(12) }
      : { body: { items: [rowOf(120), rowOf(12)], next: 'x' } },
  );
  assert.deepEqual(await findRows(api, 'task', '12'), [
    { id: 12, label: 'row 12' },
    { id: 120, label: 'row 120' },
  ]);
  const list = asked.find(({ path }) => path === '/task');
  assert.equal(list?.query.get('title[like]'), '12*');
  assert.equal(list?.query.get('limit'), '10');
});
