// Redis as people run it: with users and passwords, as a cluster, behind something that leads to the wrong one, with small
// buffers; and what is said of a Redis that cannot be used.
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { createRoom, must, open, ready, register, request, startNodes, untilAnswer } from './lib/nodes.mjs';
import { freePorts } from './lib/ports.mjs';
import { startProxy } from './lib/proxy.mjs';
import { runParley, startRedis, startServer } from './lib/server.mjs';

/** A message from ann on the home reaches bob on the edge, and the other way round. */
async function talk(nodes, name = 'general') {
  const ann = await register(nodes.home.url, `ann-${name}`);
  const bob = await register(nodes.edge.url, `bob-${name}`);
  const room = await createRoom(ann, name);
  must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
  const [hers, his] = [await (await open(nodes.home, ann)).enter(room.id), await (await open(nodes.edge, bob)).enter(room.id)];
  await hers.say('from ann');
  await his.untilText('from ann');
  await his.say('from bob');
  await hers.untilText('from bob');
  return { ann, bob, room, hers, his };
}

async function startTcpRedis(test, ...args) {
  const [port] = await freePorts(1);
  const redis = await startRedis({ args: ['--bind', '127.0.0.1', '--port', port, ...args] });
  test.after(() => redis.stop());
  return { ...redis, port };
}

describe('users of Redis', () => {
  const RIGHTS = ['resetkeys', 'resetchannels', '&parley:*', '-@all', '+ping', '+publish', '+subscribe', '+unsubscribe'];

  it('a user with the rights that nodes need and no others is enough', async (test) => {
    const redis = await startTcpRedis(test);
    assert.match(await redis.command('ACL', 'SETUSER', 'parley', 'on', '>p@ss/word', ...RIGHTS), /OK/);
    const nodes = await startNodes({ test, redis: { ...redis, url: `redis://parley:p%40ss%2fword@127.0.0.1:${redis.port}/7` } });
    await talk(nodes);
    for (const node of [nodes.home, nodes.edge]) assert.ok(!/p@ss|p%40ss/.test(node.output()));
  });

  it('a right that is missing is named, and it works once it is given', async (test) => {
    const redis = await startTcpRedis(test);
    for (const [right, without] of [
      ['publish', ['-publish']],
      ['subscribe', ['-subscribe']],
      ['channels', ['resetchannels', '&other:*']],
    ]) {
      await redis.command('ACL', 'SETUSER', right, 'on', '>password', ...RIGHTS, ...without);
      const server = await startServer({ flags: { 'redis.url': `redis://${right}:password@127.0.0.1:${redis.port}` } });
      test.after(() => server.stop());
      await server.waitForOutput(new RegExp(`bus\\.down.*NOPERM.*${right}.*\\+publish \\+subscribe \\+unsubscribe`));
      assert.equal((await request(`${server.url}/readyz`)).status, 503);
      await redis.command('ACL', 'SETUSER', right, ...RIGHTS);
      await ready(server);
    }
  });

  it('no password, a wrong one, and one too many are told in words, never with the password', async (test) => {
    const redis = await startTcpRedis(test, '--requirepass', 'sesame');
    const open = await startTcpRedis(test);
    for (const [url, words] of [
      [`redis://127.0.0.1:${redis.port}`, /bus\.down.*NOAUTH.*redis:\/\/user:password@host:port/],
      [`redis://:thewrongone@127.0.0.1:${redis.port}`, /bus\.down.*(WRONGPASS|invalid password).*redis\.url is not right/],
      [`redis://:thewrongone@127.0.0.1:${open.port}`, /bus\.down.*without any password.*take the one in redis\.url out/],
    ]) {
      const server = await startServer({ flags: { 'redis.url': url } });
      test.after(() => server.stop());
      await server.waitForOutput(words);
      assert.ok(!server.output().includes('thewrongone'));
    }
  });
});

it('what is not supported is refused by check and by serve, with what to do instead', async () => {
  for (const [url, words] of [
    ['rediss://:hush@127.0.0.1:6380', /TLS is not supported.*stunnel/],
    ['redis-sentinel://:hush@127.0.0.1:26379/mymaster', /Sentinel is not asked.*HAProxy/],
    ['redis-cluster://:hush@127.0.0.1:7000', /redis:\/\/ with the address of any one node/],
  ])
    for (const command of ['check', 'serve']) {
      const { code, output } = await runParley([command, `--redis.url=${url}`, '--data.path=/tmp/never-made.db', '--http.address=127.0.0.1:0']);
      assert.notEqual(code, 0);
      assert.match(output, words);
      assert.ok(!output.includes('hush'), output);
    }
});

