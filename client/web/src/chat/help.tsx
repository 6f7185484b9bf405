/* help.tsx: all keys of the page, from the one table of them. */
import { Dialog } from '../shared/ui/dialog.tsx';
import { isHelpShown, type LogAction, logKeys, type PageAction, pageKeys } from './keys.ts';
import { settings } from './settings.ts';

const words: Record<LogAction | PageAction, string> = {
  previous: 'The message before',
  next: 'The next message',
  first: 'The first message that is shown',
  last: 'The latest message',
  reply: 'Reply',
  edit: 'Edit your message',
  pin: 'Pin it, or unpin it',
  react: 'React',
  copy: 'Copy the link to it',
  unread: 'Mark unread from here',
  delete: 'Delete it (asks first)',
  composer: 'Back to where you write',
  help: 'This list',
  search: 'Search messages',
  switcher: 'Go to a room or a person',
  roomBefore: 'The room before',
  roomAfter: 'The next room',
  nextUnread: 'The next room with unread messages',
};

const signs: Record<string, string> = {
  Control: 'Ctrl',
  Escape: 'Esc',
  ArrowUp: '↑',
  ArrowDown: '↓',
};

/** As it is printed on keyboards. */
export function printed(name: string): string {
  const keys = name === '+' ? ['+'] : name.split('+');
  return keys.map((key) => signs[key] ?? (key.length === 1 ? key.toUpperCase() : key)).join(' + ');
}

function rowsOf(table: Readonly<Record<string, LogAction | PageAction>>): [string, string][] {
  return Object.entries(table).map(([name, action]) => [printed(name), words[action]]);
}

function writingRows(): [string, string][] {
  const { enterSends } = settings.value;
  return [
    [enterSends ? 'Enter' : 'Ctrl + Enter', 'Send'],
    [enterSends ? 'Shift + Enter' : 'Enter', 'A new line'],
    ['↑', 'In an empty field: edit your last message'],
    ['Esc', 'Do not reply; end editing'],
  ];
}

export function Help() {
  const close = () => {
    isHelpShown.value = false;
  };
  return (
    <Dialog title="Keys" class="help" onClose={close}>
      {!settings.value.singleKeys && (
        <p class="hint">Keys of a single letter or sign are switched off in the settings.</p>
      )}
      <Table title="Everywhere" rows={rowsOf(pageKeys)} />
      <Table title="On a message" rows={rowsOf(logKeys)} />
      <Table title="Where you write" rows={writingRows()} />
    </Dialog>
  );
}

function Table({ title, rows }: { title: string; rows: [string, string][] }) {
  return (
    <table class="help-table">
      <caption>{title}</caption>
      <tbody>
        {rows.map(([keys, does]) => (
          <tr key={keys}>
            <th scope="row">
              <kbd>{keys}</kbd>
            </th>
            <td>{does}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
