/* chat.test.mjs: people chat in a real browser, found by what a screen reader would call things.
 *
 * The server is started here, or it is the one at PARLEY_URL with two people who may write, in
 * PARLEY_USERS as "name:password,name:password". The browser is CHROMIUM or /usr/bin/chromium.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';

const fromClient = createRequire(new URL('../../client/web/package.json', import.meta.url));
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const flags =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const skip = whyNot();
const tests = { skip, timeout: 60_000 };

let url = process.env.PARLEY_URL?.replace(/\/$/, '');
let people;
let server;
let browser;
let contexts = [];
let complaints = [];

function whyNot() {
  // Where the tests decide about a merge, a missing browser is a failure like any other.
  if (process.env.CI) return false;
  if (!existsSync(executablePath)) return `no browser at ${executablePath}`;
  if (Number(process.versions.node.split('.')[0]) < 20) return 'needs Node 20 or newer';
  try {
    fromClient.resolve('playwright-core');
  } catch {
    return 'playwright-core is missing: run npm ci in client/web';
  }
  return false;
}

before(async () => {
  if (skip) return;
  if (url) {
    const given = process.env.PARLEY_USERS ?? '';
    people = given.split(',').map((pair) => {
      const [name, ...password] = pair.split(':');
      return { name, password: password.join(':') };
    });
    assert.ok(people.length >= 2, 'PARLEY_USERS must name two people');
  } else {
    const { startServer } = await import('../api/lib/server.mjs');
    server = await startServer();
    url = server.url;
    people = [
      { name: 'ann', password: 'correct horse ann' },
      { name: 'bob', password: 'correct horse bob' },
    ];
    for (const { name, password } of people) await server.addUser(name, password);
  }
  const { chromium } = fromClient('playwright-core');
  browser = await chromium.launch({ executablePath, args: flags.split(' ') });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(async () => {
  for (const context of contexts) await context.close();
  contexts = [];
  const found = complaints;
  complaints = [];
  assert.deepEqual(found, [], 'the page complained');
});

/* A browser of one's own, with what the page complains about, such as a breach of its CSP. */
async function visit(path = '/', options = {}) {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    ...options,
  });
  contexts.push(context);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    const isOurs = /Content Security Policy|Trusted|Uncaught/i.test(message.text());
    if (message.type() === 'error' && isOurs) complaints.push(message.text());
  });
  const sockets = await holdSockets(page);
  await page.goto(url + path);
  return Object.assign(page, { sockets });
}

/* Between the page and the server, to force faults: onSent sees each command of the page and says
 * true if it has dealt with it; close() cuts the line. */
async function holdSockets(page) {
  const held = { onSent: () => false, close: () => {} };
  await page.routeWebSocket(/\/connection\/websocket/, (socket) => {
    const upstream = socket.connectToServer();
    held.close = () => socket.close({ code: 3001, reason: 'test' });
    socket.onMessage((frame) => {
      const rest = String(frame)
        .split('\n')
        .filter((line) => !held.onSent(JSON.parse(line), socket, upstream));
      if (rest.length > 0) upstream.send(rest.join('\n'));
    });
  });
  return held;
}

async function signIn(page, { name, password }) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
}

async function createRoom(page, name) {
  await page.getByRole('button', { name: 'New room' }).click();
  const dialog = page.getByRole('dialog', { name: 'New room' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await page.getByRole('heading', { name: `#${name}` }).waitFor();
  await composer(page).waitFor();
  return new URL(page.url()).pathname;
}

/* Two people in one new room. */
async function together(t) {
  const [first, second] = people;
  const ann = await visit();
  await signIn(ann, first);
  const room = uniqueName(t);
  const path = await createRoom(ann, room);
  const bob = await visit(path);
  await signIn(bob, second);
  await bob.getByRole('button', { name: `Join ${room}` }).click();
  await composer(bob).waitFor();
  return { ann, bob, room, path };
}

let rooms = 0;
const uniqueName = (t) => `${t.name.slice(0, 20).replace(/\W+/g, '-')}-${process.pid}-${++rooms}`;
const composer = (page) => page.getByRole('textbox', { name: /^Message / });
const log = (page) => page.getByRole('log');
const row = (page, text) => log(page).getByRole('article').filter({ hasText: text });

async function say(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}

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
  const here = ann.getByRole('complementary', { name: 'People' }).getByRole('list');
  for (const { name } of people.slice(0, 2)) await here.getByText(name).first().waitFor();

  await composer(bob).pressSequentially('let me th');

  await ann.getByText(`${people[1].name} is typing…`).waitFor();
  await composer(bob).press('Enter');
  await row(ann, 'let me th').waitFor();
  await ann.getByText(`${people[1].name} is typing…`).waitFor({ state: 'hidden' });
});

test('a reload keeps the place, the history and the draft', tests, async (t) => {
  const { ann, room, path } = await together(t);
  await say(ann, 'before the reload');
  await row(ann, 'before the reload').waitFor();
  await composer(ann).fill('half a thou');

  await ann.reload();

  await ann.getByRole('heading', { name: `#${room}` }).waitFor();
  await row(ann, 'before the reload').waitFor();
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
  await row(ann, 'may I?').getByText('You are muted for a minute.').waitFor();
  ann.sockets.onSent = () => false;

  await row(ann, 'may I?').getByRole('button', { name: 'Retry' }).click();

  await row(bob, 'may I?').waitFor();
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
  await row(bob, 'you missed this').waitFor();

  isAway = false;

  await row(ann, 'you missed this').waitFor();
  const texts = await log(ann).getByRole('article').allInnerTexts();
  assert.equal(texts.length, 2);
});

test('own messages can be edited and deleted, for everyone', tests, async (t) => {
  const { ann, bob } = await together(t);
  await say(ann, 'frist');
  await row(bob, 'frist').waitFor();
  await row(ann, 'frist').hover();
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
    .getByRole('button', { name: /who is in\?/ })
    .waitFor();

  await row(bob, 'who is in?').first().hover();
  await row(bob, 'who is in?')
    .first()
    .getByRole('button', { name: /^React: / })
    .click();
  await bob.getByRole('button', { name: 'React with 👍' }).click();

  await row(ann, 'who is in?').first().getByRole('button', { name: '👍, 1 person' }).waitFor();
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
  const page = await visit();
  await page.getByLabel('Name').waitFor();
  await check(page, 'sign-in');
  await signIn(page, people[0]);
  await createRoom(page, uniqueName(t));
  await say(page, 'some **words**, `code` and https://example.org');
  await row(page, 'some words').waitFor();
  await check(page, 'room');
  await page.getByLabel('Colours').selectOption('dark');
  await check(page, 'room in the dark');
  await page.setViewportSize({ width: 320, height: 600 });
  await check(page, 'room on a small phone');
  await page.getByRole('button', { name: 'Show rooms' }).click();
  await check(page, 'drawer');
});

test('the rooms are a drawer on a phone', tests, async (t) => {
  const [first] = people;
  const page = await visit('/', { viewport: { width: 360, height: 640 }, hasTouch: true });
  await signIn(page, first);
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
