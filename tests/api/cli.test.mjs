// The command line: settings, help, exit codes, and what administrators do with it while a server runs and while none does.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { firstAdministrator, setupToken } from './lib/admin.mjs';
import { must, PASSWORD } from './lib/client.mjs';
import { temporaryFolder } from './lib/process.mjs';
import { PATIENCE_MS, anonymous, login, program, rawConnect, register, runParley, startServer, within } from './lib/server.mjs';

const FINE = 0;
const FAILED = 1;
const USAGE = 2;
const REFUSED = 3;
const COMMANDS = ['serve', 'check', 'settings', 'user', 'group', 'grant', 'revoke', 'explain', 'who', 'audit', 'backup', 'restore', 'migrate', 'demo'];

/** The words after which a command works on the data in `folder`, with cheap password hashes. */
const on = (folder, file = 'parley.db') => [
  `--data.path=${join(folder, file)}`, '--account.hash_memory_kib=64', '--account.hash_passes=1',
];

async function run(words, code, options) {
  const answer = await runParley(words, options);
  assert.equal(answer.code, code, `parley ${words.join(' ')}: ${answer.code} instead of ${code}\n${answer.output}`);
  assert.doesNotMatch(answer.output, /Sanitizer|runtime error/);
  return answer.output;
}

/** As run(), with text on standard input. */
async function runWith(input, words, code) {
  // PARLEY_* are settings of the program: those of the tests must not reach it.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')));
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  assert.equal(await within(PATIENCE_MS, `parley ${words[0]}`, ended), code, output);
  return output;
}

/** The document among what was printed; log lines are documents too, but have no items. */
const documentOf = (output) => output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).find((one) => !one.level);

