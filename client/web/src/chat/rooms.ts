/* rooms.ts: the rooms a person is in or could join, and what is unread in them. */
import { computed, signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import type { Membership, Notify, Page, Room, RoomKind, UserEvent } from '../shared/types.ts';

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
    for (const room of this.all.value.values()) unread += unreadOf(room);
    return unread;
  });
  /** Rooms with something to catch up with: where one is named first, then who speaks to me alone. */
  readonly catchUp = computed(() =>
    [...this.mine.value, ...this.direct.value]
      .filter((room) => unreadOf(room) > 0)
      .sort((a, b) => urgency(b) - urgency(a)),
  );

  readonly #api: Api;
  readonly #pause: () => Promise<unknown>;
  readonly #uncertain = new Set<number>();
  #isRecounting = false;
  /* How often one came or went, and when for each room: an answer that was asked for earlier must not undo it. */
  #moves = 0;
  readonly #moved = new Map<number, number>();
  /* The same for marks: when each was set last, and how many of one's own are on their way. */
  readonly #marked = new Map<number, number>();
  readonly #marking = new Map<number, number>();
  /* And for what was told of as unread: how far that went, and when it came. */
  readonly #told = new Map<number, { offset: number; move: number }>();

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
        for (const room of answer.items) all.set(room.id, room);
        cursor = answer.next;
        if (cursor === null) break;
      }
      // Only now: what is told of between two pages is told of once.
      for (const [id, room] of all) all.set(id, this.#withNews(room, asked));
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
      if ((this.#moved.get(id) ?? 0) <= asked && !this.#isBehind(room, asked))
        return this.put(this.#withNewerMark(room, asked));
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

  async update(id: number, change: Partial<Pick<Room, 'name' | 'topic' | 'kind'>>): Promise<Room> {
    return this.put(await this.#api.patch<Room>(`/room/${id}`, change));
  }

  async delete(id: number): Promise<void> {
    await this.#api.delete(`/room/${id}`);
    this.remove(id);
  }

  async leave(id: number): Promise<void> {
    await this.#api.post(`/room/${id}/leave`);
    const room = this.all.value.get(id);
    if (room?.kind === 'public') this.put({ ...room, membership: null });
    else this.remove(id);
  }

  /** Everything up to @offset has been read. */
  markRead(id: number, offset: number): Promise<void> {
    return this.#postMark(id, { offset });
  }

  /** Set the mark back: what came after @offset is unread again, here and in every other tab. */
  markUnread(id: number, offset: number): Promise<void> {
    return this.#postMark(id, { offset, unread: true });
  }

  async setNotify(id: number, notify: Notify): Promise<void> {
    await this.#api.patch(`/room/${id}/me`, { notify });
    this.#mark(id, { notify });
  }

  /** The room beside @current in the order of the list, round at its ends. */
  neighbour(current: number | null, step: 1 | -1): Room | undefined {
    const listed = [...this.mine.value, ...this.direct.value];
    const index = listed.findIndex((room) => room.id === current);
    if (index < 0) return listed.at(step > 0 ? 0 : -1);
    return listed[(index + step + listed.length) % listed.length];
  }

  nextUnread(current: number | null): Room | undefined {
    return this.catchUp.value.find((room) => room.id !== current);
  }

  receive(event: UserEvent): void {
    if (event.event === 'room.added') this.#moved.set(event.room.id, ++this.#moves);
    if (event.event === 'room.removed') this.#moved.set(event.room, ++this.#moves);
    if (event.event === 'room.added') this.put(event.room);
    if (event.event === 'room.removed') void this.#removed(event.room);
    if (event.event === 'read') this.#receiveMark(event);
    if (event.event === 'unread') this.#countUnread(event.room, event.offset, event.mention);
    if (event.event === 'room.preferences') this.#mark(event.room, { notify: event.notify });
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
    this.#mark(id, { role });
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

  #mark(id: number, change: Partial<Membership>): void {
    const room = this.all.value.get(id);
    if (!room?.membership) return;
    this.#marked.set(id, ++this.#moves);
    this.put({ ...room, membership: { ...room.membership, ...change } });
  }

  async #postMark(id: number, body: { offset: number; unread?: true }): Promise<void> {
    this.#marking.set(id, (this.#marking.get(id) ?? 0) + 1);
    try {
      const { read_offset, unread, mentions } = await this.#api.post<
        Pick<Membership, 'read_offset' | 'unread' | 'mentions'>
      >(`/room/${id}/read`, body);
      this.#mark(id, { read_offset, unread, mentions });
    } finally {
      this.#marking.set(id, (this.#marking.get(id) ?? 1) - 1);
    }
  }

  /* Another tab may set the mark back. But while one of this tab's is on its way, what is older than
   * what is shown was said before it. */
  #receiveMark({ room: id, read_offset, unread, mentions }: UserEvent & { event: 'read' }): void {
    const known = this.all.value.get(id)?.membership;
    if (known && known.read_offset > read_offset && this.#marking.get(id)) return;
    this.#mark(id, { read_offset, unread, mentions });
  }

  #countUnread(id: number, offset: number, mention = false): void {
    this.#told.set(id, { offset, move: ++this.#moves });
    const room = this.all.value.get(id);
    // Counted already: the list was read after the message came.
    if (!room?.membership || offset <= room.offset) return;
    // One notice may stand for several messages, and not every offset is a message.
    if (offset > room.offset + 1) void this.#recount(id);
    const { unread, mentions = 0 } = room.membership;
    const more = { unread: unread + 1, mentions: mentions + (mention ? 1 : 0) };
    this.put({ ...room, offset, membership: { ...room.membership, ...more } });
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

  /* An answer that was on its way while a message was told of does not know of it. */
  #isBehind(room: Room, asked: number): boolean {
    const told = this.#told.get(room.id);
    return told !== undefined && told.move > asked && told.offset > room.offset;
  }

  #withNews(room: Room, asked: number): Room {
    if (!room.membership || !this.#isBehind(room, asked)) return this.#withNewerMark(room, asked);
    // What it was counted to be meanwhile, if it was counted at all, is a guess.
    void this.#recount(room.id);
    const known = this.all.value.get(room.id);
    return known?.membership
      ? { ...room, offset: known.offset, membership: known.membership }
      : room;
  }

  /* An answer that was on its way while something was read must not bring the badge back. */
  #withNewerMark(room: Room, asked: number): Room {
    const known = this.all.value.get(room.id)?.membership;
    const isNewer = (this.#marked.get(room.id) ?? 0) > asked || this.#marking.get(room.id);
    return isNewer && known && room.membership ? { ...room, membership: known } : room;
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

/** A muted room counts only what names me. */
export function unreadOf({ membership }: Room): number {
  if (membership?.notify === 'none') return membership.mentions ?? 0;
  return membership?.unread ?? 0;
}

function urgency(room: Room): number {
  if (room.membership?.mentions) return 2;
  return room.kind === 'direct' ? 1 : 0;
}

export function roomName(room: Room): string {
  return room.with?.name ?? room.name;
}

/** As it is said in a sentence or over a field. */
export function roomTitle(room: Room): string {
  return room.kind === 'direct' ? roomName(room) : `#${room.name}`;
}
