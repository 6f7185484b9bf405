// Questions that would end the server, or be answered with more than one connection may keep.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { must, register, setUpAdministrator, startNodes } from './lib/nodes.mjs';

const QUEUE = 65536; // bytes that a connection may keep
const PAGE = QUEUE / 2 + 20000; // half of them, the message that goes beyond, and what is around them

describe('hostile questions', () => {
  let nodes, root, ann, bob;
  before(async () => {
    nodes = await startNodes({ edges: 0, redis: false, flags: { 'realtime.queue_bytes_max': QUEUE } });
    root = await setUpAdministrator(nodes.home);
    [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => register(nodes.home.url, name)));
  });
  after(() => nodes?.stop());

  it('may I, why and who are answered about any row of any model, also of those whose rows have no number', async () => {
    const models = must(await root.api('GET', '/model'), 200, 'models').body.items.map(({ name }) => name);
    assert.ok(models.includes('member') && models.includes('session'));
    for (const model of models)
      for (const id of [1, 2, 9007199254740991]) {
        for (const me of [ann, root]) {
          const { status } = await me.api('GET', `/acl/explain?model=${model}&action=read&id=${id}`);
          assert.ok([200, 404].includes(status), `${model} ${id}: ${status}`);
        }
        const { status } = await root.api('GET', `/acl/who?model=${model}&right=read&id=${id}`);
        assert.ok([200, 404].includes(status), `${model} ${id}: ${status}`);
      }
    must(await ann.api('GET', '/acl/explain?model=member&action=read&id=1'), 404, 'a row that has no number');
  });

  it('long pinned messages come in pages that a connection can keep, each pin once', async () => {
    const { id } = must(await ann.api('POST', '/direct', { user: bob.id }), 201, 'direct').body;
    const said = [];
    for (let i = 0; i < 10; i++) {
      const message = must(await ann.api('POST', `/room/${id}/message`, { text: '😀'.repeat(3000) }), 201, 'say').body;
      must(await ann.api('POST', `/room/${id}/pin`, { message: message.id }), 201, 'pin');
      said.unshift(message.id);
    }
    const heard = [];
    for (let before = ''; before !== null; ) {
      const { text, body } = must(await bob.api('GET', `/room/${id}/pin${before && `?before=${before}`}`), 200, 'pins');
      assert.ok(Buffer.byteLength(text) < PAGE, `${Buffer.byteLength(text)} bytes`);
      heard.push(...body.items.map(({ message }) => message.id));
      before = body.next;
    }
    assert.deepEqual(heard, said);
  });

  it('long messages around one of them are no more than a connection can keep', async () => {
    const { id } = must(await ann.api('POST', '/room', { kind: 'private', name: 'long' }), 201, 'room').body;
    const said = [];
    for (let i = 0; i < 12; i++) said.push(must(await ann.api('POST', `/room/${id}/message`, { text: '😀'.repeat(3000) }), 201, 'say').body.id);
    const first = must(await ann.api('GET', `/room/${id}/message?around=${said[6]}`), 200, 'around');
    assert.ok(Buffer.byteLength(first.text) < PAGE + 12000, `${Buffer.byteLength(first.text)} bytes`);
    const heard = first.body.items;
    for (let { next } = first.body; next !== null; ) {
      const { text, body } = must(await ann.api('GET', `/room/${id}/message?before=${next}`), 200, 'before');
      assert.ok(Buffer.byteLength(text) < PAGE, `${Buffer.byteLength(text)} bytes`);
      heard.unshift(...body.items);
      next = body.next;
    }
    for (let { newer } = first.body; newer !== null; ) {
      const { text, body } = must(await ann.api('GET', `/room/${id}/message?after=${newer}`), 200, 'after');
      assert.ok(Buffer.byteLength(text) < PAGE, `${Buffer.byteLength(text)} bytes`);
      heard.push(...body.items);
      newer = body.newer;
    }
    assert.deepEqual(heard.map((message) => message.id), said);
  });
});
