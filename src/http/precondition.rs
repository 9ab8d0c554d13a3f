//! `If-Match` and `If-None-Match` (RFC 9110, section 13): a row's version is its strong `ETag`. And the
//! `Idempotency-Key`, where it is required.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};

use crate::problem::{Code, Problem};

/// The versions that the caller has read: required on changes and decisions.
#[derive(Clone, Debug)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// # Errors
    /// 412 where the version is not one of those that were read.
    pub fn check(&self, version: i64) -> Result<(), Problem> {
        let current = version.to_string();
        let names = |tag: &String| tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')?.split('.').next()) == Some(&current);
        if self.0.iter().any(names) { Ok(()) } else { Err(Problem::new(Code::VersionConflict)) }
    }
}

impl actix_web::FromRequest for IfMatch {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tags = tags(request.headers(), &header::IF_MATCH);
        // "*" would bind the decision to no version at all.
        std::future::ready(if tags.is_empty() || tags.iter().any(|tag| tag == "*") {
            Err(Problem::new(Code::PreconditionRequired))
        } else {
            Ok(Self(tags))
        })
    }
}

/// The strong entity tag of a version, and of what the time alone has made of it.
pub fn etag(version: i64, variant: Option<&str>) -> String {
    variant.map_or_else(|| format!("\"{version}\""), |variant| format!("\"{version}.{variant}\""))
}

/// That the caller gave an `Idempotency-Key`: required on batches, which nobody wants to happen twice.
#[derive(Clone, Copy, Debug)]
pub struct KeyRequired;

impl actix_web::FromRequest for KeyRequired {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(if request.headers().contains_key("idempotency-key") {
            Ok(Self)
        } else {
            Err(Problem::new(Code::MalformedHeader).detail("Idempotency-Key is required here."))
        })
    }
}

/// What became of storing a row under the version after the one that was read.
///
/// # Errors
/// 412 where no row had that version: it has been changed meanwhile.
pub fn saved(rows: usize) -> Result<(), Problem> {
    if rows == 1 { Ok(()) } else { Err(Problem::new(Code::VersionConflict)) }
}

/// Whether the caller has this version already.
pub fn not_modified(headers: &HeaderMap, current: &str) -> bool {
    tags(headers, &header::IF_NONE_MATCH).iter().any(|tag| tag == "*" || tag.trim_start_matches("W/") == current)
}

fn tags(headers: &HeaderMap, name: &header::HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}
