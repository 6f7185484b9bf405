/* switcher-dialog.tsx: type a few letters, press Enter, and be in the room or with the person. */
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import type { Page, User } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useChat } from './chat.ts';
import { peopleQuery } from './people.ts';
import { type Place, places } from './switcher.ts';

const people_delay_ms = 150;

export function Switcher({ current, onClose }: { current: number | null; onClose: () => void }) {
  const { rooms, recent } = useChat();
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const [error, setError] = useState('');
  const { people } = usePeople(text.trim().replace(/^[#@]/, ''));
  const id = useId();
  const all = rooms.all.value;
  const found = useMemo(
    () =>
      places(text, {
        rooms: [...all.values()].filter((room) => room.id !== current),
        people,
        recent,
      }),
    [text, all, people, recent, current],
  );
  const go = async (place: Place | undefined) => {
    if (!place) return;
    try {
      const room = 'room' in place ? place.room : await rooms.startDirect(place.person.id);
      onClose();
      navigate(`/r/${room.id}`);
    } catch (problem) {
      setError(asProblem(problem).words);
    }
  };
  const move = (step: number) => setActive((active + step + found.length) % (found.length || 1));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const act = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Enter: () => void go(found[active]),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <div class="form">
        <input
          type="text"
          role="combobox"
          autofocus
          aria-label="Room or person"
          aria-autocomplete="list"
          aria-expanded={found.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={found[active] ? `${id}-${active}` : undefined}
          placeholder="Room or person"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div id={`${id}-list`} class="options" role="listbox" aria-label="Rooms and people">
          {found.map((place, index) => (
            // biome-ignore lint/a11y: the keys are those of the field, which keeps the focus
            <div
              key={'room' in place ? `r${place.room.id}` : `u${place.person.id}`}
              id={`${id}-${index}`}
              class="option"
              role="option"
              aria-selected={index === active}
              onClick={() => void go(place)}
            >
              <span class="option-name" dir="auto">
                {place.name}
              </span>
              <span class="hint">{place.hint}</span>
            </div>
          ))}
        </div>
        {found.length === 0 && <p role="status">No room or person of that name.</p>}
      </div>
    </Dialog>
  );
}

/** People whose name begins with @prefix; without the right to see them, none. */
function usePeople(prefix: string): { people: readonly User[] } {
  const { api, me } = useChat();
  const [people, setPeople] = useState<readonly User[]>([]);
  useEffect(() => {
    if (!prefix) {
      setPeople([]);
      return;
    }
    let isCurrent = true;
    const timer = setTimeout(() => {
      api.get<Page<User>>(peopleQuery(prefix)).then(
        (page) => isCurrent && setPeople(page.items.filter((user) => user.id !== me.user.id)),
        () => {},
      );
    }, people_delay_ms);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [api, me, prefix]);
  return { people };
}
