// One home follows another while edges go on: what was asked of the first is done once, or said to have failed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publish, record, sealed } from './lib/bus.mjs';
import { createRoom, history, must, open, ready, register, request, startNodes, through, untilAnswer } from './lib/nodes.mjs';
import { PATIENCE_MS, within } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { rawConnect } from './lib/realtime.mjs';
import { startRedis } from './lib/redis.mjs';
import { startServer } from './lib/server.mjs';

/** A home, and an edge whose way to Redis can be disturbed. */
async function startPair(test, flags = {}) {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const proxy = await startProxy(redis);
  test.after(() => proxy.close());
  return { proxy, nodes: await startNodes({ test, redis, edgeRedis: proxy, flags }) };
}

const texts = async (client, room) => (await history(client, room)).map((message) => message.text);

describe('between two homes', () => {
  it('what was done, although its answer was lost, is not done again by the next', async (test) => {
    const { proxy, nodes } = await startPair(test);
    const ann = await register(nodes.home.url, 'ann');
    const room = await createRoom(ann, 'general');
    const onEdge = through(nodes.edge, ann);
    await onEdge.api('POST', `/room/${room.id}/message`, { text: 'first' });

    proxy.rule = (channel) => (channel.startsWith('parley:node:') ? 0 : 1); // no answer reaches the edge
    const answer = onEdge.api('POST', `/room/${room.id}/message`, { text: 'only once' });
    await untilAnswer('it is done', () => texts(ann, room.id), (found) => found.includes('only once'));
    proxy.cut();
    proxy.rule = null;
    await untilAnswer('the edge is back', () => request(`${nodes.edge.url}/metrics`), ({ text }) => /^parley_bus_reconnects_total [1-9]/m.test(text) && /^parley_bus_up 1/m.test(text));
    await nodes.home.stop();
    await nodes.restartHome();
    const { status } = await answer;
    await ready(nodes.edge);
    await through(nodes.edge, ann).api('POST', `/room/${room.id}/message`, { text: 'last' });

    assert.equal(status, 503);
    assert.deepEqual(await texts(through(nodes.home, ann), room.id), ['first', 'only once', 'last']);
  });

  it('who was let in by the one and gets from the next what was missed is on the lists of the next', async (test) => {
    const { proxy, nodes } = await startPair(test);
    const ann = await register(nodes.home.url, 'ann');
    const room = await createRoom(ann, 'general');
    const epoch = await epochOf(nodes.home, ann, room.id);
    await ann.api('POST', `/room/${room.id}/message`, { text: 'missed' });
    const chat = await open(nodes.edge, ann);

    // The home says yes, and ends before it has answered what the edge asks then.
    const asked = new Promise((resolve) => {
      proxy.rule = (channel, payload) => {
        const isLog = channel.startsWith('parley:node:') && payload.includes('{"publications":[{');
        if (isLog) resolve();
        return isLog ? 0 : 1;
      };
    });
    const entering = chat.enter(room.id, { since: { offset: 0, epoch } });
    entering.catch(() => {}); // it is waited for below
    await within(PATIENCE_MS, 'the edge asking', asked);
    proxy.rule = null;
    await nodes.home.stop();
    await nodes.restartHome();
    const { subscription, heard, entered } = await entering;

    assert.equal(entered.recovered, true);
    await heard.until('what was missed', (items) => items.some(({ message }) => message?.text === 'missed'));
    await ready(nodes.edge);
    await untilAnswer('being on the list', async () => Object.keys((await subscription.presence()).clients).length, (count) => count === 1);
  });
});

it('an edge that the home gave up is told so until it has heard it: its people are listed again', async (test) => {
  const { proxy, nodes } = await startPair(test, { 'node.silence_ms': 3000 });
  const [ann, bob] = [await register(nodes.home.url, 'ann'), await register(nodes.home.url, 'bob')];
  const room = await createRoom(ann, 'general');
  const hers = await (await open(nodes.home, ann)).enter(room.id, { joinLeave: true });
  const his = await (await open(nodes.edge, bob)).enter(room.id);
  await hers.untilSeen('join', ({ info }) => info.user === String(bob.id));
  const before = hers.seen.length;
  nodes.edge.signal('SIGSTOP');
  await hers.seen.until('his leave', (items) => items.slice(before).some(({ name, info }) => name === 'leave' && info.user === String(bob.id)));
  let lost = 0;
  proxy.rule = (channel, payload) => (channel.startsWith('parley:node:') && payload.includes('"home":') && lost++ === 0 ? 0 : 1);
  nodes.edge.signal('SIGCONT');
  await untilAnswer('the first sign being lost', async () => lost, (count) => count > 0);
  await untilAnswer('both being on the list', async () => Object.keys((await his.subscription.presence()).clients).length, (count) => count === 2);
});

