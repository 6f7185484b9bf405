/* settle.ts: let everything run that needs no more than answers that are there. */

export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
