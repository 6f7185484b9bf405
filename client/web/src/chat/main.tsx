/* main.tsx: the start of the chat page: who is here decides what is shown. */
import '@preact/signals'; // Components follow the signals they read.
import '../shared/tokens.css';
import '../shared/base.css';
import './chat.css';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { Api } from '../shared/api.ts';
import { path, startRouter } from '../shared/router.ts';
import { Session } from '../shared/session.ts';
import { startTheme } from '../shared/theme.ts';
import { lazy } from '../shared/ui/lazy.tsx';
import { Shell } from './shell.tsx';

// Most visits find somebody signed in.
const SignIn = lazy(() => import('./later.ts').then((part) => part.SignIn));
const SetUp = lazy(() => import('./later.ts').then((part) => part.SetUp));

const api = new Api();
const session = new Session(api);

function Page() {
  return path.value === '/setup' ? <SetUp api={api} session={session} /> : <Home />;
}

function Home() {
  const me = session.me.value;
  useEffect(() => {
    void session.load();
  }, []);
  if (me) return <Shell key={me.user.id} api={api} session={session} me={me} />;
  if (me === null) return <SignIn session={session} />;
  if (!session.error.value) return <p class="page-note">Loading…</p>;
  return (
    <main class="page-note">
      <p role="alert">{session.error.value}</p>
      <button type="button" class="button" onClick={() => session.load()}>
        Try again
      </button>
    </main>
  );
}

startTheme();
startRouter();
render(<Page />, document.body);
