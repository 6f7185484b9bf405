/* The administration: overview, people and groups, operation. */
import { firstAdministrator } from '../../api/lib/admin.mjs';
import { must } from '../../api/lib/client.mjs';

export async function take(studio) {
  const { server } = studio;
  const root = await firstAdministrator(server);
  await studio.view(root, '/admin', 'overview', (page) => page.getByRole('heading', { name: 'First steps' }));
  await studio.view(root, '/admin/groups', 'groups-empty', (page) => page.getByText(/No group/));
  const long = await server.addUser('somebody-with-quite-a-long-name');
  const [ann, bob] = [await server.addUser('ann'), await server.addUser('bob')];
  must(await root.api('PATCH', `/user/${bob.id}`, { disabled: true }), 200, 'disable');
  const group = async (name) => must(await root.api('POST', '/group', { name }), 201, name).body.id;
  const editors = await group('editors');
  await group('who-look-after-the-old-archive');
  for (const { id: user } of [ann, long]) must(await root.api('POST', `/group/${editors}/member`, { user }), 204, 'member');
  const grant = (subject, model, rights, more = {}) => root.api('POST', '/grant', { subject, model, rights, ...more });
  await grant(`group:${editors}`, 'news', ['read', 'write'], { reason: 'They write it.' });
  await grant(`user:${ann.id}`, 'task', ['read', 'grant'], { until: '2099-01-01T00:00:00Z' });
  await studio.browser.closeWindows();

  const users = await studio.view(root, '/admin/users', 'users', (page) => page.getByRole('row', { name: /ann/ }));
  await users.getByRole('button', { name: 'New user' }).click();
  await users.getByRole('dialog').getByLabel('Name').fill('ann');
  await users.getByRole('dialog').getByRole('button', { name: 'Create user' }).click();
  await users.getByRole('dialog').getByRole('alert').waitFor();
  await studio.everywhere(users, 'new-user-refused');
  await users.getByRole('dialog').getByLabel('Name').fill('zoe');
  await users.getByRole('dialog').getByRole('button', { name: 'Create user' }).click();
  await users.getByLabel('Password of zoe').waitFor();
  await studio.everywhere(users, 'new-user-password');
  await users.goto(`${server.url}/admin/users?q=zzz`);
  await users.getByRole('row', { name: /ann/ }).waitFor({ state: 'detached' });
  await studio.everywhere(users, 'users-none');
  const user = await studio.view(root, `/admin/users/${ann.id}`, 'user', (page) => page.getByText('on task'));
  await user.getByRole('button', { name: 'Disable' }).click();
  await user.getByRole('dialog').waitFor();
  await studio.everywhere(user, 'user-disable');
  await studio.view(root, `/admin/users/${bob.id}`, 'user-disabled', (page) => page.getByRole('button', { name: 'Enable' }));
  await studio.view(root, '/admin/groups', 'groups', (page) => page.getByText('editors'));
  const one = await studio.view(root, `/admin/groups/${editors}`, 'group', (page) => page.getByText('on news'));
  await one.getByRole('button', { name: 'Delete' }).click();
  await one.getByText(/taken out of it/).waitFor();
  await studio.everywhere(one, 'group-delete');
  await studio.browser.closeWindows();

  const ops = await studio.view(root, '/admin/ops', 'operation', (page) => page.locator('canvas').nth(7));
  await ops.close();
  await studio.view(ann, '/admin/ops', 'operation-refused', (page) => page.getByRole('alert'));
  await studio.view(root, '/admin/nowhere', 'nowhere', (page) => page.getByText('There is no page at this address.'));
  await studio.browser.closeWindows();
}
