// How the server ends connections: each code, its words, and what the published SDK makes of it.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { freePorts } from './lib/ports.mjs';
import { closing, frame, openWebSocket } from './lib/raw.mjs';
import { nextEvent, rawConnect } from './lib/realtime.mjs';
import { PATIENCE_MS, startServer, within } from './lib/server.mjs';
import { assertReason, assertWords, ended, sdkWithSocket, settled, startWorld, subscribe } from './lib/talk.mjs';

const nested = (depth) => `{"id":9,"rpc":{"method":"me.detail","data":{"x":${'['.repeat(depth - 3)}${']'.repeat(depth - 3)}}}}`;
/** A command of exactly so many bytes. */
const sized = (bytes) => {
  const text = JSON.stringify({ id: 9, presence_stats: { channel: 'room:1' }, padding: '' });
  return text.replace('"padding":""', `"padding":"${'x'.repeat(bytes - text.length)}"`);
};

describe('the server closes', () => {
  let world, ann, room;
  before(async () => {
    world = await startWorld({ 'realtime.commands_per_s': 1000 });
    ({ ann, room } = world);
  });
  after(() => world?.stop());
  /** The others notice nothing. */
  const lives = async () => assert.ok((await fetch(`${world.url}/readyz`)).ok);

  // What a client may send, and what comes of it. `sdk`: the state that the SDK must end in.
  const sends = [
    [3501, 'what is not JSON', 'hello'],
    [3501, 'JSON that is no object', '[1]'],
    [3501, 'an empty message', ''],
    [3501, 'white space', ' \n\r\n '],
    [3501, 'a command that does not exist', '{"id":9,"explode":{}}'],
    [3501, 'a command that is no object', '{"id":9,"subscribe":"room:1"}'],
    [3501, 'a second connect', '{"id":9,"connect":{}}'],
    [3501, 'a pong without a ping', '{}'],
    [3501, 'a key twice', '{"id":9,"id":10,"ping":{}}'],
    [3501, 'a key twice, once with an escape', '{"id":9,"ping":{"a":1,"\\u0061":2}}'],
    [3501, 'the character NUL, escaped', '{"id":9,"subscribe":{"channel":"room:1\\u0000"}}'],
    [3501, 'the character NUL', '{"id":9,"subscribe":{"channel":"room:1\0"}}'],
    [3501, 'half a character', '{"id":9,"subscribe":{"channel":"\\ud83d"}}'],
    [3501, 'too deep a nesting', nested(33)],
    [3501, 'a nesting of 20000', `{"id":9,"rpc":${'['.repeat(20000)}${']'.repeat(20000)}}`],
    [3501, 'too many values', `{"id":9,"rpc":[${'1,'.repeat(5000)}1]}`],
    [3501, 'an endless number', '{"id":9,"rpc":{"data":1e999}}'],
    [3501, 'a number that would be rounded', '{"id":9,"history":{"channel":"room:1","limit":9007199254740993}}'],
    [3508, 'a message without an id', '{"send":{"data":{}}}'],
    [3013, '65 commands in one message', Array.from({ length: 65 }, (_, i) => `{"id":${i + 9},"ping":{}}`).join('\n')],
    [1009, 'a message above 64 KiB', sized(65537)],
  ];
  for (const [code, what, text] of sends)
    it(`with ${code} on ${what}, and the SDK ends in the state that follows`, async () => {
      const client = await world.raw(ann);
      client.socket.send(text);
      const end = await ended(client);
      assert.equal(end.code, code, end.reason);
      assertReason(end);

      const sdk = await world.sdk(ann);
      const ends = code < 3500 && code !== 1009 ? 'connecting' : 'disconnected';
      const state = nextEvent(sdk, ends);
      sdk.socket().send(text);
      const context = await state;
      // The SDK has a code of its own for a message that is too big.
      assert.equal(context.code, code === 1009 ? 3 : code);
      if (ends === 'connecting') await nextEvent(sdk, 'connected');
      else assert.equal(sdk.state, 'disconnected');
      sdk.disconnect();
      await lives();
    });

  it('nobody for what is just allowed', async () => {
    const client = await world.raw(ann);
    client.socket.send(sized(65536));
    assert.ok((await client.next((object) => object.id === 9)).presence_stats);
    client.socket.send(nested(32));
    assert.ok((await client.next((object) => object.id === 9)).error);
    client.socket.send(Array.from({ length: 64 }, (_, i) => `{"id":${i + 100},"ping":{}}`).join('\n'));
    for (let i = 0; i < 64; i++) await client.next((object) => object.id === i + 100);
    await client.close();
  });

  it('with 1009 on fragments that are too much together', async () => {
    const raw = await openWebSocket(world.server.port, { Cookie: ann.cookie });
    for (let i = 0; i < 3; i++) raw.send(frame('x'.repeat(30000), { opcode: i ? 0 : 1, final: false }));
    assert.equal((await raw.closeFrame()).code, 1009);
    raw.destroy();
  });

  it('with 1007 on bytes that are no UTF-8', async () => {
    const raw = await openWebSocket(world.server.port, {});
    raw.send(frame(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])));
    assert.equal((await raw.closeFrame()).code, 1007);
    raw.destroy();
    await lives();
  });

  it('with 3501 on binary messages', async () => {
    const client = await world.raw(ann);
    client.socket.send(Buffer.from('{"id":9,"ping":{}}'), { binary: true });
    assert.equal((await ended(client)).code, 3501);
  });

  it('with 3501 if the first command is not connect, and ignores what stands behind it', async () => {
    for (const text of ['{"id":1,"subscribe":{"channel":"room:1"}}\n{"id":2,"connect":{}}', '{}', '{"connect":{}}', '{"id":0,"connect":{}}', '{"send":{}}']) {
      const client = await rawConnect(world.url, { cookie: ann.cookie });
      client.socket.send(text);
      const end = await ended(client);
      assert.equal(end.code, 3501, text);
      assertReason(end);
      assert.deepEqual(client.waiting(), []);
    }
  });

  it('with 3500 on a token of nobody: the SDK gives up', async () => {
    const client = await rawConnect(world.url, {});
    client.send({ connect: { token: 'nobody' } }, { subscribe: { channel: `room:${room.id}` } });
    const end = await ended(client);
    assert.equal(end.code, 3500);
    assertReason(end);
    assert.deepEqual(client.waiting(), []);
    await assert.rejects(sdkWithSocket(world.url, '', { token: 'nobody' }), /not connected: 3500/);
  });

  it('nobody who brings a token instead of a cookie', async () => {
    const client = await rawConnect(world.url, {});
    const reply = await client.connect({ token: ann.cookie.split('=')[1] });
    assert.deepEqual(Object.keys(reply.connect.subs), [`user:${ann.id}`]);
    await client.close();
  });

  it('with 3507 on strangers while nothing is public: the SDK gives up', async () => {
    const client = await rawConnect(world.url, {});
    client.send({ connect: {} });
    const end = await ended(client);
    assert.equal(end.code, 3507);
    assertReason(end);
    await assert.rejects(sdkWithSocket(world.url, ''), /not connected: 3507/);
  });

  it('with 3507 on a cookie that came from a foreign page', async () => {
    await assert.rejects(rawConnect(world.url, { cookie: ann.cookie, origin: 'https://evil.example' }), { status: 403 });
    const client = await rawConnect(world.url, { cookie: ann.cookie, origin: null });
    client.send({ connect: {} });
    assert.equal((await ended(client)).code, 3507);
  });

  it('with 3506 on the binary protocol', async () => {
    for (const options of [{ protocols: ['centrifuge-protobuf'] }, { query: '?cf_protocol=protobuf' }, { query: '?format=protobuf' }]) {
      const client = await rawConnect(world.url, { cookie: ann.cookie, ...options });
      const end = await ended(client);
      assert.equal(end.code, 3506);
      assertReason(end);
    }
  });

  it('nobody who offers the JSON protocol by name', async () => {
    const client = await rawConnect(world.url, { cookie: ann.cookie, protocols: ['centrifuge-json'] });
    assert.equal(client.socket.protocol, 'centrifuge-json');
    assert.ok((await client.connect()).connect);
    await client.close();
  });

  it('and answers the close frame of a client', async () => {
    const raw = await openWebSocket(world.server.port, {});
    raw.send(closing(1000, 'bye'));
    assert.equal((await raw.closeFrame()).code, 1000);
    raw.destroy();
  });
});

