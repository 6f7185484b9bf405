/* user-sessions.tsx: where somebody is signed in, and the end of it. */
import { useState } from 'preact/hooks';
import { stampLabel } from '../shared/time.ts';
import type { Page, SignedIn } from '../shared/types.ts';
import { Confirm } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import { Done, Trouble, WhenRead } from './notes.tsx';
import { useAction } from './use-action.ts';
import { useResource } from './use-resource.ts';

export function UserSessions({ id, name }: { id: number; name: string }) {
  const { api } = useAdmin();
  const path = `/user/${id}/session`;
  const sessions = useResource(path, () => api.get<Page<SignedIn>>(path));
  const action = useAction();
  // A session, or all of them.
  const [ending, setEnding] = useState<SignedIn | 'all' | null>(null);
  const end = (what: SignedIn | 'all') =>
    action.run(
      async () => {
        await api.delete(what === 'all' ? path : `${path}/${what.id}`);
        await sessions.load();
      },
      what === 'all' ? 'All sessions are ended.' : 'The session is ended.',
    );
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      <WhenRead resource={sessions}>
        {({ items }) => (
          <>
            <ul class="lines">
              {items.map((session) => (
                <SessionLine
                  key={session.id}
                  session={session}
                  onEnd={() => setEnding(session)}
                  isBusy={action.isBusy}
                />
              ))}
              {items.length === 0 && <li class="hint">Signed in nowhere.</li>}
            </ul>
            {items.length > 0 && (
              <button
                type="button"
                class="button button-danger"
                disabled={action.isBusy}
                onClick={() => setEnding('all')}
              >
                End all sessions
              </button>
            )}
          </>
        )}
      </WhenRead>
      <Trouble problem={action.problem} />
      {action.done && <Done words={action.done} />}
      {ending && (
        <Confirm
          title={ending === 'all' ? 'End all sessions?' : 'End this session?'}
          text={questionOf(ending, name)}
          action={ending === 'all' ? 'End all' : 'End'}
          onConfirm={() => void end(ending)}
          onClose={() => setEnding(null)}
        />
      )}
    </section>
  );
}

function questionOf(ending: SignedIn | 'all', name: string): string {
  if (ending === 'all')
    return `${name} is signed out everywhere and has to sign in again. What is being written there may be lost.`;
  if (ending.current) return 'This is the session you are using: you will be signed out here.';
  return `${name} is signed out there and has to sign in again.`;
}

interface SessionLineProps {
  session: SignedIn;
  isBusy: boolean;
  onEnd: () => void;
}

function SessionLine({ session, isBusy, onEnd }: SessionLineProps) {
  return (
    <li class="line">
      <span>
        <bdi>{session.agent || 'Unknown browser'}</bdi> from <bdi>{session.peer}</bdi>
        {session.current && ' (this one)'}
        <br />
        <span class="hint">
          since {stampLabel(session.created_at)}, last used {stampLabel(session.used_at)}
        </span>
      </span>
      <button
        type="button"
        class="button"
        aria-label={`End the session from ${session.peer} of ${stampLabel(session.created_at)}`}
        disabled={isBusy}
        onClick={onEnd}
      >
        End
      </button>
    </li>
  );
}
