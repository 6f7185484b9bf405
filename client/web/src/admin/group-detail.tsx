/* group-detail.tsx: one group: its name, who is in it, what it may do. */
import { useCallback, useState } from 'preact/hooks';
import { Problem } from '../shared/problem.ts';
import { navigate } from '../shared/router.ts';
import type { Page } from '../shared/types.ts';
import { Confirm, Dialog } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { useAdmin } from './admin.ts';
import type { Grant } from './grants.ts';
import { OwnGrants } from './grants-list.tsx';
import { GroupMembers } from './group-members.tsx';
import { type Group, whatGoes } from './groups.ts';
import { Trouble, WhenRead } from './notes.tsx';
import { useAction } from './use-action.ts';
import { useLive, useResource } from './use-resource.ts';
import { View } from './view.tsx';
import type { ViewProps } from './views.ts';

export function GroupDetail({ params }: ViewProps) {
  const { api } = useAdmin();
  const id = Number(params.id);
  const group = useResource(`/group/${id}`, () => {
    if (!Number.isSafeInteger(id) || id < 1)
      throw new Problem(404, 'not_found', 'There is no such group.');
    return api.get<Group>(`/group/${id}`);
  });
  const reload = useCallback(() => void group.load(), [group]);
  useLive(['group'], reload);
  const value = group.value.value;
  return (
    <View
      title={value?.name ?? 'Group'}
      actions={value && <Actions group={value} onDone={reload} />}
    >
      <p>
        <a href="/admin/groups">All groups</a>
      </p>
      <WhenRead resource={group}>
        {(known) => (
          <div class="parts">
            <GroupMembers group={known} onChanged={reload} />
            <section aria-labelledby="rights">
              <h2 id="rights">Permissions</h2>
              <p class="links">
                <a href={`/admin/permissions?subject=group:${id}`}>Change permissions</a>
                <a href={`/admin/effective?group=${id}`}>All that its members may do by it</a>
              </p>
              <OwnGrants subject={`group:${id}`} />
            </section>
          </div>
        )}
      </WhenRead>
    </View>
  );
}

function Actions({ group, onDone }: { group: Group; onDone: () => void }) {
  const { api } = useAdmin();
  const action = useAction();
  const [isRenaming, setRenaming] = useState(false);
  const [goes, setGoes] = useState('');
  const ask = () =>
    action.run(async () => {
      const grants = await api.get<Page<Grant>>(`/grant?group=${group.id}`);
      setGoes(whatGoes(group, grants.items));
    }, '');
  const remove = () =>
    action.run(async () => {
      await api.delete(`/group/${group.id}`);
      navigate('/admin/groups');
    }, '');
  return (
    <>
      <button type="button" class="button" onClick={() => setRenaming(true)}>
        Rename
      </button>
      <button
        type="button"
        class="button button-danger"
        disabled={action.isBusy}
        onClick={() => void ask()}
      >
        Delete
      </button>
      <Trouble problem={action.problem} />
      {isRenaming && <Rename group={group} onDone={onDone} onClose={() => setRenaming(false)} />}
      {goes && (
        <Confirm
          title={`Delete the group ${group.name}?`}
          text={goes}
          action="Delete group"
          onConfirm={() => void remove()}
          onClose={() => setGoes('')}
        />
      )}
    </>
  );
}

interface RenameProps {
  group: Group;
  onDone: () => void;
  onClose: () => void;
}

function Rename({ group, onDone, onClose }: RenameProps) {
  const { api } = useAdmin();
  const submission = useSubmit(async ({ name = '' }) => {
    await api.patch(`/group/${group.id}`, { name: name.trim() });
    onClose();
    onDone();
  });
  return (
    <Dialog title={`Rename ${group.name}`} onClose={onClose}>
      <Form submission={submission} action="Rename">
        <Field
          label="Name"
          name="name"
          hint="Members and permissions stay as they are."
          autocomplete="off"
          maxLength={64}
          defaultValue={group.name}
          required
          problem={submission.problem}
        />
      </Form>
    </Dialog>
  );
}
