// Two ways to the WebSocket: the published SDK as it is, and a client that sends and sees every object.
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { PATIENCE_MS, within } from './process.mjs';

/** What the SDK waits for a reply and for a ping: no shorter than the tests, or it gives up what a slow node still answers. */
export const PATIENT = { timeout: PATIENCE_MS, maxServerPingDelay: PATIENCE_MS };

const address = (url) => `${url.replace(/^http/, 'ws')}/connection/websocket`;

/** A connected Centrifuge client that came with this cookie. `options` go to the SDK. */
export async function connectSdk(url, cookie, options = {}) {
  class Socket extends WebSocket {
    constructor(endpoint, protocols) {
      super(endpoint, protocols ?? [], { headers: cookie ? { Cookie: cookie } : {}, origin: url });
    }
  }
  const client = new Centrifuge(address(url), { websocket: Socket, ...PATIENT, ...options });
  const connected = new Promise((resolve, reject) => {
    client.once('connected', resolve);
    client.once('disconnected', (context) =>
      reject(new Error(`not connected: ${context.code} ${context.reason}`)),
    );
  });
  // A caller who ends the client early has not asked for this promise.
  connected.catch(() => {});
  client.connect();
  try {
    await within(PATIENCE_MS, 'the SDK connecting', connected);
  } catch (error) {
    client.disconnect();
    throw error;
  }
  return client;
}

/** The next event `name` of an SDK object, or the first for which `is` holds. */
export function nextEvent(emitter, name, is = () => true) {
  let listener;
  const event = new Promise((resolve) => {
    listener = (context) => is(context) && resolve(context);
    emitter.on(name, listener);
  });
  return within(PATIENCE_MS, `event ${name}`, event).finally(() => emitter.off(name, listener));
}

/**
 * An open WebSocket, nothing sent yet. Rejects with {status, body} if the server answers otherwise.
 * send(...commands) one frame, a line each; texts go as they are, numbers are given to objects without id
 * next()            the next object that is no ping; rejects when the socket is closed
 * call(method, params) send one command, resolve to its reply; other objects stay for next()
 * connect(params)   call('connect')
 * closed            resolves to {code, reason}
 */
export async function rawConnect(url, { cookie, origin = url, headers = {}, query = '', protocols = [], pong = true } = {}) {
  const socket = new WebSocket(address(url) + query, protocols, {
    origin,
    headers: { ...(cookie ? { Cookie: cookie } : {}), ...headers },
    perMessageDeflate: false,
  });
  const waiting = []; // objects that nobody has asked for
  const readers = []; // who asked before they came
  let lastId = 0;
  let end;
  const closed = new Promise((resolve) => {
    socket.once('close', (code, reason) => {
      end = { code, reason: reason.toString() };
      for (const reader of readers.splice(0)) reader.reject(closedError());
      resolve(end);
    });
  });
  const closedError = () => new Error(`closed: ${end.code} ${end.reason}`);

  socket.on('message', (data) => {
    for (const line of data.toString().split('\n')) {
      const object = JSON.parse(line);
      if (Object.keys(object).length === 0) {
        if (pong) socket.send('{}');
        continue;
      }
      const index = readers.findIndex((reader) => reader.wants(object));
      if (index >= 0) readers.splice(index, 1)[0].resolve(object);
      else waiting.push(object);
    }
  });

  const take = (wants, what) => {
    const index = waiting.findIndex(wants);
    if (index >= 0) return Promise.resolve(waiting.splice(index, 1)[0]);
    if (end) return Promise.reject(closedError());
    let reader;
    const object = new Promise((resolve, reject) => {
      reader = { wants, resolve, reject };
      readers.push(reader);
    });
    return within(PATIENCE_MS, what, object).finally(() => {
      const at = readers.indexOf(reader);
      if (at >= 0) readers.splice(at, 1);
    });
  };

  const client = {
    socket,
    closed,
    get end() {
      return end;
    },
    waiting: () => [...waiting],
    send(...commands) {
      const lines = commands.map((command) =>
        typeof command === 'string' ? command : JSON.stringify('id' in command ? command : { ...command, id: ++lastId }),
      );
      socket.send(lines.join('\n'));
    },
    next: (wants = () => true) => take(wants, 'the next object'),
    call(method, params = {}) {
      const id = ++lastId;
      client.send({ [method]: params, id });
      return take((object) => object.id === id, `the reply to ${method}`);
    },
    connect: (params = {}) => client.call('connect', params),
    /** The next push of a channel (any if none is named). */
    push: (channel) =>
      take((object) => object.push && (!channel || object.push.channel === channel), `a push of ${channel ?? 'any channel'}`).then(
        (object) => object.push,
      ),
    close(code = 1000) {
      socket.close(code);
      return within(PATIENCE_MS, 'the socket closing', closed);
    },
    /** Vanish without a word. */
    terminate() {
      socket.terminate();
      return closed;
    },
  };

  const opened = new Promise((resolve, reject) => {
    socket.once('open', () => resolve(client));
    socket.once('unexpected-response', (request, response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        body += part;
      });
      response.on('end', () => {
        request.destroy();
        const { statusCode: status } = response;
        reject(Object.assign(new Error(`the upgrade was answered with ${status}`), { status, body, headers: response.headers }));
      });
    });
    socket.on('error', reject);
  });
  return within(PATIENCE_MS, 'the WebSocket opening', opened);
}
