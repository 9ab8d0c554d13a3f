//! Text that is nobody's business: taken as it is, never printed, and wiped from memory when it is dropped.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::__dev::ComposeSchema;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{RefOr, Schema};
use validator::{Validate, ValidationErrors};
use zeroize::Zeroizing;

use super::text::check;

/// A secret of 1 to `MAX` characters, not trimmed: a space may belong to a password. On several lines where `LINES`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret<const MAX: usize, const LINES: bool = false>(Zeroizing<String>);

/// Only that there is one.
impl<const MAX: usize, const LINES: bool> std::fmt::Debug for Secret<MAX, LINES> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl<const MAX: usize, const LINES: bool> Validate for Secret<MAX, LINES> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        let blank = self.0.trim().is_empty();
        check(if blank { "" } else { &self.0 }, MAX, |c| LINES && matches!(c, '\n' | '\r' | '\t'))
    }
}

impl<const MAX: usize, const LINES: bool> ComposeSchema for Secret<MAX, LINES> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Password);
        super::schema::string(MAX).min_length(Some(1)).format(Some(format)).into()
    }
}

impl<const MAX: usize, const LINES: bool> utoipa::ToSchema for Secret<MAX, LINES> {
    fn name() -> Cow<'static, str> {
        format!("Secret{MAX}").into()
    }
}

/// A value as JSON, in a buffer that is wiped and was never moved to grow.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn to_json(value: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut json = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *json, value)?;
    Ok(json)
}

/// Counts what is written.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret<const LINES: bool>(text: &str) -> Option<Secret<10, LINES>> {
        serde_json::from_value::<Secret<10, LINES>>(text.into()).ok().filter(|secret| secret.validate().is_ok())
    }

    #[test]
    fn a_secret_is_kept_as_it_is_and_bounded() {
        assert_eq!(*to_json(&secret::<false>(" a \"b\" ").unwrap()).unwrap(), br#"" a \"b\" ""#);
        for wrong in ["", "  ", "elevenchars", "a\nb", "a\0b"] {
            assert!(secret::<false>(wrong).is_none(), "{wrong:?}");
        }
        assert!(secret::<true>("a\nb").is_some() && secret::<true>("a\0b").is_none());
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", secret::<false>("hunter2")), "Some(Secret)");
    }

    #[test]
    fn json_is_written_into_a_buffer_of_its_length() {
        let json = to_json(&["a", "\"é\n"]).unwrap();
        assert_eq!((json.len(), &json[..]), (json.capacity(), "[\"a\",\"\\\"é\\n\"]".as_bytes()));
    }
}
