// What was missed comes back: recovery, history, and what is not in them; presence beside it.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { must } from './lib/client.mjs';
import { nextEvent } from './lib/realtime.mjs';
import { pushes, say, settled, startWorld, subscribe } from './lib/talk.mjs';

let world, ann, bob;
before(async () => {
  world = await startWorld({ 'realtime.recover_max': 20 });
  ({ ann, bob } = world);
});
after(() => world?.stop());

const offsets = (publications) => publications.map((publication) => publication.offset);
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('recovery', () => {
  it('gives what was missed, in order and once: messages, edits, deletions, reactions', async () => {
    const room = await world.newRoom();
    const first = await world.raw(bob);
    const { epoch, offset } = await subscribe(first, `room:${room.id}`);
    const listener = await world.raw(ann);
    await subscribe(listener, `room:${room.id}`);
    await first.terminate();

    const one = await say(ann, room, 'one');
    const two = await say(ann, room, 'two');
    must(await ann.api('PATCH', `/message/${one.id}`, { text: 'one, corrected' }), 200, 'edit');
    must(await bob.api('POST', `/message/${one.id}/reaction`, { emoji: '👍' }), 201, 'react');
    must(await bob.api('DELETE', `/message/${one.id}/reaction/${encodeURIComponent('👍')}`), 204, 'take back');
    must(await ann.api('DELETE', `/message/${two.id}`), 204, 'delete');
    must(await ann.api('POST', `/room/${room.id}/typing`, {}), 204, 'typing');
    must(await ann.api('PATCH', `/room/${room.id}`, { topic: 'new' }), 200, 'topic');

    const second = await world.raw(bob);
    const reply = await subscribe(second, `room:${room.id}`, { recover: true, offset, epoch });
    assert.equal(reply.recovered, true);
    assert.equal(reply.was_recovering, true);
    assert.equal(reply.offset, offset, 'the offset is the one that was asked for');
    assert.deepEqual(offsets(reply.publications), range(offset + 1, offset + 7));
    assert.deepEqual(reply.publications.map((publication) => publication.data.event), [
      'message.created', 'message.created', 'message.updated', 'reaction.added', 'reaction.removed', 'message.deleted', 'room.updated',
    ]);
    // Exactly as those heard it who were there; the typing in between has no offset.
    const live = [];
    while (live.length < 8) live.push((await listener.push(`room:${room.id}`)).pub);
    assert.deepEqual(reply.publications, live.filter((pub) => pub.offset));
    assert.deepEqual(live.filter((pub) => !pub.offset).map((pub) => pub.data), [{ event: 'typing', user: ann.id, name: 'ann' }]);

    await say(ann, room, 'live again');
    const { pub } = await second.push(`room:${room.id}`);
    assert.equal(pub.offset, offset + 8);
    assert.deepEqual(pushes(second).filter((push) => push.channel === `room:${room.id}`), []);
    await Promise.all([second.close(), listener.close()]);
  });

  it('through the SDK: the subscription goes on without a gap after a cut', async () => {
    const room = await world.newRoom();
    const sdk = await world.sdk(bob, { minReconnectDelay: 300, maxReconnectDelay: 400 });
    const subscription = sdk.newSubscription(`room:${room.id}`);
    const heard = [];
    subscription.on('publication', (context) => heard.push(context.offset));
    subscription.subscribe();
    const { streamPosition } = await nextEvent(subscription, 'subscribed');
    await say(ann, room, 'heard live');
    for (let round = 0; round < 5; round++) {
      const again = nextEvent(subscription, 'subscribed');
      sdk.socket().terminate();
      for (let i = 0; i < 3; i++) await say(ann, room, `missed ${round} ${i}`);
      const context = await again;
      assert.equal(context.wasRecovering, true);
      assert.equal(context.recovered, true);
    }
    const last = nextEvent(subscription, 'publication', (context) => context.data.message?.text === 'the end');
    await say(ann, room, 'the end');
    await last;
    assert.deepEqual(heard, range(streamPosition.offset + 1, streamPosition.offset + 17));
    sdk.disconnect();
  });

  it('of nothing missed is a recovery too', async () => {
    const room = await world.newRoom();
    const client = await world.raw(bob);
    const { epoch, offset } = await subscribe(client, `room:${room.id}`);
    await client.call('unsubscribe', { channel: `room:${room.id}` });
    const reply = await subscribe(client, `room:${room.id}`, { recover: true, offset, epoch });
    assert.deepEqual([reply.recovered, reply.was_recovering, reply.offset, reply.publications], [true, true, offset, []]);
    await client.close();
  });

  it('of a log from its start needs no epoch', async () => {
    const room = await world.newRoom();
    const client = await world.raw(bob);
    const reply = await subscribe(client, `room:${room.id}`, { recover: true });
    assert.equal(reply.recovered, true);
    assert.deepEqual(offsets(reply.publications), range(1, room.offset));
    await client.close();
  });

  for (const [what, change] of [
    ['another epoch', (position) => ({ ...position, epoch: 'another' })],
    ['an offset above the top', (position) => ({ ...position, offset: position.offset + 1 })],
    ['an offset far above the top', (position) => ({ ...position, offset: 9007199254740991 })],
    ['a negative offset', (position) => ({ ...position, offset: -1 })],
    ['an offset that is no number', (position) => ({ ...position, offset: 'x' })],
  ])
    it(`is refused for ${what}: recovered is false, and the position is the top`, async () => {
      const room = await world.newRoom();
      await say(ann, room, 'something');
      const client = await world.raw(bob);
      const { epoch, offset } = await subscribe(client, `room:${room.id}`);
      await client.call('unsubscribe', { channel: `room:${room.id}` });
      const params = { recover: true, ...change({ epoch, offset }) };
      const reply = await subscribe(client, `room:${room.id}`, params);
      assert.deepEqual([reply.recovered, reply.was_recovering, reply.offset, reply.epoch], [undefined, true, offset, epoch]);
      assert.equal(reply.publications, undefined);
      await client.call('unsubscribe', { channel: `room:${room.id}` });

      const strict = await client.call('subscribe', { channel: `room:${room.id}`, flag: 2, ...params });
      assert.equal(strict.error.code, 112);
      // The refusal leaves nothing behind: the next try is no second subscription.
      await subscribe(client, `room:${room.id}`, { flag: 2 });
      await client.close();
    });

  it('reaches as far back as the limit and not one further', async () => {
    const room = await world.newRoom();
    const client = await world.raw(bob);
    const { epoch, offset } = await subscribe(client, `room:${room.id}`);
    await client.call('unsubscribe', { channel: `room:${room.id}` });
    for (let i = 0; i < 21; i++) await say(ann, room, `${i}`);
    const reply = await subscribe(client, `room:${room.id}`, { recover: true, epoch, offset: offset + 1 });
    assert.equal(reply.recovered, true);
    assert.deepEqual(offsets(reply.publications), range(offset + 2, offset + 21));
    await client.call('unsubscribe', { channel: `room:${room.id}` });
    const late = await subscribe(client, `room:${room.id}`, { recover: true, epoch, offset });
    assert.deepEqual([late.recovered, late.offset], [undefined, offset + 21]);
    await client.close();
  });

  it('that is not possible any more makes the SDK subscribe clean, and it goes on', async () => {
    const room = await world.newRoom();
    const sdk = await world.sdk(bob);
    const subscription = sdk.newSubscription(`room:${room.id}`);
    subscription.subscribe();
    await nextEvent(subscription, 'subscribed');
    const again = nextEvent(subscription, 'subscribed');
    sdk.disconnect(); // and not a cut, behind which it would be back before all is said
    await Promise.all(Array.from({ length: 25 }, (_, i) => say(ann, room, `${i}`)));
    sdk.connect();
    const context = await again;
    assert.deepEqual([context.wasRecovering, context.recovered], [true, false]);
    const heard = nextEvent(subscription, 'publication');
    await say(ann, room, 'on we go');
    assert.equal((await heard).offset, context.streamPosition.offset + 1);
    sdk.disconnect();
  });

  it('of long messages stays within what one answer may be', async () => {
    const room = await world.newRoom();
    const client = await world.raw(bob);
    const { epoch, offset } = await subscribe(client, `room:${room.id}`);
    await client.call('unsubscribe', { channel: `room:${room.id}` });
    for (let i = 0; i < 20; i++) await say(ann, room, '🦜'.repeat(4000));
    const reply = await subscribe(client, `room:${room.id}`, { recover: true, epoch, offset });
    assert.equal(reply.recovered, true);
    assert.equal(reply.publications.length, 20);
    await client.close();
  });
});

