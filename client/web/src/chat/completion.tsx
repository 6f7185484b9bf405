/* completion.tsx: names of members to choose from while one types "@…". The focus stays in the
 * composer, which asks here first what a key is for. */
import { useEffect } from 'preact/hooks';
import { count } from '../shared/text.ts';
import type { Member, Page } from '../shared/types.ts';
import { Options, useCombobox, useFound } from '../shared/ui/combobox.tsx';
import { useChat } from './chat.ts';
import type { CompletionKeys } from './mention.ts';

const shown_max = 8;

interface CompletionProps {
  room: number;
  name: string;
  keys: { current: CompletionKeys | null };
  /** The id of the option that is chosen, or nothing. */
  onOption: (id: string) => void;
  onPick: (name: string) => void;
  onClose: () => void;
}

export function Completion({ room, name, keys, onOption, onPick, onClose }: CompletionProps) {
  const found = useMembers(room, name);
  const box = useCombobox({
    id: 'completion',
    items: found,
    isOpen: found.length > 0,
    optionOf: (member) => ({ key: member.user, name: member.name, hint: member.role }),
    onPick: (member) => onPick(member.name),
    onClose,
  });
  const option = box.field['aria-activedescendant'] ?? '';
  useEffect(box.restart, [name]);
  useEffect(() => onOption(option), [option]);
  useEffect(() => () => onOption(''), []);
  useEffect(() => {
    keys.current = (event) => {
      if (found.length === 0) return false;
      if (event.key !== 'Tab' || event.shiftKey || !box.chosen) return box.onKey(event);
      onPick(box.chosen.name);
      return true;
    };
    return () => {
      keys.current = null;
    };
  });
  return (
    <div class="completion" hidden={found.length === 0}>
      <Options of={box} label="Members" />
      <p class="visually-hidden" role="status">
        {count(found.length, 'name', 'names')} to choose from
      </p>
    </div>
  );
}

/* One can still type the name where none is found, or the server did not answer. */
function useMembers(room: number, name: string): readonly Member[] {
  const { api, me } = useChat();
  const find = async (begin: string): Promise<readonly Member[]> => {
    const query = new URLSearchParams({ limit: String(shown_max + 1) });
    if (begin) query.set('q', begin);
    return (await api.get<Page<Member>>(`/room/${room}/member?${query}`)).items;
  };
  const wanted = name.toLowerCase();
  return useFound(find, name, [api, room])
    .items.filter(
      (member) => member.user !== me.user.id && member.name.toLowerCase().startsWith(wanted),
    )
    .slice(0, shown_max);
}
