// The tables follow the files of the models from start to start; parley migrate says and does the same; parley restore
// puts a backup in the place of the data base.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { temporaryFolder } from './lib/process.mjs';
import { PATIENCE_MS, login, program, rawConnect, runParley, startServer, within } from './lib/server.mjs';

const FINE = 0;
const FAILED = 1;
const USAGE = 2;
const REFUSED = 3;

const TITLE = { title: { type: 'string', maxLength: 200, default: '' } };
const model = (properties, more = {}) => ({ title: 'Note', type: 'object', properties, 'x-grants': { members: ['read', 'write', 'delete'] }, ...more });

/** A folder of models with @files in it: {note: {…}}. */
function schemaFolder(files) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'migrations'));
  for (const [name, file] of Object.entries(files)) writeModel(folder, name, file);
  return folder;
}
const writeModel = (folder, name, file) => writeFileSync(join(folder, `${name}.json`), JSON.stringify(file));

const on = (dataDir, schema) => [
  `--data.path=${join(dataDir, 'parley.db')}`, ...(schema ? [`--data.schema=${schema}`] : []),
  '--account.hash_memory_kib=64', '--account.hash_passes=1', '--log.level=warning',
];

async function run(words, code) {
  const answer = await runParley(words);
  assert.equal(answer.code, code, `parley ${words.join(' ')}: ${answer.code} instead of ${code}\n${answer.output}`);
  assert.doesNotMatch(answer.output, /Sanitizer|runtime error/);
  return answer.output;
}
const documentOf = (output) => JSON.parse(output.split('\n').find((line) => line.startsWith('{"changes"')));

/** A server that is stopped whatever happens in @body. */
async function withServer(options, body) {
  const server = await startServer(options);
  try {
    return await body(server);
  } finally {
    await server.stop();
  }
}

/** A data base with one note, and who made it. */
async function dataWithNote(schema) {
  return await withServer({ schema }, async (server) => {
    const root = await firstAdministrator(server);
    must(await root.api('POST', '/note', { title: 'kept' }), 201, 'a note');
    return { dataDir: server.dataDir, root };
  });
}

async function notes(server, root) {
  const client = await login(server.url, root.name, root.password);
  return must(await client.api('GET', '/note'), 200, 'the notes').body.items;
}

// Places on the way of a change, by the files that appear one after the other.
const KILL_BEHIND = [
  (round) => [`parley.db.before-${1000 + round}-note.part`],
  (round) => [`parley.db.before-${1000 + round}-note`, 'parley.db-wal'],
  () => ['parley.db.before-models.part', 'parley.db.before-models'],
  () => ['parley.db.before-models', 'parley.db-wal'],
];

/** Run a command and kill it when the last of @names, which appear in this order, has appeared. It may have ended by
 * then; what is asserted behind it must hold either way. */
async function killedBehind(names, folder, words) {
  const child = spawn(program, words, { stdio: 'ignore' });
  let left = names;
  const watcher = watch(folder, (type, name) => {
    if (name === left[0]) left = left.slice(1);
    if (!left.length) child.kill('SIGKILL');
  });
  await within(PATIENCE_MS, words.join(' '), new Promise((resolve) => child.once('close', resolve)));
  watcher.close();
}

