// An MIS and a front end at work against a running demo, through the generated types: 1,000 people are synchronised and
// seen in the feed; a comment is logged, answered and seen in the feed. Needs BASE_URL and PASSWORD, the demo's.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/schema.js';

type Schemas = components['schemas'];

const { BASE_URL: baseUrl, PASSWORD: password } = process.env;
assert(baseUrl && password, 'BASE_URL and PASSWORD say where the demo is and how its people log in');

// The headteacher makes an account for the MIS.
const headteacher = await logIn({ grant_type: 'password', client_id: 'weald', username: 'headteacher@weald.example', password });
const account = ok(await headteacher.POST('/v1/service-accounts', {
  body: { name: `Round trip in TypeScript ${randomUUID()}`, permissions: ['people:manage', 'people:read', 'events:read'] },
}));
const mis = await logIn({ grant_type: 'client_credentials', client_id: account.client_id, client_secret: account.client_secret });

// The MIS sends 1,000 people, and the same once more: a repeated request is answered as the first one was.
const start = ok(await mis.GET('/v1/events', { params: { query: { after: 'latest' } } })).next_cursor;
const source = `typescript-${randomUUID()}`.slice(0, 50);
const items = Array.from({ length: 1000 }, (_, n): Schemas['PersonItem'] => ({
  external_source: source, external_id: `P-${n}`, given_name: 'Kit', family_name: `Number ${n}`, kind: 'pupil', year_group: 'year_3',
}));
const batch = { params: { header: { 'Idempotency-Key': randomUUID() } }, body: { items } };
const sent = await mis.POST('/v1/people/batch', batch);
const { results } = ok(sent);
assert.equal(sent.response.status, 207);
assert.equal(results.length, 1000);
assert(results.every(({ index, status, outcome }, n) => index === n && status === 201 && outcome === 'created'));
const repeated = await mis.POST('/v1/people/batch', batch);
assert.equal(repeated.response.headers.get('Idempotency-Replayed'), 'true');
assert.deepEqual(ok(repeated).results, results);

// It follows the feed until it has seen every one of them.
const created = new Set(results.map((result) => result.person_id));
assert.equal(created.size, 1000);
const seen = await follow(mis, { after: start, type: ['person.created'], limit: 200 }, 1000);
assert.deepEqual(new Set(seen.map((event) => event.subject)), created);

// A member of staff logs a comment on an account that they run, and answers it.
const staff = await logIn({ grant_type: 'password', client_id: 'weald', username: 'staff@weald.example', password });
const run = ok(await staff.GET('/v1/me')).accounts.find(({ state }) => state === 'active');
assert(run, 'the staff of the demo runs an active account');
const comment = ok(await staff.POST('/v1/comments', {
  body: { account_id: run.id, kind: 'query', text: 'When does the fair start?', author_name: 'A parent', received_at: new Date().toISOString() },
}));
assert.equal(comment.state, 'received');
assert(comment.allowed_actions.includes('respond'));
const response = await staff.POST('/v1/comments/{id}/respond', {
  params: { path: { id: comment.id } },
  body: { kind: 'answer', text: "At two o'clock. Do come!" },
});
assert.equal(ok(response).state, 'answered');
const history = await follow(staff, { subject_id: comment.id }, 2);
assert.deepEqual(history.map((event) => event.type), ['comment.logged', 'comment.responded']);

// What is refused says why, in the documented shape.
const version = response.response.headers.get('ETag');
assert(version);
const refused = await staff.POST('/v1/comments/{id}/no-response-required', {
  params: { path: { id: comment.id }, header: { 'If-Match': version } },
  body: { reason: 'It is answered.' },
});
assert.equal(refused.response.status, 409);
assert.equal(refused.error?.code, 'state_conflict');

console.log('The TypeScript client: 1,000 people and a comment went there and back.');

async function logIn(body: Schemas['TokenRequest']) {
  const token = ok(await createClient<paths>({ baseUrl }).POST('/oauth/token', {
    body,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  }));
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token.access_token}` } });
}

/** Reads the feed on from `query.after` until it has seen `count` events. */
async function follow(client: Awaited<ReturnType<typeof logIn>>, query: NonNullable<paths['/v1/events']['get']['parameters']['query']>, count: number) {
  const events: Schemas['Event'][] = [];
  while (events.length < count) {
    const page = ok(await client.GET('/v1/events', { params: { query: { ...query, wait: 10 } } }));
    assert(page.items.length > 0, `${count} events were expected, and after ${events.length} no more came for 10 seconds`);
    events.push(...page.items);
    query.after = page.next_cursor;
    assert(page.has_more || events.length === count, `more than ${events.length} events were expected, and the feed says that it has no more`);
  }
  return events;
}

/** The data of a success; else throws what the service said. */
function ok<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  assert(data !== undefined, `${response.url} answers ${response.status}: ${JSON.stringify(error)}`);
  return data;
}
