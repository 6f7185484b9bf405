/* log-place.ts: where the log stands on the screen. It never moves under the reader: it follows the end only while the
 * end is in view, and holds its place when rows come in above, go, or grow. Browsers do part of this by themselves,
 * each a different part, so the style sheet switches it off. */
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { OpenRoom } from './room.ts';

/* Pixels that still count as the end, and how near an edge the next page is asked for. */
const end_px = 48;
const ahead_px = 400;

export interface Box {
  current: HTMLDivElement | null;
}

interface Place {
  /** The first row in view, and where it stood. */
  row: HTMLElement | null;
  top: number;
  /** How far the log was scrolled when that was noted. */
  scrolled: number;
  /** The room was opened where its news begin. */
  isOpened: boolean;
  /** The target that was brought into view already. */
  shown: object | null;
  /** What had the focus in the log last. */
  focused: HTMLElement | null;
}

/** Keep the place in @box; returns what is to be done after each scroll. */
export function usePlace(room: OpenRoom, box: Box): () => void {
  const place = useRef<Place>({
    row: null,
    top: 0,
    scrolled: 0,
    isOpened: false,
    shown: null,
    focused: null,
  });
  const settle = () => {
    if (box.current) restore(room, box.current, place.current);
  };
  useLayoutEffect(settle);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    // A keyboard that opens, a turned phone; and rows that grow, such as one that is edited.
    const observer = new ResizeObserver(settle);
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    const onFocus = (event: FocusEvent) => {
      place.current.focused = event.target as HTMLElement;
    };
    element.addEventListener('focusin', onFocus);
    return () => {
      observer.disconnect();
      element.removeEventListener('focusin', onFocus);
    };
  }, []);
  return () => {
    const element = box.current;
    if (!element) return;
    setAtEnd(room, element);
    remember(room, element, place.current);
    askForMore(room, element);
  };
}

/** All messages that are shown, without those on their way. */
export function rowsIn(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>('article[id]')];
}

/** The message that @row stands for. */
export function idOf(row: Element): number {
  return Number(row.id.slice(1));
}

/** The last row of which enough is in view to have been seen. */
export function lastSeen(element: HTMLElement): HTMLElement | undefined {
  const bottom = element.scrollTop + element.clientHeight;
  return rowsIn(element)
    .reverse()
    .find((row) => row.offsetTop + Math.min(row.offsetHeight, element.clientHeight / 2) <= bottom);
}

function restore(room: OpenRoom, element: HTMLElement, place: Place): void {
  // The reader scrolled and the browser has not told of it yet: new rows must not pull him back.
  const scrolled = element.scrollTop - place.scrolled;
  place.top -= scrolled;
  if (scrolled < -1) setAtEnd(room, element);
  const { row, focused } = place;
  if (goToTarget(room, place) || openAtNews(room, element, place)) setAtEnd(room, element);
  else if (room.isAtEnd.value) followEnd(room, element);
  else if (row?.isConnected) element.scrollTop = row.offsetTop - place.top;
  // A row that went away while it had the focus must not throw the person back to the top of the page.
  if (focused && !focused.isConnected && document.activeElement === document.body) {
    place.focused = null;
    element.focus({ preventScroll: true });
  }
  remember(room, element, place);
  askForMore(room, element);
}

function goToTarget(room: OpenRoom, place: Place): boolean {
  const target = room.target.value;
  const row = target && target !== place.shown && document.getElementById(`m${target.id}`);
  if (!row) return false;
  place.shown = target;
  place.isOpened = true;
  row.scrollIntoView({ block: 'center' });
  row.focus({ preventScroll: true });
  return true;
}

function openAtNews(room: OpenRoom, element: HTMLElement, place: Place): boolean {
  if (place.isOpened || !room.log.isReady.value) return false;
  const line = element.querySelector<HTMLElement>('.line-unread');
  // In a log that was kept the news are yet to come.
  place.isOpened = line !== null || room.divider.value === null || !room.isAtEnd.value;
  if (line) element.scrollTop = line.offsetTop - element.clientHeight / 4;
  return line !== null;
}

/* To the end; but in a window that nobody sees only as far as the first new message stays in view. */
function followEnd(room: OpenRoom, element: HTMLElement): void {
  const line = document.hidden && element.querySelector<HTMLElement>('.line-unread');
  element.scrollTop = line ? line.offsetTop - element.clientHeight / 4 : element.scrollHeight;
  setAtEnd(room, element);
}

function remember(room: OpenRoom, element: HTMLElement, place: Place): void {
  place.row = null;
  place.scrolled = element.scrollTop;
  for (const row of rowsIn(element)) {
    if (row.offsetTop + row.offsetHeight <= element.scrollTop) continue;
    place.row = row;
    place.top = row.offsetTop - element.scrollTop;
    room.place = idOf(row);
    return;
  }
}

function setAtEnd(room: OpenRoom, element: HTMLElement): void {
  const isAtEnd = spaceBelow(element) < end_px && !room.log.hasNewer.value;
  room.isAtEnd.value = isAtEnd;
  room.log.follow(isAtEnd);
}

function askForMore(room: OpenRoom, element: HTMLElement): void {
  if (element.scrollTop < ahead_px) void room.loadOlder();
  if (spaceBelow(element) < ahead_px) void room.loadNewer();
}

function spaceBelow(element: HTMLElement): number {
  return element.scrollHeight - element.scrollTop - element.clientHeight;
}
