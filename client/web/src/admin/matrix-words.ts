/* matrix-words.ts: staged changes of permissions, in words. */
import { count } from '../shared/text.ts';
import { rightsWords } from './grants.ts';
import type { Change, Conflict } from './matrix.ts';

/** "2 changes: + news write, − task read". */
export function diffLine(changes: readonly Change[], shown_max = 8): string {
  const shown = changes
    .slice(0, shown_max)
    .map(({ model, right, isAdded }) => `${isAdded ? '+' : '−'} ${model} ${right}`);
  const rest = changes.length - shown.length;
  if (rest > 0) shown.push(count(rest, 'more', 'more'));
  return `${count(changes.length, 'change', 'changes')}: ${shown.join(', ')}`;
}

export function conflictWords({ model, seen, now }: Conflict): string {
  return `${model} was changed meanwhile: it was ${rightsWords(seen)}, now it is ${rightsWords(now)}.`;
}
