/* odd-models.mjs: files of models as nobody at Parley would write them: every keyword there is, no name for a row, as many
 * fields as there may be, titles from right to left. The pages have to be of use with any of them. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../api/lib/process.mjs';

const usual = fileURLToPath(new URL('../../../schema', import.meta.url));

/* Nothing names its rows, nothing says which columns a list has. */
const everything = {
  title: 'Everything',
  type: 'object',
  required: ['word', 'agreed', 'size', 'secret'],
  properties: {
    word: { type: 'string', minLength: 2, maxLength: 20, pattern: '^[a-z]+$', 'x-unique': true },
    agreed: { type: 'boolean' },
    size: { type: 'string', enum: ['small', 'large'], 'x-index': true },
    secret: { type: 'string', writeOnly: true, minLength: 4 },
    kind: { type: 'string', const: 'odd', default: 'odd' },
    level: { type: ['integer', 'null'], enum: [1, 2, 3, null], default: 2 },
    share: { type: ['number', 'null'], minimum: 0, maximum: 1, default: 0.5 },
    maybe: { type: ['boolean', 'null'] },
    mail: { type: ['string', 'null'], format: 'email' },
    page: { type: ['string', 'null'], format: 'uri' },
    code: { type: ['string', 'null'], format: 'uuid' },
    day: { type: ['string', 'null'], format: 'date' },
    moment: { type: ['string', 'null'], format: 'date-time' },
    tags: { type: 'array', items: { type: 'string', enum: ['red', 'green'] }, default: [] },
    numbers: { type: 'array', items: { type: 'integer' }, maxItems: 3, default: [1] },
    essay: { type: 'string', maxLength: 5000, default: '' },
    parent: { type: ['integer', 'null'], 'x-references': 'everything', 'x-on-delete': 'restrict' },
    keeper: { type: 'integer', 'x-references': 'user', 'x-default': '$me', readOnly: true },
    noted: { type: ['string', 'null'], format: 'date-time', 'x-default': '$now', readOnly: true },
    hidden: { type: ['string', 'null'] },
    fixed: { type: 'string', default: 'as it is' },
  },
  'x-fields': { hidden: { read: { keeper: '$me' }, write: { keeper: '$me' } }, fixed: { write: { keeper: '$me' } } },
  'x-history': false,
  'x-grants': { members: ['read', 'write', 'delete'] },
};

/* Titles are Hebrew: "Wide", "Field 1" and so on. */
const wide = {
  title: 'רחב',
  description: 'חמישים ושישה שדות',
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: 56 }, (_, i) => [`f${i + 1}`, { type: ['string', 'null'], title: `שדה ${i + 1}`, maxLength: 80 }]),
  ),
  'x-label': 'f1',
};

/* Its rows are named by what may be empty, and its only column is another row. */
const link = {
  title: 'Link with <b>a name</b> & more',
  type: 'object',
  required: ['of'],
  properties: {
    of: { type: 'integer', 'x-references': 'everything', 'x-on-delete': 'cascade' },
    name: { type: ['string', 'null'], maxLength: 40 },
  },
  'x-rules': { create: true },
  'x-search': ['name'],
  'x-label': 'name',
  'x-list': ['of'],
};

/** A folder with the usual models and these: for startServer()'s `schema`. */
export function oddModels() {
  const folder = join(temporaryFolder(), 'schema');
  mkdirSync(folder);
  for (const name of readdirSync(usual).filter((name) => name.endsWith('.json'))) copyFileSync(join(usual, name), join(folder, name));
  for (const [name, model] of Object.entries({ everything, wide, link }))
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(model));
  return folder;
}

/** A folder with @count models. */
export function manyModels(count) {
  const folder = join(temporaryFolder(), 'schema');
  mkdirSync(folder);
  const properties = { title: { type: 'string', maxLength: 80 } };
  for (let i = 1; i <= count; i++) {
    const number = String(i).padStart(3, '0');
    const model = { title: `Model ${number}`, type: 'object', required: ['title'], properties };
    writeFileSync(join(folder, `model_${number}.json`), JSON.stringify(model));
  }
  return folder;
}
