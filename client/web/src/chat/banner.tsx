/* banner.tsx: says when the connection is away, and what happens to what one writes meanwhile. */
import { useEffect, useState } from 'preact/hooks';
import { count } from '../shared/text.ts';
import { useChat } from './chat.ts';

/* Most interruptions are over before anyone should be bothered with them. */
const quiet_ms = 800;
const impatient_ms = 10_000;

/* Closed for a reason that will be the same next time: the session is not good any more. */
const isSessionOver = (code: number) => code === 101 || code === 3500 || code === 3507;

export function Banner() {
  const { conn, outbox, session } = useChat();
  const state = conn.state.value;
  const since = state.is === 'connecting' ? state.since : 0;
  const isLate = useElapsed(since, quiet_ms);
  const isVeryLate = useElapsed(since, impatient_ms);
  const waiting = outbox.entries.value.filter((entry) => entry.state !== 'failed').length;
  const waits = waiting > 0 ? ` ${count(waiting, 'message waits', 'messages wait')}.` : '';
  if (session.isOver.value || (state.is === 'ended' && isSessionOver(state.code)))
    return (
      <div class="banner" role="alert">
        <span>You were disconnected: your session has ended.{waits}</span>
        <BannerButton name="Sign in again" onClick={() => session.end()} />
      </div>
    );
  if (state.is === 'connecting' && isLate)
    return (
      <div class="banner" role="status">
        <span>No connection. Trying again.{waits}</span>
        {isVeryLate && <BannerButton name="Try now" onClick={() => conn.retryNow()} />}
      </div>
    );
  // Code 0 is our own stop(), while the page goes away.
  if (state.is === 'ended' && state.code !== 0)
    return (
      <div class="banner" role="alert">
        <span>
          The server closed the connection ({state.reason}).{waits}
        </span>
        <BannerButton name="Connect again" onClick={() => conn.retryNow()} />
      </div>
    );
  return null;
}

function BannerButton({ name, onClick }: { name: string; onClick: () => void }) {
  return (
    <button type="button" class="button" onClick={onClick}>
      {name}
    </button>
  );
}

/** Whether @ms have gone by since the time @since; 0 means that nothing is being waited for. */
function useElapsed(since: number, ms: number): boolean {
  const [reached, setReached] = useState(0);
  useEffect(() => {
    if (since === 0) return;
    const timer = setTimeout(() => setReached(since), Math.max(0, since + ms - Date.now()));
    return () => clearTimeout(timer);
  }, [since, ms]);
  return since !== 0 && reached === since;
}
