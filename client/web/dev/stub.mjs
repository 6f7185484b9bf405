/* stub.mjs: a stand-in for the server, to work on the pages without building it. It keeps all in
 * memory, checks next to nothing, and must never be reached from another machine.
 *
 *   node dev/stub.mjs [port]     then open the address it prints; needs `npm run build` first
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), '../dist');
const csp =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const users = [];
const rooms = [];
const messages = [];
const sessions = new Map();
const sockets = new Set();
const now = () => new Date().toISOString();

class Refusal extends Error {
  constructor(status, detail, errors) {
    super(detail);
    this.document = {
      type: 'about:blank',
      title: detail,
      status,
      detail,
      code: `stub_${status}`,
      errors,
    };
  }
}

/* Actions: the name an rpc calls them by, the REST address, and what they do. */
const actions = [
  ['account.register', 'POST', '/register', register],
  ['account.login', 'POST', '/login', login],
  ['account.logout', 'POST', '/logout', ({ sid }) => void sessions.delete(sid)],
  ['setup.detail', 'GET', '/setup', ({ token }) => need(token === 'stub', 404, 'No such link.')],
  ['setup.create', 'POST', '/setup', register],
  ['me.detail', 'GET', '/me', me],
  [
    'user.list',
    'GET',
    '/user',
    ({ 'name[like]': like = '*' }) => ({
      items: users.filter((u) => u.name.startsWith(`${like}`.slice(0, -1))).map(person),
      next: null,
    }),
  ],
  [
    'room.list',
    'GET',
    '/room',
    ({ user }) => ({
      items: rooms
        .filter((r) => r.kind === 'public' || r.people.has(user.id))
        .map((r) => roomFor(r, user)),
      next: null,
    }),
  ],
  [
    'room.create',
    'POST',
    '/room',
    ({ user, kind, name, topic }) => roomFor(makeRoom(kind, name, topic, [user.id]), user),
  ],
  ['direct.create', 'POST', '/direct', startDirect],
  ['room.detail', 'GET', '/room/:id', ({ user, id }) => roomFor(roomOf(id, user), user)],
  ['room.join', 'POST', '/room/:id/join', joinRoom],
  [
    'room.leave',
    'POST',
    '/room/:id/leave',
    ({ user, id }) => void roomOf(id, user).people.delete(user.id),
  ],
  ['room.read', 'POST', '/room/:id/read', markRead],
  [
    'room.typing',
    'POST',
    '/room/:id/typing',
    ({ user, id }) =>
      publish(roomOf(id, user), { event: 'typing', user: user.id, name: user.name }, false),
  ],
  [
    'member.create',
    'POST',
    '/room/:id/member',
    ({ user, id, ...body }) => invite(roomOf(id, user), body.member),
  ],
  ['message.list', 'GET', '/room/:id/message', listMessages],
  ['message.create', 'POST', '/room/:id/message', createMessage],
  [
    'message.update',
    'PATCH',
    '/message/:id',
    ({ user, id, text }) => change(user, id, { text }, 'message.updated'),
  ],
  [
    'message.delete',
    'DELETE',
    '/message/:id',
    ({ user, id }) => void change(user, id, { text: '', deleted: true }, 'message.deleted'),
  ],
  ['reaction.create', 'POST', '/message/:id/reaction', (p) => react(p, 'reaction.added')],
  [
    'reaction.delete',
    'DELETE',
    '/message/:id/reaction/:emoji',
    (p) => react(p, 'reaction.removed'),
  ],
];

function need(truth, status, detail) {
  if (!truth) throw new Refusal(status, detail);
}

function register({ name, password }) {
  if (String(password).length < 8)
    throw new Refusal(422, 'Some fields are not right.', [
      { pointer: '/password', detail: 'At least 8 characters.' },
    ]);
  need(!users.some((user) => user.name === name), 409, 'Somebody has this name already.');
  users.push({ id: users.length + 1, name, password });
  return login({ name, password });
}

function login({ name, password }) {
  const user = users.find((other) => other.name === name && other.password === password);
  need(user, 401, 'The name or the password is wrong.');
  const sid = randomUUID();
  sessions.set(sid, { user, csrf: randomUUID() });
  return { cookie: sid, user: person(user), csrf: sessions.get(sid).csrf };
}

function me({ user, sid }) {
  const all = ['read', 'write', 'delete'];
  return {
    user: person(user),
    permissions: { message: all, room: all },
    csrf: sessions.get(sid)?.csrf ?? '',
  };
}

function person({ id, name }) {
  return { id, name };
}

function makeRoom(kind, name, topic, people) {
  const times = { created_at: now(), updated_at: now() };
  const room = {
    id: rooms.length + 1,
    kind,
    name,
    topic: topic ?? '',
    ...times,
    version: 1,
    epoch: randomUUID().slice(0, 8),
    log: [],
    people: new Map(people.map((id) => [id, 0])),
  };
  rooms.push(room);
  return room;
}

