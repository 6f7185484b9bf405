/* data.tsx: the rows of any model. A list and a form are two parts: who reads a list need not wait for the form. */
import { lazy } from '../shared/ui/lazy.tsx';
import type { ViewProps } from './views.ts';

export const DataList = lazy<ViewProps>(() =>
  import('./data-list.tsx').then((part) => part.DataList),
);
export const DataForm = lazy<ViewProps>(() =>
  import('./data-form.tsx').then((part) => part.DataForm),
);
