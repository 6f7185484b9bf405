/* log.test.mjs: the log of a room in a real browser: where it stands, what its messages offer, long rooms and bursts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { must } from '../api/lib/client.mjs';
import { createRoom, UNLIMITED, untilAnswer } from '../api/lib/nodes.mjs';
import { PATIENCE_MS, rawConnect, startServer } from '../api/lib/server.mjs';
import { composer, fromClient, launch, log, row, say, uniqueName, whyNot } from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 600_000 };

let server;
let ann;
let bob;
let browser;

before(async () => {
  if (skip) return;
  server = await startServer({ flags: UNLIMITED });
  ann = await server.addUser('ann');
  bob = await server.addUser('bob');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

afterEach(() => browser?.closeWindows());

/* A room of ann's with bob in it. */
async function newRoom(t) {
  const room = await createRoom(ann, uniqueName(t));
  must(await ann.api('POST', `/room/${room.id}/member`, { user: bob.id }), 201, 'invite bob');
  return room;
}

async function post(person, room, text, more = {}) {
  return must(await person.api('POST', `/room/${room.id}/message`, { text, ...more }), 201, `say ${text}`).body;
}

/* Many messages "line 1" … "line @count" over one socket; each batch waits for its answers. */
async function fill(person, room, count, word = 'line') {
  const socket = await rawConnect(server.url, { cookie: person.cookie });
  await socket.connect();
  let last;
  for (let from = 1; from <= count; from += 500) {
    const batch = [];
    for (let i = from; i < from + 500 && i <= count; i++)
      batch.push(socket.call('rpc', { method: 'message.create', data: { id: room.id, text: `${word} ${i}` } }));
    const replies = await Promise.all(batch);
    last = replies.at(-1).rpc?.data ?? assert.fail(JSON.stringify(replies.at(-1)));
  }
  await socket.close();
  return last;
}

