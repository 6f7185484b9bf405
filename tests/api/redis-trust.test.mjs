// Who can write to Redis can say there what he likes. With cluster.secret he cannot speak for a node, and with or without
// it nothing is done twice because it came twice.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { opened, publish, record, sealed } from './lib/bus.mjs';
import { anonymous, createRoom, history, must, open, ready, register, request, startNodes, through, untilAnswer } from './lib/nodes.mjs';
import { temporaryFolder } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { runParley, startRedis, startServer } from './lib/server.mjs';

const SECRET = 'the secret of these nodes, which nobody else knows';

/** A home with ann, an edge with bob, both in one room, and a record of what goes over the bus. */
async function pair(test, { secret = SECRET, ...options } = {}) {
  const nodes = await startNodes({ test, ...options, flags: secret ? { 'cluster.secret': secret } : {} });
  const ann = await register(nodes.home.url, 'ann');
  const bob = await register(nodes.edge.url, 'bob');
  const room = await createRoom(ann, 'general');
  must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
  const recording = await record(nodes.redis);
  test.after(() => recording.close());
  const [hers, his] = [await (await open(nodes.home, ann)).enter(room.id), await (await open(nodes.edge, bob)).enter(room.id)];
  /** The first message recorded on that channel that holds `part`, with what is in it. */
  const recorded = (channel, part) =>
    untilAnswer(
      `${part} on ${channel}`,
      async () => recording.items.find((item) => item.channel.startsWith(`parley:${channel}`) && item.bytes.includes(part)),
      (item) => item,
    ).then((item) => ({ ...item, ...opened(item.bytes) }));
  const texts = async () => (await history(ann, room.id)).map((message) => message.text);
  return { nodes, ann, bob, room, hers, his, recorded, texts };
}

const metric = async (node, name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await request(`${node.url}/metrics`)).text)[1]);
const untilCounted = (node, name, count) => untilAnswer(name, () => metric(node, name), (number) => number >= count);

describe('strangers who speak for a node', () => {
  for (const secret of [SECRET, ''])
    it(secret ? 'are not heard where there is a secret: neither calls nor anything else' : 'are believed where there is none', async (test) => {
      const { nodes, bob, room, hers, his, recorded, texts } = await pair(test, { secret });
      await his.say('from bob');
      await his.untilText('from bob');
      await hers.untilText('from bob');
      const call = await recorded('home', 'from bob');
      const forgery = call.payload.replace('from bob', 'forged by a stranger');
      if (!secret) {
        await publish(nodes.redis, 'parley:home', sealed(forgery));
        await his.untilText('forged by a stranger');
        return;
      }
      const event = await recorded(`ch:room:${room.id}`, 'from bob');
      const answer = await recorded('node:', '"status":"ok"');
      const greeting = await recorded('node:', '"home":');
      const beats = await metric(nodes.edge, 'parley_bus_forged_total');
      const forgeries = [
        ['home', forgery],
        ['home', `{"node":7,"call":0,"action":"channel.left","client":"x","query":false}\n{"channel":"room:${room.id}"}`],
        [event.channel.slice('parley:'.length), event.payload.replace('from bob', 'forged by a stranger').replace(/^(E\d*?)\d\n/, '$19\n')],
        [answer.channel.slice('parley:'.length), answer.payload.replace('"ok"', '"forbidden"')],
        [greeting.channel.slice('parley:'.length), '{"home":"another","dropped":7,"entry":1}\n'],
        ['edges', '{"home":"another","dropped":0}\n'],
        ['control', `{"op":"user","user":${bob.id}}`],
        ['control', `{"op":"unsubscribe","user":${bob.id},"channel":"room:${room.id}"}`],
      ];
      let number = 1e6;
      for (const [channel, payload] of forgeries)
        for (const message of [
          payload,
          sealed(payload, { number: ++number }),
          sealed(payload, { number: ++number, signature: 'A'.repeat(43) }),
          // In the name of a node that is known, with a signature that was right for something else.
          sealed(payload, { sender: event.sender, number: ++number, signature: event.signature }),
        ])
          await publish(nodes.redis, `parley:${channel}`, message);
      // A signed message is good for its own channel only, and as it is.
      await publish(nodes.redis, event.channel, call.bytes);
      await publish(nodes.redis, 'parley:home', call.bytes.replace('from bob', 'from bop'));
      await untilCounted(nodes.home, 'parley_bus_forged_total', 2 * 4 + 1);
      await untilCounted(nodes.edge, 'parley_bus_forged_total', beats + 6 * 4 + 1);
      await hers.say('the end');
      await Promise.all([hers.untilText('the end'), his.untilText('the end')]);
      assert.deepEqual(await texts(), ['from bob', 'the end']);
      assert.deepEqual(his.texts(), ['from bob', 'the end']);
      assert.deepEqual(hers.texts(), ['from bob', 'the end']);
      assert.deepEqual(his.seen.items.map((item) => item.name), ['subscribing', 'subscribed']);
      for (const node of [nodes.home, nodes.edge]) {
        await node.waitForOutput(/bus\.forged[^\n]*all nodes need the same cluster\.secret/);
        assert.ok(!node.output().includes(SECRET));
        assert.equal((await request(`${node.url}/readyz`)).status, 200);
      }
    });

  it('do nothing by sending again what they recorded, not even to a home that was started again', async (test) => {
    const { nodes, ann, room, his, recorded, texts } = await pair(test);
    await his.say('once');
    await his.untilText('once');
    const call = await recorded('home', 'once');
    for (let i = 0; i < 5; i++) await publish(nodes.redis, 'parley:home', call.bytes);
    await untilCounted(nodes.home, 'parley_bus_replayed_total', 5);
    assert.deepEqual(await texts(), ['once']);

    await nodes.home.kill('SIGKILL');
    const home = await nodes.restartHome();
    await ready(home);
    // The first is counted only if this home knows its sender already; else it is for another home.
    const again = () => publish(nodes.redis, 'parley:home', call.bytes).then(() => metric(home, 'parley_bus_replayed_total'));
    await untilAnswer('five replays', again, (count) => count >= 5);
    await ready(nodes.edge);
    await untilAnswer('the edge answering', () => his.say('the end', 'the end').then(() => 'done'), (answer) => answer === 'done');
    assert.equal(await metric(home, 'parley_bus_forged_total'), 0);
    assert.deepEqual((await history(through(home, ann), room.id)).map((message) => message.text), ['once', 'the end']);
  });
});

