// Somebody publishes, the connection ends anywhere between the first byte of the request and the last one of the reply, and
// the client tries again with the same key: the message is there once, also if the home was killed in between.
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { through, untilAnswer } from '../api/lib/nodes.mjs';
import { Raw, frame, openWebSocket } from '../api/lib/raw.mjs';
import { readLog, startCluster } from './lib/cluster.mjs';

/** The request by one of the two doors, as bytes on a connection that is ready for them: {raw, bytes}. */
const doors = {
  async rest(node, person, room, key) {
    const body = JSON.stringify({ text: key, key });
    const raw = new Raw(node.port);
    await raw.connected;
    const head = [
      `POST /api/v1/room/${room}/message HTTP/1.1`, 'Host: localhost', `Origin: http://localhost`, `Cookie: ${person.cookie}`,
      `X-CSRF-Token: ${person.csrf}`, 'Content-Type: application/json', `Content-Length: ${body.length}`, '', '',
    ];
    const isOver = (text) => /^HTTP\/1\.1 \d+ [^]*\r\n\r\n/.test(text);
    return { raw, bytes: Buffer.from(head.join('\r\n') + body), isOver, isAccepted: (text) => /^HTTP\/1\.1 20[01] /.test(text) };
  },
  async socket(node, person, room, key) {
    const raw = await openWebSocket(node.port, { Cookie: person.cookie, Origin: `http://localhost` });
    raw.send(frame('{"id":1,"connect":{}}'));
    await raw.frame();
    raw.bytes = Buffer.alloc(0);
    const command = { id: 2, publish: { channel: `room:${room}`, data: { text: key, key } } };
    const isAccepted = (text) => text.includes('{"id":2,"publish":{}}');
    return { raw, bytes: frame(JSON.stringify(command)), isOver: (text) => isAccepted(text) || text.includes('{"id":2,"error"'), isAccepted };
  },
};

describe('a publication that is cut off and repeated is there once', () => {
  for (const door of Object.keys(doors))
    for (const where of ['home', 'edge0'])
      it(`anywhere in request and reply, ${door} on ${where}, and with the home killed in between`, async (test) => {
        const cluster = await startCluster(test, { edges: where === 'home' ? 0 : 1, rooms: 1, people: 1 });
        const { rooms: [room], people: [person], chance } = cluster;
        const keys = [];
        /** Send and read so many bytes and go; -1: all. Resolves to how many there were. */
        const attempt = async (key, sent, received) => {
          const { raw, bytes, isOver, isAccepted } = await doors[door](cluster.node(where), person, room, key);
          raw.send(sent < 0 ? bytes : bytes.subarray(0, sent));
          if (sent < 0) await raw.until(({ bytes: { length } }) => length >= received || isOver(raw.bytes.toString()), `${received} bytes for ${key}`);
          const text = raw.bytes.toString();
          raw.socket.destroy();
          return { sent: bytes.length, received: raw.bytes.length, isAccepted: isAccepted(text) };
        };
        // Also refused for a while, when an edge has not found its new home yet.
        const again = (key) => untilAnswer(`${key} being accepted`, () => attempt(key, -1, Infinity), (answer) => answer.isAccepted);
        const whole = await attempt('whole', -1, Infinity);
        assert.ok(whole.isAccepted);
        keys.push('whole');
        const places = [
          ...Array.from({ length: whole.sent }, (_, sent) => [sent, 0]),
          ...Array.from({ length: whole.received }, (_, received) => [-1, received]),
        ];
        // Every eighth byte, others with another seed; PARLEY_STEP=1 for each.
        const step = Number(process.env.PARLEY_STEP ?? 8);
        const kills = new Set(Array.from({ length: 3 }, () => chance.below(places.length / step)));
        let number = 0;
        for (let i = chance.below(step); i < places.length; i += step, number++) {
          const [sent, received] = places[i];
          const key = `cut ${sent} ${received}`;
          keys.push(key);
          await attempt(key, sent, received);
          if (kills.has(number)) await cluster.killAndRestart('home');
          await again(key);
        }
        test.diagnostic(`${number} cuts`);
        const { events } = await readLog(cluster.nodes.home.url, through(cluster.nodes.home, person).cookie, room);
        const found = events.map(({ key }) => key).filter((key) => key !== null);
        assert.deepEqual([...found].sort(), [...keys].sort());
      });
});
