// A storm of hostile clients against a running server, while calm witnesses check what must hold all the time.
//   node protocol.mjs [--seed N] [--seconds S] [--edge] [--raised] [--url URL]
// Without --url it starts a server of its own (PARLEY_PROGRAM), and then also checks that the storm leaves nothing
// behind. What each attacker does follows from the seed; how they meet each other does not.
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { Chance } from '../api/lib/chance.mjs';
import { login, must, PASSWORD, register } from '../api/lib/client.mjs';
import { ready, untilAnswer } from '../api/lib/nodes.mjs';
import { within } from '../api/lib/process.mjs';
import { closing, frame, handshake, Raw } from '../api/lib/raw.mjs';
import { startRedis } from '../api/lib/redis.mjs';
import { startServer } from '../api/lib/server.mjs';
import { untilMetric } from '../api/lib/talk.mjs';

const SOCKETS = 8; // attackers on WebSockets
const CALLERS = 4; // attackers on REST
const ANSWER_MS = 15_000; // for an answer that must come; far more than any machine needs
const GROWTH_MAX = 96 * 1024 * 1024; // of the process, over a storm; with a sanitizer's own book-keeping
/** Limits that stop most of an attack at the door, lifted. */
export const RAISED = {
  'realtime.commands_per_s': 1000000,
  'chat.messages_per_s': 1000000,
  'http.connections_per_address_max': 0,
  'realtime.user_connections_max': 1000,
};
/** Freed memory that the sanitizer holds back must not look like a leak. */
export const ENVIRONMENT = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ? `${process.env.ASAN_OPTIONS}:` : ''}quarantine_size_mb=8` };

// ---- what can be asked ----

// name, method, path, the other parameters; each parameter is named with the kind of its value.
const ROUTES = [
  ['account.logout', 'POST', 'logout', {}],
  ['account.password', 'POST', 'me/password', { old: 'text', new: 'text' }],
  ['account.login', 'POST', 'login', { name: 'name', password: 'text' }],
  ['account.register', 'POST', 'register', { name: 'name', password: 'text', email: 'text' }],
  ['setup.detail', 'GET', 'setup', { token: 'text' }],
  ['setup.create', 'POST', 'setup', { token: 'text', name: 'name', password: 'text' }],
  ['me.detail', 'GET', 'me', {}],
  ['session.list', 'GET', 'session', {}],
  ['session.delete', 'DELETE', 'session/:id', { id: 'number' }],
  ['user_session.list', 'GET', 'user/:id/session', { id: 'user' }],
  ['user_session.delete', 'DELETE', 'user/:id/session/:session', { id: 'user', session: 'number' }],
  ['user_session.delete_all', 'DELETE', 'user/:id/session', { id: 'user' }],
  ['user_group.list', 'GET', 'user/:id/group', { id: 'user' }],
  ['connection.list', 'GET', 'connection', { user: 'user', limit: 'number', cursor: 'cursor' }],
  ['connection.delete', 'DELETE', 'connection/:id', { id: 'name' }],
  ['ops.detail', 'GET', 'ops', {}],
  ['user.list', 'GET', 'user', { 'name[like]': 'name', sort: 'name', cursor: 'name', limit: 'number', may: 'bool' }],
  ['user.detail', 'GET', 'user/:id', { id: 'user', may: 'bool' }],
  ['user.create', 'POST', 'user', { name: 'name', password: 'text', superuser: 'bool' }],
  ['user.update', 'PATCH', 'user/:id', { id: 'user', disabled: 'bool', superuser: 'bool', password: 'text' }],
  ['group.list', 'GET', 'group', {}],
  ['group.create', 'POST', 'group', { name: 'name' }],
  ['group.delete', 'DELETE', 'group/:id', { id: 'number' }],
  ['group.update', 'PATCH', 'group/:id', { id: 'number', name: 'name' }],
  ['group_member.create', 'POST', 'group/:id/member', { id: 'number', user: 'user' }],
  ['group_member.delete', 'DELETE', 'group/:id/member/:user', { id: 'number', user: 'user' }],
  ['grant.list', 'GET', 'grant', { before: 'number', limit: 'number' }],
  ['grant.create', 'POST', 'grant', { subject: 'subject', model: 'model', rights: 'rights', reason: 'text', expect: 'rights', until: 'time' }],
  ['grant.delete', 'DELETE', 'grant/:id', { id: 'number', expect: 'rights' }],
  ['acl.effective', 'GET', 'acl/effective', { user: 'user', group: 'number', subject: 'subject' }],
  ['acl.effective', 'GET', 'acl/effective', { user: 'user' }],
  ['acl.explain', 'GET', 'acl/explain', { user: 'user', model: 'model', action: 'right', id: 'number' }],
  ['acl.dry_run', 'POST', 'acl/dry_run', { changes: 'changes' }],
  ['model.list', 'GET', 'model', { grantable: 'bool' }],
  ['news.list', 'GET', 'news', { may: 'bool', limit: 'number', fields: 'name', count: 'bool' }],
  ['news.create', 'POST', 'news', { title: 'text', content: 'text', published: 'bool' }],
  ['news.detail', 'GET', 'news/:id', { id: 'number', may: 'bool' }],
  ['news.update', 'PATCH', 'news/:id', { id: 'number', title: 'text', published: 'bool' }],
  ['news.delete', 'DELETE', 'news/:id', { id: 'number' }],
  ['news.history', 'GET', 'news/:id/history', { id: 'number', limit: 'number', cursor: 'cursor' }],
  ['news.along', 'GET', 'news/:id/along', { id: 'number' }],
  ['batch.create', 'POST', 'batch', { operations: 'operations' }],
  ['audit.list', 'GET', 'audit', { before: 'number', limit: 'number', user: 'user', subject: 'subject', model: 'model', row: 'number', since: 'time', until: 'time', action: 'name' }],
  ['room.list', 'GET', 'room', { after: 'number', limit: 'number' }],
  ['room.create', 'POST', 'room', { kind: 'kind', name: 'name', topic: 'text' }],
  ['room.detail', 'GET', 'room/:id', { id: 'room' }],
  ['room.update', 'PATCH', 'room/:id', { id: 'room', kind: 'kind', name: 'name', topic: 'text' }],
  ['room.delete', 'DELETE', 'room/:id', { id: 'room' }],
  ['direct.create', 'POST', 'direct', { user: 'user' }],
  ['room.join', 'POST', 'room/:id/join', { id: 'room' }],
  ['room.leave', 'POST', 'room/:id/leave', { id: 'room' }],
  ['room.read', 'POST', 'room/:id/read', { id: 'room', offset: 'number', unread: 'bool' }],
  ['room.preferences', 'PATCH', 'room/:id/me', { id: 'room', notify: 'notify' }],
  ['room.typing', 'POST', 'room/:id/typing', { id: 'room' }],
  ['member.list', 'GET', 'room/:id/member', { id: 'room', q: 'name', after: 'number', limit: 'number' }],
  ['member.create', 'POST', 'room/:id/member', { id: 'room', user: 'user', role: 'role' }],
  ['member.update', 'PATCH', 'room/:id/member/:user', { id: 'room', user: 'user', role: 'role' }],
  ['member.delete', 'DELETE', 'room/:id/member/:user', { id: 'room', user: 'user' }],
  ['message.list', 'GET', 'room/:id/message', { id: 'room', before: 'number', after: 'number', limit: 'number' }],
  ['message.list', 'GET', 'room/:id/message', { id: 'room', around: 'message', limit: 'number' }],
  ['message.create', 'POST', 'room/:id/message', { id: 'room', text: 'text', reply_to: 'message', key: 'key' }],
  ['message.detail', 'GET', 'message/:id', { id: 'message' }],
  ['message.update', 'PATCH', 'message/:id', { id: 'message', text: 'text' }],
  ['message.delete', 'DELETE', 'message/:id', { id: 'message' }],
  ['pin.list', 'GET', 'room/:id/pin', { id: 'room' }],
  ['pin.create', 'POST', 'room/:id/pin', { id: 'room', message: 'message' }],
  ['pin.delete', 'DELETE', 'room/:id/pin/:message', { id: 'room', message: 'message' }],
  ['reaction.create', 'POST', 'message/:id/reaction', { id: 'message', emoji: 'emoji' }],
  ['reaction.delete', 'DELETE', 'message/:id/reaction/:emoji', { id: 'message', emoji: 'emoji' }],
].map(([name, method, path, fields]) => ({ name, method, path, fields }));
// What only nodes may ask each other, and what nobody may.
const OTHER_METHODS = [
  'channel.subscribe', 'channel.history', 'channel.presence', 'channel.presence_stats', 'connection.open', 'connection.refresh',
  'node.hello', 'channel.left', 'rights.check', '', 'room', 'room.', '.list', 'message.create ', 'MESSAGE.CREATE', 'room.list\u0000x', '../me',
];
const MODELS = ['user', 'room', 'member', 'message'];
const DEEP = `${'['.repeat(40)}${']'.repeat(40)}`;
const JUNK = [
  null, true, false, 0, -1, 1.5, 1e300, 9007199254740991, 9007199254740993, -0, '', ' ', '1', '0x1', '\u0000', '\ud83d', '%s%n%x', "' or 1=1 --",
  '../../etc', '\r\nX-Bad: 1', '\u202eevil', '<b>x</b>', '\ufeff', '😀'.repeat(30), [], {}, [1, 2], { id: 1 }, [[[[[]]]]], 'x'.repeat(300), 'é'.repeat(5000),
];

/** Makes requests out of chance and of what was seen so far. */
class Maker {
  constructor(chance, known) {
    this.chance = chance;
    this.known = known;
    this.wrong = 0.04; // the share of values that are no such value
  }
  value(kind) {
    const { chance, known } = this;
    if (chance.is(this.wrong)) return chance.pick(JUNK);
    switch (kind) {
      case 'room': return known.id(chance, known.rooms);
      case 'user': return known.id(chance, known.users);
      case 'message': return known.id(chance, known.messages);
      case 'number': return chance.pick([0, 1, 2, 3, 5, 50, 200, chance.below(1000)]);
      case 'text': return chance.is(0.02) ? 'x'.repeat(chance.below(60000)) : chance.pick(['hi', 'how are you', 'ünï', '👍', 'a\nb', `@ann${chance.below(4)} and @bob.`, '@'.repeat(200), '@n1@n2 -@n3_ ', PASSWORD, `n${chance.below(100)}`]);
      case 'name': return chance.pick(['general', 'ann', 'name', 'Ünï', `n${chance.below(10000)}`]);
      case 'key': return `k${chance.below(20)}`;
      case 'emoji': return chance.pick(['👍', '❤️', '😀', 'x', ':)', 'a/b', '%']);
      case 'kind': return chance.pick(['public', 'private', 'direct']);
      case 'role': return chance.pick(['owner', 'moderator', 'member', 'reader', 'guest']);
      case 'model': return chance.pick([...MODELS, 'news', 'group', 'grant', '$[', 'x']);
      case 'right': return chance.pick(['read', 'write', 'delete', 'grant']);
      case 'notify': return chance.pick(['all', 'mentions', 'none']);
      case 'time': return chance.pick(['2099-01-31T12:00:00Z', '1969-12-31T23:59:59Z', '9999-12-31T23:59:59.999Z', '0000-00-00T00:00:00Z']);
      case 'cursor': return chance.pick(['0', '1', '50', '999999999999999999', '18446744073709551615', '-1', 'x']);
      case 'changes':
        return Array.from({ length: chance.below(5) }, () => this.params({ fields: { subject: 'subject', model: 'model', rights: 'rights', expect: 'rights', until: 'time' } }));
      case 'operations': return Array.from({ length: chance.below(5) }, () => this.operation());
      case 'rights': return chance.pick([['read'], ['read', 'write'], ['read', 'write', 'delete'], [], ['fly']]);
      case 'subject': return chance.pick([`user:${this.value('user')}`, 'members', 'everyone', 'group:1', 'group:0', 'user:']);
      case 'bool': return chance.is(0.5);
      case 'channel': return this.channel();
    }
    throw new Error(`no such kind: ${kind}`);
  }
  channel() {
    const { chance } = this;
    if (chance.is(0.85)) return `room:${this.value('room')}`;
    return chance.pick([
      `user:${this.value('user')}`, 'room:', 'room', 'room:0', 'room:-1', 'room:01', 'room:1 ', 'room:9007199254740993', 'room:99999999999999999999',
      'room:\u0000', 'ROOM:1', 'model:user', 'model:grant', 'model:group', 'model:news', 'model:grantx', 'model:member', 'x'.repeat(255), 'x'.repeat(256), `room:${'1'.repeat(250)}`, 'room:1/2', ':', 'room:*', 'room:+1',
    ]);
  }
  params({ fields }) {
    const { chance } = this;
    const params = {};
    for (const [name, kind] of Object.entries(fields)) if (!chance.is(0.04)) params[name] = this.value(kind);
    if (chance.is(0.03)) params[chance.pick(['extra', 'id', 'Id', '__proto__x', 'user', 'limit', ''])] = chance.pick(JUNK);
    return params;
  }
  operation() {
    const route = this.chance.pick(ROUTES.filter(({ name }) => !/account|session|batch/.test(name)));
    return { action: route.name, params: this.params(route) };
  }
  command() {
    const { chance } = this;
    const channel = this.value('channel');
    switch (chance.below(16)) {
      case 0: case 1: case 2:
        return { subscribe: { channel, join_leave: chance.is(0.5), ...(chance.is(0.4) ? { recover: true, offset: this.value('number'), epoch: this.epoch() } : {}),
          ...(chance.is(0.05) ? { flag: this.value('number'), tf: chance.pick(JUNK), delta: 'fossil', token: 'x' } : {}) } };
      case 3: case 4:
        return { unsubscribe: { channel } };
      case 5: case 6:
        return { publish: { channel, data: chance.is(0.1) ? chance.pick(JUNK) : this.params({ fields: { text: 'text', key: 'key', ...(chance.is(0.3) ? { reply_to: 'message' } : {}) } }) } };
      case 7:
        return { history: { channel, limit: chance.pick([0, -1, 1, 10, 300, 301, -2, 1e9]), reverse: chance.is(0.3),
          ...(chance.is(0.4) ? { since: { offset: this.value('number'), epoch: this.epoch() } } : {}) } };
      case 8: return { presence: { channel } };
      case 9: return { presence_stats: { channel } };
      case 10:
        return chance.pick([{ refresh: { token: 'nonsense' } }, { sub_refresh: { channel, token: 'x' } }, { ping: {} }, { refresh: {} }]);
      case 11:
        return { rpc: { method: chance.pick(OTHER_METHODS), data: chance.is(0.5) ? { channel, user: this.value('user'), client: 'x', token: 'x', offset: 0 } : chance.pick(JUNK) } };
      default: {
        const route = chance.pick(ROUTES);
        // These end the session that all the rest depends on.
        if (/account|session/.test(route.name) && !chance.is(0.1)) return { rpc: { method: 'me.detail', data: {} } };
        return { rpc: { method: route.name, data: chance.is(0.01) ? chance.pick(JUNK) : this.params(route) } };
      }
    }
  }
  epoch() {
    return this.chance.pick(['', 'nonsense', ...this.known.epochs]);
  }
  /** What breaks the protocol, so that the connection ends. */
  nonsense() {
    return this.chance.pick([
      '', ' ', '\n\n', '{}', '[]', 'null', '0', '"x"', '{"id":1}', '{"id":0,"ping":{}}', '{"id":-1,"ping":{}}', '{"id":4294967296,"ping":{}}', '{"send":{"data":1}}',
      '{"id":1,"connect":{}}', '{"id":1,"rpc":null}', '{"id":1,"rpc":[]}', '{"id":1,"unknown":{}}', '{"id":1,"id":2,"ping":{}}', `{"id":1,"ping":${DEEP}}`,
      '{"id":1,"ping":{}', '{"id":"1","ping":{}}', '{"id":1e0,"ping":{}} x', `{"id":1,"rpc":{"method":"me.detail","data":{${'"a":1,'.repeat(500)}"b":2}}}`, '\u0000',
      `{"id":7,"rpc":{"method":"me.detail","data":{"a":[${'1,'.repeat(20000)}1]}}}`, 'x'.repeat(70000), Array(100).fill('{"id":3,"ping":{}}').join('\n'),
    ]);
  }
  mutated(text) {
    const { chance } = this;
    const bytes = [...Buffer.from(text)];
    for (let times = 1 + chance.below(4); times > 0; times--) {
      const at = chance.below(bytes.length + 1);
      const count = 1 + chance.below(8);
      switch (chance.below(5)) {
        case 0: if (at < bytes.length) bytes[at] ^= 1 << chance.below(8); break;
        case 1: bytes.splice(at, count); break;
        case 2: bytes.splice(at, 0, ...bytes.slice(at, at + count)); break;
        case 3: bytes.splice(at, 0, ...Array.from({ length: count }, () => chance.below(256))); break;
        default: bytes.splice(at, 0, ...Buffer.from(chance.pick(['\n', '{', '}', '"', '\\', ',', '\\u0000', '\xff', '9'.repeat(30)])));
      }
    }
    return Buffer.from(bytes);
  }
  /** The bytes in segments. */
  *segments(bytes) {
    if (bytes.length > 4096 || this.chance.is(0.8)) {
      yield bytes;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const next = at + 1 + this.chance.below(this.chance.is(0.3) ? 3 : 200);
      yield bytes.subarray(at, next);
      at = next;
    }
  }
}

/** What attackers have learnt and may use against each other. */
class Known {
  rooms = [];
  users = [];
  messages = [];
  epochs = [];
  id(chance, list) {
    if (!list.length || chance.is(0.03)) return 1 + chance.below(100);
    // Mostly what is new: the old is often gone.
    return chance.is(0.7) ? list[Math.max(0, list.length - 1 - chance.below(8))] : chance.pick(list);
  }
  note(list, value) {
    if (list.at(-1) === value || list.slice(-64).includes(value)) return;
    list.push(value);
    if (list.length > 256) list.splice(8, 64); // the first ones stay: they are the witnesses'
  }
  learn(text) {
    const room = text.match(/"id":(\d+),"kind":"/);
    if (room) this.note(this.rooms, Number(room[1]));
    const message = text.match(/"id":(\d+),"room":\d+,"offset"/);
    if (message) this.note(this.messages, Number(message[1]));
    const epoch = text.match(/"epoch":"([^"]+)"/);
    if (epoch) this.note(this.epochs, epoch[1]);
  }
}

// ---- the storm ----

/** Everything that runs at the same time, and the first thing that went wrong. */
class Storm {
  constructor({ home, node = home, seed, seconds, log = () => {} }) {
    Object.assign(this, { home, node, seed, seconds, log });
    this.chance = new Chance(seed);
    this.known = new Known();
    this.counts = {}; // what was done and answered, by kind
    this.open = new Set(); // the attackers' connections
    this.protectedUsers = new Set();
    this.protectedRooms = new Set();
    this.secret = `secret${seed}x`; // in the room that no attacker may know of
  }
  count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  fail(why) {
    this.failure ??= why instanceof Error ? why : new Error(why);
    this.isOver = true;
  }
  /** Run `step` until the storm is over; what it throws ends the storm. */
  async loop(name, step) {
    try {
      for (let i = 0; !this.isOver; i++) await step(i);
    } catch (error) {
      this.fail(new Error(`${name}: ${error.message}`, { cause: error }));
    }
  }

  /** A connection of an attacker, from an address of its own so that the limits per address hit attackers only. */
  async connect(person) {
    const raw = new Raw(this.node.port, { localAddress: person.address });
    this.open.add(raw);
    raw.socket.once('close', () => this.open.delete(raw));
    await within(ANSWER_MS, 'a connection', raw.connected).catch(() => {});
    return raw;
  }

  /** No answer to an attacker may hold what it has no right to, or what is ours. */
  checkText(person, text, what) {
    this.known.learn(text);
    if (text.includes(this.secret)) throw new Error(`${what}: ${person.name} sees the secret: ${text.slice(0, 500)}`);
    for (const tag of person.forbidden)
      if (text.includes(tag)) throw new Error(`${what}: ${person.name} hears ${tag} after it was put out of the room: ${text.slice(0, 500)}`);
  }

  checkProblem(text, status, what) {
    const problem = parsed(text, what);
    if (problem.status !== status || !problem.type || !problem.title || !problem.detail || !problem.code)
      throw new Error(`${what}: no problem document for ${status}: ${text.slice(0, 500)}`);
    this.checkStatus(status, `${what}: ${text.slice(0, 500)}`);
    if (/\b(?:SELECT .* FROM|INSERT INTO|UPDATE .* SET|DELETE FROM) |sqlite|constraint failed|\.[ch]:\d|\/tmp\/|\/home\/|0x[0-9a-f]{6}/.test(problem.detail))
      throw new Error(`${what}: this is nobody's business: ${text.slice(0, 500)}`);
    this.count(`${problem.status} ${problem.code}`);
  }

  checkStatus(status, what) {
    if (!(status >= 100 && status < 500) && ![501, 503, 505, 507].includes(status)) throw new Error(`${what}: status ${status}`);
  }
}

