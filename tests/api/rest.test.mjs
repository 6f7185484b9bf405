// The REST door: every status where it belongs, problems that name the place, answers in order, and the rooms behind it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must, request } from './lib/client.mjs';
import { Raw } from './lib/raw.mjs';
import { anonymous, register, startServer } from './lib/server.mjs';

const pointers = (answer) => (answer.body.errors ?? []).map((error) => error.pointer).sort();

/** A problem document as RFC 9457 has it, with our code. */
function assertProblem(answer, status, code) {
  must(answer, status, code);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.equal(answer.body.type, 'about:blank');
  assert.equal(answer.body.status, status);
  assert.equal(answer.body.code, code);
  assert.ok(answer.body.title.length > 0 && answer.body.detail.length > 0);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
}

describe('REST', () => {
  let server, root, ann, bob, eve, room;
  before(async () => {
    server = await startServer({ flags: { 'http.connections_per_address_max': 0 } });
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
    eve = await register(server.url, 'eve');
    room = must(await ann.api('POST', '/room', { kind: 'public', name: 'general', topic: 'all of it' }), 201, 'room').body;
  });
  after(() => server.stop());

  /** Bytes of a request of ann's. */
  function bytes(method, path, body, headers = {}) {
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const all = {
      Host: `127.0.0.1:${server.port}`, Cookie: ann.cookie, Origin: server.url, 'X-CSRF-Token': ann.csrf,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
      ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${path.startsWith('/api') ? path : `/api/v1${path}`} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
  }
  async function sendRaw(text, options) {
    const raw = new Raw(server.port);
    raw.send(text);
    const answer = await raw.answer(options);
    raw.destroy();
    return answer;
  }

  describe('the door', () => {
    test('what cannot be read is 400', async () => {
      for (const body of ['{', '[]', '"x"', 'null', '{"a":1}{}', '{"text":"x","text":"y"}', '{"text":"\\ud800"}', '{"text":"\\u0000"}', '{"a":1e999}', '{"text":"x",}'])
        assertProblem(await ann.api('POST', `/room/${room.id}/message`, body), 400, 'malformed');
      const raw = new Raw(server.port);
      raw.send(bytes('POST', `/room/${room.id}/message`, '', { 'Content-Length': 14 }), '{"text":"', Buffer.from([0xc3, 0x28, 0xff]), '"}');
      assert.equal((await raw.answer()).status, 400, 'no UTF-8');
      raw.destroy();
      assertProblem(await ann.api('POST', `/room/${room.id}/message?text=x`, { text: 'x' }), 400, 'malformed');
      assertProblem(await ann.api('GET', '/user?name=a&name=b'), 400, 'malformed');
      assertProblem(await ann.api('GET', '/user?name=%ff'), 400, 'malformed');
      const twice = await ann.api('PATCH', `/room/${room.id}`, { id: room.id, topic: 'x' });
      assertProblem(twice, 400, 'malformed');
      assert.equal(twice.body.detail, '"id" is given by the address already.');
    });

    test('who is not known is 401', async () => {
      const stranger = anonymous(server.url);
      for (const [method, path] of [['GET', '/me'], ['GET', '/room'], ['POST', '/room'], ['POST', '/logout'], ['GET', '/grant'], ['GET', '/session'], ['POST', '/me/password']]) {
        const answer = await stranger.api(method, path, method === 'POST' ? {} : undefined);
        assertProblem(answer, 401, 'unauthenticated');
        assert.equal(answer.headers['www-authenticate'], 'Bearer');
      }
    });

    test('what is not there is 404', async () => {
      for (const path of ['/api', '/api/', '/api/v1', '/api/v1/', '/api/v2/me', '/api/v1/nothing', '/api/v1/ME', '/api/v1/me/', '/api/v1/room/01',
        '/api/v1/room/-1', '/api/v1/room/1/nothing', '/api/v1/room/9007199254740993', '/api/v1/room/1.0', '/api/v1/%6de/x'])
        assertProblem(await ann.api('GET', path), 404, 'not_found');
      assertProblem(await ann.api('GET', '/room/999999'), 404, 'not_found');
      assertProblem(await ann.api('POST', '/room/999999/message', { text: 'x' }), 404, 'not_found');
    });

    test('a wrong method is 405 with the right ones', async () => {
      for (const [method, path, allow] of [
        ['DELETE', '/me', 'GET, HEAD, OPTIONS'],
        ['PUT', `/room/${room.id}`, 'GET, HEAD, PATCH, DELETE, OPTIONS'],
        ['GET', '/login', 'POST, OPTIONS'],
        ['PATCH', '/room', 'GET, HEAD, POST, OPTIONS'],
      ]) {
        const answer = await ann.api(method, path);
        assertProblem(answer, 405, 'method_not_allowed');
        assert.equal(answer.headers.allow, allow);
      }
    });

    test('OPTIONS says what is possible, and opens nothing to other sites', async () => {
      const answer = await request(`${server.url}/api/v1/room/${room.id}`, {
        method: 'OPTIONS',
        headers: { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'DELETE' },
      });
      must(answer, 204, 'OPTIONS');
      assert.equal(answer.headers.allow, 'GET, HEAD, PATCH, DELETE, OPTIONS');
      assert.ok(!Object.keys(answer.headers).some((name) => name.startsWith('access-control')));
      must(await request(`${server.url}/api/v1/nothing`, { method: 'OPTIONS' }), 404, 'nothing');
    });

    test('HEAD is GET without the body', async () => {
      for (const path of [`/room/${room.id}`, '/me', '/room/999999']) {
        const get = await sendRaw(bytes('GET', path));
        const head = await sendRaw(bytes('HEAD', path), { head: true });
        assert.equal(head.status, get.status);
        assert.equal(head.headers['content-length'], get.headers['content-length']);
        assert.equal(head.headers['content-type'], get.headers['content-type']);
        assert.equal(head.body, '');
      }
    });

    test('a body without a length is 411, one too large is 413', async () => {
      const none = await sendRaw(bytes('POST', '/room', undefined, { 'Content-Type': 'application/json' }));
      assert.equal(none.status, 411);
      const large = await sendRaw(bytes('POST', '/room', undefined, { 'Content-Type': 'application/json', 'Content-Length': 65537 }));
      assert.equal(large.status, 413);
      assert.equal(large.json().code, 'too_large');
      assert.equal(large.headers.connection, 'close');
      const just = await ann.api('POST', `/room/${room.id}/message`, `{"text":"x"${' '.repeat(65536 - 12)}}`);
      must(just, 201, 'as large as allowed');
      const chunked = await sendRaw(bytes('POST', '/room', undefined, { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }) +
        '1f\r\n{"kind":"public","name":"chunk"\r\n1\r\n}\r\n0\r\n\r\n');
      assert.equal(chunked.status, 201);
    });

    test('a body of another type is 415', async () => {
      for (const type of ['text/plain', 'application/xml', null])
        assert.equal((await sendRaw(bytes('POST', '/room', { kind: 'public', name: 'x' }, { 'Content-Type': type }))).status, 415);
      assert.equal((await sendRaw(bytes('POST', '/room', 'xx', { 'Content-Encoding': 'gzip' }))).status, 415);
    });

    test('fields that are wrong are 422, each with its place', async () => {
      const answer = await ann.api('POST', '/room', { kind: 'secret', name: '', topic: 5, owner: 1, Kind: 'public' });
      assertProblem(answer, 422, 'invalid');
      assert.deepEqual(pointers(answer), ['/Kind', '/kind', '/name', '/owner', '/topic']);
      for (const error of answer.body.errors) assert.ok(error.detail.length > 5);
      const strange = await ann.api('POST', '/room', { kind: 'public', name: 'x1', 'a/b~c': 1, ['ü'.repeat(100)]: 2 });
      assert.deepEqual(pointers(strange)[0], '/a~1b~0c');
      assert.ok(!strange.text.includes('\ufffd'));
    });

    test('unknown parameters are named, wherever they stand', async () => {
      for (const path of ['/me', '/room', '/session', `/room/${room.id}`, `/room/${room.id}/message`, `/room/${room.id}/member`]) {
        const answer = await ann.api('GET', `${path}?lmit=5`);
        assertProblem(answer, 422, 'invalid');
        assert.deepEqual(pointers(answer), ['/lmit'], path);
      }
      for (const path of ['/grant', '/group', '/audit'])
        assert.deepEqual(pointers(await root.api('GET', `${path}?x=1`)), ['/x'], path);
      for (const path of ['/session/1', '/room/999999', '/message/999999'])
        assert.deepEqual(pointers(await ann.api('DELETE', `${path}?force=1`)), ['/force'], path);
      assert.deepEqual(pointers(await root.api('DELETE', '/grant/1?force=1')), ['/force']);
      assert.deepEqual(pointers(await ann.api('POST', '/logout', { everywhere: true })), ['/everywhere']);
    });

    test('numbers in an address are canonical', async () => {
      for (const value of ['0', '201', '-1', '5.0', '05', '+5', '5x', '', '1e2', '%205', '99999999999999999999'])
        assert.deepEqual(pointers(await ann.api('GET', `/room/${room.id}/message?limit=${value}`)), ['/limit'], value);
      must(await ann.api('GET', `/room/${room.id}/message?limit=1`), 200, 'a right one');
    });

    test('who writes too fast gets 429 with a time', async () => {
      const fast = await register(server.url, 'fast');
      must(await fast.api('POST', `/room/${room.id}/join`), 200, 'join');
      let refused;
      let count = 0;
      // Side by side, as one after the other is not too fast on a slow machine; more of them if that was not either.
      for (let many = 60; !refused && many < 1000; many *= 2) {
        const answers = await Promise.all(Array.from({ length: many }, () => fast.api('POST', `/room/${room.id}/message`, { text: 'x' })));
        count += answers.filter(({ status }) => status === 201).length;
        refused = answers.find(({ status }) => status !== 201);
      }
      assert.ok(refused, `${count} messages were all taken`);
      assertProblem(refused, 429, 'too_many_requests');
      assert.ok(Number(refused.headers['retry-after']) >= 1);
      assert.ok(count >= 30);
    });

    test('what comes in one packet is answered in order', async () => {
      const raw = new Raw(server.port);
      raw.send(
        bytes('GET', '/me') +
          bytes('POST', `/room/${room.id}/message`, { text: 'in one packet' }) +
          bytes('GET', '/nothing') +
          bytes('POST', `/room/${room.id}/message`, { text: '' }) +
          bytes('GET', `/room/${room.id}/message?limit=1`),
      );
      const answers = [];
      for (let i = 0; i < 5; i++) answers.push(await raw.answer());
      raw.destroy();
      assert.deepEqual(answers.map((answer) => answer.status), [200, 201, 404, 422, 200]);
      assert.equal(answers[0].json().user.name, 'ann');
      assert.equal(answers[1].json().text, 'in one packet');
      assert.equal(answers[4].json().items[0].id, answers[1].json().id, 'it sees the write before it');
    });

    test('what is made has an address, where one can look at it', async () => {
      const made = must(await ann.api('POST', `/room/${room.id}/message`, { text: 'look' }), 201, 'message');
      assert.equal(made.headers.location, `/api/v1/message/${made.body.id}`);
      assert.equal(must(await ann.api('GET', made.headers.location), 200, 'there').body.text, 'look');
      const direct = must(await ann.api('POST', '/direct', { user: bob.id }), 201, 'direct');
      const grant = must(await root.api('POST', '/grant', { subject: `user:${bob.id}`, model: 'audit', rights: ['read'] }), 201, 'grant');
      assert.equal(direct.headers.location, undefined, 'no address leads to one of these alone');
      assert.deepEqual(must(await root.api('GET', grant.headers.location), 200, 'the grant').body, { ...grant.body, name: 'bob' });
    });
  });

  describe('people', () => {
    test('are found by the beginning of their names, page by page', async () => {
      const found = must(await bob.api('GET', '/user?name[like]=AN*&fields=id,name'), 200, 'find').body;
      assert.deepEqual(found, { items: [{ id: ann.id, name: 'ann' }], next: null });
      const names = [];
      let path = '/user?sort=name&limit=2';
      while (path) {
        const page = must(await bob.api('GET', path), 200, path).body;
        assert.ok(page.items.length <= 2);
        names.push(...page.items.map((item) => item.name));
        path = page.next && `/user?sort=name&limit=2&cursor=${encodeURIComponent(page.next)}`;
      }
      assert.deepEqual(names, [...names].sort());
      assert.ok(['ann', 'bob', 'eve', 'root'].every((name) => names.includes(name)));
      assert.deepEqual(must(await bob.api('GET', '/user?name[like]=%25'), 200, 'no wildcard').body.items, []);
    });

    test('are made by administrators, who see more of them', async () => {
      const made = must(await root.api('POST', '/user', { name: 'made', password: 'a password for made' }), 201, 'make').body;
      assert.deepEqual(made, { id: made.id, name: 'made', superuser: false });
      const { items } = must(await root.api('GET', '/user?name=made&fields=id,name,superuser,disabled'), 200, 'find').body;
      assert.deepEqual(items, [{ id: made.id, name: 'made', superuser: false, disabled: false }]);
      must(await root.api('PATCH', '/user/999999', { disabled: true }), 404, 'nobody');
      assert.deepEqual(pointers(await root.api('PATCH', `/user/${made.id}`, {})), ['']);
      assert.deepEqual(pointers(await root.api('PATCH', `/user/${made.id}`, { disabled: 1, name: 'x', version: 2 })), ['/disabled', '/name', '/version']);
      must(await ann.api('PATCH', `/user/${ann.id}`, { superuser: true }), 403, 'not oneself');
    });
  });

  describe('rooms', () => {
    test('are made, changed and deleted by their owner', async () => {
      const made = must(await ann.api('POST', '/room', { kind: 'private', name: 'plans', topic: 'x' }), 201, 'make');
      assert.equal(made.headers.location, `/api/v1/room/${made.body.id}`);
      assert.equal(made.body.membership.role, 'owner');
      const path = `/room/${made.body.id}`;
      assert.equal(must(await ann.api('PATCH', path, { topic: 'y' }), 200, 'change').body.topic, 'y');
      must(await ann.api('DELETE', path), 204, 'delete');
      must(await ann.api('GET', path), 404, 'gone');
    });

    test('that are private are as if they were not there', async () => {
      const { body } = must(await ann.api('POST', '/room', { kind: 'private', name: 'hidden' }), 201, 'make');
      const message = must(await ann.api('POST', `/room/${body.id}/message`, { text: 'hidden' }), 201, 'say').body;
      const absent = await eve.api('GET', '/room/999999');
      for (const [method, path, data] of [
        ['GET', `/room/${body.id}`], ['PATCH', `/room/${body.id}`, { topic: 'x' }], ['DELETE', `/room/${body.id}`],
        ['GET', `/room/${body.id}/message`], ['POST', `/room/${body.id}/message`, { text: 'x' }],
        ['GET', `/room/${body.id}/member`], ['POST', `/room/${body.id}/member`, { user: bob.id }],
        ['POST', `/room/${body.id}/join`], ['POST', `/room/${body.id}/read`, { offset: 0 }], ['POST', `/room/${body.id}/typing`],
        ['GET', `/message/${message.id}`], ['PATCH', `/message/${message.id}`, { text: 'x' }], ['DELETE', `/message/${message.id}`],
        ['POST', `/message/${message.id}/reaction`, { emoji: '👍' }],
      ]) {
        const answer = await eve.api(method, path, data);
        assertProblem(answer, 404, 'not_found');
        assert.equal(answer.text, absent.text, `${method} ${path}`);
      }
      const list = must(await eve.api('GET', '/room'), 200, 'list').body.items;
      assert.ok(!list.some((item) => item.id === body.id));
    });

    test('have members with roles', async () => {
      const { body } = must(await ann.api('POST', '/room', { kind: 'private', name: 'club' }), 201, 'make');
      const path = `/room/${body.id}`;
      must(await ann.api('POST', `${path}/member`, { user: bob.id, role: 'reader' }), 201, 'invite');
      must(await bob.api('POST', `${path}/message`, { text: 'x' }), 403, 'a reader only reads');
      must(await ann.api('PATCH', `${path}/member/${bob.id}`, { role: 'member' }), 200, 'promote');
      must(await bob.api('POST', `${path}/message`, { text: 'x' }), 201, 'a member writes');
      must(await bob.api('PATCH', `${path}/member/${bob.id}`, { role: 'owner' }), 403, 'not by himself');
      must(await ann.api('PATCH', `${path}/member/${bob.id}`, { role: 'king' }), 422, 'no such role');
      must(await ann.api('POST', `${path}/member`, { user: 999999 }), 422, 'nobody');
      const { items } = must(await bob.api('GET', `${path}/member`), 200, 'list').body;
      assert.deepEqual(items.map((item) => [item.user, item.role]).sort(), [[ann.id, 'owner'], [bob.id, 'member']].sort());
      must(await ann.api('DELETE', `${path}/member/${bob.id}`), 204, 'remove');
      must(await bob.api('GET', path), 404, 'out');
    });
  });

  describe('messages', () => {
    test('are said once, changed and deleted by their author', async () => {
      const path = `/room/${room.id}/message`;
      const said = must(await ann.api('POST', path, { text: 'hello', key: 'k1' }), 201, 'say').body;
      const again = await ann.api('POST', path, { text: 'hello', key: 'k1' });
      assert.equal(again.body.id, said.id, 'the same key is the same message');
      must(await bob.api('POST', `/room/${room.id}/join`), 200, 'join');
      must(await bob.api('PATCH', `/message/${said.id}`, { text: 'not mine' }), 403, 'somebody else\'s');
      assert.equal(must(await ann.api('PATCH', `/message/${said.id}`, { text: 'hello!' }), 200, 'change').body.text, 'hello!');
      must(await ann.api('POST', `/message/${said.id}/reaction`, { emoji: '👍' }), 201, 'react');
      assert.deepEqual(must(await bob.api('GET', `/message/${said.id}`), 200, 'see').body.reactions, [{ emoji: '👍', users: [ann.id] }]);
      const gone = await ann.api('DELETE', `/message/${said.id}/reaction/${encodeURIComponent('👍')}`);
      assert.ok([200, 204].includes(gone.status), gone.text);
      const deleted = await ann.api('DELETE', `/message/${said.id}`);
      assert.ok([200, 204].includes(deleted.status), deleted.text);
      const left = must(await bob.api('GET', `/message/${said.id}`), 200, 'what is left').body;
      assert.equal(left.deleted, true);
      assert.equal(left.text, '');
    });

    test('are read page by page', async () => {
      const { body } = must(await ann.api('POST', '/room', { kind: 'private', name: 'long' }), 201, 'make');
      const path = `/room/${body.id}/message`;
      for (let i = 1; i <= 7; i++) must(await ann.api('POST', path, { text: `${i}` }), 201, 'say');
      const texts = [];
      let next = '';
      do {
        const page = must(await ann.api('GET', `${path}?limit=3${next}`), 200, 'page').body;
        texts.unshift(...page.items.map((item) => item.text));
        next = page.next && `&before=${page.next}`;
      } while (next);
      assert.deepEqual(texts, ['1', '2', '3', '4', '5', '6', '7']);
    });

    test('too long, empty or to nobody are refused', async () => {
      const path = `/room/${room.id}/message`;
      for (const [body, at] of [[{ text: '' }, '/text'], [{ text: 'x'.repeat(4001) }, '/text'], [{}, '/text'], [{ text: 5 }, '/text'], [{ text: 'x', reply_to: 999999 }, '/reply_to'], [{ text: 'x', author: bob.id }, '/author'], [{ text: 'x', offset: 1 }, '/offset']]) {
        const answer = await bob.api('POST', path, body);
        assertProblem(answer, 422, 'invalid');
        assert.deepEqual(pointers(answer), [at], JSON.stringify(body).slice(0, 60));
      }
      must(await bob.api('POST', path, { text: 'é'.repeat(4000) }), 201, 'characters, not bytes');
    });
  });
});
