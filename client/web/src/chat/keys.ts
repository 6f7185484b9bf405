/* keys.ts: every key of the page, in one table: it is what is acted on, and what the help shows (the words for it are
 * in help.tsx, which is fetched when it is asked for). */
import { signal } from '@preact/signals-core';
import { settings } from './settings.ts';

/** With the focus in the log. */
export const logKeys = {
  ArrowUp: 'previous',
  ArrowDown: 'next',
  Home: 'first',
  End: 'last',
  r: 'reply',
  e: 'edit',
  p: 'pin',
  '+': 'react',
  c: 'copy',
  u: 'unread',
  Delete: 'delete',
  Escape: 'composer',
} as const;

/** Anywhere on the page; those of one letter not where one types. */
export const pageKeys = {
  '?': 'help',
  '/': 'search',
  'Control+Shift+f': 'search',
  'Control+k': 'switcher',
  'Alt+ArrowUp': 'roomBefore',
  'Alt+ArrowDown': 'roomAfter',
  'Alt+Shift+ArrowDown': 'nextUnread',
} as const;

export type LogAction = (typeof logKeys)[keyof typeof logKeys];
export type PageAction = (typeof pageKeys)[keyof typeof pageKeys];

/** Whether the dialog with all keys is open. */
export const isHelpShown = signal(false);

type KeyLike = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'> & {
  isComposing?: boolean;
  target?: unknown;
};

/** What @event asks for, if it is a key of @table; undefined if it only writes a letter. */
export function actionOf<Action extends string>(
  table: Readonly<Record<string, Action>>,
  event: KeyLike,
): Action | undefined {
  const name = nameOf(event);
  // A single letter can be spoken or hit by accident: it can be switched off, and never takes what somebody types.
  const isLetter = name.length === 1;
  if (event.isComposing || (isLetter && (!settings.value.singleKeys || isField(event.target))))
    return undefined;
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/* Shift is part of how a sign is typed, and where differs between keyboards. */
function nameOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyLike): string {
  const held = [(ctrlKey || metaKey) && 'Control', altKey && 'Alt'].filter(Boolean);
  const isSign = key.length === 1;
  if (shiftKey && (!isSign || held.length > 0)) held.push('Shift');
  return [...held, isSign ? key.toLowerCase() : key].join('+');
}

export function isField(target: unknown): boolean {
  const element = target as Partial<Element> | null | undefined;
  return element?.closest?.('input, textarea, select') != null;
}
