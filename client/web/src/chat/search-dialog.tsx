/* search-dialog.tsx: find what was said, and go there. */
import { useRef, useState } from 'preact/hooks';
import { asProblem, Problem } from '../shared/problem.ts';
import { stampLabel } from '../shared/time.ts';
import type { Message, Page, User } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Field } from '../shared/ui/form.tsx';
import { useChat } from './chat.ts';
import { roomTitle } from './rooms.ts';
import { marked, searchQuery } from './search.ts';

interface Results {
  words: string;
  query: string;
  items: readonly Message[];
  next: string | number | null;
}

export function Search({ current, onClose }: { current: number | null; onClose: () => void }) {
  const chat = useChat();
  const { api, rooms } = chat;
  const [found, setResults] = useState<Results | null>(null);
  // A room may be lost while what was found in it is shown.
  const results = found && {
    ...found,
    items: found.items.filter((message) => chat.mayRead(message.room)),
  };
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const asked = useRef(0);
  const room = current === null ? undefined : rooms.all.value.get(current);

  const ask = async (load: () => Promise<Results>) => {
    asked.current += 1;
    const mine = asked.current;
    setBusy(true);
    setError('');
    try {
      const answer = await load();
      if (mine === asked.current) setResults(answer);
    } catch (problem) {
      if (mine === asked.current) setError(asProblem(problem).words);
    }
    if (mine === asked.current) setBusy(false);
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const words = String(form.get('words')).trim();
    const name = String(form.get('author')).trim().replace(/^@/, '');
    const where = form.get('where') === 'here' ? current : null;
    void ask(async () => {
      const author = name ? await idOf(name) : null;
      const query = searchQuery(words, where, author);
      return { words, query, ...(await api.get<Page<Message>>(query)) };
    });
  };
  const idOf = async (name: string): Promise<number> => {
    const page = await api.get<Page<User>>(`/user?name=${encodeURIComponent(name)}&limit=1`);
    const id = page.items[0]?.id;
    if (id === undefined) throw new Problem(404, 'not_found', `There is nobody called ${name}.`);
    return id;
  };
  const more = ({ query, next, items, words }: Results) =>
    ask(async () => {
      const page = await api.get<Page<Message>>(`${query}&before=${next}`);
      return { words, query, items: [...items, ...page.items], next: page.next };
    });
  return (
    <Dialog title="Search messages" class="dialog-wide" onClose={onClose}>
      <form class="form" onSubmit={onSubmit}>
        <Field
          label="Words"
          name="words"
          autofocus
          enterkeyhint="search"
          required
          maxLength={200}
          autocomplete="off"
          hint="Messages that have all of them."
        />
        <div class="form-row">
          <div class="field">
            <label for="search-where">Where</label>
            <select id="search-where" name="where">
              {room && <option value="here">In {roomTitle(room)}</option>}
              <option value="all">In all rooms</option>
            </select>
          </div>
          <Field label="From" name="author" autocomplete="off" placeholder="anybody" />
        </div>
        <button type="submit" class="button button-main" disabled={isBusy}>
          Search
        </button>
      </form>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <p class="results-status" role="status">
        {isBusy ? 'Searching…' : results && statusOf(results)}
      </p>
      {results && results.items.length > 0 && (
        <ul class="results" aria-label="Results">
          {results.items.map((message) => (
            <li key={message.id}>
              <Result message={message} words={results.words} onClose={onClose} />
            </li>
          ))}
        </ul>
      )}
      {results && results.next !== null && (
        <button type="button" class="button" disabled={isBusy} onClick={() => more(results)}>
          Older results
        </button>
      )}
    </Dialog>
  );
}

function statusOf({ items, next }: Results): string {
  if (items.length === 0) return 'Nothing was found. Try fewer or other words.';
  if (items.length === 1) return '1 message.';
  return next === null ? `${items.length} messages.` : `The newest ${items.length} messages.`;
}

interface ResultProps {
  message: Message;
  words: string;
  onClose: () => void;
}

function Result({ message, words, onClose }: ResultProps) {
  const room = useChat().rooms.all.value.get(message.room);
  return (
    <a class="result" href={`/r/${message.room}/m/${message.id}`} onClick={onClose}>
      <span class="result-head">
        <strong dir="auto">{message.author_name}</strong> in{' '}
        <span dir="auto">{room ? roomTitle(room) : 'a room'}</span>{' '}
        <time class="hint" dateTime={message.created_at}>
          {stampLabel(message.created_at)}
        </time>
      </span>
      <span class="result-text" dir="auto">
        {marked(message.text, words).map(({ text, isFound }) =>
          isFound ? <mark>{text}</mark> : text,
        )}
      </span>
    </a>
  );
}
