/* data-form-fields.tsx: the fields of a row: those to fill in, then those that only the server sets. */
import { Cell } from './cell.tsx';
import { Control } from './control.tsx';
import { lockOfField } from './locks.ts';
import type { RecordForm } from './record.ts';
import { RowName } from './row-name.tsx';
import { bookkeeping, type FieldSchema, type ModelSchema } from './schema.ts';

interface FieldsProps {
  schema: ModelSchema;
  form: RecordForm;
  mayWrite: boolean;
  mayGrant: boolean;
}

export function Fields({ schema, form, mayWrite, mayGrant }: FieldsProps) {
  const row = form.base.value;
  const changed = new Set(form.changed.value.map(({ name }) => name));
  const fields = schema.fields.filter((field) => !bookkeeping.includes(field.name));
  const own = fields.filter((field) => (row ? field.mayUpdate : field.mayCreate));
  const set = row
    ? schema.fields.filter((field) => !own.includes(field) && field.name !== 'version')
    : [];
  return (
    <>
      {own.map((field) => (
        <Control
          key={field.name}
          field={field}
          text={form.texts.value[field.name] ?? ''}
          onText={(text) => form.setText(field.name, text)}
          problem={form.errors.value[field.name]}
          isNew={row === null}
          locked={lockOfField(field, { schema, row, mayWrite, mayGrant })}
          mark={changed.has(field.name) && row && <span class="data-mark">changed</span>}
        />
      ))}
      {row && set.length > 0 && (
        <dl class="data-set">
          {set.map((field) => (
            <div key={field.name}>
              <dt dir="auto">{field.title}</dt>
              <dd>
                <Shown field={field} value={row[field.name]} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

function Shown({ field, value }: { field: FieldSchema; value: unknown }) {
  if (field.kind === 'reference' && typeof value === 'number')
    return <RowName model={field.references} id={value} />;
  return <Cell field={field} value={value} />;
}
