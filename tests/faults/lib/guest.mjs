// Somebody in a chat who does what the published SDK does, in little: comes back when cut off, recovers, repeats with the
// same key what was not answered. Everything that happens goes into the history.
import WebSocket from 'ws';
import { Log } from '../../api/lib/nodes.mjs';
import { PATIENCE_MS, within } from '../../api/lib/process.mjs';
import { isFinal } from './checker.mjs';

const AGAIN_MS = 50; // at least, before another try; at most five times as much, doubled with each one in a row
const AGAIN_MS_MAX = 5000;
const SILENCE_MS = 20_000; // a node that does not answer connect for so long is left

export class Guest {
  /** From here on: {what: 'heard' …} as in the history, of this guest alone. */
  happened = new Log();
  /** {code, reason} once the server has ended it for good. */
  end = null;
  socket = null;
  /** What the node calls this connection; null while there is none. */
  client = null;
  /** The address it comes from, if that matters. */
  localAddress = undefined;
  #rooms = new Map(); // room → {position, epoch, isLive, hasBeen, isAsking, wantsAgain}
  #owed = new Map(); // key → {room, data, resolve, reject, tries}
  #asked = new Map(); // command id → what to do with its reply
  #lastId = 0;
  #tries = 0;
  #isConnected = false;
  #isLeaving = false;

  /** `url()` is asked at each connect, as the nodes may be others by then. */
  constructor({ name, cookie, url, history, chance }) {
    Object.assign(this, { name, cookie, url, history, chance });
  }

