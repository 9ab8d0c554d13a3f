//! The operations on commenting access.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, CommentingAccessRow, Filter, Sight};
use super::rules::{self, CommentingAccessAction, CommentingAccessState, NoticeChannel};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageCommentingAccess, ReadCommentingAccess};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{CommentingAccessId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Day, Line, present};
use crate::page::{Page, paged};
use crate::policy::platforms::{self, Platform};
use crate::policy::roles::is_parent;
use crate::problem::Problem;
use crate::resources::accounts::rules::handle_key;
use crate::resources::people;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_commenting_access)
        .service(record_commenting_access)
        .service(find_commenting_access)
        .service(inform_of_acceptable_use)
        .service(end_commenting_access);
}

/// That a parent or carer can comment on a platform (PU-PC-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d6", "person_id": "0198a4b2-6f00-7000-8000-000000000005", "state": "informed",
    "allowed_actions": ["end"], "platform": "learning_platform", "since_on": "2026-01-05", "informed_on": "2026-01-12",
    "informed_by": "0198a4b2-6f00-7000-8000-000000000002", "channel": "letter", "version": 2,
    "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-12T09:00:00Z"
}))]
pub struct CommentingAccess {
    pub id: CommentingAccessId,
    pub person_id: PersonId,
    pub state: CommentingAccessState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<CommentingAccessAction>,
    pub platform: Platform,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub platform_other_name: Option<String>,
    pub since_on: Day,
    /// When they were informed of acceptable use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub informed_on: Option<Day>,
    /// Who says so; absent where a service recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub informed_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub channel: Option<NoticeChannel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_on: Option<Day>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type CommentingAccessPage = Page<CommentingAccess>;

impl Resource for CommentingAccess {
    fn location(&self) -> String {
        format!("/v1/commenting-access/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That a parent or carer can comment on a platform from a day on.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000005", "platform": "learning_platform", "since_on": "2026-01-05" }))]
pub struct NewCommentingAccess {
    /// A parent or carer.
    pub person_id: PersonId,
    pub platform: Platform,
    /// The name of an `other` platform.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub platform_other_name: Option<Line<100>>,
    /// Not in the future.
    pub since_on: Day,
}

/// How and when a parent was informed of acceptable use.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "informed_on": "2026-01-12", "channel": "letter" }))]
pub struct AcceptableUseNotice {
    /// Not in the future.
    pub informed_on: Day,
    pub channel: NoticeChannel,
}

/// When an access ended.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "ended_on": "2026-07-22" }))]
pub struct CommentingAccessEnd {
    /// Not in the future, and not before it began.
    pub ended_on: Day,
}

/// Which commenting access to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CommentingAccessQuery {
    /// Of one of these people.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub person_id: Vec<PersonId>,
    /// `true`: of those who were informed of acceptable use; `false`: of those who can comment and were not.
    #[param(nullable = false)]
    pub informed: Option<bool>,
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

