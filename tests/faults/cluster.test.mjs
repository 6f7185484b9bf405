// A home and two edges while people write and listen on all of them: nodes are killed, Redis dies, hangs, loses, doubles and
// swaps, connections are cut anywhere. Afterwards every promise of the contract is asked of what everybody saw.
// PARLEY_SEED repeats a run.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createRoom, must, open, request, untilAnswer } from '../api/lib/nodes.mjs';
import { PATIENCE_MS, rawConnect, runParley, within } from '../api/lib/server.mjs';
import { metric } from '../api/lib/talk.mjs';
import { poll, startCluster } from './lib/cluster.mjs';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const status = async (node) => (await request(`${node.url}/readyz`)).status;
const dropped = (node) => metric(node, 'parley_bus_dropped_total');
const LISTENERS = 4; // on each node, in all rooms
const EVENTS = 'parley:ch:room:';

async function integrity({ test, nodes }) {
  const { dataDir } = nodes.home;
  const copy = join(dataDir, `copy-${Date.now()}.db`);
  const backup = await runParley(['backup', copy, `--data.path=${join(dataDir, 'parley.db')}`]);
  assert.equal(backup.code, 0, backup.output);
  const found = spawnSync('sqlite3', [copy, 'PRAGMA integrity_check; PRAGMA foreign_key_check;'], { encoding: 'utf8' });
  if (found.error) test.diagnostic('sqlite3 is not installed: the integrity of the data base was not checked');
  else assert.equal(found.stdout, 'ok\n', found.stderr);
}

/** The nodes mended it among themselves: nobody was cut off or had to subscribe again. */
function assertUnnoticed({ history }) {
  assert.deepEqual(history.entries.filter(({ what }) => what === 'closed' || what === 'unsubscribed'), []);
}

describe('nodes are killed under load', () => {
  it('what was acknowledged is kept, the others go on, guests come back elsewhere, nobody stays on the lists', async (test) => {
    const cluster = await startCluster(test, { flags: { 'node.silence_ms': 2000 } });
    const { chance, nodes, names } = cluster;
    await cluster.listeners(LISTENERS);
    // Some come back elsewhere, as behind a balancer.
    for (let i = 0; i < 4; i++) {
      const guest = cluster.guest(chance.pick(cluster.people), () => chance.pick(names), `wanderer${i}`);
      await Promise.all(cluster.rooms.map((room) => guest.enter(room)));
    }
    const talk = cluster.talk();
    for (let round = 0; round < 5; round++) {
      await talk.more(20 + chance.below(60));
      await cluster.killAndRestart(chance.pick(names));
    }
    await talk.more(30);
    await talk.stop();
    await cluster.assertKept();
    await integrity(cluster);
    await cluster.assertListed();
  });
});

it('nodes are stopped and started again in order while guests come and go: nothing is lost, and all are on the lists', async (test) => {
  const cluster = await startCluster(test);
  const { chance, names } = cluster;
  const guests = await cluster.listeners(LISTENERS);
  const talk = cluster.talk();
  let isOver = false;
  test.after(() => (isOver = true));
  // What they missed is read while the home ends, and from the next one.
  const coming = guests.map(async (guest) => {
    const own = guest.chance.child(2);
    for (; !isOver; await pause(20 + own.below(100)))
      if (own.below(4)) await guest.again(own.pick(cluster.rooms));
      else guest.cut();
  });
  for (const one of coming) one.catch(() => {}); // waited for below
  for (let round = 0; round < 6; round++) {
    await talk.more(20 + chance.below(40));
    await cluster.stopAndRestart(round % 3 ? 'home' : chance.pick(names));
  }
  await talk.more(30);
  isOver = true;
  await Promise.all(coming);
  await talk.stop();
  await cluster.assertKept();
  await cluster.assertListed();
});

