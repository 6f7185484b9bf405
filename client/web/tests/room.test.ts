import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Announcer } from '../src/chat/announcer.ts';
import { emojis, findEmojis } from '../src/chat/emoji.ts';
import { KeptLogs, RoomLog } from '../src/chat/log.ts';
import { Pins } from '../src/chat/pins.ts';
import { ReadMark } from '../src/chat/read-mark.ts';
import { OpenRoom, type RoomParts } from '../src/chat/room.ts';
import { Rooms } from '../src/chat/rooms.ts';
import { TextLimit } from '../src/chat/text-limit.ts';
import { Api } from '../src/shared/api.ts';
import type { RoomListener } from '../src/shared/conn.ts';
import type { Outbox } from '../src/shared/outbox.ts';
import { Problem } from '../src/shared/problem.ts';
import type { Membership, Message, MessagePage, Room } from '../src/shared/types.ts';

const at = '2026-01-01T00:00:00.000Z';

function message(offset: number): Message {
  const fixed = { room: 1, author: 2, author_name: 'bob', reply_to: null, version: 1 };
  return { id: offset * 10, offset, text: `m${offset}`, created_at: at, updated_at: at, ...fixed };
}

function page(from: number, to: number, top: number): MessagePage {
  const items = [];
  for (let offset = from; offset <= to; offset++) items.push(message(offset));
  return {
    items,
    next: from > 1 ? from : null,
    newer: to < top ? to : null,
    epoch: 'e',
    offset: top,
  };
}

/* A room of @top messages behind a server that answers as the real one does. */
function world(top: number, membership: Partial<Membership> = {}) {
  const asked: string[] = [];
  const marks: { offset: number; unread?: boolean }[] = [];
  const state = { isReachable: true };
  const answer = (address: string): unknown => {
    const query = new URL(address, 'http://x').searchParams;
    const limit = Number(query.get('limit') ?? 50);
    if (address.endsWith('/read')) return { read_offset: marks.at(-1)?.offset, unread: 1 };
    if (!address.includes('/message?')) return message(Number(address.split('/').at(-1)) / 10);
    if (query.has('around')) {
      const offset = Number(query.get('around')) / 10;
      if (offset > top) return null;
      return page(Math.max(1, offset - limit / 2), Math.min(top, offset + limit / 2 - 1), top);
    }
    if (query.has('after')) {
      const from = Number(query.get('after')) + 1;
      return page(from, Math.min(top, from + limit - 1), top);
    }
    const to = query.has('before') ? Number(query.get('before')) - 1 : top;
    return page(Math.max(1, to - limit + 1), to, top);
  };
  const api = new Api(async (address, init) => {
    asked.push(String(address).replace('/api/v1', ''));
    if (String(address).endsWith('/read')) marks.push(JSON.parse(String(init?.body)));
    if (!state.isReachable) throw new Error('away');
    const body = answer(String(address));
    return new Response(JSON.stringify(body ?? {}), { status: body ? 200 : 404 });
  });
  const rooms = new Rooms(api);
  const mine = { role: 'member', read_offset: top, unread: 0, ...membership };
  rooms.put({ id: 1, kind: 'public', name: 'r', offset: top, membership: mine } as Room);
  let listener: RoomListener | undefined;
  let since: unknown;
  const conn = {
    listen: (_room: number, position: unknown, given: RoomListener) => {
      listener = given;
      since = position;
      return () => {};
    },
  };
  const logs = new KeptLogs();
  const parts = {
    api,
    rooms,
    conn,
    logs,
    outbox: { entries: { value: [] }, remove() {} } as unknown as Outbox,
    announcer: new Announcer(() => {}),
    me: { user: { id: 1, name: 'ann' }, permissions: {}, csrf: '' },
  } as unknown as RoomParts;
  return { asked, marks, state, parts, logs, listener: () => listener, since: () => since };
}

/* Frames are the page's: here everything is drawn at once. */
Object.assign(globalThis, {
  document: { hidden: false, hasFocus: () => true },
  requestAnimationFrame: (draw: () => void) => draw(),
});

function said(offset: number) {
  return { event: 'message.created', message: message(offset) } as const;
}

const offsets = ({ log }: OpenRoom) => log.messages.value.map((item) => item.offset);

test('a room opens with enough to reach its first unread message', async () => {
  const { asked, parts } = world(300, { read_offset: 200, unread: 100 });
  const room = new OpenRoom(1, parts);
  await room.start();
  assert.deepEqual(asked, ['/room/1/message?limit=110']);
  assert.equal(room.divider.value, 200);
});

test('a room with more news than a page holds opens where they begin', async () => {
  const { asked, parts } = world(1_000, { read_offset: 200, unread: 800 });
  const room = new OpenRoom(1, parts);
  await room.start();
  assert.deepEqual(asked, ['/room/1/message?after=190&limit=50']);
  assert.equal(room.log.hasNewer.value, true);
});

