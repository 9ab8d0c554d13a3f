//! Holds replies against the OpenAPI document: declared status, headers and content type, valid body.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};
use weald::problem::Code;

use super::caller::Reply;

/// The document as the program makes it.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(weald::app::openapi);

/// Pages for people, which the document does not list.
const PAGES: [&str; 3] = ["/", "/docs", "/openapi.json"];
/// Headers that a declared answer need not carry each time.
const SOMETIMES: [&str; 3] = ["Content-Disposition", "Idempotency-Replayed", "Link"];

/// An operation of the document.
#[derive(Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub item: &'static Value,
}

impl Operation {
    pub fn id(&self) -> &'static str {
        self.item["operationId"].as_str().unwrap_or("?")
    }
}

/// Every operation of the document.
pub fn operations() -> impl Iterator<Item = Operation> {
    DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, item)| Operation { method, path, item }))
}

/// What `$ref` stands for.
pub fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

/// Panics unless the document declares this reply.
pub fn check(reply: &Reply) {
    let at = |name: &str| !reply.header(name).is_empty();
    assert!(at("x-request-id"), "no X-Request-Id: {reply}");
    let preflight = at("access-control-allow-methods");
    let status = reply.status.as_u16();
    if status >= 400 && reply.header("content-type") == "application/problem+json" {
        check_problem(reply);
    }
    let Some(path) = path_of(reply.path()) else {
        let page = PAGES.iter().any(|page| reply.path() == *page || (*page != "/" && reply.path().starts_with(&format!("{page}/"))));
        assert!(page || status == 404, "the document does not know this path: {reply}");
        assert!(status < 400 || at("content-type"), "{reply}");
        return;
    };
    let method = match reply.method.as_str() {
        "HEAD" => "get".to_owned(),
        method => method.to_lowercase(),
    };
    let Some(operation) = DOCUMENT["paths"][path].get(&method) else {
        assert!(
            preflight || method == "options" && matches!(status, 204 | 400) || status == 405 && at("allow"),
            "the document does not know this method: {reply}"
        );
        return;
    };
    let response = operation["responses"]
        .get(status.to_string())
        .unwrap_or_else(|| panic!("{} does not declare this status: {reply}", operation["operationId"]));
    let response = resolved(response);
    for name in
        response["headers"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).filter(|name| !SOMETIMES.contains(name))
    {
        assert!(at(name), "no {name}: {reply}");
    }
    for name in ["ETag", "Location", "Link", "Retry-After", "Allow", "WWW-Authenticate", "Content-Disposition"] {
        assert!(!at(name) || response["headers"].get(name).is_some(), "{name} is not declared: {reply}");
    }
    if reply.method == "HEAD" {
        assert_eq!(reply.text, "", "{reply}");
        return;
    }
    let content_type = reply.header("content-type").split(';').next().unwrap_or_default();
    match response["content"].as_object().filter(|content| !content.is_empty()) {
        None => assert_eq!(reply.text, "", "no body is declared: {reply}"),
        Some(content) => {
            let media = content.get(content_type).unwrap_or_else(|| panic!("{content_type:?} is not declared: {reply}"));
            let text = Value::from(reply.text.as_str());
            check_value(&media["schema"], if content_type.ends_with("json") { reply.json() } else { &text }, reply);
        }
    }
}

/// Every refusal is whole, whoever made it.
fn check_problem(reply: &Reply) {
    check_value(&json!({ "$ref": "#/components/schemas/Problem" }), if reply.method == "HEAD" { return } else { reply.json() }, reply);
    let code: Code = reply["code"].as_str().unwrap().parse().unwrap_or_else(|_| panic!("an unknown code: {reply}"));
    let expected = json!({
        "type": format!("/problems/{}", code.name()), "title": code.title(), "status": code.status(), "code": code.name(),
        "instance": reply.path(), "request_id": reply.header("x-request-id"),
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&reply[member], value, "{member}: {reply}");
    }
    assert_eq!(reply.status.as_u16(), code.status(), "{reply}");
}

/// Panics unless the value is as the schema says, formats too.
pub fn check_value(schema: &Value, value: &Value, context: impl std::fmt::Display) {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let key = schema.to_string();
    let known = COMPILED.lock().unwrap().get(&key).cloned();
    let validator = known.unwrap_or_else(|| {
        let mut whole = schema.clone();
        whole["components"] = json!({ "schemas": DOCUMENT["components"]["schemas"] });
        let compiled = jsonschema::draft202012::options().should_validate_formats(true).build(&whole);
        let compiled = Arc::new(compiled.unwrap_or_else(|error| panic!("{key} is no schema: {error}")));
        COMPILED.lock().unwrap().insert(key, Arc::clone(&compiled));
        compiled
    });
    let errors: Vec<String> = validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not as the document says:\n{}\n{context}", errors.join("\n"));
}

/// The template of the document that a path is an instance of: the one with the fewest parameters.
fn path_of(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let of_template: Vec<&str> = template.split('/').collect();
        of_template.len() == parts.len() && of_template.iter().zip(&parts).all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
    };
    let templates = DOCUMENT["paths"].as_object().unwrap().keys();
    templates.map(String::as_str).filter(|template| fits(template)).min_by_key(|template| template.matches('{').count())
}
