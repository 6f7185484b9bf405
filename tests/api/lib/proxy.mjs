// A Redis that loses, doubles or swaps publications: a proxy between one node and the real one, which understands as
// much of the protocol as that takes.
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from './process.mjs';

/**
 * {url, rule, upstream, cut(), refuse(), accept(), close()}. `rule(channel, payload)` is asked about each publication on its way
 * to the node and answers how often it arrives: 0, 1, 2, or 'later' for behind the next one. Null: once. `upstream()`
 * answers which Redis the next connection is for.
 */
export async function startProxy(redis) {
  const path = join(temporaryFolder(), 'proxy.sock');
  const pairs = new Set();
  let isRefusing = false;
  const proxy = { url: `unix:${path}`, rule: null, upstream: () => redis };

  const server = createServer((node) => {
    if (isRefusing) {
      node.destroy();
      return;
    }
    const upstream = createConnection(proxy.upstream().socket);
    const pair = [node, upstream];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    node.on('data', (data) => upstream.write(data));
    const filter = new Filter((channel, payload) => proxy.rule?.(channel, payload) ?? 1);
    upstream.on('data', (data) => {
      const passed = filter.pass(data);
      if (passed.length) node.write(passed);
    });
  });
  await new Promise((resolve) => server.listen(path, resolve));
  server.unref();

  return Object.assign(proxy, {
    /** End what is connected; new connections are made at once, if none are refused. */
    cut() {
      for (const pair of [...pairs]) for (const socket of pair) socket.destroy();
    },
    refuse() {
      isRefusing = true;
      proxy.cut();
    },
    accept() {
      isRefusing = false;
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
