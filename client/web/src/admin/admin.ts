/* admin.ts: what every view of the administration has at hand. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Api } from '../shared/api.ts';
import type { Session } from '../shared/session.ts';
import type { Me } from '../shared/types.ts';
import type { Models } from './models.ts';

export interface Admin {
  readonly api: Api;
  readonly session: Session;
  readonly me: Me;
  readonly models: Models;
}

export const AdminContext = createContext<Admin | null>(null);

export function useAdmin(): Admin {
  const admin = useContext(AdminContext);
  if (!admin) throw new Error('useAdmin() is for views of the administration');
  return admin;
}
