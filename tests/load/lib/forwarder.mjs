// A proxy in front of the server that says for whom it asks, as nginx does.
import { connect, createServer } from 'node:net';

/** Forward to `port`, as if all came from `address`: {url, stop()}. */
export async function startForwarder(address, port) {
  const sockets = new Set();
  const listener = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('close', () => server.destroy());
    server.on('close', () => client.end());
    // Only the first request of a connection: the load tester asks for nothing more on one.
    client.once('data', (bytes) => {
      server.write(bytes.toString('latin1').replace('\r\n', `\r\nX-Forwarded-For: ${address}\r\n`), 'latin1');
      client.pipe(server);
    });
    server.pipe(client);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(resolve));
    },
  };
}
