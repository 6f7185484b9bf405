/* room.ts: the room on the screen: its log, its people, and what one can do in it. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import type { Conn } from '../shared/conn.ts';
import type { Outbox, OutboxEntry } from '../shared/outbox.ts';
import { asProblem, type Problem } from '../shared/problem.ts';
import { messageOf, path } from '../shared/router.ts';
import { excerpt } from '../shared/text.ts';
import type { Me, Message, MessagePage, RoomEvent } from '../shared/types.ts';
import type { Announcer } from './announcer.ts';
import { type KeptLogs, nextFrame, page_size, RoomLog } from './log.ts';
import { Names, Presence, Typing } from './people.ts';
import { Quotes } from './quotes.ts';
import { isLookedAt, ReadMark } from './read-mark.ts';
import { type Rooms, roomTitle } from './rooms.ts';

const typing_gap_ms = 3_000;
/* The most the server gives at once. */
const page_max = 200;
/* What is read again before the first new message, to know what it is about. */
const context_rows = 10;

export interface RoomParts {
  api: Api;
  conn: Conn;
  rooms: Rooms;
  outbox: Outbox;
  announcer: Announcer;
  logs: KeptLogs;
  me: Me;
}

/** Something to say about what was just done. */
export interface Notice {
  text: string;
  isError: boolean;
}

export class OpenRoom {
  readonly log: RoomLog;
  readonly mark: ReadMark;
  readonly quotes: Quotes;
  readonly presence = new Presence();
  readonly names: Names;
  readonly typing = new Typing();
  /** Why there is nothing to see. */
  readonly error = signal('');
  /** Trying again may help. */
  readonly isErrorTemporary = signal(false);
  /** Membership was lost while the room, a public one, is still there to read. */
  readonly isRemoved = signal(false);
  /** As it was called last: the list forgets a room that is lost. */
  readonly title = signal('');
  /** Messages after this one were new when the room was opened, or came while nobody looked; it stays until one
   * leaves. */
  readonly divider = signal<number | null>(null);
  readonly isAtEnd = signal(true);
  readonly replyTo = signal<Message | null>(null);
  readonly editing = signal<number | null>(null);
  /** A refused message on its way back to where one writes. */
  readonly refill = signal('');
  /** The message that the address leads to: marked, and brought into view once. */
  readonly target = signal<{ id: number } | null>(null);
  /** The row that has the focus, or had it last. */
  readonly current = signal<number | null>(null);
  /** The row under the pointer. */
  readonly hovered = signal<number | null>(null);
  /** What is asked about a message before it is done. */
  readonly asked = signal<{ what: 'delete' | 'react'; message: Message } | null>(null);
  readonly notice = signal<Notice | null>(null);
  /** Why no more could be fetched above or below what is shown. */
  readonly moreError = signal('');
  /** Grows with every change of what is pinned, or may be. */
  readonly pinChanges = signal(0);
  /** The first message in view. */
  place: number | null = null;

  readonly #parts: RoomParts;
  #stopListening: () => void = () => {};
  #isStopped = false;
  #isLoading = false;
  #replacing = 0;
  /* Of each start and each loss: what an older one is still answered is not shown. */
  #turn = 0;
  #typingSentAt = 0;

  constructor(
    readonly id: number,
    parts: RoomParts,
  ) {
    this.#parts = parts;
    this.log = parts.logs.take(id) ?? new RoomLog(parts.me.user.id, nextFrame);
    this.log.follow(true);
    this.mark = new ReadMark(id, parts.rooms, this.log);
    this.quotes = new Quotes(parts.api, this.log);
    this.names = new Names(parts.me.user.id, this.presence, this.log);
  }

