// A short storm of hostile clients, on the home and through an edge: the process lives, calm witnesses notice nothing,
// and nothing is left behind. tests/fuzz/protocol.mjs runs longer ones.
import { describe, it } from 'node:test';
import { RAISED, stormOnce } from '../fuzz/protocol.mjs';

const seeds = [20261122, Math.floor(Math.random() * 2 ** 31)];
const SECONDS = 6;

describe('a storm of hostile clients leaves no trace', () => {
  for (const seed of seeds) {
    it(`on the home, with its usual limits (seed ${seed})`, () => stormOnce({ seed, seconds: SECONDS }));
    it(`on the home, with limits out of reach (seed ${seed})`, () => stormOnce({ seed, seconds: SECONDS, flags: RAISED }));
    it(`through an edge (seed ${seed})`, () => stormOnce({ seed, seconds: SECONDS, edge: true, flags: RAISED }));
  }
});