function parsed(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what}: not JSON (${error.message}): ${text.slice(0, 500)}`);
  }
}

// ---- attackers on WebSockets ----

/** One attacker: connections one after the other, each ended in its own way. */
function attackSocket(storm, person, chance) {
  const maker = new Maker(chance, storm.known);
  return storm.loop(`socket of ${person.name}`, async () => {
    await person.signIn();
    const raw = await storm.connect(person);
    const socket = new HostileSocket(storm, person, maker, raw);
    try {
      await socket.run();
    } catch (error) {
      if (!raw.ended) throw error;
    } finally {
      socket.end();
      // Its last bytes are looked at too.
      socket.read();
      storm.count('sockets');
    }
  });
}

class HostileSocket {
  constructor(storm, person, maker, raw) {
    Object.assign(this, { storm, person, maker, raw, chance: maker.chance });
    this.id = 0;
    this.asked = new Map();
  }

  async run() {
    const { storm, person, raw, chance } = this;
    raw.send(handshake({ Host: new URL(storm.node.url).host, Origin: storm.node.url, Cookie: person.cookie }));
    const early = chance.is(0.1); // commands behind the handshake, before its answer
    if (early) this.sendCommands(['{"id":1000000,"connect":{}}', this.text(maker(this).command())]);
    const answer = await within(ANSWER_MS, 'the answer to an upgrade', raw.answer());
    storm.checkStatus(answer.status, `the upgrade: ${answer.body}`);
    if (answer.status !== 101) {
      storm.checkProblem(answer.body, answer.status, 'the upgrade');
      person.forget();
      return;
    }
    raw.waiting.add(() => this.read());
    this.isReading = true;
    if (!early && !chance.is(0.02)) this.sendCommands(['{"id":1000000,"connect":{}}', ...(chance.is(0.5) ? [this.text(maker(this).command())] : [])]);
    if (chance.is(0.1)) raw.socket.pause(); // it never listens
    for (let steps = 1 + chance.below(chance.is(0.3) ? 200 : 30); steps > 0 && !raw.ended && !storm.isOver; steps--) {
      this.step();
      if (raw.socket.writableNeedDrain) await this.drained();
      if (chance.is(0.3)) await turn(chance.is(0.2) ? 10 : 0);
    }
    // Half of them wait for their answers, the others are gone before.
    if (!raw.socket.isPaused() && !raw.ended && chance.is(0.5)) {
      this.sendCommands(['{"id":1000001,"ping":{}}']);
      await within(ANSWER_MS, `an answer or an end for ${person.name}`, raw.until(() => this.hasFarewell || raw.ended));
    }
  }

  step() {
    const { chance, maker: make, raw } = this;
    if (chance.is(0.015)) {
      raw.send(this.brokenFrame());
    } else if (chance.is(0.015)) {
      this.sendCommands([make.nonsense()]);
    } else if (chance.is(0.02)) {
      raw.send(frame(make.mutated(this.text(make.command()))));
    } else {
      const count = chance.is(0.1) ? 1 + chance.below(64) : 1;
      const lines = Array.from({ length: count }, () => this.text(make.command()));
      if (chance.is(0.05)) lines.push(...lines); // the same again, with the same ids
      if (chance.is(0.05)) lines.sort();
      this.sendCommands(lines);
    }
    if (chance.is(0.01)) raw.send(frame('x'.repeat(chance.below(126)), { opcode: chance.pick([9, 10]) }));
  }

  text(command) {
    const [kind] = Object.keys(command);
    const isAgain = this.chance.is(0.03);
    const id = isAgain ? 1 + this.chance.below(5) : ++this.id;
    this.asked.set(id, isAgain || id <= 5 ? 'one of several' : kind === 'rpc' ? `rpc ${command.rpc.method}` : kind);
    if (this.asked.size > 1000) this.asked.delete(this.asked.keys().next().value);
    return JSON.stringify(this.chance.is(0.5) ? { id, ...command } : { ...command, id });
  }

  /** One message, in one frame or several, in one segment or many. */
  sendCommands(lines) {
    const { chance, raw } = this;
    const bytes = Buffer.from(lines.join('\n'));
    let frames;
    if (chance.is(0.1) && bytes.length > 2) {
      const at = chance.below(bytes.length);
      frames = Buffer.concat([
        frame(bytes.subarray(0, at), { final: false }),
        ...(chance.is(0.3) ? [frame('', { opcode: 9 })] : []),
        frame(bytes.subarray(at), { opcode: 0 }),
      ]);
    } else {
      frames = frame(bytes);
    }
    for (const segment of this.maker.segments(frames)) raw.send(segment);
    this.storm.count('frames sent');
  }

  brokenFrame() {
    const { chance } = this;
    return chance.pick([
      () => frame('{}', { rsv: 1 + chance.below(7) }),
      () => frame('{}', { opcode: chance.pick([2, 3, 7, 11, 15]) }),
      () => frame('{}', { masked: false }),
      () => frame('{"id":1', { length: chance.pick([100, 70000, 2 ** 40]) }),
      () => frame('{}', { opcode: 0 }),
      () => frame('x'.repeat(200), { opcode: 9 }),
      () => frame('', { opcode: 9, final: false }),
      () => frame(Buffer.from([0xc3, 0x28, 0xff])),
      () => closing(chance.pick([1000, 1001, 1005, 3000, 4999, 0, 65535]), 'bye'),
      () => frame('x', { opcode: 8 }),
      () => Buffer.concat(Array(40).fill(frame('', { opcode: 9 }))),
      () => Buffer.from(Array.from({ length: 64 }, () => chance.below(256))),
    ])();
  }

  /** Take what has arrived apart, and look at it. */
  read() {
    if (!this.isReading) return;
    const { storm, person, raw } = this;
    try {
      for (let one; (one = raw.takeFrame()); ) {
        if (one.masked || ![1, 8, 9, 10].includes(one.opcode) || !one.final) throw new Error(`a frame that no server sends: opcode ${one.opcode}`);
        if (one.opcode === 8) {
          storm.count(`closed ${one.code}`);
          if (one.code === 3507) person.forget();
          if (this.chance.is(0.9)) raw.socket.end(closing(1000)); // the others keep the server waiting
          if ([1011, 3004].includes(one.code)) throw new Error(`closed with ${one.code} ${one.reason}`);
        }
        if (one.opcode === 1) for (const line of one.text.split('\n')) this.object(line);
      }
    } catch (error) {
      storm.fail(error);
    }
  }

  object(line) {
    const { storm, person, raw } = this;
    storm.checkText(person, line, 'a push or an answer');
    const object = parsed(line, 'a push or an answer');
    if (object.id === 1000001) this.hasFarewell = true;
    if (object.push) return storm.count('pushes');
    if (object.id === undefined) {
      if (Object.keys(object).length) throw new Error(`neither answer nor push: ${line.slice(0, 300)}`);
      if (this.chance.is(0.9)) raw.send(frame('{}'));
      return undefined;
    }
    const { error } = object;
    const asked = this.asked.get(object.id) ?? 'connect';
    if (!error && OTHER_METHODS.includes(asked.slice(4))) throw new Error(`${asked} is nothing for clients: ${line.slice(0, 300)}`);
    if (!error) return storm.count(`ok ${asked}`);
    if (!(error.code > 0) || !error.message) throw new Error(`an error without words: ${line.slice(0, 300)}`);
    if (error.message.startsWith('{')) storm.checkProblem(error.message, JSON.parse(error.message).status, `the error of ${asked}`);
    else storm.count(`error ${error.code}`);
    return undefined;
  }

  drained() {
    const { socket } = this.raw;
    return Promise.race([
      new Promise((resolve) => {
        socket.once('drain', resolve);
        socket.once('close', resolve);
      }),
      // Who does not listen may be left waiting; then it goes.
      turn(1000),
    ]);
  }

  end() {
    const { chance, raw } = this;
    if (raw.ended) return raw.destroy();
    switch (chance.below(5)) {
      case 0: raw.send(closing(1000)); raw.socket.end(); break;
      case 1: raw.send(frame('{"id":5,"ping":{}}').subarray(0, 1 + chance.below(12))); break; // in the middle of a frame
      case 2: this.sendCommands(Array.from({ length: 20 }, () => this.text(this.maker.command()))); break; // with much under way
      case 3: raw.socket.resetAndDestroy?.(); break;
      default:
    }
    return raw.destroy();
  }
}

const maker = (socket) => socket.maker;
const turn = (milliseconds) => new Promise((resolve) => (milliseconds ? setTimeout(resolve, milliseconds) : setImmediate(resolve)));

// ---- attackers on REST ----

function attackRest(storm, person, chance) {
  const make = new Maker(chance, storm.known);
  return storm.loop(`caller ${person.name}`, async () => {
    await person.signIn();
    const raw = await storm.connect(person);
    try {
      for (let times = 1 + chance.below(10); times > 0 && !raw.ended && !storm.isOver; times--)
        if (await callOnce(storm, person, make, raw)) break;
    } catch (error) {
      // The front may end a connection whenever it has read what it does not like.
      if (!raw.ended) throw error;
    } finally {
      raw.destroy();
    }
    await turn(0);
  });
}

/** One or several requests behind each other, and their answers in order. True: the connection is used up. */
async function callOnce(storm, person, make, raw) {
  const { chance } = make;
  const requests = Array.from({ length: chance.is(0.2) ? 1 + chance.below(8) : 1 }, () => restRequest(storm, person, make));
  const isMutated = chance.is(0.05);
  let bytes = Buffer.concat(requests.map((one) => one.bytes));
  if (isMutated) bytes = make.mutated(bytes);
  for (const segment of make.segments(bytes)) raw.send(segment);
  storm.count('requests');
  const isGone = isMutated || chance.is(0.03);
  if (isGone) {
    // Half of them still read; and what is mutated is only sure to be over with this.
    if (isMutated || chance.is(0.5)) raw.socket.end();
    else {
      raw.destroy();
      return true;
    }
  }
  for (const one of requests) {
    const { head, name } = one;
    let answer;
    do answer = await within(ANSWER_MS, `the answer to ${name} in ${JSON.stringify(bytes.toString('latin1').slice(0, 3000))}`, raw.answer({ head }));
    while (answer.status === 100);
    storm.checkStatus(answer.status, `${name}: ${answer.body.slice(0, 500)}`);
    if (isMutated) break; // nobody knows how many requests that was
    storm.checkText(person, answer.body, name);
    if (head) continue;
    const type = answer.headers['content-type'] ?? '';
    if (answer.status >= 400) storm.checkProblem(answer.body, answer.status, name);
    else if (answer.body && type.includes('json')) parsed(answer.body, name);
    if (answer.status < 300) storm.count(`ok ${name}`);
    if (answer.status === 401 || /logout|password/.test(name)) person.forget();
  }
  if (isGone) raw.destroy();
  return isGone;
}

function restRequest(storm, person, make) {
  const { chance } = make;
  let route = chance.pick(ROUTES);
  if (/account|session/.test(route.name) && !chance.is(0.1)) route = chance.pick(ROUTES);
  const params = make.params(route);
  const method = chance.is(0.03) ? chance.pick(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'FOO']) : route.method;
  let path = route.path.replace(/:(\w+)/g, (_, name) => {
    const value = params[name];
    delete params[name];
    return encodeURIComponent(typeof value === 'string' ? value.toWellFormed?.() ?? value.slice(0, 20) : String(value)).slice(0, 500);
  });
  if (chance.is(0.02)) path = chance.pick(['', '/', '..', 'room/1/message/', 'room//message', 'room/%00', 'room/%2e%2e/x', 'room/1?id=2', 'x'.repeat(3000), 'connection/websocket', '%', 'room/1#x']);
  const query = method === 'GET' || method === 'HEAD' || chance.is(0.03);
  const words = Object.entries(params).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value).toWellFormed?.() ?? '')}`.slice(0, 2000));
  if (chance.is(0.03)) words.push(chance.pick(['limit=5', 'limit=', '=', '&&', 'a=b=c', '%', '%zz=1', 'limit=5&limit=6', 'q=%ff', 'id=1']));
  let body = query ? '' : JSON.stringify(params);
  if (!query && chance.is(0.03)) body = chance.pick(['', '{', 'null', '[]', DEEP, '{"a":1,"a":2}', `{"text":"${'x'.repeat(65536 - 11)}"}`, `{"text":"${'x'.repeat(65536 - 10)}"}`, 'x'.repeat(70000)]);
  const headers = {
    Host: new URL(storm.node.url).host,
    Cookie: person.cookie,
    ...(query ? {} : { 'Content-Type': 'application/json', Origin: storm.node.url, 'X-CSRF-Token': person.csrf }),
  };
  if (chance.is(0.05))
    Object.assign(headers, chance.pick([
      { Origin: 'http://elsewhere.example' }, { 'X-CSRF-Token': 'wrong' }, { 'Content-Type': 'text/plain' }, { Cookie: 'sid=nonsense' }, { Cookie: `sid=a; sid=b` },
      { 'If-Match': '"1"' }, { 'If-None-Match': '*' }, { Host: 'elsewhere.example' }, { Connection: 'close' }, { Expect: '100-continue' }, { Range: 'bytes=0-1' },
      { 'X-Long': 'x'.repeat(9000) }, Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`X-${i}`, 'x'])), { 'Idempotency-Key': 'k' }, { 'Content-Encoding': 'gzip' },
      { Authorization: 'Bearer nonsense' }, { 'X-Forwarded-For': '1.2.3.4' }, { Upgrade: 'websocket', Connection: 'Upgrade' },
    ]));
  let payload = Buffer.from(body);
  if (chance.is(0.05) && body) {
    headers['Transfer-Encoding'] = 'chunked';
    const at = chance.below(payload.length);
    const chunk = (part) => (part.length ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]) : Buffer.alloc(0));
    payload = Buffer.concat([chunk(payload.subarray(0, at)), chunk(payload.subarray(at)), Buffer.from('0\r\n\r\n')]);
  } else if (body || !query) {
    headers['Content-Length'] = payload.length;
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} /api/v1/${path}${query && words.length ? `?${words.join('&')}` : ''} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head), payload]), head: method === 'HEAD', name: `${method} ${route.path}` };
}

