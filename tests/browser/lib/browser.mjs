/* browser.mjs: people at real browsers, for tests and screenshots, found by what a screen reader would call things.
 *
 * The browser is CHROMIUM or /usr/bin/chromium.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

export const fromClient = createRequire(new URL('../../../client/web/package.json', import.meta.url));
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const flags =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

/** A name for this machine that a browser does not know as such: pages from there are as pages from anywhere. */
export const farHost = 'chat.example';

/** Why there is no browser to test with, or false. */
export function whyNot() {
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

/** A browser for all tests of a file. */
export async function launch() {
  const { chromium } = fromClient('playwright-core');
  const args = [...flags.split(' '), `--host-resolver-rules=MAP ${farHost} 127.0.0.1`];
  const browser = await chromium.launch({ executablePath, args });
  let contexts = [];
  let complaints = [];
  return {
    /** A window of one's own at @url; @person (of register() or login()) is signed in there. */
    async visit(url, { person, ...options } = {}) {
      const context = await browser.newContext({
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        reducedMotion: 'reduce',
        ...options,
      });
      contexts.push(context);
      // The form is tested once. Signing in there each time would soon be refused: the server counts the tries.
      if (person) await giveSession(context, person, url);
      const page = await context.newPage();
      page.setDefaultTimeout(60_000); // shorter than a test may take: only this says what was waited for
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        const isOurs = /Content Security Policy|Trusted|Uncaught/i.test(message.text());
        if (message.type() === 'error' && isOurs) complaints.push(message.text());
      });
      const sockets = await holdSockets(page);
      await page.goto(url);
      if (person) await page.locator('nav, main').first().waitFor({ state: 'attached' });
      return Object.assign(page, { sockets });
    },
    /** Close all windows. Fails if a page complained, such as of a breach of its CSP. */
    async closeWindows() {
      for (const context of contexts) await context.close();
      contexts = [];
      const found = complaints;
      complaints = [];
      assert.deepEqual(found, [], 'the page complained');
    },
    close: () => browser.close(),
  };
}

/** @person is signed in in all windows of @context, at the server or proxy of @url. */
export function giveSession(context, person, url) {
  const [name, value] = person.cookie.split('=');
  return context.addCookies([{ name, value, url: new URL(url).origin }]);
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

let rooms = 0;
export const uniqueName = (t) => `${t.name.slice(0, 20).replace(/\W+/g, '-')}-${process.pid}-${++rooms}`;
export const navigation = (page) => page.getByRole('navigation', { name: 'Rooms', includeHidden: true });
export const composer = (page) => page.getByRole('textbox', { name: /^Message / });
export const log = (page) => page.getByRole('log');
export const row = (page, text) => log(page).getByRole('article').filter({ hasText: text });
/** The same, once the server has the message: what one has written oneself is shown before that, without an id. */
export const said = (page, text) => row(page, text).and(page.locator('[id]'));
/** Somebody who is in the open room now. Who finds himself there is being told what happens in it. */
export const here = (page, name) =>
  page.getByRole('complementary', { name: 'People' }).getByRole('listitem').filter({ hasText: name }).first();

/** Type the name and password; what comes of it is for the caller to wait for. */
export async function fillIn(page, name, password, action = 'Sign in') {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: action, exact: true }).click();
}

export async function createRoom(page, name, { isPrivate = false } = {}) {
  await page.getByRole('button', { name: 'New room' }).click();
  const dialog = page.getByRole('dialog', { name: 'New room' });
  await dialog.getByLabel('Name').fill(name);
  if (isPrivate) await dialog.getByLabel('Private').check();
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await page.getByRole('heading', { name: `#${name}` }).waitFor();
  await composer(page).waitFor();
  return new URL(page.url()).pathname;
}

export async function say(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}
