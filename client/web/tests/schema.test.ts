import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  apiQuery,
  filterOf,
  formatQuery,
  nextSort,
  operatorsFor,
  parseQuery,
  withFilter,
  withoutFilter,
} from '../src/admin/query.ts';
import { type FieldSchema, fieldNamed, type OpenApi, schemaOf } from '../src/admin/schema.ts';
import { fromText, toLocal, toText, zoneWords } from '../src/admin/value.ts';

const field = (values: Partial<FieldSchema>): FieldSchema => ({
  name: 'f',
  title: 'F',
  description: '',
  kind: 'text',
  isNullable: false,
  isRequired: false,
  mayCreate: true,
  mayUpdate: true,
  isWriteOnly: false,
  isLimited: false,
  choices: [],
  format: '',
  pattern: '',
  references: '',
  hasDefault: false,
  default: undefined,
  canSort: true,
  canExpand: false,
  operators: [''],
  ...values,
});
const valueFrom = (of: Partial<FieldSchema>, text: string) => {
  const read = fromText(field(of), text);
  return 'error' in read ? read.error : read.value;
};

const properties = {
  id: { type: 'integer', readOnly: true },
  version: { type: 'integer', readOnly: true },
  title: { type: 'string', title: 'Title', minLength: 1, maxLength: 20 },
  text: { type: 'string', maxLength: 20000 },
  status: { type: 'string', enum: ['open', 'done'] },
  hours: { type: ['number', 'null'], minimum: 0 },
  due: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
  labels: { type: 'array', items: { type: 'string', maxLength: 5 }, maxItems: 2 },
  owner: { type: ['integer', 'null'], 'x-references': 'user' },
  odd: { type: 'object' },
};
const task: OpenApi = {
  paths: {
    '/api/v1/task': {
      get: {
        parameters: [
          { name: 'sort', schema: { items: { enum: ['title', '-title', 'due', '-due'] } } },
          { name: 'expand', schema: { items: { enum: ['owner'] } } },
          { name: 'q' },
          ...[
            'title',
            'title[like]',
            'status',
            'status[in]',
            'due[gte]',
            'due[lt]',
            'due[null]',
            'id[in]',
          ].map((name) => ({ name })),
        ],
      },
    },
    '/api/v1/task/{id}/history': {},
  },
  components: {
    schemas: {
      task: { title: 'Task', required: [], properties, 'x-list': ['title', 'owner', 'nothing'] },
      'task.create': {
        required: ['title'],
        properties: {
          title: properties.title,
          status: { ...properties.status, default: 'open' },
          secret: { type: 'string', writeOnly: true },
        },
      },
      'task.update': { properties: { title: properties.title, version: { type: 'integer' } } },
    },
  },
} as unknown as OpenApi;
const schema = schemaOf(task, 'task');
assert.ok(schema);

test('the kind of each field follows from the description', () => {
  const kinds = Object.fromEntries(schema.fields.map(({ name, kind }) => [name, kind]));
  assert.deepEqual(kinds, {
    title: 'text',
    text: 'long-text',
    status: 'choice',
    hours: 'number',
    due: 'date-time',
    labels: 'strings',
    owner: 'reference',
    odd: 'json',
    secret: 'text',
    id: 'integer',
    version: 'integer',
  });
  assert.equal(fieldNamed(schema, 'due')?.isNullable, true);
  assert.equal(fieldNamed(schema, 'hours')?.isNullable, true);
  assert.equal(fieldNamed(schema, 'title')?.isRequired, true);
  assert.equal(fieldNamed(schema, 'status')?.default, 'open');
  assert.equal(fieldNamed(schema, 'status')?.mayUpdate, false);
  assert.equal(fieldNamed(schema, 'secret')?.isWriteOnly, true);
  assert.equal(fieldNamed(schema, 'version')?.mayUpdate, false, 'it only says which one is meant');
});

test('columns that do not exist are left out, a label is found, what is missing is known', () => {
  assert.deepEqual(schema.list, ['title', 'owner']);
  assert.equal(schema.label, 'title');
  assert.equal(schema.hasHistory, true);
  assert.equal(schema.hasAlong, false);
  assert.equal(schemaOf(task, 'other'), null);
});

test('texts become values within the limits of the field', () => {
  assert.equal(valueFrom({ kind: 'integer' }, ' 12 '), 12);
  assert.equal(valueFrom({ kind: 'integer' }, '1.5'), 'This must be a whole number.');
  assert.equal(valueFrom({ kind: 'integer' }, '9007199254740993'), 'This number is too large.');
  assert.equal(valueFrom({ kind: 'number' }, '1,5'), 1.5);
  assert.equal(valueFrom({ kind: 'number', minimum: 2 }, '1'), 'This must be at least 2.');
  assert.equal(valueFrom({ kind: 'number' }, 'x'), 'This must be a number.');
  assert.equal(valueFrom({ maxLength: 2 }, '👍👍'), '👍👍');
  assert.match(String(valueFrom({ maxLength: 2 }, 'abcd')), /2 characters too many/);
  assert.match(String(valueFrom({ pattern: '^[A-Z]+$' }, 'a')), /form/);
  assert.equal(valueFrom({ pattern: '(((' }, 'a'), 'a');
  assert.equal(valueFrom({ kind: 'choice', choices: [1, 2] }, '2'), 2);
  assert.match(String(valueFrom({ kind: 'choice', choices: ['a'] }, 'b')), /one of: a/);
  assert.deepEqual(valueFrom({ kind: 'json' }, '{"a":1}'), { a: 1 });
  assert.match(String(valueFrom({ kind: 'json' }, '{')), /not JSON/);
  assert.deepEqual(valueFrom({ kind: 'strings' }, 'a\n\n b\n'), ['a', ' b']);
  assert.match(String(valueFrom({ kind: 'strings', maxItems: 1 }, 'a\nb')), /At most 1 line/);
});

