//! The operations on consent notices.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, NoticeRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageConsentNotices, ReadConsentNotices};
use crate::clock::Instant;
use crate::db::types::{ConsentNoticeId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::{Line, Prose};
use crate::page::{Page, Window};
use crate::policy::consent::Purpose;
use crate::policy::text::content_hash;
use crate::problem::Problem;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_consent_notices).service(publish_consent_notice).service(find_consent_notice);
}

/// What people are told before they decide. Never changed: the next one takes its place, under the next number.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d1", "purpose": "school_social_media", "number": 1, "language": "en",
    "text": "We show what happens at school on the school's own accounts.", "retention": "Until it is taken down, at most three years.",
    "content_hash": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    "published_by": "0198a4b2-6f00-7000-8000-000000000001", "created_at": "2026-01-05T09:00:00Z"
}))]
pub struct ConsentNotice {
    pub id: ConsentNoticeId,
    pub purpose: Purpose,
    /// From 1 on, for each purpose; the highest is in force.
    #[schema(minimum = 1)]
    pub number: i32,
    /// A BCP 47 tag.
    #[schema(max_length = 20)]
    pub language: String,
    #[schema(max_length = 20000)]
    pub text: String,
    /// How long what it is about is kept.
    #[schema(max_length = 500)]
    pub retention: String,
    /// SHA-256 of the text, in hexadecimal.
    #[schema(max_length = 64)]
    pub content_hash: String,
    pub published_by: PersonId,
    pub created_at: Instant,
}

type ConsentNoticePage = Page<ConsentNotice>;

impl Resource for ConsentNotice {
    fn location(&self) -> String {
        format!("/v1/consent-notices/{}", self.id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// What people are to be told from now on.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": "school_social_media", "language": "en", "text": "We show what happens at school on the school's own accounts.",
    "retention": "Until it is taken down, at most three years."
}))]
pub struct NewConsentNotice {
    pub purpose: Purpose,
    /// A BCP 47 tag.
    #[validate(nested)]
    #[schema(inline)]
    pub language: Line<20>,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<20000>,
    /// How long what it is about is kept.
    #[validate(nested)]
    #[schema(inline)]
    pub retention: Line<500>,
}

/// Which notices to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsentNoticeQuery {
    #[param(nullable = false)]
    pub purpose: Option<Purpose>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view(row: NoticeRow) -> ConsentNotice {
    ConsentNotice {
        id: row.id,
        purpose: row.purpose,
        number: row.number,
        language: row.language,
        text: row.text,
        retention: row.retention,
        content_hash: row.content_hash,
        published_by: row.published_by,
        created_at: row.created_at,
    }
}

/// List what pictures and names are used for (IMG-1).
///
/// Oldest first.
#[utoipa::path(tag = "consents", security(("oauth2" = [ReadConsentNotices])), params(ConsentNoticeQuery),
    responses((status = 200, description = "One page.", body = ConsentNoticePage)))]
#[get("/v1/consent-notices")]
async fn list_consent_notices(
    caller: Caller<ReadConsentNotices>,
    query: Query<ConsentNoticeQuery>,
) -> Result<Plain<ConsentNoticePage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("consent-notices", &query.0))?;
    let purpose = query.purpose;
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), purpose, &window)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/consent-notices", &query.0, query.limit)
}

/// Publish what pictures and names are used for (IMG-1).
///
/// For one purpose, and in force at once. Who consented under an earlier notice has consented to that one.
#[utoipa::path(tag = "consents", security(("oauth2" = [ManageConsentNotices])), request_body = NewConsentNotice,
    responses((status = 201, description = "In force.", body = ConsentNotice)))]
#[post("/v1/consent-notices")]
async fn publish_consent_notice(
    caller: Caller<ManageConsentNotices>,
    new: Valid<NewConsentNotice>,
) -> Result<Created<ConsentNotice>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let row = NoticeRow {
                school_id: me.school(),
                id: ConsentNoticeId::new(),
                purpose: new.purpose,
                number: rows::in_force(tx, me.school(), new.purpose)? + 1,
                language: new.language.into_inner(),
                content_hash: content_hash(new.text.as_str()),
                text: new.text.into_inner(),
                retention: new.retention.into_inner(),
                published_by: me.person().ok_or_else(Problem::not_found)?,
                created_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ConsentNoticePublished, row.id.uuid()))?;
            Created::new(&view(row))
        })
        .await
}

/// Find a notice.
#[utoipa::path(tag = "consents", security(("oauth2" = [ReadConsentNotices])),
    responses((status = 200, description = "The notice.", body = ConsentNotice), Fails<404>))]
#[get("/v1/consent-notices/{id}")]
async fn find_consent_notice(caller: Caller<ReadConsentNotices>, id: Path<ConsentNoticeId>) -> Result<Plain<ConsentNotice>, Problem> {
    caller.read(move |conn, me| Plain::new(&view(rows::find(conn, me.school(), *id)?))).await
}
