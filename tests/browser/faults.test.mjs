/* faults.test.mjs: what the page says and does when something is taken away: the membership, a permission, the
 * session, the server. Each test has a server of its own, which it may stop.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { must } from '../api/lib/client.mjs';
import { PATIENCE_MS, login, runParley, startServer, within } from '../api/lib/server.mjs';
import { composer, createRoom, farHost, fillIn, giveSession, here, launch, log, navigation, row, said, say, uniqueName, whyNot } from './lib/browser.mjs';
import { startProxy } from './lib/proxy.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };
let browser;

before(async () => {
  if (!skip) browser = await launch();
});
after(() => browser?.close());
afterEach(() => browser?.closeWindows());

async function startWorld(t) {
  const server = await startServer();
  const world = {
    server,
    ann: await server.addUser('ann'),
    bob: await server.addUser('bob'),
    visit: (person, path = '/', options = {}) => browser.visit(server.url + path, { person, ...options }),
    shell: async (...words) => {
      const { code, output } = await runParley([...words, `--data.path=${join(server.dataDir, 'parley.db')}`]);
      assert.equal(code, 0, output);
    },
  };
  t.after(() => world.server.stop());
  return world;
}

/* A room of ann's with bob in it; both have it open, and are told what happens there. */
async function together(world, kind, name) {
  const { ann, bob } = world;
  const { id } = must(await ann.api('POST', '/room', { kind, name }), 201, 'room').body;
  must(await ann.api('POST', `/room/${id}/member`, { user: bob.id }), 201, 'member');
  const pages = { ann: await world.visit(ann, `/r/${id}`), bob: await world.visit(bob, `/r/${id}`) };
  for (const [name, page] of Object.entries(pages)) {
    await composer(page).waitFor();
    await here(page, name).waitFor();
  }
  return { id, ...pages };
}

test('who is invited finds the room in the list at once', tests, async (t) => {
  const world = await startWorld(t);
  const ann = await world.visit(world.ann);
  const bob = await world.visit(world.bob);
  const room = uniqueName(t);
  await createRoom(ann, room, { isPrivate: true });

  await ann.getByRole('button', { name: 'Invite somebody' }).click();
  await ann.getByRole('dialog').getByRole('option', { name: 'bob' }).click();

  await navigation(bob).getByRole('link', { name: room }).click();
  await say(bob, 'here I am');
  await row(ann, 'here I am').waitFor();
});

test('where no web socket gets through, the chat works over a stream', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'behind a proxy');
  await bob.addInitScript(() => {
    window.WebSocket = class {
      constructor() {
        setTimeout(() => this.onclose?.({ code: 1006, reason: '' }));
      }
      close() {}
    };
  });
  const streamed = bob.waitForRequest(/\/connection\/http_stream$/);
  await bob.reload();
  await streamed;
  await say(ann, 'do you hear me?');
  await row(bob, 'do you hear me?').waitFor();
  await say(bob, 'I do');
  await row(ann, 'I do').waitFor();
});

for (const streams of ['refused', 'held', 'collected'])
  test(`behind a proxy without web sockets, and streamed answers ${streams}, the chat works over server-sent events`, tests, async (t) => {
    const world = await startWorld(t);
    const { id, ann } = await together(world, 'private', 'behind a worse proxy');
    const proxy = await startProxy(world.server, { streams });
    t.after(() => proxy.stop());
    const bob = await browser.visit(`${proxy.url}/r/${id}`, { person: world.bob });
    await composer(bob).waitFor();
    await here(bob, 'bob').waitFor();
    await say(ann, 'do you hear me?');
    await row(bob, 'do you hear me?').waitFor();
    await say(bob, 'I do');
    await row(ann, 'I do').waitFor();

    // From the cut on: what is on its way when the line is mended may be the one that gets through.
    const again = bob.waitForRequest(/\/connection\/sse\?/);
    proxy.cut();
    await bob.getByText('No connection. Trying again.').waitFor();
    await say(ann, 'and now?');
    await said(ann, 'and now?').waitFor();
    await say(bob, 'written in the dark');
    proxy.mend();
    await again;

    await row(bob, 'and now?').waitFor();
    await row(ann, 'written in the dark').waitFor();
    await bob.getByText('No connection').waitFor({ state: 'detached' });
    for (const text of ['do you hear me?', 'I do', 'and now?', 'written in the dark'])
      assert.equal(await row(bob, text).count(), 1, text);
  });

