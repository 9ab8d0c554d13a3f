//! The token endpoint (RFC 6749), revocation (RFC 7009) and what clients discover (RFC 8414, RFC 7517).

use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, get, post, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::NaiveDate;
use diesel::prelude::*;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::services::{self, ServiceAccountRow};
use super::sessions::{self, Holder, Refresh, Session};
use super::tokens::{self, NewToken};
use super::{permissions, throttle};
use crate::app::State;
use crate::clock::Instant;
use crate::db::schema::{logins, people, schools};
use crate::db::types::{PersonId, SchoolId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body;
use crate::http::document::Fails;
use crate::http::edge::ClientAddress;
use crate::policy::deadline::{local_day, time_zone};
use crate::policy::roles::{Role, has_left};
use crate::problem::Problem;
use crate::words::words;

/// The largest form: the longest of each parameter, encoded, fit in.
const MAX_FORM: usize = 16 << 10;
/// Public clients: programs of people, which can keep no secret.
const PUBLIC_CLIENTS: [&str; 2] = ["swagger-ui", "weald"];

words! {
    /// How a token is asked for.
    pub enum GrantType { Password, RefreshToken, ClientCredentials }
}

/// A request to the token endpoint, as a form.
#[derive(Clone, Deserialize, Validate, ToSchema)]
#[schema(example = json!({ "grant_type": "password", "username": "headteacher@weald.example", "password": "correct horse battery staple", "client_id": "weald" }))]
pub struct TokenRequest {
    pub grant_type: GrantType,
    /// The person's e-mail address (grant `password`).
    #[schema(max_length = 254, nullable = false)]
    pub username: Option<String>,
    #[schema(max_length = 256, nullable = false, format = Password)]
    pub password: Option<String>,
    /// The refresh token that was given last (grant `refresh_token`).
    #[validate(length(max = 100))]
    #[schema(max_length = 100, nullable = false)]
    pub refresh_token: Option<String>,
    /// Space-separated permissions; all that the caller has if absent.
    #[validate(length(max = 4000))]
    #[schema(max_length = 4000, nullable = false)]
    pub scope: Option<String>,
    /// The client, unless it authenticates by HTTP Basic.
    #[validate(length(max = 100))]
    #[schema(max_length = 100, nullable = false)]
    pub client_id: Option<String>,
    #[validate(length(max = 256))]
    #[schema(max_length = 256, nullable = false, format = Password)]
    pub client_secret: Option<String>,
}

/// An access token, and a refresh token for people.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "access_token": "eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln", "token_type": "Bearer", "expires_in": 600, "scope": "school:read" }))]
pub struct TokenResponse {
    #[schema(max_length = 8000)]
    pub access_token: String,
    #[schema(max_length = 10)]
    pub token_type: &'static str,
    /// Seconds.
    #[schema(minimum = 1, maximum = 900)]
    pub expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub refresh_token: Option<String>,
    #[schema(max_length = 4000)]
    pub scope: String,
}

/// A token that is to end.
#[derive(Clone, Deserialize, Validate, ToSchema)]
#[schema(example = json!({ "token": "Q2Vl…", "client_id": "weald" }))]
pub struct RevocationRequest {
    #[validate(length(max = 8000))]
    #[schema(max_length = 8000)]
    pub token: String,
    #[validate(length(max = 100))]
    #[schema(max_length = 100, nullable = false)]
    pub token_type_hint: Option<String>,
    #[validate(length(max = 100))]
    #[schema(max_length = 100, nullable = false)]
    pub client_id: Option<String>,
    #[validate(length(max = 256))]
    #[schema(max_length = 256, nullable = false, format = Password)]
    pub client_secret: Option<String>,
}

/// Why there is no token (RFC 6749, section 5.2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "error": "invalid_grant", "error_description": "The user name or the password is wrong." }))]
pub struct TokenError {
    #[schema(max_length = 40)]
    pub error: &'static str,
    #[schema(max_length = 200)]
    pub error_description: &'static str,
}

/// An error of the token endpoint on its way out.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    #[error("invalid_request")]
    InvalidRequest(&'static str),
    #[error("invalid_client")]
    InvalidClient,
    #[error("invalid_grant")]
    InvalidGrant(&'static str),
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    #[error("invalid_scope")]
    InvalidScope,
    #[error("slow_down")]
    SlowDown(i64),
    #[error("{0}")]
    Problem(Problem),
}

impl From<Problem> for OAuthError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<crate::db::DbError> for OAuthError {
    fn from(error: crate::db::DbError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<diesel::result::Error> for OAuthError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl OAuthError {
    fn respond(self) -> Result<HttpResponse, Problem> {
        let (status, error, description, seconds) = match self {
            Self::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why, None),
            Self::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client", "The client is not known, or its secret is wrong.", None),
            Self::InvalidGrant(why) => (StatusCode::BAD_REQUEST, "invalid_grant", why, None),
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "Known here: password (where switched on), refresh_token, client_credentials.",
                None,
            ),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope", "A scope is not known, or not this caller's.", None),
            Self::SlowDown(seconds) => {
                (StatusCode::TOO_MANY_REQUESTS, "slow_down", "Too many failed attempts; wait before the next.", Some(seconds))
            }
            Self::Problem(problem) => return Err(problem),
        };
        let mut response = HttpResponse::build(status);
        response.insert_header(("Cache-Control", "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header(("WWW-Authenticate", r#"Basic realm="weald""#));
        }
        if let Some(seconds) = seconds {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        Ok(response.json(TokenError { error, error_description: description }))
    }
}

/// A form body, bounded like every other; errors are for [`OAuthError`].
pub struct Form<T>(Result<T, OAuthError>);

impl<T: serde::de::DeserializeOwned + Validate + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                return Ok(Self(Err(OAuthError::InvalidRequest("Send application/x-www-form-urlencoded."))));
            }
            let bytes = body::read(&request, payload, MAX_FORM).await?;
            // RFC 6749, 3.2: no parameter more than once; one that is sent without a value counts as left out.
            let pairs: Vec<(String, String)> = serde_html_form::from_bytes(&bytes).unwrap_or_default();
            let mut form = serde_json::Map::new();
            for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
                if value.contains('\0') {
                    return Ok(Self(Err(OAuthError::InvalidRequest("A parameter contains NUL."))));
                }
                if form.insert(name, value.into()).is_some() {
                    return Ok(Self(Err(OAuthError::InvalidRequest("A parameter stands twice."))));
                }
            }
            if form.get("grant_type").is_some_and(|kind| kind.as_str().is_some_and(|kind| kind.parse::<GrantType>().is_err())) {
                return Ok(Self(Err(OAuthError::UnsupportedGrantType)));
            }
            let parsed = serde_json::from_value(form.into()).map_err(|_| OAuthError::InvalidRequest("A required parameter is missing."));
            Ok(Self(parsed.and_then(|form: T| {
                form.validate().map_err(|_| OAuthError::InvalidRequest("A parameter is too long."))?;
                Ok(form)
            })))
        })
    }
}

