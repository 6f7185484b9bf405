// An administrator sees and ends somebody's sessions, and sees somebody's groups; open sockets feel it at once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { ready, setUpAdministrator, startNodes, through } from './lib/nodes.mjs';
import { PATIENCE_MS, login, rawConnect, register, startServer, within } from './lib/server.mjs';

const sessionsOf = async (who, user) => must(await who.api('GET', `/user/${user.id}/session`), 200, 'sessions').body;
async function connected(server, who) {
  const socket = await rawConnect(server.url, { cookie: who.cookie });
  await socket.connect();
  return socket;
}
const closed = (socket) => within(PATIENCE_MS, 'the socket being closed', socket.closed);

describe('sessions of somebody else', () => {
  let server, root, ann, eve;
  before(async () => {
    server = await startServer();
    root = await firstAdministrator(server);
    eve = await register(server.url, 'eve');
  });
  after(() => server.stop());

  let count = 0;
  const somebody = async () => (ann = await register(server.url, `ann${++count}`));
  const recorded = async () => must(await root.api('GET', '/audit?action=session.delete&limit=1'), 200, 'audit').body.items[0];

  test('an administrator sees them as their owner does', async () => {
    await somebody();
    await login(server.url, ann.name, ann.password);
    const own = must(await ann.api('GET', '/session'), 200, 'own').body;

    const seen = await sessionsOf(root, ann);

    assert.deepEqual(seen, { ...own, items: own.items.map((item) => ({ ...item, current: false })) });
    assert.equal((await sessionsOf(root, root)).items.filter((item) => item.current).length, 1);
  });

  test('nobody else sees or ends them, not even their owner', async () => {
    await somebody();
    const { id } = (await sessionsOf(root, ann)).items[0];
    for (const who of [ann, eve]) {
      must(await who.api('GET', `/user/${ann.id}/session`), 403, 'list');
      must(await who.api('DELETE', `/user/${ann.id}/session/${id}`), 403, 'end');
      must(await who.api('DELETE', `/user/${ann.id}/session`), 403, 'end all');
    }
    must(await ann.api('GET', '/me'), 200, 'still in');
  });

  test('one that is ended is over at once, also for its open socket, and the others go on', async () => {
    await somebody();
    const other = await login(server.url, ann.name, ann.password);
    const [mine, others] = [await connected(server, ann), await connected(server, other)];
    const { id } = must(await ann.api('GET', '/session'), 200, 'own').body.items.find((item) => item.current);

    must(await root.api('DELETE', `/user/${ann.id}/session/${id}`), 204, 'end');

    assert.equal((await closed(mine)).code, 3507);
    must(await ann.api('GET', '/me'), 401, 'ended');
    must(await other.api('GET', '/me'), 200, 'the other');
    assert.ok((await others.call('rpc', { method: 'me.detail', data: {} })).rpc);
    const entry = await recorded();
    assert.equal(entry.name, 'root');
    assert.deepEqual(entry.detail, { user: ann.id, name: ann.name, session: id });
    await others.close();
  });

  test('a session is only ended under its own person', async () => {
    await somebody();
    const { id } = (await sessionsOf(root, eve)).items[0];
    must(await root.api('DELETE', `/user/${ann.id}/session/${id}`), 404, "somebody else's");
    must(await root.api('DELETE', `/user/${ann.id}/session/999999`), 404, 'none');
    must(await root.api('DELETE', `/user/999999/session`), 404, 'nobody');
    must(await root.api('GET', `/user/999999/session`), 404, 'nobody');
    must(await eve.api('GET', '/me'), 200, 'eve is still in');
  });

  test('all of them end together; API tokens stay', async () => {
    await somebody();
    const other = await login(server.url, ann.name, ann.password);
    const token = must(await ann.api('POST', '/token', { name: 'a program', scopes: { '*': ['read'] } }), 201, 'token').body.token;
    const sockets = [await connected(server, ann), await connected(server, other)];

    must(await root.api('DELETE', `/user/${ann.id}/session`), 204, 'end all');

    for (const socket of sockets) assert.equal((await closed(socket)).code, 3507);
    for (const who of [ann, other]) must(await who.api('GET', '/me'), 401, 'ended');
    assert.deepEqual((await sessionsOf(root, ann)).items, []);
    const program = { Authorization: `Bearer ${token}`, Cookie: '' };
    assert.equal(must(await ann.api('GET', '/me', undefined, program), 200, 'token').body.user.name, ann.name);
    assert.deepEqual((await recorded()).detail, { user: ann.id, name: ann.name, sessions: 2 });
    must(await root.api('DELETE', `/user/${ann.id}/session`), 204, 'again');
    must(await login(server.url, ann.name, ann.password).then((again) => again.api('GET', '/me')), 200, 'in again');
  });

  test('who ends all of his own is signed out', async () => {
    await somebody();
    must(await root.api('PATCH', `/user/${ann.id}`, { superuser: true }), 200, 'promote');
    const answer = must(await ann.api('DELETE', `/user/${ann.id}/session`), 204, 'end all');
    assert.match(answer.headers['set-cookie'][0], /Max-Age=0/);
    must(await ann.api('GET', '/me'), 401, 'out');
  });

  test('groups are told to administrators and to oneself', async () => {
    await somebody();
    const group = must(await root.api('POST', '/group', { name: 'editors' }), 201, 'group').body;
    must(await root.api('POST', `/group/${group.id}/member`, { user: ann.id }), 204, 'member');
    for (const who of [root, ann])
      assert.deepEqual(must(await who.api('GET', `/user/${ann.id}/group`), 200, 'groups').body, {
        items: [{ id: group.id, name: 'editors' }],
        next: null,
      });
    assert.deepEqual(must(await eve.api('GET', `/user/${eve.id}/group`), 200, 'none').body.items, []);
    must(await eve.api('GET', `/user/${ann.id}/group`), 403, "somebody else's");
    must(await eve.api('GET', `/user/999999/group`), 403, 'whether there is one or not');
    must(await root.api('GET', `/user/999999/group`), 404, 'nobody');
  });
});

test('a session that is ended at the home closes its socket at an edge', async (t) => {
  const nodes = await startNodes({ test: t });
  const root = await setUpAdministrator(nodes.home);
  const ann = await register(nodes.home.url, 'ann');
  await ready(nodes.edge);
  const socket = await connected(nodes.edge, ann);
  must(await through(nodes.edge, root).api('DELETE', `/user/${ann.id}/session`), 204, 'end all');
  assert.equal((await closed(socket)).code, 3507);
});
