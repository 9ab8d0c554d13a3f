//! Text as people submit it: trimmed, bounded, and without characters that no screen shows.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::__dev::ComposeSchema;
use utoipa::openapi::{RefOr, Schema};
use validator::{Validate, ValidationError, ValidationErrors};

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

fn check(text: &str, max: usize, control_allowed: fn(char) -> bool) -> Result<(), ValidationErrors> {
    let error = |code, message: String| {
        let mut errors = ValidationErrors::new();
        // The empty field name: the pointer ends at the text itself.
        errors.add("", ValidationError::new(code).with_message(message.into()));
        Err(errors)
    };
    if text.is_empty() {
        error("blank", "Must not be blank.".into())
    } else if text.chars().count() > max {
        error("too_long", format!("Must have at most {max} characters."))
    } else if text.chars().any(|c| c.is_control() && !control_allowed(c)) {
        error("control_character", "Must not contain control characters.".into())
    } else {
        Ok(())
    }
}

/// An optional field that may be absent but not `null` (for `deserialize_with`, beside `default`).
///
/// # Errors
/// Where the value is not a `T`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
