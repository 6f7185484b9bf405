/* users-list.tsx: everybody who has an account: find somebody, make an account. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { path as address, navigate, search } from '../shared/router.ts';
import { stampLabel } from '../shared/time.ts';
import type { Page } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { useAdmin } from './admin.ts';
import { WhenRead } from './notes.tsx';
import { makePassword } from './password.ts';
import { PasswordChoice, Secret } from './secret.tsx';
import { useLive, useResource } from './use-resource.ts';
import {
  type Account,
  readUserQuery,
  type UserFilter,
  userFilters,
  userListPath,
  userListQuery,
  users_path,
} from './users.ts';
import { View } from './view.tsx';

const typing_ms = 200;

export function UserList() {
  const { api, me } = useAdmin();
  const query = readUserQuery(search.value);
  const path = userListQuery(query);
  const page = useResource(path, () => api.get<Page<Account>>(path));
  useLive(
    ['user'],
    useCallback(() => void page.load(), [page]),
  );
  const [isMaking, setMaking] = useState(false);
  const make = me.user.superuser === true && (
    <button type="button" class="button button-main" onClick={() => setMaking(true)}>
      New user
    </button>
  );
  return (
    <View title="Users" actions={make}>
      <Finder />
      <WhenRead resource={page}>
        {({ items, next }) => (
          <>
            <Accounts items={items} />
            <Pages next={next} />
          </>
        )}
      </WhenRead>
      {isMaking && <NewUser onClose={() => setMaking(false)} onMade={() => void page.load()} />}
    </View>
  );
}

function Finder() {
  const query = readUserQuery(search.value);
  const [typed, setTyped] = useState(query.typed);
  const sent = useRef(query.typed);
  // Back and forward change the address without this field; what it sent itself must not undo what is typed since.
  useEffect(() => {
    if (query.typed !== sent.current) setTyped(query.typed);
    sent.current = query.typed;
  }, [query.typed]);
  useEffect(() => {
    if (typed === query.typed) return;
    const timer = setTimeout(() => {
      // This is called off only when the page is drawn: by now another view, or another filter, may have been chosen.
      if (address.value !== users_path) return;
      sent.current = typed;
      const { filter } = readUserQuery(search.value);
      navigate(userListPath({ typed, filter }), true);
    }, typing_ms);
    return () => clearTimeout(timer);
  }, [typed, query.typed]);
  const choose = (filter: UserFilter) => {
    sent.current = typed;
    navigate(userListPath({ typed, filter }));
  };
  return (
    <search class="toolbar">
      <label class="field">
        Find by name
        <input
          type="search"
          autocomplete="off"
          autocapitalize="none"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        Show
        <select
          value={query.filter}
          onChange={(event) => choose(event.currentTarget.value as UserFilter)}
        >
          {userFilters.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

function Accounts({ items }: { items: readonly Account[] }) {
  const { me } = useAdmin();
  if (items.length === 0) return <p>Nobody is found. Try fewer letters, or show all.</p>;
  return (
    <section class="table-scroll" aria-label="Users">
      <table class="table whole-words">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Account</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {items.map((account) => (
            <tr key={account.id}>
              <th scope="row" class="row-name">
                <a href={`/admin/users/${account.id}`} dir="auto">
                  {account.name}
                </a>
                {account.id === me.user.id && ' (you)'}
              </th>
              <td>
                <AccountMarks account={account} />
              </td>
              <td>{account.created_at && stampLabel(account.created_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function AccountMarks({ account }: { account: Account }) {
  return (
    <>
      {account.superuser && <span class="state">Administrator</span>}
      {account.disabled && <span class="state state-off">Disabled</span>}
      {!account.superuser && !account.disabled && <span class="hint">Can sign in</span>}
    </>
  );
}

function Pages({ next }: { next: string | number | null }) {
  const query = readUserQuery(search.value);
  if (!query.cursor && next === null) return null;
  return (
    <nav class="pages" aria-label="Pages">
      {query.cursor && <a href={userListPath({ ...query, cursor: '' })}>First page</a>}
      {next !== null && <a href={userListPath({ ...query, cursor: String(next) })}>Next page</a>}
    </nav>
  );
}

interface NewUserProps {
  onClose: () => void;
  onMade: () => void;
}

function NewUser({ onClose, onMade }: NewUserProps) {
  const { api } = useAdmin();
  const [isTyped, setTyped] = useState(false);
  const [made, setMade] = useState<{ user: Account; password: string } | null>(null);
  const submission = useSubmit(async ({ name = '', email = '', password, superuser }) => {
    const secret = isTyped ? (password ?? '') : makePassword();
    const user = await api.post<Account>('/user', {
      name,
      password: secret,
      ...(email && { email }),
      ...(superuser && { superuser: true }),
    });
    setMade({ user, password: isTyped ? '' : secret });
    onMade();
  });
  if (made)
    return (
      <Dialog title="The account is made" onClose={onClose}>
        <p>
          <a href={`/admin/users/${made.user.id}`} dir="auto">
            {made.user.name}
          </a>{' '}
          can sign in now.
        </p>
        {made.password && <Secret label={`Password of ${made.user.name}`} value={made.password} />}
        <div class="actions">
          <button type="button" class="button button-main" onClick={onClose}>
            Done
          </button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title="New user" onClose={onClose}>
      <Form submission={submission} action="Create user">
        <Field
          label="Name"
          name="name"
          hint="2 to 32 letters, digits, dots, dashes and underscores."
          autocomplete="off"
          autocapitalize="none"
          minLength={2}
          maxLength={32}
          required
          problem={submission.problem}
        />
        <Field
          label="E-mail"
          name="email"
          type="email"
          hint="May be left empty."
          autocomplete="off"
          problem={submission.problem}
        />
        <PasswordChoice isTyped={isTyped} onChange={setTyped} problem={submission.problem} />
        <label class="tick">
          <input type="checkbox" name="superuser" value="yes" /> Administrator: may do everything
        </label>
      </Form>
    </Dialog>
  );
}