describe('help and settings', () => {
  test('every command explains itself and does nothing', async () => {
    const folder = temporaryFolder();
    const help = await run(['--help'], FINE);
    for (const command of COMMANDS) {
      assert.match(help, new RegExp(`^  ${command}\\b`, 'm'));
      assert.match(await run([command, '--help', ...on(folder)], FINE), /^Usage: parley/);
    }
    assert.match(await run(['user', 'add', 'ann', '--help', ...on(folder)], FINE), /^Usage: parley user/);
    assert.ok(!existsSync(join(folder, 'parley.db')));
    assert.match(await run(['--version'], FINE), /^parley \d+\.\d+\.\d+\n$/);
    assert.equal(await run(['help'], FINE), help);
  });

  test('what is not understood is 2, with a hint', async () => {
    const folder = temporaryFolder();
    assert.match(await run([], USAGE), /^Usage/);
    assert.match(await run(['srve'], USAGE), /no command "srve"/);
    assert.match(await run(['srve', '--help'], USAGE), /no command "srve"/);
    for (const words of [
      ['serve', 'now'], ['serve', '--http.address'], ['check', 'it'], ['settings', 'http'],
      ['user'], ['user', 'add'], ['user', 'add', 'a', 'b'], ['user', 'rename', 'ann', 'bob'], ['user', 'admin', 'ann', 'maybe'],
      ['user', 'list', 'a', 'b'], ['user', 'add', 'ann', '--json'], ['user', 'password', 'ann', '--json'],
      ['user', 'set', 'ann'], ['user', 'set', 'ann', '--admin=maybe'], ['user', 'set', '--admin=yes'],
      ['group'], ['group', 'add'], ['group', 'rename', '1'], ['group', 'join', '1'], ['group', 'remove'],
      ['grant'], ['grant', 'members', 'room'], ['grant', 'give', 'members'], ['grant', 'take'], ['grant', 'take', 'one'], ['grant', 'list', 'all'],
      ['grant', 'give', 'members', 'room', 'read', '--dry-run', '--until=2099-12-31T12:00:00Z'],
      ['explain'], ['explain', 'ann', 'room'], ['explain', 'ann', 'room', 'read', 'one'], ['who', 'room'], ['who', 'room', 'read', 'x'], ['audit', 'verify', 'it'],
      ['revoke'], ['revoke', 'one'], ['revoke', '../room/1'], ['audit', 'all'],
      ['backup'], ['backup', 'a', 'b'], ['demo', 'now'],
    ]) {
      const output = await run([...words, ...on(folder)], USAGE);
      assert.match(output, /^parley: .*(--help|parley settings)/m, words.join(' '));
    }
    assert.ok(!existsSync(join(folder, 'parley.db')), 'nothing was done');
  });

  test('a setting that is wrong names the nearest key or the range', async () => {
    for (const command of ['serve', 'check', 'settings', 'user']) {
      assert.match(await run([command, '--http.adress=127.0.0.1:0'], USAGE), /http\.adress.*http\.address/);
      assert.match(await run([command, '--data.readers=0'], USAGE), /data\.readers/);
      assert.match(await run([command, '--data.readers=many'], USAGE), /data\.readers/);
    }
    assert.match(await run(['check'], USAGE, { env: { PARLEY_CHAT_TEXT_MAX: '0' } }), /chat\.text_max|CHAT_TEXT_MAX/);
    assert.match(await run(['check'], USAGE, { env: { PARLEY_CHAT_TXT_MAX: '10' } }), /PARLEY_CHAT_TEXT_MAX|chat\.text_max/i);
    const config = join(temporaryFolder(), 'parley.json');
    await writeFile(config, '{"chat": {"text_mx": 10}}');
    assert.match(await run(['check', `--config=${config}`], USAGE), /text_mx.*chat\.text_max/);
    await writeFile(config, '{"chat": {');
    assert.match(await run(['check', `--config=${config}`], USAGE), /parley\.json/);
    assert.match(await run(['check', `--config=${config}.not`], USAGE), /parley\.json\.not/);
  });

  test('later sources win, and settings shows what came of it', async () => {
    const config = join(temporaryFolder(), 'parley.json');
    await writeFile(config, '{"chat": {"text_max": 11, "members_max": 12}, "log": {"level": "error"}}');
    const words = ['settings', `--config=${config}`, '--chat.text_max=33', '--json'];
    const text = await run(words, FINE, { env: { PARLEY_CHAT_TEXT_MAX: '22', PARLEY_CHAT_MEMBERS_MAX: '23' } });
    const value = (name) => {
      const rows = JSON.parse(text);
      return (Array.isArray(rows) ? rows : rows.items ?? rows.settings).find((row) => row.name === name).value;
    };
    assert.equal(value('chat.text_max'), 33);
    assert.equal(value('chat.members_max'), 23);
    assert.equal(value('log.level'), 'error');
    assert.match(await run(['settings'], FINE), /http\.address/);
    assert.match(await run(['check', `--config=${config}`], FINE), /settings are fine/);
  });
});

