/* later.ts: what few visits show, in one file that is fetched when it is wanted. */
import { addStyle } from '../shared/ui/style.ts';
import css from './later.lazy.css';

addStyle(css);

export { Dialogs } from './all-dialogs.tsx';
export { Completion } from './completion.tsx';
export { PickPerson } from './dialogs.tsx';
export { startNotifier } from './notify.ts';
