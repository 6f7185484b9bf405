/* rooms.ts: the rooms a person is in or could join, and what is unread in them. */
import { computed, signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import type { Page, Room, RoomKind, UserEvent } from '../shared/types.ts';

const pages_max = 20;
const recount_gap_ms = 500;

export class Rooms {
  readonly all = signal<ReadonlyMap<number, Room>>(new Map());
  readonly isReady = signal(false);
  readonly error = signal('');

  readonly mine = computed(() => this.#sorted((room) => room.membership && room.kind !== 'direct'));
  readonly direct = computed(() => this.#sorted((room) => room.kind === 'direct'));
  readonly open = computed(() =>
    this.#sorted((room) => !room.membership && room.kind === 'public'),
  );
  readonly unread = computed(() => {
    let unread = 0;
    for (const room of this.all.value.values()) unread += room.membership?.unread ?? 0;
    return unread;
  });

  readonly #api: Api;
  readonly #pause: () => Promise<unknown>;
  readonly #uncertain = new Set<number>();
  #isRecounting = false;
  /* How often one came or went, and when for each room: an answer that was asked for earlier must not undo it. */
  #moves = 0;
  readonly #moved = new Map<number, number>();

  constructor(
    api: Api,
    pause = (): Promise<unknown> => new Promise((done) => setTimeout(done, recount_gap_ms)),
  ) {
    this.#api = api;
    this.#pause = pause;
  }

  async load(): Promise<void> {
    const asked = this.#moves;
    try {
      const all = new Map<number, Room>();
      let cursor: string | number | null = null;
      for (let page = 0; page < pages_max; page++) {
        const query: string = cursor === null ? '' : `&after=${encodeURIComponent(cursor)}`;
        const answer: Page<Room> = await this.#api.get(`/room?limit=200${query}`);
        for (const room of answer.items) all.set(room.id, this.#withNewerMark(room));
        cursor = answer.next;
        if (cursor === null) break;
      }
      for (const [id, move] of this.#moved) {
        if (move <= asked) continue;
        const known = this.all.value.get(id);
        if (known) all.set(id, known);
        else all.delete(id);
      }
      this.all.value = all;
      this.isReady.value = true;
      this.error.value = '';
    } catch (error) {
      this.error.value = (error as Error).message;
    }
  }

  /** One room, asked for again: somebody was sent here by a link, or its entry is stale. */
  async fetch(id: number): Promise<Room> {
    for (;;) {
      const asked = this.#moves;
      const room = await this.#api.get<Room>(`/room/${id}`);
      if ((this.#moved.get(id) ?? 0) <= asked) return this.put(this.#withNewerMark(room));
    }
  }

  async create(kind: RoomKind, name: string, topic: string): Promise<Room> {
    return this.put(
      await this.#api.post<Room>('/room', topic ? { kind, name, topic } : { kind, name }),
    );
  }

  async startDirect(user: number): Promise<Room> {
    return this.put(await this.#api.post<Room>('/direct', { user }));
  }

  async join(id: number): Promise<Room> {
    await this.#api.post(`/room/${id}/join`);
    return this.fetch(id);
  }

  async leave(id: number): Promise<void> {
    await this.#api.post(`/room/${id}/leave`);
    const room = this.all.value.get(id);
    if (room?.kind === 'public') this.put({ ...room, membership: null });
    else this.remove(id);
  }

  async markRead(id: number, offset: number): Promise<void> {
    this.#setRead(id, offset, 0);
    const read = await this.#api.post<{ read_offset: number; unread: number }>(`/room/${id}/read`, {
      offset,
    });
    this.#setRead(id, read.read_offset, read.unread);
  }

  receive(event: UserEvent): void {
    if (event.event === 'room.added') this.#moved.set(event.room.id, ++this.#moves);
    if (event.event === 'room.removed') this.#moved.set(event.room, ++this.#moves);
    if (event.event === 'room.added') this.put(event.room);
    if (event.event === 'room.removed') void this.#removed(event.room);
    if (event.event === 'read') this.#setRead(event.room, event.read_offset, event.unread);
    if (event.event === 'unread') this.#countUnread(event.room, event.offset);
  }

  put(room: Room): Room {
    this.all.value = new Map(this.all.value).set(room.id, room);
    return room;
  }

  /** A change that tells only some of the fields, as room.updated may. */
  patch(change: Partial<Room> & { id: number }): void {
    const room = this.all.value.get(change.id);
    // What is sent to all members cannot know which of them is reading it.
    if (room) this.put({ ...room, ...change, membership: room.membership, with: room.with });
  }

  setRole(id: number, role: string): void {
    const room = this.all.value.get(id);
    if (room?.membership) this.put({ ...room, membership: { ...room.membership, role } });
  }

  /** An event of a room that nobody need read, such as one's own message. */
  passed(id: number, offset: number): void {
    const room = this.all.value.get(id);
    if (room && offset === room.offset + 1) this.put({ ...room, offset });
  }

  remove(id: number): void {
    const all = new Map(this.all.value);
    if (all.delete(id)) this.all.value = all;
  }

  #setRead(id: number, read_offset: number, unread: number): void {
    const room = this.all.value.get(id);
    if (!room?.membership || room.membership.read_offset > read_offset) return;
    this.put({ ...room, membership: { ...room.membership, read_offset, unread } });
  }

  #countUnread(id: number, offset: number): void {
    const room = this.all.value.get(id);
    // Counted already: the list was read after the message came.
    if (!room?.membership || offset <= room.offset) return;
    // One notice may stand for several messages, and not every offset is a message.
    if (offset > room.offset + 1) void this.#recount(id);
    const membership = { ...room.membership, unread: room.membership.unread + 1 };
    this.put({ ...room, offset, membership });
  }

  /* One room at a time and not too fast: many lively rooms must not become a storm of requests. */
  async #recount(id: number): Promise<void> {
    this.#uncertain.add(id);
    if (this.#isRecounting) return;
    this.#isRecounting = true;
    // What is added meanwhile is met by this same loop.
    for (const uncertain of this.#uncertain) {
      await this.#pause();
      this.#uncertain.delete(uncertain);
      // Without an answer the count stays a guess until the next connect.
      await this.fetch(uncertain).catch(() => {});
    }
    this.#isRecounting = false;
  }

  /* An answer that was on its way while something was read must not bring the badge back. */
  #withNewerMark(room: Room): Room {
    const known = this.all.value.get(room.id)?.membership;
    const isNewer = known && room.membership && known.read_offset > room.membership.read_offset;
    return isNewer ? { ...room, membership: known } : room;
  }

  /* A public room may still be read from outside, unless it is gone altogether. */
  async #removed(id: number): Promise<void> {
    if (this.all.value.get(id)?.kind === 'public')
      try {
        await this.fetch(id);
        return;
      } catch {
        // Gone, or out of reach; the list is read again after the next connect.
      }
    this.remove(id);
  }

  #sorted(filter: (room: Room) => unknown): Room[] {
    const rooms = [...this.all.value.values()].filter(filter);
    return rooms.sort((a, b) => roomName(a).localeCompare(roomName(b)) || a.id - b.id);
  }
}

export function roomName(room: Room): string {
  return room.with?.name ?? room.name;
}

/** As it is said in a sentence or over a field. */
export function roomTitle(room: Room): string {
  return room.kind === 'direct' ? roomName(room) : `#${room.name}`;
}
