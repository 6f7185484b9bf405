// A Parley of the test's own: temporary folder, a port that the system picks, cheap password hashes.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { register } from './client.mjs';
import { PATIENCE_MS, Program, temporaryFolder } from './process.mjs';
import { startRedis } from './redis.mjs';

export { anonymous, login, register } from './client.mjs';
export { PATIENCE_MS, within } from './process.mjs';
export { connectSdk, rawConnect } from './realtime.mjs';
export { startRedis } from './redis.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const program = resolve(process.env.PARLEY_PROGRAM ?? join(root, 'build-check/parley'));

/**
 * Start `parley serve` and wait until it listens.
 * flags   settings, {'chat.text_max': 10}; they win over the defaults below; undefined: not given at all
 * redis   true: a private Redis that stops with the server; or one from startRedis(); false: none
 * edge    a node without data base; it needs a redis from startRedis() that its home uses too
 * dataDir the folder of an earlier server, to start again on its data
 * schema  the folder of model files; null: none, built-in models only
 * client  a folder for client.dir; without it the server finds the bundle beside the program, if there is one
 */
export async function startServer({ flags = {}, redis = false, edge = false, env = {}, dataDir, args = [], client, schema = join(root, 'schema') } = {}) {
  const folder = dataDir ?? temporaryFolder();
  const ownRedis = redis === true ? await startRedis() : null;
  const redisUrl = (ownRedis ?? (redis || null))?.url;
  const settings = {
    'http.address': '127.0.0.1:0',
    'data.path': join(folder, edge ? 'edge.db' : 'parley.db'),
    ...(schema ? { 'data.schema': schema } : {}),
    'account.hash_memory_kib': 64,
    'account.hash_passes': 1,
    stop_ms: 100,
    ...(client ? { 'client.dir': client } : {}),
    ...(redisUrl ? { 'redis.url': redisUrl } : {}),
    ...flags,
  };
  const words = Object.entries(settings).filter(([, value]) => value !== undefined).map(([name, value]) => `--${name}=${value}`);
  const server = new Program(program, ['serve', ...(edge ? ['--edge'] : []), ...words, ...args], {
    env: { ...environment(), ...env },
    cwd: folder,
  });
  let port;
  try {
    port = Number((await server.waitForOutput(/listening on http:\/\/(?:\[[^\]]*\]|[^\s:"]*):(\d+)/))[1]);
  } catch (error) {
    if (!server.end) server.signal('SIGKILL');
    await ownRedis?.stop();
    throw error;
  }
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    wsUrl: `ws://127.0.0.1:${port}/connection/websocket`,
    pid: server.pid,
    dataDir: folder,
    redis: ownRedis ?? (redis || null),
    exited: server.exited,
    output: () => server.output(),
    waitForOutput: (pattern, milliseconds) => server.waitForOutput(pattern, milliseconds),
    addUser: (name, password) => register(url, name, password),
    /** Send a signal and go on. */
    signal: (name) => server.signal(name),
    /** Send a signal and wait for the end; fails if a sanitizer complained. */
    kill: (signal = 'SIGKILL') => server.kill(signal),
    /** Stop cleanly; fails on another exit code than 0 and on any complaint of a sanitizer. */
    async stop() {
      try {
        await server.stop();
      } finally {
        await ownRedis?.stop();
      }
    },
  };
}

/** Run a subcommand to its end: {code, output}. For what is answered from the shell. */
export async function runParley(args, { env = {}, cwd } = {}) {
  const command = new Program(program, args, { env: { ...environment(), ...env }, cwd });
  const timer = setTimeout(() => command.signal('SIGKILL'), PATIENCE_MS);
  const { code } = await command.exited;
  clearTimeout(timer);
  return { code, output: command.output() };
}

/** PARLEY_* are settings of the program: those of the tests must not reach it. */
export function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')));
}
