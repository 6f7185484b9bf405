/* gate.tsx: who is here decides what is shown: the page itself, or the way in. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Session } from './session.ts';
import type { Me } from './types.ts';
import { lazy } from './ui/lazy.tsx';

// Most visits find somebody signed in.
const SignIn = lazy(() => import('./sign-in.tsx').then((part) => part.SignIn));

interface GateProps {
  session: Session;
  children: (me: Me) => ComponentChildren;
}

export function Gate({ session, children }: GateProps) {
  const me = session.me.value;
  useEffect(() => {
    void session.load();
  }, []);
  if (me) return <>{children(me)}</>;
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
