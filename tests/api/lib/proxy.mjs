// The way to Redis, and what may happen to it: a proxy between one node and the real one that delays, cuts, freezes and
// drips, and loses, doubles or swaps publications, for which it understands as much of the protocol as that takes.
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { Chance } from './chance.mjs';
import { temporaryFolder } from './process.mjs';

/**
 * {url, rule, upstream, delay, isDripping, cut(), cutAfter(), reset(), freeze(), thaw(), refuse(), accept(), disturb(), close()}.
 * `rule(channel, payload)` is asked about each publication on its way to the node and answers how often it arrives:
 * 0, 1, 2, or 'later' for behind the next one. Null: once. `upstream()` answers which Redis the next connection is for.
 * `delay` is {ms, jitter_ms}: how long bytes take in each direction. `isDripping`: one byte at a time. With `tcp` it is
 * reached by TCP, without by a Unix socket. What is random comes from `chance`.
 */
export async function startProxy(redis, { tcp = false, chance = new Chance(Date.now()) } = {}) {
  const path = join(temporaryFolder(), 'proxy.sock');
  const pairs = new Set();
  let isRefusing = false;
  let isFrozen = false;
  let left = Infinity; // bytes to the node before the cut
  const proxy = { url: `unix:${path}`, rule: null, upstream: () => redis, delay: null, isDripping: false, refused: 0 };
  const destroy = (pair) => pair.forEach((socket) => socket.destroy());

  /** Bytes on their way to `socket`, in order, as late and in as many pieces as they shall be. */
  const road = (socket, cutIfDue) => {
    let due = 0;
    const write = (bytes) => {
      if (socket.destroyed) return;
      if (proxy.isDripping) for (const byte of bytes) socket.write(Buffer.from([byte]));
      else socket.write(bytes);
      cutIfDue();
    };
    return (bytes) => {
      if (!proxy.delay && due <= performance.now()) return write(bytes);
      const { ms = 0, jitter_ms = 0 } = proxy.delay ?? {};
      due = Math.max(due, performance.now() + ms + chance.below(jitter_ms + 1));
      setTimeout(write, due - performance.now(), bytes);
    };
  };

  const server = createServer({ noDelay: true }, (node) => {
    if (isRefusing) {
      proxy.refused++;
      node.destroy();
      return;
    }
    const upstream = createConnection(proxy.upstream().socket);
    const pair = [node, upstream];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      destroy(pair);
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    const up = road(upstream, () => {});
    let isCut = false;
    const down = road(node, () => isCut && setImmediate(destroy, pair)); // behind what was written
    node.on('data', up);
    const filter = new Filter((channel, payload) => proxy.rule?.(channel, payload) ?? 1);
    upstream.on('data', (data) => {
      const passed = filter.pass(data);
      if (isCut || !passed.length) return;
      isCut = passed.length >= left;
      const sent = passed.subarray(0, left);
      left = isCut ? Infinity : left - passed.length;
      down(sent);
      if (!sent.length) destroy(pair);
    });
    if (isFrozen) pair.forEach((socket) => socket.pause());
  });
  await new Promise((resolve) => (tcp ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve)));
  if (tcp) proxy.url = `redis://127.0.0.1:${server.address().port}`;
  server.unref();

  return Object.assign(proxy, {
    /** End what is connected; new connections are made at once, if none are refused. */
    cut: () => [...pairs].forEach(destroy),
    /** End the connection that gets the next `bytes` bytes behind them, though they may end in the middle of a message. */
    cutAfter(bytes) {
      left = bytes;
    },
    /** As cut(), and with TCP by a reset. */
    reset() {
      for (const [node, upstream] of [...pairs]) {
        if (tcp) node.resetAndDestroy();
        else node.destroy();
        upstream.destroy();
      }
    },
    /** Everything stays connected, new connections too, and nothing comes through until thaw(). */
    freeze() {
      isFrozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw() {
      isFrozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    refuse() {
      isRefusing = true;
      proxy.cut();
    },
    accept() {
      isRefusing = false;
    },
    /** Lose, double or swap this share of the publications whose channel begins like this. */
    disturb(prefix, { lost = 0, twice = 0, later = 0 }) {
      proxy.rule = (channel) => {
        const number = channel.startsWith(prefix) ? chance.next() : 1;
        return number < lost ? 0 : number < lost + twice ? 2 : number < lost + twice + later ? 'later' : 1;
      };
    },
    close() {
      proxy.refuse();
      server.close();
    },
  });
}

/** Whole replies of Redis, one after the other; publications are asked about. */
class Filter {
  #bytes = Buffer.alloc(0);
  #later = null;

  constructor(rule) {
    this.rule = rule;
  }

  pass(data) {
    this.#bytes = this.#bytes.length ? Buffer.concat([this.#bytes, data]) : data;
    const passed = [];
    let at = 0;
    for (let reply; (reply = readReply(this.#bytes, at)); at = reply.end) {
      const bytes = this.#bytes.subarray(at, reply.end);
      const [kind, channel, payload] = Array.isArray(reply.value) ? reply.value : [];
      const times = kind?.toString() === 'message' ? this.rule(channel.toString(), payload) : 1;
      if (times === 'later') {
        this.#later = Buffer.concat([this.#later ?? Buffer.alloc(0), bytes]);
        continue;
      }
      for (let i = 0; i < times; i++) passed.push(bytes);
      if (this.#later) passed.push(this.#later);
      this.#later = null;
    }
    this.#bytes = Buffer.from(this.#bytes.subarray(at));
    return Buffer.concat(passed);
  }
}

/** {value, end} of the reply that begins at `at`, or null if it is not whole yet. */
function readReply(bytes, at) {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return null;
  const kind = String.fromCharCode(bytes[at]);
  const line = bytes.toString('latin1', at + 1, lineEnd);
  let end = lineEnd + 2;
  if (kind === '$') {
    const length = Number(line);
    if (length < 0) return { value: null, end };
    if (bytes.length < end + length + 2) return null;
    return { value: bytes.subarray(end, end + length), end: end + length + 2 };
  }
  if (kind !== '*') return { value: line, end };
  const value = [];
  for (let i = 0; i < Number(line); i++) {
    const item = readReply(bytes, end);
    if (!item) return null;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}
