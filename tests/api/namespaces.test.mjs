// Ephemeral channels: what the settings say of each namespace holds, for who is connected to the home and to an edge.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Log, anonymous, login, must, ready, register, startNodes, untilAnswer } from './lib/nodes.mjs';
import { temporaryFolder } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { nextEvent, rawConnect } from './lib/realtime.mjs';
import { runParley, startRedis } from './lib/server.mjs';
import { assertWords, ended, pushes, sdkWithSocket, settled, startWorld, subscribe } from './lib/talk.mjs';

const NAMESPACES = {
  '': { publish: 'subscriber', history_size: 5, recover: true, presence: true },
  chat: { publish: 'subscriber', history_size: 100, recover: true, presence: true, join_leave: true },
  bare: { publish: 'anyone' },
  news: { publish: 'nobody', history_size: 5 },
  notes: { publish: 'anyone', history_size: 3 },
  brief: { publish: 'anyone', history_size: 100, history_ttl_s: 1, recover: true },
  open: { publish: 'anyone', anonymous: true, presence: true, history_size: 10, recover: true },
  sealed: { publish: 'anyone', subscribe: 'token' },
};
const flags = (namespaces = NAMESPACES, more = {}) => ({ namespaces: JSON.stringify(namespaces), ...more });

/** Subscribed by the SDK: {subscription, heard, seen, entered}. */
async function listen(sdk, channel, options = {}) {
  const subscription = sdk.newSubscription(channel, options);
  const heard = new Log();
  const seen = new Log();
  subscription.on('publication', (context) => heard.add(context));
  for (const name of ['join', 'leave', 'subscribed', 'unsubscribed', 'subscribing'])
    subscription.on(name, (context) => seen.add({ name, ...context }));
  subscription.subscribe();
  const entered = await seen.until(`subscribing to ${channel}`, (items) => items.find(({ name }) => name === 'subscribed' || name === 'unsubscribed'));
  assert.equal(entered.name, 'subscribed', JSON.stringify(entered));
  return { subscription, heard, seen, entered, count: (n) => heard.until(`${n} publications in ${channel}`, (items) => items.length >= n) };
}

const connected = async (node, me, options = {}) => {
  const client = await rawConnect(node.url, { cookie: me?.cookie, ...options });
  const reply = await client.connect();
  assert.ok(reply.connect, JSON.stringify(reply));
  client.id = reply.connect.client;
  return client;
};
const data = (publications) => publications.map((publication) => publication.data);
const offsets = (publications) => publications.map((publication) => publication.offset);
const history = async (client, channel, params = {}) => {
  const reply = await client.call('history', { channel, limit: -1, ...params });
  assert.ok(reply.history, JSON.stringify(reply));
  return reply.history;
};
const publish = async (client, channel, payload) => {
  const reply = await client.call('publish', { channel, data: payload });
  assert.deepEqual(reply.publish, {}, JSON.stringify(reply));
};
const refused = async (client, code, method, params) => {
  const reply = await client.call(method, params);
  assert.equal(reply.error?.code, code, `${method} ${JSON.stringify(params)}: ${JSON.stringify(reply)}`);
  assertWords(reply.error);
};

