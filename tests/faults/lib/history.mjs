// What everybody did and was told, in one list, in the order in which it happened: what checker.mjs judges.
import { Chance } from '../../api/lib/chance.mjs';

/** The number that repeats a run: PARLEY_SEED, or a new one. */
export const SEED = Number(process.env.PARLEY_SEED ?? Date.now() % 1e9);

/**
 * Entries are {at, what, who, room, …}; `at` is in milliseconds. What there is:
 * sent {key} acked {key} refused {key, code}
 * subscribed {offset, epoch, recovering, recovered} heard {offset, key} unsubscribed {code} refused {code, isFinal}
 * opened {url} closed {code} left (of its own will)
 * granting (asked for) granted revoking revoked: from a `revoked` to the next `granting` nothing may be heard or accepted
 * measured {node, name, value, max}
 */
export class History {
  entries = [];
  #start = performance.now();

  note(what, who, details = {}) {
    const entry = { at: Math.round(performance.now() - this.#start), what, who, ...details };
    this.entries.push(entry);
    return entry;
  }

  /** For the reader of a run: what took longest, in ms, and whom it happened to. */
  longest() {
    const begun = new Map();
    const longest = { answer: [0, ''], return: [0, ''] };
    const end = (name, key, at, what) => {
      const took = at - (begun.get(key) ?? at);
      begun.delete(key);
      if (took > longest[name][0]) longest[name] = [took, what];
    };
    for (const { at, what, who, key, room, code } of this.entries) {
      if (what === 'sent' && !begun.has(key)) begun.set(key, at);
      if (what === 'acked' || (what === 'refused' && key)) end('answer', key, at, `${key} at ${at}`);
      if ((what === 'closed' || what === 'unsubscribed') && !begun.has(who)) begun.set(who, at);
      if (what === 'subscribed') end('return', who, at, `${who} in room ${room} at ${at}`);
      if (what === 'closed' && code === 3507) begun.delete(who);
    }
    return longest;
  }
}

/** Chance for a test, whose seed is printed, so that a failure can be repeated. */
export function chanceOf(test) {
  test.diagnostic(`PARLEY_SEED=${SEED}`);
  return new Chance(SEED);
}
