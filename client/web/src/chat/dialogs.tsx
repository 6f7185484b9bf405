/* dialogs.tsx: start a room, choose a person. */
import { useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import type { RoomKind, User } from '../shared/types.ts';
import { PickList, useFound } from '../shared/ui/combobox.tsx';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { useChat } from './chat.ts';
import { findPeople } from './people.ts';

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

export function PickPerson({ title, onPick, onClose }: PickPersonProps) {
  const { api, me } = useChat();
  const [text, setText] = useState('');
  const [error, setError] = useState('');
  const found = useFound((typed) => findPeople(api, me, typed), text, [api, me]);
  const pick = (user: User) => {
    setError('');
    onPick(user).catch((problem: unknown) => setError(asProblem(problem).words));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <PickList
        label="Name"
        listLabel="People"
        text={text}
        onText={setText}
        found={error ? { ...found, error } : found}
        optionOf={({ id, name }) => ({ key: id, name })}
        onPick={pick}
        nothing="Nobody of that name."
      />
    </Dialog>
  );
}
