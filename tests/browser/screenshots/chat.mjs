/* Talking: the room, and what stands in it. */
import { composer, log, row, say } from '../lib/browser.mjs';
import { makeTalk, phone } from './lib.mjs';

export async function take(studio) {
  const { ann, bob, general, secret, asked } = await makeTalk(studio.server);
  const page = await studio.view(ann, '/', 'welcome', (it) => it.getByRole('link', { name: 'general' }));
  await page.goto(`${studio.server.url}/r/${general}`);
  await row(page, 'Thank you').waitFor();
  const other = await studio.visit(bob, `/r/${general}`);
  await composer(other).pressSequentially('By the way');
  await page.getByText('bob is typing…').waitFor();
  await row(page, 'Yes.').hover();
  await studio.everywhere(page, 'room');
  await other.close();

  await page.goto(`${studio.server.url}/r/${general}/m/${asked.id}`);
  await log(page).locator('.message-target').waitFor();
  await studio.everywhere(page, 'permalink');
  await log(page).focus();
  await page.keyboard.press('End');
  await page.keyboard.press('r');
  await page.getByText('Reply to bob').waitFor();
  await composer(page).fill('Welcome.\n\nMore tomorrow, when the **notes** are there.');
  await studio.everywhere(page, 'reply');

  await page.goto(`${studio.server.url}/r/${secret}`);
  await page.getByRole('separator', { name: 'New messages' }).waitFor();
  await studio.everywhere(page, 'unread');
  await say(page, `Too much. ${'x'.repeat(4000)}`);
  await row(page, 'Not sent').waitFor();
  await studio.everywhere(page, 'too-long');
  await say(page, 'Soon to be mended');
  await row(page, 'Soon to be mended').waitFor();
  await composer(page).press('ArrowUp');
  await page.getByRole('textbox', { name: 'Edit message' }).waitFor();
  await studio.everywhere(page, 'edit');

  const small = await studio.visit(bob, `/r/${general}`, phone);
  await row(small, 'Thank you').waitFor();
  await small.getByRole('button', { name: 'Show rooms' }).click();
  await studio.shot(small, 'rooms-phone');
  await small.keyboard.press('Escape');
  await small.getByRole('button', { name: 'People', exact: true }).click();
  await studio.shot(small, 'people-phone');
  await row(small, 'Fine with me').tap();
  await studio.shot(small, 'tools-phone');
  await studio.browser.closeWindows();
}
