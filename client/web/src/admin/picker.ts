/* picker.ts: finding the one row that is meant, among any number of them. Asks for a handful of rows as one types. */
import type { Api } from '../shared/api.ts';
import { fieldNamed, loadSchema, type ModelSchema } from './schema.ts';

export interface Choice {
  id: number;
  label: string;
}

type Row = { id: number } & Record<string, unknown>;

const shown_max = 10;

/** The rows of @model whose label begins with @text, or that are called so by their number. Rejects with a Problem. */
export async function findRows(api: Api, model: string, text: string): Promise<Choice[]> {
  const schema = await loadSchema(api, model);
  const label = schema?.label ?? 'name';
  const wanted = text.trim();
  const [byNumber, byText] = await Promise.all([
    /^[1-9][0-9]{0,14}$/.test(wanted) ? rowById(api, model, Number(wanted)) : null,
    rowsByText(api, model, schema, wanted),
  ]);
  const rows = byNumber ? [byNumber, ...byText.filter(({ id }) => id !== byNumber.id)] : byText;
  return rows.slice(0, shown_max).map((row) => ({ id: row.id, label: labelOf(row, label) }));
}

/** What row @id is called; its number if that cannot be found out. */
export async function labelOfRow(api: Api, model: string, id: number): Promise<string> {
  const schema = await loadSchema(api, model).catch(() => null);
  const row = await rowById(api, model, id);
  return row ? labelOf(row, schema?.label ?? 'name') : `#${id}`;
}

export function labelOf(row: Row, label: string): string {
  const value = label === 'id' ? '' : row[label];
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
  return text || `#${row.id}`;
}

async function rowsByText(
  api: Api,
  model: string,
  schema: ModelSchema | null,
  text: string,
): Promise<Row[]> {
  const label = schema ? fieldNamed(schema, schema.label) : undefined;
  const query = new URLSearchParams({ limit: String(shown_max) });
  const canLike = label?.operators.includes('like') === true;
  if (canLike && text) query.set(`${label.name}[like]`, `${text}*`);
  else if (schema?.hasSearch && text) query.set('q', text);
  if (canLike && label.canSort) query.set('sort', label.name);
  // A list that cannot be searched is a short one, such as the groups: one page of it is looked through here.
  const isSearched = !text || canLike || schema?.hasSearch === true;
  if (!isSearched) query.set('limit', '200');
  const { items } = await api.get<{ items: Row[] }>(`/${model}?${query}`);
  if (isSearched) return items;
  const begins = text.toLowerCase();
  return items.filter((row) =>
    labelOf(row, schema?.label ?? 'name')
      .toLowerCase()
      .includes(begins),
  );
}

/* A number need not be a row's: that is no reason to complain. */
async function rowById(api: Api, model: string, id: number): Promise<Row | null> {
  try {
    return await api.get<Row>(`/${model}/${id}`);
  } catch {
    return null;
  }
}