/** An attacker's account, made anew when its own was disabled. */
class Attacker {
  forbidden = new Set(); // what was said where it has been put out
  constructor(storm, number) {
    this.storm = storm;
    this.number = number;
    this.times = 0;
  }
  /** Another one for each account: how often one address may register is limited. */
  get address() {
    return `127.0.${1 + (this.times % 250)}.${10 + this.number}`;
  }
  /** Several attackers are one person; only one of them registers. */
  signIn() {
    if (this.cookie) return undefined;
    this.signingIn ??= this.register().finally(() => {
      this.signingIn = null;
    });
    return this.signingIn;
  }
  async register() {
    this.times++;
    const name = `attacker${this.number}x${this.times}x${this.storm.seed % 100000}`;
    const answer = await this.call('POST', 'register', { name, password: PASSWORD });
    if (answer.status !== 201) throw new Error(`registering: ${answer.status} ${answer.text}`);
    const [cookie] = answer.headers['set-cookie'];
    Object.assign(this, { name, cookie: cookie.split(';')[0], forbidden: new Set() });
    const me = await this.call('GET', 'me');
    if (me.status !== 200) return this.forget(); // ended meanwhile
    this.csrf = me.body.csrf;
    this.id = me.body.user.id;
    this.storm.known.note(this.storm.known.users, this.id);
  }
  forget() {
    this.cookie = '';
  }
  async call(method, path, body) {
    const text = body && JSON.stringify(body);
    const answer = new Promise((resolve, reject) => {
      const asked = httpRequest(`${this.storm.node.url}/api/v1/${path}`, {
        method, agent: false, localAddress: this.address,
        headers: {
          ...(this.cookie ? { Cookie: this.cookie } : {}),
          ...(text ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), Origin: this.storm.node.url } : {}),
        },
      });
      asked.on('error', reject);
      asked.on('response', async (response) => {
        let received = '';
        for await (const part of response) received += part;
        resolve({ status: response.statusCode, headers: response.headers, text: received, body: received ? parsed(received, path) : null });
      });
      asked.end(text);
    });
    return within(ANSWER_MS, `${method} ${path}`, answer);
  }
}

