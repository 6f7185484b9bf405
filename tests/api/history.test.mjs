// What happened to a row, and what hangs on it: for those who may see the row, and only as far as they may.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { anonymous, must, register } from './lib/client.mjs';
import { modelsFolder } from './lib/models.mjs';
import { UNLIMITED } from './lib/nodes.mjs';
import { rawConnect, startServer } from './lib/server.mjs';

/** Rows of several owners, of which some fields are for some, and which one can hide. */
const entry = {
  type: 'object',
  required: ['text'],
  properties: {
    text: { type: 'string', maxLength: 1000 },
    owner: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
    note: { type: ['string', 'null'] },
    pin: { type: ['string', 'null'], writeOnly: true },
    hides: { type: 'boolean', default: false },
    words: { type: 'array', items: { type: 'string' }, default: [] },
    up: { type: ['integer', 'null'], 'x-references': 'entry', 'x-on-delete': 'set-null' },
    kept: { type: ['integer', 'null'], 'x-references': 'entry' },
  },
  'x-rules': { read: { any: [{ hides: false }, { owner: '$me' }] }, create: { text: { not: 'forbidden' } } },
  'x-fields': { note: { read: { owner: '$me' } } },
  'x-grants': { members: ['read', 'write', 'delete'] },
};
const part = {
  type: 'object',
  required: ['entry'],
  properties: { entry: { type: 'integer', 'x-references': 'entry', 'x-on-delete': 'cascade' } },
  'x-grants': { members: ['read', 'write', 'delete'] },
};
const secret = { ...part, 'x-grants': { members: [] } };
const fleeting = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string' } },
  'x-history': false,
  'x-grants': { members: ['read', 'write', 'delete'] },
};

