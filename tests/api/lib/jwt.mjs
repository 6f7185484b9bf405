// Tokens as another system makes them: JSON web tokens with HMAC SHA-256.
import { createHmac } from 'node:crypto';

export const SECRET = 'a secret that only the test and the server know';

export const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token that says `claims`; with other options one that should be refused. */
export function jwt(claims, { secret = SECRET, header = { alg: 'HS256', typ: 'JWT' } } = {}) {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
