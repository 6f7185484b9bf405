/* control.tsx: the control that fits a field, made from its description. Every control edits a text: see value.ts. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { describedBy, FieldNotes } from '../shared/ui/form.tsx';
import { RowPicker } from './row-picker.tsx';
import type { FieldSchema } from './schema.ts';
import { zoneWords } from './value.ts';

interface ControlProps {
  field: FieldSchema;
  text: string;
  onText: (text: string) => void;
  problem?: string | undefined;
  /** Why it cannot be changed. */
  locked?: string | undefined;
  /** Of a row that is being made. */
  isNew?: boolean | undefined;
  /** Instead of the field's own name. */
  label?: string | undefined;
  /** "(changed)" and the like, beside the name. */
  mark?: ComponentChildren;
}

export function Control(props: ControlProps) {
  const { field, text, onText, problem, locked } = props;
  const id = useId();
  const hint = hintOf(field, text, props);
  // What is never shown stays as it is when nothing is typed.
  const isRequired = field.isRequired && (props.isNew || !field.isWriteOnly);
  const label = `${props.label ?? field.title}${isRequired && !locked ? ' *' : ''}`;
  if (field.kind === 'reference')
    return (
      <RowPicker
        model={field.references}
        label={label}
        name={field.name}
        value={text ? Number(text) : null}
        onPick={(picked) => onText(picked === null ? '' : String(picked))}
        problem={problem}
        hint={hint}
        disabled={Boolean(locked)}
        required={!field.isNullable}
      />
    );
  const shared = {
    id,
    name: field.name,
    disabled: Boolean(locked),
    'aria-invalid': problem ? true : undefined,
    'aria-required': isRequired || undefined,
    'aria-describedby': describedBy(id, hint, problem),
  };
  const isBox = field.kind === 'boolean' && !field.isNullable;
  return (
    <div class={isBox ? 'field field-box' : 'field'}>
      <label for={id}>
        <bdi>{label}</bdi>
        {props.mark}
      </label>
      <Input field={field} text={text} onText={onText} shared={shared} />
      <FieldNotes id={id} hint={hint} error={problem} />
    </div>
  );
}

interface InputProps {
  field: FieldSchema;
  text: string;
  onText: (text: string) => void;
  shared: Record<string, unknown>;
}

function Input({ field, text, onText, shared }: InputProps) {
  const onInput = (event: { currentTarget: { value: string } }) =>
    onText(event.currentTarget.value);
  switch (field.kind) {
    case 'boolean':
      if (!field.isNullable)
        return (
          <input
            {...shared}
            type="checkbox"
            checked={text === 'true'}
            onChange={(event) => onText(String(event.currentTarget.checked))}
          />
        );
      return (
        <Select shared={shared} text={text} onText={onText} isNullable>
          <option value="true">Yes</option>
          <option value="false">No</option>
        </Select>
      );
    case 'choice':
      return (
        <Select
          shared={shared}
          text={text}
          onText={onText}
          isNullable={field.isNullable || text === ''}
          none={field.isNullable ? 'none' : 'choose one'}
        >
          {field.choices.map((choice) => (
            <option key={choice} value={String(choice)}>
              {choice}
            </option>
          ))}
        </Select>
      );
    case 'long-text':
    case 'strings':
    case 'json':
      return (
        <textarea
          {...shared}
          class={field.kind === 'json' ? 'data-code' : undefined}
          rows={field.kind === 'strings' ? 3 : 6}
          dir={field.kind === 'json' ? 'ltr' : 'auto'}
          spellcheck={field.kind === 'long-text'}
          value={text}
          onInput={onInput}
        />
      );
    default:
      return (
        <input
          {...shared}
          {...inputOf(field)}
          autocomplete={field.isWriteOnly ? 'new-password' : 'off'}
          value={text}
          onInput={onInput}
        />
      );
  }
}

interface SelectProps {
  shared: Record<string, unknown>;
  text: string;
  onText: (text: string) => void;
  isNullable: boolean;
  /** What nothing is called. */
  none?: string;
  children: ComponentChildren;
}

function Select({ shared, text, onText, isNullable, none = 'none', children }: SelectProps) {
  return (
    <select {...shared} value={text} onChange={(event) => onText(event.currentTarget.value)}>
      {isNullable && <option value="">{none}</option>}
      {children}
    </select>
  );
}

/* Numbers are typed as text: a number field throws away what it does not understand, and then nothing could be said
 * about it. */
function inputOf(field: FieldSchema): Record<string, unknown> {
  if (field.isWriteOnly) return { type: 'password' };
  if (field.kind === 'date') return { type: 'date' };
  if (field.kind === 'date-time') return { type: 'datetime-local', step: 'any' };
  if (field.kind === 'integer') return { type: 'text', inputmode: 'numeric' };
  if (field.kind === 'number') return { type: 'text', inputmode: 'decimal' };
  if (field.format === 'email') return { type: 'email' };
  if (field.format === 'uri') return { type: 'url' };
  return { type: 'text', dir: 'auto' };
}

/* Near the limit it says how much is left. */
const near = 0.8;

function hintOf(field: FieldSchema, text: string, { locked, isNew }: ControlProps): string {
  const said: string[] = [];
  if (field.description) said.push(field.description);
  if (locked) return [...said, locked].join(' ');
  if (field.isWriteOnly) said.push(isNew ? 'Never shown again.' : 'Never shown. Empty = as it is.');
  const { minimum, maximum, maxLength } = field;
  // The number of a row is never typed.
  if (field.kind === 'reference')
    return [...said, field.isNullable ? 'Empty = none.' : ''].join(' ');
  if (minimum !== undefined && maximum !== undefined) said.push(`From ${minimum} to ${maximum}.`);
  else if (minimum !== undefined) said.push(`At least ${minimum}.`);
  else if (maximum !== undefined) said.push(`At most ${maximum}.`);
  if (field.kind === 'strings')
    said.push(
      field.choices.length > 0 ? `One per line, of: ${field.choices.join(', ')}.` : 'One per line.',
    );
  if (field.kind === 'date-time') said.push(zoneWords(text));
  if (field.kind === 'json') said.push('As JSON.');
  const length = text.length;
  if (maxLength !== undefined && length > maxLength * near)
    said.push(`${length} of ${maxLength} characters.`);
  const isPicked = field.kind === 'choice' || field.kind === 'boolean';
  if (field.isNullable && !isPicked && !field.isWriteOnly) said.push('Empty = none.');
  return said.join(' ');
}
