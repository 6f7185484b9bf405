// The five actions that every model has, seen from outside: by REST and as rpc, with every way they can end.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { anonymous, must, register } from './lib/client.mjs';
import { modelsFolder } from './lib/models.mjs';
import { UNLIMITED } from './lib/nodes.mjs';
import { rawConnect, startServer } from './lib/server.mjs';

/** What the repository's models do not have: a secret, a rule on new rows, a field for some, a reference to drafts. */
const entry = {
  type: 'object',
  required: ['text'],
  properties: {
    text: { type: 'string', maxLength: 100 },
    owner: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
    kind: { type: 'string', enum: ['plain', 'official'], default: 'plain' },
    pin: { type: ['string', 'null'], writeOnly: true },
    rank: { type: ['integer', 'null'] },
    about: { type: ['integer', 'null'], 'x-references': 'news', 'x-on-delete': 'set-null' },
    hides: { type: 'boolean', default: false },
    place: { type: ['integer', 'null'], 'x-references': 'room', 'x-on-delete': 'set-null' },
  },
  'x-rules': { read: { hides: false }, create: { kind: 'plain' } },
  'x-fields': { rank: { write: { $right: 'delete' } } },
  'x-grants': { members: ['read', 'write'] },
};

/** Rows that keep what they refer to. */
const booking = {
  type: 'object',
  required: ['room'],
  properties: { room: { type: 'integer', 'x-references': 'room' } },
  'x-grants': { members: ['read', 'write', 'delete'] },
};