// ---- those who must not notice anything ----

/** Listens to a room: every event has the offset behind the one before, and the connection stays. */
class Witness {
  static async open(storm, server, me, room) {
    const witness = new Witness();
    Object.assign(witness, { storm, me, room, lastId: 0, replies: new Map(), last: -1, watchers: new Set() });
    const socket = new WebSocket(server.wsUrl, [], { origin: server.url, headers: { Cookie: me.cookie }, perMessageDeflate: false });
    witness.socket = socket;
    witness.gone = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        if (!witness.isLeaving) storm.fail(`the witness ${me.name} on ${server.url} was closed: ${code} ${reason}`);
        resolve();
      });
    });
    socket.on('message', (data) => {
      try {
        for (const line of data.toString().split('\n')) witness.object(parsed(line, 'to a witness'));
      } catch (error) {
        storm.fail(error);
      }
    });
    await within(ANSWER_MS, 'a witness connecting', new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)));
    await witness.call('connect', {});
    const { subscribe } = await witness.call('subscribe', { channel: `room:${room.id}`, join_leave: true });
    witness.last = subscribe.offset;
    for (const push of witness.early ?? []) witness.pub(push);
    witness.early = null;
    return witness;
  }
  early = [];

  object(object) {
    if (Object.keys(object).length === 0) return this.socket.send('{}');
    if (object.id) return this.replies.get(object.id)?.(object);
    const { push } = object;
    if (push?.channel !== `room:${this.room.id}`) return undefined;
    if (push.unsubscribe) throw new Error(`the witness ${this.me.name} lost its room: ${JSON.stringify(push)}`);
    if (!push.pub?.offset) return undefined; // typing, who comes and goes
    return this.early ? this.early.push(push) : this.pub(push);
  }
  pub({ pub }) {
    if (pub.offset !== this.last + 1) throw new Error(`the witness ${this.me.name} hears ${pub.offset} after ${this.last}`);
    this.last = pub.offset;
    for (const watcher of this.watchers) watcher();
  }
  async call(method, params) {
    const id = ++this.lastId;
    const answer = new Promise((resolve) => this.replies.set(id, resolve));
    this.socket.send(JSON.stringify({ id, [method]: params }));
    const reply = await within(ANSWER_MS, `the answer to the ${method} of ${this.me.name}`, Promise.race([answer, this.gone]));
    this.replies.delete(id);
    if (!reply?.[method]) throw new Error(`${method} of the witness ${this.me.name}: ${JSON.stringify(reply)}`);
    return reply;
  }
  /** It has heard everything up to this offset. */
  reaches(offset) {
    let watcher;
    const reached = new Promise((resolve) => {
      watcher = () => this.last >= offset && resolve();
      this.watchers.add(watcher);
      watcher();
    });
    return within(ANSWER_MS, `offset ${offset} for ${this.me.name}, which has heard ${this.last},`, reached).finally(() => this.watchers.delete(watcher));
  }
  close() {
    this.isLeaving = true;
    this.socket.close();
    return within(ANSWER_MS, 'a witness leaving', this.gone);
  }
}