it('who left while what was missed was being read for him is on no list', async (test) => {
  const redis = await startRedis();
  test.after(() => redis.stop());
  const nodes = await startNodes({ test, redis, edges: 0, flags: { 'realtime.recent_events': 0 } });
  const ann = await register(nodes.home.url, 'ann');
  const room = await createRoom(ann, 'general');
  must(await ann.api('POST', `/room/${room.id}/message`, { text: 'missed' }), 201, 'a message');
  const epoch = await epochOf(nodes.home, ann, room.id);
  const session = must(await ann.api('GET', '/session'), 200, 'sessions').body.items.find(({ current }) => current).id;
  const recording = await record(redis, 'parley:node:*');
  test.after(() => recording.close());
  const channel = `room:${room.id}`;
  const asks = (call, action, params) =>
    sealed(`${JSON.stringify({ node: 7, call, action, user: ann.id, session, client: 'w'.repeat(22), query: false })}\n${JSON.stringify({ channel, ...params })}`, { number: call });

  // As an edge says it of somebody who goes at once: the home has both before it has read anything.
  await publish(redis, 'parley:home', asks(1, 'channel.subscribe', { recover: true, offset: 0, epoch }), asks(2, 'channel.left', {}));

  const answer = (call) => recording.items.find(({ bytes }) => bytes.includes(`{"call":${call},`));
  await untilAnswer('both answers', async () => Boolean(answer(1) && answer(2)), (is) => is === true);
  assert.ok(recording.items.indexOf(answer(2)) < recording.items.indexOf(answer(1)), 'it was read at once');
  const socket = await rawConnect(nodes.home.url, { cookie: ann.cookie });
  await socket.connect();
  assert.deepEqual((await socket.call('presence', { channel })).presence.presence, {});
  await socket.close();
});

describe('who is the home', () => {
  const OFTEN = { 'node.silence_ms': 2000 }; // five signs of life within it
  const another = /another home speaks on this Redis/;

  it('two homes on one Redis both say so, until one of them ends', async (test) => {
    const nodes = await startNodes({ test, edges: 0, flags: OFTEN });
    const second = await startServer({ redis: nodes.redis, flags: OFTEN });
    test.after(() => second.stop());
    for (const home of [nodes.home, second]) {
      await home.waitForOutput(another);
      const { status } = await untilAnswer('readyz naming it', () => request(`${home.url}/readyz`), ({ body }) => another.test(body.parts.home));
      assert.equal(status, 200);
    }
    await second.stop();
    await nodes.home.waitForOutput(/the other home is silent/);
    await untilAnswer('readyz no longer naming it', () => request(`${nodes.home.url}/readyz`), ({ body }) => body.parts.home === 'ready');
  });

  it('one that follows another that ended or was killed is alone', async (test) => {
    const nodes = await startNodes({ test, flags: OFTEN });
    const heard = await record(nodes.redis, 'parley:home');
    test.after(() => heard.close());
    for (const end of [() => nodes.home.stop(), () => nodes.home.kill('SIGKILL')]) {
      await end();
      const before = heard.items.length;
      const home = await nodes.restartHome();
      const signs = async () => heard.items.slice(before).filter(({ bytes }) => bytes.includes('\n{"home":')).length;
      await untilAnswer('signs of the next home', signs, (count) => count >= 4);
      assert.equal((await request(`${home.url}/readyz`)).body.parts.home, 'ready');
      assert.doesNotMatch(home.output(), another);
    }
    await ready(nodes.edge);
  });

  it('an edge says when no home answers it, once for each time, and when one does', async (test) => {
    const flags = { ...OFTEN, 'redis.prefix': 'other:' };
    const nodes = await startNodes({ test, edges: 0, flags: OFTEN });
    const heard = await record(nodes.redis, 'other:home');
    test.after(() => heard.close());
    const edge = await startServer({ redis: nodes.redis, edge: true, flags });
    test.after(() => edge.stop());
    const times = (text) => edge.output().split(text).length - 1;
    await edge.waitForOutput(/no home answers: is `parley serve` without --edge running, .*redis\.prefix/);
    const before = heard.items.length;
    await untilAnswer('further signs of the edge', async () => heard.items.length - before, (count) => count >= 10);
    assert.equal(times('no home answers'), 1);
    assert.equal(times('the home node answers'), 0);
    const home = await startServer({ redis: nodes.redis, flags });
    test.after(() => home.stop());
    await edge.waitForOutput(/the home node answers/);
    await home.kill('SIGKILL');
    await untilAnswer('the edge saying it again', async () => times('no home answers'), (count) => count >= 2);
  });
});

async function epochOf(node, person, room) {
  const socket = await rawConnect(node.url, { cookie: person.cookie });
  await socket.connect();
  const { history: { epoch } } = await socket.call('history', { channel: `room:${room}`, limit: 0 });
  await socket.close();
  return epoch;
}
