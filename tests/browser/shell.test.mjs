/* shell.test.mjs: what stands around the log: the list of rooms, the ways through it, search, members, settings,
 * notifications, the composer's help. One server for all; each test has rooms of its own.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { must } from '../api/lib/client.mjs';
import { untilAnswer } from '../api/lib/nodes.mjs';
import { startServer } from '../api/lib/server.mjs';
import {
  composer,
  fromClient,
  launch,
  log,
  navigation,
  row,
  say,
  uniqueName,
  whyNot,
} from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 600_000 };
const phone = { viewport: { width: 375, height: 667 }, hasTouch: true };

let server;
let browser;
let ann;
let bob;

before(async () => {
  if (skip) return;
  server = await startServer();
  ann = await server.addUser('ann');
  bob = await server.addUser('bob');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (person, path = '/', options = {}) => browser.visit(server.url + path, { person, ...options });

/* A room of ann's with bob in it. */
async function makeRoom(name, { kind = 'private', members = [bob] } = {}) {
  const { id } = must(await ann.api('POST', '/room', { kind, name }), 201, 'room').body;
  for (const { id: user } of members) must(await ann.api('POST', `/room/${id}/member`, { user }), 201, 'member');
  return { id, name, path: `/r/${id}` };
}

const post = async (person, room, text) =>
  must(await person.api('POST', `/room/${room.id}/message`, { text }), 201, 'message').body;

/* What was said is found some tenths of a second later. */
const untilFound = (word, count) =>
  untilAnswer(`"${word}" being found`, () => bob.api('GET', `/message?q=${word}`), ({ body }) => body?.items?.length === count);

const heading = (page, room) => page.getByRole('heading', { name: `#${room.name}` });

