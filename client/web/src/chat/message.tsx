/* message.tsx: one message, and one that is still on its way. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { markup } from '../shared/markup.ts';
import type { OutboxEntry } from '../shared/outbox.ts';
import { path } from '../shared/router.ts';
import { excerpt } from '../shared/text.ts';
import { clockLabel, fullLabel } from '../shared/time.ts';
import type { Message } from '../shared/types.ts';
import { Icon } from '../shared/ui/icon.tsx';
import { lazy } from '../shared/ui/lazy.tsx';
import { useChat } from './chat.ts';
import type { OpenRoom } from './room.ts';

const Tools = lazy(() => import('./log-later.ts').then((part) => part.Tools));
const Editor = lazy(() => import('./log-later.ts').then((part) => part.Editor));

interface MessageRowProps {
  room: OpenRoom;
  message: Message;
  isGrouped: boolean;
}

export function MessageRow({ room, message, isGrouped }: MessageRowProps) {
  const { me } = useChat();
  const { id, author_name, deleted } = message;
  // A row is drawn anew only when its own part of these changes, not with every move of the pointer.
  const isCurrent = useComputed(() => room.current.value === id).value;
  const isHovered = useComputed(() => room.hovered.value === id).value;
  const isTarget = useComputed(() => room.target.value?.id === id).value;
  const isEditing = useComputed(() => room.editing.value === id).value && !deleted;
  const said = deleted ? 'deleted' : excerpt(message.text, 300);
  const classes = ['message'];
  if (isGrouped) classes.push('message-grouped');
  if (message.mentions?.includes(me.user.id)) classes.push('message-to-me');
  if (isTarget) classes.push('message-target');
  return (
    <article
      id={`m${id}`}
      class={classes.join(' ')}
      tabIndex={isCurrent ? 0 : -1}
      aria-label={`${author_name}: ${said}, ${clockLabel(message.created_at)}`}
    >
      {!isGrouped && <Avatar name={author_name} />}
      <p class="byline">
        {!isGrouped && <strong dir="auto">{author_name}</strong>}{' '}
        <a
          href={linkTo(room.id, id)}
          tabIndex={-1}
          title={fullLabel(message.created_at)}
          onClick={() => again(room, id)}
        >
          <time dateTime={message.created_at}>{clockLabel(message.created_at)}</time>
        </a>
      </p>
      {message.reply_to !== null && <Quote room={room} id={message.reply_to} />}
      {isEditing ? <Editor room={room} message={message} /> : <Text message={message} />}
      {!deleted && <Reactions room={room} message={message} />}
      {(isCurrent || isHovered) && !isEditing && <Tools room={room} message={message} />}
    </article>
  );
}

export function linkTo(room: number, message: number): string {
  return `/r/${room}/m/${message}`;
}

/* A link to where the page is already changes no address: the place is shown again. */
function again(room: OpenRoom, id: number): void {
  if (path.value === linkTo(room.id, id)) void room.show(id);
}

export function Avatar({ name }: { name: string }) {
  let hue = 0;
  for (let i = 0; i < name.length; i++) hue = (hue * 31 + name.charCodeAt(i)) % 360;
  return (
    <span class="avatar" style={{ '--hue': hue }} aria-hidden="true">
      {Array.from(name)[0]?.toUpperCase() ?? '?'}
    </span>
  );
}

function Text({ message }: { message: Message }) {
  const { me } = useChat();
  const content = useMemo(() => markup(message.text, me.user.name), [message.text, me.user.name]);
  if (message.deleted) return <p class="text hint">This message was deleted.</p>;
  return (
    <div class="text" dir="auto">
      {content}
      {message.updated_at !== message.created_at && message.version > 1 && (
        <span class="hint" title={fullLabel(message.updated_at)}>
          {' '}
          (edited)
        </span>
      )}
    </div>
  );
}

function Quote({ room, id }: { room: OpenRoom; id: number }) {
  const message = room.quotes.of(id);
  if (message === null) return <p class="quote">Reply to a message that is out of reach</p>;
  const said = message?.deleted ? 'deleted' : excerpt(message?.text ?? '', 100);
  return (
    <a class="quote" dir="auto" href={linkTo(room.id, id)} onClick={() => again(room, id)}>
      {message ? `${message.author_name}: ${said}` : 'Reply to an earlier message'}
    </a>
  );
}

function Reactions({ room, message }: { room: OpenRoom; message: Message }) {
  const { me } = useChat();
  if (!message.reactions?.length) return null;
  return (
    <div class="reactions">
      {message.reactions.map(({ emoji, users }) => {
        const who = room.names.of(users);
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            aria-pressed={users.includes(me.user.id)}
            aria-label={`${emoji}, ${who}`}
            title={who}
            onClick={() => room.attempt(room.react(message, emoji))}
          >
            {emoji} {users.length}
          </button>
        );
      })}
    </div>
  );
}

export function PendingRow({ room, entry }: { room: OpenRoom; entry: OutboxEntry }) {
  const chat = useChat();
  const { outbox, me } = chat;
  // Without a place to write, what is taken back to be written anew would be lost.
  const isWritable = chat.mayWrite(chat.rooms.all.value.get(room.id));
  const content = useMemo(() => markup(entry.text, me.user.name), [entry.text, me.user.name]);
  const hasFailed = entry.state === 'failed';
  return (
    <article
      class="message message-pending"
      aria-label={`${me.user.name}: ${excerpt(entry.text, 300)}, ${hasFailed ? 'not sent' : 'sending'}`}
    >
      <Avatar name={me.user.name} />
      <p class="byline">
        <strong dir="auto">{me.user.name}</strong>{' '}
        {!hasFailed && (
          <span class="hint" title="Waiting to be sent">
            <Icon name="clock" />
          </span>
        )}
      </p>
      <div class="text" dir="auto">
        {content}
      </div>
      {hasFailed && (
        <div class="failed">
          <p class="error" role="alert">
            <Icon name="alert" /> Not sent: {entry.error}
          </p>
          <button type="button" class="button" onClick={() => outbox.retry(entry.key)}>
            Retry
          </button>
          {isWritable && (
            <button type="button" class="button" onClick={() => room.rewrite(entry)}>
              Edit
            </button>
          )}
          <button type="button" class="button" onClick={() => outbox.remove(entry.key)}>
            Delete
          </button>
        </div>
      )}
    </article>
  );
}
