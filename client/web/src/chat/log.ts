/* log.ts: the messages of one room that the page holds: an unbroken stretch of its history.
 *
 * Pages come by REST, events by the socket, and the two overlap. Everything is keyed by offset and
 * message id, so an event may come twice, and a page may be older or newer than the events around
 * it. Events that come while a page is on its way are applied again after it if the page did not
 * know them; each of them may be applied twice without harm.
 *
 * Events are applied at once, but shown together with all others of the same frame: hundreds in a
 * second would otherwise have the page draw itself as often. */
import { batch, signal } from '@preact/signals-core';
import type { Message, MessagePage, Reaction, RoomEvent } from '../shared/types.ts';

/* More rows make every keystroke and scroll step dearer. */
export const rows_max = 300;
export const page_size = 50;
const logs_max = 10;
/* A hidden page draws no frames, but its title and its announcements go on. */
const hidden_ms = 250;

/** Calls back when there is something to be gained by drawing. */
export type Frame = (draw: () => void) => void;

export const nextFrame: Frame = (draw) => {
  if (document.hidden) setTimeout(draw, hidden_ms);
  else requestAnimationFrame(draw);
};

interface Numbered {
  event: RoomEvent;
  offset: number;
}

export class RoomLog {
  /** Oldest first. */
  readonly messages = signal<readonly Message[]>([]);
  readonly isReady = signal(false);
  readonly hasOlder = signal(false);
  /** The stretch ends before the present: the reader went far back. */
  readonly hasNewer = signal(false);
  /** How many messages of others came while the reader was elsewhere. */
  readonly missed = signal(0);

  epoch = '';
  /** Everything up to here has been applied. */
  offset = 0;

  readonly #myId: number;
  readonly #frame: Frame;
  /* What `messages` and `missed` will be at the next frame. */
  #rows: readonly Message[] = [];
  #news = 0;
  #isDrawing = false;
  #load = 0;
  #duringLoad: Numbered[] | null = null;
  #isFollowing = true;

  constructor(myId: number, frame: Frame = (draw) => draw()) {
    this.#myId = myId;
    this.#frame = frame;
  }

  has(id: number): boolean {
    return this.#rows.some((message) => message.id === id);
  }

