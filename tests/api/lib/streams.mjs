// The other transports: the SDK over http_stream and server-sent events, and streams byte by byte.
import http from 'node:http';
import https from 'node:https';
import { Centrifuge } from 'centrifuge';
import { PATIENCE_MS, within } from './process.mjs';
import { Raw } from './raw.mjs';
import { PATIENT } from './realtime.mjs';

export const TRANSPORTS = ['http_stream', 'sse'];
export const streamAddress = (url, transport) => `${url}/connection/${transport}`;

/** What of the browsers' EventSource the SDK uses, as a page of the server itself would ask. */
export function eventSourceOf(cookie) {
  return class {
    constructor(url) {
      const headers = {
        Accept: 'text/event-stream',
        'Sec-Fetch-Site': 'same-origin',
        'Sec-Fetch-Mode': 'cors',
        ...(cookie ? { Cookie: cookie } : {}),
      };
      this.request = (url.startsWith('https:') ? https : http).get(url, { headers, agent: false }, (response) => {
        if (response.statusCode !== 200 || response.headers['content-type'] !== 'text/event-stream') {
          response.destroy();
          this.onerror?.({ status: response.statusCode });
          return;
        }
        this.onopen?.();
        let rest = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          const events = (rest + part).split('\n\n');
          rest = events.pop();
          for (const event of events) {
            const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data: '));
            if (lines.length) this.onmessage?.({ data: lines.map((line) => line.slice(6)).join('\n') });
          }
        });
        const ended = () => this.isClosed || this.onerror?.({});
        response.on('end', ended).on('error', ended);
      });
      this.request.on('error', (error) => this.isClosed || this.onerror?.(error));
    }
    close() {
      this.isClosed = true;
      this.request.destroy();
    }
  };
}

/** fetch as a page of the address's own origin does it, with its cookie. */
export const fetchOf = (cookie) => (address, options) =>
  fetch(address, { ...options, headers: { ...options.headers, Origin: new URL(address).origin, ...(cookie ? { Cookie: cookie } : {}) } });

/** Options for connectSdk() that make it use these transports in turn; commands go to `emulation` (else to `url`). */
export function sdkOptions(url, cookie, { emulation = url } = {}) {
  return {
    emulationEndpoint: `${emulation}/emulation`,
    eventsource: eventSourceOf(cookie),
    fetch: fetchOf(cookie),
    readableStream: ReadableStream,
  };
}

/** A connected SDK over one transport, or over several in turn. */
export async function connectOver(url, cookie, transports, { emulation, options = {} } = {}) {
  const endpoints = [].concat(transports).map((transport) =>
    typeof transport === 'string' ? { transport, endpoint: streamAddress(url, transport) } : transport,
  );
  const client = new Centrifuge(endpoints, { ...sdkOptions(url, cookie, { emulation }), ...PATIENT, ...options });
  const connected = new Promise((resolve, reject) => {
    client.once('connected', (context) => resolve(Object.assign(client, { transportName: context.transport })));
    client.once('disconnected', (context) => reject(Object.assign(new Error(`not connected: ${context.code} ${context.reason}`), context)));
  });
  client.connect();
  return within(PATIENCE_MS, `the SDK connecting over ${[].concat(transports).map((one) => one.transport ?? one)}`, connected).catch((error) => {
    client.disconnect();
    throw error;
  });
}

/**
 * A stream byte by byte: {raw, head, next(), reply(id), say(...commands), session, node}. `pong: false`: pings stay
 * unanswered. Objects that nobody has asked for wait.
 */
export async function rawStream(server, { transport = 'http_stream', cookie, headers = {}, commands = [{ connect: {}, id: 1 }], pong = true } = {}) {
  const text = commands.map((command) => (typeof command === 'string' ? command : JSON.stringify(command))).join('\n');
  const all = { Host: `127.0.0.1:${server.port}`, Origin: server.url, ...(cookie ? { Cookie: cookie } : {}), ...headers };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const raw = new Raw(server.port);
  if (transport === 'sse') raw.send(`GET /connection/sse?cf_connect=${encodeURIComponent(text)} HTTP/1.1\r\n${lines}\r\n`);
  else raw.send(`POST /connection/http_stream HTTP/1.1\r\n${lines}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  const head = await raw.until((one) => {
    const end = one.bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const found = one.bytes.subarray(0, end).toString('latin1');
    one.bytes = one.bytes.subarray(end + 4);
    return found;
  }, 'the headers of a stream');
  const stream = { raw, head, status: Number(head.split(' ')[1]) };
  const parse = () => {
    const separator = transport === 'sse' ? '\n\n' : '\n';
    for (;;) {
      const end = raw.bytes.indexOf(separator);
      if (end < 0) return null;
      const line = raw.bytes.subarray(0, end).toString('utf8').replace(/^\r\n/, '').replace(/^data: /, '');
      raw.bytes = raw.bytes.subarray(end + separator.length);
      const object = JSON.parse(line);
      if (Object.keys(object).length) return object;
      if (pong) void stream.say({});
    }
  };
  stream.next = () => raw.until(parse, 'an object of a stream');
  stream.connect = async () => {
    const { connect } = await stream.next();
    Object.assign(stream, connect);
    return connect;
  };
  stream.say = (...said) => emulate(server.url, stream, ...said);
  return stream;
}

/** POST /emulation to `url` with what a stream's client knows. Texts go as they are. */
export async function emulate(url, { session, node }, ...commands) {
  const data = commands.map((command) => (typeof command === 'string' ? command : JSON.stringify(command))).join('\n');
  return post(url, JSON.stringify({ session, node, data }));
}

/** {status, headers, text} of a POST to /emulation. */
export async function post(url, body, headers = {}, method = 'POST') {
  const answer = await fetch(`${url}/emulation`, { method, body, headers: { 'Content-Type': 'application/json', ...headers } });
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
}
