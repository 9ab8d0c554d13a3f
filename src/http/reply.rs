//! Answers out: named success types that fix the status. An answer is bytes from the moment it is made,
//! so that it can be stored with its effect and given again.

use std::marker::PhantomData;

use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_TYPE, ETAG, LINK, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use zeroize::Zeroizing;

use super::precondition::{etag, not_modified};
use crate::page::Page;
use crate::problem::Problem;

/// A thing with an address and a version.
pub trait Resource: Serialize {
    /// The path, `/v1/…`.
    fn location(&self) -> String;
    fn version(&self) -> i64;
    /// What the answer says beyond the version, where it changes with the time alone.
    fn variant(&self) -> Option<&str> {
        None
    }
}

/// The bytes of an answer.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// Wiped when it has gone out: it can hold a secret.
    pub body: Option<Zeroizing<String>>,
    /// Holds a secret that is shown once: never stored, never given again.
    pub secret: bool,
    /// Given again out of the store.
    pub replayed: bool,
}

/// Without the body, which can hold a secret.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("headers", &self.headers).finish_non_exhaustive()
    }
}

impl Answer {
    fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        Ok(Self { status: status.as_u16(), body: Some(Zeroizing::new(body)), ..Self::default() })
    }

    fn header(mut self, name: impl ToString, value: impl Into<String>) -> Self {
        self.headers.push((name.to_string(), value.into()));
        self
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let current = self.headers.iter().find(|(name, _)| name == ETAG.as_str()).map(|(_, tag)| tag.as_str());
        let unchanged = request.method() == Method::GET && current.is_some_and(|tag| not_modified(request.headers(), tag));
        let status = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::from_u16(self.status).unwrap_or_default() };
        let mut response = HttpResponse::build(status);
        for (name, value) in &self.headers {
            response.insert_header((name.as_str(), value.as_str()));
        }
        if self.replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        match self.body {
            Some(body) if !unchanged => response.insert_header((CONTENT_TYPE, "application/json")).body(Bytes::from_owner(body)),
            _ => response.finish(),
        }
    }
}

/// What a write answers: can be kept as bytes and made again from them.
pub trait Reply: From<Answer> + Send + 'static {
    fn answer(&self) -> &Answer;
}

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident<T>;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<T>(Answer, PhantomData<fn() -> T>);

        impl<T> From<Answer> for $name<T> {
            fn from(answer: Answer) -> Self {
                Self(answer, PhantomData)
            }
        }
        impl<T: 'static> Reply for $name<T> {
            fn answer(&self) -> &Answer {
                &self.0
            }
        }
        impl<T> Responder for $name<T> {
            type Body = BoxBody;
            fn respond_to(self, request: &HttpRequest) -> HttpResponse {
                self.0.respond_to(request)
            }
        }
    )*};
}

replies! {
    /// 201 with `Location` and `ETag`.
    Created<T>;
    /// 200 with `ETag`.
    Versioned<T>;
    /// 200.
    Plain<T>;
    /// 204.
    Gone<T>;
    /// 207: a result for each item of a batch.
    Multi<T>;
}

impl<T: Resource> Created<T> {
    /// # Errors
    /// Where the view cannot be written as JSON.
    pub fn new(view: &T) -> Result<Self, Problem> {
        Ok(Answer::new(StatusCode::CREATED, view)?
            .header(LOCATION, view.location())
            .header(ETAG, etag(view.version(), view.variant()))
            .into())
    }

    /// The same, for a view that holds a secret which is shown once.
    ///
    /// # Errors
    /// Where the view cannot be written as JSON.
    pub fn secret(view: &T) -> Result<Self, Problem> {
        let mut created = Self::new(view)?;
        created.0.secret = true;
        Ok(created)
    }

    /// It was there already: 200, the same body and headers.
    #[must_use]
    pub fn already_there(mut self) -> Self {
        self.0.status = StatusCode::OK.as_u16();
        self
    }
}

impl<T: Resource> Versioned<T> {
    /// # Errors
    /// Where the view cannot be written as JSON.
    pub fn new(view: &T) -> Result<Self, Problem> {
        Ok(Answer::new(StatusCode::OK, view)?.header(ETAG, etag(view.version(), view.variant())).into())
    }
}

impl<T: Resource> Versioned<T> {
    /// The same, for a view that holds a secret which is shown once.
    ///
    /// # Errors
    /// Where the view cannot be written as JSON.
    pub fn secret(view: &T) -> Result<Self, Problem> {
        let mut versioned = Self::new(view)?;
        versioned.0.secret = true;
        Ok(versioned)
    }
}

impl<T> Versioned<T> {
    /// The decision has done away with it: 204.
    pub fn gone() -> Self {
        Gone::new().0.into()
    }
}

impl<T: Serialize> Plain<T> {
    /// # Errors
    /// Where the view cannot be written as JSON.
    pub fn new(view: &T) -> Result<Self, Problem> {
        Ok(Answer::new(StatusCode::OK, view)?.into())
    }

    /// A secret that is shown once, as JSON of the shape `T`.
    pub fn secret(json: Zeroizing<String>) -> Self {
        Answer { status: StatusCode::OK.as_u16(), body: Some(json), secret: true, ..Answer::default() }.into()
    }
}

impl<T: Serialize> Plain<Page<T>> {
    /// A page, with a `Link` to the next one (RFC 8288): the same address and query with its cursor.
    ///
    /// # Errors
    /// Where the page cannot be written as JSON.
    pub fn page(page: &Page<T>, path: &str, filters: &impl Serialize, limit: Option<u16>) -> Result<Self, Problem> {
        let answer = Answer::new(StatusCode::OK, page)?;
        let Some(cursor) = &page.next_cursor else { return Ok(answer.into()) };
        let filters = serde_html_form::to_string(filters).map_err(Problem::internal)?;
        let limit = limit.map(|limit| format!("limit={limit}")).unwrap_or_default();
        let query: Vec<&str> = [filters.as_str(), &limit].into_iter().filter(|part| !part.is_empty()).collect();
        let query = [&query[..], &[&format!("cursor={cursor}")]].concat().join("&");
        Ok(answer.header(LINK, format!("<{path}?{query}>; rel=\"next\"")).into())
    }
}

impl<T: Serialize> Multi<T> {
    /// # Errors
    /// Where the results cannot be written as JSON.
    pub fn new(results: &T) -> Result<Self, Problem> {
        Ok(Answer::new(StatusCode::MULTI_STATUS, results)?.into())
    }
}

impl Gone<()> {
    pub fn new() -> Self {
        Answer { status: 204, ..Answer::default() }.into()
    }
}

impl Default for Gone<()> {
    fn default() -> Self {
        Self::new()
    }
}
