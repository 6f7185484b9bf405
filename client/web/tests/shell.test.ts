import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayChangeKind, mayInvite, mayLeave, mayRemove, rolesToGive } from '../src/chat/members.ts';
import { mentionAt } from '../src/chat/mention.ts';
import { isWorthTelling, Tabs, wordsOf } from '../src/chat/notify.ts';
import { marked, searchQuery } from '../src/chat/search.ts';
import { setSetting, settings, startSettings } from '../src/chat/settings.ts';
import { places } from '../src/chat/switcher.ts';
import type { Membership, Room } from '../src/shared/types.ts';

function room(id: number, change: Partial<Room> = {}, mine: Partial<Membership> = {}): Room {
  const membership = { role: 'member', read_offset: 5, unread: 0, ...mine };
  const fixed = { topic: '', version: 1, epoch: 'e', offset: 5, members: 2 };
  return { id, kind: 'public', name: `room${id}`, membership, ...fixed, ...change };
}

function storage(stored: Record<string, string> = {}) {
  return {
    stored,
    getItem: (key: string) => stored[key] ?? null,
    setItem: (key: string, value: string) => {
      stored[key] = value;
    },
  };
}

test('what one chooses is kept, for this person alone', () => {
  const place = storage();
  startSettings(place, 1);
  assert.equal(settings.value.enterSends, true);
  setSetting('enterSends', false);
  startSettings(place, 2);
  assert.equal(settings.value.enterSends, true);
  startSettings(place, 1);
  assert.equal(settings.value.enterSends, false);
});

test('damaged or foreign settings are as if nothing had been chosen', () => {
  for (const text of ['{', 'null', '7', '{"enterSends":"no","other":true}']) {
    startSettings(storage({ 'parley.settings.1': text }), 1);
    assert.equal(settings.value.enterSends, true, text);
    assert.equal('other' in settings.value, false);
  }
});

test('a full storage costs only the next visit', () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error('full');
    },
  };
  startSettings(full, 1);
  setSetting('sound', true);
  assert.equal(settings.value.sound, true);
  startSettings(storage(), 1);
});

test('the switcher offers where one was last, then what fits best', () => {
  const rooms = [
    room(1, { name: 'general' }),
    room(2, { name: 'dev-general' }),
    room(3, { name: 'Genève' }),
    room(4, { kind: 'direct', name: '', with: { id: 9, name: 'eugene' } }),
  ];
  const names = (typed: string, recent: number[] = []) =>
    places(typed, { rooms, people: [{ id: 9, name: 'eugene' }], recent }).map(({ name }) => name);
  assert.deepEqual(names('', [2, 1]), ['dev-general', 'general', 'eugene', 'Genève']);
  assert.deepEqual(names('gen'), ['general', 'Genève', 'dev-general', 'eugene']);
  assert.deepEqual(names('#GENEVE'), ['Genève']);
  assert.deepEqual(names('.*'), []);
  assert.deepEqual(names('['), []);
});

test('people are offered unless there is a conversation already', () => {
  const rooms = [room(1, { kind: 'direct', name: '', with: { id: 9, name: 'eve' } })];
  const people = [
    { id: 9, name: 'eve' },
    { id: 10, name: 'evelyn' },
  ];
  const found = places('@eve', { rooms, people, recent: [] });
  assert.deepEqual(
    found.map((place) => ('room' in place ? place.room.id : place.person.id)),
    [1, 10],
  );
});

test('a search names the words, the room and the author', () => {
  assert.equal(searchQuery(' a & b ', 7, 3), '/message?q=a+%26+b&limit=20&room=7&author=3');
  assert.equal(searchQuery('a', null, null), '/message?q=a&limit=20');
});

test('an excerpt shows the words that were found', () => {
  const shown = (text: string, words: string) =>
    marked(text, words)
      .map((piece) => (piece.isFound ? `[${piece.text}]` : piece.text))
      .join('');
  assert.equal(shown('The Cat and the catalogue', 'cat'), 'The [Cat] and the [cat]alogue');
  assert.equal(shown('concatenate', 'cat'), 'concatenate');
  assert.equal(shown('a (b', '('), 'a (b');
  assert.equal(shown('Übung über alles', 'über'), 'Übung [über] alles');
  const far = shown(`${'word '.repeat(50)}needle end`, 'needle');
  assert.match(far, /^….*\[needle\] end$/);
  assert.ok(far.length < 120);
});