  connect() {
    if (this.#isLeaving || this.end) return this;
    const url = this.url();
    if (!url) return this.#comeBack();
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/connection/websocket`, {
      origin: url,
      headers: { Cookie: this.cookie },
      perMessageDeflate: false,
      localAddress: this.localAddress,
    });
    this.socket = socket;
    const watchdog = setTimeout(() => socket.terminate(), SILENCE_MS);
    socket.on('error', () => {}); // 'close' follows
    socket.once('open', () =>
      this.#ask(socket, 'connect', {}, (reply) => {
        clearTimeout(watchdog);
        if (reply.error) return socket.terminate();
        this.#isConnected = true;
        this.client = reply.connect.client;
        this.#tries = 0;
        this.#note('opened', { url });
        for (const room of this.#rooms.keys()) this.#subscribe(room);
        for (const key of this.#owed.keys()) this.#send(key);
      }),
    );
    socket.on('message', (data) => {
      if (this.socket !== socket) return;
      for (const line of data.toString().split('\n')) this.#take(socket, JSON.parse(line));
    });
    socket.once('close', (code, reason) => {
      clearTimeout(watchdog);
      if (this.socket !== socket) return;
      this.#isConnected = false;
      this.client = null;
      this.#asked.clear();
      for (const room of this.#rooms.values()) room.isLive = room.isAsking = false;
      this.#note('closed', { code, reason: reason.toString() });
      if (isFinal(code)) this.end = { code, reason: reason.toString() };
      else this.#comeBack();
    });
    return this;
  }

  /** Listen to a room, also after coming back. */
  enter(room) {
    this.#rooms.set(room, this.#rooms.get(room) ?? { position: 0, epoch: '', isLive: false, hasBeen: false });
    const state = this.#rooms.get(room);
    state.wantsAgain = Boolean(state.isAsking); // a no that is on its way is to a question of before
    if (this.#isConnected) this.#subscribe(room);
    return this.happened.until(`${this.name} in room ${room}`, () => this.#rooms.get(room)?.isLive);
  }

  /** Stop listening and begin again where it was; resolves when it listens. */
  async again(room) {
    const state = this.#rooms.get(room);
    if (!this.#isConnected || !state?.isLive) return;
    const left = new Promise((resolve) => {
      this.socket.once('close', resolve);
      this.#ask(this.socket, 'unsubscribe', { channel: `room:${room}` }, () => {
        this.socket.off('close', resolve);
        state.isLive = false;
        this.#note('unsubscribed', { room, code: 0 });
        this.#subscribe(room);
        resolve();
      });
    });
    await within(PATIENCE_MS, `${this.name} leaving room ${room}`, left);
    await this.happened.until(`${this.name} in room ${room} again`, () => state.isLive);
  }

  /** The position in a room, or null while it is not listened to. */
  position(room) {
    const { isLive, position } = this.#rooms.get(room) ?? {};
    return isLive ? position : null;
  }

  /** Whether it wants to listen to a room and is on its way back there. */
  isAway(room) {
    return this.#rooms.has(room) && !this.end && !this.#isLeaving && !this.#rooms.get(room).isLive;
  }

  /** Write; repeated with the same key until it is answered. → null, or the code of a refusal. */
  say(room, key, more = {}) {
    const answered = new Promise((resolve, reject) => {
      this.#owed.set(key, { room, data: { text: key, key, ...more }, resolve, reject, tries: 0 });
      if (this.#isConnected) this.#send(key);
    });
    return within(PATIENCE_MS, `${this.name} being answered about ${key}`, answered);
  }

  get owed() {
    return this.#owed.size;
  }

  /** Who is in a room, by connection. Rejects if the connection ends before the answer, or there is none. */
  presence(room) {
    const { socket } = this;
    const answered = new Promise((resolve, reject) => {
      const lost = () => reject(new Error(`${this.name} is not connected`));
      if (!this.#isConnected) return lost();
      socket.once('close', lost);
      this.#ask(socket, 'presence', { channel: `room:${room}` }, ({ error, presence }) => {
        socket.off('close', lost);
        if (error) reject(error);
        else resolve(presence.presence);
      });
    });
    return within(PATIENCE_MS, `${this.name} hearing who is in room ${room}`, answered);
  }

  /** A question through this very connection: what the node said before its answer has been heard by then. */
  fence() {
    const answered = new Promise((resolve) => {
      const ask = () => {
        if (this.end || this.#isLeaving) return resolve(false);
        if (!this.#isConnected) return setTimeout(ask, AGAIN_MS);
        this.socket.once('close', ask);
        this.#ask(this.socket, 'rpc', { method: 'me.detail', data: {} }, ({ error }) => {
          this.socket.off('close', ask);
          if (error?.temporary) setTimeout(ask, AGAIN_MS);
          else resolve(!error);
        });
      };
      ask();
    });
    return within(PATIENCE_MS, `${this.name} being answered`, answered);
  }

  /** Break the connection without a word. */
  cut() {
    this.socket?.terminate();
  }

  leave() {
    this.#isLeaving = true;
    this.#note('left');
    this.socket?.terminate();
    for (const [key, { reject }] of this.#owed) reject(new Error(`${this.name} has left before it was answered about ${key}`));
    this.#owed.clear();
  }

  #comeBack() {
    const most = Math.min(AGAIN_MS_MAX, 4 * AGAIN_MS * 2 ** this.#tries++);
    if (!this.#isLeaving) setTimeout(() => this.connect(), AGAIN_MS + this.chance.below(most));
    return this;
  }

  #note(what, details) {
    this.happened.add(this.history.note(what, this.name, details));
  }

  #ask(socket, method, params, then) {
    const id = ++this.#lastId;
    this.#asked.set(id, then);
    socket.send(JSON.stringify({ id, [method]: params }));
  }

  #subscribe(room) {
    const state = this.#rooms.get(room);
    if (!state || state.isAsking) return; // a second command would be an error of its own
    state.isAsking = true;
    const params = { channel: `room:${room}` };
    if (state.hasBeen) Object.assign(params, { recover: true, offset: state.position, epoch: state.epoch });
    this.#ask(this.socket, 'subscribe', params, ({ error, subscribe }) => {
      if (this.#rooms.get(room) !== state) return;
      state.isAsking = false;
      if (error) {
        this.#note('refused', { room, code: error.code, isFinal: !error.temporary });
        if (error.temporary || state.wantsAgain) setTimeout(() => this.#isConnected && !state.isLive && this.#subscribe(room), AGAIN_MS);
        state.wantsAgain = false;
        return;
      }
      const { offset = 0, epoch, recovered = false, publications = [] } = subscribe;
      Object.assign(state, { position: offset, epoch, isLive: true, hasBeen: true });
      this.#note('subscribed', { room, offset, epoch, recovering: 'recover' in params, recovered });
      for (const publication of publications) this.#hear(room, publication);
    });
  }

  #send(key) {
    const owed = this.#owed.get(key);
    if (!owed || !this.#isConnected) return;
    this.#note('sent', { room: owed.room, key, ...(owed.tries++ ? { isRepeated: true } : {}) });
    this.#ask(this.socket, 'publish', { channel: `room:${owed.room}`, data: owed.data }, ({ error }) => {
      if (error?.temporary || error?.code === 111) {
        setTimeout(() => this.#send(key), AGAIN_MS);
        return;
      }
      this.#owed.delete(key);
      this.#note(error ? 'refused' : 'acked', { room: owed.room, key, ...(error ? { code: error.code } : {}) });
      owed.resolve(error?.code ?? null);
    });
  }

  #take(socket, object) {
    if (Object.keys(object).length === 0) {
      socket.send('{}');
      return;
    }
    if (object.id) {
      const then = this.#asked.get(object.id);
      this.#asked.delete(object.id);
      then?.(object);
      return;
    }
    const { channel, pub, unsubscribe } = object.push ?? {};
    const room = channel?.startsWith('room:') ? Number(channel.slice(5)) : null;
    if (room === null) return;
    if (pub?.offset) this.#hear(room, pub);
    const state = this.#rooms.get(room);
    if (!unsubscribe || !state) return;
    state.isLive = false;
    this.#note('unsubscribed', { room, code: unsubscribe.code });
    if (unsubscribe.code >= 2500) setTimeout(() => this.#isConnected && !state.isLive && this.#subscribe(room), AGAIN_MS);
    else this.#rooms.delete(room);
  }

  #hear(room, { offset, data }) {
    const state = this.#rooms.get(room);
    if (state) state.position = offset;
    this.#note('heard', { room, offset, key: keyOf(data) });
  }
}

/** What names an event in the log and to its listeners: a message's key, and null for what nobody here wrote. */
export const keyOf = (data) => (data.event === 'message.created' ? (data.message.key ?? null) : null);
