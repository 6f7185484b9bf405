/* dry-run.ts: what staged changes of permissions would do to people, as the server's dry run tells it. */
import { count } from '../shared/text.ts';
import type { GrantForm } from './matrix.ts';

interface Outcome {
  /** Who would lose something, and who would gain. */
  people: number;
  gain: number;
  /** The first of them. */
  losing: readonly { id: number; name: string }[];
  gaining: readonly { id: number; name: string }[];
  /** Open subscriptions that would be cut off. */
  subscriptions: number;
  /** One would lose the right to grant oneself. */
  self: boolean;
}

export interface DryRun extends Outcome {
  warnings: readonly { code: string; model: string; detail: string }[];
  changes: readonly (Outcome & { refused: null | { detail: string } })[];
}

/** "14 people gain something; nobody loses anything; 2 open subscriptions are cut off." */
export function outcomeWords({ people, gain, subscriptions }: Outcome): string {
  const gains = gain === 0 ? 'Nobody gains anything' : `${gainers(gain)} something`;
  const loses = people === 0 ? 'nobody loses anything' : `${losers(people)} something`;
  const cut =
    subscriptions === 0
      ? 'no open view is cut off'
      : `${count(subscriptions, 'open view is', 'open views are')} cut off`;
  return `${gains}; ${loses}; ${cut}.`;
}

const gainers = (number: number) => count(number, 'person gains', 'people gain');
const losers = (number: number) => count(number, 'person loses', 'people lose');

/** What the server would refuse, each with its place. */
export function refusals(run: DryRun, forms: readonly GrantForm[]): string[] {
  return run.changes.flatMap(({ refused }, i) =>
    refused ? [`${forms[i]?.model ?? ''}: ${refused.detail}`] : [],
  );
}