test('the list says what is unread and who was named, and the keys lead there', tests, async (t) => {
  const rooms = {};
  for (const name of ['quiet', 'lively', 'named']) rooms[name] = await makeRoom(`${name}-${uniqueName(t)}`);
  const page = await visit(bob, rooms.quiet.path);
  await composer(page).waitFor();

  await post(ann, rooms.lively, 'one');
  await post(ann, rooms.named, 'hello @bob');

  const list = navigation(page);
  await list.getByRole('link', { name: `${rooms.lively.name} , 1 unread message` }).waitFor();
  const link = list.getByRole('link', { name: `${rooms.named.name} , 1 unread message, 1 mention` });
  await link.waitFor();
  assert.match(await link.innerText(), /@1/);
  await page.waitForFunction(() => /^\(\d+\) #quiet/.test(document.title));
  // Where one is named comes first.
  await page.keyboard.press('Alt+Shift+ArrowDown');
  await heading(page, rooms.named).waitFor();
  await list.getByRole('link', { name: /^Unread \(\d+\)$/ }).click();
  await heading(page, rooms.lively).waitFor();
  await page.keyboard.press('Alt+ArrowDown');
  await heading(page, rooms.named).waitFor();
});

test('a muted room is silent but for those who name me', tests, async (t) => {
  const here = await makeRoom(uniqueName(t));
  const muted = await makeRoom(uniqueName(t));
  const page = await visit(bob, muted.path);
  await page.getByRole('button', { name: 'About this room' }).click();
  const dialog = page.getByRole('dialog', { name: `#${muted.name}` });
  await dialog.getByRole('radio', { name: /^Nothing/ }).click();
  const link = navigation(page).getByRole('link', { name: new RegExp(`${muted.name} , muted`), includeHidden: true });
  await link.waitFor({ state: 'attached' });
  await page.keyboard.press('Escape');
  await navigation(page).getByRole('link', { name: here.name }).click();
  await heading(page, here).waitFor();

  await post(ann, muted, 'for others');
  await post(ann, muted, 'and @bob');

  // The second notice comes after the first: by then that one would have been counted.
  await navigation(page).getByRole('link', { name: `${muted.name} , muted , 1 unread message, 1 mention` }).waitFor();
});

test('the switcher leads to rooms and to people by the keyboard alone', tests, async (t) => {
  const first = await makeRoom(`first-${uniqueName(t)}`);
  const second = await makeRoom(`second-${uniqueName(t)}`);
  const page = await visit(bob, first.path);
  await composer(page).waitFor();

  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Room or person' });
  await field.waitFor();
  await page.keyboard.type('seco');
  await page.getByRole('option', { name: second.name, selected: true }).waitFor();
  await field.press('Enter');
  await heading(page, second).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  // What had the focus went with the room before.
  await composer(page).and(page.locator(':focus')).waitFor();
  await page.keyboard.press('Alt+ArrowUp');
  await heading(page, second).waitFor({ state: 'detached' });
  await composer(page).and(page.locator(':focus')).waitFor();
  const above = (await page.getByRole('main').getByRole('heading', { level: 1 }).innerText()).replace('#', '');
  await page.keyboard.press('Alt+ArrowDown');
  await heading(page, second).waitFor();

  await page.keyboard.press('Control+k');
  // Where one came from is the first that is offered.
  await page.getByRole('option', { selected: true }).filter({ hasText: above }).waitFor();
  await field.fill('ann');
  await page.getByRole('option', { name: /^ann/, selected: true }).waitFor();
  await field.press('Enter');
  await page.getByRole('heading', { name: 'ann', exact: true }).waitFor();
});

test('search finds words in this room or in all, by whom, and leads to the place', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const other = await makeRoom(uniqueName(t));
  const wanted = await post(ann, room, 'the walrus sleeps in the harbour');
  await post(bob, other, 'another walrus');
  await untilFound('walrus', 2);
  const page = await visit(bob, room.path);
  await composer(page).waitFor();

  await page.keyboard.press('Control+Shift+F');
  const dialog = page.getByRole('dialog', { name: 'Search messages' });
  await dialog.getByLabel('Words').fill('walrus');
  await dialog.getByLabel('Words').press('Enter');
  await dialog.getByText('1 message.').waitFor();
  await dialog.getByLabel('Where').selectOption('In all rooms');
  await dialog.getByRole('button', { name: 'Search' }).click();
  await dialog.getByText('2 messages.').waitFor();
  assert.equal(await dialog.locator('mark', { hasText: 'walrus' }).count(), 2);
  await dialog.getByLabel('From').fill('nobody-here');
  await dialog.getByRole('button', { name: 'Search' }).click();
  await dialog.getByRole('alert').filter({ hasText: 'There is nobody called nobody-here.' }).waitFor();
  await dialog.getByLabel('From').fill('ann');
  await dialog.getByRole('button', { name: 'Search' }).click();
  await dialog.getByText('1 message.').waitFor();
  await dialog.getByRole('link', { name: /the walrus sleeps/ }).click();

  await page.waitForURL(`**${room.path}/m/${wanted.id}`);
  await row(page, 'the walrus sleeps').and(page.locator('.message-target')).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
});

test('members are found, made moderators and removed, and the room goes away in the other window', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const theirs = await visit(bob, room.path);
  await composer(theirs).waitFor();
  const page = await visit(ann, room.path);
  await say(page, 'not for everybody');
  await row(theirs, 'not for everybody').waitFor();
  await page.getByRole('button', { name: '2 members in all' }).click();
  const dialog = page.getByRole('dialog', { name: `Members of #${room.name}` });

  await dialog.getByRole('combobox', { name: 'Role of bob' }).selectOption('moderator');
  await theirs.getByRole('button', { name: 'Invite somebody' }).waitFor();
  await dialog.getByLabel('Find').fill('bo');
  await dialog.getByText('1 found').waitFor();
  await dialog.getByRole('button', { name: 'Remove bob' }).click();
  await page.getByRole('dialog', { name: 'Remove bob?' }).getByRole('button', { name: 'Remove', exact: true }).click();

  await theirs.getByRole('alert').filter({ hasText: `You are no longer a member of #${room.name}` }).waitFor();
  assert.equal(await theirs.getByText('not for everybody').count(), 0);
  await navigation(theirs).getByRole('link', { name: room.name }).waitFor({ state: 'detached' });
  await dialog.getByText('Nobody here has such a name.').waitFor();
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByRole('dialog', { name: `Invite to #${room.name}` }).getByRole('option', { name: 'bob' }).click();
  await composer(theirs).waitFor();
});

