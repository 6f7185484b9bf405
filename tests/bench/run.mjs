// run.mjs: starts a Parley of its own in a temporary folder, fills it with what the benches need, runs them and
// prints their numbers. It builds nothing. Nothing here passes or fails by time; it fails if a message was
// lost, came twice, or a program could not run.
import { spawn, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const RESULTS = path.join(HERE, 'RESULTS.md')
const START_MS = 15000
const STOP_MS = 10000
const REQUEST_MS = 20000
const BENCHES = ['fanout', 'throttle', 'sockets', 'publish', 'publish_spread', 'rest', 'big_room', 'many_rooms', 'idle', 'storm', 'nodes']
const MEASURE_MEMORY = ['sockets', 'idle']
const HELP = `node run.mjs [flags]: measures a parley that is built already.

  --program FILE      the program (build/parley)
  --benches FOLDER    where bench-fanout and the others lie (tests/bench beside the program)
  --only NAMES        some of ${BENCHES.join(',')}
  --seconds N         length of the fanout, throttle and publish benches (20)
  --subscribers N     listeners of the large room (1000)
  --sockets N         idle sockets (10000)
  --idle-rooms N      rooms they are spread over (1)
  --users N           people who publish in the publish benches (20)
  --publishers N      their connections (200)
  --rows N            rows of the model that the rest bench asks for (10000)
  --messages N        messages that its search looks through (100000)
  --big N             listeners of the big room, on each server (9900: a process may open 20,000 files)
  --many N            rooms of 10 that talk at once (1000)
  --idle N            idle sockets around 1,000 active ones (18000)
  --storm N           clients that come back at once (10000)
  --node-sockets N    sockets of the nodes bench, on all nodes together (50000)
  --edges N           edges it starts beside the home, with a Redis of its own; 0: only the server itself, with
                      whatever processes it starts by its settings (2)
  --data FOLDER       put the data base on this disk (the system's temporary folder)
  --setting NAME=V    a further setting for parley serve; may be repeated
  --pin               keep the server on CPU 0 and the benches on CPU 1
  --record            append the numbers to RESULTS.md
`

// Limits that guard against what a bench does on purpose are lifted; what costs time in real use stays as it is,
// except the password hash, which is only in the way of making accounts.
const SETTINGS = {
  'http.address': '127.0.0.1:0',
  'http.connections_per_address_max': 0,
  'realtime.user_connections_max': 1000000,
  'realtime.commands_per_s': 1000000,
  'chat.messages_per_s': 1000000,
  'account.hash_memory_kib': 1024,
  'account.hash_passes': 1,
}

class Server {
  static async start(program, settings, isPinned, words = []) {
    const flags = [...words, ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)]
    const command = isPinned ? ['taskset', '-c', '0', program] : [program]
    const child = spawn(command[0], [...command.slice(1), 'serve', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    const server = new Server()
    server.child = child
    server.settingFlags = flags
    server.output = ''
    server.ended = new Promise((resolve) => child.once('close', resolve))
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('parley serve did not say where it listens')), START_MS)
      const read = (bytes) => {
        // Kept for the error message, and read on for ever, so that the server is never held up.
        server.output = (server.output + bytes).slice(-20000)
        const match = /listening on http:\/\/([\d.]+):(\d+)/.exec(server.output)
        if (match && !server.port) {
          server.host = match[1]
          server.port = Number(match[2])
          clearTimeout(timer)
          resolve()
        }
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('error', reject)
      child.once('close', (code) => reject(new Error(`parley serve ended with ${code}:\n${server.output}`)))
    }).catch(async (error) => {
      await server.stop()
      throw error
    })
    return server
  }

  get address() {
    return `${this.host}:${this.port}`
  }

  // The process and those that it started.
  get pids() {
    const children = fs.readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8')
    return [this.child.pid, ...children.split(' ').filter(Boolean).map(Number)]
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined) return
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    await this.ended
    clearTimeout(timer)
  }
}

