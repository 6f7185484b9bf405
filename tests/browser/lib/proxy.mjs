/* proxy.mjs: a proxy as some networks have it: plain requests pass, web sockets do not, and what becomes of a streamed
 * answer is for the test to say. */
import { createServer, request as ask } from 'node:http';

/**
 * In front of @server:
 *   url      what a browser visits
 *   streams  what becomes of POST /connection/http_stream: 'refused'; 'held', of which nothing ever comes back; or
 *            'collected', of which the head comes, and the body never
 *   cut()    ends every stream and refuses new ones, until mend()
 */
export async function startProxy(server, { streams }) {
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
      if (!isPosted) answer.on('error', () => response.destroy()).pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => {
      open.delete(response);
      passed.destroy();
    });
    request.pipe(passed);
  });
  proxy.on('upgrade', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
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
      return new Promise((resolve) => proxy.close(resolve));
    },
  };
}

function refuse(response) {
  response.writeHead(502, { 'Content-Length': 0 }).end();
}