/// The client's own id and secret, from HTTP Basic or from the form.
fn client(request: &HttpRequest, id: Option<String>, secret: Option<String>) -> Result<(String, Option<String>), OAuthError> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return id.map(|id| (id, secret)).ok_or(OAuthError::InvalidRequest("client_id is missing."));
    };
    let decoded = header.to_str().ok().and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let decoded = decoded.and_then(|(_, pair)| String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok());
    let decoded = decoded.filter(|pair| !pair.contains('\0'));
    let (id, secret) = decoded.as_deref().and_then(|pair| pair.split_once(':')).ok_or(OAuthError::InvalidClient)?;
    Ok((id.to_owned(), Some(secret.to_owned()).filter(|secret| !secret.is_empty())))
}

/// Get an access token.
///
/// For people: the `password` grant, where it is switched on, then `refresh_token`, which gives a new refresh
/// token each time; using one twice ends the session. For services: `client_credentials`. Errors follow RFC 6749,
/// section 5.2. Guessing is slowed down: 429 with `Retry-After`.
#[utoipa::path(
    tag = "access", operation_id = "issue_token", security(()),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "An access token.", body = TokenResponse),
        (status = 400, description = "The request or the grant is not valid.", body = TokenError),
        (status = 401, description = "The client is not known.", body = TokenError),
        (status = 429, description = "Too many attempts.", content((TokenError = "application/json"), (crate::http::document::ProblemBody = "application/problem+json"))),
        Fails<408, 413, 415>,
    )
)]
#[post("/oauth/token")]
pub async fn issue_token(
    request: HttpRequest,
    form: Form<TokenRequest>,
    address: web::ReqData<ClientAddress>,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    match token(&request, form, address.0, &state).await {
        Ok(token) => Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(token)),
        Err(error) => error.respond(),
    }
}

