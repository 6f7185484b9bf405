/* group-members.tsx: who is in a group: put in, take out. */
import { useState } from 'preact/hooks';
import { count } from '../shared/text.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import type { Group } from './groups.ts';
import { Done, Trouble, WhenRead } from './notes.tsx';
import { RowPicker } from './row-picker.tsx';
import { useAction } from './use-action.ts';
import { useResource } from './use-resource.ts';
import { readNames } from './users.ts';

/* More are shown when they are asked for. */
const page_length = 100;

interface GroupMembersProps {
  group: Group;
  onChanged: () => void;
}

export function GroupMembers({ group, onChanged }: GroupMembersProps) {
  const { api } = useAdmin();
  const [shown, setShown] = useState(page_length);
  const ids = group.users.slice(0, shown);
  const names = useResource(ids.join(), () => readNames(api, ids));
  const action = useAction();
  const [leaving, setLeaving] = useState<{ id: number; name: string } | null>(null);
  const change = (work: () => Promise<unknown>, words: string) =>
    action.run(async () => {
      await work();
      onChanged();
    }, words);
  const join = (user: number | null, label: string) => {
    if (user !== null)
      void change(
        () => api.post(`/group/${group.id}/member`, { user }),
        `${label} is a member now.`,
      );
  };
  return (
    <section aria-labelledby="members">
      <h2 id="members">{count(group.members, 'member', 'members')}</h2>
      <RowPicker model="user" label="Add a member" value={null} onPick={join} />
      <Trouble problem={action.problem} />
      {action.done && <Done words={action.done} />}
      <WhenRead resource={names}>
        {(known) => (
          <ul class="lines">
            {ids.map((id) => {
              const name = known.get(id) ?? `user ${id}`;
              return (
                <li key={id} class="line">
                  <a href={`/admin/users/${id}`} dir="auto">
                    {name}
                  </a>
                  <button
                    type="button"
                    class="button"
                    aria-label={`Remove ${name}`}
                    disabled={action.isBusy}
                    onClick={() => setLeaving({ id, name })}
                  >
                    Remove
                  </button>
                </li>
              );
            })}
          </ul>
        )}
      </WhenRead>
      {group.users.length > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + page_length)}>
          Show more
        </button>
      )}
      {group.members > group.users.length && shown >= group.users.length && (
        <p class="hint">
          Only the first {group.users.length} are shown. Others are found by their own page, under
          Users.
        </p>
      )}
      {leaving && (
        <Confirm
          title={`Remove ${leaving.name}?`}
          text={`${leaving.name} loses what ${group.name} gives, at once. What others give stays.`}
          action="Remove"
          onConfirm={() =>
            void change(
              () => api.delete(`/group/${group.id}/member/${leaving.id}`),
              `${leaving.name} is no member any more.`,
            )
          }
          onClose={() => setLeaving(null)}
        />
      )}
    </section>
  );
}
