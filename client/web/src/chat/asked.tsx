/* asked.tsx: what is asked about a message before something is done with it. */
import { useRef, useState } from 'preact/hooks';
import { excerpt } from '../shared/text.ts';
import type { Message } from '../shared/types.ts';
import { Confirm, Dialog } from '../shared/ui/dialog.tsx';
import { useChat } from './chat.ts';
import { findEmojis, nameOf } from './emoji.ts';
import type { OpenRoom } from './room.ts';

/* How many stand in one line: as in the style. */
const columns = 6;

export function Asked({ room }: { room: OpenRoom }) {
  const asked = room.asked.value;
  if (!asked) return null;
  const close = () => {
    room.asked.value = null;
  };
  const Question = asked.what === 'delete' ? Delete : React;
  return <Question room={room} message={asked.message} onClose={close} />;
}

interface QuestionProps {
  room: OpenRoom;
  message: Message;
  onClose: () => void;
}

function Delete({ room, message, onClose }: QuestionProps) {
  const { me } = useChat();
  const isOwn = message.author === me.user.id;
  const said = `“${excerpt(message.text, 80)}”`;
  return (
    <Confirm
      title={isOwn ? 'Delete this message?' : `Delete the message of ${message.author_name}?`}
      text={`${said} goes for everyone, with its reactions. They will see that a message was here, but not what it said.`}
      action="Delete message"
      onConfirm={() => room.attempt(room.remove(message.id))}
      onClose={onClose}
    />
  );
}

function React({ room, message, onClose }: QuestionProps) {
  const [typed, setTyped] = useState('');
  const [current, setCurrent] = useState(0);
  const grid = useRef<HTMLDivElement>(null);
  const found = findEmojis(typed);
  const choose = (sign: string) => {
    onClose();
    room.attempt(room.react(message, sign));
  };
  const go = (index: number) => {
    setCurrent(index);
    (grid.current?.children[index] as HTMLElement | undefined)?.focus();
  };
  const onGridKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    if (found[current + step]) go(current + step);
  };
  const onFieldKey = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'Enter' && found[0]) choose(found[0].sign);
    else if (event.key === 'ArrowDown' && found[0]) go(0);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="React" class="emojis" onClose={onClose}>
      <input
        type="search"
        // With a finger the common ones are nearer than a keyboard that covers them.
        autoFocus={matchMedia('(pointer: fine)').matches}
        aria-label="Find a reaction by its name"
        placeholder="Find by name: party, fire …"
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setCurrent(0);
        }}
        onKeyDown={onFieldKey}
      />
      {/* biome-ignore lint/a11y/useSemanticElements: a <fieldset> is for form fields */}
      <div ref={grid} class="emoji-grid" role="group" aria-label="Reactions" onKeyDown={onGridKey}>
        {found.map((emoji, index) => (
          <button
            key={emoji.sign}
            type="button"
            class="button-icon emoji"
            tabIndex={index === current ? 0 : -1}
            title={nameOf(emoji)}
            aria-label={nameOf(emoji)}
            onClick={() => choose(emoji.sign)}
          >
            {emoji.sign}
          </button>
        ))}
      </div>
      <p class="hint" role="status">
        {found.length === 0 && 'Nothing has such a name. Try another word, such as “yes”.'}
      </p>
    </Dialog>
  );
}