/** The same with a server and without one. */
for (const isRunning of [false, true])
  describe(`administration while ${isRunning ? 'a' : 'no'} server runs`, () => {
    const withData = async (work) => {
      const server = isRunning ? await startServer() : null;
      const folder = server?.dataDir ?? temporaryFolder();
      try {
        await work(folder, server);
      } finally {
        await server?.stop();
      }
    };
    /** Somebody who can sign in: the server may have to be started for that. */
    const asServer = async (folder, server, work) => {
      const mine = server ?? (await startServer({ dataDir: folder }));
      try {
        return await work(mine);
      } finally {
        if (!server) await mine.stop();
      }
    };

    test('people are added, listed, changed and shut out', async () => {
      await withData(async (folder, server) => {
        const made = await run(['user', 'add', 'Ann', '--email=ann@example.org', ...on(folder)], FINE);
        const password = made.match(/Ann was added with the password (\S+)/)[1];
        await runWith(`${PASSWORD}\n`, ['user', 'add', 'root', '--admin', '--password-stdin', ...on(folder)], FINE);
        const bob = documentOf(await runWith(PASSWORD, ['user', 'add', 'bob', '--password-stdin', '--json', ...on(folder)], FINE));
        assert.equal(bob.name, 'bob');
        assert.match(await run(['user', 'list', ...on(folder)], FINE), /id=1 {2}name=Ann {2}superuser=false {2}disabled=false\n.*name=bob[^]*name=root {2}superuser=true/);
        const list = documentOf(await run(['user', 'list', 'B', '--json', ...on(folder)], FINE));
        assert.deepEqual(list, { items: [{ id: bob.id, name: 'bob', superuser: false, disabled: false }], next: null });

        assert.match(await run(['user', 'add', 'ANN', ...on(folder)], REFUSED), /taken/);
        assert.match(await run(['user', 'add', 'a b', ...on(folder)], REFUSED), /name: A name has/);
        assert.match(await runWith('short\n', ['user', 'add', 'eve', '--password-stdin', ...on(folder)], REFUSED), /password: .*8/);
        assert.match(await runWith('', ['user', 'add', 'eve', '--password-stdin', ...on(folder)], USAGE), /no password/);
        assert.match(await runWith(`${'x'.repeat(1025)}\n`, ['user', 'add', 'eve', '--password-stdin', ...on(folder)], REFUSED), /password/);
        assert.match(await run(['user', 'disable', 'nobody', ...on(folder)], REFUSED), /no user called nobody/);
        assert.match(await run(['user', 'disable', 'an', ...on(folder)], REFUSED), /no user called an;/);
        assert.match(await run(['user', 'admin', 'root', 'no', ...on(folder)], REFUSED), /last administrator/);

        assert.match(await run(['user', 'disable', 'bob', ...on(folder)], FINE), /bob was disabled/);
        assert.match(await run(['user', 'admin', 'ann', 'yes', ...on(folder)], FINE), /ann is an administrator/);
        await asServer(folder, server, async ({ url }) => {
          must(await anonymous(url).api('POST', '/login', { name: 'bob', password: PASSWORD }), 401, 'bob is disabled');
          const ann = await login(url, 'ann', password);
          must(await ann.api('GET', '/grant'), 200, 'ann is an administrator');
        });
        assert.match(await run(['user', 'enable', 'bob', ...on(folder)], FINE), /bob was enabled/);
        const again = (await run(['user', 'password', 'bob', ...on(folder)], FINE)).match(/bob has the password (\S+)/)[1];
        await runWith('another password\n', ['user', 'password', 'ann', '--password-stdin', ...on(folder)], FINE);
        await asServer(folder, server, async ({ url }) => {
          await login(url, 'bob', again);
          await login(url, 'ann', 'another password');
        });
      });
    });

    test('lists are whole, however long', async () => {
      await withData(async (folder, server) => {
        const names = Array.from({ length: 55 }, (_, i) => `user${10 + i}`);
        await asServer(folder, server, async ({ url }) => {
          for (const name of names) await register(url, name);
        });
        const list = documentOf(await run(['user', 'list', 'user', '--json', ...on(folder)], FINE));
        assert.deepEqual(list.items.map((item) => item.name), names);
        assert.equal((await run(['user', 'list', 'user', ...on(folder)], FINE)).match(/name=user/g).length, names.length);
      });
    });

    test('groups, grants and their record', async () => {
      await withData(async (folder) => {
        await run(['user', 'add', 'ann', ...on(folder)], FINE);
        assert.equal(documentOf(await run(['group', 'add', 'editors', ...on(folder)], FINE)).id, 1);
        assert.match(await run(['group', 'add', 'editors', ...on(folder)], REFUSED), /already/);
        await run(['group', 'join', '1', '1', ...on(folder)], FINE);
        await run(['group', 'join', '1', '99', ...on(folder)], REFUSED);
        assert.match(await run(['group', 'list', ...on(folder)], FINE), /name=editors {2}members=1 {2}users=\[1\]/);
        const grant = documentOf(await run(['grant', 'group:editors', 'message', 'read,delete', 'they asked', ...on(folder)], FINE));
        assert.deepEqual(grant.rights, ['read', 'delete']);
        assert.match(await run(['grant', 'list', ...on(folder)], FINE), /subject=group:1 {2}name=editors {2}model=message {2}rights=\["read","delete"\] {2}reason=they asked/);
        assert.match(await run(['grant', 'group:nobody', 'message', 'read', ...on(folder)], REFUSED), /subject: There is no such group/);
        assert.match(await run(['grant', 'members', 'message', 'reed', ...on(folder)], REFUSED), /rights:/);
        assert.match(await run(['revoke', String(grant.id), ...on(folder)], FINE), /taken back/);
        await run(['revoke', String(grant.id), ...on(folder)], REFUSED);
        await run(['group', 'part', '1', '1', ...on(folder)], FINE);
        await run(['group', 'delete', '1', ...on(folder)], FINE);
        const audit = documentOf(await run(['audit', '--json', ...on(folder)], FINE));
        // Where a server runs, the default grants of the example models come first.
        const started = audit.items.length > 7 ? ['grant', 'grant', 'grant'] : [];
        assert.deepEqual(audit.items.map((item) => item.action),
          ['group.delete', 'group.part', 'revoke', 'grant', 'group.join', 'group.create', 'user.create', ...started]);
        for (const item of audit.items) assert.equal(item.name, 'shell');
      });
    });

    test('several things of an account are set at once', async () => {
      await withData(async (folder, server) => {
        await runWith(PASSWORD, ['user', 'add', 'root', '--admin', '--password-stdin', ...on(folder)], FINE);
        await run(['user', 'add', 'ann', ...on(folder)], FINE);
        assert.match(await runWith('another password', ['user', 'set', 'ann', '--admin=yes', '--password-stdin', ...on(folder)], FINE), /ann was changed/);
        assert.match(await run(['user', 'set', 'root', '--admin=no', '--disabled=yes', ...on(folder)], FINE), /root was changed/);
        assert.match(await run(['user', 'set', 'ann', '--disabled=yes', ...on(folder)], REFUSED), /last administrator/);
        assert.match(await run(['user', 'list', ...on(folder)], FINE), /name=ann {2}superuser=true {2}disabled=false\n.*name=root {2}superuser=false {2}disabled=true/);
        await asServer(folder, server, async ({ url }) => {
          const ann = await login(url, 'ann', 'another password');
          must(await ann.api('GET', '/grant'), 200, 'ann is the administrator');
        });
      });
    });

    test('groups and people may be named, and a group gets another name', async () => {
      await withData(async (folder) => {
        await run(['user', 'add', 'ann', ...on(folder)], FINE);
        await run(['group', 'add', 'editors', ...on(folder)], FINE);
        await run(['group', 'join', 'editors', 'Ann', ...on(folder)], FINE);
        await run(['grant', 'give', 'group:editors', 'newts', 'read', ...on(folder)], REFUSED); // there is no such model
        await run(['grant', 'give', 'group:editors', 'message', 'delete', ...on(folder)], FINE);
        assert.deepEqual(documentOf(await run(['group', 'rename', 'editors', 'writers', ...on(folder)], FINE)), { id: 1, name: 'writers', members: 1, users: [1] });
        assert.equal(documentOf(await run(['group', 'show', 'writers', ...on(folder)], FINE)).id, 1);
        assert.match(await run(['explain', 'ann', 'message', 'delete', ...on(folder)], FINE), /^ann may delete message$[^]*grant \d+ to group writers/m);
        assert.match(await run(['group', 'remove', 'editors', ...on(folder)], REFUSED), /no group called editors; see `parley group list`/);
        assert.match(await run(['group', 'join', 'writers', 'bob', ...on(folder)], REFUSED), /no user called bob/);
        assert.match(await run(['group', 'remove', '1 HTTP/1.1\r\nX: y', ...on(folder)], REFUSED), /no group called/);
        await run(['group', 'part', 'writers', 'ann', ...on(folder)], FINE);
        await run(['group', 'remove', 'writers', ...on(folder)], FINE);
      });
    });

    test('a grant is given with an end and a reason, tried first, explained, and taken', async () => {
      await withData(async (folder) => {
        for (const name of ['ann', 'bob']) await run(['user', 'add', name, ...on(folder)], FINE);
        const members = documentOf(await run(['grant', 'list', '--subject=members', '--model=message', '--json', ...on(folder)], FINE)).items;
        assert.equal(members.length, 1);
        const trial = ['grant', 'give', 'members', 'message', 'read', '--dry-run'];
        assert.match(await run([...trial, ...on(folder)], FINE), /nothing was changed; people who would lose something: 2, gain something: 0/);
        const { people, gain, subscriptions } = documentOf(await run([...trial, '--json', ...on(folder)], FINE));
        assert.deepEqual({ people, gain, subscriptions }, { people: 2, gain: 0, subscriptions: 0 });
        assert.match(await run(['grant', 'take', 'members', 'message', ...on(folder)], FINE), /the grant to members on message is taken back; what other grants give stays/);
        const said = await run(['grant', 'give', 'user:ann', 'message', 'read,grant', '--until=2099-12-31T12:00:00Z', '--reason=for the year', ...on(folder)], FINE);
        assert.match(said, /user:1 may read, grant message until 2099-12-31T12:00:00.000Z \(grant \d+\)/);
        const given = documentOf(await run(['grant', 'list', '--user=1', '--json', ...on(folder)], FINE)).items[0];
        assert.equal(given.until, '2099-12-31T12:00:00.000Z');
        assert.equal(given.reason, 'for the year');
        assert.equal(given.granted_by, null);

        assert.match(await run(['explain', 'ann', 'message', 'read', ...on(folder)], FINE),
          new RegExp(`^ann may read message\n  yes: grant ${given.id} to user ann, until 2099-12-31T12:00:00.000Z: for the year$`, 'm'));
        assert.match(await run(['explain', 'bob', 'message', 'read', ...on(folder)], FINE), /^bob may not read message\n {2}no: there is no grant of read on message/m);
        assert.match(await run(['explain', 'anonymous', 'room', 'read', ...on(folder)], FINE), /who is not signed in may not read room/);
        assert.equal(documentOf(await run(['explain', '1', 'message', 'read', '--json', ...on(folder)], FINE)).allowed, true);
        assert.match(await run(['explain', 'eve', 'message', 'read', ...on(folder)], REFUSED), /user: There is no such user/);
        assert.match(await run(['explain', 'ann', 'messages', 'read', ...on(folder)], REFUSED), /model: There is no such model/);
        assert.match(await run(['explain', 'ann', 'message', 'look', ...on(folder)], REFUSED), /action: .*read, write, delete, grant/);
        assert.match(await run(['who', 'message', 'read', ...on(folder)], FINE), /^id=1 {2}name=ann {2}superuser=false$/m);
        assert.deepEqual(documentOf(await run(['who', 'room', 'read', '--json', ...on(folder)], FINE)).items.map((item) => item.name), ['ann', 'bob']);
        await run(['grant', 'everyone', 'room', 'read', ...on(folder)], FINE);
        assert.match(await run(['who', 'room', 'read', ...on(folder)], FINE), /and everyone, signed in or not/);

        assert.match(await run(['grant', 'give', 'user:ann', 'message', 'read', '--until=tomorrow', ...on(folder)], REFUSED), /until: .*2027-01-31T12:00:00Z/);
        assert.match(await run(['grant', 'give', 'user:ann', 'message', 'read', '--until=2001-01-01T00:00:00Z', ...on(folder)], REFUSED), /until: .*future/);
        assert.match(await run(['grant', 'take', String(given.id), ...on(folder)], FINE), /taken back/);
      });
    });

    test('taking back is tried first, has a reason, and promises no more than it does', async () => {
      await withData(async (folder) => {
        for (const name of ['ann', 'bob']) await run(['user', 'add', name, ...on(folder)], FINE);
        await run(['group', 'add', 'editors', ...on(folder)], FINE);
        await run(['grant', 'give', 'group:editors', 'message', 'read', ...on(folder)], FINE);
        const { id } = documentOf(await run(['grant', 'user:ann', 'audit', 'read', ...on(folder)], FINE));
        const tried = /nothing was changed; people who would lose something: 1, gain something: 0/;
        for (const words of [['grant', 'take', 'user:ann', 'audit'], ['grant', 'take', String(id)], ['revoke', String(id)]]) {
          assert.match(await run([...words, '--dry-run', ...on(folder)], FINE), tried);
          assert.equal(documentOf(await run([...words, '--dry-run', '--json', ...on(folder)], FINE)).people, 1);
        }
        assert.deepEqual(documentOf(await run(['grant', 'list', '--user=Ann', '--json', ...on(folder)], FINE)).items.map((grant) => grant.id), [id]);
        assert.deepEqual(documentOf(await run(['grant', 'list', '--group=editors', '--json', ...on(folder)], FINE)).items.map((grant) => grant.name), ['editors']);

        assert.match(await run(['grant', 'take', 'user:ann', 'audit', '--reason=she left', ...on(folder)], FINE), /the grant to user:1 on audit is taken back; what other grants give stays/);
        assert.match(await run(['grant', 'take', 'user:ann', 'audit', ...on(folder)], REFUSED), /There is no grant to user:1 on "audit"\./);
        const again = documentOf(await run(['grant', 'user:ann', 'audit', 'read', ...on(folder)], FINE)).id;
        await run(['revoke', String(again), '--reason=for good', ...on(folder)], FINE);

        assert.match(await run(['revoke', String(again), ...on(folder)], REFUSED), new RegExp(`There is no grant ${again}\\.`));
        assert.match(await run(['group', 'join', 'editors', '42', ...on(folder)], REFUSED), /There is no user 42\./);
        const { items } = documentOf(await run(['audit', '--json', ...on(folder)], FINE));
        assert.deepEqual(items.slice(0, 3).map((item) => item.detail.reason), ['for good', '', 'she left']);
        assert.deepEqual(documentOf(await run(['audit', '--user=bob', '--json', ...on(folder)], FINE)).items, []);
        assert.match(await run(['audit', '--user=eve', ...on(folder)], REFUSED), /no user called eve/);
        assert.match(await run(['user', 'add', '42', ...on(folder)], REFUSED), /name: .*digits only/);
      });
    });

    test('the record is filtered, and says when it was changed', async () => {
      await withData(async (folder) => {
        await run(['user', 'add', 'ann', ...on(folder)], FINE);
        for (const name of ['one', 'two', 'three']) await run(['group', 'add', name, ...on(folder)], FINE);
        const { items } = documentOf(await run(['audit', '--json', ...on(folder)], FINE));
        const last = items[0].id;
        assert.ok((await run(['audit', 'verify', ...on(folder)], FINE)).match(/the record is whole: (\d+) entries, the last digest is [0-9a-f]{64}/)?.[1] === String(last));
        assert.equal((await run(['audit', 'list', '--action=group.create', ...on(folder)], FINE)).match(/action=group\.create/g).length, 3);
        assert.deepEqual(documentOf(await run(['audit', `--since=${last - 2}`, '--json', ...on(folder)], FINE)).items.map((item) => item.id), [last, last - 1]);
        const change = `import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("DROP TRIGGER audit_no_update"); d.execute("UPDATE audit SET detail = replace(detail, 'two', 'six') WHERE id = ${last - 1}"); d.commit()`;
        execFileSync('python3', ['-c', change, join(folder, 'parley.db')]);

        assert.match(await run(['audit', 'verify', ...on(folder)], REFUSED), new RegExp(`tampered with: entry ${last - 1}`));
        assert.deepEqual(JSON.parse((await run(['audit', 'verify', '--json', ...on(folder)], REFUSED)).split('\n').find((line) => line.startsWith('{"entries'))).broken, last - 1);
      });
    });

    test('a backup is a data base that a server can start on', async () => {
      await withData(async (folder, server) => {
        await runWith(`${PASSWORD}\n`, ['user', 'add', 'ann', '--password-stdin', ...on(folder)], FINE);
        await asServer(folder, server, async ({ url }) => {
          const ann = await login(url, 'ann');
          const room = must(await ann.api('POST', '/room', { kind: 'public', name: 'kept' }), 201, 'room').body;
          must(await ann.api('POST', `/room/${room.id}/message`, { text: 'kept too' }), 201, 'message');
        });
        const elsewhere = temporaryFolder();
        const file = join(elsewhere, 'parley.db');
        assert.match(await run(['backup', file, ...on(folder)], FINE), /copied to/);
        assert.equal(statSync(file).mode & 0o777, 0o600);
        assert.match(await run(['backup', file, ...on(folder)], REFUSED), /exists already/);
        const copy = join(elsewhere, 'copy.db');
        assert.equal(await run(['backup', copy, '--json', ...on(folder)], FINE), `${JSON.stringify({ path: copy })}\n`);
        await run(['backup', 'relative.db', ...on(folder)], FINE, { cwd: elsewhere });
        assert.ok(existsSync(join(elsewhere, 'relative.db')));
        assert.match(await run(['backup', '/nowhere/at/all.db', ...on(folder)], FAILED), /nowhere/);

        const second = await startServer({ dataDir: elsewhere });
        try {
          const ann = await login(second.url, 'ann');
          const { items } = must(await ann.api('GET', '/room'), 200, 'rooms').body;
          assert.deepEqual(items.map((room) => room.name), ['kept']);
          const { items: messages } = must(await ann.api('GET', `/room/${items[0].id}/message`), 200, 'messages').body;
          assert.deepEqual(messages.map((message) => message.text), ['kept too']);
        } finally {
          await second.stop();
        }
      });
    });
  });