test('a room that is entered again shows what was kept, and listens from there on', async () => {
  const { asked, parts, since } = world(100);
  const room = new OpenRoom(1, parts);
  await room.start();
  room.stop();
  const again = new OpenRoom(1, parts);
  assert.equal(offsets(again).at(-1), 100);
  await again.start();
  assert.equal(asked.length, 1);
  assert.deepEqual(since(), { offset: 100, epoch: 'e' });
});

test('of a room that is lost nothing stays, not even for a screen reader or for trying again', async () => {
  const { parts, listener } = world(100);
  const room = new OpenRoom(1, parts);
  await room.start();
  const [first] = room.log.messages.value;
  room.replyTo.value = first ?? null;
  parts.announcer.lines.value = [{ id: 1, text: 'bob: a secret' }];

  listener()?.onUnsubscribed();
  await new Promise(setImmediate);

  assert.match(room.error.value, /deleted|no longer/);
  assert.deepEqual(offsets(room), []);
  assert.deepEqual(parts.announcer.lines.value, []);
  assert.equal(room.replyTo.value, null);
});

test('who is let in again before the page knows why the room was lost is back in it', async () => {
  const { parts, listener } = world(100);
  const room = new OpenRoom(1, parts);
  await room.start();
  let refuse = () => {};
  parts.rooms.fetch = () =>
    new Promise((_, reject) => {
      refuse = () => reject(new Problem(404, 'not_found', 'There is no such room.'));
    });
  listener()?.onUnsubscribed();
  await room.start();

  refuse();
  await new Promise(setImmediate);

  assert.equal(room.error.value, '');
  assert.equal(offsets(room).at(-1), 100);
});

test('too much was missed: the end is read anew at the end, and elsewhere the reader’s place', async () => {
  const { asked, parts, listener } = world(1_000);
  const room = new OpenRoom(1, parts);
  await room.start();
  listener()?.onSubscribed(false);
  await new Promise(setImmediate);
  assert.match(asked.at(-1) ?? '', /message\?limit=50$/);
  room.isAtEnd.value = false;
  room.place = 5_000;
  listener()?.onSubscribed(false);
  await new Promise(setImmediate);
  assert.match(asked.at(-1) ?? '', /around=5000/);
  assert.equal(room.isAtEnd.value, false);
  assert.ok(offsets(room).includes(500));
});

test('what was missed cannot be read: nothing is put behind the hole, and trying again reads it anew', async () => {
  const { parts, state, logs, listener } = world(100);
  const room = new OpenRoom(1, parts);
  await room.start();
  state.isReachable = false;
  listener()?.onSubscribed(false);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);

  assert.notEqual(room.error.value, '');
  assert.equal(room.isErrorTemporary.value, true);
  listener()?.onEvent(said(105), 105);
  assert.deepEqual(offsets(room), []);
  room.stop();
  assert.equal(logs.take(1), undefined);

  const again = new OpenRoom(1, parts);
  state.isReachable = true;
  await again.start();
  assert.equal(offsets(again).at(-1), 100);
});

test('a link to a message far back brings the page around it', async () => {
  const { parts } = world(1_000);
  const room = new OpenRoom(1, parts);
  await room.start();
  await room.show(4_000);
  assert.equal(room.target.value?.id, 4_000);
  assert.ok(offsets(room).includes(400));
  assert.equal(room.log.hasNewer.value, true);
});

test('a link to a message that is not there says so and changes nothing', async () => {
  const { parts } = world(100);
  const room = new OpenRoom(1, parts);
  await room.start();
  await room.show(99_999);
  assert.equal(room.target.value, null);
  assert.match(room.notice.value?.text ?? '', /not in this room any more/);
  assert.equal(offsets(room).at(-1), 100);
});

test('the end cannot be fetched: what is shown stays, and it is said', async () => {
  const { parts, state } = world(1_000);
  const room = new OpenRoom(1, parts);
  await room.start();
  await room.show(4_000);
  state.isReachable = false;
  room.toEnd();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.equal(room.error.value, '');
  assert.equal(room.notice.value?.isError, true);
  assert.ok(offsets(room).includes(400));
});

test('what a reply answers is asked for once, if the log does not hold it', async () => {
  const { asked, parts } = world(1_000);
  const room = new OpenRoom(1, parts);
  await room.start();
  assert.equal(room.quotes.of(9_990)?.text, 'm999');
  assert.equal(room.quotes.of(10), undefined);
  room.quotes.of(10);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  assert.equal(room.quotes.of(10)?.text, 'm1');
  assert.equal(asked.filter((path) => path === '/message/1').length, 0);
  assert.equal(asked.filter((path) => path === '/message/10').length, 1);
});

test('what a reply answers goes with its text when it is deleted, and is read again when it is changed', async () => {
  const { asked, parts, listener } = world(1_000);
  const room = new OpenRoom(1, parts);
  await room.start();
  room.quotes.of(10);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  listener()?.onEvent({ event: 'message.deleted', message: { id: 10 } }, 1_001);

  assert.equal(room.quotes.of(10), undefined);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  assert.equal(asked.filter((path) => path === '/message/10').length, 2);
});

