// The network layer alone, from outside: the echo server of tests/unit/net, raw sockets, no client library.
// The program is named by ECHO_SERVER.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { KEY, Raw, acceptOf, closing, frame, handshake, openWebSocket } from './lib/raw.mjs';

const program = process.env.ECHO_SERVER;
const options = { skip: program ? false : 'ECHO_SERVER names no program' };

/** Start the echo server; stop() ends it and checks that it ended cleanly, sanitizers included. */
async function start(...settings) {
  const child = spawn(program, settings, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(Number(String(data).trim())));
    exited.then(({ code }) => reject(new Error(`exit ${code}: ${errors}`)));
  });
  return {
    port,
    pid: child.pid,
    errors: () => errors,
    async stats() {
      const raw = new Raw(port);
      raw.send('GET /stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const stats = (await raw.answer()).json();
      raw.destroy();
      return stats;
    },
    /** Wait until the statistics are as `test` wants them. */
    async settled(test) {
      for (;;) {
        const stats = await this.stats();
        if (test(stats)) return stats;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async stop() {
      child.stdin.end();
      const { code, signal } = await exited;
      assert.deepEqual({ code, signal, errors: errors.match(/ERROR: \w+Sanitizer|runtime error.*/g) }, { code: 0, signal: null, errors: null }, errors);
    },
  };
}

/** Send bytes; the first answer's status, and whether the server closed. */
async function probe(port, bytes) {
  const raw = new Raw(port);
  raw.send(bytes);
  const answer = await raw.answer();
  await raw.end();
  const rest = raw.bytes.toString('latin1');
  raw.destroy();
  return { status: answer.status, connection: answer.headers.connection, rest };
}

const get = (path = '/echo', lines = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${lines}\r\n`;
const post = (body, lines = '', path = '/body') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${lines}\r\n${body}`;
const chunked = (chunks, lines = '') => `POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n${lines}\r\n${chunks}`;

describe('HTTP framing', options, () => {
  let server;
  before(async () => (server = await start()));
  after(() => server.stop());

  const withBody = (lines) => `POST /body HTTP/1.1\r\nHost: x\r\n${lines}\r\nhello`;
  const refused = [
    // which bytes, which status
    ...['-5', '+5', '0x5', '5 ', '5, 5', '5,5', '5;5', '5.0', '', ' ', 'five', '05x', '99999999999999999999', '1e3', '٥', '5\t6', '"5"', '--5', '5-']
      .filter((value) => value !== '5 ')
      .map((value) => [withBody(`Content-Length: ${value}\r\n`), 400, `Content-Length ${JSON.stringify(value)}`]),
    [withBody('Content-Length: 5\r\nContent-Length: 5\r\n'), 400, 'two equal lengths'],
    [withBody('Content-Length: 5\r\nContent-Length: 6\r\n'), 400, 'two different lengths'],
    [withBody('Content-Length: 5\r\ncontent-length: 5\r\n'), 400, 'two lengths in two cases'],
    [withBody('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'), 400, 'length and chunked'],
    [withBody('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'), 400, 'chunked and length'],
    [withBody('Transfer-Encoding: identity\r\nContent-Length: 5\r\n'), 400, 'identity and length'],
    ...['gzip', 'identity', 'chunked, chunked', 'gzip, chunked', 'chunked, gzip', 'xchunked', 'chunkedx', '"chunked"', 'chunked;q=1', ',chunked', 'chunked,', 'chun ked', 'x']
      .map((value) => [withBody(`Transfer-Encoding: ${value}\r\n`), [400, 501], `Transfer-Encoding ${value}`]),
    [withBody('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'), 400, 'chunked twice'],
    [withBody('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'), 400, 'chunked and identity'],
    [withBody('Transfer-Encoding:\r\n'), [400, 501], 'an empty coding'],
    [withBody('Transfer-Encoding: \x0bchunked\r\n'), 400, 'a vertical tab before chunked'],
    [withBody('Transfer-Encoding : chunked\r\n'), 400, 'a blank before the colon'],
    [withBody('Content-Length : 5\r\n'), 400, 'a blank before the colon of the length'],
    [withBody('Content-Length\t: 5\r\n'), 400, 'a tab before the colon'],
    [withBody(' Content-Length: 5\r\n'), 400, 'a folded line'],
    [withBody('X: a\r\n b\r\nContent-Length: 5\r\n'), 400, 'a continued value'],
    [withBody('X: a\r\n\tb\r\nContent-Length: 5\r\n'), 400, 'a value continued with a tab'],
    [withBody('X\r\n'), 400, 'a line without a colon'],
    [withBody(': x\r\n'), 400, 'a line without a name'],
    [withBody('X Y: z\r\n'), 400, 'a blank in a name'],
    [withBody('X(Y): z\r\n'), 400, 'a bracket in a name'],
    [withBody('X\x00Y: z\r\n'), 400, 'a NUL in a name'],
    [withBody('X: a\x00b\r\n'), 400, 'a NUL in a value'],
    [withBody('X: a\x01b\r\n'), 400, 'a control byte in a value'],
    [withBody('X: a\x7fb\r\n'), 400, 'a DEL in a value'],
    [withBody('X: a\rb\r\n'), 400, 'a bare CR in a value'],
    [withBody('X: a\nContent-Length: 5\r\n'), 400, 'a bare LF in a value'],
    [withBody('Xé: a\r\n'), 400, 'a name beyond ASCII'],
    [withBody('Connection: close\r\n'), 411, 'a POST without a length'],
    ['PUT /a HTTP/1.1\r\nHost: x\r\n\r\n', 411, 'a PUT without a length'],
    ['PATCH /a HTTP/1.1\r\nHost: x\r\n\r\n', 411, 'a PATCH without a length'],
    ['GET /a HTTP/1.1\nHost: x\n\n', 400, 'lines that end with LF'],
    ['GET /a HTTP/1.1\r\nHost: x\n\r\n', 400, 'one line that ends with LF'],
    ['GET /a HTTP/1.1\r\n\r\n', 400, 'no Host'],
    ['GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400, 'two Hosts'],
    ['GET /a HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n', 400, 'two different Hosts'],
    ...['', ' ', 'a b', 'a/b', 'user@x', 'x:', 'x:abc', 'x:123456', '[::1', '::1', 'x,y', 'x?y', 'x#y', '<script>', 'é', '[]', 'x:80:80', '"x"', '[::1]x']
      .map((host) => [`GET /a HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, `Host ${JSON.stringify(host)}`]),
    ['GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello', 400, 'a GET with a body'],
    ['HEAD /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello', 400, 'a HEAD with a body'],
    ['GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'a GET with a chunked body'],
    ['POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'chunked in HTTP/1.0'],
    ['GET  /a HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'two blanks before the target'],
    ['GET /a  HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'two blanks behind the target'],
    ['GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'a blank in the target'],
    ['GET\t/a\tHTTP/1.1\r\nHost: x\r\n\r\n', 400, 'tabs in the request line'],
    [' GET /a HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'a blank before the method'],
    ['GET /a HTTP/1.1 \r\nHost: x\r\n\r\n', 400, 'a blank behind the version'],
    ['GET /a\r\nHost: x\r\n\r\n', [400, 505], 'no version'],
    ['GET /a HTTP/2.0\r\nHost: x\r\n\r\n', 505, 'version 2.0'],
    ['GET /a HTTP/1.2\r\nHost: x\r\n\r\n', [400, 505], 'version 1.2'],
    ['GET /a HTTP/0.9\r\nHost: x\r\n\r\n', [400, 505], 'version 0.9'],
    ['GET /a HTTP/11\r\nHost: x\r\n\r\n', 400, 'version 11'],
    ['GET /a http/1.1\r\nHost: x\r\n\r\n', 400, 'a version in lower case'],
    ['GET /a HTTQ/1.1\r\nHost: x\r\n\r\n', 400, 'another protocol'],
    ['GET a HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'a target without a slash'],
    ['GET * HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'an asterisk'],
    ['GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'an absolute target of another host'],
    ['GET ftp://x/a HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'another scheme'],
    ['GET //../a#b HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'a fragment'],
    ['GET /é HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'a raw byte beyond ASCII in the target'],
    ['GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'a broken escape'],
    ['GET /% HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'half an escape'],
    ['GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'an escaped NUL'],
    ['GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'an escaped byte that is no UTF-8'],
    ['GET /%c0%af HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'an overlong slash'],
    ['GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 404, 'a dot segment'],
    ['GET /a/..%2f..%2fetc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 404, 'an escaped slash behind dots'],
    ['GET /%2e%2e/b HTTP/1.1\r\nHost: x\r\n\r\n', 404, 'escaped dots'],
    ['GET /a/. HTTP/1.1\r\nHost: x\r\n\r\n', 404, 'a single dot'],
    ['TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'TRACE'],
    ['CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'CONNECT'],
    ['CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n', [400, 405], 'CONNECT with a path'],
    ['PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'PROPFIND'],
    ['get / HTTP/1.1\r\nHost: x\r\n\r\n', [400, 501], 'a method in lower case'],
    ['BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 501, 'an unknown method'],
    ['GETT / HTTP/1.1\r\nHost: x\r\n\r\n', [400, 501], 'nearly a method'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'the preface of HTTP/2'],
    [get('/', 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'), 400, 'an upgrade to h2c'],
    [get('/', 'Upgrade: foo\r\nConnection: Upgrade\r\n'), 400, 'an upgrade to something'],
    [get('/', 'Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n'), 400, 'a list of upgrades'],
    [get('/', 'Upgrade: \r\nConnection: Upgrade\r\n'), 400, 'an upgrade to nothing'],
    [get('/', 'Upgrade: websocket\r\nUpgrade: h2c\r\n'), 400, 'two upgrades'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'a TLS hello'],
    ['\x00\x00\x00', 400, 'NULs'],
    ['\n', 400, 'a line feed'],
    [post('hello', 'Content-Encoding: gzip\r\n'), 415, 'a compressed body'],
    [post('hello', 'Expect: 200-ok\r\n'), 417, 'an unknown expectation'],
    [post('hello', 'Content-Type: a\r\nContent-Type: b\r\n'), 400, 'two content types'],
    [post('hello', 'Cookie: a=1\r\nCookie: a=2\r\n'), 400, 'two cookie lines'],
    [post('hello', 'Authorization: a\r\nAuthorization: b\r\n'), 400, 'two authorizations'],
    [get('/', 'Origin: http://x\r\nOrigin: http://y\r\n'), 400, 'two origins'],
    [`POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n`, 413, 'a body over the limit, at once'],
    [get(`/${'a'.repeat(9000)}`), 431, 'a long target'],
    [get('/', `X: ${'a'.repeat(9000)}\r\n`), 431, 'a long header'],
    [get('/', 'X: y\r\n'.repeat(65)), 431, 'many headers'],
    ['G'.repeat(9000), 431, 'a line without an end'],
    ...['5\nhello\r\n0\r\n\r\n', 'x\r\n', '+5\r\nhello\r\n0\r\n\r\n', '-1\r\n', '0x5\r\nhello\r\n0\r\n\r\n', '\r\n', ' 5\r\nhello\r\n0\r\n\r\n', '5 \r\nhello\r\n0\r\n\r\n',
      '5\r\nhelloX\r\n0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhello0\r\n\r\n', '123456789\r\n', 'ffffffffffffffff\r\n', '5;a=\nb\r\nhello\r\n0\r\n\r\n', '5\rhello',
      '0\r\nA: b\n\r\n', '0\r\n a: b\r\n\r\n', '0\r\nA: \x00\r\n\r\n', `5;${'a'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`, `0\r\nA: ${'b'.repeat(5000)}\r\n\r\n`, '5;\x00\r\nhello\r\n0\r\n\r\n']
      .map((bytes) => [chunked(bytes), 400, `chunks ${JSON.stringify(bytes.slice(0, 24))}`]),
    [chunked('11000\r\n' + 'a'.repeat(0x11000) + '\r\n0\r\n\r\n'), 413, 'a chunked body over the limit'],
    [chunked('8000\r\n' + 'a'.repeat(0x8000) + '\r\n8001\r\n' + 'a'.repeat(0x8001) + '\r\n0\r\n\r\n'), 413, 'two chunks over the limit'],
  ];

  it('has at least a hundred vectors', () => assert.ok(refused.length >= 100, String(refused.length)));

  for (const [bytes, expected, name] of refused) {
    it(`refuses ${name}, and closes`, async () => {
      // A second request behind the bad one must never be answered.
      const { status, connection, rest } = await probe(server.port, Buffer.from(`${bytes}`, 'latin1'));
      assert.ok([].concat(expected).includes(status), `${status}, not ${expected}`);
      assert.match(connection, /close/);
      assert.equal(rest, '');
    });
  }

  it('never answers what comes behind a bad request', async () => {
    for (const [bytes] of refused.filter((row) => !row[0].startsWith('CONNECT')).slice(0, 60)) {
      const { rest } = await probe(server.port, Buffer.from(`${bytes}${get('/smuggled')}`, 'latin1'));
      assert.equal(rest, '', bytes);
    }
  });

  it('answers a GET and a POST with a body in one packet, in order', async () => {
    const raw = new Raw(server.port);
    raw.send(get('/echo?first') + post('a body') + get('/echo?third'));
    assert.equal((await raw.answer()).json().query, 'first');
    assert.equal((await raw.answer()).body, 'a body');
    assert.equal((await raw.answer()).json().query, 'third');
    raw.destroy();
  });

  it('keeps the order when the first answer comes later', async () => {
    const raw = new Raw(server.port);
    raw.send(post('one', '', '/later?x') + get('/echo?second') + post('three', '', '/later?y') + post('four'));
    assert.equal((await raw.answer()).body, 'x one');
    assert.equal((await raw.answer()).json().query, 'second');
    assert.equal((await raw.answer()).body, 'y three');
    assert.equal((await raw.answer()).body, 'four');
    raw.destroy();
  });

  it('answers a thousand pipelined requests', async () => {
    const raw = new Raw(server.port);
    raw.send(Array.from({ length: 1000 }, (_, i) => get(`/echo?${i}`)).join(''));
    for (let i = 0; i < 1000; i++) assert.equal((await raw.answer()).json().query, String(i));
    raw.destroy();
  });

  it('does not read on while answers are not taken', async () => {
    const raw = new Raw(server.port);
    await raw.connected;
    raw.socket.pause();
    // Larger than what the kernel makes room for at once, so that each answer is written in several parts.
    raw.send(get('/large?bytes=8000000').repeat(6));
    await server.settled((stats) => stats.requests > 0);
    raw.socket.resume();
    for (let i = 0; i < 6; i++) assert.equal((await raw.answer()).body.length, 8000000);
    raw.destroy();
  });

  const requests = [
    ['a GET', get('/a%20b/ü'.replace('ü', '%C3%BC') + '?q=1&r=%20', 'Cookie: a=b; sid=xyz\r\nX-Test:  padded \t\r\n'), (answer) => {
      assert.equal(answer.json().path, '/a b/ü');
      assert.equal(answer.json().query, 'q=1&r=%20');
      assert.equal(answer.json().cookie, 'xyz');
      assert.equal(answer.json().test, 'padded');
    }],
    ['a POST', post('hello\r\nworld'), (answer) => assert.equal(answer.body, 'hello\r\nworld')],
    ['a chunked POST', chunked('5\r\nhello\r\n6;x="y"\r\n world\r\n0\r\nTrailer: x\r\n\r\n'), (answer) => assert.equal(answer.body, 'hello world')],
    ['an empty chunked POST', chunked('0\r\n\r\n'), (answer) => assert.equal(answer.body, '')],
    ['two POSTs', post('one') + post('two', '', '/echo'), (answer) => assert.equal(answer.body, 'one')],
  ];
  for (const [name, bytes, check] of requests) {
    it(`reads ${name} split at every byte`, async () => {
      for (let at = 1; at < bytes.length; at++) {
        const raw = new Raw(server.port);
        raw.send(bytes.slice(0, at));
        await raw.connected;
        await new Promise((resolve) => setImmediate(resolve));
        raw.send(bytes.slice(at));
        const answer = await raw.answer();
        assert.equal(answer.status, 200, `split at ${at}`);
        check(answer);
        raw.destroy();
      }
      const raw = new Raw(server.port);
      await raw.drip(bytes);
      check(await raw.answer());
      raw.destroy();
    });
  }

  it('accepts what is unusual but right', async () => {
    const rows = [
      ['HTTP/1.0, closed after', 'GET /echo HTTP/1.0\r\n\r\n', true],
      ['Connection: close', get('/echo', 'Connection: close\r\n'), true],
      ['an empty line in front', `\r\n${get()}`, false],
      ['an absolute target', 'GET http://x/echo HTTP/1.1\r\nHost: x\r\n\r\n', false],
      ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', false],
      ['an address as Host', 'GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n', false],
      ['a GET of length 0', get('/echo', 'Content-Length: 0\r\n'), false],
      ['a DELETE with a body', 'DELETE /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}', false],
      ['an empty value', get('/echo', 'X-Test:\r\n'), false],
      ['sixty-three headers', get('/echo', 'X: y\r\n'.repeat(63)), false],
      ['three dots', get('/...'), false],
    ];
    for (const [name, bytes, closes] of rows) {
      const raw = new Raw(server.port);
      raw.send(bytes);
      const answer = await raw.answer();
      assert.equal(answer.status, 200, name);
      if (closes) await raw.end();
      else {
        raw.send(get());
        assert.equal((await raw.answer()).status, 200, `${name}: the connection lives on`);
      }
      raw.destroy();
    }
  });

  it('sends 100 Continue before the body, and 413 instead of it', async () => {
    const raw = new Raw(server.port);
    raw.send('POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    assert.equal((await raw.answer()).status, 100);
    raw.send('hello');
    assert.equal((await raw.answer()).body, 'hello');
    raw.destroy();
    const { status } = await probe(server.port, 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\nExpect: 100-continue\r\n\r\n');
    assert.equal(status, 413);
  });

  it('gives every answer its security headers, and HEAD no body', async () => {
    for (const bytes of [get(), get('/api/x'), get('/problem'), 'BAD\r\n\r\n', get('/', 'Upgrade: x\r\n')]) {
      const raw = new Raw(server.port);
      raw.send(bytes);
      const { headers } = await raw.answer();
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.ok(headers['referrer-policy'] && headers.date && headers['content-length']);
      raw.destroy();
    }
    const raw = new Raw(server.port);
    raw.send(get('/api/x') + 'HEAD /large?bytes=5 HTTP/1.1\r\nHost: x\r\n\r\n' + get('/echo'));
    assert.equal((await raw.answer()).headers['cache-control'], 'no-store');
    const head = await raw.answer({ head: true });
    assert.equal(head.headers['content-length'], '5');
    assert.equal((await raw.answer()).status, 200);
    raw.destroy();
  });

  it('tells problems as RFC 9457 does', async () => {
    const raw = new Raw(server.port);
    raw.send(get('/problem'));
    const answer = await raw.answer();
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.equal(answer.headers['retry-after'], '1');
    assert.equal(answer.json().code, 'too_many_requests');
    raw.destroy();
  });

  it('answers a client that has closed its sending half', async () => {
    for (const path of ['/echo', '/later?x']) {
      const raw = new Raw(server.port);
      raw.send(get(path));
      raw.socket.end();
      assert.equal((await raw.answer()).status, 200);
      await raw.end();
    }
  });

  it('survives clients that leave before the answer', async () => {
    for (let i = 0; i < 50; i++) {
      const raw = new Raw(server.port);
      await raw.connected;
      raw.send(get('/later?x') + get('/large?bytes=5000000'));
      if (i % 2) raw.socket.resetAndDestroy();
      else raw.destroy();
    }
    await server.settled((stats) => stats.connections === 1);
  });

  it('tells own from foreign by Origin and Sec-Fetch-Site', async () => {
    const rows = [
      ['', true], ['Origin: http://x\r\n', true], ['Origin: http://y\r\n', false], ['Origin: null\r\n', false],
      ['Sec-Fetch-Site: same-origin\r\n', true], ['Sec-Fetch-Site: none\r\n', true], ['Sec-Fetch-Site: cross-site\r\n', false],
      ['Sec-Fetch-Site: same-site\r\n', false], ['Origin: http://x\r\nSec-Fetch-Site: cross-site\r\n', false],
    ];
    for (const [lines, own] of rows) {
      const raw = new Raw(server.port);
      raw.send(get('/echo', lines));
      assert.equal((await raw.answer()).json().own, own, lines);
      raw.destroy();
    }
  });
});

describe('deadlines and limits', options, () => {
  it('closes a connection that says nothing, answers a half head and a half body with 408', async () => {
    const server = await start('header_ms=200', 'body_ms=200');
    const silent = new Raw(server.port);
    await silent.end();
    assert.equal(silent.bytes.length, 0);
    assert.equal((await probe(server.port, 'GET / HTTP/1.1\r\nHost: ')).status, 408);
    assert.equal((await probe(server.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel')).status, 408);
    assert.equal((await probe(server.port, chunked('5\r\nhel'))).status, 408);
    await server.stop();
  });

  it('gives a dripping head and body no more time', async () => {
    const server = await start('header_ms=300', 'body_ms=300');
    for (const [first, byte] of [['GET / HTTP/1.1\r\nX: ', 'a'], ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n', 'b'], ['', '\r\n']]) {
      const raw = new Raw(server.port);
      raw.send(first);
      const timer = setInterval(() => raw.send(byte), 20);
      await raw.end();
      clearInterval(timer);
      raw.destroy();
    }
    await server.stop();
  });

  it('closes an idle connection, but not one at work', async () => {
    const server = await start('idle_ms=150');
    const raw = new Raw(server.port);
    raw.send(get('/later?x'));
    assert.equal((await raw.answer()).status, 200);
    await raw.end();
    await server.stop();
  });

  it('closes a connection whose answers are not taken', async () => {
    const server = await start('idle_ms=200');
    const raw = new Raw(server.port);
    await raw.connected;
    raw.socket.pause();
    raw.send(get('/large?bytes=8000000'));
    await server.settled((stats) => stats.requests >= 1 && stats.connections === 1);
    raw.destroy();
    await server.stop();
  });

  it('lets an address hold only so many connections', async () => {
    const server = await start('per_address=5');
    const kept = [];
    for (let i = 0; i < 5; i++) kept.push(new Raw(server.port));
    for (const raw of kept) {
      raw.send(get());
      await raw.answer();
    }
    const sixth = new Raw(server.port);
    await sixth.end();
    kept.pop().destroy();
    await new Promise((resolve) => kept[0].socket.once('data', resolve) && kept[0].send(get('/later?x')));
    const again = await openWebSocket(server.port);
    const seventh = new Raw(server.port);
    await seventh.end();
    again.destroy();
    for (const raw of kept) raw.destroy();
    await server.stop();
  });

  it('counts the clients of a believed proxy by what it forwards', async () => {
    const server = await start('per_address=2', 'proxy=127.0.0.1');
    const open = (address) => openWebSocket(server.port, { 'X-Forwarded-For': address });
    const sockets = [await open('9.9.9.9'), await open('9.9.9.9'), await open('8.8.8.8')];
    await assert.rejects(open('9.9.9.9'), /503/);
    await assert.rejects(open('1.2.3.4, 9.9.9.9'), /503/, 'what the client wrote in front proves nothing');
    await assert.rejects(open('9.9.9.9, 127.0.0.1'), /503/, 'the proxy itself is skipped');
    const network = [await open('2001:db8::1'), await open('2001:db8::ffff:1')];
    await assert.rejects(open('2001:db8::2'), /503/, 'a network of 64 bits counts as one');
    sockets[0].send(frame('hello'));
    assert.match((await sockets[0].frame()).text, /peer=9\.9\.9\.9 /);
    for (const raw of [...sockets, ...network]) raw.destroy();
    await server.stop();
  });

  it('believes X-Forwarded-Proto of a proxy only', async () => {
    for (const [settings, secure] of [[['proxy=127.0.0.1'], true], [[], false]]) {
      const server = await start(...settings);
      const raw = new Raw(server.port);
      raw.send(get('/echo', 'X-Forwarded-Proto: https\r\nX-Forwarded-For: 7.7.7.7\r\nOrigin: https://x\r\n'));
      const seen = (await raw.answer()).json();
      assert.equal(seen.secure, secure);
      assert.equal(seen.own, secure);
      assert.equal(seen.peer, secure ? '7.7.7.7' : '127.0.0.1');
      raw.destroy();
      await server.stop();
    }
  });

  it('outlives 2,000 connections at a low limit of files, without spinning', async () => {
    const server = await start('files=256');
    const kept = new Raw(server.port);
    kept.send(get());
    await kept.answer();
    const crowd = Array.from({ length: 2000 }, () => new Raw(server.port));
    const ended = await Promise.all(crowd.map((raw) => raw.connected.then(() => true, () => false)));
    assert.ok(ended.filter(Boolean).length > 100);
    await Promise.all(crowd.slice(300).map((raw) => raw.end()));
    const ticks = () => readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0);
    const used = ticks();
    // 20 answers on the old connection while the crowd holds every place: the loop is not busy with anything else.
    for (let i = 0; i < 20; i++) {
      kept.send(get('/later?x'));
      assert.equal((await kept.answer()).status, 200);
    }
    assert.ok(ticks() - used < 50, `${ticks() - used} ticks of CPU for 20 requests in a second`);
    for (const raw of crowd) raw.destroy();
    await kept.send(get('/stats'));
    await kept.answer();
    kept.destroy();
    await server.stop();
  });

  it('drops newcomers when others have used up the descriptors, and comes back', async () => {
    // The limit leaves room for 192 connections, but only about 100 descriptors are left for them.
    const server = await start('files=256', 'hold=140');
    const crowd = Array.from({ length: 300 }, () => new Raw(server.port));
    await Promise.all(crowd.map((raw) => raw.connected.catch(() => {})));
    await Promise.all(crowd.slice(150).map((raw) => raw.end()));
    assert.match(server.errors(), /listener.full/);
    for (const raw of crowd) raw.destroy();
    const raw = new Raw(server.port);
    raw.send(get());
    assert.equal((await raw.answer()).status, 200);
    raw.destroy();
    await server.stop();
  });

  it('serves its owner on a Unix socket, replaces a dead one, and never a living one', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'parley-'));
    const shell = path.join(folder, 'shell.sock');
    // A file left behind by a process that died without removing it.
    const dead = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(shell)}, () => process.kill(process.pid, 'SIGKILL'))`]);
    await new Promise((resolve) => dead.once('exit', resolve));
    assert.ok(statSync(shell).isSocket());
    const server = await start(`shell=${shell}`);
    assert.equal(statSync(shell).mode & 0o777, 0o600);
    const raw = new Raw(0, { path: shell });
    raw.send(get());
    assert.deepEqual([(await raw.answer()).json()].map((seen) => [seen.shell, seen.peer]), [[true, 'shell']]);
    raw.destroy();
    await assert.rejects(start(`shell=${shell}`), /already answers/);
    await server.stop();
    assert.throws(() => statSync(shell));
    rmSync(folder, { recursive: true });
  });

  it('says what to do when it cannot listen', async () => {
    await assert.rejects(start('address=nowhere'), /write it as 127/);
    await assert.rejects(start('address=127.0.0.1:99999'), /write it as 127/);
    await assert.rejects(start('address=192.0.2.1:0'), /does not have that address/);
    await assert.rejects(start('origin=chat.example.org'), /not an origin/);
    await assert.rejects(start('proxy=localhost'), /not an address/);
  });
});

describe('the WebSocket handshake', options, () => {
  let server;
  before(async () => (server = await start('origin=https://Chat.Example.org', 'origin=http://other.example:8080')));
  after(() => server.stop());
  const status = async (headers, settings) => {
    const raw = new Raw(server.port);
    raw.send(handshake(headers, settings));
    const answer = await raw.answer();
    raw.destroy();
    return answer;
  };

  it('answers 101 with the right key, and echoes a known subprotocol only', async () => {
    const plain = await status({});
    assert.equal(plain.status, 101);
    assert.equal(plain.headers['sec-websocket-accept'], acceptOf(KEY));
    assert.equal(plain.headers['sec-websocket-protocol'], undefined);
    const rows = [
      ['centrifuge-json', 'centrifuge-json'], ['centrifuge-protobuf', 'centrifuge-protobuf'], ['foo', undefined],
      ['foo, centrifuge-json', 'centrifuge-json'], ['a,b,c', undefined], [',,', undefined], ['CENTRIFUGE-JSON', undefined],
      ['default', undefined], [`${'x'.repeat(2000)}`, undefined], [['foo', 'centrifuge-json'], 'centrifuge-json'],
    ];
    for (const [offered, echoed] of rows) {
      const answer = await status({ 'Sec-WebSocket-Protocol': offered });
      assert.equal(answer.status, 101, String(offered));
      assert.equal(answer.headers['sec-websocket-protocol'], echoed);
    }
  });

  it('never negotiates an extension', async () => {
    const answer = await status({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' });
    assert.equal(answer.status, 101);
    assert.equal(answer.headers['sec-websocket-extensions'], undefined);
  });

  it('refuses a wrong handshake with a real answer', async () => {
    const rows = [
      [{ 'Sec-WebSocket-Version': '12' }, 426], [{ 'Sec-WebSocket-Version': '8' }, 426], [{ 'Sec-WebSocket-Version': null }, 426],
      [{ 'Sec-WebSocket-Version': '13, 8' }, 426], [{ 'Sec-WebSocket-Version': ['13', '13'] }, 400], [{ 'Sec-WebSocket-Key': null }, 400],
      [{ 'Sec-WebSocket-Key': '' }, 400], [{ 'Sec-WebSocket-Key': 'short' }, 400], [{ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ=' }, 400],
      [{ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }, 400], [{ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j!Q==' }, 400],
      [{ 'Sec-WebSocket-Key': KEY + KEY }, 400], [{ 'Sec-WebSocket-Key': [KEY, KEY] }, 400], [{ Connection: null }, 400], [{ Connection: 'keep-alive' }, 400],
      [{ Connection: 'notupgrade' }, 400], [{ Upgrade: null }, 426], [{ Upgrade: 'websockets' }, 400],
      [{ 'Content-Length': '5' }, 400], [{ 'Transfer-Encoding': 'chunked' }, 400],
    ];
    for (const [headers, expected] of rows) {
      const answer = await status(headers);
      assert.equal(answer.status, expected, JSON.stringify(headers));
      if (expected === 426) assert.equal(answer.headers['sec-websocket-version'], '13');
    }
    assert.equal((await status({}, { path: '/elsewhere' })).status, 404);
    assert.equal((await status({}, { version: '1.0' })).status, 400);
    assert.equal((await status({ 'Content-Length': '0' }, { method: 'POST' })).status, 400);
    assert.equal((await status({ Connection: 'keep-alive, Upgrade', Upgrade: 'WebSocket' })).status, 101);
    assert.equal((await status({ Connection: ['keep-alive', 'upgrade'] })).status, 101);
  });

  const origins = [
    // Origin, Host, allowed
    [null, 'localhost', true], ['http://localhost', 'localhost', true], ['http://localhost', 'localhost:80', true],
    ['http://localhost', 'LOCALHOST', true], ['http://localhost:8080', 'localhost:8080', true], ['http://[::1]:8080', '[::1]:8080', true],
    ['https://chat.example.org', 'localhost', true], ['http://other.example:8080', 'localhost', true],
    ['http://localhost:80', 'localhost', false], ['https://localhost', 'localhost', false], ['http://localhost:8080', 'localhost', false],
    ['http://localhost', 'localhost:8080', false], ['HTTP://localhost', 'localhost', false], ['http://LOCALHOST', 'localhost', false],
    ['http://localhost.', 'localhost', false], ['http://localhost/', 'localhost', false], ['http://localhost/a', 'localhost', false],
    ['http://user@localhost', 'localhost', false], ['http://localhost@evil.example', 'localhost', false], ['http://evil.example', 'localhost', false],
    ['http://localhost.evil.example', 'localhost', false], ['http://evillocalhost', 'localhost', false], ['http://xlocalhost', 'localhost', false],
    ['http://localhost evil', 'localhost', false], ['http://localhost, http://evil.example', 'localhost', false], ['null', 'localhost', false],
    ['', 'localhost', false], ['file://', 'localhost', false], ['localhost', 'localhost', false], ['//localhost', 'localhost', false],
    ['http:localhost', 'localhost', false], ['http:///localhost', 'localhost', false], ['ftp://localhost', 'localhost', false],
    ['ws://localhost', 'localhost', false], ['http://chat.example.org', 'localhost', false], ['https://chat.example.org:443', 'localhost', false],
    ['https://chat.example.org.evil.example', 'localhost', false], ['https://evil.example/chat.example.org', 'localhost', false],
    ['https://Chat.Example.org', 'localhost', false], ['https://chat.example.org:8443', 'localhost', false], ['https://xchat.example.org', 'localhost', false],
    ['http://other.example', 'localhost', false], ['http://other.example:80', 'localhost', false], ['*', 'localhost', false],
    ['http://127.0.0.1', 'localhost', false], ['chrome-extension://abc', 'localhost', false], ['http://localhost#', 'localhost', false],
    ['http://localhost?', 'localhost', false],
  ];
  it('has forty origins', () => assert.ok(origins.length >= 40));
  for (const [origin, host, allowed] of origins) {
    it(`${allowed ? 'lets' : 'does not let'} a page of ${origin} connect to ${host}`, async () => {
      const answer = await status({ Origin: origin, Host: host });
      assert.equal(answer.status, allowed ? 101 : 403);
    });
  }

  it('gives the cookie on only if a page of ours sent it', async () => {
    for (const [origin, cookie] of [['http://localhost', 'sid=1'], [null, '-']]) {
      const raw = await openWebSocket(server.port, { Cookie: 'sid=1', Origin: origin });
      raw.send(frame('hello'));
      assert.match((await raw.frame()).text, new RegExp(` cookie=${cookie} `));
      raw.destroy();
    }
  });

  it('says which protocol was asked for', async () => {
    for (const [path, headers, expected] of [
      ['?cf_ws_frame_ping_pong=true', {}, /ping=1/], ['?x=1&cf_protocol=protobuf', {}, /protobuf=1/], ['?format=json', {}, /protobuf=0 ping=0/],
      ['', { 'Sec-WebSocket-Protocol': 'centrifuge-protobuf' }, /protobuf=1/],
    ]) {
      const raw = await openWebSocket(server.port, headers, { path: `/connection/websocket${path}` });
      raw.send(frame('hello'));
      assert.match((await raw.frame()).text, expected);
      raw.destroy();
    }
  });

  it('upgrades behind another request, and delivers frames of the same packet', async () => {
    const raw = new Raw(server.port);
    raw.send(Buffer.concat([Buffer.from(get() + handshake()), frame('one'), frame('two'), frame('x'.repeat(20000))]));
    assert.equal((await raw.answer()).status, 200);
    assert.equal((await raw.answer()).status, 101);
    assert.equal((await raw.frame()).text, 'one');
    assert.equal((await raw.frame()).text, 'two');
    assert.equal((await raw.frame()).text.length, 20000);
    raw.destroy();
  });

  it('reads a handshake split at every byte', async () => {
    const bytes = Buffer.concat([Buffer.from(handshake()), frame('hi')]);
    for (let at = 1; at < bytes.length; at++) {
      const raw = new Raw(server.port);
      raw.send(bytes.subarray(0, at));
      await raw.connected;
      await new Promise((resolve) => setImmediate(resolve));
      raw.send(bytes.subarray(at));
      assert.equal((await raw.answer()).status, 101);
      assert.equal((await raw.frame()).text, 'hi');
      raw.destroy();
    }
  });

  it('lets the application refuse an open socket', async () => {
    const raw = new Raw(server.port);
    raw.send(handshake({}, { path: '/connection/websocket?refuse' }));
    assert.equal((await raw.answer()).status, 101);
    assert.equal((await raw.closeFrame()).code, 3000);
    await raw.end();
  });
});

describe('WebSocket frames', options, () => {
  let server;
  before(async () => (server = await start()));
  after(() => server.stop());

  it('echoes messages of all lengths', async () => {
    const raw = await openWebSocket(server.port);
    for (const length of [0, 1, 2, 124, 125, 126, 127, 128, 505, 506, 507, 508, 510, 511, 512, 513, 514, 1000, 1023, 1024, 1025, 4096, 65535, 65536]) {
      raw.send(frame('x'.repeat(length)));
      assert.equal((await raw.frame()).text.length, length);
    }
    raw.destroy();
  });

  it('reads frames split at every byte', async () => {
    const bytes = Buffer.concat([frame('first'), frame('a', { final: false }), frame('ü', { opcode: 9 }), frame('b', { opcode: 0 }), frame('y'.repeat(300))]);
    for (let at = 1; at < bytes.length; at++) {
      const raw = await openWebSocket(server.port);
      raw.send(bytes.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      raw.send(bytes.subarray(at));
      const texts = [];
      let pong = null;
      while (texts.length < 3) {
        const next = await raw.frame();
        if (next.opcode === 10) pong = next.text;
        else texts.push(next.text);
      }
      assert.deepEqual(texts, ['first', 'ab', 'y'.repeat(300)]);
      if (pong === null) assert.equal((await raw.frame()).opcode, 10);
      raw.destroy();
    }
  });

  it('reads a stream of single bytes', async () => {
    const raw = await openWebSocket(server.port);
    await raw.drip(Buffer.concat([frame('one'), frame('z'.repeat(700)), frame('three')]));
    assert.equal((await raw.frame()).text, 'one');
    assert.equal((await raw.frame()).text.length, 700);
    assert.equal((await raw.frame()).text, 'three');
    raw.destroy();
  });

  it('reads a thousand frames of one segment, also through pauses', async () => {
    const server = await start();
    const raw = await openWebSocket(server.port);
    const all = Array.from({ length: 1000 }, (_, i) => (i % 100 === 50 ? frame('pause') : frame(`m${i}`)));
    raw.send(Buffer.concat(all));
    for (let i = 0; i < 1000; i++) if (i % 100 !== 50) assert.equal((await raw.frame()).text, `m${i}`);
    raw.send(frame('after'));
    assert.equal((await raw.frame()).text, 'after');
    assert.equal((await server.stats()).pongs, 0, 'a pause is not taken for a ping');
    raw.destroy();
    await server.stop();
  });

  it('joins many fragments, empty ones too', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(Buffer.concat([frame('a', { final: false }), ...Array.from({ length: 500 }, (_, i) => frame(i % 2 ? '' : 'b', { opcode: 0, final: false })), frame('c', { opcode: 0 })]));
    assert.equal((await raw.frame()).text, `a${'b'.repeat(250)}c`);
    raw.destroy();
  });

  it('takes a client that lengthens its frames for no reason', async () => {
    const raw = await openWebSocket(server.port);
    const mask = Buffer.from([0, 0, 0, 0]);
    raw.send(Buffer.concat([Buffer.from([0x81, 0xfe, 0, 2]), mask, Buffer.from('hi')]));
    assert.equal((await raw.frame()).text, 'hi');
    raw.destroy();
  });

  const broken = [
    ['a message over the limit', () => frame('x'.repeat(65537)), 1009],
    ['a message that says it will be huge', () => frame('x', { length: 2 ** 40 }), 1009],
    ['fragments over the limit together', () => Buffer.concat([frame('x'.repeat(40000), { final: false }), frame('x'.repeat(40000), { opcode: 0 })]), 1009],
    ['a binary frame', () => frame('x', { opcode: 2 }), 3501],
    ['a binary message in fragments', () => Buffer.concat([frame('x', { opcode: 2, final: false }), frame('x', { opcode: 0 })]), 3501],
    ['bytes that are no UTF-8', () => frame(Buffer.from([0xff, 0xfe])), 1007],
    ['an overlong character', () => frame(Buffer.from([0xc0, 0xaf])), 1007],
    ['a surrogate', () => frame(Buffer.from([0xed, 0xa0, 0x80])), 1007],
    ['half a character', () => frame(Buffer.from([0xe2, 0x82])), 1007],
    ['a reserved bit', () => frame('x', { rsv: 4 }), 1002],
    ['a reserved opcode', () => frame('x', { opcode: 3 }), 1002],
    ['a reserved control opcode', () => frame('x', { opcode: 11 }), 1002],
    ['a continuation of nothing', () => frame('x', { opcode: 0 }), 1002],
    ['a new message inside a message', () => Buffer.concat([frame('x', { final: false }), frame('y')]), 1002],
    ['a ping in fragments', () => frame('x', { opcode: 9, final: false }), 1002],
  ];
  for (const [name, bytes, code] of broken) {
    it(`closes with ${code} at ${name}`, async () => {
      const raw = await openWebSocket(server.port);
      raw.send(bytes());
      assert.equal((await raw.closeFrame()).code, code);
      raw.send(closing(code));
      await raw.end();
    });
  }

  it('closes with 1002 at unmasked frames', async () => {
    const raw = await openWebSocket(server.port);
    for (let i = 0; i < 5; i++) raw.send(frame('x', { masked: false }));
    assert.equal((await raw.closeFrame()).code, 1002);
    raw.destroy();
  });

  it('drops a control frame that is too long', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(frame('x'.repeat(200), { opcode: 9 }));
    await raw.end();
  });

  it('splits characters over fragments', async () => {
    const raw = await openWebSocket(server.port);
    const bytes = Buffer.from('€uro');
    raw.send(frame(bytes.subarray(0, 1), { final: false }), frame(bytes.subarray(1, 2), { opcode: 0, final: false }), frame(bytes.subarray(2), { opcode: 0 }));
    assert.equal((await raw.frame()).text, '€uro');
    raw.destroy();
  });

  it('answers pings, and a flood of them with 3013', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(frame('are you there', { opcode: 9 }));
    const pong = await raw.frame();
    assert.deepEqual([pong.opcode, pong.text], [10, 'are you there']);
    const ping = frame('', { opcode: 9 });
    raw.send(Buffer.concat(Array.from({ length: Math.ceil(2 ** 20 / ping.length) }, () => ping)));
    assert.equal((await raw.closeFrame()).code, 3013);
    raw.destroy();
  });

  it('closes with 3013 at eleven pings one after the other', async () => {
    const raw = await openWebSocket(server.port);
    for (let i = 0; ; i++) {
      raw.send(frame(String(i), { opcode: 9 }));
      const next = await raw.frame();
      if (next.opcode === 8) {
        assert.equal(next.code, 3013);
        break;
      }
      assert.ok(i < 100, 'a hundred pings and no end');
    }
    raw.destroy();
  });

  it('closes with 3013 at a flood of pongs', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(Buffer.concat(Array.from({ length: 50 }, () => frame('x', { opcode: 10 }))));
    assert.equal((await raw.closeFrame()).code, 3013);
    raw.destroy();
  });

  it('sees nothing wrong in a busy client, and no ping where there was none', async () => {
    const server = await start();
    const raw = await openWebSocket(server.port);
    for (let round = 0; round < 40; round++) {
      raw.send(Buffer.concat(Array.from({ length: 50 }, (_, i) => frame('m'.repeat(i * 20)))), frame('pause'));
      for (let i = 0; i < 50; i++) assert.equal((await raw.frame()).text.length, i * 20);
    }
    assert.equal((await server.stats()).pongs, 0);
    raw.destroy();
    await server.stop();
  });

  it('closes when asked, and reports the code of the peer', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(frame('close'));
    const close = await raw.closeFrame();
    assert.deepEqual([close.code, close.reason], [4000, 'as asked']);
    raw.send(closing(4000));
    await raw.end();
    for (const [bytes, code] of [[closing(1000, 'bye'), 1000], [closing(4123), 4123], [frame('', { opcode: 8 }), 1005]]) {
      const { closed } = await server.stats();
      const other = await openWebSocket(server.port);
      other.send(bytes);
      await other.closeFrame();
      await other.end();
      assert.equal((await server.settled((stats) => stats.closed > closed)).last_code, code);
    }
    const { closed } = await server.stats();
    const gone = await openWebSocket(server.port);
    gone.destroy();
    assert.equal((await server.settled((stats) => stats.closed > closed)).last_code, 1006);
  });

  it('drops a peer that does not answer a close frame', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(frame('close'));
    await raw.closeFrame();
    await raw.end();
  });

  it('ends with a peer that closes its sending half', async () => {
    const raw = await openWebSocket(server.port);
    raw.send(frame('one'));
    raw.socket.end();
    await raw.end();
  });

  it('writes more than the socket takes, in order, without losing a byte', async () => {
    const raw = await openWebSocket(server.port);
    raw.socket.pause();
    raw.send(frame('flood 20000000'), frame('last'));
    await server.settled((stats) => stats.messages > 0);
    raw.socket.resume();
    let bytes = 0;
    for (;;) {
      const next = await raw.frame();
      if (next.text === 'last') break;
      assert.ok(next.text.startsWith('abc'));
      bytes += next.payload.length;
    }
    assert.equal(bytes, 20000000);
    raw.destroy();
  });

  it('survives many that come and go at any point', async () => {
    for (let i = 0; i < 200; i++) {
      const raw = new Raw(server.port);
      await raw.connected;
      raw.send(Buffer.concat([Buffer.from(handshake()), frame('flood 100000'), frame('half', { final: false })]));
      if (i % 3 === 0) raw.socket.resetAndDestroy();
      else if (i % 3 === 1) raw.answer().then(() => raw.destroy(), () => {});
      else raw.socket.end(), raw.destroy();
    }
    await server.settled((stats) => stats.websockets === 0);
  });

  it('stops cleanly with sockets open and writes under way', async () => {
    const own = await start();
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openWebSocket(own.port)));
    for (const raw of sockets) {
      raw.socket.pause();
      raw.send(frame('flood 3000000'));
    }
    const http = new Raw(own.port);
    http.send(get('/later?x') + 'GET / HT');
    await own.settled((stats) => stats.messages === 50);
    await own.stop();
    for (const raw of sockets) raw.destroy();
    http.destroy();
  });
});
