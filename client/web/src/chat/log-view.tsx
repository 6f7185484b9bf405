/* log-view.tsx: the log on the screen, and what its keys do. */
import { Fragment } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { dayLabel, isSameGroup, startsDay } from '../shared/time.ts';
import type { Message } from '../shared/types.ts';
import { lazy } from '../shared/ui/lazy.tsx';
import { useChat } from './chat.ts';
import { actionOf, isField, type LogAction, logKeys } from './keys.ts';
import { type Box, idOf, lastSeen, rowsIn, usePlace } from './log-place.ts';
import { MessageRow, PendingRow } from './message.tsx';
import { isLookedAt } from './read-mark.ts';
import type { OpenRoom } from './room.ts';
import { settings } from './settings.ts';

const logLater = () => import('./log-later.ts');
const Asked = lazy(() => logLater().then((part) => part.Asked));

/* How long good news stay. */
const notice_ms = 5_000;
/* The tools of messages are fetched when the page is at rest: later there may be no connection. */
const ahead_ms = 2_000;

export function LogView({ room, title }: { room: OpenRoom; title: string }) {
  const { outbox, me, rooms } = useChat();
  const { log } = room;
  const isDirect = rooms.all.value.get(room.id)?.kind === 'direct';
  const box = useRef<HTMLDivElement>(null);
  const onScroll = usePlace(room, box);
  const onKeyDown = useKeys(room, box);
  useSeen(room, box);
  useEffect(() => {
    const timer = setTimeout(() => logLater().catch(() => {}), ahead_ms);
    return () => clearTimeout(timer);
  }, []);
  // Read here, so that a new target is gone to, and the end by who asks for it.
  room.target.value;
  room.isAtEnd.value;
  const read = room.divider.value;
  const firstUnread =
    read === null
      ? undefined
      : log.messages.value.find(({ offset, author }) => offset > read && author !== me.user.id);
  const pending = outbox.entries.value.filter((entry) => entry.room === room.id);
  return (
    <div class="log-frame">
      <NoticeLine room={room} />
      {/* biome-ignore lint/a11y/useKeyWithMouseEvents: the focus does what the pointer does */}
      <div
        ref={box}
        class="log"
        role="log"
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={`Messages in ${title}`}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onFocusIn={({ target }) => touch(target, room.current)}
        onMouseOver={({ target }) => touch(target, room.hovered)}
      >
        <div>
          {!log.isReady.value && <p class="log-note">Loading messages…</p>}
          {log.isReady.value && !log.hasOlder.value && (
            <p class="log-note">
              This is the beginning of {isDirect && 'your conversation with '}
              {title}.
            </p>
          )}
          {log.messages.value.map((message, index, all) => (
            <Row
              key={message.id}
              room={room}
              message={message}
              before={all[index - 1]}
              isFirstUnread={message === firstUnread}
            />
          ))}
          {!log.hasNewer.value &&
            pending.map((entry) => <PendingRow key={entry.key} room={room} entry={entry} />)}
        </div>
      </div>
      <LogFoot room={room} onRetry={onScroll} />
      {room.asked.value && <Asked room={room} />}
    </div>
  );
}

interface RowProps {
  room: OpenRoom;
  message: Message;
  before: Message | undefined;
  isFirstUnread: boolean;
}

function Row({ room, message, before, isFirstUnread }: RowProps) {
  const startsNewDay = startsDay(before?.created_at, message.created_at);
  const isGrouped =
    before !== undefined &&
    before.author === message.author &&
    !startsNewDay &&
    !isFirstUnread &&
    message.reply_to === null &&
    isSameGroup(before.created_at, message.created_at);
  return (
    <Fragment>
      {startsNewDay && <Line class="line" text={dayLabel(message.created_at)} />}
      {isFirstUnread && <Line class="line line-unread" text="New messages" />}
      <MessageRow room={room} message={message} isGrouped={isGrouped} />
    </Fragment>
  );
}

function Line({ class: name, text }: { class: string; text: string }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: an <hr> cannot hold the words it stands for
    <div class={name} role="separator" aria-label={text}>
      <span>{text}</span>
    </div>
  );
}

