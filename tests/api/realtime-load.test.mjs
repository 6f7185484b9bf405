// When much happens at once: slow readers, subscribing in the middle of a stream, the same message twice.
import { strict as assert } from 'node:assert';
import { after, before, describe, it } from 'node:test';
import { must } from './lib/client.mjs';
import { UNPINGED, history } from './lib/nodes.mjs';
import { frame, openWebSocket } from './lib/raw.mjs';
import { metric, say, startWorld, subscribe, untilMetric } from './lib/talk.mjs';

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** An open WebSocket of this person that has connected and sent these commands, and takes nothing from then on. */
async function deaf(world, me, ...commands) {
  const raw = await openWebSocket(world.server.port, { Cookie: me.cookie, Origin: world.url, Host: new URL(world.url).host });
  raw.send(frame('{"id":1,"connect":{}}'));
  await raw.frame();
  for (const command of commands) {
    raw.send(frame(JSON.stringify(command)));
    await raw.until((one) => one.bytes.includes(`"id":${command.id},`), `the answer to ${command.id}`);
  }
  raw.socket.pause();
  return raw;
}

describe('a slow reader', () => {
  for (const [what, flags] of [
    ['too much waits for it', { 'realtime.queue_bytes_max': 200000 }],
    ['it takes nothing for too long', { 'realtime.queue_bytes_max': 1 << 30, 'realtime.queue_ms': 3000 }],
  ])
    it(`is closed with 3008 once ${what}; the others lose nothing, and the memory is given back`, async () => {
      const world = await startWorld({ ...UNPINGED, 'chat.text_max': 60000, ...flags });
      const channel = `room:${world.room.id}`;
      const witness = await world.raw(world.bob);
      const { offset } = await subscribe(witness, channel);
      const author = await world.raw(world.ann);
      const seen = [];
      // Three together are less than may wait for a listener, and the witness has them before there are more.
      const publish = async (count, text) => {
        await Promise.all(range(1, count).map(() => author.call('publish', { channel, data: { text } })));
        for (let i = 0; i < count; i++) seen.push((await witness.push(channel)).pub.offset);
      };
      // The server waits two seconds for the close frame to be taken: a machine may be too slow for that, but not always.
      for (let round = 1, code; code !== 3008; round++) {
        assert.ok(round <= 5, 'the close frame never came');
        const slow = await deaf(world, world.bob, { id: 2, subscribe: { channel } });
        while ((await metric(world.server, 'parley_closed_slow_total')) < round) {
          assert.ok(seen.length < 2000 * round, 'so much fits nowhere');
          // Once some of it waits, time is what it lacks; it is looked at whenever something is said.
          const isWaiting = (await metric(world.server, 'parley_connections_lagging')) > 0;
          if (isWaiting) await new Promise((resolve) => setTimeout(resolve, 50));
          await publish(isWaiting ? 1 : 3, 'x'.repeat(60000));
        }
        slow.socket.resume();
        const end = await slow.closeFrame().catch((error) => assert.ok(slow.ended, error));
        code = end?.code;
        assert.ok(!end || code === 3008, `${code}`);
        slow.destroy();
      }
      await publish(1, 'the end');
      assert.deepEqual(seen, range(offset + 1, offset + seen.length));
      await untilMetric(world.server, 'parley_channel_log_bytes', (bytes) => bytes === 0);
      await untilMetric(world.server, 'parley_connections_lagging', (count) => count === 0);
      await Promise.all([witness.close(), author.close()]);
      await world.stop();
    });

  it('that comes back to reading in time gets all of it, in order', async () => {
    const world = await startWorld({ ...UNPINGED, 'chat.text_max': 60000, 'realtime.queue_bytes_max': 1 << 30, 'realtime.queue_ms': 600000 });
    const channel = `room:${world.room.id}`;
    const slow = await deaf(world, world.bob, { id: 2, subscribe: { channel } });
    const witness = await world.raw(world.bob);
    const { offset } = await subscribe(witness, channel);
    const author = await world.raw(world.ann);
    let said = 0;
    for (; (await metric(world.server, 'parley_connections_lagging')) === 0; said += 10) {
      assert.ok(said < 2000, 'so much fits nowhere');
      // Together: whoever takes nothing for too long is ended by the kernel, before it lags.
      await Promise.all(range(1, 10).map(() => author.call('publish', { channel, data: { text: 'x'.repeat(60000) } })));
    }
    slow.socket.resume();
    await author.call('publish', { channel, data: { text: 'the end' } });
    const seen = [];
    while (seen.at(-1) !== offset + said + 1)
      for (const line of (await slow.frame()).text.split('\n')) {
        const { push } = JSON.parse(line);
        if (push?.channel === channel && push.pub) seen.push(push.pub.offset);
      }
    assert.deepEqual(seen, range(offset + 1, offset + said + 1));
    await untilMetric(world.server, 'parley_channel_log_bytes', (bytes) => bytes === 0);
    slow.destroy();
    await Promise.all([witness.close(), author.close()]);
    await world.stop();
  });

  it('that only asks and never listens is closed too', async () => {
    const world = await startWorld({ ...UNPINGED, 'chat.text_max': 10000, 'realtime.queue_bytes_max': 200000 });
    const channel = `room:${world.room.id}`;
    for (let i = 0; i < 20; i++) await say(world.ann, world.room, 'x'.repeat(10000));
    const slow = await deaf(world, world.bob);
    const ask = (id) => JSON.stringify({ id, history: { channel, limit: -1 } });
    for (let round = 0; (await metric(world.server, 'parley_closed_slow_total')) === 0; round++) {
      assert.ok(round < 1000, 'so much fits nowhere');
      slow.send(frame(range(2, 41).map(ask).join('\n')));
    }
    await untilMetric(world.server, 'parley_connections_lagging', (count) => count === 0);
    slow.destroy();
    await world.stop();
  });

  it('is nobody who asks for much and takes it', async () => {
    const world = await startWorld({ 'chat.text_max': 10000, 'realtime.queue_bytes_max': 100000 });
    const channel = `room:${world.room.id}`;
    for (let i = 0; i < 20; i++) await say(world.ann, world.room, 'x'.repeat(10000));
    const client = await world.raw(world.bob);
    // Half of what may wait is the most of one answer, so that the rest is left to the client's next question.
    const { publications } = (await client.call('history', { channel, limit: -1 })).history;
    assert.ok(publications.length >= 5 && publications.every((pub, i) => pub.offset === i + 1), String(publications.length));
    for (let i = 0; i < 20; i++) assert.ok((await client.call('history', { channel, limit: -1 })).history);
    await client.close();
    await world.stop();
  });
});