async fn token(request: &HttpRequest, form: Form<TokenRequest>, address: IpAddr, state: &State) -> Result<TokenResponse, OAuthError> {
    let form = form.0?;
    let (client_id, secret) = client(request, form.client_id, form.client_secret)?;
    let now = state.clock.now();
    if form.grant_type == GrantType::ClientCredentials {
        let wanted = form.scope;
        let (session, scopes) = state
            .db
            .write(Uuid::nil(), move |tx| {
                let account = service(tx, &client_id, secret.as_deref(), address, now)?;
                let scopes = narrowed(account.permissions(), wanted.as_deref())?;
                Ok::<_, OAuthError>((sessions::open(tx, account.school_id, Holder::Service(account.id), &client_id, wanted, now)?, scopes))
            })
            .await?;
        return respond(state, &session, &scopes, &[Role::MisIntegration], None);
    }
    if !PUBLIC_CLIENTS.contains(&client_id.as_str()) || secret.is_some() {
        return Err(OAuthError::InvalidClient);
    }
    // Refused before there is a session.
    narrowed(std::iter::empty(), form.scope.as_deref())?;
    let (session, roles, refresh_token) = match form.grant_type {
        GrantType::Password if !state.service.password_login => return Err(OAuthError::UnsupportedGrantType),
        GrantType::Password => {
            let (Some(username), Some(password)) = (form.username, form.password) else {
                return Err(OAuthError::InvalidRequest("username and password are needed."));
            };
            log_in(state, Login { username, password, client_id, scope: form.scope.clone() }, address).await?
        }
        _ => {
            let token = form.refresh_token.ok_or(OAuthError::InvalidRequest("refresh_token is missing."))?;
            refresh(state, token, client_id).await?
        }
    };
    let scopes = narrowed(permissions::scopes_of(&roles).into_iter(), session.scope.as_deref())?;
    let scopes = narrowed(scopes.iter().map(String::as_str), form.scope.as_deref())?;
    respond(state, &session, &scopes, &roles, Some(refresh_token))
}

fn respond(
    state: &State,
    session: &Session,
    scopes: &[String],
    roles: &[Role],
    refresh_token: Option<String>,
) -> Result<TokenResponse, OAuthError> {
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let grant = NewToken {
        subject: session.holder.uuid(),
        school: session.school.uuid(),
        session: session.id.uuid(),
        client_id: &session.client_id,
        scopes: &scopes,
        roles,
    };
    Ok(TokenResponse {
        access_token: state.tokens.issue(state.clock.now(), &grant).map_err(Problem::internal)?,
        token_type: "Bearer",
        expires_in: tokens::LIFE.num_seconds(),
        refresh_token,
        scope: scopes.join(" "),
    })
}

/// What is asked for out of what is held; all of it where nothing in particular is asked for.
fn narrowed<'a>(held: impl Iterator<Item = &'a str>, wanted: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let held: Vec<String> = held.filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    let Some(wanted) = wanted else { return Ok(held) };
    let wanted: Vec<String> = wanted.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    // Swagger UI asks for every scope that its user ticked: those that are not held are left out, not refused.
    if wanted.iter().any(|scope| permissions::row(scope).is_none()) {
        return Err(OAuthError::InvalidScope);
    }
    Ok(held.into_iter().filter(|scope| wanted.contains(scope)).collect())
}

/// The school, the person with their password's hash and the day from which they are away, and the school's zone.
type LoginRow = (SchoolId, PersonId, String, Option<NaiveDate>, String);

/// Who wants to log in, how and for what.
struct Login {
    username: String,
    password: String,
    client_id: String,
    scope: Option<String>,
}

