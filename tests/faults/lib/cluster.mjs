// A home and two edges, each with a link of its own to Redis that can be disturbed, rooms, people, and guests of theirs.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createRoom, must, register, request, startNodes, through, untilAnswer } from '../../api/lib/nodes.mjs';
import { startProxy } from '../../api/lib/proxy.mjs';
import { PATIENCE_MS, rawConnect, startRedis, within } from '../../api/lib/server.mjs';
import { assertKept } from './checker.mjs';
import { Guest, keyOf } from './guest.mjs';
import { chanceOf, History } from './history.mjs';

const MIB = 1024 * 1024;
const FDS_MAX = 3000;
const WAL_MAX = 64 * MIB;
const ALL_MS = 5 * PATIENCE_MS; // many things one after the other

// So that memory that was given back does not count: the address sanitizer keeps 256 MiB of it otherwise.
process.env.ASAN_OPTIONS = [process.env.ASAN_OPTIONS, 'quarantine_size_mb=1'].filter(Boolean).join(':');

/**
 * links   'home', 'edge0', 'edge1': which of them reach Redis through a proxy, with `tcp` by TCP
 * Nodes are named 'home', 'edge0', 'edge1' below.
 */
export async function startCluster(test, { links = [], tcp = false, edges = 2, rooms = 2, people = 4, flags = {}, redisArgs = [] } = {}) {
  const chance = chanceOf(test);
  const history = new History();
  const redis = await startRedis({ args: redisArgs });
  test.after(() => redis.stop());
  const proxies = {};
  for (const link of links) {
    proxies[link] = await startProxy(redis, { tcp, chance: chance.child(Object.keys(proxies).length) });
    test.after(() => proxies[link].close());
  }
  const way = (name) => (proxies[name] ? { ...redis, url: proxies[name].url } : redis);
  const nodes = await startNodes({ test, edges: 0, redis, homeRedis: way('home'), flags });
  const startEdge = (i) => nodes.addEdge({ 'redis.url': way(`edge${i}`).url });
  for (let i = 0; i < edges; i++) await startEdge(i);
  const guests = [];
  test.after(() => guests.forEach((guest) => guest.leave()));

  const cluster = {
    test, chance, history, redis, proxies, nodes, guests,
    people: [],
    rooms: [],
    node: (name) => (name === 'home' ? nodes.home : nodes.edges[Number(name.slice(4))]),
    names: ['home', ...Array.from({ length: edges }, (_, i) => `edge${i}`)],

    /** Somebody connected to a node; `node` may be a function, to come back elsewhere. */
    guest(person, node, name = `${person.name}@${guests.length}`) {
      const where = typeof node === 'function' ? node : () => node;
      const guest = new Guest({
        name, cookie: person.cookie, history, chance: chance.child(guests.length),
        url: () => { const there = cluster.node(where()); return there?.end ? null : there?.url; },
      });
      guests.push(guest);
      return guest.connect();
    },

    /** One listener per room, node and `count`; resolves when all listen. */
    async listeners(count = 1, names = cluster.names) {
      const made = names.flatMap((name) => Array.from({ length: count }, () => cluster.guest(chance.pick(cluster.people), name)));
      await Promise.all(made.flatMap((guest) => cluster.rooms.map((room) => guest.enter(room))));
      return made;
    },

    /** People on the nodes who write into all rooms until stop(). Each waits for its answer before it goes on. */
    talk(count = 6, names = cluster.names) {
      let isOver = false;
      let acked = 0;
      const loops = Array.from({ length: count }, async (_, i) => {
        const writer = cluster.guest(cluster.people[i % cluster.people.length], names[i % names.length], `writer${guests.length}`);
        const own = writer.chance.child(1);
        for (let n = 0; !isOver; n++) {
          assert.equal(await writer.say(own.pick(cluster.rooms), `${writer.name}:${n}`), null, 'a writer was refused');
          acked++;
          // The tests share their machine: what is looked for is faults, not how much it can take.
          await new Promise((resolve) => setTimeout(resolve, 5 + own.below(20)));
        }
      });
      const talking = Promise.all(loops);
      talking.catch(() => (isOver = true)); // more() and stop() tell
      return {
        get acked() { return acked; },
        more: (wanted) => Promise.race([talking, untilCounted('messages', () => acked, acked + wanted, () => isOver)]),
        async stop() { isOver = true; await within(PATIENCE_MS, 'the last answers to the writers', talking); },
      };
    },

    /** kill -9 or a stop in order, and the same again on the same data or as a new edge. */
    killAndRestart: (name) => cluster.restart(name, (node) => node.kill('SIGKILL')),
    stopAndRestart: (name) => cluster.restart(name, (node) => node.stop()),
    async restart(name, end) {
      const node = cluster.node(name);
      node.end = true;
      await end(node);
      if (name === 'home') return nodes.restartHome();
      const i = Number(name.slice(4));
      await startEdge(i);
      nodes.edges[i] = nodes.edges.pop();
      return nodes.edges[i];
    },

    /** A message into each room, and everybody comes to it: {logs, late: an error if not}. */
    async lastWord(key) {
      const logs = new Map();
      const owner = through(nodes.home, cluster.people[0]); // a home that was started again has another address
      for (const room of cluster.rooms) {
        must(await owner.api('POST', `/room/${room}/message`, { text: key, key }), 201, key);
        logs.set(room, await readLog(nodes.home.url, owner.cookie, room));
      }
      const isThere = (guest, room) => !guest.isAway(room) && (guest.position(room) ?? Infinity) >= logs.get(room).events.length;
      const missing = async () => guests.filter((guest) => !cluster.rooms.every((room) => isThere(guest, room))).map(({ name }) => name);
      // The checker tells more of who is there and has not heard all; who never came back is told of here.
      const late = await untilAnswer('all being back and reaching the end', missing, (names) => !names.length).then(() => null, (error) => error);
      return { logs, late };
    },

    /** Every promise, once what went wrong is over: each room gets a last word, and everybody has to come to it. */
    async assertKept() {
      await Promise.all(cluster.names.map((name) => untilAnswer(`${name} being ready`, () => request(`${cluster.node(name).url}/readyz`), (answer) => answer.status === 200)));
      await poll('all publications being answered', () => guests.every((guest) => guest.end || !guest.owed));
      let { logs, late } = await cluster.lastWord('the end');
      // To be told where a room stands is enough to come to its end; but what is said when all are there is heard.
      if (!late) ({ logs, late } = await cluster.lastWord('the very end'));
      const listening = guests.flatMap((guest) => cluster.rooms.filter((room) => guest.position(room) !== null).map((room) => [guest, room]));
      const deaf = listening.filter(([guest, room]) => !guest.happened.items.some((one) => one.what === 'heard' && one.room === room && one.key === 'the very end'));
      for (const name of cluster.names) await cluster.measure(name);
      assertKept(history.entries, logs);
      if (late) throw late;
      assert.ok(listening.length, 'nobody listens');
      assert.deepEqual(deaf.map(([guest, room]) => `${guest.name} in room ${room}`), [], 'who did not hear the last word');
      const { answer, return: back } = history.longest();
      test.diagnostic(`longest wait for an answer ${answer[0]} ms (${answer[1]}), for a way back ${back[0]} ms (${back[1]})`);
      test.diagnostic(`${history.entries.length} things happened, ${[...logs.values()].reduce((sum, log) => sum + log.events.length, 0)} events`);
      return logs;
    },

    /** The lists of who is there have all who are there, and nobody else, whichever node is asked. */
    async assertListed() {
      for (const name of cluster.names) {
        for (const room of cluster.rooms) {
          const ask = async () => {
            const { presence, error } = await presenceOf(cluster.node(name).url, cluster.people[0].cookie, room);
            if (error) return { error };
            const there = new Map(guests.filter((guest) => guest.position(room) !== null).map((guest) => [guest.client, guest.name]));
            const listed = new Set(Object.keys(presence.presence));
            const ghosts = [...listed].filter((client) => !there.has(client));
            return { ghosts, missing: [...there].filter(([client]) => !listed.has(client)) };
          };
          await untilAnswer(`room ${room} listing who is there, asked of ${name}`, ask, ({ ghosts, missing }) => ghosts?.length === 0 && !missing.length);
        }
      }
    },

    /** What a node takes now, against its bounds. With sanitizers memory is several times what it is without. */
    async measure(name, rssMax = 1024 * MIB) {
      const { pid } = cluster.node(name);
      const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
      history.note('measured', null, { node: name, name: 'rss', value: rss, max: rssMax });
      history.note('measured', null, { node: name, name: 'fds', value: readdirSync(`/proc/${pid}/fd`).length, max: FDS_MAX });
      if (name === 'home') {
        const { size } = statSync(join(nodes.home.dataDir, 'parley.db-wal'), { throwIfNoEntry: false }) ?? { size: 0 };
        history.note('measured', null, { node: name, name: 'wal', value: size, max: WAL_MAX });
      }
      return rss;
    },
  };

  for (let i = 0; i < people; i++) cluster.people.push(await register(nodes.home.url, `person${i}`));
  for (let i = 0; i < rooms; i++) {
    const room = await createRoom(cluster.people[0], `room${i}`);
    for (const person of cluster.people.slice(1)) must(await person.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
    cluster.rooms.push(room.id);
  }
  return cluster;
}

/** Until `is()` holds. Looked at often. */
export function poll(what, is) {
  return untilAnswer(what, async () => is(), (answer) => answer === true);
}

/** Until `count()` is `goal`, or it is over: each one may take as long as anything, and all of them together ALL_MS. */
export async function untilCounted(what, count, goal, isOver = () => false) {
  const first = count();
  const end = performance.now() + ALL_MS;
  for (let last = first; last < goal && !isOver(); last = count()) {
    assert.ok(performance.now() < end, `${last - first} of ${goal - first} ${what} after ${ALL_MS} ms`);
    await poll(`${what}: the next after ${last - first} of ${goal - first}`, () => isOver() || count() > last);
  }
}

/** The reply to the question who is in a room, on a connection of its own: one of before may have been closed meanwhile. */
async function presenceOf(url, cookie, room) {
  const socket = await rawConnect(url, { cookie });
  try {
    await socket.connect();
    return await socket.call('presence', { channel: `room:${room}` });
  } finally {
    socket.terminate();
  }
}

/** {epoch, events: [{offset, key}]} of a room, as the home has it. */
export async function readLog(url, cookie, room) {
  const socket = await rawConnect(url, { cookie });
  await socket.connect();
  const events = [];
  for (;;) {
    const since = { offset: events.at(-1)?.offset ?? 0, epoch: '' };
    const { history, error } = await socket.call('history', { channel: `room:${room}`, limit: -1, since });
    if (error) throw new Error(`the log of room ${room}: ${JSON.stringify(error)}`);
    for (const { offset, data } of history.publications) events.push({ offset, key: keyOf(data) });
    if (!history.publications.length) {
      await socket.close();
      return { epoch: history.epoch, events };
    }
  }
}
