/* style.ts: the style of a part that is fetched later. It is text in that part's script; a constructed sheet is not
 * inline style, so the page's policy allows it. */

const known = new Set<string>();

/** Put a sheet (an import of a `.lazy.css` file) in force, once. */
export function addStyle(text: string): void {
  if (known.has(text)) return;
  known.add(text);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
