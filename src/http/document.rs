//! The OpenAPI document: what the handlers say of themselves, and what is true of all of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};
use strum::IntoEnumIterator;
use utoipa::openapi::{Ref, RefOr, Response};

use crate::access::permissions::{self, Row};
use crate::events::EventType;
use crate::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::policy::clauses::Clause;
use crate::policy::roles::Role;
use crate::problem::Code;

pub use crate::problem::Body as ProblemBody;

/// The statuses with which an operation can refuse, beside those that every operation of its kind has.
pub struct Fails<const A: u16, const B: u16 = 0, const C: u16 = 0, const D: u16 = 0, const E: u16 = 0, const F: u16 = 0>;

impl<const A: u16, const B: u16, const C: u16, const D: u16, const E: u16, const F: u16> utoipa::IntoResponses for Fails<A, B, C, D, E, F> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let named = [A, B, C, D, E, F].into_iter().filter(|status| *status != 0);
        named.map(|status| (status.to_string(), RefOr::Ref(Ref::new(reference(status))))).collect()
    }
}

/// The `If-Match` header of operations that need the version that was read.
pub struct IfMatchHeader;

impl utoipa::IntoParams for IfMatchHeader {
    fn into_params(_: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>) -> Vec<utoipa::openapi::path::Parameter> {
        use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
        vec![
            ParameterBuilder::new()
                .name("If-Match")
                .parameter_in(ParameterIn::Header)
                .required(utoipa::openapi::Required::True)
                .description(Some("The `ETag` of the version that was read."))
                .schema(Some(super::schema::string(100).min_length(Some(3))))
                .build(),
        ]
    }
}

/// The `Idempotency-Key` header of operations that require it.
pub struct IdempotencyKeyHeader;

impl utoipa::IntoParams for IdempotencyKeyHeader {
    fn into_params(_: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>) -> Vec<utoipa::openapi::path::Parameter> {
        use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
        vec![
            ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(utoipa::openapi::Required::True)
                .description(Some("Makes a repeated request answer as the first one did (kept for 48 hours)."))
                .schema(Some(super::schema::string(255).min_length(Some(1))))
                .build(),
        ]
    }
}

fn reference(status: u16) -> String {
    format!("#/components/responses/Problem{status}")
}

/// What the tags are for; every operation has one of them.
const TAGS: &[(&str, &str)] = &[
    ("access", "Tokens, invitations and keys."),
    ("schools", "The school, its calendar and settings."),
    ("people", "People, their roles and guardians."),
    ("imports", "Lists of people from other systems."),
    ("delegations", "Who acts for the headteacher, and when."),
    ("business-cases", "What has to be approved before an account exists."),
    ("accounts", "The school's accounts on social media."),
    ("credentials", "The vault: how to log in to the school's accounts."),
    ("comments", "Comments, queries and complaints, each with its deadline."),
    ("monitoring", "Monitoring checks, and how the accounts are covered by them."),
    ("deadlines", "The response clock."),
    ("policies", "The school's policies, their versions, and guidance out of them."),
    ("acknowledgements", "Who has read and understood which policy."),
    ("eligibility", "Who may run an account, and how accounts stand by those who run them."),
    ("training", "Courses, sessions, who has completed what, and who still has to."),
    ("education", "What pupils are taught of safe and responsible use."),
    ("declarations", "Personal accounts that name or affect the school."),
    ("commenting-access", "Which parents can comment where, and whether they know how."),
    ("incidents", "What went wrong: reported, assessed and dealt with, hidden from whom it is about."),
    ("media-enquiries", "Journalists: nobody responds before it is cleared."),
    ("statutory-clocks", "By when the law asks for an answer, beside the 24 hours."),
    ("notifications", "What the caller was told of."),
    ("handovers", "What becomes of the accounts of those who leave."),
    ("exit-records", "That confidentiality continues after leaving."),
    ("mentions", "Searches of the web for public postings about the school, and what they found."),
    ("response-procedures", "By which procedure others' comments are responded to."),
    ("low-level-concerns", "Low-level concerns about those who work with the school."),
    ("consents", "What pictures and names are used for, and who consents to what."),
    ("image-objections", "Who is not to be filmed or photographed."),
    ("do-not-publish", "Who must not be published; who and why is for a few alone."),
    ("publications", "The check before anything is published, what was published, and what has to go."),
    ("workplace-monitoring", "That staff's use at work is monitored: openly, and by a policy."),
    ("pupil-contact", "Staff and pupils on personal accounts: exceptions, and what staff declare each year."),
    ("content-permissions", "By what right others' works are used, and what licences ask."),
    ("style-guides", "In which tone the school writes where."),
    ("accidental-images", "Compromising pictures that were taken by accident, and that they are deleted. No pictures are kept here."),
    ("events", "The one log: audit trail and change feed."),
    ("webhooks", "Where events are delivered, signed and in order, without being asked for."),
    ("service", "Health, figures and the problems there are."),
];

