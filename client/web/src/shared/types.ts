/* types.ts: what the server sends, by REST and on the socket. */

export type Right = 'read' | 'write' | 'delete';

export interface User {
  id: number;
  name: string;
  superuser?: boolean;
}

export interface Me {
  user: User;
  permissions: Record<string, Right[]>;
  csrf: string;
}

export type RoomKind = 'public' | 'private' | 'direct';

/** What a member wants to be told of; a room at `none` is muted. */
export type Notify = 'all' | 'mentions' | 'none';

export interface Membership {
  role: string;
  read_offset: number;
  unread: number;
  /** How many of the unread ones name me. */
  mentions?: number;
  notify?: Notify;
}

export interface Room {
  id: number;
  kind: RoomKind;
  name: string;
  topic: string;
  version: number;
  epoch: string;
  /** The newest position in the room's event log. */
  offset: number;
  members: number;
  membership: Membership | null;
  /** The other person; direct rooms only. */
  with?: User;
}

export interface Reaction {
  emoji: string;
  users: number[];
}

export interface Message {
  id: number;
  room: number;
  /** Its place in the room: messages are ordered by it. */
  offset: number;
  author: number;
  author_name: string;
  text: string;
  reply_to: number | null;
  /** The sender's idempotency key, echoed. */
  key?: string;
  created_at: string;
  updated_at: string;
  version: number;
  deleted?: boolean;
  reactions?: Reaction[];
  /** The members it names. */
  mentions?: number[];
}

/** A message that the room holds up for all to see. */
export interface Pin {
  message: Message;
  /** Who pinned it. */
  user: number;
  name: string;
  created_at: string;
}

export interface Member {
  user: number;
  name: string;
  role: string;
  joined_at: string;
}

export interface Page<T> {
  items: T[];
  next: string | number | null;
}

export interface MessagePage {
  /** Oldest first. */
  items: Message[];
  /** Ask with before=next for what is older; null at the beginning of the room. */
  next: number | null;
  /** Ask with after=newer for what is newer; null or absent where the page reaches the present. */
  newer?: number | null;
  epoch: string;
  /** The room's top when the page was read: the page holds every event up to it. */
  offset: number;
}

/** What travels on room:<id>. Only typing has no offset. */
export type RoomEvent =
  | { event: 'message.created' | 'message.updated'; message: Message }
  | { event: 'message.deleted'; message: Pick<Message, 'id'> & Partial<Message> }
  | {
      event: 'reaction.added' | 'reaction.removed';
      message: number;
      user: number;
      name: string;
      emoji: string;
    }
  | { event: 'message.pinned' | 'message.unpinned'; message: number; user: number; name: string }
  | { event: 'room.updated'; room: Partial<Room> & { id: number } }
  | { event: 'member.joined' | 'member.updated'; member: Member }
  | { event: 'member.left'; user: number; name: string }
  | { event: 'typing'; user: number; name: string };

/** What travels on user:<id>, one person's own feed. */
export type UserEvent =
  | { event: 'room.added'; room: Room }
  | { event: 'room.removed'; room: number }
  | { event: 'read'; room: number; read_offset: number; unread: number; mentions?: number }
  | { event: 'unread'; room: number; offset: number; mention?: boolean }
  | { event: 'room.preferences'; room: number; notify: Notify }
  | { event: 'permissions'; everybody?: boolean };

/** A place where somebody is signed in. */
export interface SignedIn {
  id: number;
  created_at: string;
  used_at: string;
  expires_at: string;
  peer: string;
  agent: string;
  current: boolean;
}
