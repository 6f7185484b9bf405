/* ops.tsx: how the server is doing now and in the last minutes, and who is connected. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { clockLabel, fullLabel } from '../shared/time.ts';
import type { Page } from '../shared/types.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { addStyle } from '../shared/ui/style.ts';
import { useAdmin } from './admin.ts';
import { Chart, valueLabel } from './chart.tsx';
import style from './ops.lazy.css';
import { durationLabel, type Ops as Figures, OpsStore, type Sample } from './ops-store.ts';
import { View } from './view.tsx';

addStyle(style);

const charts: readonly [keyof Sample, string, string?][] = [
  ['connections', 'Connections'],
  ['messages_per_s', 'Messages', 'per second'],
  ['deliveries_per_s', 'Deliveries', 'per second'],
  ['requests_per_s', 'Requests and commands', 'per second'],
  ['refused_per_s', 'Refused for lack of a right', 'per second'],
  ['errors_per_s', 'Errors of the server', 'per second'],
  ['loop_lag_p99_ms', 'Loop lag, slowest of 100', 'ms'],
  ['store_queue', 'Waiting for the data base'],
  ['memory_mb', 'Memory', 'MiB'],
];

export function Ops() {
  const { api } = useAdmin();
  const store = useMemo(() => new OpsStore(api), [api]);
  useEffect(() => {
    store.start();
    return () => store.stop();
  }, [store]);
  const ops = store.latest.value;
  const samples = store.samples.value;
  const problem = store.problem.value;
  const times = samples.map((sample) => sample.at_s);
  return (
    <View title="Operation">
      {problem && (
        <p class="error" role="alert">
          {problem.words}{' '}
          {problem.isTemporary && 'What you see is from before; the page goes on asking.'}
        </p>
      )}
      {!ops && !problem && <p>Loading…</p>}
      {ops && <State ops={ops} />}
      {ops && (
        <div class="charts">
          {charts.map(([name, title, unit]) => (
            <Chart
              key={name}
              title={title}
              unit={unit}
              times={times}
              values={samples.map((sample) => sample[name])}
            />
          ))}
        </div>
      )}
      {ops && <LastSamples samples={samples} />}
      {ops && <Connections />}
    </View>
  );
}

function State({ ops }: { ops: Figures }) {
  const { bus, store } = ops;
  const figures: readonly [string, string][] = [
    ['Node', `${ops.node} (${ops.role})`],
    ['Version', ops.version],
    ['Running for', durationLabel(ops.uptime_s)],
    ['Connections', `${valueLabel(ops.connections)} of at most ${valueLabel(ops.connections_max)}`],
    ['People connected', valueLabel(ops.users_connected)],
    ['Rooms', valueLabel(ops.rooms)],
    ['Subscriptions', valueLabel(ops.subscriptions)],
    ['Data base queue', `${valueLabel(store.queue)} of at most ${valueLabel(store.queue_max)}`],
    ['Data base faults', valueLabel(store.faults_total)],
    ['Closed for being too slow', valueLabel(ops.closed_slow_total)],
    [bus.kind === 'redis' ? 'Redis' : 'Bus', busLabel(bus)],
    ['Reconnects to it', valueLabel(bus.reconnects_total)],
  ];
  return (
    <>
      {!bus.up && (
        <p class="error" role="alert">
          Redis cannot be reached. People on this node go on as before; other nodes hear nothing new
          until it is back.
        </p>
      )}
      <dl class="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd dir="auto">{value}</dd>
          </div>
        ))}
      </dl>
      {ops.nodes.length > 0 && (
        <div class="table-scroll">
          <table class="table">
            <caption>Nodes</caption>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Connections</th>
                <th scope="col">Last heard of</th>
              </tr>
            </thead>
            <tbody>
              {ops.nodes.map((node) => (
                <tr key={node.name}>
                  <th scope="row">{node.name}</th>
                  <td>{node.role}</td>
                  <td>{valueLabel(node.connections)}</td>
                  <td>{valueLabel(node.last_seen_ms / 1000)} s ago</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function busLabel(bus: Figures['bus']): string {
  if (!bus.up) return 'not reached';
  return bus.kind === 'redis' ? 'connected' : 'this process alone, without Redis';
}

/* What the pictures show, for who cannot see them. */
function LastSamples({ samples }: { samples: readonly Sample[] }) {
  return (
    <details>
      <summary>The last ten seconds as a table</summary>
      <div class="table-scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Time</th>
              {charts.map(([name, title, unit]) => (
                <th key={name} scope="col">
                  {unit ? `${title}, ${unit}` : title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {samples
              .slice(-10)
              .reverse()
              .map((sample) => (
                <tr key={sample.at_s}>
                  <th scope="row">{new Date(sample.at_s * 1000).toLocaleTimeString()}</th>
                  {charts.map(([name]) => {
                    const value = sample[name];
                    return <td key={name}>{value === null ? '–' : valueLabel(value)}</td>;
                  })}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

interface Connection {
  id: string;
  user: number | null;
  name: string | null;
  peer: string;
  agent: string;
  transport: string;
  connected_at: string;
  subscriptions: number;
  queued_bytes: number;
}

function Connections() {
  const { api } = useAdmin();
  const [page, setPage] = useState<Page<Connection> | null>(null);
  const [error, setError] = useState('');
  const [ending, setEnding] = useState<Connection | null>(null);
  const told = (problem: unknown) => setError(asProblem(problem).words);
  const load = (cursor: string | number | null = null) => {
    setError('');
    const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    api.get<Page<Connection>>(`/connection?limit=50${after}`).then(setPage, told);
  };
  useEffect(() => load(), []);
  const end = (connection: Connection) =>
    api.delete(`/connection/${encodeURIComponent(connection.id)}`).then(() => load(), told);
  return (
    <section class="connections" aria-labelledby="connections">
      <div class="toolbar">
        <h2 id="connections">Who is connected here</h2>
        <button type="button" class="button" onClick={() => load()}>
          Read again
        </button>
      </div>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {page?.items.length === 0 && <p>Nobody.</p>}
      {page && page.items.length > 0 && (
        <div class="table-scroll">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col">Address</th>
                <th scope="col">Since</th>
                <th scope="col">Subscriptions</th>
                <th scope="col">Waiting bytes</th>
                <th scope="col">
                  <span class="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {page.items.map((item) => (
                <tr key={item.id}>
                  <th scope="row" dir="auto" title={item.agent}>
                    {item.user ? <a href={`/admin/users/${item.user}`}>{item.name}</a> : 'nobody'}
                  </th>
                  <td>{item.peer}</td>
                  <td title={fullLabel(item.connected_at)}>{clockLabel(item.connected_at)}</td>
                  <td>{valueLabel(item.subscriptions)}</td>
                  <td>{valueLabel(item.queued_bytes)}</td>
                  <td>
                    <button
                      type="button"
                      class="button"
                      aria-label={`Disconnect ${item.name ?? 'nobody'} from ${item.peer}`}
                      onClick={() => setEnding(item)}
                    >
                      Disconnect
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {page?.next !== null && page?.next !== undefined && (
        <button type="button" class="button" onClick={() => load(page.next)}>
          More
        </button>
      )}
      {ending && (
        <Confirm
          title={`Disconnect ${ending.name ?? 'this connection'}?`}
          text="The connection ends and does not come back by itself. To keep somebody out, end the sessions or disable the account."
          action="Disconnect"
          onConfirm={() => void end(ending)}
          onClose={() => setEnding(null)}
        />
      )}
    </section>
  );
}
