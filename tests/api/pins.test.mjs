// What a room keeps in view: who may pin, what is answered and heard, and where it ends.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRoom, must, open, register, startNodes, through } from './lib/nodes.mjs';

const shapes = [
  { name: 'one node', edges: 0, node: (nodes) => nodes.home },
  { name: 'through an edge', edges: 1, node: (nodes) => nodes.edge },
];

for (const shape of shapes)
  describe(`pins: ${shape.name}`, () => {
    let nodes, ann, bob, eve, count = 0;
    before(async () => {
      nodes = await startNodes({ edges: shape.edges });
      const node = shape.node(nodes);
      [ann, bob, eve] = await Promise.all(['ann', 'bob', 'eve'].map((name) => register(node.url, name)));
    });
    after(() => nodes?.stop());

    const roomOf = (owner, kind = 'public') => createRoom(owner, `room ${++count}`, kind).then(({ id }) => id);
    const say = async (who, room, text) => must(await who.api('POST', `/room/${room}/message`, { text }), 201, text).body;
    const pin = (who, room, message) => who.api('POST', `/room/${room}/pin`, { message });
    const unpin = (who, room, message) => who.api('DELETE', `/room/${room}/pin/${message}`);
    const pins = async (who, room) => must(await who.api('GET', `/room/${room}/pin`), 200, 'pins').body;
    const pinned = async (who, room) => (await pins(who, room)).items.map((item) => item.message.id);

    it('a pin is answered with its message, listed newest first, and seen at home', async () => {
      const room = await roomOf(ann);
      const [first, second] = [await say(ann, room, 'first'), await say(ann, room, 'second')];
      must(await pin(ann, room, second.id), 201, 'pin');
      const made = must(await pin(ann, room, first.id), 201, 'pin').body;
      assert.deepEqual({ ...made, created_at: 0 }, { message: first, user: ann.id, name: 'ann', created_at: 0 });
      const page = await pins(through(nodes.home, ann), room);
      assert.equal(page.next, null);
      assert.deepEqual(page.items[0], made);
      assert.deepEqual(page.items.map((item) => item.message.id), [first.id, second.id]);
    });

    it('to pin or unpin twice is to do it once', async () => {
      const room = await roomOf(ann);
      const { id } = await say(ann, room, 'x');
      const first = must(await pin(ann, room, id), 201, 'pin').body;
      assert.deepEqual(must(await pin(ann, room, id), 200, 'again').body, first);
      must(await unpin(ann, room, id), 204, 'unpin');
      must(await unpin(ann, room, id), 204, 'again');
      must(await unpin(ann, room, 999999), 204, 'what never was');
      assert.deepEqual(await pinned(ann, room), []);
      assert.equal((await ann.api('GET', `/room/${room}`)).body.offset, 3);
    });

    it('the room hears of it, live and from its log, at both doors', async () => {
      const room = await roomOf(ann);
      const { id, offset } = await say(ann, room, 'x');
      const chat = await open(shape.node(nodes), ann);
      const listening = await chat.enter(room);
      const made = await chat.rpc('pin.create', { id: room, message: id });
      assert.equal(made.message.id, id);
      assert.deepEqual((await chat.rpc('pin.list', { id: room })).items, [made]);
      await chat.rpc('pin.delete', { id: room, message: id });
      await listening.heard.until('the unpinning', (items) => items.find(({ event }) => event === 'message.unpinned'));
      const told = (event, at) => ({ offset: at, event, message: id, user: ann.id, name: 'ann' });
      const wanted = [told('message.pinned', offset + 1), told('message.unpinned', offset + 2)];
      assert.deepEqual(listening.heard.items, wanted);
      const { publications } = await listening.subscription.history({ limit: 10, since: { offset, epoch: listening.entered.streamPosition.epoch } });
      assert.deepEqual(publications.map(({ data, offset: at }) => ({ offset: at, ...data })), wanted);
      chat.close();
    });

    it('owners and moderators pin, readers of the room look, strangers find nothing', async () => {
      const room = await roomOf(ann, 'private');
      const { id } = await say(ann, room, 'x');
      must(await ann.api('POST', `/room/${room}/member`, { user: bob.id }), 201, 'invite');
      const refused = must(await pin(bob, room, id), 403, 'a member');
      assert.match(refused.body.detail, /Only owners and moderators of the room may pin/);
      must(await unpin(bob, room, id), 403, 'a member');
      must(await ann.api('PATCH', `/room/${room}/member/${bob.id}`, { role: 'moderator' }), 200, 'moderator');
      must(await pin(bob, room, id), 201, 'a moderator');
      must(await ann.api('PATCH', `/room/${room}/member/${bob.id}`, { role: 'reader' }), 200, 'reader');
      assert.deepEqual((await pins(bob, room)).items.map((item) => item.name), ['bob']);
      must(await unpin(bob, room, id), 403, 'a reader');
      for (const answer of [await pin(eve, room, id), await unpin(eve, room, id), await eve.api('GET', `/room/${room}/pin`)])
        must(answer, 404, 'a stranger');
      must(await unpin(ann, room, id), 204, 'the owner, what another pinned');
    });

    it('a public room is looked at from outside, but not pinned in', async () => {
      const room = await roomOf(ann);
      const { id } = await say(ann, room, 'x');
      must(await pin(ann, room, id), 201, 'pin');
      assert.deepEqual(await pinned(eve, room), [id]);
      must(await pin(eve, room, id), 403, 'from outside');
      must(await unpin(eve, room, id), 403, 'from outside');
    });

    it('in a direct room both may', async () => {
      const room = must(await ann.api('POST', '/direct', { user: bob.id }), 201, 'direct').body.id;
      const { id } = await say(ann, room, 'x');
      must(await pin(bob, room, id), 201, 'bob');
      must(await unpin(ann, room, id), 204, 'ann');
    });

    it('only messages of the room can be pinned, and not deleted ones', async () => {
      const [room, other] = [await roomOf(ann), await roomOf(ann)];
      const there = await say(ann, other, 'there');
      assert.equal(must(await pin(ann, room, there.id), 422, 'of another room').body.errors[0].pointer, '/message');
      must(await pin(ann, room, 999999), 422, 'none at all');
      must(await pin(ann, room, 'x'), 422, 'a word');
      must(await ann.api('POST', `/room/${room}/pin`, { message: there.id, more: 1 }), 422, 'an unknown field');
      must(await pin(ann, other, there.id), 201, 'pin');
      must(await unpin(ann, room, there.id), 204, 'pinned elsewhere');
      assert.deepEqual(await pinned(ann, other), [there.id]);
      must(await ann.api('DELETE', `/message/${there.id}`), 204, 'delete');
      assert.deepEqual(await pinned(ann, other), []);
      must(await pin(ann, other, there.id), 409, 'a deleted one');
    });

    it('a room has at most fifty', async () => {
      const room = await roomOf(ann);
      const ids = [];
      for (let i = 0; i < 51; i++) ids.push((await say(ann, room, `${i}`)).id);
      for (const id of ids.slice(0, 50)) must(await pin(ann, room, id), 201, 'pin');
      const offset = (await ann.api('GET', `/room/${room}`)).body.offset;
      assert.match(must(await pin(ann, room, ids[50]), 409, 'one more').body.detail, /50 pinned messages/);
      must(await pin(ann, room, ids[0]), 200, 'one that is there');
      assert.deepEqual(await pinned(ann, room), ids.slice(0, 50).reverse());
      assert.equal((await ann.api('GET', `/room/${room}`)).body.offset, offset);
      must(await unpin(ann, room, ids[7]), 204, 'unpin');
      must(await pin(ann, room, ids[50]), 201, 'now there is room');
    });
  });