describe('too many commands', () => {
  let world, ann;
  before(async () => {
    world = await startWorld({ 'realtime.commands_per_s': 1 });
    ann = world.ann;
  });
  after(() => world?.stop());

  it('are answered with 111, which the client may try again', async () => {
    const start = performance.now();
    const client = await world.raw(ann);
    // In one message, so that hardly a second goes by in between and allows one more.
    const ids = Array.from({ length: 60 }, (_, i) => 101 + i);
    client.send(...ids.map((id) => ({ id, ping: {} })));
    const errors = [];
    for (const id of ids) errors.push((await client.next((object) => object.id === id)).error);
    const most = 4 + (performance.now() - start) / 1000;
    // What one second allows may come four times at once; connect was the first.
    assert.deepEqual(errors.slice(0, 3).map(({ code }) => code), [108, 108, 108]);
    const refused = errors.filter(({ code }) => code !== 108);
    assert.ok(1 + errors.length - refused.length <= most, `${errors.length - refused.length} were heard`);
    for (const error of refused) {
      assert.deepEqual([error.code, error.temporary], [111, true]);
      assertWords(error);
    }
    await client.close();
  });

  it('do not make an unsubscribe fail', async () => {
    const client = await world.raw(ann);
    await subscribe(client, `room:${world.room.id}`);
    let reply;
    do reply = await client.call('ping');
    while (reply.error.code !== 111);
    assert.deepEqual((await client.call('unsubscribe', { channel: `room:${world.room.id}` })).unsubscribe, {});
    await client.close();
  });

  it('end in 3013 when the client does not hear', async () => {
    const client = await world.raw(ann);
    for (let i = 0; i < 10; i++) client.send(...Array.from({ length: 50 }, () => ({ ping: {} })));
    const end = await ended(client);
    assert.equal(end.code, 3013);
    assertReason(end);
  });
});

