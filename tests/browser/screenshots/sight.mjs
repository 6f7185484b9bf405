/* For eyes that need it otherwise: text of twice the size, forced colours, more contrast, from right to left. */
import { firstAdministrator } from '../../api/lib/admin.mjs';
import { must } from '../../api/lib/client.mjs';
import { row } from '../lib/browser.mjs';
import { makeTalk, phone, wide } from './lib.mjs';

export async function take(studio) {
  const { server } = studio;
  const root = await firstAdministrator(server);
  const { ann, general } = await makeTalk(server);
  const hebrew = must(await ann.api('POST', '/room', { name: 'הבוקר', kind: 'public', topic: 'מה חדש? — what is new?' }), 201, 'room').body.id;
  for (const text of ['בוקר טוב! **הגרסה** יוצאת ביום חמישי.', '> שלום\n\n- אחד\n- two, mixed with `code`', 'Left again, @ann.'])
    must(await ann.api('POST', `/room/${hebrew}/message`, { text }), 201, 'message');
  await studio.view(ann, `/r/${hebrew}`, 'right-to-left', (page) => row(page, 'Left again'));
  must(await root.api('POST', '/task', { title: 'Paint the fence' }), 201, 'task');

  const views = [
    ['chat', ann, `/r/${general}`, (page) => row(page, 'Thank you')],
    ['permissions', root, '/admin/permissions?subject=members', (page) => page.getByRole('checkbox', { name: /^News: write/ })],
    ['list', root, '/admin/data/task', (page) => page.getByRole('row', { name: /Paint/ })],
    ['form', root, '/admin/data/task/new', (page) => page.getByLabel('Priority')],
  ];
  for (const [name, person, path, seen] of views) {
    const page = await studio.visit(person, path);
    await seen(page).waitFor();
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
    await studio.shot(page, `${name}-large-text`);
    await page.setViewportSize(phone.viewport);
    await studio.shot(page, `${name}-large-text-phone`);
    await page.evaluate(() => document.documentElement.style.removeProperty('font-size'));
    await page.setViewportSize(wide.viewport);
    if (name === 'chat') await row(page, 'Yes.').hover();
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ forcedColors: 'active', colorScheme });
      await studio.shot(page, `${name}-forced-colours-${colorScheme}`);
      await page.emulateMedia({ forcedColors: 'none', contrast: 'more', colorScheme });
      await studio.shot(page, `${name}-more-contrast-${colorScheme}`);
      await page.emulateMedia({ contrast: 'no-preference' });
    }
    await page.close();
  }
  await studio.browser.closeWindows();
}
