// Redis joins the nodes, and keeps nothing that is needed: it may die, hang, be absent, be written to by others and lose
// messages. The home goes on meanwhile, and the edges catch up by themselves.
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import {
  Log,
  anonymous,
  assertNoGap,
  createRoom,
  history,
  must,
  open,
  ready,
  register,
  request,
  setUpAdministrator,
  startNodes,
  through,
  untilAnswer,
} from './lib/nodes.mjs';
import { sealed } from './lib/bus.mjs';
import { nextEvent } from './lib/realtime.mjs';
import { PATIENCE_MS, rawConnect, startRedis, within } from './lib/server.mjs';
import { startProxy } from './lib/proxy.mjs';

const SEED = Number(process.env.PARLEY_SEED ?? Date.now() % 1e9);

/** The same numbers for the same seed: 0 <= n < 1. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 12)) >>> 0) / 2 ** 32;
  };
}

/** A home with ann, who writes, and an edge with bob, who listens, in one room. */
async function pair(test, options = {}) {
  const nodes = await startNodes({ test, ...options });
  const ann = await register(nodes.home.url, 'ann');
  const bob = await register(nodes.edge.url, 'bob');
  const room = await createRoom(ann, 'general');
  must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
  const [annChat, bobChat] = [await open(nodes.home, ann), await open(nodes.edge, bob)];
  const [hers, his] = [await annChat.enter(room.id), await bobChat.enter(room.id)];
  return { nodes, ann, bob, room, annChat, bobChat, hers, his };
}

const UNDER_MAX = 500; // messages that wait for their acknowledgement: a slow machine is not given more than it can do