const DESCRIPTION: &str = "The backend that makes a school's social media policy run: a business case before an account exists, \
approval by the headteacher, creation by the IT technician, and every comment answered in time.\n\n\
Permissions are OAuth 2.0 scopes; `x-roles` of each operation lists the roles that hold them (`role:own`: only for one's own). \
Clauses of the policy are named in `x-clauses` and in the `violations` of refusals. \
Lists are paged by `cursor`; changes and decisions need `If-Match`; every POST takes an `Idempotency-Key`.";

/// Makes the document complete.
pub fn complete(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Weald",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "contact": { "name": "The developers of weald", "url": "https://weald.example" },
        "license": { "name": "MIT", "identifier": "MIT" },
    });
    document["servers"] = json!([{ "url": "/", "description": "This service." }]);
    document["tags"] = TAGS.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect();
    let schemas = document["components"]["schemas"].clone();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                complete_operation(path, method, operation, &schemas);
            }
        }
    }
    complete_components(&mut document["components"]);
    document["webhooks"] = webhooks();
    merge_descriptions(&mut document);
    drop_unused(&mut document);
    document
}

/// Shapes that only stand inside of others are collected by name too; without a reference they are noise.
fn drop_unused(document: &mut Value) {
    for section in ["schemas", "responses", "headers"] {
        loop {
            let mut used = HashSet::new();
            collect_references(document, &mut used);
            let Some(parts) = document["components"][section].as_object_mut() else { break };
            let before = parts.len();
            parts.retain(|name, _| used.contains(&format!("#/components/{section}/{name}")));
            if parts.len() == before {
                break;
            }
        }
    }
}

fn collect_references(value: &Value, into: &mut HashSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        Value::Object(members) => {
            into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, into));
        }
        _ => {}
    }
}

/// A described field of an inline type comes as `allOf` of the type and an object that has only the description:
/// which no string is. Both become one.
fn merge_descriptions(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(merge_descriptions),
        Value::Object(members) => {
            members.values_mut().for_each(merge_descriptions);
            let described =
                members.get("allOf").and_then(Value::as_array).filter(|all| all.len() == 2).map(|all| (all[0].clone(), all[1].clone()));
            if let Some((Value::Object(mut kind), Value::Object(words))) = described
                && words.keys().all(|key| key == "description" || key == "type")
            {
                kind.extend(words.into_iter().filter(|(key, _)| key == "description"));
                *members = kind;
            }
        }
        _ => {}
    }
}

