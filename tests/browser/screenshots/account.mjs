/* One's own account. */
import { login } from '../../api/lib/server.mjs';

export async function take(studio) {
  const ann = await studio.server.addUser('ann');
  await login(studio.server.url, 'ann');
  const page = await studio.view(ann, '/account', 'account', (it) => it.getByText('You have none.'));
  await page.getByRole('button', { name: 'New token' }).click();
  const dialog = page.getByRole('dialog', { name: 'New API token' });
  await dialog.getByLabel('Name').fill('my script');
  await dialog.getByRole('checkbox', { name: 'read room' }).check();
  await studio.everywhere(page, 'new-token');
  await dialog.getByRole('button', { name: 'Make token' }).click();
  const shown = page.getByRole('dialog', { name: 'Token my script' });
  await shown.waitFor();
  await studio.everywhere(page, 'token');
  await shown.getByRole('button', { name: 'Done' }).click();
  await page.getByText('May: room: read').waitFor();
  await studio.everywhere(page, 'tokens');
  await studio.browser.closeWindows();
}