describe('the actions of models', () => {
  let server, root, ann, bob;
  before(async () => {
    server = await startServer({ schema: modelsFolder({ entry, booking }), flags: UNLIMITED });
    root = await firstAdministrator(server);
    [ann, bob] = [await register(server.url, 'ann'), await register(server.url, 'bob')];
    must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read', 'write', 'delete'] }), 201, 'grant');
  });
  after(() => server?.stop());

  const make = async (who, model, row) => must(await who.api('POST', `/${model}`, row), 201, `create ${model}`).body;
  const draft = (who, more = {}) => make(who, 'news', { title: 'a draft', ...more });
  const pointers = (answer) => answer.body.errors.map((error) => error.pointer);
  const same = (answer) => ({ ...answer.body, request_id: null });

  describe('create', () => {
    it('answers 201 with the row, its place and its version', async () => {
      const answer = await ann.api('POST', '/news', { title: 'hello', published: true });
      assert.equal(answer.status, 201);
      const { id, created_at: at, ...rest } = answer.body;
      assert.equal(answer.headers.location, `/api/v1/news/${id}`);
      assert.equal(answer.headers.etag, '"1"');
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual(rest, { updated_at: at, version: 1, title: 'hello', content: '', published: true, author: ann.id });
      assert.deepEqual((await ann.api('GET', `/news/${id}`)).body, answer.body);
    });

    it('answers 422 with a pointer to each wrong field', async () => {
      const answer = await ann.api('POST', '/news', { title: '', published: 'yes', author: bob.id, colour: 'red', id: 7, version: 1 });
      assert.equal(answer.status, 422);
      assert.deepEqual(pointers(answer).sort(), ['/author', '/colour', '/id', '/published', '/title', '/version']);
    });

    it('answers 401 to a stranger and 403 to who may not write', async () => {
      assert.equal((await anonymous(server.url).api('POST', '/news', { title: 'x' })).status, 401);
      must(await root.api('POST', '/grant', { subject: `user:${bob.id}`, model: 'audit', rights: ['read'] }), 201, 'grant');
      const answer = await bob.api('POST', '/audit', { action: 'x' });
      assert.ok(answer.status === 405 || answer.status === 403, String(answer.status));
    });

    it('answers 403 if the rule for new rows says no, and nothing is made', async () => {
      const answer = await ann.api('POST', '/entry', { text: 'x', kind: 'official' });
      assert.equal(answer.status, 403);
      assert.match(answer.body.detail, /"entry"/);
      assert.equal((await root.api('GET', '/entry?kind=official&count=true')).body.count, 0);
      await make(root, 'entry', { text: 'by the administrator', kind: 'official' });
    });

    it('answers 403 to a field that one may not set', async () => {
      const answer = await ann.api('POST', '/entry', { text: 'x', rank: 3 });
      assert.equal(answer.status, 403);
      assert.deepEqual(pointers(answer), ['/rank']);
      assert.equal((await make(root, 'entry', { text: 'x', rank: 3 })).rank, 3);
    });

    it('answers 409 with the field whose value another row has', async () => {
      await make(ann, 'task', { title: 'a', code: 'WEB-1' });
      const answer = await bob.api('POST', '/task', { title: 'b', code: 'WEB-1' });
      assert.equal(answer.status, 409);
      assert.deepEqual(pointers(answer), ['/code']);
    });

    it('answers 422 in the same words to a reference to nothing and to one that is not to be seen', async () => {
      const { id } = await draft(ann);
      const answers = [];
      for (const news of [id, 999999]) answers.push(await bob.api('POST', '/comment', { news, text: 'hm' }));
      assert.deepEqual(answers.map((answer) => answer.status), [422, 422]);
      assert.deepEqual(same(answers[0]), same(answers[1]));
      assert.deepEqual(pointers(answers[0]), ['/news']);
      assert.equal((await make(ann, 'comment', { news: id, text: 'mine' })).news, id);
    });

    it('who may not see the new row gets its id only', async () => {
      const answer = await ann.api('POST', '/entry', { text: 'hidden at once', hides: true });
      assert.equal(answer.status, 201);
      assert.deepEqual(Object.keys(answer.body), ['id']);
    });
  });

  describe('detail', () => {
    it('answers 404 in the same words to a row that is absent and to one that is not to be seen', async () => {
      const { id } = await draft(ann);
      const [hidden, absent] = [await bob.api('GET', `/news/${id}`), await bob.api('GET', '/news/999999')];
      assert.deepEqual([hidden.status, absent.status], [404, 404]);
      assert.deepEqual(same(hidden), same(absent));
      assert.equal((await root.api('GET', `/news/${id}`)).status, 200);
    });

    it('answers 304 to who has the version', async () => {
      const { id } = await draft(ann);
      const answer = await ann.api('GET', `/news/${id}`, undefined, { 'If-None-Match': 'W/"7", "1"' });
      assert.deepEqual([answer.status, answer.text, answer.headers.etag], [304, '', '"1"']);
      assert.equal((await ann.api('GET', `/news/${id}`, undefined, { 'If-None-Match': '"2"' })).status, 200);
      assert.equal((await bob.api('GET', `/news/${id}`, undefined, { 'If-None-Match': '*' })).status, 404);
    });

    it('never shows what is write-only, not to an administrator either', async () => {
      const row = await make(ann, 'entry', { text: 'x', pin: '1234' });
      assert.equal('pin' in row, false);
      for (const who of [ann, root]) assert.doesNotMatch((await who.api('GET', `/entry/${row.id}`)).text, /1234|pin/);
      assert.doesNotMatch((await root.api('GET', '/entry')).text, /1234|pin/);
    });

    it('refuses parameters that it does not know', async () => {
      const { id } = await draft(ann);
      assert.equal((await ann.api('GET', `/news/${id}?colour=red`)).status, 422);
    });
  });

  describe('update', () => {
    it('changes what was sent and counts the version up', async () => {
      const { id, created_at: at } = await draft(ann, { content: 'as before' });
      const answer = await ann.api('PATCH', `/news/${id}`, { title: 'better' });
      assert.deepEqual([answer.status, answer.headers.etag], [200, '"2"']);
      const { title, content, version, created_at: then } = answer.body;
      assert.deepEqual({ title, content, version, then }, { title: 'better', content: 'as before', version: 2, then: at });
    });

    it('to send what is there already changes nothing', async () => {
      const { id, updated_at: at } = await draft(ann);
      const { body } = must(await ann.api('PATCH', `/news/${id}`, { title: 'a draft', published: false }), 200, 'no change');
      assert.deepEqual([body.version, body.updated_at], [1, at]);
      assert.equal(must(await ann.api('PATCH', `/news/${id}`, {}), 200, 'nothing').body.version, 1);
    });

    it('the version does not tell whether a hidden value was guessed', async () => {
      const { id } = await make(ann, 'entry', { text: 'x', pin: '1234' });
      const versions = [];
      for (const pin of ['1234', '0000', '0000']) versions.push(must(await ann.api('PATCH', `/entry/${id}`, { pin }), 200, 'pin').body.version);
      assert.deepEqual(versions, [2, 3, 4]);
    });

    it('answers 404 to a row that is not to be seen, and 403 to one that is', async () => {
      const [hidden, shown] = [await draft(ann), await draft(ann, { published: true })];
      const answers = [];
      for (const id of [hidden.id, 999999, shown.id]) answers.push(await bob.api('PATCH', `/news/${id}`, { title: 'mine' }, { 'If-Match': '"9"' }));
      assert.deepEqual(answers.map((answer) => answer.status), [404, 404, 403]);
      assert.deepEqual(same(answers[0]), same(answers[1]));
      assert.match(answers[2].body.detail, /rules of "news"/);
      assert.equal((await ann.api('GET', `/news/${shown.id}`)).body.title, 'a draft');
    });

    it('answers 412 if somebody else was faster', async () => {
      const { id } = await draft(ann);
      for (const [headers, body, status] of [
        [{ 'If-Match': '"2"' }, { title: 'b' }, 412],
        [{}, { title: 'b', version: 2 }, 412],
        [{ 'If-Match': '"1"' }, { title: 'b' }, 200],
        [{}, { title: 'c', version: 2 }, 200],
        [{ 'If-Match': '*' }, { title: 'd' }, 200],
      ])
        assert.equal((await ann.api('PATCH', `/news/${id}`, body, headers)).status, status, JSON.stringify([headers, body]));
    });

    it('null empties a field that may be empty, and is refused elsewhere', async () => {
      const { id } = await make(ann, 'task', { title: 'x', hours: 2 });
      assert.equal(must(await ann.api('PATCH', `/task/${id}`, { hours: null }), 200, 'empty').body.hours, null);
      assert.deepEqual(pointers(must(await ann.api('PATCH', `/task/${id}`, { title: null }), 422, 'required')), ['/title']);
    });

    it('answers 409 and 422 as create does', async () => {
      await make(ann, 'task', { title: 'a', code: 'WEB-7' });
      const { id } = await make(ann, 'task', { title: 'b', code: 'WEB-8' });
      const taken = await ann.api('PATCH', `/task/${id}`, { code: 'WEB-7' });
      assert.deepEqual([taken.status, pointers(taken)], [409, ['/code']]);
      assert.equal((await ann.api('PATCH', `/task/${id}`, { code: 'WEB-8', title: 'c' })).status, 200);
      const nowhere = await ann.api('PATCH', `/task/${id}`, { assignee: 999999 });
      assert.deepEqual([nowhere.status, pointers(nowhere)], [422, ['/assignee']]);
    });

    it('who hides a row by a change gets no more than its id', async () => {
      const { id } = await make(ann, 'entry', { text: 'x' });
      const answer = await ann.api('PATCH', `/entry/${id}`, { hides: true });
      assert.deepEqual([answer.status, answer.body], [200, { id }]);
      assert.equal((await ann.api('PATCH', `/entry/${id}`, { hides: false })).status, 404);
      assert.equal((await root.api('PATCH', `/entry/${id}`, { hides: false })).status, 200);
    });
  });

  describe('delete', () => {
    it('answers 204, then 404', async () => {
      const { id } = await draft(ann);
      const answer = await ann.api('DELETE', `/news/${id}`);
      assert.deepEqual([answer.status, answer.text], [204, '']);
      assert.equal((await ann.api('DELETE', `/news/${id}`)).status, 404);
    });

    it('answers 404, 403 and 412 as update does', async () => {
      const [hidden, shown] = [await draft(ann), await draft(ann, { published: true })];
      assert.equal((await bob.api('DELETE', `/news/${hidden.id}`)).status, 404);
      assert.equal((await bob.api('DELETE', `/news/${shown.id}`)).status, 403);
      assert.equal((await ann.api('DELETE', `/news/${shown.id}`, undefined, { 'If-Match': '"2"' })).status, 412);
      const lacking = await ann.api('DELETE', `/entry/${(await make(ann, 'entry', { text: 'x' })).id}`);
      assert.deepEqual([lacking.status, /^You may not delete entry\./.test(lacking.body.detail)], [403, true]);
    });

    it('answers 409 with the model that still refers to it', async () => {
      const parent = await make(ann, 'task', { title: 'a' });
      const part = await make(ann, 'task', { title: 'b', parent: parent.id });
      const answer = await ann.api('DELETE', `/task/${parent.id}`);
      assert.equal(answer.status, 409);
      assert.match(answer.body.detail, /"task"/);
      must(await ann.api('DELETE', `/task/${part.id}`), 204, 'the part');
      must(await ann.api('DELETE', `/task/${parent.id}`), 204, 'now alone');
    });

    it('what belongs to it goes along, what only mentions it is emptied and has a new version', async () => {
      const { id } = await draft(ann, { published: true });
      const comment = await make(bob, 'comment', { news: id, text: 'hm' });
      const mention = await make(bob, 'entry', { text: 'see there', about: id });
      must(await ann.api('DELETE', `/news/${id}`), 204, 'delete');
      assert.equal((await bob.api('GET', `/comment/${comment.id}`)).status, 404);
      const { about, version } = (await bob.api('GET', `/entry/${mention.id}`)).body;
      assert.deepEqual({ about, version }, { about: null, version: 2 });
    });
  });

  describe('list', () => {
    it('shows what may be seen, and counts no more', async () => {
      const [hidden, shown] = [await draft(ann), await draft(ann, { published: true })];
      const page = must(await bob.api('GET', '/news?limit=200&count=true'), 200, 'list').body;
      const ids = page.items.map((item) => item.id);
      assert.ok(ids.includes(shown.id) && !ids.includes(hidden.id));
      assert.equal(page.count, page.items.length);
      assert.equal(page.next, null);
    });

    it('pages come one after the other until the last', async () => {
      for (let i = 0; i < 5; i++) await make(ann, 'task', { title: 'paged', priority: 5 });
      const seen = [];
      let cursor = null;
      do {
        const query = `title=paged&limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
        const page = must(await ann.api('GET', `/task?${query}`), 200, 'page').body;
        assert.ok(page.items.length <= 2);
        seen.push(...page.items.map((item) => item.id));
        cursor = page.next;
      } while (cursor);
      assert.equal(seen.length, 5);
      assert.equal(new Set(seen).size, 5);
    });

    it('expand puts the row in the place of its id, as far as it may be seen', async () => {
      const secret = await draft(ann);
      const open = await draft(ann, { published: true, title: 'expanded' });
      for (const about of [secret.id, open.id]) await make(ann, 'entry', { text: 'expand me', about });
      const items = (who) => who.api('GET', '/entry?text=expand%20me&expand=about,owner&fields=id,about,owner').then((answer) => must(answer, 200, 'list').body.items);
      for (const [who, first] of [[ann, 'a draft'], [bob, undefined]]) {
        const [one, two] = await items(who);
        assert.equal(one.about.title, first);
        if (who === bob) assert.equal(one.about, secret.id);
        assert.equal(two.about.title, 'expanded');
        assert.deepEqual([two.owner.id, two.owner.name], [ann.id, 'ann']);
        assert.equal('email' in two.owner, who === ann);
      }
      must(await root.api('POST', '/grant', { subject: 'members', model: 'user', rights: [] }), 200, 'nobody reads people');
      assert.equal((await items(bob))[1].owner, ann.id);
      must(await root.api('POST', '/grant', { subject: 'members', model: 'user', rights: ['read'] }), 201, 'as before');
    });

    it('answers 400 to what it does not know, and so to a hidden field', async () => {
      for (const query of ['colour=red', 'sort=colour', 'fields=colour', 'expand=title', 'limit=0', 'pin=1234', 'sort=pin', 'fields=pin'])
        assert.equal((await ann.api('GET', `/entry?${query}`)).status, 400, query);
    });
  });

  it('the same actions are methods of the WebSocket, with the same answers', async () => {
    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    await socket.connect();
    const call = async (method, data) => {
      const reply = await socket.call('rpc', { method, data });
      return reply.error ? { code: reply.error.code, problem: JSON.parse(reply.error.message) } : reply.rpc.data;
    };
    const row = await call('news.create', { title: 'by rpc', published: true });
    assert.deepEqual(row, (await ann.api('GET', `/news/${row.id}`)).body);
    assert.deepEqual(await call('news.detail', { id: row.id }), row);
    assert.equal((await call('news.update', { id: row.id, title: 'again', version: 1 })).version, 2);
    assert.equal((await call('news.update', { id: row.id, title: 'late', version: 1 })).code, 412);
    assert.equal((await call('news.update', { id: row.id, title: 'late', if_match: '"1"' })).code, 412);
    assert.equal((await call('news.update', { id: 999999, title: 'x' })).code, 102);
    assert.deepEqual((await call('news.create', { title: 7 })).problem.errors.map((error) => error.pointer), ['/title']);
    assert.equal((await call('news.create', {})).code, 107);
    assert.ok((await call('news.list', { limit: 3, published: true })).items.length > 0);
    assert.equal((await call('entry.delete', { id: 1 })).code, 103);
    assert.equal((await call('task.create', { title: 'x', code: 'WEB-1' })).code, 409);
    assert.deepEqual(await call('news.delete', { id: row.id }), {});
    assert.equal((await call('news.detail', { id: row.id })).code, 102);
    await socket.close();
  });

  it('a room that is deleted leaves no row behind that is another under the same version', async () => {
    const room = must(await ann.api('POST', '/room', { kind: 'public', name: 'short-lived' }), 201, 'room').body.id;
    const row = must(await ann.api('POST', '/entry', { text: 'here', place: room }), 201, 'entry').body;
    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    await socket.connect();
    assert.ok((await socket.call('subscribe', { channel: 'model:entry' })).subscribe);
    must(await ann.api('DELETE', `/room/${room}`), 204, 'delete');
    const after = must(await ann.api('GET', `/entry/${row.id}`), 200, 'entry');
    assert.deepEqual([after.body.place, after.body.version, after.headers.etag], [null, row.version + 1, `"${row.version + 1}"`]);
    assert.deepEqual((await socket.push('model:entry')).pub.data, { action: 'update', record: after.body });
    await socket.close();
  });

  it('a room that rows refer to is not deleted, and the refusal says which rows', async () => {
    const room = must(await ann.api('POST', '/room', { kind: 'public', name: 'booked' }), 201, 'room').body.id;
    const row = must(await bob.api('POST', '/booking', { room }), 201, 'booking').body;
    const refused = must(await ann.api('DELETE', `/room/${room}`), 409, 'delete');
    assert.match(refused.body.detail, /"booking"/);
    must(await bob.api('DELETE', `/booking/${row.id}`), 204, 'delete the booking');
    must(await ann.api('DELETE', `/room/${room}`), 204, 'delete');
  });
});