function roomOf(id, user) {
  const room = rooms.find((other) => other.id === Number(id));
  need(
    room && (room.kind === 'public' || room.people.has(user.id)),
    404,
    'There is nothing here that you may see.',
  );
  return room;
}

function roomFor({ log, people, ...room }, user) {
  const read_offset = people.get(user.id);
  const unread = messages.filter(
    (m) => m.room === room.id && m.offset > read_offset && m.author !== user.id,
  ).length;
  const membership = read_offset === undefined ? null : { role: 'member', read_offset, unread };
  const other = [...people.keys()].find((id) => id !== user.id);
  const extra = room.kind === 'direct' ? { with: person(users[other - 1]) } : {};
  return { ...room, offset: log.length, members: people.size, membership, ...extra };
}

function startDirect({ user, ...body }) {
  const other = body.other;
  const is = (room) => room.kind === 'direct' && room.people.has(user.id) && room.people.has(other);
  const room = rooms.find(is) ?? makeRoom('direct', '', '', [user.id, other]);
  toUser(other, { event: 'room.added', room: roomFor(room, users[other - 1]) });
  return roomFor(room, user);
}

function joinRoom({ user, id }) {
  const room = roomOf(id, user);
  invite(room, user.id);
  return roomFor(room, user);
}

function invite(room, id) {
  room.people.set(id, room.log.length);
  publish(room, {
    event: 'member.joined',
    member: { user: id, name: users[id - 1].name, role: 'member', joined_at: now() },
  });
  toUser(id, { event: 'room.added', room: roomFor(room, users[id - 1]) });
}

function markRead({ user, id, offset }) {
  roomOf(id, user).people.set(user.id, offset);
  toUser(user.id, { event: 'read', room: Number(id), read_offset: offset, unread: 0 });
  return { read_offset: offset, unread: 0 };
}

function listMessages({ user, id, before = Infinity, after = 0, limit = 50 }) {
  const room = roomOf(id, user);
  const all = messages.filter((m) => m.room === room.id && m.offset < before && m.offset > after);
  const items = after > 0 ? all.slice(0, limit) : all.slice(-limit);
  return {
    items,
    next: items.length < all.length ? items[0].offset : null,
    epoch: room.epoch,
    offset: room.log.length,
  };
}

function createMessage({ user, id, text, reply_to = null, key }) {
  const room = roomOf(id, user);
  need(room.people.has(user.id), 403, 'Join the room first.');
  need(!text.startsWith('/refuse'), 422, 'The message is too long.');
  const first = messages.find((m) => key && m.key === key && m.author === user.id);
  if (first) return first;
  const at = now();
  const message = {
    id: messages.length + 1,
    room: room.id,
    offset: room.log.length + 1,
    author: user.id,
    author_name: user.name,
    text,
    reply_to,
    key,
    created_at: at,
    updated_at: at,
    version: 1,
  };
  messages.push(message);
  publish(room, { event: 'message.created', message: { ...message } });
  for (const member of room.people.keys())
    if (member !== user.id)
      toUser(member, { event: 'unread', room: room.id, offset: message.offset });
  return message;
}

function change(user, id, fields, event) {
  const message = messages[id - 1];
  need(message?.author === user.id, 403, 'You may not do this.');
  Object.assign(message, fields, { updated_at: now(), version: message.version + 1 });
  publish(rooms[message.room - 1], { event, message: { ...message } });
  return message;
}

function react({ user, id, emoji }, event) {
  const message = messages[id - 1];
  message.reactions ??= [];
  const of = message.reactions;
  const reaction =
    of.find((other) => other.emoji === emoji) ?? of[of.push({ emoji, users: [] }) - 1];
  reaction.users = reaction.users.filter((other) => other !== user.id);
  if (event === 'reaction.added') reaction.users.push(user.id);
  publish(rooms[message.room - 1], {
    event,
    message: message.id,
    user: user.id,
    name: user.name,
    emoji,
  });
}

function publish(room, data, isLogged = true) {
  const offset = isLogged ? room.log.push({ data, offset: room.log.length + 1 }) : undefined;
  for (const socket of sockets)
    if (socket.rooms.has(room.id)) push(socket, `room:${room.id}`, { pub: { data, offset } });
}

function toUser(id, data) {
  for (const socket of sockets)
    if (socket.user.id === id) push(socket, `user:${id}`, { pub: { data } });
}

function push(socket, channel, kinds) {
  socket.send(JSON.stringify({ push: { channel, ...kinds } }));
}

function answer(method, params) {
  const action = actions.find(([name]) => name === method);
  need(action, 404, `No action ${method}.`);
  return action[3](params);
}

