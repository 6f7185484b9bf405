/* log-later.ts: what is done with single messages, in one file that is fetched when the page is at rest. */
import { addStyle } from '../shared/ui/style.ts';
import css from './log-later.lazy.css';

addStyle(css);

export { Asked } from './asked.tsx';
export { Help } from './help.tsx';
export { act } from './message-actions.ts';
export { Editor, Tools } from './message-tools.tsx';
export { Pins } from './pins-dialog.tsx';
export { Unsent } from './unsent.tsx';
