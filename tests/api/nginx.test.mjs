// config/nginx.conf with a real nginx: all ways to the chat through TLS. Skipped where nginx is not installed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { anonymous, createRoom, must, open, register, request, startNodes, untilAnswer } from './lib/nodes.mjs';
import { freePorts } from './lib/ports.mjs';
import { Program, temporaryFolder } from './lib/process.mjs';
import { root } from './lib/server.mjs';
import { TRANSPORTS, connectOver } from './lib/streams.mjs';

const hasNginx = spawnSync('nginx', ['-v']).status === 0;

describe('behind nginx', { skip: hasNginx ? false : 'nginx is not installed' }, () => {
  let nodes, nginx, url, plain, ann, bob;
  before(async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the certificate is made below, and nobody vouches for it
    nodes = await startNodes({ edges: 0, flags: { 'http.proxies': '127.0.0.1' } });
    ({ nginx, url, plain } = await startNginx(nodes.home.port));
    ann = await register(url, 'ann');
    bob = await register(url, 'bob');
  });
  after(async () => {
    await nginx?.stop();
    await nodes?.stop();
  });

  it('who comes without TLS is sent to it', async () => {
    const answer = await request(`${plain}/some/page?a=b`, { headers: { Host: 'chat.example.org' } });
    assert.equal(answer.status, 301);
    assert.equal(answer.headers.location, 'https://chat.example.org/some/page?a=b');
  });

  it('the cookie is one that goes through TLS only, and the address is the client\'s', async () => {
    assert.match(ann.cookie, /^__Host-/);
    assert.equal((await request(`${url}/api/v1/me`, { headers: { Cookie: ann.cookie } })).headers['strict-transport-security'], 'max-age=31536000');
    // What a client says of itself is not believed.
    const again = anonymous(url);
    must(await again.api('POST', '/login', { name: 'ann', password: ann.password }, { 'X-Forwarded-For': '10.1.2.3' }), 200, 'login');
    const sessions = must(await again.api('GET', '/session'), 200, 'sessions').body.items;
    assert.deepEqual([...new Set(sessions.map(({ peer }) => peer))], ['127.0.0.1']);
  });

  it('a body that Parley would take gets through, one that it would not is refused', async () => {
    const room = await createRoom(ann, 'long words');
    must(await ann.api('POST', `/room/${room.id}/message`, { text: 'x'.repeat(3900) }), 201, 'a long message');
    assert.equal((await ann.api('POST', `/room/${room.id}/message`, { text: 'x'.repeat(70_000) })).status, 413);
  });

  for (const way of ['websocket', ...TRANSPORTS])
    it(`over ${way}: hears at once, says, and is told of a right that is gone`, async () => {
      const room = await createRoom(ann, `over ${way}`);
      must(await bob.api('POST', `/room/${room.id}/join`, {}), 200, 'join');
      const connect = (address, cookie, options) => connectOver(address, cookie, way, { options });
      const his = await open({ url }, bob, way === 'websocket' ? {} : { connect });
      const hers = await open({ url }, ann);
      const [atHis, atHers] = [await his.enter(room.id), await hers.enter(room.id)];
      // Each waits for the one before: what nginx kept back until a buffer is full would never come.
      for (let i = 0; i < 3; i++) {
        await atHers.say(`to bob ${i}`);
        await atHis.untilText(`to bob ${i}`);
        await atHis.say(`to ann ${i}`);
        await atHers.untilText(`to ann ${i}`);
      }
      must(await ann.api('DELETE', `/room/${room.id}/member/${bob.id}`), 204, 'removing bob');
      await ann.api('PATCH', `/room/${room.id}`, { kind: 'private' });
      await atHis.untilSeen('unsubscribed');
      his.close();
      hers.close();
    });
});

/** nginx with the project's site; only its addresses and its certificate are others. */
async function startNginx(port) {
  const folder = temporaryFolder();
  const [tls, http] = await freePorts(2);
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')]);
  assert.equal(made.status, 0, String(made.stderr));
  const site = readFileSync(join(root, 'config/nginx.conf'), 'utf8')
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replaceAll(/^ *listen \[::\].*\n/gm, '')
    .replace('listen 80;', `listen 127.0.0.1:${http};`)
    .replace('listen 443 ssl;', `listen 127.0.0.1:${tls} ssl;`)
    .replace(/^( *ssl_certificate ).*$/m, `$1 ${join(folder, 'cert.pem')};`)
    .replace(/^( *ssl_certificate_key ).*$/m, `$1 ${join(folder, 'key.pem')};`);
  writeFileSync(join(folder, 'site.conf'), site);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(folder, name)};`);
  writeFileSync(join(folder, 'nginx.conf'),
    `${process.getuid() === 0 ? 'user root;' : ''} daemon off; pid ${join(folder, 'pid')}; worker_processes 1; error_log stderr; events {}
     http { ${folders.join(' ')} access_log off; include ${join(folder, 'site.conf')}; }`);
  const nginx = new Program('nginx', ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')]);
  const plain = `http://127.0.0.1:${http}`;
  await untilAnswer('nginx listening', () => request(plain).catch(() => null), (answer) => answer?.status === 301);
  return { nginx, url: `https://127.0.0.1:${tls}`, plain };
}
