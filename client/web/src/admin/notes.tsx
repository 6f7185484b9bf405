/* notes.tsx: what a view says while it waits, when something failed, and when something was done. */
import type { ComponentChildren } from 'preact';
import type { Problem } from '../shared/problem.ts';
import type { Resource } from './resource.ts';

interface TroubleProps {
  problem: Problem | null;
  /** Where there is more to say of it than the server does. */
  words?: string | undefined;
  onRetry?: () => void;
}

/** What went wrong, and the way to try again where that may help. */
export function Trouble({ problem, words, onRetry }: TroubleProps) {
  if (!problem) return null;
  return (
    <div class="error trouble" role="alert">
      <p>{words ?? problem.words}</p>
      {onRetry && problem.isTemporary && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface WhenReadProps<T> {
  resource: Resource<T>;
  children: (value: T) => ComponentChildren;
}

/** What was read; before that, that it is being read. What could not be read again stays. */
export function WhenRead<T>({ resource, children }: WhenReadProps<T>) {
  const value = resource.value.value;
  const problem = resource.problem.value;
  return (
    <>
      <Trouble problem={problem} onRetry={() => void resource.load()} />
      {value === null && !problem && <Loading />}
      {value !== null && children(value)}
    </>
  );
}

export function Loading() {
  return <p class="hint">Loading…</p>;
}

/** Said to screen readers as well: what was done. */
export function Done({ words, children }: { words: string; children?: ComponentChildren }) {
  return (
    <p class="done" role="status">
      {words} {children}
    </p>
  );
}
