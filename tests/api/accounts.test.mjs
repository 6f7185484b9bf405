// Who you are: registering, signing in and out, sessions, cookies, forged requests, the first and the last administrator.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator, setupToken } from './lib/admin.mjs';
import { must, PASSWORD, request } from './lib/client.mjs';
import { Raw } from './lib/raw.mjs';
import { anonymous, login, rawConnect, register, startServer } from './lib/server.mjs';

/** Requests that say they come from this address, through a proxy. */
const from = (address) => ({ 'X-Forwarded-For': address });
const loginFrom = (server, address, name, password) =>
  anonymous(server.url).api('POST', '/login', { name, password }, from(address));
const cookiesOf = (answer) => answer.headers['set-cookie'] ?? [];

describe('accounts', () => {
  let server, root;
  before(async () => {
    server = await startServer({ flags: { 'http.proxies': '127.0.0.1' } });
    root = await firstAdministrator(server);
  });
  after(() => server.stop());

  test('who registers is signed in, and is out after signing out', async () => {
    const client = anonymous(server.url);
    const made = must(await client.api('POST', '/register', { name: 'Ann', password: PASSWORD }), 201, 'register');
    assert.deepEqual(Object.keys(made.body).sort(), ['csrf', 'user']);
    assert.deepEqual(made.body.user, { id: made.body.user.id, name: 'Ann', superuser: false });
    const me = must(await client.api('GET', '/me'), 200, 'me').body;
    assert.equal(me.user.name, 'Ann');
    assert.equal(me.csrf, made.body.csrf);
    assert.deepEqual(me.permissions.message, ['read', 'write', 'delete']);
    client.csrf = me.csrf;

    const out = must(await client.api('POST', '/logout'), 204, 'logout');

    assert.match(cookiesOf(out)[0], /^sid=; .*Max-Age=0/);
    client.cookie = `sid=${cookiesOf(made)[0].match(/^sid=([^;]+)/)[1]}`; // the old one, kept by somebody
    const after = must(await client.api('GET', '/me'), 401, 'me afterwards');
    assert.equal(after.headers['www-authenticate'], 'Bearer');
    assert.equal(after.body.code, 'unauthenticated');
  });

  test('a token works as a bearer token too', async () => {
    const ann = await register(server.url, 'bearer');
    const token = ann.cookie.replace('sid=', '');
    const answer = await request(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(must(answer, 200, 'me').body.user.name, 'bearer');
    for (const wrong of [`Bearer ${token}x`, 'Bearer ', `Basic ${token}`, `Bearer ${'x'.repeat(500)}`])
      must(await request(`${server.url}/api/v1/me`, { headers: { Authorization: wrong } }), 401, wrong);
  });

  test('unknown, wrong and disabled are answered alike', async () => {
    await register(server.url, 'known');
    const disabled = await register(server.url, 'gone');
    must(await root.api('PATCH', `/user/${disabled.id}`, { disabled: true }), 200, 'disable');
    const answers = [
      await loginFrom(server, '192.0.2.10', 'known', 'not the password'),
      await loginFrom(server, '192.0.2.11', 'unknown', PASSWORD),
      await loginFrom(server, '192.0.2.12', 'gone', PASSWORD),
      await loginFrom(server, '192.0.2.13', 'not a name!', PASSWORD),
    ];
    for (const answer of answers) {
      must(answer, 401, 'login');
      assert.equal(answer.text, answers[0].text);
      assert.deepEqual({ ...answer.headers, date: '' }, { ...answers[0].headers, date: '' });
      assert.deepEqual(cookiesOf(answer), []);
    }
  });

  test('who guesses has to wait, and nobody else', async () => {
    await register(server.url, 'victim');
    let answer;
    let tries = 0;
    do answer = await loginFrom(server, '192.0.2.66', 'victim', `guess ${tries}`);
    while (answer.status === 401 && ++tries < 50);
    must(answer, 429, 'guessing');
    assert.equal(tries, 5);
    assert.equal(answer.body.code, 'too_many_requests');
    assert.ok(Number(answer.headers['retry-after']) >= 1 && Number(answer.headers['retry-after']) <= 11);
    // The right password is not told from a wrong one now.
    must(await loginFrom(server, '192.0.2.66', 'victim', PASSWORD), 429, 'the right one from there');
    must(await loginFrom(server, '192.0.2.67', 'victim', PASSWORD), 200, 'the owner from elsewhere');
  });

  test('one IPv6 network cannot try under many addresses', async () => {
    await register(server.url, 'victim6');
    const statuses = [];
    for (let i = 1; i <= 8; i++) statuses.push((await loginFrom(server, `2001:db8:5::${i}`, 'victim6', 'guess')).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
  });

  test('the address is believed from the proxy only', async () => {
    const plain = await startServer();
    try {
      await register(plain.url, 'victim');
      const statuses = [];
      for (let i = 1; i <= 7; i++) statuses.push((await loginFrom(plain, `192.0.2.${i}`, 'victim', 'guess')).status);
      assert.deepEqual(statuses.slice(-2), [429, 429]);
    } finally {
      await plain.stop();
    }
  });

  test('every cookie is for the browser alone', async () => {
    const client = anonymous(server.url);
    const lines = [];
    for (const [method, path, body] of [
      ['POST', '/register', { name: 'crumbs', password: PASSWORD }],
      ['POST', '/login', { name: 'crumbs', password: PASSWORD }],
    ])
      lines.push(...cookiesOf(await client.api(method, path, body)));
    client.csrf = (await client.api('GET', '/me')).body.csrf;
    lines.push(...cookiesOf(await client.api('POST', '/logout')));
    assert.equal(lines.length, 3);
    for (const line of lines) {
      const [pair, ...attributes] = line.split('; ');
      assert.match(pair, /^sid=[\w-]*$/);
      assert.deepEqual(attributes.map((one) => one.replace(/=\d+$/, '')).sort(), ['HttpOnly', 'Max-Age', 'Path=/', 'SameSite=Lax']);
    }
  });

  test('behind TLS the cookie is bound to the host', async () => {
    const secure = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.20' };
    const own = { Origin: server.url.replace('http:', 'https:') };
    const client = anonymous(server.url);
    const made = must(await client.api('POST', '/register', { name: 'safe', password: PASSWORD }, { ...secure, ...own }), 201, 'register');
    const [line] = cookiesOf(made);
    assert.match(line, /^__Host-sid=[\w-]{43}; /);
    const attributes = line.split('; ').slice(1);
    for (const one of ['Path=/', 'HttpOnly', 'SameSite=Lax', 'Secure']) assert.ok(attributes.includes(one), one);
    assert.ok(!attributes.some((one) => one.startsWith('Domain')));
    must(await client.api('GET', '/me', undefined, secure), 200, 'with it');
    // Neither name works on the other kind of connection.
    must(await client.api('GET', '/me'), 401, 'over plain HTTP');
    client.cookie = client.cookie.replace('__Host-', '');
    must(await client.api('GET', '/me', undefined, secure), 401, 'with the plain name');
  });

  test('a planted cookie is never adopted', async () => {
    await register(server.url, 'fixed');
    const planted = 'A'.repeat(43);
    const client = anonymous(server.url);
    client.cookie = `sid=${planted}`;
    const answer = must(await client.api('POST', '/login', { name: 'fixed', password: PASSWORD }), 200, 'login');
    const token = client.cookie.replace('sid=', '');
    assert.notEqual(token, planted);
    must(await request(`${server.url}/api/v1/me`, { headers: { Cookie: `sid=${planted}` } }), 401, 'the planted one');
    // With two of a name nobody knows who set which.
    for (const both of [`sid=${planted}; sid=${token}`, `sid=${token}; sid=${planted}`])
      must(await request(`${server.url}/api/v1/me`, { headers: { Cookie: both } }), 401, 'two cookies');
    assert.equal(answer.body.user.name, 'fixed');
  });

  test('signing in again ends the session that came along', async () => {
    const client = await register(server.url, 'twice');
    const before = client.cookie;
    const socket = await rawConnect(server.url, { cookie: before });
    await socket.connect();

    must(await client.api('POST', '/login', { name: 'twice', password: PASSWORD }), 200, 'login');

    assert.notEqual(client.cookie, before);
    must(await request(`${server.url}/api/v1/me`, { headers: { Cookie: before } }), 401, 'the old one');
    assert.equal((await socket.closed).code, 3507);
  });

  test('one sees and ends one\'s own sessions, with their sockets', async () => {
    const one = await register(server.url, 'many');
    const two = await login(server.url, 'many');
    const stranger = await register(server.url, 'stranger');
    const socket = await rawConnect(server.url, { cookie: two.cookie });
    await socket.connect();
    const list = must(await one.api('GET', '/session'), 200, 'list').body;
    assert.equal(list.items.length, 2);
    assert.deepEqual(list.items.map((item) => item.current), [false, true]);
    const other = list.items[0];
    for (const key of ['created_at', 'used_at', 'expires_at']) assert.match(other[key], /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.ok(!JSON.stringify(list).includes(two.cookie.replace('sid=', '')));
    must(await stranger.api('DELETE', `/session/${other.id}`), 404, 'a stranger');

    must(await one.api('DELETE', `/session/${other.id}`), 204, 'the owner');

    assert.equal((await socket.closed).code, 3507);
    must(await two.api('GET', '/me'), 401, 'the ended one');
    must(await one.api('GET', '/me'), 200, 'the other');
  });

  test('a browser that sends any bytes as its name is listed in proper JSON', async () => {
    await register(server.url, 'odd');
    const body = JSON.stringify({ name: 'odd', password: PASSWORD });
    const raw = new Raw(server.port);
    raw.send(
      `POST /api/v1/login HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: application/json\r\nUser-Agent: `,
      Buffer.from([0xff, 0xc3, 0x28, 0x22, 0x5c]),
      'é'.repeat(200),
      `\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const answer = await raw.answer();
    raw.destroy();
    assert.equal(answer.status, 200);
    const cookie = answer.headers['set-cookie'].split(';')[0];
    const list = await request(`${server.url}/api/v1/session`, { headers: { Cookie: cookie } });
    assert.equal(list.body.items[0].agent.slice(0, 6), '??("\\é');
    assert.ok(!list.text.includes('\ufffd'));
  });

  test('a new password ends the other sessions and their sockets', async () => {
    const one = await register(server.url, 'changer');
    const two = await login(server.url, 'changer');
    const sockets = [await rawConnect(server.url, { cookie: one.cookie }), await rawConnect(server.url, { cookie: two.cookie })];
    for (const socket of sockets) await socket.connect();
    const wrong = must(await one.api('POST', '/me/password', { old: 'not it', new: 'a new password' }), 422, 'wrong');
    assert.deepEqual(wrong.body.errors.map((error) => error.pointer), ['/old']);

    must(await one.api('POST', '/me/password', { old: PASSWORD, new: 'a new password' }), 204, 'change');

    assert.equal((await sockets[1].closed).code, 3507);
    assert.ok((await sockets[0].call('rpc', { method: 'me.detail', data: {} })).rpc, 'its own socket goes on');
    must(await two.api('GET', '/me'), 401, 'the other session');
    must(await one.api('GET', '/me'), 200, 'its own');
    must(await loginFrom(server, '192.0.2.30', 'changer', PASSWORD), 401, 'the old password');
    must(await loginFrom(server, '192.0.2.30', 'changer', 'a new password'), 200, 'the new one');
    await sockets[0].close();
  });

  test('who is disabled is out at once, everywhere', async () => {
    const client = await register(server.url, 'unwanted');
    const socket = await rawConnect(server.url, { cookie: client.cookie });
    await socket.connect();

    must(await root.api('PATCH', `/user/${client.id}`, { disabled: true }), 200, 'disable');

    must(await client.api('GET', '/me'), 401, 'REST');
    assert.equal((await socket.closed).code, 3507);
    must(await loginFrom(server, '192.0.2.31', 'unwanted', PASSWORD), 401, 'login');
    must(await root.api('PATCH', `/user/${client.id}`, { disabled: false }), 200, 'enable');
    must(await loginFrom(server, '192.0.2.31', 'unwanted', PASSWORD), 200, 'login again');
  });

  test('registering says what is wrong, field by field', async () => {
    const client = anonymous(server.url);
    const answer = must(
      await client.api('POST', '/register', { name: 'a b', password: 'x', email: 'no', superuser: true, id: 1 }),
      422,
      'register',
    );
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.deepEqual(answer.body.errors.map((error) => error.pointer).sort(), ['/email', '/id', '/name', '/password', '/superuser']);
    assert.ok(!answer.text.includes('"x"'));
    must(await client.api('POST', '/register', { name: 'ROOT', password: PASSWORD }), 409, 'a name that is taken');
  });

  test('a secret is in no log line', async () => {
    const secret = 'correct-horse-battery';
    const client = await register(server.url, 'silent', secret);
    await loginFrom(server, '192.0.2.40', 'silent', `${secret}-wrong`);
    await request(`${server.url}/api/v1/me?token=${secret}`, { headers: { Cookie: client.cookie } });
    assert.ok(!server.output().includes(secret));
    assert.ok(!server.output().includes(client.cookie.replace('sid=', '')));
  });
});

describe('people', () => {
  let server, root, ann, bob, gone;
  const list = (who, parameters) => who.api('GET', `/user?${new URLSearchParams(parameters)}`);
  const names = async (who, parameters) => must(await list(who, parameters), 200, JSON.stringify(parameters)).body.items.map((user) => user.name);
  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'Bob');
    gone = await register(server.url, 'annoyed');
    must(await root.api('PATCH', `/user/${gone.id}`, { disabled: true }), 200, 'disable');
    for (const [who, email] of [['ann_lee', 'lee@example.org'], ['anna', 'anna@example.org']])
      must(await root.api('POST', '/user', { name: who, email, password: PASSWORD }), 201, who);
  });
  after(() => server.stop());

  test('are shown by name to who may read them, without those who are disabled', async () => {
    const { items } = must(await list(ann, { sort: 'name' }), 200, 'list').body;
    assert.deepEqual(items.map((user) => user.name), ['Bob', 'ann', 'ann_lee', 'anna', root.name]);
    for (const user of items)
      assert.deepEqual(Object.keys(user).filter((name) => name !== 'email' || user.id !== ann.id), ['id', 'created_at', 'updated_at', 'version', 'name']);
    assert.ok('email' in items.find((user) => user.id === ann.id), 'one\'s own');
    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    await socket.connect();
    const { rpc } = await socket.call('rpc', { method: 'user.list', data: { sort: ['name'], limit: 2 } });
    await socket.close();
    assert.deepEqual(rpc.data.items, items.slice(0, 2), 'by the socket');
    assert.equal(must(await list(ann, { count: true, limit: 1 }), 200, 'count').body.count, 5);
    must(await ann.api('GET', `/user/${gone.id}`), 404, 'detail of a disabled one');
    must(await ann.api('GET', `/user/${bob.id}`), 200, 'detail');
    must(await anonymous(server.url).api('GET', '/user'), 401, 'not signed in');
  });

  test('are found by the beginning of the name, in capitals too, page by page', async () => {
    assert.deepEqual(await names(bob, { 'name[like]': 'AN*', sort: 'name' }), ['ann', 'ann_lee', 'anna']);
    assert.deepEqual(await names(bob, { 'name[like]': 'ann_*', sort: 'name' }), ['ann_lee'], 'the underscore is itself');
    assert.deepEqual(await names(bob, { 'name[like]': '%' }), []);
    const first = must(await list(bob, { 'name[like]': 'an*', sort: 'name', limit: 2 }), 200, 'first').body;
    assert.deepEqual(first.items.map((user) => user.name), ['ann', 'ann_lee']);
    const second = must(await list(bob, { 'name[like]': 'an*', sort: 'name', limit: 2, cursor: first.next }), 200, 'second').body;
    assert.deepEqual(second.items.map((user) => user.name), ['anna']);
    assert.equal(second.next, null);
  });

  test('administrators see all of them and everything', async () => {
    assert.deepEqual(await names(root, { disabled: true }), ['annoyed']);
    assert.deepEqual(await names(root, { superuser: true }), [root.name]);
    const lee = must(await list(root, { email: 'lee@example.org', fields: 'name,email,superuser,disabled' }), 200, 'by e-mail').body.items;
    assert.deepEqual(lee, [{ name: 'ann_lee', email: 'lee@example.org', superuser: false, disabled: false }]);
    assert.equal(must(await root.api('GET', `/user/${gone.id}`), 200, 'detail').body.disabled, true);
  });

  test('nobody else learns by asking who is an administrator, disabled, or has which e-mail address', async () => {
    const unknown = must(await list(ann, { nothing: 'x' }), 400, 'unknown').body.detail;
    for (const name of ['superuser', 'disabled', 'email', 'password_hash', 'name_folded']) {
      const filter = must(await list(ann, { [name]: name === 'email' ? 'lee@example.org' : 'true' }), 400, name).body.detail;
      assert.equal(filter, unknown.replace('nothing', name));
      for (const operator of ['ne', 'in', 'like', 'null', 'gt']) must(await list(ann, { [`${name}[${operator}]`]: 'true' }), 400, `${name} ${operator}`);
      must(await list(ann, { sort: name }), 400, `sorted by ${name}`);
      must(await list(ann, { sort: `-${name}` }), 400, `sorted by ${name}`);
    }
    for (const fields of ['superuser', 'disabled', 'name,superuser']) must(await list(ann, { fields }), 400, fields);
    assert.deepEqual(must(await list(ann, { fields: 'name,email', 'name[like]': 'ann_*' }), 200, 'of others').body.items, [{ name: 'ann_lee' }]);
    assert.equal('superuser' in must(await ann.api('GET', `/user/${ann.id}`), 200, 'oneself').body, false);
  });

  test('without the right to read people there is no list', async () => {
    const { id } = must(await root.api('GET', '/grant'), 200, 'grants').body.items.find((grant) => grant.subject === 'members' && grant.model === 'user');
    must(await root.api('DELETE', `/grant/${id}`), 204, 'take it away');
    must(await list(ann, {}), 403, 'list');
    must(await root.api('POST', '/grant', { subject: 'members', model: 'user', rights: ['read'] }), 201, 'give it back');
    must(await list(ann, {}), 200, 'list');
  });
});

describe('forged requests', () => {
  let server, ann, bob, room;
  before(async () => {
    server = await startServer();
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
    room = must(await ann.api('POST', '/room', { kind: 'public', name: 'general' }), 201, 'room').body;
  });
  after(() => server.stop());

  /** What the rules say: the status of a request that, if nothing is wrong with where it comes from, gets `fine`. */
  function expected({ credential, origin, site, token, fine }) {
    const isOwn = [undefined, server.url].includes(origin) && [undefined, 'same-origin', 'none'].includes(site);
    if (credential === 'bearer') return fine;
    if (!isOwn) return 403;
    if (credential === 'none') return 401;
    return token === ann.csrf ? fine : 403;
  }

  test('a write needs its own page and its session\'s token, by every method', async () => {
    const writes = [
      { method: 'PATCH', path: `/room/${room.id}`, body: (i) => ({ topic: `topic ${i}` }), fine: 200 },
      { method: 'POST', path: `/room/${room.id}/read`, body: () => ({ offset: 0 }), fine: 200 },
      { method: 'DELETE', path: '/session/999999', body: () => undefined, fine: 404 },
    ];
    const origins = [undefined, server.url, 'http://evil.example', 'null', `${server.url}.evil.example`, server.url.replace('http:', 'https:')];
    const sites = [undefined, 'same-origin', 'none', 'same-site', 'cross-site', 'nonsense'];
    const tokens = [undefined, ann.csrf, bob.csrf, ann.csrf.slice(0, -1), ''];
    const credentials = { cookie: { Cookie: ann.cookie }, bearer: { Authorization: `Bearer ${ann.cookie.replace('sid=', '')}` }, none: {} };
    const wrong = [];
    let changes = 0;
    let i = 0;
    for (const { method, path, body, fine } of writes)
      for (const origin of origins)
        for (const site of sites)
          for (const token of tokens)
            for (const [credential, headers] of Object.entries(credentials)) {
              const answer = await request(`${server.url}/api/v1${path}`, {
                method,
                body: body(++i),
                headers: {
                  ...headers,
                  ...(origin === undefined ? {} : { Origin: origin }),
                  ...(site === undefined ? {} : { 'Sec-Fetch-Site': site }),
                  ...(token === undefined ? {} : { 'X-CSRF-Token': token }),
                },
              });
              const right = expected({ credential, origin, site, token, fine });
              if (method === 'PATCH' && right === fine) changes++;
              if (answer.status !== right) wrong.push({ method, origin, site, token, credential, right, status: answer.status });
              assert.equal(answer.headers['access-control-allow-origin'], undefined);
            }
    assert.deepEqual(wrong, []);
    const now = must(await ann.api('GET', `/room/${room.id}`), 200, 'room').body;
    assert.equal(now.version - room.version, changes, 'what was refused changed nothing');
  });

  test('nobody is signed in or out by another site', async () => {
    const foreign = { Origin: 'http://evil.example' };
    const client = anonymous(server.url);
    const answer = await client.api('POST', '/login', { name: 'bob', password: PASSWORD }, foreign);
    must(answer, 403, 'login');
    assert.deepEqual(cookiesOf(answer), []);
    must(await client.api('POST', '/register', { name: 'forged', password: PASSWORD }, foreign), 403, 'register');
    must(await ann.api('POST', '/logout', undefined, foreign), 403, 'logout');
    must(await ann.api('POST', '/logout', undefined, { 'X-CSRF-Token': '' }), 403, 'logout without the token');
    must(await ann.api('GET', '/me'), 200, 'still there');
  });

  test('a form of another site has no type that is taken', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/json,text/plain'])
      must(
        await ann.api('POST', '/room', JSON.stringify({ kind: 'public', name: 'forged' }), { 'Content-Type': type }),
        415,
        type,
      );
    must(
      await ann.api('PATCH', `/room/${room.id}`, JSON.stringify({ topic: 'x' }), { 'Content-Type': 'Application/JSON ; charset=utf-8' }),
      200,
      'the right type',
    );
  });
});

describe('the first and the last administrator', () => {
  test('of a hundred who use the set-up link at once, one becomes administrator', async () => {
    const server = await startServer({ flags: { 'http.proxies': '127.0.0.1', 'http.connections_per_address_max': 0 } });
    try {
      const token = await setupToken(server);
      const client = anonymous(server.url);
      must(await client.api('GET', `/setup?token=${token}`), 204, 'before');
      must(await client.api('GET', `/setup?token=${token.slice(1)}`), 404, 'a wrong one');
      must(await client.api('GET', '/setup'), 404, 'none');
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          anonymous(server.url).api('POST', '/setup', { token, name: `root${i}`, password: PASSWORD }, from(`192.0.2.${i}`)),
        ),
      );
      const made = answers.filter((answer) => answer.status === 201);
      assert.equal(made.length, 1);
      assert.equal(made[0].body.user.superuser, true);
      for (const answer of answers) assert.ok([201, 404, 429].includes(answer.status), answer.text);
      must(await client.api('GET', `/setup?token=${token}`), 404, 'afterwards');
      must(await client.api('POST', '/setup', { token, name: 'late', password: PASSWORD }, from('192.0.2.200')), 404, 'afterwards');
      const root = await login(server.url, made[0].body.user.name);
      const { items } = must(await root.api('GET', '/user'), 200, 'users').body;
      assert.deepEqual(items.map((user) => user.superuser), [true]);
      await server.stop();

      const again = await startServer({ dataDir: server.dataDir });
      await again.stop();
      assert.ok(!again.output().includes('/setup?token='), 'no link while there is an administrator');
    } finally {
      await server.stop();
    }
  });

  test('the last administrator stays, also when two are demoted at once', async () => {
    const server = await startServer();
    try {
      const root = await firstAdministrator(server);
      for (const change of [{ superuser: false }, { disabled: true }]) {
        const answer = must(await root.api('PATCH', `/user/${root.id}`, change), 409, JSON.stringify(change));
        assert.match(answer.body.detail, /last administrator/);
        assert.equal(answer.body.code, 'last_administrator');
      }
      for (let round = 0; round < 5; round++) {
        const two = await register(server.url, `second${round}`);
        must(await root.api('PATCH', `/user/${two.id}`, { superuser: true }), 200, 'promote');
        const [first, second] = await Promise.all([
          root.api('PATCH', `/user/${two.id}`, { superuser: false }),
          two.api('PATCH', `/user/${root.id}`, { superuser: false }),
        ]);
        const statuses = [first.status, second.status].sort();
        assert.equal(statuses[0], 200);
        assert.ok([403, 409].includes(statuses[1]), `${statuses}`);
        if (second.status === 200) must(await two.api('PATCH', `/user/${root.id}`, { superuser: true }), 200, 'back');
        if (second.status === 200) must(await root.api('PATCH', `/user/${two.id}`, { superuser: false }), 200, 'back');
      }
      must(await root.api('GET', '/grant'), 200, 'root is one still');
    } finally {
      await server.stop();
    }
  });

  test('a server that is told to stop in the middle of sign-ins ends in order', async () => {
    const server = await startServer({ flags: { 'account.hash_memory_kib': 65536, 'account.hash_passes': 3, stop_ms: 0 } });
    const answers = Array.from({ length: 30 }, (_, i) =>
      anonymous(server.url)
        .api('POST', '/register', { name: `late${i}`, password: PASSWORD })
        .catch(() => null),
    );
    await Promise.race(answers); // some are hashed, some wait
    server.signal('SIGTERM');
    await server.stop(); // the second signal: at once
    await Promise.all(answers);
  });
});