paged!(CommentingAccessQuery since);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: CommentingAccessRow) -> CommentingAccess {
    let state = rules::state(row.informed_on, row.ended_on);
    CommentingAccess {
        id: row.id,
        person_id: row.person_id,
        state,
        allowed_actions: rules::allowed(state, me.may::<ManageCommentingAccess>()),
        platform: row.platform,
        platform_other_name: row.platform_other_name,
        since_on: Day(row.since_on),
        informed_on: row.informed_on.map(Day),
        informed_by: row.informed_by,
        channel: row.channel,
        ended_on: row.ended_on.map(Day),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The way of every change: find, check against the version that was read, change, store, record.
fn change(
    tx: &mut Conn,
    me: &Caller<ManageCommentingAccess>,
    id: CommentingAccessId,
    seen: &IfMatch,
    action: CommentingAccessAction,
    apply: impl FnOnce(&mut CommentingAccessRow) -> Result<EventType, Problem>,
) -> Result<Versioned<CommentingAccess>, Problem> {
    let mut row = rows::find(tx, me.school(), sight(me), id)?;
    rules::check(action, rules::state(row.informed_on, row.ended_on))?;
    seen.check(row.version)?;
    let kind = apply(&mut row)?;
    rows::save(tx, &mut row, me.now())?;
    record(tx, me, kind, &row)?;
    Versioned::new(&view(me, row))
}

fn record(tx: &mut Conn, me: &Caller<ManageCommentingAccess>, kind: EventType, row: &CommentingAccessRow) -> Result<(), Problem> {
    let event = Event::new(kind, row.id.uuid()).state(rules::state(row.informed_on, row.ended_on));
    Ok(events::record(tx, me, event.related("person_id", row.person_id.uuid()))?)
}

/// List which parents can comment where.
///
/// Oldest first (PU-PC-1). Parents see their own.
#[utoipa::path(tag = "commenting-access", security(("oauth2" = [ReadCommentingAccess])), params(CommentingAccessQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((CommentingAccessPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/commenting-access")]
async fn list_commenting_access(
    caller: Caller<ReadCommentingAccess>,
    query: Query<CommentingAccessQuery>,
    format: Format,
) -> Result<Listed<CommentingAccess>, Problem> {
    listed(caller, "/v1/commenting-access", query, format, |conn, me, query, window| {
        let filter = Filter { people: query.person_id.clone(), informed: query.informed };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Record that a parent or carer can comment on a platform (PU-PC-1).
///
/// Once per platform while it lasts. They have to be informed of acceptable use.
#[utoipa::path(tag = "commenting-access", security(("oauth2" = [ManageCommentingAccess])), request_body = NewCommentingAccess,
    responses((status = 201, description = "Recorded.", body = CommentingAccess)))]
#[post("/v1/commenting-access")]
async fn record_commenting_access(
    caller: Caller<ManageCommentingAccess>,
    new: Valid<NewCommentingAccess>,
) -> Result<Created<CommentingAccess>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let other_name = new.platform_other_name.map(Line::into_inner);
            platforms::named(new.platform, other_name.as_deref())?;
            let kinds = people::rows::kinds(tx, me.school(), &[new.person_id])?;
            let kind = kinds.get(&new.person_id);
            let kind = *kind.ok_or_else(|| Problem::invalid("/person_id", "unknown", "There is no such person for this caller."))?;
            let roles = people::rows::roles_of(tx, me.school(), &[new.person_id])?.remove(&new.person_id).unwrap_or_default();
            rules::is_for(is_parent(kind, &roles))?;
            let row = CommentingAccessRow {
                school_id: me.school(),
                id: CommentingAccessId::new(),
                person_id: new.person_id,
                platform: new.platform,
                platform_key: handle_key(new.platform, other_name.as_deref(), ""),
                platform_other_name: other_name,
                since_on: new.since_on.not_after(me.today(), "/since_on")?,
                informed_on: None,
                informed_by: None,
                channel: None,
                ended_on: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            record(tx, me, EventType::CommentingAccessGranted, &row)?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find an access.
#[utoipa::path(tag = "commenting-access", security(("oauth2" = [ReadCommentingAccess])),
    responses((status = 200, description = "The access.", body = CommentingAccess), Fails<404>))]
#[get("/v1/commenting-access/{id}")]
async fn find_commenting_access(
    caller: Caller<ReadCommentingAccess>,
    id: Path<CommentingAccessId>,
) -> Result<Versioned<CommentingAccess>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Record that a parent or carer was informed of acceptable use (PU-PC-1).
#[utoipa::path(tag = "commenting-access", security(("oauth2" = [ManageCommentingAccess])), params(IfMatchHeader),
    request_body = AcceptableUseNotice,
    responses((status = 200, description = "Recorded.", body = CommentingAccess), Fails<404, 409, 412, 428>))]
#[post("/v1/commenting-access/{id}/inform")]
async fn inform_of_acceptable_use(
    caller: Caller<ManageCommentingAccess>,
    id: Path<CommentingAccessId>,
    seen: IfMatch,
    notice: Valid<AcceptableUseNotice>,
) -> Result<Versioned<CommentingAccess>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, CommentingAccessAction::Inform, |row| {
                row.informed_on = Some(notice.informed_on.not_after(me.today(), "/informed_on")?);
                (row.informed_by, row.channel) = (me.person(), Some(notice.channel));
                Ok(EventType::CommentingAccessInformed)
            })
        })
        .await
}

/// Record that a parent or carer can no longer comment on a platform (PU-PC-1).
#[utoipa::path(tag = "commenting-access", security(("oauth2" = [ManageCommentingAccess])), params(IfMatchHeader),
    request_body = CommentingAccessEnd,
    responses((status = 200, description = "Ended.", body = CommentingAccess), Fails<404, 409, 412, 428>))]
#[post("/v1/commenting-access/{id}/end")]
async fn end_commenting_access(
    caller: Caller<ManageCommentingAccess>,
    id: Path<CommentingAccessId>,
    seen: IfMatch,
    end: Valid<CommentingAccessEnd>,
) -> Result<Versioned<CommentingAccess>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, CommentingAccessAction::End, |row| {
                let ended_on = end.ended_on.not_after(me.today(), "/ended_on")?;
                if ended_on < row.since_on {
                    return Err(Problem::invalid("/ended_on", "before_start", "The access began later."));
                }
                row.ended_on = Some(ended_on);
                Ok(EventType::CommentingAccessEnded)
            })
        })
        .await
}