describe('in the middle of a stream', () => {
  let world, ann, bob;
  before(async () => {
    world = await startWorld({ 'realtime.recover_max': 1000 });
    ({ ann, bob } = world);
  });
  after(() => world?.stop());

  it('a subscription begins without a gap and without a repetition, recovering or not', async () => {
    const channel = `room:${world.room.id}`;
    const authors = [await world.raw(ann), await world.raw(bob)];
    let isOver = false;
    const talking = authors.map(async (author) => {
      while (!isOver) assert.ok((await author.call('publish', { channel, data: { text: 'on and on' } })).publish);
    });
    // Each listens for a few events, leaves, and comes back: fresh, or from where it was, or from further back.
    const listen = async (client, rounds) => {
      let position = null;
      for (let round = 0; round < rounds; round++) {
        const isRecovering = position && round % 3 > 0;
        const from = isRecovering ? position.offset - (round % 3 === 2 ? Math.min(position.offset, 5) : 0) : null;
        const reply = await subscribe(client, channel, isRecovering ? { recover: true, offset: from, epoch: position.epoch } : {});
        if (isRecovering) assert.equal(reply.recovered, true);
        let last = reply.offset;
        for (const { offset } of reply.publications ?? []) assert.equal(offset, ++last, 'in the answer');
        for (let i = 0; i < 1 + (round % 7); i++) assert.equal((await client.push(channel)).pub.offset, ++last, 'live');
        await client.call('unsubscribe', { channel });
        // What was pushed before the unsubscribe was handled.
        for (const push of client.waiting()) if (push.push?.channel === channel) assert.equal((await client.push(channel)).pub.offset, ++last, 'at the end');
        position = { offset: last, epoch: reply.epoch };
      }
    };
    const listeners = await Promise.all(range(1, 8).map(() => world.raw(bob)));
    await Promise.all(listeners.map((client) => listen(client, 60)));
    isOver = true;
    await Promise.all(talking);
    await Promise.all([...listeners, ...authors].map((client) => client.close()));
  });

  it('connections that are cut lose nothing by recovering', async () => {
    const channel = `room:${world.room.id}`;
    const author = await world.raw(ann);
    let isOver = false;
    const talking = (async () => {
      while (!isOver) await author.call('publish', { channel, data: { text: 'on and on' } });
    })();
    const first = await world.raw(bob);
    let { offset: last, epoch } = await subscribe(first, channel);
    await first.terminate();
    for (let round = 0; round < 30; round++) {
      const client = await world.raw(bob);
      const reply = await subscribe(client, channel, { recover: true, offset: last, epoch });
      assert.equal(reply.recovered, true);
      for (const { offset } of reply.publications) assert.equal(offset, ++last);
      for (let i = 0; i < round % 5; i++) assert.equal((await client.push(channel)).pub.offset, ++last);
      await client.terminate();
    }
    isOver = true;
    await talking;
    await author.close();
  });

  it('events of one connection have the order in which it sent them', async () => {
    const room = await world.newRoom();
    const channel = `room:${room.id}`;
    const listener = await world.raw(bob);
    const { offset } = await subscribe(listener, channel);
    const author = await world.raw(ann);
    for (let i = 0; i < 200; i += 50) author.send(...range(i, i + 49).map((n) => ({ publish: { channel, data: { text: `${n}` } } })));
    for (let i = 0; i < 200; i++) {
      const { pub } = await listener.push(channel);
      assert.deepEqual([pub.offset, pub.data.message.text], [offset + 1 + i, `${i}`]);
    }
    await Promise.all([listener.close(), author.close()]);
  });
});

