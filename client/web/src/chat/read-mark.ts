/* read-mark.ts: how far one has read in the open room. The mark moves by what was seen, or by hand. */
import { signal } from '@preact/signals-core';
import type { RoomLog } from './log.ts';
import type { Rooms } from './rooms.ts';

const delay_ms = 400;

/** The window is in front: what comes is seen. */
export function isLookedAt(): boolean {
  return !document.hidden && document.hasFocus();
}

export class ReadMark {
  /** Marked as unread by hand: nothing is read here any more until one comes back. */
  readonly isKeptUnread = signal(false);

  readonly #room: number;
  readonly #rooms: Rooms;
  readonly #log: RoomLog;
  #seenOffset = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(room: number, rooms: Rooms, log: RoomLog) {
    this.#room = room;
    this.#rooms = rooms;
    this.#log = log;
  }

  /** Null for who is not a member. */
  get offset(): number | null {
    return this.#rooms.all.value.get(this.#room)?.membership?.read_offset ?? null;
  }

  /** How far one has seen, whether or not the server knows of it yet. */
  get seenUpTo(): number | null {
    const mark = this.offset;
    return mark === null ? null : Math.max(mark, this.#seenOffset);
  }

  /** Whether there is anything that could be seen: it is asked with every move of the pointer. */
  get isBehind(): boolean {
    const seen = this.seenUpTo;
    const last = this.#log.messages.value.at(-1)?.offset ?? 0;
    return seen !== null && !this.isKeptUnread.value && last > seen;
  }

  /** The message at @offset was in view, and somebody was there. @isAtEnd: one went to the end of the room. */
  seen(offset: number, isAtEnd: boolean): void {
    if (!this.isBehind || offset <= (this.seenUpTo ?? 0)) return;
    if (!isAtEnd && !this.#isUnbroken) return;
    this.#seenOffset = offset;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#set(this.#seenOffset);
    }, delay_ms);
  }

  /** All of it. */
  setRead(): void {
    this.isKeptUnread.value = false;
    this.#set(Math.max(this.#rooms.all.value.get(this.#room)?.offset ?? 0, this.#log.offset));
  }

  /** Unread from the message at @offset on. */
  async setUnread(offset: number): Promise<void> {
    this.#cancel();
    await this.#rooms.markUnread(this.#room, offset - 1);
    this.isKeptUnread.value = true;
    this.#seenOffset = 0;
  }

  /** One leaves: what was seen and not told yet is told now. */
  stop(): void {
    const isPending = this.#timer !== undefined;
    this.#cancel();
    if (isPending) this.#set(this.#seenOffset);
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /* Nothing unseen lies between the mark and the rows that are held. */
  get #isUnbroken(): boolean {
    const first = this.#log.messages.value[0]?.offset ?? 0;
    return !this.#log.hasOlder.value || first <= (this.offset ?? 0) + 1;
  }

  #set(offset: number): void {
    this.#rooms.markRead(this.#room, offset).catch(() => {
      // A mark that did not arrive is set again with the next thing that is seen.
      this.#seenOffset = 0;
    });
  }
}
