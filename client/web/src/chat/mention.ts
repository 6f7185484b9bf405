/* mention.ts: whether what is being typed is somebody's name. */

export interface Mention {
  /** Where its @ stands. */
  from: number;
  /** As far as it is typed. */
  name: string;
}

/** What handles a key while names are offered; true if it was one for them. */
export type CompletionKeys = (event: KeyboardEvent) => boolean;

/** The mention that ends at @caret, if one does. What stands before the @ decides: an address of
 * e-mail is none. */
export function mentionAt(text: string, caret: number): Mention | null {
  const found = /(?:^|[^\w@./-])@([\w.-]{0,32})$/.exec(text.slice(Math.max(0, caret - 40), caret));
  if (!found) return null;
  const name = found[1] ?? '';
  return { from: caret - name.length - 1, name };
}
