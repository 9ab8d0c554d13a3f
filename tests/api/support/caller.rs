//! Callers as objects: `school.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200)`.

use std::fmt::Display;
use std::future::{Future, IntoFuture};
use std::ops::Index;
use std::pin::Pin;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use weald::access::sessions::Holder;
use weald::db::types::{PersonId, ServiceAccountId};

use super::{School, contract};

/// The path of a thing, or of an action on it.
fn thing(collection: &str, id: impl Display, action: &str) -> String {
    let thing = format!("/v1/{collection}/{id}");
    if action.is_empty() { thing } else { format!("{thing}/{action}") }
}

/// Somebody who calls.
#[derive(Clone)]
pub struct Caller<'s> {
    school: &'s School,
    who: Who,
}

#[derive(Clone)]
pub enum Who {
    Person(PersonId),
    Service(ServiceAccountId),
    Bearer(String),
    Anybody,
}

impl<'s> Caller<'s> {
    pub fn new(school: &'s School, who: Who) -> Self {
        Self { school, who }
    }

    /// The person's id.
    pub fn id(&self) -> PersonId {
        let Who::Person(id) = self.who else { panic!("this caller is no person") };
        id
    }

    /// The path of the person, or of an action on them.
    pub fn url(&self, action: &str) -> String {
        thing("people", self.id(), action)
    }

    /// The name by which the service authenticates.
    pub fn client_id(&self) -> String {
        let Who::Service(id) = self.who else { panic!("this caller is no service") };
        id.to_string()
    }

    /// A token as this caller would get it now; `get`, `post` … bring one of their own.
    pub async fn token(&self) -> String {
        let holder = match &self.who {
            Who::Person(id) => Holder::Person(*id),
            Who::Service(id) => Holder::Service(*id),
            Who::Bearer(token) => return token.clone(),
            Who::Anybody => panic!("this caller has no token"),
        };
        self.school.server.token(self.school.id, holder).await
    }

    pub fn get(&self, url: impl Display) -> Request<'s> {
        self.send(Method::GET, url)
    }

    pub fn post(&self, url: impl Display, body: impl Serialize) -> Request<'s> {
        self.send(Method::POST, url).json(body)
    }

    pub fn put(&self, url: impl Display, body: impl Serialize) -> Request<'s> {
        self.send(Method::PUT, url).json(body)
    }

    pub fn delete(&self, url: impl Display) -> Request<'s> {
        self.send(Method::DELETE, url)
    }

    pub fn patch(&self, url: impl Display, body: impl Serialize) -> Request<'s> {
        self.send(Method::PATCH, url).json(body)
    }

    /// A form, as the token endpoint takes it.
    pub fn post_form(&self, url: impl Display, pairs: &[(&str, &str)]) -> Request<'s> {
        self.send(Method::POST, url).body("application/x-www-form-urlencoded", serde_html_form::to_string(pairs).unwrap())
    }

    /// A request without a body.
    pub fn send(&self, method: Method, url: impl Display) -> Request<'s> {
        Request { caller: self.clone(), method, url: url.to_string(), headers: HeaderMap::new(), body: None }
    }
}

/// A request that goes out when it is awaited.
#[derive(Clone)]
pub struct Request<'s> {
    caller: Caller<'s>,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_str(&value.to_string()).unwrap());
        self
    }

    /// The version that was read.
    pub fn if_match(self, etag: impl Display) -> Self {
        self.header("if-match", etag)
    }

    pub fn idempotency_key(self, key: impl Display) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
        self.body = Some(bytes.into());
        self
    }

    fn json(self, body: impl Serialize) -> Self {
        self.body("application/json", serde_json::to_vec(&body).unwrap())
    }
}

impl<'s> IntoFuture for Request<'s> {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let server = &self.caller.school.server;
            let url = format!("{}{}", server.url, self.url);
            let mut request = server.client.request(self.method.clone(), url).headers(self.headers);
            if !matches!(self.caller.who, Who::Anybody) {
                request = request.bearer_auth(self.caller.token().await);
            }
            if let Some(body) = self.body {
                request = request.body(body);
            }
            let mut response = request.send().await.unwrap_or_else(|error| panic!("{} {}: {error:?}", self.method, self.url));
            let (status, headers) = (response.status(), response.headers().clone());
            let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") && self.method != Method::HEAD;
            // Of a stream without an end, what it begins with.
            let bytes = if endless { response.chunk().await.map(Option::unwrap_or_default) } else { response.bytes().await };
            let bytes = bytes.unwrap_or_else(|error| panic!("{} {}: {error:?}", self.method, self.url));
            let reply = Reply {
                json: serde_json::from_slice(&bytes).unwrap_or_default(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
                method: self.method,
                url: self.url,
                status,
                headers,
            };
            contract::check(&reply);
            reply
        })
    }
}

