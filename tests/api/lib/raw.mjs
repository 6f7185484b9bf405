// Raw sockets for tests: HTTP byte by byte, and WebSocket frames of our own making, broken ones too.
import net from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
import { PATIENCE_MS } from './process.mjs';

/** A TCP connection that collects what comes and lets a test wait for it. */
export class Raw {
  constructor(port, options = {}) {
    this.bytes = Buffer.alloc(0);
    this.ended = false;
    this.waiting = new Set();
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true, ...options });
    this.connected = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('error', reject);
    });
    this.connected.catch(() => {});
    this.socket.on('data', (data) => {
      this.bytes = Buffer.concat([this.bytes, data]);
      this.wake();
    });
    const end = () => {
      this.ended = true;
      this.wake();
    };
    this.socket.on('end', end);
    this.socket.on('close', end);
    this.socket.on('error', end);
  }
  wake() {
    for (const check of [...this.waiting]) check();
  }
  send(...parts) {
    for (const part of parts) this.socket.write(part);
    return this;
  }
  /** Each byte in a segment of its own. */
  async drip(bytes) {
    for (const byte of Buffer.from(bytes)) {
      this.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  /** What `test(this)` returns, once it is truthy; fails if the connection ends first. */
  until(test, what = 'the expected bytes') {
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${why} ${what}; got: ${JSON.stringify(this.bytes.toString('latin1').slice(0, 400))}`));
      // Only so that a missing answer names itself; no test depends on how long anything takes.
      const watchdog = setTimeout(() => fail('nothing came in time that was'), PATIENCE_MS);
      const check = () => {
        const found = test(this);
        if (!found && !this.ended) return;
        clearTimeout(watchdog);
        this.waiting.delete(check);
        if (found) resolve(found);
        else fail('the connection ended before');
      };
      this.waiting.add(check);
      check();
    });
  }
  end() {
    return this.until((raw) => raw.ended, 'its end');
  }
  /** The next whole HTTP answer, taken out of the bytes. */
  async answer({ head = false } = {}) {
    return this.until((raw) => raw.takeAnswer(head), 'an answer');
  }
  takeAnswer(head) {
    const end = this.bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const lines = this.bytes.subarray(0, end).toString('latin1').split('\r\n');
    const status = Number(lines[0].split(' ')[1]);
    const headers = Object.fromEntries(lines.slice(1).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const length = head || status < 200 || status === 204 || status === 304 ? 0 : Number(headers['content-length'] ?? 0);
    if (this.bytes.length < end + 4 + length) return null;
    const body = this.bytes.subarray(end + 4, end + 4 + length).toString('utf8');
    this.bytes = this.bytes.subarray(end + 4 + length);
    return { status, headers, body, json: () => JSON.parse(body) };
  }
  /** The next WebSocket frame. */
  async frame() {
    return this.until((raw) => raw.takeFrame(), 'a frame');
  }
  takeFrame() {
    const b = this.bytes;
    if (b.length < 2) return null;
    let length = b[1] & 127;
    let at = 2;
    if (length === 126) {
      if (b.length < 4) return null;
      length = b.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (b.length < 10) return null;
      length = Number(b.readBigUInt64BE(2));
      at = 10;
    }
    if (b.length < at + length) return null;
    const payload = Buffer.from(b.subarray(at, at + length));
    const frame = { opcode: b[0] & 15, final: b[0] >= 128, masked: b[1] >= 128, payload, text: payload.toString() };
    if (frame.opcode === 8) {
      frame.code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      frame.reason = payload.subarray(2).toString();
    }
    this.bytes = b.subarray(at + length);
    return frame;
  }
  /** Frames up to the close frame, which is returned. */
  async closeFrame() {
    for (;;) {
      const frame = await this.frame();
      if (frame.opcode === 8) return frame;
    }
  }
  destroy() {
    this.socket.destroy();
  }
}

/** One frame as a client sends it. Every rule of it can be broken. */
export function frame(payload, { opcode = 1, final = true, masked = true, rsv = 0, length = null } = {}) {
  const bytes = Buffer.from(payload);
  const size = length ?? bytes.length;
  const first = (final ? 128 : 0) | (rsv << 4) | opcode;
  const bit = masked ? 128 : 0;
  let head;
  if (size < 126) {
    head = Buffer.from([first, bit | size]);
  } else if (size < 65536) {
    head = Buffer.from([first, bit | 126, size >> 8, size & 255]);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  if (!masked) return Buffer.concat([head, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, bytes.map((byte, i) => byte ^ mask[i & 3])]);
}
export const closing = (code, reason = '') => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame(payload, { opcode: 8 });
};

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const acceptOf = (key) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** An upgrade request; a header given as null is left out, an array comes as several lines. */
export function handshake(headers = {}, { path = '/connection/websocket', method = 'GET', version = '1.1' } = {}) {
  const all = {
    Host: 'localhost', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY, ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [].concat(value).map((one) => `${name}: ${one}`));
  return `${method} ${path} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** An open WebSocket on a raw connection. */
export async function openWebSocket(port, headers = {}, options = {}) {
  const raw = new Raw(port);
  raw.send(handshake(headers, options));
  const answer = await raw.answer();
  if (answer.status !== 101) throw new Error(`no upgrade: ${answer.status} ${answer.body}`);
  raw.upgrade = answer;
  return raw;
}
