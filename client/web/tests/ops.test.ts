import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  durationLabel,
  type Ops,
  OpsStore,
  sampleOf,
  samples_max,
} from '../src/admin/ops-store.ts';
import { Api } from '../src/shared/api.ts';

function ops(change: Partial<Ops> = {}): Ops {
  const store = {
    queue: 1,
    queue_max: 100,
    writes_total: 0,
    reads_total: 0,
    faults_total: 0,
    commit_ms_total: 0,
    wal_bytes: 0,
  };
  const bus = {
    kind: 'redis',
    up: true,
    published_total: 0,
    received_total: 0,
    dropped_total: 0,
    reconnects_total: 0,
  };
  return {
    at: '2026-11-22T10:00:00.000Z',
    node: 'n1',
    role: 'home',
    version: '0.1.0',
    uptime_s: 100,
    connections: 5,
    connections_max: 1000,
    subscriptions: 0,
    channels: 0,
    rooms: 0,
    users_connected: 0,
    commands_total: 0,
    command_errors_total: 0,
    refused_total: 0,
    publications_total: 0,
    deliveries_total: 0,
    messages_total: 0,
    http_requests_total: 0,
    http_errors_total: 0,
    closed_slow_total: 0,
    loop_lag_p50_ms: 0,
    loop_lag_p99_ms: 1.5,
    memory_bytes: 2 ** 21,
    store,
    bus,
    nodes: [],
    ...change,
  };
}

test('a rate is the difference of two counts over the time between them', () => {
  const later = ops({
    at: '2026-11-22T10:00:02.000Z',
    uptime_s: 102,
    messages_total: 30,
    http_requests_total: 6,
    commands_total: 4,
  });
  const sample = sampleOf(later, ops({ messages_total: 10 }));
  assert.equal(sample.messages_per_s, 10);
  assert.equal(sample.requests_per_s, 5);
  assert.equal(sample.memory_mb, 2);
});

test('the first answer has no rates', () => {
  assert.equal(sampleOf(ops({ messages_total: 10 }), null).messages_per_s, null);
});

test('across a restart there is no rate, not a negative or a huge one', () => {
  const before = ops({ messages_total: 1000 });
  const again = ops({ at: '2026-11-22T10:00:05.000Z', uptime_s: 2, messages_total: 5000 });
  assert.equal(sampleOf(again, before).messages_per_s, null);
  assert.equal(
    sampleOf(ops({ at: '2026-11-22T10:00:01.000Z', uptime_s: 101 }), before).messages_per_s,
    null,
  );
});

test('two answers of the same moment are not divided by zero', () => {
  assert.equal(sampleOf(ops({ messages_total: 7 }), ops()).messages_per_s, null);
});

function apiOf(answer: () => Response): Api {
  return new Api(async () => answer());
}

test('no more samples are kept than are drawn', async () => {
  const store = new OpsStore(apiOf(() => Response.json(ops())));
  for (let i = 0; i < samples_max + 5; i++) await store.ask();
  assert.equal(store.samples.value.length, samples_max);
});

test('while the server cannot be reached the last figures stay, and the reason is said', async () => {
  let isDown = false;
  const store = new OpsStore(apiOf(() => (isDown ? Response.error() : Response.json(ops()))));
  await store.ask();
  isDown = true;
  await store.ask();
  assert.equal(store.latest.value?.connections, 5);
  assert.ok(store.problem.value);
  isDown = false;
  await store.ask();
  assert.equal(store.problem.value, null);
});

test('durations are told in two steps', () => {
  assert.equal(durationLabel(0), '0 s');
  assert.equal(durationLabel(59.9), '59 s');
  assert.equal(durationLabel(61), '1 min 1 s');
  assert.equal(durationLabel(3600), '1 h');
  assert.equal(durationLabel(90061), '1 d 1 h');
});
