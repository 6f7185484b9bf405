/* grid-keys.ts: moving in a grid by keys: one place has the focus, and the keys say which is next. */

export interface Place {
  row: number;
  column: number;
}

/** Where @key leads from @from in a grid of that size, or null if it is no key of a grid. */
export function nextPlace(
  key: string,
  hasControl: boolean,
  from: Place,
  rows: number,
  columns: number,
  page = 10,
): Place | null {
  const { row, column } = from;
  const to = (nextRow: number, nextColumn: number): Place => ({
    row: Math.max(0, Math.min(rows - 1, nextRow)),
    column: Math.max(0, Math.min(columns - 1, nextColumn)),
  });
  switch (key) {
    case 'ArrowUp':
      return to(row - 1, column);
    case 'ArrowDown':
      return to(row + 1, column);
    case 'ArrowLeft':
      return to(row, column - 1);
    case 'ArrowRight':
      return to(row, column + 1);
    case 'PageUp':
      return to(row - page, column);
    case 'PageDown':
      return to(row + page, column);
    case 'Home':
      return to(hasControl ? 0 : row, 0);
    case 'End':
      return to(hasControl ? rows - 1 : row, columns - 1);
    default:
      return null;
  }
}
