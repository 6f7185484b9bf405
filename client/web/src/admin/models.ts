/* models.ts: the models on which one has any right, as the server lists them. */
import { computed, signal } from '@preact/signals-core';
import type { Api } from '../shared/api.ts';
import { asProblem } from '../shared/problem.ts';
import type { Page, Right } from '../shared/types.ts';

export type ModelAction = 'list' | 'detail' | 'create' | 'update' | 'delete';

export interface Model {
  name: string;
  title: string;
  description: string;
  /** The field that names a row to people. */
  label: string | null;
  /** The columns of a list. */
  list: readonly string[];
  /** Rows can be looked for by words. */
  search: boolean;
  builtin: boolean;
  /** Changes are told on `model:<name>`. */
  feed: boolean;
  actions: readonly ModelAction[];
  /** What one may do oneself. */
  rights: readonly (Right | 'grant')[];
}

export class Models {
  readonly all = signal<readonly Model[]>([]);
  readonly isReady = signal(false);
  readonly error = signal('');
  /** Those whose rows have pages: the others are managed by views of their own. */
  readonly withRows = computed(() =>
    this.all.value.filter((model) => !model.builtin && model.actions.includes('list')),
  );
  readonly grantable = computed(() =>
    this.all.value.filter((model) => model.rights.includes('grant')),
  );

  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async load(): Promise<void> {
    try {
      this.all.value = (await this.#api.get<Page<Model>>('/model')).items;
      this.error.value = '';
    } catch (error) {
      this.error.value = asProblem(error).words;
    }
    this.isReady.value = true;
  }

  get(name: string): Model | undefined {
    return this.all.value.find((model) => model.name === name);
  }
}
