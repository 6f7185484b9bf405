/* people.ts: who is in the room right now, and who is writing. Both come from events without
 * history, so both are only ever a good guess. */
import { computed, signal } from '@preact/signals-core';
import type { ClientInfo } from 'centrifuge';
import type { Api } from '../shared/api.ts';
import { count, names } from '../shared/text.ts';
import type { Me, Page, User } from '../shared/types.ts';
import type { RoomLog } from './log.ts';

const name_length_max = 32;
/* More of them in one line nobody reads. */
const names_max = 10;

export interface Person {
  id: number;
  name: string;
}

/** Who has a name that begins like what was typed. Names have nothing but these characters, and a
 * star would stand for any others; what is longer than a name stays so, and finds nobody. */
export function peopleQuery(typed: string): string {
  const prefix = typed.replace(/[^a-z0-9._-]/gi, '').slice(0, name_length_max + 1);
  return `/user?name[like]=${prefix}*&sort=name&limit=20`;
}

/** People whose name begins with @typed, without oneself. Rejects with a Problem. */
export async function findPeople(api: Api, me: Me, typed: string): Promise<User[]> {
  const { items } = await api.get<Page<User>>(peopleQuery(typed));
  return items.filter((user) => user.id !== me.user.id);
}

/** By person, not by connection: a phone and a laptop are one. */
export class Presence {
  /** False in a room so full that the server does not tell. */
  readonly isKnown = signal(true);

  readonly #clients = signal<ReadonlyMap<string, Person>>(new Map());

  readonly people = computed<readonly Person[]>(() => {
    const byId = new Map<number, Person>();
    for (const person of this.#clients.value.values()) byId.set(person.id, person);
    return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name));
  });

  reset(clients: Record<string, ClientInfo> | null): void {
    this.isKnown.value = clients !== null;
    const all = Object.values(clients ?? {}).map((info) => [info.client, personOf(info)] as const);
    this.#clients.value = new Map(all);
  }

  join(info: ClientInfo): void {
    this.#clients.value = new Map(this.#clients.value).set(info.client, personOf(info));
  }

  leave(info: ClientInfo): void {
    const clients = new Map(this.#clients.value);
    clients.delete(info.client);
    this.#clients.value = clients;
  }
}

/** Of a reaction the server says only whose it is: these are the names of those whom the page met in the room. */
export class Names {
  readonly #me: number;
  readonly #presence: Presence;
  readonly #log: RoomLog;
  readonly #met = new Map<number, string>();

  constructor(me: number, presence: Presence, log: RoomLog) {
    this.#me = me;
    this.#presence = presence;
    this.#log = log;
  }

  met(id: number, name: string): void {
    this.#met.set(id, name);
  }

  /** "you, ann, and 2 others"; "3 people" if none of them is known. */
  of(users: readonly number[]): string {
    const known = users.flatMap((id) => this.#nameOf(id) ?? []);
    if (known.length === 0) return count(users.length, 'person', 'people');
    return names(known, names_max, users.length - known.length);
  }

  #nameOf(id: number): string | undefined {
    if (id === this.#me) return 'you';
    return (
      this.#met.get(id) ??
      this.#presence.people.value.find((person) => person.id === id)?.name ??
      this.#log.messages.value.find((message) => message.author === id)?.author_name
    );
  }
}

function personOf(info: ClientInfo): Person {
  const name = (info.connInfo as { name?: unknown } | undefined)?.name;
  return { id: Number(info.user), name: typeof name === 'string' ? name : `user ${info.user}` };
}

/* Longer than the 3 s between two notices of somebody who goes on writing. */
const typing_ms = 4_000;

export class Typing {
  readonly people = signal<readonly Person[]>([]);

  readonly #timers = new Map<number, unknown>();
  readonly #setTimer: (callback: () => void, delay_ms: number) => unknown;
  readonly #clearTimer: (timer: unknown) => void;

  constructor(
    setTimer: (callback: () => void, delay_ms: number) => unknown = (callback, ms) =>
      setTimeout(callback, ms),
    clearTimer: (timer: unknown) => void = (timer) => clearTimeout(timer as number),
  ) {
    this.#setTimer = setTimer;
    this.#clearTimer = clearTimer;
  }

  started(person: Person): void {
    this.#clearTimer(this.#timers.get(person.id));
    const timer = this.#setTimer(() => this.stopped(person.id), typing_ms);
    this.#timers.set(person.id, timer);
    if (!this.people.value.some((other) => other.id === person.id))
      this.people.value = [...this.people.value, person];
  }

  /** Their message came, they left, or nothing was heard for a while. */
  stopped(id: number): void {
    this.#clearTimer(this.#timers.get(id));
    this.#timers.delete(id);
    if (this.people.value.some((person) => person.id === id))
      this.people.value = this.people.value.filter((person) => person.id !== id);
  }

  clear(): void {
    for (const id of [...this.#timers.keys()]) this.stopped(id);
  }
}
