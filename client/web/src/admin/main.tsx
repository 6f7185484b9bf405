/* main.tsx: the start of the administration's page. */
import '@preact/signals'; // Components follow the signals they read.
import '../shared/tokens.css';
import '../shared/base.css';
import './admin.css';
import { render } from 'preact';
import { Api } from '../shared/api.ts';
import { Gate } from '../shared/gate.tsx';
import { startRouter } from '../shared/router.ts';
import { Session } from '../shared/session.ts';
import { startTheme } from '../shared/theme.ts';
import { Frame } from './frame.tsx';

const api = new Api();
const session = new Session(api);
// What one may do can change while the page is open.
api.onForbidden = () => void session.load();

function Page() {
  return (
    <Gate session={session}>
      {(me) => <Frame key={me.user.id} api={api} session={session} me={me} />}
    </Gate>
  );
}

startTheme();
startRouter((to) => to === '/admin' || to.startsWith('/admin/'));
render(<Page />, document.body);