  /** Following: the end is in view, so old rows may go at the top and new ones are seen. */
  follow(isFollowing: boolean): void {
    this.#isFollowing = isFollowing && !this.hasNewer.value;
    // What is yet to be drawn cannot be in view.
    if (!this.#isFollowing || this.#isDrawing) return;
    this.#news = 0;
    this.missed.value = 0;
  }

  /** Show now what else the next frame would. */
  draw(): void {
    batch(() => {
      this.messages.value = this.#rows;
      this.missed.value = this.#news;
    });
  }

  /** Announce that a page was asked for. Hand the number back with it: only the last asked counts. */
  begin(isReload = false): number {
    if (isReload || !this.#duringLoad) this.#duringLoad = [];
    // The history may be a new one, counting from the start again: no event of it is "known".
    if (isReload) this.offset = 0;
    this.#load += 1;
    return this.#load;
  }

  cancel(load: number): void {
    if (load === this.#load) this.#duringLoad = null;
  }

  /** One may no longer read it: nothing of it stays here, and what is on its way is not taken. */
  forget(): void {
    this.#load += 1;
    this.#duringLoad = null;
    this.offset = 0;
    this.#rows = [];
    this.#news = 0;
    batch(() => {
      this.isReady.value = false;
      this.hasOlder.value = false;
      this.hasNewer.value = false;
      this.draw();
    });
  }

  /** A page in place of all there is: the latest one, or one around a message. */
  reset(load: number, page: MessagePage): boolean {
    if (load !== this.#load) return false;
    this.epoch = page.epoch;
    this.offset = page.offset;
    this.hasOlder.value = page.next !== null;
    this.hasNewer.value = hasNewer(page);
    this.follow(this.#isFollowing);
    this.#rows = page.items;
    this.#news = 0;
    this.#finish(page);
    this.isReady.value = true;
    return true;
  }

  /** An older page. False if it cannot be joined, because the history was replaced meanwhile. */
  prepend(load: number, page: MessagePage): boolean {
    if (load !== this.#load) return true;
    if (page.epoch !== this.epoch) return false;
    const first = this.#rows[0]?.offset ?? Number.POSITIVE_INFINITY;
    const older = page.items.filter((message) => message.offset < first);
    const all = [...older, ...this.#rows];
    this.hasOlder.value = page.next !== null;
    if (all.length > rows_max) this.hasNewer.value = true;
    this.follow(this.#isFollowing);
    this.#rows = all.slice(0, rows_max);
    this.#finish(page);
    return true;
  }

  /** The page after the last row held. */
  append(load: number, page: MessagePage): boolean {
    if (load !== this.#load) return true;
    if (page.epoch !== this.epoch) return false;
    const last = this.#rows.at(-1)?.offset ?? 0;
    const newer = page.items.filter((message) => message.offset > last);
    const all = [...this.#rows, ...newer];
    // Who asks for what is newer reads at the lower edge: above there is nothing to hold.
    if (all.length > rows_max) this.hasOlder.value = true;
    this.#rows = all.slice(-rows_max);
    this.hasNewer.value = hasNewer(page);
    this.#finish(page);
    return true;
  }

  /** A live or recovered event. False if it was known already. */
  receive(event: RoomEvent, offset: number): boolean {
    if (offset <= this.offset && this.isReady.value) return false;
    this.#duringLoad?.push({ event, offset });
    // Before the first page there is nothing to apply to; it is applied after it.
    if (!this.isReady.value) return true;
    this.offset = offset;
    this.#apply(event);
    if (event.event === 'message.created' && event.message.author !== this.#myId)
      if (!this.#isFollowing) this.#news += 1;
    this.#drawSoon();
    return true;
  }

  /** A message that an answer brought before its event: it has no say about the position. */
  add(message: Message): void {
    if (this.isReady.value) this.#insert(message);
    this.draw();
  }

  /** A changed message from the answer to the change. */
  replace(message: Message): void {
    this.#update(message);
    this.draw();
  }

  #drawSoon(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    this.#frame(() => {
      this.#isDrawing = false;
      this.draw();
    });
  }

  #finish(page: MessagePage): void {
    const missed = this.#duringLoad ?? [];
    this.#duringLoad = null;
    for (const { event, offset } of missed) {
      if (offset <= page.offset) continue;
      this.offset = Math.max(this.offset, offset);
      this.#apply(event);
    }
    this.draw();
  }

  #apply(event: RoomEvent): void {
    if (event.event === 'message.created') this.#insert(event.message);
    else if (event.event === 'message.updated') this.#update(event.message);
    else if (event.event === 'message.deleted') this.#delete(event.message);
    else if (event.event === 'reaction.added' || event.event === 'reaction.removed')
      this.#change(event.message, (message) => ({
        ...message,
        reactions: react(message.reactions ?? [], event),
      }));
  }

  #insert(message: Message): void {
    const messages = this.#rows;
    if (messages.some((other) => other.id === message.id)) {
      this.#update(message);
      return;
    }
    if (this.hasNewer.value) return;
    const first = messages[0];
    if (first && message.offset < first.offset && this.hasOlder.value) return;
    let index = messages.length;
    while (index > 0 && (messages[index - 1] as Message).offset > message.offset) index--;
    const all = [...messages.slice(0, index), message, ...messages.slice(index)];
    if (all.length > rows_max && this.#isFollowing) {
      this.hasOlder.value = true;
      this.#rows = all.slice(-rows_max);
    } else if (all.length > rows_max) {
      // Someone reads far up: take nothing away above, and stop growing below.
      this.hasNewer.value = true;
      this.#rows = all.slice(0, rows_max);
    } else this.#rows = all;
  }

  #update(message: Message): void {
    this.#change(message.id, (old) =>
      message.version < old.version || old.deleted
        ? old
        : { ...old, ...message, reactions: message.reactions ?? old.reactions },
    );
  }

  #delete({ id, version }: Pick<Message, 'id'> & Partial<Message>): void {
    this.#change(id, (message) => ({
      ...message,
      text: '',
      deleted: true,
      reactions: undefined,
      version: version ?? message.version + 1,
    }));
  }

  #change(id: number, change: (message: Message) => Message): void {
    const messages = this.#rows;
    const index = messages.findIndex((message) => message.id === id);
    const old = messages[index];
    if (!old) return;
    const changed = change(old);
    if (changed === old) return;
    const all = messages.slice();
    all[index] = changed;
    this.#rows = all;
  }
}

function hasNewer(page: MessagePage): boolean {
  return page.newer !== undefined && page.newer !== null;
}

/** The logs of the rooms one was in lately: going back shows them at once. */
export class KeptLogs {
  readonly #logs = new Map<number, RoomLog>();

  take(room: number): RoomLog | undefined {
    const log = this.#logs.get(room);
    this.#logs.delete(room);
    return log;
  }

  /** Those of other rooms are let go: one may no longer read there. */
  retain(mayRead: (room: number) => boolean): void {
    for (const room of [...this.#logs.keys()]) if (!mayRead(room)) this.#logs.delete(room);
  }

  /** Only what reaches the present, and knows its position there, can catch up by itself. */
  keep(room: number, log: RoomLog): void {
    if (!log.isReady.value || log.hasNewer.value || log.offset === 0) return;
    this.#logs.set(room, log);
    for (const oldest of this.#logs.keys()) {
      if (this.#logs.size <= logs_max) return;
      this.#logs.delete(oldest);
    }
  }
}

function react(
  reactions: readonly Reaction[],
  event: { event: string; user: number; emoji: string },
): Reaction[] | undefined {
  const others = reactions.filter((reaction) => reaction.emoji !== event.emoji);
  const before = reactions.find((reaction) => reaction.emoji === event.emoji)?.users ?? [];
  const users = before.filter((user) => user !== event.user);
  if (event.event === 'reaction.added') users.push(event.user);
  if (users.length === 0) return others.length > 0 ? others : undefined;
  const changed = { emoji: event.emoji, users };
  const index = reactions.findIndex((reaction) => reaction.emoji === event.emoji);
  return index < 0
    ? [...others, changed]
    : reactions.map((reaction, place) => (place === index ? changed : reaction));
}
