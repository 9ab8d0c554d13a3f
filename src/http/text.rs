//! Text as people submit it: trimmed, bounded, and without characters that no screen shows.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::__dev::ComposeSchema;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{RefOr, Schema};
use validator::{Validate, ValidateEmail, ValidateUrl, ValidationError, ValidationErrors};

use crate::problem::Problem;

/// One line of text, trimmed, of 1 to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Line<const MAX: usize>(String);

/// Text of several lines, trimmed, of 1 to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Prose<const MAX: usize>(String);

macro_rules! text {
    ($($name:ident: $control_allowed:expr;)*) => {$(
        impl<const MAX: usize> $name<MAX> {
            pub fn as_str(&self) -> &str {
                &self.0
            }
            pub fn into_inner(self) -> String {
                self.0
            }
        }
        impl<const MAX: usize> AsRef<str> for $name<MAX> {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl<const MAX: usize> From<&str> for $name<MAX> {
            fn from(text: &str) -> Self {
                Self(text.trim().to_owned())
            }
        }
        impl<'de, const MAX: usize> Deserialize<'de> for $name<MAX> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(&*Cow::<str>::deserialize(deserializer)?))
            }
        }
        impl<const MAX: usize> Validate for $name<MAX> {
            fn validate(&self) -> Result<(), ValidationErrors> {
                check(&self.0, MAX, $control_allowed)
            }
        }
        impl<const MAX: usize> ComposeSchema for $name<MAX> {
            fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
                super::schema::string(MAX).min_length(Some(1)).into()
            }
        }
        impl<const MAX: usize> utoipa::ToSchema for $name<MAX> {
            fn name() -> Cow<'static, str> {
                format!("{}{MAX}", stringify!($name)).into()
            }
        }
    )*};
}

text! {
    Line: |_| false;
    Prose: |c| matches!(c, '\n' | '\r' | '\t');
}

/// The address of a page on the web, trimmed: `https` or `http`, of at most `MAX` characters. What a front end makes a
/// link of is never a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Link<const MAX: usize>(String);

impl<const MAX: usize> Link<MAX> {
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Link<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Cow::<str>::deserialize(deserializer)?.trim().to_owned()))
    }
}

impl<const MAX: usize> Validate for Link<MAX> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        check(&self.0, MAX, |_| false)?;
        let of_the_web = self.0.get(..8).is_some_and(|start| {
            let start = start.to_ascii_lowercase();
            start == "https://" || start.starts_with("http://")
        });
        if of_the_web && !self.0.contains(' ') && self.0.validate_url() {
            Ok(())
        } else {
            error("not_a_link", "Must be an https or http address.")
        }
    }
}

impl<const MAX: usize> ComposeSchema for Link<MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let format = SchemaFormat::Custom("uri".into());
        super::schema::string(MAX).min_length(Some(9)).pattern(Some("^[Hh][Tt][Tt][Pp][Ss]?://[^ ]+$")).format(Some(format)).into()
    }
}

impl<const MAX: usize> utoipa::ToSchema for Link<MAX> {
    fn name() -> Cow<'static, str> {
        format!("Link{MAX}").into()
    }
}

fn error(code: &'static str, message: impl Into<Cow<'static, str>>) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::new();
    // The empty field name: the pointer ends at the text itself.
    errors.add("", ValidationError::new(code).with_message(message.into()));
    Err(errors)
}

pub(super) fn check(text: &str, max: usize, control_allowed: fn(char) -> bool) -> Result<(), ValidationErrors> {
    if text.is_empty() {
        error("blank", "Must not be blank.")
    } else if text.chars().count() > max {
        error("too_long", format!("Must have at most {max} characters."))
    } else if text.chars().any(|c| c.is_control() && !control_allowed(c)) {
        error("control_character", "Must not contain control characters.")
    } else {
        Ok(())
    }
}