// One person: a cookie, and the token that writes need.
class Person {
  static async register(server, name) {
    const person = new Person()
    person.server = server
    const { headers } = await person.request('POST', '/api/v1/register', { name, password: `${name}-bench-password` })
    const cookie = (headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).find((pair) => /(^|-)sid=/.test(pair))
    if (!cookie) throw new Error('registering gave no session cookie')
    person.cookie = cookie
    person.csrf = (await person.request('GET', '/api/v1/me')).body.csrf
    return person
  }

  request(method, where, body) {
    const { host, port, address } = this.server
    const headers = { origin: `http://${address}` }
    if (body) headers['content-type'] = 'application/json'
    if (this.cookie) headers.cookie = this.cookie
    if (this.csrf) headers['x-csrf-token'] = this.csrf
    return new Promise((resolve, reject) => {
      const request = http.request({ host, port, method, path: where, headers, timeout: REQUEST_MS }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => (text += part))
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode >= 300) {
            const error = new Error(`${method} ${where}: ${response.statusCode} ${text}`)
            error.status = response.statusCode
            error.retryAfter = Number(response.headers['retry-after'] ?? 1)
            return reject(error)
          }
          resolve({ headers: response.headers, body: text ? JSON.parse(text) : null })
        })
      })
      request.on('timeout', () => request.destroy(new Error(`${method} ${where}: no answer`)))
      request.on('error', reject)
      request.end(body ? JSON.stringify(body) : undefined)
    })
  }

  async roomCreate(name) {
    return (await patiently(() => this.request('POST', '/api/v1/room', { kind: 'public', name }))).body.id
  }

  async roomJoin(id) {
    await patiently(() => this.request('POST', `/api/v1/room/${id}/join`, {}))
  }
}

// The server may slow down whoever makes many accounts or rooms: wait as it asks, a few times.
async function patiently(action) {
  for (let tries = 1; ; tries++) {
    try {
      return await action()
    } catch (error) {
      if (error.status !== 429 || tries === 5 || error.retryAfter > 10) throw error
      await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000))
    }
  }
}

// What the benches need. The listeners are no members of their rooms, which are public: a member's connections
// also hear that there is something unread, and that is not what is measured here.
async function fill(server, folder, flags) {
  const owner = await Person.register(server, 'owner')
  const listener = await Person.register(server, 'listener')
  const world = { cookies: {} }
  const save = (name, people) => {
    world.cookies[name] = path.join(folder, `cookies-${name}`)
    fs.writeFileSync(world.cookies[name], people.map((person) => person.cookie + '\n').join(''), { mode: 0o600 })
  }
  save('owner', [owner])
  save('listener', [listener])
  world.room = await owner.roomCreate('large')
  world.small = await owner.roomCreate('small')
  world.idle = await roomsInARow(owner, 'idle', flags.idleRooms)
  const rooms = { many_rooms: ['many', flags.many], storm: ['storm', 10], nodes: ['nodes', 50] }
  for (const [name, [prefix, count]] of Object.entries(rooms))
    if (flags.only.includes(name)) world[prefix] = await roomsInARow(owner, prefix, count)
  if (flags.only.includes('rest')) await fillRest(server, folder, flags, world, owner, save)
  if (flags.only.some((name) => name.startsWith('publish'))) {
    const people = []
    for (let i = 0; i < flags.users; i++) people.push(await patiently(() => Person.register(server, `writer-${i + 1}`)))
    save('writers', people)
    world.shared = await owner.roomCreate('shared')
    for (const person of people) await person.roomJoin(world.shared)
    world.own = []
    for (const [i, person] of people.entries()) world.own.push(await person.roomCreate(`own-${i + 1}`))
    checkInARow(world.own)
  }
  return world
}

// Rows of the model news through the front door, in batches, and people who ask for them. Messages for the search go
// straight into the file while nobody serves it: a million of them would take minutes.
async function fillRest(server, folder, flags, world, owner, save) {
  const askers = []
  for (let i = 0; i < 16; i++) askers.push(await patiently(() => Person.register(server, `asker-${i + 1}`)))
  save('askers', askers)
  execFileSync(flags.program, ['grant', 'members', 'news', 'read,write', ...server.settingFlags], { stdio: 'ignore' })
  for (let made = 0; made < flags.rows; made += 50) {
    const operations = Array.from({ length: 50 }, (_, i) => ({
      action: 'news.create',
      params: { title: `News number ${made + i}`, content: 'What happened, in a few words. '.repeat(6), published: true },
    }))
    await owner.request('POST', '/api/v1/batch', { operations })
  }
  world.news = (await owner.request('GET', '/api/v1/news?limit=1')).body.items[0].id
}