/// Names in a path template that no handler declares are ids.
fn declare_ids(path: &str, operation: &mut Value) {
    let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let missing = names.filter(|name| !declared.iter().any(|parameter| parameter["name"] == *name && parameter["in"] == "path"));
    let ids = missing.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36 } })
    });
    let all: Vec<Value> = ids.chain(declared.iter().cloned()).collect();
    if !all.is_empty() {
        operation["parameters"] = all.into();
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Value, schemas: &Value) {
    let scope = operation["security"].as_array().into_iter().flatten().find_map(|requirement| requirement["oauth2"][0].as_str());
    let row = scope.and_then(permissions::row).copied();
    if row.is_none() {
        // OpenAPI's way to say that an operation is open to anyone.
        operation["security"] = json!([]);
    }
    if let Some(row) = row {
        operation["x-roles"] = roles(&row).into();
        operation["x-delegable"] = json!(is_delegable(&row));
    }
    let text = format!("{} {}", operation["summary"].as_str().unwrap_or_default(), operation["description"].as_str().unwrap_or_default());
    let clauses: Vec<&str> = Clause::iter().map(Clause::id).filter(|id| cites(&text, id)).collect();
    if !clauses.is_empty() {
        operation["x-clauses"] = json!(clauses);
    }
    if operation["description"].as_str().unwrap_or_default().is_empty() {
        operation["description"] = operation["summary"].clone();
    }

    declare_ids(path, operation);
    let is_page = shape_name(&operation["responses"]["200"]).is_some_and(|name| name.ends_with("Page"));
    if is_page {
        add_parameters(operation, &["Limit", "Cursor"]);
    }
    let has_body = operation.get("requestBody").is_some();
    let mut statuses = vec![429, 500, 503];
    if row.is_some() {
        statuses.extend([401, 403]);
    }
    let has_query = operation["parameters"].as_array().is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "query"));
    if method == "get" && (is_page || has_query) {
        statuses.push(400);
    }
    if method != "get" && path.starts_with("/v1/") {
        statuses.extend([400, 408, 413, 415, 507]);
        if has_body {
            statuses.push(422);
        }
    }
    if method == "post" && path.starts_with("/v1/") && row.is_some() {
        statuses.extend([409, 422]);
        let required = operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
        if !required {
            add_parameters(operation, &["IdempotencyKey"]);
        }
    }
    if let Some(responses) = operation["responses"].as_object_mut() {
        for status in statuses {
            responses.entry(status.to_string()).or_insert_with(|| json!({ "$ref": reference(status) }));
        }
        let creates = responses.contains_key("201") || responses.contains_key("202");
        for (status, response) in responses.iter_mut().filter(|(_, response)| response.get("$ref").is_none()) {
            if !status.starts_with('2') {
                // A refusal of a shape of its own, as the token endpoint has.
                response["headers"] = problem_headers(status.parse().unwrap_or_default());
                with_examples(&mut response["content"], schemas);
                continue;
            }
            let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/XRequestId" } });
            if row.is_some() {
                headers["RateLimit"] = json!({ "$ref": "#/components/headers/RateLimit" });
                headers["RateLimit-Policy"] = json!({ "$ref": "#/components/headers/RateLimitPolicy" });
            }
            // What was there already (200) is answered like what is new.
            if creates {
                headers["Location"] = json!({ "$ref": "#/components/headers/Location" });
                headers["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
            }
            if response["content"].get("text/csv").is_some() {
                headers["Content-Disposition"] = json!({ "$ref": "#/components/headers/ContentDisposition" });
            }
            response["headers"] = headers;
            with_examples(&mut response["content"], schemas);
        }
        if is_page {
            responses["200"]["headers"]["Link"] = json!({ "$ref": "#/components/headers/Link" });
        }
        if responses.get("200").is_some_and(|response| is_versioned(response, schemas)) {
            responses["200"]["headers"]["ETag"] = json!({ "$ref": "#/components/headers/ETag" });
            if method == "get" {
                responses.insert("304".into(), json!({ "$ref": "#/components/responses/NotModified" }));
            }
        }
    }
    if has_body {
        operation["requestBody"]["required"] = json!(true);
        with_examples(&mut operation["requestBody"]["content"], schemas);
        if method == "patch" {
            // RFC 7396. Alone, since generators stumble over two types for one body; `application/json` is taken too.
            let shape = operation["requestBody"]["content"]["application/json"].take();
            operation["requestBody"]["content"] = json!({ "application/merge-patch+json": shape });
        }
    }
}

