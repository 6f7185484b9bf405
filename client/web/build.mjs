/* build.mjs: make the bundle that the server serves.
 *
 *   node build.mjs [--out DIR] [--depfile FILE]   files with hashed names, compressed, and a manifest
 *   node build.mjs --watch                        again whenever a source changes
 *   node build.mjs --tests                        the unit tests, into .test/
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));

/* What a page may weigh at its first load, in bytes after gzip. */
const pages = [
  {
    name: 'chat',
    title: 'Parley',
    entry: 'src/chat/main.tsx',
    path: '/',
    js_max: 60 * 1024,
    css_max: 5 * 1024,
  },
  {
    name: 'admin',
    title: 'Parley: administration',
    entry: 'src/admin/main.tsx',
    path: '/admin',
    js_max: 35 * 1024,
    css_max: 8 * 1024,
  },
];

/* What is fetched when it is first shown, in one file each. */
const lazy_max = 20 * 1024;
/* The realtime library, which the administration asks for only once something is to be live, and the charts. */
const lazyLibrary_max = 32 * 1024;

/* The API's description for people: a package does all of it, and few ever open it. */
const docs = {
  name: 'docs',
  title: 'Parley: API',
  entry: 'src/docs/main.ts',
  path: '/api/docs',
  js_max: 480 * 1024,
  css_max: 40 * 1024,
};
const allPages = [...pages, docs];

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/* Of marked only the lexer is used. Its one file ends by making a ready parser, which no bundler may
 * leave out, and that keeps the parser and the renderer alive: 3 KB that nobody calls. So the file
 * is cut before that line. Should a new version look different it is taken whole, and the budget
 * decides. */
const lexerOnly = {
  name: 'lexer-only',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]marked\.esm\.js$/ }, ({ path: file }) => {
      const whole = readFileSync(file, 'utf8');
      const nameOf = (exported) => new RegExp(`([\\w$]+) as ${exported}\\b`).exec(whole)?.[1] ?? '';
      const readyParser = new RegExp(`var [\\w$]+=new ${nameOf('Marked').replace(/\$/g, '\\$&')};`);
      const end = whole.search(readyParser);
      if (end < 0) return undefined;
      return { contents: `${whole.slice(0, end)}export{${nameOf('Lexer')} as Lexer};` };
    });
  },
};

/* The realtime SDK knows transports and kinds of subscriptions that no page of ours asks for. Their classes are emptied,
 * which saves 2 KB; one that a new version has under another name is taken whole. */
const unusedClasses = [
  'WebtransportTransport',
  'SockjsTransport',
  'SharedPollSubscription',
  'MapSubscription',
  'ReplyStreamBuffer',
];
/* The same for what only those kinds of subscriptions call: 3 KB more. */
const unusedMethods = [
  '_sendTrackRequest',
  '_handleTrackResponse',
  '_handleTrackError',
  '_sharedPollSerial',
  '_sharedPollRequestFailed',
  '_sharedPollRefreshSignature',
  '_sharedPollReplayTrack',
  '_mapSubscribe',
  '_fetchSnapshot',
  '_fetchStream',
  '_buildMapSubscribeCommand',
  '_handleMapStateResponse',
  '_handleMapStreamResponse',
  '_handleMapLiveResponse',
  '_handleMapSubscribeError',
  '_loadStreamState',
  '_debouncedPublish',
];
const withoutUnused = {
  name: 'without-unused',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]centrifuge[\\/]build[\\/]index\.mjs$/ }, ({ path: file }) => {
      let contents = readFileSync(file, 'utf8');
      for (const name of unusedClasses)
        contents = contents.replace(
          new RegExp(`^class ${name}\\b[^{]*{[^]*?^}`, 'm'),
          `class ${name} {}`,
        );
      for (const name of unusedMethods)
        contents = contents.replace(
          new RegExp(`^    ${name}\\([^\\n]*\\) {$[^]*?^    }$`, 'm'),
          `    ${name}() {}`,
        );
      return { contents };
    });
  },
};

/* A bundler's style sheets are loaded with the page, or not at all. What only a lazy part needs travels in that part as
 * text, and `addStyle()` puts it in force. */
const lazyStyle = {
  name: 'lazy-style',
  setup: (build) => {
    build.onLoad({ filter: /(\.lazy|uPlot\.min)\.css$/ }, async ({ path: file }) => {
      const { minify } = build.initialOptions;
      const { code } = await esbuild.transform(readFileSync(file), { loader: 'css', minify });
      return { contents: code, loader: 'text' };
    });
  },
};

/* A bundler cuts what parts have in common into a file for each combination of them: ten small files where the first
 * visit wants one. So each part that is fetched later says that it needs the whole page it is a part of, which is true:
 * then all of the page is one file. */
