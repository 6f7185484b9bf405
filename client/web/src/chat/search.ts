/* search.ts: asking for messages, and showing where in them the words are. */
import { excerpt } from '../shared/text.ts';

const length_max = 200;
/* What stands before the first word that was found. */
const lead = 60;

export function searchQuery(words: string, room: number | null, author: number | null): string {
  const query = new URLSearchParams({ q: words.trim(), limit: '20' });
  if (room !== null) query.set('room', String(room));
  if (author !== null) query.set('author', String(author));
  return `/message?${query}`;
}

/** An excerpt of @text around the first of @words, cut into pieces that match and pieces that do not. */
export function marked(text: string, words: string): { text: string; isFound: boolean }[] {
  const wanted = words.match(/[\p{L}\p{N}]+/gu) ?? [];
  if (wanted.length === 0) return [{ text: excerpt(text, length_max), isFound: false }];
  // The server finds whole words, and the beginning of the last one.
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(${wanted.join('|')})`, 'giu');
  const first = text.search(pattern);
  const from = first > lead ? text.indexOf(' ', first - lead) + 1 : 0;
  const start = from > first ? first : from;
  const shown = excerpt(text.slice(Math.max(0, start)), length_max);
  return `${start > 0 ? '…' : ''}${shown}`
    .split(pattern)
    .map((piece, index) => ({ text: piece, isFound: index % 2 === 1 }))
    .filter((piece) => piece.text !== '');
}
