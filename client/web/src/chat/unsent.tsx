/* unsent.tsx: what one wrote in a room that was lost before it could be sent. It will not go there any more, but it is
 * theirs to keep. */
import { useState } from 'preact/hooks';
import { copyText } from '../shared/clipboard.ts';
import type { OutboxEntry } from '../shared/outbox.ts';
import { useChat } from './chat.ts';

export function Unsent({ room }: { room: number }) {
  const { outbox } = useChat();
  const entries = outbox.entries.value.filter((entry) => entry.room === room);
  if (entries.length === 0) return null;
  return (
    <section class="unsent" aria-label="Not sent">
      <h2>Not sent</h2>
      <p>What you wrote here last could not be sent. Copy what you want to keep.</p>
      {entries.map((entry) => (
        <UnsentText key={entry.key} entry={entry} onDelete={() => outbox.remove(entry.key)} />
      ))}
    </section>
  );
}

function UnsentText({ entry, onDelete }: { entry: OutboxEntry; onDelete: () => void }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    const isCopied = await copyText(entry.text);
    setSaid(isCopied ? 'Copied.' : 'This browser does not let the page copy. Select the text.');
  };
  return (
    <div class="unsent-text">
      <p class="text" dir="auto">
        {entry.text}
      </p>
      <button type="button" class="button" onClick={copy}>
        Copy
      </button>
      <button type="button" class="button" onClick={onDelete}>
        Delete
      </button>
      <span role="status" class="hint">
        {said}
      </span>
    </div>
  );
}
