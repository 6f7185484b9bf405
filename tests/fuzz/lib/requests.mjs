// What attackers ask: requests made out of chance, and of what they have seen so far.
import { PASSWORD } from '../../api/lib/client.mjs';

// name, method, path, the other parameters; each parameter is named with the kind of its value.
export const ROUTES = [
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
export const OTHER_METHODS = [
  'channel.subscribe', 'channel.history', 'channel.presence', 'channel.presence_stats', 'connection.open', 'connection.refresh',
  'node.hello', 'channel.left', 'rights.check', '', 'room', 'room.', '.list', 'message.create ', 'MESSAGE.CREATE', 'room.list\u0000x', '../me',
];
export const MODELS = ['user', 'room', 'member', 'message'];
export const DEEP = `${'['.repeat(40)}${']'.repeat(40)}`;
const JUNK = [
  null, true, false, 0, -1, 1.5, 1e300, 9007199254740991, 9007199254740993, -0, '', ' ', '1', '0x1', '\u0000', '\ud83d', '%s%n%x', "' or 1=1 --",
  '../../etc', '\r\nX-Bad: 1', '\u202eevil', '<b>x</b>', '\ufeff', '😀'.repeat(30), [], {}, [1, 2], { id: 1 }, [[[[[]]]]], 'x'.repeat(300), 'é'.repeat(5000),
];

/** Makes requests out of chance and of what was seen so far. */
export class Maker {
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
export class Known {
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
