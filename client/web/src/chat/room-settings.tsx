/* room-settings.tsx: what a room is, how much of it one wants to hear, and the ways out of it. */
import { useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import { count } from '../shared/text.ts';
import type { Notify, Room, RoomKind } from '../shared/types.ts';
import { Confirm, Dialog } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { useChat } from './chat.ts';
import { mayChangeKind, mayDelete, mayLeave, mayRename } from './members.ts';
import { roomName, roomTitle } from './rooms.ts';

const kindWords: Record<RoomKind, string> = {
  public: 'Public: everyone may read and join.',
  private: 'Private: only who is invited.',
  direct: 'A conversation of two people.',
};

export function RoomSettings({ room, onClose }: { room: Room; onClose: () => void }) {
  const { dialog, session, me } = useChat();
  const [step, setStep] = useState<'leave' | 'delete' | null>(null);
  const { error, attempt } = useAttempt();
  const { rooms } = useChat();
  if (step === 'delete')
    return <DeleteRoom room={room} onBack={() => setStep(null)} onClose={onClose} />;
  const leave = () =>
    attempt(async () => {
      await rooms.leave(room.id);
      onClose();
      navigate('/');
    });
  const maySetUp = mayRename(room) && session.can('room', 'write');
  // Administrators may always clear a room away.
  const isDeletable =
    room.kind !== 'direct' &&
    (mayDelete(room) || me.user.superuser) &&
    session.can('room', 'delete');
  return (
    <Dialog title={roomTitle(room)} onClose={onClose}>
      <div class="sections">
        {maySetUp ? <Facts room={room} /> : <FactsToRead room={room} />}
        {room.membership && <NotifyChoice room={room} />}
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <div class="actions actions-start">
          {room.kind !== 'direct' && (
            <button
              type="button"
              class="button"
              onClick={() => {
                dialog.value = 'members';
              }}
            >
              {count(room.members, 'member', 'members')}
            </button>
          )}
          {mayLeave(room) && (
            <button type="button" class="button" onClick={() => setStep('leave')}>
              Leave room
            </button>
          )}
          {isDeletable && (
            <button type="button" class="button button-danger" onClick={() => setStep('delete')}>
              Delete room
            </button>
          )}
        </div>
      </div>
      {step === 'leave' && (
        <Confirm
          title={`Leave ${roomTitle(room)}?`}
          text={
            room.kind === 'private'
              ? 'You can come back only if somebody invites you.'
              : 'You can join again at any time.'
          }
          action="Leave"
          onConfirm={() => void leave()}
          onClose={() => setStep(null)}
        />
      )}
    </Dialog>
  );
}

function FactsToRead({ room }: { room: Room }) {
  return (
    <div>
      {room.topic && <p dir="auto">{room.topic}</p>}
      <p class="hint">{kindWords[room.kind]}</p>
      {room.membership && room.kind !== 'direct' && (
        <p class="hint">
          Your role here: {room.membership.role}. Owners and moderators of the room can change it.
        </p>
      )}
    </div>
  );
}

function Facts({ room }: { room: Room }) {
  const { rooms } = useChat();
  const [isSaved, setSaved] = useState(false);
  const submission = useSubmit(async ({ name = '', topic = '', kind }) => {
    setSaved(false);
    const change = { name: name.trim(), topic: topic.trim() };
    await rooms.update(
      room.id,
      mayChangeKind(room) ? { ...change, kind: kind as RoomKind } : change,
    );
    setSaved(true);
  });
  const { problem } = submission;
  return (
    <div>
      <Form submission={submission} action="Save">
        <Field label="Name" name="name" required defaultValue={room.name} problem={problem} />
        <Field label="Topic" name="topic" defaultValue={room.topic} problem={problem} />
        {mayChangeKind(room) ? (
          <fieldset class="choices">
            <legend>Who can find it</legend>
            {(['public', 'private'] as const).map((kind) => (
              <label key={kind}>
                <input type="radio" name="kind" value={kind} defaultChecked={room.kind === kind} />{' '}
                {kindWords[kind]}
              </label>
            ))}
          </fieldset>
        ) : (
          <p class="hint">{kindWords[room.kind]} Only owners of the room can change this.</p>
        )}
      </Form>
      <p role="status">{isSaved && 'Saved.'}</p>
    </div>
  );
}

const levels: readonly (readonly [Notify, string])[] = [
  ['all', 'Everything: counted in the list; notifications as you chose in Settings'],
  ['mentions', 'Mentions: everything is counted, only mentions are notified'],
  ['none', 'Nothing: the room is muted; the list still shows when you are mentioned'],
];

function NotifyChoice({ room }: { room: Room }) {
  const { rooms } = useChat();
  const { error, attempt } = useAttempt();
  const level = room.membership?.notify ?? 'all';
  return (
    <fieldset class="choices">
      <legend>What you hear of it</legend>
      {levels.map(([notify, words]) => (
        <label key={notify}>
          <input
            type="radio"
            name="notify"
            checked={level === notify}
            onChange={() => attempt(() => rooms.setNotify(room.id, notify))}
          />{' '}
          {words}
        </label>
      ))}
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}

interface DeleteRoomProps {
  room: Room;
  onBack: () => void;
  onClose: () => void;
}

function DeleteRoom({ room, onBack, onClose }: DeleteRoomProps) {
  const { rooms } = useChat();
  const [typed, setTyped] = useState('');
  const submission = useSubmit(async () => {
    await rooms.delete(room.id);
    onClose();
    navigate('/');
  });
  return (
    <Dialog title={`Delete ${roomTitle(room)}?`} onClose={onBack}>
      <form class="form" onSubmit={submission.onSubmit}>
        <p>
          All its messages go with it, for {count(room.members, 'member', 'members')} and everybody
          else. This cannot be undone.
        </p>
        <Field
          label={`To go on, type the room’s name: ${roomName(room)}`}
          name="confirm"
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        {submission.problem && (
          <p class="error" role="alert">
            {submission.problem.words}
          </p>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={onBack}>
            Cancel
          </button>
          <button
            type="submit"
            class="button button-danger"
            disabled={submission.isBusy || typed.trim() !== room.name}
          >
            Delete room and messages
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function useAttempt() {
  const [error, setError] = useState('');
  const attempt = async (action: () => Promise<unknown>) => {
    setError('');
    await action().catch((problem: unknown) => setError(asProblem(problem).words));
  };
  return { error, attempt };
}
