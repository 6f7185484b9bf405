/* main.tsx: the start of the chat page. */
import '@preact/signals'; // Components follow the signals they read.
import '../shared/tokens.css';
import '../shared/base.css';
import './chat.css';
import { render } from 'preact';
import { Api } from '../shared/api.ts';
import { Gate } from '../shared/gate.tsx';
import { path, roomOf, startRouter } from '../shared/router.ts';
import { Session } from '../shared/session.ts';
import { startTheme } from '../shared/theme.ts';
import { lazy } from '../shared/ui/lazy.tsx';
import { Shell } from './shell.tsx';

const SetUp = lazy(() => import('../shared/sign-in.tsx').then((part) => part.SetUp));

const AccountPage = lazy(() => import('../account/page.tsx').then((part) => part.AccountPage));

const api = new Api();
const session = new Session(api);

function Page() {
  if (path.value === '/setup') return <SetUp api={api} session={session} />;
  return (
    <Gate session={session}>
      {(me) =>
        path.value === '/account' ? (
          <AccountPage api={api} session={session} me={me} />
        ) : (
          <Shell key={me.user.id} api={api} session={session} me={me} />
        )
      }
    </Gate>
  );
}

startTheme();
startRouter((to) => to === '/' || to === '/account' || roomOf(to) !== null);
render(<Page />, document.body);
