// External issuers against a real OpenID provider (oidc-provider, certified by the OpenID Foundation): people log in
// there, and their tokens open weald. Usage: node ci/oidc/test.mjs <path of the program weald>. Starts everything itself.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const weald = process.argv[2];
assert(weald, 'usage: node ci/oidc/test.mjs <path of weald>');
const folder = mkdtempSync(join(tmpdir(), 'weald-oidc-'));
const running = [];
const CALLBACK = 'https://front-end.example/callback';
const API = 'https://weald.example/';
const OTHER_API = 'https://other.example/';

// ---- The provider ----

/** Who can log in there, and what it says of them. */
const accounts = {
  head: { email: 'head@ashdown.example', email_verified: true, oid: 'oid-head' },
  teacher: { email: 'Teacher@ashdown.example', email_verified: true, oid: 'oid-teacher', roles: ['Staff'] },
  pretender: { email: 'pretender@ashdown.example', email_verified: true, oid: 'oid-pretender', roles: ['Staff', 'Head'] },
  unverified: { email: 'teacher@ashdown.example', email_verified: false, oid: 'oid-unverified' },
  stranger: { email: 'stranger@ashdown.example', email_verified: true, oid: 'oid-stranger' },
};

const keys = (generation) => [
  { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: `rsa-${generation}`, use: 'sig', alg: 'RS256' },
  { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid: `ec-${generation}`, use: 'sig', alg: 'ES256' },
];

const server = createServer((request, response) => handler(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
let handler;

/** Begins anew with these keys, as a provider does that has rotated them. */
function provide(jwks) {
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'front-end', client_secret: 'not much of a secret', redirect_uris: [CALLBACK] }],
    jwks: { keys: jwks },
    cookies: { keys: ['a key of the test'] },
    claims: { openid: ['sub', 'oid', 'roles'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
    extraTokenClaims: (_, token) => accounts[token.accountId],
    ttl: { AccessToken: 600, IdToken: 600, AuthorizationCode: 60, Grant: 600, Interaction: 600, Session: 600 },
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: 'business-cases:read business-cases:propose',
          audience: resource === API ? 'weald-api' : 'other-api',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
  handler = provider.callback();
}

/** Logs in as somebody, by the provider's own pages, and gives the tokens that the front end gets. */
async function logIn(login, { resource = API, scope = 'openid email' } = {}) {
  const cookies = new Map();
  const call = async (url, options = {}) => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(url, { ...options, redirect: 'manual', headers: { cookie, ...options.headers } });
    for (const set of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      cookies.set(name, value);
    }
    return response;
  };
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = new URLSearchParams({
    client_id: 'front-end', response_type: 'code', redirect_uri: CALLBACK, scope, resource,
    code_challenge: challenge, code_challenge_method: 'S256', state: 'state', nonce: 'nonce',
  });
  let url = `${issuer}/auth?${query}`;
  let response = await call(url);
  for (let step = 0; step < 20 && !url.startsWith(CALLBACK); step += 1) {
    if (response.status === 200) {
      const page = await response.text();
      const form = { prompt: /name="prompt" value="(\w+)"/.exec(page)?.[1], login, password: 'any' };
      assert(form.prompt, `the provider asks for nothing:\n${page}`);
      response = await call(url, { method: 'POST', body: new URLSearchParams(form) });
    }
    const location = response.headers.get('location');
    assert(location, `the provider answers ${response.status}: ${await response.text()}`);
    url = new URL(location, url).href;
    if (!url.startsWith(CALLBACK)) response = await call(url);
  }
  const code = new URL(url).searchParams.get('code');
  assert(code, `no code: ${url}`);
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('front-end:not+much+of+a+secret').toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier, resource }),
  });
  const tokens = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(tokens));
  return { access: tokens.access_token, id: tokens.id_token };
}

const part = (token, index) => JSON.parse(Buffer.from(token.split('.')[index], 'base64url'));

// ---- weald ----

const environment = { ...process.env, WEALD_DATA_DIR: join(folder, 'data') };
const command = (...words) => execFileSync(weald, words, { env: environment, encoding: 'utf8' });

