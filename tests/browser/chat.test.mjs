/* chat.test.mjs: people chat in a real browser.
 *
 * The server is started here, or it is the one at PARLEY_URL with two people who may write, in
 * PARLEY_USERS as "name:password,name:password".
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { login, startServer } from '../api/lib/server.mjs';
import {
  composer,
  createRoom,
  fillIn,
  fromClient,
  here,
  launch,
  log,
  navigation,
  row,
  said,
  say,
  uniqueName,
  whyNot,
} from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };

let url = process.env.PARLEY_URL?.replace(/\/$/, '');
let people;
let server;
let browser;

before(async () => {
  if (skip) return;
  if (url) {
    const given = (process.env.PARLEY_USERS ?? '').split(',');
    people = await Promise.all(
      given.map((pair) => {
        const [name, ...password] = pair.split(':');
        return login(url, name, password.join(':'));
      }),
    );
    assert.ok(people.length >= 2, 'PARLEY_USERS must name two people');
  } else {
    server = await startServer();
    url = server.url;
    people = [await server.addUser('ann'), await server.addUser('bob')];
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

const visit = (person, path = '/', options = {}) => browser.visit(url + path, { person, ...options });

/* Two people in one new room, who are told what happens there. */
async function together(t) {
  const ann = await visit(people[0]);
  const room = uniqueName(t);
  const path = await createRoom(ann, room);
  const bob = await visit(people[1], path);
  await bob.getByRole('button', { name: `Join ${room}` }).click();
  await composer(bob).waitFor();
  for (const [page, person] of [[ann, people[0]], [bob, people[1]]]) await here(page, person.name).waitFor();
  return { ann, bob, room, path };
}

