// Connection and subscription tokens that another system signs, on the home and on an edge.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must, request } from './lib/client.mjs';
import { SECRET, encode, jwt } from './lib/jwt.mjs';
import { UNLIMITED, createRoom, ready, startNodes, untilAnswer } from './lib/nodes.mjs';
import { startProxy } from './lib/proxy.mjs';
import { PATIENCE_MS, connectSdk, rawConnect, register, runParley, startRedis, startServer, within } from './lib/server.mjs';

const NAMESPACES = JSON.stringify({
  news: { presence: true, join_leave: true, history_size: 10, history_ttl_s: 600, recover: true, publish: 'subscriber' },
  paid: { subscribe: 'token', presence: true, publish: 'subscriber' },
});
const inSeconds = (seconds) => Math.floor(Date.now() / 1000) + seconds;

for (const where of ['home', 'edge'])
  describe(`tokens of another system on the ${where}`, () => {
    let redis, home, node, root, ann, room;
    const flags = { ...UNLIMITED, 'token.hmac_secret': SECRET, 'token.grace_s': 10, 'realtime.ping_ms': 1000, namespaces: NAMESPACES };
    before(async () => {
      redis = where === 'edge' ? await startRedis() : null;
      home = await startServer({ redis: redis ?? false, flags });
      node = where === 'edge' ? await startServer({ redis, edge: true, flags: { ...flags, 'token.hmac_secret': '' } }) : home;
      root = await firstAdministrator(home);
      await ready(node);
      ann = await register(node.url, 'ann');
      room = await createRoom(ann, 'a room');
    });
    after(async () => {
      if (node !== home) await node.stop();
      await home.stop();
      await redis?.stop();
    });

    async function connect(claims, options) {
      const client = await rawConnect(node.url);
      const reply = await client.connect({ token: typeof claims === 'string' ? claims : jwt(claims, options) });
      assert.ok(reply.connect, JSON.stringify(reply));
      return { client, connect: reply.connect };
    }
    async function refused(token) {
      const client = await rawConnect(node.url);
      const answer = await Promise.race([client.connect({ token }).catch(() => null), client.closed.then(() => null)]);
      assert.equal(answer, null, JSON.stringify(answer));
      const { code, reason } = await within(PATIENCE_MS, 'the end', client.closed);
      assert.throws(() => JSON.parse(reason), SyntaxError);
      return { code, reason };
    }

    test('of a user of ours: what a session of that user may', async () => {
      const { client, connect: reply } = await connect({ sub: String(ann.id), exp: inSeconds(600) });
      assert.equal(reply.expires, true);
      assert.ok(reply.ttl > 500 && reply.ttl <= 600, reply.ttl);
      assert.deepEqual(reply.subs, { [`user:${ann.id}`]: {} });
      assert.ok((await client.call('subscribe', { channel: `room:${room.id}` })).subscribe);
      assert.deepEqual(await client.call('publish', { channel: `room:${room.id}`, data: { text: 'by a token' } }).then((r) => r.publish), {});
      const me = await client.call('rpc', { method: 'me.detail' });
      assert.equal(me.rpc.data.user.name, 'ann');
      const presence = await client.call('presence', { channel: `room:${room.id}` });
      assert.deepEqual(presence.presence.presence[reply.client], { user: String(ann.id), client: reply.client, conn_info: { name: 'ann' } });
      const token = await client.call('rpc', { method: 'token.create', data: { name: 'x', scopes: { '*': ['read'] } } });
      assert.equal(token.error?.code, 103, JSON.stringify(token));
      client.socket.close();
    });

    test('its info is what others see', async () => {
      const { client, connect: reply } = await connect({ sub: String(ann.id), info: { nick: 'Ännchen' } });
      assert.equal(reply.expires, undefined);
      await client.call('subscribe', { channel: `room:${room.id}` });
      const presence = await client.call('presence', { channel: `room:${room.id}` });
      assert.deepEqual(presence.presence.presence[reply.client], { user: String(ann.id), client: reply.client, conn_info: { nick: 'Ännchen' } });
      client.socket.close();
    });

    test('of nobody here: connected, without rights on models and rooms', async () => {
      const { client, connect: reply } = await connect({ sub: 'customer-17', info: { a: 1 } });
      assert.equal(reply.subs, undefined);
      assert.equal((await client.call('rpc', { method: 'me.detail' })).error.code, 101);
      const subscribed = await client.call('subscribe', { channel: `room:${room.id}` });
      assert.ok([102, 103].includes(subscribed.error?.code), JSON.stringify(subscribed));
      client.socket.close();
    });

    test('anonymous, and nothing is open to everyone: 3507', async () => {
      assert.equal((await refused(jwt({}))).code, 3507);
      assert.equal((await refused(jwt({ sub: '' }))).code, 3507);
    });

    test('a wrong one closes with 3500 and says why', async () => {
      const fine = { sub: String(ann.id) };
      const [head, body, signature] = jwt(fine).split('.');
      for (const [what, token] of [
        ['another secret', jwt(fine, { secret: 'another secret, also long enough' })],
        ['alg none', `${encode({ alg: 'none' })}.${encode(fine)}.`],
        ['alg none, signed', jwt(fine, { header: { alg: 'none' } })],
        ['another alg', jwt(fine, { header: { alg: 'HS512' } })],
        ['another payload', `${head}.${encode({ sub: String(root.id) })}.${signature}`],
        ['padding', `${head}.${body}=.${signature}`],
        ['doubled members', jwt(`{"sub":"1","sub":"${ann.id}"}`)],
        ['not yet valid', jwt({ ...fine, nbf: inSeconds(600) })],
        ['exp as a text', jwt({ ...fine, exp: String(inSeconds(600)) })],
        ['expire_at as a text', jwt({ ...fine, expire_at: String(inSeconds(600)) })],
        ['a number as sub', jwt({ sub: ann.id })],
        ['a subscription token', jwt({ ...fine, channel: 'x' })],
        ['no such user', jwt({ sub: '999999' })],
        ['too long', jwt({ ...fine, more: 'x'.repeat(20_000) })],
        ['too much info', jwt({ ...fine, info: 'x'.repeat(5000) })],
        ['channels that are none', jwt({ ...fine, channels: [1] })],
        ['dots', '..'],
      ]) {
        const { code, reason } = await refused(token);
        assert.equal(code, 3500, `${what}: ${reason}`);
        assert.match(reason, /^invalid token: ./, what);
      }
      assert.equal((await refused(jwt({ ...fine, channels: Array.from({ length: 200 }, (_, i) => `c${i}`) }))).code, 3505);
    });

    test('an expired one is error 109, and the SDK gets a new one', async () => {
      const client = await rawConnect(node.url);
      const reply = await client.connect({ token: jwt({ sub: String(ann.id), exp: inSeconds(-5) }) });
      assert.equal(reply.error?.code, 109, JSON.stringify(reply));
      client.socket.close();
      let asked = 0;
      const sdk = await connectSdk(node.url, undefined, {
        token: jwt({ sub: String(ann.id), exp: inSeconds(-5) }),
        minReconnectDelay: 10,
        maxReconnectDelay: 50,
        getToken: async () => jwt({ sub: String(ann.id), exp: inSeconds(3600), n: ++asked }),
      });
      assert.equal(asked, 1);
      sdk.disconnect();
    });

    test('the SDK renews it in time, and stays connected', async () => {
      const renewed = async (seconds) => {
        let isConnected = false, asked = 0, again;
        const twice = new Promise((resolve) => (again = resolve));
        const first = inSeconds(seconds);
        const until = (end) => jwt({ sub: 'customer-18', exp: inSeconds(600), expire_at: end });
        const sdk = await connectSdk(node.url, undefined, {
          token: until(first),
          getToken: async () => {
            if (isConnected && ++asked === 2) again('it stays'); // it asks again only if the first was taken
            return until(inSeconds(asked < 2 ? seconds : 600));
          },
        });
        isConnected = true;
        // What is left of a token is counted in whole seconds.
        const grace = (first + flags['token.grace_s'] - 1) * 1000;
        const ended = ({ code }) => again(code === 3005 && Date.now() >= grace ? 'too late' : code);
        for (const name of ['connecting', 'disconnected']) sdk.on(name, ended);
        const outcome = await within(PATIENCE_MS, 'the second new token', twice);
        sdk.disconnect();
        return outcome;
      };
      let outcome = 'too late';
      // The machine may be so slow that a new token comes after the grace.
      for (let seconds = 3; outcome === 'too late' && seconds < 50; seconds *= 4) outcome = await renewed(seconds);
      assert.equal(outcome, 'it stays');
    });

    test('a new one must be for the same user', async () => {
      const { client } = await connect({ sub: 'customer-18', exp: inSeconds(60) });
      const answer = await client.call('refresh', { token: jwt({ sub: 'customer-18', exp: inSeconds(600) }) });
      assert.equal(answer.refresh?.expires, true, JSON.stringify(answer));
      assert.ok(answer.refresh.ttl > 500);
      void client.call('refresh', { token: jwt({ sub: 'customer-19' }) }).catch(() => {});
      assert.equal((await within(PATIENCE_MS, 'the end', client.closed)).code, 3500);
    });

    test('who shows no new one is disconnected with 3005', async () => {
      const brief = async (claims) => {
        for (let seconds = 2; ; seconds *= 2) {
          const client = await rawConnect(node.url);
          const reply = await client.connect({ token: jwt({ sub: 'customer-20', ...claims(inSeconds(seconds)) }) });
          if (reply.connect) return client;
          // The machine was so slow that it had ended before.
          assert.equal(reply.error?.code, 109, JSON.stringify(reply));
          client.socket.close();
        }
      };
      const both = await Promise.all([brief((end) => ({ exp: end })), brief((end) => ({ exp: inSeconds(600), expire_at: end }))]);
      for (const client of both) assert.equal((await within(PATIENCE_MS, 'the end', client.closed)).code, 3005);
    });

    test('who is disabled is disconnected and does not come back', async () => {
      const bob = await register(node.url, 'bob');
      const { client } = await connect({ sub: String(bob.id) });
      must(await root.api('PATCH', `/user/${bob.id}`, { disabled: true }), 200, 'disable');
      assert.equal((await within(PATIENCE_MS, 'the end', client.closed)).code, 3507);
      assert.equal((await refused(jwt({ sub: String(bob.id) }))).code, 3500);
    });

    test('rooms that its channels name are subscribed to by rights', async () => {
      const secret = await createRoom(root, `secret of ${where}`, 'private');
      const names = [`room:${room.id}`, `room:${secret.id}`, `user:${root.id}`, 'nothing:here'];
      const { client, connect: reply } = await connect({ sub: String(ann.id), channels: names });
      assert.deepEqual(Object.keys(reply.subs).sort(), [`room:${room.id}`, `user:${ann.id}`]);
      const { offset, epoch } = reply.subs[`room:${room.id}`];
      must(await ann.api('POST', `/room/${room.id}/message`, { text: 'pushed' }), 201, 'say');
      const push = await client.push(`room:${room.id}`);
      assert.equal(push.pub.offset, offset + 1);
      client.socket.close();
      must(await ann.api('POST', `/room/${room.id}/message`, { text: 'missed' }), 201, 'say');
      const back = await rawConnect(node.url);
      const again = (await back.connect({
        token: jwt({ sub: String(ann.id), channels: names }),
        subs: { [`room:${room.id}`]: { recover: true, offset: offset + 1, epoch } },
      })).connect.subs[`room:${room.id}`];
      assert.equal(again.recovered, true);
      assert.deepEqual(again.publications.map((one) => one.data.message.text), ['missed']);
      back.socket.close();
    });

    test('of nobody here, but named in the channels of namespaces', async () => {
      const { client, connect: reply } = await connect({ sub: 'customer "17"', info: { a: 1 } });
      const info = { user: 'customer "17"', conn_info: { a: 1 }, client: reply.client };
      await client.call('subscribe', { channel: 'news:named', join_leave: true });
      assert.deepEqual((await client.push('news:named')).join.info, info);
      assert.ok((await client.call('publish', { channel: 'news:named', data: 'hello' })).publish);
      assert.deepEqual((await client.push('news:named')).pub, { data: 'hello', info, offset: 1 });
      assert.deepEqual((await client.call('presence', { channel: 'news:named' })).presence.presence[reply.client], info);
      const { client: other } = await connect({ sub: 'customer 18' });
      await other.call('subscribe', { channel: 'news:named' });
      const stats = await other.call('presence_stats', { channel: 'news:named' });
      assert.deepEqual(stats.presence_stats, { num_clients: 2, num_users: 2 });
      client.socket.close();
      other.socket.close();
    });

    test('namespaces that its channels name are subscribed to, and recovered', async () => {
      const claims = { sub: 'customer-21', channels: ['news:mine'], subs: { 'paid:mine': { info: { vip: true } } } };
      const { client, connect: reply } = await connect(claims);
      assert.deepEqual(Object.keys(reply.subs).sort(), ['news:mine', 'paid:mine']);
      assert.deepEqual((await client.call('presence', { channel: 'paid:mine' })).presence.presence, {
        [reply.client]: { user: 'customer-21', client: reply.client, chan_info: { vip: true } },
      });
      assert.ok((await client.call('publish', { channel: 'news:mine', data: 1 })).publish);
      assert.equal((await client.push('news:mine')).pub.data, 1);
      client.socket.close();
      const back = await rawConnect(node.url);
      const { offset, epoch } = reply.subs['news:mine'];
      const again = await back.connect({ token: jwt(claims), subs: { 'news:mine': { recover: true, offset, epoch } } });
      assert.deepEqual(again.connect.subs['news:mine'].publications.map((one) => one.data), [1]);
      back.socket.close();
    });

    test('a channel that its subs name, with info, and that is none is left out', async () => {
      const subs = { 'room:999999': { info: { a: 1 } }, 'news:there': { info: { a: 1 } } };
      for (const sub of ['customer-30', String(ann.id)]) {
        const { client, connect: reply } = await connect({ sub, subs });
        assert.deepEqual(Object.keys(reply.subs).filter((name) => !name.startsWith('user:')), ['news:there']);
        client.socket.close();
      }
    });

    test('as many channels as a token may name come back', async () => {
      const channels = Array.from({ length: 120 }, (_, i) => `news:many-${i}`);
      const { client, connect: reply } = await connect({ sub: 'customer-31', channels });
      assert.deepEqual(Object.keys(reply.subs).sort(), [...channels].sort());
      client.socket.close();
      const subs = Object.fromEntries(Object.entries(reply.subs).map(([name, { offset, epoch }]) => [name, { recover: true, offset, epoch }]));
      const back = await rawConnect(node.url);
      const again = await back.connect({ token: jwt({ sub: 'customer-31', channels }), subs });
      assert.equal(Object.values(again.connect?.subs ?? {}).filter(({ recovered }) => recovered).length, channels.length, JSON.stringify(again));
      back.socket.close();
      const infos = Object.fromEntries(channels.map((name) => [name, { info: { name } }]));
      const { client: other, connect: more } = await connect({ sub: 'customer-32', subs: infos });
      assert.equal(Object.keys(more.subs).length, channels.length);
      other.socket.close();
    });

    test('a subscription token opens a channel, for whom and what it says', async () => {
      const { client, connect: reply } = await connect({ sub: 'customer-22' });
      const subscribe = (channel, claims, options) =>
        client.call('subscribe', { channel, ...(claims ? { token: jwt(claims, options) } : {}) });
      const fine = { sub: 'customer-22', channel: 'paid:a' };
      assert.equal((await subscribe('paid:a')).error.code, 103);
      assert.equal((await subscribe('$news:a')).error.code, 103);
      assert.equal((await client.call('subscribe', { channel: 'paid:a', granted: true })).error.code, 103);
      assert.equal((await subscribe('paid:a', fine, { secret: 'another secret, also long enough' })).error.code, 103);
      assert.equal((await subscribe('paid:a', { ...fine, exp: inSeconds(-5) })).error.code, 109);
      assert.equal((await client.call('presence', { channel: 'paid:a', granted: true })).error.code, 103);
      const opened = await subscribe('paid:a', { ...fine, client: reply.client, info: { row: 3 }, exp: inSeconds(600) });
      assert.equal(opened.subscribe?.expires, true, JSON.stringify(opened));
      assert.deepEqual((await client.call('presence', { channel: 'paid:a' })).presence.presence[reply.client], {
        user: 'customer-22', client: reply.client, chan_info: { row: 3 },
      });
      const renewed = await client.call('sub_refresh', { channel: 'paid:a', token: jwt({ ...fine, exp: inSeconds(6000) }) });
      assert.ok(renewed.sub_refresh?.ttl > 5000, JSON.stringify(renewed));
      assert.ok((await subscribe('$news:a', { sub: 'customer-22', channel: '$news:a' })).subscribe);
      client.socket.close();
      for (const claims of [{ ...fine, channel: 'paid:b' }, { ...fine, sub: 'customer-23' }, { ...fine, client: 'x' }, { sub: 'customer-22' }]) {
        const { client: wrong } = await connect({ sub: 'customer-22' });
        void wrong.call('subscribe', { channel: 'paid:a', token: jwt(claims) }).catch(() => {});
        assert.equal((await within(PATIENCE_MS, 'the end', wrong.closed)).code, 3500, JSON.stringify(claims));
      }
    });

    test('the SDK gets a subscription token and renews it; changed rights do not end it', async () => {
      const sdk = await connectSdk(node.url, ann.cookie);
      let asked = 0;
      const subscription = sdk.newSubscription('paid:sdk', {
        getToken: async ({ channel }) => jwt({ sub: String(ann.id), channel, exp: inSeconds(600), expire_at: inSeconds(++asked === 1 ? 2 : 600) }),
      });
      const heard = new Promise((resolve) => subscription.on('publication', resolve));
      const ends = [];
      subscription.on('unsubscribed', (context) => ends.push(context));
      subscription.subscribe();
      await within(PATIENCE_MS, 'subscribing', subscription.ready());
      must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read'] }), 201, 'grant');
      await untilAnswer('a second token being asked for', async () => asked, (count) => count >= 2);
      await subscription.publish('hello');
      assert.equal((await within(PATIENCE_MS, 'the publication', heard)).data, 'hello');
      assert.deepEqual(ends, []);
      sdk.disconnect();
    });

    test('the secret and the tokens are in no log', async () => {
      const token = jwt({ sub: String(ann.id) });
      const { client } = await connect(token);
      client.socket.close();
      await refused(`${token}x`);
      for (const server of [home, node]) {
        assert.ok(!server.output().includes(SECRET));
        assert.ok(!server.output().includes(token.split('.')[2]));
      }
    });
  });

