/* message-actions.ts: what one may do with a message, by its buttons or by keys. */
import { copyText } from '../shared/clipboard.ts';
import type { Message } from '../shared/types.ts';
import type { Chat } from './chat.ts';
import type { LogAction } from './keys.ts';
import { linkTo } from './message.tsx';
import { pinsOf } from './pins.ts';
import type { OpenRoom } from './room.ts';

export type MessageAction = Exclude<LogAction, 'previous' | 'next' | 'first' | 'last' | 'composer'>;

/* Why a key does nothing. */
const refusals: Partial<Record<MessageAction, string>> = {
  edit: 'You can edit only what you wrote yourself.',
  delete: 'You can delete only what you wrote yourself. Moderators can delete any message.',
  pin: 'Only owners and moderators of a room can pin its messages.',
};

export function mayDo(chat: Chat, room: OpenRoom, message: Message): Set<MessageAction> {
  const record = chat.rooms.all.value.get(room.id);
  const role = record?.membership?.role ?? '';
  const isOwn = message.author === chat.me.user.id;
  const leads = role === 'owner' || role === 'moderator';
  const may = new Set<MessageAction>(['copy']);
  if (role) may.add('unread');
  if (message.deleted) return may;
  if (chat.session.can('message', 'delete') && (isOwn || leads)) may.add('delete');
  if (!chat.mayWrite(record)) return may;
  may.add('reply').add('react');
  if (isOwn) may.add('edit');
  if (leads || record?.kind === 'direct') may.add('pin');
  return may;
}

/** Do it, or ask first. Rejects with a Problem. */
export async function act(
  chat: Chat,
  room: OpenRoom,
  message: Message,
  action: LogAction,
): Promise<void> {
  const wanted = action as MessageAction;
  if (!mayDo(chat, room, message).has(wanted)) {
    const why = message.deleted ? 'This message was deleted.' : refusals[wanted];
    return say(room, why ?? 'You may read here, but not write.', true);
  }
  if (wanted === 'reply') room.replyTo.value = message;
  if (wanted === 'edit') room.editing.value = message.id;
  if (wanted === 'delete' || wanted === 'react') room.asked.value = { what: wanted, message };
  if (wanted === 'copy') await copyLink(room, message);
  if (wanted === 'pin') await togglePin(chat, room, message);
  if (wanted === 'unread') {
    await room.markUnread(message);
    say(room, 'Unread from here on, until you come back to this room.');
  }
}

async function copyLink(room: OpenRoom, message: Message): Promise<void> {
  const link = location.origin + linkTo(room.id, message.id);
  if (await copyText(link)) say(room, 'Link copied.');
  else say(room, `This browser does not let the page copy. The link is ${link}`, true);
}

async function togglePin(chat: Chat, room: OpenRoom, message: Message): Promise<void> {
  const pins = pinsOf(chat.api, room);
  const isPinned = await pins.has(message.id);
  if (isPinned) await pins.unpin(message.id);
  else await pins.pin(message.id);
  say(room, isPinned ? 'No longer pinned.' : 'Pinned for all in this room.');
}

function say(room: OpenRoom, text: string, isError = false): void {
  room.notice.value = { text, isError };
}
