// What one can get wrong before anything is loaded.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../api/lib/process.mjs';
import { load } from './lib/run.mjs';

const NOWHERE = 'http://127.0.0.1:1';
const refused = (output) => output.replace(/^parley-load: /, '').trim();

test('a wrong flag tells the right one', async () => {
  const { code, output } = await load(NOWHERE, { sokets: 3 });

  assert.equal(code, 2);
  assert.equal(refused(output), 'there is no --sokets; did you mean sockets?');
});

test('what is out of range, or does not go together, is said in one line', async () => {
  const wrong = [
    [{ sockets: 0 }, /--sockets: 0 is not a number between 1 and 1000000/],
    [{ sockets: 'many' }, /--sockets: many is not a number/],
    [{ duration: '3 weeks' }, /--duration: 3 weeks is not a time like 500ms/],
    [{ max: 'p98=1ms' }, /NAME is one of p50 p90 p99/],
    [{ max: 'p99=50' }, /a time is expected, as in p99=50ms/],
    [{ rate: 5, think: '1s' }, /--rate or --think/],
    [{ sockets: 5, members: 6 }, /--members cannot be more than --sockets/],
    [{ storm: '20s', duration: '10s' }, /--storm must come before the end/],
    [{ register: false }, /who are the people\?/],
    [{ 'server-pid': Array(17).fill(process.pid) }, /--server-pid: \d+ is one too many: 16 processes at most/],
    [{ url: 'https://127.0.0.1' }, /only http:\/\/ and ws:\/\//],
    [{ url: 'http://127.0.0.1:1/chat' }, /without a path/],
  ];
  for (const [flags, words] of wrong) {
    const { code, output } = await load(NOWHERE, flags);
    assert.equal(code, 2, output);
    assert.match(output, words);
    assert.equal(output.trim().split('\n').length, 1);
  }
});

test('a server elsewhere is not loaded by a typing error', async () => {
  const { code, output } = await load('http://192.0.2.1', {});

  assert.equal(code, 2);
  assert.match(output, /not on this machine.*--remote-is-mine/);
});

test('a scenario file has the same names, and flags win over it', async () => {
  const file = join(temporaryFolder(), 'scenario.json');
  writeFileSync(file, JSON.stringify({ sockets: 2, duration: 'soon', max: ['p99=1s', 'errors=0'] }));
  const wrong = await load(NOWHERE, { scenario: file });
  writeFileSync(file, JSON.stringify({ sockets: 2, rume: 1 }));
  const unknown = await load(NOWHERE, { scenario: file });
  writeFileSync(file, JSON.stringify({ sockets: 0 }));
  const range = await load(NOWHERE, { scenario: file, sockets: 2 });

  assert.match(wrong.output, /--duration: soon is not a time/);
  assert.match(unknown.output, /there is no .*scenario.json: rume; did you mean ramp|rume; did you mean/);
  assert.match(range.output, /--sockets: 0 is not/);
});

test('too few open files for the sockets are told, with what to do', async () => {
  const { code, output } = await load(NOWHERE, { sockets: 100000 }, { files: 64 });

  assert.equal(code, 3);
  assert.match(output, /hard limit of open files here is 64 \(ulimit -Hn\), too low for 100000 sockets.*root raises it/);
});

test('a server that is not there ends the run with 3', async () => {
  const { code, output } = await load(NOWHERE, {});

  assert.equal(code, 3);
  assert.match(output, /cannot log in: .*Connection refused/);
});

test('the help says what the exit codes mean', async () => {
  const { code, output } = await load(NOWHERE, { help: true });

  assert.equal(code, 0);
  for (const exit of [0, 1, 2, 3, 4]) assert.match(output, new RegExp(`\\b${exit} \\w+`));
});
