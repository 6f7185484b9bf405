// A refusal for want of a right says which one, and who could give it, at both doors.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { startNodes, setUpAdministrator, ready, through } from './lib/nodes.mjs';
import { rawConnect, register, startServer } from './lib/server.mjs';

const NEEDS = { model: 'news', right: 'write' };
const news = { title: 'A title', content: 'Words' };

describe('what is missing and whom to ask', () => {
  let server, root, ann, bob, eve;
  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    [ann, bob, eve] = [await register(server.url, 'ann'), await register(server.url, 'bob'), await register(server.url, 'eve')];
    must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read'] }), 201, 'members read only');
  });
  after(() => server.stop());

  const refused = async (who = eve) => must(await who.api('POST', '/news', news), 403, 'refused').body;
  const people = (...list) => list.map(({ id, name }) => ({ id, name }));

  test('an administrator is named', async () => {
    const problem = await refused();
    assert.equal(problem.code, 'forbidden');
    assert.equal(problem.detail, 'You may not write news. root can grant it.');
    assert.deepEqual(problem.needs, NEEDS);
    assert.deepEqual(problem.ask, people(root));
  });

  test('so is who may grant and holds the right; who holds only one of the two is not', async () => {
    must(await root.api('POST', '/grant', { subject: 'user:ann', model: 'news', rights: ['write', 'grant'] }), 201, 'ann');
    must(await root.api('POST', '/grant', { subject: 'user:bob', model: 'news', rights: ['grant'] }), 201, 'bob');
    const problem = await refused();
    assert.equal(problem.detail, 'You may not write news. root or ann can grant it.');
    assert.deepEqual(problem.ask, people(root, ann));
    assert.deepEqual((await refused(bob)).ask, people(root, ann));
    must(await root.api('POST', '/grant', { subject: 'user:bob', model: 'news', rights: [] }), 200, 'bob again');
    must(await root.api('POST', '/grant', { subject: 'user:ann', model: 'news', rights: [] }), 200, 'ann again');
    assert.deepEqual((await refused()).ask, people(root));
  });

  test('through a group too, and three at most', async () => {
    const { id } = must(await root.api('POST', '/group', { name: 'chiefs' }), 201, 'group').body;
    const chiefs = [];
    for (const name of ['chief1', 'chief2', 'chief3']) {
      chiefs.push(await register(server.url, name));
      must(await root.api('POST', `/group/${id}/member`, { user: chiefs.at(-1).id }), 204, 'member');
    }
    must(await root.api('POST', '/grant', { subject: 'group:chiefs', model: 'news', rights: ['write', 'grant'] }), 201, 'chiefs');
    const problem = await refused();
    assert.deepEqual(problem.ask, people(root, chiefs[0], chiefs[1]));
    assert.equal(problem.detail, 'You may not write news. root, chief1 or chief2 can grant it.');
    must(await root.api('DELETE', `/group/${id}`), 204, 'no more chiefs');
    assert.deepEqual((await refused()).ask, people(root));
  });

  test('the socket says the same', async () => {
    const socket = await rawConnect(server.url, { cookie: eve.cookie });
    await socket.connect();
    const { error } = await socket.call('rpc', { method: 'news.create', data: news });
    const { request_id, ...problem } = await refused();
    assert.equal(error.code, 103);
    assert.deepEqual(JSON.parse(error.message), problem);
    await socket.close();
  });

  test('a batch that fails for it does too', async () => {
    const { body } = must(await eve.api('POST', '/batch', { operations: [{ action: 'news.create', params: news }] }), 403, 'batch');
    assert.deepEqual([body.needs, body.ask], [NEEDS, people(root)]);
    assert.match(body.detail, /operation 0 .*: You may not write news\. root can grant it\.$/);
  });

  test('a token that is not meant for it has nobody to ask', async () => {
    const { token } = must(await root.api('POST', '/token', { name: 'reads', scopes: { '*': ['read'] } }), 201, 'token').body;
    const answer = await root.api('POST', '/news', news, { Authorization: `Bearer ${token}`, Cookie: '' });
    const problem = must(answer, 403, 'token').body;
    assert.equal(problem.detail, 'This API token may not write news.');
    assert.deepEqual([problem.needs, problem.ask], [NEEDS, undefined]);
  });

  test('what only administrators may do needs no right', async () => {
    const problem = must(await eve.api('GET', '/audit'), 403, 'audit').body;
    assert.deepEqual([problem.detail, problem.needs, problem.ask], ['Only an administrator may do this.', undefined, undefined]);
  });

  test('who may not see people is told of none', async () => {
    must(await root.api('POST', '/grant', { subject: 'members', model: 'user', rights: [] }), 200, 'nobody reads people');
    const problem = await refused();
    assert.equal(problem.detail, 'You may not write news. An administrator can grant it.');
    assert.deepEqual([problem.needs, problem.ask], [NEEDS, undefined]);
  });
});

test('through an edge it is said as well', async (t) => {
  const nodes = await startNodes({ test: t });
  const root = await setUpAdministrator(nodes.home);
  const eve = await register(nodes.home.url, 'eve');
  must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read'] }), 201, 'members read only');
  await ready(nodes.edge);
  const here = must(await eve.api('POST', '/news', news), 403, 'home');
  const there = must(await through(nodes.edge, eve).api('POST', '/news', news), 403, 'edge');
  assert.deepEqual(there.body.ask, [{ id: root.id, name: 'root' }]);
  assert.equal(there.text, here.text);
});