/// Whether what is answered has a version, and so an `ETag`.
fn is_versioned(response: &Value, schemas: &Value) -> bool {
    shape_name(response).is_some_and(|name| schemas[name]["properties"].get("version").is_some())
}

/// The name of the shape that a response holds.
fn shape_name(response: &Value) -> Option<&str> {
    response["content"]["application/json"]["schema"]["$ref"].as_str()?.rsplit('/').next()
}

fn add_parameters(operation: &mut Value, names: &[&str]) {
    let references = names.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }));
    let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
    operation["parameters"] = declared.into_iter().chain(references).collect();
}

/// The example of a shape stands on its schema; media types show it.
fn with_examples(content: &mut Value, schemas: &Value) {
    for media in content.as_object_mut().into_iter().flat_map(Map::values_mut) {
        let name = media["schema"]["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let example = name.and_then(|name| {
            let schema = &schemas[name];
            schema.get("example").or_else(|| schema["examples"].get(0))
        });
        if let Some(example) = example {
            media["example"] = example.clone();
        }
    }
    if content.is_null() {
        *content = json!({});
    }
}

fn roles(row: &Row) -> Vec<String> {
    row.grants.iter().map(|grant| if grant.own { format!("{}:own", grant.role) } else { grant.role.to_string() }).collect()
}

fn is_delegable(row: &Row) -> bool {
    row.delegable && row.grants.iter().any(|grant| grant.role == Role::Headteacher)
}

/// Whether a text names a clause: "BC-1" is not in "BC-10".
fn cites(text: &str, id: &str) -> bool {
    let part_of_a_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(id).any(|(at, _)| !text[..at].ends_with(part_of_a_word) && !text[at + id.len()..].starts_with(part_of_a_word))
}

