/* combobox.tsx: choosing among what fits what is typed. The focus stays in the field and the keys are the field's:
 * arrows choose, Enter takes, Escape closes. Where there is no field of its own, as for names in a message, the parts
 * `useCombobox()` and `Options` do the same for another one. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Finder, type Found } from '../finder.ts';
import { count } from '../text.ts';
import style from './combobox.lazy.css';
import { describedBy, FieldNotes } from './form.tsx';
import { Icon } from './icon.tsx';
import { addStyle } from './style.ts';

addStyle(style);

/** How one of the choices is shown. */
export interface Option {
  /** Its own among all that are shown. */
  key: string | number;
  name: string;
  /** What tells it from others of that name. */
  hint?: string | undefined;
}

/** What @find finds for @text, null as long as nothing is wanted. @find is of the first time, and of each new @about. */
export function useFound<T>(
  find: (text: string) => Promise<readonly T[]>,
  text: string | null,
  about: readonly unknown[],
): Found<T> {
  const finder = useMemo(() => new Finder(find), about);
  // Before the next key: Enter must know that the answer is still on its way.
  useLayoutEffect(() => {
    if (text === null) finder.stop();
    else finder.ask(text);
  }, [finder, text]);
  useEffect(() => () => finder.stop(), [finder]);
  return finder.found.value;
}

interface ComboboxParts<T> {
  /** Of the list; made if it is not given. */
  id?: string;
  items: readonly T[];
  optionOf: (item: T) => Option;
  onPick: (item: T) => void;
  isOpen?: boolean;
  /** The items are those of before: Enter waits for the new ones. */
  isSearching?: boolean;
  onOpen?: () => void;
  onClose?: () => void;
}

export interface Combobox<T> extends ListboxParts<T> {
  /** What tells a screen reader that the field has this list. */
  field: {
    'aria-autocomplete': 'list';
    'aria-controls': string;
    'aria-activedescendant': string | undefined;
  };
  chosen: T | undefined;
  /** True if the key was one for the list. */
  onKey: (event: KeyboardEvent) => boolean;
  /** Something else is typed: the first choice is the best again. */
  restart: () => void;
}

export function useCombobox<T>(parts: ComboboxParts<T>): Combobox<T> {
  const { items, optionOf, onPick, isOpen = true, isSearching = false, onOpen, onClose } = parts;
  const ownId = useId();
  const listId = parts.id ?? `${ownId}-list`;
  const [wanted, setWanted] = useState(0);
  const isWaiting = useRef(false);
  const active = Math.min(wanted, items.length - 1);
  const chosen = isOpen ? items[active] : undefined;
  const restart = () => {
    setWanted(0);
    isWaiting.current = false;
  };
  useEffect(() => {
    if (isSearching || !isWaiting.current) return;
    isWaiting.current = false;
    if (items[0] !== undefined) onPick(items[0]);
  }, [isSearching]);
  const move = (step: number) => {
    if (!isOpen) onOpen?.();
    else if (items.length > 0) setWanted((active + step + items.length) % items.length);
  };
  const onKey = (event: KeyboardEvent): boolean => {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    // While an input method composes, the keys are its own.
    if (event.isComposing || !isPlain) return false;
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    // With the list closed these are the form's and the dialog's own keys.
    else if (event.key === 'Enter' && isOpen && isSearching) isWaiting.current = true;
    else if (event.key === 'Enter' && isOpen && chosen !== undefined) onPick(chosen);
    else if (event.key === 'Escape' && isOpen && onClose) onClose();
    else return false;
    return true;
  };
  const field = {
    'aria-autocomplete': 'list' as const,
    'aria-controls': listId,
    'aria-activedescendant':
      chosen === undefined ? undefined : optionId(listId, optionOf(chosen).key),
  };
  return { listId, items, optionOf, onPick, active, field, chosen, onKey, restart };
}

interface ListboxParts<T> {
  listId: string;
  items: readonly T[];
  optionOf: (item: T) => Option;
  onPick: (item: T) => void;
  /** The one that Enter takes. */
  active: number;
}

export function Options<T>({ of, label }: { of: ListboxParts<T>; label: string }) {
  const { listId, items, optionOf, onPick, active } = of;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active, items]);
  return (
    <div ref={list} id={listId} class="options" role="listbox" aria-label={label}>
      {items.map((item, index) => {
        const { key, name, hint } = optionOf(item);
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's: see onKey
          <div
            key={key}
            id={optionId(listId, key)}
            class="option"
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            // The press must not take the focus out of the field: the list would close before the click.
            onPointerDown={(event) => event.preventDefault()}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onPick(item)}
          >
            <span class="option-name" dir="auto">
              {name}
            </span>{' '}
            {hint && <span class="hint">{hint}</span>}
          </div>
        );
      })}
    </div>
  );
}

function optionId(listId: string, key: string | number): string {
  return `${listId}-${key}`;
}