describe('a Redis Cluster', () => {
  it('carries messages between nodes that are on different nodes of it', async (test) => {
    const ports = await freePorts(4);
    const members = [];
    for (let i = 0; i < 2; i++) {
      const args = ['--bind', '127.0.0.1', '--port', ports[2 * i], '--cluster-enabled', 'yes', '--cluster-port', ports[2 * i + 1]];
      const member = await startRedis({ args });
      test.after(() => member.stop());
      members.push({ ...member, url: `redis://127.0.0.1:${ports[2 * i]}` });
    }
    assert.match(await members[0].command('CLUSTER', 'ADDSLOTSRANGE', 0, 8191), /OK/);
    assert.match(await members[1].command('CLUSTER', 'ADDSLOTSRANGE', 8192, 16383), /OK/);
    assert.match(await members[0].command('CLUSTER', 'MEET', '127.0.0.1', ports[2], ports[3]), /OK/);
    for (const member of members)
      await untilAnswer('the cluster', () => member.command('CLUSTER', 'INFO'), (info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:2/.test(info));
    const nodes = await startNodes({ test, redis: members[0], homeRedis: members[0], edgeRedis: members[1], flags: { 'cluster.secret': 'x'.repeat(32) } });
    const { hers, his, room } = await talk(nodes);
    for (let i = 0; i < 200; i++) await hers.say(`message ${i}`);
    await his.untilText('message 199');
    assert.equal(his.texts().length, 202);
    // On the node where the edge is, once; on the other one nobody listens.
    for (const [member, count] of [[members[0], 0], [members[1], 1]])
      assert.match(await member.command('PUBSUB', 'NUMSUB', `parley:ch:room:${room.id}`), new RegExp(`:${count}\\r\\n$`));
  });
});

describe('one subscription', () => {
  it('per room and node, however many listen there, and none when they are gone', async (test) => {
    const nodes = await startNodes({ test });
    const { bob, room } = await talk(nodes);
    const count = async () => Number(/:(\d+)\r\n$/.exec(await nodes.redis.command('PUBSUB', 'NUMSUB', `parley:ch:room:${room.id}`))[1]);
    const chats = [];
    for (let i = 0; i < 5; i++) {
      chats.push(await open(nodes.edge, bob));
      await chats[i].enter(room.id);
    }
    assert.equal(await count(), 1);
    const second = await nodes.addEdge();
    const eve = await register(second.url, 'eve');
    must(await eve.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
    const hers = await open(second, eve);
    await hers.enter(room.id);
    assert.equal(await count(), 2);
    hers.close();
    await untilAnswer('one left', count, (number) => number === 1);
  });
});

describe('led to the wrong Redis', () => {
  it('one that answers and delivers nothing is noticed, and all is repaired by itself', async (test) => {
    const [right, wrong] = [await startRedis(), await startRedis()];
    const proxy = await startProxy(right);
    for (const part of [right, wrong]) test.after(() => part.stop());
    test.after(() => proxy.close());
    const nodes = await startNodes({ test, redis: right, edgeRedis: { ...right, url: proxy.url } });
    const { hers, his } = await talk(nodes);
    // What publishes and what listens are led apart: each answers PING.
    let number = 0;
    proxy.upstream = () => (number++ % 2 ? right : wrong);
    proxy.cut();
    await nodes.edge.waitForOutput(/bus\.down.*a probe did not come back.*do all connections to redis\.url lead to the same Redis\?/);
    await hers.say('missed');
    proxy.upstream = () => right;
    proxy.cut();
    await his.untilText('missed');
    // All of the node is led to another one: it hears itself, but no home.
    proxy.upstream = () => wrong;
    proxy.cut();
    await untilAnswer('the edge notices', () => request(`${nodes.edge.url}/readyz`), (answer) => answer.status === 503);
    await hers.say('missed too');
    proxy.upstream = () => right;
    proxy.cut();
    await his.untilText('missed too');
    await ready(nodes.edge);
    assert.deepEqual(his.texts(), ['from ann', 'from bob', 'missed', 'missed too']);
    assert.deepEqual(his.seen.items.map((item) => item.name), ['subscribing', 'subscribed']);
  });
});

describe('small buffers in Redis', () => {
  it('who reads too slowly is cut, says why that may be, and catches up', async (test) => {
    const redis = await startRedis({ args: ['--client-output-buffer-limit', 'pubsub 64kb 32kb 1'] });
    test.after(() => redis.stop());
    const nodes = await startNodes({ test, redis });
    const { hers, his } = await talk(nodes);
    const listeners = async () => (await redis.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').filter((line) => line.startsWith('id=') || /\bid=\d+/.test(line)).length;
    const before = await listeners();
    nodes.edge.signal('SIGSTOP');
    let number = 0;
    try {
      while ((await listeners()) >= before && number < 3000) {
        await Promise.all(Array.from({ length: 20 }, () => hers.say(`${number++} ${'x'.repeat(3000)}`)));
      }
      assert.ok((await listeners()) < before, 'Redis has cut the edge');
    } finally {
      nodes.edge.signal('SIGCONT');
    }
    await nodes.edge.waitForOutput(/bus\.down.*subscriptions: .*client-output-buffer-limit pubsub/);
    await hers.say('the end');
    await his.untilText('the end');
    assert.deepEqual(his.texts(), hers.texts());
    assert.equal(hers.texts().length, number + 3);
  });
});
