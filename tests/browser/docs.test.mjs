/* docs.test.mjs: the page that shows the API to people. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { register, startServer } from '../api/lib/server.mjs';
import { giveSession, launch, whyNot } from './lib/browser.mjs';

const skip = whyNot();
let server;
let browser;
let hasDocs = false;

before(async () => {
  if (skip) return;
  server = await startServer();
  browser = await launch();
  hasDocs = /<script/.test(await (await fetch(`${server.url}/api/docs`)).text());
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
afterEach(() => browser?.closeWindows());

/* The page with all operations shown, and the addresses of everything it asked for. */
async function openDocs(t, person) {
  if (!hasDocs) return t.skip('the client was not built');
  const page = await browser.visit('about:blank');
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  if (person) await giveSession(page.context(), person, server.url);
  await page.goto(`${server.url}/api/docs`);
  await page.getByText('/api/v1/room', { exact: true }).first().waitFor();
  return { page, asked };
}

const operationOf = (page, summary) => page.locator('.opblock').filter({ hasText: summary });

test('it shows every operation and asks no other host', { skip }, async (t) => {
  const open = await openDocs(t);
  if (!open) return;
  const document = await (await fetch(`${server.url}/api/v1/openapi.json`)).json();
  const count = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;

  await open.page.locator('.opblock').nth(count - 1).waitFor();

  assert.equal(await open.page.locator('.opblock').count(), count);
  const strangers = open.asked.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith('data:'));
  assert.deepEqual(strangers, []);
});

test('an operation opens and shows its parameters, its body and its answers', { skip }, async (t) => {
  const open = await openDocs(t);
  if (!open) return;
  const operation = operationOf(open.page, 'Say something');

  await operation.locator('.opblock-summary-control').click();

  await operation.getByText('Request body').waitFor();
  await operation.getByText('Idempotency-Key').first().waitFor();
  await operation.getByText('You may not do this').first().waitFor();
});

test('who is signed in can try a write, with the token that it needs', { skip }, async (t) => {
  const ann = hasDocs ? await register(server.url, 'ann') : null;
  const open = await openDocs(t, ann);
  if (!open) return;
  const operation = operationOf(open.page, 'Make a room');
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.locator('textarea').fill('{"kind": "public", "name": "from the docs"}');

  await operation.getByRole('button', { name: 'Execute' }).click();

  await operation.locator('.live-responses-table').getByText('201', { exact: true }).first().waitFor();
});