/// An e-mail address, trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The longest one (RFC 5321).
    const MAX: usize = 254;

    pub fn into_inner(self) -> String {
        self.0
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Cow::<str>::deserialize(deserializer)?.trim().to_lowercase()))
    }
}

impl Validate for Email {
    fn validate(&self) -> Result<(), ValidationErrors> {
        if self.0.len() <= Self::MAX && self.0.validate_email() {
            Ok(())
        } else {
            error("not_an_email_address", "Must be an e-mail address of at most 254 characters.")
        }
    }
}

impl utoipa::PartialSchema for Email {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Email);
        super::schema::string(Self::MAX).min_length(Some(3)).format(Some(format)).into()
    }
}

impl utoipa::ToSchema for Email {}

/// A civil date of the years 1900 to 2199, as `YYYY-MM-DD` and in no other form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Day(pub NaiveDate);

impl Day {
    /// The day, which is not to lie ahead.
    ///
    /// # Errors
    /// 422 at `pointer` where it does.
    pub fn not_after(self, today: NaiveDate, pointer: &str) -> Result<NaiveDate, Problem> {
        if self.0 > today { Err(Problem::invalid(pointer, "in_the_future", "This lies in the future.")) } else { Ok(self.0) }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let date = text.parse::<NaiveDate>().ok().filter(|date| (1900..2200).contains(&date.year()) && date.to_string() == text);
        date.map(Self).ok_or_else(|| serde::de::Error::custom("not a date"))
    }
}

impl utoipa::PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        super::schema::string(10)
            .min_length(Some(10))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .pattern(Some("^(19|2[01])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"))
            .into()
    }
}

impl utoipa::ToSchema for Day {}

/// An optional field that may be absent but not `null` (for `deserialize_with`, beside `default`).
///
/// # Errors
/// Where the value is not a `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Optional text of which a blank is as good as none, for a rule to say what is missing (for `deserialize_with`, beside
/// `default`).
///
/// # Errors
/// Where the value is not text.
pub fn unless_blank<'de, T: Deserialize<'de> + AsRef<str>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(present(deserializer)?.filter(|text: &T| !text.as_ref().is_empty()))
}

/// A member of a merge patch (RFC 7396) whose target may be absent: keep, clear or set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// What `current` becomes.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(f(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: Validate> Validate for Patch<T> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        if let Self::Set(value) = self { value.validate() } else { Ok(()) }
    }
}

impl<T: utoipa::PartialSchema> ComposeSchema for Patch<T> {
    fn compose(generics: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
        match generics.into_iter().next().unwrap_or_else(T::schema) {
            RefOr::T(Schema::Object(mut object)) if object.enum_values.is_none() => {
                if let SchemaType::Type(kind) = object.schema_type {
                    object.schema_type = SchemaType::Array(vec![kind, Type::Null]);
                }
                RefOr::T(Schema::Object(object))
            }
            other => OneOfBuilder::new().item(other).item(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null))).into(),
        }
    }
}

impl<T: utoipa::ToSchema> utoipa::ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        format!("Patch{}", T::name()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_one_way() {
        let day = |text: &str| serde_json::from_value::<Day>(text.into()).map(|day| day.0.to_string()).ok();
        assert_eq!(day("2026-02-28").as_deref(), Some("2026-02-28"));
        for wrong in ["2026-02-29", "2026-2-28", "1899-12-31", "2200-01-01", "+12026-01-01", "2026-02-28T00:00:00Z", ""] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_email_address_is_trimmed_lowered_and_checked() {
        let email = |text: &str| serde_json::from_value::<Email>(text.into()).ok().filter(|email| email.validate().is_ok());
        assert_eq!(email(" Jo@School.Example ").map(Email::into_inner).as_deref(), Some("jo@school.example"));
        for wrong in ["", "jo", "jo@", "jo@school example", "jo@school.example\nbcc: x@y.example"] {
            assert_eq!(email(wrong), None, "{wrong}");
        }
    }
}
