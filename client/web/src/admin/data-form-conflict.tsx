/* data-form-conflict.tsx: what others did to the row while it was open here. */
import { excerpt } from '../shared/text.ts';
import { Copy } from '../shared/ui/copy.tsx';
import type { RecordForm, Theirs } from './record.ts';
import { FieldWords } from './row-name.tsx';
import type { FieldSchema, ModelSchema } from './schema.ts';

const shown_max = 200;

export function TheirChanges({ form }: { form: RecordForm }) {
  const theirs = form.theirs.value;
  return (
    <div role="status" class="data-theirs">
      {theirs.map((one) => (
        <Change key={one.field.name} one={one} form={form} />
      ))}
    </div>
  );
}

function Change({ one, form }: { one: Theirs; form: RecordForm }) {
  const { field, before, now, who, isConflict } = one;
  const what = (
    <p>
      <bdi>{who}</bdi> changed <b dir="auto">{field.title}</b> while you edited:{' '}
      <FieldWords field={field} value={before} /> → <FieldWords field={field} value={now} />
    </p>
  );
  if (!isConflict)
    return (
      <div class="data-change">
        {what}
        <button type="button" class="button" onClick={() => form.keepMine(field.name)}>
          OK
        </button>
      </div>
    );
  return (
    <fieldset class="data-change data-conflict">
      <legend>
        Two changes of <bdi>{field.title}</bdi>
      </legend>
      {what}
      <p>
        Yours: <Mine field={field} text={form.texts.value[field.name] ?? ''} />
      </p>
      <div class="data-choice">
        <button type="button" class="button" onClick={() => form.keepMine(field.name)}>
          Keep mine
        </button>
        <button type="button" class="button" onClick={() => form.takeTheirs(field.name)}>
          Take theirs
        </button>
      </div>
    </fieldset>
  );
}

function Mine({ field, text }: { field: FieldSchema; text: string }) {
  if (field.kind === 'reference') return <FieldWords field={field} value={Number(text) || null} />;
  return <bdi>{excerpt(text || 'none', shown_max)}</bdi>;
}

interface GoneProps {
  schema: ModelSchema;
  form: RecordForm;
  mayCreate: boolean;
}

export function Gone({ schema, form, mayCreate }: GoneProps) {
  const changed = form.changed.value;
  const typed = () =>
    (changed.length > 0 ? changed : schema.fields)
      .map((field) => `${field.title}: ${form.texts.value[field.name] ?? ''}`)
      .join('\n');
  return (
    <div class="data-change data-conflict" role="alert">
      <p>
        This row is gone: somebody deleted it, or you may no longer see it. It cannot be saved any
        more. What you typed is still here.
      </p>
      <div class="data-choice">
        <Copy text={typed} label="Copy what I typed" />
        {mayCreate && (
          <a
            class="button"
            href={`/admin/data/${schema.name}/new`}
            target="_blank"
            rel="noreferrer"
          >
            New row in a new tab
          </a>
        )}
      </div>
    </div>
  );
}
