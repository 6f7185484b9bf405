/* locks.ts: why a field cannot be changed, in words, before anybody tries. */
import type { Row } from './rows.ts';
import type { FieldSchema, ModelSchema } from './schema.ts';

interface About {
  schema: ModelSchema;
  /** null: it is being made. */
  row: Row | null;
  mayWrite: boolean;
  /** One may grant rights on this model oneself. */
  mayGrant: boolean;
}

/* Who may give it is told only to those who may grant it themselves. */
function wayOut({ mayGrant }: About): string {
  return mayGrant ? 'You may grant it to yourself.' : 'Ask an administrator for it.';
}

/** Why nothing of it can be changed; '' if something can. */
export function lockOfRow(about: About): string {
  const { schema, row, mayWrite } = about;
  if (!mayWrite)
    return `You may look at this, not change it: that needs the right to write ${schema.title}. ${wayOut(about)}`;
  if (row?.may && !row.may.update)
    return `You may look at this, not change it: a rule of ${schema.title} says who may change this row. An administrator can tell you who that is.`;
  return '';
}

/** Why this field cannot be changed; '' if it can. */
export function lockOfField(field: FieldSchema, about: About): string {
  const { schema, row, mayWrite } = about;
  if (!(row ? field.mayUpdate : field.mayCreate)) return 'Set by the server.';
  if (!mayWrite) return `Locked: needs the right to write ${schema.title}. ${wayOut(about)}`;
  if (row?.may && !row.may.update) return 'Locked: a rule says who may change this row.';
  // What one may not see was not sent, unless it never is.
  if (row && !(field.name in row) && !field.isWriteOnly)
    return 'Locked: a rule hides this field of this row from you.';
  if (row?.may && !row.may.fields.includes(field.name))
    return 'Locked: a rule says who may change this field of this row.';
  return '';
}
