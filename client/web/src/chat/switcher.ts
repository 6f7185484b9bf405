/* switcher.ts: where the quick switcher can lead, best first. */
import type { Room, User } from '../shared/types.ts';
import { roomName, unreadOf } from './rooms.ts';

const places_max = 12;

export type Place = { name: string; hint: string } & ({ room: Room } | { person: User });

interface Known {
  rooms: readonly Room[];
  /** People who were found by what was typed; who has a direct room already is that room. */
  people: readonly User[];
  /** Ids of rooms, the one that was left last first. */
  recent: readonly number[];
}

export function places(typed: string, { rooms, people, recent }: Known): Place[] {
  const wanted = fold(typed.trim().replace(/^[#@]/, ''));
  const partners = new Set(rooms.map((room) => room.with?.id));
  const found: { place: Place; rank: number[] }[] = [];
  for (const room of rooms) {
    const match = matchOf(roomName(room), wanted);
    if (match < 0) continue;
    const visit = recent.indexOf(room.id);
    found.push({
      place: { name: roomName(room), hint: hintOf(room), room },
      rank: [match, visit < 0 ? recent.length : visit, unreadOf(room) > 0 ? 0 : 1],
    });
  }
  for (const person of people) {
    const match = matchOf(person.name, wanted);
    if (match < 0 || partners.has(person.id)) continue;
    const place = { name: person.name, hint: 'new conversation', person };
    found.push({ place, rank: [match, recent.length, 2] });
  }
  return found
    .sort((a, b) => compare(a.rank, b.rank) || a.place.name.localeCompare(b.place.name))
    .slice(0, places_max)
    .map(({ place }) => place);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, place) => value !== b[place]);
  return index < 0 ? 0 : (a[index] as number) - (b[index] as number);
}

/* 0: begins so; 1: a word in it does; 2: it is somewhere inside; -1: it is not. */
function matchOf(name: string, wanted: string): number {
  const index = fold(name).indexOf(wanted);
  if (index <= 0) return index;
  return new RegExp(`[\\s._-]${wanted.replace(/[^\p{L}\p{N}]/gu, '\\$&')}`, 'u').test(fold(name))
    ? 1
    : 2;
}

function fold(text: string): string {
  return text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
}

function hintOf(room: Room): string {
  const kind = { public: 'room', private: 'private room', direct: 'conversation' }[room.kind];
  const unread = unreadOf(room);
  if (unread > 0) return `${kind}, ${unread} unread`;
  return room.membership ? kind : `${kind}, not joined`;
}
