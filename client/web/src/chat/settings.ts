/* settings.ts: how this person likes the page to behave, kept in this browser. */
import { signal } from '@preact/signals-core';

export interface Settings {
  /** Enter sends and Shift+Enter makes a line; else Enter makes a line and Ctrl+Enter sends. */
  enterSends: boolean;
  /** Keys such as R for "reply", while the focus is in the log. */
  singleKeys: boolean;
  /** To have seen the end of a room is to have read it. */
  markByScrolling: boolean;
  /** Notifications of the system, once the browser has allowed them. */
  notify: boolean;
  /** Every message of rooms that are at "all", not only mentions and direct messages. */
  notifyAll: boolean;
  /** What was said is part of a notification: others may see the screen. */
  notifyText: boolean;
  sound: boolean;
}

const defaults: Settings = {
  enterSends: true,
  singleKeys: true,
  markByScrolling: true,
  notify: false,
  notifyAll: false,
  notifyText: true,
  sound: false,
};

export const settings = signal<Settings>(defaults);

type Store = Pick<Storage, 'getItem' | 'setItem'>;

let store: Store | null = null;
let place = '';

/** Read what @userId chose here before. */
export function startSettings(storage: Store, userId: number): void {
  store = storage;
  place = `parley.settings.${userId}`;
  let known: Partial<Record<string, unknown>> = {};
  try {
    known = JSON.parse(store.getItem(place) ?? '{}') ?? {};
  } catch {
    // Damaged: as if nothing had been chosen.
  }
  const chosen = Object.entries(known).filter(
    ([name, value]) => name in defaults && typeof value === 'boolean',
  );
  settings.value = { ...defaults, ...Object.fromEntries(chosen) };
}

export function setSetting(name: keyof Settings, value: boolean): void {
  settings.value = { ...settings.value, [name]: value };
  try {
    store?.setItem(place, JSON.stringify(settings.value));
  } catch {
    // A full storage: it holds until the page is closed.
  }
}
