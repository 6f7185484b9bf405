/* page.tsx: one's own account: who one is, the password, where one is signed in, programs, colours. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import type { Session } from '../shared/session.ts';
import { setTheme, type Theme, theme, themes } from '../shared/theme.ts';
import { stampLabel } from '../shared/time.ts';
import type { Me, SignedIn } from '../shared/types.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { Field, Form, useSubmit } from '../shared/ui/form.tsx';
import { Brand } from '../shared/ui/mark.tsx';
import { addStyle } from '../shared/ui/style.ts';
import style from './account.lazy.css';
import { Endable, programName } from './sessions.ts';
import { Tokens } from './tokens.tsx';

addStyle(style);

interface PartProps {
  api: Api;
  session: Session;
  me: Me;
}

export function AccountPage({ api, session, me }: PartProps) {
  useEffect(() => {
    document.title = 'Account · Parley';
  }, []);
  const parts = { api, session, me };
  return (
    <div class="account-page">
      <header class="account-head">
        <Brand />
        <a href="/">Back to the chat</a>
      </header>
      <main>
        <h1>Your account</h1>
        {session.isOver.value && (
          <p class="error" role="alert">
            Your session has ended. <a href="/">Sign in again</a>
          </p>
        )}
        <Profile {...parts} />
        <Section title="Colours">
          <Colours />
        </Section>
        <Section title="Password">
          <Password {...parts} />
        </Section>
        <Section
          title="Where you are signed in"
          hint="If you do not know one of them, end it and change your password."
        >
          <Sessions {...parts} />
        </Section>
        <Section
          title="API tokens"
          hint="For programs that act for you. Each may do only what you choose, and never more than you may yourself."
        >
          <Tokens api={api} me={me} />
        </Section>
      </main>
    </div>
  );
}

interface SectionProps {
  title: string;
  hint?: string;
  children: ComponentChildren;
}

function Section({ title, hint, children }: SectionProps) {
  const id = useId();
  return (
    <section class="account-part" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {hint && <p class="hint">{hint}</p>}
      {children}
    </section>
  );
}

function Profile({ session, me }: PartProps) {
  const [error, setError] = useState('');
  const signOut = () =>
    session
      .signOut()
      .then(() => location.assign('/'))
      .catch((problem: Error) => setError(problem.message));
  const models = Object.entries(me.permissions);
  return (
    <Section title="You">
      <p>
        Signed in as <strong dir="auto">{me.user.name}</strong>
        {me.user.superuser && ', an administrator: you may do everything'}.
      </p>
      {!me.user.superuser && (
        <details>
          <summary>What you may do</summary>
          <ul class="account-rights">
            {models.map(([model, rights]) => (
              <li key={model}>
                <b>{model}</b>: {rights.join(', ')}
              </li>
            ))}
          </ul>
          {models.length === 0 && <p>Nothing yet. An administrator can give you rights.</p>}
        </details>
      )}
      <p>
        <button type="button" class="button" onClick={signOut}>
          Sign out
        </button>
      </p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </Section>
  );
}

const themeNames: Record<Theme, string> = {
  system: 'As the system says',
  light: 'Light',
  dark: 'Dark',
};

function Colours() {
  return (
    <fieldset class="choices choices-row">
      <legend class="visually-hidden">Colours</legend>
      {themes.map((name) => (
        <label key={name}>
          <input
            type="radio"
            name="theme"
            checked={theme.value === name}
            onChange={() => setTheme(name)}
          />{' '}
          {themeNames[name]}
        </label>
      ))}
    </fieldset>
  );
}

function Password({ api, me }: PartProps) {
  const [isDone, setDone] = useState(false);
  // A new key empties the fields: the passwords must not stay on the screen.
  const [round, setRound] = useState(0);
  const submission = useSubmit(async (values) => {
    setDone(false);
    await api.post('/me/password', { old: values.old ?? '', new: values.new ?? '' });
    setDone(true);
    setRound(round + 1);
  });
  return (
    <>
      <Form key={round} submission={submission} action="Change password">
        {/* Lets password managers know whose password it is. */}
        <input
          class="visually-hidden"
          name="username"
          autocomplete="username"
          value={me.user.name}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <Field
          label="Present password"
          name="old"
          type="password"
          autocomplete="current-password"
          required
          problem={submission.problem}
        />
        <Field
          label="New password"
          name="new"
          type="password"
          hint="A few words together are better than one with digits in it. All your other sessions end."
          autocomplete="new-password"
          required
          problem={submission.problem}
        />
      </Form>
      <p role="status">
        {isDone && 'The password is changed, and all your other sessions have ended.'}
      </p>
    </>
  );
}

function Sessions({ api, session }: PartProps) {
  const store = useMemo(() => new Endable<SignedIn>(api, '/session'), [api]);
  const [isAsking, setAsking] = useState(false);
  useEffect(() => {
    void store.load();
  }, [store]);
  const items = store.items.value;
  const others = items?.filter((item) => !item.current) ?? [];
  return (
    <>
      {store.error.value && (
        <p class="error" role="alert">
          {store.error.value}
        </p>
      )}
      {!items && !store.error.value && <p>Loading…</p>}
      <ul class="account-rows">
        {items?.map((item) => (
          <li key={item.id} class="account-row">
            <div>
              <p>
                <strong dir="auto">{programName(item.agent)}</strong> {item.current && '(here)'}
              </p>
              <p class="hint">
                From {item.peer}, last used{' '}
                <time dateTime={item.used_at}>{stampLabel(item.used_at)}</time>
              </p>
            </div>
            {!item.current && (
              <button
                type="button"
                class="button"
                aria-label={`End the session of ${programName(item.agent)} from ${item.peer}`}
                onClick={() => store.end([item])}
              >
                End
              </button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <button type="button" class="button" onClick={() => setAsking(true)}>
          End all others
        </button>
      )}
      {isAsking && (
        <Confirm
          title="End all other sessions?"
          text={`You are signed out everywhere but here: ${others.length} sessions end, and their windows close their connections.`}
          action="End them"
          onConfirm={() => store.end(others).then(() => session.load())}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