fn complete_components(components: &mut Value) {
    let scopes: Map<String, Value> = permissions::ALL.iter().map(|row| (row.scope.to_owned(), row.description.into())).collect();
    components["securitySchemes"] = json!({
        "oauth2": {
            "type": "oauth2",
            "description": "Access tokens are JWTs (RFC 9068), handled as RFC8725 asks. Besides those of `/oauth/token`, those of the OpenID \
                Connect issuers that are configured open the API: `/.well-known/oauth-protected-resource` names them.",
            "flows": {
                "password": { "tokenUrl": "/oauth/token", "refreshUrl": "/oauth/token", "scopes": scopes },
                "clientCredentials": { "tokenUrl": "/oauth/token", "scopes": scopes },
            },
        },
    });
    let string = |max: usize, description: &str| json!({ "description": description, "schema": { "type": "string", "maxLength": max } });
    components["headers"] = json!({
        "XRequestId": string(64, "The request, as the log knows it."),
        "ETag": string(100, "The version of what is answered; for `If-Match` and `If-None-Match`."),
        "ContentDisposition": string(200, "Of a table: the name of a file for it."),
        "Location": string(8000, "The address of what was created."),
        "RateLimit": string(100, "What is left of the quota."),
        "RateLimitPolicy": string(100, "The quota."),
        "RetryAfter": { "description": "Seconds to wait.", "schema": { "type": "integer", "format": "int32", "minimum": 0, "maximum": 86401 } },
        "WwwAuthenticate": string(200, "How to authenticate."),
        "Allow": string(100, "The methods that the address answers."),
        "Link": string(8000, "The next page, if there is one: `rel=\"next\"`."),
    });
    components["parameters"] = json!({
        "Limit": {
            "name": "limit", "in": "query", "required": false, "description": "How many items a page has at the most.",
            "schema": { "type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT },
        },
        "Cursor": {
            "name": "cursor", "in": "query", "required": false, "description": "The `next_cursor` of the page before, with the same filters.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 500 },
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes a repeated request answer as the first one did (kept for 48 hours).",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        },
    });
    let statuses: std::collections::BTreeSet<u16> = Code::all().map(Code::status).collect();
    let responses: Map<String, Value> = statuses.into_iter().map(|status| (format!("Problem{status}"), problem_response(status))).collect();
    components["responses"] = responses.into();
    components["responses"]["NotModified"] = json!({
        "description": "It has not changed since it was read (`If-None-Match`).",
        "headers": { "X-Request-Id": { "$ref": "#/components/headers/XRequestId" }, "ETag": { "$ref": "#/components/headers/ETag" } },
    });
}

fn problem_response(status: u16) -> Value {
    let codes: Vec<Code> = Code::all().filter(|code| code.status() == status).collect();
    let description = codes.iter().map(|code| format!("`{}`: {}.", code.name(), code.title())).collect::<Vec<_>>().join(" ");
    let example = codes.first().map(|code| {
        json!({
            "type": format!("/problems/{}", code.name()), "title": code.title(), "status": status, "instance": "/v1/comments",
            "code": code.name(), "request_id": "0198a4b2-6f00-7000-8000-0000000000ff",
        })
    });
    json!({
        "description": description,
        "headers": problem_headers(status),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" }, "example": example } },
    })
}

fn problem_headers(status: u16) -> Value {
    let mut headers = json!({ "X-Request-Id": { "$ref": "#/components/headers/XRequestId" } });
    let named = match status {
        401 => Some(("WWW-Authenticate", "WwwAuthenticate")),
        405 => Some(("Allow", "Allow")),
        429 | 503 | 507 => Some(("Retry-After", "RetryAfter")),
        _ => None,
    };
    if let Some((name, component)) = named {
        headers[name] = json!({ "$ref": format!("#/components/headers/{component}") });
    }
    headers
}

fn webhooks() -> Value {
    let all: Map<String, Value> = EventType::iter()
        .map(|kind| {
            let operation_id = format!("on_{}", kind.name().replace('.', "_"));
            let webhook = json!({ "post": {
                "operationId": operation_id, "tags": ["events"], "summary": kind.description(),
                "description": format!("{} Subject: `{}`.", kind.description(), kind.subject_type()),
                "security": [],
                "requestBody": { "required": true, "content": { "application/cloudevents+json": { "schema": { "$ref": "#/components/schemas/Event" } } } },
                "responses": { "200": { "description": "Received." }, "410": { "description": "Not wanted any more." } },
            } });
            (kind.name().to_owned(), webhook)
        })
        .collect();
    all.into()
}

/// The table of permissions as a page that people can review: `openapi/permissions.md`.
pub fn permissions_page(document: &Value) -> String {
    let mut page = String::from(
        "# Who may do what\n\nGenerated from `src/access/permissions.rs`. \
        `own`: only for one's own; `*`: passes to the headteacher's delegate.\n\n| operation | permission | roles |\n|---|---|---|\n",
    );
    let mut operations: Vec<(Cow<'_, str>, String)> = Vec::new();
    for item in document["paths"].as_object().into_iter().flat_map(Map::values) {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            let name = operation["operationId"].as_str().unwrap_or_default();
            let line = match operation["security"][0]["oauth2"][0].as_str().and_then(permissions::row) {
                Some(row) => format!(
                    "{}{} | {}",
                    row.scope,
                    if is_delegable(row) { " *" } else { "" },
                    roles(row).join(", ").replace(":own", " own")
                ),
                None => "none needed | anyone".to_owned(),
            };
            operations.push((name.into(), line));
        }
    }
    operations.sort();
    page.extend(operations.into_iter().map(|(name, line)| format!("| {name} | {line} |\n")));
    page
}
