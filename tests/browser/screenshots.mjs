/* screenshots.mjs: the page as people meet it, in build/screenshots/*.png, to be looked at after a change.
 *
 *   node tests/browser/screenshots.mjs [FOLDER]
 *
 * The program is build-check/parley or PARLEY_PROGRAM, with the client built beside it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from '../api/lib/client.mjs';
import { login, startServer } from '../api/lib/server.mjs';
import { composer, fillIn, launch, log, row, say, whyNot } from './lib/browser.mjs';

const folder = process.argv[2] ?? fileURLToPath(new URL('../../build/screenshots', import.meta.url));
const phone = { viewport: { width: 375, height: 667 }, hasTouch: true };
const wide = { viewport: { width: 1200, height: 760 } };

const why = whyNot();
if (why) {
  console.error(`screenshots.mjs: ${why}`);
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
let server = await startServer();
const browser = await launch();
try {
  await frontDoor();
  const world = await makeWorld();
  await rooms(world);
  await losses(world);
} finally {
  await browser.close();
  await server.stop();
}

async function shot(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(join(folder, `${name}.png`));
}

function visit(person, path = '/', options = wide) {
  return browser.visit(server.url + path, { person, ...options });
}

/* Who is not signed in. */
async function frontDoor() {
  const [link] = await server.waitForOutput(/http:\/\/\S+\/setup\?token=\S+/);
  const setUp = await visit(null, link.slice(server.url.length));
  await setUp.getByRole('button', { name: 'Create administrator' }).waitFor();
  await shot(setUp, 'front-set-up');
  const late = await visit(null, '/setup?token=used');
  await late.getByRole('alert').waitFor();
  await shot(late, 'front-set-up-too-late');

  const page = await visit(null);
  await page.getByLabel('Name').waitFor();
  await shot(page, 'front-sign-in');
  await fillIn(page, 'nobody', 'wrong password');
  await page.getByRole('alert').waitFor();
  await shot(page, 'front-wrong-password');
  const throttled = page.getByText(/wait \d+ s/);
  for (let tries = 0; tries < 10 && (await throttled.count()) === 0; tries++) {
    const answered = page.waitForResponse('**/login');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await answered;
    await page.getByRole('alert').waitFor();
  }
  await throttled.waitFor();
  await shot(page, 'front-too-many-tries');
  await page.getByRole('button', { name: 'Create an account' }).click();
  await fillIn(page, 'not a name!', 'short', 'Register');
  await page.getByText('A name has letters').waitFor();
  await shot(page, 'front-register-refused');
  await browser.closeWindows();
}

async function makeWorld() {
  const [ann, bob, carla] = await Promise.all(['ann', 'bob', 'carla'].map((name) => server.addUser(name)));
  const room = async (name, kind, topic) =>
    must(await ann.api('POST', '/room', topic ? { name, kind, topic } : { name, kind }), 201, name).body.id;
  const general = await room('general', 'public', 'What everybody should know');
  const secret = await room('release-party', 'private');
  await room('a-room-with-a-name-that-is-quite-long', 'public');
  for (const id of [general, secret])
    for (const { id: user } of [bob, carla]) must(await ann.api('POST', `/room/${id}/member`, { user }), 201, 'member');
  must(await carla.api('POST', '/room', { name: 'books', kind: 'public' }), 201, 'books');
  must(await bob.api('POST', '/direct', { user: ann.id }), 201, 'direct');
  const talk = [
    [ann, 'Good morning! The **release** is planned for *Thursday*.'],
    [bob, 'Fine with me. What is left?\n\n- the notes\n- `meson dist`\n- a second look at https://example.org/changes'],
    [ann, '> What is left?\n\nThe notes. @carla, can you take them?'],
    [carla, 'Yes.\n```\ngit log --oneline v0.1..\n```\nTwo pages, I think.'],
    [carla, 'مرحبا بالجميع'],
    [bob, 'Thank you!'],
  ];
  let last;
  for (const [who, text] of talk)
    last = must(await who.api('POST', `/room/${general}/message`, { text }), 201, 'message').body;
  must(await ann.api('POST', `/message/${last.id}/reaction`, { emoji: '👍' }), 201, 'reaction');
  for (const text of ['Who brings the cake?', 'I do.'])
    must(await carla.api('POST', `/room/${secret}/message`, { text }), 201, 'message');
  return { ann, bob, carla, general, secret };
}

