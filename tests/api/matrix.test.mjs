// Who may do what: every person × action × model × row, by both doors, against an oracle that knows nothing of the
// server. And the change feed: what REST lets a person read is what the feed brings that person, row by row and field by
// field.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { endingSoon, must } from './lib/client.mjs';
import { untilAnswer } from './lib/nodes.mjs';
import { temporaryFolder } from './lib/process.mjs';
import { anonymous, login, rawConnect, register, startServer } from './lib/server.mjs';

const owner = { owner: '$me' };
const mine = (rules) => ({
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 100 },
    published: { type: 'boolean', default: false },
    team: { type: ['integer', 'null'] },
    hidden: { type: 'string', maxLength: 100, default: '' },
    owner: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
  },
  required: ['title'],
  'x-rules': rules,
});

/** The models of this test, as files. */
const MODELS = {
  memo: mine({}),
  diary: mine({ read: owner, update: owner, delete: owner }),
  notice: mine({ read: { any: [{ published: true }, owner] }, update: owner, delete: owner }),
  ledger: {
    ...mine({
      read: { any: [owner, { team: { in: '$groups' } }] },
      update: { all: [{ any: [owner, { team: { in: '$groups' } }] }, { not: { published: true } }] },
      delete: { any: [{ published: true }, { owner: { not: '$me' } }] },
      create: { title: { not: 'forbidden' } },
    }),
    'x-fields': { hidden: { read: { $right: 'write' } } },
  },
};
const GRANTED = {
  nobody: [],
  reader: ['read'],
  writer: ['read', 'write'],
  keeper: ['read', 'write', 'delete'],
  deleter: ['read', 'delete'],
  blind: ['write'],
};
const GROUP = ['read', 'write'];
const SCOPES = { memo: ['read'], diary: ['read', 'write'], ledger: ['read', 'write', 'delete'] };
const OWNERS = ['nobody', 'reader', 'keeper', 'grouped', 'root'];
const ACTIONS = { list: 'read', detail: 'read', update: 'write', delete: 'delete' };

