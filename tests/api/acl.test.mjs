// Grants that end, granting that was handed on, and the answers to: may they, why, who, and what if. By both doors.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { anonymous, endingSoon, login, must } from './lib/client.mjs';
import { createRoom, open, setUpAdministrator, startNodes, through } from './lib/nodes.mjs';
import { rawConnect, register, startServer } from './lib/server.mjs';

async function listen(server, client, room) {
  const socket = await rawConnect(server.url, { cookie: client.cookie });
  await socket.connect();
  if (room) assert.ok((await socket.call('subscribe', { channel: `room:${room.id}` })).subscribe);
  return socket;
}

describe('the access control lists', () => {
  let server, root, ann, bob, room;
  const give = (who, subject, model, rights, more = {}) => who.api('POST', '/grant', { subject, model, rights, ...more });
  /** Members have no rights on messages while `work` runs. */
  async function withoutMembers(work) {
    must(await give(root, 'members', 'message', []), 200, 'take');
    try {
      await work();
    } finally {
      must(await give(root, 'members', 'message', ['read', 'write', 'delete']), 201, 'give back');
    }
  }

  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
    room = must(await ann.api('POST', '/room', { kind: 'public', name: 'general' }), 201, 'room').body;
  });
  after(() => server.stop());

  test('a grant that ends takes its subscription along, and is recorded', async () => {
    await withoutMembers(async () => {
      must(await give(root, `user:${bob.id}`, 'message', ['read']), 201, 'for good');
      const socket = await listen(server, bob, room);
      const made = must(await endingSoon((until) => give(root, `user:${bob.id}`, 'message', ['read'], { until, reason: 'a visit' })), 201, 'for a while').body;
      assert.deepEqual(made.granted_by, { id: root.id, name: 'root' });
      const changed = () => socket.next((object) => object.push?.channel === `user:${bob.id}` && object.push.pub?.data.event === 'permissions');
      await changed();

      const gone = await socket.next((object) => object.push?.unsubscribe);

      assert.equal(gone.push.unsubscribe.code, 2000);
      assert.ok(Date.now() >= Date.parse(made.until), 'not before its end');
      must(await bob.api('GET', `/room/${room.id}/message`), 403, 'reading');
      await changed(); // the row is gone, too
      const [entry] = must(await root.api('GET', '/audit?action=expired'), 200, 'audit').body.items;
      assert.equal(entry.name, 'server');
      assert.deepEqual(entry.detail.before, ['read']);
      assert.equal(entry.detail.until_before, made.until);
      assert.ok(!must(await root.api('GET', '/grant'), 200, 'grants').body.items.some((grant) => grant.id === made.id));
      await socket.close();
    });
  });

  test('who may grant on a model gives what they have themselves, and no more', async () => {
    must(await give(root, `user:${ann.id}`, 'message', ['read', 'write', 'grant']), 201, 'delegate');
    // Members have delete too, so ann holds it; on rooms she may not grant at all.
    await withoutMembers(async () => {
      const given = must(await give(ann, 'user:bob', 'message', ['read']), 201, 'what she has').body;
      assert.deepEqual(given.granted_by, { id: ann.id, name: 'ann' });
      assert.match(must(await give(ann, 'user:bob', 'message', ['read', 'delete']), 403, 'what she lacks').body.detail, /"delete" on "message"/);
      assert.match(must(await give(ann, 'user:bob', 'room', ['read']), 403, 'another model').body.detail, /"room"/);
      must(await give(bob, 'user:bob', 'message', ['write']), 403, 'bob may not');
      const { items } = must(await ann.api('GET', '/grant'), 200, 'list').body;
      assert.deepEqual([...new Set(items.map((grant) => grant.model))], ['message']);
      assert.match((await ann.api('GET', '/group')).body.detail, /administrator/);

      const socket = await listen(server, ann);
      const refused = await socket.call('rpc', { method: 'grant.create', data: { subject: 'user:bob', model: 'message', rights: ['delete'] } });
      assert.equal(refused.error.code, 103);
      assert.ok((await socket.call('rpc', { method: 'grant.delete', data: { id: given.id } })).rpc);
      must(await bob.api('GET', `/room/${room.id}/message`), 403, 'taken back');
      await socket.close();
    });
    must(await give(root, `user:${ann.id}`, 'message', []), 200, 'end');
    must(await ann.api('GET', '/grant'), 403, 'no longer');
  });

  test('who may grant on a model takes back what they could give, and no more', async () => {
    must(await give(root, `user:${ann.id}`, 'message', ['read', 'grant']), 201, 'delegate');
    const [members] = must(await root.api('GET', '/grant?subject=members&model=message'), 200, 'default').body.items;
    assert.match(must(await ann.api('DELETE', `/grant/${members.id}`), 403, 'the default').body.detail, /take back "write" on "message"/);
    must(await give(ann, 'members', 'message', []), 403, 'the same in other words');
    const bobs = must(await give(root, 'user:bob', 'message', ['read']), 201, 'bob').body;
    must(await ann.api('DELETE', `/grant/${bobs.id}?reason=too%20much`), 204, 'what she could give');
    assert.equal(must(await root.api('GET', '/audit?limit=1'), 200, 'audit').body.items[0].detail.reason, 'too much');
    must(await give(ann, 'user:ann', 'message', []), 200, 'her own');
    must(await give(root, 'user:ann', 'message', []), 404, 'there is none any more');
  });

  test('groups are paged, and found by their name', async () => {
    const ids = [];
    for (const name of ['one', 'two', 'three']) ids.push(must(await root.api('POST', '/group', { name }), 201, name).body.id);
    const page = must(await root.api('GET', '/group?limit=2'), 200, 'page').body;
    assert.deepEqual([page.items.map((group) => group.name), page.next], [['one', 'two'], ids[1]]);
    const rest = must(await root.api('GET', `/group?limit=2&after=${page.next}`), 200, 'rest').body;
    assert.deepEqual([rest.items.map((group) => group.name), rest.next], [['three'], null]);
    assert.deepEqual(must(await root.api('GET', '/group?name=two'), 200, 'by name').body.items.map((group) => group.id), [ids[1]]);
    assert.equal(must(await root.api('POST', '/group', { name: '42' }), 422, 'a number').body.errors[0].pointer, '/name');
    for (const id of ids) must(await root.api('DELETE', `/group/${id}`), 204, 'clean');
  });

  test('any known model may be named, and no other', async () => {
    for (const model of ['user', 'group', 'grant', 'audit', 'room', 'member', 'message', 'session'])
      must(await give(root, `user:${bob.id}`, model, ['read']), 201, model);
    for (const model of ['newts', 'Room', 'sqlite_schema', 'room ', ''])
      assert.equal(must(await give(root, `user:${bob.id}`, model, ['read']), 422, model).body.errors[0].pointer, '/model');
    for (const grant of must(await root.api('GET', `/grant?user=${bob.id}`), 200, 'of bob').body.items)
      must(await root.api('DELETE', `/grant/${grant.id}`), 204, 'clean');
  });

  test('grants are filtered', async () => {
    must(await give(root, `user:${bob.id}`, 'audit', ['read']), 201, 'give');
    const list = async (query) => must(await root.api('GET', `/grant?${query}`), 200, query).body.items.map((grant) => `${grant.subject} ${grant.model}`);
    assert.deepEqual(await list(`user=${bob.id}`), [`user:${bob.id} audit`]);
    assert.deepEqual(await list('model=audit'), [`user:${bob.id} audit`]);
    assert.deepEqual(await list('subject=user:bob'), [`user:${bob.id} audit`]);
    assert.deepEqual(await list('subject=members&model=message'), ['members message']);
    assert.deepEqual(await list('subject=user:nobody'), []);
    assert.deepEqual(await list('group=7'), []);
    must(await root.api('GET', '/grant?subject=all'), 422, 'no subject');
    must(await root.api('GET', '/grant?whom=bob'), 422, 'no such filter');
    const [first] = must(await root.api('GET', '/grant?limit=1'), 200, 'page').body.items;
    assert.ok((await root.api('GET', `/grant?limit=1&after=${first.id}`)).body.items[0].id > first.id);
    must(await give(root, `user:${bob.id}`, 'audit', []), 200, 'take');
  });

  test('of two administrators who demote or shut out each other at once one stays', async () => {
    const pair = await startServer();
    try {
      const one = await firstAdministrator(pair);
      must(await one.api('POST', '/user', { name: 'two', password: one.password, superuser: true }), 201, 'two');
      const two = await login(pair.url, 'two', one.password);
      const answers = await Promise.all([
        one.api('PATCH', `/user/${two.id}`, { superuser: false }), two.api('PATCH', `/user/${one.id}`, { disabled: true }),
        one.api('PATCH', `/user/${one.id}`, { superuser: false }), two.api('PATCH', `/user/${two.id}`, { disabled: true }),
      ]);
      assert.equal(answers.filter((answer) => answer.status === 200).length, 1, JSON.stringify(answers.map((answer) => answer.status)));
      const left = (await one.api('GET', '/user')).status === 200 && (await one.api('GET', '/grant')).status === 200 ? one : two;
      must(await left.api('PATCH', `/user/${left.id}`, { superuser: false }), 409, 'the last one');
      must(await left.api('PATCH', `/user/${left.id}`, { disabled: true }), 409, 'the last one');
    } finally {
      await pair.stop();
    }
  });

  test('why somebody may, and who may, are answered by both doors', async () => {
    const query = `user=bob&model=message&action=write`;
    const answer = must(await root.api('GET', `/acl/explain?${query}`), 200, 'explain').body;
    assert.equal(answer.allowed, true);
    assert.deepEqual(answer.because[0].from.map((from) => [from.subject, from.reason]).at(-1), ['members', '']);
    const socket = await listen(server, bob);
    const own = await socket.call('rpc', { method: 'acl.explain', data: { model: 'message', action: 'write' } });
    assert.deepEqual(own.rpc.data, answer);
    assert.equal((await socket.call('rpc', { method: 'acl.explain', data: { user: ann.id, model: 'message', action: 'write' } })).error.code, 103);
    must(await bob.api('GET', `/acl/explain?user=ann&model=message&action=read`), 403, 'about others');
    must(await anonymous(server.url).api('GET', `/acl/explain?${query}`), 401, 'strangers');
    must(await root.api('GET', '/acl/explain?user=bob&model=message'), 422, 'no action');

    const who = must(await root.api('GET', '/acl/who?model=message&right=write'), 200, 'who').body;
    assert.deepEqual(who, {
      items: [{ id: root.id, name: 'root', superuser: true }, { id: ann.id, name: 'ann', superuser: false }, { id: bob.id, name: 'bob', superuser: false }],
      everyone: false,
      next: null,
    });
    assert.deepEqual((await root.api('GET', '/acl/who?model=audit&right=read')).body.items.map((one) => one.name), ['root']);
    must(await bob.api('GET', '/acl/who?model=message&right=write'), 403, 'who, asked by bob');
    await socket.close();
  });

  test('what a change would do is counted and not done', async () => {
    const sockets = [await listen(server, bob, room), await listen(server, bob, room), await listen(server, root, room)];
    const changes = [{ subject: 'members', model: 'message', rights: ['write', 'delete'] }];

    const counts = must(await root.api('POST', '/acl/dry_run', { changes }), 200, 'dry run').body;

    const { people, gain, subscriptions, self, warnings } = counts;
    assert.deepEqual({ people, gain, subscriptions, self, warnings }, { people: 2, gain: 0, subscriptions: 2, self: false, warnings: [] });
    must(await bob.api('GET', `/room/${room.id}/message`), 200, 'bob still may');
    must(await ann.api('POST', `/room/${room.id}/message`, { text: 'still heard' }), 201, 'say');
    for (const socket of sockets) {
      await socket.next((object) => object.push?.pub?.data.message?.text === 'still heard');
      assert.ok(!socket.waiting().some((object) => object.push?.unsubscribe));
      await socket.close();
    }
    must(await bob.api('POST', '/acl/dry_run', { changes }), 403, 'bob');
  });

  test('every entry of the record holds on to the one before', async () => {
    const { body } = must(await root.api('GET', '/audit/verify'), 200, 'verify');
    assert.equal(body.is_whole, true);
    assert.equal(body.entries, must(await root.api('GET', '/audit?limit=1'), 200, 'newest').body.items[0].id);
    must(await ann.api('GET', '/audit/verify'), 403, 'ann');
    must(await ann.api('POST', '/me/password', { old: ann.password, new: 'a new long password' }), 204, 'password');
    const [entry] = must(await root.api('GET', `/audit?user=${ann.id}&limit=1`), 200, 'of ann').body.items;
    assert.equal(entry.action, 'user.password');
    assert.doesNotMatch(JSON.stringify(entry), /long password|argon/);
  });
});

