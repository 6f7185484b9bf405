// Reads the #include lines of server/ and fails on one that points up: the house has floors, and a file may
// use its own folder and what lies below, never a neighbour or a floor above.
//   node --test tests/includes.mjs
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SERVER = join(dirname(fileURLToPath(import.meta.url)), '..', 'server');

// What each part may include besides itself. `status` is base/status, which everyone may know.
const GROUND = ['lib', 'settings', 'status'];
const SIBLINGS = [...GROUND, 'net', 'store', 'bus'];
const BASE = [...SIBLINGS, 'base'];
const REALTIME = [...BASE, 'realtime'];
const ALLOWED = {
  lib: [],
  status: ['lib'],
  settings: ['lib'],
  net: GROUND,
  store: GROUND,
  bus: GROUND,
  base: SIBLINGS,
  realtime: BASE,
  pages: REALTIME,
  accounts: REALTIME,
  acl: REALTIME,
  chat: REALTIME,
  main: [...REALTIME, 'pages', 'accounts', 'acl', 'chat'],
};
// The applications, lowest first: each may read the models of those below it, and nothing else of theirs.
const APPLICATIONS = ['accounts', 'acl', 'chat'];
// The libraries that only some files may know.
const FOREIGN = [
  { header: /^(libwebsockets\.h|libwebsockets\/|http_parser\.h)/, home: /^net\// },
  { header: /^hiredis/, home: /^bus\/redis[^/]*$/ },
  { header: /^sqlite3\.h$/, home: /^store\// },
  { header: /^re2\//, home: /^lib\/pattern\.cc$/ },
  { header: /^(cjson\/)?cJSON\.h$/, home: /^(lib\/json|base\/|realtime\/|accounts\/|acl\/|chat\/|pages\/|[^/]+$)/ },
];

/** The part of the house that @file (its path below server/) belongs to. */
function partOf(file) {
  if (/^base\/status\.[ch]$/.test(file)) return 'status';
  if (/^settings[^/]*$/.test(file)) return 'settings';
  return file.includes('/') ? file.split('/')[0] : 'main';
}

/** Why @file may not include @header, or null. @isQuoted: "header", else <header>. */
function objection(file, header, isQuoted, isThere) {
  const foreign = FOREIGN.find((row) => row.header.test(header));
  if (foreign) return foreign.home.test(file) ? null : 'this library is not known here';
  if (!isQuoted) return null;
  if (header.split('/').includes('..')) return 'paths begin at server/';
  if (!isThere(header)) return 'there is no such file below server/';
  const [from, to] = [partOf(file), partOf(header)];
  if (from === to || ALLOWED[from]?.includes(to)) return null;
  const isBelow = APPLICATIONS.includes(to) && APPLICATIONS.indexOf(to) < APPLICATIONS.indexOf(from);
  if (isBelow) return header === `${to}/models.h` ? null : `${from} may know of ${to} only its models.h`;
  return `${from} may not include ${to}`;
}

function objections(file, text, isThere) {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)].flatMap(([, quote, header]) => {
    const why = objection(file, header, quote === '"', isThere);
    return why ? [`server/${file}: #include ${header}: ${why}`] : [];
  });
}

test('every include of the server points down', () => {
  const files = readdirSync(SERVER, { recursive: true })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => /\.(c|cc|h)$/.test(path));
  assert.ok(files.length > 0, 'there is nothing to read');
  const known = new Set(files);
  const found = files.flatMap((file) =>
    objections(file, readFileSync(join(SERVER, file), 'utf8'), (header) => known.has(header)),
  );
  assert.deepEqual(found, []);
});

test('the load tester knows of the server only lib/', () => {
  const folder = join(SERVER, '../client/load');
  const files = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const quoted = files.flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"]+)"/gm)].map(([, header]) => [file, header]),
  );
  assert.ok(quoted.length > 0, 'there is nothing to read');
  const wrong = quoted.filter(([, header]) => !files.includes(header) && !/^lib\/[^/]+$/.test(header));
  assert.deepEqual(wrong, []);
});

test('every folder of the server is on the plan', () => {
  const folders = readdirSync(SERVER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) assert.ok(name in ALLOWED, `server/${name} has no floor`);
});

test('an arrow that points up is found', () => {
  const wrong = [
    ['lib/list.c', '"base/status.h"'],
    ['lib/log.c', '"settings.h"'],
    ['net/http.c', '"base/request.h"'],
    ['net/http.c', '"store/store.h"'],
    ['store/writer.c', '"net/http.h"'],
    ['bus/local.c', '"realtime/codec.h"'],
    ['base/status.h', '"base/request.h"'],
    ['base/rest.c', '"realtime/codec.h"'],
    ['realtime/codec.c', '"chat/models.h"'],
    ['accounts/models.c', '"acl/models.h"'],
    ['acl/models.c', '"chat/models.h"'],
    ['chat/handlers.c', '"acl/handlers.h"'],
    ['chat/handlers.c', '"pages/health.h"'],
    ['pages/health.c', '"accounts/models.h"'],
    ['chat/handlers.c', '"routes.h"'],
    ['chat/models.c', '<sqlite3.h>'],
    ['realtime/connection.c', '<libwebsockets.h>'],
    ['base/rest.c', '<http_parser.h>'],
    ['bus/local.c', '<hiredis/async.h>'],
    ['net/http.c', '<cjson/cJSON.h>'],
    ['chat/models.c', '"../acl/models.h"'],
  ];
  for (const [file, include] of wrong)
    assert.equal(objections(file, `#include ${include}\n`, () => true).length, 1, `${file} ${include}`);
  assert.equal(objections('lib/list.c', '  #  include "lib/gone.h"\n', () => false).length, 1);
});

test('an arrow that points down is left alone', () => {
  const right = [
    ['lib/log.c', '"lib/clock.h"'],
    ['base/status.c', '"lib/log.h"'],
    ['net/http.c', '"base/status.h"'],
    ['net/http.c', '<libwebsockets.h>'],
    ['bus/redis.c', '<hiredis/async.h>'],
    ['store/writer.c', '<sqlite3.h>'],
    ['base/request.c', '"store/store.h"'],
    ['realtime/codec.c', '"base/request.h"'],
    ['chat/handlers.c', '"acl/models.h"'],
    ['chat/handlers.c', '"accounts/models.h"'],
    ['pages/metrics.c', '"net/http.h"'],
    ['routes.c', '"chat/routes.h"'],
    ['main.c', '"routes.h"'],
    ['commands.c', '"settings.h"'],
    ['chat/forms.c', '<cjson/cJSON.h>'],
  ];
  for (const [file, include] of right)
    assert.deepEqual(objections(file, `#include ${include}\n`, () => true), []);
});
