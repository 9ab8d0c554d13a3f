// Changes a copy of the document in ways that break clients and in ways that do not, and asks which are found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakingChanges, read } from './breaking-changes.mjs';

const shape = (document, name) => document.components.schemas[name];
const without = (list, value) => list.filter((each) => each !== value);
const type = { type: 'string' };

const breaking = {
  'an operation is removed': ({ paths }) => delete paths['/v1/people'].post,
  'a path is removed': ({ paths }) => delete paths['/v1/me'],
  'an operation gets another name': ({ paths }) => (paths['/v1/me'].get.operationId = 'find_myself'),
  'a parameter is removed': ({ paths }) => paths['/v1/comments'].get.parameters.splice(3, 1),
  'a parameter becomes required': ({ paths }) => (paths['/v1/comments'].get.parameters[3].required = true),
  'a required parameter is added': ({ paths }) => paths['/v1/comments'].get.parameters.push({ in: 'query', name: 'x', required: true, schema: type }),
  'a required member is added to a request': (d) => {
    shape(d, 'NewComment').properties.x = type;
    shape(d, 'NewComment').required.push('x');
  },
  'a member of a request becomes required': (d) => shape(d, 'NewComment').required.push('url'),
  'a member of a request is removed': (d) => delete shape(d, 'NewComment').properties.url,
  'a value is removed from an enum of a request': (d) => shape(d, 'CommentKind').enum.pop(),
  'a request takes less text': (d) => (shape(d, 'NewComment').properties.text.maxLength = 5),
  'a request takes fewer items': (d) => (shape(d, 'PersonBatch').properties.items.maxItems = 10),
  'a request takes null no more': (d) => (shape(d, 'PersonPatch').properties.email.type = 'string'),
  'a member of a request changes its type': (d) => (shape(d, 'NewComment').properties.text.type = 'integer'),
  'a member of a request gets a format': (d) => (shape(d, 'NewComment').properties.text.format = 'uuid'),
  'a member of a request becomes an enum': (d) => (shape(d, 'NewComment').properties.text.enum = ['Hello.']),
  'a request is closed': (d) => (shape(d, 'TokenRequest').additionalProperties = false),
  'a request takes another type of content': ({ paths }) => {
    const body = paths['/v1/people'].post.requestBody;
    body.content = { 'text/csv': body.content['application/json'] };
  },
  'a member of an answer is removed': (d) => {
    delete shape(d, 'Comment').properties.due_at;
    shape(d, 'Comment').required = without(shape(d, 'Comment').required, 'due_at');
  },
  'an optional member of an answer is removed': (d) => delete shape(d, 'Refused').properties.code,
  'a member of an answer is not always there': (d) => (shape(d, 'Comment').required = without(shape(d, 'Comment').required, 'due_at')),
  'a member of an answer changes its type': (d) => (shape(d, 'Comment').properties.version.type = 'string'),
  'a member of an answer can be null': (d) => (shape(d, 'Comment').properties.text.type = ['string', 'null']),
  'a member of an answer has another format': (d) => (shape(d, 'PersonId').format = 'int64'),
  'a status is removed': ({ paths }) => delete paths['/v1/people'].post.responses[201],
  'a table is no longer answered': ({ paths }) => delete paths['/v1/comments'].get.responses[200].content['text/csv'],
  'a header is removed': ({ paths }) => delete paths['/v1/comments'].post.responses[201].headers.Location,
  'a second permission is asked for': ({ paths }) => paths['/v1/comments'].post.security[0].oauth2.push('comments:read'),
  'another permission is asked for': ({ paths }) => (paths['/v1/comments'].post.security = [{ oauth2: ['comments:moderate'] }]),
  'what was open needs a token': ({ paths }) => (paths['/v1/meta'].get.security = [{ oauth2: ['me:read'] }]),
  'a role may no more': ({ paths }) => paths['/v1/comments'].post['x-roles'].shift(),
  'a role may only its own': ({ paths }) => (paths['/v1/comments'].post['x-roles'][0] += ':own'),
  'a webhook is removed': ({ webhooks }) => delete webhooks['account.activated'],
  'a webhook lacks a member that is called `type`': (d) => delete shape(d, 'Event').properties.type,
  'a shape, by whose name generated clients call it, gets another': (d) => Object.assign(d, JSON.parse(JSON.stringify(d).replaceAll('PersonKind', 'Kind'))),
  'nobody can log in': ({ components }) => delete components.securitySchemes.oauth2.flows.password,
};

