// The echo server of tests/unit/net, which is the network layer alone. The program is named by ECHO_SERVER.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { Raw } from './raw.mjs';

const program = process.env.ECHO_SERVER;
/** Of a describe: without the program there is nothing to test. */
export const options = { skip: program ? false : 'ECHO_SERVER names no program' };

/** Start the echo server; stop() ends it and checks that it ended cleanly, sanitizers included. */
export async function start(...settings) {
  const child = spawn(program, settings, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(Number(String(data).trim())));
    exited.then(({ code }) => reject(new Error(`exit ${code}: ${errors}`)));
  });
  return {
    port,
    pid: child.pid,
    errors: () => errors,
    async stats() {
      const raw = new Raw(port);
      raw.send('GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const stats = (await raw.answer()).json();
      raw.destroy();
      return stats;
    },
    /** Wait until the statistics are as `test` wants them. */
    async settled(test) {
      for (;;) {
        const stats = await this.stats();
        if (test(stats)) return stats;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async stop() {
      child.stdin.end();
      const { code, signal } = await exited;
      assert.deepEqual({ code, signal, errors: errors.match(/ERROR: \w+Sanitizer|runtime error.*/g) }, { code: 0, signal: null, errors: null }, errors);
    },
  };
}

/** Send bytes; the first answer's status, and whether the server closed. */
export async function probe(port, bytes) {
  const raw = new Raw(port);
  raw.send(bytes);
  const answer = await raw.answer();
  await raw.end();
  const rest = raw.bytes.toString('latin1');
  raw.destroy();
  return { status: answer.status, connection: answer.headers.connection, rest };
}

export const get = (path = '/echo', lines = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${lines}\r\n`;
export const post = (body, lines = '', path = '/body') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${lines}\r\n${body}`;
export const chunked = (chunks, lines = '') => `POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${lines}\r\n${chunks}`;