test('a name is completed where a mention begins, and nowhere else', () => {
  assert.deepEqual(mentionAt('@', 1), { from: 0, name: '' });
  assert.deepEqual(mentionAt('hi @an', 6), { from: 3, name: 'an' });
  assert.deepEqual(mentionAt('hi (@an.b-c', 11), { from: 4, name: 'an.b-c' });
  assert.deepEqual(mentionAt('hi @an and', 6), { from: 3, name: 'an' });
  for (const text of ['me@an', 'hi @an ', 'https://x/@an', '@@an', `@${'a'.repeat(33)}`])
    assert.equal(mentionAt(text, text.length), null, text);
});

test('only what the server allows is offered', () => {
  const as = (role: string, change: Partial<Room> = {}) => room(1, change, { role });
  const session = { can: () => true };
  assert.equal(mayInvite(as('member'), session), true);
  assert.equal(mayInvite(as('owner'), { can: (model) => model !== 'member' }), false);
  assert.equal(mayInvite(as('member', { kind: 'private' }), session), false);
  assert.equal(mayInvite(as('moderator', { kind: 'private' }), session), true);
  assert.equal(mayInvite(as('reader'), session), false);
  assert.equal(mayInvite(room(1, { membership: null }), session), false);
  assert.equal(mayChangeKind(as('moderator')), false);
  assert.deepEqual(rolesToGive(as('moderator'), 'member'), ['reader', 'member']);
  assert.deepEqual(rolesToGive(as('moderator'), 'owner'), []);
  assert.equal(rolesToGive(as('owner'), 'owner').length, 4);
  assert.deepEqual(rolesToGive(as('member'), 'reader'), []);
  assert.deepEqual(
    ['member', 'moderator', 'owner'].map((theirs) => mayRemove(as('moderator'), theirs)),
    [true, false, false],
  );
  const direct = as('owner', { kind: 'direct' });
  assert.deepEqual(
    [mayInvite(direct, session), mayLeave(direct), mayRemove(direct, 'member')],
    [false, false, false],
  );
});

test('mentions and direct messages are told of, a muted room is not', () => {
  const event = { event: 'unread', room: 1, offset: 9 } as const;
  const named = { ...event, mention: true };
  const few = { notifyAll: false };
  const all = { notifyAll: true };
  const direct = room(1, { kind: 'direct' });
  assert.equal(isWorthTelling(room(1), event, few), false);
  assert.equal(isWorthTelling(room(1), event, all), true);
  assert.equal(isWorthTelling(room(1), named, few), true);
  assert.equal(isWorthTelling(direct, event, few), true);
  assert.equal(isWorthTelling(room(1, {}, { notify: 'mentions' }), event, all), false);
  assert.equal(isWorthTelling(room(1, {}, { notify: 'none' }), named, all), false);
  assert.equal(isWorthTelling(room(1, { membership: null }), named, all), false);
  assert.equal(isWorthTelling(undefined, named, all), false);
});

test('of several tabs one speaks, and none while one is looked at', async () => {
  const speakers = async (looked: readonly boolean[]) => {
    const tabs: Tabs[] = [];
    const wait = () => new Promise((done) => setImmediate(done));
    for (const [index, isLookedAt] of looked.entries())
      tabs.push(
        new Tabs({
          tab: `tab${index}`,
          isLookedAt: () => isLookedAt,
          wait,
          post: (offer) => {
            for (const other of tabs) if (other !== tabs[index]) other.hear(offer);
          },
        }),
      );
    return Promise.all(tabs.map((tab) => tab.isSpeaker('1:9')));
  };
  assert.deepEqual(await speakers([false]), [true]);
  assert.deepEqual(await speakers([false, false, false]), [true, false, false]);
  assert.deepEqual(await speakers([false, true]), [false, false]);
});

test('what was said is not part of a notification that should not show it', () => {
  const event = { event: 'unread', room: 1, offset: 9, mention: true } as const;
  const message = { author_name: 'bob', text: 'a **secret**' };
  assert.deepEqual(wordsOf(room(1), event, message), {
    title: 'bob in #room1',
    body: message.text,
  });
  const silent = wordsOf(room(1), event, undefined);
  assert.deepEqual(silent, { title: 'You were mentioned in #room1', body: '' });
});