const open = (person, path, options = {}) => browser.visit(server.url + path, { person, ...options });
const visit = async (person, room, options) => {
  const page = await open(person, `/r/${room.id}`, options);
  await composer(page).waitFor();
  return page;
};
const rows = (page) => log(page).getByRole('article').count();
const exact = (page, text) => log(page).getByRole('article', { name: new RegExp(`: ${text}, \\d\\d:\\d\\d$`) });
const tool = (page, text, name) => exact(page, text).getByRole('button', { name });
/* A hand moves to and fro until all that is in view is read; what it does before the page listens is not heard. */
const readUntilGone = (page, unread) => {
  let y = 300;
  const move = async () => {
    y = 601 - y;
    await page.mouse.move(500, y);
    return unread.count();
  };
  return untilAnswer('what is in view being read', move, (count) => count === 0);
};
/* Where it is about noon, so that no midnight comes between what is said and what is looked at. */
const zoneAtNoon = () => {
  const ahead = 12 - new Date().getUTCHours(); // of UTC; these names of zones count the other way round
  return `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
};
const focusedName = (page) => page.evaluate(() => document.activeElement.getAttribute('aria-label'));

test('messages of one person stand together, and a screen reader hears who, what and when', tests, async (t) => {
  const room = await newRoom(t);
  const first = await post(ann, room, 'hi @bob, is **1.2** out?');
  await post(ann, room, 'or *not*?');
  await post(bob, room, 'yes', { reply_to: first.id });
  const page = await visit(bob, room, { timezoneId: zoneAtNoon() });
  await row(page, 'yes').first().waitFor();

  const shown = (await log(page).ariaSnapshot()).replaceAll(room.name, 'ROOM').replace(/\d\d:\d\d/g, '09:52').replace(/(\/r\/)\d+|(\/m\/)\d+/g, '$1$2N');

  assert.equal(
    shown,
    `- 'log "Messages in #ROOM"':
  - paragraph: "This is the beginning of #ROOM."
  - separator "Today"
  - separator "New messages"
  - 'article "ann: hi @bob, is **1.2** out?, 09:52"':
    - paragraph:
      - strong: ann
      - link "09:52":
        - /url: /r/N/m/N
        - time: 09:52
    - paragraph:
      - text: hi @bob, is
      - strong: "1.2"
      - text: out?
  - 'article "ann: or *not*?, 09:52"':
    - paragraph:
      - link "09:52":
        - /url: /r/N/m/N
        - time: 09:52
    - paragraph:
      - text: or
      - emphasis: not
      - text: "?"
  - 'article "bob: yes, 09:52"':
    - paragraph:
      - strong: bob
      - link "09:52":
        - /url: /r/N/m/N
        - time: 09:52
    - 'link "ann: hi @bob, is **1.2** out?"':
      - /url: /r/N/m/N
    - paragraph: "yes"`,
  );
  assert.equal(await log(page).locator('.message-to-me').count(), 1, 'the one that names bob is marked');
});

test('a whole conversation with the keyboard alone', tests, async (t) => {
  const room = await newRoom(t);
  await post(bob, room, 'one');
  await post(ann, room, 'two');
  await post(ann, room, 'three');
  const page = await visit(ann, room, { permissions: ['clipboard-read', 'clipboard-write'] });
  const field = composer(page);
  await exact(page, 'three').waitFor();

  await log(page).focus();
  await page.keyboard.press('ArrowUp');
  assert.match(await focusedName(page), /^ann: three, /);
  await page.keyboard.press('ArrowUp');
  assert.match(await focusedName(page), /^ann: two, /);
  await page.keyboard.press('Home');
  assert.match(await focusedName(page), /^bob: one, /);
  await page.keyboard.press('End');
  assert.match(await focusedName(page), /^ann: three, /);

  await page.keyboard.press('e');
  const editor = page.getByRole('textbox', { name: 'Edit message' });
  await editor.fill('drei');
  await editor.press('Enter');
  await exact(page, 'drei').and(page.locator(':focus')).waitFor();

  await page.keyboard.press('Home');
  await page.keyboard.press('e');
  await page.getByText('You can edit only what you wrote yourself.').waitFor();
  await page.keyboard.press('+');
  const picker = page.getByRole('dialog', { name: 'React' });
  await picker.getByRole('searchbox').fill('rock');
  await page.keyboard.press('Enter');
  await exact(page, 'one').getByRole('button', { name: '🚀, you' }).waitFor();
  await page.keyboard.press('+');
  await picker.getByRole('searchbox').press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focusedName(page), 'heart');
  await page.keyboard.press('Escape');
  await exact(page, 'one').and(page.locator(':focus')).waitFor();

  await page.keyboard.press('c');
  await page.getByText('Link copied.').waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(`/r/${room.id}/m/\\d+$`));

  await page.keyboard.press('r');
  await page.getByText('Reply to bob: one').waitFor();
  await page.keyboard.type('four');
  await page.keyboard.press('Enter');
  await exact(page, 'four').getByRole('link', { name: 'bob: one' }).waitFor();

  await log(page).focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Delete');
  const question = page.getByRole('dialog', { name: 'Delete this message?' });
  await question.getByRole('button', { name: 'Delete message' }).press('Enter');
  await exact(page, 'deleted').and(page.locator(':focus')).waitFor();
  await page.keyboard.press('Escape');
  await field.and(page.locator(':focus')).waitFor();
  await page.keyboard.press('?');
  assert.equal(await field.inputValue(), '?', 'a letter where one types is a letter');
  await field.fill('');
  await page.keyboard.press('ArrowUp');
  await editor.waitFor();
  assert.equal(await editor.inputValue(), 'drei');
  await page.keyboard.press('Escape');

  await log(page).focus();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  await help.getByRole('row', { name: 'Ctrl + K Go to a room or a person' }).waitFor();
  await help.getByRole('row', { name: 'C Copy the link to it' }).waitFor();
  await page.keyboard.press('Escape');
  await log(page).and(page.locator(':focus')).waitFor();
});

test('who leads a room pins messages and deletes those of others', tests, async (t) => {
  const room = await newRoom(t);
  await post(bob, room, 'rules');
  await post(bob, room, 'rude');
  const page = await visit(ann, room);
  const other = await visit(bob, room);

  await exact(page, 'rude').hover();
  await tool(page, 'rude', 'Delete: the message of bob').click();
  const question = page.getByRole('dialog', { name: 'Delete the message of bob?' });
  await question.getByText('“rude” goes for everyone').waitFor();
  await question.getByRole('button', { name: 'Delete message' }).click();
  await exact(other, 'deleted').waitFor();
  await exact(page, 'rules').hover();
  await tool(page, 'rules', 'Pin: the message of bob').click();
  await page.getByText('Pinned for all in this room.').waitFor();

  await other.getByRole('button', { name: 'Pinned messages' }).click();
  const pins = other.getByRole('dialog', { name: 'Pinned messages' });
  await pins.getByText('pinned by ann').waitFor();
  assert.equal(await pins.getByRole('button', { name: 'Unpin' }).count(), 0, 'bob is only a member');
  await pins.getByRole('button', { name: 'Show in the room' }).click();
  await exact(other, 'rules').and(other.locator('.message-target:focus')).waitFor();

  await exact(other, 'rules').hover();
  await tool(other, 'rules', 'Edit: your message').waitFor();
  assert.equal(await tool(other, 'rules', /^Pin/).count(), 0);
  await tool(page, 'rules', 'Unpin: the message of bob').click();
  await page.getByText('No longer pinned.').waitFor();
  await other.getByRole('button', { name: 'Pinned messages' }).click();
  await pins.getByText('Nothing is pinned here.').waitFor();
});

test('ten thousand messages: opened at the end, read back, entered in the middle', tests, async (t) => {
  const room = await createRoom(ann, uniqueName(t));
  await fill(ann, room, 10_000);
  const page = await visit(ann, room);
  await exact(page, 'line 10000').waitFor();
  const top = () => log(page).evaluate((element) => element.scrollTop);

  for (const number of [9_940, 9_890, 9_840, 9_790, 9_740, 9_690, 9_640, 9_590]) {
    await log(page).evaluate((element) => element.scrollTo(0, 0));
    await exact(page, `line ${number}`).waitFor();
    assert.ok((await rows(page)) <= 300);
  }
  await exact(page, 'line 10000').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Jump to latest' }).waitFor();

  const found = must(await ann.api('GET', `/room/${room.id}/message?after=5000&limit=1`), 200, 'the middle').body;
  const [middle] = found.items;
  const number = Number(middle.text.slice(5));
  await page.evaluate((path) => {
    const link = document.createElement('a');
    link.href = path;
    document.body.append(link);
    link.click();
    link.remove();
  }, `/r/${room.id}/m/${middle.id}`);
  const target = exact(page, middle.text);
  await target.and(page.locator('.message-target:focus')).waitFor();

  // Loading what is newer must not move what one reads.
  await exact(page, `line ${number + 20}`).evaluate((element) => element.scrollIntoView({ block: 'end' }));
  const place = () => exact(page, `line ${number + 20}`).evaluate((element) => element.getBoundingClientRect().top);
  const before = await place();
  await exact(page, `line ${number + 60}`).waitFor({ state: 'attached' });
  assert.ok(Math.abs((await place()) - before) < 1, `${before} became ${await place()}`);
  for (let ahead = 60; ahead <= 460; ahead += 50) {
    await log(page).evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await exact(page, `line ${number + ahead}`).waitFor({ state: 'attached' });
    assert.ok((await rows(page)) <= 300);
  }
  await target.waitFor({ state: 'detached' });

  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  assert.ok(usedSize < 20 * 1024 * 1024, `${usedSize} bytes of heap`);
  t.diagnostic(`heap ${Math.round(usedSize / 1024)} KB`);

  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await exact(page, 'line 10000').waitFor();
  assert.ok((await top()) > 0);

  const gone = must(await ann.api('POST', '/room', { kind: 'public', name: uniqueName(t) }), 201, 'another').body;
  const elsewhere = await post(ann, gone, 'elsewhere');
  await page.goto(`${server.url}/r/${room.id}/m/${elsewhere.id}`);
  await page.getByText('That message is not in this room any more.').waitFor();
  await exact(page, 'line 10000').waitFor();
});

test('who scrolls in the moment when older messages come in stays where he went', tests, async (t) => {
  const room = await newRoom(t);
  await fill(ann, room, 120);
  const page = await visit(ann, room);
  await exact(page, 'line 120').waitFor();
  // The older page is kept back until the test lets it go.
  await page.evaluate(() => {
    const { fetch } = globalThis;
    globalThis.fetch = async (...asked) => {
      const answer = await fetch(...asked);
      if (!String(asked[0]).includes('before=')) return answer;
      const text = await answer.text();
      await new Promise((letGo) => {
        globalThis.letGo = letGo;
      });
      return { ok: answer.ok, status: answer.status, text: async () => text };
    };
  });
  for (const [from, to] of [[200, 500], [350, 50]]) {
    await log(page).evaluate((element, top) => element.scrollTo(0, top), from);
    await page.waitForFunction(() => globalThis.letGo);
    const { moved, count } = await exact(page, 'line 120').evaluate(async (last, { top, ms }) => {
      const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      await frame();
      const element = last.closest('[role=log]');
      const before = element.querySelectorAll('article').length;
      // In one turn: the browser tells of the scrolling only with the next frame.
      element.scrollTo(0, top);
      const place = last.getBoundingClientRect().top;
      globalThis.letGo();
      globalThis.letGo = null;
      const added = () => element.querySelectorAll('article').length - before;
      for (const end = performance.now() + ms; added() === 0 && performance.now() < end; ) await frame();
      return { moved: last.getBoundingClientRect().top - place, count: added() };
    }, { top: to, ms: PATIENCE_MS });
    assert.ok(count > 0, 'the older messages came in');
    assert.ok(Math.abs(moved) < 1, `it moved by ${moved}`);
  }
});

test('a burst of 1,500 messages neither moves the reader nor grows the page', tests, async (t) => {
  const room = await newRoom(t);
  await fill(ann, room, 100, 'old');
  const page = await visit(bob, room);
  const end = await visit(ann, room);
  await exact(end, 'old 100').waitFor();
  await exact(page, 'old 60').evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await page.waitForFunction(() => {
    const element = document.querySelector('[role=log]');
    return element.scrollHeight - element.scrollTop - element.clientHeight > 100;
  });
  const place = () => exact(page, 'old 60').evaluate((element) => element.getBoundingClientRect().top);
  const before = await place();

  await fill(ann, room, 1_500, 'new');

  // Two pages draw them; on a slow machine that is work for minutes.
  await exact(end, 'new 1500').waitFor({ timeout: 200_000 });
  assert.ok((await rows(end)) <= 300);
  await page.getByRole('button', { name: /^1500 new — jump to latest$/ }).waitFor();
  assert.ok(Math.abs((await place()) - before) < 1);
  assert.ok((await rows(page)) <= 300);
  await page.getByText(/^[\d,]+ new messages$/).first().waitFor({ state: 'attached' });
  await page.getByRole('button', { name: /jump to latest/ }).click();
  await exact(page, 'new 1500').waitFor();
});

test('a room that was open lately is there at once, and catches up', tests, async (t) => {
  const first = await newRoom(t);
  const second = await newRoom(t);
  await post(ann, first, 'in the first');
  await post(ann, second, 'in the second');
  const page = await visit(bob, first);
  await exact(page, 'in the first').waitFor();
  await page.getByRole('link', { name: second.name }).click();
  await exact(page, 'in the second').waitFor();
  await post(ann, first, 'meanwhile');
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));

  await page.getByRole('link', { name: first.name }).click();

  await exact(page, 'in the first').waitFor();
  await exact(page, 'meanwhile').waitFor();
  assert.deepEqual(
    asked.filter((path) => path.endsWith('/message')),
    [],
  );
});

test('what is marked unread stays so until one comes back', tests, async (t) => {
  const room = await newRoom(t);
  const other = await newRoom(t);
  await post(ann, room, 'first');
  await post(ann, room, 'second');
  const page = await visit(bob, room);
  const unread = page.getByRole('link', { name: new RegExp(`${room.name}.*unread`) });
  await exact(page, 'second').waitFor();
  await readUntilGone(page, unread);

  await exact(page, 'second').hover();
  await tool(page, 'second', 'Mark unread from here: the message of ann').click();
  await page.getByRole('link', { name: new RegExp(`${room.name}.*1 unread message`) }).waitFor();
  await page.mouse.move(500, 320);
  await page.getByRole('link', { name: other.name }).click();
  await page.getByRole('heading', { name: `#${other.name}` }).waitFor();
  assert.equal(await unread.count(), 1);
  await unread.click();
  await page.getByRole('separator', { name: 'New messages' }).waitFor();
  await readUntilGone(page, unread);
});

