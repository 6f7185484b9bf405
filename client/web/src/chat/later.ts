/* later.ts: what few visits show, in one file that is fetched when it is wanted. */
export { CreateRoom, PickPerson } from './dialogs.tsx';