describe('Redis says it twice', () => {
  it('a call is done once, without any secret', async (test) => {
    const redis = await startRedis();
    const proxy = await startProxy(redis);
    test.after(() => redis.stop());
    test.after(() => proxy.close());
    const { nodes, his, texts } = await pair(test, { secret: '', redis, homeRedis: { ...redis, url: proxy.url } });
    proxy.rule = (channel) => (channel === 'parley:home' ? 2 : 1);
    for (const text of ['one', 'two', 'three']) await his.say(text);
    await untilCounted(nodes.home, 'parley_bus_replayed_total', 3);
    await his.untilText('three');
    assert.deepEqual(await texts(), ['one', 'two', 'three']);
    assert.deepEqual(his.texts(), ['one', 'two', 'three']);
  });
});

describe('cluster.secret', () => {
  it('nodes with different secrets say so, and do nothing for each other', async (test) => {
    const nodes = await startNodes({ test, edges: 0, flags: { 'cluster.secret': SECRET } });
    for (const secret of [`${SECRET}, another`, '']) {
      const edge = await startServer({ redis: nodes.redis, edge: true, flags: secret ? { 'cluster.secret': secret } : {} });
      test.after(() => edge.stop());
      await nodes.home.waitForOutput(/bus\.forged[^\n]*all nodes need the same cluster\.secret/);
      // The home does not answer it, so that a greeting is needed for the edge to hear anything.
      await untilAnswer(
        'the edge saying so',
        () => publish(nodes.redis, 'parley:edges', sealed('{"home":"x"}\n', { signature: 'A'.repeat(43) })),
        () => /bus\.forged[^\n]*all nodes need the same cluster\.secret/.test(edge.output()),
      );
      assert.equal((await request(`${edge.url}/readyz`)).status, 503);
      assert.equal((await request(`${edge.url}/api/v1/me`)).status, 503);
      assert.ok(!edge.output().includes(SECRET));
    }
    assert.ok(!nodes.home.output().includes(SECRET));
  });

  it('is read from a file, and printed nowhere', async (test) => {
    const file = join(temporaryFolder(), 'secret');
    writeFileSync(file, `${SECRET}\n`, { mode: 0o600 });
    const nodes = await startNodes({ test, flags: { 'cluster.secret': `@${file}` } });
    await untilAnswer('the home saying who that is not', () => anonymous(nodes.edge.url).api('GET', '/me'), ({ status }) => status === 401);
    const redis = '--redis.url=unix:/nowhere/redis.sock';
    for (const words of [['settings'], ['settings', '--json'], ['check', redis]])
      for (const value of [SECRET, `@${file}`]) {
        const { code, output } = await runParley([...words, `--cluster.secret=${value}`]);
        assert.equal(code, 0, output);
        assert.ok(!output.includes(SECRET), output);
        if (words[0] === 'settings') assert.ok(output.includes('***'), output);
      }
    writeFileSync(`${file}.empty`, '');
    writeFileSync(`${file}.short`, 'short but secret');
    for (const [value, why] of [
      ['too short to be one', /cluster\.secret must have 32 to 4096 bytes/],
      [`@${file}.short`, /cluster\.secret must have 32 to 4096 bytes/],
      [`@${file}.none`, /cluster\.secret: cannot read .*secret\.none: No such file/],
      [`@${file}.empty`, /cluster\.secret must have 32 to 4096 bytes/],
    ])
      for (const command of ['check', 'serve']) {
        const { code, output } = await runParley([command, redis, `--cluster.secret=${value}`, `--data.path=${file}.db`]);
        assert.notEqual(code, 0);
        assert.match(output, why);
        assert.ok(!/too short to|but secret/.test(output), output);
      }
  });
});
