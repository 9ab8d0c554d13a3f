//! The operations on the do-not-publish list.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, EntryRow};
use crate::access::caller::Caller;
use crate::access::permissions::{EditDoNotPublish, ReadDoNotPublish};
use crate::clock::Instant;
use crate::db::types::{DoNotPublishId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::Prose;
use crate::page::{Page, Window};
use crate::policy::publication::TakedownCause;
use crate::problem::{Code, Problem};
use crate::resources::people;
use crate::resources::publications::touch::{self, Reach};
use crate::words::words;

words! {
    /// Why somebody must not be published. No more than this is kept.
    pub enum ReasonClass { Adoption, Refuge, CourtOrder, LookedAfter, WitnessProtection, Other }

    /// What can be done with an entry.
    pub enum EntryAction { Remove }
}

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_do_not_publish)
        .service(add_to_do_not_publish)
        .service(find_do_not_publish_entry)
        .service(remove_from_do_not_publish);
}

/// That somebody must not be published.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d4", "allowed_actions": ["remove"], "person_id": "0198a4b2-6f00-7000-8000-000000000009",
    "reason_class": "court_order", "listed_by": "0198a4b2-6f00-7000-8000-000000000001", "listed_at": "2026-01-14T10:00:00Z", "version": 1
}))]
pub struct DoNotPublishEntry {
    pub id: DoNotPublishId,
    /// What this caller can do with it now.
    #[schema(max_items = 1)]
    pub allowed_actions: Vec<EntryAction>,
    pub person_id: PersonId,
    /// For headteacher and safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason_class: Option<ReasonClass>,
    pub listed_by: PersonId,
    pub listed_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub removed_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub removed_at: Option<Instant>,
    /// For headteacher and safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub removal_reason: Option<String>,
    #[schema(minimum = 1)]
    pub version: i64,
}

type DoNotPublishPage = Page<DoNotPublishEntry>;

impl Resource for DoNotPublishEntry {
    fn location(&self) -> String {
        format!("/v1/do-not-publish/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Who must not be published.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000009", "reason_class": "court_order" }))]
pub struct NewDoNotPublishEntry {
    pub person_id: PersonId,
    pub reason_class: ReasonClass,
}

/// Why somebody can be published again.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The order has ended; the social worker agrees." }))]
pub struct DoNotPublishRemoval {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which entries to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DoNotPublishQuery {
    /// `true`: those that were removed too.
    #[param(nullable = false)]
    pub ever: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view<P>(me: &Caller<P>, row: EntryRow) -> DoNotPublishEntry {
    let edits = me.may::<EditDoNotPublish>();
    DoNotPublishEntry {
        id: row.id,
        allowed_actions: if edits && row.removed_at.is_none() { vec![EntryAction::Remove] } else { Vec::new() },
        person_id: row.person_id,
        reason_class: edits.then_some(row.reason_class),
        listed_by: row.listed_by,
        listed_at: row.listed_at,
        removed_by: row.removed_by,
        removed_at: row.removed_at,
        removal_reason: row.removal_reason.filter(|_| edits),
        version: row.version,
    }
}

/// List who must not be published (IMG-4).
///
/// Oldest first; why, for headteacher and safeguarding leads alone. Nobody else can see or search the list: the check of a
/// publication alone asks it, and says no more than that it is blocked.
#[utoipa::path(tag = "do-not-publish", security(("oauth2" = [ReadDoNotPublish])), params(DoNotPublishQuery),
    responses((status = 200, description = "One page.", body = DoNotPublishPage)))]
#[get("/v1/do-not-publish")]
async fn list_do_not_publish(
    caller: Caller<ReadDoNotPublish>,
    query: Query<DoNotPublishQuery>,
) -> Result<Plain<DoNotPublishPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("do-not-publish", &query.0))?;
    let ever = query.ever == Some(true);
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), ever, &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(me, row)))
        })
        .await?;
    Plain::page(&page, "/v1/do-not-publish", &query.0, query.limit)
}

/// Put somebody on the do-not-publish list (IMG-4).
///
/// It counts at once, whatever anybody has consented to: clearances die, and what is published has to go.
#[utoipa::path(tag = "do-not-publish", security(("oauth2" = [EditDoNotPublish])), request_body = NewDoNotPublishEntry,
    responses((status = 201, description = "Listed.", body = DoNotPublishEntry), Fails<409>))]
#[post("/v1/do-not-publish")]
async fn add_to_do_not_publish(
    caller: Caller<EditDoNotPublish>,
    new: Valid<NewDoNotPublishEntry>,
) -> Result<Created<DoNotPublishEntry>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            if people::rows::known(tx, me.school(), &[new.person_id])?.is_empty() {
                return Err(Problem::invalid("/person_id", "unknown", "There is no such person."));
            }
            if !rows::among(tx, me.school(), &[new.person_id])?.is_empty() {
                return Err(Problem::new(Code::AlreadyExists).detail("This person is on the list."));
            }
            let row = EntryRow {
                school_id: me.school(),
                id: DoNotPublishId::new(),
                person_id: new.person_id,
                reason_class: new.reason_class,
                listed_by: me.person().ok_or_else(Problem::not_found)?,
                listed_at: me.now(),
                removed_by: None,
                removed_at: None,
                removal_reason: None,
                version: 1,
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            // Of whom it is, the log does not say.
            events::record(tx, me, Event::new(EventType::DoNotPublishListed, row.id.uuid()))?;
            touch::touch(tx, me.school(), &Reach::Everything { person: row.person_id }, TakedownCause::Listed, me.now())?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find an entry of the do-not-publish list.
#[utoipa::path(tag = "do-not-publish", security(("oauth2" = [ReadDoNotPublish])),
    responses((status = 200, description = "The entry.", body = DoNotPublishEntry), Fails<404>))]
#[get("/v1/do-not-publish/{id}")]
async fn find_do_not_publish_entry(
    caller: Caller<ReadDoNotPublish>,
    id: Path<DoNotPublishId>,
) -> Result<Versioned<DoNotPublishEntry>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), *id)?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// Take somebody off the do-not-publish list (IMG-4).
///
/// What they consented to counts again.
#[utoipa::path(tag = "do-not-publish", security(("oauth2" = [EditDoNotPublish])), params(IfMatchHeader), request_body = DoNotPublishRemoval,
    responses((status = 200, description = "Removed.", body = DoNotPublishEntry), Fails<404, 409, 412, 428>))]
#[post("/v1/do-not-publish/{id}/remove")]
async fn remove_from_do_not_publish(
    caller: Caller<EditDoNotPublish>,
    id: Path<DoNotPublishId>,
    seen: IfMatch,
    removal: Valid<DoNotPublishRemoval>,
) -> Result<Versioned<DoNotPublishEntry>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), *id)?;
            if row.removed_at.is_some() {
                return Err(Problem::state_conflict::<EntryAction>([]));
            }
            seen.check(row.version)?;
            row.removal_reason = Some(removal.into_inner().reason.into_inner());
            (row.removed_by, row.removed_at) = (me.person(), Some(me.now()));
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::DoNotPublishRemoved, row.id.uuid()))?;
            Versioned::new(&view(me, row))
        })
        .await
}
