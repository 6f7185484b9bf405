// The attackers of a storm, on WebSockets and on REST.
import { request as httpRequest } from 'node:http';
import { PASSWORD } from '../../api/lib/client.mjs';
import { within } from '../../api/lib/process.mjs';
import { closing, frame, handshake } from '../../api/lib/raw.mjs';
import { DEEP, Maker, OTHER_METHODS, ROUTES } from './requests.mjs';
import { ANSWER_MS, parsed, turn } from './storm.mjs';

// ---- attackers on WebSockets ----

/** One attacker: connections one after the other, each ended in its own way. */
export function attackSocket(storm, person, chance) {
  const maker = new Maker(chance, storm.known);
  return storm.loop(`socket of ${person.name}`, async () => {
    await person.signIn();
    const raw = await storm.connect(person);
    const socket = new HostileSocket(storm, person, maker, raw);
    try {
      await socket.run();
    } catch (error) {
      if (!raw.ended) throw error;
    } finally {
      socket.end();
      // Its last bytes are looked at too.
      socket.read();
      storm.count('sockets');
    }
  });
}

class HostileSocket {
  constructor(storm, person, maker, raw) {
    Object.assign(this, { storm, person, maker, raw, chance: maker.chance });
    this.id = 0;
    this.asked = new Map();
  }

  async run() {
    const { storm, person, raw, chance } = this;
    raw.send(handshake({ Host: new URL(storm.node.url).host, Origin: storm.node.url, Cookie: person.cookie }));
    const early = chance.is(0.1); // commands behind the handshake, before its answer
    if (early) this.sendCommands(['{"id":1000000,"connect":{}}', this.text(maker(this).command())]);
    const answer = await within(ANSWER_MS, 'the answer to an upgrade', raw.answer());
    storm.checkStatus(answer.status, `the upgrade: ${answer.body}`);
    if (answer.status !== 101) {
      storm.checkProblem(answer.body, answer.status, 'the upgrade');
      person.forget();
      return;
    }
    raw.waiting.add(() => this.read());
    this.isReading = true;
    if (!early && !chance.is(0.02)) this.sendCommands(['{"id":1000000,"connect":{}}', ...(chance.is(0.5) ? [this.text(maker(this).command())] : [])]);
    if (chance.is(0.1)) raw.socket.pause(); // it never listens
    for (let steps = 1 + chance.below(chance.is(0.3) ? 200 : 30); steps > 0 && !raw.ended && !storm.isOver; steps--) {
      this.step();
      if (raw.socket.writableNeedDrain) await this.drained();
      if (chance.is(0.3)) await turn(chance.is(0.2) ? 10 : 0);
    }
    // Half of them wait for their answers, the others are gone before.
    if (!raw.socket.isPaused() && !raw.ended && chance.is(0.5)) {
      this.sendCommands(['{"id":1000001,"ping":{}}']);
      await within(ANSWER_MS, `an answer or an end for ${person.name}`, raw.until(() => this.hasFarewell || raw.ended));
    }
  }

  step() {
    const { chance, maker: make, raw } = this;
    if (chance.is(0.015)) {
      raw.send(this.brokenFrame());
    } else if (chance.is(0.015)) {
      this.sendCommands([make.nonsense()]);
    } else if (chance.is(0.02)) {
      raw.send(frame(make.mutated(this.text(make.command()))));
    } else {
      const count = chance.is(0.1) ? 1 + chance.below(64) : 1;
      const lines = Array.from({ length: count }, () => this.text(make.command()));
      if (chance.is(0.05)) lines.push(...lines); // the same again, with the same ids
      if (chance.is(0.05)) lines.sort();
      this.sendCommands(lines);
    }
    if (chance.is(0.01)) raw.send(frame('x'.repeat(chance.below(126)), { opcode: chance.pick([9, 10]) }));
  }

  text(command) {
    const [kind] = Object.keys(command);
    const isAgain = this.chance.is(0.03);
    const id = isAgain ? 1 + this.chance.below(5) : ++this.id;
    this.asked.set(id, isAgain || id <= 5 ? 'one of several' : kind === 'rpc' ? `rpc ${command.rpc.method}` : kind);
    if (this.asked.size > 1000) this.asked.delete(this.asked.keys().next().value);
    return JSON.stringify(this.chance.is(0.5) ? { id, ...command } : { ...command, id });
  }

