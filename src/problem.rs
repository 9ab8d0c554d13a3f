//! Every way to say no: one code per row, answered as RFC 9457 `application/problem+json`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::ToSchema;

use crate::db::DbError;
use crate::db::types::PersonId;
use crate::http::text::Line;
use crate::policy::deadline::PastCalendarHorizon;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::vault::VaultError;

macro_rules! codes {
    ($($name:ident = $status:literal $title:literal;)*) => {
        /// The stable code of a problem; `/problems/{code}` explains it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumIter, strum::IntoStaticStr, strum::EnumString)]
        #[strum(serialize_all = "snake_case")]
        pub enum Code { $(#[doc = $title] $name),* }

        impl Code {
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    MalformedBody = 400 "The body is not JSON of the documented shape";
    MalformedQuery = 400 "A query parameter is unknown or not acceptable";
    MalformedHeader = 400 "A header is not of the documented form";
    MalformedRequest = 400 "The request is not well-formed HTTP";
    InvalidCursor = 400 "The cursor does not belong to this list and these filters";
    Unauthenticated = 401 "A valid access token is needed";
    Forbidden = 403 "This caller may not do this";
    ConflictOfInterest = 403 "Somebody else has to decide this";
    NotFound = 404 "There is no such thing for this caller";
    MethodNotAllowed = 405 "This address does not answer that method";
    RequestTimeout = 408 "The request took too long to arrive";
    StateConflict = 409 "The state of the thing forbids it";
    AlreadyExists = 409 "There is one already";
    InUse = 409 "Records depend on it";
    MassLeaving = 409 "More people would leave at once than is usual; confirm the number";
    ImportInProgress = 409 "Another import is not finished yet";
    PolicyGate = 409 "The policy asks for something else first";
    AnswerShownOnce = 409 "The answer to this request held a secret and is shown once";
    SecretDamaged = 409 "The stored secret was altered and does not open";
    CursorExpired = 410 "The cursor does not lie in the log; read it anew from its beginning";
    VersionConflict = 412 "It has changed since it was read";
    BodyTooLarge = 413 "The body is too large";
    UnsupportedMediaType = 415 "The body's type or encoding is not supported";
    ValidationFailed = 422 "The request is well-formed but not acceptable";
    PolicyRefused = 422 "The policy does not allow it";
    CalendarHorizon = 422 "The bank holidays for that time are not on file";
    IdempotencyKeyReused = 422 "The idempotency key was used for another request";
    PreconditionRequired = 428 "If-Match with the version that was read is needed";
    RateLimited = 429 "Too many requests";
    Internal = 500 "Something went wrong on our side";
    Busy = 503 "The service is busy; try again";
    IssuerUnavailable = 503 "The issuer of the token is out of reach, and its keys are needed to check it";
    VaultSealed = 503 "The vault is sealed: its master key is not at hand";
    StorageFull = 507 "There is no room to store it";
}

impl Code {
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Every code there is, in the order of their statuses.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }
}

const MAX_POINTER: usize = 300;
const MAX_DETAIL: usize = 500;
const MAX_INSTANCE: usize = 8000;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer into the body, or the name of the query parameter.
    #[schema(max_length = 300)]
    pub pointer: String,
    #[schema(max_length = 60)]
    pub code: String,
    #[schema(max_length = 500)]
    pub detail: String,
}

/// One clause of the policy that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClauseViolation {
    #[schema(max_length = 20)]
    pub clause: &'static str,
    #[schema(max_length = 200)]
    pub title: &'static str,
    #[schema(max_length = 500)]
    pub detail: String,
    /// What would satisfy the clause.
    #[schema(max_length = 500)]
    pub cure: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 300, nullable = false)]
    pub pointer: Option<&'static str>,
    /// The person whom it is about, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
}

/// A refusal on its way to the client. `instance` and `request_id` are added where the answer leaves.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    violations: Vec<ClauseViolation>,
    allowed_actions: Option<Vec<&'static str>>,
    allow: Option<String>,
    retry_after: Option<u64>,
    /// A token was shown, and not accepted.
    token_refused: bool,
    /// For the log alone.
    cause: Option<String>,
}

/// A refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/not_found", "title": "There is no such thing for this caller", "status": 404,
    "instance": "/v1/comments/0198a4b2-6f00-7000-8000-000000000000", "code": "not_found", "request_id": "0198a4b2-6f00-7000-8000-0000000000ff"
}))]
pub struct Body<'a> {
    /// Address of a page that explains the code.
    #[schema(max_length = 200)]
    r#type: String,
    #[schema(max_length = 200)]
    title: &'a str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000, nullable = false)]
    detail: Option<&'a str>,
    /// The address that was asked for.
    #[schema(max_length = 8000)]
    instance: &'a str,
    /// What happened, for programs: stable.
    #[schema(max_length = 60)]
    code: &'a str,
    /// The request, as the log knows it.
    #[schema(max_length = 64)]
    request_id: &'a str,
    /// What is wrong with the request, all at once.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(max_items = 1000)]
    errors: &'a [FieldError],
    /// The clauses of the policy that stand in the way, and what would satisfy them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(max_items = 100)]
    violations: &'a [ClauseViolation],
    /// The actions that the state still allows this caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 20, nullable = false, value_type = Option<Vec<Line<40>>>, inline)]
    allowed_actions: Option<&'a [&'static str]>,
}