type SignedIn = (Session, Vec<Role>, String);

async fn log_in(state: &State, login: Login, address: IpAddr) -> Result<SignedIn, OAuthError> {
    const WRONG: OAuthError = OAuthError::InvalidGrant("The user name or the password is wrong.");
    let now = state.clock.now();
    let Login { username, password, client_id, scope } = login;
    let username = username.trim().to_lowercase();
    let account = super::digest(&username);
    let from = super::digest(&format!("{:?}", crate::http::limits::Key::address(address)));
    let lock = lock_of(&account);

    // Counted before it is evaluated, so that guesses at the same time are counted too.
    let (counted, counted_from) = (account.clone(), from.clone());
    let found = state
        .db
        .write(lock, move |tx| {
            if let Err(wait) = throttle::admit(tx, now, &counted, &counted_from)? {
                return Err(OAuthError::SlowDown(wait.num_seconds() + 1));
            }
            let login: Option<LoginRow> = logins::table
                .inner_join(people::table.on(people::school_id.eq(logins::school_id).and(people::id.eq(logins::person_id))))
                .inner_join(schools::table.on(schools::id.eq(logins::school_id)))
                .filter(logins::username.eq(&username))
                .select((logins::school_id, logins::person_id, logins::password_hash, people::left_on.nullable(), schools::time_zone))
                .first(tx)
                .optional()?;
            Ok(login)
        })
        .await?;
    let hash = found.as_ref().map(|(_, _, hash, ..)| hash.clone());
    let right = state.passwords.verify(password, hash).await?;
    let Some((school, person, verified, left_on, tz)) = found.filter(|_| right) else { return Err(WRONG) };
    if has_left(left_on, local_day(*now, time_zone(&tz))) {
        return Err(WRONG);
    }
    state
        .db
        .write(school.uuid(), move |tx| {
            // A password that was changed meanwhile opens no session after those that the change ended.
            let current: Option<String> = logins::table.find((school, person)).select(logins::password_hash).first(tx).optional()?;
            if current != Some(verified) {
                return Err(WRONG);
            }
            throttle::succeeded(tx, now, &account, &from)?;
            let roles = sessions::roles_of(tx, school, person)?;
            let session = sessions::open(tx, school, Holder::Person(person), &client_id, scope, now)?;
            let token = sessions::new_refresh_token(tx, &session, now + sessions::LIFE)?;
            Ok((session, roles, token))
        })
        .await
}

/// Attempts on one account are counted one after another.
fn lock_of(account: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (slot, byte) in bytes.iter_mut().zip(account.bytes()) {
        *slot = byte;
    }
    Uuid::from_bytes(bytes)
}

async fn refresh(state: &State, token: String, client_id: String) -> Result<SignedIn, OAuthError> {
    const DEAD: OAuthError = OAuthError::InvalidGrant("The refresh token is not in force.");
    let now = state.clock.now();
    let looked_up = token.clone();
    let school = state.db.read(move |conn| Ok::<_, OAuthError>(sessions::of_refresh_token(conn, &looked_up)?)).await?;
    let Some((school, ..)) = school else { return Err(DEAD) };
    state
        .db
        .write(school.uuid(), move |tx| {
            Ok::<_, OAuthError>(match sessions::spend(tx, &token, &client_id, now)? {
                Refresh::Unknown => None,
                Refresh::Reused(session) => {
                    // Its end must be kept although the answer is a refusal: so no Err in here.
                    let actor = Actor { school, person: None, role: "system".into(), client_id, at: now };
                    events::record(tx, actor, Event::new(EventType::SessionReuseDetected, session.holder.uuid()))?;
                    None
                }
                Refresh::Good(session, until) => {
                    let roles = sessions::roles_of(tx, school, PersonId::from(session.holder.uuid()))?;
                    let next = sessions::new_refresh_token(tx, &session, until)?;
                    Some((session, roles, next))
                }
            })
        })
        .await?
        .ok_or(DEAD)
}

fn service(
    tx: &mut crate::db::Conn,
    client_id: &str,
    secret: Option<&str>,
    from: IpAddr,
    now: Instant,
) -> Result<ServiceAccountRow, OAuthError> {
    services::authenticate(tx, client_id, secret.unwrap_or_default(), from, now)?.ok_or(OAuthError::InvalidClient)
}

