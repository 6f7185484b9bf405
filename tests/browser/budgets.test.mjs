/* budgets.test.mjs: what the first visit costs: bytes and requests counted by the browser, and nothing that jumps.
 * Bytes and counts are limits. Times depend on the machine and are only told. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must } from '../api/lib/client.mjs';
import { startServer } from '../api/lib/server.mjs';
import { giveSession, launch, row, whyNot } from './lib/browser.mjs';

const skip = whyNot();
const tests = { skip, timeout: 300_000 };
const bytes_max = 60 * 1024;
const requests_max = 6;
const shift_max = 0.02;

let server;
let browser;

before(async () => {
  if (skip) return;
  server = await startServer({ flags: { 'chat.messages_per_s': 1000 } });
  browser = await launch();
});

after(async () => {
  await browser?.closeWindows();
  await browser?.close();
  await server?.stop();
});

/* What came over the network of @page from now on, by address. */
async function countTraffic(page) {
  const cdp = await page.context().newCDPSession(page);
  const urls = new Map();
  const bytes = new Map();
  cdp.on('Network.requestWillBeSent', ({ requestId, request }) => urls.set(requestId, request.url));
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const url = urls.get(requestId);
    if (url?.startsWith('http')) bytes.set(url, encodedDataLength);
  });
  await cdp.send('Network.enable');
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
  return { bytes, cdp };
}

/* A page at rest fetches ahead after some seconds. On a slow machine that comes before the first message and would be
 * counted; timers of two seconds and more therefore never fire in @page. */
const fetchNothingAhead = (page) =>
  page.addInitScript(() => {
    const wait = window.setTimeout;
    window.setTimeout = (work, ms, ...rest) => (ms >= 2_000 ? 0 : wait(work, ms, ...rest));
  });

const isFile = (url) => !new URL(url).pathname.startsWith('/api/') && !url.includes('/connection/');

test('the first message costs at most 60 KB in 6 files, from no other host, and nothing jumps', tests, async (t) => {
  const ann = await server.addUser('ann');
  const room = must(await ann.api('POST', '/room', { kind: 'public', name: 'first' }), 201, 'room').body.id;
  for (let i = 0; i < 60; i++) must(await ann.api('POST', `/room/${room}/message`, { text: `line ${i} with some words in it` }), 201, 'say');
  const page = await browser.visit('about:blank');
  await giveSession(page.context(), ann, server.url);
  const { bytes } = await countTraffic(page);
  await fetchNothingAhead(page);

  await page.goto(`${server.url}/r/${room}`);
  await row(page, 'line 59').waitFor();
  await page.waitForLoadState('networkidle');

  const files = [...bytes].filter(([url]) => isFile(url));
  const sum = files.reduce((all, [, length]) => all + length, 0);
  t.diagnostic(`${sum} bytes in ${files.length} files, ${bytes.size - files.length} answers of the API`);
  assert.ok(files.length >= 3, 'the traffic was counted');
  assert.ok(sum <= bytes_max, `${sum} bytes: ${JSON.stringify(files)}`);
  assert.ok(files.length <= requests_max, JSON.stringify(files));
  assert.deepEqual([...bytes.keys()].filter((url) => new URL(url).origin !== server.url), []);
  const { shift, painted } = await page.evaluate(async () => {
    const entries = [];
    const observer = new PerformanceObserver((list) => entries.push(...list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    // What was noted before comes with the next frames; without any shift nothing comes.
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    entries.push(...observer.takeRecords());
    return {
      shift: entries.reduce((all, entry) => all + (entry.hadRecentInput ? 0 : entry.value), 0),
      painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    };
  });
  t.diagnostic(`layout shift ${shift}, first paint after ${Math.round(painted ?? 0)} ms`);
  assert.ok(shift <= shift_max, `the page jumped by ${shift}`);
});

test('the administration does not fetch the realtime library before something is to be live', tests, async () => {
  const bob = await server.addUser('bob');
  const page = await browser.visit('about:blank');
  await giveSession(page.context(), bob, server.url);
  const { bytes } = await countTraffic(page);

  await page.goto(`${server.url}/admin`);
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.waitForLoadState('networkidle');

  const files = [...bytes].filter(([url]) => isFile(url));
  const sum = files.reduce((all, [, length]) => all + length, 0);
  assert.ok(files.length >= 3, 'the traffic was counted');
  assert.ok(sum <= 40 * 1024, `${sum} bytes: ${JSON.stringify(files)}`);
  assert.equal(await page.evaluate(() => performance.getEntriesByType('resource').some((entry) => entry.name.includes('/connection/'))), false);
});
