/* matrix-grid.tsx: models in rows, rights in columns; one press of Tab comes in, the arrows move inside. */
import { computed } from '@preact/signals-core';
import { useId, useMemo, useRef, useState } from 'preact/hooks';
import { stampLabel } from '../shared/time.ts';
import { allRights, sourceWords } from './grants.ts';
import { nextPlace, type Place } from './grid-keys.ts';
import type { Cell, GrantableModel, Matrix } from './matrix.ts';

/* The first column holds what is for a whole row; the first row what is for a whole column. */
const columns = allRights.length + 1;

export function MatrixGrid({ matrix }: { matrix: Matrix }) {
  const table = useRef<HTMLTableElement>(null);
  const id = useId();
  const [place, setPlace] = useState<Place>({ row: 1, column: 1 });
  const models = matrix.rows.value;
  const rows = models.length + 1;
  // Fewer rows may be shown now than when the focus was here.
  const here = { row: Math.min(place.row, rows - 1), column: place.column };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.metaKey) return;
    const wanted = nextPlace(event.key, event.ctrlKey, here, rows, columns);
    if (!wanted) return;
    // In the corner there is nothing: one press for all rights on all models would be too easy.
    const next = wanted.row === 0 && wanted.column === 0 ? { row: 0, column: 1 } : wanted;
    event.preventDefault();
    setPlace(next);
    table.current?.querySelector<HTMLElement>(`[data-place="${next.row}-${next.column}"]`)?.focus();
  };
  return (
    <div class="matrix-scroll">
      <p class="hint" id={id}>
        Arrow keys move, Space changes. Nothing is in force before it is saved.
      </p>
      <table
        ref={table}
        class="matrix"
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table that is worked in is a grid
        role="grid"
        aria-label="Permissions by model"
        aria-describedby={id}
        aria-rowcount={rows}
        onKeyDown={onKeyDown}
      >
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">
              <span class="visually-hidden">Whole row</span>
            </th>
            {allRights.map((right, i) => (
              <th scope="col" key={right}>
                <button
                  type="button"
                  class="matrix-all"
                  aria-label={`${right}: all models shown`}
                  onClick={() => matrix.toggleColumn(right)}
                  {...placed(0, i + 1, here, setPlace)}
                >
                  {right} <span class="matrix-all-word">all</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {models.map((model, i) => (
            <Row
              key={model.name}
              matrix={matrix}
              model={model}
              row={i + 1}
              focused={here.row === i + 1 ? here.column : -1}
              onPlace={setPlace}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface At {
  'data-place': string;
  tabIndex: number;
  onFocus: () => void;
}

function placed(row: number, column: number, here: Place, onPlace: (place: Place) => void): At {
  return {
    'data-place': `${row}-${column}`,
    tabIndex: here.row === row && here.column === column ? 0 : -1,
    onFocus: () => onPlace({ row, column }),
  };
}

interface RowProps {
  matrix: Matrix;
  model: GrantableModel;
  row: number;
  /** The column that has the place of the focus; -1: it is in another row. */
  focused: number;
  onPlace: (place: Place) => void;
}

/* Of hundreds of rows only those are drawn again that look different: a text is compared by what it says. */
function Row({ matrix, model, row, focused, onPlace }: RowProps) {
  const looks = useMemo(
    () => computed(() => JSON.stringify(allRights.map((right) => matrix.cell(model, right)))),
    [matrix, model],
  );
  const cells = JSON.parse(looks.value) as Cell[];
  const at = (column: number) => placed(row, column, { row, column: focused }, onPlace);
  return (
    <tr>
      <th scope="row" class="matrix-model">
        <span dir="auto">{model.title}</span>
        {model.title !== model.name && <small>{model.name}</small>}
      </th>
      <td>
        <button
          type="button"
          class="matrix-all"
          aria-label={`${model.title}: all`}
          onClick={() => matrix.toggleRow(model)}
          {...at(0)}
        >
          all
        </button>
      </td>
      {cells.map((cell, i) => (
        <td key={cell.right}>
          <CellBox
            title={model.title}
            cell={cell}
            onToggle={() => matrix.toggle(model, cell.right)}
            at={at(i + 1)}
          />
        </td>
      ))}
    </tr>
  );
}

interface CellBoxProps {
  title: string;
  cell: Cell;
  onToggle: () => void;
  at: At;
}

function CellBox({ title, cell, onToggle, at }: CellBoxProps) {
  const notes = notesOf(cell);
  const kind = [
    'cell',
    cell.isOn && 'is-on',
    cell.inherited.length > 0 && 'is-inherited',
    cell.isStaged && 'is-staged',
    cell.isConflict && 'is-conflict',
  ];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a real checkbox could not be locked and keep the focus
    <button
      type="button"
      role="checkbox"
      class={kind.filter(Boolean).join(' ')}
      aria-checked={cell.isOn}
      aria-disabled={cell.whyNot !== null}
      aria-label={`${title}: ${cell.right}${notes.length > 0 ? `, ${notes.join(', ')}` : ''}`}
      title={cell.whyNot ?? undefined}
      onClick={onToggle}
      {...at}
    >
      <span class="cell-box" aria-hidden="true">
        {cell.isOn ? '✓' : ''}
      </span>
      <span class="cell-notes" aria-hidden="true">
        {cell.isStaged && <strong>{cell.isOn ? '+ new' : '− goes'}</strong>}
        {cell.isConflict && <strong>! changed</strong>}
        {cell.until && <span>until {stampLabel(cell.until)}</span>}
        {cell.inherited.slice(0, 2).map((source) => (
          <span key={source.grant} class="cell-from">
            ◆ {sourceWords(source)}
          </span>
        ))}
        {cell.inherited.length > 2 && <span>and {cell.inherited.length - 2} more</span>}
        {cell.whyNot && <span>locked</span>}
      </span>
    </button>
  );
}

/* All that the looks of a cell say, for those who hear it. */
function notesOf(cell: Cell): string[] {
  const notes: string[] = [];
  if (cell.isStaged)
    notes.push(cell.isOn ? 'not saved: will be given' : 'not saved: will be taken');
  if (cell.isConflict) notes.push('changed meanwhile by somebody else');
  if (cell.until) notes.push(`granted here until ${stampLabel(cell.until)}`);
  for (const source of cell.inherited) notes.push(`has it ${sourceWords(source)}`);
  if (cell.whyNot) notes.push(cell.whyNot);
  return notes;
}
