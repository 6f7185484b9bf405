// Several actions as one by both doors: all or nothing, and nobody hears of what was undone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { anonymous, rawConnect, register, startServer } from './lib/server.mjs';

const create = (title) => ({ action: 'news.create', params: { title } });

describe('batch', () => {
  let server, root, ann;
  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read', 'write', 'delete'] }), 201, 'grant');
  });
  after(() => server.stop());

  const batch = (client, operations, headers) => client.api('POST', '/batch', { operations }, headers);
  const count = async (title) => (await ann.api('GET', `/news?title=${title}`)).body.items.length;

  test('all are done in order, each with its own answer', async () => {
    const { body } = must(await batch(ann, [create('b1'), create('b2')]), 200, 'batch');
    assert.deepEqual(body.results.map((result) => result.status), [201, 201]);
    assert.deepEqual(body.results.map((result) => result.body.title), ['b1', 'b2']);
    const { id } = body.results[0].body;
    const more = must(await batch(ann, [
      { action: 'news.update', params: { id, title: 'b3', if_match: '"1"' } },
      { action: 'news.update', params: { id, title: 'b4', if_match: '"2"' } },
      { action: 'news.delete', params: { id: body.results[1].body.id } },
    ]), 200, 'more').body;
    assert.deepEqual(more.results.map((result) => result.status), [200, 200, 204]);
    assert.equal(more.results[2].body, null);
    assert.equal((await ann.api('GET', `/news/${id}`)).body.version, 3);
  });

  test('one that fails undoes all and is named', async () => {
    const wrong = must(await batch(ann, [create('undone'), create('undone'), create('')]), 422, 'wrong form');
    assert.deepEqual(wrong.body.errors.map((error) => error.pointer), ['/operations/2/params/title']);
    const absent = must(await batch(ann, [create('undone'), { action: 'news.delete', params: { id: 999999 } }]), 404, 'absent');
    assert.deepEqual(absent.body.errors.map((error) => error.pointer), ['/operations/1']);
    const { id } = must(await ann.api('POST', '/news', { title: 'old' }), 201, 'old').body;
    const stale = await batch(ann, [create('undone'), { action: 'news.update', params: { id, title: 'new', if_match: '"7"' } }]);
    must(stale, 412, 'precondition');
    assert.equal(await count('undone'), 0);
  });

  test('each is checked as if it had come alone', async () => {
    const forbidden = must(await batch(ann, [create('sneaky'), { action: 'group.create', params: { name: 'sneaky' } }]), 403, 'a member');
    assert.deepEqual(forbidden.body.errors.map((error) => error.pointer), ['/operations/1']);
    must(await batch(anonymous(server.url), [create('sneaky')]), 401, 'nobody');
    assert.equal(await count('sneaky'), 0);
  });

  test('who loses a right in it has lost it for the rest', async () => {
    const carl = await register(server.url, 'carl');
    must(await root.api('PATCH', `/user/${carl.id}`, { superuser: true }), 200, 'superuser');
    const answer = await batch(carl, [
      { action: 'group.create', params: { name: 'his last' } },
      { action: 'user.update', params: { id: carl.id, superuser: false } },
      { action: 'group.create', params: { name: 'one too many' } },
    ]);
    must(answer, 403, 'batch');
    assert.deepEqual(answer.body.errors.map((error) => error.pointer), ['/operations/2']);
    const groups = (await root.api('GET', '/group')).body.items.map((group) => group.name);
    assert.deepEqual(groups.filter((name) => /his last|too many/.test(name)), []);
  });

  test('grants are saved as one, and are in force when it is answered', async () => {
    const dora = await register(server.url, 'dora');
    const grant = (model, rights) => ({ action: 'grant.create', params: { subject: `user:${dora.id}`, model, rights } });
    must(await batch(root, [grant('group', ['read']), grant('task', ['delete']), grant('nonsense', ['read'])]), 422, 'one is wrong');
    assert.equal((await dora.api('GET', '/me')).body.permissions.group, undefined);
    must(await batch(root, [grant('group', ['read']), grant('task', ['delete'])]), 200, 'both are right');
    const { permissions } = (await dora.api('GET', '/me')).body;
    assert.deepEqual(permissions.group, ['read']);
    assert.ok(permissions.task.includes('delete'));
  });

  test('only what changes something in one step can be part of it', async () => {
    for (const action of ['news.list', 'me.detail', 'batch.create', 'account.logout', 'token.create', 'user.create'])
      must(await batch(root, [{ action, params: action === 'user.create' ? { name: 'never', password: 'a long enough password' } : {} }]), 400, action);
    for (const operations of [[], {}, [1], [{}], [{ action: 'news.fly' }], [{ ...create('x'), more: 1 }], Array.from({ length: 201 }, () => create('x'))])
      must(await batch(ann, operations), 422, JSON.stringify(operations).slice(0, 50));
  });

  test('nobody hears of a room that was undone', async () => {
    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    await socket.connect();
    const room = (name) => ({ action: 'room.create', params: { kind: 'private', name } });
    must(await batch(ann, [room('undone'), create('')]), 422, 'undone');
    must(await batch(ann, [room('kept'), create('kept')]), 200, 'kept');
    const push = await socket.push(`user:${ann.id}`);
    assert.equal(push.pub.data.room.name, 'kept', 'the first that is heard of is the one that is there');
    await socket.close();
  });

  test('over the socket it is an action like others', async () => {
    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    await socket.connect();
    const reply = await socket.call('rpc', { method: 'batch.create', data: { operations: [create('socket')] } });
    assert.equal(reply.rpc.data.results[0].status, 201);
    const failed = await socket.call('rpc', { method: 'batch.create', data: { operations: [create('')] } });
    assert.equal(JSON.parse(failed.error.message).errors[0].pointer, '/operations/0/params/title');
    await socket.close();
  });

  test('with a key it is done once', async () => {
    const send = () => batch(ann, [create('keyed'), create('keyed')], { 'Idempotency-Key': 'batch-1' });
    const [first, second] = [must(await send(), 200, 'first'), must(await send(), 200, 'second')];
    assert.deepEqual(second.body, first.body);
    assert.equal(second.headers['idempotency-replayed'], 'true');
    assert.equal(await count('keyed'), 2);
  });
});