for (const [streams, next, words] of [
  [undefined, /\/connection\/http_stream$/, 'a stream'],
  ['refused', /\/connection\/sse\?/, 'server-sent events, where streamed answers are refused'],
])
  test(`behind a proxy that opens web sockets and lets nothing through, the chat goes on to ${words}`, tests, async (t) => {
    const world = await startWorld(t);
    const { id, ann } = await together(world, 'private', 'behind a mute proxy');
    const proxy = await startProxy(world.server, { streams, sockets: 'held' });
    t.after(() => proxy.stop());
    const bob = await browser.visit('about:blank');
    await giveSession(bob.context(), world.bob, proxy.url);
    const gone = bob.waitForRequest(next);
    await bob.goto(`${proxy.url}/r/${id}`);
    await gone;
    await say(ann, 'do you hear me?');
    await row(bob, 'do you hear me?').waitFor();
    await say(bob, 'I do');
    await row(ann, 'I do').waitFor();
  });

test('without HTTPS a page goes on trying, but not with server-sent events, which would look like the end of the session', tests, async (t) => {
  const world = await startWorld(t);
  const proxy = await startProxy(world.server, { streams: 'refused' });
  t.after(() => proxy.stop());
  const bob = await browser.visit(proxy.url.replace('127.0.0.1', farHost), { person: world.bob });
  assert.equal(await bob.evaluate(() => isSecureContext), false);
  const asked = [];
  bob.on('request', (request) => asked.push(request.url()));
  await bob.reload();

  await bob.getByText('No connection. Trying again.').waitFor();
  // Twice: between the two it has gone through all that it may try.
  for (let turn = 0; turn < 2; turn++) await bob.waitForRequest(/\/connection\/http_stream$/);

  assert.deepEqual(asked.filter((url) => url.includes('/connection/sse')), []);
});

test('who is removed from a private room while it is open is told so, and reads nothing more of it', tests, async (t) => {
  const world = await startWorld(t);
  const { id, ann, bob } = await together(world, 'private', 'secret');
  await say(ann, 'between us');
  await row(bob, 'between us').waitFor();

  must(await world.ann.api('DELETE', `/room/${id}/member/${world.bob.id}`), 204, 'remove');

  await bob.getByRole('alert').filter({ hasText: 'You are no longer a member of #secret' }).waitFor();
  await bob.getByRole('heading', { name: '#secret' }).waitFor();
  await navigation(bob).getByRole('link', { name: 'secret' }).waitFor({ state: 'detached' });
  assert.equal(await composer(bob).count(), 0);
  assert.equal(await row(bob, 'between us').count(), 0);

  must(await world.ann.api('POST', `/room/${id}/member`, { user: world.bob.id }), 201, 'invite again');

  await row(bob, 'between us').waitFor();
  await composer(bob).waitFor();
});

test('who is removed from a public room is told so, reads on, and may join again', tests, async (t) => {
  const world = await startWorld(t);
  const { id, ann, bob } = await together(world, 'public', 'general');

  must(await world.ann.api('DELETE', `/room/${id}/member/${world.bob.id}`), 204, 'remove');

  await bob.getByText('You are no longer a member of #general.').waitFor();
  assert.equal(await composer(bob).count(), 0);
  await say(ann, 'still readable');
  await row(bob, 'still readable').waitFor();
  await bob.getByRole('button', { name: 'Join general' }).click();
  await say(bob, 'back again');
  await row(ann, 'back again').waitFor();
});

