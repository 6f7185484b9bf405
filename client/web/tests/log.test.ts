import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptLogs, RoomLog, rows_max } from '../src/chat/log.ts';
import type { Message, MessagePage, RoomEvent } from '../src/shared/types.ts';

const me = 1;
const other = 2;

function message(offset: number, change: Partial<Message> = {}): Message {
  const at = '2026-01-01T00:00:00.000Z';
  const fixed = { room: 1, author_name: 'bob', reply_to: null, created_at: at, updated_at: at };
  return {
    id: offset * 10,
    offset,
    author: other,
    text: `m${offset}`,
    version: 1,
    ...fixed,
    ...change,
  };
}

function page(from: number, to: number, top = to, change: Partial<MessagePage> = {}): MessagePage {
  const items: Message[] = [];
  for (let offset = from; offset <= to; offset++) items.push(message(offset));
  return { items, next: from > 1 ? from : null, epoch: 'e', offset: top, ...change };
}

function created(offset: number, change: Partial<Message> = {}): RoomEvent {
  return { event: 'message.created', message: message(offset, change) };
}

function opened(from: number, to: number): RoomLog {
  const log = new RoomLog(me);
  log.reset(log.begin(true), page(from, to));
  return log;
}

const offsets = (log: RoomLog) => log.messages.value.map((item) => item.offset);
const texts = (log: RoomLog) => log.messages.value.map((item) => item.text);

test('live messages follow the first page', () => {
  const log = opened(1, 3);
  assert.equal(log.receive(created(4), 4), true);
  assert.deepEqual(offsets(log), [1, 2, 3, 4]);
  assert.equal(log.offset, 4);
});

test('an event that was seen already changes nothing', () => {
  const log = opened(1, 3);
  log.receive(created(4), 4);
  assert.equal(log.receive(created(4, { text: 'again' }), 4), false);
  assert.equal(log.receive(created(2, { text: 'again' }), 2), false);
  assert.deepEqual(texts(log), ['m1', 'm2', 'm3', 'm4']);
});

test('a message known from the answer to its sending is not doubled by its event', () => {
  const log = opened(1, 3);
  log.add(message(5, { author: me }));
  log.receive(created(4), 4);
  log.receive(created(5, { author: me }), 5);
  assert.deepEqual(offsets(log), [1, 2, 3, 4, 5]);
});

test('an older page is put in front without the rows that are there', () => {
  const log = opened(51, 60);
  assert.equal(log.hasOlder.value, true);
  assert.equal(log.prepend(log.begin(), page(1, 52, 60)), true);
  assert.deepEqual(
    offsets(log),
    Array.from({ length: 60 }, (_, index) => index + 1),
  );
  assert.equal(log.hasOlder.value, false);
});

test('a change that overtook an older page on its way is not undone by it', () => {
  const log = opened(51, 60);
  const load = log.begin();
  log.receive({ event: 'message.deleted', message: { id: 100 } }, 61);
  log.prepend(load, page(1, 50, 60));
  assert.equal(log.messages.value.find((item) => item.id === 100)?.deleted, true);
});

test('a message that came while the latest page was on its way is kept', () => {
  const log = opened(1, 3);
  const load = log.begin(true);
  log.receive(created(4), 4);
  log.receive(created(5), 5);
  log.reset(load, page(1, 4));
  assert.deepEqual(offsets(log), [1, 2, 3, 4, 5]);
  assert.equal(log.offset, 5);
});

test('after a restore the new history counts from its own start', () => {
  const log = opened(1, 9);
  const load = log.begin(true);
  assert.equal(log.receive(created(3, { text: 'new 3' }), 3), true);
  const items = [message(1, { text: 'new 1' }), message(2, { text: 'new 2' })];
  log.reset(load, page(1, 2, 2, { items, epoch: 'f' }));
  assert.deepEqual(texts(log), ['new 1', 'new 2', 'new 3']);
  assert.equal(log.offset, 3);
  assert.equal(log.epoch, 'f');
});

test('a page of another history is not joined', () => {
  const log = opened(51, 60);
  assert.equal(log.prepend(log.begin(), page(1, 50, 60, { epoch: 'f' })), false);
  assert.equal(offsets(log).length, 10);
});

