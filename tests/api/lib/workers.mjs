// `serve --workers=N` for tests: started, looked at from outside.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UNLIMITED, ready, untilAnswer } from './nodes.mjs';
import { temporaryFolder } from './process.mjs';
import { startServer } from './server.mjs';

/** A server of `count` workers, stopped when the test ends. `config`: settings in a file, which configure() changes. */
export async function startWorkers(t, redis, count, { flags = {}, config, dataDir } = {}) {
  const folder = dataDir ?? temporaryFolder();
  const file = join(folder, 'config.json');
  if (config) writeFileSync(file, JSON.stringify(config));
  const server = await startServer({
    redis,
    dataDir: folder,
    flags: { ...UNLIMITED, 'redis.prefix': `${folder}:`, ...flags },
    args: [`--workers=${count}`, ...(config ? [`--config=${file}`] : [])],
  });
  t.after(() => server.stop());
  await ready(server);
  return Object.assign(server, { configure: (settings) => writeFileSync(file, JSON.stringify(settings)) });
}

/** All workers were restarted so many times since the server began. Counted, as a pattern for it would be tried for ever. */
export const untilRestarted = (server, times, milliseconds) =>
  untilAnswer(`${times} rolling restarts`, async () => server.output().split('workers were restarted').length - 1, (count) => count >= times, milliseconds);

/** The processes that `pid` has started. */
export function children(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

export function isAlive(pid) {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export const untilGone = (pid) => untilAnswer(`process ${pid} ending`, async () => isAlive(pid), (is) => is === false);

/** node → role of those who answered, once `count` have: the kernel picks who gets a new connection. */
export async function roles(server, count) {
  const seen = new Map();
  await untilAnswer(
    `${count} workers answering`,
    async () => {
      const answer = await fetch(`${server.url}/metrics`, { headers: { Connection: 'close' } });
      const [, node, role] = (await answer.text()).match(/^parley_node_info\{node="([^"]*)",role="([^"]*)"\} 1$/m);
      return seen.set(node, role).size;
    },
    (size) => size >= count,
  );
  return seen;
}
