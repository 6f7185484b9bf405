/* all-dialogs.tsx: the dialog that is open, of those that any part of the page may ask for. */
import { navigate, path, roomOf } from '../shared/router.ts';
import type { User } from '../shared/types.ts';
import { useChat } from './chat.ts';
import { CreateRoom, PickPerson } from './dialogs.tsx';
import { Members } from './members-dialog.tsx';
import { RoomSettings } from './room-settings.tsx';
import { Search } from './search-dialog.tsx';
import { SettingsDialog } from './settings-dialog.tsx';
import { Switcher } from './switcher-dialog.tsx';

export function Dialogs() {
  const { dialog, rooms, room: open } = useChat();
  const current = roomOf(path.value);
  // Who is in a room that was lost is no longer to be seen.
  const isLost = open.value?.id === current && open.value?.error.value;
  const room = current === null || isLost ? undefined : rooms.all.value.get(current);
  const close = () => {
    dialog.value = null;
  };
  const startDirect = async (user: User) => {
    const started = await rooms.startDirect(user.id);
    close();
    navigate(`/r/${started.id}`);
  };
  switch (dialog.value) {
    case 'room':
      return <CreateRoom onClose={close} />;
    case 'direct':
      return <PickPerson title="New conversation" onPick={startDirect} onClose={close} />;
    case 'switcher':
      return <Switcher current={current} onClose={close} />;
    case 'search':
      return <Search current={current} onClose={close} />;
    case 'settings':
      return <SettingsDialog onClose={close} />;
    case 'members':
      return room ? <Members room={room} onClose={close} /> : null;
    case 'details':
      return room ? <RoomSettings room={room} onClose={close} /> : null;
    default:
      return null;
  }
}