  /** One message, in one frame or several, in one segment or many. */
  sendCommands(lines) {
    const { chance, raw } = this;
    const bytes = Buffer.from(lines.join('\n'));
    let frames;
    if (chance.is(0.1) && bytes.length > 2) {
      const at = chance.below(bytes.length);
      frames = Buffer.concat([
        frame(bytes.subarray(0, at), { final: false }),
        ...(chance.is(0.3) ? [frame('', { opcode: 9 })] : []),
        frame(bytes.subarray(at), { opcode: 0 }),
      ]);
    } else {
      frames = frame(bytes);
    }
    for (const segment of this.maker.segments(frames)) raw.send(segment);
    this.storm.count('frames sent');
  }

  brokenFrame() {
    const { chance } = this;
    return chance.pick([
      () => frame('{}', { rsv: 1 + chance.below(7) }),
      () => frame('{}', { opcode: chance.pick([2, 3, 7, 11, 15]) }),
      () => frame('{}', { masked: false }),
      () => frame('{"id":1', { length: chance.pick([100, 70000, 2 ** 40]) }),
      () => frame('{}', { opcode: 0 }),
      () => frame('x'.repeat(200), { opcode: 9 }),
      () => frame('', { opcode: 9, final: false }),
      () => frame(Buffer.from([0xc3, 0x28, 0xff])),
      () => closing(chance.pick([1000, 1001, 1005, 3000, 4999, 0, 65535]), 'bye'),
      () => frame('x', { opcode: 8 }),
      () => Buffer.concat(Array(40).fill(frame('', { opcode: 9 }))),
      () => Buffer.from(Array.from({ length: 64 }, () => chance.below(256))),
    ])();
  }

  /** Take what has arrived apart, and look at it. */
  read() {
    if (!this.isReading) return;
    const { storm, person, raw } = this;
    try {
      for (let one; (one = raw.takeFrame()); ) {
        if (one.masked || ![1, 8, 9, 10].includes(one.opcode) || !one.final) throw new Error(`a frame that no server sends: opcode ${one.opcode}`);
        if (one.opcode === 8) {
          storm.count(`closed ${one.code}`);
          if (one.code === 3507) person.forget();
          if (this.chance.is(0.9)) raw.socket.end(closing(1000)); // the others keep the server waiting
          if ([1011, 3004].includes(one.code)) throw new Error(`closed with ${one.code} ${one.reason}`);
        }
        if (one.opcode === 1) for (const line of one.text.split('\n')) this.object(line);
      }
    } catch (error) {
      storm.fail(error);
    }
  }

  object(line) {
    const { storm, person, raw } = this;
    storm.checkText(person, line, 'a push or an answer');
    const object = parsed(line, 'a push or an answer');
    if (object.id === 1000001) this.hasFarewell = true;
    if (object.push) return storm.count('pushes');
    if (object.id === undefined) {
      if (Object.keys(object).length) throw new Error(`neither answer nor push: ${line.slice(0, 300)}`);
      if (this.chance.is(0.9)) raw.send(frame('{}'));
      return undefined;
    }
    const { error } = object;
    const asked = this.asked.get(object.id) ?? 'connect';
    if (!error && OTHER_METHODS.includes(asked.slice(4))) throw new Error(`${asked} is nothing for clients: ${line.slice(0, 300)}`);
    if (!error) return storm.count(`ok ${asked}`);
    if (!(error.code > 0) || !error.message) throw new Error(`an error without words: ${line.slice(0, 300)}`);
    if (error.message.startsWith('{')) storm.checkProblem(error.message, JSON.parse(error.message).status, `the error of ${asked}`);
    else storm.count(`error ${error.code}`);
    return undefined;
  }

  drained() {
    const { socket } = this.raw;
    return Promise.race([
      new Promise((resolve) => {
        socket.once('drain', resolve);
        socket.once('close', resolve);
      }),
      // Who does not listen may be left waiting; then it goes.
      turn(1000),
    ]);
  }