/* REST and files. A field called user would hide who asks, so it travels under another name. */
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://stub');
  if (!url.pathname.startsWith('/api/v1/')) return sendFile(url.pathname, response);
  const sid = /sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  try {
    const [name, names] = routeOf(request.method, url.pathname.slice('/api/v1'.length));
    let body = '';
    for await (const part of request) body += part;
    const { user: named, ...rest } = body ? JSON.parse(body) : {};
    const numbers = Object.fromEntries(
      [...url.searchParams].map(([k, v]) => [
        k,
        Number.isNaN(Number(v)) || v === '' ? v : Number(v),
      ]),
    );
    const user = sessions.get(sid)?.user;
    need(user || /^(account|setup)/.test(name), 401, 'Sign in first.');
    const { cookie, ...result } =
      answer(name, { ...numbers, ...rest, ...names, other: named, member: named, user, sid }) ?? {};
    if (cookie) response.setHeader('Set-Cookie', `sid=${cookie}; HttpOnly; SameSite=Lax; Path=/`);
    const text = JSON.stringify(result);
    response.writeHead(text === '{}' ? 204 : 200, { 'Content-Type': 'application/json' });
    response.end(text === '{}' ? '' : text);
  } catch (error) {
    const document = error.document ?? { status: 500, detail: String(error) };
    response.writeHead(document.status, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify(document));
  }
});

function routeOf(method, pathname) {
  for (const [name, verb, pattern] of actions) {
    const expression = new RegExp(`^${pattern.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const match = verb === method && expression.exec(pathname);
    if (match)
      return [
        name,
        Object.fromEntries(
          Object.entries(match.groups ?? {}).map(([k, v]) => [k, decodeURIComponent(v)]),
        ),
      ];
  }
  throw new Refusal(404, `No address ${method} ${pathname}.`);
}

function sendFile(pathname, response) {
  const wanted = pathname === '/setup' || pathname.startsWith('/r/') ? '/' : pathname;
  // Read each time: the bundle may have been built anew.
  const manifest = JSON.parse(readFileSync(path.join(dist, 'manifest.json'), 'utf8'));
  const entry = manifest.find((candidate) => candidate.path === wanted);
  if (!entry) return response.writeHead(404).end();
  response.writeHead(200, {
    'Content-Type': entry.type,
    'Content-Security-Policy': csp,
    ETag: entry.etag,
  });
  response.end(readFileSync(path.join(dist, entry.file)));
}

/* The socket. */
new WebSocketServer({ server, path: '/connection/websocket' }).on(
  'connection',
  (socket, request) => {
    const sid = /sid=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const user = sessions.get(sid)?.user;
    if (!user) return socket.close(3507, 'permission denied');
    Object.assign(socket, { user, sid, id: randomUUID().slice(0, 8), rooms: new Set() });
    socket.on('message', (data) => {
      for (const line of String(data).trim().split('\n')) {
        const command = JSON.parse(line);
        if (!command.id) continue;
        let reply;
        try {
          reply = commands(socket, command);
        } catch (error) {
          const document = error.document ?? { status: 500, detail: String(error) };
          reply = {
            error: { code: document.status === 403 ? 103 : 107, message: JSON.stringify(document) },
          };
        }
        socket.send(JSON.stringify({ id: command.id, ...reply }));
      }
    });
    socket.on('close', () => {
      sockets.delete(socket);
      for (const id of socket.rooms) joinOrLeave(socket, id, 'leave');
    });
  },
);

function commands(socket, { connect, subscribe, unsubscribe, presence, rpc }) {
  if (connect) {
    sockets.add(socket);
    return {
      connect: {
        client: socket.id,
        version: 'stub',
        ping: 15,
        pong: true,
        subs: { [`user:${socket.user.id}`]: {} },
      },
    };
  }
  if (rpc)
    return {
      rpc: { data: answer(rpc.method, { ...rpc.data, user: socket.user, sid: socket.sid }) ?? {} },
    };
  const channel = (subscribe ?? unsubscribe ?? presence).channel;
  const id = Number(channel.split(':')[1]);
  const room = roomOf(id, socket.user);
  if (presence)
    return {
      presence: {
        presence: Object.fromEntries(
          [...sockets].filter((s) => s.rooms.has(id)).map((s) => [s.id, infoOf(s)]),
        ),
      },
    };
  if (unsubscribe) {
    socket.rooms.delete(id);
    joinOrLeave(socket, id, 'leave');
    return { unsubscribe: {} };
  }
  joinOrLeave(socket, id, 'join');
  socket.rooms.add(id);
  const offset = subscribe.offset ?? 0;
  const common = {
    recoverable: true,
    positioned: true,
    epoch: room.epoch,
    was_recovering: subscribe.recover,
  };
  if (!subscribe.recover || subscribe.epoch !== room.epoch || offset > room.log.length)
    return { subscribe: { ...common, offset: room.log.length } };
  return {
    subscribe: { ...common, recovered: true, offset, publications: room.log.slice(offset) },
  };
}

function joinOrLeave(from, id, kind) {
  for (const socket of sockets)
    if (socket.rooms.has(id)) push(socket, `room:${id}`, { [kind]: { info: infoOf(from) } });
}

function infoOf({ user, id }) {
  return { user: String(user.id), client: id, conn_info: { name: user.name } };
}

setInterval(() => {
  for (const socket of sockets) socket.send('{}');
}, 10_000).unref();

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
