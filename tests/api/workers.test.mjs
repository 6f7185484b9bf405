// `serve --workers=N`: one home and edges on one port, watched over by one process.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { UNLIMITED, createRoom, open, untilAnswer } from './lib/nodes.mjs';
import { Program } from './lib/process.mjs';
import { PATIENCE_MS, environment, program, rawConnect, register, runParley, startRedis, startServer, within } from './lib/server.mjs';
import { children, isAlive, roles, startWorkers, untilGone } from './lib/workers.mjs';

let redis;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

/** The process that is the edge of two workers. */
async function edgeOf(workers) {
  const [[node]] = [...(await roles(workers, 2))].filter(([, role]) => role === 'edge');
  return Number(node.split(':').at(-1));
}

describe('workers', () => {
  test('say once that they listen, when all are ready, and how many they are', async (t) => {
    const workers = await startWorkers(t, redis, 3);

    assert.equal(workers.output().match(/listening on/g).length, 1);
    assert.match(workers.output(), /listening on http:\/\/127\.0\.0\.1:\d+ with 3 workers: a home and 2 edges/);
    assert.equal(children(workers.pid).length, 3);
  });

  test('share one port, and each says which it is', async (t) => {
    const workers = await startWorkers(t, redis, 3);

    const seen = await roles(workers, 3);

    assert.deepEqual([...seen.values()].sort(), ['edge', 'edge', 'home']);
    assert.deepEqual(
      [...seen.keys()].map((node) => Number(node.split(':').at(-1))).sort(),
      children(workers.pid).sort(),
    );
  });

  test('are one server: who is on any of them hears all', async (t) => {
    const workers = await startWorkers(t, redis, 3);
    const ann = await register(workers.url, 'ann');
    const room = await createRoom(ann, 'general');
    const listeners = [];
    for (let i = 0; i < 12; i++) listeners.push(await open(workers, ann));
    t.after(() => listeners.forEach((listener) => listener.close()));
    const rooms = await Promise.all(listeners.map((listener) => listener.enter(room.id)));

    for (let i = 0; i < 12; i++) await rooms[i].say(`from ${i}`);

    for (const place of rooms) await place.heard.until('all', () => place.texts().length === 12);
    for (const place of rooms) assert.deepEqual(place.texts(), rooms[0].texts());
  });

  test('that die are started again: edges and the home', async (t) => {
    const workers = await startWorkers(t, redis, 2);
    const seen = await roles(workers, 2);
    for (const role of ['edge', 'home']) {
      const before = children(workers.pid);
      const [node] = [...seen].find(([, is]) => is === role);
      process.kill(Number(node.split(':').at(-1)), 'SIGKILL');

      await untilAnswer(
        `another ${role}`,
        async () => [...(await roles(workers, 1))],
        ([[name, is]]) => is === role && name !== node,
      );
      await untilAnswer('two workers', async () => children(workers.pid), (now) => now.length === 2);
      assert.equal(children(workers.pid).filter((pid) => before.includes(pid)).length, 1);
      const name = role === 'home' ? 'the home' : 'edge 1';
      await workers.waitForOutput(new RegExp(`${name} \\(pid \\d+\\) ended by signal 9 \\(Killed\\): it is started again in \\d+ ms`));
    }
    let tries = 0; // one who was registered, but could not be answered, has the name
    await untilAnswer('a new person', () => register(workers.url, `bob${++tries}`), (bob) => bob?.cookie);
  });

  test('end with their supervisor, even if it is killed', async (t) => {
    const workers = await startWorkers(t, redis, 3);
    const pids = children(workers.pid);
    assert.equal(pids.length, 3);

    await workers.kill('SIGKILL');

    for (const pid of pids) await untilGone(pid);
  });

  test('stop at SIGTERM: edges first, then the home, code 0', async (t) => {
    const workers = await startWorkers(t, redis, 3);
    const pids = children(workers.pid);

    await workers.stop();

    for (const pid of pids) assert.ok(!isAlive(pid));
    const ends = [...workers.output().matchAll(/(edge \d|the home) \(pid \d+\) has ended/g)].map((match) => match[1]);
    assert.equal(ends.length, 3, workers.output());
    assert.equal(ends[2], 'the home');
  });

  test('asked to stop a second time do it at once, the home in order; a third time, it too at once', async (t) => {
    const workers = await startWorkers(t, redis, 2, { flags: { stop_ms: 600_000 } });
    const ann = await register(workers.url, 'ann');
    const sockets = await Promise.all(Array.from({ length: 24 }, () => rawConnect(workers.url, { cookie: ann.cookie })));
    for (const socket of sockets) assert.ok((await socket.connect()).connect);

    workers.signal('SIGTERM');
    await workers.waitForOutput(/closing [1-9]\d* connections/);
    assert.doesNotMatch(workers.output(), /has ended/);
    workers.signal('SIGTERM');
    await workers.waitForOutput(/edge 1 \(pid \d+\) has ended/);
    await workers.waitForOutput(/(?:closing [1-9]\d* connections[^]*){2}/);
    assert.doesNotMatch(workers.output(), /the home \(pid \d+\) (has )?ended/);
    workers.signal('SIGTERM');

    assert.equal((await within(PATIENCE_MS, 'the end', workers.exited)).code, 0, workers.output());
    assert.match(workers.output(), /the home \(pid \d+\) has ended/);
  });

  test('that are just being started again end well at SIGTERM', async (t) => {
    const workers = await startWorkers(t, redis, 2, { config: {} });
    const edge = await edgeOf(workers);
    const file = join(workers.dataDir, 'config.json');
    rmSync(file);
    assert.equal(spawnSync('mkfifo', [file]).status, 0); // who reads it waits for ever
    process.kill(edge, 'SIGKILL');
    await untilAnswer('another edge', async () => children(workers.pid), (now) => now.length === 2 && !now.includes(edge));

    await workers.stop();

    assert.match(workers.output(), /edge 1 \(pid \d+\) has ended/);
  });

  test('that have not all started yet end well at SIGTERM', async (t) => {
    const first = await startServer();
    t.after(() => first.kill('SIGKILL'));
    first.signal('SIGSTOP'); // it keeps the data base, and a home waits for it
    const workers = new Program(program, [
      'serve', '--workers=2', '--http.address=127.0.0.1:0', `--redis.url=${redis.url}`, `--redis.prefix=${first.dataDir}:`,
      `--data.path=${first.dataDir}/parley.db`, '--stop_ms=600000',
    ], { env: environment() });
    t.after(() => workers.kill('SIGKILL'));
    await workers.waitForOutput(/in use by another parley/);

    await workers.stop();
  });

  test('get the time to end that their own settings say, also if those have changed', async (t) => {
    const workers = await startWorkers(t, redis, 2, { flags: { stop_ms: undefined }, config: { stop_ms: 600_000 } });
    workers.configure({ stop_ms: 100 });
    workers.signal('SIGHUP');
    await workers.waitForOutput(/all 2 workers were restarted/);
    const edge = await edgeOf(workers);

    process.kill(edge, 'SIGSTOP');
    t.after(() => isAlive(edge) && process.kill(edge, 'SIGCONT'));
    workers.signal('SIGTERM');

    // After 20 seconds, not after ten minutes and 20 seconds.
    await workers.waitForOutput(/edge 1 \(pid \d+\) is not gone in time: it is ended/);
    assert.equal((await within(PATIENCE_MS, 'the end', workers.exited)).code, 1);
  });

  test('are all other processes at SIGHUP, on the same port; sockets go on elsewhere', async (t) => {
    const workers = await startWorkers(t, redis, 3);
    const pids = children(workers.pid);
    const ann = await register(workers.url, 'ann');
    const room = await createRoom(ann, 'general');
    const closed = [];
    const chat = await open(workers, ann, { minReconnectDelay: 10, maxReconnectDelay: 100 });
    t.after(() => chat.close());
    chat.sdk.on('connecting', ({ code }) => closed.push(code));
    const place = await chat.enter(room.id);
    await place.say('before');

    workers.signal('SIGHUP');
    await workers.waitForOutput(/all 3 workers were restarted/);

    assert.equal(children(workers.pid).filter((pid) => pids.includes(pid)).length, 0);
    assert.equal(children(workers.pid).length, 3);
    assert.ok(closed.length >= 1 && closed.every((code) => code === 3001), `closed with ${closed}`);
    await untilAnswer('saying it', () => place.say('after', 'after').then(() => true, (error) => error), (answer) => answer === true);
    await place.untilText('after');
    assert.deepEqual(place.texts(), ['before', 'after']);
  });

  test('go on as they are if a restart would fail', async (t) => {
    const workers = await startWorkers(t, redis, 2, { config: { chat: { text_max: 100 } } });
    const pids = children(workers.pid).sort();

    workers.configure({ chat: { text_max: 'many' } });
    workers.signal('SIGHUP');
    await workers.waitForOutput(/the settings or the models are not fine \(see above\): nothing was restarted/);

    assert.match(workers.output(), /chat\.text_max must be a whole number/);
    assert.deepEqual(children(workers.pid).sort(), pids);
    assert.equal((await fetch(`${workers.url}/readyz`)).status, 200);
  });

  test('take changed settings at SIGHUP', async (t) => {
    const workers = await startWorkers(t, redis, 2, { config: { chat: { text_max: 10 } } });
    const ann = await register(workers.url, 'ann');
    const room = await createRoom(ann, 'general');
    const say = () => ann.api('POST', `/room/${room.id}/message`, { text: 'more than ten characters' });
    assert.equal((await say()).status, 422);

    workers.configure({ chat: { text_max: 100 } });
    workers.signal('SIGHUP');
    await workers.waitForOutput(/all 2 workers were restarted/);

    assert.equal((await untilAnswer('saying it', say, ({ status }) => status && status !== 503)).status, 201);
  });

  test('leave the port to nobody else', async (t) => {
    const workers = await startWorkers(t, redis, 2);
    const address = `--http.address=127.0.0.1:${workers.port}`;
    for (const words of [[], ['--workers=2', `--redis.url=${redis.url}`]]) {
      const { code, output } = await runParley(['serve', address, '--data.path=:memory:', ...words]);
      assert.equal(code, 1, output);
      assert.match(output, /something else listens there: choose another http\.address/);
    }
  });

  test('answer the administration on the home only', async (t) => {
    const workers = await startWorkers(t, redis, 2);

    const { code, output } = await runParley(['user', 'add', 'root', '--admin', `--data.path=${workers.dataDir}/parley.db`]);

    assert.equal(code, 0, output);
  });
});

