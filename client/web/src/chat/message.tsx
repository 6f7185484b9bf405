/* message.tsx: one message, and one that is still on its way. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { isMentioned, markup } from '../shared/markup.ts';
import type { OutboxEntry } from '../shared/outbox.ts';
import { asProblem } from '../shared/problem.ts';
import { count, excerpt } from '../shared/text.ts';
import { clockLabel, fullLabel } from '../shared/time.ts';
import type { Message } from '../shared/types.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { Icon, type IconName } from '../shared/ui/icon.tsx';
import { useChat } from './chat.ts';
import type { OpenRoom } from './room.ts';

const emojis = ['👍', '❤️', '😄', '🎉', '👀', '🙏'];

interface MessageRowProps {
  room: OpenRoom;
  message: Message;
  isGrouped: boolean;
}

export function MessageRow({ room, message, isGrouped }: MessageRowProps) {
  const { me } = useChat();
  const [error, setError] = useState('');
  const [isDeleting, setDeleting] = useState(false);
  const isOwn = message.author === me.user.id;
  const isEditing = room.editing.value === message.id && !message.deleted;
  const speaksToMe = !isOwn && isMentioned(message.text, me.user.name);
  const time = clockLabel(message.created_at);
  const said = message.deleted ? 'deleted' : excerpt(message.text, 300);
  const attempt = (action: Promise<unknown>) => {
    setError('');
    action.catch((problem: unknown) => setError(asProblem(problem).words));
  };
  const classes = ['message'];
  if (isGrouped) classes.push('message-grouped');
  if (speaksToMe) classes.push('message-to-me');
  return (
    <article
      id={`m${message.id}`}
      class={classes.join(' ')}
      tabIndex={-1}
      aria-label={`${message.author_name}: ${said}, ${time}`}
    >
      {!isGrouped && <Avatar name={message.author_name} />}
      {!isGrouped && <Byline name={message.author_name} at={message.created_at} />}
      {message.reply_to !== null && <Quote room={room} id={message.reply_to} />}
      {isEditing ? (
        <Editor room={room} message={message} />
      ) : (
        <Text message={message} myName={me.user.name} />
      )}
      {!message.deleted && (
        <Reactions message={message} onReact={(emoji) => attempt(room.react(message, emoji))} />
      )}
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {!message.deleted && !isEditing && (
        <Tools
          room={room}
          message={message}
          isOwn={isOwn}
          attempt={attempt}
          onDelete={() => setDeleting(true)}
        />
      )}
      {isDeleting && (
        <Confirm
          title="Delete this message?"
          text="Everyone will see that a message was here, but not what it said."
          action="Delete message"
          onConfirm={() => attempt(room.remove(message.id))}
          onClose={() => setDeleting(false)}
        />
      )}
    </article>
  );
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

function Byline({ name, at }: { name: string; at: string }) {
  return (
    <p class="byline">
      <strong dir="auto">{name}</strong>{' '}
      <time dateTime={at} title={fullLabel(at)}>
        {clockLabel(at)}
      </time>
    </p>
  );
}

function Text({ message, myName }: { message: Message; myName: string }) {
  const content = useMemo(() => markup(message.text, myName), [message.text, myName]);
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
  const message = room.log.messages.value.find((other) => other.id === id);
  if (!message) return <p class="quote hint">Reply to an earlier message</p>;
  const show = () => {
    const row = document.getElementById(`m${id}`);
    row?.scrollIntoView({ block: 'center' });
    row?.focus({ preventScroll: true });
  };
  return (
    <button type="button" class="quote" dir="auto" onClick={show}>
      {message.author_name}: {message.deleted ? 'deleted' : excerpt(message.text, 100)}
    </button>
  );
}

interface ReactionsProps {
  message: Message;
  onReact: (emoji: string) => void;
}

function Reactions({ message, onReact }: ReactionsProps) {
  const { me } = useChat();
  if (!message.reactions?.length) return null;
  return (
    <div class="reactions">
      {message.reactions.map(({ emoji, users }) => (
        <button
          key={emoji}
          type="button"
          class="reaction"
          aria-pressed={users.includes(me.user.id)}
          aria-label={`${emoji}, ${count(users.length, 'person', 'people')}`}
          onClick={() => onReact(emoji)}
        >
          {emoji} {users.length}
        </button>
      ))}
    </div>
  );
}

interface ToolsProps {
  room: OpenRoom;
  message: Message;
  isOwn: boolean;
  attempt: (action: Promise<unknown>) => void;
  onDelete: () => void;
}

function Tools({ room, message, isOwn, attempt, onDelete }: ToolsProps) {
  const chat = useChat();
  const [isChoosing, setChoosing] = useState(false);
  if (!chat.mayWrite(chat.rooms.all.value.get(room.id))) return null;
  const choose = (emoji: string) => {
    setChoosing(false);
    attempt(room.react(message, emoji));
  };
  const whose = isOwn ? 'your message' : `the message of ${message.author_name}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <fieldset> is for form fields
    <div class="tools" role="group" aria-label="Actions">
      {isChoosing &&
        emojis.map((emoji) => (
          <button
            key={emoji}
            type="button"
            class="button-icon"
            aria-label={`React with ${emoji}`}
            onClick={() => choose(emoji)}
          >
            {emoji}
          </button>
        ))}
      <Tool name="React" to={whose} icon="smile" onClick={() => setChoosing(!isChoosing)} />
      <Tool
        name="Reply"
        to={whose}
        icon="reply"
        onClick={() => {
          room.replyTo.value = message;
        }}
      />
      {isOwn && (
        <Tool
          name="Edit"
          to={whose}
          icon="edit"
          onClick={() => {
            room.editing.value = message.id;
          }}
        />
      )}
      {isOwn && <Tool name="Delete" to={whose} icon="trash" onClick={onDelete} />}
    </div>
  );
}

interface ToolProps {
  name: string;
  to: string;
  icon: IconName;
  onClick: () => void;
}

function Tool({ name, to, icon, onClick }: ToolProps) {
  return (
    <button
      type="button"
      class="button-icon"
      title={name}
      aria-label={`${name}: ${to}`}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

function Editor({ room, message }: { room: OpenRoom; message: Message }) {
  const [text, setText] = useState(message.text);
  const [error, setError] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(message.text.length, message.text.length);
  }, []);
  const close = () => {
    room.editing.value = null;
    document.querySelector<HTMLElement>('.composer textarea')?.focus();
  };
  const save = () => {
    const said = text.trim();
    if (said === message.text) return close();
    if (!said) return setError('To take it away, delete the message.');
    room
      .edit(message.id, said)
      .then(close, (problem: unknown) => setError(asProblem(problem).words));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'Escape') close();
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      save();
    }
  };
  return (
    <div class="editor">
      <textarea
        ref={field}
        rows={Math.min(10, text.split('\n').length)}
        dir="auto"
        aria-label="Edit message"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <div class="actions">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="button button-main" onClick={save}>
          Save
        </button>
      </div>
    </div>
  );
}

export function PendingRow({ room, entry }: { room: OpenRoom; entry: OutboxEntry }) {
  const { outbox, me } = useChat();
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
          <button type="button" class="button" onClick={() => room.rewrite(entry)}>
            Edit
          </button>
          <button type="button" class="button" onClick={() => outbox.remove(entry.key)}>
            Delete
          </button>
        </div>
      )}
    </article>
  );
}
