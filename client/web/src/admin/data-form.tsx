/* data-form.tsx: one row: look at it, change it, or make a new one. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { guardLeaving, navigate, search } from '../shared/router.ts';
import { count } from '../shared/text.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { addStyle } from '../shared/ui/style.ts';
import { useAdmin } from './admin.ts';
import { Stamp } from './cell.tsx';
import style from './data.lazy.css';
import { Gone, TheirChanges } from './data-form-conflict.tsx';
import { FormActions } from './data-form-dialogs.tsx';
import { Fields } from './data-form-fields.tsx';
import { watchModel } from './live.ts';
import { lockOfRow } from './locks.ts';
import { Loading, Trouble } from './notes.tsx';
import { labelOf } from './picker.ts';
import { RecordForm, type Texts } from './record.ts';
import type { Row } from './rows.ts';
import type { ModelSchema } from './schema.ts';
import { View } from './view.tsx';
import type { ViewProps } from './views.ts';
import { useRights, WithSchema } from './with-schema.tsx';

addStyle(style);

export function DataForm({ params }: ViewProps) {
  const model = params.model ?? '';
  const id = params.id === undefined ? null : Number(params.id);
  return (
    <WithSchema model={model}>
      {(schema) => <RecordView key={id} schema={schema} id={id} />}
    </WithSchema>
  );
}

/* What is said once on the page of a row that was just made, and what was typed while it was being made. */
const nothingMade = { id: 0, typed: {} as Texts };
let justMade = nothingMade;

interface RecordProps {
  schema: ModelSchema;
  id: number | null;
}

function RecordView({ schema, id }: RecordProps) {
  const { api } = useAdmin();
  const form = useMemo(() => new RecordForm(api, schema, id), [api, schema, id]);
  const typed = useMemo(() => (justMade.id === id ? justMade.typed : {}), [id]);
  const load = async () => {
    const copied = Number(new URLSearchParams(search.value).get('copy'));
    await form.load(id === null && copied > 0 ? copied : null);
    if (!form.base.value) return;
    for (const [field, text] of Object.entries(typed)) form.setText(field, text);
  };
  useEffect(() => {
    void load();
  }, [form, id]);
  useEffect(() => {
    if (id !== null) return watchModel(schema.name, (event) => form.apply(event));
  }, [form, schema, id]);
  const problem = form.loadProblem.value;
  const row = form.base.value;
  if (problem)
    return (
      <View title={schema.title}>
        <Crumb schema={schema} />
        <Trouble
          problem={problem}
          words={
            problem.status === 404
              ? 'There is no such row, or you may not see it. It may have been deleted.'
              : undefined
          }
          onRetry={load}
        />
      </View>
    );
  if (!form.isReady.value)
    return (
      <View title={schema.title}>
        <Loading />
      </View>
    );
  return (
    <View
      title={row ? labelOf(row, schema.label) : `New: ${schema.title}`}
      actions={row && <FormActions schema={schema} form={form} row={row} />}
    >
      <Crumb schema={schema} row={row} />
      <Editor schema={schema} form={form} />
    </View>
  );
}

function Crumb({ schema, row }: { schema: ModelSchema; row?: Row | null }) {
  return (
    <p class="data-crumb">
      <a href={`/admin/data/${schema.name}`} dir="auto">
        {schema.title}
      </a>
      {row && (
        <span class="hint">
          {' '}
          #{row.id}, version {row.version}
          {typeof row.updated_at === 'string' && (
            <>
              , saved <Stamp at={row.updated_at} />
            </>
          )}
        </span>
      )}
    </p>
  );
}

function Editor({ schema, form }: { schema: ModelSchema; form: RecordForm }) {
  const can = useRights(schema.name);
  const [saved, setSaved] = useState(() =>
    form.id !== null && justMade.id === form.id ? 'Saved.' : '',
  );
  const element = useRef<HTMLFormElement>(null);
  const isLeaving = useRef(false);
  const changed = form.changed.value;
  const row = form.base.value;
  const rights = { mayWrite: can('write'), mayGrant: can('grant') };
  const lock = lockOfRow({ schema, row, ...rights });
  const hasChanges = changed.length > 0;
  useEffect(() => {
    justMade = nothingMade;
  }, []);
  useEffect(() => {
    guardLeaving(
      hasChanges
        ? () =>
            isLeaving.current || confirm('What you changed is not saved and will be lost. Leave?')
        : null,
    );
    return () => guardLeaving(null);
  }, [hasChanges]);
  useEffect(() => {
    if (hasChanges) setSaved('');
  }, [hasChanges]);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const done = await form.save();
    if (!done) {
      focusFirst(element.current);
      return;
    }
    if (form.id !== null) {
      setSaved(form.changed.value.length === 0 ? 'Saved.' : '');
      return;
    }
    isLeaving.current = true;
    guardLeaving(null);
    const typed = form.changed.value.map(({ name }) => [name, form.texts.value[name] ?? '']);
    justMade = { id: done.id, typed: Object.fromEntries(typed) };
    navigate(`/admin/data/${schema.name}/${done.id}`);
  };
  return (
    // The browser's own complaints would come before, and without, ours.
    <form class="form data-form" ref={element} onSubmit={onSubmit} noValidate>
      {lock && <p class="data-locked">{lock}</p>}
      {form.isGone.value && <Gone schema={schema} form={form} mayCreate={rights.mayWrite} />}
      <TheirChanges form={form} />
      <Fields schema={schema} form={form} {...rights} />
      <SaveBar form={form} isLocked={lock !== ''} saved={saved} />
    </form>
  );
}

/* A wrong field, or else the first choice between theirs and mine. The page has to show it first. */
function focusFirst(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => {
    const wanted = form?.querySelector<HTMLElement>('[aria-invalid], .data-conflict button');
    wanted?.focus();
  });
}

interface SaveBarProps {
  form: RecordForm;
  isLocked: boolean;
  saved: string;
}

function SaveBar({ form, isLocked, saved }: SaveBarProps) {
  const [isAsking, setAsking] = useState(false);
  const changes = form.changed.value.length;
  const problem = form.problem.value;
  if (isLocked && changes === 0) return null;
  return (
    <div class="data-save">
      {problem && (
        <p class="error" role="alert">
          {wordsFor(problem.status, problem.message, Object.keys(form.errors.value).length)}
        </p>
      )}
      <span role="status">
        {saved || (changes > 0 ? count(changes, 'unsaved change', 'unsaved changes') : '')}
      </span>
      {changes > 0 && (
        <button type="button" class="button" onClick={() => setAsking(true)}>
          Discard
        </button>
      )}
      <button
        type="submit"
        class="button button-main"
        disabled={form.isBusy.value || form.isGone.value || (changes === 0 && form.id !== null)}
      >
        Save
      </button>
      {isAsking && (
        <Confirm
          title="Discard your changes"
          text={`${count(changes, 'change is', 'changes are')} taken back. This cannot be undone.`}
          action="Discard them"
          onConfirm={() => form.discard()}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

/* What it means for the person, where the server only says what it is. */
function wordsFor(status: number, message: string, fields: number): string {
  const kept = 'What you typed is still here.';
  if (status === 0 || status === 429 || status >= 500) return `Not saved. ${message} ${kept}`;
  if (status === 413) return `Not saved: it is too large in all. Make a text shorter. ${kept}`;
  if (status === 403) return `Not saved. ${message} ${kept}`;
  if ((status === 422 || status === 409) && fields > 0)
    return `Not saved yet: ${count(fields, 'field needs', 'fields need')} another look.`;
  return message;
}
