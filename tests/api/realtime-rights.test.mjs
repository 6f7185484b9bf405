// A right that is taken away is gone at once: on open sockets, for what is on its way, for the others nothing changes.
import { strict as assert } from 'node:assert';
import { after, before, beforeEach, describe, it } from 'node:test';
import { login, must } from './lib/client.mjs';
import { createRoom } from './lib/nodes.mjs';
import { nextEvent, rawConnect } from './lib/realtime.mjs';
import { assertReason, assertWords, ended, pushes, say, sdkWithSocket, settled, startWorld, subscribe } from './lib/talk.mjs';

let world, ann, bob, root;
before(async () => {
  world = await startWorld();
  ({ ann, bob } = world);
  root = await world.administrator();
});
after(() => world?.stop());

const grant = async (subject, model, rights) => {
  const answer = await root.api('POST', '/grant', { subject, model, rights, reason: 'a test' });
  // To take what is not there is a 404, and as good.
  return rights.length || answer.status !== 404 ? must(answer, rights.length ? 201 : 200, `grant ${rights} to ${subject}`).body : null;
};
const mine = (client, channel) => pushes(client).filter((push) => push.channel === channel);
const ALL = ['read', 'write', 'delete'];

/** Everybody may what members usually may; ann also by a grant of her own. */
async function restore() {
  await grant(`user:${ann.id}`, 'message', ALL);
  await grant(`user:${bob.id}`, 'message', []);
  await grant('members', 'message', ALL);
}

/**
 * Publish without a pause, take the right away in the middle, and go on: after the answer to `revoke` the victim hears
 * nothing but the unsubscribe push, while the witness hears everything.
 */
async function cutOff(room, victim, witness, revoke) {
  const channel = `room:${room.id}`;
  await subscribe(victim, channel);
  const { offset } = await subscribe(witness, channel);
  const author = await world.raw(ann);
  const publish = async (text) => assert.ok((await author.call('publish', { channel, data: { text } })).publish);
  let isOver = false;
  const talking = (async () => {
    while (!isOver) await publish('on and on');
  })();
  await victim.push(channel); // the talk has begun
  await revoke();
  await settled(victim);
  const heard = mine(victim, channel);
  const last = heard.pop();
  assert.equal(last.unsubscribe?.code, 2000, JSON.stringify(last));
  assertReason(last.unsubscribe);
  assert.ok(heard.every((push) => push.pub));
  isOver = true;
  await talking;
  for (let i = 0; i < 5; i++) await publish('more');
  await publish('the end');
  await settled(victim);
  assert.deepEqual(mine(victim, channel), [...heard, last], 'nothing comes behind the unsubscribe');
  const seen = [];
  while (seen.at(-1)?.data.message?.text !== 'the end') seen.push((await witness.push(channel)).pub);
  assert.deepEqual(seen.map((pub) => pub.offset), seen.map((_, i) => offset + 1 + i));
  await author.close();
}