/* What was done, or why not. Good news go by themselves. */
function NoticeLine({ room }: { room: OpenRoom }) {
  const notice = room.notice.value;
  const close = () => {
    room.notice.value = null;
  };
  useEffect(() => {
    if (!notice || notice.isError) return;
    const timer = setTimeout(close, notice_ms);
    return () => clearTimeout(timer);
  }, [notice]);
  const line = notice && (
    <button type="button" class="button" title="Close" onClick={close}>
      {notice.text} ×
    </button>
  );
  return (
    <>
      <div class="log-notice" role="status">
        {!notice?.isError && line}
      </div>
      {notice?.isError && (
        <div class="log-notice" role="alert">
          {line}
        </div>
      )}
    </>
  );
}

function LogFoot({ room, onRetry }: { room: OpenRoom; onRetry: () => void }) {
  const { rooms } = useChat();
  const { log, mark } = room;
  const missed = log.missed.value;
  const unread = rooms.all.value.get(room.id)?.membership?.unread ?? 0;
  const isByHand = mark.isKeptUnread.value || !settings.value.markByScrolling;
  return (
    <div class="log-foot">
      {room.moreError.value && (
        <button type="button" class="button" onClick={onRetry}>
          More messages could not be loaded. {room.moreError.value} Try again
        </button>
      )}
      {unread > 0 && isByHand && (
        <button type="button" class="button" onClick={() => mark.setRead()}>
          Mark as read
        </button>
      )}
      {!room.isAtEnd.value && (missed > 0 || log.hasNewer.value) && (
        <button type="button" class="button" onClick={() => room.toEnd()}>
          {missed > 0 ? `${missed} new — jump to latest` : 'Jump to latest'}
        </button>
      )}
    </div>
  );
}

/* The tools of a message are there while it has the focus or the pointer: 300 sets of them would be dear. */
function touch(target: EventTarget | null, active: OpenRoom['current']): void {
  const row = (target as Element).closest('article[id]');
  if (row) active.value = idOf(row);
}

function useKeys(room: OpenRoom, box: Box): (event: KeyboardEvent) => void {
  const chat = useChat();
  return (event) => {
    const action = actionOf(logKeys, event);
    if (!action || !box.current || isField(event.target)) return;
    const row = (event.target as Element).closest<HTMLElement>('article[id]');
    const message = row && room.log.messages.value.find((other) => other.id === idOf(row));
    if (move(room, box.current, row, action)) event.preventDefault();
    else if (message) {
      event.preventDefault();
      room.attempt(logLater().then((part) => part.act(chat, room, message, action)));
    }
  };
}

/* True if @action only goes somewhere. */
function move(room: OpenRoom, box: HTMLElement, row: HTMLElement | null, action: LogAction) {
  const rows = rowsIn(box);
  const index = row ? rows.indexOf(row) : -1;
  const last = rows.length - 1;
  const focus = (to: HTMLElement | undefined) => {
    to?.focus({ preventScroll: true });
    to?.scrollIntoView({ block: 'nearest' });
  };
  if (action === 'composer') document.querySelector<HTMLElement>('.composer textarea')?.focus();
  else if (action === 'first') focus(rows[0]);
  else if (action === 'last') {
    room.toEnd();
    focus(rows[last]);
  } else if (action === 'previous') focus(row ? rows[Math.max(0, index - 1)] : lastSeen(box));
  else if (action === 'next')
    focus(row ? rows[Math.min(last, index + 1)] : rows.find((other) => idOf(other) === room.place));
  else return false;
  return true;
}

/* Read is what somebody was there to see: the window has the focus, the message is in view, and a hand moved since it
 * came into view. A page left open overnight reads nothing. */
function useSeen(room: OpenRoom, box: Box): void {
  useEffect(() => {
    const onActivity = () => {
      if (!settings.value.markByScrolling || !room.mark.isBehind) return;
      if (!box.current || !isLookedAt()) return;
      const row = lastSeen(box.current);
      const message = row && room.log.messages.value.find((other) => other.id === idOf(row));
      if (message) room.mark.seen(message.offset, room.isAtEnd.value);
    };
    const kinds = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove'] as const;
    for (const kind of kinds) addEventListener(kind, onActivity, { passive: true });
    return () => {
      for (const kind of kinds) removeEventListener(kind, onActivity);
    };
  }, [room]);
}
