// The models of schema/ in a folder of their own, for data.schema.
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './process.mjs';

const schema = join(dirname(fileURLToPath(import.meta.url)), '../../../schema');

/** A new folder with news, comment and task. */
export function modelsFolder() {
  const folder = temporaryFolder();
  for (const model of ['news', 'comment', 'task']) copyFileSync(join(schema, `${model}.json`), join(folder, `${model}.json`));
  return folder;
}