test('what comes while the window is in the background has a line before it, and is read once somebody is back', tests, async (t) => {
  const room = await newRoom(t);
  await post(ann, room, 'seen');
  const page = await visit(bob, room);
  const marks = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/read')) marks.push(request.postDataJSON().offset);
  });
  const unread = (count) => page.getByRole('link', { name: new RegExp(`${room.name}.*\\b${count} unread message`) });
  await exact(page, 'seen').waitFor();
  await readUntilGone(page, unread(1));
  await page.evaluate(() => {
    globalThis.isAway = true;
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => globalThis.isAway });
  });
  const before = marks.length;

  await fill(ann, room, 40, 'away');

  await unread(40).waitFor();
  // The list hears of them on another way than the log, which draws them later.
  await exact(page, 'away 40').waitFor({ state: 'attached' });
  await page.getByRole('button', { name: / new — jump to latest$/ }).waitFor();
  const line = page.getByRole('separator', { name: 'New messages' });
  assert.equal(await line.evaluate((element) => element.nextElementSibling.getAttribute('aria-label').slice(0, 11)), 'ann: away 1');
  await page.mouse.move(500, 320);
  await page.waitForFunction(() => /^\(\d+\) #/.test(document.title));
  assert.equal(marks.length, before, 'nobody was there to read');

  await page.evaluate(() => {
    globalThis.isAway = false;
  });
  const mark = page.waitForResponse((response) => response.url().endsWith('/read'));
  await page.mouse.move(500, 340);
  const { unread: left } = await (await mark).json();
  assert.ok(left > 0 && left < 40, `${left} of 40 are still below what is in view`);
  assert.ok(await exact(page, 'away 1').isVisible());
  await page.getByRole('button', { name: /jump to latest/ }).click();
  await page.waitForFunction(() => {
    const element = document.querySelector('[role=log]');
    return element.scrollHeight - element.scrollTop - element.clientHeight < 2;
  });
  await readUntilGone(page, unread(left));
  await line.waitFor({ state: 'attached' });
});

