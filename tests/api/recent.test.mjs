// What was missed comes out of memory: the same answers as from the data base, which is read as often as there are
// rooms, not clients.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { Chance } from './lib/chance.mjs';
import { createRoom, must, ready, register, startNodes, through } from './lib/nodes.mjs';
import { rawConnect } from './lib/realtime.mjs';
import { keepTalking, metric, pushes, say, settled, subscribe, untilMetric } from './lib/talk.mjs';

const offsets = (publications) => publications.map((publication) => publication.offset);
// The tests' own chance; PARLEY_SEED repeats it.
const seed = Number(process.env.PARLEY_SEED ?? Date.now() % 2 ** 32);
console.log(`# seed ${seed}`);
const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

async function connect(node, me) {
  const client = await rawConnect(node.url, { cookie: me.cookie });
  const reply = await client.connect();
  assert.ok(reply.connect, JSON.stringify(reply));
  return client;
}

/** Subscribe, recovering from there, and leave again: the reply. */
async function comeBack(client, channel, position) {
  const reply = await client.call('subscribe', { channel, recover: true, ...position });
  await client.call('unsubscribe', { channel });
  return reply.subscribe ?? reply;
}

/** Says `count` messages at once and waits until all are acknowledged. */
const sayMany = (me, room, count) => Promise.all(range(1, count).map((i) => say(me, room, `${i} of ${count}`)));

describe('what was missed', () => {
  let nodes, ann, room, channel;
  const flags = { 'realtime.recover_max': 40, 'realtime.recent_events': 30 };
  before(async () => {
    nodes = await startNodes({ flags });
    ann = await register(nodes.home.url, 'ann');
    room = await createRoom(ann, 'talk');
    channel = `room:${room.id}`;
  });
  after(() => nodes?.stop());

  it('is byte for byte what the data base has, from every position, on the home and on an edge', async () => {
    await sayMany(ann, room, 30);
    const hostile = await say(ann, room, '"},{"offset":3,"data":{"x":[\\"} 🦜 \u2028 \\u0000 }]');
    const there = [await connect(nodes.home, ann), await connect(nodes.edge, ann)];
    for (const client of there) await subscribe(client, channel);
    must(await ann.api('PATCH', `/message/${hostile.id}`, { text: 'edited [' }), 200, 'edit');
    must(await ann.api('POST', `/message/${hostile.id}/reaction`, { emoji: '👍' }), 201, 'react');
    must(await ann.api('DELETE', `/message/${hostile.id}`), 204, 'delete');
    await sayMany(ann, room, 10);
    const { offset: top, epoch } = must(await ann.api('GET', `/room/${room.id}`), 200, 'the room').body;
    await Promise.all(there.map((client) => client.close()));

    const ask = async (node) => {
      const client = await connect(node, ann);
      const answers = [];
      for (const offset of [...range(0, top + 1), -1]) answers.push(await comeBack(client, channel, { offset, epoch }));
      answers.push(await comeBack(client, channel, { offset: top, epoch: 'another' }));
      for (const reverse of [false, true])
        for (const limit of [-1, 0, 1, 5, 100])
          for (const offset of [undefined, 0, 1, 2, top - 31, top - 30, top - 29, top - 1, top, top + 1, top + 5])
            answers.push((await client.call('history', { channel, limit, reverse, ...(offset === undefined ? {} : { since: { offset, epoch } }) })).history);
      await client.close();
      return answers.map((answer) => JSON.stringify(answer));
    };
    const fromHome = await ask(nodes.home), fromEdge = await ask(nodes.edge);
    assert.ok((await metric(nodes.home, 'parley_recent_hits_total')) > 0);
    assert.ok((await metric(nodes.edge, 'parley_recent_hits_total')) > 0);

    await nodes.home.stop();
    flags['realtime.recent_events'] = 0;
    await nodes.restartHome();
    const fromDisk = await ask(nodes.home);
    assert.equal(await metric(nodes.home, 'parley_recent_hits_total'), 0);
    assert.deepEqual(fromHome, fromDisk);
    assert.deepEqual(fromEdge, fromDisk);
  });
});