// A thousand private rooms, words as often as in a language (the n-th word one n-th as often as the first), and askers
// who are in one, two, … 256 of the rooms.
// A word of two syllables and an ending for each number below 9025.
const wordOf = (n) => {
  const consonant = (i) => 'bcdfghjklmnprstvwxz'[i % 19], vowel = (i) => 'aeiou'[i % 5]
  return consonant(n) + vowel(Math.floor(n / 19)) + consonant(Math.floor(n / 95)) + vowel(Math.floor(n / 1805)) + 'r'
}
function fillMessages(file, count) {
  const word = `(SELECT text FROM word WHERE n = CAST(exp((abs(random()) % 1000000) / 1000000.0 * ln(5000)) AS INTEGER) + 0 * i)` // i: anew for each row
  const words = Array.from({ length: 5000 }, (_, i) => `(${i + 1}, '${wordOf(i + 1)}')`)
  const text = Array(15).fill(word).join(` || ' ' || `)
  execFileSync('sqlite3', [file], { input: `PRAGMA synchronous = OFF;
    BEGIN;
    CREATE TEMP TABLE word(n INTEGER PRIMARY KEY, text TEXT);
    INSERT INTO word VALUES ${words.join()};
    CREATE TEMP TABLE first AS SELECT ifnull(max(id), 0) AS room FROM room;
    CREATE TEMP TABLE asker AS SELECT id, row_number() OVER (ORDER BY id) AS number FROM user WHERE name LIKE 'asker-%';
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
      INSERT INTO room(id, kind, name, epoch, created_at, updated_at, top)
      SELECT first.room + i, 'private', 'searched ' || i, 'bench', 1, 1, ${count} / 1000 FROM n, first;
    INSERT INTO member(room_id, user_id, role, joined_at)
      SELECT room.id, asker.id, 'member', 1 FROM room, asker, first
      WHERE room.id > first.room AND (room.id - first.room) * 7919 % 1000 < (1 << (asker.number % 9));
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
      INSERT INTO message(room_id, offset, author, text, created_at, updated_at)
      SELECT first.room + 1 + i % 1000, i / 1000 + 1, (SELECT min(id) FROM asker), ${text}, 1, 1 FROM n, first;
    INSERT INTO message_search(rowid, text, scope)
      SELECT id, text, 'r' || room_id FROM message WHERE id > (SELECT up_to FROM message_indexed) AND text <> '' ORDER BY id;
    UPDATE message_indexed SET up_to = (SELECT max(id) FROM message);
    COMMIT;` })
}

async function roomsInARow(owner, name, count) {
  const ids = []
  for (let i = 0; i < count; i++) ids.push(await owner.roomCreate(`${name}-${i + 1}`))
  checkInARow(ids)
  return ids
}

function checkInARow(ids) {
  if (ids.some((id, i) => id !== ids[0] + i)) throw new Error(`room ids are not in a row: ${ids.join(', ')}`)
}

