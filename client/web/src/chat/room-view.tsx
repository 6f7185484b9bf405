/* room-view.tsx: the open room: its head, its log, where one writes, and who is there. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { messageOf, path } from '../shared/router.ts';
import { count, names } from '../shared/text.ts';
import type { Room } from '../shared/types.ts';
import { Icon } from '../shared/ui/icon.tsx';
import { lazy } from '../shared/ui/lazy.tsx';
import { useChat } from './chat.ts';
import { Composer } from './composer.tsx';
import { LogView } from './log-view.tsx';
import { mayInvite } from './members.ts';
import type { OpenRoom } from './room.ts';
import { roomName, roomTitle } from './rooms.ts';

const Pins = lazy(() => import('./log-later.ts').then((part) => part.Pins));
const Unsent = lazy(() => import('./log-later.ts').then((part) => part.Unsent));
const PickPerson = lazy(() => import('./later.ts').then((part) => part.PickPerson));

export function RoomView({ id, onMenu }: { id: number; onMenu: () => void }) {
  const chat = useChat();
  const [arePeopleShown, setPeopleShown] = useRoomForPeople();
  useEffect(() => {
    const entered = chat.enter(id);
    return () => chat.exit(entered);
  }, [chat, id]);
  useTarget();
  const room = chat.room.value;
  const record = chat.rooms.all.value.get(id);
  const title = record ? roomTitle(record) : (room?.title.value ?? '');
  useTitle(title);
  if (room?.id !== id) return <main class="room" />;
  return (
    <>
      <main class="room">
        <RoomHead
          room={room}
          title={title}
          record={record}
          onMenu={onMenu}
          arePeopleShown={arePeopleShown}
          onPeople={() => setPeopleShown(!arePeopleShown)}
        />
        {room.error.value ? (
          <RoomError room={room} />
        ) : (
          <LogView room={room} title={title || 'this room'} />
        )}
        <TypingLine room={room} />
        {record && !room.error.value && <Foot room={room} record={record} />}
      </main>
      {arePeopleShown && !room.error.value && <People room={room} record={record} />}
    </>
  );
}

/* Shown where there is room beside the log; that changes with the window, and with how far the page is zoomed in. */
function useRoomForPeople() {
  const [isWide] = useState(() => matchMedia('(min-width: 1000px)'));
  const state = useState(isWide.matches);
  const [, setShown] = state;
  useEffect(() => {
    const onChange = () => setShown(isWide.matches);
    isWide.addEventListener('change', onChange);
    return () => isWide.removeEventListener('change', onChange);
  }, [isWide, setShown]);
  return state;
}

/* The room itself opens at the message that the address names; this is for links within it. */
function useTarget(): void {
  const chat = useChat();
  const target = messageOf(path.value);
  const before = useRef(target);
  useEffect(() => {
    const room = chat.room.value;
    if (before.current === target || !room) return;
    before.current = target;
    if (target !== null) void room.show(target);
    else room.toEnd();
  }, [chat, target]);
}

function useTitle(title: string): void {
  const { rooms } = useChat();
  const unread = rooms.unread.value;
  useEffect(() => {
    const name = title ? `${title} · Parley` : 'Parley';
    document.title = unread > 0 ? `(${unread}) ${name}` : name;
  }, [title, unread]);
}

interface RoomHeadProps {
  room: OpenRoom;
  title: string;
  record: Room | undefined;
  onMenu: () => void;
  arePeopleShown: boolean;
  onPeople: () => void;
}

