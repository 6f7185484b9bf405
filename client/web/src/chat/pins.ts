/* pins.ts: the messages that a room holds up for all to see. Read when somebody asks, and then kept up. */
import { effect, signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem } from '../shared/problem.ts';
import type { Page, Pin } from '../shared/types.ts';
import type { OpenRoom } from './room.ts';

type PinnedRoom = Pick<OpenRoom, 'id' | 'pinChanges'>;

export class Pins {
  /** The newest first; null as long as they are not known. */
  readonly all = signal<readonly Pin[] | null>(null);
  readonly error = signal('');

  readonly #api: Api;
  readonly #path: string;
  #loading: Promise<void> = Promise.resolve();
  #asked = 0;

  constructor(api: Api, room: PinnedRoom) {
    this.#api = api;
    this.#path = `/room/${room.id}/pin`;
    effect(() => {
      room.pinChanges.value;
      this.#loading = this.load();
    });
  }

  async load(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const { items } = await this.#api.get<Page<Pin>>(this.#path);
      // Answers may overtake each other: the last one asked for counts.
      if (asked !== this.#asked) return;
      this.all.value = items;
      this.error.value = '';
    } catch (error) {
      if (asked === this.#asked) this.error.value = asProblem(error).words;
    }
  }

  async has(message: number): Promise<boolean> {
    await this.#loading;
    return this.all.value?.some((pin) => pin.message.id === message) ?? false;
  }

  async pin(message: number): Promise<void> {
    await this.#api.post(this.#path, { message });
    await this.load();
  }

  async unpin(message: number): Promise<void> {
    await this.#api.delete(`${this.#path}/${message}`);
    await this.load();
  }
}

const known = new WeakMap<PinnedRoom, Pins>();

export function pinsOf(api: Api, room: PinnedRoom): Pins {
  const pins = known.get(room) ?? new Pins(api, room);
  known.set(room, pins);
  return pins;
}
