// People who write without a pause, remember what was acknowledged, and repeat with the same key what was not.
import { strict as assert } from 'node:assert';
import WebSocket from 'ws';
import { PATIENCE_MS, rawConnect, within } from '../../api/lib/server.mjs';

const WINDOW = 4; // messages of one publisher that wait for their answer

/** Numbers from a seed, always the same: random(n) is 0 … n-1. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One who writes "name:0", "name:1" … into a room, whatever connection it has. */
export class Publisher {
  acknowledged = []; // numbers, in the order of their answers
  errors = []; // answers that were errors
  #owed = []; // numbers sent and not acknowledged, oldest first
  #next = 0;
  #under = new Map(); // command id → number
  #lastId = 1;
  #isWriting = false;

  constructor(name, cookie, room, onAcknowledged = () => {}) {
    this.name = name;
    this.cookie = cookie;
    this.room = room;
    this.onAcknowledged = onAcknowledged;
  }

  /** Open a connection; `closed` then resolves to {code, reason}, also if it never opened. */
  async connect(url) {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/connection/websocket`, {
      origin: url,
      headers: { Cookie: this.cookie },
      perMessageDeflate: false,
    });
    this.#under.clear();
    this.socket = socket;
    socket.on('error', () => {}); // 'close' follows
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#isWriting = false;
        resolve({ code, reason: reason.toString() });
      });
    });
    const connected = new Promise((resolve, reject) => {
      this.closed.then(({ code, reason }) => reject(new Error(`${this.name} was not connected: ${code} ${reason}`)));
      socket.on('message', (data) => {
        for (const line of data.toString().split('\n')) this.#hear(JSON.parse(line), resolve);
      });
    });
    connected.catch(() => {});
    socket.once('open', () => socket.send('{"id":1,"connect":{}}'));
    await within(PATIENCE_MS, `${this.name} connecting`, connected);
  }

  /** Go on: first with what is owed. */
  write() {
    this.#isWriting = true;
    for (const number of this.#owed.slice(0, WINDOW)) this.#send(number);
    this.#fill();
  }

  /** Nothing new; resolves when nothing is owed any more. */
  async settle() {
    this.#isSettling = true;
    const settled = new Promise((resolve) => (this.#onSettled = resolve));
    this.write();
    if (this.#owed.length) await within(PATIENCE_MS, `${this.name} settling`, settled);
    this.#isWriting = false;
    assert.deepEqual(this.errors, []);
  }
  #isSettling = false;
  #onSettled = () => {};

  get owed() {
    return this.#owed.length;
  }

  #fill() {
    while (this.#isWriting && this.#under.size < WINDOW) {
      const waiting = this.#owed.find((number) => ![...this.#under.values()].includes(number));
      if (waiting !== undefined) {
        this.#send(waiting);
        continue;
      }
      if (this.#isSettling) break;
      this.#owed.push(this.#next);
      this.#send(this.#next++);
    }
  }

  #send(number) {
    const id = ++this.#lastId;
    this.#under.set(id, number);
    const text = `${this.name}:${number}`;
    this.socket.send(JSON.stringify({ id, publish: { channel: `room:${this.room}`, data: { text, key: text } } }));
  }

  #hear(object, connected) {
    if (Object.keys(object).length === 0) {
      this.socket.send('{}');
      return;
    }
    if (object.connect) connected();
    const number = this.#under.get(object.id);
    if (number === undefined) return;
    this.#under.delete(object.id);
    if (object.error) {
      // Not repeated here: the order of what follows would be another one.
      this.errors.push(object.error);
      this.#isWriting = false;
      this.#onSettled();
      return;
    }
    this.#owed.splice(this.#owed.indexOf(number), 1);
    this.acknowledged.push(number);
    this.onAcknowledged(this);
    if (!this.#owed.length) this.#onSettled();
    this.#fill();
  }
}

/** The whole log of a room, by the history command: [{offset, text}] of its messages; its offsets must have no hole. */
export async function readLog(url, cookie, room) {
  const socket = await rawConnect(url, { cookie });
  await socket.connect();
  const channel = `room:${room}`;
  const messages = [];
  let at = 0;
  for (;;) {
    const { history, error } = await socket.call('history', { channel, limit: -1, since: { offset: at, epoch: '' } });
    assert.equal(error, undefined);
    for (const { offset, data } of history.publications) {
      assert.equal(offset, at + 1, 'a hole in the log');
      at = offset;
      if (data.event === 'message.created') messages.push({ offset, text: data.message.text });
    }
    if (at === history.offset) break;
    assert.ok(history.publications.length, `the log ends at ${at} of ${history.offset}`);
  }
  await socket.close();
  return messages;
}

/** What was acknowledged is in the log, once; all that is there was written; each publisher's messages are in order. */
export function assertKept(publishers, messages) {
  const written = new Map(publishers.map((publisher) => [publisher.name, []]));
  for (const { text } of messages) {
    const [name, number] = text.split(':');
    written.get(name)?.push(Number(number));
  }
  for (const { name, acknowledged } of publishers) {
    const found = written.get(name);
    const there = new Set(found);
    assert.deepEqual(acknowledged.filter((number) => !there.has(number)), [], `${name}: acknowledged, and lost`);
    assert.deepEqual(found, [...there].sort((a, b) => a - b), `${name}: twice or out of order`);
  }
}
