import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printed } from '../src/chat/help.tsx';
import { actionOf, logKeys, pageKeys } from '../src/chat/keys.ts';
import { settings } from '../src/chat/settings.ts';

const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
const log = (key: string, held = {}) => actionOf(logKeys, { key, ...none, ...held });
const page = (key: string, held = {}) => actionOf(pageKeys, { key, ...none, ...held });
const field = { closest: () => ({}) };

test('keys of the log', () => {
  assert.equal(log('ArrowUp'), 'previous');
  assert.equal(log('r'), 'reply');
  assert.equal(log('R', { shiftKey: true }), 'reply');
  assert.equal(log('+', { shiftKey: true }), 'react');
  assert.equal(log('x'), undefined);
  assert.equal(log('constructor'), undefined);
});

test('a held key makes it another key: the browser’s own stay its own', () => {
  assert.equal(log('r', { ctrlKey: true }), undefined);
  assert.equal(log('c', { metaKey: true }), undefined);
  assert.equal(log('ArrowUp', { altKey: true }), undefined);
});

test('keys of the page, on the keyboards of others too', () => {
  assert.equal(page('k', { ctrlKey: true }), 'switcher');
  assert.equal(page('k', { metaKey: true }), 'switcher');
  assert.equal(page('F', { ctrlKey: true, shiftKey: true }), 'search');
  assert.equal(page('ArrowDown', { altKey: true }), 'roomAfter');
  assert.equal(page('ArrowDown', { altKey: true, shiftKey: true }), 'nextUnread');
  assert.equal(page('?', { shiftKey: true }), 'help');
});

test('single letters never take what somebody types, and can be switched off', () => {
  assert.equal(page('?', { target: field }), undefined);
  assert.equal(page('k', { ctrlKey: true, target: field }), 'switcher');
  assert.equal(page('k', { ctrlKey: true, isComposing: true }), undefined);
  const before = settings.value;
  settings.value = { ...before, singleKeys: false };
  assert.equal(log('r'), undefined);
  assert.equal(page('?'), undefined);
  assert.equal(log('ArrowUp'), 'previous');
  assert.equal(log('Delete'), 'delete');
  settings.value = before;
});

test('the help shows keys as they are printed', () => {
  assert.equal(printed('Control+Shift+f'), 'Ctrl + Shift + F');
  assert.equal(printed('Alt+ArrowUp'), 'Alt + ↑');
  assert.equal(printed('+'), '+');
  assert.equal(printed('Escape'), 'Esc');
});
