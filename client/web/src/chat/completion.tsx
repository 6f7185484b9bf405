/* completion.tsx: names of members to choose from while one types "@…". The focus stays in the
 * composer, which asks here first what a key is for. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { count } from '../shared/text.ts';
import type { Member, Page } from '../shared/types.ts';
import { useChat } from './chat.ts';
import type { CompletionKeys } from './mention.ts';

const shown_max = 8;
const delay_ms = 100;

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
  const [active, setActive] = useState(0);
  const found = useMembers(room, name);
  const list = useRef<HTMLDivElement>(null);
  const chosen = found[active];
  useEffect(() => setActive(0), [name]);
  useEffect(() => onOption(chosen ? idOf(chosen) : ''), [chosen]);
  useEffect(() => () => onOption(''), []);
  useEffect(() => {
    keys.current = (event) => {
      if (found.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
      const { key, shiftKey } = event;
      if (key === 'ArrowDown') setActive((active + 1) % found.length);
      else if (key === 'ArrowUp') setActive((active + found.length - 1) % found.length);
      else if (key === 'Escape') onClose();
      else if ((key === 'Enter' || key === 'Tab') && !shiftKey && chosen) onPick(chosen.name);
      else return false;
      return true;
    };
    return () => {
      keys.current = null;
    };
  });
  return (
    <div class="completion" hidden={found.length === 0}>
      <div ref={list} id="completion" class="options" role="listbox" aria-label="Members">
        {found.map((member, index) => (
          // biome-ignore lint/a11y: the keys are those of the composer, which keeps the focus
          <div
            key={member.user}
            id={idOf(member)}
            class="option"
            role="option"
            aria-selected={index === active}
            // The composer must not lose the focus: it would close the list before the click.
            onPointerDown={(event) => event.preventDefault()}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onPick(member.name)}
          >
            <span class="option-name" dir="auto">
              {member.name}
            </span>
            <span class="hint">{member.role}</span>
          </div>
        ))}
      </div>
      <p class="visually-hidden" role="status">
        {count(found.length, 'name', 'names')} to choose from
      </p>
    </div>
  );
}

function idOf(member: Member): string {
  return `completion-${member.user}`;
}

function useMembers(room: number, name: string): readonly Member[] {
  const { api, me } = useChat();
  const [members, setMembers] = useState<readonly Member[]>([]);
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(() => {
      const query = new URLSearchParams({ limit: String(shown_max + 1) });
      if (name) query.set('q', name);
      api.get<Page<Member>>(`/room/${room}/member?${query}`).then(
        (page) => isCurrent && setMembers(page.items),
        // One can still type the name.
        () => {},
      );
    }, delay_ms);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [api, room, name]);
  const wanted = name.toLowerCase();
  return members
    .filter((member) => member.user !== me.user.id && member.name.toLowerCase().startsWith(wanted))
    .slice(0, shown_max);
}
