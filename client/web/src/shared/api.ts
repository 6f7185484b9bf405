/* api.ts: requests to the server's REST door. */
import { Problem, problemFromDocument, unreachable } from './problem.ts';

const timeout_ms = 15_000;

export class Api {
  /** Of the session: without it the server refuses every write. */
  csrf = '';
  /** Called when the server no longer knows the session. */
  onSignedOut: () => void = () => {};
  /** Called when something was refused that the page had offered. */
  onForbidden: () => void = () => {};

  readonly #fetch: typeof fetch;

  constructor(fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#fetch = fetcher;
  }

  get<T>(path: string): Promise<T> {
    return this.request<T>('GET', path);
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.request<T>('POST', path, body);
  }

  patch<T>(path: string, body: object): Promise<T> {
    return this.request<T>('PATCH', path, body);
  }

  delete(path: string): Promise<void> {
    return this.request<void>('DELETE', path);
  }

  /** Resolves with the answer's body, rejects with a Problem and nothing else. */
  async request<T>(
    method: string,
    path: string,
    body?: object,
    more: Record<string, string> = {},
  ): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json', ...more };
    if (body) headers['Content-Type'] = 'application/json';
    if (method !== 'GET' && this.csrf) headers['X-CSRF-Token'] = this.csrf;
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(`/api/v1${path}`, {
        method,
        headers,
        body: body ? JSON.stringify(body) : null,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: AbortSignal.timeout(timeout_ms),
      });
      text = await response.text();
    } catch {
      throw unreachable();
    }
    const value = parse(text);
    if (response.ok && (value !== undefined || text === '')) return value as T;
    if (response.ok) throw new Problem(502, 'malformed', 'The server’s answer made no sense.');
    // A wrong password is a 401 too, but then there was no session that could have ended.
    if (response.status === 401 && this.csrf) this.onSignedOut();
    if (response.status === 403) this.onForbidden();
    throw problemFromDocument(response.status, value);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