it('hundreds of answers in one turn all arrive', async () => {
  const world = await startWorld();
  const raw = await openWebSocket(world.server.port, { Cookie: world.ann.cookie, Origin: world.url, Host: new URL(world.url).host });
  const command = (id) => (id === 1 ? '{"id":1,"connect":{}}' : `{"id":${id},"ping":{}}`);
  const messages = Array.from({ length: 30 }, (_, i) => Array.from({ length: 60 }, (__, j) => command(i * 60 + j + 1)).join('\n'));
  raw.send(Buffer.concat(messages.map((text) => frame(text)))); // one write: the server reads it in few turns
  const answered = new Set();
  while (answered.size < 1800)
    for (const line of (await raw.frame()).text.split('\n')) answered.add(JSON.parse(line).id);
  raw.destroy();
  await world.stop();
});

const ping = (client) => new Promise((resolve) => client.socket.on('message', (data) => data.toString() === '{}' && resolve()));

// An answer has nearly six seconds. They wait side by side.
describe('pings that are answered', { concurrency: true }, () => {
  let world, ann;
  before(async () => {
    world = await startWorld({ 'realtime.ping_ms': 6000, 'realtime.pong_ms': 5900 });
    ann = world.ann;
  });
  after(() => world?.stop());

  it('keep a connection that answers them', async () => {
    const client = await rawConnect(world.url, { cookie: ann.cookie });
    assert.equal((await client.connect()).connect.ping, 6);
    for (let i = 0; i < 2; i++) await ping(client);
    await settled(client);
    assert.equal(client.end, undefined);
    await client.close();
  });

  it('are answered once: a second pong ends in 3501', async () => {
    const client = await world.raw(ann, { pong: false });
    await ping(client);
    client.socket.send('{}\n{}');
    assert.equal((await ended(client)).code, 3501);
  });

  it('can be those of WebSocket itself, as seldom as the others', async () => {
    const raw = await openWebSocket(world.server.port, { Cookie: ann.cookie, Origin: world.url, Host: new URL(world.url).host },
      { path: '/connection/websocket?cf_ws_frame_ping_pong=true' });
    let start;
    const sent = (bytes) => {
      start = performance.now();
      raw.send(bytes);
    };
    const native = async (after_ms) => {
      let one;
      do one = await raw.frame();
      while (one.opcode === 1);
      const passed_ms = performance.now() - start;
      assert.equal(one.opcode, 9);
      // Deadlines are late and never early, but count whole milliseconds.
      assert.ok(passed_ms >= after_ms - 1, `a ping after ${passed_ms} ms`);
      return one.payload;
    };
    sent(frame('{"id":1,"connect":{}}'));
    const { connect } = JSON.parse((await raw.frame()).text.split('\n')[0]);
    assert.ok(connect && !('ping' in connect) && !('pong' in connect), JSON.stringify(connect));
    // Half the time at least before the first, the whole from the pong on before the second.
    const payload = await native(3000);
    sent(frame(payload, { opcode: 10 }));
    await native(6000);
    raw.send(frame('{}'));
    assert.equal((await raw.closeFrame()).code, 3501);
    raw.destroy();
  });
});