test('somebody else signs in in the same browser: the page becomes theirs, and nothing is said in their name', tests, async (t) => {
  const world = await startWorld(t);
  const { id, bob } = await together(world, 'public', 'general');
  let isLost = true;
  const lost = new Promise((resolve) => {
    bob.sockets.onSent = (command) => {
      const isSaid = isLost && command.rpc?.method === 'message.create';
      if (isSaid) resolve();
      return isSaid;
    };
  });
  await say(bob, 'his own words');
  await row(bob, 'his own words').waitFor();
  await within(PATIENCE_MS, 'the loss of his words', lost);

  await giveSession(bob.context(), world.ann, bob.url());
  isLost = false;
  bob.sockets.close();

  await navigation(bob).getByRole('link', { name: /^ann\b/ }).waitFor();
  await say(bob, 'hers');
  await said(bob, 'hers').waitFor();
  assert.equal(await bob.getByText('his own words').count(), 0);
  const { items } = must(await world.ann.api('GET', `/room/${id}/message`), 200, 'messages').body;
  assert.deepEqual(items.map(({ text }) => text), ['hers']);
});

test('a room that is deleted while it is open says so', tests, async (t) => {
  const world = await startWorld(t);
  const { id, ann, bob } = await together(world, 'public', 'general');
  await say(ann, 'soon gone');
  await row(bob, 'soon gone').waitFor();

  must(await world.ann.api('DELETE', `/room/${id}`), 204, 'delete');

  await bob.getByRole('alert').filter({ hasText: 'or it was deleted' }).waitFor();
  await navigation(bob).getByRole('link', { name: 'general' }).waitFor({ state: 'detached' });
});

test('who is made a reader sees at once that there is no writing any more', tests, async (t) => {
  const world = await startWorld(t);
  const { id, ann, bob } = await together(world, 'private', 'plans');
  await say(ann, 'listen');
  await row(bob, 'listen').waitFor();
  const setRole = async (role) =>
    must(await world.ann.api('PATCH', `/room/${id}/member/${world.bob.id}`, { role }), 200, role);

  await setRole('reader');

  await bob.getByRole('status').filter({ hasText: 'You may read here, but not write.' }).waitFor();
  assert.equal(await row(bob, 'listen').getByRole('button').count(), 0);
  await setRole('member');
  await composer(bob).waitFor();
});

test('a right to write that is taken back while one writes costs no word', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'plans');
  await composer(bob).fill('a long thought');
  // The page is told of the change, but what it then asks takes its time.
  let answer;
  const isAsked = new Promise((resolve) => (answer = resolve));
  await bob.route('**/api/v1/me', (route) => isAsked.then(() => route.continue()));

  await world.shell('grant', 'members', 'message', 'read');
  await composer(bob).press('Enter');

  await row(bob, 'a long thought').getByText('You may not write message').waitFor();
  answer();
  await bob.getByRole('status').filter({ hasText: 'You may read here, but not write.' }).waitFor();
  assert.equal(await composer(bob).count(), 0);

  await world.shell('grant', 'members', 'message', 'read,write');
  await composer(bob).waitFor();
  await row(bob, 'a long thought').getByRole('button', { name: 'Retry' }).click();
  await row(ann, 'a long thought').waitFor();
});

test('a right to read that is taken back hides the room, and brings it back when given again', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'plans');
  await say(ann, 'hidden soon');
  await row(bob, 'hidden soon').waitFor();

  await world.shell('grant', 'members', 'message', 'delete');

  await bob.getByRole('alert').filter({ hasText: 'You can no longer read #plans.' }).waitFor();
  // Nowhere in the page: not in the log, and not where a screen reader is told of new messages.
  assert.equal(await bob.getByText('hidden soon').count(), 0);
  await world.shell('grant', 'members', 'message', 'read,write');
  await row(bob, 'hidden soon').waitFor();
});

test('a session that is ended elsewhere says so and offers to sign in', tests, async (t) => {
  const world = await startWorld(t);
  const { bob } = await together(world, 'private', 'secret');
  const elsewhere = await login(world.server.url, 'bob');
  const sessions = must(await elsewhere.api('GET', '/session'), 200, 'sessions').body.items;

  for (const session of sessions)
    if (!session.current) must(await elsewhere.api('DELETE', `/session/${session.id}`), 204, 'end');

  await bob.getByRole('alert').filter({ hasText: 'your session has ended' }).waitFor();
  await bob.getByRole('button', { name: 'Sign in again' }).click();
  await fillIn(bob, 'bob', world.bob.password);
  await composer(bob).waitFor();
  await say(bob, 'here again');
  await said(bob, 'here again').waitFor();
});