test('a room is renamed by who may, read by who may not, and deleted only by its name', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const theirs = await visit(bob, room.path);
  await theirs.getByRole('button', { name: 'About this room' }).click();
  await theirs.getByText('Owners and moderators of the room can change it.').waitFor();
  assert.equal(await theirs.getByRole('button', { name: 'Delete room' }).count(), 0);
  await theirs.keyboard.press('Escape');
  const page = await visit(ann, room.path);
  await page.getByRole('button', { name: 'About this room' }).click();
  const dialog = page.getByRole('dialog');

  await dialog.getByLabel('Topic').fill('what it is about');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Saved.').waitFor();
  await theirs.getByText('what it is about').waitFor();

  await dialog.getByRole('button', { name: 'Delete room' }).click();
  const last = dialog.getByRole('button', { name: 'Delete room and messages' });
  await last.waitFor();
  assert.equal(await last.isDisabled(), true);
  await dialog.getByLabel(/type the room’s name/).fill(room.name);
  await last.click();
  await page.getByRole('heading', { name: 'Parley' }).waitFor();
  await theirs.getByRole('alert').filter({ hasText: 'or it was deleted' }).waitFor();
});

test('drafts stay in their rooms, over switches and reloads', tests, async (t) => {
  const one = await makeRoom(`one-${uniqueName(t)}`);
  const two = await makeRoom(`two-${uniqueName(t)}`);
  const page = await visit(bob, one.path);
  await composer(page).fill('only for one');

  await navigation(page).getByRole('link', { name: two.name }).click();
  await heading(page, two).waitFor();
  assert.equal(await composer(page).inputValue(), '');
  await navigation(page)
    .getByRole('link', { name: new RegExp(`${one.name}.*draft`) })
    .waitFor();
  await composer(page).fill('only for two');
  await page.reload();
  await heading(page, two).waitFor();
  assert.equal(await composer(page).inputValue(), 'only for two');
  await navigation(page)
    .getByRole('link', { name: new RegExp(`${one.name}.*draft`) })
    .click();
  await heading(page, one).waitFor();
  assert.equal(await composer(page).inputValue(), 'only for one');
});

test('names are completed from the members, and Enter then chooses instead of sending', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const page = await visit(ann, room.path);

  await composer(page).pressSequentially('hello @b');
  await page.getByRole('option', { name: /^bob/, selected: true }).waitFor();
  await composer(page).press('Enter');
  assert.equal(await composer(page).inputValue(), 'hello @bob ');
  await composer(page).pressSequentially('me@b');
  assert.equal(await page.getByRole('option').count(), 0);
  await composer(page).press('Enter');
  await row(page, 'hello @bob me@b').waitFor();
});

test('Enter makes a line where one has chosen so, and a word that is being composed is not sent', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const page = await visit(ann, room.path);
  await composer(page).fill('ni');
  await composer(page).evaluate((field) => {
    const options = { key: 'Enter', bubbles: true, cancelable: true, isComposing: true };
    field.dispatchEvent(new KeyboardEvent('keydown', options));
  });
  assert.equal(await composer(page).inputValue(), 'ni');
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('radio', { name: 'Enter makes a new line, Ctrl+Enter sends' }).click();
  await page.keyboard.press('Escape');

  await composer(page).fill('first');
  await composer(page).press('Enter');
  await composer(page).pressSequentially('second');
  assert.equal(await composer(page).inputValue(), 'first\nsecond');
  await composer(page).press('Control+Enter');
  await row(page, 'second').waitFor();
  assert.equal(await composer(page).inputValue(), '');
});

