// Several nodes on one Redis, and listeners that note what they hear, in order.
import { strict as assert } from 'node:assert';
import { anonymous, login, must, register, request } from './client.mjs';
import { PATIENCE_MS, within } from './process.mjs';
import { connectSdk } from './realtime.mjs';
import { startRedis } from './redis.mjs';
import { startServer } from './server.mjs';

/** Nothing here is about the rates that a single person may have, or about how soon a busy test answers a ping. */
export const UNLIMITED = {
  'realtime.pong_ms': PATIENCE_MS,
  'chat.messages_per_s': 1000000,
  'realtime.commands_per_s': 1000000,
  'realtime.user_connections_max': 1000000,
  'http.connections_per_address_max': 0,
};

/** Who is deaf answers no ping, however long it takes to fill what he does not read; he is to be closed for another reason. */
export const UNPINGED = { 'realtime.ping_ms': 600_000 };

const opened = new Map(); // url of a node → the SDK's clients there

/**
 * A home and `edges` edges: {redis, home, edges, edge, addEdge(), restartHome(), stop()}. With `test` they are stopped
 * when it ends, however it ends. `redis: false`: only a home, without Redis. `homeRedis` and `edgeRedis` are ways to the
 * same Redis, such as a proxy. `dataDir` is a folder for the home.
 */
