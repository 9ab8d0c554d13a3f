//! Schemas of the values that many shapes share.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// An id (`UUIDv7`).
pub fn uuid() -> RefOr<Schema> {
    string(36).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).min_length(Some(36)).into()
}

/// Text of at most `max` characters.
pub fn string(max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).max_length(Some(max))
}

/// An instant (RFC 3339, UTC).
pub fn instant() -> RefOr<Schema> {
    string(35).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
}
