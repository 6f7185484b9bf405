// The echo server of tests/unit/net, which is the network layer alone. The program is named by ECHO_SERVER.
import { PATIENCE_MS, Program, within } from './process.mjs';
import { Raw } from './raw.mjs';

const program = process.env.ECHO_SERVER;
/** Of a describe: without the program there is nothing to test. */
export const options = { skip: program ? false : 'ECHO_SERVER names no program' };

/** Start the echo server; stop() ends it and checks that it ended cleanly, sanitizers included. */
export async function start(...settings) {
  const server = new Program(program, settings, { stdio: ['pipe', 'pipe', 'pipe'] });
  const port = Number((await server.waitForOutput(/^(\d+)\n/m))[1]);
  return {
    port,
    pid: server.pid,
    waitForOutput: (pattern) => server.waitForOutput(pattern),
    async stats() {
      const raw = new Raw(port);
      raw.send('GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const stats = (await raw.answer()).json();
      raw.destroy();
      return stats;
    },
    /** Wait until the statistics are as `test` wants them. */
    async settled(test) {
      let isOver = false;
      const asking = (async () => {
        while (!isOver) {
          const stats = await this.stats();
          if (test(stats)) return stats;
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      return within(PATIENCE_MS, `${test}`, asking).finally(() => (isOver = true));
    },
    /** It ends by itself when its input does. */
    async stop() {
      server.stdin.end();
      await within(PATIENCE_MS, 'the echo server ending', server.exited);
      await server.stop();
      if (server.end.code !== 0) throw new Error(`the echo server ended with ${JSON.stringify(server.end)}\n${server.output()}`);
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
