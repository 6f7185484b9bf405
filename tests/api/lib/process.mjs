// A program under test: what it prints is kept, it is waited for with a bound, and none outlives the tests.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long anything may take on a machine that is ten times slower, and busy. */
export const PATIENCE_MS = 120_000;

const OUTPUT_MAX = 4 * 1024 * 1024;
const SANITIZER = /ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: /;
const running = new Set();
const folders = new Set();

process.on('exit', (code) => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  // Left to itself, Node 20 closes its own handles now, and may turn in that loop for ever after thousands of sockets.
  process.exit(code);
});
// A run that is stopped from outside must not leave servers behind; the exit handler above ends them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** A folder that is removed when the tests end. Its name is short: Unix socket paths end at 107 bytes. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'parley-'));
  folders.add(folder);
  return folder;
}

/** Reject with what was waited for when it takes longer than any machine should need. */
export async function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Program {
  #child;
  #output = '';
  #watchers = new Set();

  constructor(command, args, options = {}) {
    this.command = command;
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    running.add(this.#child);
    // A test that fails before it stops its server must not keep the others waiting.
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.unref();
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output = (this.#output + text).slice(-OUTPUT_MAX);
        for (const watcher of this.#watchers) watcher();
      });
    }
    this.exited = new Promise((resolve) => {
      // 'close' comes when the output has been read to its end too.
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', (error) => {
        this.#output += `${command}: ${error.message}\n`;
        resolve({ code: -1, signal: null });
      });
    }).then((end) => {
      running.delete(this.#child);
      this.end = end;
      for (const watcher of this.#watchers) watcher();
      return end;
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Its standard input, if `options` made that a pipe. */
  get stdin() {
    return this.#child.stdin;
  }

  output() {
    return this.#output;
  }

  /** The match of `pattern` in what it has printed, as soon as it is there. */
  async waitForOutput(pattern, milliseconds = PATIENCE_MS) {
    let watcher;
    const found = new Promise((resolve, reject) => {
      watcher = () => {
        const match = pattern.exec(this.#output);
        if (match) resolve(match);
        else if (this.end) reject(this.#failure(`ended before it printed ${pattern}`));
      };
      this.#watchers.add(watcher);
      watcher();
    });
    try {
      return await within(milliseconds, `${this.command} printing ${pattern}`, found);
    } catch (error) {
      throw error.message.includes('\n') ? error : this.#failure(error.message);
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  /** Send a signal without waiting for what comes of it. */
  signal(name) {
    this.#child.kill(name);
  }

  /** Send `signal` and wait for the end. Fails if a sanitizer complained. */
  async kill(signal = 'SIGKILL') {
    this.signal(signal);
    const end = await this.#ended(PATIENCE_MS);
    this.#assertNoComplaint();
    return end;
  }

  /** A clean end: SIGTERM, exit code 0, no complaint of a sanitizer. Fine if it was stopped or killed already. */
  async stop() {
    if (this.end) return this.#assertNoComplaint();
    this.signal('SIGTERM');
    const { code, signal } = await this.#ended(PATIENCE_MS);
    this.#assertNoComplaint();
    if (code !== 0) throw this.#failure(`ended with ${signal ?? `code ${code}`} instead of code 0`);
  }

  async #ended(milliseconds) {
    try {
      return await within(milliseconds, `${this.command} ending`, this.exited);
    } catch (error) {
      this.signal('SIGKILL');
      await this.exited;
      throw this.#failure(error.message);
    }
  }

  #assertNoComplaint() {
    if (SANITIZER.test(this.#output)) throw this.#failure('a sanitizer complained');
  }

  #failure(why) {
    const from = this.#output.search(SANITIZER);
    const shown = from >= 0 ? this.#output.slice(from, from + 6000) : this.#output.slice(-3000);
    return new Error(`${this.command}: ${why}\n${shown}`);
  }
}