describe('a running server', () => {
  test('hears of a grant from the shell at once, on sockets that are open', async () => {
    const server = await startServer();
    try {
      const ann = await register(server.url, 'ann');
      const room = must(await ann.api('POST', '/room', { kind: 'public', name: 'general' }), 201, 'room').body;
      const socket = await rawConnect(server.url, { cookie: ann.cookie });
      await socket.connect();
      assert.ok((await socket.call('subscribe', { channel: `room:${room.id}` })).subscribe);

      await run(['grant', 'members', 'message', '', ...on(server.dataDir)], FINE);

      assert.equal((await socket.next((object) => object.push?.unsubscribe)).push.unsubscribe.code, 2000);
      assert.equal((await socket.call('publish', { channel: `room:${room.id}`, data: { text: 'x' } })).error?.code, 103);
      must(await ann.api('POST', `/room/${room.id}/message`, { text: 'x' }), 403, 'REST');
      await run(['grant', 'user:ann', 'message', 'read,write', ...on(server.dataDir)], FINE);
      assert.ok((await socket.call('subscribe', { channel: `room:${room.id}` })).subscribe);
      assert.ok((await socket.call('publish', { channel: `room:${room.id}`, data: { text: 'x' } })).publish);
      await run(['user', 'disable', 'ann', ...on(server.dataDir)], FINE);
      assert.equal((await socket.closed).code, 3507);
    } finally {
      await server.stop();
    }
  });

  test('closes its set-up link when the shell makes an administrator', async () => {
    const server = await startServer();
    try {
      const token = await setupToken(server);
      await run(['user', 'add', 'root', '--admin', ...on(server.dataDir)], FINE);
      must(await anonymous(server.url).api('GET', `/setup?token=${token}`), 404, 'the link');
    } finally {
      await server.stop();
    }
  });

  test('has its data for itself', async () => {
    const server = await startServer();
    try {
      for (const words of [['serve', '--http.address=127.0.0.1:0'], ['user', 'list', `--data.shell=${join(server.dataDir, 'no.sock')}`]]) {
        const output = await run([...words, ...on(server.dataDir)], FAILED);
        assert.match(output, new RegExp(`in use by another parley \\(pid ${server.pid}\\)`));
      }
    } finally {
      await server.stop();
    }
  });

  test('is not taken for that of another data base in the same folder', async () => {
    const server = await startServer();
    try {
      await run(['user', 'add', 'ann', ...on(server.dataDir, 'other.db')], FINE);
      assert.doesNotMatch(await run(['user', 'list', ...on(server.dataDir)], FINE), /ann/);
      assert.match(await run(['user', 'list', ...on(server.dataDir, 'other.db')], FINE), /ann/);
    } finally {
      await server.stop();
    }
  });

  test('lets nobody else on the machine use its administration socket', async () => {
    const server = await startServer();
    try {
      assert.equal(statSync(join(server.dataDir, 'parley.sock')).mode & 0o777, 0o600);
      assert.equal(statSync(join(server.dataDir, 'parley.db')).mode & 0o777, 0o600);
    } finally {
      await server.stop();
    }
    assert.ok(!existsSync(join(server.dataDir, 'parley.sock')), 'it is gone with the server');
  });

  test('that was killed leaves nothing in the way', async () => {
    const server = await startServer();
    const root = await firstAdministrator(server);
    await server.kill('SIGKILL');
    assert.match(await run(['user', 'list', ...on(server.dataDir)], FINE), /name=root/);
    const again = await startServer({ dataDir: server.dataDir });
    await login(again.url, 'root', root.password);
    await again.stop();
  });
});

