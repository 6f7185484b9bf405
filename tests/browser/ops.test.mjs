/* ops.test.mjs: the operation page in a real browser. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { must } from '../api/lib/client.mjs';
import { setUpAdministrator, untilAnswer } from '../api/lib/nodes.mjs';
import { login, startServer } from '../api/lib/server.mjs';
import { assertAccessibleEverywhere } from './lib/axe.mjs';
import { composer, launch, row, say, whyNot } from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };

let server;
let browser;
let root;
let ann;

before(async () => {
  if (skip) return;
  server = await startServer({ redis: true });
  browser = await launch();
  root = await setUpAdministrator(server);
  ann = await server.addUser('ann', 'a long enough passphrase');
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (path, person) => browser.visit(server.url + path, { person });
const figure = (page, name) => page.getByRole('figure').filter({ hasText: name });

test('an administrator sees how the server is doing, and what is said there is counted', tests, async () => {
  const room = must(await ann.api('POST', '/room', { kind: 'public', name: 'counted' }), 201, 'room').body.id;
  const page = await visit('/admin/ops', root);
  await page.getByText('home').first().waitFor();
  const chat = await visit(`/r/${room}`, ann);
  await composer(chat).waitFor();
  await say(chat, 'to be counted');
  await row(chat, 'to be counted').waitFor();

  await figure(page, 'Connections').getByText('1', { exact: true }).waitFor();

  await page.locator('canvas').nth(7).waitFor();
  await page.getByText('The last ten seconds as a table').click();
  await page.getByRole('columnheader', { name: 'Messages, per second' }).waitFor();
  const messages = page.locator('details td:nth-of-type(2)');
  // The table goes ten seconds back, so something has to be said until it is seen there.
  const isCounted = async () => {
    must(await ann.api('POST', `/room/${room}/message`, { text: 'to be counted too' }), 201, 'message');
    return (await messages.allTextContents()).some((text) => Number(text) > 0);
  };
  await untilAnswer('a message in the table', isCounted, (is) => is === true);
  await assertAccessibleEverywhere(page, 'operation');
});

test('a connection is ended from the list, for good and with a reason', tests, async () => {
  const hers = () => root.api('GET', `/connection?user=${ann.id}`);
  await untilAnswer('the windows before being gone', hers, ({ body }) => body?.items?.length === 0);
  const page = await visit('/', ann);
  await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
  await untilAnswer('one connection of ann', hers, ({ body }) => body?.items?.length === 1);
  const ops = await visit('/admin/ops', root);
  const list = ops.getByRole('region', { name: 'Who is connected here' });
  await list.getByRole('button', { name: 'Read again' }).click();
  await list.getByRole('button', { name: /^Disconnect ann/ }).first().click();
  await ops.getByRole('dialog').getByRole('button', { name: 'Disconnect', exact: true }).click();

  await list.getByRole('button', { name: /^Disconnect ann/ }).waitFor({ state: 'detached' });

  await page.getByRole('alert').or(page.getByRole('status')).filter({ hasText: /disconnect|ended|administrator/i }).first().waitFor();
});

test('Redis going away is said on the page, and its return too', tests, async () => {
  const page = await visit('/admin/ops', root);
  await page.getByText('connected', { exact: true }).waitFor();
  await server.redis.kill();
  const alert = page.getByRole('alert').filter({ hasText: 'Redis cannot be reached' });
  await alert.waitFor();
  await server.redis.restart();
  await alert.waitFor({ state: 'detached' });
});

test('who is no administrator is told so, and what he may ask for', tests, async () => {
  const eve = await login(server.url, 'ann', 'a long enough passphrase');
  const page = await visit('/admin/ops', eve);
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /administrator|may not/i);
  assert.equal(await page.getByRole('link', { name: 'Operation' }).count(), 0);
});
