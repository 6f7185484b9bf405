/* data-list-filter.tsx: the filters of a list: those in force, and a form for one more. */
import { useState } from 'preact/hooks';
import { stampLabel } from '../shared/time.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Icon } from '../shared/ui/icon.tsx';
import { Control } from './control.tsx';
import { FieldChoice } from './field-choice.tsx';
import {
  type Filter,
  filterOf,
  type ListQuery,
  operatorsFor,
  operatorWords,
  withFilter,
  withoutFilter,
} from './query.ts';
import { type FieldSchema, fieldNamed, type ModelSchema, type Operator } from './schema.ts';

interface FilterProps {
  schema: ModelSchema;
  query: ListQuery;
  onGo: (to: ListQuery) => void;
}

export function Filters({ schema, query, onGo }: FilterProps) {
  if (query.filters.length === 0) return null;
  return (
    <ul class="data-filters" aria-label="Filters">
      {query.filters.map((filter) => {
        const words = filterWords(schema, filter);
        return (
          <li key={`${filter.field} ${filter.operator}`}>
            <bdi>{words}</bdi>
            <button
              type="button"
              class="button-icon"
              aria-label={`Remove the filter: ${words}`}
              onClick={() => onGo(withoutFilter(query, filter))}
            >
              <Icon name="close" />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function filterWords(schema: ModelSchema, { field: name, operator, value }: Filter): string {
  const field = fieldNamed(schema, name);
  if (!field) return name;
  if (operator === 'null')
    return `${field.title} ${value === 'false' ? 'is not empty' : 'is empty'}`;
  return `${field.title} ${operatorWords(field, operator)} ${valueWords(field, operator, value)}`;
}

function valueWords(field: FieldSchema, operator: Operator, value: string): string {
  if (field.kind === 'boolean') return value === 'true' ? 'yes' : 'no';
  if (field.kind === 'date-time') return stampLabel(value);
  if (field.kind === 'reference') return `#${value}`;
  if (operator === 'like') return `“${value.replace(/^\*(.*)\*$/, '$1')}”`;
  return operator === 'in' ? value.split(',').join(' or ') : value;
}

export function FilterButton(props: FilterProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Filter
      </button>
      {isOpen && <FilterDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function FilterDialog({ schema, query, onGo, onClose }: FilterProps & { onClose: () => void }) {
  const fields = schema.fields.filter((field) => operatorsFor(field).length > 0);
  const [name, setName] = useState(
    () => fields.find((field) => schema.list.includes(field.name))?.name ?? fields[0]?.name ?? '',
  );
  const field = fieldNamed(schema, name);
  const operators = field ? operatorsFor(field) : [];
  const [operator, setOperator] = useState<Operator | null>(null);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const chosen =
    operator !== null && operators.includes(operator) ? operator : (operators[0] ?? '');
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!field) return;
    const made = filterOf(field, chosen, text);
    if ('error' in made) {
      setProblem(made.error);
      return;
    }
    onClose();
    onGo(withFilter(query, made.filter));
  };
  return (
    <Dialog title="Filter" onClose={onClose}>
      <form class="form" onSubmit={onSubmit} noValidate>
        <FieldChoice
          fields={fields}
          name={name}
          onChoose={(field) => {
            setName(field);
            setText('');
            setProblem('');
          }}
        />
        <label class="field">
          <b>Comparison</b>
          <select
            value={chosen}
            onChange={(event) => setOperator(event.currentTarget.value as Operator)}
          >
            {field &&
              operators.map((one) => (
                <option key={one} value={one}>
                  {operatorWords(field, one)}
                </option>
              ))}
          </select>
        </label>
        {field && (
          <FilterValue
            field={field}
            operator={chosen}
            text={text}
            problem={problem}
            onText={(typed) => {
              setText(typed);
              setProblem('');
            }}
          />
        )}
        <button type="submit" class="button button-main">
          Show these
        </button>
      </form>
    </Dialog>
  );
}

interface FilterValueProps {
  field: FieldSchema;
  operator: Operator;
  text: string;
  problem: string;
  onText: (text: string) => void;
}

function FilterValue({ field, operator, text, problem, onText }: FilterValueProps) {
  // What is stored has limits and hints; what is looked for has not.
  const plain: FieldSchema = {
    ...field,
    title: 'Value',
    description: '',
    isRequired: false,
    isNullable: false,
    minimum: undefined,
    maximum: undefined,
    maxLength: undefined,
  };
  if (operator === 'null')
    return (
      <label class="field">
        <b>Value</b>
        <select value={text} onChange={(event) => onText(event.currentTarget.value)}>
          <option value="">Empty</option>
          <option value="false">Not empty</option>
        </select>
      </label>
    );
  if (operator === 'in')
    return <SeveralChoices field={field} text={text} problem={problem} onText={onText} />;
  // Of yes and no one is always meant, so it is a choice and not a box to tick.
  const isChoice = field.kind === 'boolean' || field.kind === 'choice';
  const asked: FieldSchema = {
    ...plain,
    kind: field.kind === 'long-text' || operator === 'like' ? 'text' : field.kind,
    isNullable: isChoice,
    format: '',
  };
  return <Control field={asked} text={text} problem={problem} onText={onText} />;
}

type SeveralProps = Omit<FilterValueProps, 'operator'>;

function SeveralChoices({ field, text, problem, onText }: SeveralProps) {
  const chosen = new Set(text ? text.split(',') : []);
  const toggle = (choice: string) => {
    if (!chosen.delete(choice)) chosen.add(choice);
    onText([...chosen].join(','));
  };
  return (
    <fieldset class="choices">
      <legend>Value</legend>
      {field.choices.map((choice) => (
        <label key={choice}>
          <input
            type="checkbox"
            checked={chosen.has(String(choice))}
            onChange={() => toggle(String(choice))}
          />{' '}
          <bdi>{choice}</bdi>
        </label>
      ))}
      {problem && <p class="error">{problem}</p>}
    </fieldset>
  );
}