/** Starts weald with this file of issuers, and gives its address. */
async function serve(name, lines) {
  const file = join(folder, `${name}.toml`);
  writeFileSync(file, `[[issuer]]\nissuer = "${issuer}"\nschool.id = "${school}"\n${lines}\n`);
  const words = ['serve', '--listen', '127.0.0.1:0', '--public-url', 'https://weald.example', '--issuers', file];
  const child = spawn(weald, words, { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  const said = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const address = JSON.parse(line).fields?.address;
    if (address) {
      child.stderr.resume();
      return `http://${address}`;
    }
  }
  throw new Error(`weald does not start:\n${said.join('\n')}`);
}

async function call(at, token, method, path, body, headers = {}) {
  const response = await fetch(`${at}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  });
  return { status: response.status, challenge: response.headers.get('www-authenticate'), etag: response.headers.get('etag'), body: await response.json() };
}

async function is(status, at, token, why) {
  const answer = await call(at, token, 'GET', '/v1/business-cases');
  assert.equal(answer.status, status, `${why}: ${JSON.stringify(answer.body)}`);
  if (status === 401) assert.match(answer.challenge, /error="invalid_token"/);
  console.log(`ok ${(passed += 1)} - ${why}`);
}

let passed = 0;
let school;
try {
  provide(keys(1));
  school = command('school', 'add', 'Ashdown Primary School').trim();
  const add = (name, role) => {
    const words = ['--given-name', name, '--family-name', 'Ashdown', '--email', `${name}@ashdown.example`, '--role', role];
    return /person\s+(\S+)/.exec(command('person', 'add', '--school', school, ...words))[1];
  };
  const [, teacher, pretender] = [add('head', 'headteacher'), add('teacher', 'staff'), add('pretender', 'staff')];

  const byEmail = await serve('by-email', 'audiences = ["weald-api"]\nperson.email = {}');
  const byId = await serve('by-id', 'audiences = ["weald-api"]\nperson.external_id = { source = "directory", claim = "oid" }');
  const idTokens = await serve('id-tokens', 'audiences = ["front-end"]\nperson.email = {}');
  const values = 'roles = { claim = "roles", values = { Staff = "staff", Head = "headteacher" }, grants_roles = true';
  const grants = await serve('grants', `audiences = ["weald-api"]\nperson.email = {}\n${values} }`);
  const privileged = await serve('privileged', `audiences = ["weald-api"]\nperson.email = {}\n${values}, privileged_roles = true }`);

  const tokens = {};
  for (const login of Object.keys(accounts)) tokens[login] = await logIn(login);
  assert.deepEqual([part(tokens.teacher.access, 0).alg, part(tokens.teacher.id, 0).alg], ['ES256', 'RS256'], 'both kinds of signature are tried');

  await is(200, byEmail, tokens.teacher.access, 'an access token opens weald for a person with that verified e-mail address');
  await is(200, idTokens, tokens.teacher.id, 'so does an ID token, where the client is the configured audience');
  await is(401, byEmail, tokens.teacher.id, 'but not where another audience is configured');
  await is(401, idTokens, tokens.teacher.access, 'nor an access token where the client is');
  await is(401, byEmail, (await logIn('teacher', { resource: OTHER_API })).access, 'a token for another API opens nothing');
  await is(401, byEmail, tokens.unverified.access, 'an address that the provider has not verified is nobody');
  await is(401, byEmail, tokens.stranger.access, 'an address that the school does not know is nobody');

  await is(401, byId, tokens.teacher.access, 'an external id that the school does not know is nobody');
  for (const [login, id] of [['teacher', teacher], ['pretender', pretender]]) {
    const { etag } = await call(byEmail, tokens.head.access, 'GET', `/v1/people/${id}`);
    const known = { external_source: 'directory', external_id: accounts[login].oid };
    const edited = await call(byEmail, tokens.head.access, 'PATCH', `/v1/people/${id}`, known, { 'if-match': etag });
    assert.equal(edited.status, 200, JSON.stringify(edited.body));
  }
  await is(200, byId, tokens.teacher.access, 'once the headteacher, by single sign-on, has recorded it, it is a person');

  const scoped = await logIn('teacher', { scope: 'openid email business-cases:read' });
  assert.equal(part(scoped.access, 1).scope, 'business-cases:read');
  const proposal = { name: 'Chess club' };
  assert.equal((await call(byEmail, scoped.access, 'POST', '/v1/business-cases', proposal)).status, 403, 'the scope narrows');
  assert.equal((await call(byEmail, tokens.teacher.access, 'POST', '/v1/business-cases', proposal)).status, 201, 'without one there is no narrowing');
  console.log(`ok ${(passed += 1)} - a scope that the provider granted narrows what the token can do`);

  const rename = async (at, token) => {
    const { etag } = await call(at, token, 'GET', `/v1/schools/${school}`);
    return (await call(at, token, 'PATCH', `/v1/schools/${school}`, { name: 'Ashdown School' }, { 'if-match': etag })).status;
  };
  assert.equal(await rename(grants, tokens.pretender.access), 403);
  console.log(`ok ${(passed += 1)} - a privileged role is not taken from the provider`);
  assert.equal(await rename(privileged, tokens.pretender.access), 200);
  console.log(`ok ${(passed += 1)} - unless the configuration says so`);
  await is(403, grants, tokens.head.access, 'with a mapping of roles, one that the provider does not assert does not count');

  const now = Date.now;
  Date.now = () => now() - 3_600_000;
  const old = await logIn('teacher');
  Date.now = now;
  await is(401, byEmail, old.access, 'a token that has expired opens nothing');

  provide(keys(2));
  const rotated = await logIn('teacher');
  assert.equal(part(rotated.access, 0).kid, 'ec-2');
  await is(200, byEmail, rotated.access, 'the new keys of the provider are picked up');
  await is(401, byEmail, tokens.teacher.access, 'and those that it has taken back are dead');

  const again = (await logIn('head')).access;
  const { etag } = await call(byEmail, again, 'GET', `/v1/people/${teacher}`);
  const today = { left_on: new Date().toISOString().slice(0, 10) };
  const left = await call(byEmail, again, 'POST', `/v1/people/${teacher}/leave`, today, { 'if-match': etag });
  assert.equal(left.status, 200, JSON.stringify(left.body));
  await is(401, byEmail, rotated.access, 'whoever has left the school is out, though the provider still knows them');
  console.log(`${passed} passed, 0 failed`);
} finally {
  for (const child of running) child.kill();
  await Promise.all(running.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
}
