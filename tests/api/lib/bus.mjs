// What nodes put in front of every message on the bus (server/bus/envelope.h), for tests that write to Redis by hand.
import { createConnection } from 'node:net';
import { PATIENCE_MS, within } from './process.mjs';

const NO_SIGNATURE = '-'.repeat(43);

/** A message as a node without a secret would send it; each is its sender's `number`th. */
export function sealed(payload, { sender = 'x'.repeat(22), number = 1, sentMs = Date.now(), signature = NO_SIGNATURE } = {}) {
  const hex = (value, digits) => BigInt(value).toString(16).padStart(digits, '0');
  return `P1 ${sender} ${hex(number, 16)} ${hex(sentMs, 12)} ${signature}\n${payload}`;
}

/** {sender, number, sentMs, signature, payload} of what was recorded; null if no node has sent it. */
export function opened(bytes) {
  const found = /^P1 (.{22}) ([0-9a-f]{16}) ([0-9a-f]{12}) (.{43})[^\n]*\n/s.exec(bytes);
  if (!found) return null;
  const [head, sender, number, sentMs, signature] = found;
  return { sender, number: Number(`0x${number}`), sentMs: Number(`0x${sentMs}`), signature, payload: bytes.slice(head.length) };
}

/** Everything that is published on channels like `pattern`: {items: [{channel, bytes}], close()}. Bytes are latin1. */
export async function record(redis, pattern = 'parley:*') {
  const socket = createConnection(redis.socket);
  const items = [];
  const recording = { items, close: () => socket.destroy() };
  let bytes = '';
  socket.setEncoding('latin1');
  const subscribed = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (part) => {
      bytes += part;
      for (let array; (array = readArray(bytes)); bytes = bytes.slice(array.end)) {
        if (array.words[0] === 'psubscribe') resolve();
        else items.push({ channel: array.words[2], bytes: array.words[3] });
      }
    });
  });
  socket.write(`PSUBSCRIBE ${pattern}\r\n`);
  await within(PATIENCE_MS, `listening to ${pattern}`, subscribed);
  return recording;
}

/** Publish bytes as record() gives them, or texts of plain characters: several arrive together. */
export async function publish(redis, channel, ...texts) {
  const socket = createConnection(redis.socket);
  const commands = texts.map((bytes) => {
    const message = Buffer.from(bytes, 'latin1');
    return Buffer.concat([Buffer.from(`*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${message.length}\r\n`), message, Buffer.from('\r\n')]);
  });
  socket.end(Buffer.concat(commands));
  socket.resume();
  const answered = new Promise((resolve, reject) => socket.on('end', resolve).on('error', reject));
  await within(PATIENCE_MS, `publishing on ${channel}`, answered);
}

/** {words, end} of the array at the beginning, or null if it is not whole yet. */
function readArray(bytes) {
  const head = /^\*(\d+)\r\n/.exec(bytes);
  if (!head) return null;
  const words = [];
  let end = head[0].length;
  for (let i = 0; i < Number(head[1]); i++) {
    const line = bytes.indexOf('\r\n', end);
    if (line < 0) return null;
    const value = bytes.slice(end + 1, line);
    const length = bytes[end] === '$' ? Number(value) : null;
    end = line + 2;
    if (length === null) {
      words.push(value);
      continue;
    }
    if (bytes.length < end + length + 2) return null;
    words.push(bytes.slice(end, end + length));
    end += length + 2;
  }
  return { words, end };
}
