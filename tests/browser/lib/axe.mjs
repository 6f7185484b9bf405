// What axe finds wrong with a page for people who do not see it, or who use the keyboard alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fromClient } from './browser.mjs';

const axe = readFileSync(fromClient.resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails with the rule and the element, if there is anything in @view. */
export async function assertAccessible(page, view) {
  await page.evaluate(axe);
  const found = await page.evaluate(async (wanted) => {
    const { violations } = await globalThis.axe.run(document, { runOnly: wanted });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  }, tags);
  assert.deepEqual(found, [], view);
}

const dark = { colorScheme: 'dark' };
const light = { colorScheme: 'light' };

/** The same in light, in the dark and on a phone of 320 pixels, where nothing may need scrolling to the side. */
export async function assertAccessibleEverywhere(page, view) {
  const size = page.viewportSize();
  for (const [name, media] of Object.entries({ light, dark })) {
    await page.emulateMedia(media);
    await assertAccessible(page, `${view}, ${name}`);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  await assertAccessible(page, `${view}, phone`);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(width, 320, `${view} is wider than a phone`);
  await page.emulateMedia(light);
  await page.setViewportSize(size);
}
