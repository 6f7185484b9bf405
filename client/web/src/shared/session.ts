/* session.ts: who is signed in on this browser, and what they may do. */
import { signal } from '@preact/signals-core';
import type { Api } from './api.ts';
import { forgetPerson } from './forget.ts';
import { asProblem } from './problem.ts';
import type { Me, Right } from './types.ts';

export class Session {
  /** undefined: not known yet; null: nobody. */
  readonly me = signal<Me | null | undefined>(undefined);
  /** Why the start failed, if it did for another reason than "nobody is signed in". */
  readonly error = signal('');
  /** It ended by itself: elsewhere, or by its age. What is on the screen stays until the person signs in again. */
  readonly isOver = signal(false);

  readonly #api: Api;
  #turn = 0;

  constructor(api: Api) {
    this.#api = api;
    api.onSignedOut = () => {
      if (this.me.value) this.isOver.value = true;
    };
  }

  async load(): Promise<void> {
    const turn = ++this.#turn;
    this.error.value = '';
    try {
      const me = await this.#api.get<Me>('/me');
      if (turn === this.#turn) this.#set(me);
    } catch (error) {
      const problem = asProblem(error);
      // An answer that was asked for before somebody left must not bring him back.
      if (turn !== this.#turn) return;
      if (problem.status !== 401) this.error.value = problem.message;
      else if (this.me.value) this.isOver.value = true;
      else this.#set(null);
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
    const userId = this.me.value?.user.id;
    await this.#api.post('/logout');
    if (userId !== undefined) forgetPerson(userId);
    this.end();
  }

  end(): void {
    this.#turn++;
    this.#set(null);
  }

  can(model: string, right: Right): boolean {
    const me = this.me.value;
    if (!me) return false;
    return me.user.superuser === true || (me.permissions[model]?.includes(right) ?? false);
  }

  #set(me: Me | null): void {
    this.#api.csrf = me?.csrf ?? '';
    this.isOver.value = false;
    this.me.value = me;
  }
}
