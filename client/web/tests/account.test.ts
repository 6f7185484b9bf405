import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Endable, programName, scopeWords } from '../src/account/sessions.ts';
import { Api } from '../src/shared/api.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0';
const edge =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0';
const safari =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';

test('browsers are called what people call them', () => {
  assert.equal(programName(firefox), 'Firefox 131 on Linux');
  assert.equal(programName(edge), 'Edge 130 on Windows');
  assert.equal(programName(safari), 'Safari 17 on iOS');
});

test('a program that is not known is shown as it calls itself', () => {
  assert.equal(programName('parley-cli/0.1'), 'parley-cli/0.1');
  assert.equal(programName(''), 'Unknown program');
});

test('scopes are told in words', () => {
  assert.equal(
    scopeWords({ news: ['read', 'write'], '*': ['read'] }),
    'news: read, write; all models: read',
  );
});

test('what could not be ended stays in the list, with the reason', async () => {
  const answers: Record<string, () => Response> = {
    'GET /api/v1/session': () =>
      Response.json({ items: [{ id: 1 }, { id: 2 }, { id: 3 }], next: null }),
    'DELETE /api/v1/session/1': () => new Response(null, { status: 204 }),
    'DELETE /api/v1/session/2': () =>
      Response.json({ status: 503, detail: 'The disk is full.' }, { status: 503 }),
  };
  const api = new Api(
    async (input, init) => answers[`${init?.method} ${input}`]?.() ?? Response.error(),
  );
  const store = new Endable(api, '/session');
  await store.load();
  await store.end(store.items.value ?? []);
  assert.deepEqual(store.items.value, [{ id: 2 }, { id: 3 }]);
  assert.equal(store.error.value, 'The disk is full.');
});
