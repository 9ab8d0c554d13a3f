//! Query strings in: repeated keys are lists, unknown keys are refused by name.

use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::problem::{Code, FieldError, Problem};

/// The query parameters of an operation.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + Validate> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(parse(request.query_string()).map(Self))
    }
}

fn parse<T: DeserializeOwned + Validate>(query: &str) -> Result<T, Problem> {
    let refuse =
        |name: &str, code: &str, detail: &str| Problem::new(Code::MalformedQuery).with_errors(vec![FieldError::new(name, code, detail)]);
    if query.contains("%00") {
        let named = query.split('&').find(|pair| pair.contains("%00")).and_then(|pair| pair.split('=').next()).unwrap_or_default();
        return Err(refuse(named, "control_character", "This parameter must not contain NUL."));
    }
    let pairs = serde_html_form::Deserializer::from_bytes(query.as_bytes());
    let value: T = serde_path_to_error::deserialize(pairs).map_err(|error| {
        let said = error.inner().to_string();
        if said.starts_with("unknown field") {
            refuse(said.split('`').nth(1).unwrap_or_default(), "unknown_parameter", "This parameter is not known here.")
        } else {
            let path = error.path().to_string();
            refuse(path.split('[').next().unwrap_or_default(), "unacceptable_value", "This parameter is not of the documented form.")
        }
    })?;
    value.validate().map_err(|errors| {
        let first = errors.errors().keys().min().cloned().unwrap_or_default();
        refuse(&first, "out_of_range", "This parameter is out of its range.")
    })?;
    Ok(value)
}