test('a page that was overtaken by a reload is dropped', () => {
  const log = opened(51, 60);
  const older = log.begin();
  log.reset(log.begin(true), page(70, 80));
  log.prepend(older, page(1, 50, 60));
  assert.equal(offsets(log)[0], 70);
});

test('edits go by version, deletion is final', () => {
  const log = opened(1, 1);
  log.receive({ event: 'message.updated', message: message(1, { text: 'new', version: 3 }) }, 2);
  log.receive({ event: 'message.updated', message: message(1, { text: 'old', version: 2 }) }, 3);
  assert.deepEqual(texts(log), ['new']);
  log.receive({ event: 'message.deleted', message: { id: 10, version: 4 } }, 4);
  log.replace(message(1, { text: 'back', version: 5 }));
  assert.deepEqual(texts(log), ['']);
});

test('reactions add up by person and go away with the last one', () => {
  const log = opened(1, 1);
  const react = (event: 'reaction.added' | 'reaction.removed', user: number, offset: number) =>
    log.receive({ event, message: 10, user, name: 'x', emoji: '👍' }, offset);
  react('reaction.added', 1, 2);
  react('reaction.added', 2, 3);
  assert.deepEqual(log.messages.value[0]?.reactions, [{ emoji: '👍', users: [1, 2] }]);
  react('reaction.removed', 1, 4);
  react('reaction.removed', 2, 5);
  assert.equal(log.messages.value[0]?.reactions, undefined);
});

test('following the end, the oldest rows go', () => {
  const log = opened(1, rows_max);
  log.follow(true);
  log.receive(created(rows_max + 1), rows_max + 1);
  assert.equal(offsets(log).length, rows_max);
  assert.equal(offsets(log)[0], 2);
  assert.equal(log.hasOlder.value, true);
});

test('reading far up, nothing goes away above and new ones are only counted', () => {
  const log = opened(1, rows_max);
  log.follow(false);
  log.receive(created(rows_max + 1), rows_max + 1);
  log.receive(created(rows_max + 2), rows_max + 2);
  assert.deepEqual([offsets(log)[0], offsets(log).at(-1)], [1, rows_max]);
  assert.equal(log.hasNewer.value, true);
  assert.equal(log.missed.value, 2);
});

test('the way back down joins the present without a hole', () => {
  const log = opened(1, rows_max);
  log.follow(false);
  const top = rows_max + 1;
  log.receive(created(top), top);
  log.receive(created(top + 1), top + 1);
  log.append(log.begin(), page(top, top, top + 1, { newer: top }));
  assert.equal(log.hasNewer.value, true);
  log.append(log.begin(), page(top + 1, top + 1, top + 1, { newer: null }));
  assert.deepEqual(offsets(log).slice(-3), [rows_max, top, top + 1]);
  assert.deepEqual([log.hasNewer.value, log.hasOlder.value], [false, true]);
  log.follow(true);
  log.receive(created(top + 2), top + 2);
  assert.equal(offsets(log).at(-1), top + 2);
  assert.equal(offsets(log).length, rows_max);
});

test('what came while the last page was on its way is not taken from the reader nor lost', () => {
  const log = opened(1, rows_max);
  log.follow(false);
  const top = rows_max + 1;
  log.receive(created(top), top);
  const load = log.begin();
  log.receive(created(top + 1), top + 1);
  log.append(load, page(top, top, top, { newer: null }));
  // The window is full: the new one is asked for in turn.
  assert.deepEqual([offsets(log)[0], offsets(log).at(-1), log.hasNewer.value], [2, top, true]);
});

test('a page around a message may end before the present', () => {
  const log = opened(901, 950);
  log.follow(true);
  log.reset(log.begin(true), page(476, 525, 950, { newer: 525 }));
  assert.deepEqual([log.hasOlder.value, log.hasNewer.value], [true, true]);
  log.receive(created(951), 951);
  assert.equal(offsets(log).at(-1), 525);
  assert.equal(log.missed.value, 1, 'the end is not in view');
  log.receive({ event: 'message.deleted', message: { id: 5000 } }, 952);
  assert.equal(log.messages.value.find((item) => item.id === 5000)?.deleted, true);
});