describe('history', () => {
  let room, client, top, epoch;
  before(async () => {
    room = await world.newRoom();
    for (let i = 0; i < 30; i++) await say(ann, room, `${i}`);
    client = await world.raw(bob);
    ({ offset: top, epoch } = await subscribe(client, `room:${room.id}`));
  });
  after(() => client?.close());
  const ask = async (params) => (await client.call('history', { channel: `room:${room.id}`, ...params })).history;

  it('of limit 0 is the position alone', async () => {
    assert.deepEqual(await ask({ limit: 0 }), { publications: [], epoch, offset: top });
    assert.deepEqual(await ask({}), { publications: [], epoch, offset: top });
  });
  it('of limit -1 is as much as the limit of the server', async () => {
    const { publications, offset } = await ask({ limit: -1 });
    assert.deepEqual(offsets(publications), range(1, 20));
    assert.equal(offset, top);
  });
  it('has no more than asked for, from the start', async () => {
    assert.deepEqual(offsets((await ask({ limit: 3 })).publications), [1, 2, 3]);
    assert.equal((await ask({ limit: 1000000 })).publications.length, 20);
  });
  it('goes on from a position', async () => {
    assert.deepEqual(offsets((await ask({ limit: 3, since: { offset: 5, epoch } })).publications), [6, 7, 8]);
    assert.deepEqual(offsets((await ask({ limit: 3, since: { offset: top - 1, epoch } })).publications), [top]);
    assert.deepEqual((await ask({ limit: 3, since: { offset: top, epoch } })).publications, []);
    assert.deepEqual((await ask({ limit: 3, since: { offset: top + 10 } })).publications, []);
  });
  it('goes backwards', async () => {
    assert.deepEqual(offsets((await ask({ limit: 3, reverse: true })).publications), [top, top - 1, top - 2]);
    assert.deepEqual(offsets((await ask({ limit: 3, reverse: true, since: { offset: 5, epoch } })).publications), [4, 3, 2]);
    assert.deepEqual(offsets((await ask({ limit: 3, reverse: true, since: { offset: 2, epoch } })).publications), [1]);
    assert.deepEqual((await ask({ limit: 3, reverse: true, since: { offset: 1, epoch } })).publications, []);
  });
  it('holds what was pushed, and no typing', async () => {
    must(await ann.api('POST', `/room/${room.id}/typing`, {}), 204, 'typing');
    const said = await say(ann, room, 'the newest');
    const typing = await client.push(`room:${room.id}`);
    assert.deepEqual(typing.pub, { data: { event: 'typing', user: ann.id, name: 'ann' } });
    const { pub } = await client.push(`room:${room.id}`);
    assert.equal(pub.data.message.id, said.id);
    assert.deepEqual((await ask({ limit: 1, reverse: true })).publications, [pub]);
    top++;
  });
  it('through the SDK', async () => {
    const sdk = await world.sdk(bob);
    const result = await sdk.history(`room:${room.id}`, { limit: 2, since: { offset: 3, epoch } });
    assert.deepEqual(offsets(result.publications), [4, 5]);
    assert.deepEqual([result.epoch, result.offset], [epoch, top]);
    sdk.disconnect();
  });
});

