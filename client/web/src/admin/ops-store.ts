/* ops-store.ts: how the server is doing: what it answers each second, and what follows from two answers. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem, type Problem } from '../shared/problem.ts';

export const interval_ms = 1000;
/* Five minutes. */
export const samples_max = 300;

export interface OpsNode {
  name: string;
  role: string;
  connections: number;
  last_seen_ms: number;
}

/** What GET /ops says. Names ending in _total count since the start of the process. */
export interface Ops {
  at: string;
  node: string;
  role: string;
  version: string;
  uptime_s: number;
  connections: number;
  connections_max: number;
  subscriptions: number;
  channels: number;
  rooms: number;
  users_connected: number;
  commands_total: number;
  command_errors_total: number;
  refused_total: number;
  publications_total: number;
  deliveries_total: number;
  messages_total: number;
  http_requests_total: number;
  http_errors_total: number;
  closed_slow_total: number;
  loop_lag_p50_ms: number;
  loop_lag_p99_ms: number;
  memory_bytes: number;
  store: {
    queue: number;
    queue_max: number;
    writes_total: number;
    reads_total: number;
    faults_total: number;
    commit_ms_total: number;
    wal_bytes: number;
  };
  bus: {
    kind: string;
    up: boolean;
    published_total: number;
    received_total: number;
    dropped_total: number;
    reconnects_total: number;
  };
  nodes: readonly OpsNode[];
}

/** One moment, ready to be drawn; null where nothing can be said, such as across a restart. */
export interface Sample {
  at_s: number;
  connections: number;
  messages_per_s: number | null;
  deliveries_per_s: number | null;
  requests_per_s: number | null;
  refused_per_s: number | null;
  errors_per_s: number | null;
  loop_lag_p99_ms: number;
  store_queue: number;
  memory_mb: number;
}

export function sampleOf(ops: Ops, before: Ops | null): Sample {
  const at_s = Date.parse(ops.at) / 1000;
  // Another process counts from zero again.
  const isSame = before !== null && before.node === ops.node && ops.uptime_s >= before.uptime_s;
  const gap_s = isSame ? at_s - Date.parse(before.at) / 1000 : 0;
  const rate = (count: (of: Ops) => number): number | null => {
    if (!before || gap_s <= 0) return null;
    const more = count(ops) - count(before);
    return more < 0 ? null : more / gap_s;
  };
  return {
    at_s,
    connections: ops.connections,
    messages_per_s: rate((of) => of.messages_total),
    deliveries_per_s: rate((of) => of.deliveries_total),
    requests_per_s: rate((of) => of.http_requests_total + of.commands_total),
    refused_per_s: rate((of) => of.refused_total),
    errors_per_s: rate((of) => of.http_errors_total + of.store.faults_total),
    loop_lag_p99_ms: ops.loop_lag_p99_ms,
    store_queue: ops.store.queue,
    memory_mb: ops.memory_bytes / 2 ** 20,
  };
}

export class OpsStore {
  readonly latest = signal<Ops | null>(null);
  readonly samples = signal<readonly Sample[]>([]);
  readonly problem = signal<Problem | null>(null);

  readonly #api: Api;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = true;

  constructor(api: Api) {
    this.#api = api;
  }

  start(): void {
    this.#isStopped = false;
    void this.#turn();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Ask once. */
  async ask(): Promise<void> {
    try {
      const ops = await this.#api.get<Ops>('/ops');
      const sample = sampleOf(ops, this.latest.value);
      this.latest.value = ops;
      this.samples.value = [...this.samples.value, sample].slice(-samples_max);
      this.problem.value = null;
    } catch (error) {
      this.problem.value = asProblem(error);
    }
  }

  /* One question at a time: a server that is slow to answer is not asked more often for it. */
  async #turn(): Promise<void> {
    if (!globalThis.document?.hidden) await this.ask();
    // Who may not see this now, may not in a second either.
    const isFinal = this.problem.value !== null && !this.problem.value.isTemporary;
    if (!this.#isStopped && !isFinal)
      this.#timer = setTimeout(() => void this.#turn(), interval_ms);
  }
}

/** "3 days 4 h", "5 min": two steps are exact enough. */
export function durationLabel(seconds: number): string {
  const steps: readonly [number, string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = steps.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const [size, unit] of steps.slice(first, first + 2)) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return parts.join(' ');
}
