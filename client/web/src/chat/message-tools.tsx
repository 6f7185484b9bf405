/* message-tools.tsx: the buttons of the message that has the focus or the pointer, and the field to edit it. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { fullLabel } from '../shared/time.ts';
import type { Message } from '../shared/types.ts';
import { useChat } from './chat.ts';
import { act, type MessageAction, mayDo } from './message-actions.ts';
import { pinsOf } from './pins.ts';
import type { OpenRoom } from './room.ts';
import { settings } from './settings.ts';

interface ToolsProps {
  room: OpenRoom;
  message: Message;
}

/* In the order they stand, with their drawings on a grid of 24 units. */
const tools: readonly { action: MessageAction; name: string; drawing: string }[] = [
  {
    action: 'react',
    name: 'React',
    drawing: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14c1.8 2.7 5.2 2.7 7 0M9 9.5v.1M15 9.5v.1',
  },
  { action: 'reply', name: 'Reply', drawing: 'M10 6l-6 6 6 6M4 12h9c4 0 6.5 2 7 6' },
  { action: 'edit', name: 'Edit', drawing: 'M5 19l1-4L16.5 4.5l3 3L9 18zM14 7l3 3' },
  { action: 'pin', name: 'Pin', drawing: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7' },
  {
    action: 'copy',
    name: 'Copy link',
    drawing:
      'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  },
  {
    action: 'unread',
    name: 'Mark unread from here',
    drawing: 'M4 6h16v12H4zM4 7l8 6 8-6M18 3h.1',
  },
  { action: 'delete', name: 'Delete', drawing: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13' },
];

export function Tools({ room, message }: ToolsProps) {
  const chat = useChat();
  const may = mayDo(chat, room, message);
  const isPinned =
    may.has('pin') &&
    pinsOf(chat.api, room).all.value?.some((pin) => pin.message.id === message.id);
  const isOwn = message.author === chat.me.user.id;
  const whose = isOwn ? 'your message' : `the message of ${message.author_name}`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a <fieldset> is for form fields
    <div class="tools" role="group" aria-label="Actions">
      <span class="tools-time hint">{fullLabel(message.created_at)}</span>
      {tools.map(({ action, name, drawing }) => {
        const label = action === 'pin' && isPinned ? 'Unpin' : name;
        return (
          may.has(action) && (
            <button
              key={action}
              type="button"
              class="button-icon"
              title={label}
              aria-label={`${label}: ${whose}`}
              onClick={() => room.attempt(act(chat, room, message, action))}
            >
              <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
                <path d={drawing} />
              </svg>
            </button>
          )
        );
      })}
    </div>
  );
}

export function Editor({ room, message }: ToolsProps) {
  const [text, setText] = useState(message.text);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const opener = useRef(document.activeElement as HTMLElement | null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(message.text.length, message.text.length);
    field.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  const close = () => {
    const row = field.current?.closest<HTMLElement>('article');
    room.editing.value = null;
    // A button that opened it is gone by now.
    const isThere = opener.current?.isConnected && opener.current !== document.body;
    (isThere ? opener.current : row)?.focus({ preventScroll: true });
  };
  const save = () => {
    const said = text.trim();
    if (said === message.text) return close();
    if (!said) return setError('To take it away, delete the message.');
    setBusy(true);
    room.edit(message.id, said).then(close, (problem: unknown) => {
      setBusy(false);
      setError(asProblem(problem).words);
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing || event.keyCode === 229) return;
    const isSaving = settings.value.enterSends ? !event.shiftKey : event.ctrlKey || event.metaKey;
    if (event.key === 'Escape') close();
    if (event.key !== 'Enter' || !isSaving) return;
    event.preventDefault();
    save();
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
        <button type="button" class="button button-main" disabled={isBusy} onClick={save}>
          Save
        </button>
      </div>
    </div>
  );
}
