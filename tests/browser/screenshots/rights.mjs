/* The administration: permissions, effective rights, the record of changes. */
import { firstAdministrator } from '../../api/lib/admin.mjs';
import { must } from '../../api/lib/client.mjs';

export async function take(studio) {
  const { server } = studio;
  const root = await firstAdministrator(server);
  const [ann, bob] = [await server.addUser('ann'), await server.addUser('bob')];
  const editors = must(await root.api('POST', '/group', { name: 'editors' }), 201, 'group').body.id;
  for (const { id: user } of [ann, bob]) must(await root.api('POST', `/group/${editors}/member`, { user }), 204, 'member');
  const grant = (subject, model, rights, more = {}) => root.api('POST', '/grant', { subject, model, rights, ...more });
  await grant(`group:${editors}`, 'news', ['write'], { reason: 'the fair', until: '2099-01-01T00:00:00Z' });
  await grant(`user:${ann.id}`, 'news', ['read', 'grant'], { reason: 'keeper' });

  const cell = (page, name) => page.getByRole('checkbox', { name: new RegExp(`^${name}(,|$)`) });
  const subject = `group:${editors}`;
  await studio.view(root, '/admin/permissions', 'permissions-none', (page) => page.getByText('Choose whose permissions'));
  const page = await studio.view(root, `/admin/permissions?subject=${subject}`, 'permissions', (it) => cell(it, 'News: write'));
  await cell(page, 'News: delete').click();
  await cell(page, 'Task: grant').click();
  await cell(page, 'News: write').click();
  await page.getByRole('button', { name: 'Who is affected?' }).click();
  await page.getByText(/gain something/).waitFor();
  await studio.everywhere(page, 'permissions-staged');
  await grant(subject, 'news', ['delete', 'grant']);
  await page.getByText('was changed meanwhile').waitFor();
  await studio.everywhere(page, 'permissions-conflict');
  await page.getByRole('button', { name: 'Discard' }).click();
  await cell(page, 'Comment: read').click();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await page.getByText('Saved: 1 change.').waitFor();
  await page.getByRole('combobox', { name: 'Permissions of' }).fill('a');
  await page.getByRole('option').first().waitFor();
  await studio.everywhere(page, 'permissions-saved');
  await studio.browser.closeWindows();

  await grant(subject, 'news', ['write'], { reason: 'the fair' });
  await studio.view(ann, '/admin/permissions?subject=members', 'permissions-locked', (it) => cell(it, 'News: write'));
  await studio.view(root, `/admin/effective?user=${ann.id}`, 'effective-all', (it) => it.getByText('from group editors'));
  const why = `/admin/effective?user=${ann.id}&model=news&right=`;
  await studio.view(root, `${why}write`, 'effective-yes', (it) => it.getByText('Yes: ann may write news.'));
  await studio.view(root, `${why}delete`, 'effective-no', (it) => it.getByText(/may not delete news/));
  const who = await studio.visit(root, `${why}write`);
  await who.getByRole('link', { name: 'Who may do something?' }).click();
  await who.getByRole('link', { name: 'Why ann may' }).waitFor();
  await studio.everywhere(who, 'effective-who');
  await studio.browser.closeWindows();
  const audit = await studio.view(root, '/admin/audit', 'audit', (it) => it.getByText(/put ann into group editors/));
  await audit.getByRole('button', { name: 'Is the record whole?' }).click();
  await audit.getByText('The record is whole').waitFor();
  await audit.getByLabel('Kind').selectOption('group.join');
  await audit.getByText('because the fair').first().waitFor({ state: 'detached' });
  await studio.everywhere(audit, 'audit-filtered');
  await studio.browser.closeWindows();
}
