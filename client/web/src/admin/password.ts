/* password.ts: a password that the server cannot know and a person can read to another on the telephone. */

/* 32 signs, none of which looks like another: five bits each. */
const signs = 'abcdefghijkmnpqrstuvwxyz23456789';
const groups = 4;
const group_length = 5;

/** Four groups of five signs: 100 bits. @random fills an array, as the browser's own does. */
export function makePassword(
  random: (bytes: Uint8Array) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): string {
  const bytes = random(new Uint8Array(groups * group_length));
  const text = Array.from(bytes, (byte) => signs[byte % signs.length]).join('');
  return (text.match(/.{5}/g) ?? []).join('-');
}
