// The load tester against the real server: its counts are right, and what it writes can be used.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PATIENCE_MS, temporaryFolder, within } from '../api/lib/process.mjs';
import { must, register } from '../api/lib/client.mjs';
import { startServer } from '../api/lib/server.mjs';
import { startForwarder } from './lib/forwarder.mjs';
import { load, startLoad, UNLIMITED } from './lib/run.mjs';

let server;
before(async () => {
  server = await startServer({ flags: UNLIMITED });
});
after(() => server.stop());

const assertWhole = (results) =>
  assert.deepEqual(
    { lost: results.lost, duplicates: results.duplicates, disorder: results.disorder, unanswered: results.unanswered, errors: results.errors },
    { lost: 0, duplicates: 0, disorder: 0, unanswered: 0, errors: 0 },
  );

test('every message reaches every socket of its room, and nobody else', async () => {
  const { code, results, output } = await load(server.url, { sockets: 12, idle: 3, rooms: 3, members: 8, publishers: 6, rate: 60, duration: '1s' });

  assert.equal(code, 0, output);
  assertWhole(results);
  assert.ok(results.sent >= 10);
  assert.equal(results.opened, 15);
  assert.equal(results.answered, results.sent);
  assert.equal(results.deliveries, 8 * results.sent);
  assert.equal(results.delivery.count, results.deliveries);
});

test('API tokens take the place of logging in', async () => {
  const people = await Promise.all(['token-one', 'token-two'].map((name) => register(server.url, name)));
  const scopes = { room: ['read', 'write', 'delete'], member: ['read', 'write'], message: ['read', 'write'] };
  const tokens = await Promise.all(people.map(async (me) => must(await me.api('POST', '/token', { name: 'load', scopes }), 201, 'token').body.token));
  const file = join(temporaryFolder(), 'tokens');
  writeFileSync(file, `${tokens.join('\n')}\n`);

  const { code, results, output } = await load(server.url, { token: file, register: false, users: false, sockets: 6, rooms: 2, publishers: 4, rate: 40, duration: '1s' });

  assert.equal(code, 0, output);
  assertWhole(results);
  assert.equal(results.opened, 6);
  assert.equal(results.deliveries, 3 * results.sent);
});

test('publishers that think wait for answers', async () => {
  const { code, results } = await load(server.url, { sockets: 3, publishers: 3, think: '50ms', duration: '1s' });

  assert.equal(code, 0);
  assertWhole(results);
  assert.ok(results.sent >= 3 && results.sent <= 3 * (1 + results.busy_s / 0.05), `${results.sent} messages in ${results.busy_s} s`);
});

test('after a storm all come back, and nothing is lost', async () => {
  const { code, results, output } = await load(server.url, { sockets: 60, rooms: 4, rate: 80, publishers: 20, churn: 10, duration: '2s', storm: '700ms' });

  assert.equal(code, 0, output);
  assertWhole(results);
  assert.ok(results.cuts >= 55, `${results.cuts} were cut`);
  assert.ok(results.storm_ms > 0);
  assert.ok(results.recovered > 0, 'nothing was said while they were away');
  assert.equal(results.sockets_at_end, 60);
  assert.equal(results.deliveries, 15 * results.sent);
});

test('more sockets than open files are shared by several processes', async () => {
  const { code, results, output } = await load(server.url, { sockets: 80, idle: 0, rate: 30, publishers: 9, duration: '1s' }, { files: 64 });

  assert.equal(code, 0, output);
  assert.equal(results.processes, 3);
  assert.match(output, /the hard limit of open files here is 64 \(ulimit -Hn\): 3 processes share the sockets/);
  assertWhole(results);
  assert.equal(results.deliveries, 80 * results.sent);
});

test('sockets that the server does not let in fail the run, with the setting that lifts the limit', async () => {
  const narrow = await startServer({ flags: { ...UNLIMITED, 'realtime.user_connections_max': 2 } });

  const { code, output, results } = await load(narrow.url, { sockets: 6, users: 1, duration: '300ms', 'server-pid': narrow.pid });

  assert.equal(code, 1);
  assert.equal(results.opened, 2);
  assert.match(output, /FAILED {6}only 2 of 6 sockets could be opened/);
  assert.doesNotMatch(output, /passed/);
  assert.match(output, /--realtime.user_connections_max/);
  const [{ bytes_before: before, bytes_open: open }] = results.servers;
  assert.equal(results.server_bytes_per_socket, Math.round((open - before) / 2), 'the memory is that of those that are open');
  await narrow.stop();
});

for (const [limit, words] of [
  ['http.connections_per_address_max', /http\.full.*its address has as many as http\.connections_per_address_max allows/],
  ['http.connections_max', /http\.full.*as many as http\.connections_max and the hard limit of open files/],
]) {
  test(`connections closed at once by ${limit} are told on both sides, with what to do`, async () => {
    const narrow = await startServer({ flags: { ...UNLIMITED, [limit]: 8 } });

    const { code, output, results } = await load(narrow.url, { sockets: 20, duration: '300ms', drain: '300ms' });

    assert.equal(code, 1, output);
    assert.ok(results.sockets_missing >= 12, `${results.sockets_missing} are missing`);
    assert.match(output, new RegExp(`only ${20 - results.sockets_missing} of 20 sockets could be opened`));
    assert.match(output, /remark .*closes connections that are too many.*--http.connections_per_address_max=0;.*--workers/);
    await narrow.waitForOutput(words);
    await narrow.stop();
  });
}

