/* sessions.ts: where one is signed in, and the programs that act for one. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem } from '../shared/problem.ts';
import type { Page } from '../shared/types.ts';

export type TokenRight = 'read' | 'write' | 'delete' | 'grant';
export type Scopes = Record<string, TokenRight[]>;

export interface Token {
  id: number;
  name: string;
  scopes: Scopes;
  created_at: string;
  used_at: string;
  expires_at: string;
  /** Itself: only in the answer that makes it. */
  token?: string;
}

/** A short list of the server's that is read whole, and whose rows can be ended. */
export class Endable<T extends { id: number }> {
  readonly items = signal<readonly T[] | null>(null);
  readonly error = signal('');

  readonly #api: Api;
  readonly #path: string;

  constructor(api: Api, path: string) {
    this.#api = api;
    this.#path = path;
  }

  async load(): Promise<void> {
    await this.#told(async () => {
      this.items.value = (await this.#api.get<Page<T>>(this.#path)).items;
    });
  }

  /** One by one; what could not be ended stays in the list, and why is in `error`. */
  async end(rows: readonly T[]): Promise<void> {
    await this.#told(async () => {
      for (const row of rows) {
        await this.#api.delete(`${this.#path}/${row.id}`);
        this.items.value = this.items.value?.filter((item) => item.id !== row.id) ?? null;
      }
    });
  }

  add(row: T): void {
    this.items.value = [row, ...(this.items.value ?? [])];
  }

  async #told(work: () => Promise<void>): Promise<void> {
    this.error.value = '';
    try {
      await work();
    } catch (error) {
      this.error.value = asProblem(error).words;
    }
  }
}

const browsers: readonly [RegExp, string][] = [
  [/\bFirefox\/(\d+)/, 'Firefox'],
  [/\bEdg\/(\d+)/, 'Edge'],
  [/\bOPR\/(\d+)/, 'Opera'],
  [/\bChrome\/(\d+)/, 'Chrome'],
  [/\bVersion\/(\d+)[^ ]* .*\bSafari\//, 'Safari'],
];
const systems: readonly [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** "Firefox 131 on Linux" of what a browser calls itself; what is not known stays as it is. */
export function programName(agent: string): string {
  if (!agent) return 'Unknown program';
  for (const [pattern, name] of browsers) {
    const version = pattern.exec(agent)?.[1];
    if (version === undefined) continue;
    const system = systems.find(([of]) => of.test(agent))?.[1];
    return system ? `${name} ${version} on ${system}` : `${name} ${version}`;
  }
  return agent;
}

/** "news: read, write; all models: read" */
export function scopeWords(scopes: Scopes): string {
  const parts = Object.entries(scopes).map(
    ([model, rights]) => `${model === '*' ? 'all models' : model}: ${rights.join(', ')}`,
  );
  return parts.join('; ');
}
