/* matrix.test.mjs: an administrator gives and takes permissions, and asks why somebody may do something. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { must } from '../api/lib/client.mjs';
import { startServer } from '../api/lib/server.mjs';
import { assertAccessibleEverywhere } from './lib/axe.mjs';
import { launch, whyNot } from './lib/browser.mjs';
import { manyModels } from './lib/odd-models.mjs';

const skip = whyNot();
const tests = { skip, timeout: 600_000 };

let server;
let browser;
let root;
let ann;
let editors;

before(async () => {
  if (skip) return;
  server = await startServer({ client: process.env.PARLEY_CLIENT });
  root = await firstAdministrator(server);
  ann = await server.addUser('ann');
  editors = must(await root.api('POST', '/group', { name: 'editors' }), 201, 'group').body;
  must(await root.api('POST', `/group/${editors.id}/member`, { user: ann.id }), 204, 'member');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (path, options = {}) => browser.visit(server.url + path, { person: root, ...options });
const cell = (page, name) => page.getByRole('checkbox', { name: new RegExp(`^${name}(,|$)`) });
const isOn = (page, name, checked = true) =>
  page.getByRole('checkbox', { name: new RegExp(`^${name}(,|$)`), checked }).waitFor();
const grant = async (subject, model, rights, more = {}) => {
  const answer = await root.api('POST', '/grant', { subject, model, rights, ...more });
  assert.ok(answer.status === 201 || answer.status === 200, answer.text);
};
const rightsOf = async (subject, model) =>
  must(await root.api('GET', `/grant?subject=${subject}&model=${model}`), 200, 'grants').body.items[0]?.rights ?? [];

test('permissions are staged, looked at, saved at once and taken back', tests, async () => {
  await grant('members', 'news', ['read']);
  const page = await visit('/admin/permissions');
  await page.getByRole('combobox', { name: 'Permissions of' }).fill('edit');
  await page.getByRole('option', { name: /editors/ }).click();

  await cell(page, 'News: write').click();
  await cell(page, 'News: delete').click();
  await page.getByText('2 changes: + news write, + news delete').waitFor();
  assert.deepEqual(await rightsOf(`group:${editors.id}`, 'news'), []);
  await page.getByRole('checkbox', { name: /^News: read, has it from all members/ }).waitFor();

  await page.getByRole('button', { name: 'Who is affected?' }).click();
  await page.getByText(/1 person gains something; nobody loses anything/).waitFor();

  await page.getByLabel('Reason').fill('the fair');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await page.getByText('Saved: 2 changes.').waitFor();
  assert.deepEqual(await rightsOf(`group:${editors.id}`, 'news'), ['write', 'delete']);

  await page.getByRole('button', { name: 'Undo' }).click();
  await isOn(page, 'News: write', false);
  await page.getByText('Nothing is changed.').waitFor();
  assert.deepEqual(await rightsOf(`group:${editors.id}`, 'news'), []);
});

test('the matrix is worked with the keyboard alone', tests, async () => {
  const page = await visit(`/admin/permissions?subject=group:${editors.id}`);
  await page.getByRole('grid').waitFor();
  await page.getByLabel('Filter models').fill('news');

  // Behind the links about the group one press of Tab leads into the grid.
  await page.getByRole('link', { name: /All that the group may do/ }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Space');
  await page.getByText('1 change: + news write').waitFor();
  await page.keyboard.press('Control+Home');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('data-place')), '0-1');
  await page.keyboard.press('Control+End');
  await page.keyboard.press('Space');
  await page.getByText('2 changes: + news write, + news grant').waitFor();
  assert.equal(await page.locator('[role="grid"] [tabindex="0"]').count(), 1);
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByText('Nothing is changed.').waitFor();
});

test('what another administrator changes shows at once; what is staged there is a conflict', tests, async () => {
  const subject = `group:${editors.id}`;
  const page = await visit(`/admin/permissions?subject=${subject}`);
  await cell(page, 'News: write').click();
  await grant(subject, 'task', ['read']);
  await isOn(page, 'Task: read');

  await grant(subject, 'news', ['delete']);

  await page.getByText('news was changed meanwhile: it was nothing, now it is delete.').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Save changes' }).isDisabled());
  await page.getByRole('button', { name: 'Keep mine for news' }).click();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await page.getByText('Saved: 1 change.').waitFor();
  assert.deepEqual(await rightsOf(subject, 'news'), ['write', 'delete']);
  await grant(subject, 'news', []);
  await grant(subject, 'task', []);
});

test('staged changes are not lost by a link without a question', tests, async () => {
  const page = await visit(`/admin/permissions?subject=group:${editors.id}`);
  await cell(page, 'News: write').click();
  await page.getByText('1 change').waitFor();
  const asked = page.waitForEvent('dialog');

  const follow = page.getByRole('link', { name: 'Overview' }).click();
  const question = await asked;
  assert.match(question.message(), /not saved/);
  await question.dismiss();
  await follow;

  assert.equal(await cell(page, 'News: write').getAttribute('aria-checked'), 'true');
  await page.getByRole('button', { name: 'Discard' }).click();
});

test('who may only grant what they hold finds the rest locked, with the reason', tests, async () => {
  await grant(`user:${ann.id}`, 'news', ['read', 'grant'], { reason: 'keeper' });
  const page = await visit('/admin/permissions?subject=members', { person: ann });

  await page.getByRole('checkbox', { name: /^News: write, .*You do not hold write here yourself/ }).waitFor();
  assert.equal(await page.getByRole('row').count(), 2);
  await cell(page, 'News: write').press('Space');
  await cell(page, 'News: read').press('Space');
  await page.getByText(/^1 change: . news read$/).waitFor();
  await page.getByRole('button', { name: 'Discard' }).click();
  await grant(`user:${ann.id}`, 'news', []);
});

test('why somebody may do something is told, and who may', tests, async () => {
  await grant(`group:${editors.id}`, 'news', ['write'], { reason: 'the fair' });
  const page = await visit('/admin/effective');
  await page.getByRole('combobox', { name: 'Person' }).fill('an');
  await page.getByRole('option', { name: /ann/ }).click();
  await page.getByText('from group editors').first().waitFor();

  await page.getByLabel('Model').selectOption('news');
  await page.getByLabel('Right').selectOption('write');
  await page.getByText('Yes: ann may write news.').waitFor();
  await page.getByText(/Has write by a grant to group editors, given by root.*because: the fair/).waitFor();

  await page.getByRole('link', { name: 'Who may do something?' }).click();
  await page.getByRole('list', { name: 'People' }).getByRole('link', { name: 'ann', exact: true }).waitFor();
  await page.getByRole('link', { name: 'Why ann may' }).click();
  await page.getByText('Yes: ann may write news.').waitFor();
  await grant(`group:${editors.id}`, 'news', []);
});

test('the record of changes is read, filtered and checked', tests, async () => {
  await grant(`group:${editors.id}`, 'task', ['read'], { reason: 'audit test' });
  const page = await visit('/admin/audit');
  await page.getByText(/root gave group editors read on task.* because audit test/).waitFor();

  await page.getByLabel('Kind').selectOption('group.join');
  await page.getByText(/root put ann into group editors/).waitFor();
  assert.equal(await page.getByText('because audit test').count(), 0);
  assert.match(page.url(), /action=group.join/);
  await page.getByRole('button', { name: 'Is the record whole?' }).click();
  await page.getByText('The record is whole').waitFor();
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as JSON' }).click();
  assert.equal((await file).suggestedFilename(), 'audit.json');
  await grant(`group:${editors.id}`, 'task', []);
});

// 200 are the most that a server takes; eight are built in.
test('200 models: a whole column is granted at once; who may grant one sees that one, and who has nothing is told so', tests, async (t) => {
  const large = await startServer({ client: process.env.PARLEY_CLIENT, schema: manyModels(192) });
  t.after(() => large.stop());
  const chief = await firstAdministrator(large);
  const [eve, dan] = [await large.addUser('eve'), await large.addUser('dan')];
  const page = await browser.visit(`${large.url}/admin/permissions?subject=members`, { person: chief });
  await cell(page, 'Model 192: read').waitFor();
  await page.getByLabel('Filter models').fill('model_1');
  await cell(page, 'Model 020: read').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'read: all models shown' }).click();
  await page.getByText(/^93 changes/).waitFor();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await page.getByText('Saved: 93 changes.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Nothing is changed.').waitFor();
  const { items } = must(await chief.api('GET', '/grant?subject=members&model=model_150'), 200, 'grants').body;
  assert.deepEqual(items, []);

  const nothing = await browser.visit(`${large.url}/admin`, { person: dan });
  await nothing.getByText('There is no data here that you may see.').waitFor();
  await nothing.getByText('An administrator can give you permissions.').waitFor();
  await nothing.goto(`${large.url}/admin/permissions?subject=members`);
  await nothing.getByText(/administrator|may not|may grant/).first().waitFor();

  const one = { subject: `user:${eve.id}`, model: 'model_007', rights: ['read', 'grant'] };
  must(await chief.api('POST', '/grant', one), 201, 'grant');
  const hers = await browser.visit(`${large.url}/admin/permissions?subject=members`, { person: eve });
  await cell(hers, 'Model 007: read').click();
  assert.equal(await hers.getByRole('row').count(), 2, 'the head and the one model');
  await hers.getByRole('button', { name: 'Save changes' }).click();
  await hers.getByText('Saved: 1 change.').waitFor();
});

test('the views of permissions can be used by everybody, in light, dark and on a phone', tests, async () => {
  const page = await visit(`/admin/permissions?subject=group:${editors.id}`);
  await cell(page, 'News: write').click();
  await page.getByText('1 change').waitFor();
  await assertAccessibleEverywhere(page, 'permissions');
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.goto(`${server.url}/admin/effective?user=${ann.id}&model=news&right=write`);
  await page.getByText(/may not write news/).waitFor();
  await assertAccessibleEverywhere(page, 'effective rights');
  await page.goto(`${server.url}/admin/audit`);
  await page.getByRole('listitem').filter({ hasText: 'put ann into' }).waitFor();
  await assertAccessibleEverywhere(page, 'audit');
});
