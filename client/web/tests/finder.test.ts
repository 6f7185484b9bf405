import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Finder } from '../src/shared/finder.ts';
import { Problem } from '../src/shared/problem.ts';
import { settle } from './settle.ts';

/* A finder whose pauses end, and whose answers come, when the test says so. */
function slowFinder() {
  const pauses: (() => void)[] = [];
  const answers = new Map<string, PromiseWithResolvers<string[]>>();
  const find = (text: string) => {
    const answer = withResolvers<string[]>();
    answers.set(text, answer);
    return answer.promise;
  };
  const finder = new Finder(find, (callback) => pauses.push(callback));
  const pause = () => {
    for (const end of pauses.splice(0)) end();
  };
  return { finder, answers, pause };
}

interface PromiseWithResolvers<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

test('the server is asked once one pauses, and only for the last text', () => {
  const { finder, answers, pause } = slowFinder();
  finder.ask('a');
  finder.ask('an');
  assert.equal(finder.found.value.isSearching, true);
  pause();
  assert.deepEqual([...answers.keys()], ['an']);
});

test('an answer that comes after the next question is not shown', async () => {
  const { finder, answers, pause } = slowFinder();
  finder.ask('a');
  pause();
  finder.ask('an');
  pause();
  answers.get('an')?.resolve(['ann']);
  await settle();
  answers.get('a')?.resolve(['abe', 'ann']);
  await settle();
  assert.deepEqual(finder.found.value, { items: ['ann'], isSearching: false, error: '' });
});

test('what was found before stays while the next answer is on its way', async () => {
  const { finder, answers, pause } = slowFinder();
  finder.ask('a');
  pause();
  answers.get('a')?.resolve(['abe', 'ann']);
  await settle();
  finder.ask('an');
  assert.deepEqual(finder.found.value, {
    items: ['abe', 'ann'],
    isSearching: true,
    error: '',
  });
});

test('a refusal is said in words, and nothing old stays beside it', async () => {
  const { finder, answers, pause } = slowFinder();
  finder.ask('a');
  pause();
  answers
    .get('a')
    ?.reject(new Problem(403, 'forbidden', 'You may not read user.', {}, null, ['eve']));
  await settle();
  const { items, isSearching, error } = finder.found.value;
  assert.deepEqual([items, isSearching], [[], false]);
  assert.equal(error, 'You may not read user. eve can grant it.');
});

test('a finder that was stopped shows nothing, whatever still comes', async () => {
  const { finder, answers, pause } = slowFinder();
  finder.ask('a');
  pause();
  finder.stop();
  answers.get('a')?.resolve(['ann']);
  await settle();
  assert.deepEqual(finder.found.value.items, []);
});
