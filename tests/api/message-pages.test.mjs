// Walking through a room's messages: back, on, and from a message in the middle.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectSdk } from './lib/realtime.mjs';
import { must } from './lib/client.mjs';
import { register, startServer } from './lib/server.mjs';

describe('pages of messages', () => {
  let server, ann, eve, room, other, all;
  before(async () => {
    server = await startServer({ flags: { 'chat.messages_per_s': 100000 } });
    [ann, eve] = [await register(server.url, 'ann'), await register(server.url, 'eve')];
    room = must(await ann.api('POST', '/room', { kind: 'private', name: 'room' }), 201, 'room').body.id;
    other = must(await ann.api('POST', '/room', { kind: 'private', name: 'other' }), 201, 'other').body.id;
    all = [];
    for (let i = 0; i < 23; i++) {
      all.push(must(await ann.api('POST', `/room/${room}/message`, { text: `${i}` }), 201, 'say').body);
      // What lies between two messages has offsets too.
      if (i % 3 === 0) must(await ann.api('POST', `/message/${all[i].id}/reaction`, { emoji: '👍' }), 201, 'react');
    }
    all = must(await ann.api('GET', `/room/${room}/message?limit=200`), 200, 'all').body.items;
  });
  after(() => server?.stop());

  const page = async (query) => must(await ann.api('GET', `/room/${room}/message?${new URLSearchParams(query)}`), 200, 'page').body;

  it('going on behind an offset gives everything once, oldest first', async () => {
    for (const limit of [1, 4, 23, 24]) {
      const items = [];
      for (let newer = 0; newer !== null; ) {
        const one = await page({ after: newer, limit });
        items.push(...one.items);
        newer = one.newer;
      }
      assert.deepEqual(items, all);
    }
  });

  it('from any message the ways back and on meet the ends', async () => {
    for (const start of [0, 1, 11, 21, 22]) {
      for (const limit of [1, 2, 5, 10]) {
        const middle = await page({ around: all[start].id, limit });
        assert.ok(middle.items.some(({ id }) => id === all[start].id));
        assert.ok(middle.items.length <= limit);
        const items = [...middle.items];
        for (let next = middle.next; next !== null; ) {
          const one = await page({ before: next, limit });
          items.unshift(...one.items);
          next = one.next;
        }
        for (let newer = middle.newer; newer !== null; ) {
          const one = await page({ after: newer, limit });
          items.push(...one.items);
          newer = one.newer;
        }
        assert.deepEqual(items, all);
      }
    }
  });

  it('a page is half in front of the message and half from it on', async () => {
    const { items, epoch, offset } = await page({ around: all[11].id, limit: 6 });
    assert.deepEqual(items, all.slice(8, 14));
    const newest = await page({});
    assert.deepEqual([epoch, offset], [newest.epoch, newest.offset]);
    assert.equal(newest.newer, null);
    assert.ok(offset > all.at(-1).offset - 1);
  });

  it('one of the three ways is asked for, by both doors', async () => {
    const ask = (query) => ann.api('GET', `/room/${room}/message?${query}`);
    for (const query of ['before=5&after=1', `after=1&around=${all[0].id}`, `before=5&around=${all[0].id}`])
      assert.match(must(await ask(query), 422, query).body.errors[0].detail, /only one of before, after and around/);
    for (const query of ['around=x', 'around=0', 'after=-1', 'around=', 'newer=3']) must(await ask(query), 422, query);
    const sdk = await connectSdk(server.url, ann.cookie);
    const { data } = await sdk.rpc('message.list', { id: room, around: all[11].id, limit: 6 });
    assert.deepEqual(data.items, all.slice(8, 14));
    sdk.disconnect();
  });

  it('a message of another room, or none, is not there', async () => {
    must(await ann.api('GET', `/room/${other}/message?around=${all[0].id}`), 404, 'of another room');
    must(await ann.api('GET', `/room/${room}/message?around=999999`), 404, 'none');
    must(await eve.api('GET', `/room/${room}/message?around=${all[0].id}`), 404, 'a stranger');
    must(await ann.api('DELETE', `/message/${all[5].id}`), 204, 'delete');
    assert.equal((await page({ around: all[5].id, limit: 1 })).items[0].deleted, true);
  });
});
