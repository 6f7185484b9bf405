/* router.ts: the address of the page. Links are real links: they can be copied, opened in another
 * tab and followed with the keyboard; a plain click only changes the address. */
import { signal } from '@preact/signals-core';

export const path = signal(globalThis.location?.pathname ?? '/');
/** What stands behind the question mark, without it: filters, sorting, the chosen group … */
export const search = signal((globalThis.location?.search ?? '').slice(1));

/* Asked before the address changes: false keeps the person here, as long as something is not saved. */
let mayLeave: (() => boolean) | null = null;

/** Follow links for which @isOurs holds within this page; all others are the browser's. */
export function startRouter(isOurs: (pathname: string) => boolean): void {
  addEventListener('popstate', () => {
    // Only another place within this page, such as "skip to the content": nobody leaves anything.
    if (location.pathname === path.value && location.search.slice(1) === search.value) return;
    if (asked()) {
      follow();
      return;
    }
    // The browser has gone already: go back to where the person stays.
    history.pushState(null, '', address(path.value, search.value));
  });
  addEventListener('beforeunload', (event) => {
    if (mayLeave) event.preventDefault();
  });
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a');
    if (!link || !isPlainClick(event) || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || !isOurs(link.pathname)) return;
    // A place within this page, such as "skip to the content".
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

/** Go to @to, a path with or without a query. False if the person chose to stay. */
export function navigate(to: string, isReplacing = false): boolean {
  if (to !== location.pathname + location.search) {
    if (!isReplacing && !asked()) return false;
    history[isReplacing ? 'replaceState' : 'pushState'](null, '', to);
  }
  follow();
  return true;
}

/** Ask @ask before the address changes and warn before the page is closed; null: no more. */
export function guardLeaving(ask: (() => boolean) | null): void {
  mayLeave = ask;
}

/** The parts of @pathname that stand for `:name` in @pattern, or null if it is another address. */
export function match(pattern: string, pathname: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = pathname.split('/');
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = given[i] ?? '';
    if (part.startsWith(':') && value !== '') found[part.slice(1)] = decode(value);
    else if (part !== value) return null;
  }
  return found;
}

/** The room of an address such as /r/12 or /r/12/m/345, or null. */
export function roomOf(pathname: string): number | null {
  return numberIn(/^\/r\/([1-9][0-9]{0,14})(\/|$)/, pathname);
}

/** The message of an address such as /r/12/m/345, or null. */
export function messageOf(pathname: string): number | null {
  return numberIn(/^\/r\/[0-9]+\/m\/([1-9][0-9]{0,14})$/, pathname);
}

function numberIn(pattern: RegExp, pathname: string): number | null {
  const digits = pattern.exec(pathname)?.[1];
  return digits === undefined ? null : Number(digits);
}

function asked(): boolean {
  if (mayLeave && !mayLeave()) return false;
  mayLeave = null;
  return true;
}

function follow(): void {
  path.value = location.pathname;
  search.value = location.search.slice(1);
}

function address(pathname: string, query: string): string {
  return query ? `${pathname}?${query}` : pathname;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/* Anything else asks the browser for a new tab, a download or a menu. */
function isPlainClick(event: MouseEvent): boolean {
  const hasModifier = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !hasModifier && !event.defaultPrevented;
}