describe('channels of namespaces on a home and an edge', () => {
  let nodes, ann, bob;
  const closing = [];
  const on = async (node, me) => {
    const client = await connected(node, me);
    closing.push(() => client.terminate());
    return client;
  };
  const sdk = async (node, me) => {
    const client = await sdkWithSocket(node.url, me.cookie);
    closing.push(() => client.disconnect());
    return client;
  };
  before(async () => {
    nodes = await startNodes({ flags: flags() });
    ann = await register(nodes.home.url, 'ann');
    bob = await register(nodes.home.url, 'bob');
  });
  after(async () => {
    for (const close of closing) close();
    await nodes?.stop();
  });

  it('what is published is heard by all, with who said it, in one order, and is in the history', async () => {
    const here = await listen(await sdk(nodes.home, ann), 'chat:talk');
    const there = await listen(await sdk(nodes.edge, bob), 'chat:talk');
    assert.equal(here.entered.positioned, true);
    assert.equal(here.entered.recoverable, true);
    const payloads = [{ text: 'hi' }, 'a text', 7, null, [1.5, true], { deep: [{ er: 'ä\n"' }] }];
    for (const [index, payload] of payloads.entries()) await (index % 2 ? there : here).subscription.publish(payload);
    await Promise.all([here.count(6), there.count(6)]);
    for (const listener of [here, there]) {
      assert.deepEqual(data(listener.heard.items), payloads);
      assert.deepEqual(offsets(listener.heard.items), [1, 2, 3, 4, 5, 6]);
      assert.equal(listener.heard.items[0].info.user, String(ann.id));
      assert.equal(listener.heard.items[1].info.user, String(bob.id));
      assert.ok(listener.heard.items[0].info.client);
    }
    for (const listener of [here, there]) {
      const all = await listener.subscription.history({ limit: -1 });
      assert.deepEqual(data(all.publications), payloads);
      assert.equal(all.publications[1].info.user, String(bob.id));
      assert.equal(all.offset, 6);
      const { epoch } = all;
      const two = await listener.subscription.history({ limit: 2, since: { offset: 2, epoch } });
      assert.deepEqual(offsets(two.publications), [3, 4]);
      const back = await listener.subscription.history({ limit: 2, since: { offset: 4, epoch }, reverse: true });
      assert.deepEqual(offsets(back.publications), [3, 2]);
      const newest = await listener.subscription.history({ limit: 2, reverse: true });
      assert.deepEqual(offsets(newest.publications), [6, 5]);
      const none = await listener.subscription.history({ limit: 0 });
      assert.deepEqual([none.publications, none.offset], [[], 6]);
      await assert.rejects(listener.subscription.history({ limit: 1, since: { offset: 1, epoch: 'other' } }), { code: 112 });
    }
  });

  for (const place of ['home', 'edge'])
    it(`what was said during a cut is recovered, with who said it (${place})`, async () => {
      const node = place === 'home' ? nodes.home : nodes.edge;
      const client = await sdk(node, bob);
      const channel = `chat:cut ${place}`;
      const listener = await listen(client, channel);
      const speaker = await on(nodes.home, ann);
      await subscribe(speaker, channel);
      await publish(speaker, channel, 'before');
      await listener.count(1);
      const gone = nextEvent(client, 'connecting');
      client.socket().terminate();
      await gone;
      for (let i = 0; i < 5; i++) await publish(speaker, channel, i);
      await listener.count(6);
      await publish(speaker, channel, 'after');
      await listener.count(7);
      assert.deepEqual(data(listener.heard.items), ['before', 0, 1, 2, 3, 4, 'after']);
      assert.deepEqual(offsets(listener.heard.items), [1, 2, 3, 4, 5, 6, 7]);
      for (const { info } of listener.heard.items) assert.equal(info?.user, String(ann.id));
      const again = listener.seen.items.filter(({ name }) => name === 'subscribed').at(-1);
      assert.equal(again.recovered, true);
    });

  it('a channel without a colon belongs to the namespace without a name, and to no other', async () => {
    const client = await on(nodes.edge, ann);
    const reply = await subscribe(client, 'lobby');
    assert.equal(reply.recoverable, true);
    await publish(client, 'lobby', 1);
    assert.equal((await client.push('lobby')).pub.offset, 1);
    await refused(client, 102, 'publish', { channel: 'nothing:lobby', data: 1 });
  });

  it('a namespace that the settings do not name is an unknown channel', async () => {
    for (const node of [nodes.home, nodes.edge]) {
      const client = await on(node, ann);
      for (const channel of ['unknown:1', 'Chat:1', ':1', '$unknown:1', '$room:1', 'chatter:1'])
        for (const method of ['subscribe', 'history', 'presence', 'presence_stats', 'publish'])
          await refused(client, 102, method, { channel, data: {} });
    }
  });

  it('a name of 255 bytes is fine, a longer one is refused', async () => {
    const client = await on(nodes.edge, ann);
    const longest = `chat:${'n'.repeat(250)}`;
    await subscribe(client, longest);
    await publish(client, longest, 1);
    await client.push(longest);
    await refused(client, 107, 'subscribe', { channel: `${longest}n` });
    await refused(client, 107, 'publish', { channel: `${longest}n`, data: 1 });
    await refused(client, 107, 'history', { channel: `${longest}n` });
  });

  it('who may publish is what the namespace says: nobody, subscribers, anyone', async () => {
    for (const node of [nodes.home, nodes.edge]) {
      const client = await on(node, ann);
      await subscribe(client, 'news:1');
      await refused(client, 103, 'publish', { channel: 'news:1', data: 1 });
      await refused(client, 103, 'publish', { channel: 'chat:policy', data: 1, is_subscribed: true });
      await subscribe(client, 'chat:policy');
      await publish(client, 'chat:policy', 1);
      await client.call('unsubscribe', { channel: 'chat:policy' });
      await refused(client, 103, 'publish', { channel: 'chat:policy', data: 1 });
      await publish(client, 'bare:policy', 1);
      await refused(client, 107, 'publish', { channel: 'bare:policy' });
    }
  });

  it('what only the trusted may say is not taken from a client', async () => {
    const client = await on(nodes.home, ann);
    await subscribe(client, 'chat:forged');
    const more = { info: { user: '0' }, tags: { a: 'b' }, skip_history: true, idempotency_key: 'k', offset: 9 };
    for (let i = 0; i < 2; i++) {
      const reply = await client.call('publish', { channel: 'chat:forged', data: i, ...more });
      assert.deepEqual(reply.publish, {});
      const { pub } = await client.push('chat:forged');
      assert.deepEqual(pub, { data: i, info: { user: String(ann.id), client: client.id, conn_info: { name: 'ann' } }, offset: i + 1 });
    }
    for (const method of ['channel.publish', 'channel.broadcast', 'channel.list', 'channel.history_remove'])
      await refused(client, 108, 'rpc', { method, data: { channel: 'chat:forged', data: 1 } });
  });

  it('without history there is neither history nor a position', async () => {
    const client = await on(nodes.edge, ann);
    assert.deepEqual(await subscribe(client, 'bare:1', { recover: true }), { was_recovering: true });
    await publish(client, 'bare:1', 1);
    assert.equal((await client.push('bare:1')).pub.offset, undefined);
    await refused(client, 108, 'history', { channel: 'bare:1', limit: 1 });
  });

  it('history without recovery can be read, and has as many as it says', async () => {
    const client = await on(nodes.edge, ann);
    const reply = await subscribe(client, 'notes:1');
    assert.equal(reply.recoverable, undefined);
    for (let i = 1; i <= 5; i++) await publish(client, 'notes:1', i);
    for (let i = 1; i <= 5; i++) assert.equal((await client.push('notes:1')).pub.data, i);
    const { publications, offset } = await history(client, 'notes:1');
    assert.deepEqual(data(publications), [3, 4, 5]);
    assert.deepEqual(offsets(publications), [3, 4, 5]);
    assert.equal(offset, 5);
  });

  it('who missed more than the history has is told that nothing was recovered', async () => {
    const speaker = await on(nodes.home, ann);
    const { epoch } = await subscribe(speaker, 'small');
    for (let i = 1; i <= 8; i++) await publish(speaker, 'small', i);
    for (const node of [nodes.home, nodes.edge]) {
      const client = await on(node, bob);
      const lost = await subscribe(client, 'small', { recover: true, offset: 2, epoch });
      assert.deepEqual([lost.recovered, lost.was_recovering, lost.offset, lost.publications], [undefined, true, 8, undefined]);
      await client.call('unsubscribe', { channel: 'small' });
      const fine = await subscribe(client, 'small', { recover: true, offset: 3, epoch });
      assert.deepEqual([fine.recovered, offsets(fine.publications)], [true, [4, 5, 6, 7, 8]]);
      await client.call('unsubscribe', { channel: 'small' });
      const other = await subscribe(client, 'small', { recover: true, offset: 8, epoch: 'other' });
      assert.equal(other.recovered, undefined);
    }
  });

  it('what is older than history_ttl_s is gone, and a forgotten channel has another epoch', async () => {
    const client = await on(nodes.edge, ann);
    const { epoch } = await subscribe(client, 'brief:1');
    await publish(client, 'brief:1', 1);
    await client.push('brief:1');
    await client.call('unsubscribe', { channel: 'brief:1' }); // until now it was kept, however slow all this is
    await untilAnswer('the history going', () => history(client, 'brief:1'), (answer) => answer.publications?.length === 0);
    await untilAnswer('the channel being forgotten', () => history(client, 'brief:1'), (answer) => answer.epoch === '');
    const reply = await subscribe(client, 'brief:1', { recover: true, offset: 1, epoch });
    assert.equal(reply.recovered, undefined);
    assert.notEqual(reply.epoch, epoch);
    assert.equal(reply.offset, 0);
  });

  it('a channel that somebody listens to keeps its position, however old its history is', async () => {
    const client = await on(nodes.edge, ann);
    const { epoch } = await subscribe(client, 'brief:2');
    await publish(client, 'brief:2', 1);
    await client.push('brief:2');
    await publish(client, 'brief:gauge', 1); // made later: when it is forgotten, the other would have been
    await untilAnswer('time going by', () => history(client, 'brief:gauge'), (answer) => answer.epoch === '');
    await publish(client, 'brief:2', 2);
    const { pub } = await client.push('brief:2');
    assert.equal(pub.offset, 2);
    assert.equal((await history(client, 'brief:2')).epoch, epoch);
  });

  it('presence, and joins and leaves, are told where the namespace has them', async () => {
    const watcher = await listen(await sdk(nodes.home, ann), 'chat:who', { joinLeave: true });
    const guest = await listen(await sdk(nodes.edge, bob), 'chat:who', { joinLeave: true });
    const join = await watcher.seen.until('the guest joining', (items) => items.find(({ name, info }) => name === 'join' && info.user === String(bob.id)));
    for (const listener of [watcher, guest]) {
      const { clients } = await listener.subscription.presence();
      assert.deepEqual(Object.values(clients).map(({ user }) => user).sort(), [String(ann.id), String(bob.id)].sort());
      assert.deepEqual(await listener.subscription.presenceStats(), { numClients: 2, numUsers: 2 });
    }
    guest.subscription.unsubscribe();
    await watcher.seen.until('the guest leaving', (items) => items.find(({ name, info }) => name === 'leave' && info.client === join.info.client));
  });

  it('without presence and join_leave nobody hears who is there', async () => {
    const watcher = await on(nodes.home, ann);
    await subscribe(watcher, 'news:quiet', { join_leave: true });
    const guest = await on(nodes.edge, bob);
    await subscribe(guest, 'news:quiet', { join_leave: true });
    for (const client of [watcher, guest]) {
      await refused(client, 108, 'presence', { channel: 'news:quiet' });
      await refused(client, 108, 'presence_stats', { channel: 'news:quiet' });
    }
    await guest.call('unsubscribe', { channel: 'news:quiet' });
    await settled(watcher);
    assert.deepEqual(pushes(watcher).filter(({ channel }) => channel === 'news:quiet'), []);
    // In the nameless namespace there is presence, and still no join.
    await subscribe(watcher, 'half', { join_leave: true });
    assert.equal(Object.keys((await watcher.call('presence', { channel: 'half' })).presence.presence).length, 1);
    assert.deepEqual(pushes(watcher).filter(({ channel }) => channel === 'half'), []);
  });

  it('who is not signed in may use what is anonymous, and nothing else', async () => {
    for (const node of [nodes.home, nodes.edge]) {
      const client = await on(node, null);
      const { epoch } = await subscribe(client, 'open:1');
      assert.ok(epoch);
      await publish(client, 'open:1', 'from nobody');
      assert.deepEqual((await client.push('open:1')).pub.info, { user: '', client: client.id });
      assert.ok((await client.call('presence', { channel: 'open:1' })).presence.presence[client.id]);
      for (const channel of ['chat:1', 'bare:1', 'lobby', 'news:1', 'sealed:1', '$open:1']) {
        for (const method of ['subscribe', 'history', 'presence']) await refused(client, 103, method, { channel, limit: 1 });
        await refused(client, 103, 'publish', { channel, data: 1 });
      }
    }
  });

  it('an API token opens no channel but the anonymous ones', async () => {
    const made = must(await ann.api('POST', '/token', { name: 'robot', scopes: { message: ['read'] } }), 201, 'token').body;
    const client = await rawConnect(nodes.edge.url, {});
    closing.push(() => client.terminate());
    assert.ok((await client.connect({ token: made.token })).connect);
    await refused(client, 103, 'subscribe', { channel: 'chat:1' });
    await refused(client, 103, 'publish', { channel: 'bare:1', data: 1 });
    await subscribe(client, 'open:robot');
  });

  it('what takes a subscription token is closed to who has none', async () => {
    for (const node of [nodes.home, nodes.edge]) {
      const client = await on(node, ann);
      for (const channel of ['sealed:1', '$chat:1', '$alone', '$open:1', '$sealed:1'])
        for (const method of ['subscribe', 'history', 'publish']) await refused(client, 103, method, { channel, data: 1 });
    }
  });

  it('changed rights leave who is signed in where he is; an ended session ends the connection', async () => {
    const eve = await register(nodes.home.url, 'eve');
    const [here, there] = [await on(nodes.home, eve), await on(nodes.edge, eve)];
    for (const client of [here, there]) await subscribe(client, 'chat:rights');
    const { code, output } = await runParley(['grant', 'everyone', 'news', 'read', `--data.path=${nodes.home.dataDir}/parley.db`]);
    assert.equal(code, 0, output);
    const speaker = await on(nodes.edge, ann);
    await subscribe(speaker, 'chat:rights');
    await publish(speaker, 'chat:rights', 'still here');
    for (const client of [here, there]) assert.equal((await client.push('chat:rights')).pub.data, 'still here');
    const other = await login(nodes.home.url, 'eve');
    must(await other.api('POST', '/me/password', { old: eve.password, new: 'another long password' }), 204, 'new password');
    for (const client of [here, there]) assert.equal((await ended(client)).code, 3507);
  });

  it('large payloads arrive whole, and larger ones than a message may be end the connection', async () => {
    const client = await on(nodes.edge, ann);
    await subscribe(client, 'chat:large');
    const text = 'x'.repeat(60000);
    await publish(client, 'chat:large', text);
    assert.equal((await client.push('chat:large')).pub.data, text);
    const reader = await on(nodes.home, bob);
    assert.deepEqual(data((await history(reader, 'chat:large')).publications), [text]);
    client.call('publish', { channel: 'chat:large', data: 'x'.repeat(70000) }).catch(() => {});
    assert.equal((await ended(client)).code, 1009);
  });
});

