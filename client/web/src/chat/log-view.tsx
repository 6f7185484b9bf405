/* log-view.tsx: the log on the screen. It never moves under the reader: it follows the end only
 * while the end is in view, and holds its place when rows come in above. */
import { Fragment } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { dayLabel, isSameGroup, startsDay } from '../shared/time.ts';
import type { Message } from '../shared/types.ts';
import { useChat } from './chat.ts';
import { MessageRow, PendingRow } from './message.tsx';
import type { OpenRoom } from './room.ts';

/* Pixels that still count as the end, and how near an edge the next page is asked for. */
const end_px = 48;
const ahead_px = 400;

export function LogView({ room, title }: { room: OpenRoom; title: string }) {
  const { outbox } = useChat();
  const { log } = room;
  const box = useRef<HTMLDivElement>(null);
  const onScroll = usePlace(room, box);
  useSeen(room);
  const pending = outbox.entries.value.filter((entry) => entry.room === room.id);
  const missed = log.missed.value;
  return (
    <div class="log-frame">
      <div
        ref={box}
        class="log"
        role="log"
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={`Messages in ${title}`}
        onScroll={onScroll}
      >
        {!log.isReady.value && <p class="log-note">Loading messages…</p>}
        {log.isReady.value && !log.hasOlder.value && (
          <p class="log-note">This is the beginning of {title}.</p>
        )}
        {log.messages.value.map((message, index, all) => (
          <Row key={message.id} room={room} message={message} before={all[index - 1]} />
        ))}
        {!log.hasNewer.value &&
          pending.map((entry) => <PendingRow key={entry.key} room={room} entry={entry} />)}
      </div>
      {!room.isAtEnd.value && (missed > 0 || log.hasNewer.value) && (
        <button type="button" class="button jump" onClick={() => room.toEnd()}>
          {missed > 0 ? `${missed} new — jump to latest` : 'Jump to latest'}
        </button>
      )}
    </div>
  );
}

interface RowProps {
  room: OpenRoom;
  message: Message;
  before: Message | undefined;
}

function Row({ room, message, before }: RowProps) {
  const { me } = useChat();
  const read = room.divider.value;
  const isFirstUnread =
    read !== null &&
    message.offset > read &&
    message.author !== me.user.id &&
    (before?.offset ?? 0) <= read;
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

/* Keep the place: the end if it was in view, else the first row that was. Browsers do part of this
 * by themselves, each a different part, so the style sheet switches it off. */
function usePlace(room: OpenRoom, box: { current: HTMLDivElement | null }): () => void {
  const anchor = useRef<{ row: HTMLElement; top: number } | null>(null);
  const isPlaced = useRef(false);

  const remember = (element: HTMLElement) => {
    anchor.current = null;
    for (const row of element.children) {
      const { offsetTop, offsetHeight, tagName } = row as HTMLElement;
      if (tagName !== 'ARTICLE' || offsetTop + offsetHeight <= element.scrollTop) continue;
      anchor.current = { row: row as HTMLElement, top: offsetTop - element.scrollTop };
      return;
    }
  };
  const restore = () => {
    const element = box.current;
    if (!element) return;
    const unread = element.querySelector<HTMLElement>('.line-unread');
    if (!isPlaced.current && room.log.isReady.value) {
      isPlaced.current = true;
      // A room opens where its news begin.
      if (unread) element.scrollTop = unread.offsetTop - element.clientHeight / 4;
      if (unread) setAtEnd(room, element);
    }
    if (room.isAtEnd.value) element.scrollTop = element.scrollHeight;
    else if (anchor.current?.row.isConnected)
      element.scrollTop = anchor.current.row.offsetTop - anchor.current.top;
    remember(element);
  };
  useLayoutEffect(restore);
  useEffect(() => {
    if (!box.current) return;
    // A keyboard that opens, a longer draft, a turned phone.
    const observer = new ResizeObserver(restore);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  return () => {
    const element = box.current;
    if (!element) return;
    setAtEnd(room, element);
    remember(element);
    if (element.scrollTop < ahead_px) void room.loadOlder();
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (below < ahead_px) void room.loadNewer();
  };
}

function setAtEnd(room: OpenRoom, element: HTMLElement): void {
  const below = element.scrollHeight - element.scrollTop - element.clientHeight;
  const isAtEnd = below < end_px && !room.log.hasNewer.value;
  room.isAtEnd.value = isAtEnd;
  room.log.follow(isAtEnd);
}

/* Read is what somebody was there to see: the window has the focus, the end is in view, and a hand
 * moved since it came into view. A page left open overnight reads nothing. */
function useSeen(room: OpenRoom): void {
  useEffect(() => {
    const onActivity = () => {
      if (document.hasFocus() && room.isAtEnd.value) room.seen();
    };
    const kinds = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove'] as const;
    for (const kind of kinds) addEventListener(kind, onActivity, { passive: true });
    return () => {
      for (const kind of kinds) removeEventListener(kind, onActivity);
    };
  }, [room]);
}
