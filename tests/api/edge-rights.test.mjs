// Rights on an edge: what it may no longer deliver, from the moment that changes.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import {
  assertNoGap,
  createRoom,
  login,
  must,
  open,
  register,
  setUpAdministrator,
  startNodes,
  through,
  untilAnswer,
} from './lib/nodes.mjs';
import { startProxy } from './lib/proxy.mjs';
import { PATIENCE_MS, rawConnect, startRedis, within } from './lib/server.mjs';

describe('rights on an edge', () => {
  let nodes, root, ann, room, talk;
  let people = 0;
  before(async () => {
    nodes = await startNodes();
    root = await setUpAdministrator(nodes.home);
    ann = await register(nodes.home.url, 'ann');
    room = await createRoom(ann, 'general');
    talk = await open(nodes.home, ann);
    talk.room = await talk.enter(room.id);
  });
  after(() => nodes?.stop());

  /** A new member on the edge who listens. */
  async function listener() {
    const me = await register(nodes.edge.url, `listener${++people}`);
    must(await me.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
    const chat = await open(nodes.edge, me);
    const ear = await chat.enter(room.id);
    await talk.room.say(`welcome ${me.name}`);
    await ear.untilText(`welcome ${me.name}`);
    return { me, chat, ear };
  }

  /** Say things after the right was taken; another listener on the same node proves that they were delivered there. */
  async function nothingMore(one, witness) {
    const from = witness.ear.heard.length;
    for (let i = 0; i < 30; i++) await talk.room.say(`not for ${one.me.name} ${i}`);
    await witness.ear.untilText(`not for ${one.me.name} 29`);
    assert.ok(witness.ear.heard.length - from >= 30);
    assert.deepEqual(one.ear.texts().filter((text) => text.startsWith('not for')), []);
  }

  const grantOf = async (subject, model) =>
    must(await root.api('GET', '/grant'), 200, 'grants').body.items.find((grant) => grant.subject === subject && grant.model === model);

  it('a grant taken back cuts off at once, and given again lets in again', async () => {
    const [one, witness] = [await listener(), await listener()];
    // The witness may read in its own right.
    must(await root.api('POST', '/grant', { subject: `user:${witness.me.id}`, model: 'message', rights: ['read'] }), 201, 'grant');
    must(await root.api('POST', '/grant', { subject: `user:${ann.id}`, model: 'message', rights: ['read', 'write'] }), 201, 'grant');
    const members = await grantOf('members', 'message');
    const isTold = (event) => event.event === 'permissions' && event.everybody;
    const told = one.chat.feed.items.filter(isTold).length; // by a node that has just begun, perhaps
    must(await root.api('DELETE', `/grant/${members.id}`), 204, 'revoke');
    await nothingMore(one, witness);
    assert.equal((await one.ear.untilSeen('unsubscribed')).code, 2000);
    assert.equal(witness.ear.seen.items.some((item) => item.name === 'unsubscribed'), false);
    one.chat.sdk.removeSubscription(one.ear.subscription);
    await assert.rejects(one.chat.enter(room.id), { code: 103 });
    must(await root.api('POST', '/grant', { subject: 'members', model: 'message', rights: members.rights }), 201, 'grant again');
    one.chat.sdk.removeSubscription(one.chat.sdk.getSubscription(`room:${room.id}`));
    const again = await one.chat.enter(room.id);
    await talk.room.say('back again');
    await again.untilText('back again');
    await one.chat.feed.until('the own feed telling of both changes', (items) => items.filter(isTold).length >= told + 2);
  });

  it('leaving a group takes what it granted', async () => {
    const [one, witness] = [await listener(), await listener()];
    const group = must(await root.api('POST', '/group', { name: 'readers' }), 201, 'group').body;
    must(await root.api('POST', `/group/${group.id}/member`, { user: one.me.id }), 204, 'join the group');
    for (const subject of [`user:${witness.me.id}`, `user:${ann.id}`, `group:${group.id}`])
      must(await root.api('POST', '/grant', { subject, model: 'message', rights: ['read', 'write'] }), 201, 'grant');
    const members = await grantOf('members', 'message');
    must(await root.api('DELETE', `/grant/${members.id}`), 204, 'revoke');
    await talk.room.say('the group still may');
    await one.ear.untilText('the group still may');
    must(await root.api('DELETE', `/group/${group.id}/member/${one.me.id}`), 204, 'leave the group');
    await nothingMore(one, witness);
    assert.equal((await one.ear.untilSeen('unsubscribed')).code, 2000);
    must(await root.api('POST', '/grant', { subject: 'members', model: 'message', rights: members.rights }), 201, 'grant again');
  });

  it('thousands of subscriptions lose their right together, and are all listed again by a new home', async (test) => {
    const many = await startNodes({ test });
    const admin = await setUpAdministrator(many.home);
    const bob = await register(many.edge.url, 'bob');
    const rooms = [];
    for (let i = 0; i < 100; i++) rooms.push((await createRoom(bob, `room ${i}`)).id);
    const sockets = [];
    for (let i = 0; i < 35; i++) {
      const socket = await rawConnect(many.edge.url, { cookie: bob.cookie });
      await socket.connect();
      const replies = await Promise.all(rooms.map((id) => socket.call('subscribe', { channel: `room:${id}` })));
      assert.deepEqual(replies.filter((reply) => reply.error), []);
      sockets.push(socket);
    }

    await many.home.kill('SIGKILL');
    await many.restartHome();
    const listed = () => Promise.all(rooms.map(async (id) => (await sockets[0].call('presence_stats', { channel: `room:${id}` })).presence_stats?.num_clients));
    await untilAnswer('all are listed', listed, (counts) => counts.every?.((count) => count === sockets.length));

    const { items } = must(await through(many.home, admin).api('GET', '/grant'), 200, 'grants').body;
    const members = items.find((grant) => grant.subject === 'members' && grant.model === 'message');
    must(await through(many.home, admin).api('DELETE', `/grant/${members.id}`), 204, 'revoke');
    for (const socket of sockets)
      for (const id of rooms) assert.equal((await socket.push(`room:${id}`)).unsubscribe?.code, 2000);
    for (const socket of sockets) await socket.close();
  });

  const ends = {
    'signing out on another node': (one) => through(nodes.home, one.me).api('POST', '/logout'),
    'signing out on the edge itself': (one) => one.me.api('POST', '/logout'),
    'being disabled': (one) => root.api('PATCH', `/user/${one.me.id}`, { disabled: true }),
    'a new password set elsewhere': async (one) => {
      const other = await login(nodes.home.url, one.me.name, one.me.password);
      return other.api('POST', '/me/password', { old: one.me.password, new: 'another long password' });
    },
    'the session being revoked from another one': async (one) => {
      const other = await login(nodes.home.url, one.me.name, one.me.password);
      const { items } = must(await other.api('GET', '/session'), 200, 'sessions').body;
      for (const session of items) if (!session.current) await other.api('DELETE', `/session/${session.id}`);
      return other.api('GET', '/me');
    },
  };
  for (const [name, end] of Object.entries(ends))
    it(`${name} closes the sockets there with 3507, for good`, async () => {
      const [one, witness] = [await listener(), await listener()];
      const answer = await end(one);
      assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
      await nothingMore(one, witness);
      assert.equal((await one.chat.ended()).code, 3507);
      assert.equal((await one.me.api('GET', '/me')).status, 401);
      });

  it('a room that becomes private shuts out who only looked in', async () => {
    const mine = await createRoom(ann, 'to be private');
    const hers = await talk.enter(mine.id);
    const guest = await register(nodes.edge.url, 'guest');
    const chat = await open(nodes.edge, guest);
    const his = await chat.enter(mine.id);
    await hers.say('all may read this');
    await his.untilText('all may read this');
    must(await ann.api('PATCH', `/room/${mine.id}`, { kind: 'private' }), 200, 'make it private');
    await hers.say('but not this');
    await hers.untilText('but not this');
    assert.equal((await his.untilSeen('unsubscribed')).code, 2000);
    assert.deepEqual(his.texts(), ['all may read this']);
  });

  it('an edge that was asleep delivers nothing to who lost the right meanwhile', async () => {
    const [one, witness] = [await listener(), await listener()];
    nodes.edge.signal('SIGSTOP');
    try {
      await talk.room.say('not for the sleeper: written before the right was taken, and not delivered yet');
      must(await root.api('PATCH', `/user/${one.me.id}`, { disabled: true }), 200, 'disable');
      await talk.room.say(`not for ${one.me.name} at all`);
    } finally {
      nodes.edge.signal('SIGCONT');
    }
    await witness.ear.untilText(`not for ${one.me.name} at all`);
    assert.equal((await one.chat.ended()).code, 3507);
    assert.deepEqual(one.ear.texts().filter((text) => text.endsWith('at all')), []);
  });

  it('many revocations against many messages: none is late', async () => {
    const readers = [];
    for (let i = 0; i < 8; i++) readers.push(await listener());
    let number = 0;
    let isTalking = true;
    const talking = (async () => {
      while (isTalking) await talk.room.say(`n ${++number}`);
    })();
    const cutAt = new Map();
    for (const one of readers.slice(1)) {
      const before = number;
      await readers[0].ear.heard.until('more messages', () => number > before + 5);
      must(await root.api('PATCH', `/user/${one.me.id}`, { disabled: true }), 200, 'disable');
      cutAt.set(one, number); // every message with a higher number was asked for after the answer
    }
    isTalking = false;
    await talking;
    await readers[0].ear.untilText(`n ${number}`);
    for (const one of readers.slice(1)) {
      await one.chat.ended();
      const last = Math.max(...one.ear.texts().filter((text) => text.startsWith('n ')).map((text) => Number(text.slice(2))));
      assert.ok(last <= cutAt.get(one), `heard ${last}, cut off after ${cutAt.get(one)}`);
    }
    assertNoGap(readers[0].ear.heard, readers[0].ear.entered.streamPosition.offset);
  });
});

it('who listens to nothing, and whose token was deleted while the edge heard nothing, is disconnected', async (test) => {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  test.after(() => (proxy.close(), redis.stop()));
  const nodes = await startNodes({ test, redis, edgeRedis: { ...redis, url: proxy.url } });
  const ann = await register(nodes.home.url, 'ann');
  const made = must(await ann.api('POST', '/token', { name: 'a program', scopes: { '*': ['read'] } }), 201, 'token').body;
  const client = await rawConnect(nodes.edge.url);
  test.after(() => client.terminate());
  assert.equal((await client.connect({ token: made.token })).connect?.subs, undefined);
  proxy.refuse();
  must(await ann.api('DELETE', `/token/${made.id}`), 204, 'delete');
  proxy.accept();
  assert.equal((await within(PATIENCE_MS, 'the end', client.closed)).code, 3507);
});