test('notifications: asked for by a button, for what is meant for me, and a click leads there', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const page = await visit(bob, room.path);
  // A stand-in for the system's: it keeps what it is told, and the page is not looked at.
  const pretend = () => {
    globalThis.told = [];
    globalThis.notes = 0;
    globalThis.AudioContext.prototype.createOscillator = () => {
      globalThis.notes++;
      throw new Error('heard');
    };
    document.hasFocus = () => false;
    globalThis.Notification = class {
      static permission = 'default';
      static requestPermission() {
        this.permission = 'granted';
        return Promise.resolve('granted');
      }
      constructor(title, { body, tag }) {
        globalThis.told.push({ title, body, tag });
        globalThis.last = this;
      }
      close() {}
    };
  };
  await page.evaluate(pretend);
  // Only what comes over the open connection is told of: what was said before is only counted.
  await page.getByRole('list', { name: 'Here now' }).getByText('bob').waitFor();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Allow notifications' }).click();
  assert.equal(await page.getByRole('checkbox', { name: 'Show notifications' }).isChecked(), true);
  await page.getByRole('checkbox', { name: 'Play a sound' }).check();
  const notes = await page.evaluate(() => globalThis.notes);
  await page.keyboard.press('Escape');

  await post(ann, room, 'not for bob');
  const named = await post(ann, room, 'psst @bob');

  await page.waitForFunction(() => globalThis.told.length > 0);
  assert.deepEqual(await page.evaluate(() => globalThis.told), [
    { title: `ann in #${room.name}`, body: 'psst @bob', tag: `parley.room.${room.id}` },
  ]);
  assert.equal(await page.evaluate(() => globalThis.notes), notes + 1, 'one sound');
  await page.evaluate(() => globalThis.last.onclick());
  await page.waitForURL(`**${room.path}/m/${named.id}`);
});

test('a browser that has blocked notifications is told of in words', tests, async () => {
  const page = await visit(bob);
  await page.evaluate(() => {
    Object.defineProperty(Notification, 'permission', { value: 'denied' });
  });
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByText('This browser has blocked notifications from here').waitFor();
});

test('no dialog has a known fault of accessibility, in light, in the dark and on a phone', tests, async (t) => {
  const axe = readFileSync(fromClient.resolve('axe-core/axe.min.js'), 'utf8');
  const room = await makeRoom(uniqueName(t));
  await post(bob, room, 'something to be found');
  await untilFound('something', 1);
  const page = await visit(ann, room.path);
  await row(page, 'something to be found').waitFor();
  await page.evaluate(axe);
  const opened = {
    switcher: () => page.keyboard.press('Control+k'),
    search: async () => {
      await page.getByRole('button', { name: 'Search', exact: true }).click();
      await page.getByLabel('Words').fill('something');
      await page.getByLabel('Words').press('Enter');
      await page.getByText('1 message.').waitFor();
    },
    details: () => page.getByRole('button', { name: 'About this room' }).click(),
    members: async () => {
      await page.getByRole('button', { name: 'About this room' }).click();
      await page.getByRole('dialog').getByRole('button', { name: '2 members' }).click();
      await page.getByRole('listitem').filter({ hasText: 'bob' }).first().waitFor();
    },
    settings: async () => {
      const menu = page.getByRole('button', { name: 'Show rooms' });
      if (await menu.isVisible()) await menu.click();
      await page.getByRole('button', { name: 'Settings' }).last().click();
      await page.getByRole('dialog', { name: 'Settings' }).waitFor();
    },
    completion: async () => {
      await composer(page).pressSequentially('@b');
      await page.getByRole('option', { name: /^bob/ }).waitFor();
    },
  };
  for (const look of ['light', 'dark', 'phone']) {
    await page.emulateMedia({ colorScheme: look === 'dark' ? 'dark' : 'light' });
    if (look === 'phone') await page.setViewportSize({ width: 320, height: 600 });
    for (const [view, open] of Object.entries(opened)) {
      await open();
      if (view !== 'completion') await page.getByRole('dialog').last().waitFor();
      const found = await page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document);
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
      });
      assert.deepEqual(found, [], `${view}, ${look}`);
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(tooWide <= 0, `${view}, ${look}: ${tooWide} pixels too wide`);
      await page.keyboard.press('Escape');
      if (view === 'settings' && look === 'phone') await page.keyboard.press('Escape');
      if (view === 'completion') await composer(page).fill('');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
  }
});

