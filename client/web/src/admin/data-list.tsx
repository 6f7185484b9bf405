/* data-list.tsx: the rows of a model: find, sort, filter, choose, and go from page to page. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { navigate, search } from '../shared/router.ts';
import { count } from '../shared/text.ts';
import { addStyle } from '../shared/ui/style.ts';
import { useAdmin } from './admin.ts';
import { readColumns } from './columns.ts';
import style from './data.lazy.css';
import { BulkBar } from './data-list-bulk.tsx';
import { ColumnsButton, ExportButton } from './data-list-dialogs.tsx';
import { FilterButton, Filters } from './data-list-filter.tsx';
import { RowTable } from './data-list-table.tsx';
import { isLive, watchModel } from './live.ts';
import { Trouble } from './notes.tsx';
import { apiQuery, formatQuery, type ListQuery, parseQuery } from './query.ts';
import { emptyWords, RowList } from './rows.ts';
import type { ModelSchema } from './schema.ts';
import { View } from './view.tsx';
import type { ViewProps } from './views.ts';
import { useRights, WithSchema } from './with-schema.tsx';

addStyle(style);

const mark_ms = 6000;

export function DataList({ params }: ViewProps) {
  const model = params.model ?? '';
  return <WithSchema model={model}>{(schema) => <List schema={schema} />}</WithSchema>;
}

function List({ schema }: { schema: ModelSchema }) {
  const { api, models } = useAdmin();
  const can = useRights(schema.name);
  const list = useMemo(() => new RowList(api, schema), [api, schema]);
  const [columns, setColumns] = useState(() => readColumns(schema));
  const query = parseQuery(search.value, schema);
  const address = formatQuery(query);
  useEffect(() => {
    void list.load(query, columns);
  }, [list, address, columns]);
  useEffect(() => watchModel(schema.name, (event) => list.apply(event)), [list, schema]);
  useMarks(list);
  const go = (to: ListQuery) => {
    navigate(addressOfList(schema, to));
  };
  const mayCreate =
    can('write') &&
    (models.get(schema.name)?.actions.includes('create') ??
      schema.fields.some((field) => field.mayCreate));
  const problem = list.problem.value;
  return (
    <View
      title={schema.title}
      actions={
        <>
          <FilterButton schema={schema} query={query} onGo={go} />
          <ColumnsButton schema={schema} columns={columns} onColumns={setColumns} />
          <ExportButton schema={schema} query={query} columns={columns} />
          {mayCreate && (
            <a class="button button-main" href={`/admin/data/${schema.name}/new`}>
              New
            </a>
          )}
        </>
      }
    >
      {schema.description && (
        <p class="hint data-about" dir="auto">
          {schema.description}
        </p>
      )}
      {schema.hasSearch && <Search query={query} onGo={go} />}
      <Filters schema={schema} query={query} onGo={go} />
      <NewRows list={list} query={query} onGo={go} />
      <BulkBar schema={schema} list={list} />
      {problem ? (
        <Trouble problem={problem} onRetry={() => list.reload()} />
      ) : (
        <>
          <RowTable schema={schema} list={list} columns={columns} query={query} onGo={go} />
          {list.isReady.value && list.rows.value.length === 0 && (
            <p class="data-empty">{emptyWords(query)}</p>
          )}
        </>
      )}
      <Pages schema={schema} list={list} query={query} onGo={go} />
      <p class="visually-hidden" role="status">
        {said(list)}
      </p>
    </View>
  );
}

function addressOfList(schema: ModelSchema, query: ListQuery): string {
  const behind = formatQuery(query);
  return `/admin/data/${encodeURIComponent(schema.name)}${behind ? `?${behind}` : ''}`;
}

function said(list: RowList): string {
  if (!list.isReady.value || list.isBusy.value) return 'Loading';
  return count(list.rows.value.length, 'row on this page', 'rows on this page');
}

/* A change stays marked long enough to be seen. */
function useMarks(list: RowList): void {
  const marked = list.changed.value;
  useEffect(() => {
    if (marked.size === 0) return;
    const timer = setTimeout(() => {
      list.changed.value = new Set();
    }, mark_ms);
    return () => clearTimeout(timer);
  }, [list, marked]);
}

interface PartProps {
  query: ListQuery;
  onGo: (to: ListQuery) => void;
}

function Search({ query, onGo }: PartProps) {
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const words = new FormData(event.currentTarget as HTMLFormElement).get('q');
    onGo({ ...query, words: String(words ?? '').trim(), cursor: '' });
  };
  return (
    <search class="data-search">
      <form onSubmit={onSubmit}>
        <input
          // Back and forward show the words of their own page.
          key={query.words}
          type="search"
          name="q"
          aria-label="Search"
          placeholder="Search"
          defaultValue={query.words}
          dir="auto"
        />
        <button type="submit" class="button">
          Search
        </button>
        {query.words && (
          <button
            type="button"
            class="button"
            onClick={() => onGo({ ...query, words: '', cursor: '' })}
          >
            Clear the search
          </button>
        )}
      </form>
    </search>
  );
}

function NewRows({ list, query, onGo }: PartProps & { list: RowList }) {
  const added = list.added.value.size;
  const show = () => {
    if (query.cursor) onGo({ ...query, cursor: '' });
    else void list.reload();
  };
  return (
    <div class="data-new" role="status">
      {added > 0 && (
        <button type="button" class="button" onClick={show}>
          {added} new: show
        </button>
      )}
    </div>
  );
}

interface PagesProps extends PartProps {
  schema: ModelSchema;
  list: RowList;
}

/* A page only knows the next one; the way back is what was gone. */
function Pages({ schema, list, query, onGo }: PagesProps) {
  const before = useRef(new Map<string, string>());
  const [total, setTotal] = useState<string>('');
  const asked = apiQuery(schema, { ...query, cursor: '' }, { columns: [] });
  useEffect(() => setTotal(''), [asked]);
  const next = list.next.value;
  const isByTime = !query.sort || query.sort === '-id';
  const older = () => {
    if (next === null) return;
    before.current.set(next, query.cursor);
    onGo({ ...query, cursor: next });
  };
  const newer = () => onGo({ ...query, cursor: before.current.get(query.cursor) ?? '' });
  const askTotal = () => {
    list.count().then(
      (rows) => setTotal(count(rows, 'row in all', 'rows in all')),
      () => setTotal('The rows could not be counted. Try again later.'),
    );
  };
  return (
    <nav class="data-pages" aria-label="Pages">
      <button type="button" class="button" disabled={!query.cursor} onClick={newer}>
        {isByTime ? 'Newer' : 'Previous'}
      </button>
      <button type="button" class="button" disabled={next === null} onClick={older}>
        {isByTime ? 'Older' : 'Next'}
      </button>
      <span role="status">{total}</span>
      {!total && (
        <button type="button" class="button-link" onClick={askTotal}>
          Count all
        </button>
      )}
      <span class="hint data-live">
        {isLive(schema.name).value ? 'Live: changes show up by themselves.' : ''}
      </span>
    </nav>
  );
}