describe('nodes sleep under load', () => {
  for (const [who, names] of Object.entries({ 'an edge': ['edge0'], 'the home': ['home'] }))
    it(`${who}, longer than the others wait for it: all goes on when it wakes up`, async (test) => {
      const cluster = await startCluster(test, { flags: { 'node.silence_ms': 2000 } });
      await cluster.listeners(LISTENERS);
      const talk = cluster.talk();
      for (let round = 0; round < 2; round++) {
        await talk.more(30);
        const node = cluster.node(cluster.chance.pick(names));
        node.signal('SIGSTOP');
        await pause(2500 + cluster.chance.below(1000));
        node.signal('SIGCONT');
      }
      await talk.more(30);
      await talk.stop();
      await cluster.assertKept();
      await cluster.assertListed();
    });

  it('a home that slept does not take its edges for gone: nobody is told that people left', async (test) => {
    // Long enough that an edge on a busy machine is not silent for so long by itself.
    const cluster = await startCluster(test, { edges: 1, rooms: 1, flags: { 'node.silence_ms': 5000 } });
    const { nodes: { home, edge }, rooms: [room], people: [ann] } = cluster;
    const chat = await open(edge, ann);
    const hers = await chat.enter(room, { joinLeave: true });
    await hers.untilSeen('join');
    home.signal('SIGSTOP');
    await pause(6500);
    home.signal('SIGCONT');
    const again = await untilAnswer('writing again', () => hers.say('after', 'after').then(() => true), (answer) => answer === true);
    assert.ok(again);
    await hers.untilText('after');
    assert.deepEqual(hers.seen.items.filter(({ name }) => name === 'leave'), []);
  });

  it('who connects while the home sleeps is told to try again, and not to stay away for good', async (test) => {
    const { nodes: { home, edge }, people: [ann] } = await startCluster(test, { edges: 1, rooms: 0, people: 1, flags: { 'realtime.connect_ms': 4000 } });
    // The edge waits for its home a little longer than the connection may take: that ends first.
    home.signal('SIGSTOP');
    const socket = await rawConnect(edge.url, { cookie: ann.cookie });
    socket.send({ connect: {} });
    const { code, reason } = await within(PATIENCE_MS, 'being closed', socket.closed);
    home.signal('SIGCONT');
    assert.equal(code, 3004, reason);
  });
});

describe('Redis', () => {
  it('killed and started again, empty: the home goes on, and all come to the same', async (test) => {
    const cluster = await startCluster(test);
    await cluster.listeners(LISTENERS);
    const talk = cluster.talk();
    const home = cluster.guest(cluster.people[0], 'home', 'on the home');
    for (let round = 0; round < 3; round++) {
      await talk.more(40);
      await cluster.redis.kill();
      for (let i = 0; i < 5; i++) assert.equal(await home.say(cluster.rooms[0], `while it is away ${round}.${i}`), null);
      await pause(cluster.chance.below(1500));
      await cluster.redis.restart();
    }
    await talk.more(40);
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
  });

  it('stopped for seconds: detected, the memory bounded, and what it held back is not heard twice', async (test) => {
    const cluster = await startCluster(test, { flags: { 'redis.in_flight_max': 1 << 18 } });
    await cluster.listeners(LISTENERS);
    const talk = cluster.talk(12);
    await talk.more(60);
    const before = await dropped(cluster.nodes.home);
    cluster.redis.pause();
    const home = cluster.guest(cluster.people[0], 'home', 'on the home');
    const long = 'x'.repeat(3500);
    // Five times what may wait. Not all at once: on a slow disk the last of so many waits long for its answer, and those
    // on the edges wait for the end of all this.
    for (let i = 0; i < 400; i += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, k) => home.say(cluster.rooms[0], `long ${i + k}`, { text: long })));
      assert.deepEqual(answers.filter((answer) => answer !== null), []);
    }
    for (const name of cluster.names)
      await untilAnswer(`${name} noticing`, () => status(cluster.node(name)), (answer) => answer === 503);
    // A fifth of it may wait for Redis, and nothing else is kept for it.
    const count = (await dropped(cluster.nodes.home)) - before;
    assert.ok(count >= 300, `${count} messages were not kept for Redis`);
    cluster.redis.resume();
    await talk.more(60);
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
  });

  it('refused at the start and again and again: the home serves at once, and all join when it is there', async (test) => {
    const cluster = await startCluster(test, { links: ['home', 'edge0', 'edge1'] });
    await cluster.listeners(1);
    for (const proxy of Object.values(cluster.proxies)) proxy.refuse();
    const refusals = () => Math.min(...Object.values(cluster.proxies).map(({ refused }) => refused));
    await untilAnswer('the home noticing', () => status(cluster.nodes.home), (answer) => answer === 503);
    await cluster.killAndRestart('home');
    assert.equal(await status(cluster.nodes.home), 503);
    const talk = cluster.talk(3, ['home']);
    await talk.more(20);
    await poll('many refusals', () => refusals() >= 10);
    for (const proxy of Object.values(cluster.proxies)) proxy.accept();
    await talk.more(20);
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
  });
});

