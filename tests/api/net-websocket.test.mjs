// The WebSocket of the network layer alone, from outside: the echo server of tests/unit/net, raw sockets, no client library.
import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { get, options, start } from './lib/echo.mjs';
import { KEY, Raw, acceptOf, closing, frame, handshake, openWebSocket } from './lib/raw.mjs';

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
