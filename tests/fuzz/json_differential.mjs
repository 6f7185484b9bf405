// Compares lib/json with the JSON.parse of Node on random texts: what we take, Node must take too and with the
// same value; what Node refuses, we must refuse. We may refuse more, but only for the reasons listed here.
//   node json_differential.mjs <json_verdict> [texts] [seed]
import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';

const BATCH = 5000;
// What Node takes and we do not, by our own words for it.
const STRICTER = new Set([
  'an object has the same key twice',
  'an object has too many keys',
  'it has too many values',
  'it is nested too deeply',
  'an integer is too large',
  'a number is too large',
  'a number is too close to zero',
  'a number has too many digits',
  'a text has half of a surrogate pair',
  'a text has the character U+0000',
]);

const [program, texts = '20000', seedText = '1'] = process.argv.slice(2);
if (!program) {
  console.error('usage: node json_differential.mjs <json_verdict> [texts] [seed]');
  process.exit(2);
}

// A small generator with a seed, so that every run can be repeated.
let state = Number(seedText) >>> 0 || 1;
function below(bound) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}
const pick = (list) => list[below(list.length)];
const space = () => (below(8) ? '' : pick([' ', '\n', '\t', '\r', '  ', '\v', '\u00a0', '\ufeff']));

const NUMBERS = [
  '0', '-0', '1', '-1', '10', '01', '1.', '.5', '1.5', '-1.25e3', '1E+2', '1e-7', '1e400', '-1e400', '1e-400', '5e-324',
  '2.5e-324', '9007199254740991', '9007199254740992', '-9007199254740993', '9007199254740993.0', '1e16', '123456789012345678',
  '0.1', '0.30000000000000004', '1.7976931348623157e308', '1.7976931348623159e308', '0e0', '-0.0', '+1', '1e', '1e+', '--1',
  '0x1', 'NaN', 'Infinity', '-Infinity', '1_0', `0.${'3'.repeat(40)}`, `0.${'7'.repeat(70)}`, `1${'0'.repeat(62)}`,
  '1.00000000000000000001', '4.35', '0.000001', '1234567.891', '1e22', '1e23', '8.5e-5',
];
const PIECES = [
  'a', 'b', 'id', 'é', '€', '😀', '\\n', '\\"', '\\\\', '\\/', '\\b', '\\f', '\\r', '\\t', '\\u0041', '\\u00e9', '\\uD83D\\uDE00',
  '\\ud83d', '\\ude00', '\\u0000', '\\u001f', '\\u2028', '\u2028', '\\x41', '\\u12', '\\U0041', '\\', '\n', '\t', '\x7f', '/', "'", ' ',
  '\\u005c', '\\u0022', '__proto__', '\ufeff', '\uffff',
];
const WORDS = ['true', 'false', 'null', 'True', 'nul', 'truee', 'undefined', ''];

function number() {
  if (below(3)) return pick(NUMBERS);
  const digits = (most) => Array.from({ length: 1 + below(most) }, () => below(10)).join('');
  let text = (below(2) ? '-' : '') + (below(10) ? String(below(1e9)) : digits(20));
  if (below(2)) text += `.${digits(18)}`;
  if (below(3) === 0) text += pick(['e', 'E']) + pick(['', '+', '-']) + digits(3);
  return text;
}
function string() {
  let text = '"';
  for (let i = below(6); i > 0; i--) text += below(12) ? pick(PIECES.slice(0, 14)) : pick(PIECES);
  return `${text}"`;
}
function value(depth) {
  const kind = below(depth > 0 ? 10 : 6);
  if (kind < 2) return number();
  if (kind < 4) return string();
  if (kind < 6) return below(20) ? pick(WORDS.slice(0, 3)) : pick(WORDS);
  const count = below(100) ? below(5) : below(80);
  const parts = [];
  for (let i = 0; i < count; i++) {
    const item = space() + value(depth - 1) + space();
    parts.push(kind < 8 ? item : `${space()}${string()}${space()}:${item}`);
  }
  const text = parts.join(below(200) ? ',' : pick([',,', ';', ' ']));
  return kind < 8 ? `[${space()}${text}]` : `{${space()}${text}}`;
}
// Texts about as deep, wide and large as may be, on both sides of the limits.
function large() {
  const count = (limit) => limit - 3 + below(6);
  const kind = below(4);
  if (kind === 0) return `[${Array(count(4096)).fill('0').join(',')}]`;
  if (kind === 1) return `{${Array.from({ length: count(64) }, (_, i) => `"\\u00${i + 16}":${i}`).join(',')}}`;
  const depth = count(32);
  return kind === 2 ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
}
// Bytes changed, dropped, doubled, or put in: what a hostile client would try.
function mutate(bytes) {
  const result = [...bytes];
  for (let i = 1 + below(3); i > 0 && result.length > 0; i--) {
    const at = below(result.length);
    const kind = below(5);
    if (kind === 0) result[at] = below(256);
    else if (kind === 1) result.splice(at, 1 + below(3));
    else if (kind === 2) result.splice(at, 0, result[below(result.length)]);
    else if (kind === 3) result.splice(at, 0, ...Buffer.from(pick(['"', '\\', '{', '}', '[', ']', ',', ':', '\0', '\\u', '0', 'e', '.', '-'])));
    else result.length = at;
  }
  return Buffer.from(result);
}
function text() {
  const whole = space() + (below(50) ? value(4) : large()) + space();
  const bytes = Buffer.from(whole);
  return below(3) ? bytes : mutate(bytes);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function nodeReads(bytes) {
  try {
    return { value: JSON.parse(decoder.decode(bytes)) };
  } catch {
    return null;
  }
}
function fail(what, bytes, verdict) {
  console.error(`json_differential: ${what}\n  seed ${seedText}\n  text ${JSON.stringify(bytes.toString('latin1'))}\n  verdict ${verdict}`);
  process.exit(1);
}

const counts = { taken: 0, refused: 0, stricter: 0 };
const reasons = new Map();
for (let left = Number(texts); left > 0; left -= BATCH) {
  const batch = Array.from({ length: Math.min(left, BATCH) }, text);
  const input = Buffer.concat(
    batch.flatMap((bytes) => {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32LE(bytes.length);
      return [prefix, bytes];
    }),
  );
  const run = spawnSync(program, { input, maxBuffer: 1 << 28 });
  if (run.status !== 0) {
    console.error(`json_differential: ${program} ended with ${run.status ?? run.signal} ${run.stderr}`);
    process.exit(1);
  }
  const verdicts = run.stdout.toString('utf8').split('\n');
  batch.forEach((bytes, i) => {
    const verdict = verdicts[i];
    const node = nodeReads(bytes);
    if (verdict.startsWith('+')) {
      if (!node) fail('we take what Node refuses', bytes, verdict);
      if (!isDeepStrictEqual(JSON.parse(verdict.slice(1)), node.value)) fail('we read another value than Node', bytes, verdict);
      counts.taken++;
    } else {
      const reason = verdict.slice(1);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (!node) counts.refused++;
      else if (STRICTER.has(reason)) counts.stricter++;
      else fail('we refuse what Node takes', bytes, verdict);
    }
  });
}
console.log(`seed ${seedText}: ${counts.taken} taken by both, ${counts.refused} refused by both, ${counts.stricter} refused by us alone`);
for (const [reason, count] of [...reasons].sort((a, b) => b[1] - a[1])) console.log(`${String(count).padStart(8)}  ${reason}`);
