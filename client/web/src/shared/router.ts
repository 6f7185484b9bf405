/* router.ts: the address of the page. Links are real links: they can be copied, opened in another
 * tab and followed with the keyboard; a plain click only changes the address. */
import { signal } from '@preact/signals-core';

export const path = signal(globalThis.location?.pathname ?? '/');

export function startRouter(): void {
  addEventListener('popstate', () => {
    path.value = location.pathname;
  });
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest('a');
    if (!link || !isPlainClick(event) || !isOurs(link)) return;
    event.preventDefault();
    navigate(link.pathname);
  });
}

export function navigate(to: string, isReplacing = false): void {
  if (isReplacing) history.replaceState(null, '', to);
  else if (to !== location.pathname) history.pushState(null, '', to);
  path.value = to;
}

/** The room of an address such as /r/12, or null. */
export function roomOf(pathname: string): number | null {
  const id = /^\/r\/([1-9][0-9]{0,14})(\/|$)/.exec(pathname)?.[1];
  return id === undefined ? null : Number(id);
}

/* Anything else asks the browser for a new tab, a download or a menu. */
function isPlainClick(event: MouseEvent): boolean {
  const hasModifier = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !hasModifier && !event.defaultPrevented;
}

/* The administration is another page, with a script of its own. */
function isOurs(link: HTMLAnchorElement): boolean {
  const isSamePage = link.pathname === '/' || roomOf(link.pathname) !== null;
  return link.origin === location.origin && !link.target && isSamePage;
}
