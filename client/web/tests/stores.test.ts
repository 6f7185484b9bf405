import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Announcer } from '../src/chat/announcer.ts';
import { Drafts } from '../src/chat/drafts.ts';
import { Presence, peopleQuery, Typing } from '../src/chat/people.ts';
import { Rooms } from '../src/chat/rooms.ts';
import { Api } from '../src/shared/api.ts';
import { type Problem, problemFromRealtime } from '../src/shared/problem.ts';
import { roomOf } from '../src/shared/router.ts';
import { Session } from '../src/shared/session.ts';
import { badge, excerpt, names } from '../src/shared/text.ts';
import type { Room } from '../src/shared/types.ts';
import { settle } from './settle.ts';

function room(id: number, change: Partial<Room> = {}): Room {
  const membership = { role: 'member', read_offset: 5, unread: 0 };
  const fixed = { topic: '', version: 1, epoch: 'e', offset: 5, members: 2 };
  return { id, kind: 'public', name: `room${id}`, membership, ...fixed, ...change };
}

function respond(status: number, body: unknown, asked: RequestInit[] = []): Api {
  return new Api((_url, init) => {
    asked.push(init ?? {});
    return Promise.resolve(
      new Response(body === undefined ? null : JSON.stringify(body), { status }),
    );
  });
}

test('a problem document becomes words and fields', async () => {
  const errors = [{ pointer: '/name', detail: 'Taken.' }];
  const api = respond(422, {
    status: 422,
    code: 'invalid',
    detail: 'Some fields are not right.',
    errors,
  });
  await assert.rejects(api.post('/register', {}), (problem: Problem) => {
    assert.equal(problem.message, 'Some fields are not right.');
    assert.deepEqual(problem.fields, { name: 'Taken.' });
    assert.equal(problem.isTemporary, false);
    return true;
  });
});

test('an answer without a document still has words', async () => {
  await assert.rejects(respond(403, undefined).get('/room'), { message: 'You may not do this.' });
  const html = new Api(() =>
    Promise.resolve(new Response('<h1>Bad Gateway</h1>', { status: 502 })),
  );
  await assert.rejects(html.get('/room'), { status: 502, isTemporary: true });
});

test('what is wrong with the fields can be said in words too', () => {
  const errors = [{ pointer: '/text', detail: 'This has 9 characters; at most 8 are allowed.' }];
  const message = JSON.stringify({ status: 422, detail: 'Some fields are not right.', errors });
  assert.equal(
    problemFromRealtime({ code: 107, message }).words,
    'This has 9 characters; at most 8 are allowed.',
  );
});

test('a server that is not reached is a temporary problem', async () => {
  const api = new Api(() => Promise.reject(new TypeError('failed')));
  await assert.rejects(api.get('/me'), { status: 0, isTemporary: true });
});

test('people are looked for by the characters that names have', () => {
  const beginning = (typed: string) => /name\[like\]=([^&]*)&/.exec(peopleQuery(typed))?.[1];
  assert.equal(peopleQuery('An'), '/user?name[like]=An*&sort=name&limit=20');
  assert.equal(beginning(''), '*');
  assert.equal(beginning(' j.doe_2-x '), 'j.doe_2-x*');
  assert.equal(beginning('a*n%&limit=1#é\\'), 'anlimit1*');
  assert.equal(beginning('x'.repeat(100)), `${'x'.repeat(33)}*`);
});

test('writes carry the session’s token, reads do not', async () => {
  const asked: RequestInit[] = [];
  const api = respond(204, undefined, asked);
  api.csrf = 'secret';
  await api.post('/logout');
  await api.get('/room');
  const headers = asked.map((init) => (init.headers as Record<string, string>)['X-CSRF-Token']);
  assert.deepEqual(headers, ['secret', undefined]);
});

