//! What happens to every request on its way in and to every answer on its way out.

use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use futures_util::FutureExt;
use uuid::Uuid;

use super::limits::Key;
use crate::access::caller::{self, Bearer, RequestContext, Token};
use crate::app::State;
use crate::clock::Instant;
use crate::idempotency::MAX_KEY;
use crate::metrics;
use crate::problem::{Code, Problem};

/// The address of a client, as far as a proxy is believed about it.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

/// Request id, limits, identity, problems, security headers, log and metrics: one place for all operations.
///
/// # Errors
/// Only where a handler panicked; then with the whole answer inside.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = std::time::Instant::now();
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Ok(request.into_response(HttpResponse::InternalServerError().finish()));
    };
    let id = request_id(request.headers());
    let path = request.path().to_owned();
    let method = request.method().clone();
    // GET answers HEAD too; the server leaves the body out by itself.
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let trace = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    // Several lines of the header are one list (RFC 9110, section 5.3).
    let forwarded: Vec<&str> = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
    let address = state.service.client_address(peer, Some(&forwarded.join(",")));

    let (mut response, rate) = match admit(&state, &request, address).await {
        Ok((context, rate)) => {
            request.extensions_mut().insert(context);
            request.extensions_mut().insert(ClientAddress(address));
            let answered = AssertUnwindSafe(async {
                match state.document.check(request.match_info().as_str(), request.method()) {
                    Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
                    Err(problem) => Ok(request.into_response(problem.response(&path, &id))),
                }
            });
            match answered.catch_unwind().await {
                Ok(Ok(response)) => (as_problem(response, &path, &id), rate),
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    tracing::error!(request_id = %id, method = %method, path, "a handler panicked");
                    let mut response = Problem::new(Code::Internal).response(&path, &id);
                    secure(response.headers_mut(), &path, &id);
                    return Err(InternalError::from_response("panic", response).into());
                }
            }
        }
        Err(problem) => (request.into_response(problem.response(&path, &id)), None),
    };

    // Nobody reads a stream that answers HEAD, and so it would never end.
    if method == Method::HEAD && response.response().body().size() == BodySize::Stream {
        response = response.map_body(|_, _| BoxBody::new(body::None::new()));
    }
    if response.headers().get(header::CONTENT_ENCODING) == Some(&IDENTITY) {
        response.headers_mut().remove(header::CONTENT_ENCODING);
    }
    if let Some((left, policy)) = rate {
        insert(response.headers_mut(), "ratelimit", &left);
        insert(response.headers_mut(), "ratelimit-policy", &policy);
    }
    secure(response.headers_mut(), &path, &id);
    let route = response.request().match_pattern();
    let route = metrics::label(route.as_deref());
    let status = response.status().as_u16();
    let took = started.elapsed();
    state.metrics.observe(&method, route, status, took);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status >= 500 {
        tracing::error!(request_id = %id, traceparent = trace, method = %method, route, status, micros, "answered");
    } else {
        tracing::info!(request_id = %id, traceparent = trace, method = %method, route, status, micros, "answered");
    }
    Ok(response)
}

