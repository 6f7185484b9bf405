// A server as far as the load tester asks for one, which does wrong what a test wants it to.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/**
 * deliver(publication, listener) → the publications that this listener (0, 1, …) gets instead; [publication] as it stands.
 * keeps(key, text) → how often a message is kept. refuse: an error that every message gets.
 */
export async function startFake({ deliver = (publication) => [publication], keeps = () => 1, refuse, test } = {}) {
  const rooms = new Map(); // channel → {offset, listeners}
  const room = (channel) => {
    if (!rooms.has(channel)) rooms.set(channel, { offset: 0, listeners: [] });
    return rooms.get(channel);
  };
  const http = createServer((request, response) => {
    request.resume();
    const body = JSON.stringify(request.url.endsWith('/room') ? { id: rooms.size + 1 } : { csrf: 'none' });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length, 'Set-Cookie': 'sid=nobody; Path=/' };
    response.writeHead(request.method === 'POST' ? 201 : 200, headers).end(body);
    if (request.url.endsWith('/room')) room(`room:${rooms.size + 1}`);
  });
  const answer = {
    connect: () => ({ connect: { client: 'c', version: '0' } }),
    subscribe: ({ channel }, socket) => {
      const { offset, listeners } = room(channel);
      listeners.push(socket);
      return { subscribe: { recoverable: true, positioned: true, epoch: 'e', offset } };
    },
    history: ({ channel }) => ({ history: { publications: [], epoch: 'e', offset: room(channel).offset } }),
    publish: ({ channel, data }) => {
      if (refuse) return { error: refuse };
      const { listeners } = room(channel);
      for (let times = keeps(data.key, data.text); times > 0; times--) {
        const publication = { data: { event: 'message.created', message: data }, offset: ++room(channel).offset };
        listeners.forEach((socket, index) => {
          for (const pub of deliver(publication, index)) socket.send(JSON.stringify({ push: { channel, pub } }));
        });
      }
      return { publish: {} };
    },
  };
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      for (const line of String(bytes).split('\n')) {
        const { id, ...command } = JSON.parse(line);
        const [[name, parameters]] = Object.entries(command);
        socket.send(JSON.stringify({ id, ...answer[name](parameters, socket) }));
      }
    });
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
  test.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    http.close();
    http.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${http.address().port}` };
}
