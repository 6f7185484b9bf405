/* The administration: the rows of models. */
import { firstAdministrator } from '../../api/lib/admin.mjs';
import { must } from '../../api/lib/client.mjs';

export async function take(studio) {
  const { server } = studio;
  const root = await firstAdministrator(server);
  const [ann, bob] = [await server.addUser('ann'), await server.addUser('bob')];
  const make = async (model, row, who = root) => must(await who.api('POST', `/${model}`, row), 201, model).body;
  await studio.view(root, '/admin/data/task', 'list-empty', (page) => page.locator('.content').getByText(/[Nn]o(thing| row)|none/));
  const fence = await make('task', { title: 'Paint the fence', code: 'YARD-1', priority: 2, due: '2030-07-01T08:00:00Z', assignee: ann.id, labels: ['garden', 'summer'] });
  await make('task', { title: 'Mend the roof before the first storms of autumn come and the rain gets into the attic', code: 'YARD-2', priority: 1, status: 'doing', assignee: bob.id });
  await make('task', { title: 'اسق الورود', status: 'done' });
  const gate = await make('task', { title: 'The gate of the fence', parent: fence.id });
  const news = await make('news', { title: 'The fair opens', content: 'On Thursday.', published: true });
  for (const text of ['yes', 'no']) await make('comment', { news: news.id, text });
  await lists(studio, root);
  await forms(studio, { root, ann, bob, fence, gate, news });
}

async function lists(studio, root) {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const dialog = (name) => page.getByRole('dialog', { name });
  const page = await studio.view(root, '/admin/data/task', 'list', (it) => it.getByRole('row', { name: /Paint/ }));
  await button('Filter').click();
  await dialog('Filter').getByLabel('Field').selectOption('Priority');
  await dialog('Filter').getByLabel('Comparison').selectOption('is at least');
  await dialog('Filter').getByLabel('Value').fill('2');
  await studio.everywhere(page, 'filter');
  await dialog('Filter').getByRole('button', { name: 'Show these' }).click();
  await page.getByText('Priority is at least 2').waitFor();
  await page.getByRole('checkbox', { name: 'Select all rows of this page' }).check();
  await studio.everywhere(page, 'list-selected');
  await button('Edit the selected').click();
  await page.getByLabel('Field').selectOption('Status');
  await studio.everywhere(page, 'bulk-edit');
  await page.keyboard.press('Escape');
  await button('Delete the selected').click();
  await studio.everywhere(page, 'bulk-delete');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Select none' }).click();
  await page.getByRole('checkbox', { name: 'Select Paint the fence' }).check();
  await button('Delete the selected').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('0 done, 1 failed.').waitFor();
  await studio.everywhere(page, 'bulk-result');
  await page.getByRole('dialog').locator('.actions').getByRole('button', { name: 'Close' }).click();
  await button('Columns').click();
  await studio.everywhere(page, 'columns');
  await page.keyboard.press('Escape');
  await button('Export').click();
  await studio.everywhere(page, 'export');
  await page.goto(`${studio.server.url}/admin/data/task?q=nothing-like-this`);
  await page.getByRole('button', { name: 'Clear the search' }).waitFor();
  await studio.everywhere(page, 'list-none-found');
  await studio.browser.closeWindows();
}

async function forms(studio, { root, ann, bob, fence, gate, news }) {
  const url = studio.server.url;
  const page = await studio.visit(root, `/admin/data/task/${fence.id}`);
  const button = (name) => page.getByRole('button', { name, exact: true });
  const title = page.getByRole('textbox', { name: 'Title *' });
  await title.fill('Paint the fence green');
  await page.getByRole('combobox', { name: 'Assignee' }).click();
  await page.getByRole('option', { name: /^bob/ }).waitFor();
  await studio.everywhere(page, 'form');
  await title.focus();
  must(await ann.api('PATCH', `/task/${fence.id}`, { title: 'Paint the fence blue', status: 'doing' }), 200, 'theirs');
  await page.getByText('ann changed Title while you edited').waitFor();
  await button('Save').click();
  await page.getByText('Choose for each, then save again.').waitFor();
  await studio.everywhere(page, 'form-conflict');
  await button('Keep mine').click();
  await button('Save').click();
  await page.getByText('Saved.').waitFor();
  await button('History').click();
  await page.getByRole('dialog').getByText('Paint the fence blue → Paint the fence green').waitFor();
  await studio.everywhere(page, 'history');
  await page.keyboard.press('Escape');
  await button('JSON').click();
  await page.getByRole('dialog').waitFor();
  await studio.everywhere(page, 'json');
  await page.goto(`${url}/admin/data/task/new`);
  await page.getByRole('textbox', { name: 'Code' }).fill('wrong');
  await page.getByLabel('Priority').fill('9');
  await button('Save').click();
  await page.getByText('This must be at most 5.').waitFor();
  await studio.everywhere(page, 'form-errors');
  page.once('dialog', (question) => question.accept());
  await page.goto(`${url}/admin/data/news/${news.id}`);
  await button('Delete').click();
  await page.getByText('2 rows of Comment').waitFor();
  await studio.everywhere(page, 'delete');
  await studio.browser.closeWindows();
  await studio.view(bob, `/admin/data/task/${gate.id}`, 'form-locked', (it) => it.getByText('a rule of Task says'));
  await studio.view(root, '/admin/data/task/99999', 'form-missing', (it) => it.getByText('There is no such row'));
  await studio.browser.closeWindows();
}
