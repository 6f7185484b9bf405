// Finding what was said: by its words, newest first, and only where one may read.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { untilAnswer } from './lib/nodes.mjs';
import { register, startServer } from './lib/server.mjs';

describe('searching messages', () => {
  let server, root, ann, bob, lounge, secret;
  const say = async (client, room, text) => must(await client.api('POST', `/room/${room}/message`, { text }), 201, text).body;
  const find = (client, query) => client.api('GET', `/message?${new URLSearchParams(query)}`);
  const texts = async (client, query) => must(await find(client, query), 200, 'search').body.items.map(({ text }) => text);
  /** The index follows the messages at a short distance. */
  const found = (client, q) => untilAnswer(`"${q}" being found`, () => texts(client, { q }), (items) => items.length > 0);

  before(async () => {
    server = await startServer({ flags: { 'chat.messages_per_s': 100000 } });
    root = await firstAdministrator(server);
    ann = await register(server.url, 'ann');
    bob = await register(server.url, 'bob');
    lounge = must(await ann.api('POST', '/room', { kind: 'public', name: 'lounge' }), 201, 'lounge').body.id;
    secret = must(await ann.api('POST', '/room', { kind: 'private', name: 'secret' }), 201, 'secret').body.id;
    must(await bob.api('POST', `/room/${lounge}/join`), 200, 'join');
    await say(ann, lounge, 'The kettle is on');
    await say(bob, lounge, 'Kettles are overrated, says the café');
    await say(ann, secret, 'The kettle is a spy');
    await say(ann, secret, 'end of the beginning marker');
    await found(ann, 'marker');
  });
  after(() => server?.stop());

  test('words are found whatever their case and accents, a star stands for any ending, the newest comes first', async () => {
    assert.deepEqual(await texts(ann, { q: 'KETTLE' }), ['The kettle is a spy', 'The kettle is on']);
    assert.deepEqual(await texts(ann, { q: 'kett*' }), ['The kettle is a spy', 'Kettles are overrated, says the café', 'The kettle is on']);
    assert.deepEqual(await texts(bob, { q: 'cafe' }), ['Kettles are overrated, says the café']);
    assert.deepEqual(await texts(bob, { q: 'kettle on' }), ['The kettle is on']);
    assert.deepEqual(await texts(bob, { q: 'teapot' }), []);
  });

  test('only rooms that one may read are searched, also when the room is named', async () => {
    assert.deepEqual(await texts(bob, { q: 'spy' }), []);
    must(await find(bob, { q: 'spy', room: secret }), 404, 'a room that is not for bob');
    must(await find(bob, { q: 'spy', room: 999999 }), 404, 'a room that does not exist');
    assert.deepEqual(await texts(ann, { q: 'spy', room: secret }), ['The kettle is a spy']);
    assert.deepEqual(await texts(ann, { q: 'kettle*', author: bob.id }), ['Kettles are overrated, says the café']);
    must(await root.api('POST', '/grant', { subject: 'members', model: 'message', rights: ['write'] }), 201, 'take');
    assert.equal((await find(bob, { q: 'kettle' })).status, 403);
    must(await root.api('POST', '/grant', { subject: 'members', model: 'message', rights: ['read', 'write', 'delete'] }), 201, 'give');
  });

  test('a message that was changed or taken back is found by its new words only', async () => {
    const message = await say(bob, lounge, 'zebra crossing');
    await found(bob, 'zebra');
    must(await bob.api('PATCH', `/message/${message.id}`, { text: 'lion crossing' }), 200, 'edit');
    assert.deepEqual(await texts(bob, { q: 'zebra' }), []);
    assert.deepEqual(await texts(bob, { q: 'lion' }), ['lion crossing']);
    must(await bob.api('DELETE', `/message/${message.id}`), 204, 'delete');
    assert.deepEqual(await texts(bob, { q: 'lion' }), []);
    assert.deepEqual(await texts(bob, { q: 'crossing' }), []);
  });

  test('nothing that is typed is an operator, and no text breaks the search', async () => {
    for (const q of ['"', 'kettle OR spy', 'text:kettle', 'scope:r1', '*', '-', '(', 'NEAR(kettle spy)', 'a"b', "'; DROP TABLE message; --", '%', 'ÄÖÜ', '😀', 'x'.repeat(200), 'kettle*', '{scope}:r2'])
      must(await find(bob, { q }), 200, q);
    assert.deepEqual(await texts(bob, { q: 'scope r2' }), []);
    assert.equal((await find(bob, { q: 'x'.repeat(201) })).status, 422);
    assert.equal((await find(bob, { q: 'a b c d e f g h i j k l m n o p q r s t u' })).status, 422);
    assert.equal((await find(bob, {})).status, 422);
    assert.equal((await find(bob, { q: 'kettle', sort: 'text' })).status, 422);
  });

  test('pages join without a gap, and what is in a deleted room is gone', async () => {
    const room = must(await ann.api('POST', '/room', { kind: 'private', name: 'pages' }), 201, 'room').body.id;
    for (let i = 0; i < 25; i++) await say(ann, room, `walrus ${i}`);
    await found(ann, 'walrus 24');
    const all = [];
    for (let before; ; ) {
      const page = must(await find(ann, { q: 'walrus', limit: 10, ...(before ? { before } : {}) }), 200, 'page').body;
      all.push(...page.items.map(({ text }) => text));
      before = page.next;
      if (!before) break;
    }
    assert.deepEqual(all, Array.from({ length: 25 }, (_, i) => `walrus ${24 - i}`));
    must(await ann.api('DELETE', `/room/${room}`), 204, 'delete the room');
    assert.deepEqual(await texts(ann, { q: 'walrus' }), []);
  });

  test('whoever may read little among much is answered the same', async () => {
    const carl = await register(server.url, 'carl');
    const nook = must(await carl.api('POST', '/room', { kind: 'private', name: 'nook' }), 201, 'nook').body.id;
    must(await ann.api('PATCH', `/room/${lounge}`, { kind: 'private' }), 200, 'no public room is left');
    for (let i = 0; i < 200; i++) await say(ann, secret, `pelican ${i}`);
    await say(carl, nook, 'my own pelican');
    await found(carl, 'pelican');
    assert.deepEqual(await texts(carl, { q: 'pelican' }), ['my own pelican']);
    assert.equal((await texts(ann, { q: 'pelican' })).length, 50);
  });
});