test('a session that ended is noticed, a wrong password is not one', async () => {
  const api = respond(401, { status: 401, detail: 'Sign in first.' });
  let ended = 0;
  api.onSignedOut = () => ended++;
  await assert.rejects(api.post('/login', {}));
  assert.equal(ended, 0);
  api.csrf = 'secret';
  await assert.rejects(api.get('/room'));
  assert.equal(ended, 1);
});

test('a session that ended leaves the page as it is until one signs in again', async () => {
  let status = 200;
  const api = new Api(() =>
    Promise.resolve(
      new Response(JSON.stringify({ user: { id: 1 }, permissions: {}, csrf: 'secret' }), {
        status,
      }),
    ),
  );
  const session = new Session(api);
  await session.load();
  status = 401;
  await assert.rejects(api.get('/room'));
  assert.deepEqual([session.isOver.value, session.me.value?.user.id], [true, 1]);
  session.end();
  assert.deepEqual([session.isOver.value, session.me.value], [false, null]);
});

test('an error on the socket is the same problem as by REST', () => {
  const document = { status: 422, code: 'invalid', detail: 'Too long.' };
  const refused = problemFromRealtime({ code: 107, message: JSON.stringify(document) });
  assert.deepEqual(
    [refused.status, refused.message, refused.isTemporary],
    [422, 'Too long.', false],
  );
  assert.equal(problemFromRealtime({ code: 103, message: 'permission denied' }).status, 403);
  assert.equal(problemFromRealtime({ code: 100, message: '', temporary: true }).isTemporary, true);
  assert.equal(problemFromRealtime({ code: 1, message: 'timeout' }).isTemporary, true);
});

test('unread counts go up once per message and down by reading anywhere', () => {
  const rooms = new Rooms(respond(200, {}));
  rooms.put(room(1));
  rooms.receive({ event: 'unread', room: 1, offset: 6 });
  rooms.receive({ event: 'unread', room: 1, offset: 6 });
  rooms.receive({ event: 'unread', room: 1, offset: 7 });
  assert.equal(rooms.unread.value, 2);
  rooms.receive({ event: 'read', room: 1, read_offset: 7, unread: 0 });
  assert.equal(rooms.unread.value, 0);
  // Somebody marked it as unread in another tab.
  rooms.receive({ event: 'read', room: 1, read_offset: 6, unread: 1 });
  assert.equal(rooms.unread.value, 1);
});

test('while a mark is on its way an older one does not bring the badge back', async () => {
  let answer = () => {};
  const answered = new Promise<void>((done) => (answer = done));
  const api = new Api(async () => {
    await answered;
    return new Response(JSON.stringify({ read_offset: 8, unread: 0, mentions: 0 }));
  });
  const rooms = new Rooms(api);
  rooms.put(room(1, { offset: 8, membership: { role: 'member', read_offset: 7, unread: 1 } }));
  const marking = rooms.markRead(1, 8);
  rooms.receive({ event: 'read', room: 1, read_offset: 6, unread: 2 });
  assert.equal(rooms.unread.value, 1);
  answer();
  await marking;
  assert.equal(rooms.unread.value, 0);
});

test('a muted room counts only what names me', () => {
  const rooms = new Rooms(respond(200, {}));
  rooms.put(room(1));
  rooms.put(room(2));
  rooms.receive({ event: 'room.preferences', room: 1, notify: 'none' });
  rooms.receive({ event: 'unread', room: 1, offset: 6 });
  assert.deepEqual([rooms.unread.value, rooms.nextUnread(null)], [0, undefined]);
  rooms.receive({ event: 'unread', room: 2, offset: 6 });
  assert.equal(rooms.nextUnread(null)?.id, 2);
  rooms.receive({ event: 'unread', room: 1, offset: 7, mention: true });
  // Where one is named is the first to catch up with.
  assert.deepEqual([rooms.unread.value, rooms.nextUnread(null)?.id], [2, 1]);
  assert.equal(rooms.nextUnread(1)?.id, 2);
  rooms.receive({ event: 'read', room: 1, read_offset: 7, unread: 0, mentions: 0 });
  assert.equal(rooms.unread.value, 1);
});

