// The feeds of models have no log: what a listener does not hear it has to be told of, to read anew. So it is through every
// fault of nodes and of the way between them. PARLEY_SEED repeats a run.
import { strict as assert } from 'node:assert';
import { it } from 'node:test';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { Log, open, through, untilAnswer } from '../api/lib/nodes.mjs';
import { PATIENCE_MS, within } from '../api/lib/process.mjs';
import { startCluster } from './lib/cluster.mjs';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const LISTENERS = 3; // on each edge
const ASLEEP_MS = 2500; // longer than the others wait
const TOLD = 'told';
// One try at being heard by all waits twice: so it ends, and says whom it waited for, before there are no more tries.
const TRY_MS = PATIENCE_MS / 3;

const faults = {
  'an edge sleeps': (cluster) => sleeps(cluster.node(cluster.chance.pick(['edge0', 'edge1']))),
  'the home sleeps': ({ nodes }) => sleeps(nodes.home),
  'a link is cut': ({ proxies, chance }) => chance.pick(Object.values(proxies)).cut(),
  'Redis drops the nodes': ({ redis, chance }) => redis.command('CLIENT', 'KILL', 'TYPE', chance.pick(['pubsub', 'normal'])),
  'Redis is killed': async ({ redis, chance }) => {
    await redis.kill();
    await pause(chance.below(500));
    await redis.restart();
  },
  'the home is killed': (cluster) => cluster.killAndRestart('home'),
  'the home is stopped': (cluster) => cluster.stopAndRestart('home'),
};

async function sleeps(node) {
  node.signal('SIGSTOP');
  await pause(ASLEEP_MS);
  node.signal('SIGCONT');
}

it('who listens to a model hears of each change or is told to read anew', async (test) => {
  const cluster = await startCluster(test, { rooms: 0, people: 0, links: ['home', 'edge0', 'edge1'], flags: { 'node.silence_ms': 2000 } });
  const { chance, nodes } = cluster;
  const root = await firstAdministrator(nodes.home);
  const listen = async (edge, i) => {
    const { sdk } = await open(edge, root, { minReconnectDelay: 10, maxReconnectDelay: 200 });
    const subscription = sdk.newSubscription('model:news', { minResubscribeDelay: 10, maxResubscribeDelay: 200 });
    const happened = new Log(); // titles, and TOLD
    subscription.on('publication', ({ data }) => happened.add(data.record.title));
    subscription.on('subscribed', () => happened.add(TOLD)); // a client reads anew then: what was made before is read, later is heard
    subscription.subscribe();
    await subscription.ready(PATIENCE_MS);
    return { name: `listener ${i} on ${edge.url}`, subscription, happened };
  };
  const listeners = await Promise.all(nodes.edges.flatMap((edge) => Array.from({ length: LISTENERS }, (_, i) => listen(edge, i))));

  const rows = []; // of one fault: {title, from: where each listener's list ended before it was made}
  let number = 0;
  const create = async () => {
    const row = { title: `news ${number++}`, from: listeners.map(({ happened }) => happened.length) };
    const answer = await through(nodes.home, root).api('POST', '/news', { title: row.title, published: true }).catch(() => null);
    if (answer?.status === 201) rows.push(row);
    return answer?.status === 201 ? row.title : null;
  };
  /** Until the function returned is called, which resolves when the last row is made. */
  const write = () => {
    let isOver = false;
    const writing = (async () => {
      for (; !isOver; await pause(20 + chance.below(50))) await create();
    })();
    writing.catch(() => {}); // waited for below
    return () => {
      isOver = true;
      return within(PATIENCE_MS, 'the last answer to the writer', writing);
    };
  };
  const isHeardByAll = async () => {
    await Promise.all(listeners.map(({ name, subscription }) => within(TRY_MS, `${name} listening`, subscription.ready())));
    const from = listeners.map(({ happened }) => happened.length);
    const title = await create();
    // Who is told to read anew meanwhile need not hear it, and is asked about the next one.
    const ways = await Promise.all(listeners.map(({ name, happened }, i) => title && happened.until(`${title} for ${name}`, (items) =>
      items.includes(title) ? title : items.slice(from[i]).includes(TOLD) && TOLD, TRY_MS)));
    return ways.every((way) => way && way === title);
  };
  const missedRows = () => listeners.flatMap(({ name, happened: { items } }, i) =>
    rows.filter(({ title, from }) => !items.slice(from[i]).some((item) => item === title || item === TOLD)).map(({ title }) => `${name}: ${title}`));

  const missed = [];
  let count = 0;
  const names = Object.keys(faults);
  for (let left = [...names, ...names]; left.length; ) {
    const [name] = left.splice(chance.below(left.length), 1);
    const stop = write();
    try {
      await faults[name](cluster);
      const goal = rows.length + 10;
      await untilAnswer(`ten more after: ${name}`, async () => rows.length, (length) => length >= goal);
    } finally {
      await stop();
    }
    await untilAnswer(`all hearing a last one after: ${name}`, isHeardByAll, (answer) => answer === true);
    // Judged before the next fault, which tells nearly everybody to read anew, whatever was missed before.
    missed.push(...missedRows().map((row) => `${name}: ${row}`));
    count += rows.splice(0).length;
  }
  assert.deepEqual(missed, []);
  const heard = listeners.map(({ happened: { items } }) => items.filter((item) => item !== TOLD));
  assert.deepEqual(heard.map((titles) => titles.length), heard.map((titles) => new Set(titles).size), 'nothing is heard twice');
  test.diagnostic(`${count} rows, heard ${Math.min(...heard.map(({ length }) => length))} and more`);
});
