// One home follows another while edges go on: what was asked of the first is done once, or said to have failed.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRoom, history, ready, register, request, startNodes, through, untilAnswer } from './lib/nodes.mjs';
import { startProxy } from './lib/proxy.mjs';
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
});
