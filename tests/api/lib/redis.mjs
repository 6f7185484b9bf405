// A Redis of the test's own, on a Unix socket in a temporary folder.
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { PATIENCE_MS, Program, temporaryFolder, within } from './process.mjs';

/** {url, socket, pid, command(), pause(), resume(), kill(), restart(), stop()} */
export async function startRedis({ args = [] } = {}) {
  const folder = temporaryFolder();
  const socket = join(folder, 'redis.sock');
  const options = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
  let program;
  const start = async () => {
    program = new Program('redis-server', [...options, ...args]);
    await program.waitForOutput(/[Rr]eady to accept connections/);
  };
  await start();
  const redis = {
    url: `unix:${socket}`,
    socket,
    get pid() {
      return program.pid;
    },
    output: () => program.output(),
    /** One command; resolves to the raw text of the reply. */
    command: (...words) => command(socket, words),
    /** It stays connected but answers nothing. */
    pause: () => program.signal('SIGSTOP'),
    resume: () => program.signal('SIGCONT'),
    /** Dies at once and forgets everything. */
    kill: () => program.kill('SIGKILL'),
    async restart() {
      if (!program.end) await program.kill('SIGKILL');
      await start();
    },
    async stop() {
      program.signal('SIGCONT');
      await program.stop();
    },
  };
  return redis;
}

function command(socket, words) {
  const text = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join('');
  const reply = new Promise((resolve, reject) => {
    const connection = createConnection(socket, () => connection.end(`*${words.length}\r\n${text}`));
    let received = '';
    connection.setEncoding('utf8');
    connection.on('data', (part) => {
      received += part;
    });
    connection.on('error', reject);
    connection.on('end', () => resolve(received));
  });
  return within(PATIENCE_MS, `redis ${words[0]}`, reply);
}