describe('the way to Redis', () => {
  it('reset, cut in the middle of messages, and dropped by Redis: the nodes repair it', async (test) => {
    const cluster = await startCluster(test, { links: ['home', 'edge0', 'edge1'], tcp: true });
    await cluster.listeners(LISTENERS);
    const talk = cluster.talk();
    const proxies = Object.values(cluster.proxies);
    for (let round = 0; round < 24; round++) {
      await talk.more(5);
      const proxy = cluster.chance.pick(proxies);
      const kind = cluster.chance.below(4);
      if (kind === 0) proxy.reset();
      else if (kind === 1) proxy.cutAfter(1 + cluster.chance.below(2000));
      else if (kind === 2) await cluster.redis.command('CLIENT', 'KILL', 'TYPE', cluster.chance.pick(['pubsub', 'normal']));
      else proxy.cut();
    }
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
  });

  it('who is invited while it is away is told to read anew when it is back', async (test) => {
    const cluster = await startCluster(test, { links: ['edge0'], edges: 1, rooms: 1 });
    const { nodes: { edge }, people: [ann, bob], proxies: { edge0 } } = cluster;
    const chat = await open(edge, bob);
    const secret = await createRoom(ann, 'secret', 'private');
    edge0.refuse();
    await untilAnswer('the edge noticing', () => status(edge), (answer) => answer === 503);
    must(await ann.api('POST', `/room/${secret.id}/member`, { user: bob.id }), 201, 'invite');
    edge0.accept();
    await chat.feed.until('being told', (items) => items.some(({ event, everybody }) => event === 'permissions' && everybody));
    // On a busy machine it may be away once more.
    const { items } = await untilAnswer('the rooms', () => chat.rpc('room.list'), (answer) => answer.items);
    assert.ok(items.some(({ id }) => id === secret.id));
  });

  it('half open: noticed, and repaired from the data base', async (test) => {
    const cluster = await startCluster(test, { links: ['home', 'edge0'] });
    await cluster.listeners(LISTENERS);
    const talk = cluster.talk(6, ['home', 'edge1']);
    for (const name of ['edge0', 'home']) {
      await talk.more(30);
      cluster.proxies[name].freeze();
      await untilAnswer(`${name} noticing`, () => status(cluster.node(name)), (answer) => answer === 503);
      cluster.proxies[name].thaw();
      await untilAnswer(`${name} being ready`, () => status(cluster.node(name)), (answer) => answer === 200);
    }
    await talk.more(30);
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
  });

  it('slow, uneven, one byte at a time: nothing but slower', async (test) => {
    const cluster = await startCluster(test, { links: ['edge0', 'edge1'] });
    await cluster.listeners(2);
    const talk = cluster.talk(4);
    cluster.proxies.edge0.delay = { ms: 30, jitter_ms: 60 };
    cluster.proxies.edge1.isDripping = true;
    await talk.more(150);
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
    assertUnnoticed(cluster);
  });

  for (const lost of [0.01, 0.1, 0.5])
    it(`loses ${100 * lost} % of what goes to one edge: its listeners miss nothing`, async (test) => {
      const cluster = await startCluster(test, { links: ['edge0'] });
      await cluster.listeners(LISTENERS);
      cluster.proxies.edge0.disturb(EVENTS, { lost });
      const talk = cluster.talk();
      await talk.more(250);
      await talk.stop();
      cluster.proxies.edge0.rule = null;
      await cluster.assertKept();
      await cluster.assertListed();
      assertUnnoticed(cluster);
    });

  it('doubles and swaps on all nodes: invisible', async (test) => {
    const cluster = await startCluster(test, { links: ['edge0', 'edge1'] });
    await cluster.listeners(LISTENERS);
    for (const proxy of Object.values(cluster.proxies)) proxy.disturb(EVENTS, { twice: 0.1, later: 0.1 });
    const talk = cluster.talk();
    await talk.more(300);
    await talk.stop();
    await cluster.assertKept();
    await cluster.assertListed();
    assertUnnoticed(cluster);
  });
});
