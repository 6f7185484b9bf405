/* key.ts: names for things that are sent twice if need be, and done once. */

/* crypto.randomUUID() exists on secure origins only, and a server on a home network is none. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