/** Grants and revokes, makes and deletes, disables: what changes rights and rooms under everybody's feet. */
function administer(storm, admin, ann, attackers, chance) {
  const make = new Maker(chance, storm.known);
  const ask = async (me, method, path, body, statuses) => {
    const answer = await me.api(method, path, body);
    storm.checkStatus(answer.status, `${method} ${path}: ${answer.text}`);
    if (answer.status >= 400) storm.checkProblem(answer.text, answer.status, `${method} ${path}`);
    if (statuses && !statuses.includes(answer.status)) throw new Error(`${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.text}`);
    storm.count(`administrator ${answer.status}`);
    return answer.body;
  };
  const grants = [];
  const groups = [];
  let named = 0;
  const rooms = [];
  const steps = [
    async () => {
      // What everybody has, taken away and given back.
      const subject = chance.pick(['members', 'members', 'everyone']);
      const model = chance.pick(MODELS);
      const { id } = await ask(admin, 'POST', '/grant', { subject, model, rights: [], reason: 'storm' }, [200, 404]);
      await turn(chance.below(50));
      if (subject === 'members') await ask(admin, 'POST', '/grant', { subject, model, rights: ['read', 'write', 'delete'] }, [200, 201]);
      else if (id) await ask(admin, 'DELETE', `/grant/${id}`);
    },
    async () => {
      const { id } = chance.pick(attackers);
      const grant = await ask(admin, 'POST', '/grant', { subject: `user:${id}`, model: chance.pick(MODELS), rights: chance.pick([['read'], ['read', 'write'], []]) });
      if (grant?.id) grants.push(grant.id);
      if (grants.length > 3) await ask(admin, 'DELETE', `/grant/${grants.shift()}`);
    },
    async () => {
      if (!chance.is(0.3)) return;
      const { id } = chance.pick(attackers);
      await ask(admin, 'PATCH', `/user/${id}`, { disabled: true }, [200, 204]);
      if (chance.is(0.5)) await ask(admin, 'PATCH', `/user/${id}`, { disabled: false }, [200, 204]);
    },
    async () => {
      const room = await ask(ann, 'POST', '/room', { kind: chance.pick(['public', 'private']), name: `storm ${++named}` }, [201, 429]);
      if (!room.kind) return;
      rooms.push(room.id);
      storm.known.note(storm.known.rooms, room.id);
      for (const { id } of attackers) if (chance.is(0.5)) await ask(ann, 'POST', `/room/${room.id}/member`, { user: id, role: chance.pick(['owner', 'member', 'moderator']) });
      if (rooms.length > 4) await ask(admin, 'DELETE', `/room/${rooms.shift()}`);
    },
    async () => {
      if (!rooms.length) return;
      const room = chance.pick(rooms);
      await ask(admin, 'PATCH', `/room/${room}`, { kind: 'private' });
      await ask(ann, 'DELETE', `/room/${room}/member/${chance.pick(attackers).id}`);
      await ask(admin, 'PATCH', `/room/${room}`, { kind: 'public' });
    },
    async () => {
      const group = await ask(admin, 'POST', '/group', { name: `group ${chance.below(1e9)}` });
      if (!group?.id) return;
      groups.push(group.id);
      await ask(admin, 'POST', `/group/${group.id}/member`, { user: chance.pick(attackers).id });
      await ask(admin, 'POST', '/grant', { subject: `group:${group.id}`, model: chance.pick(MODELS), rights: ['read', 'write'] });
      if (groups.length > 2) await ask(admin, 'DELETE', `/group/${groups.shift()}`);
    },
    async () => {
      // An administrator's own nonsense, which must not touch the witnesses.
      const route = chance.pick(ROUTES.filter(({ name }) => /^(?:grant|group|user|room|audit)/.test(name)));
      const params = make.params(route);
      const isProtected = Object.entries(params).some(([name, value]) => ['id', 'user', 'subject'].includes(name) && storm.isProtected(route.name, value));
      if (isProtected) return;
      delete params.superuser; // or an attacker might do anything
      const path = route.path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(String(params[name]).toWellFormed?.() ?? '').slice(0, 100));
      await ask(admin, route.method, `/${path}`, route.method === 'GET' || route.method === 'DELETE' ? undefined : params);
    },
  ];
  return storm.loop('administrator', async () => {
    await chance.pick(steps)();
    await turn(5);
  });
}

