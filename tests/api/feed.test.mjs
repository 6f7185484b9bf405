// The change feed "model:<name>": whoever listens hears of exactly those rows, and of them exactly those fields, that
// reading would show, on the home and on an edge alike.
import { strict as assert } from 'node:assert';
import { copyFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Log, login, must, open, register, setUpAdministrator, startNodes, untilAnswer } from './lib/nodes.mjs';
import { temporaryFolder } from './lib/process.mjs';
import { startProxy } from './lib/proxy.mjs';
import { rawConnect } from './lib/realtime.mjs';
import { startRedis } from './lib/redis.mjs';

const schema = join(dirname(fileURLToPath(import.meta.url)), '../../schema');

/** Goes with the news; what is not open is its author's own. */
const remark = {
  type: 'object',
  required: ['news', 'text'],
  properties: {
    news: { type: 'integer', 'x-references': 'news', 'x-on-delete': 'cascade' },
    text: { type: 'string' },
    open: { type: 'boolean', default: false },
    author: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
  },
  'x-rules': { read: { any: [{ open: true }, { author: '$me' }] } },
  'x-grants': { members: ['read', 'write', 'delete'] },
};

function modelsFolder() {
  const folder = temporaryFolder();
  for (const model of ['news', 'comment', 'task']) copyFileSync(join(schema, `${model}.json`), join(folder, `${model}.json`));
  writeFileSync(join(folder, 'remark.json'), JSON.stringify(remark));
  return folder;
}

/** Listen to a model's feed with an open chat: {heard, seen, subscription}; rejects with {code} if it may not be. */
async function listen({ sdk }, model) {
  const subscription = sdk.newSubscription(`model:${model}`);
  const heard = new Log();
  const seen = new Log();
  subscription.on('publication', (context) => heard.add(context.data));
  for (const name of ['subscribed', 'subscribing', 'unsubscribed']) subscription.on(name, (context) => seen.add({ name, ...context }));
  subscription.subscribe();
  const end = await seen.until(`subscribing to ${model}`, (items) => items.find((item) => item.name !== 'subscribing'));
  if (end.name === 'unsubscribed') throw Object.assign(new Error(end.reason), { code: end.code });
  return {
    subscription,
    heard,
    seen,
    /** What has been heard up to the change of a row with this title, in short words: ['create 7', …]. */
    async upTo(title) {
      await heard.until(`${title} in ${model}`, (items) => items.find((item) => item.record.title === title));
      return heard.items.map((item) => `${item.action} ${item.record.id}`);
    },
  };
}

const create = async (who, model, row) => must(await who.api('POST', `/${model}`, row), 201, `create ${model}`).body;
const update = async (who, model, id, row) => must(await who.api('PATCH', `/${model}/${id}`, row), 200, `update ${model}`).body;
const remove = async (who, model, id) => must(await who.api('DELETE', `/${model}/${id}`), 204, `delete ${model}`);
const grant = async (root, subject, model, rights) => {
  const answer = await root.api('POST', '/grant', { subject, model, rights });
  assert.ok(answer.status === 200 || answer.status === 201, answer.text);
};

