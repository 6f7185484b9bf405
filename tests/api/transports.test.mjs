// The other transports, for people behind proxies that break WebSockets: streams that only go out (http_stream and
// server-sent events), with the published SDK on them, whose commands come in requests of their own on any node.
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createConnection } from 'node:net';
import { after, before, describe, it } from 'node:test';
import WebSocket from 'ws';
import { UNPINGED, assertNoGap, createRoom, must, open, register, setUpAdministrator, startNodes, untilAnswer } from './lib/nodes.mjs';
import { nextEvent } from './lib/realtime.mjs';
import { startServer } from './lib/server.mjs';
import { Raw } from './lib/raw.mjs';
import { TRANSPORTS, connectOver, emulate, post, rawStream } from './lib/streams.mjs';
import { metric, say, untilMetric } from './lib/talk.mjs';

const over = (transport, more) => ({ connect: (url, cookie, options) => connectOver(url, cookie, transport, { options, ...more }) });
const QUICK = { minReconnectDelay: 10, maxReconnectDelay: 50 };

// Which node has the stream, and which is sent the commands.
const shapes = {
  'on the home': (nodes) => [nodes.home, nodes.home],
  'on an edge': (nodes) => [nodes.edges[0], nodes.edges[0]],
  'on the home, commands sent to an edge': (nodes) => [nodes.home, nodes.edges[0]],
  'on an edge, commands sent to the home': (nodes) => [nodes.edges[0], nodes.home],
  'on an edge, commands sent to another edge': (nodes) => [nodes.edges[0], nodes.edges[1]],
};