test('what is more than one reply takes is not recovered, and the client is told', async (test) => {
  const most = 16384;
  const server = await startServer({ flags: { ...UNLIMITED, 'token.hmac_secret': SECRET, 'realtime.queue_bytes_max': most, namespaces: NAMESPACES } });
  test.after(() => server.stop());
  const channels = ['news:a', 'news:b', 'news:c', 'news:d'];
  const claims = { sub: 'customer', channels };
  const client = await rawConnect(server.url);
  const { subs } = (await client.connect({ token: jwt(claims) })).connect;
  for (const channel of channels)
    for (const n of [1, 2]) {
      assert.ok((await client.call('publish', { channel, data: `${n}${'x'.repeat(3000)}` })).publish);
      await client.push(channel);
    }
  client.socket.close();
  const back = await rawConnect(server.url);
  const wanted = Object.fromEntries(channels.map((name) => [name, { recover: true, offset: subs[name].offset, epoch: subs[name].epoch }]));
  const again = (await back.connect({ token: jwt(claims), subs: wanted })).connect;
  assert.ok(JSON.stringify(again).length <= most, 'the reply is too long');
  assert.deepEqual(Object.keys(again.subs).sort(), channels);
  const told = channels.map((name) => ({ name, ...again.subs[name] }));
  const [whole, bare] = [told.filter(({ recovered }) => recovered), told.filter(({ recovered }) => !recovered)];
  assert.ok(whole.length && bare.length, `${whole.length} and ${bare.length}`);
  for (const one of whole) assert.equal(one.publications.length, 2);
  for (const { name, ...one } of bare)
    assert.deepEqual(one, { recoverable: true, positioned: true, epoch: subs[name].epoch, offset: 2, was_recovering: true });
  for (const channel of channels) {
    assert.ok((await back.call('publish', { channel, data: 'next' })).publish);
    assert.equal((await back.push(channel)).pub.offset, 3);
  }
  back.socket.close();
});