/** Somebody is taken into a private room and put out again: from then on it hears nothing of it. */
function expel(storm, ann, bob, attackers, chance) {
  let number = 0;
  return storm.loop('expelling', async () => {
    const person = chance.pick(attackers);
    const { id } = person;
    person.forbidden.clear(); // who is in the room again may read what was said before
    const member = await ann.api('POST', `/room/${storm.club.id}/member`, { user: id });
    storm.checkStatus(member.status, `inviting: ${member.text}`);
    storm.known.note(storm.known.rooms, storm.club.id);
    must(await bob.api('POST', `/room/${storm.club.id}/message`, { text: `in ${++number}` }), 201, 'say to members');
    await turn(chance.below(100));
    const out = await ann.api('DELETE', `/room/${storm.club.id}/member/${id}`);
    storm.checkStatus(out.status, `expelling: ${out.text}`);
    if (out.status < 300 && id === person.id) {
      const tag = `expelled${number}x${storm.seed}x`;
      person.forbidden.add(tag);
      must(await bob.api('POST', `/room/${storm.club.id}/message`, { text: tag }), 201, 'say to those who are left');
    }
    await turn(250); // both messages together are below the rate that everybody may have
  });
}

Storm.prototype.isProtected = function isProtected(route, value) {
  const number = Number(String(value).replace(/^user:/, ''));
  if (['members', 'everyone'].includes(value)) return true; // the witnesses are among them
  return /^room/.test(route) ? this.protectedRooms.has(number) : this.protectedUsers.has(number);
};

