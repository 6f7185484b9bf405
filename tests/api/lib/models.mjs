// The models of schema/ and further ones in a folder of their own, for the option `schema` of startServer().
import { copyFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './process.mjs';

const schema = join(dirname(fileURLToPath(import.meta.url)), '../../../schema');

/** A new folder with news, comment, task, and `more`: {name: the model's JSON}. */
export function modelsFolder(more = {}) {
  const folder = temporaryFolder();
  for (const model of ['news', 'comment', 'task']) copyFileSync(join(schema, `${model}.json`), join(folder, `${model}.json`));
  for (const [name, model] of Object.entries(more)) writeFileSync(join(folder, `${name}.json`), JSON.stringify(model));
  return folder;
}
