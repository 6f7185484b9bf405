// How the server is doing and who is connected, for administrators: figures that move with what is done, and
// connections that can be closed for good.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must, request } from './lib/client.mjs';
import { createRoom, ready, setUpAdministrator, startNodes, through, untilAnswer } from './lib/nodes.mjs';
import { PATIENCE_MS, rawConnect, register, startServer, within } from './lib/server.mjs';

const opsOf = async (who) => must(await who.api('GET', '/ops'), 200, 'ops').body;
const connectionsOf = async (who, query = '') => must(await who.api('GET', `/connection${query}`), 200, 'connections').body;
const metric = async (server, name) => {
  const { text } = await request(`${server.url}/metrics`);
  return Number(text.match(new RegExp(`^${name} (\\S+)$`, 'm'))[1]);
};
async function connected(server, who, options = {}) {
  const socket = await rawConnect(server.url, { cookie: who?.cookie, ...options });
  const { connect } = await socket.connect();
  return Object.assign(socket, { client: connect.client });
}
const closed = (socket) => within(PATIENCE_MS, 'the socket being closed', socket.closed);
const rpc = (socket, method, data = {}) => socket.call('rpc', { method, data });

describe('figures', () => {
  let server, root, ann;
  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
  });
  after(() => server.stop());

  test('they are for administrators, at both doors', async () => {
    const [mine, hers] = [await connected(server, root), await connected(server, ann)];
    assert.equal((await rpc(mine, 'ops.detail')).rpc.data.role, 'single');
    assert.equal((await rpc(hers, 'ops.detail')).error.code, 103);
    assert.equal((await ann.api('GET', '/ops')).status, 403);
    assert.equal((await ann.api('GET', '/connection')).status, 403);
    await Promise.all([mine.close(), hers.close()]);
  });

  test('they name the node and what it runs on', async () => {
    const ops = await opsOf(root);
    assert.match(ops.node, /^\S+:\d+$/);
    assert.equal(ops.node.split(':').at(-1), String(server.pid));
    assert.ok(Math.abs(Date.parse(ops.at) - Date.now()) < 60_000);
    assert.ok(ops.memory_bytes > 1_000_000);
    assert.ok(ops.connections_max > 0 && ops.store.queue_max > 0);
    assert.ok(ops.loop_lag_p50_ms <= ops.loop_lag_p99_ms);
    assert.deepEqual([ops.bus.kind, ops.bus.up, ops.nodes], ['local', true, []]);
  });

  test('who connects, listens and says something is counted', async () => {
    const room = await createRoom(ann, 'counted');
    const was = await opsOf(root);
    const sockets = [await connected(server, ann), await connected(server, ann)];
    await sockets[0].call('subscribe', { channel: `room:${room.id}` });
    const key = { text: 'hello', key: 'once' };
    must(await ann.api('POST', `/room/${room.id}/message`, key), 201, 'message');
    must(await ann.api('POST', `/room/${room.id}/message`, key), 200, 'the same again');

    const is = await opsOf(root);

    const grown = (name) => is[name] - was[name];
    assert.deepEqual(
      Object.fromEntries(['connections', 'users_connected', 'rooms', 'messages_total', 'http_errors_total'].map((name) => [name, grown(name)])),
      { connections: 2, users_connected: 1, rooms: 0, messages_total: 1, http_errors_total: 0 },
    );
    assert.equal(grown('subscriptions'), 3); // each has its own feed
    assert.equal(grown('commands_total'), 3);
    assert.equal(grown('http_requests_total'), 5); // two upgrades, two messages and this question
    assert.ok(grown('publications_total') >= 1 && grown('deliveries_total') >= 1);
    assert.ok(is.store.writes_total > was.store.writes_total);
    assert.equal(await metric(server, 'parley_messages_total'), is.messages_total);
    assert.equal(await metric(server, 'parley_rooms'), is.rooms);
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  test('each "you may not" is counted once, at both doors and in a batch', async () => {
    const socket = await connected(server, ann);
    const before = (await opsOf(root)).refused_total;
    must(await ann.api('GET', '/audit'), 403, 'by REST');
    assert.equal((await rpc(socket, 'audit.list')).error.code, 103);
    must(await ann.api('POST', '/batch', { operations: [{ action: 'group.create', params: { name: 'x' } }] }), 403, 'batch');
    must(await ann.api('GET', '/room/999999'), 404, 'not there');

    const { refused_total } = await opsOf(root);

    assert.equal(refused_total - before, 3);
    assert.equal(await metric(server, 'parley_refused_total'), refused_total);
    await socket.close();
  });

  test('a parameter is refused', async () => {
    must(await root.api('GET', '/ops?since=1'), 422, 'since');
  });
});

