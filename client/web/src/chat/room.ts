/* room.ts: the room on the screen: its log, its people, and what one can do in it. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import type { Conn } from '../shared/conn.ts';
import type { Outbox, OutboxEntry } from '../shared/outbox.ts';
import { asProblem } from '../shared/problem.ts';
import { excerpt } from '../shared/text.ts';
import type { Me, Message, MessagePage, RoomEvent } from '../shared/types.ts';
import type { Announcer } from './announcer.ts';
import { page_size, RoomLog } from './log.ts';
import { Presence, Typing } from './people.ts';
import { type Rooms, roomTitle } from './rooms.ts';

const typing_gap_ms = 3_000;
const read_delay_ms = 400;
/* The most the server gives at once. */
const page_max = 200;

export interface RoomParts {
  api: Api;
  conn: Conn;
  rooms: Rooms;
  outbox: Outbox;
  announcer: Announcer;
  me: Me;
}

export class OpenRoom {
  readonly log: RoomLog;
  readonly presence = new Presence();
  readonly typing = new Typing();
  /** Why there is nothing to see. */
  readonly error = signal('');
  /** Trying again may help. */
  readonly isErrorTemporary = signal(false);
  /** Membership was lost while the room, a public one, is still there to read. */
  readonly isRemoved = signal(false);
  /** As it was called last: the list forgets a room that is lost. */
  readonly title = signal('');
  /** Messages after this one were new when the room was opened; it stays until one leaves. */
  readonly divider = signal<number | null>(null);
  readonly isAtEnd = signal(true);
  readonly replyTo = signal<Message | null>(null);
  readonly editing = signal<number | null>(null);
  /** A refused message on its way back to where one writes. */
  readonly refill = signal('');

