/* groups-list.tsx: all groups: find one, make one. */
import { useCallback, useState } from 'preact/hooks';
import { navigate } from '../shared/router.ts';
import { count } from '../shared/text.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { useAdmin } from './admin.ts';
import { type Group, readGroups } from './groups.ts';
import { WhenRead } from './notes.tsx';
import { useLive, useResource } from './use-resource.ts';
import { View } from './view.tsx';

export function GroupList() {
  const { me } = useAdmin();
  if (me.user.superuser) return <AllGroups />;
  return (
    <View title="Groups">
      <p>
        Groups are managed by administrators. What groups may do on your models is shown at{' '}
        <a href="/admin/permissions">Permissions</a>.
      </p>
    </View>
  );
}

function AllGroups() {
  const { api } = useAdmin();
  const [isMaking, setMaking] = useState(false);
  const [typed, setTyped] = useState('');
  const groups = useResource('/group', () => readGroups(api));
  useLive(
    ['group'],
    useCallback(() => void groups.load(), [groups]),
  );
  const make = (
    <button type="button" class="button button-main" onClick={() => setMaking(true)}>
      New group
    </button>
  );
  const words = typed.trim().toLowerCase();
  return (
    <View title="Groups" actions={make}>
      <search class="toolbar">
        <label class="field">
          Find by name
          <input
            type="search"
            autocomplete="off"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
      </search>
      <WhenRead resource={groups}>
        {(all) => (
          <GroupTable groups={all.filter(({ name }) => name.toLowerCase().includes(words))} />
        )}
      </WhenRead>
      {isMaking && <NewGroup onClose={() => setMaking(false)} />}
    </View>
  );
}

function GroupTable({ groups }: { groups: readonly Group[] }) {
  if (groups.length === 0)
    return <p>No group is found. Groups give several people the same permissions.</p>;
  return (
    <section class="table-scroll" aria-label="Groups">
      <table class="table whole-words">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Members</th>
            <th scope="col">Permissions</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <tr key={group.id}>
              <th scope="row" class="row-name">
                <a href={`/admin/groups/${group.id}`} dir="auto">
                  {group.name}
                </a>
              </th>
              <td>{count(group.members, 'person', 'people')}</td>
              <td>
                <a
                  href={`/admin/permissions?subject=group:${group.id}`}
                  aria-label={`Permissions of ${group.name}`}
                >
                  Show
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function NewGroup({ onClose }: { onClose: () => void }) {
  const { api } = useAdmin();
  const submission = useSubmit(async ({ name = '' }) => {
    const group = await api.post<Group>('/group', { name: name.trim() });
    onClose();
    navigate(`/admin/groups/${group.id}`);
  });
  return (
    <Dialog title="New group" onClose={onClose}>
      <Form submission={submission} action="Create group">
        <Field
          label="Name"
          name="name"
          autocomplete="off"
          maxLength={64}
          required
          problem={submission.problem}
        />
      </Form>
    </Dialog>
  );
}