const harmless = {
  'nothing': () => {},
  'an operation is added': ({ paths }) => (paths['/v1/x'] = { get: { ...paths['/v1/me'].get, operationId: 'find_x' } }),
  'an optional parameter is added': ({ paths }) => paths['/v1/comments'].get.parameters.unshift({ in: 'query', name: 'x', schema: type }),
  'an optional member is added to a request': (d) => (shape(d, 'NewComment').properties.x = type),
  'a member of a request becomes optional': (d) => (shape(d, 'NewComment').required = without(shape(d, 'NewComment').required, 'text')),
  'a request takes more text': (d) => (shape(d, 'NewComment').properties.text.maxLength = 50_000),
  'a request takes null too': (d) => (shape(d, 'NewComment').properties.text.type = ['string', 'null']),
  'an answer can be longer': (d) => (shape(d, 'Comment').properties.text.maxLength = 50_000),
  'a member is added to an answer': (d) => {
    shape(d, 'Comment').properties.x = type;
    shape(d, 'Comment').required.push('x');
  },
  'a value is added to an enum of requests and answers': (d) => shape(d, 'CommentKind').enum.unshift('x'),
  'a shape is added': (d) => (d.components.schemas.X = type),
  'a status is added': ({ paths }) => (paths['/v1/people'].post.responses[410] = { $ref: '#/components/responses/Problem410' }),
  'a table is answered too': ({ paths }) => (paths['/v1/me'].get.responses[200].content['text/csv'] = { schema: type }),
  'a header is added': ({ paths }) => (paths['/v1/comments'].post.responses[201].headers['X-More'] = { schema: type }),
  'a permission is another way in': ({ paths }) => paths['/v1/comments'].post.security.push({ oauth2: ['comments:moderate'] }),
  'no token is needed any more': ({ paths }) => (paths['/v1/me'].get.security = []),
  'another role may': ({ paths }) => paths['/v1/comments'].post['x-roles'].unshift('dsl'),
  'a role may more than its own': ({ paths }) => {
    const operation = paths['/v1/comments'].post;
    operation['x-roles'] = operation['x-roles'].map((role) => role.replace(':own', ''));
  },
  'a permission is added': ({ components }) => (components.securitySchemes.oauth2.flows.clientCredentials.scopes['x:read'] = 'Read x'),
  'a webhook is added': ({ webhooks }) => (webhooks['x.happened'] = webhooks['account.activated']),
  'the words and the order change': (d) => {
    shape(d, 'NewComment').description = 'In other words.';
    shape(d, 'NewComment').required.reverse();
    shape(d, 'CommentKind').enum.reverse();
    d.paths['/v1/comments'].get.parameters.reverse();
  },
};

const present = excerpt(read('openapi'), ['/oauth/token', '/v1/comments', '/v1/me', '/v1/meta', '/v1/people', '/v1/people/batch', '/v1/people/{id}'], ['account.activated']);

/** The document with these paths and webhooks alone, and the shapes that they use: a hundred comparisons of all take minutes. */
function excerpt(document, paths, webhooks) {
  const pick = (all, names) => Object.fromEntries(names.map((name) => [name, all[name]]));
  const schemas = {};
  const small = { ...document, paths: pick(document.paths, paths), webhooks: pick(document.webhooks, webhooks) };
  const collect = (part) => {
    for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (schemas[name]) continue;
      schemas[name] = shape(document, name);
      collect(schemas[name]);
    }
  };
  collect([small.paths, small.webhooks, document.components.responses, document.components.parameters]);
  return { ...small, components: { ...document.components, schemas } };
}

function after(change) {
  const changed = structuredClone(present);
  change(changed);
  return breakingChanges(present, changed);
}

for (const [name, change] of Object.entries(breaking)) {
  test(`breaks: ${name}`, () => assert.notDeepEqual(after(change), []));
}
for (const [name, change] of Object.entries(harmless)) {
  test(`harmless: ${name}`, () => assert.deepEqual(after(change), []));
}
