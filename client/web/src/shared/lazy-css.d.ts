/* style.d.ts: a sheet of a lazy part is its text: see build.mjs. */
declare module '*.lazy.css' {
  const text: string;
  export default text;
}