describe('presence', () => {
  it('lists who listens, by connection, and counts connections and people', async () => {
    const room = await world.newRoom();
    const channel = `room:${room.id}`;
    const [first, second, third] = [await world.raw(ann), await world.raw(ann), await world.raw(bob)];
    assert.deepEqual((await third.call('presence', { channel })).presence, { presence: {} });
    assert.deepEqual((await third.call('presence_stats', { channel })).presence_stats, { num_clients: 0, num_users: 0 });
    for (const client of [first, second, third]) await subscribe(client, channel);
    const info = (me, client) => ({ user: String(me.id), client: client.id, conn_info: { name: me.name } });
    const everybody = { [first.id]: info(ann, first), [second.id]: info(ann, second), [third.id]: info(bob, third) };
    assert.deepEqual((await third.call('presence', { channel })).presence, { presence: everybody });
    assert.deepEqual((await third.call('presence_stats', { channel })).presence_stats, { num_clients: 3, num_users: 2 });

    await first.call('unsubscribe', { channel });
    delete everybody[first.id];
    assert.deepEqual((await third.call('presence', { channel })).presence, { presence: everybody });
    await Promise.all([first.close(), second.close(), third.close()]);
  });

  it('tells joins and leaves to those who asked, and to no others', async () => {
    const room = await world.newRoom();
    const channel = `room:${room.id}`;
    const [asker, other, guest] = [await world.raw(ann), await world.raw(bob), await world.raw(bob)];
    await subscribe(asker, channel, { join_leave: true });
    await subscribe(other, channel);
    const info = (me, client) => ({ user: String(me.id), client: client.id, conn_info: { name: me.name } });
    assert.deepEqual(await asker.push(channel), { channel, join: { info: info(ann, asker) } });
    assert.deepEqual(await asker.push(channel), { channel, join: { info: info(bob, other) } });

    await subscribe(guest, channel);
    assert.deepEqual(await asker.push(channel), { channel, join: { info: info(bob, guest) } });
    await guest.call('unsubscribe', { channel });
    assert.deepEqual(await asker.push(channel), { channel, leave: { info: info(bob, guest) } });
    await subscribe(guest, channel);
    assert.deepEqual(await asker.push(channel), { channel, join: { info: info(bob, guest) } });
    await guest.terminate();
    assert.deepEqual(await asker.push(channel), { channel, leave: { info: info(bob, guest) } });
    await settled(other);
    assert.deepEqual(pushes(other).filter((push) => push.channel === channel), []);
    await Promise.all([asker.close(), other.close()]);
  });

  it('through the SDK: joins, leaves and the list', async () => {
    const room = await world.newRoom();
    const [hers, his] = [await world.sdk(ann), await world.sdk(bob)];
    const subscription = hers.newSubscription(`room:${room.id}`, { joinLeave: true });
    const own = nextEvent(subscription, 'join');
    subscription.subscribe();
    assert.equal((await own).info.user, String(ann.id));
    const joined = nextEvent(subscription, 'join');
    const other = his.newSubscription(`room:${room.id}`);
    other.subscribe();
    assert.equal((await joined).info.user, String(bob.id));
    assert.equal(Object.keys((await subscription.presence()).clients).length, 2);
    assert.deepEqual(await subscription.presenceStats(), { numClients: 2, numUsers: 2 });
    const left = nextEvent(subscription, 'leave');
    his.disconnect();
    assert.equal((await left).info.user, String(bob.id));
    hers.disconnect();
  });

  it('of large rooms is told by numbers only', async () => {
    const small = await startWorld({ 'realtime.join_leave_max': 2 });
    const channel = `room:${small.room.id}`;
    const [first, second, third] = [await small.raw(small.ann), await small.raw(small.bob), await small.raw(small.bob)];
    await subscribe(first, channel, { join_leave: true });
    await subscribe(second, channel);
    for (let i = 0; i < 2; i++) assert.ok((await first.push(channel)).join);
    await subscribe(third, channel);
    await settled(first);
    assert.deepEqual(pushes(first).filter((push) => push.channel === channel), []);
    assert.equal((await first.call('presence_stats', { channel })).presence_stats.num_clients, 3);
    await Promise.all([first.close(), second.close(), third.close()]);
    await small.stop();
  });
});
