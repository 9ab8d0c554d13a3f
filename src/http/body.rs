//! JSON bodies in: bounded in size and time, parsed with a pointer to what is wrong, checked all at once.

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};
use zeroize::Zeroize;

use crate::access::caller::RequestContext;
use crate::problem::{Code, FieldError, Problem};

/// The largest body that an operation reads.
pub const MAX_BODY: usize = 1 << 20;
/// The most items that a batch has; schemas repeat it as a literal.
pub const MAX_BATCH: usize = 1000;
const BODY_TIME: Duration = Duration::from_secs(15);

/// A body that has been parsed and validated.
#[derive(Clone, Debug)]
pub struct Valid<T>(pub T);

impl<T> Deref for Valid<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Valid<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned + Validate + 'static> FromRequest for Valid<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let is_patch = request.method() == actix_web::http::Method::PATCH;
            match request.content_type().to_ascii_lowercase().as_str() {
                "application/json" => {}
                "application/merge-patch+json" if is_patch => {}
                _ => return Err(Problem::new(Code::UnsupportedMediaType).detail("Send application/json.")),
            }
            let mut bytes = read(&request, payload, MAX_BODY).await?;
            if let Some(context) = request.extensions().get::<RequestContext>() {
                context.hash_body(&bytes);
            }
            let parsed = parse(&bytes).map(Self);
            // A body can hold a password: nothing of it stays in memory that is free.
            bytes.zeroize();
            parsed
        })
    }
}

/// Reads the whole body of at most `max` bytes, within its time.
///
/// # Errors
/// 408, 413 or 415, or 400 where the connection broke off.
pub async fn read(request: &HttpRequest, mut payload: Payload, max: usize) -> Result<BytesMut, Problem> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("Send the body without a content encoding."));
    }
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max as u64) {
        return Err(Problem::new(Code::BodyTooLarge));
    }
    let reading = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Code::MalformedRequest))?;
            if bytes.len() + chunk.len() > max {
                return Err(Problem::new(Code::BodyTooLarge));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    tokio::time::timeout(BODY_TIME, reading).await.unwrap_or_else(|_| Err(Problem::new(Code::RequestTimeout)))
}

/// A `T` out of a JSON object and nothing else: serde would take a list too, by the order of the fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A list of objects (for `deserialize_with`).
///
/// # Errors
/// Where one is not an object of the shape `T`.
pub fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list: Vec<Object<T>> = Deserialize::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Object(item)| item).collect())
}

/// A list of objects that may be absent but not `null` (for `deserialize_with`, beside `default`).
///
/// # Errors
/// Where one is not an object of the shape `T`.
pub fn present_objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    objects(deserializer).map(Some)
}

/// A `T` out of the bytes of a JSON object.
///
/// # Errors
/// 400 with a pointer where it has another shape, 422 where it does not keep its limits.
pub fn parse<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value): Object<T> = serde_path_to_error::deserialize(&mut json).map_err(|error| malformed(&error))?;
    json.end().map_err(|_| {
        Problem::new(Code::MalformedBody).with_errors(vec![FieldError::new("", "trailing_data", "One JSON object is expected.")])
    })?;
    valid(value)
}

/// The value, if it keeps its limits.
///
/// # Errors
/// 422 with everything that does not.
pub fn valid<T: Validate>(value: T) -> Result<T, Problem> {
    value.validate().map_err(|errors| {
        let mut found = Vec::new();
        collect(&errors, "", &mut found);
        found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        Problem::new(Code::ValidationFailed).with_errors(found)
    })?;
    Ok(value)
}

/// Says where the body departs from its shape; never with a value out of it.
fn malformed(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    use serde_path_to_error::Segment;
    let pointer: String = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    let said = error.inner().to_string();
    let (code, detail) = if said.starts_with("missing field") {
        ("missing", format!("A required member is missing: {}.", said.split('`').nth(1).unwrap_or_default()))
    } else if said.starts_with("unknown field") {
        ("unknown_field", "This member is not known here.".to_owned())
    } else if said.starts_with("duplicate field") {
        ("duplicate", "This member stands twice.".to_owned())
    } else if said.starts_with("unknown variant") {
        // serde names the words that are allowed after "expected"; what was submitted stands before it.
        let expected = said.rsplit_once(", expected ").map_or("", |(_, words)| words);
        let expected = expected.split(" at line").next().unwrap_or_default().replace('`', "");
        ("unknown_value", format!("Must be {expected}."))
    } else if error.inner().is_data() {
        ("wrong_type", "This is not of the documented type.".to_owned())
    } else {
        ("not_json", "The body is not well-formed JSON.".to_owned())
    };
    Problem::new(Code::MalformedBody).with_errors(vec![FieldError::new(pointer, code, &detail)])
}

fn collect(errors: &ValidationErrors, base: &str, found: &mut Vec<FieldError>) {
    for (field, kind) in errors.errors() {
        let pointer = if field.is_empty() { base.to_owned() } else { format!("{base}/{field}") };
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(inner, &pointer, found),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect(inner, &format!("{pointer}/{index}"), found);
                }
            }
            ValidationErrorsKind::Field(failed) => found.extend(failed.iter().map(|error| {
                let detail = error.message.as_deref().unwrap_or("This value is out of its limits.");
                FieldError::new(pointer.clone(), &error.code, detail)
            })),
        }
    }
}

/// The body of an action that needs none: absent, or an empty object.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBody;

impl FromRequest for NoBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read(&request, payload, MAX_BODY).await?;
            if matches!(serde_json::from_slice(&bytes), Ok(serde_json::Value::Object(members)) if members.is_empty()) || bytes.is_empty() {
                return Ok(Self);
            }
            Err(Problem::new(Code::MalformedBody).with_errors(vec![FieldError::new("", "not_empty", "This action takes no body.")]))
        })
    }
}