/* What is to be said of a list: how many there are, or why there are none. */
function wordsOf({ items, isSearching, error }: Found<unknown>, nothing: string): string {
  if (error) return '';
  if (isSearching) return items.length > 0 ? '' : 'Searching…';
  if (items.length === 0) return nothing;
  return `${count(items.length, 'choice', 'choices')}. Arrow keys choose.`;
}

function Failure({ words }: { words: string }) {
  if (!words) return null;
  return (
    <p class="error" role="alert">
      {words}
    </p>
  );
}

interface PickerProps<T> {
  label: string;
  /** What is chosen, as it is to be shown; '' if nothing is. */
  value: string;
  find: (text: string) => Promise<readonly T[]>;
  /** With another one of these @find is another one. */
  about: readonly unknown[];
  optionOf: (item: T) => Option;
  onPick: (item: T) => void;
  /** Takes the choice back; without it something is always chosen. */
  onClear?: (() => void) | undefined;
  /** Said where nothing fits. */
  nothing: string;
  hint?: string | undefined;
  problem?: string | undefined;
  disabled?: boolean | undefined;
  required?: boolean | undefined;
  /** Of the field, to put the focus there. */
  name?: string | undefined;
  /** Beside the field. */
  children?: ComponentChildren;
}

/** A field that shows what is chosen, and while one types what could be. */
export function Picker<T>(props: PickerProps<T>) {
  const { label, value, onClear, hint, problem, disabled = false, required = false } = props;
  const id = useId();
  // What is being typed; null: nothing, and the choice is shown.
  const [typed, setTyped] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const found = useFound(props.find, isOpen ? (typed ?? '') : null, props.about);
  const close = () => {
    setOpen(false);
    setTyped(null);
  };
  const settle = (choose: () => void) => {
    close();
    choose();
    input.current?.focus();
  };
  const box = useCombobox({
    ...found,
    isOpen,
    optionOf: props.optionOf,
    onPick: (item) => settle(() => props.onPick(item)),
    onOpen: () => setOpen(true),
    onClose: close,
  });
  const isEmptied = typed === '' && onClear !== undefined;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && isOpen && isEmptied && !event.isComposing) settle(onClear);
    else if (!box.onKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leave = () => {
    // Emptied on purpose: that is a choice too. Anything else that was typed chose nothing.
    if (isEmptied) onClear();
    close();
  };
  const words = isOpen ? wordsOf(found, props.nothing) : '';
  return (
    <div class="field picker">
      <label for={id}>{label}</label>
      <div class="picker-line">
        <input
          {...box.field}
          ref={input}
          id={id}
          name={props.name}
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck={false}
          dir="auto"
          placeholder={disabled ? '' : 'Type to search'}
          aria-expanded={isOpen}
          aria-invalid={problem ? true : undefined}
          aria-describedby={describedBy(id, hint, problem)}
          aria-required={required || undefined}
          disabled={disabled}
          value={typed ?? value}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            box.restart();
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onKeyDown={onKeyDown}
          onBlur={leave}
        />
        {value && onClear && !disabled && (
          <button
            type="button"
            class="button-icon"
            aria-label={`Clear ${label}`}
            onClick={() => settle(onClear)}
          >
            <Icon name="close" />
          </button>
        )}
        {props.children}
        <div class="picker-found" hidden={!isOpen}>
          <Options of={box} label={label} />
          {words && found.items.length === 0 && <p class="hint">{words}</p>}
          <Failure words={found.error} />
        </div>
      </div>
      <p class="visually-hidden" role="status">
        {words}
      </p>
      <FieldNotes id={id} hint={hint} error={problem} />
    </div>
  );
}

interface PickListProps<T> {
  label: string;
  /** Of the list. */
  listLabel: string;
  text: string;
  onText: (text: string) => void;
  found: Found<T>;
  optionOf: (item: T) => Option;
  onPick: (item: T) => void;
  nothing: string;
}

/** A dialog's one field, with what fits always below it. */
export function PickList<T>({ text, onText, found, ...props }: PickListProps<T>) {
  const box = useCombobox({ ...found, optionOf: props.optionOf, onPick: props.onPick });
  const words = wordsOf(found, props.nothing);
  const isEmpty = found.items.length === 0;
  return (
    <div class="form">
      <input
        {...box.field}
        type="text"
        role="combobox"
        autofocus
        aria-label={props.label}
        aria-expanded={!isEmpty}
        placeholder={props.label}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
        value={text}
        onInput={(event) => {
          onText(event.currentTarget.value);
          box.restart();
        }}
        onKeyDown={(event) => {
          if (box.onKey(event)) event.preventDefault();
        }}
      />
      <Failure words={found.error} />
      <Options of={box} label={props.listLabel} />
      <p class={isEmpty ? 'hint' : 'visually-hidden'} role="status">
        {words}
      </p>
    </div>
  );
}