/// A stream of events that is being read.
pub struct EventStream {
    response: reqwest::Response,
    unread: String,
}

impl Request<'_> {
    /// The answer as it came, not held against the document.
    pub async fn raw(self) -> reqwest::Response {
        let server = &self.caller.school.server;
        let mut request = server.client.request(self.method, format!("{}{}", server.url, self.url)).headers(self.headers);
        if !matches!(self.caller.who, Who::Anybody) {
            request = request.bearer_auth(self.caller.token().await);
        }
        request.send().await.unwrap()
    }

    /// Reads the answer as a stream of events.
    pub async fn stream(self) -> EventStream {
        let response = self.raw().await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &HeaderValue::from_static("text/event-stream"))
        );
        EventStream::from(response)
    }
}

impl From<reqwest::Response> for EventStream {
    fn from(response: reqwest::Response) -> Self {
        Self { response, unread: String::new() }
    }
}

impl EventStream {
    /// The first id that comes, be there an event with it or none.
    pub async fn first_id(mut self) -> String {
        loop {
            if let Some(id) = self.unread.split_once("id: ").and_then(|(_, rest)| rest.split_once("\n\n")) {
                return id.0.to_owned();
            }
            let chunk = self.response.chunk().await.unwrap().expect("an id");
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event with its id; `None` when the stream ends, or breaks.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = line("id: ").zip(line("data: "));
                let read = self.unread.len() - rest.len();
                self.unread.drain(..read);
                if let Some((id, data)) = found {
                    return Some((id, serde_json::from_str(&data).unwrap()));
                }
            }
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(40), self.response.chunk()).await.expect("a sign of life");
            self.unread.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }
}

/// What came back, found to be what the document declares.
#[derive(Clone)]
pub struct Reply {
    pub method: Method,
    url: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    json: Value,
}

impl Reply {
    /// The status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self}");
        self
    }

    pub fn json(&self) -> &Value {
        &self.json
    }

    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The version, for `if_match`.
    #[track_caller]
    pub fn etag(&self) -> &str {
        assert!(self.headers.contains_key("etag"), "no ETag: {self}");
        self.header("etag")
    }

    /// The path of what came back, or of an action on it.
    pub fn url(&self, action: &str) -> String {
        if let Some(created) = self.headers.get("location") {
            let created = created.to_str().unwrap();
            return if action.is_empty() { created.to_owned() } else { format!("{created}/{action}") };
        }
        let (collection, id) = (self.path().split('/').nth(2).unwrap_or_default(), self.json["id"].as_str().expect("an id"));
        thing(collection, id, action)
    }

    /// What a page lists.
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self.json["items"].as_array().unwrap_or_else(|| panic!("no page: {self}"))
    }

    /// Of what a page lists, one member each.
    #[track_caller]
    pub fn each(&self, member: &str) -> Vec<&Value> {
        self.items().iter().map(|item| &item[member]).collect()
    }

    /// The path that was asked for.
    pub fn path(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// The refusal is this one.
    #[track_caller]
    pub fn problem(self, code: &str) -> Self {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self}");
        assert_eq!(self["code"], code, "{self}");
        self
    }

    /// The refusal names these clauses, in alphabetical order, and no others.
    #[track_caller]
    pub fn violates(self, clauses: &[&str]) -> Self {
        let mut named: Vec<&str> =
            self.json["violations"].as_array().into_iter().flatten().filter_map(|one| one["clause"].as_str()).collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, clauses, "{self}");
        self
    }

    /// The refusal finds exactly this wrong with these fields.
    #[track_caller]
    pub fn points_at(self, errors: &[(&str, &str)]) -> Self {
        let found: Vec<_> = self.json["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| (one["pointer"].as_str().unwrap(), one["code"].as_str().unwrap()))
            .collect();
        assert_eq!(found, errors, "{self}");
        self
    }
}

impl Index<&str> for Reply {
    type Output = Value;
    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

impl Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} answered {}: {}", self.method, self.url, self.status, self.text)
    }
}