test('the keys lead through the list as it is shown, and round', () => {
  const rooms = new Rooms(respond(200, {}));
  rooms.put(room(1, { name: 'b' }));
  rooms.put(room(2, { name: 'a' }));
  rooms.put(room(3, { kind: 'direct', name: '', with: { id: 9, name: 'a' } }));
  rooms.put(room(4, { name: 'c', membership: null }));
  const steps = (from: number | null) =>
    ([1, -1] as const).map((step) => rooms.neighbour(from, step)?.id);
  assert.deepEqual(
    [steps(2), steps(3), steps(null)],
    [
      [1, 3],
      [2, 1],
      [2, 3],
    ],
  );
  assert.equal(new Rooms(respond(200, {})).neighbour(null, 1), undefined);
});

test('a refusal names who can grant what is missing, once', () => {
  const document = {
    status: 403,
    detail: 'You may not write news.',
    needs: { model: 'news', right: 'write' },
    ask: [{ id: 1, name: 'ann' }, { id: 2, name: 'bob' }, {}],
  };
  const problem = (detail: string) =>
    problemFromRealtime({ code: 103, message: JSON.stringify({ ...document, detail }) });
  const asked = problem('You may not write news.');
  assert.deepEqual([asked.needs, asked.ask], [document.needs, ['ann', 'bob']]);
  assert.equal(asked.words, 'You may not write news. ann and bob can grant it.');
  const said = 'You may not write news. ann or bob can grant it.';
  assert.equal(problem(said).words, said);
});

test('a notice that stands for several events has the room counted anew, once', async () => {
  const counted = { role: 'member', read_offset: 5, unread: 3 };
  const answer = room(1, { offset: 9, membership: counted });
  let asked = 0;
  const api = new Api(() => {
    asked++;
    return Promise.resolve(new Response(JSON.stringify(answer)));
  });
  let goOn = () => {};
  const rooms = new Rooms(api, () => new Promise<void>((done) => (goOn = done)));
  rooms.put(room(1));
  rooms.receive({ event: 'unread', room: 1, offset: 7 });
  rooms.receive({ event: 'unread', room: 1, offset: 9 });
  assert.equal(rooms.unread.value, 2);
  goOn();
  while (rooms.all.value.get(1)?.membership?.unread !== 3) await new Promise(setImmediate);
  assert.equal(asked, 1);
});

test('a list that was asked for before one was removed does not bring one back', async () => {
  const outside = room(1, { kind: 'public', membership: null });
  let answerList = () => {};
  const listed = new Promise<void>((done) => (answerList = done));
  const api = new Api(async (address) => {
    if (!String(address).includes('?')) return new Response(JSON.stringify(outside));
    await listed;
    const items = [room(1, { kind: 'public' }), room(2)];
    return new Response(JSON.stringify({ items, next: null }));
  });
  const rooms = new Rooms(api);
  rooms.put(room(1, { kind: 'public' }));
  const loading = rooms.load();
  rooms.receive({ event: 'room.removed', room: 1 });
  while (rooms.all.value.get(1)?.membership) await new Promise(setImmediate);
  answerList();
  await loading;
  assert.equal(rooms.all.value.get(1)?.membership, null);
  assert.ok(rooms.all.value.get(2)?.membership);
});

test('one’s own message in between needs no counting anew', () => {
  const api = new Api(() => assert.fail('asked'));
  const rooms = new Rooms(api, () => assert.fail('counted anew'));
  rooms.put(room(1));
  rooms.passed(1, 6);
  rooms.receive({ event: 'unread', room: 1, offset: 7 });
  assert.equal(rooms.unread.value, 1);
});

test('an answer from before something was read does not bring its badge back', async () => {
  const before = { role: 'member', read_offset: 5, unread: 1 };
  const rooms = new Rooms(respond(200, room(1, { offset: 6, membership: before })));
  rooms.put(room(1, { offset: 6, membership: before }));
  const fetching = rooms.fetch(1);
  rooms.receive({ event: 'read', room: 1, read_offset: 6, unread: 0 });
  await fetching;
  assert.equal(rooms.unread.value, 0);
});