test('the limit of an address behind a proxy is told too', async () => {
  const narrow = await startServer({ flags: { ...UNLIMITED, 'http.proxies': '127.0.0.1', 'http.connections_per_address_max': 2 } });
  const proxy = await startForwarder('203.0.113.9', narrow.port);

  const { code, output } = await load(proxy.url, { sockets: 6, duration: '300ms', drain: '300ms' });

  assert.equal(code, 1, output);
  assert.match(output, /seen .*There are too many connections from this address/);
  assert.match(output, /remark .*start the server with --http.connections_per_address_max=0/);
  await proxy.stop();
  await narrow.stop();
});

test('a server process that is not there, or ends during the run, has no costs: neither zeros nor negative ones', async (t) => {
  const { pid: never } = spawnSync('true');
  const ending = spawn('sleep', ['3600']);
  t.after(() => ending.kill());
  const page = join(temporaryFolder(), 'page.html');
  const run = startLoad(server.url, { sockets: 4, rate: 20, duration: '10m', 'server-pid': [never, ending.pid, server.pid], html: page });
  await run.child.waitForOutput(/ load .*[1-9]\d* deliveries\/s/);

  ending.kill();
  await once(ending, 'exit');
  run.child.signal('SIGINT');
  const { code } = await within(PATIENCE_MS, 'the end', run.child.exited);

  const output = run.child.output();
  const { servers, server_bytes_per_socket: perSocket } = run.results();
  assert.equal(code, 4, output);
  assert.match(output, new RegExp(`remark .*there is no process ${never} `));
  assert.match(output, new RegExp(`remark .*process ${ending.pid} of --server-pid ended before the run did`));
  assert.deepEqual(output.match(/^server {6}\d+/gm), [`server      ${server.pid}`]);
  assert.deepEqual(readFileSync(page, 'utf8').match(/process \d+: /g), [`process ${server.pid}: `]);
  assert.deepEqual(servers.map(({ pid }) => pid), [ending.pid, server.pid]);
  assert.deepEqual(servers[0], { pid: ending.pid });
  assert.ok(servers[1].bytes_open > 0);
  assert.equal(perSocket, null, 'the memory of one that is gone is unknown, so that of all is');
});

test('the page has plots and no reference to anything elsewhere; CSV and JSON agree', async () => {
  const folder = temporaryFolder();
  const files = { html: join(folder, 'page.html'), csv: join(folder, 'seconds.csv') };

  const { code, results } = await load(server.url, { sockets: 4, rate: 20, duration: '1500ms', 'server-pid': server.pid, ...files });

  assert.equal(code, 0);
  const page = readFileSync(files.html, 'utf8');
  assert.equal(page.match(/<svg /g).length, 6);
  assert.match(page, /server<\/span>/);
  assert.doesNotMatch(page, /<script|<link|<img|<iframe|\bsrc=|\bhref=|url\(|@import/i);
  assert.doesNotMatch(page, /\b(nan|inf)\b/i);
  const [head, ...lines] = readFileSync(files.csv, 'utf8').trim().split('\r\n');
  const { seconds, servers, deliveries } = results;
  assert.equal(lines.length, seconds.length);
  const column = head.split(',').indexOf('deliveries');
  const sum = lines.reduce((total, line) => total + Number(line.split(',')[column]), 0);
  assert.equal(sum, deliveries);
  assert.equal(servers[0].pid, server.pid);
  assert.ok(servers[0].bytes_open > 0);
});

test('the page has no line for a server of which no process was found', async () => {
  const html = join(temporaryFolder(), 'page.html');
  const { pid: never } = spawnSync('true');

  const { code } = await load(server.url, { sockets: 2, duration: '300ms', 'server-pid': never, html });

  assert.equal(code, 0);
  const page = readFileSync(html, 'utf8');
  assert.match(page, /load<\/span>/);
  assert.doesNotMatch(page, /server<\/span>/);
});

test('Ctrl-C while sockets are opened is no failure to open them', async () => {
  const run = startLoad(server.url, { sockets: 5000, ramp: 1 });
  await run.child.waitForOutput(/ opening .*[1-9]\d* of 5000 sockets/);

  run.child.signal('SIGINT');
  const { code } = await within(PATIENCE_MS, 'the end', run.child.exited);

  assert.equal(code, 4, run.child.output());
  assert.doesNotMatch(run.child.output(), /could be opened/);
});

test('Ctrl-C ends it with the results so far, and no room stays', async () => {
  const run = startLoad(server.url, { sockets: 5, rate: 50, duration: '10m' });
  await run.child.waitForOutput(/ load .*[1-9]\d* deliveries\/s/);

  run.child.signal('SIGINT');
  const { code } = await within(PATIENCE_MS, 'the end', run.child.exited);

  assert.equal(code, 4);
  const results = run.results();
  assert.equal(results.interrupted, true);
  assertWhole(results);
  assert.equal(results.deliveries, 5 * results.sent);
  assert.match(run.child.output(), /run .*, interrupted/);
  const { body } = must(await (await register(server.url, 'visitor')).api('GET', '/room'), 200, 'rooms');
  assert.deepEqual(body.items.filter((room) => room.name.startsWith('load ')), []);
});