test('on an edge a grant ends too, and its subscriptions are counted', async (t) => {
  const nodes = await startNodes({ test: t });
  const root = await setUpAdministrator(nodes.home);
  const bob = await register(nodes.edge.url, 'bob');
  const room = await createRoom(root, 'general');
  const chat = await open(nodes.edge, bob);
  const give = (subject, rights, more = {}) => root.api('POST', '/grant', { subject, model: 'message', rights, ...more });
  must(await give('user:bob', ['read']), 201, 'give');
  must(await give('members', []), 200, 'take');
  const ear = await chat.enter(room.id);
  const dry = { changes: [{ subject: 'user:bob', model: 'message', rights: [] }] };
  assert.equal(must(await through(nodes.edge, root).api('POST', '/acl/dry_run', dry), 200, 'dry run').body.subscriptions, 1);
  must(await endingSoon((until) => give('user:bob', ['read'], { until })), 201, 'for a while');

  assert.equal((await ear.untilSeen('unsubscribed')).code, 2000);

  must(await root.api('POST', `/room/${room.id}/message`, { text: 'not for bob' }), 201, 'say');
  must(await through(nodes.edge, bob).api('GET', `/room/${room.id}/message`), 403, 'bob');
  assert.deepEqual(ear.texts(), []);
});
