/* lazy-css.d.ts: the sheet of a lazy part is its text: see build.mjs. */
declare module '*.lazy.css' {
  const text: string;
  export default text;
}
declare module 'uplot/dist/uPlot.min.css' {
  const text: string;
  export default text;
}