const wholePage = (page) => ({
  name: 'whole-page',
  setup: (build) => {
    const entry = path.join(here, page.entry);
    build.onResolve({ filter: /^\.{1,2}\// }, ({ kind, resolveDir, path: name }) =>
      kind === 'dynamic-import'
        ? { path: path.join(resolveDir, name), pluginData: { entry } }
        : undefined,
    );
    build.onLoad({ filter: /\.tsx?$/ }, ({ path: file, pluginData }) => {
      if (!pluginData?.entry) return undefined;
      const contents = `${readFileSync(file, 'utf8')}\nimport ${JSON.stringify(pluginData.entry)};\n`;
      return { contents, loader: file.endsWith('x') ? 'tsx' : 'ts' };
    });
  },
});

const options = parseArguments(process.argv.slice(2));
if (options.tests) await buildTests();
else if (options.watch) await watch();
else emit(...(await Promise.all([...pages.map(bundle), docsBundle()].map(esbuild.build))));

function parseArguments(words) {
  const parsed = { out: path.join(here, 'dist'), depfile: '', watch: false, tests: false };
  for (let i = 0; i < words.length; i++) {
    const name = words[i].replace(/^--/, '');
    if (typeof parsed[name] === 'boolean') parsed[name] = true;
    else if (name in parsed && i + 1 < words.length) parsed[name] = words[++i];
    else fail(`unknown argument ${words[i]}: see the head of build.mjs`);
  }
  return parsed;
}

/* Each page by itself: what two pages had in common would be cut into many small files. */
function bundle(page) {
  return {
    absWorkingDir: here,
    entryPoints: { [page.name]: page.entry },
    outdir: '/',
    entryNames: 'assets/[name]-[hash]',
    chunkNames: 'assets/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: !options.watch,
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    // The SDK's private members: no other code may know their names, so they can be short.
    mangleProps: /^_[a-zA-Z]/,
    plugins: [wholePage(page), lexerOnly, withoutUnused, lazyStyle],
    metafile: true,
    write: false,
    logLevel: 'warning',
  };
}

/* By itself: what shortens our own code would break the package's. */
function docsBundle() {
  return {
    ...bundle(docs),
    splitting: false,
    mangleProps: undefined,
    plugins: [],
  };
}

/* The whole directory is made anew: a stale file would be served for ever. */
function emit(...results) {
  const result = joined(results);
  const files = result.outputFiles.map((file) => ({
    name: path.posix.join('assets', path.basename(file.path)),
    bytes: Buffer.from(file.contents),
  }));
  const icon = readFileSync(path.join(here, 'src/shared/favicon.svg'));
  files.push({ name: `assets/favicon-${hash(icon).slice(0, 8).toUpperCase()}.svg`, bytes: icon });
  const assets = files.map((file) => file.name);
  for (const page of allPages)
    files.push({ name: `${page.name}.html`, bytes: pageHtml(page, result.metafile, assets) });

  rmSync(options.out, { recursive: true, force: true });
  mkdirSync(path.join(options.out, 'assets'), { recursive: true });
  const manifest = files.map(write).sort((a, b) => (a.path < b.path ? -1 : 1));
  writeFileSync(path.join(options.out, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  if (options.depfile) writeDepfile(result.metafile);
  checkBudgets(result.metafile, files);
}

function joined(results) {
  return {
    outputFiles: results.flatMap((result) => result.outputFiles),
    metafile: {
      inputs: Object.assign({}, ...results.map((result) => result.metafile.inputs)),
      outputs: Object.assign({}, ...results.map((result) => result.metafile.outputs)),
    },
  };
}

/* One entry of the manifest: all that the server needs to answer without looking at the file. */
function write({ name, bytes }) {
  const file = path.join(options.out, name);
  writeFileSync(file, bytes);
  const encodings = [];
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  const gzip = gzipSync(bytes, { level: 9 });
  if (brotli.length < bytes.length) {
    writeFileSync(`${file}.br`, brotli);
    encodings.push('br');
  }
  if (gzip.length < bytes.length) {
    writeFileSync(`${file}.gz`, gzip);
    encodings.push('gzip');
  }
  const page = allPages.find((candidate) => name === `${candidate.name}.html`);
  return {
    path: page ? page.path : `/${name}`,
    file: name,
    type: types[path.extname(name)],
    etag: `"${hash(bytes).slice(0, 20)}"`,
    immutable: name.startsWith('assets/'),
    encodings,
  };
}

function pageHtml(page, metafile, assets) {
  const script = outputOf(page, metafile);
  const style = metafile.outputs[script].cssBundle;
  const icon = assets.find((name) => name.includes('favicon-'));
  const asset = (output) => `/assets/${path.posix.basename(output)}`;
  const lines = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<title>${page.title}</title>`,
    '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">',
    '<meta name="color-scheme" content="light dark">',
    `<link rel="icon" type="image/svg+xml" href="/${icon}">`,
    `<link rel="stylesheet" href="${asset(style)}">`,
    ...[...chunksOf(script, metafile)].map(
      (name) => `<link rel="modulepreload" href="${asset(name)}">`,
    ),
    `<script type="module" src="${asset(script)}"></script>`,
    '</head>',
    '<body><noscript>Parley needs JavaScript.</noscript></body>',
    '</html>',
    '',
  ];
  return Buffer.from(lines.join('\n'));
}

function outputOf(page, metafile) {
  return Object.keys(metafile.outputs).find(
    (name) => metafile.outputs[name].entryPoint === page.entry,
  );
}

/* What a script imports before it can start, without what it asks for later. */
function chunksOf(script, metafile, found = new Set()) {
  for (const { path: name, kind } of metafile.outputs[script].imports) {
    if (kind !== 'import-statement' || found.has(name)) continue;
    found.add(name);
    chunksOf(name, metafile, found);
  }
  return found;
}

function checkBudgets(metafile, files) {
  const size = (output) =>
    gzipSync(files.find((file) => path.basename(file.name) === path.basename(output)).bytes, {
      level: 9,
    }).length;
  for (const page of allPages) {
    const script = outputOf(page, metafile);
    const js = [...chunksOf(script, metafile).add(script)].reduce(
      (sum, name) => sum + size(name),
      0,
    );
    const css = size(metafile.outputs[script].cssBundle);
    console.log(`${page.name}: ${js} bytes of script, ${css} of style, after gzip`);
    // A bundle for watching is not minified.
    if (options.watch) continue;
    if (js > page.js_max)
      fail(`${page.name}: the script is over its budget of ${page.js_max} bytes`);
    if (css > page.css_max)
      fail(`${page.name}: the style is over its budget of ${page.css_max} bytes`);
    if (page !== docs) checkLazyParts(script, metafile, size);
  }
}

/* What is fetched later: each import() with all that it brings along which is not there yet. What a later part fetches
 * later still is measured the same way, without what that part has brought. */
function checkLazyParts(script, metafile, size) {
  checkPartsOf(chunksOf(script, metafile).add(script), new Set(), metafile, size);
}

function checkPartsOf(loaded, seen, metafile, size) {
  for (const name of [...loaded]) {
    for (const { path: part, kind } of metafile.outputs[name].imports) {
      if (kind !== 'dynamic-import' || loaded.has(part) || seen.has(part)) continue;
      seen.add(part);
      const files = [part, ...chunksOf(part, metafile)].filter((file) => !loaded.has(file));
      const bytes = files.reduce((sum, file) => sum + size(file), 0);
      const isLibrary = files.some((file) =>
        Object.keys(metafile.outputs[file].inputs).some((input) =>
          /node_modules\/(centrifuge|uplot)\//.test(input),
        ),
      );
      const most = isLibrary ? lazyLibrary_max : lazy_max;
      console.log(`  later, ${metafile.outputs[part].entryPoint ?? part}: ${bytes} bytes`);
      if (bytes > most) fail(`${part}: over its budget of ${most} bytes`);
      checkPartsOf(new Set([...loaded, ...files]), seen, metafile, size);
    }
  }
}

/* For ninja: the bundle depends on every source that went into it. */
function writeDepfile(metafile) {
  const inputs = Object.keys(metafile.inputs).map((name) => path.resolve(here, name));
  inputs.push(path.join(here, 'build.mjs'), path.join(here, 'src/shared/favicon.svg'));
  const quoted = (name) => name.replace(/\$/g, '$$$$').replace(/[ #\\]/g, '\\$&');
  const rule = `${quoted(options.out)}: ${inputs.map(quoted).join(' \\\n  ')}\n`;
  writeFileSync(options.depfile, rule);
}

async function watch() {
  const docsResult = await esbuild.build(docsBundle());
  const latest = new Map();
  const emitAll = (page) => ({
    name: 'emit',
    setup: (build) => {
      build.onEnd((result) => {
        if (result.errors.length > 0) return;
        latest.set(page, result);
        if (latest.size === pages.length) emit(...latest.values(), docsResult);
      });
    },
  });
  for (const page of pages) {
    const options = bundle(page);
    const plugins = [...options.plugins, emitAll(page)];
    await (await esbuild.context({ ...options, plugins })).watch();
  }
}

async function buildTests() {
  const folder = path.join(here, 'tests');
  const entryPoints = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  rmSync(path.join(here, '.test'), { recursive: true, force: true });
  await esbuild.build({
    absWorkingDir: here,
    entryPoints: entryPoints.map((name) => path.join(folder, name)),
    outdir: '.test',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node18',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
}

function hash(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function fail(reason) {
  console.error(`build.mjs: ${reason}`);
  process.exit(1);
}
