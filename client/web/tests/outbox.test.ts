import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox, type OutboxEntry } from '../src/shared/outbox.ts';
import { Problem, unreachable } from '../src/shared/problem.ts';
import type { Message } from '../src/shared/types.ts';
import { settle } from './settle.ts';

/* A server that answers when the test says so, and a clock that the test moves. */
function world(stored: Record<string, string> = {}) {
  const asked: { entry: OutboxEntry; resolve(): void; reject(error: unknown): void }[] = [];
  const timers: { callback: () => void; delay_ms: number }[] = [];
  const sent: Message[] = [];
  let keys = 0;
  const make = () =>
    new Outbox({
      storage: {
        getItem: (key) => stored[key] ?? null,
        setItem: (key, value) => {
          stored[key] = value;
        },
        removeItem: (key) => {
          delete stored[key];
        },
      },
      place: 'outbox',
      send: (entry) =>
        new Promise((resolve, reject) => {
          const message = { id: 1, key: entry.key, room: entry.room } as Message;
          asked.push({ entry, resolve: () => resolve(message), reject });
        }),
      onSent: (message) => sent.push(message),
      newKey: () => `key${++keys}`,
      now: () => '2026-01-01T00:00:00.000Z',
      setTimer: (callback, delay_ms) => timers.push({ callback, delay_ms }),
      clearTimer: () => timers.pop(),
    });
  return { make, asked, timers, sent, stored };
}

const states = (outbox: Outbox) =>
  outbox.entries.value.map(({ text, state }) => `${text} ${state}`);

test('messages written offline wait, and go in order once online', async () => {
  const { make, asked } = world();
  const outbox = make();
  outbox.add(1, 'a', null);
  outbox.add(1, 'b', null);
  assert.deepEqual(states(outbox), ['a waiting', 'b waiting']);
  assert.equal(asked.length, 0);

  outbox.setOnline(true);
  assert.deepEqual(
    asked.map(({ entry }) => entry.text),
    ['a'],
  );
  asked[0]?.resolve();
  await settle();

  assert.deepEqual(
    asked.map(({ entry }) => entry.text),
    ['a', 'b'],
  );
  assert.deepEqual(states(outbox), ['b sending']);
});

test('a lost answer is asked for again with the same key', async () => {
  const { make, asked } = world();
  const outbox = make();
  outbox.setOnline(true);
  outbox.add(1, 'a', null);
  outbox.setOnline(false);
  asked[0]?.reject(unreachable());
  await settle();
  assert.deepEqual(states(outbox), ['a waiting']);

  outbox.setOnline(true);

  assert.equal(asked[1]?.entry.key, asked[0]?.entry.key);
});

test('a refusal fails the message, with its reason, and lets the next one go', async () => {
  const { make, asked } = world();
  const outbox = make();
  outbox.setOnline(true);
  outbox.add(1, 'too long', null);
  outbox.add(1, 'fine', null);

  asked[0]?.reject(new Problem(422, 'invalid', 'The message is too long.'));
  await settle();

  assert.deepEqual(states(outbox), ['too long failed', 'fine sending']);
  assert.equal(outbox.entries.value[0]?.error, 'The message is too long.');
});

test('retry sends a failed message again behind the others', async () => {
  const { make, asked } = world();
  const outbox = make();
  outbox.setOnline(true);
  const { key } = outbox.add(1, 'a', null);
  asked[0]?.reject(new Problem(403, 'forbidden', 'No.'));
  await settle();
  outbox.add(1, 'b', null);

  outbox.retry(key);
  assert.deepEqual(states(outbox), ['b sending', 'a waiting']);
  asked[1]?.resolve();
  await settle();

  assert.equal(asked[2]?.entry.key, key);
});

test('a busy server is asked again later, and later still', async () => {
  const { make, asked, timers } = world();
  const outbox = make();
  outbox.setOnline(true);
  outbox.add(1, 'a', null);
  for (const delay_ms of [1_000, 2_000, 4_000]) {
    asked.at(-1)?.reject(new Problem(429, 'too_many_requests', 'Slower.'));
    await settle();
    assert.equal(timers.at(-1)?.delay_ms, delay_ms);
    assert.deepEqual(states(outbox), ['a waiting']);
    timers.at(-1)?.callback();
  }
  assert.equal(asked.length, 4);
});

test('a session that ended fails nothing: all wait, in order, for the next', async () => {
  const { make, asked } = world();
  const outbox = make();
  outbox.setOnline(true);
  outbox.add(1, 'a', null);
  outbox.add(1, 'b', null);
  asked[0]?.reject(new Problem(401, 'unauthorized', 'Sign in first.'));
  await settle();
  assert.deepEqual(states(outbox), ['a waiting', 'b waiting']);
  assert.equal(asked.length, 1);

  outbox.setOnline(true);

  assert.equal(asked[1]?.entry.text, 'a');
});

test('a message that breaks the server each time fails in the end', async () => {
  const { make, asked, timers } = world();
  const outbox = make();
  outbox.setOnline(true);
  outbox.add(1, 'a', null);
  for (let i = 0; i < 5; i++) {
    asked.at(-1)?.reject(new Problem(500, 'fault', 'The server failed.'));
    await settle();
    if (outbox.entries.value[0]?.state === 'waiting') timers.at(-1)?.callback();
  }
  assert.deepEqual(states(outbox), ['a failed']);
  assert.equal(asked.length, 5);
});

test('an echo takes a failed message out', async () => {
  const { make, asked } = world();
  const outbox = make();
  outbox.setOnline(true);
  const { key } = outbox.add(1, 'a', null);
  asked[0]?.reject(new Problem(403, 'forbidden', 'No.'));
  await settle();

  outbox.remove(key);

  assert.deepEqual(states(outbox), []);
});

test('an echo that comes before the answer leaves nothing behind', async () => {
  const { make, asked, sent } = world();
  const outbox = make();
  outbox.setOnline(true);
  const { key } = outbox.add(1, 'a', null);
  outbox.remove(key);
  asked[0]?.resolve();
  await settle();

  assert.deepEqual(states(outbox), []);
  assert.equal(sent.length, 1);
});

test('a reload keeps what was on its way, and its key', () => {
  const { make, asked } = world();
  const before = make();
  before.setOnline(true);
  before.add(1, 'sending', 7);
  before.add(2, 'waiting', null);

  const after = make();
  assert.deepEqual(states(after), ['sending waiting', 'waiting waiting']);
  after.setOnline(true);

  assert.deepEqual(asked[1]?.entry, { ...asked[0]?.entry, state: 'sending' });
});

test('a damaged storage is an empty outbox', () => {
  for (const outbox of ['{', '7', '[null,{"key":1}]'])
    assert.deepEqual(world({ outbox }).make().entries.value, []);
});

test('signing out leaves nothing in the storage', () => {
  const { make, stored } = world();
  const outbox = make();
  outbox.add(1, 'secret', null);

  outbox.clear();

  assert.deepEqual(stored, {});
  assert.deepEqual(outbox.entries.value, []);
});
