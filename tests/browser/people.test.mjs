/* people.test.mjs: an administrator keeps accounts and groups. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { must } from '../api/lib/client.mjs';
import { temporaryFolder } from '../api/lib/process.mjs';
import { login, runParley, startServer } from '../api/lib/server.mjs';
import { assertAccessibleEverywhere } from './lib/axe.mjs';
import { launch, whyNot } from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 600_000 };

let server;
let browser;
let root;
let ann;

before(async () => {
  if (skip) return;
  server = await startServer({ client: process.env.PARLEY_CLIENT });
  root = await firstAdministrator(server);
  ann = await server.addUser('ann');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (path, options = {}) => browser.visit(server.url + path, { person: root, ...options });
/** Press the button of this name, and the one that says so in the question that follows. */
async function confirmed(page, button, action) {
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
}

test('the overview says what a new server needs', tests, async () => {
  const page = await visit('/admin');
  await page.getByRole('heading', { name: 'First steps' }).waitFor();
  await page.getByRole('link', { name: 'Make a group' }).click();
  await page.getByRole('heading', { name: 'Groups', level: 1 }).waitFor();
});

test('an account is made with a password that is shown once, and it works', tests, async () => {
  const page = await visit('/admin/users');
  await page.getByRole('button', { name: 'New user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('zoe');
  await dialog.getByRole('button', { name: 'Create user' }).click();
  const password = await dialog.getByLabel('Password of zoe').inputValue();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('row', { name: /zoe/ }).waitFor();

  const zoe = await login(server.url, 'zoe', password);

  assert.equal(zoe.name, 'zoe');
  assert.equal(await page.getByText(password).count(), 0);
});

test('what the server objects to stands beside its field', tests, async () => {
  const page = await visit('/admin/users');
  await page.getByRole('button', { name: 'New user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('ann');
  await dialog.getByRole('button', { name: 'Create user' }).click();
  await dialog.getByRole('alert').waitFor();
});

test('people are found as one types, and the address says so', tests, async () => {
  const page = await visit('/admin/users');
  await page.getByRole('row', { name: /root/ }).waitFor();
  await page.getByLabel('Find by name').fill('nn');
  await page.getByRole('row', { name: /root/ }).waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /ann/ }).waitFor();
  assert.match(page.url(), /q=nn/);

  await page.getByLabel('Find by name').fill('');
  await page.getByLabel('Show').selectOption('administrators');
  await page.getByRole('row', { name: /root/ }).waitFor();
  await page.getByRole('row', { name: /ann/ }).waitFor({ state: 'detached' });
});

test('a filter that is chosen while a search is on its way stays, however late the page is drawn', tests, async () => {
  const page = await visit('/admin/users');
  await page.getByRole('row', { name: /root/ }).waitFor();

  await page.getByLabel('Find by name').evaluate(async (field) => {
    // Nothing is drawn, and what waits for its time goes off in the order in which it began to wait.
    const { requestAnimationFrame, setTimeout, clearTimeout } = globalThis;
    const waiting = new Map();
    let last = 0;
    const hold = (work) => {
      waiting.set(++last, work);
      return last;
    };
    Object.assign(globalThis, { requestAnimationFrame: () => 0, setTimeout: hold, clearTimeout: (id) => waiting.delete(id) });
    const settled = async () => {
      for (let turns = 0; turns < 20; turns++) await null;
    };
    const set = async (element, value, name) => {
      element.value = value;
      element.dispatchEvent(new Event(name, { bubbles: true }));
      await settled();
      for (let rounds = 0; rounds < 2; rounds++)
        for (const [id, work] of [...waiting]) {
          if (waiting.delete(id)) work();
          await settled();
        }
    };
    await set(field, 'nn', 'input');
    await set(field.closest('search').querySelector('select'), 'administrators', 'change');
    Object.assign(globalThis, { requestAnimationFrame, setTimeout, clearTimeout });
  });

  await page.getByText('Nobody is found.').waitFor();
  assert.equal(await page.getByLabel('Show').inputValue(), 'administrators');
});

test('an account is disabled and enabled again, promoted and demoted, each after a question', tests, async () => {
  const page = await visit(`/admin/users/${ann.id}`);
  await confirmed(page, 'Disable', 'Disable');
  await page.getByText('The account is disabled.').waitFor();
  assert.equal((await ann.api('GET', '/me')).status, 401);
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByText('The account is enabled.').waitFor();
  await confirmed(page, 'Make administrator', 'Make administrator');
  await page.getByText('Administrator', { exact: true }).waitFor();
  await confirmed(page, 'Take the administration away', 'Take away');
  await page.getByText('This is no administrator any more.').waitFor();
});

test('the last administrator is warned, and refused in words', tests, async () => {
  const page = await visit(`/admin/users/${root.id}`);
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByText(/your own account/).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('alert').filter({ hasText: 'last administrator' }).waitFor();
  await page.getByRole('button', { name: 'Disable' }).waitFor();
});

test('a new password is set and shown once; sessions end', tests, async () => {
  const before = await login(server.url, 'ann');
  const page = await visit(`/admin/users/${ann.id}`);
  await page.getByRole('button', { name: 'Set a new password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Set password' }).click();
  const password = await dialog.getByLabel('Password of ann').inputValue();
  await dialog.getByRole('button', { name: 'Done' }).click();
  assert.equal((await before.api('GET', '/me')).status, 401);

  const again = await login(server.url, 'ann', password);
  await page.reload();
  await confirmed(page, 'End all sessions', 'End all');
  await page.getByText('All sessions are ended.').waitFor();

  assert.equal((await again.api('GET', '/me')).status, 401);
});

test('a group is made, filled, renamed and deleted; one reads what goes with it', tests, async () => {
  const page = await visit('/admin/groups');
  await page.getByRole('button', { name: 'New group' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('editors');
  await page.getByRole('button', { name: 'Create group' }).click();
  await page.getByRole('heading', { name: 'editors' }).waitFor();
  await page.getByRole('combobox', { name: 'Add a member' }).fill('an');
  await page.getByRole('option', { name: /ann/ }).click();
  await page.getByRole('heading', { name: '1 member' }).waitFor();
  const id = Number(page.url().split('/').at(-1));
  must(await root.api('POST', '/grant', { subject: `group:${id}`, model: 'news', rights: ['write'] }), 201, 'grant');
  await page.getByText('on news').waitFor();

  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('writers');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('heading', { name: 'writers', level: 1 }).waitFor();
  await assertAccessibleEverywhere(page, 'group');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByText(/1 person is taken out of it.*write on news/).waitFor();
  await page.getByRole('button', { name: 'Delete group' }).click();
  await page.getByText('No group is found').waitFor();
});

test('somebody is put into a group and taken out of it at their own page', tests, async () => {
  must(await root.api('POST', '/group', { name: 'readers' }), 201, 'group');
  const page = await visit(`/admin/users/${ann.id}`);
  await page.getByRole('combobox', { name: 'Put into a group' }).fill('read');
  await page.getByRole('option', { name: /readers/ }).click();
  await page.getByText('Put into readers.').waitFor();
  await assertAccessibleEverywhere(page, 'user');
  await page.getByRole('button', { name: 'Take out of readers' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take out' }).click();
  await page.getByText('In no group.').waitFor();
});

test('the list follows what others do', tests, async () => {
  const page = await visit('/admin/users');
  await page.getByRole('row', { name: /ann/ }).waitFor();
  must(await root.api('POST', '/user', { name: 'newcomer', password: 'a long enough password' }), 201, 'user');
  await page.getByRole('row', { name: /newcomer/ }).waitFor();
  await assertAccessibleEverywhere(page, 'users');
});

test('on the demonstration: a right is taken back and given again, sessions end, an account is disabled, while people look on', tests, async (t) => {
  const folder = temporaryFolder();
  const schema = new URL('../../schema', import.meta.url).pathname;
  const settings = { 'data.path': join(folder, 'parley.db'), 'data.schema': schema, 'account.hash_memory_kib': 64, 'account.hash_passes': 1 };
  const { output } = await runParley(['demo', ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)]);
  const demo = await startServer({ client: process.env.PARLEY_CLIENT, dataDir: folder });
  t.after(() => demo.stop());
  const signIn = (name) => login(demo.url, name, output.match(new RegExp(`^ {2}${name} +(\\S+)`, 'm'))[1]);
  const [admin, bob, eve] = [await signIn('admin'), await signIn('bob'), await signIn('eve')];
  const rooms = must(await bob.api('GET', '/room'), 200, 'rooms').body.items;
  const chat = await browser.visit(`${demo.url}/r/${rooms.find(({ name }) => name === 'general').id}`, { person: eve });
  await chat.getByRole('log').getByText('Works here').waitFor();
  const news = await browser.visit(`${demo.url}/admin/data/news`, { person: bob });
  await news.getByRole('row', { name: /Hello from Parley/ }).waitFor();
  await news.getByText('Live: changes show up by themselves.').waitFor();

  const page = await browser.visit(`${demo.url}/admin/effective?user=${bob.id}&model=news&right=write`, { person: admin });
  await page.getByText('Yes: bob may write news.').waitFor();
  await page.getByText(/group editors.*they write the news/).first().waitFor();
  await page.goto(`${demo.url}/admin/permissions?subject=members`);
  await page.getByRole('checkbox', { name: /^News: read/ }).click();
  await page.getByRole('button', { name: 'Who is affected?' }).click();
  await page.getByText(/3 people lose something/).waitFor();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await news.getByRole('alert').filter({ hasText: 'may not' }).waitFor();
  assert.equal(await news.getByRole('row', { name: /Hello from Parley/ }).count(), 0, 'what one may not read is gone');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Nothing is changed.').waitFor();
  await news.reload();
  await news.getByRole('row', { name: /Hello from Parley/ }).waitFor();

  await page.goto(`${demo.url}/admin/users/${eve.id}`);
  await confirmed(page, 'Disable', 'Disable');
  await chat.getByText('your session has ended').first().waitFor();
  await page.goto(`${demo.url}/admin/users/${bob.id}`);
  await confirmed(page, 'End all sessions', 'End all');
  await page.getByText('All sessions are ended.').waitFor();

  await page.goto(`${demo.url}/admin/audit`);
  await page.getByText('admin ended all sessions of bob').waitFor();
  await page.getByText(/admin changed the account eve: disabled/).waitFor();
});