/// Revoke a token.
///
/// Ends the whole session that an access or refresh token belongs to. Answers 200 for an unknown token too
/// (RFC 7009, section 2.2).
#[utoipa::path(
    tag = "access", operation_id = "revoke_token", security(()),
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token is not in force any more."),
        (status = 400, description = "The request is not valid.", body = TokenError),
        (status = 401, description = "The client is not known.", body = TokenError),
        Fails<408, 413, 415, 429>,
    )
)]
#[post("/oauth/revoke")]
pub async fn revoke_token(
    request: HttpRequest,
    form: Form<RevocationRequest>,
    address: web::ReqData<ClientAddress>,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    match revoke(&request, form, address.0, &state).await {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        Err(error) => error.respond(),
    }
}

async fn revoke(request: &HttpRequest, form: Form<RevocationRequest>, address: IpAddr, state: &State) -> Result<(), OAuthError> {
    let form = form.0?;
    let (client_id, secret) = client(request, form.client_id, form.client_secret)?;
    let now = state.clock.now();
    let of_access_token =
        state.tokens.verify(&form.token, now).map(|claims| (claims.school.into(), claims.sid.into(), claims.client_id.clone()));
    let token = form.token;
    state
        .db
        .write(Uuid::nil(), move |tx| {
            if !PUBLIC_CLIENTS.contains(&client_id.as_str()) {
                service(tx, &client_id, secret.as_deref(), address, now)?;
            }
            let found = match of_access_token {
                Some(found) => Some(found),
                None => sessions::of_refresh_token(tx, &token)?,
            };
            // RFC 7009, 2.1: nobody revokes what another client was given.
            if let Some((school, session, client)) = found
                && client == client_id
            {
                sessions::revoke(tx, school, session, now)?;
            }
            Ok(())
        })
        .await
}

/// The public keys that verify access tokens (RFC 7517).
#[utoipa::path(tag = "access", operation_id = "list_keys", security(()), responses((status = 200, description = "A JWK Set.", body = serde_json::Value,
    example = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "a1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] })), Fails<429>))]
#[get("/.well-known/jwks.json")]
pub async fn list_keys(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(state.tokens.jwks())
}

/// Whose tokens open this API (RFC 9728): weald's own, and those of the issuers that are configured.
#[utoipa::path(tag = "access", operation_id = "find_protected_resource", security(()), responses((status = 200, description = "Protected resource metadata.", body = serde_json::Value,
    example = json!({ "resource": "https://weald.example", "authorization_servers": ["https://weald.example", "https://accounts.google.com"], "bearer_methods_supported": ["header"] })), Fails<429>))]
#[get("/.well-known/oauth-protected-resource")]
pub async fn find_protected_resource(state: web::Data<State>) -> HttpResponse {
    let own = state.tokens.issuer();
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(json!({
        "resource": own,
        "authorization_servers": std::iter::once(own).chain(state.issuers.addresses()).collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
        "scopes_supported": permissions::ALL.iter().map(|row| row.scope).collect::<Vec<_>>(),
    }))
}

/// Where the endpoints are and what they can do (RFC 8414).
#[utoipa::path(tag = "access", operation_id = "find_authorization_server", security(()), responses((status = 200, description = "Authorization server metadata.", body = serde_json::Value,
    example = json!({ "issuer": "https://weald.example", "token_endpoint": "https://weald.example/oauth/token", "jwks_uri": "https://weald.example/.well-known/jwks.json" })), Fails<429>))]
#[get("/.well-known/oauth-authorization-server")]
pub async fn find_authorization_server(state: web::Data<State>) -> HttpResponse {
    let issuer = state.tokens.issuer();
    let mut grants = vec!["client_credentials", "refresh_token"];
    if state.service.password_login {
        grants.push("password");
    }
    HttpResponse::Ok().insert_header(("Cache-Control", "public, max-age=300")).json(json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/oauth/token"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "grant_types_supported": grants,
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "scopes_supported": permissions::ALL.iter().map(|row| row.scope).collect::<Vec<_>>(),
    }))
}