/** What the process holds, in bytes. */
function memory(pid) {
  return 1024 * Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m)[1]);
}

/**
 * Attack `node` (an edge of `home`, or the home itself) for `seconds`; resolves to what was counted, rejects with the
 * first thing that went wrong. `admin` may be given; else the server is new and gets its first administrator here.
 */
export async function storm({ home, node = home, seed, seconds, admin, log }) {
  const run = new Storm({ home, node, seed, seconds, log });
  const { chance } = run;
  const nodes = node === home ? [home] : [home, node];
  admin ??= await firstAdministrator(home);
  const ann = await register(home.url, `ann${seed % 100000}`);
  const bob = await register(home.url, `bob${seed % 100000}`);
  for (const me of [ann, bob])
    for (const model of MODELS) must(await admin.api('POST', '/grant', { subject: `user:${me.id}`, model, rights: ['read', 'write', 'delete'] }), 201, 'a witness keeps its rights');
  const newRoom = async (kind, name) => {
    const room = must(await ann.api('POST', '/room', { kind, name, topic: name }), 201, 'a room').body;
    must(await ann.api('POST', `/room/${room.id}/member`, { user: bob.id }), 201, 'a member');
    run.protectedRooms.add(room.id);
    return must(await ann.api('GET', `/room/${room.id}`), 200, 'the room').body;
  };
  const room = await newRoom('public', 'general');
  const vault = await newRoom('private', run.secret);
  run.club = await newRoom('private', 'club');
  for (const { id } of [admin, ann, bob]) run.protectedUsers.add(id);
  run.known.rooms.push(room.id, vault.id, room.id, vault.id + 1);
  run.known.users.push(admin.id, ann.id, bob.id);

  const witnesses = [];
  for (const server of nodes) for (const me of [ann, bob]) witnesses.push(await Witness.open(run, server, me, room));
  const attackers = Array.from({ length: 6 }, (_, number) => new Attacker(run, number));
  for (const attacker of attackers) await attacker.signIn();
  const before = nodes.map(({ pid }) => (pid ? memory(pid) : 0));
  log?.(`seed ${seed}: ${seconds} s`);

  const timer = setTimeout(() => {
    run.isOver = true;
  }, seconds * 1000);
  for (const server of nodes)
    server.exited?.then(({ code, signal }) => {
      if (!run.isCalm) run.fail(`${server.url} died: ${signal ?? code}\n${server.output().slice(-4000)}`);
    });
  let said = 0;
  const attacks = [
    ...Array.from({ length: SOCKETS }, (_, i) => attackSocket(run, attackers[i % attackers.length], chance.child(i))),
    ...Array.from({ length: CALLERS }, (_, i) => attackRest(run, attackers[i % attackers.length], chance.child(100 + i))),
    administer(run, admin, ann, attackers, chance.child(200)),
    expel(run, ann, bob, attackers, chance.child(201)),
    run.loop('a witness speaking', async () => {
      // Below the rate that everybody may have.
      await witnesses[0].call('publish', { channel: `room:${room.id}`, data: { text: `witness ${++said}`, key: `w${said}` } });
      const secret = await witnesses.at(-1).call('publish', { channel: `room:${vault.id}`, data: { text: `${run.secret} ${said}` } });
      if (secret) await turn(400);
    }),
    ...nodes.map((server) =>
      run.loop(`health of ${server.url}`, async () => {
        const answer = await within(ANSWER_MS, 'healthz', fetch(`${server.url}/healthz`));
        if (answer.status !== 200) throw new Error(`healthz answers ${answer.status}`);
        await answer.text();
        await turn(100);
      }),
    ),
  ];
  await Promise.all(attacks);
  clearTimeout(timer);
  for (const raw of run.open) raw.destroy();
  run.isCalm = true;
  try {
    if (run.failure) throw run.failure;
    await aftermath(run, nodes, witnesses, room, ann, before);
    if (run.failure) throw run.failure;
  } catch (error) {
    throw Object.assign(new Error(`seed ${seed}: ${error.message}`, { cause: error }), { counts: run.counts });
  } finally {
    for (const witness of witnesses) {
      witness.isLeaving = true;
      witness.socket.terminate();
    }
  }
  return run.counts;
}

