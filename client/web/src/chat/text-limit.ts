/* text-limit.ts: how long a message may be. The server says it in the description of its API, which is asked for once
 * somebody writes at length. */
import { signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';

interface Description {
  components?: { schemas?: { MessageText?: { maxLength?: number } } };
}

export class TextLimit {
  /** In characters; 0 as long as it is not known. */
  readonly characters = signal(0);

  readonly #api: Api;
  #isAsked = false;

  constructor(api: Api) {
    this.#api = api;
  }

  async ask(): Promise<void> {
    if (this.#isAsked) return;
    this.#isAsked = true;
    try {
      const { components } = await this.#api.get<Description>('/openapi.json?model=message');
      this.characters.value = components?.schemas?.MessageText?.maxLength ?? 0;
    } catch {
      // Asked again with the next key; the server says it too when it refuses.
      this.#isAsked = false;
    }
  }
}