test('what a reply answers is asked for again once the server is back', async () => {
  const { parts, state, listener } = world(1_000);
  const room = new OpenRoom(1, parts);
  await room.start();
  state.isReachable = false;
  room.quotes.of(10);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  assert.equal(room.quotes.of(10), undefined);

  state.isReachable = true;
  listener()?.onSubscribed(true);
  room.quotes.of(10);
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  assert.equal(room.quotes.of(10)?.text, 'm1');
});

function mark(from: number, to: number, read_offset: number) {
  const { marks, parts } = world(to, { read_offset, unread: to - read_offset });
  const log = new RoomLog(1);
  log.reset(log.begin(true), page(from, to, to));
  return { marks, mark: new ReadMark(1, parts.rooms, log) };
}

test('what was seen is marked a little later and in one go', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { marks, mark: read } = mark(1, 30, 5);
  read.seen(10, false);
  read.seen(20, false);
  read.seen(15, false);
  assert.deepEqual(marks, []);
  t.mock.timers.tick(400);
  assert.deepEqual(marks, [{ offset: 20 }]);
});

test('what lies between the mark and the rows was not seen', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { marks, mark: read } = mark(100, 130, 5);
  read.seen(120, false);
  t.mock.timers.tick(400);
  assert.deepEqual(marks, []);
  read.seen(130, true);
  t.mock.timers.tick(400);
  assert.deepEqual(marks, [{ offset: 130 }], 'who goes to the end does so knowingly');
});

test('what was marked unread by hand is not read by looking at it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { marks, mark: read } = mark(1, 30, 5);
  read.seen(30, true);
  await read.setUnread(20);
  read.seen(30, true);
  t.mock.timers.tick(1_000);
  assert.deepEqual(marks, [{ offset: 19, unread: true }]);
  read.setRead();
  assert.deepEqual(marks.at(-1), { offset: 30 });
  assert.equal(read.isKeptUnread.value, false);
});

test('pins are read when somebody asks and kept up', async () => {
  let items = [{ message: message(1), user: 1, name: 'ann', created_at: at }];
  let asked = 0;
  const api = new Api(async () => {
    asked++;
    return new Response(JSON.stringify({ items, next: null }));
  });
  const { parts } = world(1);
  const room = new OpenRoom(1, parts);
  const pins = new Pins(api, room);
  assert.equal(await pins.has(10), true);
  items = [];
  room.pinChanges.value++;
  assert.equal(await pins.has(10), false);
  assert.equal(asked, 2);
});

test('reactions are found by the beginning of any of their words', () => {
  assert.equal(findEmojis('').length, 12);
  assert.equal(findEmojis('rock')[0]?.sign, '🚀');
  assert.equal(findEmojis(' UP ')[0]?.sign, '👍');
  assert.deepEqual(findEmojis('zzz'), []);
  assert.equal(new Set(emojis.map(({ sign }) => sign)).size, emojis.length);
  for (const { sign, names } of emojis) assert.ok(sign && names && Array.from(sign).length <= 16);
});

test('the line goes to where one had read to when something comes that nobody sees', async () => {
  const { parts, listener } = world(20);
  const room = new OpenRoom(1, parts);
  await room.start();
  listener()?.onEvent(said(21), 21);
  assert.equal(room.divider.value, null, 'the window is in front');
  document.hasFocus = () => false;
  listener()?.onEvent(said(22), 22);
  listener()?.onEvent(said(23), 23);
  assert.equal(room.divider.value, 20);
  room.mark.seen(23, true);
  listener()?.onEvent(said(24), 24);
  assert.equal(room.divider.value, 23);
  document.hasFocus = () => true;
  room.stop();
});

test('who reacted is named as far as the page knows them', async () => {
  const { parts, listener } = world(5);
  const room = new OpenRoom(1, parts);
  await room.start();
  assert.equal(room.names.of([7, 8]), '2 people');
  assert.equal(room.names.of([1, 2]), 'you and bob');
  assert.equal(room.names.of([2, 7, 8]), 'bob and 2 others');
  const reaction = {
    event: 'reaction.added',
    message: 50,
    user: 7,
    name: 'eve',
    emoji: '+',
  } as const;
  listener()?.onEvent(reaction, 6);
  assert.equal(room.names.of([7, 2]), 'eve and bob');
});

test('how long a message may be is asked once, and again only if nobody answered', async () => {
  let isReachable = false;
  let asked = 0;
  const described = { components: { schemas: { MessageText: { maxLength: 12 } } } };
  const limit = new TextLimit(
    new Api(async () => {
      asked += 1;
      if (!isReachable) throw new Error('away');
      return new Response(JSON.stringify(described));
    }),
  );
  await limit.ask();
  assert.equal(limit.characters.value, 0);
  isReachable = true;
  await limit.ask();
  await limit.ask();
  assert.equal(limit.characters.value, 12);
  assert.equal(asked, 2);
});
