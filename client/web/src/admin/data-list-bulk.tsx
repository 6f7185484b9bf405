/* data-list-bulk.tsx: what can be done with the rows that are selected. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { count } from '../shared/text.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import { Bulk, type Result, type Task } from './bulk.ts';
import { Control } from './control.tsx';
import { FieldChoice } from './field-choice.tsx';
import { labelOf } from './picker.ts';
import type { Row, RowList } from './rows.ts';
import { fieldNamed, type ModelSchema } from './schema.ts';
import { fromText } from './value.ts';
import { useRights } from './with-schema.tsx';

interface BulkBarProps {
  schema: ModelSchema;
  list: RowList;
}

export function BulkBar({ schema, list }: BulkBarProps) {
  const can = useRights(schema.name);
  const [open, setOpen] = useState<'edit' | 'delete' | null>(null);
  // As they were selected: the list may forget some while the dialog shows what became of them.
  const [rows, setRows] = useState<readonly Row[]>([]);
  const selected = [...list.selected.value.values()];
  const start = (what: 'edit' | 'delete') => {
    setRows(selected);
    setOpen(what);
  };
  const close = () => setOpen(null);
  const done = () => {
    close();
    list.clearSelection();
    void list.reload();
  };
  const fields = schema.fields.filter((field) => field.mayUpdate);
  const mayUpdate =
    can('write') && fields.length > 0 && selected.some((row) => row.may?.update !== false);
  const mayDelete = can('delete') && selected.some((row) => row.may?.delete !== false);
  return (
    <>
      {selected.length > 0 && (
        <section class="data-bulk" aria-label="Selected rows">
          <p role="status">{count(selected.length, 'row', 'rows')} selected</p>
          {mayUpdate && (
            <button type="button" class="button" onClick={() => start('edit')}>
              Edit the selected
            </button>
          )}
          {mayDelete && (
            <button type="button" class="button button-danger" onClick={() => start('delete')}>
              Delete the selected
            </button>
          )}
          {!mayUpdate && !mayDelete && (
            <p class="hint">You may look at these rows, not change them.</p>
          )}
          <button type="button" class="button" onClick={() => list.clearSelection()}>
            Select none
          </button>
        </section>
      )}
      {open === 'delete' && (
        <BulkDelete schema={schema} rows={rows} onClose={close} onDone={done} />
      )}
      {open === 'edit' && <BulkEdit schema={schema} rows={rows} onClose={close} onDone={done} />}
    </>
  );
}

interface BulkProps {
  schema: ModelSchema;
  rows: readonly Row[];
  onClose: () => void;
  /** After it was done, to some of them at least. */
  onDone: () => void;
}

function BulkDelete({ schema, rows, onClose, onDone }: BulkProps) {
  const { bulk, start } = useBulk(schema);
  const title = `Delete ${count(rows.length, 'row', 'rows')}`;
  if (bulk.results.value.length > 0)
    return <Results title={title} task={{ is: 'delete' }} {...{ schema, bulk, onDone }} />;
  return (
    <Dialog title={title} onClose={onClose}>
      <p>
        They are gone for good, and so is what belongs only to them. What must not lose them keeps
        them: that is told for each.
      </p>
      <Names schema={schema} rows={rows} />
      <div class="actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="button button-danger"
          onClick={() => start({ is: 'delete' }, rows)}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}

const names_max = 5;

function Names({ schema, rows }: { schema: ModelSchema; rows: readonly Row[] }) {
  return (
    <ul class="data-names">
      {rows.slice(0, names_max).map((row) => (
        <li key={row.id}>
          <bdi>{labelOf(row, schema.label)}</bdi> <small class="hint">#{row.id}</small>
        </li>
      ))}
      {rows.length > names_max && <li>and {rows.length - names_max} more</li>}
    </ul>
  );
}

function BulkEdit({ schema, rows, onClose, onDone }: BulkProps) {
  const { bulk, start } = useBulk(schema);
  const fields = schema.fields.filter((field) => field.mayUpdate);
  const [name, setName] = useState(
    () => fields.find((field) => schema.list.includes(field.name))?.name ?? fields[0]?.name ?? '',
  );
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const [task, setTask] = useState<Task | null>(null);
  const field = fieldNamed(schema, name);
  const title = `Edit ${count(rows.length, 'row', 'rows')}`;
  if (task && bulk.results.value.length > 0)
    return <Results title={title} {...{ schema, bulk, task, onDone }} />;
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!field) return;
    // A box that was never touched is one that is not ticked.
    const read = fromText(
      field,
      field.kind === 'boolean' && !field.isNullable ? text || 'false' : text,
    );
    if ('error' in read) {
      setProblem(read.error);
      return;
    }
    const next: Task = { is: 'edit', field: field.name, value: read.value };
    setTask(next);
    start(next, rows);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={onSubmit} noValidate>
        <FieldChoice
          fields={fields}
          name={name}
          onChoose={(chosen) => {
            setName(chosen);
            setText('');
            setProblem('');
          }}
        />
        {field && (
          <Control
            field={field}
            label="New value"
            text={text}
            problem={problem}
            onText={(typed) => {
              setText(typed);
              setProblem('');
            }}
          />
        )}
        <Names schema={schema} rows={rows} />
        <button type="submit" class="button button-main">
          Change {count(rows.length, 'row', 'rows')}
        </button>
      </form>
    </Dialog>
  );
}

function useBulk(schema: ModelSchema) {
  const { api } = useAdmin();
  const bulk = useMemo(() => new Bulk(api, schema.name), [api, schema]);
  // Nothing goes on that can no longer be seen or stopped.
  useEffect(() => () => bulk.cancel(), [bulk]);
  const start = (task: Task, rows: readonly Row[]) => void bulk.run(task, rows);
  return { bulk, start };
}

interface ResultsProps {
  title: string;
  schema: ModelSchema;
  bulk: Bulk;
  task: Task;
  onDone: () => void;
}

function Results({ title, schema, bulk, task, onDone }: ResultsProps) {
  const results = bulk.results.value;
  const isBusy = bulk.isBusy.value;
  const number = (state: Result['state']) => results.filter((one) => one.state === state).length;
  const failed = results.filter((one) => one.state === 'failed');
  const close = () => {
    bulk.cancel();
    onDone();
  };
  return (
    <Dialog title={title} onClose={close}>
      <p role="status">
        {isBusy
          ? `${number('done')} of ${results.length} done…`
          : `${number('done')} done, ${failed.length} failed.`}
      </p>
      {failed.length > 0 && (
        <ul class="data-results" aria-label="Failed">
          {failed.map(({ row, words }) => (
            <li key={row.id}>
              <a href={`/admin/data/${schema.name}/${row.id}`} dir="auto">
                {labelOf(row, schema.label)}
              </a>{' '}
              <span class="error">{words}</span>
            </li>
          ))}
        </ul>
      )}
      <div class="actions">
        {isBusy && (
          <button type="button" class="button" onClick={() => bulk.cancel()}>
            Stop
          </button>
        )}
        {!isBusy && failed.length > 0 && (
          <button type="button" class="button" onClick={() => bulk.retry(task)}>
            Try the failed again
          </button>
        )}
        {!isBusy && (
          <button type="button" class="button button-main" onClick={close}>
            Close
          </button>
        )}
      </div>
    </Dialog>
  );
}
