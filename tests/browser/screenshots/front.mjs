/* Who is not signed in. */
import { fillIn } from '../lib/browser.mjs';

export async function take(studio) {
  const { server, browser } = studio;
  const [link] = await server.waitForOutput(/http:\/\/\S+\/setup\?token=\S+/);
  const setUp = (page) => page.getByRole('button', { name: 'Create administrator' });
  await studio.view(null, link.slice(server.url.length), 'set-up', setUp);
  await studio.view(null, '/setup?token=used', 'set-up-too-late', (page) => page.getByRole('alert'));

  const page = await studio.visit(null);
  await page.getByLabel('Name').waitFor();
  await studio.everywhere(page, 'sign-in');
  await fillIn(page, 'nobody', 'wrong password');
  await page.getByRole('alert').waitFor();
  await studio.everywhere(page, 'wrong-password');
  const throttled = page.getByText(/wait \d+ s/);
  for (let tries = 0; tries < 10 && (await throttled.count()) === 0; tries++) {
    const answered = page.waitForResponse('**/login');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await answered;
    await page.getByRole('alert').waitFor();
  }
  await throttled.waitFor();
  await studio.everywhere(page, 'too-many-tries');
  await page.getByRole('button', { name: 'Create an account' }).click();
  await studio.everywhere(page, 'register');
  await fillIn(page, 'not a name!', 'short', 'Register');
  await page.getByText('A name has letters').waitFor();
  await studio.everywhere(page, 'register-refused');
  await browser.closeWindows();
}
