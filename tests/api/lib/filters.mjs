// Filters of lists that only look random, sensible ones and nonsense, and an oracle that says which rows they mean.

/** Texts with everything in them that means something in SQL or in a pattern. */
export const names = [
  'alpha', 'Alpha', 'beta', 'bet%a', 'be_ta', 'g\\amma', 'délta', 'Délta', "o'neil", 'x"y', '*', 'a b', '日本', '😀', '100', 'null',
];

const operators = {
  '': 'eq',
  '[ne]': 'ne',
  '[lt]': 'lt',
  '[lte]': 'lte',
  '[gt]': 'gt',
  '[gte]': 'gte',
  '[in]': 'in',
  '[null]': 'null',
  '[like]': 'like',
};
const fieldKinds = {
  id: 'integer', version: 'integer', owner: 'integer', parent: 'integer', amount: 'integer', ratio: 'number', open: 'boolean', name: 'text',
  code: 'text', state: 'text', day: 'text', due: 'time', labels: 'list',
};
const garbage = [
  '', ' ', 'x', '-', '1e400', '1e999', '0.1', "'", '"', 'null', 'true', '[]', '{}', '9223372036854775808', '2026-13-01', '\ud83d\ude00',
  '%', ',',
];
const samples = {
  integer: ['0', '1', '2', '3', '-1', '7', '42', '30', '9007199254740991', '-9007199254740991', '99999999'],
  number: ['0', '0.1', '-2.5', '1e300', '1e-300', '42', '0.10000000000000001', '-0'],
  boolean: ['true', 'false'],
  state: ['new', 'old', 'gone', 'other'],
  day: ['2026-01-31', '0001-01-01', '9999-12-31', '2024-02-29'],
  time: ['2026-01-31T10:00:00Z', '2026-01-31T12:00:00+02:00', '1969-12-31T23:59:59.999Z', '2030-06-01T00:00:00.0019Z'],
  code: ['code-1', 'code-2', 'CODE-3', 'code', 'taken'],
  name: names,
  like: ['*', 'a*', '*a', '*A*', 'code-*', 'CODE-1*', '%', '_', '*%*', '*\\*', 'd*', '*é*', '*É*', 'alpha', '**a', '', '*0*', "o'*"],
};

/** {parameters, isValid, holds(row)}: up to four filters; about a third are nonsense. */
export function randomFilters(chance) {
  const parameters = {};
  const tests = [];
  let isValid = true;
  for (let left = 1 + chance.below(4); left > 0; left--) {
    const field = chance.is(0.03) ? chance.pick(['salary', 'note', 'pin', 'nosuch', 'rowid']) : chance.pick(Object.keys(fieldKinds));
    const suffix = chance.pick(Object.keys(operators));
    if (`${field}${suffix}` in parameters) continue;
    const kind = fieldKinds[field];
    const operator = operators[suffix];
    const isPossible =
      kind &&
      (operator === 'null' ||
        (kind !== 'list' &&
          (operator === 'like' ? kind === 'text' && field !== 'day' : !/^[lg]te?$/.test(operator) || kind !== 'boolean')));
    const isGarbage = chance.is(0.05);
    const values = operator === 'null' ? samples.boolean : operator === 'like' ? samples.like : (samples[field] ?? samples[kind] ?? ['1']);
    const words = isGarbage
      ? [chance.pick(garbage)]
      : Array.from({ length: operator === 'in' ? 1 + chance.below(4) : 1 }, () => chance.pick(values));
    parameters[`${field}${suffix}`] = words.join();
    if (!isPossible || isGarbage) isValid = false;
    else tests.push((row) => compares(kind, operator, row[field], words));
  }
  return { parameters, isValid, holds: (row) => tests.every((test) => test(row)) };
}

function compares(kind, operator, found, words) {
  if (operator === 'null') return (found === null) === (words[0] === 'true');
  if (found === null) return operator === 'ne';
  const read = (value) =>
    kind === 'time' ? Math.floor(Date.parse(value)) : kind === 'boolean' ? String(value) : kind === 'text' ? value : Number(value);
  if (operator === 'like') return isLike(found, words[0]);
  const orders = words.map((word) => order(read(found), read(word)));
  switch (operator) {
    case 'ne':
      return orders[0] !== 0;
    case 'lt':
      return orders[0] < 0;
    case 'lte':
      return orders[0] <= 0;
    case 'gt':
      return orders[0] > 0;
    case 'gte':
      return orders[0] >= 0;
    default:
      return orders.includes(0);
  }
}

const order = (a, b) => (typeof a === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : a > b ? 1 : 0);

/** Only a to z have two cases. */
function isLike(text, pattern) {
  const low = (words) => words.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  const parts = low(pattern)
    .split('*')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'su').test(low(text));
}
