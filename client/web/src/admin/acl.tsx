/* acl.tsx: permissions and their record; each view is fetched by itself, as few need all of them. */

import { lazy } from '../shared/ui/lazy.tsx';
import { addStyle } from '../shared/ui/style.ts';
import aclStyle from './acl.lazy.css';
import peopleStyle from './people.lazy.css';
import type { ViewProps } from './views.ts';

addStyle(peopleStyle);
addStyle(aclStyle);

export const Matrix = lazy<ViewProps>(() =>
  import('./matrix-view.tsx').then((part) => part.MatrixView),
);
export const Effective = lazy<ViewProps>(() =>
  import('./effective-view.tsx').then((part) => part.EffectiveView),
);
export const Audit = lazy<ViewProps>(() =>
  import('./audit-view.tsx').then((part) => part.AuditView),
);