describe('a thousand who come back to ten rooms', () => {
  const ROOMS = 10, CLIENTS = 1000, AT_ONCE = 50;
  let nodes, ann, rooms;
  before(async () => {
    nodes = await startNodes({ flags: { 'realtime.slice': 10 } });
    ann = await register(nodes.home.url, 'ann');
    rooms = [];
    for (const i of range(1, ROOMS)) rooms.push(await createRoom(ann, `room ${i}`));
    await Promise.all(rooms.map((room) => sayMany(ann, room, 50)));
    rooms = await Promise.all(rooms.map(async ({ id }) => must(await ann.api('GET', `/room/${id}`), 200, 'the room').body));
  });
  after(() => nodes?.stop());

  // An edge waits for its home no longer than clients do: no more come at once than even a slow one answers in time.
  for (const [where, atOnce] of [['home', CLIENTS], ['edge', AT_ONCE]])
    it(`cost reads of the data base by the room: on the ${where}, ${atOnce} at once`, async (test) => {
      await nodes.home.stop(); // nothing is remembered
      await nodes.restartHome();
      await ready(nodes.edge);
      const node = nodes[where];
      const clients = [];
      while (clients.length < CLIENTS) clients.push(...(await Promise.all(range(1, AT_ONCE).map(() => connect(node, ann)))));
      const before = await metric(nodes.home, 'parley_store_reads_total');
      const chance = new Chance(seed);
      const recover = async (client, i) => {
        const { id, offset: top, epoch } = rooms[i % ROOMS];
        const offset = top - chance.below(51);
        const reply = await subscribe(client, `room:${id}`, { recover: true, offset, epoch });
        assert.equal(reply.recovered, true);
        assert.deepEqual(offsets(reply.publications), range(offset + 1, top));
      };
      for (let i = 0; i < CLIENTS; i += atOnce) await Promise.all(clients.slice(i, i + atOnce).map((client, k) => recover(client, i + k)));
      const reads = (await metric(nodes.home, 'parley_store_reads_total')) - before;
      test.diagnostic(`${reads} reads for ${CLIENTS} clients`);
      assert.ok(reads <= 2 * ROOMS, `${reads} reads`);
      assert.ok((await metric(nodes.home, 'parley_recent_reads_total')) <= 2 * ROOMS);
      await Promise.all(clients.map((client) => client.close()));
    });
});

describe('coming back while others talk', () => {
  let nodes, ann;
  before(async () => {
    nodes = await startNodes();
    ann = await register(nodes.home.url, 'ann');
  });
  after(() => nodes?.stop());

  it('leaves no gap and repeats nothing, on the home and on an edge', async () => {
    const chance = new Chance(seed);
    const room = await createRoom(ann, 'a busy room');
    const channel = `room:${room.id}`;
    await sayMany(ann, room, 5);
    const { offset: first, epoch } = must(await ann.api('GET', `/room/${room.id}`), 200, 'the room').body;
    const MESSAGES = 600;
    let isOver = false;
    const places = new Map(); // listener → how much each has heard
    const slowest = () => Math.min(...places.values()) - first;
    const writers = range(1, 4).map(() => (text) => say(ann, room, text));
    const talking = keepTalking(writers, slowest, (said) => isOver || said >= MESSAGES);
    const listeners = range(1, 40).map(async (i) => {
      places.set(i, first);
      const node = i % 2 ? nodes.home : nodes.edge;
      let client = await connect(node, ann);
      let at = first, rounds = 0;
      const heard = (pub) => {
        if (!pub.offset) return;
        assert.equal(pub.offset, at + 1, `listener ${i}, round ${rounds}`);
        at = pub.offset;
        places.set(i, at);
      };
      while (at < first + MESSAGES) {
        rounds++;
        const reply = await subscribe(client, channel, { recover: true, offset: at, epoch });
        assert.equal(reply.recovered, true, `listener ${i}, round ${rounds}, from ${at}: ${JSON.stringify(reply).slice(0, 200)}`);
        assert.equal(reply.offset, at);
        reply.publications.forEach(heard);
        for (let left = chance.below(30); left > 0 && at < first + MESSAGES; left--) heard((await client.push(channel)).pub);
        if (chance.below(4) === 0) {
          await client.terminate();
          client = await connect(node, ann);
        } else {
          await client.call('unsubscribe', { channel });
          for (const push of pushes(client)) await client.next(); // what it got until then, it will get again
        }
      }
      await client.close();
      return rounds;
    });
    await Promise.all([talking, ...listeners]).finally(() => (isOver = true));
  });
});

