/* frame.tsx: around every view: where one can go, who one is, and what one has to know. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import { path } from '../shared/router.ts';
import type { Session } from '../shared/session.ts';
import type { Me } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Icon } from '../shared/ui/icon.tsx';
import { Brand } from '../shared/ui/mark.tsx';
import { type Admin, AdminContext, useAdmin } from './admin.ts';
import { Models } from './models.ts';
import { View } from './view.tsx';
import { viewOf } from './views.ts';

interface FrameProps {
  api: Api;
  session: Session;
  me: Me;
}

export function Frame({ api, session, me }: FrameProps) {
  const models = useMemo(() => new Models(api), [api]);
  const admin = useMemo<Admin>(() => ({ api, session, me, models }), [api, session, me, models]);
  useEffect(() => {
    void models.load();
  }, [models]);
  return (
    <AdminContext.Provider value={admin}>
      <div class="frame">
        <a class="skip-link" href="#content">
          Skip to the content
        </a>
        <Notice session={session} />
        <TopBar />
        <aside class="side">
          <Places />
        </aside>
        <Content />
      </div>
    </AdminContext.Provider>
  );
}

/* What is on the screen stays: what one had typed must not be lost with the session. */
function Notice({ session }: { session: Session }) {
  if (!session.isOver.value) return null;
  return (
    <div class="banner" role="alert">
      <p>Your session has ended. What you see may be out of date, and nothing can be saved.</p>
      <a class="button" href="/" target="_blank" rel="noreferrer">
        Sign in again in a new tab
      </a>
      <button type="button" class="button" onClick={() => session.load()}>
        I have signed in
      </button>
    </div>
  );
}

function TopBar() {
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  const here = path.value;
  useEffect(close, [here]);
  return (
    <header class="top">
      <button
        type="button"
        class="button-icon only-phone"
        aria-label="Menu"
        onClick={() => setOpen(true)}
      >
        <Icon name="menu" />
      </button>
      <a class="top-brand" href="/admin">
        <Brand />
      </a>
      <a class="top-link" href="/">
        Chat
      </a>
      <Account />
      {isOpen && (
        <Dialog title="Menu" class="drawer" onClose={close}>
          <Places />
        </Dialog>
      )}
    </header>
  );
}

function Account() {
  const { me } = useAdmin();
  return (
    <a class="top-link" href="/account" dir="auto">
      {me.user.name}
    </a>
  );
}

function Places() {
  const { me, models } = useAdmin();
  const isSuper = me.user.superuser === true;
  const mayGrant = isSuper || models.grantable.value.length > 0;
  return (
    <nav class="places" aria-label="Administration">
      <ul>
        <Place to="/admin" name="Overview" />
        <Place to="/admin/users" name="Users" if={isSuper} />
        <Place to="/admin/groups" name="Groups" if={isSuper} />
        <Place to="/admin/permissions" name="Permissions" if={mayGrant} />
        <Place to="/admin/effective" name="Effective rights" if={mayGrant} />
      </ul>
      {models.withRows.value.length > 0 && (
        <>
          <h2>Data</h2>
          <ul>
            {models.withRows.value.map((model) => (
              <Place key={model.name} to={`/admin/data/${model.name}`} name={model.title} />
            ))}
          </ul>
        </>
      )}
      {isSuper && (
        <>
          <h2>Server</h2>
          <ul>
            <Place to="/admin/audit" name="Audit" />
            <Place to="/admin/ops" name="Operation" />
          </ul>
        </>
      )}
    </nav>
  );
}

function Place({ to, name, if: isShown = true }: { to: string; name: string; if?: boolean }) {
  if (!isShown) return null;
  const isHere = path.value === to || (to !== '/admin' && path.value.startsWith(`${to}/`));
  return (
    <li>
      <a href={to} aria-current={isHere ? 'page' : undefined} dir="auto">
        {name}
      </a>
    </li>
  );
}

function Content() {
  const main = useRef<HTMLElement>(null);
  const shown = viewOf(path.value);
  const isFirst = useRef(true);
  useEffect(() => {
    // Who came by a link starts at the top of the new view, as on a new page.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [path.value]);
  return (
    <main id="content" class="content" ref={main} tabIndex={-1}>
      {shown ? (
        <shown.view key={path.value} params={shown.params} />
      ) : (
        <View title="Nothing here">
          <p>
            There is no page at this address. <a href="/admin">Go to the overview</a>
          </p>
        </View>
      )}
    </main>
  );
}
