import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayLabel, fullLabel, isSameGroup, startsDay } from '../src/shared/time.ts';

/* Local times, as the reader's clock shows them, so the tests hold in every zone. */
const at = (day: number, hour: number, minute = 0) =>
  new Date(2026, 2, day, hour, minute).toISOString();

test('days are named from where the reader is', () => {
  const now = new Date(2026, 2, 10, 12);
  assert.equal(dayLabel(at(10, 0), now), 'Today');
  assert.equal(dayLabel(at(9, 23, 59), now), 'Yesterday');
  assert.doesNotMatch(dayLabel(at(8, 12), now), /day$|2026/);
  assert.match(dayLabel(new Date(2025, 2, 8, 12).toISOString(), now), /2025/);
});

test('yesterday is right on the first of a month', () => {
  assert.equal(
    dayLabel(new Date(2026, 1, 28, 12).toISOString(), new Date(2026, 2, 1, 12)),
    'Yesterday',
  );
});

test('a day starts at midnight, and with the first message', () => {
  assert.equal(startsDay(undefined, at(10, 12)), true);
  assert.equal(startsDay(at(9, 23, 59), at(10, 0)), true);
  assert.equal(startsDay(at(10, 0), at(10, 23)), false);
});

test('messages stand together for five minutes, but not over midnight', () => {
  assert.equal(isSameGroup(at(10, 12, 0), at(10, 12, 4)), true);
  assert.equal(isSameGroup(at(10, 12, 0), at(10, 12, 5)), false);
  assert.equal(isSameGroup(at(9, 23, 58), at(10, 0, 1)), false);
});

test('a time that is none is shown as it came', () => {
  assert.equal(fullLabel('soon'), 'soon');
});
