// A cable is pulled: no end of the connection arrives anywhere. The server notices by itself, and takes whoever is gone off
// the lists. It takes a network of its own: the test runs itself again in one, in which an address can be made to vanish.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { untilAnswer } from '../api/lib/nodes.mjs';
import { startCluster } from './lib/cluster.mjs';

const VANISHING = '127.0.0.7';
const isInside = Boolean(process.env.PARLEY_OWN_NETWORK);
const inOwnNetwork = (...command) => spawnSync('unshare', ['-n', 'sh', '-ec', 'ip link set lo up; exec "$@"', 'sh', ...command], {
  encoding: 'utf8', timeout: 600_000, env: { ...process.env, PARLEY_OWN_NETWORK: '1', NODE_TEST_CONTEXT: undefined },
});
const able = isInside || inOwnNetwork('ip', 'route', 'add', 'blackhole', VANISHING, 'table', 'local').status === 0;
const name = 'who is cut off without a word is noticed by the missing pong, on a home and on an edge, and leaves the lists';

if (!isInside)
  it(name, { skip: able ? false : 'a network of its own cannot be made here (it takes root, unshare and ip)' }, (test) => {
    const { status, stdout, stderr } = inOwnNetwork(process.execPath, '--test-reporter=tap', fileURLToPath(import.meta.url));
    for (const [, line] of stdout.matchAll(/^# (PARLEY_SEED=.*)$/gm)) test.diagnostic(line);
    assert.equal(status, 0, stdout + stderr);
  });
else
  it(name, async (test) => {
    const flags = { 'realtime.ping_ms': 1000, 'realtime.pong_ms': 1000 };
    const cluster = await startCluster(test, { edges: 1, rooms: 1, flags });
    const { rooms: [room], people: [ann, bob] } = cluster;
    const witness = cluster.guest(ann, 'home', 'witness');
    await witness.enter(room);
    for (const where of cluster.names) {
      const victim = cluster.guest(bob, where, `victim on ${where}`);
      victim.localAddress = VANISHING;
      victim.cut(); // it comes back from the address that will vanish
      await victim.enter(room);
    }
    const there = async () => Object.keys(await witness.presence(room)).length;
    await untilAnswer('three being there', there, (count) => count === 3);
    const { status, stderr } = spawnSync('ip', ['route', 'add', 'blackhole', VANISHING, 'table', 'local'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);

    await untilAnswer('only the witness being there', there, (count) => count === 1);
    for (const node of cluster.names)
      await untilAnswer(`${node} closing it`, async () => (await fetch(`${cluster.node(node).url}/metrics`)).text(), (text) =>
        Number(/^parley_connections (\d+)/m.exec(text)?.[1]) === (node === 'home' ? 1 : 0));
    for (const guest of cluster.guests) guest.leave();
  });
