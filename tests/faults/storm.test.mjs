// Many at once: a thousand sockets that are cut and come back, thousands of subscriptions amid messages, readers that stop
// reading. PARLEY_SEED repeats a run.
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { UNPINGED, untilAnswer } from '../api/lib/nodes.mjs';
import { poll, startCluster } from './lib/cluster.mjs';

const SOCKETS = Number(process.env.PARLEY_SOCKETS ?? 1000);

describe('many at once', () => {
  it(`${SOCKETS} sockets are cut together: all come back and miss nothing`, async (test) => {
    // What is written until the last is back must fit into one answer, however long that takes.
    const cluster = await startCluster(test, { rooms: 1, flags: { 'realtime.recover_max': 10000 } });
    const { rooms: [room], names, people } = cluster;
    const guests = [];
    for (let i = 0; i < SOCKETS; i++) {
      guests.push(cluster.guest(people[i % people.length], names[i % names.length]));
      if (i % 200 === 199) await Promise.all(guests.slice(-200).map((guest) => guest.enter(room))); // as many as a backlog holds
    }
    const talk = cluster.talk(2);
    await talk.more(10);
    const begin = performance.now();
    for (const guest of guests) guest.cut();
    await poll('all being cut', () => guests.every((guest) => guest.position(room) === null));
    await poll('all being back', () => guests.every((guest) => guest.position(room) !== null));
    test.diagnostic(`all were back after ${Math.round(performance.now() - begin)} ms`);
    await talk.more(10);
    await talk.stop();
    await cluster.assertKept();
    if (SOCKETS <= 1000) await cluster.assertListed(); // more are not listed
    const { entries } = cluster.history;
    assert.deepEqual(entries.filter(({ what, recovering, recovered }) => what === 'subscribed' && recovering && !recovered), []);
  });

  it('thousands of subscriptions begin amid messages: no gap and nothing twice at the seam', async (test) => {
    const cluster = await startCluster(test, { rooms: 1 });
    const { rooms: [room] } = cluster;
    const guests = await cluster.listeners(8);
    const talk = cluster.talk(6);
    await talk.more(10);
    let count = 0;
    await Promise.all(guests.map(async (guest) => {
      for (let i = 0; i < 100; i++, count++) await guest.again(room);
    }));
    await talk.stop();
    test.diagnostic(`${count} subscriptions, ${talk.acked} messages`);
    await cluster.assertKept();
    await cluster.assertListed();
  });

  it('readers that stop are closed as slow and go on from where they were; the others notice nothing', async (test) => {
    const flags = { ...UNPINGED, 'realtime.queue_bytes_max': 65536, 'realtime.recover_max': 10000, 'chat.text_max': 60000 };
    const cluster = await startCluster(test, { rooms: 1, flags });
    const { rooms: [room], people, names } = cluster;
    const others = await cluster.listeners(2);
    const slow = names.map((name) => cluster.guest(people[1], name, `slow on ${name}`));
    await Promise.all(slow.map((guest) => guest.enter(room)));
    const writer = cluster.guest(people[0], 'home', 'writer');
    const long = 'x'.repeat(56_000);
    for (let i = 0; i < 4; i++) await writer.say(room, `first ${i}`, { text: long });
    for (const guest of slow) {
      guest.socket.pause();
      // Most of the kernel's 4 MiB are filled by answers that nobody waits for: writing so much may take so long that the
      // kernel ends the connection first, as its reader takes nothing (TCP_USER_TIMEOUT).
      for (let i = 0; i < 14; i++) guest.socket.send(JSON.stringify({ id: 1_000_000 + i, history: { channel: `room:${room}`, limit: 4, reverse: true } }));
    }
    // Until the kernel's buffers and then the server's are full, however large the former are.
    const closed = async () => {
      const texts = await Promise.all(names.map(async (name) => (await fetch(`${cluster.node(name).url}/metrics`)).text()));
      const are = slow.filter((_, i) => Number(/^parley_\w*slow\w* (\d+)/m.exec(texts[i])?.[1]) > 0);
      // Nothing more is written until they are back: what is missed must fit into one answer.
      for (const guest of are) guest.socket.resume();
      for (const guest of are)
        await guest.happened.until(`${guest.name} going on from where it was`, (items) => items.some(({ recovered }) => recovered));
      return are.length === slow.length;
    };
    for (let i = 0; i < 500 && !(await closed()); i++)
      await Promise.all(Array.from({ length: 4 }, (_, k) => writer.say(room, `long ${i}.${k}`, { text: long })));
    await untilAnswer('all who do not read being closed', closed, (is) => is === true); // an edge may be behind the home
    // Whoever reads again more than two seconds after that finds no close frame any more, only the end.
    for (const guest of slow)
      assert.deepEqual(guest.happened.items.filter(({ what, code }) => what === 'closed' && ![3008, 1006].includes(code)), []);
    await cluster.assertKept();
    await cluster.assertListed();
    const { entries } = cluster.history;
    for (const guest of others) assert.deepEqual(entries.filter(({ who, what }) => who === guest.name && what === 'closed'), []);
  });
});