/// Under the compression: marks what is not to be compressed. What has a strong entity tag would need another one
/// (RFC 9110, 8.8.3); a stream would be held back; what is answered to a change can hold a secret; and what is small gains
/// nothing.
///
/// # Errors
/// As `next`.
pub async fn uncompressed(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let reads = request.method() == Method::GET;
    let mut response = next.call(request).await?;
    let small = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(..=1000));
    let headers = response.headers_mut();
    let streams = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if !reads || small || streams || headers.contains_key(header::ETAG) && !headers.contains_key(header::CONTENT_ENCODING) {
        headers.insert(header::CONTENT_ENCODING, IDENTITY);
    }
    Ok(response)
}

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Around CORS, which answers preflights by itself: an origin that is not configured is none, and what CORS refuses
/// or accepts looks like any other answer.
///
/// # Errors
/// As `next`.
pub async fn outermost(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let (path, id) = (request.path().to_owned(), request_id(request.headers()));
    let known = request.app_data::<web::Data<State>>().is_some_and(|state| {
        let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        origin.is_some_and(|origin| state.service.cors_origins.iter().any(|known| known == origin))
    });
    if !known {
        for name in [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD] {
            request.headers_mut().remove(name);
        }
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    if !response.headers().contains_key("x-request-id") {
        response = as_problem(response, &path, &id);
        secure(response.headers_mut(), &path, &id);
    }
    Ok(response)
}

type Rate = Option<(String, String)>;

async fn admit(state: &State, request: &ServiceRequest, address: IpAddr) -> Result<(RequestContext, Rate), Problem> {
    let now = state.clock.now();
    let token = verified(state, request, now).await;
    // Decoded, as the router sees it.
    let path = request.match_info().as_str();
    let rate = if path == "/health/live" {
        None
    } else if path.starts_with("/oauth/") || path == "/v1/invitations/accept" {
        Some(state.limits.login.count(Key::address(address))?)
    } else if path.starts_with("/v1/schools/") && path.contains("/reports") {
        Some(state.limits.reports.count(Key::address(address))?)
    } else {
        let key = token.as_ref().map_or_else(|_| Key::address(address), |token| Key::Caller(token.subject()));
        Some(state.limits.general.count(key)?)
    };
    let idempotency_key = idempotency_key(request);
    let bearer = token.map(|token| Bearer { token, from: address });
    let identity = match &bearer {
        Ok(bearer) => caller::identify(&state.db, bearer, now).await,
        Err(problem) => Err(problem.clone()),
    };
    Ok((RequestContext::new(state.db.clone(), now, identity, bearer.ok(), idempotency_key), rate))
}

/// What the bearer's token says, if it is one of ours or of an issuer that is configured.
async fn verified(state: &State, request: &ServiceRequest, now: Instant) -> Result<Token, Problem> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    let Some((_, token)) = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Err(Problem::new(Code::Unauthenticated));
    };
    match state.tokens.verify(token.trim(), now) {
        Some(claims) => Ok(Token::Ours(claims)),
        None => state.issuers.verify(token.trim(), now).await.map(Token::Vouched),
    }
}

fn idempotency_key(request: &ServiceRequest) -> Result<Option<(String, String)>, Problem> {
    let Some(value) = request.headers().get("idempotency-key").filter(|_| request.method() == Method::POST) else { return Ok(None) };
    match value.to_str().map(str::trim) {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some((request.uri().to_string(), key.to_owned()))),
        _ => Err(Problem::new(Code::MalformedHeader).detail("Idempotency-Key has 1 to 255 visible ASCII characters.")),
    }
}

/// Renders every refusal the same way, wherever in the stack it arose.
fn as_problem(response: ServiceResponse<BoxBody>, path: &str, id: &str) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let has_a_body = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    if response.response().error().is_none() && (has_a_body || !(status.is_client_error() || status.is_server_error())) {
        return response;
    }
    let problem = match response.response().error().and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => problem.clone(),
        None => Problem::new(match status {
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            status if status.is_client_error() => Code::MalformedRequest,
            _ => Code::Internal,
        }),
    };
    if let Some(cause) = problem.cause() {
        tracing::error!(request_id = %id, code = problem.code().name(), cause, "refused");
    }
    response.into_response(problem.response(path, id))
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let fits = |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    given.filter(fits).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The Content-Security-Policy of Swagger UI: its own files, its one inline style, and nothing from elsewhere.
const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
    style-src 'self' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn secure(headers: &mut HeaderMap, path: &str, id: &str) {
    insert(headers, "x-request-id", id);
    insert(headers, "x-content-type-options", "nosniff");
    insert(headers, "referrer-policy", "no-referrer");
    insert(headers, "cross-origin-resource-policy", "same-origin");
    insert(headers, "strict-transport-security", "max-age=31536000");
    let docs = path.starts_with("/docs");
    insert(headers, "content-security-policy", if docs { DOCS_CSP } else { "default-src 'none'; frame-ancestors 'none'" });
    if !headers.contains_key(header::CACHE_CONTROL) {
        insert(headers, "cache-control", if docs { "no-cache" } else { "no-store" });
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
