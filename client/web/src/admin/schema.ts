/* schema.ts: what a model looks like, read from the server's own description of its API. Everything that the data pages
 * show follows from this; nothing is written by hand for one model. */
import type { Api } from '../shared/api.ts';

export type Kind =
  | 'text'
  | 'long-text'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'date'
  | 'date-time'
  | 'strings'
  | 'reference'
  /** Anything else: shown and edited as JSON. */
  | 'json';

export type Operator = '' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'like' | 'in' | 'null';

export interface FieldSchema {
  name: string;
  title: string;
  description: string;
  kind: Kind;
  isNullable: boolean;
  /** A create must give it. */
  isRequired: boolean;
  mayCreate: boolean;
  mayUpdate: boolean;
  /** Never shown: only ever given anew. */
  isWriteOnly: boolean;
  /** Rules decide per row who may see or change it. */
  isLimited: boolean;
  /** Of a list: of its items. */
  choices: readonly (string | number)[];
  format: string;
  pattern: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  itemLengthMax?: number;
  /** The model whose rows it names. */
  references: string;
  hasDefault: boolean;
  default: unknown;
  canSort: boolean;
  canExpand: boolean;
  operators: readonly Operator[];
}

export interface ModelSchema {
  name: string;
  title: string;
  description: string;
  /** The field that names a row to people. */
  label: string;
  /** The columns to begin with. */
  list: readonly string[];
  fields: readonly FieldSchema[];
  hasSearch: boolean;
  /** Rows say what one may do with them. */
  hasMay: boolean;
  hasHistory: boolean;
  hasAlong: boolean;
}

/* As much of JSON Schema as the server's models use. */
interface Property {
  type?: string | string[];
  anyOf?: Property[];
  $ref?: string;
  title?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  items?: Property;
  readOnly?: boolean;
  writeOnly?: boolean;
  default?: unknown;
  'x-references'?: string;
  'x-limited'?: boolean;
}

interface ObjectSchema {
  title?: string;
  description?: string;
  required?: string[];
  properties?: Record<string, Property>;
  'x-label'?: string;
  'x-list'?: string[];
  'x-search'?: unknown;
}

interface Parameter {
  name?: string;
  schema?: { items?: { enum?: string[] } };
}

interface Operation {
  parameters?: Parameter[];
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, ObjectSchema | undefined> };
}

/* Longer than this is more than a line. */
const line_max = 300;

export function schemaOf(document: OpenApi, name: string): ModelSchema | null {
  const schemas = document.components.schemas;
  const row = schemas[name];
  const list = document.paths[`/api/v1/${name}`]?.get;
  if (!row?.properties || !list) return null;
  const detail = `/api/v1/${name}/{id}`;
  const parameters = new Set(list.parameters?.map((parameter) => parameter.name));
  const create = schemas[`${name}.create`];
  const update = schemas[`${name}.update`];
  // What is never shown stands only in what may be sent.
  const properties = { ...update?.properties, ...create?.properties, ...row.properties };
  const fields = Object.entries(properties).map(([field, property]) =>
    fieldOf(field, property, { create, update, list }),
  );
  const isField = (field: string) => field in properties;
  const label = row['x-label'] ?? ['title', 'name', 'label'].find(isField) ?? 'id';
  return {
    name,
    title: row.title ?? name,
    description: row.description ?? '',
    label,
    list:
      row['x-list']?.filter(isField) ??
      ['id', label].filter((one, i, all) => all.indexOf(one) === i),
    fields: inOrder(fields),
    hasSearch: parameters.has('q'),
    hasMay: parameters.has('may'),
    hasHistory: `${detail}/history` in document.paths,
    hasAlong: `${detail}/along` in document.paths,
  };
}

/* What a person fills in comes first, what the server keeps for itself last. */
function inOrder(fields: FieldSchema[]): FieldSchema[] {
  const isOwn = (field: FieldSchema) => bookkeeping.includes(field.name);
  return [...fields.filter((field) => !isOwn(field)), ...fields.filter(isOwn)];
}

export const bookkeeping: readonly string[] = ['id', 'created_at', 'updated_at', 'version'];

interface Around {
  create: ObjectSchema | undefined;
  update: ObjectSchema | undefined;
  list: Operation;
}

