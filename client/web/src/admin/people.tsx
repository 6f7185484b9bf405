/* people.tsx: people and groups: what is fetched for these views. */
import { addStyle } from '../shared/ui/style.ts';
import style from './people.lazy.css';

addStyle(style);

export { GroupDetail } from './group-detail.tsx';
export { GroupList } from './groups-list.tsx';
export { UserDetail } from './user-detail.tsx';
export { UserList } from './users-list.tsx';