test('a finger finds the tools of a message in its own place, over nothing else', tests, async (t) => {
  const room = await newRoom(t);
  await post(bob, room, 'above');
  await post(bob, room, 'below');
  const page = await visit(ann, room, { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true });

  await exact(page, 'below').locator('.text').tap();

  const reply = tool(page, 'below', /^Reply/);
  await reply.waitFor();
  const above = await exact(page, 'above').boundingBox();
  const { y, width, height } = await reply.boundingBox();
  assert.ok(y >= above.y + above.height, 'it hides what stands above');
  assert.ok(width >= 44 && height >= 44, `${width} x ${height}`);
  await reply.tap();
  await page.getByText('Reply to bob: below').waitFor();
  await say(page, 'an answer');
  await exact(page, 'an answer').getByRole('link', { name: 'bob: below' }).waitFor();
});

test('who does not want to mark by scrolling marks by hand', tests, async (t) => {
  const room = await newRoom(t);
  await post(ann, room, 'seen, not read');
  const page = await open(bob, '/');
  await page.evaluate((id) => {
    localStorage.setItem(`parley.settings.${id}`, JSON.stringify({ markByScrolling: false }));
  }, bob.id);
  await page.goto(`${server.url}/r/${room.id}`);
  await exact(page, 'seen, not read').waitFor();
  await page.mouse.move(500, 300);
  const read = page.waitForRequest((request) => request.url().endsWith('/read'));

  await page.getByRole('button', { name: 'Mark as read' }).click();

  assert.equal((await read).postDataJSON().unread, undefined);
  await page.getByRole('button', { name: 'Mark as read' }).waitFor({ state: 'detached' });
});

