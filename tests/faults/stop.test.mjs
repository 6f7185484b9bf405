// The server is stopped while a hundred people write: they are told to come back, what was acknowledged is kept, and it
// ends cleanly. PARLEY_ROUNDS and PARLEY_SEED may be set.
import { strict as assert } from 'node:assert';
import { it } from 'node:test';
import { UNLIMITED, createRoom, must, register } from '../api/lib/nodes.mjs';
import { PATIENCE_MS, startServer, within } from '../api/lib/server.mjs';
import { Publisher, assertKept, randomFrom, readLog } from './lib/publishers.mjs';

const ROUNDS = Number(process.env.PARLEY_ROUNDS ?? 20);
const SEED = Number(process.env.PARLEY_SEED ?? Date.now() % 1e9);
const PEOPLE = 10;
const PUBLISHERS = 100;
const ACKNOWLEDGED_MAX = 400;

it(`${ROUNDS} times stopped under load: everybody gets 3001, nothing acknowledged is lost`, async (test) => {
  test.diagnostic(`PARLEY_SEED=${SEED}`);
  const random = randomFrom(SEED);
  const flags = { ...UNLIMITED, stop_ms: 200 };
  let server = await startServer({ flags });
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
    await server.stop(); // fails on another exit code than 0, or if a sanitizer complained
    const ends = await within(PATIENCE_MS, `round ${round}: all being closed`, Promise.all(publishers.map((publisher) => publisher.closed)));
    for (const { code, reason } of ends) assert.equal(code, 3001, `round ${round}: ${code} ${reason}`);
    server = await startServer({ dataDir, flags });
  }

  for (const publisher of publishers) assert.deepEqual(publisher.errors, []);
  assertKept(publishers, await readLog(server.url, people[0].cookie, room.id));
  await Promise.all(publishers.map((publisher) => publisher.connect(server.url)));
  await Promise.all(publishers.map((publisher) => publisher.settle()));
  assertKept(publishers, await readLog(server.url, people[0].cookie, room.id));});
