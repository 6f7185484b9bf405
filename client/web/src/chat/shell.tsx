/* shell.tsx: the frame around a signed-in person's rooms: banner, list, and the open room. */
import { useComputed } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import { navigate, path, roomOf } from '../shared/router.ts';
import type { Session } from '../shared/session.ts';
import type { Me, Room } from '../shared/types.ts';
import { Dialog } from '../shared/ui/dialog.tsx';
import { lazy } from '../shared/ui/lazy.tsx';
import { Banner } from './banner.tsx';
import { Chat, ChatContext, type DialogName } from './chat.ts';
import { actionOf, isHelpShown, type PageAction, pageKeys } from './keys.ts';
import { RoomList } from './room-list.tsx';
import { RoomView } from './room-view.tsx';

const Help = lazy(() => import('./log-later.ts').then((part) => part.Help));
const Dialogs = lazy(() => import('./later.ts').then((part) => part.Dialogs));

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
  useEffect(() => {
    closeDrawer();
    chat.dialog.value = null;
  }, [chat, id]);
  useVisibleHeight();
  useKeys(chat, id);
  useFocus(chat, isDrawerOpen);
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
      {chat.dialog.value && <Dialogs />}
      {isHelpShown.value && <Help />}
      <div class="visually-hidden" aria-live="polite">
        {chat.announcer.lines.value.map(({ id: line, text }) => (
          <p key={line}>{text}</p>
        ))}
      </div>
    </div>
  );
}

/* What had the focus went with the room before, or with a dialog: then one goes on where one writes. On a screen to be
 * touched that would open its keyboard: there it is the room's name. */
function useFocus(chat: Chat, isDrawerOpen: boolean): void {
  const isThere = useComputed(() => {
    const id = roomOf(path.value);
    return id !== null && chat.room.value?.id === id && chat.rooms.all.value.has(id) ? id : null;
  }).value;
  const dialog = chat.dialog.value;
  useEffect(() => {
    if (isThere === null || isDrawerOpen || dialog || document.activeElement !== document.body)
      return;
    const field = matchMedia('(hover: hover)').matches && '.composer textarea';
    const isFirst = chat.recent.length < 2;
    const target = (field && document.querySelector<HTMLElement>(field)) || null;
    if (target) target.focus({ preventScroll: true });
    else if (!isFirst) document.querySelector<HTMLElement>('.room-title h1')?.focus();
  }, [chat, isThere, isDrawerOpen, dialog]);
}

function useKeys(chat: Chat, id: number | null): void {
  useEffect(() => {
    const go = (room: Room | undefined) => room && navigate(`/r/${room.id}`);
    const open = (name: DialogName) => {
      chat.dialog.value = name;
    };
    const acts: Record<PageAction, () => unknown> = {
      help: () => {
        isHelpShown.value = true;
      },
      search: () => open('search'),
      switcher: () => open('switcher'),
      roomBefore: () => go(chat.rooms.neighbour(id, -1)),
      roomAfter: () => go(chat.rooms.neighbour(id, 1)),
      nextUnread: () => go(chat.rooms.nextUnread(id)),
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const action = actionOf(pageKeys, event);
      // An open dialog has the keyboard to itself.
      if (!action || event.defaultPrevented || document.querySelector('dialog[open]')) return;
      event.preventDefault();
      acts[action]();
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, [chat, id]);
}

/* Where the keyboard on the screen lies over the page instead of shrinking it, as on iOS, the page
 * shrinks itself: what one writes must stay in view. */
function useVisibleHeight(): void {
  useEffect(() => {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const fit = () => {
      const isCovered = viewport.scale === 1 && innerHeight - viewport.height > 80;
      document.documentElement.style.setProperty(
        '--visible-height',
        isCovered ? `${viewport.height}px` : '',
      );
      if (isCovered) scrollTo(0, 0);
    };
    viewport.addEventListener('resize', fit);
    return () => viewport.removeEventListener('resize', fit);
  }, []);
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