impl Problem {
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            detail: None,
            errors: Vec::new(),
            violations: Vec::new(),
            allowed_actions: None,
            allow: None,
            retry_after: match code {
                Code::Busy | Code::StorageFull | Code::VaultSealed => Some(2),
                // As soon as it is asked again.
                Code::IssuerUnavailable => Some(60),
                _ => None,
            },
            token_refused: false,
            cause: None,
        }))
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// A token that was shown is not in force, or not somebody's here: which of it is not said.
    pub fn token_refused() -> Self {
        let mut problem = Self::new(Code::Unauthenticated);
        problem.0.token_refused = true;
        problem
    }

    /// The state forbids the move; these are the ones left to this caller.
    pub fn state_conflict<A: Into<&'static str>>(allowed: impl IntoIterator<Item = A>) -> Self {
        let mut problem = Self::new(Code::StateConflict);
        problem.0.allowed_actions = Some(allowed.into_iter().map(Into::into).collect());
        problem
    }

    /// One thing wrong with one field.
    pub fn invalid(pointer: impl Into<String>, code: &str, detail: &str) -> Self {
        Self::new(Code::ValidationFailed).with_errors(vec![FieldError::new(pointer, code, detail)])
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds a clause of the policy that stands in the way.
    #[must_use]
    pub fn because(mut self, violation: Violation) -> Self {
        self.0.violations.push(ClauseViolation {
            clause: violation.clause.id(),
            title: violation.clause.title(),
            detail: violation.detail,
            cure: violation.cure,
            pointer: violation.pointer,
            person_id: violation.person.map(PersonId::from),
        });
        self
    }

    #[must_use]
    pub fn allow(mut self, methods: String) -> Self {
        self.0.allow = Some(methods);
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// An inner error, kept for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(Code::Internal);
        problem.0.cause = Some(cause.to_string());
        problem
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong with the request, field by field.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// Why, in a person's words, where the code alone does not say it: the clauses in the way, or the detail.
    pub fn explanation(&self) -> Option<String> {
        let said: Vec<&str> = self.0.detail.as_deref().into_iter().chain(self.0.violations.iter().map(|one| one.detail.as_str())).collect();
        (!said.is_empty()).then(|| said.join(" ").chars().take(MAX_DETAIL).collect())
    }

    /// What went wrong inside; never sent.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer, for a request to `instance` known by `request_id`.
    pub fn response(&self, instance: &str, request_id: &str) -> HttpResponse {
        let inner = &*self.0;
        let mut response = HttpResponse::build(self.status_code());
        response.content_type("application/problem+json");
        if let Some(methods) = &inner.allow {
            response.insert_header(("Allow", methods.as_str()));
        }
        if let Some(seconds) = inner.retry_after {
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        if inner.code == Code::Unauthenticated {
            // RFC 6750, section 3: no error where there was no token.
            let refused =
                r#"Bearer realm="weald", error="invalid_token", error_description="The token is not in force, or opens nothing here""#;
            response.insert_header(("WWW-Authenticate", if inner.token_refused { refused } else { r#"Bearer realm="weald""# }));
        }
        let body = Body {
            r#type: format!("/problems/{}", inner.code.name()),
            title: inner.code.title(),
            status: inner.code.status(),
            detail: inner.detail.as_deref(),
            instance: instance.get(..MAX_INSTANCE).unwrap_or(instance),
            code: inner.code.name(),
            request_id,
            errors: &inner.errors,
            violations: &inner.violations,
            allowed_actions: inner.allowed_actions.as_deref(),
        };
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl FieldError {
    pub fn new(pointer: impl Into<String>, code: &str, detail: &str) -> Self {
        let mut pointer = pointer.into();
        // It can hold a member name as it was sent, of any length.
        if let Some((end, _)) = pointer.char_indices().nth(MAX_POINTER) {
            pointer.truncate(end);
        }
        // A long list of words need not be told to its end: the document has it.
        let detail = detail.chars().take(MAX_DETAIL).collect();
        Self { pointer, code: code.to_owned(), detail }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.code.name())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Only a stand-in: the edge renders the problem with the request's own address and id.
    fn error_response(&self) -> HttpResponse {
        self.response("", "")
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let code = match error {
            DbError::Busy(_) => Code::Busy,
            DbError::Full(_) => Code::StorageFull,
            DbError::Taken => Code::AlreadyExists,
            DbError::Stale => Code::VersionConflict,
            DbError::Query(diesel::result::Error::NotFound) => Code::NotFound,
            DbError::Query(_) | DbError::Panicked => Code::Internal,
        };
        let mut problem = Self::new(code);
        if code.status() >= 500 {
            problem.0.cause = Some(error.to_string());
        }
        problem
    }
}

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        DbError::from(error).into()
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        let mut problem = match error {
            VaultError::Database(error) => return error.into(),
            VaultError::Locked(_) => Self::new(Code::VaultSealed),
            VaultError::Damaged(_) => Self::new(Code::SecretDamaged)
                .detail("It does not open under its own key: tell whoever runs the service. Storing the credentials anew mends it."),
        };
        problem.0.cause = Some(error.to_string());
        problem
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.grounds {
            Grounds::NotThisPerson => Code::ConflictOfInterest,
            Grounds::NotYet => Code::PolicyGate,
            Grounds::NotAcceptable => Code::PolicyRefused,
        };
        let mut problem = Self::new(code);
        for violation in refusal.violations {
            if let (Grounds::NotAcceptable, Some(pointer)) = (refusal.grounds, violation.pointer) {
                problem.0.errors.push(FieldError::new(pointer, violation.clause.id(), &violation.detail));
            }
            problem = problem.because(violation);
        }
        problem
    }
}

impl From<PastCalendarHorizon> for Problem {
    fn from(horizon: PastCalendarHorizon) -> Self {
        Self::new(Code::CalendarHorizon).detail(horizon.to_string())
    }
}
