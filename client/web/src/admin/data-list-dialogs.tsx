/* data-list-dialogs.tsx: which columns a list shows, and its rows as a file. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { count } from '../shared/text.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import { keepColumns, shownFields } from './columns.ts';
import { Cancelled, download, exportRows, type Format } from './export.ts';
import type { ListQuery } from './query.ts';
import type { ModelSchema } from './schema.ts';

interface ColumnsProps {
  schema: ModelSchema;
  columns: readonly string[];
  onColumns: (columns: string[]) => void;
}

export function ColumnsButton({ schema, columns, onColumns }: ColumnsProps) {
  const [isOpen, setOpen] = useState(false);
  const change = (next: string[] | null) => {
    keepColumns(schema, next);
    onColumns(next ?? [...schema.list]);
  };
  const toggle = (name: string) => {
    const isShown = columns.includes(name);
    change(isShown ? columns.filter((one) => one !== name) : [...columns, name]);
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Columns
      </button>
      {isOpen && (
        <Dialog title="Columns" onClose={() => setOpen(false)}>
          <fieldset class="choices">
            <legend>Shown in the list</legend>
            {shownFields(schema).map((field) => {
              const isShown = columns.includes(field.name);
              return (
                <label key={field.name}>
                  <input
                    type="checkbox"
                    checked={isShown}
                    // A list without columns would show nothing.
                    disabled={isShown && columns.length === 1}
                    onChange={() => toggle(field.name)}
                  />{' '}
                  <bdi>{field.title}</bdi>
                </label>
              );
            })}
          </fieldset>
          <p class="hint">Remembered in this browser. A new column is added at the end.</p>
          <div class="actions">
            <button type="button" class="button" onClick={() => change(null)}>
              The usual columns
            </button>
            <button type="button" class="button button-main" onClick={() => setOpen(false)}>
              Done
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

interface ExportProps {
  schema: ModelSchema;
  query: ListQuery;
  columns: readonly string[];
}

export function ExportButton(props: ExportProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Export
      </button>
      {isOpen && <ExportDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function ExportDialog({ schema, query, columns, onClose }: ExportProps & { onClose: () => void }) {
  const { api } = useAdmin();
  const [isAll, setAll] = useState(false);
  const [rows, setRows] = useState<number | null>(null);
  const [words, setWords] = useState('');
  const running = useRef<AbortController | null>(null);
  // Closing it is cancelling it.
  useEffect(() => () => running.current?.abort(), []);
  const start = async (format: Format) => {
    const stop = new AbortController();
    running.current = stop;
    setRows(0);
    setWords('');
    const wanted = isAll ? shownFields(schema).map(({ name }) => name) : columns;
    try {
      const file = await exportRows({
        api,
        schema,
        query,
        columns: wanted,
        format,
        onProgress: setRows,
        signal: stop.signal,
      });
      download(file, `${schema.name}.${format}`);
      setWords('Done. The file is among your downloads.');
    } catch (error) {
      const why = error instanceof Cancelled ? '' : `${asProblem(error).words} `;
      setWords(why ? `${why}Nothing was saved: try again.` : 'Cancelled. Nothing was saved.');
    }
    running.current = null;
    setRows(null);
  };
  return (
    <Dialog title="Export" onClose={onClose}>
      <p>All rows that fit the search and the filters, on all pages, in the order of the list.</p>
      <fieldset class="choices data-export">
        <legend>Columns</legend>
        <label>
          <input type="radio" name="columns" checked={!isAll} onChange={() => setAll(false)} />{' '}
          Those in the list
        </label>
        <label>
          <input type="radio" name="columns" checked={isAll} onChange={() => setAll(true)} /> All
        </label>
      </fieldset>
      <p role="status">{rows === null ? words : `${count(rows, 'row', 'rows')} so far…`}</p>
      <div class="actions">
        {rows !== null ? (
          <button type="button" class="button" onClick={() => running.current?.abort()}>
            Cancel
          </button>
        ) : (
          <>
            <button type="button" class="button" onClick={() => start('csv')}>
              As CSV
            </button>
            <button type="button" class="button" onClick={() => start('json')}>
              As JSON
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}
