/* banner.tsx: says when the connection is away, what happens to what one writes meanwhile, and what was refused in a
 * room that is not open. */
import { useEffect, useState } from 'preact/hooks';
import { count } from '../shared/text.ts';
import { useChat } from './chat.ts';
import { roomTitle } from './rooms.ts';

/* Most interruptions are over before anyone should be bothered with them. */
const quiet_ms = 800;
/* A page that has just been opened has lost nothing. On a slow machine its first try takes its time, and the banner
 * would move everything down and up again. */
const first_ms = 5_000;
const impatient_ms = 10_000;

/* Closed for a reason that will be the same next time: the session is not good any more. */
const isSessionOver = (code: number) => code === 101 || code === 3500 || code === 3507;

/* The others that the page does not recover from by itself; what is not here speaks for itself. */
const endings: Record<number, string> = {
  1009: 'What was sent is too large',
  3503: 'An administrator closed the connection',
  3504: 'You have too many windows open',
  3508: 'The server does not take connections now',
};

export function Banner() {
  const { conn, outbox, session, room, rooms } = useChat();
  const state = conn.state.value;
  const since = state.is === 'connecting' ? state.since : 0;
  const hasFailed = conn.nextTry.value > 0;
  const isLate = useElapsed(since, hasFailed ? quiet_ms : first_ms);
  const isVeryLate = useElapsed(since, impatient_ms);
  const waiting = outbox.entries.value.filter((entry) => entry.state !== 'failed').length;
  const waits = waiting > 0 ? ` ${count(waiting, 'message waits', 'messages wait')}.` : '';
  // Not for a screen reader: it would read each second.
  const left_s = useSecondsLeft(isVeryLate ? conn.nextTry.value : 0);
  if (session.isOver.value || (state.is === 'ended' && isSessionOver(state.code)))
    return (
      <div class="banner" role="alert">
        <span>
          You were disconnected: your session has ended.{waits}
          {waiting > 0 && ' They are sent once you have signed in again.'}
        </span>
        <BannerButton name="Sign in again" onClick={() => session.end()} />
      </div>
    );
  if (state.is === 'connecting' && isLate)
    return (
      <div class="banner" role="status">
        <span>
          No connection. Trying again.{waits}
          {waiting > 0 && ' They are sent as soon as it is back.'}
          {left_s > 0 && <span aria-hidden="true"> Next try in {left_s} s.</span>}
        </span>
        {isVeryLate && <BannerButton name="Try now" onClick={() => conn.retryNow()} />}
      </div>
    );
  // Code 0 is our own stop(), while the page goes away.
  if (state.is === 'ended' && state.code !== 0)
    return (
      <div class="banner" role="alert">
        <span>
          {endings[state.code] ?? `The server closed the connection (${state.reason})`}. Nothing new
          comes in.{waits}
        </span>
        <BannerButton name="Connect again" onClick={() => conn.retryNow()} />
      </div>
    );
  // In the open room the message says it itself.
  const refused = outbox.entries.value.find(
    (entry) => entry.state === 'failed' && entry.room !== room.value?.id,
  );
  if (!refused) return null;
  const where = rooms.all.value.get(refused.room);
  return (
    <div class="banner" role="status">
      <span dir="auto">
        What you wrote in {where ? roomTitle(where) : 'a room that you can no longer open'} was not
        sent.
      </span>
      <a class="button" href={`/r/${refused.room}`}>
        Show it
      </a>
    </div>
  );
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

/** Whole seconds until the time @at, counted down; 0 when it has come or there is none. */
function useSecondsLeft(at: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (at === 0) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [at]);
  return at === 0 ? 0 : Math.max(0, Math.ceil((at - now) / 1_000));
}
