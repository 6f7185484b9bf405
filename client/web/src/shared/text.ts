/* text.ts: small pieces of language. */

const listFormat = new Intl.ListFormat('en', { type: 'conjunction' });
const numberFormat = new Intl.NumberFormat('en');

export function count(number: number, one: string, many: string): string {
  return `${numberFormat.format(number)} ${number === 1 ? one : many}`;
}

/** "ann", "ann and bob", "ann, bob, and 3 others". Of @unnamed more nobody knows the names. */
export function names(all: readonly string[], shown_max = 3, unnamed = 0): string {
  const total = all.length + unnamed;
  if (unnamed === 0 && total <= shown_max) return listFormat.format(all);
  const shown = all.slice(0, shown_max - 1);
  return listFormat.format([...shown, count(total - shown.length, 'other', 'others')]);
}

/** A badge never grows wider than "99+". */
export function badge(number: number): string {
  return number > 99 ? '99+' : String(number);
}

/** The first @length characters, without cutting a surrogate pair in two. */
export function excerpt(text: string, length: number): string {
  const line = text.slice(0, length * 4).replace(/\s+/gu, ' ');
  const characters = Array.from(line);
  return characters.length <= length ? line : `${characters.slice(0, length).join('')}…`;
}