describe('the change feed', () => {
  let nodes, root, ann, bob, eve;
  before(async () => {
    nodes = await startNodes({ flags: { 'data.schema': modelsFolder() } });
    root = await setUpAdministrator(nodes.home);
    [ann, bob, eve] = [await register(nodes.home.url, 'ann'), await register(nodes.home.url, 'bob'), await register(nodes.home.url, 'eve')];
    await grant(root, 'members', 'news', ['read', 'write', 'delete']);
  });
  after(() => nodes?.stop());

  for (const place of ['home', 'edge']) {
    describe(`on the ${place}`, () => {
      const connect = (who) => open(nodes[place], who);
      const fence = async (who) => {
        const title = `fence ${Math.random()}`;
        await create(who, 'news', { title, published: true });
        return title;
      };

      it('tells of new, changed and deleted rows as reading shows them', async () => {
        const bobs = await listen(await connect(bob), 'task');
        const task = await create(ann, 'task', { title: 'a task', hours: 0.1, labels: ['x'], due: '2030-01-02T03:04:05.678Z' });
        const shown = must(await bob.api('GET', `/task/${task.id}`), 200, 'detail').body;
        const changed = await update(ann, 'task', task.id, { status: 'doing' });
        await remove(ann, 'task', task.id);
        await bobs.heard.until('three changes', (items) => items.length === 3);
        const { note: hidden, ...rest } = changed;
        assert.equal(hidden, null);
        assert.deepEqual(bobs.heard.items, [
          { action: 'create', record: shown },
          { action: 'update', record: rest },
          { action: 'delete', record: { id: task.id } },
        ]);
        bobs.subscription.unsubscribe();
      });

      it('a row that becomes visible is new, one that is hidden is deleted, and what is hidden stays so', async () => {
        const [anns, bobs] = [await listen(await connect(ann), 'news'), await listen(await connect(bob), 'news')];
        const { id } = await create(ann, 'news', { title: 'draft' });
        await update(ann, 'news', id, { content: 'still a draft' });
        await update(ann, 'news', id, { published: true });
        await update(ann, 'news', id, { title: 'better' });
        await update(ann, 'news', id, { published: false, content: 'a secret' });
        await update(ann, 'news', id, { content: 'another secret' });
        await remove(ann, 'news', id);
        const last = await fence(ann);
        const forAnn = await anns.upTo(last), forBob = await bobs.upTo(last);
        assert.deepEqual(forAnn.slice(0, -1), [`create ${id}`, ...Array(5).fill(`update ${id}`), `delete ${id}`]);
        assert.deepEqual(forBob.slice(0, -1), [`create ${id}`, `update ${id}`, `delete ${id}`]);
        assert.doesNotMatch(JSON.stringify(bobs.heard.items), /secret/);
        assert.deepEqual(bobs.heard.items[2].record, { id });
        anns.subscription.unsubscribe();
        bobs.subscription.unsubscribe();
      });

      it('each listener gets the fields that it may read', async () => {
        const [anns, bobs, eves] = await Promise.all([ann, bob, eve].map(async (who) => listen(await connect(who), 'task')));
        const task = await create(ann, 'task', { title: 'with a note', note: 'for bob', assignee: bob.id });
        await update(ann, 'task', task.id, { assignee: null });
        for (const listener of [anns, bobs, eves]) await listener.heard.until('both', (items) => items.length === 2);
        const notes = (listener) => listener.heard.items.map(({ record }) => record.note);
        assert.deepEqual(notes(anns), ['for bob', 'for bob']);
        assert.deepEqual(notes(bobs), ['for bob', undefined]);
        assert.deepEqual(notes(eves), [undefined, undefined]);
        for (const listener of [anns, bobs, eves]) listener.subscription.unsubscribe();
        await remove(ann, 'task', task.id);
      });

      it('nothing is told of what was refused or changed nothing', async () => {
        const bobs = await listen(await connect(bob), 'news');
        const { id } = await create(ann, 'news', { title: 'the news', published: true });
        must(await ann.api('PATCH', `/news/${id}`, { title: 'the news' }), 200, 'no change');
        must(await eve.api('PATCH', `/news/${id}`, { title: 'mine' }), 403, 'not the author');
        must(await eve.api('DELETE', `/news/${id}`), 403, 'not the author');
        must(await ann.api('PATCH', `/news/${id}`, { title: '' }), 422, 'too short');
        must(await ann.api('PATCH', `/news/${id}`, { title: 'late' }, { 'If-Match': '"7"' }), 412, 'another version');
        assert.deepEqual((await bobs.upTo(await fence(ann))).slice(0, -1), [`create ${id}`]);
        bobs.subscription.unsubscribe();
      });

      it('an unknown model and one without the right get the same answer', async () => {
        const bobs = await connect(bob);
        const codes = [];
        for (const model of ['nothing', 'News', 'news ', 'audit', 'room', 'session', 'group', 'grant', ''])
          codes.push(await listen(bobs, model).then(() => 0, (error) => `${error.code} ${error.message.replace(/"request_id":"[^"]*"/, '')}`));
        assert.deepEqual([...new Set(codes)].length, 1, codes.join());
        assert.match(codes[0], /^103 /);
      });

      it('who else listens is told to nobody', async () => {
        const bobs = await listen(await connect(bob), 'news');
        await assert.rejects(() => bobs.subscription.presence(), { code: 108 });
        await assert.rejects(() => bobs.subscription.presenceStats(), { code: 108 });
        await assert.rejects(() => bobs.subscription.history({ limit: 1 }), { code: 108 });
        await assert.rejects(() => bobs.subscription.publish({}), { code: 103 });
        bobs.subscription.unsubscribe();
      });

      it('a right that is taken away ends the subscription before the answer, and nothing follows', async () => {
        const eves = await listen(await connect(eve), 'task');
        await create(ann, 'task', { title: 'before' });
        await eves.upTo('before');
        await grant(root, 'members', 'task', []);
        await grant(root, `user:${ann.id}`, 'task', ['read', 'write', 'delete']);
        await create(ann, 'task', { title: 'after' });
        const end = await eves.seen.until('the end', (items) => items.find((item) => item.name === 'unsubscribed'));
        assert.equal(end.code, 2000);
        await grant(root, 'members', 'task', ['read', 'write', 'delete']);
        const again = await listen(await connect(eve), 'task');
        await create(ann, 'task', { title: 'again' });
        await again.upTo('again');
        assert.deepEqual(eves.heard.items.map(({ record }) => record.title), ['before']);
        again.subscription.unsubscribe();
      });

      it('rows that go along with a deleted one are told to those who saw them, and to nobody else', async () => {
        const { id } = await create(ann, 'news', { title: 'commented', published: true });
        const [bobs, eves] = [await listen(await connect(bob), 'remark'), await listen(await connect(eve), 'remark')];
        const hidden = await create(bob, 'remark', { news: id, text: 'for myself' });
        const shown = await create(eve, 'remark', { news: id, text: 'why?', open: true });
        await remove(ann, 'news', id);
        const { id: other } = await create(ann, 'news', { title: 'another', published: true });
        const last = await create(eve, 'remark', { news: other, text: 'the last', open: true });
        const heard = async (listener) => {
          await listener.heard.until('the last', (items) => items.find((item) => item.record.id === last.id));
          return listener.heard.items.map((item) => `${item.action} ${item.record.id}`);
        };
        const forBoth = [`create ${shown.id}`, `delete ${shown.id}`, `create ${last.id}`];
        assert.deepEqual(await heard(eves), forBoth);
        assert.deepEqual(await heard(bobs), [`create ${hidden.id}`, forBoth[0], `delete ${hidden.id}`, ...forBoth.slice(1)]);
        for (const listener of [bobs, eves]) {
          assert.ok(!listener.seen.items.some((item) => item.code === 2500), 'nobody had to begin anew');
          listener.subscription.unsubscribe();
        }
        await remove(ann, 'news', other);
      });

      it('when more goes along than can be told, the listeners begin anew', async () => {
        const { id } = await create(ann, 'news', { title: 'much commented', published: true });
        const bobs = await listen(await connect(bob), 'remark');
        await Promise.all(Array.from({ length: 101 }, (_, i) => create(eve, 'remark', { news: id, text: `${i}` })));
        await remove(ann, 'news', id);
        const again = await bobs.seen.until('subscribing again', (items) => items.find((item, i) => i > 1 && item.name === 'subscribing'));
        assert.equal(again.code, 2500);
        assert.deepEqual(bobs.heard.items, []);
        bobs.subscription.unsubscribe();
      });

      it('the end of a session ends its feed', async () => {
        const once = await login(nodes.home.url, 'eve');
        const there = await connect(once);
        await listen(there, 'news');
        must(await once.api('POST', '/logout'), 204, 'logout');
        assert.equal((await there.ended()).code, 3507);
      });

      it('an API token hears only of what it is for', async (test) => {
        const made = await ann.api('POST', '/token', { name: `feed on ${place}`, scopes: { news: ['read'] } });
        const token = must(made, 201, 'token').body.token;
        const there = await open(nodes[place], { name: 'token', cookie: '' }, { token });
        const feed = await listen(there, 'news');
        await assert.rejects(() => listen(there, 'task'), { code: 103 });
        const { id } = await create(ann, 'news', { title: 'own draft' });
        assert.deepEqual((await feed.upTo(await fence(bob))).slice(0, -1), [`create ${id}`]);
        feed.subscription.unsubscribe();
        await remove(ann, 'news', id);
      });

      it('a connection that goes on with another token begins anew with its rights', async (test) => {
        const tokens = [];
        for (const name of ['first', 'second']) {
          const made = await ann.api('POST', '/token', { name: `${name} on ${place}`, scopes: { news: ['read'] } });
          tokens.push(must(made, 201, 'token').body);
        }
        const socket = await rawConnect(nodes[place].url);
        await socket.connect({ token: tokens[0].token });
        assert.ok((await socket.call('subscribe', { channel: 'model:news' })).subscribe);
        assert.ok((await socket.call('refresh', { token: tokens[1].token })).refresh);
        assert.equal((await socket.push('model:news')).unsubscribe.code, 2500);
        assert.ok((await socket.call('subscribe', { channel: 'model:news' })).subscribe);
        await remove(ann, 'token', tokens[0].id);
        const { id } = await create(ann, 'news', { title: 'for the second' });
        assert.equal((await socket.push('model:news')).pub.data.record.id, id);
        await remove(ann, 'news', id);
        await socket.close();
      });

      it('after many random changes everybody has heard of exactly what they can read', async () => {
        const people = [ann, bob, eve];
        const listeners = await Promise.all(people.map(async (who) => listen(await connect(who), 'news')));
        const copies = [];
        for (const who of people) copies.push(new Map((await all(who, 'news')).map((row) => [row.id, row])));
        let seed = 7;
        const below = (count) => (seed = (seed * 48271) % 2147483647) % count;
        const rows = [];
        for (let i = 0; i < 120; i++) {
          const who = people[below(3)];
          const own = rows.filter((row) => row.author === who.id);
          const row = own[below(own.length || 1)];
          const published = below(2) === 1;
          if (!row || below(3) === 0) rows.push(await create(who, 'news', { title: `row ${i}`, published }));
          else if (below(4) === 0) {
            await remove(who, 'news', row.id);
            rows.splice(rows.indexOf(row), 1);
          } else await update(who, 'news', row.id, { title: `row ${i}`, published });
        }
        const last = await fence(ann);
        for (const [i, listener] of listeners.entries()) {
          await listener.upTo(last);
          for (const { action, record } of listener.heard.items) {
            assert.equal(copies[i].has(record.id), action !== 'create', `${action} ${record.id}`);
            if (action === 'delete') copies[i].delete(record.id);
            else copies[i].set(record.id, record);
          }
          const shown = await all(people[i], 'news');
          assert.deepEqual([...copies[i].values()].sort((a, b) => a.id - b.id), shown);
          listener.subscription.unsubscribe();
        }
      });
    });
  }

  it('what is open to everyone is heard by those who are not signed in, as far as they may read', async () => {
    await grant(root, 'everyone', 'news', ['read']);
    for (const node of [nodes.home, nodes.edge]) {
      const stranger = await listen(await open(node, { name: 'nobody', cookie: '' }), 'news');
      const draft = await create(ann, 'news', { title: 'a draft' });
      const { id } = await create(ann, 'news', { title: `for everyone ${node.port}`, published: true });
      assert.deepEqual(await stranger.upTo(`for everyone ${node.port}`), [`create ${id}`]);
      await remove(ann, 'news', draft.id);
      stranger.subscription.unsubscribe();
    }
    await grant(root, 'everyone', 'news', []);
  });
});

