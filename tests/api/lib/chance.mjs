// Numbers that only look random: a seed repeats them.
export class Chance {
  constructor(seed) {
    this.state = seed >>> 0;
  }
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }
  below = (bound) => Math.floor(this.next() * bound);
  is = (share) => this.next() < share;
  pick = (list) => list[this.below(list.length)];
  /** An attacker's own, so that its steps do not depend on what the others do. */
  child = (number) => new Chance(this.state ^ Math.imul(number + 1, 0x9e3779b1));
}
