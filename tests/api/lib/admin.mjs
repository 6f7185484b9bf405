// An administrator, made with the one-time link that a new server prints.
import { anonymous, must, PASSWORD } from './client.mjs';

/** The token of the set-up link that the server has printed. */
export async function setupToken(server) {
  return (await server.waitForOutput(/\/setup\?token=([\w-]+)/))[1];
}

/** The first administrator, signed in: as register(). Only once for each server. */
export async function firstAdministrator(server, name = 'root', password = PASSWORD) {
  const client = anonymous(server.url);
  const token = await setupToken(server);
  const { body } = must(await client.api('POST', '/setup', { token, name, password }), 201, 'set up');
  return Object.assign(client, { id: body.user.id, name, csrf: body.csrf, password });
}
