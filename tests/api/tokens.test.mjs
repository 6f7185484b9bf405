// API tokens: made by people, for programs, with less than their rights; they end like sessions do.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must, request } from './lib/client.mjs';
import { ready, untilAnswer } from './lib/nodes.mjs';
import { anonymous, rawConnect, register, startRedis, startServer } from './lib/server.mjs';

/** A program with a token: api() as a client's, without cookie or Origin. */
function bearer(url, token) {
  return {
    api: (method, path, body, headers = {}) =>
      request(`${url}/api/v1${path}`, { method, body, headers: { Authorization: `Bearer ${token}`, ...headers } }),
  };
}

for (const where of ['home', 'edge'])
  describe(`tokens on the ${where}`, () => {
    let redis, home, node, root, ann;
    before(async () => {
      redis = where === 'edge' ? await startRedis() : null;
      home = await startServer({ redis: redis ?? false });
      node = where === 'edge' ? await startServer({ redis, edge: true }) : home;
      await ready(node);
      root = await firstAdministrator(home);
      ann = await register(node.url, 'ann');
      must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read', 'write'] }), 201, 'grant');
    });
    after(async () => {
      if (node !== home) await node.stop();
      await home.stop();
      await redis?.stop();
    });

    async function make(owner, scopes, more = {}) {
      const { body } = must(await owner.api('POST', '/token', { name: 'a program', scopes, ...more }), 201, 'token');
      return { ...body, ...bearer(node.url, body.token) };
    }

    test('it is shown once, and works', async () => {
      const token = await make(ann, { news: ['read', 'write'] });
      assert.match(token.token, /^parley_[\w-]{43}$/);
      assert.deepEqual(token.scopes, { news: ['read', 'write'] });
      must(await token.api('POST', '/news', { title: 'by a program' }), 201, 'write');
      const me = must(await token.api('GET', '/me'), 200, 'me').body;
      assert.equal(me.user.name, 'ann');
      assert.deepEqual(me.permissions, { news: ['read', 'write'] });
      const listed = must(await ann.api('GET', '/token'), 200, 'list').body.items.find((item) => item.id === token.id);
      assert.equal(listed.name, 'a program');
      assert.equal(listed.token, undefined);
      assert.equal(JSON.stringify(listed).includes(token.token), false);
    });

    test('it may do what its scopes and its owner both may', async () => {
      const token = await make(ann, { news: ['read'] });
      must(await token.api('GET', '/news'), 200, 'read');
      must(await token.api('POST', '/news', { title: 'x' }), 403, 'write');
      must(await token.api('GET', '/room'), 403, 'another model');
      const all = await make(ann, { '*': ['read'] });
      must(await all.api('GET', '/room'), 200, 'all');
      must(await all.api('POST', '/room', { kind: 'private', name: 'x' }), 403, 'all, but read');
    });

    test('it is for what its scopes name: not for accounts, sessions and tokens', async () => {
      const token = await make(ann, { '*': ['read', 'write', 'delete'] });
      for (const [method, path, body] of [
        ['GET', '/token'],
        ['POST', '/token', { name: 'x', scopes: { news: ['read'] } }],
        ['DELETE', `/token/${token.id}`],
        ['GET', '/session'],
        ['DELETE', '/session/1'],
        ['POST', '/me/password', { old: ann.password, new: 'another long password' }],
        ['POST', '/logout'],
      ])
        must(await token.api(method, path, body), 403, `${method} ${path}`);
    });

    test("an administrator's token is no administrator", async () => {
      const owner = where === 'edge' ? Object.assign(anonymous(node.url), { cookie: root.cookie, csrf: root.csrf }) : root;
      const token = await make(owner, { '*': ['read', 'write', 'delete'] });
      assert.equal(must(await token.api('GET', '/me'), 200, 'me').body.user.superuser, false);
      must(await token.api('POST', '/group', { name: 'x' }), 403, 'group');
      must(await token.api('POST', '/grant', { subject: 'everyone', model: 'news', rights: ['read'] }), 403, 'grant');
      must(await token.api('POST', '/batch', { operations: [{ action: 'group.create', params: { name: 'x' } }] }), 403, 'batch');
    });

    test('nobody makes one that may do more than he', async () => {
      const wrong = async (body, pointer) => {
        const answer = must(await ann.api('POST', '/token', { name: 'x', ...body }), 422, JSON.stringify(body));
        assert.deepEqual(answer.body.errors.map((error) => error.pointer), [pointer]);
      };
      await wrong({ scopes: { news: ['read', 'delete'] } }, '/scopes/news');
      await wrong({ scopes: { group: ['read'] } }, '/scopes/group');
      await wrong({ scopes: { nothing: ['read'] } }, '/scopes/nothing');
      await wrong({ scopes: { news: ['grant'] } }, '/scopes/news');
      await wrong({ scopes: {} }, '/scopes');
      await wrong({}, '/scopes');
      await wrong({ scopes: { news: ['read'] }, expires_at: '2020-01-01T00:00:00Z' }, '/expires_at');
      await wrong({ scopes: { news: ['read'] }, expires_at: '2999-01-01T00:00:00Z' }, '/expires_at');
      await wrong({ scopes: { news: ['read'] }, expires_at: 'tomorrow' }, '/expires_at');
      await wrong({ scopes: { news: ['read'] }, name: '' }, '/name');
      await wrong({ scopes: { news: ['read'] }, name: 'x'.repeat(101) }, '/name');
    });

    test('what its owner loses, it loses at once', async () => {
      const token = await make(ann, { news: ['read', 'write'] });
      must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read'] }), 201, 'less');
      must(await token.api('POST', '/news', { title: 'x' }), 403, 'lost');
      must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read', 'write'] }), 201, 'more');
      must(await token.api('POST', '/news', { title: 'x' }), 201, 'back');
    });

    test('deleted, it is nobody, and its sockets are closed', async () => {
      const token = await make(ann, { '*': ['read'] });
      const socket = await rawConnect(node.url, { origin: undefined });
      assert.ok((await socket.connect({ token: token.token })).connect.client);
      must(await ann.api('DELETE', `/token/${token.id}`), 204, 'delete');
      assert.equal((await socket.closed).code, 3507);
      must(await token.api('GET', '/news'), 401, 'rest');
      const again = await rawConnect(node.url, { origin: undefined });
      again.send({ connect: { token: token.token } });
      assert.equal((await again.closed).code, 3500);
      must(await ann.api('DELETE', `/token/${token.id}`), 404, 'again');
    });

    test('over the socket its scopes hold too', async () => {
      const { body: room } = must(await ann.api('POST', '/room', { kind: 'private', name: 'secret' }), 201, 'room');
      const token = await make(ann, { news: ['read'] });
      const socket = await rawConnect(node.url, { origin: undefined });
      const hello = (await socket.connect({ token: token.token })).connect;
      assert.equal(hello.subs, undefined, "one's own feed is not for tokens");
      assert.equal((await socket.call('subscribe', { channel: `room:${room.id}` })).error.code, 103);
      assert.equal((await socket.call('subscribe', { channel: `user:${ann.id}` })).error.code, 103);
      assert.equal((await socket.call('rpc', { method: 'room.list', data: {} })).error.code, 103);
      assert.equal((await socket.call('rpc', { method: 'token.list', data: {} })).error.code, 103);
      assert.ok((await socket.call('rpc', { method: 'news.list', data: {} })).rpc.data.items);
      await socket.close();
    });

    test('sessions are listed and ended without tokens, and the other way round', async () => {
      const token = await make(ann, { news: ['read'] });
      const sessions = must(await ann.api('GET', '/session'), 200, 'sessions').body.items.map((session) => session.id);
      assert.equal(sessions.includes(token.id), false);
      must(await ann.api('DELETE', `/session/${token.id}`), 404, 'a token is no session');
      must(await ann.api('DELETE', `/token/${sessions[0]}`), 404, 'a session is no token');
      const bob = await register(node.url, `bob-${where}`);
      must(await bob.api('DELETE', `/token/${token.id}`), 404, "somebody else's");
      must(await token.api('GET', '/news'), 200, 'it still works');
    });

    test('with its owner disabled it is nobody', async () => {
      const eve = await register(node.url, `eve-${where}`);
      const token = await make(eve, { '*': ['read'] });
      must(await root.api('PATCH', `/user/${eve.id}`, { disabled: true }), 200, 'disable');
      must(await token.api('GET', '/news'), 401, 'token');
    });

    test('signing in beside it does not end it', async () => {
      const token = await make(ann, { news: ['read'] });
      must(await token.api('POST', '/login', { name: 'ann', password: ann.password }), 200, 'login');
      must(await token.api('GET', '/news'), 200, 'token');
    });

    test('what is no token is 401, also where nobody need sign in', async () => {
      must(await bearer(node.url, 'parley_nonsense').api('GET', '/news'), 401, 'nonsense');
      must(await bearer(node.url, 'x').api('POST', '/login', { name: 'ann', password: ann.password }), 401, 'login');
    });
  });

