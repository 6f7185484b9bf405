// One home follows another while edges go on: what was asked of the first is done once, or said to have failed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRoom, history, open, ready, register, request, startNodes, through, untilAnswer } from './lib/nodes.mjs';
import { startProxy } from './lib/proxy.mjs';
import { rawConnect } from './lib/realtime.mjs';
import { startRedis } from './lib/redis.mjs';

const texts = async (client, room) => (await history(client, room)).map((message) => message.text);

describe('between two homes', () => {
  it('what was done, although its answer was lost, is not done again by the next', async (test) => {
    const redis = await startRedis();
    test.after(() => redis.stop());
    const proxy = await startProxy(redis);
    test.after(() => proxy.close());
    const nodes = await startNodes({ test, redis, edgeRedis: proxy });
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
    const redis = await startRedis();
    test.after(() => redis.stop());
    const proxy = await startProxy(redis);
    test.after(() => proxy.close());
    const nodes = await startNodes({ test, redis, edgeRedis: proxy });
    const ann = await register(nodes.home.url, 'ann');
    const room = await createRoom(ann, 'general');
    const epoch = await epochOf(nodes.home, ann, room.id);
    await ann.api('POST', `/room/${room.id}/message`, { text: 'missed' });
    const chat = await open(nodes.edge, ann, { timeout: 30_000 });

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
    await asked;
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
  const redis = await startRedis();
  test.after(() => redis.stop());
  const proxy = await startProxy(redis);
  test.after(() => proxy.close());
  const nodes = await startNodes({ test, redis, edgeRedis: proxy, flags: { 'node.silence_ms': 1000 } });
  const [ann, bob] = [await register(nodes.home.url, 'ann'), await register(nodes.home.url, 'bob')];
  const room = await createRoom(ann, 'general');
  const hers = await (await open(nodes.home, ann)).enter(room.id, { joinLeave: true });
  const his = await (await open(nodes.edge, bob)).enter(room.id);
  await hers.untilSeen('join', ({ info }) => info.user === String(bob.id));
  nodes.edge.signal('SIGSTOP');
  await hers.untilSeen('leave', ({ info }) => info.user === String(bob.id));
  let lost = 0;
  proxy.rule = (channel, payload) => (channel.startsWith('parley:node:') && payload.includes('"home":') && lost++ === 0 ? 0 : 1);
  nodes.edge.signal('SIGCONT');
  await untilAnswer('both being on the list', async () => Object.keys((await his.subscription.presence()).clients).length, (count) => count === 2);
  assert.ok(lost > 0);
});

async function epochOf(node, person, room) {
  const socket = await rawConnect(node.url, { cookie: person.cookie });
  await socket.connect();
  const { history: { epoch } } = await socket.call('history', { channel: `room:${room}`, limit: 0 });
  await socket.close();
  return epoch;
}
