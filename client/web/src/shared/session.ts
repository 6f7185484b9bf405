/* session.ts: who is signed in on this browser, and what they may do. */
import { signal } from '@preact/signals-core';
import type { Api } from './api.ts';
import { asProblem } from './problem.ts';
import type { Me, Right } from './types.ts';

export class Session {
  /** undefined: not known yet; null: nobody. */
  readonly me = signal<Me | null | undefined>(undefined);
  /** Why the start failed, if it did for another reason than "nobody is signed in". */
  readonly error = signal('');
  /** Said on the sign-in page after a session ended by itself. */
  readonly notice = signal('');

  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
    api.onSignedOut = () => this.end('Your session has ended. Please sign in again.');
  }

  async load(): Promise<void> {
    this.error.value = '';
    try {
      this.#set(await this.#api.get<Me>('/me'));
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status === 401) this.#set(null);
      else this.error.value = problem.message;
    }
  }

  async signIn(name: string, password: string): Promise<void> {
    await this.#api.post('/login', { name, password });
    await this.load();
  }

  async register(name: string, password: string): Promise<void> {
    await this.#api.post('/register', { name, password });
    await this.load();
  }

  async setUp(token: string, name: string, password: string): Promise<void> {
    await this.#api.post('/setup', { token, name, password });
    await this.load();
  }

  async signOut(): Promise<void> {
    await this.#api.post('/logout');
    this.end('');
  }

  end(notice: string): void {
    this.notice.value = notice;
    this.#set(null);
  }

  can(model: string, right: Right): boolean {
    const me = this.me.value;
    if (!me) return false;
    return me.user.superuser === true || (me.permissions[model]?.includes(right) ?? false);
  }

  #set(me: Me | null): void {
    this.#api.csrf = me?.csrf ?? '';
    if (me) this.notice.value = '';
    this.me.value = me;
  }
}
