/* switcher-dialog.tsx: type a few letters, press Enter, and be in the room or with the person. */
import { useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import { PickList, useFound } from '../shared/ui/combobox.tsx';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useChat } from './chat.ts';
import { findPeople } from './people.ts';
import { type Place, places } from './switcher.ts';

export function Switcher({ current, onClose }: { current: number | null; onClose: () => void }) {
  const { api, me, rooms, recent } = useChat();
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const prefix = text.trim().replace(/^[#@]/, '');
  // Without the right to see people there are still the rooms.
  const people = useFound((begin) => findPeople(api, me, begin), prefix || null, [api, me]);
  const items = places(text, {
    rooms: [...rooms.all.value.values()].filter((room) => room.id !== current),
    people: people.items,
    recent,
  });
  const go = async (place: Place) => {
    setError('');
    try {
      const room = 'room' in place ? place.room : await rooms.startDirect(place.person.id);
      onClose();
      navigate(`/r/${room.id}`);
    } catch (problem) {
      setError(asProblem(problem).words);
    }
  };
  return (
    <Dialog title="Go to" onClose={onClose}>
      <PickList
        label="Room or person"
        listLabel="Rooms and people"
        text={text}
        onText={setText}
        found={{ items, isSearching: people.isSearching && items.length === 0, error }}
        optionOf={(place) => ({
          key: 'room' in place ? `r${place.room.id}` : `u${place.person.id}`,
          name: place.name,
          hint: place.hint,
        })}
        onPick={(place) => void go(place)}
        nothing="No room or person of that name."
      />
    </Dialog>
  );
}
