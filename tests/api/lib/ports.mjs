// Ports for programs that cannot be told to take any free one.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below those that Linux gives to who asks for any (32768 and up), so that nobody is given one before it is used.
const FIRST = 10_000;
const LAST = 32_000;

/** `count` TCP ports of 127.0.0.1 that are free, each another. */
export async function freePorts(count) {
  const servers = [];
  // All are held until the last is found, or one could be found twice.
  while (servers.length < count) {
    const server = await listening(randomInt(FIRST, LAST));
    if (server) servers.push(server);
  }
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** null if the port is taken. */
function listening(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
