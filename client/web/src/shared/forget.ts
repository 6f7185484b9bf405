/* forget.ts: what this browser keeps of a person. Whoever signs out leaves nothing that the next one could read. */

export const draftsOf = (userId: number): string => `parley.draft.${userId}.`;
export const outboxOf = (userId: number): string => `parley.outbox.${userId}`;

type Store = Pick<Storage, 'removeItem' | 'key' | 'length'>;

/** Remove everything of @userId that was written and not said. Settings stay: they tell nothing. */
export function forgetPerson(
  userId: number,
  stores: readonly (Store | undefined)[] = [globalThis.localStorage, globalThis.sessionStorage],
): void {
  for (const store of stores) {
    const keys = Array.from({ length: store?.length ?? 0 }, (_, i) => store?.key(i) ?? '');
    for (const key of keys)
      if (key.startsWith(draftsOf(userId)) || key === outboxOf(userId)) store?.removeItem(key);
  }
}