  end() {
    const { chance, raw } = this;
    if (raw.ended) return raw.destroy();
    switch (chance.below(5)) {
      case 0: raw.send(closing(1000)); raw.socket.end(); break;
      case 1: raw.send(frame('{"id":5,"ping":{}}').subarray(0, 1 + chance.below(12))); break; // in the middle of a frame
      case 2: this.sendCommands(Array.from({ length: 20 }, () => this.text(this.maker.command()))); break; // with much under way
      case 3: raw.socket.resetAndDestroy?.(); break;
      default:
    }
    return raw.destroy();
  }
}

const maker = (socket) => socket.maker;

// ---- attackers on REST ----

export function attackRest(storm, person, chance) {
  const make = new Maker(chance, storm.known);
  return storm.loop(`caller ${person.name}`, async () => {
    await person.signIn();
    const raw = await storm.connect(person);
    try {
      for (let times = 1 + chance.below(10); times > 0 && !raw.ended && !storm.isOver; times--)
        if (await callOnce(storm, person, make, raw)) break;
    } catch (error) {
      // The front may end a connection whenever it has read what it does not like.
      if (!raw.ended) throw error;
    } finally {
      raw.destroy();
    }
    await turn(0);
  });
}

/** One or several requests behind each other, and their answers in order. True: the connection is used up. */
async function callOnce(storm, person, make, raw) {
  const { chance } = make;
  const requests = Array.from({ length: chance.is(0.2) ? 1 + chance.below(8) : 1 }, () => restRequest(storm, person, make));
  const isMutated = chance.is(0.05);
  let bytes = Buffer.concat(requests.map((one) => one.bytes));
  if (isMutated) bytes = make.mutated(bytes);
  for (const segment of make.segments(bytes)) raw.send(segment);
  storm.count('requests');
  const isGone = isMutated || chance.is(0.03);
  if (isGone) {
    // Half of them still read; and what is mutated is only sure to be over with this.
    if (isMutated || chance.is(0.5)) raw.socket.end();
    else {
      raw.destroy();
      return true;
    }
  }
  for (const one of requests) {
    const { head, name } = one;
    let answer;
    do answer = await within(ANSWER_MS, `the answer to ${name} in ${JSON.stringify(bytes.toString('latin1').slice(0, 3000))}`, raw.answer({ head }));
    while (answer.status === 100);
    storm.checkStatus(answer.status, `${name}: ${answer.body.slice(0, 500)}`);
    if (isMutated) break; // nobody knows how many requests that was
    storm.checkText(person, answer.body, name);
    if (head) continue;
    const type = answer.headers['content-type'] ?? '';
    if (answer.status >= 400) storm.checkProblem(answer.body, answer.status, name);
    else if (answer.body && type.includes('json')) parsed(answer.body, name);
    if (answer.status < 300) storm.count(`ok ${name}`);
    if (answer.status === 401 || /logout|password/.test(name)) person.forget();
  }
  if (isGone) raw.destroy();
  return isGone;
}