test('a server that restarts under an open page loses nothing and doubles nothing', tests, async (t) => {
  const world = await startWorld(t);
  const { id, ann, bob } = await together(world, 'private', 'long-lived');
  await say(ann, 'before');
  // On her own page too, or it would be among those that wait.
  await said(ann, 'before').waitFor();
  await row(bob, 'before').waitFor();
  const { port, dataDir } = world.server;

  await world.server.stop();
  for (const page of [ann, bob]) await page.getByText('No connection. Trying again.').waitFor();
  await say(ann, 'meanwhile one');
  await say(ann, 'meanwhile two');
  await ann.getByText('2 messages wait.').waitFor();
  world.server = await startServer({ dataDir, flags: { 'http.address': `127.0.0.1:${port}` } });
  // Written before the pages are back: they have to catch up with it.
  must(await world.bob.api('POST', `/room/${id}/message`, { text: 'by another door' }), 201, 'message');

  for (const page of [ann, bob]) {
    await row(page, 'by another door').waitFor();
    await row(page, 'meanwhile two').waitFor();
    await page.getByText('No connection').waitFor({ state: 'detached' });
  }
  await say(bob, 'after');
  await row(ann, 'after').waitFor();
  const wanted = ['before', 'by another door', 'meanwhile one', 'meanwhile two', 'after'];
  for (const page of [ann, bob]) {
    const texts = await log(page).getByRole('article').allInnerTexts();
    assert.deepEqual(texts.map((text) => wanted.find((words) => text.includes(words))).sort(), [...wanted].sort());
  }
});

test('a minute without a connection loses nothing, and one can try at once', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'patience');
  await say(ann, 'before');
  // On her own page too, or it would be among those that wait.
  await said(ann, 'before').waitFor();
  await row(bob, 'before').waitFor();
  // The page's clock goes on by itself, and can be put on.
  await ann.clock.install();
  let isAway = true;
  ann.sockets.onSent = (command) => {
    if (isAway && command.connect) ann.sockets.close();
    return isAway;
  };
  ann.sockets.close();
  await ann.clock.fastForward(1_000);
  await ann.getByText('No connection. Trying again.').waitFor();
  await say(ann, 'written in the dark');
  await ann.getByText('1 message waits. They are sent as soon as it is back.').waitFor();
  await say(bob, 'and this meanwhile');
  await said(bob, 'and this meanwhile').waitFor();
  for (let second = 0; second < 60; second += 10) await ann.clock.fastForward(10_000);
  const button = ann.getByRole('button', { name: 'Try now' });
  await button.waitFor();
  assert.equal(await row(ann, 'written in the dark').getByText('Not sent').count(), 0);

  // In one step, or the page may be quicker than the click.
  await ann.exposeFunction('comeBack', () => {
    isAway = false;
  });
  await button.evaluate((it) => {
    window.comeBack();
    it.click();
  });

  await row(bob, 'written in the dark').waitFor();
  await row(ann, 'and this meanwhile').waitFor();
  await ann.getByText('No connection').waitFor({ state: 'detached' });
});

test('a first connection that takes its time moves nothing on the page; one that never comes is told of', tests, async (t) => {
  const world = await startWorld(t);
  const { id } = must(await world.ann.api('POST', '/room', { kind: 'private', name: 'slowly' }), 201, 'room').body;
  const page = await world.visit(world.ann);
  await navigation(page).getByRole('link', { name: 'slowly' }).waitFor();
  const asked = new Promise((resolve) => {
    page.sockets.onSent = (command) => {
      if (command.connect) resolve();
      return true;
    };
  });
  await page.clock.install();
  await page.addInitScript(() => {
    window.openedAt = Date.now();
  });
  await page.goto(`${world.server.url}/r/${id}`);
  await composer(page).waitFor();
  await asked;

  await page.clock.fastForward(3_000);
  // A frame later all that the page has to say is there.
  await page.evaluate(() => new Promise(requestAnimationFrame));
  // The page is told after five seconds. How many of them went by is looked at together with what it says.
  const { age, has } = await page.evaluate(() => ({ age: Date.now() - window.openedAt, has: document.body.innerText.includes('No connection') }));
  assert.ok(!has || age >= 5_000, `told after ${age} ms`);

  await page.clock.fastForward(3_000);
  await page.getByText('No connection. Trying again.').waitFor();
});