function commands(server, world, flags) {
  const { cookies } = world
  const common = ['--parley', server.address, '--pid-server', server.child.pid, ...(flags.pin ? ['--cpu', 1] : [])]
  const bare = flags.pin ? ['--cpu-bare', 0] : []
  const room = ['--cookies', cookies.listener, '--publisher-cookies', cookies.owner]
  const large = [...common, ...bare, ...room, '--room', world.room, '--subscribers', flags.subscribers]
  const writing = [...common, '--cookies', cookies.writers, '--publishers', flags.publishers, '--seconds', flags.seconds]
  const idle = rangeOf(world.idle)
  return {
    fanout: ['bench-fanout', ...large, '--seconds', flags.seconds],
    // Three servers in turn, and longer slices: twice the time for as many rounds. With a window of 64 the writes were so
    // short that the window was what limited.
    throttle: ['bench-fanout', ...large, '--seconds', 2 * flags.seconds, '--throttle', '--publishers', 4, '--window', 256],
    sockets: ['bench-sockets', ...common, ...bare, ...room, '--room', world.small, '--idle-rooms', idle,
      '--sockets', flags.sockets],
    publish: ['bench-publish', ...writing, '--rooms', world.shared, '--data', flags.folder],
    rest: ['bench-rest', ...common, '--cookies', cookies.listener, '--publisher-cookies', cookies.owner,
      '--asker-cookies', cookies.askers, '--room', world.room, '--subscribers', flags.subscribers,
      '--seconds', flags.seconds, '--detail', `/api/v1/news/${world.news}`, '--list', '/api/v1/news?limit=50',
      '--search', [1, 50, 4000].map((n) => `/api/v1/message?q=${wordOf(n)}`).join()],
    // Each writer alone in a room: nobody else has anything to hear.
    publish_spread: ['bench-publish', ...writing, '--data', flags.folder,
      ...(world.own ? ['--rooms', rangeOf(world.own)] : [])],
    // Half as many rounds, as one message takes a tenth of a second, and slices that several messages fit into.
    big_room: ['bench-fanout', ...common, ...bare, ...room, '--room', world.room, '--subscribers', flags.big, '--rate', 5,
      '--slice-ms', 1600, '--seconds', flags.seconds],
    many_rooms: ['bench-rooms', ...common, ...room, '--name', 'many_rooms', '--rooms', rangeOf(world.many), '--members', 10,
      '--rate', 1000, '--seconds', Math.ceil(flags.seconds / 2)],
    idle: ['bench-sockets', ...common, ...room, '--bare', 'no', '--room', world.small, '--idle-rooms', idle,
      '--sockets', flags.idle, '--active', 1000, '--rate', 20, '--seconds', Math.ceil(flags.seconds / 2)],
    storm: ['bench-storm', ...common, ...room, '--rooms', rangeOf(world.storm), '--sockets', flags.storm,
      '--bystanders-room', world.small],
    nodes: ['bench-nodes', ...room, '--rooms', rangeOf(world.nodes), '--sockets', flags.nodeSockets, '--rate', 20,
      '--seconds', Math.ceil(flags.seconds / 2)],
    // A small room by itself, and while the big one talks: not a bench of its own, but two parts of big_room.
    beside: ['bench-rooms', ...common, ...room, '--rooms', world.small, '--members', 10, '--rate', 50],
  }
}

const rangeOf = (ids) => (ids ? `${ids[0]}-${ids.at(-1)}` : '')

// The big room against the bare server; then what a small room notices of it.
async function runBigRoom(lines, flags) {
  const seconds = Math.ceil(flags.seconds / 3)
  const beside = (name) => run(name, [...lines.beside, '--name', name, '--seconds', seconds], flags)
  const results = [await run('big_room', lines.big_room, flags), await beside('big_room.small_alone')]
  const loud = run('big_room.loud', [...lines.big_room, '--bare', 'no', '--seconds', seconds + 8], flags)
  // Its connections are opened while nobody is measured.
  await new Promise((resolve) => setTimeout(resolve, 4000))
  results.push(await beside('big_room.small_beside'), await loud, await beside('big_room.small_alone_again'))
  const rows = results.flatMap(({ rows }) => rows)
  const p99 = (when) => Number(rows.find(({ name }) => name === `big_room.small_${when}.p99`)?.value)
  const ratio = (2 * p99('beside')) / (p99('alone') + p99('alone_again'))
  rows.push({ name: 'big_room.small_p99_ratio', value: ratio.toFixed(3), unit: 'beside the big room, to the mean of both times alone' })
  return { name: 'big_room', rows, isGood: results.every(({ isGood }) => isGood) }
}