  readonly #parts: RoomParts;
  #stopListening: () => void = () => {};
  #isStopped = false;
  #isLoading = false;
  #typingSentAt = 0;
  #readTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: number,
    parts: RoomParts,
  ) {
    this.#parts = parts;
    this.log = new RoomLog(parts.me.user.id);
  }

  /** Read the latest page, then listen from exactly there on: nothing falls between. */
  async start(): Promise<void> {
    const { api, conn, rooms } = this.#parts;
    this.error.value = '';
    this.isRemoved.value = false;
    this.#stopListening();
    try {
      const room = rooms.all.value.get(this.id) ?? (await rooms.fetch(this.id));
      this.title.value = roomTitle(room);
      const unread = room.membership?.unread ?? 0;
      if (unread > 0) this.divider.value = room.membership?.read_offset ?? null;
      // Enough to reach the first unread one, if one page can.
      const limit = Math.min(page_max, Math.max(page_size, unread + 10));
      const load = this.log.begin(true);
      const page = await api.get<MessagePage>(`/room/${this.id}/message?limit=${limit}`);
      if (this.#isStopped || !this.log.reset(load, page)) return;
      this.#heal(page.items);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#stopListening = conn.listen(
      this.id,
      { offset: this.log.offset, epoch: this.log.epoch },
      {
        onEvent: (event, offset) => this.#receive(event, offset),
        onSubscribed: (recovered) => {
          if (!recovered) void this.latest();
        },
        onUnsubscribed: () => void this.#lost(),
        onPresence: (clients) => this.presence.reset(clients),
        onJoin: (info) => this.presence.join(info),
        onLeave: (info) => this.presence.leave(info),
      },
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopListening();
    this.typing.clear();
    clearTimeout(this.#readTimer);
  }

  /** The newest page in place of what is shown, and its end in view. */
  async latest(): Promise<void> {
    const load = this.log.begin(true);
    try {
      const page = await this.#page(`limit=${page_size}`);
      if (this.log.reset(load, page)) this.isAtEnd.value = true;
      this.#heal(page.items);
    } catch (error) {
      this.log.cancel(load);
      this.#fail(error);
    }
  }

  /** Own words are always shown where they land. */
  toEnd(): void {
    if (this.log.hasNewer.value) void this.latest();
    else {
      this.log.follow(true);
      this.isAtEnd.value = true;
    }
  }

  loadOlder(): Promise<void> {
    const first = this.log.messages.value[0];
    if (!first || !this.log.hasOlder.value) return Promise.resolve();
    return this.#loadMore(`before=${first.offset}&limit=${page_size}`, (load, page) =>
      this.log.prepend(load, page),
    );
  }

  loadNewer(): Promise<void> {
    const last = this.log.messages.value.at(-1);
    if (!last || !this.log.hasNewer.value) return Promise.resolve();
    return this.#loadMore(`after=${last.offset}&limit=${page_size}`, (load, page) =>
      this.log.append(load, page, page_size),
    );
  }

  /** The person has seen the end of the log. */
  seen(): void {
    const membership = this.#parts.rooms.all.value.get(this.id)?.membership;
    const last = this.log.messages.value.at(-1);
    if (!membership || !last || this.log.hasNewer.value) return;
    if (last.offset <= membership.read_offset || this.#readTimer !== undefined) return;
    this.#readTimer = setTimeout(() => {
      this.#readTimer = undefined;
      const offset = this.log.messages.value.at(-1)?.offset ?? last.offset;
      // A mark that did not arrive is set again with the next message.
      this.#parts.rooms.markRead(this.id, offset).catch(() => {});
    }, read_delay_ms);
  }

  say(text: string): void {
    this.#parts.outbox.add(this.id, text, this.replyTo.value?.id ?? null);
    this.replyTo.value = null;
    this.#typingSentAt = 0;
    this.toEnd();
  }

  /** Take a refused message back to write it anew. */
  rewrite(entry: OutboxEntry): void {
    this.#parts.outbox.remove(entry.key);
    const messages = this.log.messages.value;
    this.replyTo.value = messages.find((message) => message.id === entry.reply_to) ?? null;
    this.refill.value = entry.text;
  }

  /** Tell the others, but not with every key. */
  isTyping(): void {
    const now = Date.now();
    if (now - this.#typingSentAt < typing_gap_ms || !this.#parts.conn.isConnected.value) return;
    this.#typingSentAt = now;
    this.#parts.conn.rpc('room.typing', { id: this.id }).catch(() => {});
  }

  async edit(id: number, text: string): Promise<void> {
    this.log.replace(await this.#parts.api.patch<Message>(`/message/${id}`, { text }));
  }

  remove(id: number): Promise<void> {
    return this.#parts.api.delete(`/message/${id}`);
  }

  react(message: Message, emoji: string): Promise<unknown> {
    const reaction = message.reactions?.find((other) => other.emoji === emoji);
    const path = `/message/${message.id}/reaction`;
    return reaction?.users.includes(this.#parts.me.user.id)
      ? this.#parts.api.delete(`${path}/${encodeURIComponent(emoji)}`)
      : this.#parts.api.post(path, { emoji });
  }

  #receive(event: RoomEvent, offset: number | undefined): void {
    const { me, rooms } = this.#parts;
    if (event.event === 'typing') {
      if (event.user !== me.user.id) this.typing.started({ id: event.user, name: event.name });
      return;
    }
    if (offset === undefined || !this.log.receive(event, offset)) return;
    if (event.event === 'message.created') this.#said(event.message);
    if (event.event !== 'message.created' || event.message.author === me.user.id)
      rooms.passed(this.id, offset);
    if (event.event === 'room.updated') rooms.patch(event.room);
    if (event.event === 'member.left') this.typing.stopped(event.user);
    if (event.event === 'member.joined') this.#countMembers(1);
    if (event.event === 'member.left') this.#countMembers(-1);
    if (event.event === 'member.left' && event.user === me.user.id) this.isRemoved.value = true;
    if (event.event === 'member.updated' && event.member.user === me.user.id)
      rooms.setRole(this.id, event.member.role);
  }

  #said(message: Message): void {
    const { me, outbox, announcer } = this.#parts;
    this.typing.stopped(message.author);
    if (message.author !== me.user.id)
      announcer.say(`${message.author_name}: ${excerpt(message.text, 200)}`);
    else if (message.key) outbox.remove(message.key);
  }

  #countMembers(change: number): void {
    const room = this.#parts.rooms.all.value.get(this.id);
    if (room) this.#parts.rooms.patch({ id: this.id, members: Math.max(0, room.members + change) });
  }

  /* Messages found in the history need no sending any more, even if their answer was lost. */
  #heal(messages: readonly Message[]): void {
    for (const message of messages)
      if (message.key && message.author === this.#parts.me.user.id)
        this.#parts.outbox.remove(message.key);
  }

  async #loadMore(
    query: string,
    join: (load: number, page: MessagePage) => boolean,
  ): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const load = this.log.begin();
    try {
      const isJoined = join(load, await this.#page(query));
      if (!isJoined) await this.latest();
    } catch {
      // Scrolling further asks again; what is shown stays right.
      this.log.cancel(load);
    }
    this.#isLoading = false;
  }

  #page(query: string): Promise<MessagePage> {
    return this.#parts.api.get<MessagePage>(`/room/${this.id}/message?${query}`);
  }

  /* The server ended the subscription; why, the room itself tells best. */
  async #lost(): Promise<void> {
    const { rooms } = this.#parts;
    const room = rooms.all.value.get(this.id);
    const title = room ? roomTitle(room) : this.title.value;
    this.title.value = title;
    this.isErrorTemporary.value = false;
    this.error.value = `You can no longer read ${title}.`;
    try {
      await rooms.fetch(this.id);
      // A permission may come back.
      this.isErrorTemporary.value = true;
    } catch (error) {
      if (asProblem(error).status !== 404) return;
      this.error.value = room?.membership
        ? `You are no longer a member of ${title}, or it was deleted.`
        : `${title} was deleted or made private.`;
    }
  }

  #fail(error: unknown): void {
    const problem = asProblem(error);
    this.error.value = problem.words;
    this.isErrorTemporary.value = problem.isTemporary;
  }
}
