// The chat, by the published SDK and REST: the same tests with both people on the home and with one of them on an
// edge. Whoever chats must not notice where the others are.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { assertNoGap, createRoom, history, must, open, register, startNodes, through } from './lib/nodes.mjs';

// Which node each of the two uses.
const shapes = {
  'both on the home': { edges: 0, ann: (nodes) => nodes.home, bob: (nodes) => nodes.home },
  'one on the home, one on an edge': { edges: 1, ann: (nodes) => nodes.home, bob: (nodes) => nodes.edge },
  'each on an edge of their own': { edges: 2, ann: (nodes) => nodes.edges[0], bob: (nodes) => nodes.edges[1] },
};

for (const [name, shape] of Object.entries(shapes)) {
  describe(`chat, ${name}`, () => {
    let nodes, ann, bob, annChat, bobChat;
    let rooms = 0;

    before(async () => {
      nodes = await startNodes({ edges: shape.edges });
      ann = await register(shape.ann(nodes).url, 'ann');
      bob = await register(shape.bob(nodes).url, 'bob');
      annChat = await open(shape.ann(nodes), ann);
      bobChat = await open(shape.bob(nodes), bob);
    });
    after(() => nodes?.stop());

    /** A public room with both in it. */
    async function together(options) {
      const room = await createRoom(ann, `room ${++rooms}`);
      must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
      const hers = await annChat.enter(room.id, options);
      const his = await bobChat.enter(room.id, options);
      return { room, hers, his };
    }

    it('each hears what the other says, and oneself, once', async () => {
      const { room, hers, his } = await together();
      await hers.say('hello bob');
      await his.untilText('hello bob');
      await his.say('hello ann');
      await Promise.all([hers.untilText('hello ann'), his.untilText('hello ann'), hers.untilText('hello bob')]);
      assert.deepEqual(hers.texts(), ['hello bob', 'hello ann']);
      assert.deepEqual(his.texts(), ['hello bob', 'hello ann']);
      assert.deepEqual((await history(bob, room.id)).map((message) => message.text), ['hello bob', 'hello ann']);
    });

    it('both see the same order when both talk at once', async () => {
      const { hers, his } = await together();
      const said = [];
      for (let i = 0; i < 100; i++) said.push(hers.say(`a${i}`), his.say(`b${i}`));
      await Promise.all(said);
      const all = (items) => items.filter((event) => event.event === 'message.created').length === 200;
      await Promise.all([hers.heard.until('200 messages at ann', all), his.heard.until('200 messages at bob', all)]);
      const order = (log) => log.items.map((event) => `${event.offset} ${event.message.text}`);
      assert.deepEqual(order(hers.heard), order(his.heard));
      assertNoGap(his.heard, his.entered.streamPosition.offset);
      for (const who of ['a', 'b'])
        assert.deepEqual(his.texts().filter((text) => text[0] === who), Array.from({ length: 100 }, (_, i) => `${who}${i}`));
    });

    it('a repeated key adds nothing', async () => {
      const { room, hers, his } = await together();
      for (let i = 0; i < 3; i++) await his.say('only once', 'a key of his own');
      await his.say('the end');
      await hers.untilText('the end');
      assert.deepEqual(hers.texts(), ['only once', 'the end']);
      assert.equal((await history(ann, room.id)).length, 2);
    });

    it('edits, deletions and reactions reach the other', async () => {
      const { room, hers, his } = await together();
      const message = must(await bob.api('POST', `/room/${room.id}/message`, { text: 'frist' }), 201, 'create').body;
      must(await bob.api('PATCH', `/message/${message.id}`, { text: 'first' }), 200, 'update');
      await annChat.rpc('reaction.create', { id: message.id, emoji: '👍' });
      await bobChat.rpc('message.delete', { id: message.id });
      const deleted = (items) => items.find((event) => event.event === 'message.deleted');
      await Promise.all([hers.heard.until('the deletion at ann', deleted), his.heard.until('the deletion at bob', deleted)]);
      const events = ['message.created', 'message.updated', 'reaction.added', 'message.deleted'];
      assert.deepEqual(hers.heard.items.map((event) => event.event), events);
      assert.deepEqual(his.heard.items.map((event) => event.event), events);
      assertNoGap(hers.heard, hers.entered.streamPosition.offset);
    });

    it('typing is seen and leaves no trace', async () => {
      const { room, hers, his } = await together();
      must(await bob.api('POST', `/room/${room.id}/typing`, {}), 204, 'typing');
      const typing = await hers.heard.until('typing', (items) => items.find((event) => event.event === 'typing'));
      assert.equal(typing.name, 'bob');
      assert.equal(typing.offset, 0);
      await his.say('done');
      assert.equal((await hers.untilText('done')).offset, hers.entered.streamPosition.offset + 1);
    });

    it('presence lists both, and joins and leaves are told', async () => {
      const { hers, his } = await together({ joinLeave: true });
      const joined = await hers.untilSeen('join', (item) => item.info.user === String(bob.id));
      assert.deepEqual(joined.info.connInfo, { name: 'bob' });
      for (const side of [hers, his]) {
        const { clients } = await side.subscription.presence();
        assert.deepEqual(Object.values(clients).map((client) => client.user).sort(), [ann.id, bob.id].map(String).sort());
        assert.deepEqual(await side.subscription.presenceStats(), { numClients: 2, numUsers: 2 });
      }
      his.subscription.unsubscribe();
      await hers.untilSeen('leave', (item) => item.info.user === String(bob.id));
      assert.deepEqual(Object.values((await hers.subscription.presence()).clients).map((client) => client.user), [String(ann.id)]);
    });

    it('an invitation, a direct room and unread messages arrive in the personal feed', async () => {
      const room = await createRoom(ann, `private ${++rooms}`, 'private');
      must(await ann.api('POST', `/room/${room.id}/member`, { user: bob.id }), 201, 'invite');
      await bobChat.feed.until('the invitation', (items) => items.find((event) => event.event === 'room.added' && event.room.id === room.id));
      const hers = await annChat.enter(room.id);
      await hers.say('are you there?');
      await bobChat.feed.until('the unread mark', (items) => items.find((event) => event.event === 'unread' && event.room === room.id));
    });

    it('who comes back gets exactly what was missed, once, in order', async () => {
      const { room, hers, his } = await together();
      await hers.say('before');
      const { offset } = await his.untilText('before');
      bobChat.sdk.disconnect();
      const missed = Array.from({ length: 40 }, (_, i) => `missed ${i}`);
      for (const text of missed) await hers.say(text);
      bobChat.sdk.connect();
      const back = await his.untilSeen('subscribed', (item) => item.wasRecovering);
      assert.equal(back.recovered, true);
      await hers.say('after');
      await his.untilText('after');
      assert.deepEqual(his.texts(), ['before', ...missed, 'after']);
      assertNoGap(his.heard, his.entered.streamPosition.offset);
      assert.equal(offset + missed.length + 1, (await history(bob, room.id)).at(-1).offset);
    });

    it('history by the socket and by REST is the same', async () => {
      const { room, hers, his } = await together();
      for (const text of ['one', 'two', 'three']) await hers.say(text);
      const { publications, epoch, offset } = await his.subscription.history({ limit: 100 });
      const texts = publications.filter((one) => one.data.event === 'message.created').map((one) => one.data.message.text);
      assert.deepEqual(texts, ['one', 'two', 'three']);
      const page = must(await bob.api('GET', `/room/${room.id}/message`), 200, 'messages').body;
      assert.deepEqual([page.epoch, page.offset], [epoch, offset]);
    });

    it('a private room answers strangers as if it did not exist, at every door', async () => {
      const room = await createRoom(ann, `secret ${++rooms}`, 'private');
      assert.equal((await bob.api('GET', `/room/${room.id}`)).status, 404);
      assert.equal((await bob.api('POST', `/room/${room.id}/message`, { text: 'x' })).status, 404);
      await assert.rejects(bobChat.rpc('room.detail', { id: room.id }), { code: 102 });
      await assert.rejects(bobChat.enter(room.id), (error) => [102, 103].includes(error.code));
    });

    it('a removed member is cut off when the removal is answered', async () => {
      const { room, hers, his } = await together();
      await hers.say('welcome');
      await his.untilText('welcome');
      must(await ann.api('PATCH', `/room/${room.id}`, { kind: 'private' }), 200, 'make it private');
      must(await ann.api('DELETE', `/room/${room.id}/member/${bob.id}`), 204, 'remove');
      for (let i = 0; i < 20; i++) await hers.say(`not for bob ${i}`);
      assert.equal((await his.untilSeen('unsubscribed')).code, 2000);
      await hers.untilText('not for bob 19');
      assert.deepEqual(his.texts(), ['welcome']);
      await assert.rejects(his.subscription.history({ limit: 1 }));
      // The same session on the same socket goes on elsewhere.
      const other = await together();
      await other.hers.say('still friends');
      await other.his.untilText('still friends');
    });

    it('a session made by one node holds on the other', async () => {
      const elsewhere = through(shape.ann(nodes), bob);
      assert.equal(must(await elsewhere.api('GET', '/me'), 200, 'me').body.user.id, bob.id);
      await open(shape.ann(nodes), bob);
    });
  });
}
