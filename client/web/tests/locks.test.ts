import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockOfField, lockOfRow } from '../src/admin/locks.ts';
import type { FieldSchema, ModelSchema } from '../src/admin/schema.ts';

const schema = { name: 'news', title: 'News' } as ModelSchema;
const title = { name: 'title', mayCreate: true, mayUpdate: true } as FieldSchema;
const row = {
  id: 1,
  version: 1,
  title: 'x',
  may: { update: true, delete: true, fields: ['title'] },
};

test('what one may not write says whom to ask, and those who may grant it that they may', () => {
  const locked = { schema, row, mayWrite: false, mayGrant: false };
  for (const words of [lockOfRow(locked), lockOfField(title, locked)])
    assert.match(words, /right to write News\. Ask an administrator for it\./);
  assert.match(lockOfRow({ ...locked, mayGrant: true }), /You may grant it to yourself\./);
});

test('what one may write is not locked', () => {
  const open = { schema, row, mayWrite: true, mayGrant: false };
  assert.deepEqual([lockOfRow(open), lockOfField(title, open)], ['', '']);
});

test('a field that a rule closes says so, whatever right one has on the model', () => {
  const may = { ...row.may, fields: [] };
  const about = { schema, row: { ...row, may }, mayWrite: true, mayGrant: false };
  assert.match(lockOfField(title, about), /a rule says who may change this field/);
});