describe('when the home starts again', () => {
  const again = (isLost) => async (test) => {
    const redis = await startRedis();
    const proxy = await startProxy(redis);
    test.after(() => redis.stop());
    test.after(() => proxy.close());
    const nodes = await startNodes({ test, flags: flags(), redis, edgeRedis: { ...redis, url: proxy.url } });
    // Then only what is published next can tell the edge that the log is another one.
    if (isLost) proxy.rule = (channel, payload) => (payload.includes('"behind"') ? 0 : 1);
    const ann = await register(nodes.home.url, 'ann');
    const client = await sdkWithSocket(nodes.edge.url, ann.cookie);
    test.after(() => client.disconnect());
    const listener = await listen(client, 'chat:restart');
    for (let i = 1; i <= 3; i++) await listener.subscription.publish({ life: 1, i });
    await listener.count(3);
    const { epoch } = await listener.subscription.history({ limit: 0 });
    await nodes.home.kill();
    await nodes.restartHome();
    await ready(nodes.home);
    // Said before the edge may know of the new home: none of it continues what was before.
    const speaker = await connected(nodes.home, ann);
    test.after(() => speaker.terminate());
    await subscribe(speaker, 'chat:restart');
    for (let i = 1; i <= 6; i++) await publish(speaker, 'chat:restart', { life: 2, i });
    const entered = await listener.seen.until('subscribing anew', (items) => items.filter(({ name }) => name === 'subscribed')[1]);
    assert.equal(entered.recovered, false);
    assert.equal(entered.wasRecovering, true);
    await ready(nodes.edge);
    await publish(speaker, 'chat:restart', { life: 2, i: 'last' });
    await listener.heard.until('the last', (items) => items.find((item) => item.data.i === 'last'));
    const top = await listener.subscription.history({ limit: 0 });
    assert.notEqual(top.epoch, epoch);
    assert.equal(top.offset, 7);
    // What it heard of the new life are those behind its new position, without a hole.
    const heard = listener.heard.items.filter((item) => item.data.life === 2).map((item) => item.offset);
    const from = entered.streamPosition.offset;
    assert.deepEqual(heard, Array.from({ length: 7 - from }, (_, i) => from + 1 + i));
  };
  it('listeners are told that nothing was recovered, and nobody takes new offsets for old ones', again(false));
  it('the same if the edge does not hear where the channels stand', again(true));
});