test('one signs in with name and password, and out again', tests, async () => {
  const { name, password } = people[0];
  const page = await visit(null);

  await fillIn(page, name, password);
  await navigation(page).getByText(name).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();

  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('two people talk to each other', tests, async (t) => {
  const { ann, bob } = await together(t);

  await say(ann, 'hello **bob**');
  await row(bob, 'hello bob').waitFor();
  await say(bob, 'hello ann');
  await row(ann, 'hello ann').waitFor();

  assert.equal(await row(bob, 'hello bob').locator('strong', { hasText: /^bob$/ }).count(), 1);
  const texts = await log(ann).getByRole('article').allInnerTexts();
  assert.equal(texts.length, 2);
  assert.match(texts[0], /hello bob/);
  assert.match(texts[1], /hello ann/);
});

test('others see who is here and who is typing', tests, async (t) => {
  const { ann, bob } = await together(t);
  for (const { name } of people.slice(0, 2)) await here(ann, name).waitFor();

  // It is told for a few seconds only: who begins to look after the last key may be late.
  const told = ann.getByText(`${people[1].name} is typing…`).waitFor();
  await composer(bob).pressSequentially('let me th');

  await told;
  await composer(bob).press('Enter');
  await row(ann, 'let me th').waitFor();
  await ann.getByText(`${people[1].name} is typing…`).waitFor({ state: 'hidden' });
});

test('a reload keeps the place, the history and the draft', tests, async (t) => {
  const { ann, room, path } = await together(t);
  await say(ann, 'before the reload');
  await said(ann, 'before the reload').waitFor();
  await composer(ann).fill('half a thou');

  await ann.reload();

  await ann.getByRole('heading', { name: `#${room}` }).waitFor();
  await said(ann, 'before the reload').waitFor();
  assert.equal(new URL(ann.url()).pathname, path);
  assert.equal(await composer(ann).inputValue(), 'half a thou');
});

test('a refused message says why, and Retry sends it', tests, async (t) => {
  const { ann, bob } = await together(t);
  const problem = { status: 403, code: 'forbidden', detail: 'You are muted for a minute.' };
  ann.sockets.onSent = (command, socket) => {
    if (command.rpc?.method !== 'message.create') return false;
    const error = { code: 103, message: JSON.stringify(problem) };
    socket.send(JSON.stringify({ id: command.id, error }));
    return true;
  };
  await say(ann, 'may I?');
  await row(ann, 'may I?').getByRole('alert').filter({ hasText: 'You are muted for a minute.' }).waitFor();
  ann.sockets.onSent = () => false;

  await row(ann, 'may I?').getByRole('button', { name: 'Retry' }).click();

  await row(bob, 'may I?').waitFor();
  await said(ann, 'may I?').waitFor();
  await row(ann, 'Not sent').waitFor({ state: 'detached' });
  assert.equal(await row(ann, 'may I?').count(), 1);
});

test('a message whose answer was lost is there once', tests, async (t) => {
  const { ann, bob } = await together(t);
  let isFirst = true;
  ann.sockets.onSent = (command, _socket, upstream) => {
    if (command.rpc?.method !== 'message.create' || !isFirst) return false;
    isFirst = false;
    // The server gets it, the page never hears of it.
    upstream.onMessage(() => {});
    upstream.send(JSON.stringify(command));
    return true;
  };

  await say(ann, 'only once');
  await row(bob, 'only once').waitFor();
  ann.sockets.close();
  await say(ann, 'and then this');
  await row(bob, 'and then this').waitFor();
  for (const text of ['only once', 'and then this']) await said(ann, text).waitFor();

  assert.equal(await row(bob, 'only once').count(), 1);
  assert.equal(await row(ann, 'only once').count(), 1);
});

test('what others wrote while the connection was away is there afterwards', tests, async (t) => {
  const { ann, bob } = await together(t);
  await say(ann, 'first');
  await row(bob, 'first').waitFor();
  let isAway = true;
  ann.sockets.onSent = (command) => {
    // While away, each attempt to connect is answered by closing.
    if (isAway && command.connect) ann.sockets.close();
    return isAway;
  };
  ann.sockets.close();
  await ann.getByText('No connection. Trying again.').waitFor();
  await say(bob, 'you missed this');
  await said(bob, 'you missed this').waitFor();

  isAway = false;

  await row(ann, 'you missed this').waitFor();
  const texts = await log(ann).getByRole('article').allInnerTexts();
  assert.equal(texts.length, 2);
});

test('what was written without a connection is kept over a reload, and sent once', tests, async (t) => {
  const { ann, bob } = await together(t);
  let isAway = true;
  ann.sockets.onSent = (command) => {
    if (isAway && command.connect) ann.sockets.close();
    return isAway;
  };
  ann.sockets.close();
  await ann.getByText('No connection. Trying again.').waitFor();
  await say(ann, 'written first');
  await say(ann, 'written second');
  await ann.getByText('2 messages wait.').waitFor();

  await ann.reload();
  await row(ann, 'written second').waitFor();
  assert.equal(await row(ann, 'Not sent').count(), 0);
  isAway = false;

  await row(bob, 'written second').waitFor();
  for (const text of ['written first', 'written second']) await said(ann, text).waitFor();
  await ann.getByText('wait.').waitFor({ state: 'detached' });
  for (const page of [ann, bob]) {
    const texts = await log(page).getByRole('article').allInnerTexts();
    assert.deepEqual(
      texts.map((text) => /written \w+/.exec(text)?.[0]),
      ['written first', 'written second'],
    );
  }
});

test('two people talk alone, and each sees whether the other is there', tests, async () => {
  const [first, second] = people;
  const ann = await visit(first);
  const bob = await visit(second);
  await navigation(bob).getByText(second.name).waitFor();
  await ann.getByRole('button', { name: 'New conversation' }).click();
  const dialog = ann.getByRole('dialog', { name: 'New conversation' });
  await dialog.getByLabel('Name').fill(second.name);
  await dialog.getByRole('option', { name: second.name }).click();
  await ann.getByRole('heading', { name: second.name, exact: true }).waitFor();
  await say(ann, 'only for you');
  await said(ann, 'only for you').waitFor();
  await here(ann, first.name).waitFor();
  assert.equal(await ann.getByRole('main').getByText('here now').count(), 0);

  await navigation(bob)
    .getByRole('link', { name: new RegExp(`${first.name} , 1 unread message`) })
    .click();

  await row(bob, 'only for you').waitFor();
  await ann.getByRole('main').getByText('here now').waitFor();
  await bob.getByRole('main').getByText('here now').waitFor();
  await bob.close();
  await ann.getByRole('main').getByText('here now').waitFor({ state: 'detached' });
});

test('own messages can be edited and deleted, for everyone', tests, async (t) => {
  const { ann, bob } = await together(t);
  await say(ann, 'frist');
  await row(bob, 'frist').waitFor();
  await said(ann, 'frist').hover();
  await row(ann, 'frist').getByRole('button', { name: 'Edit: your message' }).click();
  const editor = ann.getByRole('textbox', { name: 'Edit message' });
  await editor.fill('first');
  await editor.press('Enter');
  await row(bob, 'first').waitFor();

  await row(ann, 'first').hover();
  await row(ann, 'first').getByRole('button', { name: 'Delete: your message' }).click();
  await ann.getByRole('button', { name: 'Delete message' }).click();

  await row(bob, 'This message was deleted.').waitFor();
  assert.equal(await row(bob, 'first').count(), 0);
});

test('replies and reactions reach the other side', tests, async (t) => {
  const { ann, bob } = await together(t);
  await say(ann, 'who is in?');
  await row(bob, 'who is in?').hover();
  await row(bob, 'who is in?')
    .getByRole('button', { name: /^Reply: / })
    .click();
  await say(bob, 'me');
  await row(ann, 'me')
    .getByRole('link', { name: /who is in\?/ })
    .waitFor();

  await row(bob, 'who is in?').first().hover();
  await row(bob, 'who is in?')
    .first()
    .getByRole('button', { name: /^React: / })
    .click();
  await bob.getByRole('button', { name: 'thumbs up' }).click();

  await row(ann, 'who is in?').first().getByRole('button', { name: '👍, bob' }).click();
  await row(ann, 'who is in?').first().getByRole('button', { name: '👍, bob and you', pressed: true }).waitFor();
  await row(bob, 'who is in?').first().getByRole('button', { name: '👍, you and ann' }).waitFor();
});

test('messages in another room show as a badge until they are seen', tests, async (t) => {
  const { ann, bob, room, path } = await together(t);
  await createRoom(ann, uniqueName(t));
  await say(bob, 'psst');
  const link = ann.getByRole('link', { name: new RegExp(`${room}.*1 unread message`) });
  await link.waitFor();

  await link.click();
  await ann.getByRole('separator', { name: 'New messages' }).waitFor();
  await log(ann).hover();
  await ann.mouse.move(500, 300);

  await link.waitFor({ state: 'detached' });
  assert.equal(new URL(ann.url()).pathname, path);
});

test('reading back is not interrupted by new messages', tests, async (t) => {
  const { ann, bob } = await together(t);
  for (let i = 0; i < 30; i++) await say(ann, `line ${i}\n\nwith\n\nheight`);
  await row(bob, 'line 29').waitFor();
  await log(bob).evaluate((element) => element.scrollTo(0, 200));
  await bob.waitForFunction(() => document.querySelector('[role=log]').scrollTop === 200);

  await say(ann, 'news at the end');
  await bob.getByRole('button', { name: '1 new — jump to latest' }).waitFor();

  assert.equal(await log(bob).evaluate((element) => element.scrollTop), 200);
  await bob.getByRole('button', { name: /jump to latest/ }).click();
  await bob.getByRole('button', { name: /jump to latest/ }).waitFor({ state: 'detached' });
  await bob.waitForFunction(() => {
    const element = document.querySelector('[role=log]');
    return element.scrollHeight - element.scrollTop - element.clientHeight < 2;
  });
});

test('no view has a known fault of accessibility', tests, async (t) => {
  const axe = readFileSync(fromClient.resolve('axe-core/axe.min.js'), 'utf8');
  const check = async (page, view) => {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await globalThis.axe.run(document);
      return violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`,
      );
    });
    assert.deepEqual(found, [], view);
  };
  const front = await visit(null);
  await front.getByLabel('Name').waitFor();
  await check(front, 'sign-in');
  const page = await visit(people[0]);
  await createRoom(page, uniqueName(t));
  await say(page, 'some **words**, `code` and https://example.org');
  await said(page, 'some words').waitFor();
  await check(page, 'room');
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Colours').selectOption('dark');
  await page.keyboard.press('Escape');
  await check(page, 'room in the dark');
  await page.setViewportSize({ width: 320, height: 600 });
  await check(page, 'room on a small phone');
  await page.getByRole('button', { name: 'Show rooms' }).click();
  await page.getByRole('dialog', { name: 'Rooms' }).waitFor();
  await check(page, 'drawer');
});

test('the rooms are a drawer on a phone', tests, async (t) => {
  const page = await visit(people[0], '/', {
    viewport: { width: 360, height: 640 },
    hasTouch: true,
  });
  const name = uniqueName(t);
  await createRoom(page, name);

  await page.getByRole('button', { name: 'Show rooms' }).click();

  const drawer = page.getByRole('dialog', { name: 'Rooms' });
  await drawer.getByRole('link', { name }).waitFor();
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, 360);
});
