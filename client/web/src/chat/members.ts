/* members.ts: what one may do with a room and its members. The server decides anew each time; this
 * is only what the page offers. */
import type { Session } from '../shared/session.ts';
import type { Room } from '../shared/types.ts';

/* In the order of power. */
export const roles = ['reader', 'member', 'moderator', 'owner'] as const;
export type Role = (typeof roles)[number];

export const roleHints: Record<Role, string> = {
  reader: 'reads',
  member: 'reads and writes',
  moderator: 'also tidies up and invites',
  owner: 'also decides who may what',
};

function power(role: string | undefined): number {
  return roles.indexOf(role as Role);
}

function isAtLeast(room: Room, role: Role): boolean {
  return room.kind !== 'direct' && power(room.membership?.role) >= power(role);
}

export const mayInvite = (room: Room, session: Pick<Session, 'can'>) =>
  session.can('member', 'write') &&
  isAtLeast(room, room.kind === 'public' ? 'member' : 'moderator');
export const mayRename = (room: Room) => isAtLeast(room, 'moderator');
export const mayChangeKind = (room: Room) => isAtLeast(room, 'owner');
export const mayDelete = (room: Room) => isAtLeast(room, 'owner');
export const mayLeave = (room: Room) => room.kind !== 'direct' && room.membership !== null;

/** The roles that one may give to who has @theirs: none if it stays as it is. */
export function rolesToGive(room: Room, theirs: string): readonly Role[] {
  if (isAtLeast(room, 'owner')) return roles;
  if (isAtLeast(room, 'moderator') && power(theirs) <= power('member')) return ['reader', 'member'];
  return [];
}

export function mayRemove(room: Room, theirs: string): boolean {
  if (power(theirs) > power('member')) return isAtLeast(room, 'owner');
  return isAtLeast(room, 'moderator');
}
