/* row-picker.tsx: a field for the row of another model: type a few letters, choose one of what is found. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { count } from '../shared/text.ts';
import { Icon } from '../shared/ui/icon.tsx';
import { addStyle } from '../shared/ui/style.ts';
import { useAdmin } from './admin.ts';
import { type Choice, findRows, labelOfRow } from './picker.ts';
import style from './row-picker.lazy.css';
import { addressOf } from './schema.ts';

addStyle(style);

const typing_ms = 150;

interface RowPickerProps {
  model: string;
  label: string;
  /** The id of the chosen row. */
  value: number | null;
  /** What it is called, if that is known. */
  valueLabel?: string | undefined;
  onPick: (id: number | null, label: string) => void;
  /** What is wrong with it. */
  problem?: string | undefined;
  hint?: string | undefined;
  disabled?: boolean | undefined;
  required?: boolean | undefined;
  /** Of the field, to put the focus there. */
  name?: string | undefined;
}

export function RowPicker(props: RowPickerProps) {
  const { model, label, value, onPick, problem, hint, disabled = false, required = false } = props;
  const id = useId();
  const name = useName(model, value, props.valueLabel);
  // What is being typed; null: nothing, and the chosen row's name is shown.
  const [typed, setTyped] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const found = useFound(model, typed ?? '', isOpen);
  const input = useRef<HTMLInputElement>(null);
  const choices = found.choices;
  const chosen = choices[active];

  const close = () => {
    setOpen(false);
    setTyped(null);
  };
  const pick = (choice: Choice | null) => {
    close();
    onPick(choice?.id ?? null, choice?.label ?? '');
    input.current?.focus();
  };
  const move = (by: number) => {
    if (!isOpen) setOpen(true);
    else if (choices.length > 0) setActive((active + by + choices.length) % choices.length);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    // With the list closed these are the form's and the dialog's own keys.
    else if (event.key === 'Enter' && isOpen) {
      if (typed === '' && !required) pick(null);
      else if (chosen) pick(chosen);
    } else if (event.key === 'Escape' && isOpen) close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leave = () => {
    // Emptied on purpose: that is a choice too. Anything else that was typed chose nothing.
    if (typed === '' && value !== null && !required) onPick(null, '');
    close();
  };
  const described = [hint && `${id}-hint`, problem && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field row-picker">
      <label for={id}>{label}</label>
      <div class="row-picker-line">
        <input
          ref={input}
          id={id}
          name={props.name}
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck={false}
          dir="auto"
          placeholder={disabled ? '' : 'Type to search'}
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={isOpen && chosen ? `${id}-${chosen.id}` : undefined}
          aria-invalid={problem ? true : undefined}
          aria-describedby={described || undefined}
          aria-required={required || undefined}
          disabled={disabled}
          value={typed ?? name}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setActive(0);
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onKeyDown={onKeyDown}
          onBlur={leave}
        />
        {value !== null && !required && !disabled && (
          <button
            type="button"
            class="button-icon"
            aria-label={`Clear ${label}`}
            onClick={() => pick(null)}
          >
            <Icon name="close" />
          </button>
        )}
        {value !== null && addressOf(model, value) && (
          <a href={addressOf(model, value)} aria-label={`Open ${name}, ${model} ${value}`}>
            #{value}
          </a>
        )}
      </div>
      <div class="row-picker-found" hidden={!isOpen}>
        <div id={`${id}-list`} role="listbox" aria-label={label}>
          {choices.map((choice, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's: see onKeyDown
            <div
              key={choice.id}
              id={`${id}-${choice.id}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === active}
              // The press must not take the focus out of the field, or the list would close under it.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => pick(choice)}
            >
              <bdi>{choice.label}</bdi> <small>#{choice.id}</small>
            </div>
          ))}
        </div>
        {found.words && choices.length === 0 && <p class="hint">{found.words}</p>}
      </div>
      <p class="visually-hidden" role="status">
        {isOpen ? found.words : ''}
      </p>
      {hint && (
        <p id={`${id}-hint`} class="hint">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}-error`} class="error">
          {problem}
        </p>
      )}
    </div>
  );
}

/* What is found for what is typed. An answer that comes after the next question is not shown. */
function useFound(model: string, text: string, isOpen: boolean) {
  const { api } = useAdmin();
  const [found, setFound] = useState<{ choices: Choice[]; words: string }>({
    choices: [],
    words: '',
  });
  useEffect(() => {
    if (!isOpen) return;
    let isWanted = true;
    const timer = setTimeout(async () => {
      const answer = await findRows(api, model, text).then(
        (choices) => ({
          choices,
          words:
            choices.length > 0
              ? `${count(choices.length, 'choice', 'choices')}. Arrow keys choose.`
              : 'Nothing begins like that. Try fewer letters, or the number.',
        }),
        (error: unknown) => ({ choices: [], words: asProblem(error).words }),
      );
      if (isWanted) setFound(answer);
    }, typing_ms);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [api, model, text, isOpen]);
  return found;
}

function useName(model: string, value: number | null, known: string | undefined): string {
  const { api } = useAdmin();
  const [asked, setAsked] = useState({ id: 0, name: '' });
  useEffect(() => {
    if (value === null || known !== undefined) return;
    let isWanted = true;
    void labelOfRow(api, model, value).then((name) => {
      if (isWanted) setAsked({ id: value, name });
    });
    return () => {
      isWanted = false;
    };
  }, [api, model, value, known]);
  if (value === null) return '';
  return known ?? (asked.id === value ? asked.name : `#${value}`);
}
