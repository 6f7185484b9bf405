// The checker finds each kind of broken promise, and nothing in a history in which all were kept.
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { check } from './lib/checker.mjs';

const room = 1;
const logs = () => new Map([[room, { epoch: 'e', events: ['a:1', 'a:2', 'a:3'].map((key, i) => ({ offset: i + 1, key })) }]]);

/** Ann writes three, bob hears all; cut once, he recovers. */
function history() {
  const entries = [];
  const note = (what, who, details) => entries.push({ at: entries.length, what, who, room, ...details });
  note('subscribed', 'bob', { offset: 0, epoch: 'e' });
  note('sent', 'ann', { key: 'a:1' });
  note('acked', 'ann', { key: 'a:1' });
  note('heard', 'bob', { offset: 1, key: 'a:1' });
  note('closed', 'bob', { code: 1006 });
  note('sent', 'ann', { key: 'a:2' });
  note('acked', 'ann', { key: 'a:2' });
  note('subscribed', 'bob', { offset: 1, epoch: 'e', recovering: true, recovered: true });
  note('heard', 'bob', { offset: 2, key: 'a:2' });
  note('sent', 'ann', { key: 'a:3' });
  note('heard', 'bob', { offset: 3, key: 'a:3' });
  note('acked', 'ann', { key: 'a:3' });
  return entries;
}
const entry = (what, who, details) => ({ at: 100, what, who, room, ...details });
const replaced = (entries, is, by) => entries.flatMap((one) => (is(one) ? by(one) : [one]));
const heard = (offset) => (one) => one.what === 'heard' && one.offset === offset;
const kinds = (violations) => [...new Set(violations.map(({ promise }) => promise))];

describe('the checker', () => {
  it('finds nothing where every promise was kept', () => {
    assert.deepEqual(check(history(), logs()), []);
  });

  it('finds nothing wrong with a gap of which the listener was told', () => {
    const entries = replaced(history(), heard(2), () => []);
    const told = replaced(entries, (one) => one.recovered, (one) => [{ ...one, offset: 2, recovered: false }]);
    assert.deepEqual(check(told, logs()), []);
  });

  const planted = {
    'an acknowledged message that is lost': ['I1', (entries, log) => log.events.pop(), ['I1', 'I5']],
    'a message that is twice in the log': ['I1', (entries, log) => log.events.push({ offset: 4, key: 'a:3' }), ['I1', 'I7']],
    'a hole in the log': ['I2', (entries, log) => (log.events[2].offset = 4), ['I2', 'I5']],
    'an offset that means two messages': ['I2', (entries) => (entries.find(heard(2)).key = 'a:3'), ['I2']],
    'another epoch': ['I2', (entries) => (entries[0].epoch = 'other'), ['I2']],
    'a message that was passed over': ['I3', (entries) => entries.splice(entries.findIndex(heard(2)), 1), ['I3']],
    'a recovery that begins too late': ['I3', (entries) => {
      entries.find((one) => one.recovered).offset = 2;
      entries.splice(entries.findIndex(heard(2)), 1);
    }, ['I3']],
    'a message heard twice': ['I4', (entries) => entries.push({ ...entries.find(heard(3)) }), ['I4']],
    'a message that was never committed': ['I5', (entries) => entries.push(entry('heard', 'bob', { offset: 4, key: 'a:4' })), ['I5']],
    'something heard after the right went': ['I6', (entries) => entries.splice(entries.findIndex(heard(3)), 0, entry('revoked', 'bob')), ['I6']],
    'something heard after the unsubscribe': ['I6', (entries) => entries.splice(entries.findIndex(heard(3)), 0, entry('unsubscribed', 'bob', { code: 2000 })), ['I6']],
    'something accepted after the right went': ['I6', (entries, log) => {
      entries.push(entry('revoked', 'ann'), { ...entry('sent', 'ann', { key: 'a:4' }), at: 101 }, entry('acked', 'ann', { key: 'a:4' }));
      log.events.push({ offset: 4, key: 'a:4' });
      entries.push(entry('heard', 'bob', { offset: 4, key: 'a:4' }));
    }, ['I6']],
    'a listener who is left behind': ['I7', (entries) => entries.splice(entries.findIndex(heard(3)), 1), ['I7']],
    'a listener who never comes back': ['I7', (entries) => entries.push(entry('closed', 'bob', { code: 1006 })), ['I7']],
    'a listener who is told to come back and does not': ['I7', (entries) => entries.push(entry('unsubscribed', 'bob', { code: 2500 })), ['I7']],
    'a publication without an answer': ['I7', (entries) => entries.push(entry('sent', 'ann', { key: 'a:4' })), ['I7']],
    'more memory than there may be': ['I8', (entries) => entries.push({ what: 'measured', node: 'home', name: 'rss', value: 2, max: 1 }), ['I8']],
  };
  for (const [what, [promise, plant, expected]] of Object.entries(planted))
    it(`finds ${what}`, () => {
      const entries = history();
      const all = logs();
      plant(entries, all.get(room));
      const violations = check(entries, all);
      assert.deepEqual(kinds(violations).sort(), expected);
      const { words, excerpt } = violations.find((violation) => violation.promise === promise);
      assert.ok(words && excerpt.length, 'it shows what happened');
    });

  const ends = {
    'left by itself': entry('left', 'bob'),
    'was closed for good': entry('closed', 'bob', { code: 3507 }),
    'lost the right': entry('unsubscribed', 'bob', { code: 2000 }),
    'was refused': entry('refused', 'bob', { code: 103, isFinal: true }),
  };
  for (const [how, end] of Object.entries(ends))
    it(`does not wait for who ${how}`, () => assert.deepEqual(check([...history(), end], logs()), []));

  it('finds nothing wrong with what was heard after the right was given again', () => {
    const entries = history();
    entries.splice(entries.findIndex(heard(3)), 0, entry('revoked', 'bob'), entry('granting', 'bob'));
    assert.deepEqual(check(entries, logs()), []);
  });
});
