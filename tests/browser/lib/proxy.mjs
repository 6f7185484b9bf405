/* proxy.mjs: a proxy as some networks have it: plain requests pass, web sockets do not, and what becomes of a streamed
 * answer is for the test to say. */
import { createHash } from 'node:crypto';
import { createServer, request as ask } from 'node:http';

/**
 * In front of @server:
 *   url      what a browser visits
 *   streams  what becomes of POST /connection/http_stream: 'refused'; 'held', of which nothing ever comes back; or
 *            'collected', of which the head comes, and the body never; otherwise they pass
 *   sockets  what becomes of a web socket: it is refused, or 'held': it opens, and nothing ever comes back
 *   cut()    ends every stream and refuses new ones, until mend()
 */
export async function startProxy(server, { streams, sockets } = {}) {
  const open = new Set();
  let isCut = false;
  const proxy = createServer((request, response) => {
    const isStream = request.url.startsWith('/connection/');
    const isPosted = request.url === '/connection/http_stream';
    if (isCut && isStream || isPosted && streams === 'refused') return refuse(response);
    if (isStream) open.add(response);
    const passed = ask(server.url + request.url, { method: request.method, headers: request.headers, agent: false });
    passed.on('response', (answer) => {
      if (isPosted && streams === 'held') return;
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      if (!isPosted || !streams) answer.on('error', () => response.destroy()).pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => {
      open.delete(response);
      passed.destroy();
    });
    request.pipe(passed);
  });
  const held = new Set();
  proxy.on('upgrade', (request, socket) => {
    if (sockets !== 'held') return socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
    held.add(socket);
    socket.on('error', () => {}).on('close', () => held.delete(socket)).resume();
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(request)}\r\n\r\n`);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    cut: () => {
      isCut = true;
      for (const response of open) response.destroy();
    },
    mend: () => {
      isCut = false;
    },
    stop: () => {
      proxy.closeAllConnections();
      for (const socket of held) socket.destroy();
      return new Promise((resolve) => proxy.close(resolve));
    },
  };
}

const accept = ({ headers }) =>
  createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

function refuse(response) {
  response.writeHead(502, { 'Content-Length': 0 }).end();
}
