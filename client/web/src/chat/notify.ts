/* notify.ts: tells of messages while one looks elsewhere: a notification of the system, a sound, or
 * both. Of all tabs of a person only one speaks, and none while one of them is being looked at. */
import { navigate } from '../shared/router.ts';
import { excerpt } from '../shared/text.ts';
import type { Message, Page, Room, UserEvent } from '../shared/types.ts';
import type { Chat } from './chat.ts';
import { roomTitle } from './rooms.ts';
import { type Settings, settings } from './settings.ts';

type Unread = Extract<UserEvent, { event: 'unread' }>;

/** Whether a message is worth a notification: the room's level first, then what the person chose. */
export function isWorthTelling(
  room: Room | undefined,
  event: Unread,
  { notifyAll }: Pick<Settings, 'notifyAll'>,
): boolean {
  const level = room?.membership?.notify ?? 'all';
  if (!room?.membership || level === 'none') return false;
  if (event.mention || room.kind === 'direct') return true;
  return level === 'all' && notifyAll;
}

/* Long enough for the other tabs to answer, too short to be missed. */
const offers_ms = 250;

interface Offer {
  about: string;
  tab: string;
  isLookedAt: boolean;
}

export interface TabsParts {
  post: (offer: Offer) => void;
  isLookedAt: () => boolean;
  tab: string;
  wait: () => Promise<unknown>;
}

/** Agrees with the other tabs on which one speaks. */
export class Tabs {
  readonly #parts: TabsParts;
  readonly #offers = new Map<string, Offer[]>();

  constructor(parts: TabsParts) {
    this.#parts = parts;
  }

  hear(offer: Offer): void {
    const known = this.#offers.get(offer.about) ?? [];
    this.#offers.set(offer.about, [...known, offer]);
    // Those of long ago: nobody waits for them any more.
    if (this.#offers.size > 100) this.#offers.delete(this.#offers.keys().next().value as string);
  }

  /** Whether this tab is the one to tell of @about. */
  async isSpeaker(about: string): Promise<boolean> {
    const { post, isLookedAt, tab, wait } = this.#parts;
    const mine = { about, tab, isLookedAt: isLookedAt() };
    post(mine);
    await wait();
    const all = [mine, ...(this.#offers.get(about) ?? [])];
    return !all.some((offer) => offer.isLookedAt) && all.every((offer) => offer.tab >= tab);
  }
}

export interface Notifier {
  tell: (event: UserEvent) => void;
  /** Takes back what is still shown. */
  stop: () => void;
}

/** From now on tell of what @chat hears. */
export function startNotifier(chat: Chat): Notifier {
  const channel = new BroadcastChannel(`parley.notify.${chat.me.user.id}`);
  let isStopped = false;
  const tabs = new Tabs({
    tab: `${Date.now()}.${Math.random()}`,
    post: (offer) => isStopped || channel.postMessage(offer),
    isLookedAt: () => document.visibilityState === 'visible' && document.hasFocus(),
    wait: () => new Promise((done) => setTimeout(done, offers_ms)),
  });
  channel.onmessage = ({ data }) => tabs.hear(data as Offer);
  const hear = (event: UserEvent) => {
    if (event.event === 'room.removed') close(event.room);
    if (event.event !== 'unread') return;
    const room = chat.rooms.all.value.get(event.room);
    if (!room || !isWorthTelling(room, event, settings.value)) return;
    void tabs.isSpeaker(`${event.room}:${event.offset}`).then((isSpeaker) => {
      if (isSpeaker && !isStopped) void tell(chat, room, event);
    });
  };
  const stop = () => {
    isStopped = true;
    channel.close();
    for (const room of [...shown.keys()]) close(room);
  };
  return { tell: hear, stop };
}

/* By room: the newest one, as the system shows it. */
const shown = new Map<number, Notification>();

function close(room: number): void {
  shown.get(room)?.close();
  shown.delete(room);
}

async function tell(chat: Chat, room: Room, event: Unread): Promise<void> {
  const { notify, notifyText, sound } = settings.value;
  if (sound) beep();
  if (!notify || !('Notification' in window) || Notification.permission !== 'granted') return;
  const message = await messageAt(chat, event);
  const { title, body } = wordsOf(room, event, notifyText ? message : undefined);
  try {
    // One per room: the newest stands for those before it.
    const notification = new Notification(title, { body, tag: `parley.room.${room.id}` });
    shown.set(room.id, notification);
    notification.onclick = () => {
      window.focus();
      navigate(message ? `/r/${room.id}/m/${message.id}` : `/r/${room.id}`);
      close(room.id);
    };
  } catch {
    // Some phones have the name, but want it said from elsewhere.
  }
}

/* The notice has only the place of the message. */
async function messageAt(chat: Chat, event: Unread): Promise<Message | undefined> {
  const query = `after=${event.offset - 1}&limit=1`;
  try {
    const page = await chat.api.get<Page<Message>>(`/room/${event.room}/message?${query}`);
    return page.items[0];
  } catch {
    return undefined;
  }
}

export function wordsOf(
  room: Room,
  event: Unread,
  message: Pick<Message, 'author_name' | 'text'> | undefined,
): { title: string; body: string } {
  const place = room.kind === 'direct' ? '' : ` in ${roomTitle(room)}`;
  if (message) return { title: `${message.author_name}${place}`, body: excerpt(message.text, 200) };
  if (room.kind === 'direct') return { title: `New message from ${roomTitle(room)}`, body: '' };
  return { title: `${event.mention ? 'You were mentioned' : 'New message'}${place}`, body: '' };
}

let audio: AudioContext | undefined;

/** Two short notes, made here: no file to fetch. */
export function beep(): void {
  try {
    audio ??= new AudioContext();
    void audio.resume();
    for (const [pitch_hz, after_s] of [
      [660, 0],
      [880, 0.12],
    ] as const) {
      const start = audio.currentTime + after_s;
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = pitch_hz;
      volume.gain.setValueAtTime(0.12, start);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.25);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.25);
    }
  } catch {
    // No sound on this machine.
  }
}