test('an answer from before a message was told of does not take its badge away', async () => {
  const membership = { role: 'member', read_offset: 5, unread: 1 };
  const counted = room(1, { offset: 6, membership });
  const answers = [room(1), counted, room(1), counted];
  const api = new Api((address) => {
    const answer = answers.shift();
    const body = String(address).includes('?') ? { items: [answer], next: null } : answer;
    return Promise.resolve(new Response(JSON.stringify(body)));
  });
  const rooms = new Rooms(api, () => Promise.resolve());
  rooms.put(room(1));
  const loading = rooms.load();
  rooms.receive({ event: 'unread', room: 1, offset: 6 });
  await loading;
  assert.deepEqual([rooms.unread.value, rooms.all.value.get(1)?.offset], [1, 6]);
  await settle();
  assert.equal(answers.length, 2, 'what was counted is a guess');

  rooms.put(room(1));
  const fetching = rooms.fetch(1);
  rooms.receive({ event: 'unread', room: 1, offset: 6 });
  await fetching;
  assert.equal(rooms.unread.value, 1);
  assert.equal(answers.length, 0, 'one asked again');
});

test('what was told of between two pages of the list, or of a room that one joined elsewhere, is counted', async () => {
  const outside = room(2, { membership: null });
  const membership = { role: 'member', read_offset: 5, unread: 1 };
  const answers: unknown[] = [
    { items: [room(1)], next: 'more' },
    { items: [room(2)], next: null },
    room(1, { offset: 6, membership }),
    room(2, { offset: 6, membership }),
  ];
  const rooms = new Rooms(
    new Api(() => {
      if (answers.length === 3) {
        rooms.receive({ event: 'unread', room: 1, offset: 6 });
        rooms.receive({ event: 'unread', room: 2, offset: 6 });
      }
      return Promise.resolve(new Response(JSON.stringify(answers.shift())));
    }),
    () => Promise.resolve(),
  );
  rooms.put(room(1));
  rooms.put(outside);
  await rooms.load();
  await settle();
  assert.equal(rooms.unread.value, 2);
  assert.equal(answers.length, 0);
});

test('what was told of before the first list had come is counted', async () => {
  const counted = room(1, { offset: 6, membership: { role: 'member', read_offset: 5, unread: 1 } });
  const answers: unknown[] = [{ items: [room(1)], next: null }, counted];
  const api = new Api(() => Promise.resolve(new Response(JSON.stringify(answers.shift()))));
  const rooms = new Rooms(api, () => Promise.resolve());
  const loading = rooms.load();
  rooms.receive({ event: 'unread', room: 1, offset: 6 });
  await loading;
  for (let turn = 0; rooms.unread.value !== 1; turn++) {
    assert.ok(turn < 100, 'nobody asked again');
    await new Promise(setImmediate);
  }
  assert.equal(answers.length, 0);
});

test('a room one was removed from stays in the list only while it can be read', async () => {
  const outside = new Rooms(respond(200, room(1, { membership: null })));
  outside.put(room(1));
  outside.receive({ event: 'room.removed', room: 1 });
  while (outside.mine.value.length > 0) await new Promise(setImmediate);
  assert.equal(outside.open.value.length, 1);

  const closed = new Rooms(respond(200, {}));
  closed.put(room(1, { kind: 'private' }));
  closed.receive({ event: 'room.removed', room: 1 });
  assert.equal(closed.all.value.size, 0);
});

test('rooms are sorted by what they are to me', () => {
  const rooms = new Rooms(respond(200, {}));
  rooms.put(room(1, { name: 'b' }));
  rooms.put(room(2, { name: 'a', kind: 'private' }));
  rooms.put(room(3, { name: 'c', membership: null }));
  rooms.put(room(4, { kind: 'direct', name: '', with: { id: 2, name: 'bob' } }));
  assert.deepEqual(
    rooms.mine.value.map((item) => item.id),
    [2, 1],
  );
  assert.deepEqual(
    rooms.open.value.map((item) => item.id),
    [3],
  );
  assert.deepEqual(
    rooms.direct.value.map((item) => item.id),
    [4],
  );
});

