/* data-list-table.tsx: the rows themselves. */
import { useEffect, useState } from 'preact/hooks';
import { useAdmin } from './admin.ts';
import { Cell } from './cell.tsx';
import { labelOf } from './picker.ts';
import { type ListQuery, nextSort } from './query.ts';
import type { Row, RowList } from './rows.ts';
import { type FieldSchema, fieldNamed, loadSchema, type ModelSchema } from './schema.ts';

interface RowTableProps {
  schema: ModelSchema;
  list: RowList;
  columns: readonly string[];
  query: ListQuery;
  onGo: (to: ListQuery) => void;
}

export function RowTable({ schema, list, columns, query, onGo }: RowTableProps) {
  const fields = columns
    .map((name) => fieldNamed(schema, name))
    .filter((field): field is FieldSchema => field !== undefined);
  const labels = useLabels(fields);
  const rows = list.rows.value;
  if (rows.length === 0) return null;
  const isAll = rows.every(({ id }) => list.selected.value.has(id));
  return (
    <div class="table-scroll" aria-busy={list.isBusy.value}>
      <table class="table data-table">
        <caption class="visually-hidden">{schema.title}</caption>
        <thead>
          <tr>
            <th scope="col" class="data-check">
              <label>
                <input
                  type="checkbox"
                  aria-label="Select all rows of this page"
                  checked={isAll}
                  onChange={() => list.toggleAll()}
                />
              </label>
            </th>
            {fields.map((field) => (
              <Head key={field.name} field={field} query={query} onGo={onGo} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <TableRow
              key={row.id}
              schema={schema}
              row={row}
              fields={fields}
              labels={labels}
              list={list}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps {
  field: FieldSchema;
  query: ListQuery;
  onGo: (to: ListQuery) => void;
}

function Head({ field, query, onGo }: HeadProps) {
  const isUp = query.sort === field.name;
  const isDown = query.sort === `-${field.name}`;
  if (!field.canSort)
    return (
      <th scope="col" dir="auto">
        {field.title}
      </th>
    );
  return (
    <th scope="col" aria-sort={isUp ? 'ascending' : isDown ? 'descending' : undefined}>
      <button
        type="button"
        class="data-sort"
        onClick={() => onGo({ ...query, sort: nextSort(query.sort, field.name), cursor: '' })}
      >
        <bdi>{field.title}</bdi>
        <span aria-hidden="true">{isUp ? ' ▲' : isDown ? ' ▼' : ''}</span>
      </button>
    </th>
  );
}

interface TableRowProps {
  schema: ModelSchema;
  row: Row;
  fields: readonly FieldSchema[];
  labels: Readonly<Record<string, string>>;
  list: RowList;
}

function TableRow({ schema, row, fields, labels, list }: TableRowProps) {
  const name = labelOf(row, schema.label);
  const opening = fields.find((field) => field.name === schema.label) ?? fields[0];
  const isDeleted = list.deleted.value.has(row.id);
  const isChanged = list.changed.value.has(row.id);
  return (
    <tr class={isDeleted ? 'data-deleted' : isChanged ? 'data-changed' : undefined}>
      <td class="data-check">
        <label>
          <input
            type="checkbox"
            aria-label={`Select ${name}`}
            checked={list.selected.value.has(row.id)}
            disabled={isDeleted}
            onChange={() => list.toggle(row)}
          />
        </label>
      </td>
      {fields.map((field) => {
        const cell = (
          <Cell field={field} value={row[field.name]} label={labels[field.references]} />
        );
        if (field !== opening || isDeleted)
          return (
            <td key={field.name}>
              {cell}
              {field === opening && <span class="data-mark">deleted</span>}
            </td>
          );
        return (
          <td key={field.name}>
            {field.kind === 'reference' && <>{cell} </>}
            <a class="data-open" href={`/admin/data/${schema.name}/${row.id}`}>
              {field.kind === 'reference' ? (
                `#${row.id}`
              ) : (
                <OpeningCell row={row} cell={cell} value={row[field.name]} />
              )}
            </a>
            {isChanged && <span class="data-mark">changed</span>}
          </td>
        );
      })}
    </tr>
  );
}

/* Where the column that leads to the row is empty, the number is there to be followed. */
function OpeningCell({ row, cell, value }: { row: Row; cell: preact.JSX.Element; value: unknown }) {
  return value === null || value === undefined || value === '' ? <>#{row.id}</> : cell;
}

/* By model that is referred to: the field that names its rows. */
function useLabels(fields: readonly FieldSchema[]): Readonly<Record<string, string>> {
  const { api } = useAdmin();
  const [labels, setLabels] = useState<Record<string, string>>({});
  const models = [...new Set(fields.map((field) => field.references).filter(Boolean))].join(',');
  useEffect(() => {
    for (const model of models.split(',').filter(Boolean))
      loadSchema(api, model).then(
        (schema) => {
          if (schema) setLabels((known) => ({ ...known, [model]: schema.label }));
        },
        () => {},
      );
  }, [api, models]);
  return labels;
}