describe('connections', () => {
  let server, root, ann, bob;
  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
  });
  after(() => server.stop());

  test('each says who, from where, with what and since when', async () => {
    const socket = await connected(server, ann, { headers: { 'User-Agent': 'Browser/\xff"1"' } });
    const { items, next, node } = await connectionsOf(root, `?user=${ann.id}`);
    assert.equal(items.length, 1);
    const [{ connected_at, ...item }] = items;
    assert.ok(Math.abs(Date.parse(connected_at) - Date.now()) < 60_000);
    assert.deepEqual(item, {
      id: socket.client,
      user: ann.id,
      name: 'ann',
      peer: '127.0.0.1',
      agent: 'Browser/?"1"',
      transport: 'websocket',
      subscriptions: 1,
      queued_bytes: 0,
    });
    assert.deepEqual([next, node], [null, (await opsOf(root)).node]);
    await socket.close();
  });

  test('a socket that has not said who it is belongs to nobody', async () => {
    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    const { items } = await connectionsOf(root, '?limit=1');
    assert.deepEqual([items[0].user, items[0].name, items[0].subscriptions], [null, null, 0]);
    await socket.close();
  });

  test('pages show each once, newest first, also when others come and go', async () => {
    const sockets = [];
    for (let i = 0; i < 7; i++) sockets.push(await connected(server, i % 2 ? ann : bob));
    const bobs = sockets.filter((_, i) => i % 2 === 0).map((socket) => socket.client).reverse();
    const first = await connectionsOf(root, `?limit=2&user=${bob.id}`);
    const late = await connected(server, bob);
    const second = await connectionsOf(root, `?limit=2&user=${bob.id}&cursor=${first.next}`);
    assert.deepEqual([...first.items, ...second.items].map((item) => item.id), bobs);
    assert.equal(second.next, null);
    assert.equal((await connectionsOf(root, '?limit=200')).items.length, 8);
    for (const cursor of ['', 'x', '0', '-1', '1.5', '99999999999999999999', '18446744073709551615'])
      assert.ok([400, 422].includes((await root.api('GET', `/connection?cursor=${cursor}`)).status), `cursor ${cursor}`);
    await Promise.all([...sockets, late].map((socket) => socket.close()));
  });

  test('one that is closed does not come back, and the record says who did it', async () => {
    const [socket, other] = [await connected(server, ann), await connected(server, ann)];
    must(await bob.api('DELETE', `/connection/${socket.client}`), 403, 'by somebody else');
    must(await root.api('DELETE', `/connection/${socket.client}`), 204, 'close');
    assert.deepEqual(await closed(socket), { code: 3503, reason: 'disconnected by an administrator' });
    assert.equal((await rpc(other, 'me.detail')).rpc.data.user.name, 'ann'); // the session goes on
    must(await root.api('DELETE', `/connection/${socket.client}`), 404, 'again');
    const [entry] = must(await root.api('GET', '/audit?action=connection.delete'), 200, 'audit').body.items;
    assert.equal(entry.name, 'root');
    assert.deepEqual(entry.detail, { connection: socket.client, user: ann.id, name: 'ann' });
    await other.close();
  });

  test('the other door closes them too', async () => {
    const [mine, hers] = [await connected(server, root), await connected(server, ann)];
    assert.ok((await rpc(mine, 'connection.delete', { id: hers.client })).rpc);
    assert.equal((await closed(hers)).code, 3503);
    await mine.close();
  });
});

describe('with an edge', () => {
  test('the home answers for itself and tells of its edges', async (t) => {
    const nodes = await startNodes({ test: t, flags: { 'node.silence_ms': 2000 } });
    const root = await setUpAdministrator(nodes.home);
    const ann = await register(nodes.home.url, 'ann');
    await ready(nodes.edge);
    const socket = await connected(nodes.edge, ann);

    const ops = await untilAnswer('the edge telling of its connections, and lately', () => opsOf(through(nodes.edge, root)), (answer) =>
      answer.nodes?.[0]?.connections === 1 && answer.nodes[0].last_seen_ms < 2000);

    assert.deepEqual([ops.role, ops.node.split(':').at(-1)], ['home', String(nodes.home.pid)]);
    assert.equal(ops.bus.kind, 'redis');
    assert.equal(ops.nodes.length, 1);
    assert.equal(ops.nodes[0].role, 'edge');
    assert.equal(ops.nodes[0].name.split(':').at(-1), String(nodes.edge.pid));
    const { items, node } = await connectionsOf(through(nodes.edge, root));
    assert.deepEqual([items, node], [[], ops.node]);
    must(await root.api('DELETE', `/connection/${socket.client}`), 404, 'of an edge');
    await socket.close();
  });
});
