/* data-form-conflict.tsx: what others did to the row while it was open here. */
import { useState } from 'preact/hooks';
import { excerpt } from '../shared/text.ts';
import type { RecordForm, Theirs } from './record.ts';
import type { ModelSchema } from './schema.ts';
import { inWords } from './value.ts';

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
  const short = (value: unknown) => excerpt(inWords(field, value), shown_max);
  const what = (
    <p>
      <bdi>{who}</bdi> changed <b dir="auto">{field.title}</b> while you edited:{' '}
      <bdi>{short(before)}</bdi> → <bdi>{short(now)}</bdi>
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
        Yours: <bdi>{excerpt(form.texts.value[field.name] || 'none', shown_max)}</bdi>
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

interface GoneProps {
  schema: ModelSchema;
  form: RecordForm;
  mayCreate: boolean;
}

export function Gone({ schema, form, mayCreate }: GoneProps) {
  const [said, setSaid] = useState('');
  const changed = form.changed.value;
  const copy = () => {
    const fields = changed.length > 0 ? changed : schema.fields;
    const text = fields
      .map((field) => `${field.title}: ${form.texts.value[field.name] ?? ''}`)
      .join('\n');
    navigator.clipboard.writeText(text).then(
      () => setSaid('Copied.'),
      () => setSaid('The browser did not allow it. Select the text and copy it by hand.'),
    );
  };
  return (
    <div class="data-change data-conflict" role="alert">
      <p>
        This row is gone: somebody deleted it, or you may no longer see it. It cannot be saved any
        more. What you typed is still here.
      </p>
      <div class="data-choice">
        <button type="button" class="button" onClick={copy}>
          Copy what I typed
        </button>
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
        <span>{said}</span>
      </div>
    </div>
  );
}
