/* lib.mjs: a server, a browser, and pictures of pages in every light and width. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../../api/lib/client.mjs';
import { startServer } from '../../api/lib/server.mjs';
import { launch } from '../lib/browser.mjs';

export const wide = { viewport: { width: 1200, height: 760 } };
export const phone = { viewport: { width: 375, height: 667 }, hasTouch: true };

/* What scrolls by itself in the middle of a page. */
const middle = 'html, .content';
const tallest = 2400;

export class Studio {
  #folder;
  #area;

  static async open(folder, area) {
    mkdirSync(folder, { recursive: true });
    const studio = new Studio();
    studio.#folder = folder;
    studio.#area = area;
    studio.server = await startServer({ client: process.env.PARLEY_CLIENT });
    studio.browser = await launch();
    return studio;
  }

  async close() {
    await this.browser.close();
    await this.server.stop();
  }

  visit(person, path = '/', options = wide) {
    return this.browser.visit(this.server.url + path, { person, ...options });
  }

  /** The page as it is now. */
  async shot(page, name) {
    const path = join(this.#folder, `${this.#area}-${name}.png`);
    await page.screenshot({ path });
    console.log(path);
  }

  /** In light, in the dark and on a phone; the whole view, if it is longer than the window. */
  async everywhere(page, name) {
    const size = page.viewportSize();
    const looks = [
      ['', { colorScheme: 'light' }, size],
      ['-dark', { colorScheme: 'dark' }, size],
      ['-phone', { colorScheme: 'light' }, phone.viewport],
    ];
    for (const [ending, media, viewport] of looks) {
      await page.emulateMedia(media);
      await setFinger(page, ending === '-phone');
      await page.setViewportSize(viewport);
      const height = await heightOfAll(page);
      if (height > viewport.height) await page.setViewportSize({ ...viewport, height });
      await this.shot(page, name + ending);
    }
    await setFinger(page, false);
    await page.setViewportSize(size);
  }

  /** @path in every light and width, once @seen is there. */
  async view(person, path, name, seen) {
    const page = await this.visit(person, path);
    await seen(page).first().waitFor();
    await this.everywhere(page, name);
    return page;
  }
}

/* The people at the side of a room open by themselves only where there is room for them. */
async function setFinger(page, isPhone) {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setTouchEmulationEnabled', { enabled: isPhone });
  await session.detach();
  await page.evaluate((wanted) => {
    const people = document.querySelector('.room-head [aria-expanded]');
    // A dialog that one of them opened would go with them.
    if (document.querySelector('dialog[open]')) return;
    if (people && (people.ariaExpanded === 'true') === wanted) people.click();
  }, isPhone);
}

/* How high the window has to be for all of the view to be in it. */
function heightOfAll(page) {
  return page.evaluate(
    ([places, most]) => {
      const hidden = [...document.querySelectorAll(places)].map((place) => place.scrollHeight - place.clientHeight);
      const dialog = document.querySelector('dialog[open]');
      return dialog ? innerHeight : Math.min(most, innerHeight + Math.max(0, ...hidden));
    },
    [middle, tallest],
  );
}

/** People, rooms and a conversation with everything in it that a conversation can have. */
export async function makeTalk(server) {
  const names = ['ann', 'bob', 'carla', 'dan-of-the-very-long-name-indeed'];
  const people = [];
  for (const name of names) people.push(await server.addUser(name));
  const [ann, bob, carla, dan] = people;
  const room = async (who, name, kind, topic) =>
    must(await who.api('POST', '/room', topic ? { name, kind, topic } : { name, kind }), 201, name).body.id;
  const say = async (who, id, text, more = {}) =>
    must(await who.api('POST', `/room/${id}/message`, { text, ...more }), 201, text).body;
  const general = await room(ann, 'general', 'public', 'What everybody should know');
  const secret = await room(ann, 'release-party', 'private');
  await room(ann, 'a-room-with-a-name-that-is-quite-long-and-does-not-fit', 'public');
  await room(carla, 'books', 'public', 'What we read');
  for (const id of [general, secret])
    for (const { id: user } of [bob, carla, dan]) must(await ann.api('POST', `/room/${id}/member`, { user }), 201, 'member');
  must(await bob.api('POST', '/direct', { user: ann.id }), 201, 'direct');
  const first = await say(ann, general, 'Good morning! The **release** is planned for *Thursday*.');
  await say(bob, general, 'Fine with me. What is left?\n\n- the notes\n- `meson dist`\n- a second look at https://example.org/changes');
  const asked = await say(ann, general, '> What is left?\n\nThe notes. @carla, can you take them?');
  const answer = await say(carla, general, 'Yes.\n```\ngit log --oneline v0.1..\n```\nTwo pages, I think.', { reply_to: asked.id });
  await say(carla, general, 'مرحبا بالجميع، الإصدار يوم الخميس');
  await say(dan, general, `A word that has no end: ${'Donaudampfschifffahrt'.repeat(8)}`);
  const last = await say(bob, general, 'Thank you, @ann!', { reply_to: first.id });
  for (const [who, message, emoji] of [[ann, last, '👍'], [carla, last, '👍'], [carla, last, '🎉'], [ann, answer, '🚀']])
    must(await who.api('POST', `/message/${message.id}/reaction`, { emoji }), 201, 'reaction');
  for (const message of [first, answer])
    must(await ann.api('POST', `/room/${general}/pin`, { message: message.id }), 201, 'pin');
  for (const text of ['Who brings the cake?', 'I do. And @ann the plates?']) await say(carla, secret, text);
  return { ann, bob, carla, dan, general, secret, first, asked, last, say };
}
