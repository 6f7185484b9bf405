// A storm of hostile clients: what runs at the same time, and what none of them may ever see.
import { Chance } from '../../api/lib/chance.mjs';
import { PATIENCE_MS, within } from '../../api/lib/process.mjs';
import { Raw } from '../../api/lib/raw.mjs';
import { Known } from './requests.mjs';

export const ANSWER_MS = PATIENCE_MS; // for an answer that must come

/** Everything that runs at the same time, and the first thing that went wrong. */
export class Storm {
  constructor({ home, node = home, seed, seconds, log = () => {} }) {
    Object.assign(this, { home, node, seed, seconds, log });
    this.chance = new Chance(seed);
    this.known = new Known();
    this.counts = {}; // what was done and answered, by kind
    this.open = new Set(); // the attackers' connections
    this.protectedUsers = new Set();
    this.protectedRooms = new Set();
    this.secret = `secret${seed}x`; // in the room that no attacker may know of
  }
  count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  fail(why) {
    this.failure ??= why instanceof Error ? why : new Error(why);
    this.isOver = true;
  }
  /** Run `step` until the storm is over; what it throws ends the storm. */
  async loop(name, step) {
    try {
      for (let i = 0; !this.isOver; i++) await step(i);
    } catch (error) {
      this.fail(new Error(`${name}: ${error.message}`, { cause: error }));
    }
  }

  /** A connection of an attacker, from an address of its own so that the limits per address hit attackers only. */
  async connect(person) {
    const raw = new Raw(this.node.port, { localAddress: person.address });
    this.open.add(raw);
    raw.socket.once('close', () => this.open.delete(raw));
    await within(ANSWER_MS, 'a connection', raw.connected).catch(() => {});
    return raw;
  }

  /** No answer to an attacker may hold what it has no right to, or what is ours. */
  checkText(person, text, what) {
    this.known.learn(text);
    if (text.includes(this.secret)) throw new Error(`${what}: ${person.name} sees the secret: ${text.slice(0, 500)}`);
    for (const tag of person.forbidden)
      if (text.includes(tag)) throw new Error(`${what}: ${person.name} hears ${tag} after it was put out of the room: ${text.slice(0, 500)}`);
  }

  checkProblem(text, status, what) {
    const problem = parsed(text, what);
    if (problem.status !== status || !problem.type || !problem.title || !problem.detail || !problem.code)
      throw new Error(`${what}: no problem document for ${status}: ${text.slice(0, 500)}`);
    this.checkStatus(status, `${what}: ${text.slice(0, 500)}`);
    if (/\b(?:SELECT .* FROM|INSERT INTO|UPDATE .* SET|DELETE FROM) |sqlite|constraint failed|\.[ch]:\d|\/tmp\/|\/home\/|0x[0-9a-f]{6}/.test(problem.detail))
      throw new Error(`${what}: this is nobody's business: ${text.slice(0, 500)}`);
    this.count(`${problem.status} ${problem.code}`);
  }

  checkStatus(status, what) {
    if (!(status >= 100 && status < 500) && ![501, 503, 505, 507].includes(status)) throw new Error(`${what}: status ${status}`);
  }

  isProtected(route, value) {
    const number = Number(String(value).replace(/^user:/, ''));
    if (['members', 'everyone'].includes(value)) return true; // the witnesses are among them
    return /^room/.test(route) ? this.protectedRooms.has(number) : this.protectedUsers.has(number);
  }
}

export function parsed(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what}: not JSON (${error.message}): ${text.slice(0, 500)}`);
  }
}

export const turn = (milliseconds) => new Promise((resolve) => (milliseconds ? setTimeout(resolve, milliseconds) : setImmediate(resolve)));
