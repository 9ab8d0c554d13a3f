//! Lists out, as they were asked for: a page as JSON, or all that is left of it as CSV (RFC 4180).

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::{self, Accept, Header};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::query::Query;
use super::reply::Plain;
use crate::access::caller::Caller;
use crate::db::Conn;
use crate::page::{MAX_LIMIT, Page, Paged, Window};
use crate::problem::Problem;

/// In which form the caller wants a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

impl FromRequest for Format {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Whoever accepts neither gets JSON: RFC 9110, 12.4.1, leaves it to the server.
        let first = Accept::parse(request).ok().and_then(|accept| {
            let of = |name: &str| match name {
                "text/csv" => Some(Self::Csv),
                "application/json" | "application/*" | "*/*" => Some(Self::Json),
                _ => None,
            };
            accept.ranked().iter().find_map(|range| of(range.essence_str()))
        });
        std::future::ready(Ok(first.unwrap_or(Self::Json)))
    }
}

/// A list.
pub enum Listed<T> {
    /// One page of it.
    Page(Plain<Page<T>>),
    /// All of it, as it is read.
    Table(HttpResponse),
}

impl<T> Responder for Listed<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = match self {
            Self::Page(page) => page.respond_to(request),
            Self::Table(response) => response,
        };
        response.headers_mut().append(header::VARY, header::HeaderValue::from_static("accept"));
        response
    }
}

/// A table with a header row; UTF-8 with a byte order mark, since spreadsheets guess without one. A cell that a
/// spreadsheet would take for a formula begins with `'`.
#[derive(ToSchema)]
#[schema(max_length = 1_000_000_000, example = "id,state\r\n0198a4b2-6f00-7000-8000-0000000000c1,received\r\n")]
#[allow(dead_code, reason = "for the document")]
pub struct Table(String);

/// Answers with a list at `path`, whose pages come out of `fetch`.
///
/// # Errors
/// What `fetch` says, or 400 where the cursor is not of this list with these filters.
pub async fn listed<P, Q, K, T, F>(
    caller: Caller<P>,
    path: &'static str,
    Query(query): Query<Q>,
    format: Format,
    fetch: F,
) -> Result<Listed<T>, Problem>
where
    P: 'static,
    Q: Paged + Serialize + Send + Sync + 'static,
    K: Serialize + DeserializeOwned + Send + 'static,
    T: Serialize + ToSchema + Send + 'static,
    F: Fn(&mut Conn, &Caller<P>, &Q, &Window<K>) -> Result<Page<T>, Problem> + Send + Sync + 'static,
{
    let pages = Pages { caller, path, query: Arc::new(query), fetch: Arc::new(fetch) };
    let (cursor, limit) = (pages.query.cursor(), if format == Format::Csv { Some(MAX_LIMIT) } else { pages.query.limit() });
    // What is wrong with the cursor or the filters is a problem in either form.
    let first = pages.page(cursor, limit).await?;
    if format == Format::Json {
        return Ok(Listed::Page(Plain::page(&first, path, &*pages.query, limit)?));
    }
    let columns = columns::<T>();
    let head = written(std::iter::once(columns.clone()), "\u{feff}")?;
    let rest = stream::try_unfold((pages, Next::Page(first)), move |(pages, next)| {
        let columns = columns.clone();
        async move {
            let page = match next {
                Next::Page(page) => page,
                Next::From(cursor) => pages.page(Some(&cursor), Some(MAX_LIMIT)).await.map_err(broken)?,
                Next::Nothing => return Ok(None),
            };
            let rows = page.items.iter().map(|item| {
                let item = serde_json::to_value(item).unwrap_or_default();
                columns.iter().map(|column| cell(item.get(column))).collect()
            });
            Ok(Some((written(rows, "").map_err(broken)?, (pages, page.next_cursor.map_or(Next::Nothing, Next::From)))))
        }
    });
    let name = path.rsplit('/').next().unwrap_or_default();
    let response = HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .streaming(stream::iter([Ok::<_, std::io::Error>(head)]).chain(rest));
    Ok(Listed::Table(response))
}

/// The end of a table that has begun to go out: the connection breaks, so that nobody takes it for whole.
fn broken(problem: Problem) -> std::io::Error {
    tracing::error!(cause = problem.cause(), "a table broke off");
    std::io::Error::other("a table broke off")
}

/// What of a table is to be written next.
enum Next<T> {
    Page(Page<T>),
    From(String),
    Nothing,
}

/// The pages of a list, for one caller.
struct Pages<P, Q, F> {
    caller: Caller<P>,
    path: &'static str,
    query: Arc<Q>,
    fetch: Arc<F>,
}

impl<P: 'static, Q: Paged + Serialize + Send + Sync + 'static, F> Pages<P, Q, F> {
    async fn page<K, T>(&self, cursor: Option<&str>, limit: Option<u16>) -> Result<Page<T>, Problem>
    where
        K: Serialize + DeserializeOwned + Send + 'static,
        T: Send + 'static,
        F: Fn(&mut Conn, &Caller<P>, &Q, &Window<K>) -> Result<Page<T>, Problem> + Send + Sync + 'static,
    {
        let mut window = Window::new(cursor, limit, &(self.path, &*self.query))?;
        window.updated_since = self.query.updated_since();
        let (query, fetch) = (Arc::clone(&self.query), Arc::clone(&self.fetch));
        self.caller.read(move |conn, me| fetch(conn, me, &query, &window)).await
    }
}

/// The members of a thing, in the order of the document; what the caller could do with it is for programs.
fn columns<T: ToSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.properties.into_keys().filter(|name| name != "allowed_actions").collect(),
        _ => Vec::new(),
    }
}

/// Rows as bytes.
///
/// # Errors
/// None that a caller could bring about.
pub fn written(rows: impl Iterator<Item = Vec<String>>, before: &str) -> Result<Bytes, Problem> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(before.as_bytes().to_vec());
    for row in rows {
        writer.write_record(row).map_err(Problem::internal)?;
    }
    Ok(writer.into_inner().map_err(|error| Problem::internal(error.into_error()))?.into())
}

/// A value as one cell.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => harmless(text),
        Some(Value::Array(items)) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let words: Vec<String> = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            harmless(&words.join("; "))
        }
        Some(other) => other.to_string(),
    }
}

/// Text that no spreadsheet takes for a formula (OWASP, CSV injection).
pub fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_made_harmless_and_figures_stay_figures() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(cell(Some(&json!(formula))), format!("'{formula}"));
            assert_eq!(cell(Some(&json!([formula, "a"]))), format!("'{formula}; a"));
        }
        for (value, expected) in [
            (json!(-1), "-1"),
            (json!(true), "true"),
            (json!(null), ""),
            (json!("a=b"), "a=b"),
            (json!(["a", 1]), "a; 1"),
            (json!([{ "a": 1 }]), r#"[{"a":1}]"#),
        ] {
            assert_eq!(cell(Some(&value)), expected);
        }
        assert_eq!(cell(None), "");
    }

    #[test]
    fn rows_are_quoted_as_rfc_4180_asks() {
        let rows = [vec!["a,b".to_owned(), "say \"hi\"\nthere".to_owned()]];
        assert_eq!(written(rows.into_iter(), "").unwrap(), "\"a,b\",\"say \"\"hi\"\"\nthere\"\r\n");
    }
}
