/* pins-dialog.tsx: the pinned messages of the room; each leads to its place. */
import { useMemo } from 'preact/hooks';
import { markup } from '../shared/markup.ts';
import { navigate } from '../shared/router.ts';
import { clockLabel, dayLabel } from '../shared/time.ts';
import type { Pin } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useChat } from './chat.ts';
import { linkTo } from './message.tsx';
import { mayDo } from './message-actions.ts';
import { pinsOf } from './pins.ts';
import type { OpenRoom } from './room.ts';

export function Pins({ room, onClose }: { room: OpenRoom; onClose: () => void }) {
  const { api } = useChat();
  const pins = pinsOf(api, room);
  const all = pins.all.value;
  return (
    <Dialog title="Pinned messages" class="pins" onClose={onClose}>
      {pins.error.value && (
        <div class="pins-error">
          <p class="error" role="alert">
            {pins.error.value}
          </p>
          <button type="button" class="button" onClick={() => pins.load()}>
            Try again
          </button>
        </div>
      )}
      {!all && !pins.error.value && <p role="status">Loading…</p>}
      {all?.length === 0 && (
        <p class="hint">
          Nothing is pinned here. Owners and moderators can pin what all should find again.
        </p>
      )}
      <ul aria-label="Pinned messages">
        {all?.map((pin) => (
          <PinRow key={pin.message.id} room={room} pin={pin} onClose={onClose} />
        ))}
      </ul>
    </Dialog>
  );
}

interface PinRowProps {
  room: OpenRoom;
  pin: Pin;
  onClose: () => void;
}

function PinRow({ room, pin, onClose }: PinRowProps) {
  const chat = useChat();
  const { message } = pin;
  const content = useMemo(() => markup(message.text, chat.me.user.name), [message.text]);
  const go = () => {
    onClose();
    const to = linkTo(room.id, message.id);
    if (to === location.pathname) void room.show(message.id);
    else navigate(to);
  };
  const day = dayLabel(message.created_at);
  return (
    <li class="pin">
      <p class="hint">
        <strong dir="auto">{message.author_name}</strong>, {day}, {clockLabel(message.created_at)},
        pinned by <span dir="auto">{pin.name}</span>
      </p>
      <div class="text" dir="auto">
        {content}
      </div>
      <div class="pin-actions">
        <button type="button" class="button" onClick={go}>
          Show in the room
        </button>
        {mayDo(chat, room, message).has('pin') && (
          <button
            type="button"
            class="button"
            onClick={() => room.attempt(pinsOf(chat.api, room).unpin(message.id))}
          >
            Unpin
          </button>
        )}
      </div>
    </li>
  );
}
