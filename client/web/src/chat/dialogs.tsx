/* dialogs.tsx: start a room, choose a person. */
import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import type { Page, RoomKind, User } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { useChat } from './chat.ts';
import { peopleQuery } from './people.ts';

export function CreateRoom({ onClose }: { onClose: () => void }) {
  const { rooms } = useChat();
  const submission = useSubmit(async ({ name = '', topic = '', kind = 'public' }) => {
    const room = await rooms.create(kind as RoomKind, name.trim(), topic.trim());
    onClose();
    navigate(`/r/${room.id}`);
  });
  return (
    <Dialog title="New room" onClose={onClose}>
      <Form submission={submission} action="Create room">
        <Field
          label="Name"
          name="name"
          autofocus
          required
          autocomplete="off"
          problem={submission.problem}
        />
        <Field label="Topic" name="topic" autocomplete="off" problem={submission.problem} />
        <fieldset class="choices">
          <legend>Who can find it</legend>
          <label>
            <input type="radio" name="kind" value="public" defaultChecked /> Public: everyone may
            read and join
          </label>
          <label>
            <input type="radio" name="kind" value="private" /> Private: only who is invited
          </label>
        </fieldset>
      </Form>
    </Dialog>
  );
}

interface PickPersonProps {
  title: string;
  onPick: (user: User) => Promise<unknown>;
  onClose: () => void;
}

const search_delay_ms = 200;

export function PickPerson({ title, onPick, onClose }: PickPersonProps) {
  const { api, me } = useChat();
  const [text, setText] = useState('');
  const [found, setFound] = useState<readonly User[] | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    let isCurrent = true;
    const search = async () => {
      try {
        const page = await api.get<Page<User>>(peopleQuery(text));
        // An answer that a later key overtook must not replace the newer one.
        if (isCurrent) setFound(page.items.filter((user) => user.id !== me.user.id));
      } catch (problem) {
        if (isCurrent) setError(asProblem(problem).words);
      }
    };
    const timer = setTimeout(search, search_delay_ms);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [api, me, text]);
  const pick = (user: User) => {
    setError('');
    onPick(user).catch((problem: unknown) => setError(asProblem(problem).words));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="form">
        <Field
          label="Name"
          name="person"
          autofocus
          type="search"
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <ul class="people-list">
          {found?.map((user) => (
            <li key={user.id}>
              <button type="button" class="person" dir="auto" onClick={() => pick(user)}>
                {user.name}
              </button>
            </li>
          ))}
        </ul>
        {found?.length === 0 && <p role="status">Nobody of that name.</p>}
      </div>
    </Dialog>
  );
}
