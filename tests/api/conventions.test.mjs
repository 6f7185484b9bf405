// What all of REST has in common: versions and conditions, retries that are safe, request ids, other methods, pages of
// other origins, media types, and lists that wait their turn.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { ready } from './lib/nodes.mjs';
import { Raw } from './lib/raw.mjs';
import { anonymous, rawConnect, register, startRedis, startServer } from './lib/server.mjs';

const LISTED = 'https://other.example';

/** Start again on the same data; sessions and cookies stay good. */
async function restart(server, options) {
  await server.stop();
  return startServer({ ...options, dataDir: server.dataDir });
}

describe('conventions', () => {
  const options = { flags: { 'http.origins': LISTED } };
  let server, root, ann, bob;
  before(async () => {
    server = await startServer(options);
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
    must(await root.api('POST', '/grant', { subject: 'members', model: 'news', rights: ['read', 'write', 'delete'] }), 201, 'grant');
  });
  after(() => server.stop());

  async function news(title = 'first') {
    return must(await ann.api('POST', '/news', { title }), 201, 'news');
  }

  describe('versions', () => {
    test('an answer with one row has its version as ETag', async () => {
      const made = await news();
      assert.equal(made.headers.etag, '"1"');
      assert.equal((await ann.api('GET', `/news/${made.body.id}`)).headers.etag, '"1"');
      const changed = must(await ann.api('PATCH', `/news/${made.body.id}`, { title: 'second' }), 200, 'update');
      assert.equal(changed.headers.etag, '"2"');
    });

    test('who has the newest version gets 304 without a body', async () => {
      const { body } = await news();
      for (const tag of ['"1"', 'W/"1"', '"7", "1"', '*']) {
        const answer = must(await ann.api('GET', `/news/${body.id}`, undefined, { 'If-None-Match': tag }), 304, tag);
        assert.equal(answer.text, '');
        assert.equal(answer.headers.etag, '"1"');
      }
      must(await ann.api('GET', `/news/${body.id}`, undefined, { 'If-None-Match': '"2"' }), 200, 'another version');
    });

    test('a change of what was changed meanwhile is 412, and nothing is changed', async () => {
      const { body } = await news();
      const path = `/news/${body.id}`;
      must(await ann.api('PATCH', path, { title: 'second' }, { 'If-Match': '"1"' }), 200, 'the newest');
      assert.equal((await ann.api('PATCH', path, { title: 'third' }, { 'If-Match': '"1"' })).body.code, 'precondition_failed');
      must(await ann.api('DELETE', path, undefined, { 'If-Match': '"1"' }), 412, 'delete');
      assert.equal((await ann.api('GET', path)).body.title, 'second');
      must(await ann.api('PATCH', path, { title: 'third' }, { 'If-Match': '"9", "2"' }), 200, 'a list');
      must(await ann.api('DELETE', path, undefined, { 'If-Match': '*' }), 204, 'any');
    });

    test('a condition that is none is 400', async () => {
      const { body } = await news();
      for (const tag of ['1', 'W/"1"', '"1', '"1" "2"', `"${'x'.repeat(100)}"`])
        must(await ann.api('PATCH', `/news/${body.id}`, { title: 'x' }, { 'If-Match': tag }), 400, tag);
      for (const tag of ['1', 'w/"1"', '"'])
        must(await ann.api('GET', `/news/${body.id}`, undefined, { 'If-None-Match': tag }), 400, tag);
    });

    test('over the socket they are members beside the parameters, in a body they are not', async () => {
      const { body } = await news();
      const socket = await rawConnect(server.url, { cookie: ann.cookie });
      await socket.connect();
      const update = (tag) => socket.call('rpc', { method: 'news.update', data: { id: body.id, title: 'over', if_match: tag } });
      assert.equal((await update('"5"')).error.code, 412);
      assert.equal((await update(5)).error.code, 107);
      assert.equal((await update('5')).error.code, 107);
      assert.equal((await update('"1"')).rpc.data.version, 2);
      await socket.close();
      const answer = must(await ann.api('PATCH', `/news/${body.id}`, { title: 'x', if_match: '"2"' }), 422, 'body');
      assert.deepEqual(answer.body.errors.map((error) => error.pointer), ['/if_match']);
    });
  });

  describe('idempotency', () => {
    const count = async (title) => (await ann.api('GET', `/news?title=${title}`)).body.items.length;

    test('the same request again gets the same answer and does nothing', async () => {
      const send = () => ann.api('POST', '/news', { title: 'once' }, { 'Idempotency-Key': 'once-1' });
      const first = must(await send(), 201, 'first');
      const second = must(await send(), 201, 'second');
      assert.equal(first.headers['idempotency-replayed'], undefined);
      assert.equal(second.headers['idempotency-replayed'], 'true');
      assert.deepEqual(second.body, first.body);
      assert.equal(second.headers.location, first.headers.location);
      assert.equal(second.headers.etag, first.headers.etag);
      assert.equal(await count('once'), 1);
    });

    test('many at once make one', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => ann.api('POST', '/news', { title: 'crowd' }, { 'Idempotency-Key': 'crowd-1' })),
      );
      assert.deepEqual(new Set(answers.map((answer) => answer.body.id)).size, 1);
      assert.equal(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true').length, 9);
      assert.equal(await count('crowd'), 1);
    });

    test('with other parameters it is 422, and somebody else has keys of his own', async () => {
      const key = { 'Idempotency-Key': 'mine' };
      must(await ann.api('POST', '/news', { title: 'mine' }, key), 201, 'first');
      const answer = must(await ann.api('POST', '/news', { title: 'other' }, key), 422, 'other');
      assert.match(answer.body.detail, /key/);
      must(await ann.api('POST', '/room', { kind: 'private', name: 'other' }, key), 422, 'another action');
      must(await bob.api('POST', '/news', { title: 'bobs' }, key), 201, 'bob');
      assert.equal(await count('other'), 0);
    });

    test('a failure is not kept', async () => {
      const key = { 'Idempotency-Key': 'second-try' };
      must(await ann.api('POST', '/news', { title: '' }, key), 422, 'wrong');
      must(await ann.api('POST', '/news', { title: 'right' }, key), 201, 'right');
    });

    test('where it means nothing it is refused', async () => {
      const key = { 'Idempotency-Key': 'k' };
      must(await ann.api('PATCH', '/news/1', { title: 'x' }, key), 400, 'update');
      must(await ann.api('GET', '/news', undefined, key), 400, 'list');
      must(await ann.api('POST', '/token', { name: 'x', scopes: { '*': ['read'] } }, key), 400, 'secrets');
      must(await ann.api('POST', '/news', { title: 'x' }, { 'Idempotency-Key': 'k'.repeat(200) }), 400, 'too long');
    });

    test('over the socket it is a member beside the parameters', async () => {
      const socket = await rawConnect(server.url, { cookie: ann.cookie });
      await socket.connect();
      const create = () => socket.call('rpc', { method: 'news.create', data: { title: 'socket', idempotency_key: 'socket-1' } });
      const [first, second] = [await create(), await create()];
      assert.deepEqual(second.rpc.data, first.rpc.data);
      assert.equal(await count('socket'), 1);
      await socket.close();
    });

    test('after a restart it is the same', async () => {
      const send = () => ann.api('POST', '/news', { title: 'lasting' }, { 'Idempotency-Key': 'lasting-1' });
      const first = must(await send(), 201, 'first');
      server = await restart(server, options);
      for (const client of [root, ann, bob]) client.url = server.url;
      [root, ann, bob] = [root, ann, bob].map((client) => Object.assign(anonymous(server.url), { id: client.id, cookie: client.cookie, csrf: client.csrf }));
      const second = must(await send(), 201, 'second');
      assert.equal(second.headers['idempotency-replayed'], 'true');
      assert.deepEqual(second.body, first.body);
    });
  });

  describe('request ids', () => {
    async function raw(lines) {
      const socket = new Raw(server.port);
      socket.send(`GET ${lines.join('\r\n')}\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
      const answer = await socket.answer();
      socket.destroy();
      return answer;
    }
    const line = 'HTTP/1.1';

    test("a client's own comes back, also in a problem", async () => {
      const answer = await ann.api('GET', '/nothing', undefined, { 'X-Request-Id': 'a.B-9_x' });
      assert.equal(answer.headers['x-request-id'], 'a.B-9_x');
      assert.equal(answer.body.request_id, 'a.B-9_x');
      const refused = await ann.api('GET', '/news?nothing=1', undefined, { 'X-Request-Id': 'mine' });
      assert.equal(refused.body.request_id, 'mine');
    });

    test('else every answer has a fresh one', async () => {
      const ids = new Set();
      for (const lines of [[`/api/v1/me ${line}`], [`/api/v1/me ${line}`], [`/ ${line}`], [`/healthz ${line}`], [`/api/v1/me ${line}`, 'X-Request-Id: what is this'], [`/api/v1/me ${line}`, `X-Request-Id: ${'x'.repeat(65)}`], [`/api/v1/me ${line}`, 'Content-Length: x']]) {
        const answer = await raw(lines);
        const id = answer.headers['x-request-id'];
        assert.match(id, /^[\w.-]{1,64}$/);
        ids.add(id);
      }
      assert.equal(ids.size, 7);
    });
  });

  describe('methods', () => {
    test('HEAD is GET without its body, with the same length', async () => {
      const { body } = await news();
      for (const path of [`/news/${body.id}`, '/news', '/nothing']) {
        const get = await ann.api('GET', path);
        const head = await ann.api('HEAD', path);
        assert.equal(head.status, get.status);
        assert.equal(head.text, '');
        assert.equal(head.headers['content-length'], get.headers['content-length']);
        assert.equal(head.headers.etag, get.headers.etag);
      }
    });

    test('OPTIONS names the methods, and so does 405', async () => {
      for (const [path, allow] of [
        ['/news', 'GET, HEAD, POST, OPTIONS'],
        ['/news/1', 'GET, HEAD, PATCH, DELETE, OPTIONS'],
        ['/batch', 'POST, OPTIONS'],
        ['/token/1', 'DELETE, OPTIONS'],
      ]) {
        const options = must(await ann.api('OPTIONS', path), 204, path);
        assert.equal(options.headers.allow, allow);
        assert.equal(must(await ann.api('PUT', path, {}), 405, path).headers.allow, allow);
      }
      must(await ann.api('OPTIONS', '/nothing'), 404, 'nothing');
    });

    test('a patch may be called what it is; nothing else may', async () => {
      const { body } = await news();
      const type = (name) => ({ 'Content-Type': name });
      must(await ann.api('PATCH', `/news/${body.id}`, { title: 'x' }, type('application/merge-patch+json')), 200, 'patch');
      must(await ann.api('PATCH', `/news/${body.id}`, { title: 'y' }, type('application/json; charset=utf-8')), 200, 'json');
      const other = must(await ann.api('PATCH', `/news/${body.id}`, '[]', type('application/json-patch+json')), 415, 'other');
      assert.equal(other.headers['accept-patch'], 'application/merge-patch+json, application/json');
      must(await ann.api('POST', '/news', { title: 'x' }, type('application/merge-patch+json')), 415, 'post');
      must(await ann.api('POST', '/news', { title: 'x' }, type('text/plain')), 415, 'text');
      must(await ann.api('POST', '/news', { title: 'x' }, { 'Content-Encoding': 'gzip' }), 415, 'encoded');
    });

    test('names with brackets reach the action', async () => {
      must(await ann.api('GET', '/news?created_at%5Bgte%5D=2020-01-01T00:00:00Z'), 200, 'encoded');
      must(await ann.api('GET', '/news?created_at[gte]=2020-01-01T00:00:00Z'), 200, 'plain');
      must(await ann.api('GET', '/news?title=a&title=b'), 400, 'twice');
    });
  });

  describe('pages of other origins', () => {
    const preflight = (origin, method = 'PATCH') =>
      ann.api('OPTIONS', '/news/1', undefined, {
        Origin: origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'content-type', Cookie: '', 'X-CSRF-Token': 'none',
      });

    test('those in the list may ask, and read the answer', async () => {
      const answer = must(await preflight(LISTED), 204, 'preflight');
      assert.equal(answer.headers['access-control-allow-origin'], LISTED);
      assert.equal(answer.headers['access-control-allow-credentials'], 'true');
      assert.match(answer.headers['access-control-allow-methods'], /PATCH/);
      assert.match(answer.headers['access-control-allow-headers'], /X-CSRF-Token/);
      assert.match(answer.headers['access-control-max-age'], /^\d+$/);
      assert.match(answer.headers.vary, /Origin/);
      for (const path of ['/me', '/nothing', '/news']) {
        const read = await ann.api('GET', path, undefined, { Origin: LISTED, 'Sec-Fetch-Site': 'cross-site' });
        assert.equal(read.headers['access-control-allow-origin'], LISTED, path);
        assert.match(read.headers['access-control-expose-headers'], /ETag/);
      }
    });

    test('others may not', async () => {
      for (const origin of ['https://evil.example', 'null', `${LISTED}.evil.example`, 'http://other.example', 'https://OTHER.example', `${LISTED}:444`]) {
        const answers = [await preflight(origin), await ann.api('GET', '/me', undefined, { Origin: origin })];
        for (const { headers } of answers) {
          assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control-')), [], origin);
          assert.match(headers.vary, /Origin/);
        }
      }
    });

    test('a write with the cookie still needs the CSRF token', async () => {
      const from = { Origin: LISTED, 'Sec-Fetch-Site': 'cross-site' };
      must(await ann.api('POST', '/news', { title: 'from afar' }, from), 201, 'with it');
      must(await ann.api('POST', '/news', { title: 'from afar' }, { ...from, 'X-CSRF-Token': 'wrong' }), 403, 'without it');
      must(await ann.api('POST', '/news', { title: 'x' }, { Origin: 'https://evil.example' }), 403, 'another origin');
      must(await ann.api('POST', '/news', { title: 'x' }, { 'Sec-Fetch-Site': 'cross-site', Origin: server.url }), 403, 'our own, they say');
    });
  });
});

describe('many lists at once', () => {
  test('too many of one person are 429 with Retry-After; others are served', async () => {
    const server = await startServer({ flags: { 'data.lists_per_user': 1, 'data.lists_waiting': 0, 'data.readers': 1 } });
    try {
      const [ann, bob] = [await register(server.url, 'ann'), await register(server.url, 'bob')];
      const socket = await rawConnect(server.url, { cookie: ann.cookie });
      await socket.connect();
      socket.send(...Array.from({ length: 40 }, () => ({ rpc: { method: 'room.list', data: {} } })));
      const replies = [];
      while (replies.length < 40) replies.push(await socket.next());
      const codes = new Set(replies.map((reply) => reply.error?.code ?? 0));
      assert.deepEqual([...codes].sort(), [0, 111]);
      must(await bob.api('GET', '/room'), 200, 'bob');
      must(await ann.api('GET', '/room'), 200, 'ann again');
      await socket.close();
    } finally {
      await server.stop();
    }
  });
});

describe('conventions on an edge', () => {
  test('conditions, keys and ids travel to the home and back', async () => {
    const redis = await startRedis();
    const home = await startServer({ redis });
    const edge = await startServer({ redis, edge: true });
    try {
      await ready(edge);
      const root = await firstAdministrator(home);
      const there = Object.assign(anonymous(edge.url), { cookie: root.cookie, csrf: root.csrf });
      const made = must(await there.api('POST', '/news', { title: 'x' }, { 'Idempotency-Key': 'k' }), 201, 'create');
      assert.equal(made.headers.etag, '"1"');
      const again = must(await there.api('POST', '/news', { title: 'x' }, { 'Idempotency-Key': 'k' }), 201, 'again');
      assert.equal(again.headers['idempotency-replayed'], 'true');
      must(await there.api('GET', `/news/${made.body.id}`, undefined, { 'If-None-Match': '"1"' }), 304, 'same');
      const failed = must(await there.api('PATCH', `/news/${made.body.id}`, { title: 'y' }, { 'If-Match': '"9"', 'X-Request-Id': 'afar' }), 412, 'other');
      assert.equal(failed.body.request_id, 'afar');
    } finally {
      await edge.stop();
      await home.stop();
      await redis.stop();
    }
  });
});
