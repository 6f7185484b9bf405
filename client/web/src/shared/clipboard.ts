/* clipboard.ts: copying for the person. Browsers let only pages do it that came by https, and only if one allows it. */

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