export async function startNodes({ test, edges = 1, flags = {}, redis, homeRedis, edgeRedis, dataDir } = {}) {
  const own = redis ?? (await startRedis());
  const urls = [];
  const start = async (options) => {
    const node = await startServer(options);
    urls.push(node.url);
    return node;
  };
  const nodes = {
    redis: own,
    home: null,
    edges: [],
    get edge() {
      return nodes.edges[0];
    },
    async addEdge(more = {}) {
      const edge = await start({ redis: edgeRedis ?? own, edge: true, flags: { ...UNLIMITED, ...flags, ...more } });
      nodes.edges.push(edge);
      await ready(edge);
      return edge;
    },
    /** Start a home again on the data of the one that has ended. */
    async restartHome() {
      nodes.home = await start({ redis: homeRedis ?? own, dataDir: nodes.home.dataDir, flags: { ...UNLIMITED, ...flags } });
      return nodes.home;
    },
    /** Close what open() opened there, and stop them cleanly; what a test ended itself is left out. */
    async stop() {
      for (const url of urls) for (const sdk of opened.get(url) ?? []) sdk.disconnect();
      const running = [...nodes.edges, ...(nodes.home ? [nodes.home] : [])];
      for (const node of running) node.signal('SIGCONT');
      const ends = await Promise.allSettled(running.map((node) => node.stop()));
      if (redis === undefined) await own.stop();
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
  };
  test?.after(() => nodes.stop());
  nodes.home = await start({ redis: homeRedis ?? own, dataDir, flags: { ...UNLIMITED, ...flags } });
  for (let i = 0; own && i < edges; i++) await nodes.addEdge();
  return nodes;
}

/** Ask until the answer is as `is` wants it; each question waits for the answer to the one before. */
export async function untilAnswer(what, ask, is, milliseconds = PATIENCE_MS) {
  let last;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      last = await ask().catch((error) => error);
      if (is(last)) return last;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  try {
    return await within(milliseconds, what, asking);
  } catch (error) {
    const shown = last instanceof Error ? `${last}` : (JSON.stringify(last?.body ?? last) ?? `${last}`);
    throw new Error(`${error.message}; last: ${shown.slice(0, 500)}`);
  } finally {
    isOver = true;
  }
}

/** The node says that it can serve: bus, home and store. */
export function ready(node) {
  return untilAnswer(`${node.url} becoming ready`, () => request(`${node.url}/readyz`), (answer) => answer.status === 200);
}

/** A list that grows; until() resolves once `is(items)` is truthy, to what it returned. */
export class Log {
  items = [];
  #watchers = new Set();
  add(item) {
    this.items.push(item);
    for (const watcher of [...this.#watchers]) watcher();
  }
  get length() {
    return this.items.length;
  }
  until(what, is, milliseconds = PATIENCE_MS) {
    let watcher;
    const found = new Promise((resolve) => {
      watcher = () => {
        const result = is(this.items);
        if (result) resolve(result);
      };
      this.#watchers.add(watcher);
      watcher();
    });
    return within(milliseconds, what, found)
      .catch((error) => {
        throw new Error(`${error.message}; the last of ${this.length}: ${JSON.stringify(this.items.slice(-3))}`);
      })
      .finally(() => this.#watchers.delete(watcher));
  }
}

/** Somebody's open chat on a node: {sdk, me, enter(room), close()}. `connect` makes the SDK, over the WebSocket if absent. */
export async function open(node, me, { connect = connectSdk, ...options } = {}) {
  const sdk = await connect(node.url, me.cookie, options);
  opened.set(node.url, [...(opened.get(node.url) ?? []), sdk]);
  const feed = new Log(); // what the server tells this person alone
  sdk.on('publication', (context) => feed.add(context.data));
  const end = new Promise((resolve) => sdk.once('disconnected', resolve));
  return {
    sdk,
    me,
    feed,
    /** {code, reason} once the server has ended the connection for good. */
    ended: () => within(PATIENCE_MS, `${me.name} being disconnected`, end),
    rpc: (method, params = {}) => sdk.rpc(method, params).then((result) => result.data),
    /** Subscribe and note everything: publications, joins and leaves, states. */
    async enter(room, { joinLeave = false, since } = {}) {
      const subscription = sdk.newSubscription(`room:${room}`, { joinLeave, ...(since ? { since } : {}) });
      const heard = new Log();
      const seen = new Log();
      subscription.on('publication', (context) => heard.add({ offset: context.offset ?? 0, ...context.data }));
      for (const name of ['join', 'leave', 'subscribed', 'subscribing', 'unsubscribed'])
        subscription.on(name, (context) => seen.add({ name, ...context }));
      const first = new Promise((resolve, reject) => {
        subscription.once('subscribed', resolve);
        subscription.once('unsubscribed', (context) =>
          reject(Object.assign(new Error(`not subscribed: ${context.code} ${context.reason}`), { code: context.code })),
        );
      });
      first.catch(() => {});
      subscription.subscribe();
      const entered = await within(PATIENCE_MS, `subscribing to room ${room}`, first);
      return {
        subscription,
        heard,
        seen,
        entered,
        say: (text, key) => subscription.publish(key ? { text, key } : { text }),
        /** The texts of the messages heard so far. */
        texts: () => heard.items.filter((event) => event.event === 'message.created').map((event) => event.message.text),
        untilText: (text, milliseconds) =>
          heard.until(`"${text}" in room ${room} on ${node.url}`, (items) => items.find((event) => event.message?.text === text), milliseconds),
        untilSeen: (name, is = () => true) => seen.until(`${name} in room ${room}`, (items) => items.find((item) => item.name === name && is(item))),
      };
    },
    close: () => sdk.disconnect(),
  };
}

/** What was heard with an offset is from+1, from+2 … without a hole or a repetition. */
export function assertNoGap(heard, from = 0) {
  const offsets = heard.items.filter((event) => event.offset).map((event) => event.offset);
  assert.deepEqual(offsets, offsets.map((_, index) => from + 1 + index), 'offsets');
}

export async function createRoom(owner, name, kind = 'public') {
  return must(await owner.api('POST', '/room', { kind, name }), 201, `create ${name}`).body;
}

/** The same session, used through another node. */
export const through = (node, me) =>
  Object.assign(anonymous(node.url), { id: me.id, name: me.name, password: me.password, cookie: me.cookie, csrf: me.csrf });

/** All messages of a room, oldest first. */
export async function history(client, room) {
  const items = [];
  let before = null;
  do {
    const page = must(await client.api('GET', `/room/${room}/message?limit=200${before ? `&before=${before}` : ''}`), 200, 'history').body;
    items.unshift(...page.items);
    before = page.next;
  } while (before !== null);
  return items;
}

export async function setUpAdministrator(server, name = 'root') {
  const [, token] = await server.waitForOutput(/\/setup\?token=(\S+)/);
  const client = anonymous(server.url);
  must(await client.api('POST', '/setup', { token, name, password: 'the administrator is me' }), 201, 'set up');
  return login(server.url, name, 'the administrator is me');
}

export { anonymous, login, must, register, request };
