/* composer.tsx: where one writes. Enter sends, Shift+Enter makes a line; what was begun stays with
 * its room. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { count, excerpt } from '../shared/text.ts';
import type { Room } from '../shared/types.ts';
import { Icon } from '../shared/ui/icon.tsx';
import { lazy } from '../shared/ui/lazy.tsx';
import { useChat } from './chat.ts';
import { type CompletionKeys, type Mention, mentionAt } from './mention.ts';
import type { OpenRoom } from './room.ts';
import { roomTitle } from './rooms.ts';
import { settings } from './settings.ts';

const Completion = lazy(() => import('./later.ts').then((part) => part.Completion));

/* Nobody counts before: then the server is asked for its limit, and what comes near it is counted. */
const ask_from = 1_000;
const near = 0.8;

export function Composer({ room, record }: { room: OpenRoom; record: Room }) {
  const { drafts, me, textLimit } = useChat();
  const [text, setText] = useState(() => drafts.get(room.id));
  const field = useRef<HTMLTextAreaElement>(null);
  const [mention, setMention] = useState<Mention | null>(null);
  const completion = useRef<CompletionKeys>(null);
  const [option, setOption] = useState('');
  const replyTo = room.replyTo.value;
  const most = textLimit.characters.value;
  const length = text.length > ask_from ? Array.from(text.trim()).length : 0;
  const isTooLong = most > 0 && length > most;
  useEffect(() => {
    if (length > 0) void textLimit.ask();
  }, [length, textLimit]);
  useFittingHeight(field, text);
  useLayoutEffect(() => {
    if (replyTo) field.current?.focus();
  }, [replyTo]);

  const change = (value: string) => {
    setText(value);
    drafts.set(room.id, value);
    if (value.trim()) room.isTyping();
  };
  const refill = room.refill.value;
  useLayoutEffect(() => {
    if (!refill) return;
    room.refill.value = '';
    change(text.trim() ? `${text}\n${refill}` : refill);
    field.current?.focus();
  }, [refill]);
  const send = () => {
    const said = text.trim();
    if (!said || isTooLong) return;
    room.say(said);
    setText('');
    setMention(null);
    drafts.set(room.id, '');
    field.current?.focus();
  };
  const complete = (name: string) => {
    const element = field.current;
    if (!element || !mention) return;
    // As if it had been typed: the browser's own undo takes it back.
    element.setSelectionRange(mention.from, element.selectionStart);
    element.setRangeText(`@${name} `, mention.from, element.selectionEnd, 'end');
    setMention(null);
    change(element.value);
    element.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter chooses a word.
    if (event.isComposing || event.keyCode === 229) return;
    if (completion.current?.(event)) {
      event.preventDefault();
    } else if (event.key === 'Enter' && isToSend(event)) {
      event.preventDefault();
      send();
    } else if (event.key === 'Escape' && replyTo) {
      room.replyTo.value = null;
    } else if (event.key === 'ArrowUp' && text === '') {
      const own = room.log.messages.value.filter(
        (message) => message.author === me.user.id && !message.deleted,
      );
      const last = own.at(-1);
      if (!last) return;
      event.preventDefault();
      room.editing.value = last.id;
    }
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {replyTo && (
        <p class="composer-reply">
          <span dir="auto">
            Reply to {replyTo.author_name}: {excerpt(replyTo.text, 80)}
          </span>
          <button
            type="button"
            class="button-icon"
            aria-label="Do not reply"
            onClick={() => {
              room.replyTo.value = null;
            }}
          >
            <Icon name="close" />
          </button>
        </p>
      )}
      <textarea
        ref={field}
        rows={1}
        dir="auto"
        aria-label={`Message ${roomTitle(record)}`}
        placeholder={`Message ${roomTitle(record)}`}
        aria-autocomplete="list"
        aria-controls={mention ? 'completion' : undefined}
        aria-activedescendant={(mention && option) || undefined}
        enterkeyhint={settings.value.enterSends ? 'send' : 'enter'}
        value={text}
        onInput={(event) => {
          const { value, selectionStart } = event.currentTarget;
          change(value);
          setMention(mentionAt(value, selectionStart));
        }}
        onBlur={() => setMention(null)}
        onKeyDown={onKeyDown}
      />
      {mention && (
        <Completion
          room={room.id}
          name={mention.name}
          keys={completion}
          onOption={setOption}
          onPick={complete}
          onClose={() => setMention(null)}
        />
      )}
      <button
        type="submit"
        class="button button-main"
        aria-label="Send"
        disabled={!text.trim() || isTooLong}
      >
        <Icon name="send" />
      </button>
      {most > 0 && length > most * near && (
        <p class="composer-count hint">
          {length.toLocaleString('en')} of {count(most, 'character', 'characters')}
        </p>
      )}
      {isTooLong && (
        <p class="composer-count error" role="alert">
          This is too long for one message. Shorten it, or send it in parts.
        </p>
      )}
    </form>
  );
}

/* Ctrl+Enter, or Cmd+Enter on a Mac, sends either way. */
function isToSend(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey) return true;
  return settings.value.enterSends && !event.shiftKey && !event.altKey;
}

/* One line to begin with, at most what the style sheet allows. */
function useFittingHeight(field: { current: HTMLTextAreaElement | null }, text: string): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [field, text]);
}