test('what people write is only ever text, in its own direction and within the page', tests, async (t) => {
  const room = await newRoom(t);
  const asked = [];
  await post(bob, room, '![x](https://example.org/x.png) <img src=https://example.org/y.png>');
  await post(bob, room, 'שלום עולם, מה שלומך');
  await post(bob, room, 'x'.repeat(2_000));
  await post(bob, room, '```\nlet a = 1;\n```\n> quoted\n\n- item');
  const page = await visit(ann, room, { viewport: { width: 320, height: 600 } });
  page.on('request', (request) => asked.push(request.url()));
  await row(page, 'item').waitFor();

  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  assert.equal(await row(page, 'שלום').locator('.text').evaluate((element) => getComputedStyle(element).direction), 'rtl');
  assert.equal(await log(page).locator('img').count(), 0);
  assert.equal(await row(page, 'item').locator('pre code').innerText(), 'let a = 1;');
  assert.deepEqual(
    asked.filter((url) => !url.startsWith(server.url)),
    [],
  );
});

test('neither the log nor its dialogs have a known fault of accessibility', tests, async (t) => {
  const axe = readFileSync(fromClient.resolve('axe-core/axe.min.js'), 'utf8');
  const check = async (page, view) => {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const tags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
      const { violations } = await globalThis.axe.run(document, { runOnly: tags });
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    });
    assert.deepEqual(found, [], view);
  };
  const room = await newRoom(t);
  const first = await post(ann, room, 'hello @bob, see https://example.org and `code`');
  await post(ann, room, '> quoted\n\n```\ncode\n```');
  await post(bob, room, 'an answer', { reply_to: first.id });
  must(await ann.api('POST', `/message/${first.id}/reaction`, { emoji: '👍' }), 201, 'react');
  must(await ann.api('POST', `/room/${room.id}/pin`, { message: first.id }), 201, 'pin');
  const light = { colorScheme: 'light' };
  for (const { title, key, text, ...options } of [
    { title: 'Pinned messages', text: 'pinned by ann', ...light },
    { title: 'Keys', key: '?', text: 'Everywhere', colorScheme: 'dark' },
    { title: 'React', key: '+', text: '👍', viewport: { width: 375, height: 667 }, hasTouch: true, ...light },
  ]) {
    const page = await open(bob, `/r/${room.id}/m/${first.id}`, options);
    const name = `${options.colorScheme}${options.viewport ? ', phone' : ''}`;
    await log(page).locator('.message-target:focus').getByRole('button', { name: /^React/ }).waitFor();
    await check(page, `log, ${name}`);
    const dialog = page.getByRole('dialog', { name: title });
    if (key) await page.keyboard.press(key);
    else await page.getByRole('button', { name: 'Pinned messages' }).click();
    await dialog.getByText(text).first().waitFor();
    await check(page, `${title}, ${name}`);
  }
});
