// No room to write: the disk is full, or too much waits for it. Who writes is told so and why; everything else goes on,
// and writing too when there is room again.
import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { assertNoGap, createRoom, history, must, open, register, request, startNodes, through, untilAnswer } from '../api/lib/nodes.mjs';
import { temporaryFolder } from '../api/lib/process.mjs';
import { rawConnect } from '../api/lib/server.mjs';

const MIB = 1024 * 1024;
const folder = temporaryFolder();
const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { encoding: 'utf8' });
const small = { skip: mount.status === 0 ? false : 'a small file system cannot be mounted here (it takes root)' };
const unmount = () => mount.status === 0 && spawnSync('umount', ['-l', folder]);
process.prependListener('exit', unmount); // before the folder is removed

const ballast = join(folder, 'ballast');
/** Write until nothing more fits. */
function fill() {
  writeFileSync(ballast, '');
  for (let size = MIB; size >= 512; ) {
    try {
      appendFileSync(ballast, Buffer.alloc(size));
    } catch (error) {
      assert.equal(error.code, 'ENOSPC');
      size /= 2;
    }
  }
}

describe('the disk is full', small, () => {
  for (const [name, flags] of Object.entries({
    'found out by writing': { 'data.free_bytes_min': 0 },
    'seen before the last byte is gone': { 'data.free_bytes_min': 4 * MIB },
  }))
    it(`${name}: writes are refused with the reason, the rest goes on, and it recovers`, async (test) => {
      const nodes = await startNodes({ test, redis: false, dataDir: folder, flags });
      const server = nodes.home;
      const [ann, bob] = [await register(server.url, 'ann'), await register(server.url, 'bob')];
      const room = await createRoom(ann, 'general');
      must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
      const [annChat, bobChat] = [await open(server, ann), await open(server, bob)];
      const [hers, his] = [await annChat.enter(room.id), await bobChat.enter(room.id)];
      const states = [];
      for (const chat of [annChat, bobChat]) chat.sdk.on('state', (context) => states.push(context.newState));
      const acknowledged = [];
      let number = 0;
      const say = async () => {
        const text = `${number++} ${'x'.repeat(3000)}`;
        await hers.say(text, text.slice(0, 20));
        acknowledged.push(text);
      };

      for (let cycle = 0; cycle < 3; cycle++) {
        await say();
        fill();
        // What fits into pages that the files have already is still written.
        const error = await untilAnswer('a refusal', () => say().then(() => null), (answer) => answer?.code);
        assert.deepEqual([error.code, error.temporary], [100, true], error.message);
        assert.match(error.message, /disk is full/);
        const refused = await bob.api('POST', `/room/${room.id}/message`, { text: 'x'.repeat(3000) });
        assert.deepEqual([refused.status, refused.body?.code], [507, 'no_space'], refused.text);

        assert.equal((await request(`${server.url}/healthz`)).status, 200);
        const health = await request(`${server.url}/readyz`);
        assert.equal(health.status, 503);
        assert.match(health.text, /store/);
        must(await bob.api('GET', '/me'), 200, 'who am I');
        must(await bob.api('GET', '/room'), 200, 'rooms');
        assert.deepEqual((await history(bob, room.id)).map((message) => message.text), acknowledged);
        // Who looked in the last time was taken off the list when the end of that connection arrived.
        await untilAnswer('only the two being there', () => his.subscription.presenceStats(), ({ numClients }) => numClients === 2);
        const late = await open(server, bob);
        const there = await late.enter(room.id);
        assert.equal(there.entered.streamPosition.offset, his.entered.streamPosition.offset + acknowledged.length);
        late.close();

        rmSync(ballast);
        await untilAnswer('writing again', () => say().then(() => 'written'), (answer) => answer === 'written');
        await untilAnswer('being ready again', () => request(`${server.url}/readyz`), (answer) => answer.status === 200);
      }
      await his.untilText(acknowledged.at(-1));
      assert.deepEqual(his.texts(), acknowledged);
      assertNoGap(his.heard, his.entered.streamPosition.offset);
      assert.deepEqual(states, []);

      await server.stop();
      const again = await nodes.restartHome();
      assert.deepEqual((await history(through(again, ann), room.id)).map((message) => message.text), acknowledged);
      await nodes.stop();
      for (const suffix of ['', '-wal', '-shm', '-lock', '.lock']) rmSync(join(folder, `parley.db${suffix}`), { force: true });
    });
  after(unmount);
});

describe('more is written than the disk takes', () => {
  it('what finds the queue full is refused, to be tried again; the rest is kept', async (test) => {
    const { home: server } = await startNodes({ test, redis: false, flags: { 'data.queue_max': 1, 'data.group_max': 1 } });
    // The server writes by itself too, now and then: also a single request may find the only place taken. What was
    // refused after the account was made leaves its name taken.
    let tries = 0;
    const ann = await untilAnswer('ann being registered', () => register(server.url, `ann${++tries}`), ({ id }) => id);
    const room = await untilAnswer('the room', () => createRoom(ann, 'general'), ({ id }) => id);
    const kept = [];

    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => ann.api('POST', `/room/${room.id}/message`, { text: `rest ${i}` })),
    );
    for (const [i, answer] of answers.entries()) {
      if (answer.status === 201) {
        kept.push(`rest ${i}`);
        continue;
      }
      assert.deepEqual([answer.status, answer.body.code, answer.headers['retry-after']], [503, 'busy', '1']);
    }

    const socket = await rawConnect(server.url, { cookie: ann.cookie });
    await socket.connect();
    const replies = await Promise.all(
      Array.from({ length: 200 }, (_, i) => socket.call('publish', { channel: `room:${room.id}`, data: { text: `socket ${i}` } })),
    );
    for (const [i, reply] of replies.entries()) {
      if (reply.publish) kept.push(`socket ${i}`);
      else assert.deepEqual([reply.error.code, reply.error.temporary], [111, true]);
    }
    assert.ok(kept.some((text) => text.startsWith('rest')) && kept.some((text) => text.startsWith('socket')));
    assert.ok(kept.length < 400, 'the queue was never full');

    assert.deepEqual((await history(ann, room.id)).map((message) => message.text).sort(), kept.sort());
    await untilAnswer('writing', () => ann.api('POST', `/room/${room.id}/message`, { text: 'and on it goes' }), ({ status }) => status === 201);
    await socket.close();
  });
});
