// What the tests of the realtime protocol share: a server with people in a room, and raw clients in it.
import { strict as assert } from 'node:assert';
import WebSocket from 'ws';
import { login, must, register } from './client.mjs';
import { UNLIMITED, createRoom, untilAnswer } from './nodes.mjs';
import { PATIENCE_MS, within } from './process.mjs';
import { connectSdk, rawConnect } from './realtime.mjs';
import { runParley, startServer } from './server.mjs';

/** {server, ann, bob, room, …}: ann owns the public room, bob is in it. */
export async function startWorld(flags = {}, more = {}) {
  const server = await startServer({ flags: { ...UNLIMITED, ...flags }, ...more });
  const ann = await register(server.url, 'ann');
  const bob = await register(server.url, 'bob');
  let rooms = 0;
  const world = {
    server,
    url: server.url,
    ann,
    bob,
    /** Another room of ann's with bob in it; the owner and bob are its members. */
    async newRoom(kind = 'public') {
      const room = await createRoom(ann, `room ${++rooms}`, kind);
      must(await ann.api('POST', `/room/${room.id}/member`, { user: bob.id }), 201, 'invite bob');
      return must(await ann.api('GET', `/room/${room.id}`), 200, 'the room').body;
    },
    /** Connected and nothing else. */
    async raw(me, options = {}) {
      const client = await rawConnect(server.url, { cookie: me?.cookie, ...options });
      const reply = await client.connect();
      assert.ok(reply.connect, JSON.stringify(reply));
      client.id = reply.connect.client;
      return client;
    },
    sdk: (me, options) => sdkWithSocket(server.url, me?.cookie, options),
    async administrator() {
      const { code, output } = await runParley(['user', 'add', 'root', '--admin', `--data.path=${server.dataDir}/parley.db`]);
      assert.equal(code, 0, output);
      return login(server.url, 'root', output.match(/password (\S+)/)[1]);
    },
    stop: () => server.stop(),
  };
  world.room = await world.newRoom();
  return world;
}

/** The SDK, with `socket()`: the WebSocket that it uses at the moment, to be cut or misused. */
export async function sdkWithSocket(url, cookie, options = {}) {
  let last;
  class Socket extends WebSocket {
    constructor(endpoint, protocols) {
      super(endpoint, protocols ?? [], { headers: cookie ? { Cookie: cookie } : {}, origin: url });
      last = this;
    }
  }
  const sdk = await connectSdk(url, cookie, { websocket: Socket, minReconnectDelay: 10, maxReconnectDelay: 50, ...options });
  sdk.socket = () => last;
  return sdk;
}

export async function say(me, room, text, key) {
  return must(await me.api('POST', `/room/${room.id}/message`, { text, ...(key ? { key } : {}) }), 201, `say ${text}`).body;
}

/**
 * Each of `writers`, functions that say a text, says "1", "2", …, until `isOver(said)`. No more is said than 200 beyond
 * what the slowest listener has heard, `slowest()`: nobody misses more than is recovered.
 */
export async function keepTalking(writers, slowest, isOver) {
  let said = 0;
  await Promise.all(
    writers.map(async (write) => {
      while (!isOver(said)) {
        if (said - slowest() < 200) await write(`${++said}`);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }),
  );
}

export async function subscribe(client, channel, params = {}) {
  const reply = await client.call('subscribe', { channel, ...params });
  assert.ok(reply.subscribe, JSON.stringify(reply));
  return reply.subscribe;
}

/** What is on its way to the client has arrived: answers leave before pushes, so it takes two. */
export async function settled(client) {
  await client.call('ping');
  await client.call('ping');
}

/** How the server ended it. */
export const ended = (client) => within(PATIENCE_MS, 'the server closing the connection', client.closed);

/** The pushes that arrived and nobody has asked for yet. */
export const pushes = (client) => client.waiting().filter((object) => object.push).map((object) => object.push);

/** An error's words: a sentence, or the problem document in one line. */
export function assertWords(error) {
  assert.ok(Number.isInteger(error.code) && error.code > 0, JSON.stringify(error));
  assert.equal(typeof error.message, 'string');
  assert.ok(error.message.length > 0 && !error.message.includes('\n'), error.message);
  if (!error.message.startsWith('{')) return;
  const problem = JSON.parse(error.message);
  assert.ok(problem.status >= 400 && problem.code && problem.title && problem.detail, error.message);
}

/** A reason that the SDK takes as words: short, and no JSON. */
export function assertReason({ code, reason }) {
  assert.ok(reason.length > 0 && Buffer.byteLength(reason) < 124, `${code}: ${reason}`);
  assert.throws(() => JSON.parse(reason), SyntaxError, `${code}: ${reason}`);
}

/** The value of a metric. */
export async function metric(server, name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name} (\\S+)$`, 'm'))[1]);
}

/** Ask again and again until the metric is as `is` wants it. */
export const untilMetric = (server, name, is) => untilAnswer(name, () => metric(server, name), is);
