// Who is meant, what each wants to be told of, and how far one has read, at both doors and through an edge.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createRoom, must, open, register, startNodes, through } from './lib/nodes.mjs';

const shapes = [
  { name: 'one node', edges: 0, node: (nodes) => nodes.home },
  { name: 'through an edge', edges: 1, node: (nodes) => nodes.edge },
];

for (const shape of shapes)
  describe(`mentions and marks: ${shape.name}`, () => {
    let nodes, ann, bob, eve, annChat, bobChat, count = 0;
    before(async () => {
      nodes = await startNodes({ edges: shape.edges });
      const node = shape.node(nodes);
      [ann, bob, eve] = await Promise.all(['ann', 'bob', 'eve'].map((name) => register(node.url, name)));
      [annChat, bobChat] = await Promise.all([open(node, ann), open(node, bob)]);
    });
    after(() => nodes?.stop());

    async function roomWithBob(kind = 'public') {
      const { id } = await createRoom(ann, `room ${++count}`, kind);
      must(await ann.api('POST', `/room/${id}/member`, { user: bob.id }), 201, 'invite');
      return id;
    }
    const say = async (who, room, text) => must(await who.api('POST', `/room/${room}/message`, { text }), 201, text).body;
    const membership = async (who, room) => must(await who.api('GET', `/room/${room}`), 200, 'room').body.membership;
    const mark = (who, room, body) => who.api('POST', `/room/${room}/read`, body);
    const heard = (chat, what, is) => chat.feed.until(what, (items) => items.find(is));

    it('who is named in a message is told, and so is everybody who reads it', async () => {
      const room = await roomWithBob();
      const listening = await annChat.enter(room);
      const said = await say(ann, room, 'Hello @BOB and @eve.');
      assert.deepEqual(said.mentions, [bob.id]);
      assert.deepEqual((await listening.untilText('Hello @BOB and @eve.')).message, said);
      const push = await heard(bobChat, 'the mention', (event) => event.event === 'unread' && event.room === room);
      assert.deepEqual(push, { event: 'unread', room, offset: said.offset, mention: true });
      assert.deepEqual((await bob.api('GET', `/message/${said.id}`)).body, said);
      assert.deepEqual((await bob.api('GET', `/room/${room}/message`)).body.items, [said]);
      assert.deepEqual(await membership(bob, room), { role: 'member', read_offset: 0, unread: 1, mentions: 1, notify: 'all' });
      assert.equal((await say(ann, room, 'bob@example.org, @eve')).mentions, undefined);
      assert.equal((await say(ann, room, '@ann')).mentions, undefined);
    });

    it('who is named by a change is told of the change', async () => {
      const room = await roomWithBob();
      const { id, offset } = await say(ann, room, 'Hello');
      const changed = must(await ann.api('PATCH', `/message/${id}`, { text: 'Hello @bob' }), 200, 'change').body;
      assert.deepEqual(changed.mentions, [bob.id]);
      const push = await heard(bobChat, 'the mention', (event) => event.room === room && event.mention);
      assert.equal(push.offset, offset + 1);
      must(await ann.api('DELETE', `/message/${id}`), 204, 'delete');
      assert.equal((await membership(bob, room)).mentions, 0);
    });

    it('reading tells the other windows what is left, forwards and, when asked, back', async () => {
      const room = await roomWithBob();
      const offsets = [];
      for (const text of ['@bob 1', '2', '@bob 3']) offsets.push((await say(ann, room, text)).offset);
      const state = (index, unread, mentions) => ({ read_offset: offsets[index], unread, mentions });
      assert.deepEqual(must(await mark(bob, room, { offset: offsets[0] }), 200, 'read').body, state(0, 2, 1));
      assert.deepEqual(must(await mark(bob, room, { offset: offsets[2] }), 200, 'read').body, state(2, 0, 0));
      assert.deepEqual(must(await mark(bob, room, { offset: offsets[0] }), 200, 'not back').body, state(2, 0, 0));
      assert.deepEqual(await bobChat.rpc('room.read', { id: room, offset: offsets[0], unread: true }), state(0, 2, 1));
      await heard(bobChat, 'the way back', (event) => event.event === 'read' && event.room === room && event.unread === 2 && event.read_offset === offsets[0] && bobChat.feed.items.filter((other) => other.event === 'read' && other.room === room).length === 3);
      const told = bobChat.feed.items.filter((event) => event.event === 'read' && event.room === room);
      assert.deepEqual(told, [state(0, 2, 1), state(2, 0, 0), state(0, 2, 1)].map((read) => ({ event: 'read', room, ...read })));
      assert.deepEqual(must(await mark(bob, room, { offset: offsets[1], unread: true }), 200, 'not forward').body, state(0, 2, 1));
      must(await mark(bob, room, { offset: 1, unread: 'perhaps' }), 422, 'no truth');
      must(await mark(eve, room, { offset: 1, unread: true }), 403, 'not in the room');
    });

    it('a member chooses what to be told of, and their other windows know', async () => {
      const room = await roomWithBob();
      const choose = (who, notify) => who.api('PATCH', `/room/${room}/me`, { notify });
      for (const notify of ['none', 'mentions', 'all', 'none']) {
        const answer = must(await choose(bob, notify), 200, notify).body;
        assert.equal(answer.id, room);
        assert.equal(answer.membership.notify, notify);
        assert.deepEqual(
          await heard(bobChat, notify, (event) => event.event === 'room.preferences' && event.room === room && event.notify === notify),
          { event: 'room.preferences', room, notify },
        );
      }
      assert.equal((await membership(through(nodes.home, bob), room)).notify, 'none');
      assert.equal((await bob.api('GET', '/room')).body.items.find(({ id }) => id === room).membership.notify, 'none');
      assert.equal((await membership(ann, room)).notify, 'all');
      assert.deepEqual((await bobChat.rpc('room.preferences', { id: room, notify: 'none' })).membership.notify, 'none');
      // What changes nothing is not told: the next that is heard is the next change.
      must(await choose(bob, 'all'), 200, 'all');
      const told = await bobChat.feed.until('five changes', (items) => {
        const changes = items.filter((event) => event.event === 'room.preferences' && event.room === room);
        return changes.length >= 5 && changes;
      });
      assert.deepEqual(told.map(({ notify }) => notify), ['none', 'mentions', 'all', 'none', 'all']);
      for (const wrong of ['loud', null, 1, undefined]) must(await choose(bob, wrong), 422, `${wrong}`);
      must(await bob.api('PATCH', `/room/${room}/me`, { notify: 'all', role: 'owner' }), 422, 'an unknown field');
      must(await choose(eve, 'none'), 403, 'not in the room');
      const hidden = await roomWithBob('private');
      must(await eve.api('PATCH', `/room/${hidden}/me`, { notify: 'none' }), 404, 'not to be seen');
      const members = must(await ann.api('GET', `/room/${room}/member`), 200, 'members').body.items;
      assert.deepEqual(Object.keys(members[1]), ['user', 'name', 'role', 'joined_at']); // one's own choice is nobody else's
    });

    it('members are found by the beginning of their names, page by page', async () => {
      const room = await roomWithBob();
      const people = [];
      for (const name of ['Zoe', 'zora', 'zo.e', 'xzo', 'ZOO']) {
        const person = await register(shape.node(nodes).url, `${name}${shape.edges}`);
        must(await person.api('POST', `/room/${room}/join`), 200, 'join');
        people.push(person);
      }
      const find = async (query) => must(await eve.api('GET', `/room/${room}/member?${new URLSearchParams(query)}`), 200, 'find').body;
      const names = async (query) => (await find(query)).items.map(({ name }) => name);
      const named = (...words) => words.map((word) => `${word}${shape.edges}`);
      assert.deepEqual(await names({ q: 'ZO' }), named('Zoe', 'zora', 'zo.e', 'ZOO'));
      assert.deepEqual(await names({ q: 'zo.' }), named('zo.e'));
      for (const q of ['%', '_', 'z%', '*', "'", 'ё', 'zoeé', 'x'.repeat(32)]) assert.deepEqual(await names({ q }), [], q);
      assert.equal((await names({ q: '' })).length, 7);
      const first = await find({ q: 'zo', limit: 3 });
      assert.equal(first.next, first.items[2].user);
      assert.deepEqual(await names({ q: 'zo', limit: 3, after: first.next }), named('ZOO'));
      assert.equal((await find({ q: 'zo', limit: 4 })).next, null);
      must(await eve.api('GET', `/room/${room}/member?q=${'x'.repeat(33)}`), 422, 'too long');
      assert.deepEqual((await annChat.rpc('member.list', { id: room, q: 'B' })).items.map(({ name }) => name), ['bob']);
    });
  });
