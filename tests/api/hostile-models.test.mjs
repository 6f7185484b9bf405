// What a stranger may try on models, by both doors: whatever is sent is answered in the documented way, nobody learns
// of what is not theirs, and afterwards every row is as it was.
import { strict as assert } from 'node:assert';
import { Agent, request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { Chance } from './lib/chance.mjs';
import { anonymous, must, register, request } from './lib/client.mjs';
import { names, randomFilters } from './lib/filters.mjs';
import { modelsFolder } from './lib/models.mjs';
import { UNLIMITED } from './lib/nodes.mjs';
import { PATIENCE_MS, rawConnect, startServer, within } from './lib/server.mjs';

const FILTERS = 10_000;
const ABSENT = 99_999_999;

/** Every kind of field, and every way to be hidden: by the right, by the row, for good. */
const record = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 60 },
    code: { type: ['string', 'null'], maxLength: 20, 'x-unique': true },
    amount: { type: ['integer', 'null'] },
    ratio: { type: ['number', 'null'] },
    open: { type: 'boolean', default: false },
    day: { type: ['string', 'null'], format: 'date' },
    due: { type: ['string', 'null'], format: 'date-time' },
    labels: { type: 'array', items: { type: 'string', maxLength: 10 }, maxItems: 5, default: [] },
    state: { type: 'string', enum: ['new', 'old', 'gone'], default: 'new' },
    salary: { type: ['integer', 'null'] },
    note: { type: ['string', 'null'], maxLength: 100 },
    pin: { type: ['string', 'null'], writeOnly: true },
    owner: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
    parent: { type: ['integer', 'null'], 'x-references': 'record', 'x-on-delete': 'set-null' },
  },
  'x-rules': {
    read: { any: [{ open: true }, { owner: '$me' }] },
    create: { state: { in: ['new', 'old'] } },
    update: { owner: '$me' },
    delete: { owner: '$me' },
  },
  'x-fields': { salary: { read: { $right: 'delete' } }, note: { read: { owner: '$me' } } },
  'x-search': ['name'],
  'x-grants': { members: ['read', 'write'] },
};
const remark = {
  type: 'object',
  required: ['record', 'text'],
  properties: {
    record: { type: 'integer', 'x-references': 'record', 'x-on-delete': 'cascade' },
    text: { type: 'string', maxLength: 100 },
    secret: { type: 'boolean', default: false },
    author: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
  },
  'x-rules': { read: { any: [{ secret: false }, { author: '$me' }] }, update: { author: '$me' }, delete: { author: '$me' } },
  'x-fields': { secret: { write: false } },
  'x-grants': { members: ['read', 'write', 'delete'] },
};
const MODELS = ['record', 'remark', 'news', 'task', 'comment'];

/** Where somebody asks: REST over a connection of its own that is kept, and rpc. {status, body, text, type}. */
async function visitor(server, person) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const socket = person.cookie ? await rawConnect(server.url, { cookie: person.cookie }) : null;
  await socket?.connect();
  const api = (method, path, body, headers = {}) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = new Promise((resolve, reject) => {
      const asked = httpRequest(`${server.url}/api/v1${path}`, {
        method, agent,
        headers: {
          'X-Request-Id': 'test',
          Origin: server.url,
          ...(person.cookie ? { Cookie: person.cookie, 'X-CSRF-Token': person.csrf } : {}),
          ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
          ...headers,
        },
      });
      asked.on('error', reject);
      asked.on('response', (response) => {
        let received = '';
        response.setEncoding('utf8').on('data', (part) => (received += part));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, text: received, body: received ? JSON.parse(received) : null }),
        );
      });
      asked.end(text);
    });
    return within(PATIENCE_MS, `${method} ${path}`, answer);
  };
  const rpc = async (method, data) => {
    const reply = await socket.call('rpc', { method, data });
    if (!reply.error) return { status: 200, body: reply.rpc.data, text: JSON.stringify(reply.rpc.data) };
    const body = JSON.parse(reply.error.message);
    return { status: body.status, body, text: reply.error.message, code: reply.error.code };
  };
  return { person, api, rpc, close: () => (agent.destroy(), socket?.close()) };
}