describe('the SDK', () => {
  let nodes, ann, bob;
  let rooms = 0;
  before(async () => {
    nodes = await startNodes({ edges: 2 });
    ann = await register(nodes.home.url, 'ann');
    bob = await register(nodes.home.url, 'bob');
  });
  after(() => nodes?.stop());

  for (const transport of TRANSPORTS)
    for (const [shape, where] of Object.entries(shapes))
      it(`over ${transport} ${shape}: subscribes, hears, says, asks, and recovers after a cut`, async () => {
        const [node, door] = where(nodes);
        const room = await createRoom(ann, `room ${++rooms}`);
        must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
        const hers = await open(nodes.home, ann);
        const his = await open(node, bob, { ...over(transport, { emulation: door.url }), ...QUICK });
        assert.equal(his.sdk.transportName, transport);
        const atHers = await hers.enter(room.id);
        const atHis = await his.enter(room.id, { joinLeave: true });

        await atHers.say('hello bob: ä €\u{1f600}');
        await atHis.untilText('hello bob: ä €\u{1f600}');
        await atHis.say('hello ann');
        await Promise.all([atHers.untilText('hello ann'), atHis.untilText('hello ann')]);
        assert.equal((await his.rpc('me.detail')).user.name, 'bob');
        await assert.rejects(his.rpc('group.create', {}), { code: 103 });
        const presence = await atHis.subscription.presence();
        assert.ok(Object.values(presence.clients).some((client) => Number(client.user) === bob.id));

        // The stream is gone; what is said meanwhile is recovered.
        const resubscribed = nextEvent(atHis.subscription, 'subscribed');
        his.sdk._transport.close();
        await atHers.say('while you were away');
        assert.equal((await resubscribed).recovered, true);
        await atHis.untilText('while you were away');
        assertNoGap(atHis.heard, atHis.entered.streamPosition.offset);

        await atHis.subscription.unsubscribe();
        his.close();
        hers.close();
      });

  for (const transport of TRANSPORTS)
    it(`over ${transport}: a hundred said at once arrive in order and once`, async () => {
      const room = await createRoom(ann, `room ${++rooms}`);
      const hers = await open(nodes.home, ann);
      const mine = await open(nodes.edges[0], ann, over(transport));
      const atHers = await hers.enter(room.id);
      const atMine = await mine.enter(room.id);
      await Promise.all(Array.from({ length: 100 }, (_, i) => atHers.say(`text ${i}\nof two lines`)));
      await atMine.heard.until('100 messages', (items) => items.filter((item) => item.event === 'message.created').length === 100);
      assertNoGap(atMine.heard, atMine.entered.streamPosition.offset);
      hers.close();
      mine.close();
    });

  it('falls back by itself when a proxy breaks its WebSocket, and again when it breaks http_stream', async () => {
    // A proxy that passes plain requests on, but for those to `broken`, and no upgrades at all.
    const broken = new Set();
    const proxy = createServer(async (request, response) => {
      if (broken.has(request.url.split('?')[0])) {
        response.writeHead(502).end();
        return;
      }
      const abort = new AbortController();
      response.on('close', () => abort.abort());
      const chunks = await request.toArray();
      const { host, connection, origin, 'content-length': length, ...headers } = request.headers;
      try {
        const answer = await fetch(`${nodes.home.url}${request.url}`, {
          method: request.method,
          headers: { ...headers, Origin: nodes.home.url },
          body: chunks.length ? Buffer.concat(chunks) : undefined,
          signal: abort.signal,
        });
        response.writeHead(answer.status, { 'Content-Type': answer.headers.get('content-type') ?? 'text/plain' });
        response.flushHeaders();
        for await (const part of answer.body ?? []) response.write(part);
        response.end();
      } catch {
        response.destroy();
      }
    });
    proxy.on('upgrade', (request, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
    await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${proxy.address().port}`;
    const endpoints = [
      { transport: 'websocket', endpoint: `${url.replace('http', 'ws')}/connection/websocket` },
      { transport: 'http_stream', endpoint: `${url}/connection/http_stream` },
      { transport: 'sse', endpoint: `${url}/connection/sse` },
    ];
    for (const expected of TRANSPORTS) {
      const client = await connectOver(url, ann.cookie, endpoints, { options: { ...QUICK, websocket: WebSocket } });
      assert.equal(client.transportName, expected);
      assert.equal((await client.rpc('me.detail', {})).data.user.name, 'ann');
      client.disconnect();
      broken.add('/connection/http_stream');
    }
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
});

describe('how streams end', () => {
  for (const transport of TRANSPORTS)
    for (const kind of ['home', 'edge'])
      it(`${transport} on ${kind === 'home' ? 'the home' : 'an edge'}: who is signed out does not come back, a shutdown is advice to`, async (test) => {
        const nodes = await startNodes({ test });
        const node = nodes[kind];
        const ann = await register(nodes.home.url, 'ann');
        const bob = await register(nodes.home.url, 'bob');
        const hers = await connectOver(node.url, ann.cookie, transport);
        const his = await connectOver(node.url, bob.cookie, transport, { options: QUICK });
        const ended = nextEvent(hers, 'disconnected');
        must(await ann.api('POST', '/logout'), 204, 'logout');
        assert.equal((await ended).code, 3507);

        const advised = nextEvent(his, 'connecting');
        await nodes[kind].kill('SIGTERM');
        assert.equal((await advised).code, 3001);
        his.disconnect();
      });

  for (const transport of TRANSPORTS)
    it(`${transport}: pings are answered through /emulation; without an answer it ends with 3012`, async (test) => {
      const nodes = await startNodes({ test, flags: { 'realtime.ping_ms': 1000, 'realtime.pong_ms': 6000 } });
      const ann = await register(nodes.home.url, 'ann');
      const sdk = await connectOver(nodes.edge.url, ann.cookie, transport, { emulation: nodes.home.url });
      let cuts = 0;
      sdk.on('connecting', () => cuts++);
      const mute = await rawStream(nodes.edge, { transport, cookie: ann.cookie, pong: false });
      await mute.connect();
      let last;
      while (!last?.push?.disconnect) last = await mute.next();
      assert.equal(last.push.disconnect.code, 3012);
      await mute.raw.end();
      mute.raw.destroy();
      assert.equal(cuts, 0, 'the SDK, which answered, stays');
      assert.equal((await sdk.rpc('me.detail', {})).data.user.name, 'ann');
      sdk.disconnect();
    });

  it('a token that is none is told so in the stream', async (test) => {
    const nodes = await startNodes({ test, redis: false, edges: 0 });
    for (const transport of TRANSPORTS)
      await assert.rejects(connectOver(nodes.home.url, null, transport, { options: { token: 'nonsense' } }), { code: 3500 });
  });

  it('a right that is taken away ends the subscription, and the stream goes on', async (test) => {
    const nodes = await startNodes({ test });
    const ann = await register(nodes.home.url, 'ann');
    const bob = await register(nodes.home.url, 'bob');
    const room = await createRoom(ann, 'private', 'private');
    must(await ann.api('POST', `/room/${room.id}/member`, { user: bob.id }), 201, 'invite');
    const his = await open(nodes.edge, bob, over('http_stream'));
    const inside = await his.enter(room.id);
    must(await ann.api('DELETE', `/room/${room.id}/member/${bob.id}`), 204, 'remove');
    assert.equal((await inside.untilSeen('unsubscribed')).code, 2000);
    assert.equal((await his.rpc('me.detail')).user.name, 'bob');
    his.close();
  });
});

describe('a stream byte by byte', () => {
  let nodes, ann;
  before(async () => {
    nodes = await startNodes({ flags: { 'http.origins': 'https://friend.example', 'http.header_bytes_max': 4096 } });
    ann = await register(nodes.home.url, 'ann');
  });
  after(() => nodes?.stop());
  const lives = async (node) => assert.ok((await fetch(`${node.url}/readyz`)).ok);

  for (const transport of TRANSPORTS) {
    it(`${transport}: headers that no proxy keeps or collects, then one object after the other`, async () => {
      const stream = await rawStream(nodes.home, { transport, cookie: ann.cookie });
      assert.match(stream.head, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(stream.head, transport === 'sse' ? /\r\nContent-Type: text\/event-stream\r\n/ : /\r\nContent-Type: application\/json\r\n/);
      for (const line of ['Cache-Control: no-store', 'X-Accel-Buffering: no', 'Connection: close']) assert.ok(`${stream.head}\r\n`.includes(`\r\n${line}\r\n`), line);
      assert.doesNotMatch(stream.head, /Content-Length/);
      const connect = await stream.connect();
      assert.match(connect.session, /^[\w-]{43}$/);
      assert.match(connect.node, /^[\w-]+$/);
      const answer = await stream.say({ rpc: { method: 'me.detail', data: {} }, id: 2 });
      assert.deepEqual([answer.status, answer.text], [204, '']);
      assert.equal((await stream.next()).rpc.data.user.name, 'ann');
      stream.raw.destroy();
    });

    for (const [code, what, commands] of [
      [3501, 'what is not JSON', ['hello']],
      [3501, 'another command than connect first', [{ rpc: { method: 'me.detail' }, id: 1 }]],
      [3501, 'nothing', ['']],
    ])
      it(`${transport}: on ${what} it ends with ${code}`, async () => {
        const stream = await rawStream(nodes.edge, { transport, cookie: ann.cookie, commands, headers: {} });
        let last;
        while (!last?.push?.disconnect) last = await stream.next();
        assert.equal(last.push.disconnect.code, code);
        await stream.raw.end();
        stream.raw.destroy();
        await lives(nodes.edge);
      });

    it(`${transport}: what is sent behind the request is read over, and too much of it ends the stream`, async () => {
      const stream = await rawStream(nodes.home, { transport, cookie: ann.cookie });
      await stream.connect();
      stream.raw.send('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
      await stream.say({ rpc: { method: 'me.detail', data: {} }, id: 2 });
      assert.equal((await stream.next()).id, 2, 'nothing was answered but the command');
      stream.raw.send('x'.repeat(200_000));
      await stream.raw.end();
      stream.raw.destroy();
    });

    it(`${transport}: a page of another site is refused, one of a listed origin is let in, and the cookie counts only for scripts`, async () => {
      const foreign = await rawStream(nodes.home, { transport, cookie: ann.cookie, headers: { Origin: 'https://evil.example' } });
      assert.equal(foreign.status, 403);
      const friend = await rawStream(nodes.home, { transport, cookie: ann.cookie, headers: { Origin: 'https://friend.example' } });
      assert.match(friend.head, /\r\nAccess-Control-Allow-Origin: https:\/\/friend\.example\r\n/);
      assert.ok((await friend.connect()).session);
      for (const [headers, isAnn] of [
        [{ Origin: null }, false],
        [{ Origin: null, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'navigate' }, false],
        [{ Origin: null, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'no-cors' }, false],
        [{ Origin: null, 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate' }, false],
        [{ Origin: null, 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' }, true],
      ]) {
        const stream = await rawStream(nodes.home, { transport, cookie: ann.cookie, headers });
        const first = await stream.next();
        assert.equal(Boolean(first.connect), isAnn, `${JSON.stringify(headers)}: ${JSON.stringify(first)}`);
        if (!isAnn) assert.equal(first.push.disconnect.code, 3507);
        stream.raw.destroy();
      }
      for (const stream of [foreign, friend]) stream.raw.destroy();
    });
  }

  it('other methods, old HTTP, too long a query, no query and too large a body are answered as what they are', async () => {
    const ask = async (lines, body = '') => {
      const raw = new Raw(nodes.home.port);
      raw.send(`${lines}\r\n\r\n${body}`);
      const answer = await raw.answer({ head: lines.startsWith('HEAD') });
      raw.destroy();
      return answer;
    };
    const host = `Host: 127.0.0.1:${nodes.home.port}`;
    for (const [path, methods, allow] of [
      ['/connection/http_stream', ['GET', 'HEAD', 'PUT', 'DELETE'], 'POST, OPTIONS'],
      ['/connection/sse?cf_connect=x', ['HEAD', 'POST'], 'GET, OPTIONS'],
      ['/emulation', ['GET', 'HEAD', 'PATCH'], 'POST, OPTIONS'],
    ])
      for (const method of methods) {
        const answer = await ask(`${method} ${path} HTTP/1.1\r\n${host}\r\nContent-Length: 0`);
        assert.deepEqual([answer.status, answer.headers.allow], [405, allow], `${method} ${path}`);
      }
    assert.equal((await ask(`POST /connection/http_stream HTTP/1.0\r\n${host}\r\nContent-Length: 0`)).status, 505);
    assert.equal((await ask(`GET /connection/sse?cf_connect=x HTTP/1.0\r\n${host}`)).status, 505);
    assert.equal((await ask(`GET /connection/sse?cf_connect=${'x'.repeat(5000)} HTTP/1.1\r\n${host}`)).status, 431);
    assert.equal((await ask(`GET /connection/sse HTTP/1.1\r\n${host}`)).status, 400);
    assert.equal((await ask(`GET /connection/sse?cf_connect=%zz HTTP/1.1\r\n${host}`)).status, 400);
    assert.equal((await ask(`POST /connection/http_stream HTTP/1.1\r\n${host}\r\nContent-Length: 100000`)).status, 413);
    const preflight = await ask(`OPTIONS /emulation HTTP/1.1\r\n${host}\r\nOrigin: https://friend.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type`);
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], 'https://friend.example');
    assert.match(preflight.headers['access-control-allow-headers'], /Content-Type/);
    await lives(nodes.home);
  });

  it('an answer to a request in front of the stream comes first', async () => {
    const raw = new Raw(nodes.home.port);
    const host = `Host: 127.0.0.1:${nodes.home.port}`;
    raw.send(`GET /healthz HTTP/1.1\r\n${host}\r\n\r\nPOST /connection/http_stream HTTP/1.1\r\n${host}\r\nContent-Length: 2\r\n\r\n{}GET /healthz HTTP/1.1\r\n${host}\r\n\r\n`);
    assert.equal((await raw.answer()).status, 200);
    await raw.until((one) => /^HTTP\/1\.1 200 OK\r\n[^]*"disconnect":\{"code":3501/.test(one.bytes.toString()), 'the stream');
    await raw.end();
    assert.equal(raw.bytes.toString().match(/HTTP\/1\.1/g).length, 1, 'what was pipelined behind it has no answer');
    raw.destroy();
  });
});

describe('/emulation', () => {
  let nodes, ann, bob;
  before(async () => {
    nodes = await startNodes({ edges: 2, flags: { 'http.origins': 'https://friend.example' } });
    ann = await register(nodes.home.url, 'ann');
    bob = await register(nodes.home.url, 'bob');
  });
  after(() => nodes?.stop());

  it('a guessed, foreign or ended session has no effect, and nothing is told about it', async () => {
    const room = await createRoom(ann, 'hers');
    const node = nodes.edges[0];
    const hers = await rawStream(node, { cookie: ann.cookie });
    const his = await rawStream(node, { cookie: bob.cookie });
    await hers.connect();
    await his.connect();
    const gone = await rawStream(node, { cookie: ann.cookie });
    await gone.connect();
    gone.raw.destroy();
    await untilMetric(node, 'parley_connections', (count) => count === 2);
    const publish = (id) => ({ publish: { channel: `room:${room.id}`, data: { text: 'not me' } }, id });
    const others = {
      guessed: { session: 'A'.repeat(43), node: hers.node },
      'its digest': { session: createHash('sha256').update(hers.session).digest('hex'), node: hers.node },
      'of a node that is not': { session: hers.session, node: 'nobody' },
      'cut short': { session: hers.session.slice(0, -1), node: hers.node },
      'the client id': { session: hers.client, node: hers.node },
      ended: { session: gone.session, node: gone.node },
    };
    for (const door of [nodes.home, ...nodes.edges])
      for (const [what, session] of Object.entries(others)) {
        const answer = await emulate(door.url, session, publish(7));
        assert.deepEqual([answer.status, answer.text], [204, ''], `${what} at ${door.url}`);
      }
    // Through each door in turn, behind what was sent there before.
    for (const [index, door] of [nodes.home, ...nodes.edges].entries()) {
      await emulate(door.url, hers, { rpc: { method: 'me.detail', data: {} }, id: 20 + index });
      const reply = await hers.next();
      assert.deepEqual([reply.id, reply.rpc.data.user.name], [20 + index, 'ann']);
      await emulate(door.url, his, { rpc: { method: 'me.detail', data: {} }, id: 30 + index });
      assert.equal((await his.next()).rpc.data.user.name, 'bob');
    }
    assert.deepEqual(must(await ann.api('GET', `/room/${room.id}/message`), 200, 'history').body.items, []);
    hers.raw.destroy();
    his.raw.destroy();
  });

  it('what is malformed is answered with 400 or 413, and a page of another site with 403', async () => {
    const session = 'A'.repeat(43);
    for (const body of [
      '', 'hello', '[]', '7', '{}', '{"session":"a"', JSON.stringify({ session, node: 'n' }), JSON.stringify({ session, data: '{}' }),
      JSON.stringify({ node: 'n', data: '{}' }), JSON.stringify({ session: 7, node: 'n', data: '{}' }), JSON.stringify({ session, node: 'n', data: {} }),
      JSON.stringify({ session: '', node: 'n', data: '{}' }), JSON.stringify({ session, node: '', data: '{}' }),
      JSON.stringify({ session: 'a b', node: 'n', data: '{}' }), JSON.stringify({ session, node: 'a\nb', data: '{}' }),
      JSON.stringify({ session, node: 'control', data: 7 }), JSON.stringify({ session, node: 'x'.repeat(65), data: '{}' }),
    ])
      assert.equal((await post(nodes.home.url, body)).status, 400, body);
    assert.equal((await post(nodes.home.url, JSON.stringify({ session, node: 'n', data: 'x'.repeat(70000) }))).status, 413);
    const fine = JSON.stringify({ session, node: 'n', data: '{}' });
    assert.equal((await post(nodes.home.url, fine, { Origin: 'https://evil.example' })).status, 403);
    const friend = await post(nodes.home.url, fine, { Origin: 'https://friend.example' });
    assert.deepEqual([friend.status, friend.headers['access-control-allow-origin']], [204, 'https://friend.example']);
  });

  it('what ends a WebSocket ends a stream: what is no command, and too many in one message', async () => {
    for (const [code, said] of [
      [3501, ['hello']],
      [3501, ['']],
      [3501, [{}]], // a pong without a ping
      [3501, [{ connect: {}, id: 2 }]],
      [3508, [{ send: { data: {} } }]],
      [3013, Array.from({ length: 65 }, (_, i) => ({ ping: {}, id: i + 2 }))],
    ]) {
      const stream = await rawStream(nodes.edges[0], { cookie: ann.cookie });
      await stream.connect();
      assert.equal((await emulate(nodes.home.url, stream, ...said)).status, 204);
      let last;
      while (!last?.push?.disconnect) last = await stream.next();
      assert.equal(last.push.disconnect.code, code, JSON.stringify(said));
      await stream.raw.end();
      stream.raw.destroy();
    }
  });

  it('commands are handled in the order in which they come', async () => {
    const stream = await rawStream(nodes.edges[0], { cookie: ann.cookie });
    await stream.connect();
    for (let id = 2; id < 30; id += 2)
      await emulate(nodes.edges[1].url, stream, { ping: {}, id }, { ping: {}, id: id + 1 });
    for (let id = 2; id < 30; id++) assert.equal((await stream.next()).id, id);
    stream.raw.destroy();
  });

  it('the rate of commands is bounded as on a WebSocket', async (test) => {
    const server = await startServer({ flags: { 'realtime.commands_per_s': 1 } });
    test.after(() => server.stop());
    const eve = await register(server.url, 'eve');
    const stream = await rawStream(server, { cookie: eve.cookie });
    await stream.connect();
    await stream.say(...Array.from({ length: 20 }, (_, i) => ({ ping: {}, id: i + 2 })));
    const codes = [];
    for (let i = 0; i < 20; i++) codes.push((await stream.next()).error.code);
    assert.ok(codes.includes(111), codes.join());
    stream.raw.destroy();
  });

  it('a session is not in the logs, and not on the bus', async () => {
    const stream = await rawStream(nodes.edges[0], { cookie: ann.cookie });
    await stream.connect();
    const listener = createConnection(nodes.redis.socket);
    let heard = '';
    listener.on('data', (data) => (heard += data));
    listener.write('PSUBSCRIBE *\r\n');
    await untilAnswer('listening', async () => heard, (text) => text.includes('psubscribe'));
    await emulate(nodes.home.url, stream, { ping: {}, id: 2 });
    await stream.next();
    await untilAnswer('the command', async () => heard, (text) => text.includes(`to:${stream.node}`));
    listener.destroy();
    assert.ok(!heard.includes(stream.session));
    for (const node of [nodes.home, ...nodes.edges]) assert.ok(!node.output().includes(stream.session));
    stream.raw.destroy();
  });
});

describe('many and slow', () => {
  for (const transport of TRANSPORTS)
    it(`${transport}: whoever takes nothing is closed, and the others get everything`, async (test) => {
      const nodes = await startNodes({ test, edges: 0, redis: false, flags: { ...UNPINGED, 'chat.text_max': 60000, 'realtime.queue_bytes_max': 200000 } });
      const ann = await register(nodes.home.url, 'ann');
      const room = await createRoom(ann, 'loud');
      const channel = `room:${room.id}`;
      const slow = await rawStream(nodes.home, { transport, cookie: ann.cookie, commands: [{ connect: {}, id: 1 }] });
      await slow.connect();
      await slow.say({ subscribe: { channel }, id: 2 });
      assert.ok((await slow.next()).subscribe);
      slow.raw.socket.pause();
      const witness = await open(nodes.home, ann, over(transport));
      const inside = await witness.enter(room.id);
      let said = 0;
      while ((await metric(nodes.home, 'parley_closed_slow_total')) === 0) {
        assert.ok(said < 2000, 'so much fits nowhere');
        // Three together are less than may wait for a listener, and the witness has them before there are more.
        await Promise.all(Array.from({ length: 3 }, () => say(ann, room, 'x'.repeat(60000))));
        said += 3;
        await inside.heard.until(`${said} messages`, (items) => items.length >= said);
      }
      await say(ann, room, 'the end');
      await inside.untilText('the end');
      assertNoGap(inside.heard, inside.entered.streamPosition.offset);
      await untilMetric(nodes.home, 'parley_channel_log_bytes', (bytes) => bytes === 0);
      await untilMetric(nodes.home, 'parley_connections', (count) => count === 1);
      slow.raw.destroy();
      witness.close();
    });

  it('one that comes back to reading in time gets all of it, in order', async (test) => {
    const nodes = await startNodes({
      test, edges: 0, redis: false,
      flags: { ...UNPINGED, 'chat.text_max': 60000, 'realtime.queue_bytes_max': 1 << 30, 'realtime.queue_ms': 600000 },
    });
    const ann = await register(nodes.home.url, 'ann');
    const room = await createRoom(ann, 'loud');
    const slow = await rawStream(nodes.home, { cookie: ann.cookie });
    await slow.connect();
    await slow.say({ subscribe: { channel: `room:${room.id}` }, id: 2 });
    const { subscribe } = await slow.next();
    slow.raw.socket.pause();
    let said = 0;
    for (; (await metric(nodes.home, 'parley_connections_lagging')) === 0; said += 10) {
      assert.ok(said < 2000, 'so much fits nowhere');
      // Together: whoever takes nothing for too long is ended by the kernel, before it lags.
      await Promise.all(Array.from({ length: 10 }, () => say(ann, room, 'x'.repeat(60000))));
    }
    slow.raw.socket.resume();
    for (let offset = subscribe.offset + 1; offset <= subscribe.offset + said; ) {
      const { push } = await slow.next();
      if (push.channel === `room:${room.id}`) assert.equal(push.pub.offset, offset++);
    }
    await untilMetric(nodes.home, 'parley_channel_log_bytes', (bytes) => bytes === 0);
    slow.raw.destroy();
  });

  it('a thousand that are half open are bounded by the limit of connections, and closing them gives their places back', async (test) => {
    const server = await startServer({ flags: { 'http.connections_per_address_max': 200 } });
    test.after(() => server.stop());
    const ann = await register(server.url, 'ann');
    const body = '{"connect":{},"id":1}';
    const head = `POST /connection/http_stream HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nOrigin: ${server.url}\r\nCookie: ${ann.cookie}\r\nContent-Length: 21\r\n\r\n`;
    const all = Array.from({ length: 1000 }, (_, i) => {
      const raw = new Raw(server.port);
      raw.send(i % 2 ? head + body : head + body.slice(0, 10));
      return raw;
    });
    const told = (raw) => raw.until((one) => one.ended || one.bytes.includes('\r\n\r\n'), 'an answer or the end');
    await Promise.all(all.filter((_, i) => i % 2).map((raw) => told(raw).catch(() => {})));
    const opened = all.filter((raw) => raw.bytes.includes('HTTP/1.1 200'));
    assert.ok(opened.length > 0 && opened.length <= 200, `${opened.length}`);
    for (const raw of all) raw.destroy();
    const again = await untilAnswer('a place', () => rawStream(server, { cookie: ann.cookie }), (stream) => stream.status === 200);
    assert.ok((await again.connect()).session);
    again.raw.destroy();
    await untilMetric(server, 'parley_connections', (count) => count === 0);
  });

  it('an administrator sees by which transport somebody is connected, and can close it', async (test) => {
    const nodes = await startNodes({ test, edges: 0, redis: false });
    const root = await setUpAdministrator(nodes.home);
    const ann = await register(nodes.home.url, 'ann');
    const streams = [];
    for (const transport of TRANSPORTS) {
      const stream = await rawStream(nodes.home, { transport, cookie: ann.cookie });
      await stream.connect();
      streams.push(stream);
    }
    const { items } = must(await root.api('GET', '/connection'), 200, 'connections').body;
    assert.deepEqual(items.map((item) => item.transport), [...TRANSPORTS].reverse());
    must(await root.api('DELETE', `/connection/${items[0].id}`), 204, 'close');
    let last;
    while (!last?.push?.disconnect) last = await streams[1].next();
    await streams[1].raw.end();
    for (const stream of streams) stream.raw.destroy();
  });
});
