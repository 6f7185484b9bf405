/* overview.tsx: where to begin: what is here, and what a new server still needs. */
import type { Page } from '../shared/types.ts';
import { addStyle } from '../shared/ui/style.ts';
import { useAdmin } from './admin.ts';
import type { Group } from './groups.ts';
import { WhenRead } from './notes.tsx';
import peopleStyle from './people.lazy.css';
import { useResource } from './use-resource.ts';
import type { Account } from './users.ts';
import { View } from './view.tsx';

addStyle(peopleStyle);

export function Overview() {
  const { me, models } = useAdmin();
  const shown = models.withRows.value;
  return (
    <View title="Overview">
      {models.error.value && (
        <p class="error" role="alert">
          {models.error.value}
        </p>
      )}
      {me.user.superuser && <FirstSteps />}
      {models.isReady.value && shown.length === 0 && !models.error.value && (
        <p>
          There is no data here that you may see.{' '}
          {me.user.superuser
            ? 'Models are made by files in the schema folder; the server reads them at its start.'
            : 'An administrator can give you permissions.'}
        </p>
      )}
      <ul class="cards">
        {shown.map((model) => (
          <li key={model.name} class="card">
            <h2>
              <a href={`/admin/data/${model.name}`} dir="auto">
                {model.title}
              </a>
            </h2>
            <p class="hint" dir="auto">
              {model.description}
            </p>
          </li>
        ))}
      </ul>
    </View>
  );
}

/* On a new server; each step goes once it is done. */
function FirstSteps() {
  const { api } = useAdmin();
  const state = useResource('first-steps', async () => {
    const [users, groups] = await Promise.all([
      api.get<Page<Account>>('/user?limit=2'),
      api.get<Page<Group>>('/group?limit=20'),
    ]);
    return { isAlone: users.items.length < 2, groups: groups.items };
  });
  return (
    <WhenRead resource={state}>
      {({ isAlone, groups }) => {
        const filled = groups.find(({ members }) => members > 0);
        if (!isAlone && filled) return null;
        return (
          <section class="first-steps" aria-labelledby="first-steps">
            <h2 id="first-steps">First steps</h2>
            <ol class="steps">
              {isAlone && (
                <li>
                  <a href="/admin/users">Make an account</a> for somebody else. You are the only one
                  so far.
                </li>
              )}
              {groups.length === 0 && (
                <li>
                  <a href="/admin/groups">Make a group</a>, such as editors: permissions are easier
                  to keep by group than by person.
                </li>
              )}
              {groups.length > 0 && !filled && (
                <li>
                  <a href={`/admin/groups/${groups[0]?.id}`}>Put somebody into your group</a>: it is
                  empty.
                </li>
              )}
              <li>
                <a href="/admin/permissions?subject=members">Look at what all members may do</a>,
                and change it.
              </li>
            </ol>
          </section>
        );
      }}
    </WhenRead>
  );
}