describe('the matrix of people, actions, models and rows', () => {
  let server, root, group;
  const people = {}; // name → {name, id, rights(model), isSuper, isKnown, groups, api(), rpc()}
  const rows = []; // {model, id, owner, published, team}

  before(async () => {
    const schema = temporaryFolder();
    mkdirSync(schema, { recursive: true });
    for (const [name, model] of Object.entries(MODELS))
      writeFileSync(join(schema, `${name}.json`), JSON.stringify({ title: name, type: 'object', ...model }));
    server = await startServer({ schema, flags: { 'realtime.commands_per_s': 1000000 } });
    root = await firstAdministrator(server);
    group = must(await root.api('POST', '/group', { name: 'editors' }), 201, 'group').body.id;
    const grant = async (subject, model, rights) => {
      const answer = await root.api('POST', '/grant', { subject, model, rights });
      assert.ok([200, 201, 204].includes(answer.status), answer.text);
    };
    const clients = { root };
    for (const name of [...Object.keys(GRANTED), 'grouped', 'expired', 'disabled', 'token'])
      clients[name] = await register(server.url, name);
    must(await root.api('POST', `/group/${group}/member`, { user: clients.grouped.id }), 204, 'join');

    // For the time of the setting up everybody may make rows.
    for (const model of Object.keys(MODELS)) {
      await grant('members', model, ['read', 'write']);
      for (const name of OWNERS)
        for (const published of [false, true]) await makeRow(model, name, clients[name], published);
      await grant('members', model, []);
    }
    for (const model of Object.keys(MODELS)) {
      for (const [name, rights] of Object.entries(GRANTED)) if (rights.length) await grant(`user:${clients[name].id}`, model, rights);
      await grant(`group:${group}`, model, GROUP);
      await grant(`user:${clients.token.id}`, model, ['read', 'write', 'delete']);
      await grant(`user:${clients.disabled.id}`, model, ['read', 'write', 'delete']);
      must(await endingSoon((until) => root.api('POST', '/grant', { subject: `user:${clients.expired.id}`, model, rights: ['read', 'write', 'delete'], until })), 201, 'ending');
    }
    await grant('everyone', 'memo', ['read']);
    const token = must(await clients.token.api('POST', '/token', { name: 'matrix', scopes: SCOPES }), 201, 'token').body.token;
    must(await root.api('PATCH', `/user/${clients.disabled.id}`, { disabled: true }), 200, 'disable');
    const held = ({ body }) => Object.keys(MODELS).filter((model) => body.permissions[model]?.includes('write'));
    await untilAnswer('the grants running out', () => clients.expired.api('GET', '/me'), (answer) => held(answer).length === 0);

    const everyone = (model) => (model === 'memo' ? ['read'] : []);
    const add = async (name, client, rights, { isSuper = false, isKnown = true, groups = [], connection = { cookie: client.cookie } } = {}) => {
      people[name] = { name, id: client.id, rights: (model) => new Set([...rights(model), ...everyone(model)]), isSuper, isKnown, groups, client };
      people[name].socket = await connect(connection);
    };
    await add('anonymous', anonymous(server.url), () => [], { isKnown: false });
    for (const [name, rights] of Object.entries(GRANTED)) await add(name, clients[name], () => rights);
    await add('grouped', clients.grouped, () => GROUP, { groups: [group] });
    await add('expired', clients.expired, () => []);
    await add('disabled', clients.disabled, () => [], { isKnown: false });
    await add('root', root, () => ['read', 'write', 'delete'], { isSuper: true });
    const bearer = anonymous(server.url);
    const plain = bearer.api;
    bearer.id = clients.token.id;
    bearer.api = (method, path, body, headers = {}) => plain(method, path, body, { Authorization: `Bearer ${token}`, ...headers });
    await add('token', bearer, () => [], { connection: { token } });
    // What everyone may do, a token may only do within its scopes.
    people.token.rights = (model) => new Set(SCOPES[model] ?? []);
  });
  after(async () => {
    for (const { socket } of Object.values(people)) socket?.close?.();
    await server?.stop();
  });

  async function makeRow(model, name, client, published) {
    const team = published === (name === 'nobody') ? group : null;
    const body = { title: `${name} ${published}`, published, team };
    const made = must(await client.api('POST', `/${model}`, body), 201, `${model} of ${name}`).body;
    const row = { model, id: made.id, owner: name, published, team };
    rows.push(row);
    return row;
  }

  async function connect({ cookie, token }) {
    const socket = await rawConnect(server.url, { cookie });
    const reply = await socket.connect(token ? { token } : {});
    return reply.connect ? socket : null;
  }

  // ---- the oracle ----

  const holds = {
    memo: { read: () => true, update: () => true, delete: () => true },
    diary: { read: isOwner, update: isOwner, delete: isOwner },
    notice: { read: (p, r) => r.published || isOwner(p, r), update: isOwner, delete: isOwner },
    ledger: {
      read: (p, r) => isOwner(p, r) || isInTeam(p, r),
      update: (p, r) => (isOwner(p, r) || isInTeam(p, r)) && !r.published,
      delete: (p, r) => r.published || !isOwner(p, r),
    },
  };
  function isOwner(person, row) {
    return row.owner === person.name;
  }
  function isInTeam(person, row) {
    return person.groups.includes(row.team);
  }
  function isVisible(person, row) {
    return person.isSuper || (person.rights(row.model).has('read') && holds[row.model].read(person, row));
  }
  /** The status that @person must get. */
  function expected(person, action, row) {
    const needs = ACTIONS[action];
    if (!person.isSuper && !person.rights(row.model).has(needs)) return person.isKnown ? 403 : 401;
    if (action === 'list') return isVisible(person, row) ? 'listed' : 'not listed';
    if (!isVisible(person, row)) return 404;
    if (action === 'detail') return 200;
    if (person.isSuper || holds[row.model][action](person, row)) return action === 'delete' ? 204 : 200;
    return 403;
  }

  // ---- the two doors ----

  async function byRest(person, action, row) {
    const { api } = person.client;
    if (action === 'list') {
      const answer = await api('GET', `/${row.model}?limit=200`);
      if (answer.status !== 200) return answer.status;
      return answer.body.items.some(({ id }) => id === row.id) ? 'listed' : 'not listed';
    }
    if (action === 'detail') return (await api('GET', `/${row.model}/${row.id}`)).status;
    if (action === 'update') return (await api('PATCH', `/${row.model}/${row.id}`, { title: `by ${person.name}` })).status;
    return (await api('DELETE', `/${row.model}/${row.id}`)).status;
  }
  async function byRpc(person, action, row) {
    if (!person.socket) return 401; // not even connected
    const data = { list: { limit: 200 }, detail: { id: row.id }, update: { id: row.id, title: `by ${person.name}` }, delete: { id: row.id } }[action];
    const reply = await person.socket.call('rpc', { method: `${row.model}.${action}`, data });
    if (reply.error) return { 101: 401, 102: 404, 103: 403 }[reply.error.code] ?? reply.error;
    if (action === 'list') return reply.rpc.data.items.some(({ id }) => id === row.id) ? 'listed' : 'not listed';
    return action === 'delete' ? 204 : 200;
  }

  test('every cell is what the oracle says', async () => {
    let cells = 0;
    const wrong = [];
    for (const person of Object.values(people))
      for (const door of [byRest, byRpc])
        for (const row of [...rows])
          for (const action of Object.keys(ACTIONS)) {
            const wanted = expected(person, action, row);
            // A row that will be gone is a fresh one of the same owner and kind.
            const target = action === 'delete' && wanted === 204 ? await twin(row) : row;
            const found = await door(person, action, target);
            cells++;
            if (found !== wanted) wrong.push(`${person.name} ${door.name} ${row.model}.${action} of ${row.owner}'s ${row.published ? 'published' : 'unpublished'}: ${JSON.stringify(found)} instead of ${wanted}`);
          }
    assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${cells} cells`);
    assert.ok(cells >= 2000, `${cells} cells`);
    // Nothing that was refused was done all the same.
    for (const row of rows) assert.equal((await root.api('GET', `/${row.model}/${row.id}`)).status, 200);
  });

  /** The same row once more, made by its owner, whatever the owner may do now. */
  async function twin(row) {
    const client = row.owner === 'root' ? root : people[row.owner].client;
    const isLacking = row.owner !== 'root' && !people[row.owner].rights(row.model).has('write');
    const before = isLacking ? GRANTED[row.owner] : null;
    if (isLacking) must(await root.api('POST', '/grant', { subject: `user:${client.id}`, model: row.model, rights: [...before, 'write'] }), 201, 'lend');
    const made = must(await client.api('POST', `/${row.model}`, { title: 'twin', published: row.published, team: row.team }), 201, 'twin').body;
    if (isLacking) await root.api('POST', '/grant', { subject: `user:${client.id}`, model: row.model, rights: before });
    return { ...row, id: made.id };
  }

  test('who may make a row, and none that its rule forbids', async () => {
    for (const person of Object.values(people))
      for (const model of Object.keys(MODELS)) {
        const may = person.isSuper || person.rights(model).has('write');
        const refused = person.isKnown ? 403 : 401;
        for (const title of ['fine', 'forbidden']) {
          const isForbidden = model === 'ledger' && title === 'forbidden' && !person.isSuper;
          const wanted = may ? (isForbidden ? 403 : 201) : refused;
          const answer = await person.client.api('POST', `/${model}`, { title });
          assert.equal(answer.status, wanted, `${person.name} ${model} ${title}: ${answer.text}`);
          if (answer.status === 201) must(await root.api('DELETE', `/${model}/${answer.body.id}`), 204, 'clean up');
        }
      }
  });

  test('the feed brings each person exactly what REST lets that person read', async () => {
    for (const person of Object.values(people)) {
      if (!person.socket) continue;
      for (const model of Object.keys(MODELS)) {
        const reply = await person.socket.call('subscribe', { channel: `model:${model}` });
        const may = person.isSuper || person.rights(model).has('read');
        assert.equal(Boolean(reply.subscribe), may, `${person.name} model:${model}: ${JSON.stringify(reply)}`);
      }
    }
    for (const row of rows) must(await root.api('PATCH', `/${row.model}/${row.id}`, { title: 'touched', hidden: `secret ${row.id}` }), 200, 'touch');
    for (const person of Object.values(people)) {
      if (!person.socket) continue;
      // The answer comes behind everything that was delivered before it was asked for.
      const delivered = await drain(person.socket);
      for (const model of Object.keys(MODELS)) {
        const listed = await person.client.api('GET', `/${model}?limit=200`);
        const readable = listed.status === 200 ? listed.body.items : [];
        const pushed = delivered.filter(({ channel }) => channel === `model:${model}`).map(({ pub }) => pub.data);
        const sorted = (items) => [...items].sort((a, b) => a.id - b.id);
        assert.ok(pushed.every(({ action }) => action === 'update'), JSON.stringify(pushed));
        assert.deepEqual(sorted(pushed.map(({ record }) => record)), sorted(readable), `${person.name} ${model}`);
        const showsHidden = readable.some((row) => 'hidden' in row);
        const mayHidden = model !== 'ledger' || person.isSuper || person.rights(model).has('write');
        assert.equal(showsHidden, readable.length > 0 && mayHidden, `${person.name} ${model} hidden`);
      }
    }
    // Nobody hears of a row that was never theirs; of one that was, only that it is gone.
    for (const row of rows) must(await root.api('DELETE', `/${row.model}/${row.id}`), 204, 'delete');
    for (const person of Object.values(people)) {
      if (!person.socket) continue;
      const gone = (await drain(person.socket)).map(({ channel, pub }) => `${channel} ${pub.data.action} ${JSON.stringify(pub.data.record)}`);
      const wanted = rows.filter((row) => isVisible(person, row)).map(({ model, id }) => `model:${model} delete ${JSON.stringify({ id })}`);
      assert.deepEqual(gone.sort(), wanted.sort(), person.name);
    }
  });

  /** Every push that came before now: the answer to anything comes behind them. */
  async function drain(socket) {
    await socket.call('rpc', { method: 'no.such.method', data: {} });
    const pushes = socket.waiting().filter((object) => object.push?.pub);
    for (const push of pushes) await socket.next((object) => object === push);
    return pushes.map(({ push }) => push);
  }
});
