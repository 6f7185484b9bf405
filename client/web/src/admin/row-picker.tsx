/* row-picker.tsx: a field for the row of another model: type a few letters, choose one of what is found. */
import { Picker } from '../shared/ui/combobox.tsx';
import { useAdmin } from './admin.ts';
import { findRows } from './picker.ts';
import { useRowLabel } from './row-name.tsx';
import { addressOf } from './schema.ts';

interface RowPickerProps {
  model: string;
  label: string;
  /** The id of the chosen row. */
  value: number | null;
  onPick: (id: number | null, label: string) => void;
  /** What is wrong with it. */
  problem?: string | undefined;
  hint?: string | undefined;
  disabled?: boolean | undefined;
  required?: boolean | undefined;
  /** Of the field, to put the focus there. */
  name?: string | undefined;
}

export function RowPicker({ model, value, onPick, ...field }: RowPickerProps) {
  const { api } = useAdmin();
  const name = useRowLabel(model, value);
  const address = value === null ? undefined : addressOf(model, value);
  return (
    <Picker
      {...field}
      value={name}
      find={(text) => findRows(api, model, text)}
      about={[api, model]}
      optionOf={({ id, label }) => ({ key: id, name: label, hint: `#${id}` })}
      onPick={({ id, label }) => onPick(id, label)}
      onClear={value !== null && !field.required ? () => onPick(null, '') : undefined}
      nothing="Nothing begins like that. Try fewer letters, or the number."
    >
      {address && (
        <a href={address} aria-label={`Open ${name}, ${model} ${value}`}>
          Open
        </a>
      )}
    </Picker>
  );
}
