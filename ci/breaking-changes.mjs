// Compares openapi/openapi.json with the last released document, and says what would break a program written for that.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiCompare } from 'api-smart-diff';

export const read = (name) => JSON.parse(readFileSync(new URL(`../openapi/${name}.json`, import.meta.url)));

/** A line for each change from `before` to `after` that breaks a client. */
export function breakingChanges(before, after) {
  const { diffs } = apiCompare(withWebhooksAsAnswers(before), withWebhooksAsAnswers(after));
  const changes = diffs.filter(breaks).map(({ action, path }) => `${action}: ${path.join(' > ')}`);
  const present = operations(after);
  for (const [name, operation] of operations(before)) {
    const now = present.get(name);
    if (!now) continue; // Reported above.
    if (isStricter(operation.security ?? [], now.security ?? [])) changes.push(`asks for more permissions: ${name}`);
    const lost = (operation['x-roles'] ?? []).filter((role) => !holds(now['x-roles'] ?? [], role));
    if (lost.length) changes.push(`no longer for ${lost.join(', ')}: ${name}`);
    if (operation.operationId !== now.operationId) changes.push(`another operationId, by which generated clients call it: ${name}`);
  }
  return changes;
}

/** Whether a difference breaks clients; api-smart-diff judges those about which nothing is said here. */
function breaks({ action, path, type, before, after }) {
  const [root, , , part] = path;
  const last = path.at(-1);
  const isMember = path.at(-2) === 'properties';
  const keyword = isMember ? undefined : last;
  // Shapes are judged where they are used; but generated clients name them.
  if (root === 'components') return action === 'remove' && (path[1] === 'securitySchemes' || (path[1] === 'schemas' && path.length === 3));
  if (root !== 'paths' || part === 'security') return false; // Security has a comparison of its own.
  if (isMember && action === 'remove') return true; // In requests too, which refuse what they do not know.
  if (part === 'responses') {
    if (['type', 'format', 'const', 'oneOf', 'anyOf', 'allOf'].includes(keyword)) return true;
    if (path.includes('enum')) return false; // Clients know that new values can come.
    if (/^(min|max)/.test(keyword)) return false; // What is taken may grow, and then what is answered does.
  } else {
    if (keyword === 'type' && action === 'replace') return [before].flat().some((old) => ![after].flat().includes(old));
    if (keyword === 'additionalProperties') return after === false;
    if (path.at(-2) === 'enum' && action === 'add') return last === 0; // The first value of what was free before.
  }
  return type === 'breaking';
}

/** Webhooks are what the service sends: compared as if they were answers. */
function withWebhooksAsAnswers({ webhooks = {}, ...document }) {
  const answers = Object.entries(webhooks).map(([name, { post }]) => [`webhook ${name}`, { get: { responses: { 200: post.requestBody } } }]);
  return { ...document, paths: { ...document.paths, ...Object.fromEntries(answers) } };
}

function operations(document) {
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]));
  return new Map(all);
}

/** Whether somebody who met one of `before`'s alternatives can fail to meet any of `after`'s. */
function isStricter(before, after) {
  const scopes = (requirement) => Object.entries(requirement).flatMap(([scheme, names]) => [scheme, ...names]);
  const alternatives = (security) => (security.length ? security : [{}]);
  return alternatives(before).some((old) => !alternatives(after).some((now) => scopes(now).every((scope) => scopes(old).includes(scope))));
}

/** Whether a role still may: `staff:own` (only one's own) is contained in `staff`. */
function holds(roles, role) {
  return roles.includes(role) || roles.includes(role.replace(/:own$/, ''));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const changes = breakingChanges(read('released'), read('openapi'));
  for (const change of changes) console.error(change);
  if (changes.length) {
    console.error('\nWithin v1 the API only grows: see "Breaking changes" in CONTRIBUTING.md.');
    process.exit(1);
  }
  console.log('Nothing breaks the clients of the released document.');
}
