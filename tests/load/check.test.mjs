// The load tester against a server that does wrong: it must notice, say where, and fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFake } from './lib/fake.mjs';
import { load } from './lib/run.mjs';

/** What is lost is waited for until the drain is over: it must be longer than what comes may take. */
const SMALL = { sockets: 4, rate: 40, duration: '1s', drain: '5s' };

test('a server that does all right passes', async (t) => {
  const { url } = await startFake({ test: t });

  const { code, results } = await load(url, SMALL);

  assert.equal(code, 0);
  assert.ok(results.sent > 0);
  assert.equal(results.deliveries, 4 * results.sent);
  assert.deepEqual([results.lost, results.duplicates, results.disorder, results.errors], [0, 0, 0, 0]);
});

test('a delivery that does not come is lost, and it is said where', async (t) => {
  const { url } = await startFake({ test: t, deliver: (pub, listener) => (pub.offset === 3 && listener === 2 ? [] : [pub]) });

  const { code, output, results } = await load(url, SMALL);

  assert.equal(code, 1);
  assert.equal(results.lost, 1);
  assert.match(output, /lost: room 1, socket \d+: offsets 3 to 3/);
  assert.match(output, /FAILED {6}lost is 1, and may be 0/);
});

test('the last delivery is missed too, although nothing comes after it', async (t) => {
  let top = 0;
  const { url } = await startFake({
    test: t,
    // From the fifth on the first listener hears nothing.
    deliver: (pub, listener) => {
      top = pub.offset;
      return pub.offset >= 5 && listener === 0 ? [] : [pub];
    },
  });

  const { code, output, results } = await load(url, SMALL);

  assert.equal(code, 1);
  assert.equal(results.lost, top - 4);
  assert.match(output, new RegExp(`offsets 5 to ${top}\\b`));
});

test('a delivery that comes twice is a duplicate', async (t) => {
  const { url } = await startFake({ test: t, deliver: (pub, listener) => (pub.offset === 3 && listener === 1 ? [pub, pub] : [pub]) });

  const { code, results } = await load(url, SMALL);

  assert.equal(code, 1);
  assert.deepEqual([results.lost, results.duplicates, results.disorder], [0, 1, 0]);
});

test('two deliveries that changed places are out of order, and neither is lost', async (t) => {
  let held;
  const { url } = await startFake({
    test: t,
    deliver: (pub, listener) => {
      if (listener !== 3) return [pub];
      if (pub.offset === 2) held = pub;
      return pub.offset === 2 ? [] : pub.offset === 3 ? [pub, held] : [pub];
    },
  });

  const { code, output, results } = await load(url, SMALL);

  assert.equal(code, 1);
  assert.deepEqual([results.lost, results.duplicates, results.disorder], [0, 0, 1]);
  assert.doesNotMatch(output, /lost: room/);
});

test('a message that was kept twice is a duplicate for everybody', async (t) => {
  let count = 0;
  const { url } = await startFake({ test: t, keeps: () => (++count === 3 ? 2 : 1) });

  const { code, results } = await load(url, SMALL);

  assert.equal(code, 1);
  assert.deepEqual([results.lost, results.duplicates], [0, 4]);
});

test('a refused message is an error, which counts only if a threshold says so', async (t) => {
  const { url } = await startFake({ test: t, refuse: { code: 111, message: 'too much' } });

  const free = await load(url, SMALL);
  const bound = await load(url, { ...SMALL, max: 'errors=0' });

  assert.equal(free.code, 0);
  assert.ok(free.results.refused > 0);
  assert.match(free.output, /the server throttles: more --users/);
  assert.equal(bound.code, 1);
});

test('a delay above its threshold fails, one below it does not', async (t) => {
  const { url } = await startFake({ test: t });

  const tight = await load(url, { ...SMALL, max: ['p50=0.001us', 'lost=0'] });
  const wide = await load(url, { ...SMALL, max: ['p50=1000s', 'p999=1000s', 'answer_p99=1000s'] });

  assert.equal(tight.code, 1);
  assert.match(tight.output, /p50 is .* and may be 0.001 us/);
  assert.equal(wide.code, 0);
});
