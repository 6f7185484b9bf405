// What a page of forms and permissions is made of: which models there are for somebody, what may be done with each row,
// and the description of some models only.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { anonymous, must, register, request } from './lib/client.mjs';
import { modelsFolder } from './lib/models.mjs';
import { UNLIMITED } from './lib/nodes.mjs';
import { having, resolved } from './lib/openapi.mjs';
import { rawConnect, startServer } from './lib/server.mjs';

const owner = { owner: '$me' };
const entry = {
  title: 'Entry',
  type: 'object',
  required: ['text'],
  properties: {
    text: { type: 'string' },
    owner: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
    rank: { type: ['integer', 'null'] },
    pin: { type: ['string', 'null'], writeOnly: true },
    mine: { type: ['string', 'null'] },
    staff: { type: ['string', 'null'] },
    open: { type: 'boolean', default: false },
  },
  'x-rules': { update: { any: [owner, { open: true }] }, delete: owner },
  'x-fields': {
    rank: { write: { $right: 'delete' } },
    mine: { read: owner, write: owner },
    staff: { read: { $right: 'grant' } },
  },
  'x-grants': { members: ['read', 'write'] },
};

describe('models for those who ask', () => {
  let server, root, ann, bob;
  before(async () => {
    server = await startServer({ schema: modelsFolder({ entry }), flags: UNLIMITED });
    root = await firstAdministrator(server);
    [ann, bob] = [await register(server.url, 'ann'), await register(server.url, 'bob')];
  });
  after(() => server?.stop());

  const grant = async (subject, model, rights) => {
    const { status, text } = await root.api('POST', '/grant', { subject, model, rights });
    assert.ok([200, 201].includes(status), text);
  };
  const models = async (who, query = '') => must(await who.api('GET', `/model${query}`), 200, 'models').body;
  const names = (page) => page.items.map(({ name }) => name);

  describe('the list', () => {
    it('has what somebody holds any right on, by name, with the rights', async () => {
      const { items, next } = await models(ann);
      assert.equal(next, null);
      assert.deepEqual(names({ items }), [...names({ items })].sort());
      const mine = (must(await ann.api('GET', '/me'), 200, 'me').body).permissions;
      assert.deepEqual(Object.fromEntries(items.map(({ name, rights }) => [name, rights])), mine);
      assert.ok(!names({ items }).includes('audit'));
    });

    it('says of each how it is shown and what can be done', async () => {
      const { items } = await models(ann);
      const found = (name) => items.find((model) => model.name === name);
      const { description, ...news } = found('news');
      assert.match(description, /hear of/);
      assert.deepEqual(news, {
        name: 'news',
        title: 'News',
        label: 'title',
        list: ['title', 'author', 'published', 'created_at'],
        search: true,
        builtin: false,
        feed: true,
        actions: ['list', 'detail', 'create', 'update', 'delete'],
        rights: ['read'],
      });
      assert.deepEqual(found('entry').list, ['text', 'owner', 'rank', 'mine', 'staff', 'open']);
      assert.equal(found('entry').label, 'id');
      assert.equal(found('entry').description, '');
      assert.deepEqual(['room', 'user', 'entry'].map((name) => found(name).feed), [false, true, true]);
      assert.deepEqual([found('room').builtin, found('room').actions], [true, ['list', 'detail', 'create', 'update', 'delete']]);
    });

    it('has all models for superusers', async () => {
      const all = names(await models(root));
      for (const name of ['audit', 'comment', 'entry', 'grant', 'group', 'news', 'room', 'session', 'task', 'user'])
        assert.ok(all.includes(name), name);
      for (const { rights } of (await models(root)).items) assert.deepEqual(rights, ['read', 'write', 'delete', 'grant']);
    });

    it('follows a right that is given and taken', async () => {
      await grant(`user:${bob.id}`, 'audit', ['read', 'grant']);
      assert.deepEqual((await models(bob)).items.find(({ name }) => name === 'audit').rights, ['read', 'grant']);
      assert.deepEqual(names(await models(bob, '?grantable=true')), ['audit']);
      assert.deepEqual(names(await models(ann, '?grantable=true')), []);
      await grant(`user:${bob.id}`, 'audit', []);
      assert.ok(!names(await models(bob)).includes('audit'));
    });

    it('is the same over the socket, and nothing for strangers', async () => {
      const socket = await rawConnect(server.url, { cookie: ann.cookie });
      await socket.connect();
      const answer = await socket.call('rpc', { method: 'model.list', data: {} });
      socket.socket.close();
      assert.deepEqual(answer.rpc.data, await models(ann));
      assert.equal((await anonymous(server.url).api('GET', '/model')).status, 401);
      assert.equal((await ann.api('GET', '/model?q=x')).status, 422);
      assert.equal((await ann.api('GET', '/model?grantable=x')).status, 422);
    });
  });

  describe('what one may do with a row', () => {
    const make = async (who, row) => must(await who.api('POST', '/entry', row), 201, 'create').body;
    const detail = async (who, id) => must(await who.api('GET', `/entry/${id}?may=true`), 200, 'detail').body;
    const listed = async (who, id, more = '') =>
      must(await who.api('GET', `/entry?id=${id}&may=true${more}`), 200, 'list').body.items[0];
    const all = ['text', 'rank', 'pin', 'mine', 'staff', 'open'];

    it('is in the row and in the list, and the same', async () => {
      const { id } = await make(ann, { text: 'x' });
      const expected = {
        ann: { update: true, delete: false, fields: ['text', 'pin', 'mine', 'open'] },
        bob: { update: false, delete: false, fields: [] },
        root: { update: true, delete: true, fields: all },
      };
      for (const [name, who] of Object.entries({ ann, bob, root })) {
        assert.deepEqual((await detail(who, id)).may, expected[name], name);
        assert.deepEqual((await listed(who, id)).may, expected[name], name);
      }
      assert.equal((await ann.api('GET', `/entry/${id}`)).body.may, undefined);
      assert.equal((await ann.api('GET', `/entry/${id}?may=false`)).body.may, undefined);
    });

    it('is what a change then meets', async () => {
      await grant(`user:${bob.id}`, 'entry', ['delete']);
      const rows = [await make(ann, { text: 'a', open: true }), await make(ann, { text: 'b' }), await make(bob, { text: 'c' })];
      const values = { text: 'new', rank: 7, pin: 'p', mine: 'm', staff: 's', open: true };
      for (const { id } of rows)
        for (const who of [ann, bob]) {
          const { may } = await detail(who, id);
          for (const name of all) {
            const { status } = await who.api('PATCH', `/entry/${id}`, { [name]: values[name] === true ? (await detail(who, id)).open : values[name] });
            const isSet = status === 200;
            // What is as it was is no change, and allowed to whoever may change the row.
            if (name !== 'open') assert.equal(isSet, may.fields.includes(name), `${who.name} ${id} ${name}`);
            else assert.equal(isSet, may.update, `${who.name} ${id} ${name}`);
          }
        }
      for (const { id } of rows)
        for (const who of [ann, bob]) {
          const row = await who.api('GET', `/entry/${id}?may=true`);
          if (row.status === 404) continue;
          assert.equal((await who.api('DELETE', `/entry/${id}`)).status === 204, row.body.may.delete, `${who.name} ${id}`);
        }
      await grant(`user:${bob.id}`, 'entry', []);
    });

    it('goes with chosen fields and with rows in place of references', async () => {
      const { id } = await make(ann, { text: 'x', mine: 'm' });
      assert.deepEqual(Object.keys(await listed(ann, id, '&fields=text')), ['text', 'may']);
      assert.deepEqual(Object.keys(await listed(bob, id, '&fields=mine')), ['may']);
      const shown = await listed(ann, id, '&fields=owner&expand=owner');
      assert.equal(shown.owner.name, 'ann');
      assert.equal(shown.may.update, true);
    });

    it('is never answered from what one has', async () => {
      const { id } = await make(ann, { text: 'x' });
      const headers = { 'If-None-Match': '"1"' };
      assert.equal((await bob.api('GET', `/entry/${id}`, undefined, headers)).status, 304);
      const answer = await bob.api('GET', `/entry/${id}?may=true`, undefined, headers);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.etag, '"1"');
    });

    it('is asked for by true or false', async () => {
      const { id } = await make(ann, { text: 'x' });
      assert.equal((await ann.api('GET', `/entry/${id}?may=x`)).status, 422);
      assert.equal((await ann.api('GET', '/entry?may=x')).status, 400);
    });

    it('goes with a list of two hundred rows', async () => {
      for (let i = 0; i < 2; i += 1) {
        const operations = Array.from({ length: 100 }, (_, at) => ({ action: 'entry.create', params: { text: `${i} ${at}` } }));
        must(await ann.api('POST', '/batch', { operations }), 200, 'batch');
      }
      const { items } = must(await ann.api('GET', '/entry?limit=200&sort=-id&may=true'), 200, 'list').body;
      assert.equal(items.length, 200);
      for (const { may } of items) assert.equal(may.update, true);
    });
  });

  describe('the description of some models', () => {
    const describe = (query, headers = {}) => request(`${server.url}/api/v1/openapi.json${query}`, { headers });

    it('has their actions and what these refer to, and no others', async () => {
      const { status, body: document, headers } = await describe('?model=entry,comment');
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/json');
      for (const path of Object.keys(document.paths)) assert.match(path, /^\/api\/v1\/(entry|comment)(\/|$)/);
      assert.deepEqual(document.tags.map(({ name }) => name).sort(), ['comment', 'entry']);
      for (const place of having(document, '$ref')) assert.doesNotThrow(() => resolved(document, place), place.$ref);
      const whole = (await describe('')).body;
      assert.deepEqual(document.components.schemas.entry, whole.components.schemas.entry);
      assert.deepEqual(document.paths['/api/v1/entry/{id}'], whole.paths['/api/v1/entry/{id}']);
      assert.ok(JSON.stringify(document).length < JSON.stringify(whole).length / 2);
    });

    it('has what the applications do with a built-in model', async () => {
      const { body: document } = await describe('?model=room');
      assert.ok(document.paths['/api/v1/room/{id}/join']);
      assert.ok(document.components.schemas.Room);
      assert.equal(document.paths['/api/v1/news'], undefined);
    });

    it('is kept while it is the newest', async () => {
      const first = await describe('?model=entry');
      const again = await describe('?model=entry', { 'If-None-Match': `W/${first.headers.etag}, "x"` });
      assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', first.headers.etag]);
      assert.equal(first.headers['cache-control'], 'no-cache');
      const other = await describe('?model=news', { 'If-None-Match': first.headers.etag });
      assert.equal(other.status, 200);
    });

    it('refuses what is no model with a problem', async () => {
      const refused = async (query) => {
        const { status, headers, body } = await describe(query);
        assert.equal(headers['content-type'], 'application/problem+json');
        assert.equal(body.status, status);
        return status;
      };
      for (const query of ['?model=nothing', '?model=', '?model=entry,', '?model=entry,nothing', '?model=../etc', '?model=%C3%A4'])
        assert.equal(await refused(query), 404, query);
      assert.equal(await refused(`?model=${Array(21).fill('entry').join(',')}`), 400);
      assert.equal(await refused('?model=%zz'), 400);
      assert.equal((await describe('?model=entry&model=news')).status, 200);
      assert.equal((await request(`${server.url}/api/v1/openapi.json?model=entry`, { method: 'HEAD' })).status, 200);
    });
  });
});