function fieldOf(name: string, given: Property, { create, update, list }: Around): FieldSchema {
  const created = create?.properties?.[name];
  const property: Property = { ...created, ...given };
  const { types, isNullable, plain } = typesOf(property);
  const allows = (parameter: string, value: string) =>
    list.parameters?.find((one) => one.name === parameter)?.schema?.items?.enum?.includes(value) ===
    true;
  // A version may be sent, but only to say which one is meant.
  const isOwn = bookkeeping.includes(name);
  const references = plain['x-references'] ?? property['x-references'] ?? '';
  return {
    name,
    title: property.title ?? titleOf(name),
    description: property.description ?? '',
    kind: references ? 'reference' : kindOf(plain, types),
    isNullable,
    isRequired: create?.required?.includes(name) === true,
    mayCreate: created !== undefined && !isOwn,
    mayUpdate: update?.properties?.[name] !== undefined && !isOwn,
    isWriteOnly: property.writeOnly === true,
    isLimited: property['x-limited'] === true,
    choices: choicesOf(plain.items ?? plain),
    format: plain.format ?? '',
    pattern: plain.pattern ?? '',
    minLength: plain.minLength,
    maxLength: plain.maxLength,
    minimum: plain.minimum,
    maximum: plain.maximum,
    maxItems: plain.maxItems,
    itemLengthMax: plain.items?.maxLength,
    references,
    hasDefault: 'default' in property,
    default: property.default,
    canSort: allows('sort', name),
    canExpand: allows('expand', name),
    operators: operatorsOf(name, list),
  };
}

/* What is always the same is a choice of one. */
function choicesOf({ enum: choices, const: only }: Property): (string | number)[] {
  return (choices ?? [only]).filter(
    (one): one is string | number => typeof one === 'string' || typeof one === 'number',
  );
}

function typesOf(property: Property): { types: string[]; isNullable: boolean; plain: Property } {
  // "This or nothing" can also be said with anyOf.
  const ways = property.anyOf ?? [];
  const other = ways.filter((way) => way.type !== 'null');
  if (ways.length === 2 && other.length === 1 && other[0]) {
    const inner = typesOf(other[0]);
    return { ...inner, isNullable: true, plain: { ...property, ...inner.plain } };
  }
  const all = ([] as string[]).concat(property.type ?? []);
  return {
    types: all.filter((type) => type !== 'null'),
    isNullable: all.includes('null'),
    plain: property,
  };
}

function kindOf(property: Property, types: readonly string[]): Kind {
  const [type] = types;
  if (types.length !== 1) return property.enum ? 'choice' : 'json';
  if (type !== 'array' && choicesOf(property).length > 0) return 'choice';
  if (type === 'integer' || type === 'number' || type === 'boolean') return type;
  if (type === 'string') {
    if (property.format === 'date' || property.format === 'date-time') return property.format;
    const isLine = property.format || property.pattern || property.writeOnly;
    return !isLine && (property.maxLength ?? Number.POSITIVE_INFINITY) > line_max
      ? 'long-text'
      : 'text';
  }
  return type === 'array' && property.items?.type === 'string' ? 'strings' : 'json';
}

function operatorsOf(field: string, list: Operation): Operator[] {
  const found: Operator[] = [];
  for (const { name = '' } of list.parameters ?? []) {
    if (name === field) found.push('');
    else if (name.startsWith(`${field}[`)) found.push(name.slice(field.length + 1, -1) as Operator);
  }
  return found;
}

function titleOf(name: string): string {
  if (name === 'id') return 'ID';
  const known: Record<string, string> = {
    created_at: 'Created',
    updated_at: 'Changed',
    version: 'Version',
  };
  const words = name.replace(/_/g, ' ');
  return known[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/* The description changes only when the server starts with other models. */
const loaded = new WeakMap<Api, Map<string, Promise<ModelSchema | null>>>();

/** What the server says about model @name; null if there is no such model. Rejects with a Problem. */
export function loadSchema(api: Api, name: string): Promise<ModelSchema | null> {
  const known = loaded.get(api) ?? new Map<string, Promise<ModelSchema | null>>();
  loaded.set(api, known);
  const asked = known.get(name);
  if (asked) return asked;
  const answer = api
    .get<OpenApi>(`/openapi.json?model=${encodeURIComponent(name)}`)
    .then((document) => schemaOf(document, name));
  known.set(name, answer);
  answer.catch(() => known.delete(name));
  return answer;
}

export function fieldNamed(schema: ModelSchema, name: string): FieldSchema | undefined {
  return schema.fields.find((field) => field.name === name);
}

/** Where a row of @model is shown, or '' if nowhere. */
export function addressOf(model: string, id: number): string {
  if (model === 'user') return `/admin/users/${id}`;
  if (model === 'group') return `/admin/groups/${id}`;
  if (model === 'room') return `/r/${id}`;
  return `/admin/data/${encodeURIComponent(model)}/${id}`;
}
