// Rights are taken away while nodes sleep, while Redis is away, and while messages are lost: whoever has lost a right hears
// nothing more.
import { describe, it } from 'node:test';
import { strict as assert } from 'node:assert';
import { firstAdministrator } from '../api/lib/admin.mjs';
import { createRoom, login, must, register, through, untilAnswer } from '../api/lib/nodes.mjs';
import { PATIENCE_MS, within } from '../api/lib/process.mjs';
import { startRedis } from '../api/lib/redis.mjs';
import { startWorkers, untilRestarted } from '../api/lib/workers.mjs';
import { assertKept } from './lib/checker.mjs';
import { startCluster, poll, readLog, untilCounted } from './lib/cluster.mjs';
import { Guest } from './lib/guest.mjs';
import { chanceOf, History } from './lib/history.mjs';

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
    'while Redis stops and goes on': ({ redis }, rounds) => repeatedly(rounds, 1500, () => redis.pause(), 3500, () => redis.resume()),
    'while nodes sleep': ({ nodes, chance }, rounds) => {
      let edge;
      return repeatedly(rounds, 700, () => (edge = chance.pick(nodes.edges)).signal('SIGSTOP'), 1800, () => edge.signal('SIGCONT'));
    },
    'while links are cut': ({ proxies, chance }, rounds) => repeatedly(rounds, 300, () => chance.pick(Object.values(proxies)).cut(), 0, () => {}),
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
      const rounds = new Map(); // guest → how many it has come through, while it is here
      const stop = start(cluster, rounds) ?? (async () => {});
      const until = performance.now() + 5_000;
      try {
        await Promise.all(people.slice(1).map(async (person, i) => {
          const guest = cluster.guest(person, names[i % names.length], `guest${i}`);
          for (let round = 0; round === 0 || performance.now() < until; round++) {
            rounds.set(guest, round);
            history.note('granting', guest.name, { room });
            await grant(`user:${person.id}`, ['read', 'write']);
            await guest.enter(room);
            const count = guest.happened.length;
            await guest.happened.until('something heard', (items) => items.slice(count).some(({ what }) => what === 'heard'));
            assert.equal(await guest.say(room, `${guest.name}:${round}`), null);
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
          rounds.delete(guest);
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

describe('members of a private room come and go: whoever was removed hears nothing more', () => {
  it('while nodes are killed', async (test) => {
    const cluster = await startCluster(test, { rooms: 0, people: 6 });
    const { history, nodes, chance, people: [owner, ...people], names, rooms } = cluster;
    const { id: room } = await createRoom(owner, 'secret', 'private');
    rooms.push(room);
    const writer = cluster.guest(owner, 'home', 'writer');
    const guests = people.map((person, i) => Object.assign(cluster.guest(person, names[i % names.length], `guest${i}`), { id: person.id }));
    await comeAndGo(test, { room, history, writer, guests, owner: () => through(nodes.home, owner) }, 5, async () => {
      await pause(chance.below(300));
      await cluster.killAndRestart(chance.pick(names));
    });
    await cluster.assertKept();
    await cluster.assertListed();
  });

  it('while all workers are restarted with other settings', async (test) => {
    const chance = chanceOf(test);
    const history = new History();
    const redis = await startRedis();
    test.after(() => redis.stop());
    const workers = await startWorkers(test, redis, 3, { config: { chat: { text_max: 2000 } }, flags: { stop_ms: 300 } });
    const [owner, ...people] = await Promise.all(Array.from({ length: 6 }, (_, i) => register(workers.url, `person${i}`)));
    const { id: room } = await createRoom(owner, 'secret', 'private');
    const enter = ({ cookie, id }, name, i) =>
      Object.assign(new Guest({ name, cookie, history, chance: chance.child(i), url: () => workers.url }).connect(), { id });
    const [writer, ...guests] = [enter(owner, 'writer', 0), ...people.map((person, i) => enter(person, `guest${i}`, i + 1))];
    test.after(() => [writer, ...guests].forEach((guest) => guest.leave()));
    let restarts = 0;
    await comeAndGo(test, { room, history, writer, guests, owner: () => owner }, 3, async () => {
      workers.configure({ chat: { text_max: 2000 + ++restarts } });
      workers.signal('SIGHUP');
      await untilRestarted(workers, restarts, PATIENCE_MS);
    });
    const log = await readLog(workers.url, owner.cookie, room);
    await poll('the writer hearing all', () => writer.position(room) >= log.events.length);
    assertKept(history.entries, new Map([[room, log]]));
  });
});

/** One writes, the others are let in and removed again, until `fault()` was done so often. */
async function comeAndGo(test, { room, history, writer, guests, owner }, wanted, fault) {
  /** Until it is done, now or when it was asked before. */
  const change = (method, path, body, done) =>
    untilAnswer(`${method} ${path}`, () => owner().api(method, `/room/${room}/member${path}`, body), ({ status }) => done.includes(status), PATIENCE_MS);
  await writer.enter(room);
  let isOver = false;
  let faults = 0;
  let removals = 0;
  let said = 0;
  const end = () => (isOver = true);
  const talking = (async () => {
    for (; !isOver; said++) await writer.say(room, `news ${said}`);
  })();
  const failing = (async () => {
    // Not by the clock: between two of them everybody has to come back, however slow that is here.
    for (let goal = 5; !isOver; goal = removals + 5, faults++) {
      await untilCounted('removals', () => removals, goal, () => isOver);
      if (!isOver) await fault();
    }
  })();
  for (const going of [talking, failing]) going.catch(end);
  await Promise.all(guests.map(async (guest) => {
    for (let round = 0; round < 3 || (faults < wanted && !isOver); round++) {
      history.note('granting', guest.name, { room });
      await change('POST', '', { user: guest.id }, [200, 201, 409]);
      await guest.enter(room);
      const count = guest.happened.length;
      await guest.happened.until('something heard', (items) => items.slice(count).some(({ what }) => what === 'heard'), PATIENCE_MS);
      assert.equal(await guest.say(room, `${guest.name}:${round}`), null);
      await change('DELETE', `/${guest.id}`, undefined, [204, 404]);
      // Everything that was on its way is in front of the answer to this.
      assert.ok(await guest.fence());
      history.note('revoked', guest.name, { room });
      await poll(`${guest.name} being told`, () => guest.position(room) === null);
      // What of these were still said to the guest would be in front of the second answer.
      const goal = said + 3;
      await poll(`three more said after ${guest.name} was removed`, () => isOver || said >= goal);
      assert.ok(await guest.fence());
      assert.notEqual(await guest.say(room, `${guest.name}:${round} after`), null);
      removals++;
    }
    guest.leave();
  })).finally(async () => {
    // Not in test.after(): the nodes would be stopped first, amid all this.
    end();
    await within(PATIENCE_MS, 'the end of the faults', failing);
  });
  await within(PATIENCE_MS, 'the last answer to the writer', talking);
  test.diagnostic(`${faults} faults, ${removals} removals`);
}

/**
 * Again and again until the function returned is called. Not by the clock alone: between two of them everybody comes
 * through a round, or on a slow machine nobody ever would.
 */
function repeatedly(rounds, every_ms, begin, for_ms, end) {
  let isOver = false;
  const going = (async () => {
    while (!isOver) {
      await pause(every_ms);
      await begin();
      await pause(for_ms);
      await end();
      const before = [...rounds];
      await poll('everybody coming through a round', () => isOver || before.every(([guest, round]) => rounds.get(guest) !== round));
    }
  })();
  going.catch(() => {}); // waited for by who stops it
  return () => {
    isOver = true;
    return going;
  };
}
