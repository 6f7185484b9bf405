// Rights are taken away while nodes sleep, while Redis is away, and while messages are lost: whoever has lost a right hears
// nothing more.
import { describe, it } from 'node:test';
import { strict as assert } from 'node:assert';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { login, must, through } from '../api/lib/nodes.mjs';
import { within } from '../api/lib/process.mjs';
import { startCluster, poll } from './lib/cluster.mjs';
import { PATIENCE_MS } from './lib/guest.mjs';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a node is paused', () => {
  it('what was written before a right was taken, and not delivered by then, is not delivered when it goes on', async (test) => {
    const cluster = await startCluster(test, { rooms: 1, people: 3 });
    const { history, nodes, rooms: [room] } = cluster;
    const root = await firstAdministrator(nodes.home);
    const [ann, bob, eve] = cluster.people;
    const writer = cluster.guest(ann, 'home', 'ann');
    const victim = cluster.guest(bob, 'edge0', 'bob');
    const witness = cluster.guest(eve, 'edge0', 'eve');
    await Promise.all([writer, victim, witness].map((guest) => guest.enter(room)));
    await writer.say(room, 'heard by all');
    await poll('bob hearing', () => victim.position(room) === writer.position(room));

    nodes.edges[0].signal('SIGSTOP');
    // More than a node reads at once, so that it meets the end of the right later than the first of these.
    const long = 'x'.repeat(3000);
    for (let i = 0; i < 200; i++) await writer.say(room, `while bob was still there ${i}`, { text: long });
    // So that the pause is longer than any that happens by itself on a busy machine.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    must(await root.api('PATCH', `/user/${bob.id}`, { disabled: true }), 200, 'disable');
    history.note('revoked', 'bob', { room });
    await writer.say(room, 'when bob was no longer there');
    nodes.edges[0].signal('SIGCONT');

    await witness.happened.until('eve hearing', (items) => items.some(({ key }) => key === 'when bob was no longer there'));
    await poll('bob being closed', () => victim.end !== null);
    assert.equal(victim.end.code, 3507);
    await cluster.assertKept();
    await cluster.assertListed();
  });
});

it('who signs out on one node is closed on all of them, and nobody else is', async (test) => {
  const cluster = await startCluster(test, { rooms: 1, people: 2 });
  const { nodes, names, rooms: [room], people: [ann] } = cluster;
  const other = await login(nodes.home.url, ann.name, ann.password); // the same person elsewhere
  const [hers, others] = [ann, other].map((person) => names.map((name) => cluster.guest(person, name)));
  await Promise.all([...hers, ...others].map((guest) => guest.enter(room)));
  must(await through(nodes.edges[1], ann).api('POST', '/logout', {}), 204, 'sign out');
  await poll('all of that session being closed', () => hers.every(({ end }) => end));
  assert.deepEqual(hers.map(({ end }) => end.code), [3507, 3507, 3507]);
  await Promise.all(others.map((guest) => guest.fence()));
  assert.deepEqual(others.map((guest) => guest.position(room) !== null), [true, true, true]);
  assert.ok(cluster.history.entries.every(({ what, who }) => what !== 'closed' || hers.some(({ name }) => name === who)));
});

describe('rights come and go at random on all nodes', () => {
  const faults = {
    'while nothing else happens': () => {},
    'while messages get lost, doubled and swapped, news of rights too': ({ proxies }) => {
      for (const proxy of Object.values(proxies)) proxy.disturb('parley:', { lost: 0.05, twice: 0.05, later: 0.05 });
      return async () => Object.values(proxies).forEach((proxy) => (proxy.rule = null));
    },
    'while Redis stops and goes on': ({ redis }) => repeatedly(1500, () => redis.pause(), 3500, () => redis.resume()),
    'while nodes sleep': ({ nodes, chance }) => {
      let edge;
      return repeatedly(700, () => (edge = chance.pick(nodes.edges)).signal('SIGSTOP'), 1800, () => edge.signal('SIGCONT'));
    },
    'while links are cut': ({ proxies, chance }) => repeatedly(300, () => chance.pick(Object.values(proxies)).cut(), 0, () => {}),
  };
  for (const [name, start] of Object.entries(faults))
    it(`${name}: nothing is heard or written after a right was taken`, async (test) => {
      const cluster = await startCluster(test, { rooms: 1, people: 7, links: ['home', 'edge0', 'edge1'] });
      const { history, nodes, people, names, rooms: [room] } = cluster;
      const root = await firstAdministrator(nodes.home);
      const grant = async (subject, rights) => {
        const answer = await root.api('POST', '/grant', { subject, model: 'message', rights });
        assert.ok([200, 201, 204].includes(answer.status), answer.text);
      };
      const writer = cluster.guest(people[0], 'home', 'writer');
      await writer.enter(room);
      await grant(`user:${people[0].id}`, ['read', 'write']);
      await grant('members', []);

      let isOver = false;
      let latest = 0;
      const talking = (async () => {
        for (let i = 0; !isOver; i++) await writer.say(room, `news ${i}`);
      })();
      talking.catch(() => {}); // it is waited for below
      const stop = start(cluster) ?? (async () => {});
      const until = performance.now() + 5_000;
      try {
        await Promise.all(people.slice(1).map(async (person, i) => {
          const guest = cluster.guest(person, names[i % names.length], `guest${i}`);
          for (let round = 0; round === 0 || performance.now() < until; round++) {
            history.note('granting', guest.name, { room });
            await grant(`user:${person.id}`, ['read', 'write']);
            await guest.enter(room);
            const count = guest.happened.length;
            await guest.happened.until('something heard', (items) => items.slice(count).some(({ what }) => what === 'heard'), 30_000);
            await guest.say(room, `${guest.name}:${round}`);
            await grant(`user:${person.id}`, []);
            const revoked = history.note('revoking', guest.name, { room });
            // Everything that was on its way is in front of the answer to this.
            assert.ok(await guest.fence());
            history.note('revoked', guest.name, { room });
            await poll(`${guest.name} being told`, () => guest.position(room) === null);
            const late = guest.happened.items.filter(({ what, at }) => what === 'heard' && at > revoked.at);
            latest = Math.max(latest, ...late.map(({ at }) => at - revoked.at));
            assert.notEqual(await guest.say(room, `${guest.name}:${round} after`), null);
          }
          guest.leave();
        }));
      } finally {
        // Not in test.after(): the nodes would be stopped first, amid all this.
        isOver = true;
        await within(PATIENCE_MS, `the end of: ${name}`, stop());
      }
      await within(PATIENCE_MS, 'the last answer to the writer', talking);
      test.diagnostic(`the last that was heard after a right was taken came ${latest} ms later`);
      await cluster.assertKept();
      await cluster.assertListed();
    });
});

/** Again and again until the function returned is called. */
function repeatedly(every_ms, begin, for_ms, end) {
  let isOver = false;
  const going = (async () => {
    while (!isOver) {
      await pause(every_ms);
      await begin();
      await pause(for_ms);
      await end();
    }
  })();
  return () => {
    isOver = true;
    return going;
  };
}
