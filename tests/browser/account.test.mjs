/* account.test.mjs: signing in and registering, the first administrator, and one's own account, in a real browser. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { login, startServer } from '../api/lib/server.mjs';
import { assertAccessibleEverywhere } from './lib/axe.mjs';
import { fillIn, launch, navigation, whyNot } from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };
const password = 'a long enough passphrase';

let server;
let browser;

before(async () => {
  if (skip) return;
  server = await startServer();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (path, person) => browser.visit(server.url + path, { person });
const part = (page, name) => page.getByRole('region', { name });

test('the one-time link makes the first administrator, who is then signed in', tests, async () => {
  const [link] = await server.waitForOutput(/http:\/\/\S+\/setup\?token=\S+/);
  const page = await visit(link.slice(server.url.length));
  await page.getByText('Create the first administrator').waitFor();
  await assertAccessibleEverywhere(page, 'set-up');
  await fillIn(page, 'root', password, 'Create administrator');
  await navigation(page).waitFor();

  const late = await visit(link.slice(server.url.length));
  await late.getByRole('alert').getByText('not valid any more').waitFor();
});

test('one registers, signs out and in again; a wrong password is told without saying what was wrong', tests, async () => {
  const page = await visit('/');
  await page.getByRole('button', { name: 'Create an account' }).click();
  await fillIn(page, 'newcomer', password, 'Register');
  await navigation(page).waitFor();
  await page.goto(`${server.url}/account`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();

  await fillIn(page, 'newcomer', 'not the password');

  const alert = page.getByRole('alert');
  await alert.waitFor();
  assert.doesNotMatch(await alert.innerText(), /no such|unknown|does not exist/i);
  assert.equal(await page.getByLabel('Name').inputValue(), 'newcomer');
  await assertAccessibleEverywhere(page, 'sign-in with an error');
  await fillIn(page, 'newcomer', password);
  await navigation(page).waitFor();
});

test('one sees where one is signed in and ends a session elsewhere, which is told there', tests, async () => {
  const ann = await server.addUser('ann', password);
  const there = await visit('/', await login(server.url, 'ann', password));
  const here = await visit('/account', ann);
  const sessions = part(here, 'Where you are signed in').getByRole('listitem');
  await sessions.nth(1).waitFor();
  assert.equal(await sessions.count(), 2);
  assert.match(await sessions.filter({ hasText: '(here)' }).innerText(), /last used/);

  await part(here, 'Where you are signed in').getByRole('button', { name: /^End the session/ }).click();

  await sessions.nth(1).waitFor({ state: 'detached' });
  assert.match(await sessions.innerText(), /\(here\)/);
  await there.getByText(/session (has )?ended|sign in again/i).first().waitFor();
});

test('a wrong present password is told on its field; a new one ends all other sessions', tests, async () => {
  const bob = await server.addUser('bob', password);
  const other = await login(server.url, 'bob', password);
  const page = await visit('/account', bob);
  const form = part(page, 'Password');
  await form.getByLabel('Present password').fill('not it at all');
  await form.getByLabel('New password').fill('another long passphrase');
  await form.getByRole('button', { name: 'Change password' }).click();
  await form.locator('.error').first().waitFor();

  await form.getByLabel('Present password').fill(password);
  await form.getByRole('button', { name: 'Change password' }).click();
  await form.getByText('The password is changed').waitFor();

  assert.equal(await form.getByLabel('New password').inputValue(), '');
  assert.equal((await other.api('GET', '/me')).status, 401);
  assert.equal((await bob.api('GET', '/me')).status, 200);
});

test('a token is made with what one chooses, shown once, works, and is ended', tests, async () => {
  const carla = await server.addUser('carla', password);
  const page = await visit('/account', carla);
  await page.getByRole('button', { name: 'New token' }).click();
  const dialog = page.getByRole('dialog', { name: 'New API token' });
  await dialog.getByLabel('Name').fill('my script');
  const make = dialog.getByRole('button', { name: 'Make token' });
  assert.equal(await make.isDisabled(), true);
  await dialog.getByRole('checkbox', { name: 'read room' }).check();
  assert.equal(await dialog.getByRole('checkbox', { name: 'grant room' }).count(), 0);
  await assertAccessibleEverywhere(page, 'new token');
  await make.click();

  const shown = page.getByRole('dialog', { name: 'Token my script' });
  const secret = await shown.locator('code').first().innerText();
  const ask = (path) => fetch(`${server.url}/api/v1${path}`, { headers: { Authorization: `Bearer ${secret}` } });
  assert.equal((await ask('/room')).status, 200);
  assert.equal((await ask('/user')).status, 403);
  await shown.getByRole('button', { name: 'Done' }).click();
  await page.reload();
  await part(page, 'API tokens').getByText('May: room: read').waitFor();
  assert.equal(await page.getByText(secret).count(), 0);
  await page.getByRole('button', { name: 'End my script' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
  await part(page, 'API tokens').getByText('You have none.').waitFor();
  assert.equal((await ask('/room')).status, 401);
});

test('the colours that one chooses stay after a reload', tests, async () => {
  const dora = await server.addUser('dora', password);
  const page = await visit('/account', dora);
  await page.getByRole('radio', { name: 'Dark' }).check();
  await page.reload();
  await page.getByRole('radio', { name: 'Dark', checked: true }).waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
  await page.getByRole('radio', { name: 'Light' }).check();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light');
  await page.getByRole('radio', { name: 'As the system says' }).check();
  await assertAccessibleEverywhere(page, 'account');
});
