/* views.ts: the addresses of the administration and what they show. Views are fetched when they are first shown. */
import type { ComponentType } from 'preact';
import { match } from '../shared/router.ts';
import { lazy } from '../shared/ui/lazy.tsx';

export interface ViewProps {
  /** The parts of the address that stand for something, such as the id. */
  params: Readonly<Record<string, string>>;
}

type View = ComponentType<ViewProps>;

const people = () => import('./people.tsx');
const acl = () => import('./acl.tsx');
const data = () => import('./data.tsx');

const views: readonly [pattern: string, view: View][] = [
  ['/admin', lazy(() => import('./overview.tsx').then((part) => part.Overview))],
  ['/admin/users', lazy(() => people().then((part) => part.UserList))],
  ['/admin/users/:id', lazy(() => people().then((part) => part.UserDetail))],
  ['/admin/groups', lazy(() => people().then((part) => part.GroupList))],
  ['/admin/groups/:id', lazy(() => people().then((part) => part.GroupDetail))],
  ['/admin/permissions', lazy(() => acl().then((part) => part.Matrix))],
  ['/admin/effective', lazy(() => acl().then((part) => part.Effective))],
  ['/admin/audit', lazy(() => acl().then((part) => part.Audit))],
  ['/admin/data/:model', lazy(() => data().then((part) => part.DataList))],
  ['/admin/data/:model/new', lazy(() => data().then((part) => part.DataForm))],
  ['/admin/data/:model/:id', lazy(() => data().then((part) => part.DataForm))],
  ['/admin/ops', lazy(() => import('./ops.tsx').then((part) => part.Ops))],
];

/** What is shown at @pathname, or null. */
export function viewOf(pathname: string): { view: View; params: Record<string, string> } | null {
  for (const [pattern, view] of views) {
    const params = match(pattern, pathname.replace(/(.)\/$/, '$1'));
    if (params) return { view, params };
  }
  return null;
}