function restRequest(storm, person, make) {
  const { chance } = make;
  let route = chance.pick(ROUTES);
  if (/account|session/.test(route.name) && !chance.is(0.1)) route = chance.pick(ROUTES);
  const params = make.params(route);
  const method = chance.is(0.03) ? chance.pick(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'FOO']) : route.method;
  let path = route.path.replace(/:(\w+)/g, (_, name) => {
    const value = params[name];
    delete params[name];
    return encodeURIComponent(typeof value === 'string' ? value.toWellFormed?.() ?? value.slice(0, 20) : String(value)).slice(0, 500);
  });
  if (chance.is(0.02)) path = chance.pick(['', '/', '..', 'room/1/message/', 'room//message', 'room/%00', 'room/%2e%2e/x', 'room/1?id=2', 'x'.repeat(3000), 'connection/websocket', '%', 'room/1#x']);
  const query = method === 'GET' || method === 'HEAD' || chance.is(0.03);
  const words = Object.entries(params).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value).toWellFormed?.() ?? '')}`.slice(0, 2000));
  if (chance.is(0.03)) words.push(chance.pick(['limit=5', 'limit=', '=', '&&', 'a=b=c', '%', '%zz=1', 'limit=5&limit=6', 'q=%ff', 'id=1']));
  let body = query ? '' : JSON.stringify(params);
  if (!query && chance.is(0.03)) body = chance.pick(['', '{', 'null', '[]', DEEP, '{"a":1,"a":2}', `{"text":"${'x'.repeat(65536 - 11)}"}`, `{"text":"${'x'.repeat(65536 - 10)}"}`, 'x'.repeat(70000)]);
  const headers = {
    Host: new URL(storm.node.url).host,
    Cookie: person.cookie,
    ...(query ? {} : { 'Content-Type': 'application/json', Origin: storm.node.url, 'X-CSRF-Token': person.csrf }),
  };
  if (chance.is(0.05))
    Object.assign(headers, chance.pick([
      { Origin: 'http://elsewhere.example' }, { 'X-CSRF-Token': 'wrong' }, { 'Content-Type': 'text/plain' }, { Cookie: 'sid=nonsense' }, { Cookie: `sid=a; sid=b` },
      { 'If-Match': '"1"' }, { 'If-None-Match': '*' }, { Host: 'elsewhere.example' }, { Connection: 'close' }, { Expect: '100-continue' }, { Range: 'bytes=0-1' },
      { 'X-Long': 'x'.repeat(9000) }, Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`X-${i}`, 'x'])), { 'Idempotency-Key': 'k' }, { 'Content-Encoding': 'gzip' },
      { Authorization: 'Bearer nonsense' }, { 'X-Forwarded-For': '1.2.3.4' }, { Upgrade: 'websocket', Connection: 'Upgrade' },
    ]));
  let payload = Buffer.from(body);
  if (chance.is(0.05) && body) {
    headers['Transfer-Encoding'] = 'chunked';
    const at = chance.below(payload.length);
    const chunk = (part) => (part.length ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]) : Buffer.alloc(0));
    payload = Buffer.concat([chunk(payload.subarray(0, at)), chunk(payload.subarray(at)), Buffer.from('0\r\n\r\n')]);
  } else if (body || !query) {
    headers['Content-Length'] = payload.length;
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} /api/v1/${path}${query && words.length ? `?${words.join('&')}` : ''} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head), payload]), head: method === 'HEAD', name: `${method} ${route.path}` };
}

/** An attacker's account, made anew when its own was disabled. */
export class Attacker {
  forbidden = new Set(); // what was said where it has been put out
  constructor(storm, number) {
    this.storm = storm;
    this.number = number;
    this.times = 0;
  }
  /** Another one for each account: how often one address may register is limited. */
  get address() {
    return `127.0.${1 + (this.times % 250)}.${10 + this.number}`;
  }
  /** Several attackers are one person; only one of them registers. */
  signIn() {
    if (this.cookie) return undefined;
    this.signingIn ??= this.register().finally(() => {
      this.signingIn = null;
    });
    return this.signingIn;
  }
  async register() {
    this.times++;
    const name = `attacker${this.number}x${this.times}x${this.storm.seed % 100000}`;
    const answer = await this.call('POST', 'register', { name, password: PASSWORD });
    if (answer.status !== 201) throw new Error(`registering: ${answer.status} ${answer.text}`);
    const [cookie] = answer.headers['set-cookie'];
    Object.assign(this, { name, cookie: cookie.split(';')[0], forbidden: new Set() });
    const me = await this.call('GET', 'me');
    if (me.status !== 200) return this.forget(); // ended meanwhile
    this.csrf = me.body.csrf;
    this.id = me.body.user.id;
    this.storm.known.note(this.storm.known.users, this.id);
  }
  forget() {
    this.cookie = '';
  }
  async call(method, path, body) {
    const text = body && JSON.stringify(body);
    const answer = new Promise((resolve, reject) => {
      const asked = httpRequest(`${this.storm.node.url}/api/v1/${path}`, {
        method, agent: false, localAddress: this.address,
        headers: {
          ...(this.cookie ? { Cookie: this.cookie } : {}),
          ...(text ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), Origin: this.storm.node.url } : {}),
        },
      });
      asked.on('error', reject);
      asked.on('response', async (response) => {
        let received = '';
        for await (const part of response) received += part;
        resolve({ status: response.statusCode, headers: response.headers, text: received, body: received ? parsed(received, path) : null });
      });
      asked.end(text);
    });
    return within(ANSWER_MS, `${method} ${path}`, answer);
  }
}