test('an empty field is none, the empty text, or a complaint, as the field allows', () => {
  assert.equal(valueFrom({ isNullable: true }, ''), null);
  assert.equal(valueFrom({}, ''), '');
  assert.match(String(valueFrom({ minLength: 1 }, '')), /cannot be empty/);
  assert.match(String(valueFrom({ kind: 'integer' }, '')), /cannot be empty/);
  assert.deepEqual(valueFrom({ kind: 'strings' }, ''), []);
  assert.equal(valueFrom({ kind: 'integer', isNullable: true }, ' '), null);
});

test('what was loaded comes back as it was', () => {
  const cases: [Partial<FieldSchema>, unknown][] = [
    [{ kind: 'strings' }, ['a', 'b']],
    [{ kind: 'strings' }, ['two\nlines', 'b']],
    [{ kind: 'strings' }, ['[x]', 'b']],
    [{ kind: 'json' }, { a: [1, null] }],
    [{ kind: 'date-time' }, '2030-01-02T03:04:05.678Z'],
    [{ kind: 'date-time' }, '2030-07-02T03:04:00.000Z'],
    [{ kind: 'boolean' }, false],
    [{ kind: 'reference' }, 7],
    [{ isNullable: true }, null],
    [{ kind: 'number' }, 0.1],
  ];
  for (const [of, value] of cases)
    assert.deepEqual(valueFrom(of, toText(field(of), value)), value, JSON.stringify(value));
});

test('a time is shown by the local clock and says what it is in UTC', () => {
  const local = new Date(2026, 6, 1, 10, 5);
  assert.equal(toLocal(local.toISOString()), '2026-07-01T10:05');
  assert.ok(zoneWords('2026-07-01T10:05').includes(`${local.toISOString().slice(11, 16)} UTC`));
  assert.equal(toLocal('soon'), '');
  assert.equal(valueFrom({ kind: 'date-time' }, '2026-07-01'), 'This must be a date and a time.');
});

test('an address holds the whole list and comes back the same', () => {
  const address = 'q=rope&sort=-due&status%5Bin%5D=open%2Cdone&title%5Blike%5D=*a*&cursor=abc';
  const query = parseQuery(address, schema);
  assert.equal(query.words, 'rope');
  assert.deepEqual(query.filters[0], { field: 'status', operator: 'in', value: 'open,done' });
  assert.deepEqual(parseQuery(formatQuery(query), schema), query);
});

test('what the model does not know is left out of an address', () => {
  const query = parseQuery('sort=nothing&nothing=1&title[between]=2&limit=9', schema);
  assert.deepEqual(query, { words: '', sort: '', filters: [], cursor: '' });
});

test('the server is asked for the columns, their references and the newest first', () => {
  const asked = new URLSearchParams(
    apiQuery(schema, parseQuery('', schema), { columns: ['title', 'owner'] }),
  );
  assert.equal(asked.get('fields'), 'id,version,title,owner');
  assert.equal(asked.get('expand'), 'owner');
  assert.equal(asked.get('sort'), '-id');
  assert.equal(asked.get('may'), null);
});

test('filters replace their like and begin at the first page', () => {
  const query = { ...parseQuery('status=open', schema), cursor: 'abc' };
  const next = withFilter(query, { field: 'status', operator: '', value: 'done' });
  assert.equal(formatQuery(next), 'status=done');
  assert.equal(formatQuery(withoutFilter(next, next.filters[0] ?? assert.fail())), '');
});

test('comparisons fit the field, and their values are checked', () => {
  const due = fieldNamed(schema, 'due') ?? assert.fail();
  assert.deepEqual(operatorsFor(due), ['gte', 'lt', 'null']);
  const made = filterOf(due, 'gte', '2026-07-01T10:05');
  assert.deepEqual(made, {
    filter: { field: 'due', operator: 'gte', value: new Date(2026, 6, 1, 10, 5).toISOString() },
  });
  assert.deepEqual(filterOf(field({}), 'like', ' a '), {
    filter: { field: 'f', operator: 'like', value: '*a*' },
  });
  assert.ok('error' in filterOf(field({ kind: 'integer' }), '', 'x'));
  assert.ok('error' in filterOf(field({}), '', ' '));
});

test('a column sorts upwards, downwards and then no more', () => {
  assert.deepEqual(
    ['', 'title', '-title', 'due'].map((sort) => nextSort(sort, 'title')),
    ['title', '-title', '', 'title'],
  );
});