it('what was lost on the way to an edge is read from the home, with who said it', async (test) => {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  test.after(() => redis.stop());
  test.after(() => proxy.close());
  const nodes = await startNodes({ test, flags: flags(), redis, edgeRedis: { ...redis, url: proxy.url } });
  const ann = await register(nodes.home.url, 'ann');
  const client = await connected(nodes.edge, ann);
  const speaker = await connected(nodes.home, ann);
  for (const one of [client, speaker]) {
    test.after(() => one.terminate());
    await subscribe(one, 'chat:gap');
  }
  let count = 0;
  proxy.rule = (channel) => (channel === 'parley:ch:chat:gap' && ++count <= 3 ? 0 : 1);
  for (let i = 1; i <= 4; i++) await publish(speaker, 'chat:gap', i);
  for (let i = 1; i <= 4; i++) {
    const { pub } = await client.push('chat:gap');
    assert.deepEqual(pub, { data: i, info: { user: String(ann.id), client: speaker.id, conn_info: { name: 'ann' } }, offset: i });
  }
});

describe('bounds', () => {
  it('no more channels and bytes are kept than the settings allow, and what goes on goes on', async () => {
    const world = await startWorld(flags(NAMESPACES, { 'ephemeral.channels_max': 5, 'ephemeral.bytes_max': 200000, 'realtime.queue_bytes_max': 4194304 }));
    try {
      const client = await world.raw(world.ann);
      for (let i = 0; i < 5; i++) await publish(client, `notes:${i}`, i);
      for (const [method, params] of [['publish', { channel: 'notes:5', data: 1 }], ['subscribe', { channel: 'chat:5' }]]) {
        const { error } = await client.call(method, params);
        assert.equal(error.code, 111);
        assert.equal(error.temporary, true);
        assertWords(error);
      }
      await publish(client, 'bare:5', 'needs no place');
      await subscribe(client, 'bare:5');
      // Room for three of them: with a fourth the oldest of all goes, and nobody is refused.
      const text = 'y'.repeat(60000);
      for (let i = 0; i < 3; i++) await publish(client, `notes:0`, text);
      await publish(client, 'notes:1', text);
      assert.deepEqual(offsets((await history(client, 'notes:0')).publications), [3, 4]);
      assert.deepEqual(offsets((await history(client, 'notes:1')).publications), [2]);
      await publish(client, 'notes:0', text);
      assert.deepEqual(offsets((await history(client, 'notes:0')).publications), [4, 5]);
      await client.close();
    } finally {
      await world.stop();
    }
  });

  it('thousands of channels that nobody uses any more are forgotten', async () => {
    const world = await startWorld(flags(NAMESPACES, { 'ephemeral.channels_max': 2000 }));
    try {
      const client = await world.raw(world.ann);
      for (let i = 0; i < 4; i++)
        await Promise.all(Array.from({ length: 500 }, (_, n) => publish(client, `brief:${i}.${n}`, n)));
      await untilAnswer('room for another', () => client.call('publish', { channel: 'brief:another', data: 1 }), (reply) => reply.publish);
      await client.close();
    } finally {
      await world.stop();
    }
  });

  it('who sends too many publications is told to wait', async () => {
    const world = await startWorld(flags(NAMESPACES, { 'realtime.commands_per_s': 5 }));
    try {
      const client = await world.raw(world.ann);
      const replies = await Promise.all(Array.from({ length: 60 }, (_, n) => client.call('publish', { channel: 'bare:1', data: n })));
      assert.ok(replies.some((reply) => reply.error?.code === 111 && reply.error.temporary));
      await client.close();
    } finally {
      await world.stop();
    }
  });
});