function RoomHead({ room, title, record, onMenu, arePeopleShown, onPeople }: RoomHeadProps) {
  const { dialog } = useChat();
  const isOtherHere =
    record?.with && room.presence.people.value.some(({ id }) => id === record.with?.id);
  const [arePinsShown, setPinsShown] = useState(false);
  return (
    <header class="room-head">
      <button type="button" class="button-icon only-phone" aria-label="Show rooms" onClick={onMenu}>
        <Icon name="menu" />
      </button>
      <div class="room-title">
        <h1 dir="auto" tabIndex={-1}>
          {title || (room.error.value ? 'Not available' : '…')}
        </h1>
        {record?.topic && <p dir="auto">{record.topic}</p>}
        {isOtherHere && (
          <p>
            <span class="dot" aria-hidden="true" />
            here now
          </p>
        )}
      </div>
      {record && (
        <button
          type="button"
          class="button-icon"
          aria-label="Pinned messages"
          onClick={() => setPinsShown(true)}
        >
          <Icon name="pin" />
        </button>
      )}
      {arePinsShown && !room.error.value && (
        <Pins room={room} onClose={() => setPinsShown(false)} />
      )}
      <button
        type="button"
        class="button-icon"
        aria-label="Search"
        onClick={() => {
          dialog.value = 'search';
        }}
      >
        <Icon name="search" />
      </button>
      {record && (
        <button
          type="button"
          class="button-icon"
          aria-label="About this room"
          onClick={() => {
            dialog.value = 'details';
          }}
        >
          <Icon name="info" />
        </button>
      )}
      {record && (
        <button
          type="button"
          class="button-icon"
          aria-label="People"
          aria-expanded={arePeopleShown}
          onClick={onPeople}
        >
          <Icon name="people" />
        </button>
      )}
    </header>
  );
}

function RoomError({ room }: { room: OpenRoom }) {
  const { outbox } = useChat();
  const hasUnsent = outbox.entries.value.some((entry) => entry.room === room.id);
  return (
    <div class="room-error">
      <p role="alert">{room.error.value}</p>
      {room.isErrorTemporary.value && (
        <button type="button" class="button" onClick={() => room.start()}>
          Try again
        </button>
      )}
      {hasUnsent && <Unsent room={room.id} />}
    </div>
  );
}

function TypingLine({ room }: { room: OpenRoom }) {
  const people = room.typing.people.value;
  const verb = people.length === 1 ? 'is' : 'are';
  // Not a live region: it would interrupt with every key others press.
  return (
    <p class="typing" data-testid="typing">
      {people.length > 0 && `${names(people.map((person) => person.name))} ${verb} typing…`}
    </p>
  );
}

function Foot({ room, record }: { room: OpenRoom; record: Room }) {
  const chat = useChat();
  const { rooms, session } = chat;
  const [error, setError] = useState('');
  if (chat.mayWrite(record)) return <Composer room={room} record={record} />;
  const isAllowed = session.can('message', 'write');
  if (record.membership || !isAllowed)
    return (
      <div class="room-note">
        <p role="status">You may read here, but not write.</p>
        {/* A new role in the room comes by itself. */}
        {!isAllowed && (
          <button type="button" class="button" onClick={() => session.load()}>
            Check again
          </button>
        )}
      </div>
    );
  const join = () => {
    setError('');
    rooms.join(record.id).catch((problem: unknown) => setError(asProblem(problem).words));
  };
  return (
    <div class="room-note">
      {room.isRemoved.value && (
        <p role="status">You are no longer a member of {roomTitle(record)}.</p>
      )}
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <button type="button" class="button button-main" onClick={join}>
        Join {roomName(record)}
      </button>
    </div>
  );
}

function People({ room, record }: { room: OpenRoom; record: Room | undefined }) {
  const { api, me, session, dialog } = useChat();
  const [isInviting, setInviting] = useState(false);
  const people = room.presence.people.value;
  const writing = new Set(room.typing.people.value.map((person) => person.id));
  const invite = async (user: { id: number }) => {
    await api.post(`/room/${room.id}/member`, { user: user.id });
    setInviting(false);
  };
  return (
    <aside class="people" aria-label="People">
      <h2>Here now{room.presence.isKnown.value && ` (${people.length})`}</h2>
      {!room.presence.isKnown.value && <p class="hint">More people than can be listed.</p>}
      <ul class="people-list" aria-label="Here now">
        {people.map((person) => (
          <li key={person.id} class="person" dir="auto">
            <span class="dot" aria-hidden="true" />
            {person.name}
            {person.id === me.user.id && <span class="hint"> you</span>}
            {writing.has(person.id) && <span class="hint"> typing</span>}
          </li>
        ))}
      </ul>
      {record && (
        <button
          type="button"
          class="button-link"
          onClick={() => {
            dialog.value = 'members';
          }}
        >
          {count(record.members, 'member', 'members')} in all
        </button>
      )}
      {record && mayInvite(record, session) && (
        <button type="button" class="button" onClick={() => setInviting(true)}>
          Invite somebody
        </button>
      )}
      {isInviting && (
        <PickPerson title="Invite somebody" onPick={invite} onClose={() => setInviting(false)} />
      )}
    </aside>
  );
}