/** At most `perSecond` messages from ten people on the home, until stop(); each must be acknowledged. */
async function startTalking(test, home, room, perSecond = 200) {
  const outcomes = new Log(); // texts that were acknowledged, errors
  const failures = () => outcomes.items.filter((outcome) => outcome instanceof Error);
  const speaker = await register(home.url, `speaker${startTalking.count++}`);
  must(await speaker.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
  const sockets = [];
  for (let i = 0; i < 10; i++) {
    const socket = await rawConnect(home.url, { cookie: speaker.cookie });
    await socket.connect();
    sockets.push(socket);
  }
  let number = 0;
  const under = new Set();
  const publish = async (socket, text) => {
    const reply = await socket.call('publish', { channel: `room:${room.id}`, data: { text, key: text } });
    if (reply.error) throw new Error(`${text}: ${JSON.stringify(reply.error)}`);
    return text;
  };
  const timer = setInterval(() => {
    for (let i = 0; i < perSecond / 50 && under.size < UNDER_MAX; i++) {
      const one = publish(sockets[number % sockets.length], `talk ${number++}`)
        .catch((error) => error)
        .then((outcome) => outcomes.add(outcome))
        .finally(() => under.delete(one));
      under.add(one);
    }
  }, 20);
  test.after(() => clearInterval(timer));
  return {
    acknowledged: () => outcomes.items.filter((outcome) => typeof outcome === 'string'),
    failures,
    async more(count) {
      const wanted = outcomes.length + count;
      await outcomes.until(`${count} more acknowledged`, (items) => items.length >= wanted || failures().length);
      assert.deepEqual(failures(), []);
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(under);
      await Promise.all(sockets.map((socket) => socket.close()));
    },
  };
}
startTalking.count = 0;

/** Everything that was acknowledged is in the room once, and all who listen have heard all of it, in that order. */
async function assertConverged({ ann, room, hers, his }, talk) {
  assert.deepEqual(talk.failures(), []);
  await hers.say('the end');
  await Promise.all([hers.untilText('the end'), his.untilText('the end')]);
  assertNoGap(hers.heard, hers.entered.streamPosition.offset);
  assertNoGap(his.heard, his.entered.streamPosition.offset);
  const all = (await history(ann, room.id)).map((message) => message.text);
  assert.deepEqual([...all].sort(), [...talk.acknowledged(), 'the end'].sort());
  assert.deepEqual(hers.texts(), all);
  assert.deepEqual(his.texts(), all);
  // The node repaired it: nobody had to subscribe anew for that.
  assert.deepEqual(his.seen.items.map((item) => item.name), ['subscribing', 'subscribed']);
}

describe('Redis goes and comes', () => {
  it('killed under load and started again, empty: the home goes on, the edge catches up', async (test) => {
    const world = await pair(test);
    const { nodes, room } = world;
    const talk = await startTalking(test, nodes.home, room);
    for (let round = 0; round < 3; round++) {
      await talk.more(100);
      await nodes.redis.kill();
      await talk.more(150);
      await nodes.redis.restart();
      await ready(nodes.edge);
    }
    await talk.more(100);
    await talk.stop();
    await assertConverged(world, talk);
  });

  it('more missed than one recovery holds: still nothing is lost', async (test) => {
    const world = await pair(test, { flags: { 'realtime.recover_max': 20 } });
    const { nodes, room } = world;
    const talk = await startTalking(test, nodes.home, room);
    await talk.more(50);
    await nodes.redis.kill();
    await talk.more(400);
    await nodes.redis.restart();
    await talk.more(50);
    await talk.stop();
    await assertConverged(world, talk);
  });

  it('stopped and continued: noticed, and what it still held back is not heard twice', async (test) => {
    const world = await pair(test);
    const { nodes, room } = world;
    const talk = await startTalking(test, nodes.home, room);
    await talk.more(100);
    nodes.redis.pause();
    try {
      await nodes.home.waitForOutput(/bus\.down|no answer in time|did not come back/);
      await talk.more(200);
    } finally {
      nodes.redis.resume();
    }
    await talk.more(100);
    await talk.stop();
    await assertConverged(world, talk);
  });

  it('absent at the start: the home serves at once, and all is well when it appears', async (test) => {
    const redis = await startRedis();
    test.after(() => redis.stop());
    await redis.kill();
    const nodes = await startNodes({ test, redis, edges: 0 });
    const ann = await register(nodes.home.url, 'ann');
    const room = await createRoom(ann, 'general');
    const hers = await (await open(nodes.home, ann)).enter(room.id);
    await hers.say('alone');
    await hers.untilText('alone');
    assert.equal((await request(`${nodes.home.url}/readyz`)).status, 503);
    const adding = nodes.addEdge(); // until it is ready
    const edge = await untilAnswer('the edge listening', async () => nodes.edge, (node) => node);
    const refused = await through(edge, ann).api('GET', '/me');
    assert.deepEqual([refused.status, refused.body.code], [503, 'unavailable']);

    await redis.restart();
    await Promise.all([ready(nodes.home), adding]);
    const his = await (await open(edge, await register(edge.url, 'bob'))).enter(room.id, {
      since: { offset: 0, epoch: hers.entered.streamPosition.epoch },
    });
    await hers.say('together');
    await his.untilText('together');
    assert.deepEqual(his.texts(), ['alone', 'together']);
  });

  it('while it is away an edge says so at once, at every door, and its sockets stay', async (test) => {
    const world = await pair(test);
    const { nodes, bob, room, bobChat, his } = world;
    const other = await createRoom(bob, 'other');
    const states = [];
    bobChat.sdk.on('state', (context) => states.push(context.newState));
    await nodes.redis.kill();
    await untilAnswer('the edge notices', () => request(`${nodes.edge.url}/readyz`), (answer) => answer.status === 503);
    for (const attempt of [() => his.say('lost'), () => bobChat.rpc('room.list'), () => his.subscription.presence()])
      await assert.rejects(attempt, { code: 100, temporary: true });
    assert.equal((await bob.api('GET', '/room')).status, 503);
    // A subscription to a channel that nobody here listens to yet is tried again by the SDK, until it works.
    const late = bobChat.sdk.newSubscription(`room:${other.id}`);
    const refused = nextEvent(late, 'error');
    const entered = nextEvent(late, 'subscribed');
    late.subscribe();
    assert.equal((await refused).error.code, 100);
    await nodes.redis.restart();
    await entered;
    assert.deepEqual(states, []);
    await world.hers.say('here again');
    await his.untilText('here again');
    assert.equal((await history(bob, room.id)).length, 1);
  });

  it('whoever leaves an edge meanwhile is no ghost afterwards', async (test) => {
    const world = await pair(test);
    const { nodes, ann, bob, room, hers } = world;
    const eve = await register(nodes.edge.url, 'eve');
    const chats = [];
    for (let i = 0; i < 3; i++) chats.push(await open(nodes.edge, eve));
    for (const chat of chats) await chat.enter(room.id);
    const count = async () => Object.keys((await hers.subscription.presence()).clients).length;
    assert.equal(await count(), 5);
    await nodes.redis.kill();
    await untilAnswer('the edge notices', () => request(`${nodes.edge.url}/readyz`), (answer) => answer.status === 503);
    chats[0].close(); // the socket
    chats[1].sdk.getSubscription(`room:${room.id}`).unsubscribe(); // only the room
    await untilAnswer('they have left', () => request(`${nodes.edge.url}/metrics`), (answer) => /^parley_connections 3$/m.test(answer.text));
    await nodes.redis.restart();
    await ready(nodes.edge);
    await untilAnswer('the lists are right', count, (number) => number === 3);
    const presence = Object.values((await hers.subscription.presence()).clients).map((client) => Number(client.user));
    assert.deepEqual(presence.sort((a, b) => a - b), [ann.id, bob.id, eve.id]);
  });

  it('rights taken while it is away are in force when it returns, before anything is delivered', async (test) => {
    const world = await pair(test);
    const { nodes, bob, room, bobChat, hers, his } = world;
    const root = await setUpAdministrator(nodes.home);
    const eveChat = await open(nodes.edge, await register(nodes.edge.url, 'eve'));
    const witness = await eveChat.enter(room.id);
    await nodes.redis.kill();
    must(await root.api('PATCH', `/user/${bob.id}`, { disabled: true }), 200, 'disable');
    for (let i = 0; i < 20; i++) await hers.say(`not for bob ${i}`);
    await nodes.redis.restart();
    await ready(nodes.home);
    for (let i = 20; i < 40; i++) await hers.say(`not for bob ${i}`);
    await witness.untilText('not for bob 39');
    assert.equal((await bobChat.ended()).code, 3507);
    assert.deepEqual(his.texts(), []);
    assertNoGap(witness.heard, witness.entered.streamPosition.offset);
  });
});

describe('strangers write to our Redis', () => {
  it('garbage and forged messages change nothing on the home and end nobody', async (test) => {
    const world = await pair(test);
    const { nodes, ann, room, hers, his } = world;
    const channels = ['home', 'edges', 'control', `ch:room:${room.id}`, `ch:user:${ann.id}`];
    const nodeChannels = (await nodes.redis.command('PUBSUB', 'CHANNELS', '*')).match(/parley:\S+/g);
    for (const name of nodeChannels) channels.push(name.slice('parley:'.length));
    assert.ok(channels.some((name) => name.startsWith('node:')), nodeChannels.join());
    const call = (fields, params) => `${JSON.stringify({ node: 7, call: 1, query: false, ...fields })}\n${JSON.stringify(params)}`;
    const forged = [
      '',
      'x',
      '\n',
      '{}',
      '{}\n',
      '[]\n[]',
      'null\nnull',
      '{"node":1e400}\n',
      '{"node":-1,"call":1}\n{}',
      '{"node":7,"beat":true}\n',
      '\u0000\u0001\u0002',
      'E\n',
      'E99999999999999999999999\n{}',
      'J\n',
      '{"op":7}',
      '{"op":"unsubscribe"}',
      '{"home":7}\n',
      '{"home":"another","entry":1}\n',
      '{"call":1,"status":"ok"}\n{"x":',
      '{"call":0,"status":"ok"}\n',
      `{"op":"${'x'.repeat(100000)}"}`,
      `${'['.repeat(10000)}\n${'['.repeat(10000)}`,
      call({ action: 'message.create', user: ann.id, name: 'ann' }, { id: room.id, text: 'forged' }),
      call({ action: 'message.create', user: ann.id, session: 999999, name: 'ann' }, { id: room.id, text: 'forged' }),
      call({ action: 'message.create', user: ann.id, session: -1 }, { id: room.id, text: 'forged' }),
      call({ action: 'message.create', user: ann.id, credential: 'x'.repeat(1000) }, { id: room.id, text: 'forged' }),
      call({ action: 'user.create', user: ann.id }, { name: 'forged', superuser: true }),
      call({ action: 'channel.left', client: 'x' }, { channel: `room:${room.id}` }),
      call({ action: 'channel.announce' }, { items: [[1, 2, 3], 'x', null, ['room:1']] }),
      call({ action: 'channel.check' }, { items: [[1], {}, 7] }),
      call({ action: 'channel.positions' }, { items: [[1], {}, 7, ['room:x', 1, 'e']] }),
      call({ action: 'channel.read' }, { channel: 'room:99999', since: 7, limit: 'x' }),
      call({ action: 'channel.subscribe' }, { channel: `room:${room.id}`, recover: 7, offset: -1, epoch: 7 }),
      call({ action: 'connection.open' }, { token: 7 }),
      call({ action: 'connection.refresh' }, 7),
    ];
    // As any program writes, and as nodes do that know no secret.
    let number = 0;
    for (const channel of channels)
      for (const text of forged)
        for (const message of [text, sealed(text, { number: ++number })]) {
          if (channel.startsWith('ch:') && message !== text && /^[EJ]/.test(text)) continue; // who knows that much is one of us
          await nodes.redis.command('PUBLISH', `parley:${channel}`, message);
        }
    await nodes.home.waitForOutput(/bus\.garbage/); // what looked like a node's was looked at
    await nodes.edge.waitForOutput(/bus\.garbage/);
    await hers.say('still here');
    await his.untilText('still here');
    // Until the edge knows its real home again, it may say that it cannot.
    await untilAnswer('the edge answering', () => his.say('me too', 'me too').then(() => 'done'), (answer) => answer === 'done');
    await Promise.all([hers.untilText('me too'), his.untilText('me too')]);
    assert.deepEqual((await history(ann, room.id)).map((message) => message.text), ['still here', 'me too']);
    assert.deepEqual(hers.texts(), ['still here', 'me too']);
    assert.deepEqual(his.texts(), ['still here', 'me too']);
    assert.equal((await anonymous(nodes.home.url).api('POST', '/login', { name: 'forged', password: 'x' })).status, 401);
  });
});

// Most of the time is spent waiting for the nodes, so they wait together.
describe('publications are lost', { concurrency: 3 }, () => {
  /** As pair(), one of the nodes behind a proxy whose rule may be changed. */
  async function lossy(test, side = 'edge') {
    const redis = await startRedis();
    const proxy = await startProxy(redis);
    test.after(() => redis.stop());
    test.after(() => proxy.close());
    const world = await pair(test, { redis, [`${side}Redis`]: { ...redis, url: proxy.url } });
    return {
      ...world,
      proxy,
      /**
       * Lose the next `count` publications whose channel begins like this and that hold `part`; resolves when they are
       * gone. `after` is the rule for all others, and for all behind them.
       */
      lose(prefix, count = 1, part = '', after = () => 1) {
        const lost = new Promise((resolve) => {
          proxy.rule = (channel, payload) => {
            if (!channel.startsWith(`parley:${prefix}`) || !payload.includes(part)) return after(channel, payload);
            if (--count === 0) {
              proxy.rule = after;
              resolve();
            }
            return 0;
          };
        });
        return within(PATIENCE_MS, `losing what goes to ${prefix}`, lost);
      },
    };
  }

  it('a lost message is repaired by the next one', async (test) => {
    const world = await lossy(test);
    // Where the channels stand is compared now and then, and would repair it too.
    const lost = world.lose('ch:room:', 3, '', (channel, payload) => (payload.includes('"behind"') ? 0 : 1));
    for (const text of ['one', 'two', 'three']) await world.hers.say(text);
    await lost;
    assert.deepEqual(world.his.texts(), []);
    await world.hers.say('four');
    await world.his.untilText('four');
    assert.deepEqual(world.his.texts(), ['one', 'two', 'three', 'four']);
    assert.deepEqual(world.his.seen.items.map((item) => item.name), ['subscribing', 'subscribed']);
    assertNoGap(world.his.heard, world.his.entered.streamPosition.offset);
  });

  it('the last message before a silence is found by comparing positions', async (test) => {
    const world = await lossy(test);
    const lost = world.lose('ch:room:');
    await world.hers.say('the last word');
    await lost;
    await world.his.untilText('the last word');
    assertNoGap(world.his.heard, world.his.entered.streamPosition.offset);
  });

  it('messages lost, doubled and swapped at random are invisible', async (test) => {
    test.diagnostic(`PARLEY_SEED=${SEED}`);
    const random = randomFrom(SEED);
    const world = await lossy(test);
    world.proxy.rule = (channel) => {
      const chance = channel.startsWith('parley:ch:room:') ? random() : 1;
      return chance < 0.1 ? 0 : chance < 0.2 ? 2 : chance < 0.3 ? 'later' : 1;
    };
    const talk = await startTalking(test, world.nodes.home, world.room, 400);
    await talk.more(1000);
    await talk.stop();
    world.proxy.rule = null;
    await assertConverged(world, talk);
  });

  it('a lost change of rights is found out', async (test) => {
    const world = await lossy(test);
    const root = await setUpAdministrator(world.nodes.home);
    const lost = world.lose('control');
    must(await root.api('PATCH', `/user/${world.bob.id}`, { disabled: true }), 200, 'disable');
    await lost;
    assert.equal((await world.bobChat.ended()).code, 3507);
  });

  it('a lost answer is a temporary error, and the same key again adds nothing', async (test) => {
    const world = await lossy(test);
    const lost = world.lose('node:', 1, '"text":"once"'); // the edge asks other things too, such as where its rooms stand
    const refused = world.his.say('once', 'the key').catch((error) => error);
    await lost;
    assert.deepEqual([(await refused).code, (await refused).temporary], [100, true]);
    await world.his.say('once', 'the key');
    await world.hers.untilText('once');
    assert.equal((await history(world.ann, world.room.id)).length, 1);
  });

  it('a lost farewell leaves no ghost', async (test) => {
    const world = await lossy(test, 'home');
    const count = async () => Object.keys((await world.hers.subscription.presence()).clients).length;
    assert.equal(await count(), 2);
    world.proxy.rule = (channel, payload) => (channel === 'parley:home' && payload.includes('"channel.left"') ? 0 : 1);
    world.his.subscription.unsubscribe();
    await world.bobChat.rpc('me.detail'); // behind the farewell on the same way
    assert.equal(await count(), 2);
    world.proxy.rule = null;
    await untilAnswer('the lists are right', count, (number) => number === 1);
  });

  it('only the link of the edge is cut: it catches up', async (test) => {
    const world = await lossy(test);
    const talk = await startTalking(test, world.nodes.home, world.room);
    for (let i = 0; i < 5; i++) {
      await talk.more(60);
      world.proxy.cut();
    }
    await talk.stop();
    await assertConverged(world, talk);
  });

  it('only the link of the home is cut: rights taken meanwhile hold before the first message', async (test) => {
    const world = await lossy(test, 'home');
    const root = await setUpAdministrator(world.nodes.home);
    const eveChat = await open(world.nodes.edge, await register(world.nodes.edge.url, 'eve'));
    const witness = await eveChat.enter(world.room.id);
    world.proxy.refuse();
    await untilAnswer('the home notices', () => request(`${world.nodes.home.url}/readyz`), (answer) => answer.status === 503);
    must(await root.api('PATCH', `/user/${world.bob.id}`, { disabled: true }), 200, 'disable');
    await world.hers.say('not for bob, and not heard at all for now');
    world.proxy.accept();
    let number = 0;
    const talking = (async () => {
      while (!witness.texts().length) await world.hers.say(`not for bob ${number++}`);
    })();
    await talking;
    await world.hers.say('the end');
    await witness.untilText('the end');
    assertNoGap(witness.heard, witness.entered.streamPosition.offset);
    assert.equal((await world.bobChat.ended()).code, 3507);
    assert.deepEqual(world.his.texts(), []);
  });
});