// On the server alone, or on a home and edges: they get Redis and a data base of their own.
async function runNodes(lines, flags, server, restart) {
  if (!flags.edges) return run('nodes', [...lines.nodes, '--parley', server.address, '--pids', server.pids], flags)
  const socket = path.join(flags.folder, 'redis.sock')
  const redis = spawn('redis-server', ['--port', 0, '--unixsocket', socket, '--save', '', '--dir', flags.folder].map(String), { stdio: 'ignore' })
  const nodes = []
  try {
    for (const end = Date.now() + START_MS; !fs.existsSync(socket); ) {
      if (Date.now() > end || redis.exitCode !== null) throw new Error('redis-server does not start')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const further = { 'redis.url': `unix:${socket}` }
    nodes.push(await restart(further))
    for (let i = 0; i < flags.edges; i++)
      nodes.push(await Server.start(flags.program, { ...flags.settings, ...further, 'data.path': path.join(flags.folder, `edge-${i}.db`) }, false, ['--edge']))
    return await run('nodes', [...lines.nodes, '--parley', nodes.map(({ address }) => address), '--pids', nodes.flatMap(({ pids }) => pids)], flags)
  } finally {
    for (const node of nodes.reverse()) await node.stop()
    redis.kill()
  }
}

// Runs one bench; its numbers are lines of "name   value  unit".
function run(name, [program, ...args], flags) {
  console.error(`-- ${name}`)
  const before = processorTime()
  return new Promise((resolve) => {
    const child = spawn(path.join(flags.benches, program), args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), (flags.seconds * 6 + 400) * 1000)
    let text = ''
    child.stdout.on('data', (bytes) => (text += bytes))
    const end = (code) => {
      clearTimeout(timer)
      const rows = [...text.matchAll(/^(\S+) +(\S+) *(.*)$/gm)].map(([, key, value, unit]) => ({
        name: key.replace(/^(publish|sockets|fanout)(?=\.)/, name), value, unit,
      }))
      if (rows.length) rows.push({ name: `${name}.stolen`, value: stolenSince(before), unit: '% of all processor time, which other guests of the host had' })
      resolve({ name, rows, isGood: code === 0 })
    }
    child.once('error', (error) => {
      console.error(`${program}: ${error.message}`)
      end(1)
    })
    child.once('close', end)
  })
}

// All processor time so far and what of it other guests of the same host had, in ticks: see proc_stat(5).
function processorTime() {
  const ticks = fs.readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/ +/).slice(1, 9).map(Number)
  return { all: ticks.reduce((sum, part) => sum + part, 0), stolen: ticks[7] }
}

function stolenSince(before) {
  const now = processorTime()
  return (100 * (now.stolen - before.stolen) / Math.max(1, now.all - before.all)).toFixed(3)
}

function print(results) {
  for (const { rows } of results)
    for (const { name, value, unit } of rows) console.log(`${name.padEnd(48)} ${value.padStart(14)}  ${unit}`)
  for (const { name, isGood } of results) if (!isGood) console.error(`${name} failed: see above`)
}

