/* data-form-dialogs.tsx: what can be done with a whole row: its JSON, its history, a copy of it, and its end. */
import { useEffect, useId, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { guardLeaving, navigate } from '../shared/router.ts';
import { count } from '../shared/text.ts';
import { Copy } from '../shared/ui/copy.tsx';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import { History } from './data-form-history.tsx';
import { labelOf } from './picker.ts';
import type { RecordForm } from './record.ts';
import type { Row } from './rows.ts';
import type { ModelSchema } from './schema.ts';
import { useRights } from './with-schema.tsx';

interface FormActionsProps {
  schema: ModelSchema;
  form: RecordForm;
  row: Row;
}

export function FormActions({ schema, form, row }: FormActionsProps) {
  const can = useRights(schema.name);
  const [open, setOpen] = useState<'json' | 'history' | 'delete' | null>(null);
  const close = () => setOpen(null);
  const mayCreate = can('write') && schema.fields.some((field) => field.mayCreate);
  const mayDelete = can('delete') && row.may?.delete !== false && !form.isGone.value;
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen('json')}>
        JSON
      </button>
      {schema.hasHistory && (
        <button type="button" class="button" onClick={() => setOpen('history')}>
          History
        </button>
      )}
      {mayCreate && (
        <a class="button" href={`/admin/data/${schema.name}/new?copy=${row.id}`}>
          Duplicate
        </a>
      )}
      {mayDelete && (
        <button type="button" class="button button-danger" onClick={() => setOpen('delete')}>
          Delete
        </button>
      )}
      {open === 'json' && <JsonDialog row={row} onClose={close} />}
      {open === 'history' && <History schema={schema} id={row.id} onClose={close} />}
      {open === 'delete' && <DeleteDialog {...{ schema, form, row }} onClose={close} />}
    </>
  );
}

function JsonDialog({ row, onClose }: { row: Row; onClose: () => void }) {
  const id = useId();
  const { may: _, ...plain } = row;
  const text = JSON.stringify(plain, null, 2);
  return (
    <Dialog title="JSON" class="data-wide" onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard */}
      <pre id={id} class="data-json" tabIndex={0}>
        {text}
      </pre>
      <div class="actions">
        <Copy text={() => text} from={id} />
      </div>
    </Dialog>
  );
}

interface Along {
  model: string | null;
  rows: number;
  more: boolean;
  on_delete: 'cascade' | 'set-null' | 'restrict';
}

interface DeleteProps extends FormActionsProps {
  onClose: () => void;
}

function DeleteDialog({ schema, form, row, onClose }: DeleteProps) {
  const { api, models } = useAdmin();
  const [along, setAlong] = useState<readonly Along[] | null>(schema.hasAlong ? null : []);
  const [words, setWords] = useState('');
  useEffect(() => {
    if (!schema.hasAlong) return;
    api.get<{ items: Along[] }>(`/${schema.name}/${row.id}/along`).then(
      ({ items }) => setAlong(items.filter(({ rows }) => rows > 0)),
      (error: unknown) => {
        setAlong([]);
        setWords(`What hangs on it could not be counted. ${asProblem(error).words}`);
      },
    );
  }, [api, schema, row.id]);
  const titleOf = (model: string | null) =>
    model === null ? 'a model that you may not see' : (models.get(model)?.title ?? model);
  const isHeld = along?.some((one) => one.on_delete === 'restrict') === true;
  const remove = async () => {
    setWords('');
    try {
      await form.delete();
    } catch (error) {
      const problem = asProblem(error);
      setWords(
        problem.status === 412
          ? 'Not deleted: somebody changed it meanwhile. Look at it again first.'
          : `Not deleted. ${problem.words}`,
      );
      return;
    }
    guardLeaving(null);
    onClose();
    navigate(`/admin/data/${schema.name}`);
  };
  return (
    <Dialog title="Delete this row" onClose={onClose}>
      <p>
        “<bdi>{labelOf(row, schema.label)}</bdi>” is deleted for good.
      </p>
      {along === null && <p role="status">Counting what hangs on it…</p>}
      {along && along.length > 0 && (
        <ul class="data-along" aria-label="What hangs on it">
          {along.map((one) => (
            <li key={`${one.model} ${one.on_delete}`}>{alongWords(one, titleOf(one.model))}</li>
          ))}
        </ul>
      )}
      {along?.length === 0 && !words && schema.hasAlong && <p>Nothing else hangs on it.</p>}
      {words && (
        <p class="error" role="alert">
          {words}
        </p>
      )}
      <div class="actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="button button-danger"
          disabled={along === null || isHeld || form.isBusy.value}
          onClick={remove}
        >
          Delete
        </button>
      </div>
    </Dialog>
  );
}

export function alongWords({ rows, more, on_delete }: Along, title: string): string {
  const number = `${more ? 'More than ' : ''}${count(rows, 'row', 'rows')} of ${title}`;
  if (on_delete === 'cascade') return `${number}: deleted with it.`;
  if (on_delete === 'set-null') return `${number}: kept, but no longer naming it.`;
  return `${number}: these hold it. Delete or change them first.`;
}