test('a machine that slept asks whether its connection lives, and makes a new one if not', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'sleepers');
  await say(ann, 'awake');
  await said(ann, 'awake').waitFor();
  await row(bob, 'awake').waitFor();
  // The socket looks open, but nothing comes through it.
  let isDead = true;
  let connects = 0;
  ann.sockets.onSent = (command) => {
    if (command.connect) {
      connects++;
      isDead = false;
    }
    return isDead;
  };
  // Only the clock jumps, as it does for a machine that wakes up; the timers go on.
  await ann.evaluate(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 60_000;
    document.dispatchEvent(new Event('visibilitychange'));
  });

  await say(ann, 'good morning');
  await row(bob, 'good morning').waitFor();
  await say(bob, 'slept well?');
  await row(ann, 'slept well?').waitFor();
  // One is enough; on a slow machine the answer to the first may come too late.
  assert.ok(connects >= 1 && connects <= 3, `it came through a new connection, after ${connects} tries`);
});

test('a session that is refused in the middle says so, and what one wrote is sent after signing in', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'sessions');
  const problem = { status: 401, code: 'unauthorized', detail: 'Sign in first.' };
  bob.sockets.onSent = (command, socket) => {
    if (command.rpc?.method !== 'message.create') return false;
    socket.send(JSON.stringify({ id: command.id, error: { code: 101, message: JSON.stringify(problem) } }));
    return true;
  };
  await bob.route('**/api/v1/**', (route) => route.fulfill({ status: 401, json: problem }));

  await say(bob, 'not lost');
  await bob.getByRole('button', { name: 'About this room' }).click();
  await bob.getByRole('radio', { name: /^Mentions/ }).click();

  await bob.keyboard.press('Escape');
  const banner = bob.getByRole('alert').filter({ hasText: 'your session has ended' });
  await banner.getByText('They are sent once you have signed in again.').waitFor();
  assert.equal(await row(bob, 'not lost').getByText('Not sent').count(), 0);
  await bob.unrouteAll();
  bob.sockets.onSent = () => false;
  await bob.getByRole('button', { name: 'Sign in again' }).click();
  await fillIn(bob, 'bob', world.bob.password);
  await row(ann, 'not lost').waitFor();
  await composer(bob).waitFor();
  await bob.getByText('waits').waitFor({ state: 'detached' });
  await said(bob, 'not lost').waitFor();
  assert.equal(await row(bob, 'not lost').count(), 1);
});

test('a server that is gone says so at the first visit, and the page goes on once it is back', tests, async (t) => {
  const world = await startWorld(t);
  const { id } = must(await world.ann.api('POST', '/room', { kind: 'private', name: 'late' }), 201, 'room').body;
  const page = await world.visit(null);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.route('**/api/v1/**', (route) => route.abort());
  await fillIn(page, 'ann', world.ann.password);
  await page.getByRole('alert').filter({ hasText: 'The server cannot be reached. Check your connection.' }).waitFor();

  await page.unrouteAll();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();

  await navigation(page).getByRole('link', { name: 'late' }).click();
  await page.waitForURL(`**/r/${id}`);
  await composer(page).waitFor();
});

