// All workers are restarted again and again, one by one, while people write and read: nobody is told anything but 3001, and
// nothing is lost, doubled or out of order. PARLEY_ROUNDS and PARLEY_SEED may be set.
import { strict as assert } from 'node:assert';
import { it } from 'node:test';
import { Log, assertNoGap, createRoom, history, must, open, register, untilAnswer } from '../api/lib/nodes.mjs';
import { PATIENCE_MS, startRedis, within } from '../api/lib/server.mjs';
import { children, startWorkers, untilRestarted } from '../api/lib/workers.mjs';
import { randomFrom } from './lib/publishers.mjs';

const ROUNDS = Number(process.env.PARLEY_ROUNDS ?? 4);
const SEED = Number(process.env.PARLEY_SEED ?? Date.now() % 1e9);
const WORKERS = 3;
const LISTENERS = 12;
const PUBLISHERS = 6;
const KEYLESS = 2; // of them: what they write would be there twice if it was done twice
const READY_MS = 5_000;
const AGAIN_MS = 50;
const SDK = { minReconnectDelay: 10, maxReconnectDelay: 200 };

it(`${ROUNDS} rolling restarts of ${WORKERS} workers under load lose nothing`, async (t) => {
  t.diagnostic(`PARLEY_SEED=${SEED}`);
  const random = randomFrom(SEED);
  const redis = await startRedis();
  t.after(() => redis.stop());
  // What is written while a worker is away must fit into one answer, however long that is here: else it is told of as lost.
  const workers = await startWorkers(t, redis, WORKERS, { flags: { stop_ms: 300, 'realtime.recover_max': 10000 } });
  const people = [];
  for (let i = 0; i < PUBLISHERS; i++) people.push(await register(workers.url, `person${i}`));
  const room = await createRoom(people[0], 'general');
  for (const person of people.slice(1)) must(await person.api('POST', `/room/${room.id}/join`, {}), 200, 'join');

  const closed = []; // why connections ended
  const enter = async (person) => {
    const chat = await open(workers, person, SDK);
    t.after(() => chat.close());
    chat.sdk.on('connecting', ({ code, reason }) => closed.push(`${code} ${reason}`));
    chat.sdk.on('disconnected', ({ code, reason }) => !isOver && closed.push(`${code} ${reason}`));
    return chat.enter(room.id);
  };
  let isOver = false;
  t.after(() => (isOver = true));
  const listeners = await Promise.all(Array.from({ length: LISTENERS }, (_, i) => enter(people[i % PUBLISHERS])));
  const places = await Promise.all(people.map(enter));

  const acknowledged = new Log();
  const doubtful = new Set(); // refused or failed, and written without a key: it may have been done
  const refused = [];
  let isWriting = true;
  const pauseAfter = async (place, error) => {
    refused.push(error);
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    await place.subscription.ready(READY_MS).catch(() => {}); // it is found out by writing
  };
  const write = async (place, text) => {
    for (const begin = performance.now(); ; ) {
      try {
        await place.say(text, text);
        return acknowledged.add(text);
      } catch (error) {
        if (isOver || performance.now() - begin > PATIENCE_MS) throw new Error(`${text} was never accepted: ${JSON.stringify(error)}`);
        await pauseAfter(place, error); // the same key makes it one message
      }
    }
  };
  const writeOnce = async (place, text) => {
    try {
      await place.say(text);
      acknowledged.add(text);
    } catch (error) {
      doubtful.add(text);
      await pauseAfter(place, error);
    }
  };
  const writing = places.map(async (place, who) => {
    for (let number = 0; isWriting && !isOver; number++) await (who < KEYLESS ? writeOnce : write)(place, `p${who}:${number}`);
  });

  for (let round = 1; round <= ROUNDS; round++) {
    const before = children(workers.pid);
    const goal = acknowledged.length + 20 + random(200);
    await acknowledged.until(`round ${round}: ${goal} acknowledged`, (items) => items.length >= goal, PATIENCE_MS);
    workers.signal('SIGHUP');
    await untilRestarted(workers, round, PATIENCE_MS);
    assert.deepEqual(children(workers.pid).filter((pid) => before.includes(pid)), [], `round ${round}: who was not restarted`);
  }
  isWriting = false;
  await within(PATIENCE_MS, 'the last answers', Promise.all(writing));

  const assertOnce = (texts, name) => {
    // Of many rounds these are many: what takes long here is a client that answers no ping.
    const there = new Set();
    assert.deepEqual(texts.filter((text) => there.size === there.add(text).size), [], `${name}: twice`);
    assert.deepEqual(acknowledged.items.filter((text) => !there.has(text)), [], `${name}: lost`);
    const known = new Set([...acknowledged.items, ...doubtful]);
    assert.deepEqual([...there].filter((text) => !known.has(text)), [], `${name}: never written`);
    // What is in doubt may be done later than what was written after it, by another worker.
    for (let who = 0; who < PUBLISHERS; who++) {
      const numbers = texts.filter((text) => text.startsWith(`p${who}:`) && !doubtful.has(text)).map((text) => Number(text.split(':')[1]));
      assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), `${name}: the order of p${who}`);
    }
  };
  const kept = (await untilAnswer('the history', () => history(people[0], room.id), Array.isArray, PATIENCE_MS)).map(({ text }) => text);
  assertOnce(kept, 'the history');
  for (const [i, place] of [...listeners, ...places].entries()) {
    await place.heard.until(`listener ${i} hearing all`, () => place.texts().length >= kept.length, PATIENCE_MS);
    assertNoGap(place.heard, place.entered.streamPosition.offset);
    assertOnce(place.texts(), `listener ${i}`);
  }
  const clients = async () => (await Promise.all(places.map(({ subscription }) => subscription.presenceStats()))).map(({ numClients }) => numClients);
  await untilAnswer('all being on the lists, and nobody else', clients, (counts) => counts.every?.((count) => count === LISTENERS + PUBLISHERS), PATIENCE_MS);
  assert.ok(closed.length > 0);
  assert.deepEqual(closed.filter((why) => why !== '3001 shutdown'), []);
  // The SDK's own are below 100: the connection closed before the answer came.
  for (const error of refused) assert.ok(error.code < 100 || error.temporary || error.code === 100, JSON.stringify(error));
  t.diagnostic(`${acknowledged.length} messages, ${closed.length} connections closed, ${refused.length} refused, ${doubtful.size} of them not repeated`);
});
