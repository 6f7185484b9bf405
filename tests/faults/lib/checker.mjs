// The contract, asked of a history: which of its promises were broken, and by what. Pure: no clock, no network.
//
// I1 durable    what was acknowledged is in the log, once
// I2 order      the log is 1, 2, 3 …, and an offset means the same to everybody
// I3 no gap     each step is +1, or the listener was told
// I4 once       nobody hears an offset twice
// I5 committed  nothing is heard that is not in the log
// I6 authority  nothing is heard or accepted after a right was taken away
// I7 converged  in the end everybody is there and has everything, and nobody waits for an answer
// I8 bounded    what was measured is below its bound

const EXCERPT = 5;

/** Whether a close code tells a client not to come back. */
export const isFinal = (code) => (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000) || code === 1009;

/**
 * entries  of a History
 * logs     Map of room → {epoch, events: [{offset, key}]}, read when all is over; key is null for what nobody here sent
 * → [{promise, words, excerpt}], empty if all is well
 */
export function check(entries, logs) {
  const violations = [];
  const report = (promise, words, excerpt) => violations.push({ promise, words, excerpt: excerpt.slice(-EXCERPT) });
  const offsets = checkLogs(logs, report);
  checkPublications(entries, logs, report);
  checkListeners(entries, logs, offsets, report);
  checkRights(entries, report);
  for (const entry of entries)
    if (entry.what === 'measured' && entry.value > entry.max)
      report('I8', `${entry.node}: ${entry.name} is ${entry.value}, more than ${entry.max}`, [entry]);
  return violations;
}

/** Nothing if all is well; an error that shows each broken promise otherwise. */
export function assertKept(entries, logs) {
  const violations = check(entries, logs);
  if (!violations.length) return;
  const shown = violations.slice(0, 8).map(({ promise, words, excerpt }) =>
    [`${promise}: ${words}`, ...excerpt.map((entry) => `    ${JSON.stringify(entry)}`)].join('\n'));
  throw new Error(`${violations.length} broken promises\n${shown.join('\n')}`);
}

/** Map of room → Map of offset → key. */
function checkLogs(logs, report) {
  const offsets = new Map();
  for (const [room, { events }] of logs) {
    offsets.set(room, new Map(events.map(({ offset, key }) => [offset, key])));
    for (const [index, event] of events.entries())
      if (event.offset !== index + 1) {
        report('I2', `the log of room ${room} has ${event.offset} where ${index + 1} belongs`, events.slice(Math.max(0, index - 2), index + 1));
        break;
      }
    const seen = new Map();
    for (const event of events.filter(({ key }) => key !== null)) {
      if (seen.has(event.key)) report('I1', `${event.key} is twice in room ${room}`, [seen.get(event.key), event]);
      seen.set(event.key, event);
    }
  }
  return offsets;
}

function checkPublications(entries, logs, report) {
  const kept = new Map([...logs].map(([room, { events }]) => [room, new Set(events.map(({ key }) => key))]));
  const open = new Map();
  const sent = new Map();
  for (const entry of entries) {
    if (entry.what === 'sent') {
      open.set(entry.key, entry);
      if (!sent.has(entry.key)) sent.set(entry.key, entry);
    }
    if (entry.what === 'acked' || entry.what === 'refused') open.delete(entry.key);
    if (entry.what === 'acked' && !kept.get(entry.room)?.has(entry.key))
      report('I1', `${entry.key} was acknowledged and is not in room ${entry.room}`, [sent.get(entry.key), entry].filter(Boolean));
  }
  for (const entry of open.values()) report('I7', `${entry.key} was never answered`, [entry]);
}

function checkListeners(entries, logs, offsets, report) {
  const states = new Map(); // who and room → {position, isLive, wants, recent}
  for (const entry of entries) {
    if (entry.what === 'closed' || entry.what === 'left')
      for (const [name, state] of states)
        if (name.startsWith(`${entry.who} `))
          Object.assign(state, { isLive: false, wants: state.wants && entry.what === 'closed' && !isFinal(entry.code) });
    const isRefused = entry.what === 'refused' && entry.isFinal;
    if (!isRefused && !['subscribed', 'heard', 'unsubscribed'].includes(entry.what)) continue;
    const name = `${entry.who} ${entry.room}`;
    const state = states.get(name) ?? { position: null, isLive: false, wants: false, recent: [] };
    states.set(name, state);
    state.recent = [...state.recent.slice(1 - EXCERPT), entry];
    const { epoch } = logs.get(entry.room) ?? {};
    if (isRefused || entry.what === 'unsubscribed') {
      state.isLive = false;
      state.wants = !isRefused && state.wants && (entry.code === 0 || entry.code >= 2500); // 0: by itself, to begin again
    } else if (entry.what === 'subscribed') {
      if (entry.recovered && state.position !== null && entry.offset !== state.position)
        report('I3', `${name} was at ${state.position} and goes on from ${entry.offset} without being told`, state.recent);
      if (entry.epoch && epoch && entry.epoch !== epoch)
        report('I2', `${name} was told of epoch ${entry.epoch}, the log has ${epoch}`, state.recent);
      Object.assign(state, { position: entry.offset, isLive: true, wants: true });
    } else {
      if (!state.isLive) report('I6', `${name} hears ${entry.offset} without being subscribed`, state.recent);
      checkHeard(name, entry, state, offsets.get(entry.room), report);
      state.position = Math.max(entry.offset, state.position ?? 0);
    }
  }
  for (const [name, { isLive, wants, position, recent }] of states) {
    const { events = [] } = logs.get(recent.at(-1).room) ?? {};
    if (wants && !isLive) report('I7', `${name} never came back`, recent);
    if (isLive && position < events.length)
      report('I7', `${name} ended at ${position} of ${events.length}`, recent);
  }
}

function checkHeard(name, entry, state, log, report) {
  if (entry.offset <= state.position) report('I4', `${name} hears ${entry.offset} again`, state.recent);
  if (entry.offset > state.position + 1)
    report('I3', `${name} hears ${entry.offset} after ${state.position}`, state.recent);
  if (!log?.has(entry.offset)) report('I5', `${name} hears ${entry.offset}, which is not in the log`, state.recent);
  else if (entry.key !== log.get(entry.offset))
    report('I2', `${name} hears ${entry.key} as ${entry.offset}, which is ${log.get(entry.offset)} in the log`, state.recent);
}

function checkRights(entries, report) {
  const taken = new Map(); // who and room → the entry that took the right away
  const sent = new Map(); // who and key → when it was sent last
  for (const entry of entries) {
    const name = `${entry.who} ${entry.room}`;
    if (entry.what === 'revoked') taken.set(name, entry);
    if (entry.what === 'granting') taken.delete(name);
    if (entry.what === 'sent') sent.set(`${entry.who} ${entry.key}`, entry);
    const revoked = taken.get(name);
    if (!revoked) continue;
    if (entry.what === 'heard') report('I6', `${name} hears ${entry.offset} after the right was taken away`, [revoked, entry]);
    const asked = sent.get(`${entry.who} ${entry.key}`);
    if (entry.what === 'acked' && asked && asked.at > revoked.at && !asked.isRepeated)
      report('I6', `${name} writes ${entry.key} after the right was taken away`, [revoked, asked, entry]);
  }
}
