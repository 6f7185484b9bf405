/* user-groups.tsx: the groups somebody is in: put in, take out. */
import { useCallback, useState } from 'preact/hooks';
import type { Page } from '../shared/types.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import type { Group } from './groups.ts';
import { Done, Trouble, WhenRead } from './notes.tsx';
import { RowPicker } from './row-picker.tsx';
import { useAction } from './use-action.ts';
import { useLive, useResource } from './use-resource.ts';

type Named = Pick<Group, 'id' | 'name'>;

export function UserGroups({ id, name }: { id: number; name: string }) {
  const { api } = useAdmin();
  const groups = useResource(`/user/${id}/group`, () => api.get<Page<Named>>(`/user/${id}/group`));
  useLive(
    ['group'],
    useCallback(() => void groups.load(), [groups]),
  );
  const action = useAction();
  const [leaving, setLeaving] = useState<Named | null>(null);
  const change = (work: () => Promise<unknown>, words: string) =>
    action.run(async () => {
      await work();
      await groups.load();
    }, words);
  const join = (group: number | null, label: string) => {
    if (group !== null)
      void change(() => api.post(`/group/${group}/member`, { user: id }), `Put into ${label}.`);
  };
  return (
    <section aria-labelledby="groups">
      <h2 id="groups">Groups</h2>
      <WhenRead resource={groups}>
        {({ items }) => (
          <ul class="lines">
            {items.map((group) => (
              <li key={group.id} class="line">
                <a href={`/admin/groups/${group.id}`} dir="auto">
                  {group.name}
                </a>
                <button
                  type="button"
                  class="button"
                  aria-label={`Take out of ${group.name}`}
                  disabled={action.isBusy}
                  onClick={() => setLeaving(group)}
                >
                  Take out
                </button>
              </li>
            ))}
            {items.length === 0 && <li class="hint">In no group.</li>}
          </ul>
        )}
      </WhenRead>
      <RowPicker model="group" label="Put into a group" value={null} onPick={join} />
      <Trouble problem={action.problem} />
      {action.done && <Done words={action.done} />}
      {leaving && (
        <Confirm
          title={`Take ${name} out of ${leaving.name}?`}
          text={`${name} loses what the group gives, at once. What others give stays.`}
          action="Take out"
          onConfirm={() =>
            void change(
              () => api.delete(`/group/${leaving.id}/member/${id}`),
              `Taken out of ${leaving.name}.`,
            )
          }
          onClose={() => setLeaving(null)}
        />
      )}
    </section>
  );
}
