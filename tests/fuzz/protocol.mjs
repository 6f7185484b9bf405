// A storm of hostile clients against a running server, while calm witnesses check what must hold all the time.
//   node protocol.mjs [--seed N] [--seconds S] [--edge] [--raised] [--url URL]
// Without --url it starts a server of its own (PARLEY_PROGRAM), and then also checks that the storm leaves nothing
// behind. What each attacker does follows from the seed; how they meet each other does not.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { login, must, register } from '../api/lib/client.mjs';
import { ready, untilAnswer } from '../api/lib/nodes.mjs';
import { within } from '../api/lib/process.mjs';
import { startRedis } from '../api/lib/redis.mjs';
import { startServer } from '../api/lib/server.mjs';
import { untilMetric } from '../api/lib/talk.mjs';
import { attackRest, attackSocket, Attacker } from './lib/attackers.mjs';
import { MODELS, Maker, ROUTES } from './lib/requests.mjs';
import { ANSWER_MS, Storm, parsed, turn } from './lib/storm.mjs';

const SOCKETS = 8; // attackers on WebSockets
const CALLERS = 4; // attackers on REST
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
    const complaint = server.output?.().match(/^.*"level":"error".*$/m);
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
