/* What is taken away from somebody who is looking, and when the server is away. */
import { must } from '../../api/lib/client.mjs';
import { login, startServer } from '../../api/lib/server.mjs';
import { log, row, say } from '../lib/browser.mjs';
import { makeTalk } from './lib.mjs';

export async function take(studio) {
  const { ann, bob, carla, general, secret } = await makeTalk(studio.server);
  const removed = await studio.visit(bob, `/r/${secret}`);
  await row(removed, 'I do.').waitFor();
  const outside = await studio.visit(carla, `/r/${general}`);
  await row(outside, 'Thank you').waitFor();
  must(await ann.api('DELETE', `/room/${secret}/member/${bob.id}`), 204, 'remove');
  await removed.getByRole('alert').waitFor();
  await studio.everywhere(removed, 'removed-from-private-room');
  must(await ann.api('DELETE', `/room/${general}/member/${carla.id}`), 204, 'remove');
  await outside.getByText('You are no longer a member').waitFor();
  await studio.everywhere(outside, 'removed-from-public-room');
  await studio.view(bob, '/r/99999', 'no-such-room', (page) => page.getByRole('alert'));

  must(await ann.api('PATCH', `/room/${general}/member/${bob.id}`, { role: 'reader' }), 200, 'reader');
  await studio.view(bob, `/r/${general}`, 'reader', (page) => page.getByText('You may read here'));
  await studio.browser.closeWindows();
  await away(studio, ann, general);
}

async function away(studio, ann, general) {
  const page = await studio.visit(ann, `/r/${general}`);
  const admin = await studio.visit(ann, '/admin');
  await row(page, 'Thank you').waitFor();
  const { port, dataDir } = studio.server;
  await studio.server.stop();
  await page.getByText('No connection').waitFor();
  await say(page, 'Is anybody there?');
  await page.getByRole('button', { name: 'Try now' }).waitFor();
  await studio.everywhere(page, 'server-away');
  await admin.evaluate(() => document.querySelector('.places a[href*="/data/"]')?.click());
  await admin.getByRole('alert').waitFor();
  await studio.everywhere(admin, 'server-away-admin');
  studio.server = await startServer({ dataDir, client: process.env.PARLEY_CLIENT, flags: { 'http.address': `127.0.0.1:${port}` } });
  await page.getByText('No connection').waitFor({ state: 'detached' });
  await log(page).getByText('Is anybody there?').first().waitFor();
  await studio.everywhere(page, 'server-back');

  const elsewhere = await login(studio.server.url, 'ann');
  must(await elsewhere.api('POST', '/me/password', { old: ann.password, new: 'another long password' }), 204, 'password');
  await page.getByRole('alert').waitFor();
  await studio.everywhere(page, 'session-ended');
  await admin.reload();
  await admin.getByRole('heading', { name: 'Sign in' }).waitFor();
  await studio.shot(admin, 'session-ended-admin');
  await page.getByRole('button', { name: 'Sign in again' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await studio.shot(page, 'sign-in-again');
  await studio.browser.closeWindows();
}
