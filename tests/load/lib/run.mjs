// Runs the load tester to its end and reads what it found.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE_MS, Program, temporaryFolder, within } from '../../api/lib/process.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
export const program = resolve(
  process.env.PARLEY_LOAD ?? join(dirname(process.env.PARLEY_PROGRAM ?? join(root, 'build-check/parley')), 'client/load/parley-load'),
);

/** What a server must be told so that a few people may do what thousands would. */
export const UNLIMITED = {
  'http.connections_per_address_max': 0,
  'realtime.user_connections_max': 1000000,
  'chat.messages_per_s': 1000000,
  'realtime.commands_per_s': 1000000,
};

/**
 * Start it: {child, folder, results()}. `flags` {sockets: 10, register: true}; `files` how many it may open. The drain ends
 * when all has come, so that it is long only where something is missing.
 */
export function startLoad(url, flags = {}, { files } = {}) {
  const folder = temporaryFolder();
  const all = { url, register: true, users: 2, drain: '60s', json: join(folder, 'results.json'), ...flags };
  const words = Object.entries(all)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((each) => [name, each]))
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
  const child = files
    ? new Program('/bin/sh', ['-c', `ulimit -n ${files}; exec "$0" "$@"`, program, ...words])
    : new Program(program, words);
  return { child, folder, results: () => JSON.parse(readFileSync(all.json, 'utf8')) };
}

/** Run it to its end: {code, output, results, folder}; results is null where it came to none. */
export async function load(url, flags, options) {
  const { child, folder, results } = startLoad(url, flags, options);
  const { code } = await within(PATIENCE_MS, 'parley-load ending', child.exited);
  const output = child.output();
  if (/Sanitizer|runtime error:/.test(output)) throw new Error(output);
  let found = null;
  try {
    found = results();
  } catch {
    // It ended before it had any.
  }
  return { code, output, results: found, folder };
}