describe('settings of namespaces', () => {
  const wrong = [
    [{ chat: { histroy_size: 1 } }, /there is no setting namespaces\.chat\.histroy_size; the nearest is namespaces\.chat\.history_size/],
    [{ chat: { history_size: -1 } }, /namespaces\.chat\.history_size must be a whole number from 0 to 10000/],
    [{ chat: { history_size: 10001 } }, /namespaces\.chat\.history_size/],
    [{ chat: { history_ttl_s: 0 } }, /namespaces\.chat\.history_ttl_s must be a whole number from 1 to 2592000/],
    [{ chat: { presence: 'yes' } }, /namespaces\.chat\.presence must be true or false/],
    [{ chat: { publish: 'everybody' } }, /namespaces\.chat\.publish must be one of these: nobody subscriber anyone/],
    [{ chat: { subscribe: 1 } }, /namespaces\.chat\.subscribe must be one of these: signed_in token/],
    [{ room: {} }, /namespaces\.room cannot be/],
    [{ user: {} }, /namespaces\.user cannot be/],
    [{ model: {} }, /namespaces\.model cannot be/],
    [{ 'a:b': {} }, /"a:b"/],
    [{ chat: true }, /namespaces\.chat must be an object/],
    [[], /namespaces must be an object/],
  ];
  it('what is wrong stops the start, with its place and the reason, from a file and from a flag', async () => {
    const folder = temporaryFolder();
    for (const [index, [namespaces, words]] of wrong.entries()) {
      const config = join(folder, `${index}.json`);
      writeFileSync(config, JSON.stringify({ namespaces }));
      for (const command of [['check', `--config=${config}`], ['serve', `--namespaces=${JSON.stringify(namespaces)}`]]) {
        const { code, output } = await runParley(command);
        assert.equal(code, 2, output);
        assert.match(output, words);
      }
    }
    assert.match((await runParley(['check', '--namespaces={"chat":'])).output, /namespaces is not JSON: /);
  });

  it('what is right is shown, and later sources win', async () => {
    const config = join(temporaryFolder(), 'parley.json');
    writeFileSync(config, JSON.stringify({ namespaces: { chat: { presence: true } } }, null, 2));
    const value = async (...more) => {
      const { code, output } = await runParley(['settings', '--json', `--config=${config}`, ...more.slice(1)], { env: more[0] ?? {} });
      assert.equal(code, 0, output);
      return JSON.parse(output).find(({ name }) => name === 'namespaces').value;
    };
    assert.equal(await value(), '{"chat":{"presence":true}}');
    assert.equal(await value({ PARLEY_NAMESPACES: '{\n "a": {}\n}' }), '{"a":{}}');
    assert.equal(await value({ PARLEY_NAMESPACES: '{"a": {}}' }, '--namespaces={}'), '{}');
    assert.equal((await runParley(['check', `--config=${config}`])).code, 0);
    assert.match((await runParley(['settings'])).output, /^namespaces +\{\}/m);
  });
});

it('without namespaces there are none, and nobody connects who is not signed in', async () => {
  const world = await startWorld();
  try {
    const client = await world.raw(world.ann);
    for (const channel of ['chat:1', 'lobby', '$lobby']) await refused(client, 102, 'subscribe', { channel });
    await client.close();
    const stranger = await rawConnect(anonymous(world.url).url, {});
    stranger.connect().catch(() => {});
    assert.equal((await ended(stranger)).code, 3507);
  } finally {
    await world.stop();
  }
});
