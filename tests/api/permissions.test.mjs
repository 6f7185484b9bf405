// What you may do: a change is in force with its answer, for requests and for sockets that are open already.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must, request } from './lib/client.mjs';
import { anonymous, rawConnect, register, startServer } from './lib/server.mjs';

const ALL = ['read', 'write', 'delete'];

/** A socket of `client`, connected and, if a room is named, subscribed to it. */
async function listen(server, client, room) {
  const socket = await rawConnect(server.url, { cookie: client?.cookie });
  const connected = await socket.connect();
  assert.ok(connected.connect, JSON.stringify(connected));
  if (room) {
    const reply = await socket.call('subscribe', { channel: `room:${room.id}` });
    assert.ok(reply.subscribe, JSON.stringify(reply));
  }
  return socket;
}

describe('permissions', () => {
  let server, root, ann, bob, room;
  const grant = (subject, model, rights, reason) =>
    root.api('POST', '/grant', { subject, model, rights, ...(reason ? { reason } : {}) });
  /** What members may do with `model`, for the time of `work`. */
  async function withMembers(model, rights, work) {
    must(await grant('members', model, rights), rights.length ? 201 : 200, 'take');
    try {
      await work();
    } finally {
      must(await grant('members', model, model === 'user' ? ['read'] : ALL), 201, 'give back');
    }
  }

  before(async () => {
    server = await startServer({ flags: { 'chat.messages_per_s': 100000, 'realtime.commands_per_s': 100000 } });
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
    room = must(await ann.api('POST', '/room', { kind: 'public', name: 'general' }), 201, 'room').body;
    must(await bob.api('POST', `/room/${room.id}/join`), 200, 'join');
  });
  after(() => server.stop());

  test('a refusal names the right that is missing', async () => {
    await withMembers('message', ['read', 'delete'], async () => {
      const answer = must(await ann.api('POST', `/room/${room.id}/message`, { text: 'hi' }), 403, 'write');
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      assert.equal(answer.body.code, 'forbidden');
      assert.match(answer.body.detail, /^You may not write message\./);
      must(await ann.api('GET', `/room/${room.id}/message`), 200, 'read');
    });
    await withMembers('room', ['write'], async () => {
      assert.match(must(await ann.api('GET', '/room'), 403, 'read').body.detail, /^You may not read room\./);
      assert.match(must(await ann.api('DELETE', `/room/${room.id}`), 403, 'delete').body.detail, /^You may not delete room\./);
    });
    for (const [method, path] of [['GET', '/grant'], ['GET', '/audit'], ['GET', '/group'], ['POST', '/user']])
      assert.equal(must(await ann.api(method, path, method === 'POST' ? {} : undefined), 403, path).body.detail, 'Only an administrator may do this.');
    assert.match(must(await root.api('POST', '/backup', { path: '/tmp/x' }), 403, 'backup').body.detail, /command line/);
  });

  test('a right that is given or taken is so in /me and for the next request', async () => {
    await withMembers('message', ['read'], async () => {
      assert.deepEqual((await ann.api('GET', '/me')).body.permissions.message, ['read']);
      must(await ann.api('POST', `/room/${room.id}/message`, { text: 'no' }), 403, 'taken');

      must(await grant(`user:${ann.id}`, 'message', ['write']), 201, 'give');

      assert.deepEqual((await ann.api('GET', '/me')).body.permissions.message, ['read', 'write']);
      must(await ann.api('POST', `/room/${room.id}/message`, { text: 'yes' }), 201, 'given');
      must(await bob.api('POST', `/room/${room.id}/message`, { text: 'no' }), 403, 'not to bob');
      must(await grant(`user:${ann.id}`, 'message', []), 200, 'take back');
      must(await ann.api('POST', `/room/${room.id}/message`, { text: 'no' }), 403, 'taken back');
    });
    must(await ann.api('POST', `/room/${room.id}/message`, { text: 'again' }), 201, 'members may again');
  });

  test('an open socket writes no longer than its user may', async () => {
    const socket = await listen(server, ann, room);
    assert.ok((await socket.call('publish', { channel: `room:${room.id}`, data: { text: 'one' } })).publish);
    await withMembers('message', ['read'], async () => {
      const publish = await socket.call('publish', { channel: `room:${room.id}`, data: { text: 'two' } });
      assert.equal(publish.error?.code, 103);
      const rpc = await socket.call('rpc', { method: 'message.create', data: { id: room.id, text: 'three' } });
      assert.equal(rpc.error?.code, 103);
      assert.match(JSON.parse(rpc.error.message).detail, /^You may not write message\./);
    });
    assert.ok((await socket.call('publish', { channel: `room:${room.id}`, data: { text: 'four' } })).publish);
    await socket.close();
  });

  test('an open socket hears no longer than its user may', async () => {
    const [listener, speaker] = [await listen(server, bob, room), await listen(server, root)];
    must(await root.api('POST', `/room/${room.id}/join`), 200, 'join');
    await withMembers('message', ['write'], async () => {
      // The answer has come, so the subscription is gone: what is said now is not for bob.
      must(await root.api('POST', `/room/${room.id}/message`, { text: 'a secret' }), 201, 'say');
      const gone = await listener.next((object) => object.push?.unsubscribe);
      assert.equal(gone.push.unsubscribe.code, 2000);
      assert.equal((await listener.call('subscribe', { channel: `room:${room.id}` })).error?.code, 103);
      assert.equal((await listener.call('history', { channel: `room:${room.id}`, limit: 10 })).error?.code, 103);
    });
    const again = await listener.call('subscribe', { channel: `room:${room.id}` });
    assert.ok(again.subscribe, JSON.stringify(again));
    assert.ok(!listener.waiting().some((object) => JSON.stringify(object).includes('a secret')));
    await Promise.all([listener.close(), speaker.close()]);
  });

  test('whose own rights changed hears of it', async () => {
    const socket = await listen(server, bob);
    const permissions = (object) => object.push?.channel === `user:${bob.id}` && object.push.pub?.data.event === 'permissions';
    must(await grant(`user:${bob.id}`, 'audit', ['read']), 201, 'grant');
    await socket.next(permissions);
    must(await root.api('PATCH', `/user/${bob.id}`, { superuser: true }), 200, 'promote');
    await socket.next(permissions);
    must(await bob.api('GET', '/grant'), 200, 'as administrator');
    must(await root.api('PATCH', `/user/${bob.id}`, { superuser: false }), 200, 'demote');
    await socket.next(permissions);
    must(await bob.api('GET', '/grant'), 403, 'no longer');
    must(await grant(`user:${bob.id}`, 'audit', []), 200, 'take back');
    await socket.close();
  });

  test('of a change for everybody all hear, whether they are concerned or not', async () => {
    const [one, other] = await Promise.all([listen(server, bob), listen(server, root)]);
    const permissions = (object) => object.push?.channel.startsWith('user:') && object.push.pub?.data.event === 'permissions';
    must(await grant('members', 'audit', ['read']), 201, 'grant');
    for (const socket of [one, other]) assert.equal((await socket.next(permissions)).push.pub.data.everybody, true);
    must(await grant('members', 'audit', []), 200, 'take back');
    for (const socket of [one, other]) assert.equal((await socket.next(permissions)).push.pub.data.everybody, true);
    await Promise.all([one.close(), other.close()]);
  });

  test('after the answer that a right is taken nothing more is written', async () => {
    const before = must(await ann.api('GET', `/room/${room.id}`), 200, 'room').body;
    const socket = await listen(server, ann, room);
    let taken = false;
    const late = [];
    let accepted = 0;
    const write = async (how, i) => {
      const wasTaken = taken;
      const text = `${how} ${i}`;
      const fine =
        how === 'rest'
          ? (await ann.api('POST', `/room/${room.id}/message`, { text })).status === 201
          : !!(await socket.call('publish', { channel: `room:${room.id}`, data: { text } })).publish;
      if (fine) accepted++;
      if (fine && wasTaken) late.push(text);
      return fine;
    };
    for (let round = 0; round < 10; round++) {
      taken = false;
      const writes = [];
      for (let i = 0; i < 8; i++) writes.push(write('rest', `${round}/${i}`), write('socket', `${round}/${i}`));
      const revoke = grant('members', 'message', ['read']).then((answer) => {
        taken = true;
        return answer;
      });
      for (let i = 8; i < 16; i++) writes.push(write('rest', `${round}/${i}`), write('socket', `${round}/${i}`));
      must(await revoke, 201, 'take');
      for (let i = 16; i < 20; i++) writes.push(write('rest', `${round}/${i}`), write('socket', `${round}/${i}`));
      await Promise.all(writes);
      must(await grant('members', 'message', ALL), 201, 'give back');
    }
    assert.deepEqual(late, []);
    const now = must(await ann.api('GET', `/room/${room.id}`), 200, 'room').body;
    assert.equal(now.offset - before.offset, accepted, 'what was refused left nothing');
    await socket.close();
  });

  test('a group gives its rights to who is in it', async () => {
    const group = must(await root.api('POST', '/group', { name: 'editors' }), 201, 'group').body;
    must(await root.api('POST', '/group', { name: 'editors' }), 409, 'the same again');
    await withMembers('message', ['read'], async () => {
      must(await grant(`group:${group.id}`, 'message', ['write']), 201, 'grant');
      must(await bob.api('POST', `/room/${room.id}/message`, { text: 'x' }), 403, 'not in it');

      must(await root.api('POST', `/group/${group.id}/member`, { user: bob.id }), 204, 'in');
      must(await bob.api('POST', `/room/${room.id}/message`, { text: 'x' }), 201, 'in it');
      const { items } = must(await root.api('GET', '/group'), 200, 'list').body;
      assert.deepEqual(items, [{ id: group.id, name: 'editors', members: 1, users: [bob.id] }]);
      must(await root.api('DELETE', `/group/${group.id}/member/${bob.id}`), 204, 'out');
      must(await bob.api('POST', `/room/${room.id}/message`, { text: 'x' }), 403, 'out of it');

      must(await root.api('POST', `/group/${group.id}/member`, { user: bob.id }), 204, 'in again');
      must(await root.api('DELETE', `/group/${group.id}`), 204, 'no such group any more');
      must(await bob.api('POST', `/room/${room.id}/message`, { text: 'x' }), 403, 'gone with the group');
    });
    must(await root.api('POST', '/group/999/member', { user: bob.id }), 404, 'no such group');
    must(await root.api('DELETE', `/group/${group.id}`), 404, 'no such group');
  });

  test('grants are listed, and each change is recorded', async () => {
    const made = must(await grant('user:bob', 'audit', ['read', 'delete'], 'for <the> "year" \u2028 end'), 201, 'by name').body;
    assert.equal(made.subject, `user:${bob.id}`);
    const { items } = must(await root.api('GET', '/grant'), 200, 'list').body;
    const listed = items.find((item) => item.id === made.id);
    assert.deepEqual(listed, { ...made, name: 'bob' });
    assert.ok(items.some((item) => item.subject === 'members' && item.model === 'message'));

    must(await root.api('DELETE', `/grant/${made.id}`), 204, 'take back');
    must(await root.api('DELETE', `/grant/${made.id}`), 404, 'once');

    const audit = must(await root.api('GET', '/audit?limit=2'), 200, 'audit').body;
    assert.deepEqual(audit.items.map((item) => item.action), ['revoke', 'grant']);
    for (const item of audit.items) assert.equal(item.name, 'root');
    assert.deepEqual(audit.items[1].detail, {
      subject: 'user', id: bob.id, model: 'audit', before: [], after: ['read', 'delete'], reason: 'for <the> "year" \u2028 end',
    });
    assert.deepEqual(audit.items[0].detail.before, ['read', 'delete']);
    const more = must(await root.api('GET', `/audit?limit=200&before=${audit.next}`), 200, 'more').body;
    assert.ok(more.items.every((item) => item.id < audit.next));
    // Before anything else the example models got their default grants.
    assert.deepEqual(more.items.slice(-4).map((item) => item.action), ['setup', 'grant', 'grant', 'grant']);
  });

  test('a grant that makes no sense is refused with its place', async () => {
    for (const [body, pointers] of [
      [{}, ['/model', '/rights', '/subject']],
      [{ subject: 'user:999', model: 'room', rights: ['read'] }, ['/subject']],
      [{ subject: 'all', model: 'rooms', rights: ['all'] }, ['/model', '/rights', '/subject']],
      [{ subject: 'members', model: 'room', rights: ['read'], until: 'x' }, ['/until']],
      [{ subject: 'members', model: 'room', rights: ['read'], reason: 5 }, ['/reason']],
    ]) {
      const answer = must(await root.api('POST', '/grant', body), 422, JSON.stringify(body));
      assert.deepEqual(answer.body.errors.map((error) => error.pointer).sort(), pointers);
    }
  });

  test('what is open to everyone is open to strangers, until it is closed', async () => {
    const stranger = anonymous(server.url);
    must(await stranger.api('GET', `/room/${room.id}/message`), 401, 'before');
    for (const model of ['room', 'message']) must(await grant('everyone', model, ['read']), 201, model);
    must(await stranger.api('GET', `/room/${room.id}/message`), 200, 'open');
    must(await stranger.api('POST', `/room/${room.id}/message`, { text: 'x' }), 401, 'but not to write');
    const socket = await listen(server, null, room);
    for (const model of ['room', 'message']) must(await grant('everyone', model, []), 200, model);
    assert.equal((await socket.next((object) => object.push?.unsubscribe)).push.unsubscribe.code, 2000);
    must(await stranger.api('GET', `/room/${room.id}/message`), 401, 'closed');
    await socket.close();
  });

  test('an unknown token is nobody', async () => {
    const answer = await request(`${server.url}/api/v1/room`, { headers: { Cookie: `sid=${'x'.repeat(43)}` } });
    must(answer, 401, 'a cookie from elsewhere');
  });

  test('rights are the same after a restart', async () => {
    const first = await startServer();
    const boss = await firstAdministrator(first);
    const eve = await register(first.url, 'eve');
    must(await boss.api('POST', '/grant', { subject: `user:${eve.id}`, model: 'audit', rights: ['read', 'delete'] }), 201, 'grant');
    must(await boss.api('POST', '/grant', { subject: 'members', model: 'message', rights: [] }), 200, 'take');
    const { permissions } = must(await eve.api('GET', '/me'), 200, 'me').body;
    await first.stop();
    const second = await startServer({ dataDir: first.dataDir });
    try {
      const me = must(await request(`${second.url}/api/v1/me`, { headers: { Cookie: eve.cookie } }), 200, 'me').body;
      assert.deepEqual(me.permissions, permissions);
      assert.equal(me.permissions.message, undefined);
      const bossNow = must(await request(`${second.url}/api/v1/me`, { headers: { Cookie: boss.cookie } }), 200, 'boss').body;
      assert.equal(bossNow.user.superuser, true);
    } finally {
      await second.stop();
    }
  });
});
