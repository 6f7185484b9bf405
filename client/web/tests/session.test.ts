import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api } from '../src/shared/api.ts';
import { draftsOf, forgetPerson, outboxOf } from '../src/shared/forget.ts';
import { newKey } from '../src/shared/key.ts';
import { Session } from '../src/shared/session.ts';

const ann = { user: { id: 7, name: 'ann' }, permissions: {}, csrf: 'token' };
const unknown = () => Response.json({ status: 401, detail: 'Please sign in.' }, { status: 401 });

/** A session whose questions are answered by hand, in any order. */
function sessionOf(): { session: Session; answer: ((response: Response) => void)[] } {
  const answer: ((response: Response) => void)[] = [];
  const api = new Api(() => new Promise((resolve) => answer.push(resolve)));
  return { session: new Session(api), answer };
}

async function signedIn() {
  const { session, answer } = sessionOf();
  const loading = session.load();
  answer.pop()?.(Response.json(ann));
  await loading;
  return { session, answer };
}

test('who is not signed in yet is nobody', async () => {
  const { session, answer } = sessionOf();
  const loading = session.load();
  answer.pop()?.(unknown());
  await loading;
  assert.equal(session.me.value, null);
});

test('a session that has ended leaves the page as it is until one signs in again', async () => {
  const { session, answer } = await signedIn();
  const loading = session.load();
  answer.pop()?.(unknown());
  await loading;
  assert.equal(session.me.value?.user.name, 'ann');
  assert.equal(session.isOver.value, true);
});

test('an answer that comes after signing out brings nobody back', async () => {
  const { session, answer } = await signedIn();
  const late = session.load();
  const leaving = session.signOut();
  answer[1]?.(new Response(null, { status: 204 }));
  await leaving;
  answer[0]?.(Response.json(ann));
  await late;
  assert.equal(session.me.value, null);
});

test('of two questions the newer one counts, whichever answer comes last', async () => {
  const { session, answer } = await signedIn();
  const first = session.load();
  const second = session.load();
  answer[1]?.(Response.json({ ...ann, user: { id: 8, name: 'bob' } }));
  await second;
  answer[0]?.(Response.json(ann));
  await first;
  assert.equal(session.me.value?.user.name, 'bob');
});

class Store {
  readonly entries = new Map<string, string>();
  get length(): number {
    return this.entries.size;
  }
  key(index: number): string | null {
    return [...this.entries.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.entries.delete(key);
  }
}

test('who signs out leaves no draft and no waiting message, and those of others stay', () => {
  const store = new Store();
  for (const key of [
    `${draftsOf(7)}1`,
    `${draftsOf(7)}2`,
    outboxOf(7),
    `${draftsOf(70)}1`,
    outboxOf(71),
    'parley.theme',
  ])
    store.entries.set(key, 'x');
  forgetPerson(7, [store, undefined]);
  assert.deepEqual([...store.entries.keys()], [`${draftsOf(70)}1`, outboxOf(71), 'parley.theme']);
});

test('a key is its own and needs no secure origin', () => {
  const keys = new Set(Array.from({ length: 100 }, newKey));
  assert.equal(keys.size, 100);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
});