function said(command, ...args) {
  try {
    return execFileSync(command, args, { cwd: HERE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}

function record(results, flags) {
  const libraries = ['libwebsockets', 'libuv', 'hiredis', 'sqlite3']
  const versions = libraries.map((name) => `${name} ${said('pkg-config', '--modversion', name)}`).join(', ')
  const commit = said('git', 'rev-parse', '--short', 'HEAD')
  const isChanged = !['', 'unknown'].includes(said('git', 'status', '--porcelain', '--untracked-files=no'))
  const head = fs.existsSync(RESULTS) ? '' : '# Results\n\nWritten by `run.mjs --record`. Times differ from machine to machine; the ratios to the bare server, measured in the\nsame minute, are what can be compared.\n'
  const tables = results.map(({ name, rows, isGood }) =>
    `\n### ${name}${isGood ? '' : ' (failed)'}\n\n| what | value | unit |\n| --- | ---: | --- |\n` +
    rows.map((row) => `| ${row.name} | ${row.value} | ${row.unit} |\n`).join(''))
  const settings = flags.setting.length ? `\nSettings: ${flags.setting.join(', ')}.` : ''
  fs.appendFileSync(RESULTS, `${head}\n## ${new Date().toISOString().slice(0, 10)}, commit ${commit}${isChanged ? ' with changes' : ''}

${versions}; Linux ${os.release()}; ${os.cpus().length} × ${os.cpus()[0]?.model ?? 'unknown CPU'}; data base on ${said('stat', '-f', '-c', '%T', flags.folder)}.
${flags.subscribers} subscribers, ${flags.sockets} sockets, ${flags.publishers} publishers, ${flags.seconds} s; big room ${flags.big}, ${flags.many} rooms, ${flags.idle} idle, storm of ${flags.storm}, ${flags.nodeSockets} sockets on nodes with ${flags.edges} edges${flags.pin ? ', pinned' : ''}.${settings}
${tables.join('')}`)
  console.error(`appended to ${RESULTS}`)
}

function readFlags() {
  const text = (fallback) => ({ type: 'string', default: String(fallback) })
  const { values } = parseArgs({
    options: {
      big: text(9900), many: text(1000), idle: text(18000), storm: text(10000), 'node-sockets': text(50000), edges: text(2),
      program: text('build/parley'), benches: { type: 'string' }, only: text(BENCHES.join(',')), seconds: text(20),
      subscribers: text(1000), sockets: text(10000), rows: text(10000), messages: text(100000), 'idle-rooms': text(1), users: text(20), publishers: text(200),
      data: text(os.tmpdir()), setting: { type: 'string', multiple: true, default: [] },
      pin: { type: 'boolean', default: false }, record: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    process.exit(0)
  }
  const program = path.resolve(values.program)
  const whole = (name) => {
    const number = Number(values[name])
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} must be a whole number above 0`)
    return number
  }
  const only = values.only.split(',')
  const unknown = only.filter((name) => !BENCHES.includes(name))
  if (unknown.length) throw new Error(`--only knows ${BENCHES.join(', ')}, not ${unknown.join(', ')}`)
  const benches = path.resolve(values.benches ?? path.join(path.dirname(program), 'tests', 'bench'))
  return {
    ...values, program, only, benches, idleRooms: whole('idle-rooms'), seconds: whole('seconds'),
    subscribers: whole('subscribers'), sockets: whole('sockets'), rows: whole('rows'), messages: whole('messages'), users: whole('users'), publishers: whole('publishers'),
    big: whole('big'), many: whole('many'), idle: whole('idle'), storm: whole('storm'), nodeSockets: whole('node-sockets'), edges: Number(values.edges),
  }
}

async function main() {
  const flags = readFlags()
  flags.folder = fs.mkdtempSync(path.join(flags.data, 'parley-bench-'))
  let server
  const stop = async () => {
    await server?.stop()
    fs.rmSync(flags.folder, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().then(() => process.exit(1)))
  try {
    const further = Object.fromEntries(flags.setting.map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)]))
    const settings = { ...SETTINGS, 'data.schema': path.join(HERE, '../../schema'), 'data.path': path.join(flags.folder, 'parley.db'), ...further }
    server = await Server.start(flags.program, settings, flags.pin)
    const world = await fill(server, flags.folder, flags)
    if (flags.only.includes('rest')) {
      await server.stop()
      console.error(`writing ${flags.messages} messages`)
      fillMessages(settings['data.path'], flags.messages)
      server = await Server.start(flags.program, settings, flags.pin)
    }
    flags.settings = settings
    // The home of several nodes has the same data base; afterwards the server is as it was.
    const restart = async (more) => {
      await server.stop()
      return (server = await Server.start(flags.program, { ...settings, ...more }, flags.pin))
    }
    const results = []
    for (const name of flags.only) {
      // Memory that an earlier bench used and gave back would be counted as nothing.
      if (server.child.exitCode !== null || (MEASURE_MEMORY.includes(name) && results.length)) await restart({})
      const lines = commands(server, world, flags)
      if (name === 'big_room') results.push(await runBigRoom(lines, flags))
      else if (name === 'nodes') results.push(await runNodes(lines, flags, server, restart))
      else results.push(await run(name, lines[name], flags))
    }
    print(results)
    if (flags.record) record(results, flags)
    if (results.some(({ isGood }) => !isGood)) process.exitCode = 1
  } finally {
    await stop()
  }
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
