// A person with a browser, as far as REST goes: keeps the cookie, sends the CSRF token and its own Origin.
import http from 'node:http';
import https from 'node:https';
import { PATIENCE_MS, within } from './process.mjs';

export const PASSWORD = 'a long enough password';

/** {status, headers, text, body}: body is the parsed JSON, or null. Every request has a connection of its own. */
export function request(url, { method = 'GET', headers = {}, body } = {}) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = new Promise((resolve, reject) => {
    const asked = (url.startsWith('https:') ? https : http).request(url, {
      method,
      agent: false,
      headers: {
        'X-Request-Id': 'test', // the same in all answers, so that they can be compared as texts
        ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
        ...headers,
      },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      let received = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        received += part;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, text: received, body: parsed(received) }),
      );
    });
    asked.end(text);
  });
  return within(PATIENCE_MS, `${method} ${url}`, answer);
}

/** Somebody who is not signed in. `api(method, path, body, headers)`; a path without /api/ is below /api/v1. */
export function anonymous(url) {
  const client = {
    url,
    id: null,
    name: null,
    cookie: '',
    csrf: '',
    async api(method, path, body, headers = {}) {
      const answer = await request(url + (path.startsWith('/api/') ? path : `/api/v1${path}`), {
        method,
        body,
        headers: {
          ...(method === 'GET' || method === 'HEAD' ? {} : { Origin: url, 'X-CSRF-Token': client.csrf }),
          ...(client.cookie ? { Cookie: client.cookie } : {}),
          ...headers,
        },
      });
      for (const line of answer.headers['set-cookie'] ?? []) client.cookie = line.split(';')[0];
      return answer;
    },
  };
  return client;
}

/** A new account, signed in: {id, name, password, cookie, csrf, api()}. */
export async function register(url, name, password = PASSWORD) {
  const client = anonymous(url);
  must(await client.api('POST', '/register', { name, password }), 201, `register ${name}`);
  return signedIn(client, password);
}

/** An account that exists, signed in anew. */
export async function login(url, name, password = PASSWORD) {
  const client = anonymous(url);
  must(await client.api('POST', '/login', { name, password }), 200, `login ${name}`);
  return signedIn(client, password);
}

async function signedIn(client, password) {
  const me = must(await client.api('GET', '/me'), 200, 'who am I').body;
  return Object.assign(client, { id: me.user.id, name: me.user.name, csrf: me.csrf, password });
}

/** The answer if it has this status; else an error that shows it. For steps that are not what a test is about. */
export function must(answer, status, what) {
  if (answer.status !== status) throw new Error(`${what}: ${answer.status} instead of ${status}: ${answer.text}`);
  return answer;
}

/** The answer to ask(a moment soon); with twice the time as long as the machine is so slow that the moment was past. */
export async function endingSoon(ask) {
  for (let milliseconds = 2000; ; milliseconds *= 2) {
    const answer = await ask(new Date(Date.now() + milliseconds).toISOString());
    if (!answer.text.includes('must be in the future')) return answer;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
