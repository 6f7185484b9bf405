/* data-form-history.tsx: who changed what, when. */
import { useEffect, useState } from 'preact/hooks';
import { asProblem } from '../shared/problem.ts';
import { excerpt } from '../shared/text.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { useAdmin } from './admin.ts';
import { Stamp } from './cell.tsx';
import { FieldWords, RowName } from './row-name.tsx';
import { fieldNamed, type ModelSchema } from './schema.ts';

interface Entry {
  id: number;
  version: number;
  at: string;
  user: { id: number; name: string } | null;
  action: 'create' | 'update' | 'delete';
  changes: Record<string, { from?: unknown; to?: unknown }>;
}

const done = { create: 'made it', update: 'changed it', delete: 'deleted it' };
const shown_max = 200;

interface HistoryProps {
  schema: ModelSchema;
  id: number;
  onClose: () => void;
}

export function History({ schema, id, onClose }: HistoryProps) {
  const { api } = useAdmin();
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [next, setNext] = useState<string | number | null>(null);
  const [words, setWords] = useState('Loading…');
  const load = async (cursor: string | number | null) => {
    const more = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    try {
      const page = await api.get<{ items: Entry[]; next: string | number | null }>(
        `/${schema.name}/${id}/history?limit=20${more}`,
      );
      setEntries((known) => [...known, ...page.items]);
      setNext(page.next);
      setWords(cursor === null && page.items.length === 0 ? 'Nothing is recorded.' : '');
    } catch (error) {
      setWords(asProblem(error).words);
    }
  };
  useEffect(() => {
    void load(null);
  }, []);
  return (
    <Dialog title="History" class="data-wide" onClose={onClose}>
      <ol class="data-history">
        {entries.map((entry) => (
          <li key={entry.id}>
            <p>
              <b dir="auto">{entry.user?.name ?? 'The server'}</b> {done[entry.action]},{' '}
              <Stamp at={entry.at} /> <small class="hint">version {entry.version}</small>
            </p>
            <Changes schema={schema} entry={entry} />
          </li>
        ))}
      </ol>
      <p role="status">{words}</p>
      {next !== null && (
        <button type="button" class="button" onClick={() => load(next)}>
          Older
        </button>
      )}
    </Dialog>
  );
}

function Changes({ schema, entry }: { schema: ModelSchema; entry: Entry }) {
  return (
    <dl>
      {Object.entries(entry.changes ?? {}).map(([name, { from, to }]) => {
        const field = fieldNamed(schema, name);
        const words = (value: unknown) => {
          if (!field) return <bdi>{excerpt(JSON.stringify(value ?? null), shown_max)}</bdi>;
          return field.kind === 'reference' && typeof value === 'number' ? (
            <RowName model={field.references} id={value} />
          ) : (
            <FieldWords field={field} value={value} />
          );
        };
        return (
          <div key={name}>
            <dt dir="auto">{field?.title ?? name}</dt>
            <dd>
              {entry.action === 'update' && <>{words(from)} → </>}
              {words(entry.action === 'delete' ? from : to)}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
