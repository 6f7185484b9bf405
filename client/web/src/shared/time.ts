/* time.ts: times in the reader's own zone and language. */

const minute_ms = 60_000;
const group_ms = 5 * minute_ms;

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const dayFormat = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
});
const dayWithYearFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
const stampFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Day and time, short enough for a column. */
export function stampLabel(at: string): string {
  return format(stampFormat, at);
}

export function clockLabel(at: string): string {
  return format(clockFormat, at);
}

export function fullLabel(at: string): string {
  return format(fullFormat, at);
}

/** The heading over a day's messages. */
export function dayLabel(at: string, now: Date = new Date()): string {
  const date = new Date(at);
  if (isSameDay(date, now)) return 'Today';
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (isSameDay(date, yesterday)) return 'Yesterday';
  return format(date.getFullYear() === now.getFullYear() ? dayFormat : dayWithYearFormat, at);
}

export function startsDay(before: string | undefined, at: string): boolean {
  return before === undefined || !isSameDay(new Date(before), new Date(at));
}

/** Close enough to stand under one name. */
export function isSameGroup(before: string, at: string): boolean {
  const gap_ms = Date.parse(at) - Date.parse(before);
  return gap_ms < group_ms && gap_ms > -group_ms && !startsDay(before, at);
}

function isSameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}

/* A malformed time is shown as it came: format() would throw, and take the page with it. */
function format(formatter: Intl.DateTimeFormat, at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : formatter.format(date);
}
