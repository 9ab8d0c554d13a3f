//! Lists: keyset pages with an opaque cursor that is bound to its filters and order.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use validator::Validate;

use crate::clock::Instant;
use crate::problem::{Code, Problem};

/// Rows per page where the caller does not say.
pub const DEFAULT_LIMIT: u16 = 50;
/// Rows per page at the most.
pub const MAX_LIMIT: u16 = 200;

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The query of a list that has no filters. `limit` and `cursor` are no part of what a cursor is bound to; every
/// page has them in the document (`http/document.rs`).
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

/// The query of a list.
pub trait Paged {
    fn cursor(&self) -> Option<&str>;
    fn limit(&self) -> Option<u16>;
    /// For lists that another system keeps up with.
    fn updated_since(&self) -> Option<Instant> {
        None
    }
}

/// Says of queries that they are of lists; `since` after those that know `updated_since`.
macro_rules! paged {
    ($($name:ident $($since:ident)?),*) => {$(
        impl crate::page::Paged for $name {
            fn cursor(&self) -> Option<&str> {
                self.cursor.as_deref()
            }
            fn limit(&self) -> Option<u16> {
                self.limit
            }
            $(fn updated_since(&self) -> Option<crate::clock::Instant> {
                let $since = self.updated_since;
                $since
            })?
        }
    )*};
}
pub(crate) use paged;

/// The query of a list that another system keeps up with, and that has no other filters.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SinceQuery {
    /// Changed at or after this instant.
    #[param(nullable = false)]
    pub updated_since: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(SinceQuery since);

/// Where a page starts, and how long it is.
#[derive(Clone, Debug)]
pub struct Window<K> {
    pub after: Option<K>,
    pub limit: usize,
    /// Only what has changed at or after this instant.
    pub updated_since: Option<Instant>,
    filter: [u8; 8],
}

#[derive(Serialize, Deserialize)]
struct Cursor<K> {
    /// The sort key of the last row of the page before.
    k: K,
    /// Which filters and order it belongs to.
    f: [u8; 8],
}

impl<K: Serialize + DeserializeOwned> Window<K> {
    /// Reads a cursor; `filter` is everything else that was asked for.
    ///
    /// # Errors
    /// 400 where the cursor is not one of this list's with these filters.
    pub fn new(cursor: Option<&str>, limit: Option<u16>, filter: &impl Serialize) -> Result<Self, Problem> {
        let digest = Sha256::digest(serde_json::to_vec(filter).map_err(Problem::internal)?);
        let mut bound = [0; 8];
        bound.copy_from_slice(&digest[..8]);
        let after = cursor.map(|cursor| decode(cursor, bound).ok_or_else(|| Problem::new(Code::InvalidCursor))).transpose()?;
        Ok(Self { after, limit: limit.unwrap_or(DEFAULT_LIMIT).into(), updated_since: None, filter: bound })
    }

    /// How many rows to ask for: one more than the page, to know whether there is another.
    pub fn fetch(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Makes the page out of the rows that were fetched.
    pub fn page<R, T>(&self, mut rows: Vec<R>, key: impl Fn(&R) -> K, view: impl FnMut(R) -> T) -> Page<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next_cursor = rows.last().filter(|_| more).and_then(|last| {
            let cursor = serde_json::to_vec(&Cursor { k: key(last), f: self.filter }).ok()?;
            Some(URL_SAFE_NO_PAD.encode(cursor))
        });
        Page { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

fn decode<K: DeserializeOwned>(cursor: &str, filter: [u8; 8]) -> Option<K> {
    let cursor: Cursor<K> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    (cursor.f == filter).then_some(cursor.k)
}

impl<T: utoipa::ToSchema> utoipa::__dev::ComposeSchema for Page<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let item = Ref::from_schema_name(T::name());
        let example = match T::schema() {
            RefOr::T(Schema::Object(object)) => object.example.or_else(|| object.examples.into_iter().next()),
            _ => None,
        };
        ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("items", ArrayBuilder::new().items(item).max_items(Some(usize::from(MAX_LIMIT))))
            .property(
                "next_cursor",
                super::http::schema::string(500).description(Some("Where the next page starts; absent on the last one.")),
            )
            .required("items")
            .examples(example.map(|item| serde_json::json!({ "items": [item] })))
            .into()
    }
}

impl<T: utoipa::ToSchema> utoipa::ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