test('who loses a channel of the token while it connects is to connect again', async (test) => {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  test.after(() => (proxy.close(), redis.stop()));
  const flags = { 'token.hmac_secret': SECRET, 'api.key': SECRET };
  const nodes = await startNodes({ test, redis, edgeRedis: { ...redis, url: proxy.url }, flags });
  const ann = await register(nodes.home.url, 'ann');
  const room = await createRoom(ann, 'a room');
  const client = await rawConnect(nodes.edge.url);
  // The home's answer about the room comes behind the news that the room is taken away, which came later.
  let held, isHeld = false, isOver = false;
  const answered = new Promise((resolve) => (held = resolve));
  proxy.rule = (channel, payload) => {
    isHeld ||= payload.includes('"positioned":true');
    isOver ||= payload.includes('"op":"unsubscribe"');
    if (isHeld) held();
    return isHeld && !isOver ? 'later' : 1;
  };
  const reply = client.connect({ token: jwt({ sub: String(ann.id), channels: [`room:${room.id}`] }) }).catch(() => null);
  await within(PATIENCE_MS, 'the answer of the home', answered);
  const body = { user: String(ann.id), channel: `room:${room.id}` };
  must(await request(`${nodes.home.url}/api/unsubscribe`, { method: 'POST', body, headers: { 'X-API-Key': SECRET } }), 200, 'unsubscribe');
  assert.equal(await reply, null);
  assert.equal((await within(PATIENCE_MS, 'the end', client.closed)).code, 3010);
  const back = await rawConnect(nodes.edge.url);
  assert.ok((await back.connect({ token: jwt({ sub: String(ann.id), channels: [`room:${room.id}`] }) })).connect.subs[`room:${room.id}`]);
  back.socket.close();
});

test('without a secret every such token is refused', async () => {
  const server = await startServer();
  const client = await rawConnect(server.url);
  void client.connect({ token: jwt({ sub: '1' }, { secret: ' '.repeat(16) }) }).catch(() => {});
  assert.equal((await within(PATIENCE_MS, 'the end', client.closed)).code, 3500);
  await server.stop();
});

test('the settings show no secret', async () => {
  const { code, output } = await runParley(['settings', `--token.hmac_secret=${SECRET}`, `--api.key=${SECRET}`]);
  assert.equal(code, 0);
  assert.ok(!output.includes(SECRET));
  assert.equal((await runParley(['settings', '--token.hmac_secret=short'])).code, 2);
});