test('what a room tells everybody does not touch my membership', () => {
  const rooms = new Rooms(respond(200, {}));
  rooms.put(room(1));
  rooms.patch({ id: 1, topic: 'new', membership: null });
  assert.equal(rooms.all.value.get(1)?.topic, 'new');
  assert.equal(rooms.all.value.get(1)?.membership?.read_offset, 5);
});

test('a person with two devices is there once, until the last one goes', () => {
  const presence = new Presence();
  const info = (client: string) => ({ client, user: '2', connInfo: { name: 'bob' } });
  presence.reset({ a: info('a') });
  presence.join(info('b'));
  assert.deepEqual(presence.people.value, [{ id: 2, name: 'bob' }]);
  presence.leave(info('a'));
  assert.equal(presence.people.value.length, 1);
  presence.leave(info('b'));
  assert.equal(presence.people.value.length, 0);
});

test('typing ends by itself, and starts its time anew with each notice', () => {
  const timers = new Map<number, () => void>();
  let next = 0;
  const typing = new Typing(
    (callback) => {
      timers.set(++next, callback);
      return next;
    },
    (timer) => timers.delete(timer as number),
  );
  typing.started({ id: 2, name: 'bob' });
  typing.started({ id: 2, name: 'bob' });
  assert.equal(timers.size, 1);
  assert.equal(typing.people.value.length, 1);
  for (const callback of timers.values()) callback();
  assert.deepEqual(typing.people.value, []);
});

test('a burst is announced as one sentence', () => {
  const timers: (() => void)[] = [];
  const announcer = new Announcer((callback) => timers.push(callback));
  for (let i = 0; i < 5; i++) announcer.say(`bob: ${i}`);
  timers.pop()?.();
  announcer.say('bob: hi');
  timers.pop()?.();
  assert.deepEqual(
    announcer.lines.value.map(({ text }) => text),
    ['5 new messages', 'bob: hi'],
  );
});

test('what was still to be announced of a room that was left is not', () => {
  const timers: (() => void)[] = [];
  const announcer = new Announcer((callback) => timers.push(callback));
  announcer.say('bob: first');
  timers.pop()?.();
  announcer.say('bob: second');
  announcer.clear();
  timers.pop()?.();
  assert.deepEqual(announcer.lines.value, []);
});

test('a draft stays in its room and with its person', () => {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
    key: (index: number) => [...stored.keys()][index] ?? null,
    get length() {
      return stored.size;
    },
  };
  const mine = new Drafts(storage, 1);
  const theirs = new Drafts(storage, 2);
  mine.set(1, 'a');
  mine.set(2, 'b');
  theirs.set(1, 'c');
  assert.deepEqual([mine.get(1), mine.get(2), mine.get(12), theirs.get(1)], ['a', 'b', '', 'c']);
  mine.clear();
  assert.deepEqual([mine.get(1), theirs.get(1)], ['', 'c']);
});

test('addresses of rooms', () => {
  assert.equal(roomOf('/r/12'), 12);
  assert.equal(roomOf('/r/12/m/7'), 12);
  for (const path of [
    '/',
    '/r/',
    '/r/0',
    '/r/x',
    '/r/1x',
    '/r/-1',
    '/setup',
    '/r/99999999999999999',
  ])
    assert.equal(roomOf(path), null, path);
});

test('small pieces of language', () => {
  assert.equal(names(['ann', 'bob']), 'ann and bob');
  assert.equal(names(['a', 'b', 'c', 'd', 'e']), 'a, b, and 3 others');
  assert.equal(badge(100), '99+');
  assert.equal(excerpt('🎉🎉🎉', 2), '🎉🎉…');
  assert.equal(excerpt('a\n b', 10), 'a b');
});
