/* cell.tsx: a value to look at, in a list or in a form. */
import { excerpt } from '../shared/text.ts';
import { fullLabel, stampLabel } from '../shared/time.ts';
import { labelOf } from './picker.ts';
import { addressOf, type FieldSchema } from './schema.ts';
import { idOf } from './value.ts';

const shown_max = 80;

interface CellProps {
  field: FieldSchema;
  value: unknown;
  /** Of the model that a reference names. */
  label?: string | undefined;
}

export function Cell({ field, value, label }: CellProps) {
  if (value === null || value === undefined || value === '')
    return (
      <span class="hint">
        <span aria-hidden="true">–</span>
        <span class="visually-hidden">{value === undefined ? 'hidden' : 'none'}</span>
      </span>
    );
  switch (field.kind) {
    case 'boolean':
      return <>{value ? 'Yes' : 'No'}</>;
    case 'date-time':
      return <Stamp at={String(value)} />;
    case 'reference':
      return <Reference model={field.references} value={value} label={label} />;
    case 'strings':
      return <bdi>{excerpt((value as string[]).join(', '), shown_max)}</bdi>;
    case 'json':
      return <code>{excerpt(JSON.stringify(value), shown_max)}</code>;
    default:
      return <bdi>{excerpt(String(value), shown_max)}</bdi>;
  }
}

export function Stamp({ at }: { at: string }) {
  return (
    <time dateTime={at} title={fullLabel(at)}>
      {stampLabel(at)}
    </time>
  );
}

interface ReferenceProps {
  model: string;
  /** An id, or the row itself. */
  value: unknown;
  label?: string | undefined;
}

export function Reference({ model, value, label }: ReferenceProps) {
  const id = idOf(value);
  if (id === null) return <>{JSON.stringify(value)}</>;
  const row =
    typeof value === 'object' ? (value as { id: number } & Record<string, unknown>) : null;
  // The label is the model's own field; the names that most have are tried before it is known.
  const known = label ?? (row && ['title', 'name', 'label', 'text'].find((name) => name in row));
  const text = row && known ? labelOf(row, known) : `#${id}`;
  return (
    <a href={addressOf(model, id)} dir="auto" title={`${model} ${id}`}>
      {excerpt(text, shown_max)}
    </a>
  );
}
