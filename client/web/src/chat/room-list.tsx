/* room-list.tsx: all rooms in one list: mine, the people I talk with, and what is open to join. */
import { useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { badge, count } from '../shared/text.ts';
import type { Room } from '../shared/types.ts';
import { Icon } from '../shared/ui/icon.tsx';
import { type Chat, type DialogName, useChat } from './chat.ts';
import { isHelpShown } from './keys.ts';
import { roomName, unreadOf } from './rooms.ts';

export function RoomList({ current }: { current: number | null }) {
  const { rooms, session, dialog } = useChat();
  const open = (name: DialogName) => () => {
    dialog.value = name;
  };
  const unread = rooms.catchUp.value.filter((room) => room.id !== current);
  return (
    <div class="rooms">
      <button type="button" class="button rooms-find" onClick={open('switcher')}>
        Go to… <kbd>Ctrl K</kbd>
      </button>
      <div class="rooms-scroll">
        {unread[0] && (
          <a
            href={`/r/${unread[0].id}`}
            class="room-link room-unread"
            title="To the next unread room"
          >
            Unread ({unread.length})
          </a>
        )}
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
          onAction={session.can('room', 'write') ? open('room') : undefined}
        />
        <Section
          title="People"
          rooms={rooms.direct.value}
          current={current}
          action="New conversation"
          onAction={open('direct')}
        />
        {rooms.open.value.length > 0 && (
          <Section title="Open to join" rooms={rooms.open.value} current={current} />
        )}
      </div>
      <Account />
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
  const unread = unreadOf(room);
  const mentions = room.membership?.mentions ?? 0;
  const isMuted = room.membership?.notify === 'none';
  const hasDraft = !isCurrent && drafts.get(room.id) !== '';
  return (
    <a
      href={`/r/${room.id}`}
      class={`room-link${unread > 0 ? ' room-unread' : ''}${isMuted ? ' room-muted' : ''}`}
      aria-current={isCurrent ? 'page' : undefined}
    >
      <span class="room-mark" aria-hidden="true">
        {room.kind === 'private' ? <Icon name="lock" /> : room.kind === 'direct' ? '@' : '#'}
      </span>
      <span class="room-name" dir="auto">
        {roomName(room)}
      </span>
      {hasDraft && <span class="room-draft">draft</span>}
      {isMuted && <span class="visually-hidden">, muted</span>}
      {unread > 0 && (
        <>
          <span class="badge" aria-hidden="true">
            {mentions > 0 ? `@${badge(mentions)}` : badge(unread)}
          </span>
          <span class="visually-hidden">
            , {count(unread, 'unread message', 'unread messages')}
            {mentions > 0 && `, ${count(mentions, 'mention', 'mentions')}`}
          </span>
        </>
      )}
    </a>
  );
}

/* Rights on the chat's own models are everybody's: who has no others finds nothing there. */
const chatModels = ['room', 'message', 'member', 'user'];

function mayAdminister({ session }: Chat): boolean {
  const me = session.me.value;
  if (!me || me.user.superuser) return me !== null && me !== undefined;
  return Object.entries(me.permissions).some(
    ([model, rights]) => !chatModels.includes(model) || (rights as string[]).includes('grant'),
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
      <a class="account-name" href="/account" title="Your account" dir="auto">
        {chat.me.user.name}
      </a>
      {mayAdminister(chat) && (
        <a class="button" href="/admin">
          Administration
        </a>
      )}
      <button
        type="button"
        class="button"
        title="Keys and marks (?)"
        onClick={() => {
          isHelpShown.value = true;
        }}
      >
        Help
      </button>
      <button
        type="button"
        class="button"
        onClick={() => {
          chat.dialog.value = 'settings';
        }}
      >
        Settings
      </button>
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
