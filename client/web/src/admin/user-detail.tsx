/* user-detail.tsx: one account: who it is, what it may do, where it is signed in. */
import { useCallback, useState } from 'preact/hooks';
import { Problem } from '../shared/problem.ts';
import { stampLabel } from '../shared/time.ts';
import { Confirm, Dialog } from '../shared/ui/dialog.tsx';
import { Form, useSubmit } from '../shared/ui/form.tsx';
import { useAdmin } from './admin.ts';
import { OwnGrants } from './grants-list.tsx';
import { Done, Trouble, WhenRead } from './notes.tsx';
import { makePassword } from './password.ts';
import { PasswordChoice, Secret } from './secret.tsx';
import { type Action, useAction } from './use-action.ts';
import { useLive, useResource } from './use-resource.ts';
import { UserGroups } from './user-groups.tsx';
import { UserSessions } from './user-sessions.tsx';
import { type Account, warning } from './users.ts';
import { AccountMarks } from './users-list.tsx';
import { View } from './view.tsx';
import type { ViewProps } from './views.ts';

export function UserDetail({ params }: ViewProps) {
  const { api, me } = useAdmin();
  const id = Number(params.id);
  const account = useResource(`/user/${id}`, () => {
    if (!Number.isSafeInteger(id) || id < 1)
      throw new Problem(404, 'not_found', 'There is no such user.');
    return api.get<Account>(`/user/${id}`);
  });
  useLive(
    ['user'],
    useCallback(() => void account.load(), [account]),
  );
  const value = account.value.value;
  const isAdministrator = me.user.superuser === true;
  return (
    <View title={value?.name ?? 'User'}>
      <p>
        <a href="/admin/users">All users</a>
      </p>
      <WhenRead resource={account}>
        {(user) => (
          <>
            <p>
              <AccountMarks account={user} />{' '}
              {user.created_at && `Account since ${stampLabel(user.created_at)}.`}{' '}
              {user.email && <bdi>{user.email}</bdi>} {user.id === me.user.id && 'This is you.'}
            </p>
            {isAdministrator && (
              <AccountActions user={user} onChanged={() => void account.load()} />
            )}
            <div class="parts">
              <section aria-labelledby="rights">
                <h2 id="rights">Permissions</h2>
                <p class="links">
                  <a href={`/admin/effective?user=${id}`}>All that {user.name} may do, and why</a>
                  <a href={`/admin/permissions?subject=user:${id}`}>Change permissions</a>
                </p>
                <OwnGrants subject={`user:${id}`} />
              </section>
              {isAdministrator && (
                <>
                  <UserGroups id={id} name={user.name} />
                  <UserSessions id={id} name={user.name} />
                </>
              )}
            </div>
          </>
        )}
      </WhenRead>
    </View>
  );
}

type Asked = 'disable' | 'promote' | 'demote';

const questions: Record<Asked, { title: string; action: string; body: object; done: string }> = {
  disable: {
    title: 'Disable the account?',
    action: 'Disable',
    body: { disabled: true },
    done: 'The account is disabled.',
  },
  promote: {
    title: 'Make an administrator?',
    action: 'Make administrator',
    body: { superuser: true },
    done: 'This is an administrator now.',
  },
  demote: {
    title: 'Take the administration away?',
    action: 'Take away',
    body: { superuser: false },
    done: 'This is no administrator any more.',
  },
};

function AccountActions({ user, onChanged }: { user: Account; onChanged: () => void }) {
  const { api, me } = useAdmin();
  const action = useAction();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [isResetting, setResetting] = useState(false);
  const change = (body: object, words: string) =>
    action.run(async () => {
      await api.patch(`/user/${user.id}`, body);
      onChanged();
    }, words);
  const question = asked && questions[asked];
  return (
    <>
      <Buttons
        user={user}
        action={action}
        onAsk={setAsked}
        onEnable={() => void change({ disabled: false }, 'The account is enabled.')}
        onReset={() => setResetting(true)}
      />
      <Trouble problem={action.problem} />
      {action.done && <Done words={action.done} />}
      {asked && question && (
        <Confirm
          title={question.title}
          text={`${user.name}: ${warning(asked, user.id === me.user.id)}`}
          action={question.action}
          onConfirm={() => void change(question.body, question.done)}
          onClose={() => setAsked(null)}
        />
      )}
      {isResetting && <ResetPassword user={user} onClose={() => setResetting(false)} />}
    </>
  );
}

interface ButtonsProps {
  user: Account;
  action: Action;
  onAsk: (asked: Asked) => void;
  onEnable: () => void;
  onReset: () => void;
}

function Buttons({ user, action, onAsk, onEnable, onReset }: ButtonsProps) {
  return (
    <div class="toolbar">
      <button type="button" class="button" disabled={action.isBusy} onClick={onReset}>
        Set a new password
      </button>
      <button
        type="button"
        class="button"
        disabled={action.isBusy}
        onClick={() => onAsk(user.superuser ? 'demote' : 'promote')}
      >
        {user.superuser ? 'Take the administration away' : 'Make administrator'}
      </button>
      {user.disabled ? (
        <button type="button" class="button" disabled={action.isBusy} onClick={onEnable}>
          Enable
        </button>
      ) : (
        <button
          type="button"
          class="button button-danger"
          disabled={action.isBusy}
          onClick={() => onAsk('disable')}
        >
          Disable
        </button>
      )}
    </div>
  );
}

function ResetPassword({ user, onClose }: { user: Account; onClose: () => void }) {
  const { api, me } = useAdmin();
  const [isTyped, setTyped] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const submission = useSubmit(async ({ password = '' }) => {
    const secret = isTyped ? password : makePassword();
    await api.patch(`/user/${user.id}`, { password: secret });
    setMade(isTyped ? '' : secret);
  });
  return (
    <Dialog title={`New password for ${user.name}`} onClose={onClose}>
      {made === null ? (
        <>
          <p>{warning('password', user.id === me.user.id)}</p>
          <Form submission={submission} action="Set password">
            <PasswordChoice isTyped={isTyped} onChange={setTyped} problem={submission.problem} />
          </Form>
        </>
      ) : (
        <>
          <p>The new password is set.</p>
          {made && <Secret label={`Password of ${user.name}`} value={made} />}
          <div class="actions">
            <button type="button" class="button button-main" onClick={onClose}>
              Done
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}