describe('pings that nobody answers', () => {
  let world, ann;
  before(async () => {
    world = await startWorld({ 'realtime.ping_ms': 1000, 'realtime.pong_ms': 200 });
    ann = world.ann;
  });
  after(() => world?.stop());

  it('end in 3012: the SDK comes back', async () => {
    const client = await world.raw(ann, { pong: false });
    const end = await ended(client);
    assert.equal(end.code, 3012);
    assertReason(end);
    const sdk = await world.sdk(ann);
    sdk.socket().send = () => {}; // it answers, and nothing leaves
    assert.equal((await nextEvent(sdk, 'connecting')).code, 3012);
    await nextEvent(sdk, 'connected');
    sdk.disconnect();
  });

  it('of WebSocket itself end in 3012', async () => {
    const raw = await openWebSocket(world.server.port, { Cookie: ann.cookie, Origin: world.url, Host: new URL(world.url).host },
      { path: '/connection/websocket?cf_ws_frame_ping_pong=true' });
    raw.send(frame('{"id":1,"connect":{}}'));
    assert.equal((await raw.closeFrame()).code, 3012);
    raw.destroy();
  });
});

it('who does not connect in time is closed with 3502', async () => {
  const world = await startWorld({ 'realtime.connect_ms': 300 });
  const client = await rawConnect(world.url, { cookie: world.ann.cookie });
  const end = await ended(client);
  assert.equal(end.code, 3502);
  assertReason(end);
  await world.stop();
});

it('3504 meets whoever has too many connections: the SDK gives up, the first one stays', async () => {
  const world = await startWorld({ 'realtime.user_connections_max': 2 });
  const first = await world.raw(world.ann);
  await world.raw(world.ann);
  const client = await rawConnect(world.url, { cookie: world.ann.cookie });
  client.send({ connect: {} });
  const end = await ended(client);
  assert.equal(end.code, 3504);
  assertReason(end);
  await assert.rejects(sdkWithSocket(world.url, world.ann.cookie), /not connected: 3504/);
  await settled(first);
  await (await world.raw(world.bob)).close();
  await first.close();
  await (await world.raw(world.ann)).close();
  await world.stop();
});

it('3001 says that the server stops: the SDK comes back to the next one', async () => {
  const [port] = await freePorts(1); // one that nobody is given meanwhile
  const flags = { 'http.address': `127.0.0.1:${port}` };
  const world = await startWorld(flags);
  const sdk = await world.sdk(world.ann);
  const client = await world.raw(world.ann);
  const waiting = nextEvent(sdk, 'connecting');
  world.server.signal('SIGTERM');
  assert.equal((await waiting).code, 3001);
  const end = await ended(client);
  assert.equal(end.code, 3001);
  assertReason(end);
  assert.equal((await within(PATIENCE_MS, 'the end of the server', world.server.exited)).code, 0);
  const back = nextEvent(sdk, 'connected');
  const next = await startServer({ dataDir: world.server.dataDir, flags });
  await back;
  sdk.disconnect();
  await next.stop();
});

it('a server that stops does not wait for those who left by themselves', async () => {
  const world = await startWorld({ stop_ms: 600000 }); // longer than the test waits
  const client = await world.raw(world.ann);
  world.server.signal('SIGTERM');
  await world.server.waitForOutput(/stopping/);
  client.terminate();
  const { code } = await within(PATIENCE_MS, 'the end of the server', world.server.exited);
  assert.equal(code, 0);
  await world.stop();
});

it('3005 says that the session has ended: the SDK tries again and is refused', async () => {
  const world = await startWorld();
  const { dataDir } = world.server;
  await world.stop();
  // No setting makes a session so short that a test could wait for its end.
  const change = 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("UPDATE session SET expires_at = ?", (int(sys.argv[2]),)); d.commit()';
  let server, sdk;
  for (let milliseconds = 2000; !sdk; milliseconds *= 2) {
    execFileSync('python3', ['-c', change, `${dataDir}/parley.db`, String(Date.now() + milliseconds)]);
    server = await startServer({ dataDir, flags: { 'realtime.ping_ms': 1000 } });
    sdk = await sdkWithSocket(server.url, world.ann.cookie).catch(() => null);
    // The machine was so slow that the session had ended before.
    if (!sdk) await server.stop();
  }
  assert.equal((await nextEvent(sdk, 'connecting')).code, 3005);
  assert.equal((await nextEvent(sdk, 'disconnected')).code, 3507);
  await server.stop();
});
