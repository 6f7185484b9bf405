/* value.ts: a field's value as the text that a person edits, and back. A form holds nothing but such texts. */
import { count } from '../shared/text.ts';
import { stampLabel } from '../shared/time.ts';
import type { FieldSchema } from './schema.ts';

export type Read = { value: unknown } | { error: string };

/** What is shown in the field's control. */
export function toText(field: FieldSchema, value: unknown): string {
  if (value === null || value === undefined) return '';
  switch (field.kind) {
    case 'date-time':
      return toLocal(String(value));
    case 'strings':
      return isLines(value) ? value.join('\n') : JSON.stringify(value, null, 2);
    case 'json':
      return JSON.stringify(value, null, 2);
    case 'reference':
      return String(idOf(value) ?? '');
    default:
      return String(value);
  }
}

/** What @text stands for, or in words what is wrong with it. */
export function fromText(field: FieldSchema, text: string): Read {
  const isBlank = field.kind === 'text' || field.kind === 'long-text' ? text === '' : !text.trim();
  if (isBlank) return fromNothing(field);
  switch (field.kind) {
    case 'integer':
    case 'number':
      return numberFrom(field, text.trim());
    case 'boolean':
      return { value: text === 'true' };
    case 'choice':
      return choiceFrom(field, text);
    case 'date':
      return isDate(text) ? { value: text } : wrong('This must be a date, such as 2026-01-31.');
    case 'date-time':
      return fromLocal(text);
    case 'strings':
      return stringsFrom(field, text);
    case 'reference':
      return { value: Number(text) };
    case 'json':
      return jsonFrom(text);
    default:
      return textFrom(field, text);
  }
}

/** Of a value as the list shows it: an id, or the row that it names. */
export function idOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === 'number' ? id : null;
}

/** Short words for a value: for lists, notices and the comparison of two versions. */
export function inWords(field: FieldSchema, value: unknown): string {
  if (value === null || value === undefined || value === '') return 'none';
  if (field.kind === 'boolean') return value ? 'yes' : 'no';
  if (field.kind === 'date-time') return stampLabel(String(value));
  if (field.kind === 'reference') return `#${idOf(value) ?? value}`;
  if (Array.isArray(value)) return value.length > 0 ? value.map(plain).join(', ') : 'none';
  return plain(value);
}

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** "Europe/Berlin (09:00 UTC)": what the clock in the field means elsewhere. */
export function zoneWords(text: string): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const read = text ? fromLocal(text) : null;
  if (!read || 'error' in read) return `Your local time, ${zone}.`;
  const utc = String(read.value);
  const isSameDay = utc.slice(0, 10) === text.slice(0, 10);
  return `${zone} (${isSameDay ? '' : `${utc.slice(0, 10)} `}${utc.slice(11, 16)} UTC)`;
}

/** The form that a datetime-local field takes; it shows nothing for a time with a zone. */
export function toLocal(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const ms = date.getMilliseconds();
  const rest = ms ? `.${String(ms).padStart(3, '0')}` : '';
  const seconds = date.getSeconds() || ms ? `:${two(date.getSeconds())}${rest}` : '';
  return `${day}T${clock}${seconds}`;
}

export function fromLocal(text: string): Read {
  const isTime = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/.test(text);
  const date = isTime ? new Date(text) : new Date(Number.NaN);
  return Number.isNaN(date.getTime())
    ? wrong('This must be a date and a time.')
    : { value: date.toISOString() };
}

function fromNothing(field: FieldSchema): Read {
  if (field.isNullable) return { value: null };
  if (field.kind === 'strings') return { value: [] };
  // A box that nobody ticked says no.
  if (field.kind === 'boolean') return { value: false };
  const isText = field.kind === 'text' || field.kind === 'long-text';
  if (isText && !field.isRequired && !field.minLength) return { value: '' };
  return wrong('This cannot be empty: fill it in.');
}

function numberFrom(field: FieldSchema, text: string): Read {
  const isInteger = field.kind === 'integer';
  const number = Number(text.replace(',', '.'));
  if (isInteger && !/^[+-]?\d+$/.test(text)) return wrong('This must be a whole number.');
  if (!/\d/.test(text) || !Number.isFinite(number)) return wrong('This must be a number.');
  if (isInteger && !Number.isSafeInteger(number)) return wrong('This number is too large.');
  const { minimum, maximum } = field;
  if (minimum !== undefined && number < minimum) return wrong(`This must be at least ${minimum}.`);
  if (maximum !== undefined && number > maximum) return wrong(`This must be at most ${maximum}.`);
  return { value: number };
}

function choiceFrom(field: FieldSchema, text: string): Read {
  const choice = field.choices.find((one) => String(one) === text);
  return choice === undefined
    ? wrong(`This must be one of: ${field.choices.join(', ')}.`)
    : { value: choice };
}

function textFrom(field: FieldSchema, text: string): Read {
  const length = Array.from(text).length;
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = field;
  if (length > maxLength)
    return wrong(
      `This is too long: ${count(length - maxLength, 'character', 'characters')} too many.`,
    );
  if (length < minLength)
    return wrong(`This must be at least ${count(minLength, 'character', 'characters')} long.`);
  return isOfPattern(field.pattern, text)
    ? { value: text }
    : wrong(`This does not have the form that is asked for. ${field.description}`.trim());
}

/* A pattern that this browser does not know is left to the server. */
function isOfPattern(pattern: string, text: string): boolean {
  try {
    return !pattern || new RegExp(pattern, 'u').test(text);
  } catch {
    return true;
  }
}

function stringsFrom(field: FieldSchema, text: string): Read {
  // Lines of its own inside of an item cannot be told by lines: then it stands there as JSON.
  const asJson = text.startsWith('[') ? jsonFrom(text) : null;
  const given = asJson && 'value' in asJson ? asJson.value : null;
  const isList = Array.isArray(given) && given.every((item) => typeof item === 'string');
  const items: string[] = isList ? given : text.split('\n').filter((line) => line.trim());
  const { maxItems, itemLengthMax, choices } = field;
  if (maxItems !== undefined && items.length > maxItems)
    return wrong(`At most ${count(maxItems, 'line', 'lines')}: there are ${items.length}.`);
  const other = choices.length > 0 && items.find((item) => !choices.includes(item));
  if (other) return wrong(`“${other}” is none of: ${choices.join(', ')}.`);
  const long = items.find((item) => Array.from(item).length > (itemLengthMax ?? Infinity));
  return long ? wrong(`“${long}” is longer than ${itemLengthMax} characters.`) : { value: items };
}

function jsonFrom(text: string): Read {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return wrong(`This is not JSON: ${(error as Error).message}`);
  }
}

function isLines(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.every((item) => typeof item === 'string' && item.trim() !== '' && !item.includes('\n')) &&
    !String(value[0] ?? '').startsWith('[')
  );
}

function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(date.getTime());
}

const wrong = (error: string): Read => ({ error });