test('the window slides in both directions and never grows', () => {
  const log = opened(951, 1000);
  log.follow(false);
  for (let from = 901; from >= 1; from -= 50) {
    log.prepend(log.begin(), page(from, from + 49, 1000));
    assert.ok(offsets(log).length <= rows_max);
  }
  assert.deepEqual([offsets(log)[0], log.hasOlder.value, log.hasNewer.value], [1, false, true]);
  for (let from = rows_max + 1; from <= 1000; from += 50) {
    const newer = from + 49 < 1000 ? from + 49 : null;
    log.append(log.begin(), page(from, from + 49, 1000, { newer }));
    assert.ok(offsets(log).length <= rows_max);
  }
  assert.deepEqual(
    [offsets(log).at(-1), log.hasOlder.value, log.hasNewer.value],
    [1000, true, false],
  );
});

test('a burst is drawn once per frame, however many events it has', () => {
  const frames: (() => void)[] = [];
  const log = new RoomLog(me, (draw) => frames.push(draw));
  log.reset(log.begin(true), page(1, 50));
  let drawn = 0;
  const stop = log.messages.subscribe(() => drawn++);
  drawn = 0;
  log.follow(false);
  for (let offset = 51; offset <= 150; offset++) log.receive(created(offset), offset);
  assert.deepEqual([drawn, frames.length, log.missed.value], [0, 1, 0]);
  frames.shift()?.();
  assert.deepEqual([drawn, offsets(log).length, log.missed.value], [1, 150, 100]);
  log.follow(true);
  for (let offset = 151; offset <= 2_150; offset++) {
    log.receive(created(offset), offset);
    if (offset % 500 === 0) for (const draw of frames.splice(0)) draw();
  }
  for (const draw of frames.splice(0)) draw();
  assert.equal(drawn, 1 + 5);
  assert.deepEqual([offsets(log).length, offsets(log).at(-1)], [rows_max, 2_150]);
  stop();
});

test('one’s own message is there with the answer, not a frame later', () => {
  const frames: (() => void)[] = [];
  const log = new RoomLog(me, (draw) => frames.push(draw));
  log.reset(log.begin(true), page(1, 3));
  log.add(message(4, { author: me }));
  assert.deepEqual(offsets(log), [1, 2, 3, 4]);
  log.receive(created(5), 5);
  assert.deepEqual(offsets(log), [1, 2, 3, 4]);
  log.draw();
  assert.deepEqual(offsets(log), [1, 2, 3, 4, 5]);
});

test('ten rooms are kept, the one that was left longest ago goes', () => {
  const kept = new KeptLogs();
  for (let room = 1; room <= 11; room++) kept.keep(room, opened(1, 3));
  assert.equal(kept.take(1), undefined);
  const second = kept.take(2);
  assert.ok(second);
  assert.equal(kept.take(2), undefined, 'a log is in one place only');
  kept.keep(2, second);
  kept.keep(12, opened(1, 3));
  assert.equal(kept.take(3), undefined);
  assert.equal(kept.take(2), second);
});

test('the logs of rooms that one may no longer read are let go', () => {
  const kept = new KeptLogs();
  for (const room of [1, 2, 3]) kept.keep(room, opened(1, 3));
  kept.retain((room) => room === 2);
  assert.deepEqual(
    [1, 2, 3].map((room) => kept.take(room) !== undefined),
    [false, true, false],
  );
});

test('a log that is forgotten shows nothing, and takes no page that was on its way', () => {
  const log = opened(1, 3);
  const load = log.begin();
  log.forget();
  log.prepend(load, page(1, 1));
  assert.deepEqual(offsets(log), []);
  assert.equal(log.isReady.value, false);
});

test('a log that cannot catch up is not kept', () => {
  const kept = new KeptLogs();
  kept.keep(1, new RoomLog(me));
  const back = new RoomLog(me);
  back.reset(back.begin(true), page(1, 50, 100, { newer: 50 }));
  kept.keep(2, back);
  assert.deepEqual([kept.take(1), kept.take(2)], [undefined, undefined]);
});

test('own messages are never counted as missed', () => {
  const log = opened(1, 1);
  log.follow(false);
  log.receive(created(2, { author: me }), 2);
  assert.equal(log.missed.value, 0);
});
