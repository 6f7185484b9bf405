/* room-view.tsx: the open room: its head, its log, where one writes, and who is there. */
import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import { count, names } from '../shared/text.ts';
import type { Room } from '../shared/types.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { Icon } from '../shared/ui/icon.tsx';
import { lazy } from '../shared/ui/lazy.tsx';
import { useChat } from './chat.ts';
import { Composer } from './composer.tsx';
import { LogView } from './log-view.tsx';
import type { OpenRoom } from './room.ts';
import { roomName, roomTitle } from './rooms.ts';

const PickPerson = lazy(() => import('./later.ts').then((part) => part.PickPerson));

export function RoomView({ id, onMenu }: { id: number; onMenu: () => void }) {
  const chat = useChat();
  const [arePeopleShown, setPeopleShown] = useState(() => innerWidth >= 1000);
  useEffect(() => {
    const entered = chat.enter(id);
    return () => chat.exit(entered);
  }, [chat, id]);
  const room = chat.room.value;
  const record = chat.rooms.all.value.get(id);
  const title = record ? roomTitle(record) : (room?.title.value ?? '');
  useTitle(title);
  if (room?.id !== id) return <main class="room" />;
  return (
    <>
      <main class="room">
        <RoomHead
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

function useTitle(title: string): void {
  const { rooms } = useChat();
  const unread = rooms.unread.value;
  useEffect(() => {
    const name = title ? `${title} · Parley` : 'Parley';
    document.title = unread > 0 ? `(${unread}) ${name}` : name;
  }, [title, unread]);
}

interface RoomHeadProps {
  title: string;
  record: Room | undefined;
  onMenu: () => void;
  arePeopleShown: boolean;
  onPeople: () => void;
}

function RoomHead({ title, record, onMenu, arePeopleShown, onPeople }: RoomHeadProps) {
  const { rooms } = useChat();
  const [isLeaving, setLeaving] = useState(false);
  const [error, setError] = useState('');
  const leave = () => {
    if (!record) return;
    rooms.leave(record.id).then(
      () => navigate('/'),
      (problem: unknown) => setError(asProblem(problem).words),
    );
  };
  return (
    <header class="room-head">
      <button type="button" class="button-icon only-phone" aria-label="Show rooms" onClick={onMenu}>
        <Icon name="menu" />
      </button>
      <div class="room-title">
        <h1 dir="auto">{title || '…'}</h1>
        {record?.topic && <p dir="auto">{record.topic}</p>}
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
      </div>
      {record?.membership && record.kind !== 'direct' && (
        <button type="button" class="button" onClick={() => setLeaving(true)}>
          Leave
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
      {isLeaving && record && (
        <Confirm
          title={`Leave ${title}?`}
          text={
            record.kind === 'private'
              ? 'You can come back only if somebody invites you.'
              : 'You can join again at any time.'
          }
          action="Leave"
          onConfirm={leave}
          onClose={() => setLeaving(false)}
        />
      )}
    </header>
  );
}

function RoomError({ room }: { room: OpenRoom }) {
  return (
    <div class="room-error">
      <p role="alert">{room.error.value}</p>
      {room.isErrorTemporary.value && (
        <button type="button" class="button" onClick={() => room.start()}>
          Try again
        </button>
      )}
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
  const { api, me } = useChat();
  const [isInviting, setInviting] = useState(false);
  const people = room.presence.people.value;
  const role = record?.membership?.role ?? 'reader';
  const mayInvite =
    role !== 'reader' &&
    record?.kind !== 'direct' &&
    (role !== 'member' || record?.kind === 'public');
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
      {record && <p class="hint">{count(record.members, 'member', 'members')} in all</p>}
      {mayInvite && (
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
