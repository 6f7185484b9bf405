// What the permissions page lives on: everything that somebody may do and where it comes from, what a batch of changes
// would do, that it is saved whole or not at all and not over somebody else's change, and the filters of the record.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { firstAdministrator } from './lib/admin.mjs';
import { must } from './lib/client.mjs';
import { modelsFolder } from './lib/models.mjs';
import { rawConnect, register, startServer } from './lib/server.mjs';

const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
const small = { type: 'object', required: ['title'], properties: { title: { type: 'string' } } };
const MANY = 180;
const many = Array.from({ length: MANY }, (_, i) => `m${String(i).padStart(3, '0')}`);

describe('the permissions page', () => {
  let server, root, ann, bob, eve, editors;
  const give = (who, subject, model, rights, more = {}) => who.api('POST', '/grant', { subject, model, rights, ...more });
  const effective = async (who, query) => must(await who.api('GET', `/acl/effective?${query}`), 200, query).body;
  const dryRun = async (who, changes) => must(await who.api('POST', '/acl/dry_run', { changes }), 200, 'dry run').body;
  const batch = (who, changes) =>
    who.api('POST', '/batch', { operations: changes.map((params) => ({ action: 'grant.create', params })) });
  const sources = (list) => list.map(({ subject, name }) => (name ? `${subject} ${name}` : subject));

  before(async () => {
    server = await startServer({ schema: modelsFolder(Object.fromEntries(many.map((name) => [name, small]))) });
    root = await firstAdministrator(server);
    [ann, bob, eve] = [await register(server.url, 'ann'), await register(server.url, 'bob'), await register(server.url, 'eve')];
    editors = must(await root.api('POST', '/group', { name: 'editors' }), 201, 'group').body;
    must(await root.api('POST', `/group/${editors.id}/member`, { user: eve.id }), 204, 'eve');
    for (const { id, subject, model } of must(await root.api('GET', '/grant'), 200, 'defaults').body.items)
      if (model === 'news') must(await root.api('DELETE', `/grant/${id}`), 204, subject);
    must(await give(root, 'user:eve', 'news', ['read', 'write'], { reason: 'her own' }), 201, 'own');
    must(await give(root, 'group:editors', 'news', ['read', 'grant'], { until: inHours(1), reason: 'editing' }), 201, 'group');
    must(await give(root, 'members', 'news', ['read']), 201, 'members');
    must(await give(root, 'everyone', 'news', ['read']), 201, 'everyone');
  });
  after(() => server.stop());

  test('every right is shown with all the grants that give it', async () => {
    const { subject, models } = await effective(root, 'user=eve');
    assert.deepEqual(subject, { kind: 'user', id: eve.id, name: 'eve', superuser: false, disabled: false });
    assert.deepEqual(sources(models.news.read), ['user eve', 'group editors', 'members', 'everyone']);
    assert.deepEqual(sources(models.news.write), ['user eve']);
    assert.deepEqual(models.news.delete, []);
    const [grant] = models.news.grant;
    assert.deepEqual([grant.subject, grant.id, grant.name, grant.reason], ['group', editors.id, 'editors', 'editing']);
    assert.ok(Date.parse(grant.until) > Date.now());
    assert.deepEqual(must(await root.api('GET', `/grant/${grant.grant}`), 200, 'grant').body.until, grant.until);
    assert.ok(MANY < Object.keys(models).length && many.every((name) => models[name].read.length === 0));
  });

  test('groups, members and everyone are shown as well, by id and by name', async () => {
    const group = await effective(root, `group=${editors.id}`);
    assert.deepEqual(group.subject, { kind: 'group', id: editors.id, name: 'editors' });
    assert.deepEqual(sources(group.models.news.read), ['group editors', 'members', 'everyone']);
    assert.deepEqual(await effective(root, 'group=editors'), group);
    assert.deepEqual(sources((await effective(root, 'subject=members')).models.news.read), ['members', 'everyone']);
    assert.deepEqual(sources((await effective(root, 'subject=everyone')).models.news.read), ['everyone']);
    const socket = await rawConnect(server.url, { cookie: root.cookie });
    await socket.connect();
    const answer = await socket.call('rpc', { method: 'acl.effective', data: { group: editors.id } });
    assert.deepEqual(answer.rpc.data, group);
    await socket.close();
    assert.equal((await effective(root, 'user=root')).subject.superuser, true);
  });

  test('one asks about oneself, and who may grant about others on the models concerned', async () => {
    const own = await effective(bob, 'user=me');
    assert.deepEqual([own.subject.id, sources(own.models.news.read)], [bob.id, ['members', 'everyone']]);
    assert.deepEqual(await effective(bob, `user=${bob.id}`), own);
    for (const query of [`user=${eve.id}`, 'user=eve', 'group=editors', 'subject=members', 'user=999'])
      must(await bob.api('GET', `/acl/effective?${query}`), 403, query);
    assert.deepEqual(Object.keys((await effective(eve, 'user=bob')).models), ['news']);
    must(await eve.api('GET', '/acl/effective?user=999'), 404, 'nobody');
    assert.match(must(await root.api('GET', '/acl/effective?group=nobody'), 404, 'no group').body.detail, /no such group/);
    for (const query of ['', 'user=1&group=1', 'subject=user', 'user=', 'user=0', 'user=1&x=1'])
      must(await root.api('GET', `/acl/effective?${query}`), 422, query);
  });

  test('a dry run names who would lose and gain, in total and for each change', async () => {
    const chat = await rawConnect(server.url, { cookie: bob.cookie });
    await chat.connect();
    assert.ok((await chat.call('subscribe', { channel: 'model:news' })).subscribe);
    const before = must(await root.api('GET', '/grant'), 200, 'grants').body;
    const answer = await dryRun(root, [
      { subject: 'members', model: 'news', rights: [] },
      { subject: 'everyone', model: 'news', rights: [] },
      { subject: 'user:bob', model: 'm000', rights: ['read'], until: inHours(1), reason: 'x' },
      { subject: 'user:ann', model: 'm001', rights: [] },
      { subject: 'user:ann', model: 'm001', rights: ['read'], expect: ['write'] },
    ]);
    assert.deepEqual(answer.losing.map(({ name }) => name), ['ann', 'bob']); // eve keeps hers
    assert.deepEqual(answer.gaining, [{ id: bob.id, name: 'bob' }]);
    assert.deepEqual([answer.people, answer.gain, answer.subscriptions, answer.self], [2, 1, 1, false]);
    // Each by itself takes nothing away, because the other one is there.
    assert.deepEqual(answer.changes.map(({ people, gain, subscriptions }) => [people, gain, subscriptions]), [[0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]);
    assert.deepEqual(answer.changes.map(({ refused }) => refused?.code ?? null), [null, null, null, 'not_found', 'precondition_failed']);
    assert.deepEqual(must(await root.api('GET', '/grant'), 200, 'grants').body, before);
    assert.ok(!chat.waiting().some((object) => object.push?.unsubscribe));
    must(await give(root, 'user:bob', 'm004', ['read']), 201, 'give');
    assert.ok((await chat.call('subscribe', { channel: 'model:m004' })).subscribe);
    const two = await dryRun(root, [{ subject: 'user:bob', model: 'm004', rights: [] }, { subject: 'user:ann', model: 'm005', rights: ['read'] }]);
    assert.deepEqual(two.changes.map(({ people, subscriptions }) => [people, subscriptions]), [[1, 1], [0, 0]]);
    must(await give(root, 'user:bob', 'm004', []), 200, 'clean');
    await chat.close();
  });

  test('a dry run says what would be refused, and warns of shutting out oneself', async () => {
    must(await give(root, 'user:ann', 'm002', ['read', 'grant']), 201, 'delegate');
    const answer = await dryRun(ann, [
      { subject: 'user:bob', model: 'm002', rights: ['read', 'write'] },
      { subject: 'user:bob', model: 'm002', rights: ['read'] },
      { subject: 'user:ann', model: 'm002', rights: ['read'] },
    ]);
    assert.deepEqual(answer.changes.map(({ refused }) => refused?.status ?? null), [403, null, null]);
    assert.match(answer.changes[0].refused.detail, /cannot grant "write" on "m002"/);
    assert.deepEqual([answer.people, answer.gain, answer.self], [1, 1, true]);
    assert.deepEqual(answer.changes.map(({ self }) => self), [false, false, true]);
    assert.deepEqual(answer.warnings.map(({ code, model }) => [code, model]), [['self_lockout', 'm002']]);
    must(await ann.api('POST', '/acl/dry_run', { changes: [{ subject: 'members', model: 'm003', rights: ['read'] }] }), 403, 'another model');
    for (const [change, pointer] of [
      [{ subject: 'everyone', model: 'm002', rights: ['grant'] }, '/changes/0/rights'],
      [{ subject: 'members', model: 'm002', rights: [], until: '2001-01-01T00:00:00Z' }, '/changes/0/until'],
      [{ subject: 'members', model: 'm002', rights: [], expect: 'read' }, '/changes/0/expect'],
      [{ subject: 'members', model: 'm002', rights: [], more: 1 }, '/changes/0'],
    ])
      assert.deepEqual(must(await root.api('POST', '/acl/dry_run', { changes: [change] }), 422, pointer).body.errors.map((error) => error.pointer), [pointer]);
    must(await give(root, 'user:ann', 'm002', []), 200, 'clean');
  });

  test('two hundred staged changes are tried, saved whole, and undone with their reasons and ends', async () => {
    const until = inHours(2);
    const staged = Array.from({ length: 200 }, (_, i) => ({
      subject: i < MANY ? 'user:bob' : 'group:editors', model: many[i % MANY], rights: ['read', 'write', 'delete'], reason: `change ${i}`, until, expect: [],
    }));
    const tried = await dryRun(root, staged);
    assert.deepEqual([tried.people, tried.gain, tried.changes.length], [0, 2, 200]);
    const saved = must(await batch(root, staged), 200, 'save').body.results;
    assert.deepEqual([...new Set(saved.map(({ status }) => status))], [201]);
    assert.deepEqual(Object.keys((await effective(root, 'user=bob')).models).filter((name) => many.includes(name)).length, MANY);
    must(await bob.api('GET', '/m007'), 200, 'in force');

    const undo = staged.map(({ subject, model, rights }) => ({ subject, model, rights: [], expect: rights }));
    assert.deepEqual([...new Set(must(await batch(root, undo), 200, 'undo').body.results.map(({ status }) => status))], [200]);
    must(await bob.api('GET', '/m007'), 403, 'taken back');

    must(await batch(root, staged), 200, 'and again');
    const [grant] = must(await root.api('GET', '/grant?subject=user:bob&model=m007'), 200, 'restored').body.items;
    assert.deepEqual([grant.reason, grant.until, grant.rights], ['change 7', until, ['read', 'write', 'delete']]);
    must(await batch(root, [...undo, undo[0]]), 422, 'too many');
    must(await batch(root, undo), 200, 'clean');
  });

  test('a page that is stale overwrites nobody: 412, and nothing is changed', async () => {
    must(await give(root, 'user:bob', 'm010', ['read'], { expect: [] }), 201, 'as seen');
    must(await give(root, 'user:bob', 'm010', ['read', 'write']), 201, 'another administrator');
    const stale = must(await batch(root, [
      { subject: 'user:bob', model: 'm011', rights: ['read'], expect: [] },
      { subject: 'user:bob', model: 'm010', rights: [], expect: ['read'] },
    ]), 412, 'stale').body;
    assert.deepEqual([stale.code, stale.errors.map(({ pointer }) => pointer)], ['precondition_failed', ['/operations/1']]);
    assert.match(stale.detail, /it is \["read","write"\] now/);
    assert.deepEqual(must(await root.api('GET', '/grant?subject=user:bob&model=m011'), 200, 'not done').body.items, []);
    const [{ id }] = must(await root.api('GET', '/grant?subject=user:bob&model=m010'), 200, 'there').body.items;
    const remove = (expect) => root.api('POST', '/batch', { operations: [{ action: 'grant.delete', params: { id, expect } }] });
    must(await remove(['read']), 412, 'delete');
    must(await give(root, 'user:bob', 'm012', [], { expect: ['read'] }), 412, 'it is gone');
    must(await give(root, 'user:bob', 'm010', ['read'], { expect: 'read' }), 422, 'no list');
    must(await remove(['write', 'read']), 200, 'as it is');
  });

  test('the record is filtered', async () => {
    const [{ at }] = must(await root.api('GET', '/audit?limit=1'), 200, 'the newest').body.items;
    let start;
    do start = new Date().toISOString();
    while (start <= at); // what was before is not of the same millisecond
    must(await give(root, 'user:bob', 'm020', ['read']), 201, 'a grant');
    must(await give(root, 'group:editors', 'm020', ['read']), 201, 'a grant');
    must(await give(root, 'members', 'm021', ['read']), 201, 'a grant');
    must(await root.api('POST', `/group/${editors.id}/member`, { user: ann.id }), 204, 'ann');
    must(await root.api('PATCH', `/user/${bob.id}`, { superuser: false }), 200, 'no change');
    const list = async (query) => must(await root.api('GET', `/audit?${query}&since=${start}`), 200, query).body.items.map(({ action }) => action);
    assert.deepEqual(await list('limit=200'), ['user.update', 'group.join', 'grant', 'grant', 'grant']);
    assert.deepEqual(await list('model=m020'), ['grant', 'grant']);
    assert.deepEqual(await list('subject=user:bob'), ['user.update', 'grant']);
    assert.deepEqual(await list(`subject=user:${bob.id}&action=grant`), ['grant']);
    assert.deepEqual(await list('subject=group:editors'), ['group.join', 'grant']);
    assert.deepEqual(await list('subject=members'), ['grant']);
    assert.deepEqual(await list('subject=user:nobody'), []);
    assert.deepEqual(await list(`model=user&row=${ann.id}`), ['group.join']);
    assert.deepEqual(await list(`row=${ann.id}`).then((found) => found.includes('group.join')), true);
    assert.deepEqual(await list('row=99999'), []);
    assert.deepEqual(await list(`model=group&row=${editors.id}`), ['group.join']);
    assert.deepEqual(await list(`user=${bob.id}`), []);
    assert.deepEqual(await list(`until=${start}`), []);
    for (const query of ['since=yesterday', 'until=5', 'row=0', 'subject=bob', 'when=now']) must(await root.api('GET', `/audit?${query}`), 422, query);
    // Pages join without a gap.
    const whole = must(await root.api('GET', '/audit?limit=200&subject=user:bob'), 200, 'whole').body.items.map(({ id }) => id);
    const pages = [];
    for (let next = ''; next !== null; ) {
      const page = must(await root.api('GET', `/audit?limit=150&subject=user:bob${next && `&before=${next}`}`), 200, 'page').body;
      pages.push(...page.items.map(({ id }) => id));
      next = page.next;
    }
    assert.deepEqual(pages.slice(0, 200), whole);
    assert.ok(pages.length > 200 && pages.length === new Set(pages).size);
  });

  test('the last administrator is told so with a code of its own', async () => {
    const answer = must(await root.api('PATCH', `/user/${root.id}`, { superuser: false }), 409, 'the last').body;
    assert.equal(answer.code, 'last_administrator');
    const answers = must(await root.api('POST', '/batch', { operations: [{ action: 'user.update', params: { id: root.id, disabled: true } }] }), 409, 'in a batch').body;
    assert.equal(answers.code, 'last_administrator');
  });
});