test('a token ends when it says, and a server that starts again knows it', async () => {
  let server = await startServer();
  const ann = await register(server.url, 'ann');
  const make = (more) => ann.api('POST', '/token', { name: 'x', scopes: { '*': ['read'] }, ...more });
  const long = must(await make(), 201, 'token').body.token;
  let soon, short, before;
  for (let milliseconds = 3000; before?.status !== 200; milliseconds *= 2) {
    soon = new Date(Date.now() + milliseconds).toISOString();
    const made = await make({ expires_at: soon });
    short = made.body.token;
    before = made.status === 201 ? await bearer(server.url, short).api('GET', '/me') : made;
    // Otherwise the machine was so slow that it had ended before it was made or used.
    assert.ok([200, 401, 422].includes(before.status), before.text);
  }
  await server.stop();
  server = await startServer({ dataDir: server.dataDir });
  try {
    must(await bearer(server.url, long).api('GET', '/room'), 200, 'after');
    must(await bearer(server.url, long).api('POST', '/room', { kind: 'private', name: 'x' }), 403, 'its scopes');
    await untilAnswer('its end', () => bearer(server.url, short).api('GET', '/me'), ({ status }) => status === 401);
    assert.ok(Date.now() >= Date.parse(soon));
  } finally {
    await server.stop();
  }
});
