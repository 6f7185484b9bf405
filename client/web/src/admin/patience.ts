/* patience.ts: many requests in a row are soon too fast or fall into a short outage: wait and try again, a few times. */
import { asProblem } from '../shared/problem.ts';

const tries_max = 4;
const first_ms = 500;

export async function patiently<T>(
  work: () => Promise<T>,
  signal?: AbortSignal,
  sleep: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
): Promise<T> {
  for (let i = 1; ; i++) {
    try {
      return await work();
    } catch (error) {
      if (!asProblem(error).isTemporary || i === tries_max || signal?.aborted) throw error;
      await sleep(first_ms * 2 ** (i - 1));
    }
  }
}
