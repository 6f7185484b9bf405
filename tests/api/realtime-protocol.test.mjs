// The realtime protocol from outside: framing, ids, answers, errors and limits.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { must } from './lib/client.mjs';
import { assertReason, assertWords, ended, say, settled, startWorld, subscribe } from './lib/talk.mjs';
import { frame, openWebSocket } from './lib/raw.mjs';
import { nextEvent, rawConnect } from './lib/realtime.mjs';

describe('the realtime protocol', () => {
  let world, ann, bob, room;
  before(async () => {
    world = await startWorld({ 'realtime.channels_max': 4 });
    ({ ann, bob, room } = world);
  });
  after(() => world?.stop());

  it('lets two people chat through the SDK', async () => {
    const [hers, his] = await Promise.all([world.sdk(ann), world.sdk(bob)]);
    const subscription = his.newSubscription(`room:${room.id}`);
    subscription.subscribe();
    await nextEvent(subscription, 'subscribed');
    const heard = nextEvent(subscription, 'publication');
    await hers.publish(`room:${room.id}`, { text: 'hello bob' });
    const { data, offset } = await heard;
    assert.equal(data.event, 'message.created');
    assert.equal(data.message.text, 'hello bob');
    assert.equal(data.message.author_name, 'ann');
    assert.equal(data.message.offset, offset);
    const detail = await his.rpc('room.detail', { id: room.id });
    assert.equal(detail.data.name, room.name);
    hers.disconnect();
    his.disconnect();
  });

  it('answers connect, subscribe and what follows, all sent in one frame', async () => {
    const client = await rawConnect(world.url, { cookie: ann.cookie });
    client.send(
      { connect: { name: 'js' }, id: 1 },
      { subscribe: { channel: `room:${room.id}` }, id: 2 },
      { history: { channel: `room:${room.id}`, limit: 1 }, id: 3 },
      { publish: { channel: `room:${room.id}`, data: { text: 'all at once' } }, id: 4 },
      { unsubscribe: { channel: 'room:77' }, id: 5 },
    );
    const replies = {};
    while (Object.keys(replies).length < 5) {
      const reply = await client.next((object) => object.id);
      replies[reply.id] = reply;
    }
    assert.equal(replies[1].connect.pong, true);
    assert.equal(replies[1].connect.ping, 25);
    assert.deepEqual(replies[1].connect.subs, { [`user:${ann.id}`]: {} });
    assert.ok(replies[2].subscribe.recoverable && replies[2].subscribe.positioned && replies[2].subscribe.epoch);
    assert.equal(replies[3].history.publications.length, 1);
    assert.deepEqual(replies[4], { id: 4, publish: {} });
    assert.deepEqual(replies[5], { id: 5, unsubscribe: {} });
    await client.close();
  });

  it('takes ids in any order up to the largest, and ignores what it does not know', async () => {
    const client = await world.raw(ann);
    for (const id of [4294967295, 7, 8, 3]) {
      client.send(`{"extra":[{"deep":{}}],"id":${id},"presence_stats":{"channel":"room:${room.id}","what":null},"more":1}`);
      const reply = await client.next((object) => object.id === id);
      assert.ok(reply.presence_stats, JSON.stringify(reply));
    }
    await client.close();
  });

  it('obeys the first command of an object with several', async () => {
    const client = await world.raw(ann);
    client.send(`{"id":50,"presence_stats":{"channel":"room:${room.id}"},"unsubscribe":{"channel":"x"}}`);
    const reply = await client.next((object) => object.id === 50);
    assert.deepEqual(Object.keys(reply), ['id', 'presence_stats']);
    await client.close();
  });

  for (const id of ['0', '-1', '1.5', '4294967296', '"2"', 'null', undefined])
    it(`closes with 3501 on the id ${id}`, async () => {
      const client = await world.raw(ann);
      client.send(`{${id === undefined ? '' : `"id":${id},`}"presence_stats":{"channel":"room:1"}}`);
      const end = await ended(client);
      assert.equal(end.code, 3501);
      assertReason(end);
    });

  it('behaves alike however a session is cut into segments and fragments', async () => {
    await say(ann, room, 'something in the log');
    const commands = [
      { connect: { name: 'js' }, id: 1 },
      { subscribe: { channel: `room:${room.id}`, flag: 1 }, id: 2 },
      { history: { channel: `room:${room.id}`, limit: 2, reverse: true }, id: 3 },
      { rpc: { method: 'room.detail', data: { id: room.id } }, id: 4 },
      { presence_stats: { channel: `room:${room.id}` }, id: 5 },
      { unsubscribe: { channel: `room:${room.id}` }, id: 6 },
      { subscribe: { channel: 'nothing:ä€😀' }, id: 7 },
    ].map((command) => JSON.stringify(command));
    const texts = commands.map((text) => Buffer.from(text));
    const joined = Buffer.from(commands.join('\n'));

    async function answers(send) {
      const raw = await openWebSocket(world.server.port, { Cookie: ann.cookie, Origin: world.url, Host: new URL(world.url).host });
      await send(raw);
      const replies = new Map();
      while (replies.size < commands.length)
        for (const line of (await raw.frame()).text.split('\n')) {
          const object = JSON.parse(line);
          if (object.connect) delete object.connect.client;
          // Who left a moment ago may still be counted.
          if (object.presence_stats) delete object.presence_stats;
          if (object.id) replies.set(object.id, object);
        }
      raw.destroy();
      return [...replies.keys()].sort().map((id) => replies.get(id));
    }
    const fragments = (payload, cuts) => {
      const ends = [...cuts, payload.length];
      return ends.map((end, i) =>
        frame(payload.subarray(ends[i - 1] ?? 0, end), { opcode: i ? 0 : 1, final: i === ends.length - 1 }));
    };

    const expected = await answers(async (raw) => raw.send(...texts.map((text) => frame(text))));
    assert.equal(expected[1].subscribe.positioned, true);
    assert.equal(expected[6].error.code, 102);
    assert.deepEqual(await answers(async (raw) => raw.send(frame(joined))), expected, 'one frame');
    assert.deepEqual(await answers(async (raw) => raw.send(Buffer.concat(texts.map((text) => frame(text))))), expected, 'one segment');
    assert.deepEqual(await answers(async (raw) => raw.drip(Buffer.concat(texts.map((text) => frame(text))))), expected, 'a segment each byte');
    const single = Array.from({ length: joined.length - 1 }, (_, i) => i + 1);
    assert.deepEqual(await answers(async (raw) => raw.send(...fragments(joined, single))), expected, 'a fragment each byte');
    const whole = frame(joined);
    for (let at = 1; at < whole.length; at++)
      assert.deepEqual(
        await answers(async (raw) => {
          raw.send(whole.subarray(0, at));
          await new Promise((resolve) => setImmediate(resolve));
          raw.send(whole.subarray(at));
        }),
        expected,
        `segments cut at byte ${at}`,
      );
    for (let at = 0; at <= joined.length; at++)
      assert.deepEqual(await answers(async (raw) => raw.send(...fragments(joined, [at]))), expected, `fragments cut at byte ${at}`);
  });

  describe('refuses with', () => {
    let client;
    before(async () => {
      client = await world.raw(ann);
      await subscribe(client, `room:${room.id}`);
    });
    after(() => client?.close());

    const channel = () => `room:${room.id}`;
    const cases = [
      [101, 'a refresh with a token of nobody', () => ['refresh', { token: 'nobody' }]],
      [101, 'a refresh without a token', () => ['refresh', {}]],
      [102, 'a channel of no kind', () => ['subscribe', { channel: 'nothing:1' }]],
      [102, 'a room that does not exist', () => ['subscribe', { channel: 'room:999999' }]],
      [102, 'the history of a room that does not exist', () => ['history', { channel: 'room:999999', limit: 1 }]],
      [102, 'the presence of a room that does not exist', () => ['presence', { channel: 'room:999999' }]],
      [102, 'the numbers of a room that does not exist', () => ['presence_stats', { channel: 'room:999999' }]],
      [102, 'something to publish to a room that does not exist', () => ['publish', { channel: 'room:999999', data: { text: 'x' } }]],
      [102, 'a channel of no kind to publish to', () => ['publish', { channel: 'nothing:1', data: { text: 'x' } }]],
      [103, "somebody else's feed", () => ['subscribe', { channel: `user:${bob.id}` }]],
      [103, "the presence of somebody else's feed", () => ['presence', { channel: `user:${bob.id}` }]],
      [103, 'something to publish to a feed', () => ['publish', { channel: `user:${ann.id}`, data: { text: 'x' } }]],
      [103, 'an action for administrators', () => ['rpc', { method: 'grant.list' }]],
      [108, 'a method that does not exist', () => ['rpc', { method: 'room.explode', data: {} }]],
      [108, 'no method', () => ['rpc', { data: {} }]],
      [108, 'a method of the server itself', () => ['rpc', { method: 'channel.positions', data: { items: [] } }]],
      [108, 'a method that needs cookies', () => ['rpc', { method: 'account.login', data: {} }]],
      [108, 'the history of a channel that keeps none', () => ['history', { channel: `user:${ann.id}`, limit: 1 }]],
      [105, 'a second subscribe', () => ['subscribe', { channel: channel() }]],
      [105, 'a subscribe to what the server subscribed us to', () => ['subscribe', { channel: `user:${ann.id}` }]],
      [107, 'no channel', () => ['subscribe', {}]],
      [107, 'an empty channel', () => ['subscribe', { channel: '' }]],
      [107, 'a channel that is a number', () => ['subscribe', { channel: 1 }]],
      [107, 'a channel of 256 bytes', () => ['subscribe', { channel: `room:${'1'.repeat(251)}` }]],
      [107, 'a room that is no number', () => ['subscribe', { channel: 'room:general' }]],
      [107, 'a room with a leading zero', () => ['subscribe', { channel: 'room:01' }]],
      [107, 'an unsubscribe without a channel', () => ['unsubscribe', {}]],
      [107, 'a history without a channel', () => ['history', {}]],
      [107, 'presence without a channel', () => ['presence', {}]],
      [107, 'a publish without data', () => ['publish', { channel: channel() }]],
      [107, 'data that is a text', () => ['publish', { channel: channel(), data: 'hello' }]],
      [107, 'a message without a text', () => ['publish', { channel: channel(), data: {} }]],
      [107, 'a message that is too long', () => ['publish', { channel: channel(), data: { text: 'x'.repeat(4001) } }]],
      [107, 'a message with something unknown', () => ['publish', { channel: channel(), data: { text: 'x', colour: 1 } }]],
      [107, 'parameters that are a list', () => ['rpc', { method: 'room.detail', data: [1] }]],
      [107, 'a parameter of the wrong kind', () => ['rpc', { method: 'room.detail', data: { id: 'one' } }]],
      [108, 'a ping', () => ['ping', {}]],
      [108, 'a sub_refresh', () => ['sub_refresh', { channel: channel(), token: 'x' }]],
      [112, 'a history of another epoch', () => ['history', { channel: channel(), limit: 1, since: { offset: 0, epoch: 'older' } }]],
    ];
    for (const [code, what, command] of cases)
      it(`${code}: ${what}`, async () => {
        const reply = await client.call(...command());
        assert.ok(reply.error, JSON.stringify(reply));
        assert.equal(reply.error.code, code, JSON.stringify(reply));
        assert.equal(reply.error.temporary ?? false, false);
        assertWords(reply.error);
      });

    it('409: what exists already', async () => {
      const reply = await client.call('rpc', { method: 'room.create', data: { kind: 'public', name: room.name, topic: '' } });
      assert.equal(reply.error.code, 409);
      assert.equal(JSON.parse(reply.error.message).code, 'conflict');
    });

    it('103: whoever is not in the room writes', async () => {
      const cleo = await world.server.addUser('cleo');
      const hers = await world.raw(cleo);
      const reply = await hers.call('publish', { channel: channel(), data: { text: 'x' } });
      assert.equal(reply.error.code, 103);
      assertWords(reply.error);
      await hers.close();
    });

    it('102: a private room that one is not in, as if it were not there', async () => {
      const hidden = must(await bob.api('POST', '/room', { kind: 'private', name: 'hidden' }), 201, 'create').body;
      const replies = await Promise.all([
        client.call('subscribe', { channel: `room:${hidden.id}` }),
        client.call('subscribe', { channel: 'room:999999' }),
      ]);
      assert.equal(replies[0].error.code, 102);
      assert.deepEqual(replies[0].error, replies[1].error);
    });

    it('106: one channel too many; unsubscribing makes room', async () => {
      const rooms = await Promise.all([1, 2, 3].map(() => world.newRoom()));
      await subscribe(client, `room:${rooms[0].id}`);
      await subscribe(client, `room:${rooms[1].id}`); // the own feed counts too
      const reply = await client.call('subscribe', { channel: `room:${rooms[2].id}` });
      assert.equal(reply.error.code, 106);
      assertWords(reply.error);
      assert.deepEqual((await client.call('unsubscribe', { channel: `room:${rooms[0].id}` })).unsubscribe, {});
      await subscribe(client, `room:${rooms[2].id}`);
      for (const one of rooms) await client.call('unsubscribe', { channel: `room:${one.id}` });
    });

    it('nothing but success: every unsubscribe', async () => {
      for (const name of ['room:999999', 'nothing:1', channel(), channel(), `user:${ann.id}`])
        assert.deepEqual((await client.call('unsubscribe', { channel: name })).unsubscribe, {}, name);
      await settled(client);
      const before = client.waiting().length;
      await say(bob, room, 'nobody here hears this');
      await settled(client);
      assert.equal(client.waiting().length, before);
    });
  });

  it('takes a refresh with the token of the same person only', async () => {
    const client = await world.raw(ann);
    const token = ann.cookie.split('=')[1];
    const reply = await client.call('refresh', { token });
    assert.equal(reply.refresh.client, client.id);
    assert.ok(reply.refresh.expires && reply.refresh.ttl > 0, JSON.stringify(reply));
    const other = await client.call('refresh', { token: bob.cookie.split('=')[1] });
    assert.equal(other.error.code, 101);
    assert.equal((await client.call('rpc', { method: 'me.detail' })).rpc.data.user.id, ann.id);
    await client.close();
  });
});
