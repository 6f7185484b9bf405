/* drafts.ts: what was begun and not sent, one text per room, kept in this browser. */

import { draftsOf } from '../shared/forget.ts';

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

export class Drafts {
  readonly #storage: Store;
  readonly #prefix: string;

  constructor(storage: Store, userId: number) {
    this.#storage = storage;
    this.#prefix = draftsOf(userId);
  }

  get(room: number): string {
    return this.#storage.getItem(this.#prefix + room) ?? '';
  }

  set(room: number, text: string): void {
    try {
      if (text) this.#storage.setItem(this.#prefix + room, text);
      else this.#storage.removeItem(this.#prefix + room);
    } catch {
      // A full storage: the text is still in the field.
    }
  }

  /** On signing out. */
  clear(): void {
    const keys: string[] = [];
    for (let i = 0; i < this.#storage.length; i++) keys.push(this.#storage.key(i) ?? '');
    for (const key of keys) if (key.startsWith(this.#prefix)) this.#storage.removeItem(key);
  }
}