describe('tables', () => {
  test('follow their files: a new field is there after the next start', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    const { dataDir, root } = await dataWithNote(schema);
    writeModel(schema, 'note', model({ ...TITLE, stars: { type: 'integer', minimum: 0, default: 3 } }, { 'x-search': ['title'] }));
    await withServer({ schema, dataDir }, async (server) => {
      const [note] = await notes(server, root);
      assert.deepEqual([note.id, note.title, note.stars, note.version], [1, 'kept', 3, 1]);
    });
    assert.ok(existsSync(join(dataDir, 'parley.db.before-models')), 'a copy of what was before');
  });

  test('a change that would lose data stops the start with the file to write, and the file lets it start', async () => {
    const schema = schemaFolder({ note: model({ ...TITLE, more: { type: 'string', maxLength: 9, default: 'x' } }) });
    const { dataDir, root } = await dataWithNote(schema);
    writeModel(schema, 'note', model(TITLE));
    const output = await run(['serve', '--http.address=127.0.0.1:0', ...on(dataDir, schema)], FAILED);
    const [, file, sql] = output.match(/^parley: .*no "more" any more.* write (\S+\.sql): (.*)$/m);
    assert.equal(file, join(schema, 'migrations', '0001-note-more.sql'));
    await withServer({ schema: null, dataDir }, async () => {}); // which leaves the tables of models alone
    writeFileSync(file, sql);
    await withServer({ schema, dataDir }, async (server) => {
      const [note] = await notes(server, root);
      assert.equal(note.title, 'kept');
      assert.ok(!('more' in note));
    });
  });

  test('default permissions are given when a model is new, and not again', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    const { dataDir, root } = await dataWithNote(schema);
    const grantsOf = async (client) =>
      must(await client.api('GET', '/grant'), 200, 'grants').body.items.filter((grant) => grant.model === 'note');
    await withServer({ schema, dataDir }, async (server) => {
      const client = await login(server.url, root.name, root.password);
      const [grant, ...others] = await grantsOf(client);
      assert.deepEqual([grant.subject, grant.rights, grant.reason, others], ['members', ['read', 'write', 'delete'], 'default', []]);
      must(await client.api('DELETE', `/grant/${grant.id}`), 204, 'taken back');
    });
    await withServer({ schema, dataDir }, async (server) => {
      assert.deepEqual(await grantsOf(await login(server.url, root.name, root.password)), []);
    });
  });

  test('default permissions are in the audit as other grants are, and a later change of them is told', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    const { dataDir } = await dataWithNote(schema);
    const entries = (await run(['audit', '--json', ...on(dataDir, schema)], FINE)).split('\n').filter((line) => /"note"/.test(line));
    assert.equal(entries.length, 1);
    assert.match(entries[0], /"grant".*"default"/);
    assert.match(await run(['audit', 'verify', ...on(dataDir, schema)], FINE), /\d/);
    writeModel(schema, 'note', model(TITLE, { 'x-grants': { everyone: ['read'] } }));
    for (const words of [['migrate', '--dry-run'], ['migrate']])
      assert.match(await run([...words, ...on(dataDir, schema)], FINE), /^x-grants of note are not what everyone and the members may do now;.*\nthe tables are as/m);
    assert.equal(documentOf(await run(['migrate', '--json', ...on(dataDir, schema)], FINE)).hints.length, 1);
  });

  test('a folder that is not there is named', async () => {
    const dataDir = temporaryFolder();
    for (const folder of ['/nowhere/at/all', join(dataDir, 'schema')]) {
      const output = await run(['serve', '--http.address=127.0.0.1:0', ...on(dataDir, folder)], FAILED);
      assert.match(output, new RegExp(`^parley: ${folder}.*No such file or directory$`, 'm'));
    }
  });

  test('a change that is killed in the middle is done by the next start', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    const { dataDir, root } = await dataWithNote(schema);
    for (let round = 0; round < 4; round++) {
      writeModel(schema, 'note', model({ ...TITLE, [`field${round}`]: { type: 'integer', default: round } }, { 'x-search': ['title'] }));
      writeFileSync(join(schema, 'migrations', `${1000 + round}-note.sql`), `/* needs note */ CREATE TABLE extra${round}(id INTEGER);`
        + (round ? `ALTER TABLE note DROP COLUMN field${round - 1}` : ''));
      await killedBehind(KILL_BEHIND[round](round), dataDir, ['migrate', ...on(dataDir, schema)]);
      await withServer({ schema, dataDir }, async (server) => {
        const [note] = await notes(server, root);
        assert.deepEqual([note.title, note[`field${round}`]], ['kept', round]);
      });
    }
  });
});

describe('parley check', () => {
  test('names the file of a model that would stop the start, and touches no data base', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    const dataDir = temporaryFolder();
    assert.match(await run(['check', ...on(dataDir, schema)], FINE), /the settings are fine, and so are the models of /);
    writeModel(schema, 'note', model({ room: { type: 'integer', 'x-references': 'room', 'x-on-delete': 'nothing' } }));
    assert.match(await run(['check', ...on(dataDir, schema)], REFUSED), /^parley: .*note\.json.*x-on-delete/m);
    assert.deepEqual(readdirSync(dataDir), []);
  });
});

