// A thousand rights given and taken back at random while people chat and rows change: once a revoke is answered, whoever
// lost the right hears nothing more, on the home and on an edge, until it is given again. Nothing here is timed: the
// answer to a question that is asked after the revoke comes behind everything that was still on its way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { Chance } from './lib/chance.mjs';
import { must } from './lib/client.mjs';
import { startNodes, UNLIMITED } from './lib/nodes.mjs';
import { PATIENCE_MS, rawConnect, register, within } from './lib/server.mjs';

const OPERATIONS = 1000;
const LISTENERS = 8; // every other one on the edge
const SEED = Number(process.env.SEED ?? 20261122);

test(`${OPERATIONS} rights come and go under load, and nothing is heard after one was taken (seed ${SEED})`, async (t) => {
  const chance = new Chance(SEED);
  const nodes = await startNodes({ test: t, flags: UNLIMITED });
  const { home } = nodes;
  const root = await firstAdministrator(home);
  const grant = async (subject, model, rights) => {
    const answer = await root.api('POST', '/grant', { subject, model, rights });
    assert.ok([200, 201, 204].includes(answer.status), answer.text);
  };
  const room = must(await root.api('POST', '/room', { kind: 'public', name: 'load' }), 201, 'room').body.id;
  const row = must(await root.api('POST', '/news', { title: 'first', published: true }), 201, 'news').body.id;
  for (const model of ['message', 'news']) await grant('members', model, []);

  const listeners = [];
  for (let i = 0; i < LISTENERS; i++) {
    const node = i % 2 ? nodes.edge : home;
    const person = await register(home.url, `listener-${i}`);
    const isFeed = i % 4 > 1;
    const listener = new Listener(person, isFeed ? `model:news` : `room:${room}`, isFeed ? 'news' : 'message', i % 2 ? 'edge' : 'home');
    listener.socket = await rawConnect(node.url, { cookie: person.cookie });
    assert.ok((await listener.socket.connect()).connect);
    listener.watch();
    listeners.push(listener);
  }

  let isOver = false;
  const publishing = Promise.all(
    Array.from({ length: 4 }, async (_, i) => {
      for (let n = 0; !isOver; n++)
        if (i % 2) must(await root.api('POST', `/room/${room}/message`, { text: `message ${i}.${n}` }), 201, 'publish');
        else must(await root.api('PATCH', `/news/${row}`, { title: `title ${i}.${n}` }), 200, 'change');
    }),
  );

  let left = OPERATIONS;
  try {
    // Each listener's rights change on their own; which of them is next is chance.
    const step = async () => {
      const idle = listeners.filter((one) => !one.isBusy);
      const listener = chance.pick(idle);
      listener.isBusy = true;
      if (listener.isAllowed) {
        if (chance.is(0.8)) await listener.heardSomething();
        await grant(`user:${listener.person.id}`, listener.model, []);
        await listener.assertDeaf();
      } else {
        await listener.assertDeaf();
        await grant(`user:${listener.person.id}`, listener.model, ['read']);
        await listener.subscribe();
      }
      listener.isBusy = false;
    };
    const operations = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (left-- > 0) await step();
      }),
    );
    // Each question has a bound of its own; all of them together may take several times as long.
    await within(5 * PATIENCE_MS, 'all operations', operations).catch((error) => {
      throw new Error(`${error.message}; ${Math.max(left, 0)} of ${OPERATIONS} had not begun`, { cause: error });
    });
  } finally {
    isOver = true;
    left = 0;
    await publishing;
  }

  const heard = listeners.reduce((sum, one) => sum + one.count, 0);
  assert.ok(heard > OPERATIONS / 4, `only ${heard} events were heard at all`);
  for (const place of ['home', 'edge']) {
    const late = Math.max(...listeners.filter((one) => one.place === place).map((one) => one.latest));
    t.diagnostic(`${place}: the last event after a revoke was answered came ${late.toFixed(1)} ms later`);
  }
  for (const { socket } of listeners) await socket.close();
});

/** Somebody with one channel, who notes when it was heard last. */
class Listener {
  isAllowed = false;
  isBusy = false;
  count = 0;
  latest = 0;
  #revoked = 0;
  #isDeaf = true;
  #violations = [];

  constructor(person, channel, model, place) {
    Object.assign(this, { person, channel, model, place });
  }

  watch() {
    this.socket.socket.on('message', (data) => {
      for (const line of data.toString().split('\n')) {
        if (!line.includes(`"channel":"${this.channel}"`) || !line.includes('"pub"')) continue;
        this.count++;
        if (this.#isDeaf) this.#violations.push(line);
        else if (this.#revoked) this.latest = Math.max(this.latest, performance.now() - this.#revoked);
      }
    });
  }

  async subscribe() {
    this.#isDeaf = false;
    this.#revoked = 0;
    const reply = await this.socket.call('subscribe', { channel: this.channel });
    assert.ok(reply.subscribe, JSON.stringify(reply));
    this.isAllowed = true;
  }

  /** Something that is new, not from before. */
  async heardSomething() {
    const before = this.count;
    while (this.count === before) await this.socket.next((object) => object.push);
  }

  /** From the answer to this question on nothing may come. */
  async assertDeaf() {
    if (this.isAllowed) this.#revoked = performance.now();
    const refused = await this.socket.call('rpc', { method: 'me.detail', data: {} });
    assert.ok(refused.rpc, JSON.stringify(refused));
    this.isAllowed = false;
    this.#isDeaf = true;
    assert.deepEqual(this.#violations, [], `${this.place} ${this.channel}`);
  }
}