describe('nothing more is delivered once', () => {
  beforeEach(restore);
  after(restore);
  for (const [what, revoke] of [
    ['a grant of the members is deleted', async () => {
      const { items } = must(await root.api('GET', '/grant'), 200, 'grants').body;
      const { id } = items.find((one) => one.subject === 'members' && one.model === 'message');
      must(await root.api('DELETE', `/grant/${id}`), 204, 'revoke');
    }],
    ['a grant of the members is made smaller', () => grant('members', 'message', ['write'])],
  ])
    it(what, async () => {
      const room = await world.newRoom();
      const victim = await world.raw(bob);
      const witness = await world.raw(ann);
      await cutOff(room, victim, witness, revoke);
      const reply = await victim.call('subscribe', { channel: `room:${room.id}` });
      assert.equal(reply.error.code, 103);
      for (const method of ['history', 'presence', 'presence_stats'])
        assert.equal((await victim.call(method, { channel: `room:${room.id}`, limit: 1 })).error.code, 103, method);
      await grant('members', 'message', ALL);
      await subscribe(victim, `room:${room.id}`);
      await Promise.all([victim.close(), witness.close()]);
    });

  it('the grant of one person is taken back', async () => {
    const room = await world.newRoom();
    await grant('members', 'message', []);
    await grant(`user:${bob.id}`, 'message', ['read']);
    const victim = await world.raw(bob);
    const witness = await world.raw(ann);
    await cutOff(room, victim, witness, () => grant(`user:${bob.id}`, 'message', []));
    const events = mine(victim, `user:${bob.id}`).map((push) => push.pub.data.event);
    assert.ok(events.includes('permissions'), events.join());
    await Promise.all([victim.close(), witness.close()]);
  });

  it('the group is left that the right came from', async () => {
    const room = await world.newRoom();
    await grant('members', 'message', []);
    const group = must(await root.api('POST', '/group', { name: 'readers' }), 201, 'group').body;
    must(await root.api('POST', `/group/${group.id}/member`, { user: bob.id }), 204, 'join');
    await grant(`group:${group.id}`, 'message', ['read']);
    const victim = await world.raw(bob);
    const witness = await world.raw(ann);
    await cutOff(room, victim, witness, async () =>
      must(await root.api('DELETE', `/group/${group.id}/member/${bob.id}`), 204, 'part'));
    await Promise.all([victim.close(), witness.close()]);
  });

  it('a member of a private room is removed', async () => {
    const room = await world.newRoom('private');
    const victim = await world.raw(bob);
    const witness = await world.raw(ann);
    await cutOff(room, victim, witness, async () =>
      must(await ann.api('DELETE', `/room/${room.id}/member/${bob.id}`), 204, 'remove'));
    assert.equal((await victim.call('subscribe', { channel: `room:${room.id}` })).error.code, 102);
    const feed = [];
    while (feed.at(-1)?.event !== 'room.removed') feed.push((await victim.push(`user:${bob.id}`)).pub.data);
    assert.deepEqual(feed.at(-1), { event: 'room.removed', room: room.id });
    await Promise.all([victim.close(), witness.close()]);
  });

  it('one leaves a private room oneself', async () => {
    const room = await world.newRoom('private');
    const victim = await world.raw(bob);
    const witness = await world.raw(ann);
    await cutOff(room, victim, witness, async () => must(await bob.api('POST', `/room/${room.id}/leave`, {}), 204, 'leave'));
    await Promise.all([victim.close(), witness.close()]);
  });

  it('a room becomes private that one only visited; its members stay', async () => {
    const room = await world.newRoom();
    const cleo = await world.server.addUser('cleo');
    const victim = await world.raw(cleo);
    const witness = await world.raw(bob);
    await cutOff(room, victim, witness, async () => must(await ann.api('PATCH', `/room/${room.id}`, { kind: 'private' }), 200, 'hide'));
    assert.equal((await victim.call('subscribe', { channel: `room:${room.id}` })).error.code, 102);
    await Promise.all([victim.close(), witness.close()]);
  });
});

it('a room that is deleted ends for all who listen', async () => {
  const room = await world.newRoom();
  const clients = [await world.raw(ann), await world.raw(bob), await world.raw(bob)];
  for (const client of clients) await subscribe(client, `room:${room.id}`);
  must(await ann.api('DELETE', `/room/${room.id}`), 204, 'delete');
  for (const client of clients) assert.equal((await client.push(`room:${room.id}`)).unsubscribe.code, 2000);
  assert.equal((await clients[0].call('subscribe', { channel: `room:${room.id}` })).error.code, 102);
  await Promise.all(clients.map((client) => client.close()));
});

it('the SDK takes a right that is gone as the end of the subscription, and goes on otherwise', async () => {
  const room = await world.newRoom('private');
  const other = await world.newRoom();
  const sdk = await world.sdk(bob);
  const [lost, kept] = [room, other].map((one) => sdk.newSubscription(`room:${one.id}`));
  for (const subscription of [lost, kept]) {
    subscription.subscribe();
    await nextEvent(subscription, 'subscribed');
  }
  const end = nextEvent(lost, 'unsubscribed');
  must(await ann.api('DELETE', `/room/${room.id}/member/${bob.id}`), 204, 'remove');
  assert.equal((await end).code, 2000);
  assert.equal(sdk.state, 'connected');
  const heard = nextEvent(kept, 'publication');
  await say(ann, other, 'still here?');
  await heard;
  assert.equal(lost.state, 'unsubscribed');
  sdk.disconnect();
});

it('who may no longer write is refused, and goes on reading', async () => {
  const room = await world.newRoom();
  const client = await world.raw(bob);
  await subscribe(client, `room:${room.id}`);
  await grant('members', 'message', ['read']);
  const reply = await client.call('publish', { channel: `room:${room.id}`, data: { text: 'may I?' } });
  assert.equal(reply.error.code, 103);
  assertWords(reply.error);
  await say(ann, room, 'you may listen');
  assert.equal((await client.push(`room:${room.id}`)).pub.data.message.text, 'you may listen');
  await grant('members', 'message', ALL);
  await client.close();
});

