/* What opens over a room. */
import { composer, log, row } from '../lib/browser.mjs';
import { makeTalk } from './lib.mjs';

export async function take(studio) {
  const { ann, general } = await makeTalk(studio.server);
  await studio.server.addUser('eve');
  const page = await studio.visit(ann, `/r/${general}`);
  await row(page, 'Thank you').waitFor();
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  const dialog = page.getByRole('dialog');
  const picture = async (name, seen) => {
    await seen.first().waitFor();
    await studio.everywhere(page, name);
    // Closing one may lead back to the one before.
    while ((await dialog.count()) > 0) {
      await dialog.last().getByRole('button', { name: 'Close' }).click();
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
  };

  await page.keyboard.press('Control+k');
  await picture('switcher', dialog.getByRole('option'));
  await press('Search');
  await dialog.getByLabel('Words').fill('notes');
  await dialog.getByLabel('Words').press('Enter');
  await picture('search', dialog.getByText('2 messages.'));
  await press('About this room');
  await dialog.getByLabel('Topic').waitFor();
  await press('Delete room');
  await picture('about', dialog.getByLabel(/type the room’s name/));
  await press('4 members in all');
  await picture('members', dialog.getByText('carla'));
  await press('Invite somebody');
  await picture('invite', dialog.getByRole('option', { name: 'eve' }));
  await press('New room');
  await picture('new-room', dialog.getByLabel('Name'));
  await press('Settings');
  await picture('settings', dialog.getByText('Allow notifications'));
  await press('Pinned messages');
  await picture('pins', dialog.getByText('pinned by ann'));
  await log(page).focus();
  await page.keyboard.press('?');
  await picture('help', dialog.getByText('Everywhere'));
  await log(page).focus();
  await page.keyboard.press('End');
  await page.keyboard.press('+');
  await picture('react', dialog.getByRole('button', { name: 'heart' }));
  await log(page).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Delete');
  await picture('delete', dialog.getByRole('button', { name: 'Delete message' }));
  await composer(page).pressSequentially('Hello @');
  await picture('completion', page.getByRole('option'));
  await studio.browser.closeWindows();
}