describe('parley migrate', () => {
  test('says what it does in words and SQL, and then there is nothing left to do', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    const dataDir = temporaryFolder();
    const planned = documentOf(await run(['migrate', '--dry-run', '--json', ...on(dataDir, schema)], FINE));
    assert.equal(planned.done, false);
    assert.deepEqual(readdirSync(dataDir), []);
    assert.match(await run(['migrate', '--dry-run', ...on(dataDir, schema)], FINE), /^make the table of note\n {4}CREATE TABLE "note" \(\n.*nothing was changed/ms);
    const output = await run(['migrate', '--json', ...on(dataDir, schema), '--log.level=info'], FINE);
    const done = documentOf(output);
    assert.doesNotMatch(output, /store\./, 'the log says again what is printed');
    assert.deepEqual(done.changes.map((change) => change.words), planned.changes.map((change) => change.words));
    assert.deepEqual([done.done, done.refused], [true, null]);
    assert.match(await run(['migrate', ...on(dataDir, schema)], FINE), /the tables are as the files of the models say/);
  });

  test('refuses what would lose data, and says so beforehand too', async () => {
    const schema = schemaFolder({ note: model({ ...TITLE, more: { type: 'integer', default: 1 } }) });
    const { dataDir } = await dataWithNote(schema);
    writeModel(schema, 'note', model(TITLE));
    for (const words of [['migrate', '--dry-run'], ['migrate']]) {
      const output = await run([...words, ...on(dataDir, schema)], REFUSED);
      assert.match(output, /^parley: .*0001-note-more\.sql: .*DROP COLUMN "more";$/m);
    }
    assert.match(documentOf(await run(['migrate', '--json', ...on(dataDir, schema)], REFUSED)).refused, /DROP COLUMN/);
    await run(['migrate', '--nonsense', ...on(dataDir, schema)], USAGE);
  });

  test('leaves a running server alone: only --dry-run works beside it, and changes nothing', async () => {
    const schema = schemaFolder({ note: model(TITLE) });
    await withServer({ schema }, async (server) => {
      const root = await firstAdministrator(server);
      must(await root.api('POST', '/note', { title: 'kept' }), 201, 'a note');
      writeModel(schema, 'note', model({ ...TITLE, stars: { type: 'integer', default: 3 } }));
      assert.match(await run(['migrate', ...on(server.dataDir, schema)], REFUSED), new RegExp(`in use by another parley \\(pid ${server.pid}\\)`));
      assert.match(await run(['migrate', '--dry-run', ...on(server.dataDir, schema)], FINE), /make the table of note again, with its rows: new stars/);
      must(await root.api('POST', '/note', { title: 'another' }), 201, 'another note');
      assert.deepEqual(readdirSync(server.dataDir).filter((name) => /dry-run|before/.test(name)), []);
    });
  });
});

describe('parley restore', () => {
  test('puts a backup in the place of the data base; clients load their rooms anew, sessions stay', async () => {
    const { dataDir, root, room } = await withServer({}, async (server) => {
      const root = await firstAdministrator(server);
      const room = must(await root.api('POST', '/room', { kind: 'public', name: 'general' }), 201, 'room').body;
      must(await root.api('POST', `/room/${room.id}/message`, { text: 'before' }), 201, 'message');
      await run(['backup', join(server.dataDir, 'copy.db'), ...on(server.dataDir)], FINE);
      must(await root.api('POST', `/room/${room.id}/message`, { text: 'after' }), 201, 'message');
      assert.match(await run(['restore', join(server.dataDir, 'copy.db'), ...on(server.dataDir)], REFUSED), /in use by another parley/);
      const socket = await rawConnect(server.url, { cookie: root.cookie });
      await socket.connect();
      const { epoch, offset } = (await socket.call('subscribe', { channel: `room:${room.id}` })).subscribe;
      return { dataDir: server.dataDir, root, room: { ...room, epoch, offset } };
    });

    const output = await run(['restore', join(dataDir, 'copy.db'), ...on(dataDir)], FINE);

    assert.match(output, /is now a copy of .*; what was there is kept as .*parley\.db\.before-restore/);
    await withServer({ dataDir }, async (server) => {
      const { items } = must(await login(server.url, root.name, root.password).then((client) => client.api('GET', `/room/${room.id}/message`)), 200, 'messages').body;
      assert.deepEqual(items.map((message) => message.text), ['before']);
      const socket = await rawConnect(server.url, { cookie: root.cookie }); // of the session from before
      await socket.connect();
      const again = (await socket.call('subscribe', { channel: `room:${room.id}`, recover: true, epoch: room.epoch, offset: room.offset })).subscribe;
      assert.notEqual(again.epoch, room.epoch);
      assert.ok(!again.recovered);
    });
    assert.match(await run(['restore', join(dataDir, 'copy.db'), ...on(dataDir)], REFUSED), /--force/);
    const said = await run(['restore', join(dataDir, 'copy.db'), '--force', '--json', ...on(dataDir)], FINE);
    const [data, from] = [join(dataDir, 'parley.db'), join(dataDir, 'copy.db')];
    assert.deepEqual(JSON.parse(said), { restored: data, from, kept: `${data}.before-restore` });
  });

  test('refuses what is no backup and leaves the data base as it is', async () => {
    const { dataDir, root } = await withServer({}, async (server) => ({ dataDir: server.dataDir, root: await firstAdministrator(server) }));
    const file = join(dataDir, 'file');
    writeFileSync(file, 'this is not a data base at all. '.repeat(1000));
    assert.match(await run(['restore', file, ...on(dataDir)], REFUSED), /damaged or not a data base/);
    assert.match(await run(['restore', join(dataDir, 'nothing'), ...on(dataDir)], REFUSED), /cannot read/);
    assert.match(await run(['restore', join(dataDir, 'parley.db'), ...on(dataDir)], REFUSED), /the data base itself/);
    for (const words of [['restore'], ['restore', '--force'], ['restore', 'a', 'b']]) await run([...words, ...on(dataDir)], USAGE);
    await withServer({ dataDir }, async (server) => void (await login(server.url, root.name, root.password)));
  });
});
