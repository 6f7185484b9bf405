/* data.test.mjs: the rows of models: lists, forms, and what happens when two people change the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { must } from '../api/lib/client.mjs';
import { startServer } from '../api/lib/server.mjs';
import { assertAccessibleEverywhere } from './lib/axe.mjs';
import { launch, whyNot } from './lib/browser.mjs';
import { oddModels } from './lib/odd-models.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };

let server;
let browser;
let root;
let ann;
let bob;

before(async () => {
  if (skip) return;
  server = await startServer({ client: process.env.PARLEY_CLIENT, schema: oddModels() });
  root = await firstAdministrator(server);
  [ann, bob] = [await server.addUser('ann'), await server.addUser('bob')];
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (path, options = {}) => browser.visit(server.url + path, { person: root, ...options });
const make = async (model, row, who = root) => must(await who.api('POST', `/${model}`, row), 201, `make ${model}`).body;
const change = async (model, id, row, who = root) =>
  must(await who.api('PATCH', `/${model}/${id}`, row), 200, `change ${model}`).body;
const read = async (model, id) => must(await root.api('GET', `/${model}/${id}`), 200, `read ${model}`).body;
const button = (page, name) => page.getByRole('button', { name, exact: true });
const row = (page, name) => page.getByRole('row', { name });
const live = (page) => page.getByText('Live: changes show up by themselves.');

test('a row is made from its description, found, sorted, filtered, and the address holds it all', tests, async () => {
  for (const [title, priority] of [['Paint the fence', 2], ['Mend the roof', 1], ['Water the roses', 5]])
    await make('task', { title, priority });
  const page = await visit('/admin/data/task');

  await page.getByRole('link', { name: 'New', exact: true }).click();
  assert.equal(await page.getByLabel('Priority').inputValue(), '3', 'the default');
  await page.getByRole('textbox', { name: 'Title *' }).fill('Sow the beans');
  await page.getByLabel('Priority').fill('9');
  await page.getByLabel('Due').fill('2030-07-01T10:00');
  await page.getByText('Europe/Berlin (08:00 UTC)').waitFor();
  await button(page, 'Save').click();
  await page.getByText('This must be at most 5.').waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'priority');
  await page.getByLabel('Priority').fill('4');
  const picker = page.getByRole('combobox', { name: 'Assignee' });
  await picker.pressSequentially('an');
  await page.getByRole('option', { name: /^ann/ }).waitFor();
  await picker.press('Enter');
  // What is shown may be the answer to the first letter: then the choice waits for that to the second.
  await page.getByRole('combobox', { name: 'Assignee', expanded: false }).waitFor();
  await button(page, 'Save').click();
  await page.getByRole('heading', { name: 'Sow the beans' }).waitFor();
  const id = Number(new URL(page.url()).pathname.split('/').at(-1));
  const made = await read('task', id);
  assert.deepEqual([made.priority, made.due, made.assignee], [4, '2030-07-01T08:00:00.000Z', ann.id]);

  await page.getByRole('link', { name: 'Task', exact: true }).last().click();
  await row(page, /Sow the beans/).getByRole('link', { name: 'ann' }).waitFor();
  await button(page, 'Priority').click();
  await page.getByRole('columnheader', { name: 'Priority' }).and(page.locator('[aria-sort=ascending]')).waitFor();
  await row(page, /Mend the roof/).waitFor();
  await button(page, 'Filter').click();
  const dialog = page.getByRole('dialog', { name: 'Filter' });
  await dialog.getByLabel('Field').selectOption('Priority');
  await dialog.getByLabel('Comparison').selectOption('is at least');
  await dialog.getByLabel('Value').fill('4');
  await button(dialog, 'Show these').click();
  await page.getByText('Priority is at least 4').waitFor();
  await page.getByRole('row').nth(2).waitFor();
  await row(page, /Mend the roof/).waitFor({ state: 'detached' });
  assert.equal(new URL(page.url()).search, '?sort=priority&priority%5Bgte%5D=4');
  await page.reload();
  await row(page, /Water the roses/).waitFor();
  assert.equal(await page.getByRole('row').count(), 3);
  await page.goBack();
  await row(page, /Mend the roof/).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('roses');
  await page.keyboard.press('Enter');
  await row(page, /Mend the roof/).waitFor({ state: 'detached' });
  await row(page, /Water the roses/).waitFor();
});

test('changes of others show in place, new rows are announced, and pages go both ways', tests, async () => {
  for (let i = 1; i <= 52; i++) await make('news', { title: `Item ${i}`, published: true });
  const page = await visit('/admin/data/news');
  await row(page, /Item 52/).waitFor();
  await live(page).waitFor();
  await button(page, 'Older').click();
  await row(page, /Item 1\b/).waitFor();
  await button(page, 'Newer').click();
  await row(page, /Item 52/).waitFor();

  const { items } = (await root.api('GET', '/news?title=Item%2050')).body;
  await change('news', items[0].id, { title: 'Better' });
  // The mark goes after a few seconds.
  await row(page, /Better changed/).waitFor();
  await make('news', { title: 'Brand new', published: true });

  await button(page, '1 new: show').waitFor();
  assert.equal(await row(page, /Brand new/).count(), 0, 'nothing is pushed under the reader');
  await button(page, '1 new: show').click();
  await row(page, /Brand new/).waitFor();
  await button(page, 'Count all').click();
  await page.getByText('53 rows in all').waitFor();
  await button(page, 'Export').click();
  const [file] = await Promise.all([page.waitForEvent('download'), button(page, 'As CSV').click()]);
  const lines = readFileSync(await file.path(), 'utf8').split('\r\n');
  assert.equal(lines[0], 'title,author,published,created_at');
  assert.equal(lines.length, 1 + 53 + 1);
});

test('two people change the same row: nothing is lost, and each field is decided', tests, async () => {
  const task = await make('task', { title: 'Ours', assignee: bob.id });
  const page = await visit(`/admin/data/task/${task.id}`);
  const title = page.getByRole('textbox', { name: 'Title *' });
  await title.fill('Mine');

  await change('task', task.id, { title: 'Theirs', status: 'doing' }, bob);

  await page.getByText('bob changed Title while you edited: Ours → Theirs').waitFor();
  await page.getByText('bob changed Status while you edited: open → doing').waitFor();
  assert.equal(await page.getByLabel('Status').inputValue(), 'doing');
  await button(page, 'Save').click();
  await page.getByText('Choose for each, then save again.').waitFor();
  assert.equal((await read('task', task.id)).title, 'Theirs');
  await button(page, 'Keep mine').click();
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();
  assert.deepEqual([(await read('task', task.id)).title, (await read('task', task.id)).status], ['Mine', 'doing']);
  await button(page, 'History').click();
  await page.getByRole('dialog').getByText('Theirs → Mine').waitFor();
  await page.keyboard.press('Escape');

  page.once('dialog', (question) => question.dismiss());
  await title.fill('Not saved');
  await page.getByRole('link', { name: 'Overview' }).click();
  assert.equal(await title.inputValue(), 'Not saved', 'who stays keeps what was typed');
  must(await root.api('DELETE', `/task/${task.id}`), 204, 'delete');
  await page.getByText('This row is gone').waitFor();
  assert.equal(await title.inputValue(), 'Not saved');
});

test('deleting says what hangs on it; many rows are changed and deleted at once, each by itself', tests, async () => {
  const news = await make('news', { title: 'Discussed', published: true });
  for (const text of ['yes', 'no']) await make('comment', { news: news.id, text });
  const page = await visit(`/admin/data/news/${news.id}`);
  await button(page, 'Delete').click();
  await page.getByText('2 rows of Comment: deleted with it.').waitFor();
  await button(page.getByRole('dialog'), 'Delete').click();
  await page.getByRole('heading', { name: 'News', level: 1 }).waitFor();
  assert.equal((await root.api('GET', `/news/${news.id}`)).status, 404);

  const whole = await make('task', { title: 'The whole' });
  const part = await make('task', { title: 'A part', parent: whole.id });
  await page.goto(`${server.url}/admin/data/task?id%5Bgte%5D=${whole.id}`);
  await page.getByRole('checkbox', { name: 'Select all rows of this page' }).check();
  await button(page, 'Edit the selected').click();
  await page.getByLabel('Field').selectOption('Status');
  await page.getByLabel('New value').selectOption('dropped');
  await button(page, 'Change 2 rows').click();
  await page.getByText('2 done, 0 failed.').waitFor();
  await button(page.getByRole('dialog').locator('.actions'), 'Close').click();
  assert.equal((await read('task', part.id)).status, 'dropped');
  await page.getByRole('checkbox', { name: 'Select The whole' }).check();
  await button(page, 'Delete the selected').click();
  await button(page.getByRole('dialog'), 'Delete').click();
  await page.getByText('0 done, 1 failed.').waitFor();
  must(await root.api('DELETE', `/task/${part.id}`), 204, 'delete');
  await button(page, 'Try the failed again').click();
  await page.getByText('1 done, 0 failed.').waitFor();
});

test('what one may not change is locked and says why, before anything is tried', tests, async () => {
  const task = await make('task', { title: 'Of the administrator' });
  const page = await visit(`/admin/data/task/${task.id}`, { person: ann });
  await page.getByText('a rule of Task says who may change this row').waitFor();
  assert.equal(await page.getByLabel('Title').isDisabled(), true);
  assert.equal(await button(page, 'Save').count(), 0);
  assert.equal(await button(page, 'Delete').count(), 0);
  await page.goto(`${server.url}/admin/data/task/999999`);
  await page.getByText('There is no such row, or you may not see it.').waitFor();
  await page.goto(`${server.url}/admin/data/nothing`);
  await page.getByText('There is no model called').waitFor();
});

test('list, form and picker are accessible in light, dark and on a phone', tests, async () => {
  const task = await make('task', { title: 'Look at me', labels: ['a'], assignee: ann.id });
  const list = await visit('/admin/data/task');
  await row(list, /Look at me/).waitFor();
  await assertAccessibleEverywhere(list, 'list');
  const form = await visit(`/admin/data/task/${task.id}`);
  await form.getByRole('combobox', { name: 'Assignee' }).click();
  await form.getByRole('option', { name: /^ann/ }).waitFor();
  await assertAccessibleEverywhere(form, 'form');
});

test('a model with every keyword there is, and no name for its rows: made, looked at, changed, deleted', tests, async () => {
  const page = await visit('/admin/data/everything');
  await page.getByText('Nothing here yet').waitFor();
  await page.getByRole('link', { name: 'New', exact: true }).click();
  await button(page, 'Save').click();
  await page.getByText('Not saved yet: 3 fields need another look.').waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'word');

  await page.getByLabel('Word *').fill('Abc');
  await page.getByLabel('Size *').selectOption('small');
  await page.getByLabel('Secret *').fill('open sesame');
  await page.getByLabel('Level').selectOption('none');
  await page.getByLabel('Share').fill('');
  await page.getByLabel('Mail').fill('not an address');
  await page.getByLabel('Tags').fill('red\nblue');
  assert.deepEqual(await page.getByLabel('Kind').getByRole('option').allInnerTexts(), ['odd']);
  await button(page, 'Save').click();
  await page.getByText('This does not have the form that is asked for.').waitFor();
  await page.getByText('“blue” is none of: red, green.').waitFor();
  await page.getByLabel('Word *').fill('abc');
  await page.getByLabel('Tags').fill('red\ngreen');
  await page.getByLabel('Numbers').fill('[1, "a"]');
  await button(page, 'Save').click();
  await page.getByText('Item 2: This must be a whole number.').waitFor();
  assert.equal(await page.getByLabel('Mail').getAttribute('aria-invalid'), 'true', 'what only the server checks');
  await page.getByLabel('Mail').fill('a@example.org');
  await page.getByLabel('Numbers').fill('[1, 2]');
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();

  const id = Number(new URL(page.url()).pathname.split('/').at(-1));
  await page.getByRole('heading', { name: `#${id}`, level: 1 }).waitFor();
  const made = await read('everything', id);
  assert.deepEqual(
    [made.agreed, made.level, made.share, made.tags, made.numbers, made.kind],
    [false, null, null, ['red', 'green'], [1, 2], 'odd'],
    'a box left empty is no, and a default that was emptied stays empty',
  );
  await page.getByLabel('Secret', { exact: true }).waitFor();
  await make('everything', { word: 'taken', agreed: true, size: 'large', secret: 'sesame' });
  await page.getByLabel('Word *').fill('taken');
  await button(page, 'Save').click();
  await page.getByText('Another everything has this already.').waitFor();
  await page.getByLabel('Word *').fill('free');
  const parent = page.getByRole('combobox', { name: 'Parent' });
  await parent.fill(String(id));
  await page.getByRole('option', { name: `#${id}` }).first().waitFor();
  await parent.press('Enter');
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();
  assert.deepEqual([(await read('everything', id)).word, (await read('everything', id)).parent], ['free', id]);

  await button(page, 'Duplicate').or(page.getByRole('link', { name: 'Duplicate' })).click();
  await page.getByRole('heading', { name: 'New: Everything' }).waitFor();
  assert.equal(await page.getByLabel('Level').inputValue(), '', 'the copy has what the row has');
  await page.getByLabel('Word *').fill('copy');
  await page.getByLabel('Secret *').fill('another');
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();
  const copy = Number(new URL(page.url()).pathname.split('/').at(-1));
  assert.deepEqual([(await read('everything', copy)).parent, (await read('everything', copy)).level], [id, null]);
  await make('link', { of: copy });
  await button(page, 'Delete').click();
  await page.getByText('1 row of Link with <b>a name</b> & more: deleted with it.').waitFor();
  await button(page.getByRole('dialog'), 'Delete').click();
  await page.getByRole('heading', { name: 'Everything', level: 1 }).waitFor();
  assert.equal((await root.api('GET', `/everything/${copy}`)).status, 404);

  const hers = await visit(`/admin/data/everything/${id}`, { person: ann });
  await hers.getByText('a rule hides this field of this row from you').waitFor();
  assert.equal(await hers.getByLabel('Fixed').isDisabled(), true);
  await hers.getByText('says who may change this field of this row').waitFor();
  await hers.getByLabel('Word *').fill('hers');
  await button(hers, 'Save').click();
  await hers.getByText('Saved.').waitFor();
});

test('a model of sixty fields with titles from right to left, and one whose rows have no name', tests, async () => {
  const page = await visit('/admin/data/wide/new');
  await page.getByLabel('שדה 56').fill('אחרון');
  await button(page, 'Save').click();
  await page.getByText('Saved.').waitFor();
  const id = Number(new URL(page.url()).pathname.split('/').at(-1));
  assert.equal((await read('wide', id)).f56, 'אחרון');
  await page.getByRole('heading', { name: `#${id}`, level: 1 }).waitFor();
  await page.goto(`${server.url}/admin/data/wide`);
  await page.getByRole('columnheader', { name: 'שדה 56' }).waitFor();
  await page.setViewportSize({ width: 320, height: 640 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, 'only the table scrolls');

  const named = await make('everything', { word: 'named', agreed: true, size: 'large', secret: 'sesame' });
  const link = await make('link', { of: named.id });
  await page.goto(`${server.url}/admin/data/link`);
  await row(page, new RegExp(`#${link.id}\\b`)).getByRole('link', { name: `#${named.id}` }).first().waitFor();
  await page.getByRole('checkbox', { name: `Select #${link.id}` }).waitFor();
  assert.equal(await page.locator('main b').count(), 0, 'a title is text');
});

test('who may only read one model sees its pages, and nothing to press that would be refused', tests, async () => {
  const wide = await make('wide', { f1: 'to be read' });
  must(await root.api('POST', '/grant', { subject: `user:${bob.id}`, model: 'wide', rights: ['read'] }), 201, 'grant');
  const page = await visit('/admin', { person: bob });
  const places = page.getByRole('navigation', { name: 'Administration' });
  await places.getByRole('link', { name: 'רחב' }).click();
  await row(page, /to be read/).waitFor();
  for (const name of ['Users', 'Groups', 'Permissions', 'Audit', 'Operation'])
    assert.equal(await places.getByRole('link', { name, exact: true }).count(), 0, name);
  assert.equal(await page.getByRole('link', { name: 'New', exact: true }).count(), 0);
  await page.getByRole('checkbox', { name: 'Select to be read' }).check();
  await page.getByText('1 row selected').waitFor();
  for (const name of ['Edit the selected', 'Delete the selected'])
    assert.equal(await button(page, name).count(), 0, name);
  await row(page, /to be read/).getByRole('link', { name: 'to be read' }).click();
  await page.getByText('You may look at this, not change it: that needs the right to write').waitFor();
  assert.equal(await page.getByLabel('שדה 1', { exact: true }).isDisabled(), true);
  for (const name of ['Save', 'Delete', 'Duplicate']) assert.equal(await button(page, name).count(), 0, name);
  assert.equal(await page.getByRole('link', { name: 'Duplicate' }).count(), 0);
  await page.goto(`${server.url}/admin/data/wide/new`);
  await page.getByText('that needs the right to write').first().waitFor();
  assert.equal(await button(page, 'Save').count(), 0);

  must(await root.api('POST', '/grant', { subject: `user:${bob.id}`, model: 'wide', rights: [] }), 200, 'take back');
  await page.goto(`${server.url}/admin/data/wide/${wide.id}`);
  await page.getByRole('alert').waitFor();
});
