// An edge: a node that has no data base and asks its home. What it answers, and what it does while the home is away.
// The chat itself is in edge-chat.test.mjs, what an edge may no longer deliver in edge-rights.test.mjs.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import {
  anonymous,
  assertNoGap,
  createRoom,
  history,
  must,
  open,
  ready,
  register,
  request,
  startNodes,
  through,
  untilAnswer,
} from './lib/nodes.mjs';
import { nextEvent } from './lib/realtime.mjs';
import { PATIENCE_MS, rawConnect, runParley, startRedis, startServer, within } from './lib/server.mjs';
import { keepTalking } from './lib/talk.mjs';

const users = (presence) => Object.values(presence.clients).map((client) => Number(client.user)).sort((a, b) => a - b);

describe('REST and rpc on an edge', () => {
  let nodes, ann, room;
  before(async () => {
    nodes = await startNodes();
    ann = await register(nodes.edge.url, 'ann');
    room = await createRoom(ann, 'general');
  });
  after(() => nodes?.stop());

  it('registering, signing in and out work with their cookies', async () => {
    const eve = await register(nodes.edge.url, 'eve');
    const again = anonymous(nodes.edge.url);
    const answer = must(await again.api('POST', '/login', { name: 'eve', password: eve.password }), 200, 'login');
    const [cookie] = answer.headers['set-cookie'];
    assert.match(cookie, /^[^=]*sid=[\w-]{40,}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const sessions = must(await eve.api('GET', '/session'), 200, 'sessions').body.items;
    assert.equal(sessions.length, 2);
    again.csrf = must(await again.api('GET', '/me'), 200, 'me').body.csrf;
    const out = must(await again.api('POST', '/logout'), 204, 'logout');
    assert.match(out.headers['set-cookie'][0], /Max-Age=0/);
    const stale = through(nodes.edge, { ...eve, cookie: answer.headers['set-cookie'][0].split(';')[0] });
    assert.equal((await stale.api('GET', '/me')).status, 401);
  });

  it('the address noted with a session is that of the client, not of the edge', async () => {
    const peers = new Set(must(await ann.api('GET', '/session'), 200, 'sessions').body.items.map((session) => session.peer));
    assert.deepEqual([...peers], ['127.0.0.1']);
  });

  // Each is asked of both nodes; nothing in it may depend on what the others did.
  const deep = (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const questions = [
    ['GET', '/me'],
    ['GET', '/room'],
    ['GET', '/room/ROOM'],
    ['GET', '/room/ROOM/message?limit=5'],
    ['GET', '/room/999999'],
    ['GET', '/nothing'],
    ['DELETE', '/room', {}],
    ['GET', '/room?colour=red'],
    ['GET', '/room/ROOM/message?limit=many'],
    ['POST', '/room', {}],
    ['POST', '/room', { kind: 'secret', name: '', topic: 7, colour: 'red' }],
    ['POST', '/room', '{"kind":'],
    ['POST', '/room', '[]'],
    ['POST', '/room', `{"kind":${deep(30)}}`],
    ['POST', '/room', `{"kind":${deep(31)}}`],
    ['POST', '/room', `{"kind":${deep(32)}}`],
    ['POST', '/room', `{${Array.from({ length: 160 }, (_, i) => `"k${i}":0`).join()}}`],
    ['POST', '/room', `{"kind":[${'0,'.repeat(4080)}0]}`],
    ['POST', '/room', `{"kind":[${'0,'.repeat(4092)}0]}`],
    ['POST', '/room', { [`${'ä'.repeat(20)}`]: 1 }],
    ['POST', '/room', { [`a${'ä'.repeat(30)}`]: 1 }],
    ['POST', '/room', { [`a${'€'.repeat(300)}`]: 1 }],
    ['POST', '/room', 'x'.repeat(70000)],
    ['POST', '/room/ROOM/message', { text: '' }],
    ['POST', '/room/ROOM/message', { text: 'x'.repeat(4001) }],
    ['POST', '/room/ROOM/message', { text: 'hi', reply_to: 999999 }],
    ['PATCH', '/message/999999', { text: 'x' }],
    ['GET', '/grant'],
  ];
  const variants = {
    'signed in': {},
    'without a cookie': { Cookie: '' },
    'without a CSRF token': { 'X-CSRF-Token': '' },
    'from a page of another site': { Origin: 'https://evil.example' },
    'as text': { 'Content-Type': 'text/plain' },
    'with a token that is none': { Authorization: 'Bearer nonsense', Cookie: '' },
  };
  for (const [variant, headers] of Object.entries(variants))
    it(`answers as the home does: ${variant}`, async () => {
      for (const [method, path, params] of questions) {
        const ask = async (node) => {
          const answer = await through(node, ann).api(method, path.replace('ROOM', room.id), params, {
            ...headers,
            ...(headers.Origin ? {} : { Origin: node.url }),
          });
          const { date, 'set-cookie': cookies, 'content-length': length, 'x-request-id': id, ...rest } = answer.headers;
          const body = answer.body ?? answer.text;
          if (body.request_id) body.request_id = 'its own';
          return { status: answer.status, body, headers: rest };
        };
        assert.deepEqual(await ask(nodes.edge), await ask(nodes.home), `${method} ${path} ${JSON.stringify(params)?.slice(0, 60)}`);
      }
    });

  it('a wrong password and a taken name are told as the home tells it', async () => {
    for (const [path, body, status] of [
      ['/login', { name: 'ann', password: 'wrong' }, 401],
      ['/register', { name: 'ann', password: 'a long enough password' }, 409],
    ]) {
      const answers = [];
      for (const node of [nodes.edge, nodes.home]) answers.push(await anonymous(node.url).api('POST', path, body));
      assert.deepEqual(answers[0].body, answers[1].body);
      assert.equal(answers[0].status, status);
    }
  });

  it('what was made is told with its place', async () => {
    const answer = must(await ann.api('POST', '/room', { kind: 'public', name: 'another' }), 201, 'create');
    assert.equal(answer.headers.location, `/api/v1/room/${answer.body.id}`);
    assert.equal((await ann.api('GET', `/room/${answer.body.id}`)).body.name, 'another');
  });

  it('rpc answers and refuses as on the home', async () => {
    const [there, here] = [await rawConnect(nodes.home.url, { cookie: ann.cookie }), await rawConnect(nodes.edge.url, { cookie: ann.cookie })];
    await Promise.all([there.connect(), here.connect()]);
    for (const [method, data] of [
      ['me.detail', {}],
      ['room.list', {}],
      ['message.list', { id: room.id }],
      ['room.detail', { id: 999999 }],
      ['room.create', {}],
      ['room.create', { kind: 'public', name: 'x'.repeat(1000) }],
      ['grant.list', {}],
      ['grant.create', { subject: 'everyone', model: 'room', rights: ['read'] }],
      ['account.login', { name: 'ann', password: 'x' }],
      ['channel.subscribe', { channel: `room:${room.id}` }],
      ['no.such', {}],
      ['room.list', []],
    ]) {
      const replies = [await there.call('rpc', { method, data }), await here.call('rpc', { method, data })].map(({ id, ...reply }) => reply);
      assert.deepEqual(replies[1], replies[0], method);
    }
    await Promise.all([there.close(), here.close()]);
  });

  it('who is not signed in gets the same close on both', async () => {
    for (const node of [nodes.home, nodes.edge]) {
      const socket = await rawConnect(node.url);
      socket.send({ connect: {} });
      assert.equal((await within(PATIENCE_MS, 'the end', socket.closed)).code, 3507);
      const wrong = await rawConnect(node.url);
      wrong.send({ connect: { token: 'nonsense' } });
      assert.equal((await within(PATIENCE_MS, 'the end', wrong.closed)).code, 3500);
    }
  });

  it('a position too old or of another history is not recovered, and says so', async () => {
    const chat = await open(nodes.edge, ann);
    const long = await createRoom(ann, 'long');
    const first = await chat.enter(long.id);
    for (let i = 0; i < 310; i++) await first.say(`${i}`);
    await first.untilText('309');
    const { epoch, offset } = { ...first.entered.streamPosition, offset: first.heard.items.at(-1).offset };
    first.subscription.unsubscribe();
    const again = async (since) => {
      chat.sdk.removeSubscription(chat.sdk.getSubscription(`room:${long.id}`));
      const { entered, heard, subscription } = await chat.enter(long.id, { since });
      subscription.unsubscribe();
      return { recovered: entered.recovered, count: heard.length };
    };
    assert.deepEqual(await again({ epoch, offset: offset - 10 }), { recovered: true, count: 10 });
    assert.deepEqual(await again({ epoch, offset: offset - 305 }), { recovered: false, count: 0 });
    assert.deepEqual(await again({ epoch: 'another', offset: offset - 10 }), { recovered: false, count: 0 });
    assert.deepEqual(await again({ epoch, offset: offset + 10 }), { recovered: false, count: 0 });
  });

  it('subscribing amid messages leaves no gap and nothing twice at the seam', async () => {
    const busy = await createRoom(ann, 'busy');
    const channel = `room:${busy.id}`;
    let isOver = false;
    const heard = [0, 0, 0]; // how far each listener is
    const sockets = await Promise.all(Array.from({ length: 4 }, () => rawConnect(nodes.home.url, { cookie: ann.cookie })));
    await Promise.all(sockets.map((socket) => socket.connect()));
    const writers = sockets.map((socket) => (text) => socket.call('publish', { channel, data: { text } }));
    const talking = keepTalking(writers, () => Math.min(...heard), () => isOver);
    const isEvent = (object) => object.push?.channel === channel && object.push.pub?.offset;
    const listening = heard.map(async (_, who) => {
      const socket = await rawConnect(nodes.edge.url, { cookie: ann.cookie });
      await socket.connect();
      let { epoch, offset = 0 } = (await socket.call('subscribe', { channel })).subscribe;
      heard[who] = offset;
      const take = (publication) => {
        assert.equal(publication.offset, ++offset);
        heard[who] = offset;
      };
      await socket.call('unsubscribe', { channel });
      for (const { push } of socket.waiting().filter(isEvent)) take((await socket.next(isEvent), push.pub));
      for (let cycle = 0; cycle < 40; cycle++) {
        // With nobody else in the room the edge begins to listen to it anew each time.
        const { subscribe } = await socket.call('subscribe', { channel, recover: true, offset, epoch });
        assert.equal(subscribe.recovered, true);
        for (const publication of subscribe.publications ?? []) take(publication);
        for (let i = 0; i < cycle % 4; i++) take((await socket.next(isEvent)).push.pub);
        await socket.call('unsubscribe', { channel });
        for (const { push } of socket.waiting().filter(isEvent)) take((await socket.next(isEvent), push.pub));
      }
      heard[who] = Infinity;
      await socket.close();
    });
    await Promise.all(listening).finally(() => (isOver = true));
    await talking;
    await Promise.all(sockets.map((socket) => socket.close()));
  });
});

describe('the home is away', () => {
  it('its edge answers that for a while it cannot, keeps its sockets, and goes on by itself', async (test) => {
    const nodes = await startNodes({ test, flags: { 'node.silence_ms': 3000 } });
    const [ann, bob] = [await register(nodes.edge.url, 'ann'), await register(nodes.edge.url, 'bob')];
    const room = await createRoom(ann, 'general');
    must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
    const [annChat, bobChat] = [await open(nodes.edge, ann), await open(nodes.edge, bob)];
    const [hers, his] = [await annChat.enter(room.id), await bobChat.enter(room.id)];
    const states = [];
    for (const sdk of [annChat.sdk, bobChat.sdk]) sdk.on('state', (context) => states.push(context.newState));
    await hers.say('before');
    await his.untilText('before');

    await nodes.home.stop();
    const refused = await Promise.all([
      hers.say('lost').catch((error) => error),
      bobChat.rpc('room.list').catch((error) => error),
      ann.api('GET', '/room'),
      ann.api('POST', `/room/${room.id}/message`, { text: 'lost too' }),
      anonymous(nodes.edge.url).api('POST', '/login', { name: 'ann', password: ann.password }),
    ]);
    assert.deepEqual(refused.slice(0, 2).map(({ code, temporary }) => ({ code, temporary })), Array(2).fill({ code: 100, temporary: true }));
    for (const answer of refused.slice(2)) {
      assert.equal(answer.status, 503);
      assert.equal(answer.body.code, 'unavailable');
      assert.equal(answer.headers['content-type'], 'application/problem+json');
    }
    await untilAnswer('the edge says so', () => request(`${nodes.edge.url}/readyz`), (answer) => answer.status === 503);
    assert.equal((await request(`${nodes.edge.url}/healthz`)).status, 200);
    assert.equal((await hers.say('lost as well').catch((error) => error)).code, 100);

    await nodes.restartHome();
    await ready(nodes.edge);
    await hers.say('after');
    await his.untilText('after');
    assert.deepEqual(his.texts(), ['before', 'after']);
    assert.deepEqual(states, []);
    assert.deepEqual(users(await his.subscription.presence()), [ann.id, bob.id]);
  });

  it('a home killed under load loses nothing that it answered, and the edge goes on where it was', async (test) => {
    const nodes = await startNodes({ test });
    const [ann, bob] = [await register(nodes.edge.url, 'ann'), await register(nodes.edge.url, 'bob')];
    const room = await createRoom(ann, 'general');
    const [annChat, bobChat] = [await open(nodes.edge, ann), await open(nodes.edge, bob)];
    const [hers, his] = [await annChat.enter(room.id), await bobChat.enter(room.id)];
    const acknowledged = [];
    let isTalking = true;
    const talking = Array.from({ length: 10 }, async (_, who) => {
      for (let i = 0; isTalking; i++) {
        const text = `${who}:${i}`;
        // The same key until it is answered, as a client does.
        while (!(await hers.say(text, text).then(() => true, (error) => (assert.equal(error.code, 100), false))));
        acknowledged.push(text);
      }
    });
    await his.heard.until('some messages', (items) => items.length > 50);
    await nodes.home.kill('SIGKILL');
    const before = acknowledged.length;
    await nodes.restartHome();
    await his.heard.until('messages of the new home', () => acknowledged.length > before + 50);
    isTalking = false;
    await Promise.all(talking);
    await hers.say('the end');
    await his.untilText('the end');
    assertNoGap(his.heard, his.entered.streamPosition.offset);
    assert.deepEqual([...his.texts()].sort(), [...acknowledged, 'the end'].sort());
    assert.deepEqual((await history(ann, room.id)).map((message) => message.text), his.texts());
  });

  it('rights that changed meanwhile are in force before the first message of the new home', async (test) => {
    const nodes = await startNodes({ test });
    const [ann, bob, eve] = [await register(nodes.home.url, 'ann'), await register(nodes.edge.url, 'bob'), await register(nodes.edge.url, 'eve')];
    const room = await createRoom(ann, 'general');
    const chats = [await open(nodes.edge, bob), await open(nodes.edge, eve)];
    const [his, hers] = [await chats[0].enter(room.id), await chats[1].enter(room.id)];
    await nodes.home.kill('SIGKILL');
    const { code, output } = await runParley(['user', 'disable', 'bob', `--data.path=${nodes.home.dataDir}/parley.db`]);
    assert.equal(code, 0, output);
    await nodes.restartHome();
    // At once, without waiting for anything that the nodes tell each other.
    const writer = through(nodes.home, ann);
    for (let i = 0; i < 50; i++) must(await writer.api('POST', `/room/${room.id}/message`, { text: `not for bob ${i}` }), 201, 'write');
    await hers.untilText('not for bob 49');
    assert.equal((await chats[0].ended()).code, 3507);
    assert.deepEqual(his.texts(), []);
    assertNoGap(hers.heard, hers.entered.streamPosition.offset);
  });

  it('an edge that is started first waits for its home', async (test) => {
    const redis = await startRedis();
    const edge = await startServer({ redis, edge: true });
    test.after(() => redis.stop());
    test.after(() => edge.stop());
    assert.equal((await request(`${edge.url}/readyz`)).status, 503);
    const early = anonymous(edge.url).api('GET', '/me');
    const home = await startServer({ redis });
    test.after(() => home.stop());
    assert.ok([401, 503].includes((await early).status)); // it may have come just in time
    await ready(edge);
    const ann = await register(edge.url, 'ann');
    const chat = await open(edge, ann);
    const mine = await chat.enter((await createRoom(ann, 'general')).id);
    await mine.say('at last');
    await mine.untilText('at last');
    chat.close();
  });
});

describe('an edge is gone', () => {
  const flags = { 'node.silence_ms': 3000 };

  const untilListed = ({ subscription }, ids) =>
    untilAnswer(`the list being ${ids}`, async () => users(await subscription.presence()), (listed) => isDeepStrictEqual(listed, ids));

  /** One on the home sees the joins and leaves of one on the edge. */
  async function watched(test) {
    const nodes = await startNodes({ test, flags });
    const [ann, bob] = [await register(nodes.home.url, 'ann'), await register(nodes.edge.url, 'bob')];
    const room = await createRoom(ann, 'general');
    const [annChat, bobChat] = [await open(nodes.home, ann), await open(nodes.edge, bob)];
    const hers = await annChat.enter(room.id, { joinLeave: true });
    const his = await bobChat.enter(room.id);
    await hers.untilSeen('join', (item) => item.info.user === String(bob.id));
    await untilListed(hers, [ann.id, bob.id]);
    return { nodes, ann, bob, room, annChat, bobChat, hers, his };
  }

  it('killed: its people leave the lists when it has been silent long enough', async (test) => {
    const { nodes, ann, bob, annChat, bobChat, hers } = await watched(test);
    await nodes.edge.kill('SIGKILL');
    await hers.untilSeen('leave', (item) => item.info.user === String(bob.id));
    await untilListed(hers, [ann.id]);
    nodes.edges.pop();
  });

  it('stopped: they leave at once, told to connect again', async (test) => {
    const { nodes, ann, bob, annChat, bobChat, hers } = await watched(test);
    const told = nextEvent(bobChat.sdk, 'connecting');
    await nodes.edges.pop().stop();
    assert.equal((await told).code, 3001);
    await hers.untilSeen('leave', (item) => item.info.user === String(bob.id));
    await untilListed(hers, [ann.id]);
  });

  it('asleep longer than the silence: they come back to the lists when it wakes up', async (test) => {
    const { nodes, ann, bob, annChat, bobChat, hers, his } = await watched(test);
    const before = hers.seen.length;
    const namesSince = () => hers.seen.items.slice(before).filter((item) => item.info?.user === String(bob.id)).map(({ name }) => name);
    nodes.edge.signal('SIGSTOP');
    try {
      await hers.seen.until('his leave', () => namesSince().includes('leave'));
    } finally {
      nodes.edge.signal('SIGCONT');
    }
    await hers.seen.until('his second join', () => namesSince().lastIndexOf('join') > namesSince().indexOf('leave'));
    await untilListed(hers, [ann.id, bob.id]);
    await hers.say('good morning');
    await his.untilText('good morning');
  });

  it('its people go on elsewhere with what they missed', async (test) => {
    const { nodes, bob, room, annChat, bobChat, hers, his } = await watched(test);
    await hers.say('one');
    const { offset } = await his.untilText('one');
    await nodes.edges.shift().kill('SIGKILL');
    await hers.say('two');
    await hers.say('three');
    const other = await open(await nodes.addEdge(), bob);
    const again = await other.enter(room.id, { since: { offset, epoch: his.entered.streamPosition.epoch } });
    assert.equal(again.entered.recovered, true);
    await hers.say('four');
    await again.untilText('four');
    assert.deepEqual(again.texts(), ['two', 'three', 'four']);
  });
});