async function all(who, model) {
  const items = [];
  for (let cursor = ''; cursor !== null; ) {
    const page = must(await who.api('GET', `/${model}?sort=id&limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`), 200, 'list').body;
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}

it('an edge that was away lets its listeners begin anew, and goes on', async (test) => {
  const redis = await startRedis();
  const proxy = await startProxy(redis);
  test.after(() => (proxy.close(), redis.stop()));
  const nodes = await startNodes({ test, redis, edgeRedis: proxy, flags: { 'data.schema': modelsFolder() } });
  const ann = await register(nodes.home.url, 'ann');
  const anns = await listen(await open(nodes.edge, ann), 'task');
  const begun = () => anns.seen.items.filter((item) => item.name === 'subscribed').length;
  /* A row is heard of, or the listener is told to begin anew, which it may be more than once; then another row is made. */
  const hears = async (title) => {
    for (let number = 1; ; number++) {
      const before = begun();
      await create(ann, 'task', { title: `${title} ${number}` });
      const isHeard = () => anns.heard.items.some((item) => item.record.title === `${title} ${number}`);
      await untilAnswer(`${title}, or a new beginning`, async () => isHeard() || begun() > before, Boolean);
      if (isHeard()) return;
    }
  };
  await hears('first');

  proxy.cut();
  await create(ann, 'task', { title: 'perhaps lost' });

  await anns.seen.until('2500', (items) => items.find((item) => item.name === 'subscribing' && item.code === 2500));
  await hears('last');
  assert.ok(begun() >= 2);
});