describe('a message with a key is said once', () => {
  let world, ann, bob, room, channel;
  before(async () => {
    world = await startWorld();
    ({ ann, bob } = world);
  });
  after(() => world?.stop());
  const fresh = async () => {
    room = await world.newRoom();
    channel = `room:${room.id}`;
  };
  const said = async () => (await history(ann, room.id)).map((message) => message.text);

  it('when it is sent twice', async () => {
    await fresh();
    const [author, listener] = [await world.raw(ann), await world.raw(bob)];
    const { offset } = await subscribe(listener, channel);
    for (let i = 0; i < 2; i++)
      assert.deepEqual((await author.call('publish', { channel, data: { text: 'once', key: 'k1' } })).publish, {});
    await author.call('publish', { channel, data: { text: 'then', key: 'k2' } });
    const heard = [(await listener.push(channel)).pub, (await listener.push(channel)).pub];
    assert.deepEqual(heard.map((pub) => [pub.offset, pub.data.message.text, pub.data.message.key]), [[offset + 1, 'once', 'k1'], [offset + 2, 'then', 'k2']]);
    assert.deepEqual(await said(), ['once', 'then']);
    await Promise.all([author.close(), listener.close()]);
  });

  it('when it is sent on many connections at once, by both doors', async () => {
    await fresh();
    const authors = await Promise.all(range(1, 10).map(() => world.raw(ann)));
    const answers = await Promise.all([
      ...authors.flatMap((author) => [1, 2].map(() => author.call('publish', { channel, data: { text: 'once', key: 'k' } }))),
      ...authors.map((author) => author.call('rpc', { method: 'message.create', data: { id: room.id, text: 'once', key: 'k' } })),
      ...range(1, 5).map(() => ann.api('POST', `/room/${room.id}/message`, { text: 'once', key: 'k' })),
    ]);
    for (const answer of answers) assert.ok(answer.publish || answer.rpc || [200, 201].includes(answer.status), JSON.stringify(answer));
    assert.deepEqual(await said(), ['once']);
    await Promise.all(authors.map((author) => author.close()));
  });

  it('when the connection was lost before the answer', async () => {
    await fresh();
    for (let i = 0; i < 20; i++) {
      const data = { text: `${i}`, key: `key ${i}` };
      const lost = await world.raw(ann);
      lost.send({ publish: { channel, data } });
      if (i % 2) await new Promise((resolve) => setImmediate(resolve));
      await lost.terminate();
      const again = await world.raw(ann);
      assert.ok((await again.call('publish', { channel, data })).publish);
      await again.close();
    }
    assert.deepEqual(await said(), range(0, 19).map(String));
  });

  it('but it is the author’s own: another person may use the same key', async () => {
    await fresh();
    await say(ann, room, 'by ann', 'k');
    await say(bob, room, 'by bob', 'k');
    assert.deepEqual(await said(), ['by ann', 'by bob']);
    must(await ann.api('POST', `/room/${room.id}/message`, { text: 'again', key: 'k' }), 200, 'repeat');
    assert.deepEqual(await said(), ['by ann', 'by bob']);
  });
});