test('what was written for a room that is lost meanwhile is told of, and can be kept', tests, async (t) => {
  const world = await startWorld(t);
  const { id, bob } = await together(world, 'private', 'secret');
  const other = must(await world.bob.api('POST', '/room', { kind: 'private', name: 'elsewhere' }), 201, 'room').body;
  await bob.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  // Without a connection nobody would tell of it.
  await navigation(bob).getByRole('link', { name: 'elsewhere' }).waitFor();
  let isAway = true;
  bob.sockets.onSent = (command) => {
    if (isAway && command.connect) bob.sockets.close();
    return isAway;
  };
  bob.sockets.close();
  await bob.getByText('No connection. Trying again.').waitFor();
  await say(bob, 'my long thought');
  await navigation(bob).getByRole('link', { name: 'elsewhere' }).click();
  await composer(bob).waitFor();
  must(await world.ann.api('DELETE', `/room/${id}/member/${world.bob.id}`), 204, 'remove');

  isAway = false;

  const told = bob.getByRole('status').filter({ hasText: /^What you wrote in .* was not sent/ });
  await told.getByRole('link', { name: 'Show it' }).click();
  await bob.waitForURL(`**/r/${id}`);
  const unsent = bob.getByRole('region', { name: 'Not sent' });
  await unsent.getByText('my long thought').waitFor();
  await unsent.getByRole('button', { name: 'Copy' }).click();
  await unsent.getByText('Copied.').waitFor();
  assert.equal(await bob.evaluate(() => navigator.clipboard.readText()), 'my long thought');
  await unsent.getByRole('button', { name: 'Delete' }).click();
  await unsent.waitFor({ state: 'detached' });
  await bob.goto(`${world.server.url}/r/${other.id}`);
  await composer(bob).waitFor();
  assert.equal(await told.count(), 0);
});

test('what is too long is said before it is sent; else it is refused with the limit, and comes back to be shortened', tests, async (t) => {
  const world = await startWorld(t);
  const { ann, bob } = await together(world, 'private', 'short');
  await composer(ann).fill('x'.repeat(3500));
  await ann.getByText('3,500 of 4,000 characters').waitFor();
  await composer(ann).fill('x'.repeat(4001));
  await ann.getByRole('alert').filter({ hasText: 'This is too long for one message.' }).waitFor();
  assert.equal(await ann.getByRole('button', { name: 'Send' }).isDisabled(), true);
  await composer(ann).press('Enter');
  assert.equal((await composer(ann).inputValue()).length, 4001);
  // Where the limit could not be had.
  await ann.route('**/openapi.json*', (route) => route.abort());
  await ann.reload();
  await say(ann, 'x'.repeat(4001));

  await row(ann, 'This has 4001 characters; at most 4000 are allowed.').waitFor();
  await row(ann, 'Not sent').getByRole('button', { name: 'Edit' }).click();

  assert.equal((await composer(ann).inputValue()).length, 4001);
  await say(ann, 'shorter');
  await row(bob, 'shorter').waitFor();
  assert.equal(await row(ann, 'Not sent').count(), 0);
});

test('a wrong password and too many tries are two different things', tests, async (t) => {
  const world = await startWorld(t);
  const page = await world.visit(null);

  await fillIn(page, 'ann', 'not the password');
  await page.getByRole('alert').filter({ hasText: 'do not belong together' }).waitFor();
  const button = page.getByRole('button', { name: 'Sign in', exact: true });
  const refused = page.getByRole('alert').filter({ hasText: /wait \d+ s and try again/ });
  for (let tries = 0; tries < 10 && (await refused.count()) === 0; tries++) {
    const answered = page.waitForResponse('**/login');
    await button.click();
    await answered;
    await page.getByRole('alert').waitFor();
  }

  await refused.waitFor();
});

test('the link of the first start makes an administrator, once', tests, async (t) => {
  const world = await startWorld(t);
  const [link] = await world.server.waitForOutput(/http:\/\/\S+\/setup\?token=\S+/);
  const path = link.slice(world.server.url.length);
  const page = await world.visit(null, path);

  await fillIn(page, 'root', 'a good long password', 'Create administrator');
  await navigation(page).getByText('root').waitFor();

  assert.equal(new URL(page.url()).search, '');
  const late = await world.visit(null, path);
  await late.getByRole('alert').filter({ hasText: 'This link is not valid any more.' }).waitFor();
  await late.getByRole('link', { name: 'Go to sign in' }).click();
  await late.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('a name that is taken or makes none is said beside the field', tests, async (t) => {
  const world = await startWorld(t);
  const page = await world.visit(null);
  await page.getByRole('button', { name: 'Create an account' }).click();

  await fillIn(page, 'not a name!', 'a good long password', 'Register');

  const field = page.getByLabel('Name');
  await page.getByText('A name has letters').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  await fillIn(page, 'ann', 'a good long password', 'Register');
  await page.getByText('taken').first().waitFor();
  await fillIn(page, 'carol', 'a good long password', 'Register');
  await navigation(page).getByText('carol').waitFor();
});
