/* field-choice.tsx: which field of a model something is about. */
import type { FieldSchema } from './schema.ts';

export function FieldChoice({
  fields,
  name,
  onChoose,
}: {
  fields: readonly FieldSchema[];
  name: string;
  onChoose: (name: string) => void;
}) {
  return (
    <label class="field">
      <b>Field</b>
      <select value={name} onChange={(event) => onChoose(event.currentTarget.value)}>
        {fields.map((one) => (
          <option key={one.name} value={one.name}>
            {one.title}
          </option>
        ))}
      </select>
    </label>
  );
}
