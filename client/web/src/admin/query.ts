/* query.ts: what a list shows, as it stands in the address: words, filters, order and page. The names are the server's
 * own, so that an address can be read, shared and come back to. */
import { type FieldSchema, fieldNamed, type ModelSchema, type Operator } from './schema.ts';
import { fromText } from './value.ts';

export interface Filter {
  field: string;
  operator: Operator;
  /** As the server takes it: times in UTC, several with commas between. */
  value: string;
}

export interface ListQuery {
  words: string;
  /** A field, with - in front for downwards; '' for the newest first. */
  sort: string;
  filters: readonly Filter[];
  /** '' for the first page. */
  cursor: string;
}

export const newestFirst = '-id';
export const page_rows = 50;

/** What the address asks for. What the model does not know is left out: it may be from before a change. */
export function parseQuery(search: string, schema: ModelSchema): ListQuery {
  const query: ListQuery & { filters: Filter[] } = { words: '', sort: '', filters: [], cursor: '' };
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === 'q') query.words = schema.hasSearch ? value : '';
    else if (name === 'sort') query.sort = canSort(schema, value) ? value : '';
    else if (name === 'cursor') query.cursor = value;
    else {
      const filter = filterFrom(name, value);
      if (isKnown(schema, filter)) query.filters.push(filter);
    }
  }
  return query;
}

/** The part of an address behind the question mark. */
export function formatQuery(query: ListQuery): string {
  const parameters = new URLSearchParams();
  if (query.words) parameters.set('q', query.words);
  if (query.sort) parameters.set('sort', query.sort);
  for (const filter of query.filters) parameters.set(nameOf(filter), filter.value);
  if (query.cursor) parameters.set('cursor', query.cursor);
  return parameters.toString();
}

interface Wanted {
  /** Columns besides id and version. */
  columns: readonly string[];
  limit?: number;
  /** Only these rows. */
  ids?: readonly number[];
  /** Show the label of rows that are referred to, and what one may do. */
  isFull?: boolean;
}

/** The same for the server, with the columns that are wanted. */
export function apiQuery(schema: ModelSchema, query: ListQuery, wanted: Wanted): string {
  const { columns, limit = page_rows, ids, isFull = true } = wanted;
  const parameters = new URLSearchParams(formatQuery(query));
  // The order of a search is the server's own, unless one is asked for.
  if (!query.sort && !query.words) parameters.set('sort', newestFirst);
  parameters.set('limit', String(limit));
  const fields = new Set(['id', 'version', schema.label, ...columns]);
  parameters.set('fields', [...fields].join(','));
  const expanded = columns.filter((name) => fieldNamed(schema, name)?.canExpand);
  if (isFull && expanded.length > 0) parameters.set('expand', expanded.join(','));
  if (isFull && schema.hasMay) parameters.set('may', 'true');
  if (ids) parameters.set('id[in]', ids.join(','));
  return parameters.toString();
}

/** Clicking a column: upwards, downwards, and back to the newest first. */
export function nextSort(sort: string, field: string): string {
  if (sort === field) return `-${field}`;
  return sort === `-${field}` ? '' : field;
}

export function withFilter(query: ListQuery, filter: Filter): ListQuery {
  return {
    ...withoutFilter(query, filter),
    filters: [...withoutFilter(query, filter).filters, filter],
  };
}

export function withoutFilter(query: ListQuery, filter: Filter): ListQuery {
  const filters = query.filters.filter((one) => nameOf(one) !== nameOf(filter));
  return { ...query, filters, cursor: '' };
}

const wordsOfOperator: Record<Operator, string> = {
  '': 'is',
  ne: 'is not',
  lt: 'is less than',
  lte: 'is at most',
  gt: 'is more than',
  gte: 'is at least',
  like: 'contains',
  in: 'is one of',
  null: 'is empty',
};
const wordsForTimes: Partial<Record<Operator, string>> = {
  lt: 'is before',
  lte: 'is not after',
  gt: 'is after',
  gte: 'is not before',
};

export function operatorWords(field: FieldSchema, operator: Operator): string {
  const isTime = field.kind === 'date' || field.kind === 'date-time';
  return (isTime && wordsForTimes[operator]) || wordsOfOperator[operator];
}

/** The operators that make sense for a person, of those that the server knows. */
export function operatorsFor(field: FieldSchema): Operator[] {
  const wanted = byKind[field.kind] ?? ['', 'ne', 'null'];
  return wanted.filter((operator) => field.operators.includes(operator));
}

const ordered: Operator[] = ['', 'ne', 'lt', 'lte', 'gt', 'gte', 'null'];
const byKind: Partial<Record<FieldSchema['kind'], Operator[]>> = {
  text: ['like', '', 'ne', 'null'],
  'long-text': ['like', 'null'],
  integer: ordered,
  number: ordered,
  date: ordered,
  // Nobody means the very millisecond.
  'date-time': ['gte', 'lt', 'null'],
  choice: ['', 'ne', 'in', 'null'],
};

/** The filter for what stands in the form, or in words what is wrong. */
export function filterOf(
  field: FieldSchema,
  operator: Operator,
  text: string,
): { filter: Filter } | { error: string } {
  const made = (value: string) => ({ filter: { field: field.name, operator, value } });
  if (operator === 'null') return made(text === 'false' ? 'false' : 'true');
  if (!text.trim()) return { error: 'What should it be compared with?' };
  if (operator === 'like') return made(text.includes('*') ? text : `*${text.trim()}*`);
  if (operator === 'in') return made(text);
  // Limits and patterns are for what is stored, not for what is looked for.
  const loose = {
    ...field,
    minLength: 0,
    maxLength: undefined,
    minimum: undefined,
    maximum: undefined,
  };
  const read = fromText({ ...loose, pattern: '' }, text);
  return 'error' in read ? read : made(String(read.value));
}

function filterFrom(name: string, value: string): Filter {
  const [, field = name, operator = ''] = /^(.*?)\[(.*)\]$/.exec(name) ?? [];
  return { field, operator: operator as Operator, value };
}

const nameOf = ({ field, operator }: Filter) => (operator ? `${field}[${operator}]` : field);

function isKnown(schema: ModelSchema, { field, operator }: Filter): boolean {
  return fieldNamed(schema, field)?.operators.includes(operator) === true;
}

function canSort(schema: ModelSchema, sort: string): boolean {
  return fieldNamed(schema, sort.replace(/^-/, ''))?.canSort === true;
}
