/* room-list.tsx: all rooms in one list: mine, the people I talk with, and what is open to join. */
import { useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import { badge, count } from '../shared/text.ts';
import { setTheme, type Theme, theme, themes } from '../shared/theme.ts';
import type { Room, User } from '../shared/types.ts';
import { Icon } from '../shared/ui/icon.tsx';
import { lazy } from '../shared/ui/lazy.tsx';
import { useChat } from './chat.ts';
import { roomName } from './rooms.ts';

const CreateRoom = lazy(() => import('./later.ts').then((part) => part.CreateRoom));
const PickPerson = lazy(() => import('./later.ts').then((part) => part.PickPerson));

export function RoomList({ current }: { current: number | null }) {
  const { rooms, session } = useChat();
  const [dialog, setDialog] = useState<'room' | 'direct' | null>(null);
  const close = () => setDialog(null);
  const startDirect = async (user: User) => {
    const room = await rooms.startDirect(user.id);
    close();
    navigate(`/r/${room.id}`);
  };
  return (
    <div class="rooms">
      <div class="rooms-scroll">
        {rooms.error.value && (
          <p class="error" role="alert">
            {rooms.error.value}
          </p>
        )}
        <Section
          title="Rooms"
          rooms={rooms.mine.value}
          current={current}
          action="New room"
          onAction={session.can('room', 'write') ? () => setDialog('room') : undefined}
        />
        <Section
          title="People"
          rooms={rooms.direct.value}
          current={current}
          action="New conversation"
          onAction={() => setDialog('direct')}
        />
        {rooms.open.value.length > 0 && (
          <Section title="Open to join" rooms={rooms.open.value} current={current} />
        )}
      </div>
      <Account />
      {dialog === 'room' && <CreateRoom onClose={close} />}
      {dialog === 'direct' && (
        <PickPerson title="New conversation" onPick={startDirect} onClose={close} />
      )}
    </div>
  );
}

interface SectionProps {
  title: string;
  rooms: readonly Room[];
  current: number | null;
  action?: string;
  onAction?: (() => void) | undefined;
}

function Section({ title, rooms, current, action, onAction }: SectionProps) {
  return (
    <section class="rooms-section">
      <div class="rooms-head">
        <h2>{title}</h2>
        {onAction && (
          <button type="button" class="button-icon" aria-label={action} onClick={onAction}>
            <Icon name="plus" />
          </button>
        )}
      </div>
      <ul>
        {rooms.map((room) => (
          <li key={room.id}>
            <RoomLink room={room} isCurrent={room.id === current} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function RoomLink({ room, isCurrent }: { room: Room; isCurrent: boolean }) {
  const { drafts } = useChat();
  const unread = room.membership?.unread ?? 0;
  const hasDraft = !isCurrent && drafts.get(room.id) !== '';
  return (
    <a
      href={`/r/${room.id}`}
      class={unread > 0 ? 'room-link room-unread' : 'room-link'}
      aria-current={isCurrent ? 'page' : undefined}
    >
      <span class="room-mark" aria-hidden="true">
        {room.kind === 'private' ? <Icon name="lock" /> : room.kind === 'direct' ? '@' : '#'}
      </span>
      <span class="room-name" dir="auto">
        {roomName(room)}
      </span>
      {hasDraft && <span class="room-draft">draft</span>}
      {unread > 0 && (
        <>
          <span class="badge" aria-hidden="true">
            {badge(unread)}
          </span>
          <span class="visually-hidden">
            , {count(unread, 'unread message', 'unread messages')}
          </span>
        </>
      )}
    </a>
  );
}

function Account() {
  const chat = useChat();
  const [error, setError] = useState('');
  const signOut = () => {
    chat.signOut().catch((problem: unknown) => setError(asProblem(problem).words));
  };
  return (
    <div class="account">
      <span class="account-name" dir="auto">
        {chat.me.user.name}
      </span>
      <select
        aria-label="Colours"
        value={theme.value}
        onChange={(event) => setTheme(event.currentTarget.value as Theme)}
      >
        {themes.map((name) => (
          <option key={name} value={name}>
            {name === 'system' ? 'auto' : name}
          </option>
        ))}
      </select>
      <button type="button" class="button" onClick={signOut}>
        Sign out
      </button>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
