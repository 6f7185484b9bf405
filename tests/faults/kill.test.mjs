// The home is killed again and again while two hundred people write: what it acknowledged is there afterwards, once and
// in order, and what it had not is written when it is repeated. PARLEY_ROUNDS and PARLEY_SEED may be set.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

// A program without sanitizers makes more of the time; it must be chosen before the harness looks.
if (process.env.PARLEY_FAST_PROGRAM) process.env.PARLEY_PROGRAM = process.env.PARLEY_FAST_PROGRAM;
const { UNLIMITED, createRoom, must, register } = await import('../api/lib/nodes.mjs');
const { PATIENCE_MS, runParley, startServer, within } = await import('../api/lib/server.mjs');
const { Publisher, assertKept, randomFrom, readLog } = await import('./lib/publishers.mjs');

const ROUNDS = Number(process.env.PARLEY_ROUNDS ?? 50);
const SEED = Number(process.env.PARLEY_SEED ?? Date.now() % 1e9);
const PEOPLE = 10;
const PUBLISHERS = 200;
const ACKNOWLEDGED_MAX = 600; // in one round

it(`${ROUNDS} times killed: nothing acknowledged is lost, nothing is there twice`, async (test) => {
  test.diagnostic(`PARLEY_SEED=${SEED}`);
  const random = randomFrom(SEED);
  let server = await startServer({ flags: UNLIMITED });
  const { dataDir } = server;
  const people = [];
  for (let i = 0; i < PEOPLE; i++) people.push(await register(server.url, `person${i}`));
  const room = await createRoom(people[0], 'general');
  for (const person of people.slice(1)) must(await person.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
  let left;
  let enough;
  const publishers = Array.from({ length: PUBLISHERS }, (_, i) =>
    new Publisher(`p${i}`, people[i % PEOPLE].cookie, room.id, () => {
      if (--left === 0) enough();
    }),
  );
  test.after(async () => {
    for (const publisher of publishers) publisher.socket?.terminate();
    await server.stop();
  });

  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(publishers.map((publisher) => publisher.connect(server.url)));
    left = 1 + random(ACKNOWLEDGED_MAX);
    const reached = new Promise((resolve) => (enough = resolve));
    for (const publisher of publishers) publisher.write();
    await within(PATIENCE_MS, `round ${round}: ${left} acknowledged`, reached);
    await server.kill('SIGKILL');
    await within(PATIENCE_MS, `round ${round}: all being closed`, Promise.all(publishers.map((publisher) => publisher.closed)));
    server = await startServer({ dataDir, flags: UNLIMITED });
  }

  // Between the kill and the last answers: in the log or not, but never twice.
  const owed = publishers.reduce((sum, publisher) => sum + publisher.owed, 0);
  await Promise.all(publishers.map((publisher) => publisher.connect(server.url)));
  await Promise.all(publishers.map((publisher) => publisher.settle()));
  const messages = await readLog(server.url, people[0].cookie, room.id);
  assertKept(publishers, messages);
  const acknowledged = publishers.reduce((sum, publisher) => sum + publisher.acknowledged.length, 0);
  assert.equal(messages.length, acknowledged);
  test.diagnostic(`${acknowledged} messages, ${owed} of them repeated in the end`);

  const copy = join(dataDir, 'copy.db');
  const backup = await runParley(['backup', copy, `--data.path=${join(dataDir, 'parley.db')}`]);
  assert.equal(backup.code, 0, backup.output);
  const check = spawnSync('sqlite3', [copy, 'PRAGMA integrity_check; PRAGMA foreign_key_check;'], { encoding: 'utf8' });
  if (check.error) test.diagnostic('sqlite3 is not installed: the integrity of the data base was not checked');
  else assert.equal(check.stdout, 'ok\n', check.stderr);
});