test('who leaves a room is asked first, and it goes from the list', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const page = await visit(bob, room.path);
  await page.getByRole('button', { name: 'About this room' }).click();
  await page.getByRole('button', { name: 'Leave room' }).click();
  await page.getByRole('dialog', { name: `Leave #${room.name}?` }).getByRole('button', { name: 'Leave', exact: true }).click();
  await navigation(page).getByRole('link', { name: room.name }).waitFor({ state: 'detached' });
  await log(page).waitFor({ state: 'detached' });
});

test('text of twice the size, or a keyboard over half of the screen, leaves room to read and to write', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  await post(bob, room, 'something to be read, with a few more words in it than fit a line');
  const page = await visit(ann, room.path, { viewport: { width: 1280, height: 720 } });
  const message = row(page, 'something to be read');
  await message.waitFor();
  const assertUsable = async (view, bottom) => {
    const send = await page.getByRole('button', { name: 'Send' }).boundingBox();
    const field = await composer(page).boundingBox();
    const { height } = await log(page).boundingBox();
    assert.ok(send.y + send.height <= bottom && field.y + field.height <= bottom, `${view}: one cannot write`);
    assert.ok(height >= 80, `${view}: ${height} pixels to read in`);
    const { scrollWidth, innerWidth } = await page.evaluate(() => ({
      scrollWidth: document.documentElement.scrollWidth,
      innerWidth,
    }));
    assert.ok(scrollWidth <= innerWidth, `${view}: ${scrollWidth} wide`);
  };

  const setTextSize = (size) =>
    page.evaluate((value) => {
      document.documentElement.style.fontSize = value;
    }, size);
  await setTextSize('200%');
  await assertUsable('twice the size', 720);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.setViewportSize(phone.viewport);
  await page.getByRole('button', { name: 'Show rooms' }).waitFor();
  await assertUsable('twice the size on a phone', 667);
  await setTextSize('');
  await page.evaluate(() => {
    Object.defineProperty(visualViewport, 'height', { configurable: true, value: 340 });
    visualViewport.dispatchEvent(new Event('resize'));
  });
  await assertUsable('above a keyboard', 340);
});

test('on a phone every control of the frame is large enough for a finger', tests, async (t) => {
  const room = await makeRoom(uniqueName(t));
  const other = await makeRoom(uniqueName(t));
  const page = await visit(ann, room.path, { ...phone, isMobile: true });
  await composer(page).waitFor();
  await page.getByRole('button', { name: 'Show rooms' }).click();
  const drawer = page.getByRole('dialog', { name: 'Rooms' });
  for (const control of await drawer.locator('button, a').all()) {
    const { height } = await control.boundingBox();
    assert.ok(height >= 44, `${await control.innerText()}: ${height}`);
  }
  await drawer.getByRole('link', { name: other.name }).click();
  await drawer.waitFor({ state: 'detached' });
  // Where one came to is said; the keyboard on the screen stays away until one asks for it.
  await heading(page, other).and(page.locator(':focus')).waitFor();
  await say(page, 'hello');
  await log(page).getByText('hello').waitFor();
});