/** A refusal as it is documented, that tells nothing of the inside. */
function assertProblem(answer, statuses, what) {
  assert.ok([statuses].flat().includes(answer.status), `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  if (answer.headers) assert.equal(answer.headers['content-type'].split(';')[0], 'application/problem+json', what);
  const { type, title, status, code, detail } = answer.body;
  assert.equal(status, answer.status, what);
  for (const words of [type, title, code, detail]) assert.equal(typeof words, 'string', what);
  assert.doesNotMatch(answer.text, /sqlite|SELECT |INSERT |\.c:|no such column|\/tmp\//, what);
}
const query = (parameters) => new URLSearchParams(parameters).toString();

describe('hostile strangers and models', () => {
  let server, root, ann, bob, visitors, hidden, shown, everything;

  before(async () => {
    server = await startServer({ schema: modelsFolder({ record, remark }), flags: UNLIMITED });
    const administrator = await firstAdministrator(server);
    const people = [administrator, await register(server.url, 'ann'), await register(server.url, 'bob')];
    must(
      await administrator.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read', 'write', 'delete'] }),
      201, 'grant',
    );
    visitors = [];
    for (const person of people) visitors.push(await visitor(server, person));
    [root, ann, bob] = visitors;
    const make = async (who, model, row) => must(await who.api('POST', `/${model}`, row), 201, `create ${model}`).body;
    const chance = new Chance(4711);
    for (let i = 0; i < 60; i++) {
      const who = chance.pick([ann, bob]);
      const some = (value) => (chance.is(0.2) ? null : value);
      await make(who, 'record', {
        name: chance.pick(names),
        code: some(`code-${i}`),
        amount: some(chance.pick([0, 1, -1, 7, 42, 2 ** 53 - 1, -(2 ** 53 - 1)])),
        ratio: some(chance.pick([0, 0.1, -2.5, 1e300, 1e-300, 42])),
        open: chance.is(0.4),
        day: some(chance.pick(['2026-01-31', '0001-01-01', '9999-12-31', '2024-02-29'])),
        due: some(chance.pick(['2026-01-31T10:00:00.000Z', '1969-12-31T23:59:59.999Z', '2030-06-01T00:00:00.001Z'])),
        labels: chance.pick([[], ['a'], ['a', 'b']]),
        state: chance.pick(['new', 'old']),
        note: some(`note ${i}`),
        pin: '1234',
      });
    }
    hidden = {
      record: await make(ann, 'record', { name: 'of ann alone', code: 'taken', note: 'a secret', amount: 7 }),
      news: await make(ann, 'news', { title: 'a draft' }),
    };
    shown = {
      record: await make(ann, 'record', { name: 'for all', open: true, note: 'a secret', parent: hidden.record.id }),
      news: await make(ann, 'news', { title: 'for all', published: true }),
      task: await make(ann, 'task', { title: 'for all', note: 'a secret' }),
    };
    shown.remark = await make(ann, 'remark', { record: hidden.record.id, text: 'on what is hidden' });
    shown.comment = await make(ann, 'comment', { news: shown.news.id, text: 'hm' });
    must(await root.api('PATCH', `/record/${hidden.record.id}`, { salary: 7 }), 200, 'salary');
    everything = await snapshot();
  });

  after(async () => {
    for (const one of visitors ?? []) await one.close();
    await server?.stop();
  });

  /** All rows of all models, as the administrator sees them. */
  async function snapshot() {
    const rows = {};
    for (const model of MODELS) {
      rows[model] = must(await root.api('GET', `/${model}?limit=200`), 200, model).body;
      assert.equal(rows[model].next, null);
    }
    return rows;
  }
  const recordsOf = (who) => everything.record.items.filter((row) => row.open || row.owner === who.person.id || who === root);
  /** The same refusal by both doors: REST's is of @statuses, rpc's too. */
  async function refused(who, model, action, id, body, statuses) {
    const what = `${model}.${action} ${id ?? ''} ${JSON.stringify(body).slice(0, 200)}`;
    const rest = await (action === 'create' ? who.api('POST', `/${model}`, body) : who.api('PATCH', `/${model}/${id}`, body));
    assertProblem(rest, statuses, `REST ${what}`);
    // The socket is closed over what is no JSON of ours: that is the protocol's test.
    if (Object.values(body).some((value) => Number.isInteger(value) && Math.abs(value) >= 2 ** 53 && Math.abs(value) < 1e20)) return;
    assertProblem(await who.rpc(`${model}.${action}`, action === 'create' ? body : { ...body, id }), statuses, `rpc ${what}`);
  }

  describe("writing what is the server's, or nobody's", () => {
    const readOnly = { id: 7, created_at: '2020-01-01T00:00:00Z', updated_at: '2020-01-01T00:00:00Z', owner: 1, author: 1, user: 1 };
    const strange = [
      'rowid', 'oid', '_rowid_', '__proto__', 'constructor', 'is_admin', 'superuser', 'owner_id', 'x-rules', '', ' ', '$me', 'name ',
      'Name', 'NAME', 'Title', 'PUBLISHED', 'name\u0001', 'ｎame', 'record.name', 'name[ne]', '"name"', 'name"; DROP TABLE record; --',
      'n'.repeat(5000), 'limit', 'q', 'fields',
    ];

    it('is refused in each new row', async () => {
      for (const [model, row] of [
        ['record', { name: 'x' }], ['news', { title: 'x' }], ['task', { title: 'x' }],
      ]) {
        for (const [name, value] of Object.entries({ ...readOnly, version: 1 }))
          await refused(ann, model, 'create', null, { ...row, [name]: value }, 422);
        for (const name of strange) await refused(ann, model, 'create', null, { ...row, [name]: 'x' }, [400, 422]);
      }
    });

    it('is refused in each change', async () => {
      for (const [model, { id }] of Object.entries(shown)) {
        for (const [name, value] of Object.entries(readOnly)) {
          assertProblem(await ann.api('PATCH', `/${model}/${id}`, { [name]: value }), name === 'id' ? 400 : 422, `${model} ${name}`);
          if (name !== 'id') assertProblem(await ann.rpc(`${model}.update`, { id, [name]: value }), 422, `${model} ${name}`);
        }
        for (const version of ['1', 1.5, -1, 0, true, [1], {}, 2 ** 60]) await refused(ann, model, 'update', id, { version }, [400, 422]);
        for (const name of strange) await refused(ann, model, 'update', id, { [name]: 'x' }, [400, 422]);
      }
    });

    it('is refused if a key comes twice, ends in NUL, or is spelled in another way', async () => {
      for (const body of [
        '{"name":"a","name":"b"}', '{"name":"a","n\\u0061me":"b"}', '{"name\\u0000":"a"}', '{"name":"a\\u0000b"}', '{"name":"\\ud800"}',
        '{"name":"\\udc00\\ud800"}',
      ])
        for (const path of ['/record', `/record/${shown.record.id}`])
          assertProblem(await ann.api(path === '/record' ? 'POST' : 'PATCH', path, body), [400, 422], body);
    });

    it('values of another kind are refused in every field', async () => {
      const wrong = {
        name: [1, true, null, '', 'x'.repeat(61), ['a'], { a: 1 }],
        code: [1, false, ['a'], {}, 'x'.repeat(21)],
        amount: ['1', 0.1, 1.5, 1e300, 2 ** 53, -(2 ** 63), true, [1], {}],
        ratio: ['0.1', true, [0.1], {}],
        open: [0, 1, 'true', null, [], {}],
        day: [20260131, '2026-02-30', '2026-1-1', '2026-01-31T00:00:00Z', '', '-2026-01-31', '10000-01-01'],
        due: [0, '2026-01-31', '2026-01-31T25:00:00Z', '2026-01-31T10:00:00', 'now', '0000-01-01T00:00:00Z', '0001-01-01T00:00:00+23:59'],
        labels: [null, 'a', {}, [1], [['a']], [null], ['x'.repeat(11)], ['a', 'b', 'c', 'd', 'e', 'f']],
        state: ['', 'NEW', 'old ', null, 1, ['new']],
        pin: [1234, {}, []],
        parent: ['1', 0, -1, 1.5, ABSENT, 2 ** 53, true, [1], { id: 1 }],
      };
      for (const [name, values] of Object.entries(wrong))
        for (const value of values) {
          await refused(ann, 'record', 'create', null, { name: 'x', [name]: value }, [400, 422]);
          await refused(ann, 'record', 'update', shown.record.id, { [name]: value }, [400, 422]);
        }
    });

    it('numbers that no number can hold are refused', async () => {
      for (const number of [
        '1e400', '-1e400', '9223372036854775808', '-9223372036854775809', '1e19', '0.1', '1e-400', 'NaN', 'Infinity', '-Infinity', '01',
        '+1', '.5', '1.', '0x1', '1_0', '--1', '-', '1e', '1'.repeat(400),
      ])
        assertProblem(await ann.api('PATCH', `/record/${shown.record.id}`, `{"amount":${number}}`), [400, 422], number);
      for (const number of ['1e400', 'NaN', '-Infinity', '1'.repeat(400)])
        assertProblem(await ann.api('PATCH', `/record/${shown.record.id}`, `{"ratio":${number}}`), [400, 422], number);
    });

    it('minus zero is no whole number, and else zero', async () => {
      assertProblem(await ann.api('POST', '/record', '{"name":"zero","amount":-0}'), 422, 'amount');
      const row = must(await ann.api('POST', '/record', '{"name":"zero","ratio":-0.0}'), 201, 'zero').body;
      assert.ok(Object.is(row.ratio, 0));
      must(await root.api('DELETE', `/record/${row.id}`), 204, 'delete');
    });
  });

  it('bodies that are none are refused: 400, 413, 415', async () => {
    const deep = `${'['.repeat(200)}1${']'.repeat(200)}`;
    const keys = (count) => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i])));
    const bad = [
      '[]', '1', '"x"', 'null', 'true', '{', '{"name":}', "{'name':'x'}", '{"name":"x"}x', '{"name":"x"} {}', '\u0000', '{"name":"a\tb"}',
      `{"name":${deep}}`, deep, keys(161), keys(3000), `{"labels":[${'1,'.repeat(5000)}1]}`,
    ];
    for (const [method, path] of [
      ['POST', '/record'], ['PATCH', `/record/${shown.record.id}`],
    ]) {
      for (const body of bad) assertProblem(await ann.api(method, path, body), 400, `${method} ${body.slice(0, 40)}`);
      for (const type of [
        'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'text/json', '',
      ])
        assertProblem(await ann.api(method, path, '{"name":"x"}', { 'Content-Type': type }), [400, 415], type);
      assertProblem(await ann.api(method, path, `{"name":"${'x'.repeat(70_000)}"}`), 413, 'too large');
      assertProblem(await ann.api(method, `${path}?name=x`, '{"name":"x"}'), 400, 'in the address');
    }
    assertProblem(
      await ann.api('POST', '/record', '{"name":"x"}', { 'Content-Type': 'application/merge-patch+json' }),
      415, 'a patch is no row',
    );
  });

  describe('rows of others', () => {
    const same = (one, other, what) => {
      assert.equal(one.status, other.status, what);
      assert.equal(one.text.replaceAll(/\d{2,}/g, 'N'), other.text.replaceAll(/\d{2,}/g, 'N'), what);
      if (one.headers) {
        const { date: _1, ...left } = one.headers;
        const { date: _2, ...right } = other.headers;
        assert.deepEqual(left, right, what);
      }
    };

    it('are as absent as those that are not there, whatever is asked of them', async () => {
      for (const [model, { id, version }] of Object.entries(hidden)) {
        const current = model === 'record' ? version + 1 : version;
        const headers = [
          {}, { 'If-Match': '*' },
          { 'If-Match': `"${current}"` },
          { 'If-Match': '"77"' }, { 'If-None-Match': '*' },
          { 'If-None-Match': `W/"${current}"` },
        ];
        const bodies = [
          {}, { version: current }, { version: 77 }, { [model === 'record' ? 'name' : 'title']: 'x' }, { colour: 'x' },
          { parent: hidden.record.id },
        ];
        for (const header of headers) {
          for (const method of ['GET', 'HEAD', 'DELETE'])
            same(
              await bob.api(method, `/${model}/${id}`, undefined, header),
              await bob.api(method, `/${model}/${ABSENT}`, undefined, header),
              `${method} ${model} ${JSON.stringify(header)}`,
            );
          for (const body of bodies) {
            const [one, other] = [
              await bob.api('PATCH', `/${model}/${id}`, body, header),
              await bob.api('PATCH', `/${model}/${ABSENT}`, body, header),
            ];
            same(one, other, `PATCH ${JSON.stringify([body, header])}`);
            assertProblem(one, [404, 422], JSON.stringify(body));
          }
        }
        for (const action of ['detail', 'update', 'delete'])
          for (const more of [{}, { if_match: `"${current}"` }, { if_match: '*' }, ...(action === 'detail' ? [] : [{ version: current }])])
            same(
              await bob.rpc(`${model}.${action}`, { id, ...more }),
              await bob.rpc(`${model}.${action}`, { id: ABSENT, ...more }),
              `rpc ${action}`,
            );
      }
    });

    it('are not found by a filter, a count, a search or a cursor', async () => {
      const { id } = hidden.record;
      for (const parameters of [
        { id },
        { 'id[in]': `${id},${ABSENT}` },
        { code: 'taken' }, { 'code[like]': 'tak*' }, { name: 'of ann alone' }, { q: 'ann alone' }, { q: 'alone', sort: 'name' },
      ]) {
        const answer = must(await bob.api('GET', `/record?${query({ ...parameters, count: true })}`), 200, 'list');
        assert.deepEqual(answer.body, { items: [], next: null, count: 0 }, JSON.stringify(parameters));
        assert.deepEqual(
          (await bob.rpc('record.list', { ...parameters, ...(parameters['id[in]'] ? { 'id[in]': [id] } : {}), count: true })).body,
          { items: [], next: null, count: 0 },
        );
      }
      assert.equal(must(await ann.api('GET', '/record?code=taken&count=true'), 200, 'list').body.count, 1);
      assert.equal((await bob.api('GET', '/record?limit=1&count=true')).body.count, recordsOf(bob).length);
    });

    it('are not shown in the place of a reference', async () => {
      for (const [path, name] of [
        [`/record?id=${shown.record.id}&expand=parent`, 'parent'], [`/remark?id=${shown.remark.id}&expand=record`, 'record'],
      ]) {
        assert.equal((await bob.api('GET', path)).body.items[0][name], hidden.record.id);
        assert.equal((await ann.api('GET', path)).body.items[0][name].name, 'of ann alone');
      }
      const answer = await bob.api('GET', `/remark?expand=record,author&limit=200`);
      assert.doesNotMatch(answer.text, /a secret|"salary"|"note"|1234/);
    });

    it('cannot be referred to, in the words for what is not there', async () => {
      for (const [model, row] of [
        ['remark', { text: 'x', record: null }], ['record', { name: 'x', parent: null }], ['comment', { text: 'x', news: null }],
      ]) {
        const name = Object.keys(row).find((key) => row[key] === null);
        const id = model === 'comment' ? hidden.news.id : hidden.record.id;
        same(
          await bob.api('POST', `/${model}`, { ...row, [name]: id }),
          await bob.api('POST', `/${model}`, { ...row, [name]: ABSENT }),
          model,
        );
        same(await bob.rpc(`${model}.create`, { ...row, [name]: id }), await bob.rpc(`${model}.create`, { ...row, [name]: ABSENT }), model);
      }
    });

    it('do not say what they hold to who may not make such a row', async () => {
      const row = { name: 'x', state: 'gone' };
      const answers = [];
      for (const code of ['taken', 'quite free']) answers.push(await bob.api('POST', '/record', { ...row, code }));
      for (const answer of answers) assertProblem(answer, 403, 'create');
      same(...answers, 'taken or not');
      for (const code of ['taken', 'quite free']) assertProblem(await bob.rpc('record.create', { ...row, code }), 403, 'create');
    });

    it('are as absent in a batch, which changes nothing', async () => {
      const batch = (who, id, action, params) =>
        who.api('POST', '/batch', {
          operations: [
            { action: 'remark.create', params: { record: shown.record.id, text: 'first' } },
            { action, params: { id, ...params } },
          ],
        });
      for (const [action, params] of [
        ['record.update', { name: 'x' }], ['record.update', {}], ['record.update', { version: 77 }],
        ['record.update', { if_match: '"77"' }], ['news.delete', {}],
      ]) {
        const id = action === 'news.delete' ? hidden.news.id : hidden.record.id;
        const [one, other] = [await batch(bob, id, action, params), await batch(bob, ABSENT, action, params)];
        assertProblem(one, 404, action);
        same(one, other, action);
      }
      for (const action of ['record.detail', 'record.list', 'batch.create', 'nothing.create'])
        assertProblem(await batch(bob, hidden.record.id, action, {}), [400, 422], action);
      assertProblem(await batch(bob, shown.record.id, 'record.update', { name: 'x' }), 403, 'of another');
    });

    it('that may be seen are still not to be changed', async () => {
      for (const model of ['record', 'news', 'task', 'remark', 'comment']) {
        const { id } = shown[model];
        const body =
          model === 'remark' || model === 'comment' ? { text: 'mine' } : model === 'record' ? { name: 'mine' } : { title: 'mine' };
        for (const more of [{}, { version: 77 }]) await refused(bob, model, 'update', id, { ...body, ...more }, 403);
        assertProblem(await bob.api('DELETE', `/${model}/${id}`), 403, model);
        assertProblem(await bob.rpc(`${model}.delete`, { id }), 403, model);
      }
      await refused(bob, 'remark', 'create', null, { record: shown.record.id, text: 'x', secret: true }, 403);
      await refused(ann, 'remark', 'update', shown.remark.id, { secret: true }, 403);
    });

    it('ids of every shape are refused', async () => {
      for (const id of [
        '-1', '01', '1.0', '1e1', '+1', '0x1', '9007199254740992', '99999999999999999999', "1'", '1;', '1%00', '..', '%2e%2e', '*', 'null',
        'me', ' ', '1%20', '1%2f2',
      ])
        for (const method of ['GET', 'PATCH', 'DELETE'])
          assertProblem(await ann.api(method, `/record/${id}`, method === 'PATCH' ? {} : undefined), [400, 404, 422], `${method} ${id}`);
      for (const id of ['1', 1.5, -1, null, true, [1], { id: 1 }, ''])
        assertProblem(await ann.rpc('record.detail', { id }), 422, JSON.stringify(id));
    });
  });

  it('hidden fields are as unknown as fields that there are not', async () => {
    const uses = [
      (name) => ({ [name]: '7' }),
      (name) => ({ sort: name }),
      (name) => ({ sort: `name,-${name}` }),
      ...['ne', 'lt', 'lte', 'gt', 'gte', 'like', 'in', 'null', 'wrong', ''].map((operator) => (name) => ({
        [`${name}[${operator}]`]: operator === 'null' ? 'true' : '7',
      })),
    ];
    const shows = [(name) => ({ fields: name }), (name) => ({ fields: `id,${name}` }), (name) => ({ expand: name })];
    const check = async (name, parameters) => {
      const [one, other] = [
        await bob.api('GET', `/record?${query(parameters(name))}`),
        await bob.api('GET', `/record?${query(parameters('nosuch'))}`),
      ];
      assertProblem(one, 400, `${name} ${query(parameters(name))}`);
      assert.equal(one.text.replaceAll(name, 'nosuch'), other.text);
      const [by, rpc] = [await bob.rpc('record.list', parameters(name)), await bob.rpc('record.list', parameters('nosuch'))];
      assert.equal(by.text.replaceAll(name, 'nosuch'), rpc.text);
    };
    for (const name of ['salary', 'note', 'pin']) for (const use of uses) await check(name, use);
    for (const name of ['salary', 'pin']) for (const show of shows) await check(name, show);
    const [one, other] = [
      await bob.api('POST', '/record', { name: 'x', salary: 7 }),
      await bob.api('POST', '/record', { name: 'x', nosuch: 7 }),
    ];
    assertProblem(one, 422, 'salary');
    assert.equal(one.text.replaceAll('salary', 'nosuch'), other.text);
    const list = await bob.api('GET', '/record?limit=200');
    assert.doesNotMatch(list.text, /"salary"|"pin"|a secret/);
    for (const row of list.body.items) assert.equal('note' in row, row.owner === bob.person.id);
  });

  describe('lists', () => {
    /** Only rows of what may be seen, or a refusal. */
    async function list(who, parameters, what = JSON.stringify(parameters), model = 'record') {
      const answer = await who.api('GET', `/${model}?${typeof parameters === 'string' ? parameters : query(parameters)}`);
      if (answer.status !== 200) assertProblem(answer, 400, what);
      else if (model === 'record') {
        const visible = new Set(recordsOf(who).map((row) => row.id));
        for (const row of answer.body.items) if ('id' in row) assert.ok(visible.has(row.id), `${what}: row ${row.id}`);
        if (who === bob) assert.doesNotMatch(answer.text, /"salary"|"pin"|a secret/, what);
      }
      return answer;
    }

    it('10,000 generated filters show what an oracle says, or are refused', async () => {
      const seed = Number(process.env.HOSTILE_SEED ?? 20261122);
      const chance = new Chance(seed);
      const counts = { good: 0, refused: 0 };
      for (let i = 0; i < FILTERS; i++) {
        const who = chance.pick([ann, bob]);
        const { parameters, isValid, holds } = randomFilters(chance);
        const answer = await list(who, { ...parameters, limit: '200' }, `seed ${seed}, filter ${i}: ${JSON.stringify(parameters)}`);
        if (answer.status === 200 && isValid) {
          const wanted = recordsOf(who)
            .filter(holds)
            .map((row) => row.id);
          assert.deepEqual(
            answer.body.items.map((row) => row.id),
            wanted, `seed ${seed}, filter ${i}: ${JSON.stringify(parameters)}`,
          );
          counts.good++;
        } else {
          assert.ok(!isValid, `seed ${seed}, filter ${i}: ${answer.text} ${JSON.stringify(parameters)}`);
          counts.refused += answer.status === 400;
        }
      }
      assert.ok(counts.good > FILTERS / 4 && counts.refused > FILTERS / 20, JSON.stringify(counts));
    });

    it('cursors that were changed, or belong elsewhere, show nothing else', async () => {
      const first = { sort: '-name,amount', limit: '5' };
      const cursor = must(await list(bob, first), 200, 'first page').body.next;
      const values = JSON.parse(Buffer.from(cursor, 'base64url'));
      const encode = (json) => Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)).toString('base64url');
      assert.equal((await list(bob, { ...first, cursor })).status, 200);
      for (const other of [
        { sort: 'name,amount' }, { sort: '-name' }, { sort: '-name,amount', open: 'true' }, { sort: '-name,amount', q: 'alpha' }, {},
      ])
        assertProblem(await list(bob, { ...other, cursor }), 400, JSON.stringify(other));
      assertProblem(await list(bob, { cursor }, 'another model', 'task'), 400, 'another model');
      for (let at = 0; at < cursor.length; at++)
        for (const letter of ['A', '_', '~', ' ', ''])
          await list(bob, { ...first, cursor: cursor.slice(0, at) + letter + cursor.slice(at + 1) });
      for (const text of [
        '', ' ', '=', 'A',
        cursor + cursor,
        `${cursor}=`, cursor.slice(1),
        encode('x'),
        encode('[]'),
        encode('{}'),
        encode('[1]'),
        encode('['.repeat(500)),
        '%00', 'x'.repeat(4000),
      ])
        assertProblem(await list(bob, { ...first, cursor: text }), 400, text.slice(0, 40));
      const beyond = [0, -1, 1e300, 2 ** 53, null, '', 'zzz', '\u0000', "' OR 1=1 --", true, [], {}, 'x'.repeat(1000), hidden.record.id];
      for (let at = 0; at < values.length; at++)
        for (const value of beyond)
          await list(bob, { ...first, cursor: encode(values.with?.(at, value) ?? values.map((old, i) => (i === at ? value : old))) });
      assertProblem(await list(bob, { ...first, cursor: encode([...values, 1]) }), 400, 'one more');
      assertProblem(await list(bob, { ...first, cursor: encode(values.slice(0, -1)) }), 400, 'one less');
    });

    it('a cursor of somebody who sees more is of no use', async () => {
      const parameters = { sort: 'salary', limit: '1' };
      const cursor = must(await root.api('GET', `/record?${query(parameters)}`), 200, 'list').body.next;
      const without = await list(bob, parameters);
      assertProblem(without, 400, 'a hidden field');
      assert.equal((await list(bob, { ...parameters, cursor })).text, without.text);
      const general = must(await root.api('GET', '/record?limit=1&sort=-id'), 200, 'list').body.next;
      assert.equal((await list(bob, { sort: '-id', limit: '200', cursor: general })).status, 200);
    });

    it('parameters of every shape are refused, and none of them fails the server', async () => {
      for (const limit of [
        '0', '-1', '201', '1e400', '-0', '9223372036854775808', '0.1', '', ' 1', '1 ', 'x', 'null', '[1]', '"1"', '0x10', '1'.repeat(300),
      ])
        assertProblem(await list(bob, { limit }), 400, `limit ${limit}`);
      for (const count of ['1', '0', 'yes', '', 'TRUE', 'null']) assertProblem(await list(bob, { count }), 400, `count ${count}`);
      for (const twice of [
        'limit=1&limit=2', 'sort=id&sort=name', 'fields=id&fields=name', 'expand=owner&expand=parent', 'name=a&name=b',
        'name[in]=a&name[in]=b', 'q=a&q=b', 'cursor=&cursor=',
      ])
        assertProblem(await list(bob, twice), 400, twice);
      for (const value of [
        '', ',', 'id,', ',id', 'id,id,,', '-', '--id', 'id desc', 'Id', 'rowid', 'id;', '1', '*', 'r.id', '"id"',
        'id,name,amount,ratio,day', `${'id,'.repeat(500)}id`, 'x'.repeat(4000),
      ])
        assertProblem(await list(bob, { sort: value }), 400, `sort ${value.slice(0, 40)}`);
      for (const value of ['', ',', 'Id', '*', 'rowid', 'count(*)', 'x'.repeat(4000)])
        assertProblem(await list(bob, { fields: value }), 400, `fields ${value.slice(0, 40)}`);
      for (const value of ['', 'id', 'name', 'owner.name', 'user', 'owner,owner.email'])
        assertProblem(await list(bob, { expand: value }), 400, `expand ${value}`);
      for (const name of [
        'colour', 'name[', 'name]', 'name[]', 'name[ne', 'name[ne]]', 'name[NE]', 'name[ne][ne]', '[ne]', 'name[sql]', 'Name', 'name ', '',
        'x'.repeat(3000), 'password_hash', 'owner.name', 'labels', 'labels[in]', 'open[gt]', 'amount[like]',
      ])
        assertProblem(await list(bob, { [name]: 'x' }), 400, `filter ${name.slice(0, 40)}`);
      assertProblem(await list(bob, Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, 'x']))), 400, '70 parameters');
      assertProblem(await list(bob, { 'amount[in]': Array.from({ length: 101 }, (_, i) => i).join() }), 400, '101 values');
      for (const raw of ['name=%', 'name=%zz', 'name=%00', 'name=%ff', '%00=x', 'name=%c0%80', 'name=%ed%a0%80'])
        assertProblem(await list(bob, raw), 400, raw);
      for (const data of [
        { limit: 1e308 }, { limit: '5' }, { limit: [5] }, { sort: [[]] }, { sort: [1] },
        { sort: {} },
        { fields: [null] },
        { expand: { owner: true } },
        { name: null }, { name: ['a'] },
        { name: {} },
        { 'amount[in]': [null] }, { 'amount[in]': [[1]] }, { 'amount[in]': '1,2,x' }, { 'amount[null]': 1 }, { q: 7 }, { q: ['a'] },
        { cursor: 7 }, { count: 'true' },
      ])
        assertProblem(await bob.rpc('record.list', data), [400], JSON.stringify(data));
    });

    it('SQL is only a text, wherever it stands', async () => {
      const words = [
        "' OR '1'='1", "'; DROP TABLE record; --", '" OR ""="', '1 OR 1=1', '1) OR (1=1', 'id); DELETE FROM record; --',
        'name COLLATE NOCASE', '(select salary from record)', 'salary', 'r."salary"', 'NULL OR 1', '/**/', '%', '_', '\\',
        'randomblob(1e9)', '?1', ':id', '@id', '$id',
      ];
      for (const word of words) {
        for (const name of [
          'sort', 'fields', 'expand', 'limit', 'cursor', 'count', 'amount', 'ratio', 'open', 'due', 'day', 'id[in]', 'name[null]', word,
          `${word}[in]`, `name[${word}]`,
        ])
          assertProblem(await list(bob, { [name]: word }), 400, `${name} ${word}`);
        for (const name of ['name', 'name[in]', 'name[like]', 'code[like]', 'state'])
          assert.deepEqual(must(await list(bob, { [name]: word }), 200, `${name} ${word}`).body.items, [], `${name} ${word}`);
        must(await list(bob, { q: word }), 200, `q ${word}`);
      }
    });

    it('patterns of many stars are answered at once or refused', async () => {
      for (const pattern of ['*', '**', '*****', '*a*a*a*a*', `${'a'.repeat(49)}*`, '😀'.repeat(50), '%'.repeat(50), '\\'.repeat(50)])
        must(await list(bob, { 'name[like]': pattern }), 200, pattern);
      for (const pattern of ['******', '*a'.repeat(6), 'a'.repeat(51), '😀'.repeat(51)])
        assertProblem(await list(bob, { 'name[like]': pattern }), 400, pattern);
    });

    it('a search takes every sign of the index for a letter less', async () => {
      const searches = [
        '', ' ', '"', '""', '"alpha', 'alpha"', 'alpha OR beta', 'alpha AND', 'NOT alpha', 'NEAR(alpha beta)', 'NEAR(', 'name:alpha',
        'salary:7', '{name} : alpha', '^alpha', 'alpha*', '*', '-alpha', '+', '(', ')', '((((', 'alpha + beta', 'a\\b', "'", ';', '日本', '😀',
        '-- ', 'rank', 'alpha'.repeat(40),
      ];
      for (const q of searches) {
        must(await list(bob, { q }), 200, `q ${q}`);
        must(await bob.rpc('record.list', { q, sort: 'name', limit: 3 }), 200, `q ${q}`);
      }
      for (const q of ['a '.repeat(21), 'x'.repeat(201), '"'.repeat(201)]) assertProblem(await list(bob, { q }), 400, q.slice(0, 20));
      assertProblem(await list(bob, { q: 'x' }, 'nothing to search', 'remark'), 400, 'nothing to search');
    });
  });

  it('conditions and keys of every shape are refused', async () => {
    const { id } = shown.record;
    for (const tag of ['1', "'1'", '"1', '1"', '"1" "2"', ',', 'W/', 'W/1', '*, "1"', '"\u00e9"', 'x'.repeat(64), `"${'1'.repeat(200)}"`])
      assertProblem(await ann.api('PATCH', `/record/${id}`, { name: 'y' }, { 'If-Match': tag }), [400, 412], tag);
    for (const tag of ['"77"', '"0"', '"-1"', '"01"', '"1.0"', '""', '"99999999999999999999"', 'W/"1"']) {
      assertProblem(await ann.api('PATCH', `/record/${id}`, { name: 'y' }, { 'If-Match': tag }), [400, 412], tag);
      assertProblem(await ann.rpc('record.update', { id, name: 'y', if_match: tag }), [400, 412], tag);
    }
    for (const condition of [1, null, true, ['"1"'], {}, 'x'.repeat(64)])
      assertProblem(await ann.rpc('record.update', { id, name: 'y', if_match: condition }), 400, JSON.stringify(condition));
    for (const key of ['k'.repeat(128), 'k'.repeat(4000), '\u00e9', '\u0080'])
      assertProblem(await ann.api('POST', '/record', { name: '' }, { 'Idempotency-Key': key }), [400, 422], key.slice(0, 20));
    for (const key of ['k'.repeat(128), 7, null, {}, 'a\nb', '日本'])
      assertProblem(await ann.rpc('record.create', { name: 'x', idempotency_key: key }), 400, JSON.stringify(key).slice(0, 20));
  });

  it('models and actions that there are not are 404, to strangers 401', async () => {
    for (const path of [
      '/nothing', '/Record', '/record ', '/record%00', '/record/', '/record//', '/sqlite_master', '/record_search', '/idempotency',
      '/record/1/2', '/session/x', '/record.json',
    ])
      assertProblem(await ann.api('GET', path.replace(' ', '%20')), [400, 404, 405], path);
    for (const method of ['record.drop', 'Record.list', 'record', '.list', 'record.list\u0001', 'nothing.list', '', 'sqlite_master.list'])
      assert.ok(
        (
          await within(
            PATIENCE_MS, method,
            bob.rpc(method, {}).catch((error) => ({ status: 400, error })),
          )
        ).status >= 400,
        method,
      );
    const stranger = anonymous(server.url);
    for (const [method, path, body] of [
      ['GET', '/record'], ['GET', `/record/${shown.record.id}`], ['GET', `/record/${ABSENT}`], ['POST', '/record', { name: 'x' }],
      ['PATCH', `/record/${hidden.record.id}`, {}], ['DELETE', `/record/${ABSENT}`], ['GET', '/record?salary=7'],
    ])
      assertProblem(await stranger.api(method, path, body), 401, `${method} ${path}`);
  });

  it('after it all the server lives, and every row is as it was', async () => {
    assert.equal((await request(`${server.url}/readyz`)).status, 200);
    assert.deepEqual(await snapshot(), everything);
    assert.deepEqual(
      (await bob.rpc('record.list', { limit: 200 })).body.items.map((row) => row.id),
      recordsOf(bob).map((row) => row.id),
    );
  });
});
