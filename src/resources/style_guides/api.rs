//! The operations on style guides.

use actix_web::web::Path;
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Current, StyleGuideRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageStyleGuides, ReadStyleGuides};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{PersonId, StyleGuideId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Plain, Resource, Versioned};
use crate::http::text::{Line, Prose};
use crate::page::{Page, PageQuery, Window};
use crate::policy::platforms::Platform;
use crate::problem::Problem;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_style_guides).service(find_style_guide).service(change_style_guide);
}

/// In which tone the school writes on a platform (TONE-2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "platform": "facebook", "tone_keywords": ["engaging", "conversational", "informative", "friendly"],
    "text": "Write as one would speak to a parent at the gate.", "version": 1
}))]
pub struct StyleGuide {
    pub platform: Platform,
    #[schema(max_items = 20, value_type = Vec<Line<40>>, inline)]
    pub tone_keywords: Vec<String>,
    #[schema(max_length = 5000)]
    pub text: String,
    /// Of this version; absent, as who changed it and when, where it is as it was shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<StyleGuideId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changed_at: Option<Instant>,
    /// 1 as it was shipped; one more with each change.
    #[schema(minimum = 1)]
    pub version: i64,
}

type StyleGuidePage = Page<StyleGuide>;

impl Resource for StyleGuide {
    fn location(&self) -> String {
        format!("/v1/style-guides/{}", self.platform)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// In which tone the school writes from now on.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tone_keywords": ["informative", "friendly"], "text": "Short and warm; pictures before words." }))]
pub struct NewStyleGuide {
    #[validate(length(min = 1, max = 20), nested)]
    #[schema(inline, min_items = 1, max_items = 20)]
    pub tone_keywords: Vec<Line<40>>,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<5000>,
}

fn view(current: Current) -> StyleGuide {
    let Current { platform, version, tone_keywords, text, own } = current;
    StyleGuide {
        platform,
        tone_keywords,
        text,
        id: own.as_ref().map(|row| row.id),
        changed_by: own.as_ref().and_then(|row| row.changed_by),
        changed_at: own.as_ref().map(|row| row.changed_at),
        version,
    }
}

fn one<P>(conn: &mut Conn, me: &Caller<P>, platform: Platform) -> Result<Current, Problem> {
    rows::current(conn, me.school(), &[platform])?.pop().ok_or_else(Problem::not_found)
}

/// List in which tone the school writes on each platform (TONE-2).
///
/// For everybody with a token: one style guide of each platform, as it holds.
#[utoipa::path(tag = "style-guides", security(("oauth2" = [ReadStyleGuides])), params(PageQuery),
    responses((status = 200, description = "One page.", body = StyleGuidePage)))]
#[get("/v1/style-guides")]
async fn list_style_guides(caller: Caller<ReadStyleGuides>, query: Query<PageQuery>) -> Result<Plain<StyleGuidePage>, Problem> {
    let window: Window<Platform> = Window::new(query.cursor.as_deref(), query.limit, &"style-guides")?;
    let page = caller
        .read(move |conn, me| {
            let after = Platform::iter().filter(|platform| window.after.is_none_or(|after| *platform > after));
            let asked: Vec<Platform> = after.take(window.limit + 1).collect();
            Ok(window.page(rows::current(conn, me.school(), &asked)?, |current| current.platform, view))
        })
        .await?;
    Plain::page(&page, "/v1/style-guides", &query.0, query.limit)
}

/// Find in which tone the school writes on a platform (TONE-2).
#[utoipa::path(tag = "style-guides", security(("oauth2" = [ReadStyleGuides])),
    params(("platform" = Platform, Path, description = "The platform.")),
    responses((status = 200, description = "The style guide.", body = StyleGuide), Fails<404>))]
#[get("/v1/style-guides/{platform}")]
async fn find_style_guide(caller: Caller<ReadStyleGuides>, platform: Path<Platform>) -> Result<Versioned<StyleGuide>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(one(conn, me, *platform)?))).await
}

/// Change in which tone the school writes on a platform (TONE-2).
///
/// By the headteacher or a delegate on record. It is a new version; those before stay on record.
#[utoipa::path(tag = "style-guides", security(("oauth2" = [ManageStyleGuides])), request_body = NewStyleGuide,
    params(("platform" = Platform, Path, description = "The platform."), IfMatchHeader),
    responses((status = 200, description = "Changed.", body = StyleGuide), Fails<404, 412, 428>))]
#[put("/v1/style-guides/{platform}")]
async fn change_style_guide(
    caller: Caller<ManageStyleGuides>,
    platform: Path<Platform>,
    seen: IfMatch,
    new: Valid<NewStyleGuide>,
) -> Result<Versioned<StyleGuide>, Problem> {
    caller
        .write(move |tx, me| {
            let (before, new) = (one(tx, me, *platform)?, new.into_inner());
            seen.check(before.version)?;
            let keywords: Vec<String> = new.tone_keywords.into_iter().map(Line::into_inner).collect();
            let row = StyleGuideRow {
                school_id: me.school(),
                platform: *platform,
                version: before.version + 1,
                id: StyleGuideId::new(),
                tone_keywords: keywords.join("\n"),
                text: new.text.into_inner(),
                changed_by: me.person(),
                changed_at: me.now(),
            };
            let changed = [("tone_keywords", before.tone_keywords != keywords), ("text", before.text != row.text)];
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::StyleGuideChanged, row.id.uuid()).changed(changed))?;
            Versioned::new(&view(one(tx, me, *platform)?))
        })
        .await
}