/* Talking, in every light and width. */
async function rooms({ ann, bob, general, secret }) {
  const page = await visit(ann);
  await page.getByRole('link', { name: 'general' }).waitFor();
  await shot(page, 'welcome');
  await page.goto(`${server.url}/r/${general}`);
  await row(page, 'Thank you!').waitFor();
  const other = await visit(bob, `/r/${general}`);
  await composer(other).pressSequentially('By the way');
  await page.getByText('bob is typing…').waitFor();
  await row(page, 'Yes.').hover();
  await shot(page, 'room');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shot(page, 'room-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.getByRole('button', { name: 'New room' }).click();
  await shot(page, 'new-room');
  await page.keyboard.press('Escape');
  await page.goto(`${server.url}/r/${secret}`);
  await page.getByRole('separator', { name: 'New messages' }).waitFor();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'bob' }).waitFor();
  await shot(page, 'invite');
  await page.getByRole('dialog').getByRole('button', { name: 'bob' }).click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await shot(page, 'invite-refused');
  await page.keyboard.press('Escape');
  await say(page, `Too much. ${'x'.repeat(4000)}`);
  await row(page, 'Not sent').waitFor();
  await shot(page, 'too-long');

  const small = await visit(bob, `/r/${general}`, phone);
  await row(small, 'Thank you!').waitFor();
  await shot(small, 'phone-room');
  await small.getByRole('button', { name: 'Show rooms' }).click();
  await shot(small, 'phone-rooms');
  await small.keyboard.press('Escape');
  await small.getByRole('button', { name: 'People' }).click();
  await shot(small, 'phone-people');
  await row(small, 'Fine with me').tap();
  await shot(small, 'phone-message-tools');
  await browser.closeWindows();
}

/* What is taken away from somebody who is looking. */
async function losses({ ann, bob, carla, general, secret }) {
  const removed = await visit(bob, `/r/${secret}`);
  await row(removed, 'I do.').waitFor();
  const outside = await visit(carla, `/r/${general}`);
  await row(outside, 'Thank you!').waitFor();
  must(await ann.api('DELETE', `/room/${secret}/member/${bob.id}`), 204, 'remove');
  await removed.getByRole('alert').waitFor();
  await shot(removed, 'removed-from-private-room');
  must(await ann.api('DELETE', `/room/${general}/member/${carla.id}`), 204, 'remove');
  await outside.getByText('You are no longer a member').waitFor();
  await shot(outside, 'removed-from-public-room');

  must(await ann.api('PATCH', `/room/${general}/member/${bob.id}`, { role: 'reader' }), 200, 'reader');
  const reader = await visit(bob, `/r/${general}`);
  await reader.getByText('You may read here').waitFor();
  await shot(reader, 'reader');

  const page = await visit(ann, `/r/${general}`);
  const small = await visit(ann, `/r/${general}`, phone);
  for (const each of [page, small]) await row(each, 'Thank you!').waitFor();
  const { port, dataDir } = server;
  await server.stop();
  for (const each of [page, small]) {
    await each.getByText('No connection').waitFor();
    await say(each, 'Is anybody there?');
  }
  await page.getByRole('button', { name: 'Try now' }).waitFor();
  await shot(page, 'server-away');
  await shot(small, 'phone-server-away');
  server = await startServer({ dataDir, flags: { 'http.address': `127.0.0.1:${port}` } });
  for (const each of [page, small]) await each.getByText('No connection').waitFor({ state: 'detached' });
  await log(page).getByText('Is anybody there?').nth(1).waitFor();
  await shot(page, 'server-back');

  const elsewhere = await login(server.url, 'ann');
  must(await elsewhere.api('POST', '/me/password', { old: ann.password, new: 'another long password' }), 204, 'password');
  for (const each of [page, small]) await each.getByRole('alert').waitFor();
  await shot(page, 'session-ended');
  await shot(small, 'phone-session-ended');
  await page.getByRole('button', { name: 'Sign in again' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await shot(page, 'front-after-session-ended');
  await browser.closeWindows();
}
