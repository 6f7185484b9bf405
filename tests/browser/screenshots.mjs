/* screenshots.mjs: the pages as people meet them, in build/screenshots/*.png, to be looked at after a change.
 *
 *   node tests/browser/screenshots.mjs [FOLDER] [AREA...]
 *
 * The areas are the files of screenshots/ beside lib.mjs, each with a server of its own; all, unless some are named.
 * Each view is there in light (name.png), in the dark (name-dark.png) and on a phone (name-phone.png). The program is
 * build-check/parley or PARLEY_PROGRAM, the client what is beside it or the folder PARLEY_CLIENT.
 */
import { fileURLToPath } from 'node:url';
import { whyNot } from './lib/browser.mjs';
import { Studio } from './screenshots/lib.mjs';

const areas = ['front', 'chat', 'dialogs', 'faults', 'account', 'people', 'rights', 'data', 'sight'];
const [folder = fileURLToPath(new URL('../../build/screenshots', import.meta.url)), ...wanted] = process.argv.slice(2);

const why = whyNot();
const unknown = wanted.filter((area) => !areas.includes(area));
if (why || unknown.length > 0) {
  console.error(`screenshots.mjs: ${why || `no such area: ${unknown.join(', ')}; there are ${areas.join(', ')}`}`);
  process.exit(1);
}
for (const area of wanted.length > 0 ? wanted : areas) {
  const { take } = await import(`./screenshots/${area}.mjs`);
  const studio = await Studio.open(folder, area);
  try {
    await take(studio);
  } catch (error) {
    // Said here: what ends the servers ends the process before Node would say it.
    console.error(error);
    process.exitCode = 1;
  } finally {
    await studio.close();
  }
}
