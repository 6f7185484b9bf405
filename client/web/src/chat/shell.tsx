/* shell.tsx: the frame around a signed-in person's rooms: banner, list, and the open room. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import { path, roomOf } from '../shared/router.ts';
import type { Session } from '../shared/session.ts';
import type { Me } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { Banner } from './banner.tsx';
import { Chat, ChatContext } from './chat.ts';
import { RoomList } from './room-list.tsx';
import { RoomView } from './room-view.tsx';

interface ShellProps {
  api: Api;
  session: Session;
  me: Me;
}

export function Shell({ api, session, me }: ShellProps) {
  // One chat per person, not per answer of /me.
  const chat = useMemo(() => new Chat(api, session, me), [me.user.id]);
  useEffect(() => {
    chat.start();
    return () => chat.stop();
  }, [chat]);
  return (
    <ChatContext.Provider value={chat}>
      <Frame chat={chat} />
    </ChatContext.Provider>
  );
}

function Frame({ chat }: { chat: Chat }) {
  const id = roomOf(path.value);
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  const closeDrawer = () => setDrawerOpen(false);
  // Going to another room closes the drawer.
  useEffect(closeDrawer, [id]);
  return (
    <div class={id !== null ? 'frame frame-room' : 'frame'}>
      <Banner />
      <nav class="sidebar" aria-label="Rooms">
        <RoomList current={id} />
      </nav>
      {id !== null ? <RoomView key={id} id={id} onMenu={() => setDrawerOpen(true)} /> : <Welcome />}
      {isDrawerOpen && (
        <Dialog title="Rooms" class="drawer" onClose={closeDrawer}>
          <RoomList current={id} />
        </Dialog>
      )}
      <div class="visually-hidden" aria-live="polite">
        {chat.announcer.lines.value.map(({ id: line, text }) => (
          <p key={line}>{text}</p>
        ))}
      </div>
    </div>
  );
}

function Welcome() {
  useEffect(() => {
    document.title = 'Parley';
  }, []);
  return (
    <main class="welcome">
      <h1>Parley</h1>
      <p>Choose a room, or start one.</p>
    </main>
  );
}
