/* subject-picker.tsx: one field for whom permissions are about: type a few letters, choose a group, a person or all. */
import { useEffect, useId, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { count } from '../shared/text.ts';
import { addStyle } from '../shared/ui/style.ts';
import { useAdmin } from './admin.ts';
import style from './row-picker.lazy.css';
import { findSubjects, kindWords, readGroupChoices, type SubjectChoice } from './subjects.ts';

addStyle(style);

const typing_ms = 150;

interface SubjectPickerProps {
  label: string;
  /** Who is chosen, as it is to be shown. */
  value: string;
  onPick: (choice: SubjectChoice) => void;
}

export function SubjectPicker({ label, value, onPick }: SubjectPickerProps) {
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const { choices, words } = useFound(typed ?? '', isOpen);
  const chosen = choices[active];
  const close = () => {
    setOpen(false);
    setTyped(null);
  };
  const pick = (choice: SubjectChoice) => {
    close();
    onPick(choice);
  };
  const move = (by: number) => {
    if (!isOpen) setOpen(true);
    else if (choices.length > 0) setActive((active + by + choices.length) % choices.length);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'Enter' && isOpen && chosen) pick(chosen);
    else if (event.key === 'Escape' && isOpen) close();
    else return;
    event.preventDefault();
  };
  return (
    <div class="field row-picker subject-picker">
      <label for={id}>{label}</label>
      <div class="row-picker-line">
        <input
          id={id}
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck={false}
          dir="auto"
          placeholder="Type to search"
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={isOpen && chosen ? `${id}-${active}` : undefined}
          value={typed ?? value}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setActive(0);
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onKeyDown={onKeyDown}
          onBlur={close}
        />
      </div>
      <div class="row-picker-found" hidden={!isOpen}>
        <div id={`${id}-list`} role="listbox" aria-label={label}>
          {choices.map((choice, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's: see onKeyDown
            <div
              key={choice.subject}
              id={`${id}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === active}
              // The press must not take the focus out of the field, or the list would close under it.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => pick(choice)}
            >
              <bdi>{choice.name}</bdi> <small>{kindWords[choice.kind]}</small>
            </div>
          ))}
        </div>
        {choices.length === 0 && <p class="hint">{words}</p>}
      </div>
      <p class="visually-hidden" role="status">
        {isOpen ? words : ''}
      </p>
    </div>
  );
}

/* Groups are few and read once; people are asked for as one types. */
function useFound(typed: string, isOpen: boolean) {
  const { api, me } = useAdmin();
  const [groups, setGroups] = useState<SubjectChoice[] | null>(null);
  const [found, setFound] = useState<{ choices: SubjectChoice[]; words: string }>({
    choices: [],
    words: 'Searching…',
  });
  useEffect(() => {
    if (!isOpen) return;
    let isWanted = true;
    const timer = setTimeout(async () => {
      const answer = await find().then(
        (choices) => ({
          choices,
          words:
            choices.length > 0
              ? `${count(choices.length, 'choice', 'choices')}. Arrow keys choose.`
              : 'No group and nobody is called like that. Try fewer letters.',
        }),
        (error: unknown) => ({ choices: [], words: asProblem(error).words }),
      );
      if (isWanted) setFound(answer);
    }, typing_ms);
    const find = async () => {
      const known = groups ?? (await readGroupChoices(api, me.user.superuser === true));
      if (isWanted) setGroups(known);
      return findSubjects(api, known, typed);
    };
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [api, typed, isOpen]);
  return found;
}
