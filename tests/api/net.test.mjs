// The network layer alone, from outside: the echo server of tests/unit/net, raw sockets, no client library.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chunked, get, options, post, probe, start } from './lib/echo.mjs';
import { untilAnswer } from './lib/nodes.mjs';
import { Raw, frame, openWebSocket } from './lib/raw.mjs';

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
    // The time runs from the accepting on: what is sent must come within it, so it is long, and all wait side by side.
    const server = await start('header_ms=3000', 'body_ms=3000');
    const silent = new Raw(server.port);
    const halves = ['GET / HTTP/1.1\r\nHost: ', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel', chunked('5\r\nhel')];
    const answers = await Promise.all(halves.map((bytes) => probe(server.port, bytes)));
    assert.deepEqual(answers.map(({ status }) => status), [408, 408, 408]);
    await silent.end();
    assert.equal(silent.bytes.length, 0);
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
    await server.waitForOutput(/listener\.full/);
    for (const raw of crowd) raw.destroy();
    // Until it has noticed that they left, it may drop newcomers still.
    await untilAnswer('a newcomer being served', () => probe(server.port, get('/echo', 'Connection: close\r\n')), (answer) => answer.status === 200);
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
