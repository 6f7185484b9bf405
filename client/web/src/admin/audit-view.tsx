/* audit-view.tsx: who changed which permission or account: find, read, check, take away. */
import { useEffect, useState } from 'preact/hooks';
import { navigate, search } from '../shared/router.ts';
import { count } from '../shared/text.ts';
import { fullLabel, stampLabel } from '../shared/time.ts';
import { useAdmin } from './admin.ts';
import {
  type AuditPage,
  type AuditQuery,
  auditActions,
  auditPath,
  auditRequest,
  type Entry,
  entryPieces,
  type Names,
  readAuditQuery,
  readNamesOf,
} from './audit.ts';
import { readSubject } from './grants.ts';
import { Done, Trouble, WhenRead } from './notes.tsx';
import { readAll } from './resource.ts';
import { RowPicker } from './row-picker.tsx';
import { SubjectPicker } from './subject-picker.tsx';
import { openChoices } from './subjects.ts';
import { useAction } from './use-action.ts';
import { useResource } from './use-resource.ts';
import { View } from './view.tsx';

const page_length = 50;
const export_page_length = 200;
const export_pages_max = 500;

export function AuditView() {
  const { me } = useAdmin();
  if (me.user.superuser !== true)
    return (
      <View title="Audit">
        <p>Only administrators may read the record of changes.</p>
      </View>
    );
  return <Record />;
}

function Record() {
  const { api } = useAdmin();
  const query = readAuditQuery(search.value);
  const path = auditRequest(query, page_length);
  const page = useResource(path, async () => {
    const { items, next } = await api.get<AuditPage>(path);
    return { items, next, names: await readNamesOf(api, items) };
  });
  return (
    <View title="Audit">
      <Filters query={query} />
      <Tools query={query} />
      <WhenRead resource={page}>
        {({ items, next, names }) => (
          <>
            {items.length === 0 && (
              <p>{next === null ? 'Nothing was recorded that fits.' : 'Nothing on this page.'}</p>
            )}
            <ol class="entries lines">
              {items.map((entry) => (
                <EntryLine key={entry.id} entry={entry} names={names} />
              ))}
            </ol>
            {(query.before || next !== null) && (
              <nav class="pages" aria-label="Pages">
                {query.before && <a href={auditPath({ ...query, before: '' })}>Newest</a>}
                {next !== null && <a href={auditPath({ ...query, before: String(next) })}>Older</a>}
              </nav>
            )}
          </>
        )}
      </WhenRead>
    </View>
  );
}

function Filters({ query }: { query: AuditQuery }) {
  const { models } = useAdmin();
  const ask = (change: Partial<AuditQuery>) =>
    navigate(auditPath({ ...query, ...change, before: '' }));
  const isFiltered = auditPath({ ...query, before: '' }) !== '/admin/audit';
  return (
    <search class="toolbar">
      <RowPicker model="user" label="Done by" value={query.user} onPick={(user) => ask({ user })} />
      <SubjectFilter subject={query.subject} onPick={(subject) => ask({ subject })} />
      <label class="field">
        Model
        <select value={query.model} onChange={(event) => ask({ model: event.currentTarget.value })}>
          <option value="">Any</option>
          {models.all.value.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Kind
        <select
          value={query.action}
          onChange={(event) => ask({ action: event.currentTarget.value })}
        >
          <option value="">Any</option>
          {auditActions.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <Day label="From" value={query.since} onChange={(since) => ask({ since })} />
      <Day label="To" value={query.until} onChange={(until) => ask({ until })} />
      {isFiltered && (
        <a class="button" href="/admin/audit">
          Show all
        </a>
      )}
    </search>
  );
}

interface DayProps {
  label: string;
  value: string;
  onChange: (day: string) => void;
}

function Day({ label, value, onChange }: DayProps) {
  return (
    <label class="field">
      {label}
      <input type="date" value={value} onChange={(event) => onChange(event.currentTarget.value)} />
    </label>
  );
}

interface SubjectFilterProps {
  subject: string;
  onPick: (subject: string) => void;
}

/* The address has a number; its name is asked for. */
function SubjectFilter({ subject, onPick }: SubjectFilterProps) {
  const { api } = useAdmin();
  const [name, setName] = useState('');
  useEffect(() => {
    const found = readSubject(subject);
    const open = openChoices.find((choice) => choice.subject === subject);
    setName(open?.name ?? subject);
    if (!found?.id) return;
    let isWanted = true;
    api.get<{ name: string }>(`/${found.kind}/${found.id}`).then(
      (row) => isWanted && setName(row.name),
      () => {
        // It is gone: its number stays.
      },
    );
    return () => {
      isWanted = false;
    };
  }, [api, subject]);
  return <SubjectPicker label="About" value={name} onPick={(choice) => onPick(choice.subject)} />;
}

function EntryLine({ entry, names }: { entry: Entry; names: Names }) {
  const isLong = Object.keys(entry.detail).length > 0;
  return (
    <li>
      <time dateTime={entry.at} title={fullLabel(entry.at)} class="hint">
        {stampLabel(entry.at)}
      </time>{' '}
      <span dir="auto">
        {entryPieces(entry, names).map(({ text, to }, i) =>
          to ? (
            <a key={i} href={to}>
              {text}
            </a>
          ) : (
            <span key={i}>{text}</span>
          ),
        )}
        .
      </span>
      {isLong && (
        <details>
          <summary aria-label={`Details of entry ${entry.id}`}>Details</summary>
          <pre>
            {JSON.stringify({ entry: entry.id, action: entry.action, ...entry.detail }, null, 2)}
          </pre>
        </details>
      )}
    </li>
  );
}

interface Verified {
  entries: number;
  is_whole: boolean;
  broken?: number;
}

function verifiedWords({ entries, is_whole, broken }: Verified): string {
  if (is_whole)
    return `The record is whole: ${count(entries, 'entry fits', 'entries fit')} together.`;
  return `The record is not whole: entry ${broken ?? '?'} was changed or stands behind one that is missing. What comes before it fits. Keep a copy and look at who could reach the data base.`;
}

function Tools({ query }: { query: AuditQuery }) {
  const { api } = useAdmin();
  const check = useAction();
  const take = useAction();
  const [words, setWords] = useState('');
  const verify = () =>
    check.run(async () => setWords(verifiedWords(await api.get<Verified>('/audit/verify'))), '');
  const save = () =>
    take.run(async () => {
      const all = await readAll(
        (before) =>
          api.get<AuditPage>(
            auditRequest(
              { ...query, before: before === null ? '' : String(before) },
              export_page_length,
            ),
          ),
        export_pages_max,
      );
      download('audit.json', JSON.stringify(all, null, 2));
    }, 'The file is made: your browser has it now.');
  return (
    <>
      <div class="toolbar">
        <button type="button" class="button" disabled={check.isBusy} onClick={() => void verify()}>
          Is the record whole?
        </button>
        <button type="button" class="button" disabled={take.isBusy} onClick={() => void save()}>
          {take.isBusy ? 'Collecting…' : 'Export as JSON'}
        </button>
      </div>
      {words && <Done words={words} />}
      <Trouble problem={check.problem} onRetry={() => void verify()} />
      {take.done && <Done words={take.done} />}
      <Trouble problem={take.problem} onRetry={() => void save()} />
    </>
  );
}

/* The page may not navigate elsewhere for it: what is taken away is already here. */
function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
