/* export.ts: all rows that a list would show, as a file. They are read page by page; nothing leaves this browser. */
import type { Api } from '../shared/api.ts';
import { patiently } from './patience.ts';
import { apiQuery, type ListQuery } from './query.ts';
import type { Row } from './rows.ts';
import type { ModelSchema } from './schema.ts';

const page_rows_max = 200;

export type Format = 'csv' | 'json';

interface ExportProps {
  api: Api;
  schema: ModelSchema;
  query: ListQuery;
  columns: readonly string[];
  format: Format;
  onProgress: (rows: number) => void;
  signal: AbortSignal;
}

export class Cancelled extends Error {}

/** The file. Rejects with a Problem, or with Cancelled. */
export async function exportRows(props: ExportProps): Promise<Blob> {
  const { api, schema, query, columns, format, onProgress, signal } = props;
  // In pieces: one text of all rows would be held twice.
  const pieces: string[] = [format === 'csv' ? csvLine(columns) : '['];
  let rows = 0;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const asked = apiQuery(
      schema,
      { ...query, cursor },
      { columns, limit: page_rows_max, isFull: false },
    );
    const page: { items: Row[]; next: string | null } = await patiently(
      () => api.get(`/${schema.name}?${asked}`),
      signal,
    );
    if (signal.aborted) throw new Cancelled();
    for (const row of page.items) {
      const wanted = columns.map((name) => row[name]);
      if (format === 'csv') pieces.push(csvLine(wanted));
      else pieces.push(`${rows > 0 ? ',' : ''}\n  ${jsonOf(columns, wanted)}`);
      rows++;
    }
    onProgress(rows);
    cursor = page.next;
  }
  if (format === 'json') pieces.push('\n]\n');
  const type = format === 'csv' ? 'text/csv;charset=utf-8' : 'application/json';
  return new Blob(pieces, { type });
}

/** A line as RFC 4180 has it. */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: unknown): string {
  const text =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  // A spreadsheet would take such a text for a formula and run it.
  const harmless =
    typeof value === 'string' && /^[\s]*[=+\-@]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
}

function jsonOf(columns: readonly string[], values: readonly unknown[]): string {
  // A field that one may not read is absent, not empty.
  const entries = columns.map((name, i): [string, unknown] => [name, values[i]]);
  return JSON.stringify(Object.fromEntries(entries.filter(([, value]) => value !== undefined)));
}

/** Hand the file to the browser's downloads. */
export function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
