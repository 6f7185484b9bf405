// The feeds of people, groups and grants: who may read the lists hears of what changes in them, on the home and on an
// edge alike, with records as the lists show them.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { PASSWORD, endingSoon } from './lib/client.mjs';
import { anonymous, Log, login, must, open, register, setUpAdministrator, startNodes } from './lib/nodes.mjs';

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
  return { subscription, heard, seen };
}

const words = ({ items }) => items.map(({ action, record }) => `${action} ${record.id}`);

describe('the feeds of people, groups and grants', () => {
  let nodes, root, ann, bob;
  before(async () => {
    nodes = await startNodes();
    root = await setUpAdministrator(nodes.home);
    [ann, bob] = [await register(nodes.home.url, 'ann'), await register(nodes.home.url, 'bob')];
  });
  after(() => nodes?.stop());
  const give = async (who, subject, model, rights, more = {}) => {
    const answer = await who.api('POST', '/grant', { subject, model, rights, ...more });
    assert.ok([200, 201].includes(answer.status), answer.text);
    return answer.body;
  };

  for (const place of ['home', 'edge']) {
    describe(`on the ${place}`, () => {
      const connect = (who) => open(nodes[place], who);
      const hear = async (listener, what, count) => {
        await listener.heard.until(what, (items) => items.length >= count);
        return words(listener.heard);
      };
      const quit = (...listeners) => listeners.forEach(({ subscription }) => subscription.unsubscribe());

      it('an administrator hears of each grant as the list shows it, and of its end', async () => {
        const roots = await listen(await connect(root), 'grant');
        const first = await give(root, 'user:bob', 'room', ['read'], { reason: 'a visit' });
        await hear(roots, 'the grant', 1);
        const listed = must(await root.api('GET', `/grant?user=${bob.id}`), 200, 'list').body.items.find(({ id }) => id === first.id);
        assert.deepEqual(roots.heard.items[0], { action: 'create', record: listed });
        assert.equal(listed.name, 'bob');

        const second = await give(root, 'user:bob', 'room', ['read', 'write']); // in the place of the first
        await hear(roots, 'the second', 3);
        must(await root.api('DELETE', `/grant/${second.id}`), 204, 'take');
        await hear(roots, 'its end', 4);
        const short = must(await endingSoon((until) => root.api('POST', '/grant', { subject: 'user:bob', model: 'room', rights: ['read'], until })), 201, 'a short one').body;
        assert.deepEqual(await hear(roots, 'it ends by itself', 6), [
          `create ${first.id}`, `delete ${first.id}`, `create ${second.id}`, `delete ${second.id}`, `create ${short.id}`, `delete ${short.id}`,
        ]);
        assert.deepEqual(roots.heard.items[1].record, { id: first.id });
        quit(roots);
      });

      it('who may grant on one model hears of its grants and of no others', async () => {
        const own = await give(root, 'user:ann', 'message', ['read', 'grant']);
        const anns = await listen(await connect(ann), 'grant');
        const other = await give(root, 'user:bob', 'room', ['read']);
        const hers = await give(root, 'user:bob', 'message', ['read']);
        assert.deepEqual(await hear(anns, 'the one on her model', 1), [`create ${hers.id}`]);
        await give(root, 'user:ann', 'message', []);
        const end = await anns.seen.until('the end', (items) => items.find((item) => item.name === 'unsubscribed'));
        assert.equal(end.code, 2000);
        await give(root, 'user:bob', 'message', []);
        await give(root, 'user:bob', 'room', []);
        assert.deepEqual(words(anns.heard).filter((word) => ![own.id, hers.id].includes(Number(word.split(' ')[1]))), []);
        assert.ok(other.id);
      });

      it('groups and who is in them are heard of by administrators', async () => {
        const chat = await connect(root);
        const [roots, grants] = [await listen(chat, 'group'), await listen(chat, 'grant')];
        const { id } = must(await root.api('POST', '/group', { name: `writers on ${place}` }), 201, 'group').body;
        await hear(roots, 'the group', 1);
        must(await root.api('POST', `/group/${id}/member`, { user: bob.id }), 204, 'join');
        await hear(roots, 'bob', 2);
        const shown = must(await root.api('GET', `/group/${id}`), 200, 'detail').body;
        assert.deepEqual(roots.heard.items[1], { action: 'update', record: shown });
        assert.deepEqual(shown.users, [bob.id]);
        must(await root.api('POST', `/group/${id}/member`, { user: bob.id }), 204, 'again: no change');
        must(await root.api('DELETE', `/group/${id}/member/${bob.id}`), 204, 'part');
        await hear(roots, 'without bob', 3);
        must(await root.api('PATCH', `/group/${id}`, { name: `editors on ${place}` }), 200, 'rename');
        await hear(roots, 'the name', 4);
        must(await root.api('DELETE', `/group/${id}`), 204, 'delete');
        assert.deepEqual(await hear(roots, 'the end', 5), [`create ${id}`, ...Array(3).fill(`update ${id}`), `delete ${id}`]);
        assert.deepEqual(roots.heard.items[2].record.users, []);
        // Its grants are not told one by one.
        await grants.seen.until('grants begin anew', (items) => items.find((item) => item.name === 'subscribing' && item.code === 2500));
        quit(roots, grants);
      });

      it('a batch of grants comes as one, and cuts nobody off who may go on listening', async () => {
        const roots = await listen(await connect(root), 'grant');
        const models = ['room', 'member', 'message', 'user', 'session'];
        const { id } = must(await root.api('POST', '/group', { name: `many on ${place}` }), 201, 'group').body; // what it may do concerns everybody
        const operations = (rights) => models.map((model) => ({ action: 'grant.create', params: { subject: `group:${id}`, model, rights } }));
        must(await root.api('POST', '/batch', { operations: operations(['read']) }), 200, 'give');
        await hear(roots, 'all', models.length);
        must(await root.api('POST', '/batch', { operations: operations([]) }), 200, 'take');
        await hear(roots, 'their ends', models.length * 2);
        assert.deepEqual(roots.heard.items.map(({ action }) => action), [...models.map(() => 'create'), ...models.map(() => 'delete')]);
        assert.deepEqual(roots.seen.items.filter((item) => item.name === 'subscribing' && item.code === 2500), []);
        quit(roots);
      });

      it('people are heard of as reading shows them', async () => {
        const [roots, bobs] = [await listen(await connect(root), 'user'), await listen(await connect(bob), 'user')];
        const name = `cat_${place}`;
        must(await anonymous(nodes.home.url).api('POST', '/register', { name, password: PASSWORD, email: `${name}@example.org` }), 201, 'register');
        await hear(bobs, 'somebody new', 1);
        await hear(roots, 'somebody new', 1);
        const { id } = bobs.heard.items[0].record;
        assert.deepEqual(bobs.heard.items[0].record, must(await bob.api('GET', `/user/${id}`), 200, 'as bob').body);
        assert.deepEqual(roots.heard.items[0].record, must(await root.api('GET', `/user/${id}`), 200, 'as root').body);
        must(await root.api('PATCH', `/user/${id}`, { disabled: true }), 200, 'disable');
        assert.deepEqual(await hear(bobs, 'gone', 2), [`create ${id}`, `delete ${id}`]);
        assert.deepEqual(await hear(roots, 'disabled', 2), [`create ${id}`, `update ${id}`]);
        assert.equal(roots.heard.items[1].record.disabled, true);
        assert.doesNotMatch(JSON.stringify(bobs.heard.items), /example\.org|hash|superuser/);
        assert.doesNotMatch(JSON.stringify(roots.heard.items), /hash/);
        quit(roots, bobs);
      });

      it('nobody else listens to groups and grants', async () => {
        const bobs = await connect(bob);
        await assert.rejects(() => listen(bobs, 'group'), { code: 103 });
        await assert.rejects(() => listen(bobs, 'grant'), { code: 103 });
        await assert.rejects(() => listen(bobs, 'grants'), { code: 103 });
        const made = must(await root.api('POST', '/token', { name: `listens on ${place}`, scopes: { '*': ['read', 'write', 'delete'] } }), 201, 'token').body;
        const token = await open(nodes[place], { name: 'token', cookie: '' }, { token: made.token });
        await assert.rejects(() => listen(token, 'grant'), { code: 103 });
        await assert.rejects(() => listen(token, 'group'), { code: 103 });
      });

      it('an administrator who is one no more hears nothing more', async () => {
        const name = `boss_${place}`;
        const { id } = must(await root.api('POST', '/user', { name, password: PASSWORD, superuser: true }), 201, 'boss').body;
        const bosses = await listen(await connect(await login(nodes.home.url, name, PASSWORD)), 'group');
        must(await root.api('PATCH', `/user/${id}`, { superuser: false }), 200, 'demote');
        const end = await bosses.seen.until('the end', (items) => items.find((item) => item.name === 'unsubscribed'));
        assert.equal(end.code, 2000);
        assert.deepEqual(bosses.heard.items, []);
      });
    });
  }
});