  /** Read what is to be shown first, then listen from exactly there on: nothing falls between. */
  async start(): Promise<void> {
    const { conn, rooms } = this.#parts;
    const turn = ++this.#turn;
    this.error.value = '';
    this.isRemoved.value = false;
    this.#stopListening();
    try {
      const room = rooms.all.value.get(this.id) ?? (await rooms.fetch(this.id));
      this.title.value = roomTitle(room);
      if (this.#unread > 0) this.divider.value = room.membership?.read_offset ?? null;
      if (!(await this.#open(messageOf(path.value))) || turn !== this.#turn) return;
    } catch (error) {
      if (!this.#isStopped && turn === this.#turn) this.#fail(error);
      return;
    }
    this.#stopListening = conn.listen(
      this.id,
      { offset: this.log.offset, epoch: this.log.epoch },
      {
        onEvent: (event, offset) => this.#receive(event, offset),
        onSubscribed: (recovered) => {
          this.quotes.retry();
          if (!recovered) void this.#renew();
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
    if (!this.error.value) this.#parts.logs.keep(this.id, this.log);
    this.#parts.announcer.clear();
    this.typing.clear();
    this.mark.stop();
  }

  /** The newest page in place of what is shown, and its end in view. */
  async latest(): Promise<void> {
    const problem = await this.#replace(this.#latestQuery());
    if (!problem) this.isAtEnd.value = true;
    else if (this.log.isReady.value) this.notice.value = { text: problem.words, isError: true };
    else this.#fail(problem);
  }

  /** Go to a message, wherever in the history it is. */
  async show(id: number): Promise<void> {
    this.notice.value = null;
    this.target.value = { id };
    const problem = this.log.has(id) ? null : await this.#replace(aroundQuery(id));
    if (problem) this.#cannotShow(problem);
  }

  /** Own words are always shown where they land. */
  toEnd(): void {
    this.target.value = null;
    if (this.log.hasNewer.value) void this.latest();
    else {
      this.log.follow(true);
      this.isAtEnd.value = true;
    }
  }

  loadOlder(): Promise<void> {
    const first = this.log.messages.value[0];
    if (!first || !this.log.hasOlder.value) return Promise.resolve();
    return this.#loadMore(`before=${first.offset}`, (load, page) => this.log.prepend(load, page));
  }

  loadNewer(): Promise<void> {
    const last = this.log.messages.value.at(-1);
    if (!last || !this.log.hasNewer.value) return Promise.resolve();
    return this.#loadMore(`after=${last.offset}`, (load, page) => this.log.append(load, page));
  }

  /** Unread from @message on, whatever is seen of it until one comes back. */
  async markUnread(message: Message): Promise<void> {
    await this.mark.setUnread(message.offset);
    this.divider.value = message.offset - 1;
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

  /** Say it if @action fails. */
  attempt(action: Promise<unknown>): void {
    this.notice.value = null;
    action.catch((error: unknown) => {
      const { status, words } = asProblem(error);
      const text = status < 0 ? 'Part of the page could not be loaded. Reload it.' : words;
      this.notice.value = { text, isError: true };
    });
  }

  #receive(event: RoomEvent, offset: number | undefined): void {
    const { me, rooms } = this.#parts;
    if (event.event === 'typing') {
      if (event.user !== me.user.id) this.typing.started({ id: event.user, name: event.name });
      return;
    }
    // In a window that nobody sees it is missed, unless the log then finds that all of it is in view.
    if (event.event === 'message.created' && document.hidden) this.log.follow(false);
    if (offset === undefined || !this.log.receive(event, offset)) return;
    if (event.event === 'message.created') this.#said(event.message);
    if (event.event === 'message.updated' || event.event === 'message.deleted')
      this.quotes.changed(event.message.id);
    if (event.event === 'reaction.added') this.names.met(event.user, event.name);
    if (event.event !== 'message.created' || event.message.author === me.user.id)
      rooms.passed(this.id, offset);
    if (/pinned|deleted/.test(event.event)) this.pinChanges.value++;
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
    if (message.author !== me.user.id) {
      this.#drawLine();
      announcer.say(`${message.author_name}: ${excerpt(message.text, 200)}`);
    } else if (outbox.entries.value.some((entry) => entry.key === message.key)) {
      // In one step: it must not be gone for a frame.
      this.log.draw();
      outbox.remove(message.key as string);
    }
  }

  /* Who comes back to the window finds the line where they had read to. */
  #drawLine(): void {
    const seen = this.mark.seenUpTo;
    if (seen === null || isLookedAt()) return;
    this.divider.value = Math.max(this.divider.value ?? 0, seen);
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

  /* False if the room was left meanwhile. */
  async #open(target: number | null): Promise<boolean> {
    if (target !== null) this.target.value = { id: target };
    if (target !== null && !this.log.has(target)) {
      const problem = await this.#replace(aroundQuery(target));
      if (problem && problem.status !== 404) throw problem;
      if (problem) this.#cannotShow(problem);
    }
    const isNear = this.#unread + context_rows <= page_max;
    const mark = this.mark.offset ?? 0;
    if (this.log.isReady.value && (target !== null || isNear)) {
      // Held already: what came since is told with the subscription.
    } else if (isNear) await this.#mustReplace(this.#latestQuery());
    else await this.#mustReplace(`after=${Math.max(0, mark - context_rows)}&limit=${page_size}`);
    return !this.#isStopped;
  }

  /* Enough to reach the first unread one, if one page can. */
  #latestQuery(): string {
    const rows = this.#unread + context_rows;
    return `limit=${rows > page_max ? page_size : Math.max(page_size, rows)}`;
  }

  /* Too much was missed to be told one by one: read anew what is shown, and keep the reader's place. */
  async #renew(): Promise<void> {
    const turn = this.#turn;
    const isReadingBack = !this.isAtEnd.value && this.place !== null;
    if (isReadingBack && !(await this.#replace(aroundQuery(this.place as number)))) return;
    if (turn !== this.#turn) return;
    const problem = await this.#replace(this.#latestQuery());
    if (this.#isStopped || turn !== this.#turn) return;
    if (!problem) this.isAtEnd.value = true;
    else this.#giveUp(problem);
  }

  /* What is held has a hole at its end: nothing may be put behind it, and it is not kept. */
  #giveUp(problem: Problem): void {
    this.#stopListening();
    this.log.forget();
    this.#fail(problem);
  }

  async #mustReplace(query: string): Promise<void> {
    const problem = await this.#replace(query);
    if (problem) throw problem;
  }

  /* Another page in place of what is shown; why not, if it could not be had. */
  async #replace(query: string): Promise<Problem | null> {
    const load = this.log.begin(true);
    this.#replacing += 1;
    try {
      const page = await this.#page(query);
      if (!this.#isStopped && this.log.reset(load, page)) this.#heal(page.items);
      return null;
    } catch (error) {
      this.log.cancel(load);
      return asProblem(error);
    } finally {
      this.#replacing -= 1;
    }
  }

  async #loadMore(
    query: string,
    join: (load: number, page: MessagePage) => boolean,
  ): Promise<void> {
    // While all of it is being replaced there is nothing to join to.
    if (this.#isLoading || this.#replacing > 0) return;
    this.#isLoading = true;
    const load = this.log.begin();
    try {
      const isJoined = join(load, await this.#page(`${query}&limit=${page_size}`));
      this.moreError.value = '';
      if (!isJoined) await this.latest();
    } catch (error) {
      // Scrolling further asks again; what is shown stays right.
      this.log.cancel(load);
      this.moreError.value = asProblem(error).words;
    }
    this.#isLoading = false;
  }

  #page(query: string): Promise<MessagePage> {
    return this.#parts.api.get<MessagePage>(`/room/${this.id}/message?${query}`);
  }

  get #unread(): number {
    return this.#parts.rooms.all.value.get(this.id)?.membership?.unread ?? 0;
  }

  #cannotShow(problem: Problem): void {
    this.target.value = null;
    const isGone = problem.status === 404;
    const text = isGone
      ? 'That message is not in this room any more. These are the latest ones.'
      : problem.words;
    this.notice.value = { text, isError: true };
  }

  /* The server ended the subscription; why, the room itself tells best. */
  async #lost(): Promise<void> {
    const { rooms } = this.#parts;
    const turn = ++this.#turn;
    const room = rooms.all.value.get(this.id);
    const title = room ? roomTitle(room) : this.title.value;
    this.title.value = title;
    this.isErrorTemporary.value = false;
    this.error.value = `You can no longer read ${title}.`;
    this.#forget();
    try {
      await rooms.fetch(this.id);
      // A permission may come back.
      if (turn === this.#turn) this.isErrorTemporary.value = true;
    } catch (error) {
      if (turn !== this.#turn || asProblem(error).status !== 404) return;
      this.error.value = room?.membership
        ? `You are no longer a member of ${title}, or it was deleted.`
        : `${title} was deleted or made private.`;
    }
  }

  /* Nothing that was said here may stay in the page: not for the eye, not for a screen reader, not for "Try again". */
  #forget(): void {
    this.log.forget();
    this.#parts.announcer.clear();
    this.typing.clear();
    this.quotes.forget();
    this.replyTo.value = null;
    this.editing.value = null;
    this.asked.value = null;
    this.notice.value = null;
  }

  #fail(error: unknown): void {
    const problem = asProblem(error);
    this.error.value = problem.words;
    this.isErrorTemporary.value = problem.isTemporary;
  }
}

function aroundQuery(id: number): string {
  return `around=${id}&limit=${page_size}`;
}
