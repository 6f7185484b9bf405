/* sign-in.tsx: the pages for people who are not signed in: sign in, register, and the one-time
 * link that makes the first administrator. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Api } from './api.ts';
import { asProblem } from './problem.ts';
import { navigate } from './router.ts';
import type { Session } from './session.ts';
import style from './sign-in.lazy.css';
import { Field, Form, useSubmit } from './ui/form.tsx';
import { Brand } from './ui/mark.tsx';
import { addStyle } from './ui/style.ts';

addStyle(style);

function Front({ title, children }: { title: string; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Parley`;
  }, [title]);
  return (
    <main class="front">
      <Brand />
      <div class="front-card">
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

export function SignIn({ session }: { session: Session }) {
  const [isNew, setNew] = useState(false);
  return (
    <Front title={isNew ? 'Register' : 'Sign in'}>
      {isNew ? <RegisterForm session={session} /> : <SignInForm session={session} />}
      <p class="front-switch">
        {isNew ? 'You have an account? ' : 'New here? '}
        <button type="button" class="button-link" onClick={() => setNew(!isNew)}>
          {isNew ? 'Go to sign in' : 'Create an account'}
        </button>
      </p>
    </Front>
  );
}

function SignInForm({ session }: { session: Session }) {
  const submission = useSubmit(({ name = '', password = '' }) => session.signIn(name, password));
  const { problem } = submission;
  return (
    <Form submission={submission} action="Sign in">
      <Field
        label="Name"
        name="name"
        autocomplete="username"
        autocapitalize="none"
        required
        problem={problem}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        problem={problem}
      />
    </Form>
  );
}

function RegisterForm({ session }: { session: Session }) {
  const submission = useSubmit(({ name = '', password = '' }) => session.register(name, password));
  return (
    <Form submission={submission} action="Register">
      <NewAccountFields submission={submission} />
    </Form>
  );
}

function NewAccountFields({ submission }: { submission: ReturnType<typeof useSubmit> }) {
  return (
    <>
      <Field
        label="Name"
        name="name"
        hint="What others see and write after an @."
        autocomplete="username"
        autocapitalize="none"
        required
        problem={submission.problem}
      />
      <Field
        label="Password"
        name="password"
        type="password"
        hint="A few words together are better than one with digits in it."
        autocomplete="new-password"
        required
        problem={submission.problem}
      />
    </>
  );
}

/* The token is read once and taken out of the address, where it would stay in the history. */
function takeToken(): string {
  const token = new URLSearchParams(location.search).get('token') ?? '';
  if (token) history.replaceState(null, '', '/setup');
  return token;
}

export function SetUp({ api, session }: { api: Api; session: Session }) {
  const [token] = useState(takeToken);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isValid, setValid] = useState(false);
  useEffect(() => {
    api.get(`/setup?token=${encodeURIComponent(token)}`).then(
      () => setValid(true),
      (error: unknown) => {
        const problem = asProblem(error);
        setRefusal(
          problem.status === 404
            ? 'This link is not valid any more. The server prints a new one when it starts, as long as there is no administrator.'
            : problem.message,
        );
      },
    );
  }, [api, token]);
  const submission = useSubmit(async ({ name = '', password = '' }) => {
    await session.setUp(token, name, password);
    navigate('/', true);
  });
  return (
    <Front title="Set up Parley">
      {refusal && (
        <>
          <p role="alert">{refusal}</p>
          <p>
            <a href="/">Go to sign in</a>
          </p>
        </>
      )}
      {isValid && (
        <>
          <p>Create the first administrator of this server.</p>
          <Form submission={submission} action="Create administrator">
            <NewAccountFields submission={submission} />
          </Form>
        </>
      )}
    </Front>
  );
}