/** The storm is over and has left nothing behind. */
async function aftermath(run, nodes, witnesses, room, ann, before) {
  await witnesses[0].call('publish', { channel: `room:${room.id}`, data: { text: 'the end' } });
  const { offset } = must(await ann.api('GET', `/room/${room.id}`), 200, 'the room').body;
  for (const witness of witnesses) await witness.reaches(offset);
  for (const witness of witnesses) if (witness.last !== offset) throw new Error(`${witness.me.name} has heard ${witness.last}, but the room is at ${offset}`);
  const here = witnesses.length / nodes.length;
  for (const [index, server] of nodes.entries()) {
    await untilMetric(server, 'parley_connections', (count) => count === here);
    await untilMetric(server, 'parley_requests_in_flight', (count) => count === 0);
    await untilMetric(server, 'parley_channel_log_bytes', (bytes) => bytes === 0);
    await untilMetric(server, 'parley_connections_lagging', (count) => count === 0);
    await untilMetric(server, 'parley_store_queue', (count) => count === 0);
    await untilMetric(server, 'parley_subscriptions', (count) => count === 2 * here); // the room and one's own feed
    await untilMetric(server, 'parley_channels', (count) => count <= 1 + here);
    await untilMetric(server, 'parley_http_connections', (count) => count <= 4); // our own questions
    if (server.pid) {
      const growth = memory(server.pid) - before[index];
      run.counts[`MiB grown ${index ? 'edge' : 'home'}`] = Math.round(growth / 1024 / 1024);
      if (growth > GROWTH_MAX) throw new Error(`${server.url} has grown by ${growth} bytes`);
    }
    const complaint = server.output?.().match(/^\S+ error .*$/m);
    if (complaint) throw new Error(`${server.url} has logged a fault: ${complaint[0]}`);
  }
  // Everybody who listens is one of us, wherever it is asked. Who vanished from an edge in the middle of a subscribe is
  // taken off some seconds later, when that can no longer be under way.
  const strangers = async () => {
    const { presence } = await witnesses.at(-1).call('presence', { channel: `room:${room.id}` });
    return Object.values(presence.presence).filter(({ user }) => !run.protectedUsers.has(Number(user)));
  };
  await untilAnswer('no ghost in the room', strangers, (ghosts) => ghosts.length === 0);
}

/** Start servers, attack them, and stop them cleanly. */
export async function stormOnce({ seed, seconds, edge = false, flags = {}, log }) {
  const redis = edge ? await startRedis() : null;
  const home = await startServer({ redis, flags, env: ENVIRONMENT });
  const node = edge ? await startServer({ redis, edge: true, flags, env: ENVIRONMENT }) : home;
  try {
    if (edge) await ready(node);
    return await storm({ home, node, seed, seconds, log });
  } catch (error) {
    error.isStorm = true;
    throw error;
  } finally {
    // A sanitizer's complaint says more than what the clients saw of it.
    if (edge) await node.stop();
    await home.stop();
    await redis?.stop();
  }
}

async function main() {
  const { values } = parseArgs({
    options: { seed: { type: 'string' }, seconds: { type: 'string', default: '10' }, url: { type: 'string' }, admin: { type: 'string' }, edge: { type: 'boolean' }, raised: { type: 'boolean' } },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const seconds = Number(values.seconds);
  console.log(`seed ${seed}`);
  if (values.url) {
    // A server of somebody else's: its administrator is given as name:password.
    const [name, password] = (values.admin ?? '').split(':');
    const { port } = new URL(values.url);
    const home = { url: values.url, port: Number(port), wsUrl: `${values.url.replace(/^http/, 'ws')}/connection/websocket` };
    console.log(await storm({ home, seed, seconds, admin: await login(values.url, name, password) }));
    return;
  }
  console.log(await stormOnce({ seed, seconds, edge: values.edge, flags: values.raised ? RAISED : {} }));
}

if (import.meta.filename === process.argv[1] || process.argv[1]?.endsWith('/protocol.mjs'))
  main().catch((error) => {
    console.error(error.message, error.cause ?? '', error.counts ?? '');
    process.exit(1);
  });