describe('what belongs to a row', () => {
  let server, root, ann, bob;
  before(async () => {
    server = await startServer({ schema: modelsFolder({ entry, part, secret, fleeting }), flags: UNLIMITED });
    root = await firstAdministrator(server);
    [ann, bob] = [await register(server.url, 'ann'), await register(server.url, 'bob')];
  });
  after(() => server?.stop());

  const make = async (who, row, model = 'entry') => must(await who.api('POST', `/${model}`, row), 201, `create ${model}`).body;
  const change = async (who, id, row) => must(await who.api('PATCH', `/entry/${id}`, row), 200, 'update').body;
  const remove = async (who, id) => must(await who.api('DELETE', `/entry/${id}`), 204, 'delete');
  const history = async (who, id, query = '') => must(await who.api('GET', `/entry/${id}/history${query}`), 200, 'history').body;
  const same = (answer) => ({ ...answer.body, request_id: null });

  describe('the history', () => {
    it('has an entry for each change, the newest first, with what was and what is', async () => {
      const { id } = await make(ann, { text: 'one' });
      const second = await change(bob, id, { text: 'two', words: ['a', 'b'] });
      const { items, next } = await history(ann, id);
      assert.equal(next, null);
      assert.deepEqual(items.map(({ version, action, user }) => [version, action, user]), [
        [2, 'update', { id: bob.id, name: 'bob' }],
        [1, 'create', { id: ann.id, name: 'ann' }],
      ]);
      assert.deepEqual(items[0].changes, { text: { from: 'one', to: 'two' }, words: { from: [], to: ['a', 'b'] } });
      assert.deepEqual(items[1].changes, {
        text: { to: 'one' },
        owner: { to: ann.id },
        hides: { to: false },
        words: { to: [] },
      });
      assert.ok(Math.abs(Date.parse(items[0].at) - Date.parse(second.updated_at)) < 10_000);
    });

    it('is the same over the socket, and keeps what was done there', async () => {
      const { id } = await make(ann, { text: 'one' });
      const socket = await rawConnect(server.url, { cookie: ann.cookie });
      await socket.connect();
      await socket.call('rpc', { method: 'entry.update', data: { id, text: 'two' } });
      const answer = await socket.call('rpc', { method: 'entry.history', data: { id } });
      socket.socket.close();
      assert.deepEqual(answer.rpc.data, await history(ann, id));
      assert.equal(answer.rpc.data.items.length, 2);
    });

    it('tells nothing of what was refused, or changed nothing', async () => {
      const { id } = await make(ann, { text: 'one' });
      assert.equal((await ann.api('PATCH', `/entry/${id}`, { text: 'two', colour: 'red' })).status, 422);
      assert.equal((await ann.api('PATCH', `/entry/${id}`, { text: 'two', version: 7 })).status, 412);
      await change(ann, id, { text: 'one' });
      assert.equal((await history(ann, id)).items.length, 1);
      assert.equal((await ann.api('POST', '/entry', { text: 'forbidden' })).status, 403);
    });

    it('of a batch that failed is as if it had never been', async () => {
      const { id } = await make(ann, { text: 'one' });
      const operations = (text) => ({
        operations: [
          { action: 'entry.update', params: { id, text: 'two' } },
          { action: 'entry.create', params: { text } },
        ],
      });
      assert.equal((await ann.api('POST', '/batch', operations('forbidden'))).status, 403);
      assert.equal((await history(ann, id)).items.length, 1);
      must(await ann.api('POST', '/batch', operations('allowed')), 200, 'batch');
      assert.deepEqual((await history(ann, id)).items.map(({ action }) => action), ['update', 'create']);
    });

    it('is written once when a create is sent again with its key', async () => {
      const headers = { 'Idempotency-Key': 'once' };
      const { id } = must(await ann.api('POST', '/entry', { text: 'one' }, headers), 201, 'create').body;
      must(await ann.api('POST', '/entry', { text: 'one' }, headers), 201, 'create');
      assert.equal((await history(ann, id)).items.length, 1);
    });

    it('leaves out fields that the asker may not read, and those that nobody may', async () => {
      const { id } = await make(ann, { text: 'one', note: 'mine', pin: 'very secret' });
      await change(ann, id, { note: 'still mine', pin: 'another secret' });
      const [ofAnn, ofBob, ofRoot] = [await history(ann, id), await history(bob, id), await history(root, id)];
      assert.deepEqual(ofAnn.items[0].changes, { note: { from: 'mine', to: 'still mine' } });
      assert.deepEqual(ofBob.items[0].changes, {});
      assert.equal(ofBob.items[1].changes.note, undefined);
      assert.deepEqual(ofRoot.items[0].changes, ofAnn.items[0].changes);
      for (const page of [ofAnn, ofBob, ofRoot]) assert.doesNotMatch(JSON.stringify(page), /secret/);
    });

    it('of a row that one may not see is that of none', async () => {
      const { id } = await make(ann, { text: 'one' });
      await change(ann, id, { hides: true });
      const [hidden, missing] = [await bob.api('GET', `/entry/${id}/history`), await bob.api('GET', '/entry/999999/history')];
      assert.equal(hidden.status, 404);
      assert.deepEqual(same(hidden), same(missing));
      assert.equal((await history(ann, id)).items.length, 2);
    });

    it('does not tell later what was in a row while one could not see it', async () => {
      const { id } = await make(ann, { text: 'a draft', hides: true });
      await change(ann, id, { text: 'another draft' });
      await change(ann, id, { text: 'fine', hides: false });
      await change(bob, id, { text: 'finer' });
      await change(ann, id, { hides: true });
      await change(ann, id, { text: 'a quarrel' });
      await change(ann, id, { text: 'finest', hides: false });
      const { items } = await history(bob, id);
      assert.deepEqual(items.map(({ version, changes }) => [version, changes]), [
        [7, { text: { to: 'finest' }, hides: { to: false } }],
        [5, { hides: { from: false } }],
        [4, { text: { from: 'fine', to: 'finer' } }],
        [3, { text: { to: 'fine' }, hides: { to: false } }],
      ]);
      const pages = [];
      for (let cursor = ''; cursor !== null; ) {
        const page = await history(bob, id, `?limit=1${cursor && `&cursor=${cursor}`}`);
        pages.push(...page.items);
        cursor = page.next;
      }
      assert.deepEqual(pages, items);
      for (const who of [ann, root]) assert.equal((await history(who, id)).items.length, 7);
    });

    it('outlives the row for superusers, and for nobody else', async () => {
      const { id } = await make(ann, { text: 'one', note: 'mine', pin: 'very secret' });
      await remove(ann, id);
      assert.equal((await ann.api('GET', `/entry/${id}/history`)).status, 404);
      const { items } = await history(root, id);
      assert.deepEqual(items.map(({ action, version }) => [action, version]), [['delete', 1], ['create', 1]]);
      assert.deepEqual(items[0].changes.text, { from: 'one' });
      assert.deepEqual(items[0].changes.note, { from: 'mine' });
      assert.equal(items[0].changes.pin, undefined);
      assert.equal((await root.api('GET', '/entry/999999/history')).status, 404);
    });

    it('needs the right to read, and a sign of who asks', async () => {
      const { id } = await make(ann, { text: 'one' });
      assert.equal((await anonymous(server.url).api('GET', `/entry/${id}/history`)).status, 401);
      await make(root, { entry: id }, 'secret');
      assert.equal((await ann.api('GET', '/secret/1/history')).status, 403);
    });

    it('cuts long values after two hundred characters', async () => {
      const { id } = await make(ann, { text: 'ä'.repeat(200) });
      await change(ann, id, { text: '\u{1F600}'.repeat(201), words: ['x'.repeat(300)] });
      const [{ changes }] = (await history(ann, id)).items;
      assert.equal(changes.text.from, 'ä'.repeat(200));
      assert.equal(changes.text.to, `${'\u{1F600}'.repeat(200)}…`);
      assert.equal(changes.words.to, `["${'x'.repeat(198)}…`);
    });

    it('goes page by page, and keeps the newest two hundred', async () => {
      const { id } = await make(ann, { text: '1' });
      for (let at = 2; at <= 203; at += 1) await change(ann, id, { text: String(at) });
      const versions = [];
      let cursor = null;
      do {
        const page = await history(ann, id, `?limit=90${cursor ? `&cursor=${cursor}` : ''}`);
        versions.push(...page.items.map(({ version }) => version));
        cursor = page.next;
      } while (cursor);
      assert.deepEqual(versions, Array.from({ length: 200 }, (_, i) => 203 - i));
    });

    it('refuses pages that are none', async () => {
      const { id } = await make(ann, { text: 'one' });
      const status = async (query) => (await ann.api('GET', `/entry/${id}/history?${query}`)).status;
      assert.deepEqual(
        [await status('limit=0'), await status('limit=201'), await status('cursor=x'), await status('cursor=-1'), await status('sort=id')],
        [422, 422, 400, 400, 422],
      );
      assert.equal(await status(`cursor=${'9'.repeat(18)}`), 200);
      assert.equal(await status(`cursor=${'9'.repeat(19)}`), 400);
    });

    it('names people to those who may read people', async () => {
      const { id } = await make(ann, { text: 'one' });
      await change(bob, id, { text: 'two' });
      must(await root.api('POST', '/grant', { subject: 'members', model: 'user', rights: [] }), 200, 'take');
      const { items } = await history(ann, id);
      must(await root.api('POST', '/grant', { subject: 'members', model: 'user', rights: ['read'] }), 201, 'give');
      assert.deepEqual(items.map(({ user }) => user), [null, { id: ann.id, name: 'ann' }]);
    });

    it('can be switched off by the model', async () => {
      const { id } = await make(ann, { text: 'one' }, 'fleeting');
      assert.equal((await ann.api('GET', `/fleeting/${id}/history`)).status, 404);
      assert.equal((await root.api('GET', `/fleeting/${id}/history`)).status, 404);
    });
  });

  describe('what hangs on it', () => {
    const along = async (who, id) => must(await who.api('GET', `/entry/${id}/along`), 200, 'along').body;

    it('is counted by model and by what becomes of it', async () => {
      const { id } = await make(ann, { text: 'one' });
      assert.deepEqual(await along(ann, id), { items: [] });
      for (let i = 0; i < 3; i += 1) await make(ann, { entry: id }, 'part');
      await make(ann, { text: 'child', up: id });
      await make(ann, { text: 'holder', kept: id, up: id });
      assert.deepEqual((await along(ann, id)).items, [
        { model: 'entry', rows: 1, more: false, on_delete: 'restrict' },
        { model: 'entry', rows: 2, more: false, on_delete: 'set-null' },
        { model: 'part', rows: 3, more: false, on_delete: 'cascade' },
      ]);
      assert.equal((await ann.api('DELETE', `/entry/${id}`)).status, 409);
    });

    it('has no name for those who may not read it, but is counted', async () => {
      const { id } = await make(ann, { text: 'one' });
      await make(root, { entry: id }, 'secret');
      await make(ann, { text: 'hidden', up: id, hides: true });
      assert.deepEqual((await along(bob, id)).items, [
        { model: 'entry', rows: 1, more: false, on_delete: 'set-null' },
        { model: null, rows: 1, more: false, on_delete: 'cascade' },
      ]);
      assert.deepEqual((await along(root, id)).items.map(({ model }) => model), ['entry', 'secret']);
    });

    it('is counted up to a thousand', async () => {
      const { id } = await make(ann, { text: 'one' });
      const operations = Array.from({ length: 100 }, () => ({ action: 'part.create', params: { entry: id } }));
      for (let i = 0; i < 10; i += 1) must(await ann.api('POST', '/batch', { operations }), 200, 'batch');
      assert.deepEqual((await along(ann, id)).items, [{ model: 'part', rows: 1000, more: false, on_delete: 'cascade' }]);
      await make(ann, { entry: id }, 'part');
      assert.deepEqual((await along(ann, id)).items, [{ model: 'part', rows: 1000, more: true, on_delete: 'cascade' }]);
    });

    it('is for those who may delete and see the row', async () => {
      const { id } = await make(ann, { text: 'one', hides: true });
      assert.equal((await bob.api('GET', `/entry/${id}/along`)).status, 404);
      assert.equal((await bob.api('GET', `/entry/${id}/along?limit=1`)).status, 422);
      const news = must(await root.api('POST', '/news', { title: 'x', published: true }), 201, 'news').body;
      assert.equal((await bob.api('GET', `/news/${news.id}/along`)).status, 403);
      assert.equal((await anonymous(server.url).api('GET', `/entry/${id}/along`)).status, 401);
    });
  });
});