describe('the demonstration', () => {
  test('has people who can sign in and rooms with something in them', async () => {
    const folder = temporaryFolder();
    const output = await run(['demo', ...on(folder)], FINE);
    const people = [...output.matchAll(/^ {2}(\w+) +(\S+)( +\(administrator\))?$/gm)].map(([, name, password, is]) => ({ name, password, isAdmin: !!is }));
    assert.deepEqual(people.map((one) => [one.name, one.isAdmin]), [['admin', true], ['ann', false], ['bob', false], ['eve', false]]);
    const server = await startServer({ dataDir: folder });
    try {
      for (const { name, password, isAdmin } of people) {
        const client = await login(server.url, name, password);
        must(await client.api('GET', '/grant'), isAdmin ? 200 : 403, name);
        const { items } = must(await client.api('GET', '/room'), 200, 'rooms').body;
        assert.deepEqual(items.map((room) => room.name).sort(), ['announcements', 'general', 'random']);
        for (const room of items) {
          const { items: messages } = must(await client.api('GET', `/room/${room.id}/message`), 200, 'messages').body;
          assert.ok(messages.length > 0);
        }
      }
    } finally {
      await server.stop();
    }
    assert.match(await run(['demo', ...on(folder)], REFUSED), /exists already/);
  });

  test('never touches the data of a running server', async () => {
    const server = await startServer();
    try {
      assert.match(await run(['demo', ...on(server.dataDir)], REFUSED), /exists already/);
      await run(['demo', ...on(server.dataDir, 'demo.db')], FINE);
      assert.equal((await run(['user', 'list', ...on(server.dataDir)], FINE)).trim(), '');
    } finally {
      await server.stop();
    }
  });

  test('needs a folder', async () => {
    assert.match(await run(['demo', '--data.path=/nowhere/at/all.db'], FAILED), /nowhere/);
  });
});
