// The server API for back ends, as clients of a Centrifugo server call it, on the home and on an edge.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { must, request } from './lib/client.mjs';
import { SECRET, jwt } from './lib/jwt.mjs';
import { UNLIMITED, createRoom, ready, untilAnswer } from './lib/nodes.mjs';
import { PATIENCE_MS, rawConnect, register, startRedis, startServer, within } from './lib/server.mjs';

const KEY = 'a key that only back ends know';

for (const where of ['home', 'edge'])
  describe(`the server API on the ${where}`, () => {
    let redis, home, node, ann, room;
    const flags = {
      ...UNLIMITED,
      'api.key': KEY,
      'token.hmac_secret': SECRET,
      'realtime.user_connections_max': 3,
      namespaces: JSON.stringify({ news: { history_size: 10, history_ttl_s: 600, recover: true, presence: true } }),
    };
    before(async () => {
      redis = where === 'edge' ? await startRedis() : null;
      home = await startServer({ redis: redis ?? false, flags });
      node = where === 'edge' ? await startServer({ redis, edge: true, flags }) : home;
      await ready(node);
      ann = await register(node.url, 'ann');
      room = await createRoom(ann, 'a room');
    });
    after(async () => {
      if (node !== home) await node.stop();
      await home.stop();
      await redis?.stop();
    });

    const ask = (method, body = {}, headers = { 'X-API-Key': KEY }) =>
      request(`${node.url}/api/${method}`, { method: 'POST', body, headers });
    const result = async (method, body, headers) => {
      const answer = must(await ask(method, body, headers), 200, method);
      assert.ok(answer.body.result, answer.text);
      return answer.body.result;
    };
    const listener = (...channels) => listenerOf({ cookie: ann.cookie }, {}, channels);
    const untilThere = (channel, ids) =>
      untilAnswer(`${ids} in ${channel}`, () => result('presence', { channel }), ({ presence }) => isDeepStrictEqual(Object.keys(presence).sort(), ids.sort()));
    /** Somebody of another system, as its tokens call him. */
    const stranger = (sub, ...channels) => listenerOf({}, { token: jwt({ sub, info: { n: channels.length } }) }, channels);
    async function listenerOf(way, params, channels) {
      const client = await rawConnect(node.url, way);
      client.id = (await client.connect(params)).connect.client;
      for (const channel of channels) assert.ok((await client.call('subscribe', { channel })).subscribe, channel);
      return client;
    }

    test('a key is needed, in either header', async () => {
      for (const headers of [{}, { 'X-API-Key': `${KEY}!` }, { 'X-API-Key': '' }, { Authorization: `Bearer ${KEY}` }]) {
        const answer = await ask('info', {}, headers);
        assert.equal(answer.status, 401, JSON.stringify(headers));
      }
      assert.ok((await result('info')).nodes.length >= 1);
      assert.ok((await result('info', {}, { Authorization: `apikey ${KEY}` })).nodes[0].name);
      assert.equal((await ask('no_such_method')).status, 404);
      assert.equal((await request(`${node.url}/api/info`, { headers: { 'X-API-Key': KEY } })).status, 405);
      assert.equal((await ask('info', 'not json')).status, 400);
    });

    test('publish and broadcast reach listeners and the history', async () => {
      const client = await listener('news:one', 'news:two');
      const { offset, epoch } = await result('publish', { channel: 'news:one', data: { n: 1 }, tags: { a: 'b' } });
      assert.equal(offset, 1);
      assert.ok(epoch);
      assert.deepEqual((await client.push('news:one')).pub, { data: { n: 1 }, tags: { a: 'b' }, offset: 1 });
      const { responses } = await result('broadcast', { channels: ['news:one', 'news:two', 'nothing:here'], data: 2 });
      assert.equal(responses[0].result.offset, 2);
      assert.equal(responses[1].result.offset, 1);
      assert.equal(responses[2].error.code, 102);
      assert.equal((await client.push('news:two')).pub.data, 2);
      const again = { channel: 'news:one', data: 'once', idempotency_key: 'k' };
      assert.equal((await result('publish', again)).offset, 3);
      assert.equal((await result('publish', again)).offset, 3);
      const history = await result('history', { channel: 'news:one', limit: 10 });
      assert.deepEqual(history.publications.map((one) => one.data), [{ n: 1 }, 2, 'once']);
      assert.deepEqual(await result('history_remove', { channel: 'news:one' }), {});
      assert.equal((await result('history', { channel: 'news:one', limit: 10 })).publications.length, 0);
      client.socket.close();
    });

    test('rooms are written with messages, and nothing else', async () => {
      for (const channel of [`room:${room.id}`, `user:${ann.id}`]) {
        const { body } = must(await ask('publish', { channel, data: {} }), 200, channel);
        assert.equal(body.error.code, 108);
        assert.match(body.error.message, /message/);
      }
      const { responses } = await result('broadcast', { channels: [`room:${room.id}`], data: {} });
      assert.ok(responses[0].error);
    });

    test('an error is told by HTTP too, to who wants that', async () => {
      const wrong = { channel: 'nothing:here', data: {} };
      assert.equal((await ask('publish', wrong)).body.error.code, 102);
      const answer = await ask('publish', wrong, { 'X-API-Key': KEY, 'X-Centrifugo-Error-Mode': 'transport' });
      assert.equal(answer.status, 404);
      assert.equal(answer.body.error.code, 102);
    });

    test('presence, channels, unsubscribe and disconnect', async () => {
      const client = await listener('news:three', `room:${room.id}`);
      assert.deepEqual(Object.keys((await result('presence', { channel: 'news:three' })).presence), [client.id]);
      assert.deepEqual(await result('presence_stats', { channel: `room:${room.id}` }), { num_clients: 1, num_users: 1 });
      assert.deepEqual(await result('channels', { pattern: 'news:th*' }), { channels: { 'news:three': { num_clients: 1 } } });
      for (const wrong of [{}, { user: '' }, { user: ann.id }, { user: String(ann.id), client: '' }, { user: String(ann.id), whitelist: [client.id] }]) {
        const { body } = await ask('unsubscribe', { ...wrong, channel: 'news:three' });
        assert.equal(body.error?.code, 107, JSON.stringify(wrong));
        assert.equal((await ask('disconnect', wrong)).body.error?.code, 107, JSON.stringify(wrong));
      }
      // Nobody is called so: it is nobody's, and not everybody's.
      for (const user of ['ann', '0', '*', `0${ann.id}`]) {
        await result('unsubscribe', { user, channel: 'news:three' });
        await result('disconnect', { user });
      }
      // Its answer comes behind what the client was told before.
      assert.deepEqual((await client.call('presence_stats', { channel: 'news:three' })).presence_stats, { num_clients: 1, num_users: 1 });
      assert.deepEqual(client.waiting().filter((object) => object.push?.unsubscribe), []);
      assert.deepEqual(Object.keys((await result('presence', { channel: 'news:three' })).presence), [client.id]);
      await result('unsubscribe', { user: String(ann.id), channel: 'news:three' });
      const push = await client.next((object) => object.push?.unsubscribe);
      assert.equal(push.push.unsubscribe.code, 2000);
      await result('disconnect', { user: String(ann.id), disconnect: { code: 4001, reason: 'come back later' } });
      assert.deepEqual(await within(PATIENCE_MS, 'the end', client.closed), { code: 4001, reason: 'come back later' });
    });

    test('people of other systems are unsubscribed and disconnected as their tokens call them', async () => {
      const name = 'zoë "17" \\';
      const hers = await stranger(name, 'news:four');
      const hersToo = await stranger(name, 'news:four', 'news:five');
      const another = await stranger(`${name}!`, 'news:four');
      const refusal = (client) => client.next((object) => object.push?.unsubscribe);
      await result('unsubscribe', { user: name, channel: 'news:four', client: another.id });
      await result('unsubscribe', { user: name, channel: 'news:four', client: hersToo.id });
      assert.equal((await refusal(hersToo)).push.channel, 'news:four');
      await untilThere('news:four', [hers.id, another.id]);
      await result('unsubscribe', { user: name, channel: 'news:four' });
      assert.equal((await refusal(hers)).push.unsubscribe.code, 2000);
      await result('disconnect', { user: name, client: hers.id });
      assert.equal((await within(PATIENCE_MS, 'the end of one', hers.closed)).code, 3503);
      await untilThere('news:five', [hersToo.id]);
      await result('disconnect', { user: name });
      assert.equal((await within(PATIENCE_MS, 'the end of all', hersToo.closed)).code, 3503);
      await untilThere('news:four', [another.id]);
      await another.close();
    });

    test('people of other systems have as many connections as others, each his own', async () => {
      const mine = [];
      for (let i = 0; i < 3; i++) mine.push(await stranger('customer-1'));
      const other = await stranger('customer-2');
      const tooMany = await rawConnect(node.url);
      void tooMany.connect({ token: jwt({ sub: 'customer-1' }) }).catch(() => {});
      assert.equal((await within(PATIENCE_MS, 'the refusal', tooMany.closed)).code, 3504);
      await mine.pop().close();
      const again = await untilAnswer('room for another', () => stranger('customer-1').catch(() => null), (client) => client !== null);
      for (const client of [...mine, again, other]) await client.close();
    });

    test('the key is in no log', () => {
      for (const server of [home, node]) assert.ok(!server.output().includes(KEY));
    });
  });

test('without a key in the settings there is no such page', async () => {
  const server = await startServer();
  const answer = await request(`${server.url}/api/info`, { method: 'POST', body: {}, headers: { 'X-API-Key': '' } });
  assert.equal(answer.status, 404);
  await server.stop();
});