describe('a connection ends with 3507 when', () => {
  let number = 0;
  /** Somebody new with two sessions, an open SDK on the first and raw sockets on both. */
  async function twoSessions() {
    const name = `guest${++number}`;
    const first = await world.server.addUser(name);
    const second = await login(world.url, name, first.password);
    return { first, second, sdk: await world.sdk(first), one: await world.raw(first), two: await world.raw(second) };
  }
  async function endsFor(people, change, { isSecondToo }) {
    const { sdk, one, two, second } = people;
    const gone = nextEvent(sdk, 'disconnected');
    await change();
    assert.equal((await gone).code, 3507);
    for (const client of isSecondToo ? [one, two] : [one]) {
      const end = await ended(client);
      assert.equal(end.code, 3507);
      assertReason(end);
    }
    if (isSecondToo) return;
    await settled(two);
    assert.equal(two.end, undefined);
    await two.close();
    await (await world.raw(second)).close();
  }

  it('one signs out: this session, not the others', async () => {
    const people = await twoSessions();
    await endsFor(people, async () => must(await people.first.api('POST', '/logout', {}), 204, 'logout'), { isSecondToo: false });
    await assert.rejects(sdkWithSocket(world.url, people.first.cookie), /not connected: 3507/);
  });

  it('a session is ended from another one', async () => {
    const people = await twoSessions();
    const { items } = must(await people.second.api('GET', '/session'), 200, 'sessions').body;
    const { id } = items.find((session) => !session.current);
    await endsFor(people, async () => must(await people.second.api('DELETE', `/session/${id}`), 204, 'end'), { isSecondToo: false });
  });

  it('the password is changed from another session', async () => {
    const people = await twoSessions();
    const { second } = people;
    await endsFor(people, async () => must(await second.api('POST', '/me/password', { old: second.password, new: 'another long password' }), 204, 'change'),
      { isSecondToo: false });
  });

  it('an administrator disables the account', async () => {
    const people = await twoSessions();
    await endsFor(people, async () => must(await root.api('PATCH', `/user/${people.first.id}`, { disabled: true }), 200, 'disable'),
      { isSecondToo: true });
    await assert.rejects(world.raw(people.first), /3507/);
  });

  it('and nothing that was queued is delivered with it', async () => {
    const room = await world.newRoom();
    const people = await twoSessions();
    await subscribe(people.one, `room:${room.id}`);
    const [answer] = await Promise.all([
      people.second.api('DELETE', `/session/${must(await people.second.api('GET', '/session'), 200, 'sessions').body.items.find((one) => !one.current).id}`),
      say(ann, room, 'at the same time'),
    ]);
    must(answer, 204, 'end');
    await ended(people.one);
    const before = pushes(people.one).length;
    await say(ann, room, 'later');
    assert.equal(pushes(people.one).length, before);
    await people.two.close();
    people.sdk.disconnect();
  });
});

describe('strangers', () => {
  it('read public rooms when everyone may, as long as everyone may, and nothing else', async () => {
    const room = await world.newRoom();
    const hidden = await createRoom(ann, 'not for strangers', 'private');
    const { id } = await grant('everyone', 'message', ['read']);
    const client = await rawConnect(world.url, {});
    const { connect } = await client.connect();
    assert.equal(connect.subs, undefined);
    await subscribe(client, `room:${room.id}`, { join_leave: true });
    const joined = await client.push(`room:${room.id}`);
    assert.deepEqual(joined.join, { info: { user: '', client: connect.client } });
    await say(ann, room, 'hello stranger');
    assert.equal((await client.push(`room:${room.id}`)).pub.data.message.text, 'hello stranger');
    assert.equal((await client.call('history', { channel: `room:${room.id}`, limit: 1 })).history.publications.length, 1);
    assert.deepEqual((await client.call('presence_stats', { channel: `room:${room.id}` })).presence_stats, { num_clients: 1, num_users: 1 });
    for (const [command, params, code] of [
      ['subscribe', { channel: `room:${hidden.id}` }, 102],
      ['subscribe', { channel: `user:${ann.id}` }, 103],
      ['subscribe', { channel: 'user:0' }, 103],
      ['publish', { channel: `room:${room.id}`, data: { text: 'x' } }, 101],
      ['rpc', { method: 'session.list' }, 101],
      ['rpc', { method: 'room.list' }, 101],
    ]) {
      const { error } = await client.call(command, params);
      assert.equal(error?.code, code, `${command} ${JSON.stringify(params)}`);
      assertWords(error);
    }
    must(await root.api('DELETE', `/grant/${id}`), 204, 'revoke');
    assert.equal((await client.push(`room:${room.id}`)).unsubscribe.code, 2000);
    await say(ann, room, 'no more strangers');
    await settled(client);
    assert.deepEqual(pushes(client), []);
    await client.close();
    const next = await rawConnect(world.url, {});
    next.send({ connect: {} });
    assert.equal((await ended(next)).code, 3507);
  });
});
