/* views.test.mjs: what no other test looks at with the eyes of people who see, hear or point otherwise: the views and
 * dialogs that are left, other people's colours, no movement, and one walk through both pages without a mouse.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { must } from '../api/lib/client.mjs';
import { startServer } from '../api/lib/server.mjs';
import { assertAccessible, assertAccessibleEverywhere } from './lib/axe.mjs';
import { composer, launch, log, row, whyNot } from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };

let server;
let browser;
let root;
let ann;
let general;

before(async () => {
  if (skip) return;
  server = await startServer({ client: process.env.PARLEY_CLIENT });
  root = await firstAdministrator(server);
  ann = await server.addUser('ann');
  general = must(await root.api('POST', '/room', { name: 'general', kind: 'public' }), 201, 'room').body.id;
  const second = must(await root.api('POST', '/room', { name: 'second', kind: 'public' }), 201, 'room').body.id;
  for (const room of [general, second]) must(await ann.api('POST', `/room/${room}/join`), 200, 'join');
  must(await ann.api('POST', `/room/${general}/message`, { text: 'Is anybody here?' }), 201, 'message');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (path, person = root) => browser.visit(server.url + path, { person });

test('the views of the administration that nobody else looks at have no known fault', tests, async () => {
  const page = await visit('/admin');
  const seen = {
    '/admin': () => page.getByRole('heading', { name: 'First steps' }),
    '/admin/permissions': () => page.getByText('Choose whose permissions'),
    '/admin/effective?who=news&right=read': () => page.getByRole('list', { name: 'People' }),
    '/admin/nowhere': () => page.getByText('There is no page at this address.'),
    '/admin/data/task/99999': () => page.getByText('There is no such row'),
  };
  for (const [path, what] of Object.entries(seen)) {
    await page.goto(server.url + path);
    await what().first().waitFor();
    await assertAccessibleEverywhere(page, path);
  }
});

test('neither have the dialogs of the administration', tests, async () => {
  must(await root.api('POST', '/task', { title: 'Paint the fence' }), 201, 'task');
  const page = await visit('/admin/users');
  const dialog = page.getByRole('dialog');
  const look = async (name, opener, check = assertAccessible) => {
    await opener.click();
    await dialog.waitFor();
    await check(page, name);
    await dialog.getByRole('button', { name: 'Close' }).first().click();
    await dialog.waitFor({ state: 'detached' });
  };
  const button = (name) => page.getByRole('button', { name, exact: true });
  await look('new user', button('New user'), assertAccessibleEverywhere);
  await page.goto(`${server.url}/admin/data/task`);
  await look('Filter', button('Filter'), assertAccessibleEverywhere);
  for (const name of ['Columns', 'Export']) await look(name, button(name));
  await page.getByRole('checkbox', { name: 'Select Paint the fence' }).check();
  for (const name of ['Edit the selected', 'Delete the selected']) await look(name, button(name));
  await page.getByRole('link', { name: 'Paint the fence' }).click();
  for (const name of ['JSON', 'History', 'Delete']) await look(name, button(name));
});

test('the room stays usable in the colours of the person, with more contrast and with text of twice the size', tests, async () => {
  for (const [path, what] of [
    [`/r/${general}`, (page) => row(page, 'Is anybody here?')],
    ['/admin/permissions?subject=members', (page) => page.getByRole('grid')],
  ]) {
    const page = await visit(path);
    await what(page).waitFor();
    await page.emulateMedia({ forcedColors: 'active' });
    await assertAccessible(page, `${path}, forced colours`);
    // Where one is was told by a background, which is not there now.
    const here = page.locator('nav [aria-current]').first();
    assert.equal(await here.evaluate((link) => getComputedStyle(link).outlineStyle), 'solid');
    await page.emulateMedia({ forcedColors: 'none', contrast: 'more' });
    await assertAccessible(page, `${path}, more contrast`);
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
    for (const width of [1200, 375]) {
      await page.setViewportSize({ width, height: 760 });
      await page.waitForFunction((wanted) => innerWidth === wanted, width);
      const needed = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(needed, width, `${path} with large text`);
      const words = await page.getByRole('heading', { level: 1 }).boundingBox();
      assert.ok(words.width > words.height, `${path} with large text: the title stands upright`);
    }
    await page.close();
  }
});

test('nothing moves for who wants no movement', tests, async () => {
  const page = await visit(`/r/${general}`);
  await row(page, 'Is anybody here?').waitFor();
  const moving = () =>
    page.evaluate(() => {
      const longest = (style) => Math.max(...style.transitionDuration.split(',').map(Number.parseFloat));
      return [...document.querySelectorAll('*')].filter((element) => longest(getComputedStyle(element)) > 0).length;
    });
  assert.equal(await moving(), 0);
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.ok((await moving()) > 0);
});

test('everything is done with the keyboard alone, and one always sees where one is', tests, async () => {
  const page = await browser.visit(server.url);
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  /* Never the page itself, always something one sees, with a frame around it. */
  const focused = async (step, on) => {
    await on.and(page.locator(':focus')).first().waitFor();
    const frame = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0;
    });
    assert.ok(frame, `${step}: one does not see where the focus is`);
  };
  const tabTo = async (step, on, key = 'Tab') => {
    for (let presses = 0; presses < 60; presses++) {
      await press(key);
      assert.notEqual(await page.evaluate(() => document.activeElement.localName), 'body', `${step}: lost`);
      if ((await on.and(page.locator(':focus')).count()) > 0) return focused(step, on);
    }
    assert.fail(`${step}: cannot be reached`);
  };

  await page.getByLabel('Name').waitFor();
  if ((await page.locator(':focus').count()) === 0) await press('Tab');
  await focused('name', page.getByLabel('Name'));
  await page.keyboard.type('root');
  await tabTo('password', page.getByLabel('Password'));
  await page.keyboard.type(root.password);
  await press('Enter');
  const rooms = page.getByRole('navigation', { name: 'Rooms' });
  await rooms.getByRole('link', { name: /general/ }).waitFor();
  await tabToFirst('room', rooms.getByRole('link', { name: /general/ }));
  await press('Enter');
  await row(page, 'Is anybody here?').waitFor();
  await tabTo('composer', composer(page));
  await page.keyboard.type('Yes, I am.');
  await press('Enter');
  await row(page, 'Yes, I am.').waitFor();
  await focused('after sending', composer(page));

  await tabTo('log', log(page).or(log(page).locator('*')), 'Shift+Tab');
  await press('Home');
  await focused('first message', row(page, 'Is anybody here?'));
  await press('+');
  await focused('reactions', page.getByRole('searchbox', { name: /reaction/ }));
  await page.keyboard.type('rocket');
  await press('Enter');
  await row(page, 'Is anybody here?').getByRole('button', { name: /^🚀/ }).waitFor();
  await focused('after reacting', row(page, 'Is anybody here?'));
  await press('r');
  await focused('reply', composer(page));
  await page.keyboard.type('What is it?');
  await press('Enter');
  await row(page, 'What is it?').getByRole('link', { name: /Is anybody here/ }).waitFor();

  await press('Control+k');
  await focused('switcher', page.getByRole('combobox', { name: 'Room or person' }));
  await page.keyboard.type('second');
  await page.getByRole('option', { name: /second/, selected: true }).waitFor();
  await press('Enter');
  await page.getByRole('heading', { name: '#second' }).waitFor();
  // What had the focus went with the room before.
  await focused('second room', composer(page));
  await tabTo('log of the second', log(page), 'Shift+Tab');
  await press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await press('Escape');
  await focused('after the help', log(page));

  await page.goto(`${server.url}/admin`);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await tabTo('permissions', page.getByRole('link', { name: 'Permissions', exact: true }));
  await press('Enter');
  await page.getByRole('combobox', { name: 'Permissions of' }).waitFor();
  await tabTo('subject', page.getByRole('combobox', { name: 'Permissions of' }));
  await page.keyboard.type('all mem');
  await page.getByRole('option', { name: /All members/, selected: true }).waitFor();
  await press('Enter');
  await page.getByRole('grid').waitFor();
  await tabTo('filter', page.getByRole('searchbox', { name: 'Filter models' }));
  await page.keyboard.type('news');
  const cell = page.getByRole('grid').getByRole('checkbox');
  await tabTo('grid', cell);
  await press('ArrowRight', 'Space', 'ArrowRight', 'Space');
  await page.getByText('2 changes: + news write, + news delete').waitFor();
  await focused('staged', cell);
  const save = page.getByRole('button', { name: 'Save changes' });
  await tabTo('save', save);
  await press('Enter');
  await page.getByText('Saved: 2 changes.').waitFor();
  const undo = page.getByRole('button', { name: 'Undo' });
  await notLost('saved');
  await tabTo('undo', undo, 'Shift+Tab').catch(() => tabTo('undo', undo));
  await press('Enter');
  await page.getByText('Nothing is changed.').waitFor();
  await notLost('taken back');

  // What was pressed may be off or gone for a moment before the focus has its new place.
  async function notLost(step) {
    await page.waitForFunction(() => document.activeElement !== document.body).catch(() => assert.fail(`${step}: the focus is lost`));
  }
  // Whoever signs in starts at the top of a new page.
  async function tabToFirst(step, on) {
    await press('Tab');
    if ((await on.and(page.locator(':focus')).count()) === 0) await tabTo(step, on);
  }
});
