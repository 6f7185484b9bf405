/* columns.ts: which columns a list shows, remembered in this browser for each model. */
import type { ModelSchema } from './schema.ts';

const keyOf = (model: string) => `parley.columns.${model}`;

export function readColumns(schema: ModelSchema, storage: Storage = localStorage): string[] {
  const known = new Set(shownFields(schema).map(({ name }) => name));
  const usual = schema.list.filter((name) => known.has(name));
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(schema.name)) ?? 'null');
    const wanted = Array.isArray(kept) ? kept.filter((name) => known.has(name)) : [];
    return wanted.length > 0 ? wanted : usual;
  } catch {
    return usual;
  }
}

/** null: the model's own columns again. */
export function keepColumns(
  schema: ModelSchema,
  columns: readonly string[] | null,
  storage: Storage = localStorage,
): void {
  try {
    if (columns) storage.setItem(keyOf(schema.name), JSON.stringify(columns));
    else storage.removeItem(keyOf(schema.name));
  } catch {
    // Without room they are forgotten with the page.
  }
}

export function shownFields(schema: ModelSchema) {
  return schema.fields.filter((field) => !field.isWriteOnly);
}