describe('memory of recent events', () => {
  it('is bounded, and what is no longer in it still comes back', async (test) => {
    const most = 65536;
    const nodes = await startNodes({ test, edges: 0, flags: { 'realtime.recent_total_bytes': most, 'realtime.recent_bytes': 16384 } });
    const ann = await register(nodes.home.url, 'ann');
    const client = await connect(nodes.home, ann);
    for (const i of range(1, 20)) {
      const room = await createRoom(ann, `room ${i}`);
      const { epoch, offset } = await subscribe(client, `room:${room.id}`);
      await Promise.all(range(1, 40).map(() => say(ann, room, 'x'.repeat(1000))));
      assert.ok((await metric(nodes.home, 'parley_recent_bytes')) <= most);
      await client.call('unsubscribe', { channel: `room:${room.id}` });
      const back = await comeBack(client, `room:${room.id}`, { epoch, offset });
      assert.deepEqual(offsets(back.publications), range(offset + 1, offset + 40));
      for (const push of pushes(client)) await client.next();
    }
    await client.close();
  });

  it('of a channel that nobody listens to goes after its time', async (test) => {
    const nodes = await startNodes({ test, flags: { 'realtime.recent_ms': 500 } });
    const ann = await register(nodes.home.url, 'ann');
    const room = await createRoom(ann, 'soon forgotten');
    for (const node of [nodes.home, nodes.edge]) {
      const client = await connect(node, ann);
      await subscribe(client, `room:${room.id}`);
      await say(ann, room, 'hello');
      await client.push(`room:${room.id}`);
      await untilMetric(node, 'parley_recent_channels', (count) => count === 1);
      await client.call('unsubscribe', { channel: `room:${room.id}` });
      await untilMetric(node, 'parley_recent_channels', (count) => count === 0);
      await untilMetric(node, 'parley_recent_bytes', (bytes) => bytes === 0);
      await client.close();
    }
  });

  it('gives nothing to somebody whose right was taken away', async (test) => {
    const nodes = await startNodes({ test });
    const ann = await register(nodes.home.url, 'ann'), bob = await register(nodes.home.url, 'bob');
    for (const node of [nodes.home, nodes.edge]) {
      for (const round of range(1, 10)) {
        const room = await createRoom(ann, `private ${round}`, 'private');
        const channel = `room:${room.id}`;
        must(await ann.api('POST', `/room/${room.id}/member`, { user: bob.id }), 201, 'invite');
        const hers = await connect(node, ann), his = await connect(node, bob);
        const { epoch, offset } = await subscribe(hers, channel);
        await sayMany(ann, room, 5);
        let isOut = false, tries = 0;
        const trying = (async () => {
          for (let after = 0; after < 3; after += isOut) {
            const wasOut = isOut;
            const reply = await his.call('subscribe', { channel, recover: true, offset, epoch });
            tries++;
            if (wasOut) assert.ok([102, 103].includes(reply.error?.code), JSON.stringify(reply).slice(0, 200));
            assert.ok(!JSON.stringify(reply).includes('secret'));
            await his.call('unsubscribe', { channel });
          }
        })();
        must(await ann.api('DELETE', `/room/${room.id}/member/${bob.id}`), 204, 'remove');
        isOut = true;
        await say(ann, room, 'secret');
        await trying;
        await settled(his);
        assert.ok(tries >= 3);
        assert.ok(!JSON.stringify(his.waiting()).includes('secret'));
        const back = await comeBack(await connect(node, ann), channel, { epoch, offset });
        assert.ok(JSON.stringify(back.publications.at(-1)).includes('secret'), 'it was in memory');
        await Promise.all([hers.close(), his.close()]);
      }
    }
  });
});