describe('without what they need, workers', () => {
  test('are refused without Redis, also by check', async () => {
    for (const command of ['serve', 'check']) {
      const { code, output } = await runParley([command, '--workers', '4', '--data.path=:memory:', '--http.address=127.0.0.1:0']);
      assert.notEqual(code, 0);
      assert.match(output, /4 workers are joined by Redis: set redis\.url .*or node\.workers to 1/);
    }
  });

  test('are refused in impossible numbers', async () => {
    for (const number of ['0', '65', 'many']) {
      const { code, output } = await runParley(['serve', `--workers=${number}`]);
      assert.equal(code, 2);
      assert.match(output, /node\.workers must be a whole number from 1 to 64/);
    }
  });

  test('end at once if the home cannot start, with its code', async () => {
    const { code, output } = await runParley([
      'serve', '--workers=2', '--http.address=127.0.0.1:0', `--redis.url=${redis.url}`, '--data.path=/nowhere/at/all.db',
    ]);
    assert.equal(code, 1);
    assert.match(output, /\/nowhere\/at\/all\.db/);
    assert.match(output, /the home \(pid \d+\) ended with code 1 before all workers had started/);
  });
});

describe('a server alone', () => {
  test('is not ended by a reload', async (t) => {
    const server = await startServer();
    t.after(() => server.stop());

    server.signal('SIGHUP');
    await server.waitForOutput(/SIGHUP does nothing here/);

    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  });

  test('answers all who have reached it before it stops', async (t) => {
    const server = await startServer({ flags: { ...UNLIMITED, stop_ms: 60_000 } }); // it stops once all are answered
    t.after(() => server.stop());
    // More than are accepted in one turn of its loop, and none of them yet.
    server.signal('SIGSTOP');
    const sockets = Array.from({ length: 200 }, () => connect(server.port, '127.0.0.1'));
    const answers = sockets.map((socket) => text(socket.setEncoding('utf8')).catch((error) => error.code));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    server.signal('SIGTERM');
    server.signal('SIGCONT');

    assert.equal((await within(PATIENCE_MS, 'the end', server.exited)).code, 0);
    for (const answer of await Promise.all(answers)) {
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.match(answer, /^Connection: close\r$/m);
    }
  });

  test('waits for the one before it to give up the data base', async (t) => {
    const first = await startServer();
    first.signal('SIGSTOP'); // it keeps it for certain
    const second = new Program(program, [
      'serve', '--http.address=127.0.0.1:0', `--data.path=${first.dataDir}/parley.db`, '--stop_ms=60000',
    ], { env: environment() });
    t.after(() => second.kill('SIGKILL'));
    await second.waitForOutput(/in use by another parley \(pid \d+\).*waiting 62000 ms for it to end/);

    first.signal('SIGCONT');
    await first.stop();

    await second.waitForOutput(/listening on/);
  });
});
