/* use-action.ts: something that is done at a press of a button: once at a time, and what came of it in words. */
import { useState } from 'preact/hooks';
import { asProblem, type Problem } from '../shared/problem.ts';

export interface Action {
  isBusy: boolean;
  problem: Problem | null;
  /** What was done, in words. */
  done: string;
  run: (work: () => Promise<unknown>, words: string) => Promise<void>;
}

export function useAction(): Action {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [done, setDone] = useState('');
  const run = async (work: () => Promise<unknown>, words: string) => {
    setBusy(true);
    setProblem(null);
    setDone('');
    try {
      await work();
      setDone(words);
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  return { isBusy, problem, done, run };
}
