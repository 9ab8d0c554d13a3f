//! The operations on takedowns.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Sight, TakedownRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ExemptTakedown, ReadTakedowns, RecordTakedown};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, PersonId, PublicationId, TakedownId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Resource, Versioned};
use crate::http::text::{Line, Prose, present};
use crate::page::{Page, paged};
use crate::policy::publication::{TakedownAction, TakedownCause, TakedownState};
use crate::problem::Problem;
use crate::resources::comments::rules::is_past;
use crate::resources::{publication_checks, publications};

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_takedowns).service(find_takedown).service(record_takedown).service(exempt_takedown);
}

/// That something which was published has to go. Nobody opens one: it follows from a withdrawal, an objection, a listing, a
/// leaver, or a consent or permission that ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d7", "state": "open", "overdue": false, "allowed_actions": ["record_removal"],
    "publication_id": "0198a4b2-6f00-7000-8000-0000000000d6", "account_id": "0198a4b2-6f00-7000-8000-0000000000b1",
    "author_id": "0198a4b2-6f00-7000-8000-000000000002", "opened_at": "2026-01-14T12:00:00Z", "due_at": "2026-01-15T12:00:00Z", "version": 1
}))]
pub struct Takedown {
    pub id: TakedownId,
    pub state: TakedownState,
    pub overdue: bool,
    /// What this caller can do with it now.
    #[schema(max_items = 2)]
    pub allowed_actions: Vec<TakedownAction>,
    pub publication_id: PublicationId,
    pub account_id: AccountId,
    pub author_id: PersonId,
    /// For the headteacher and the safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cause: Option<TakedownCause>,
    /// For whose sake: for the headteacher and the safeguarding leads alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    pub opened_at: Instant,
    pub due_at: Instant,
    /// How it is known to be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000, nullable = false)]
    pub evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub removed_at: Option<Instant>,
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub exempt_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub done_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
}

type TakedownPage = Page<Takedown>;

impl Resource for Takedown {
    fn location(&self) -> String {
        format!("/v1/takedowns/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That it is gone.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "evidence": "The address answers 404; the album is gone too." }))]
pub struct TakedownRecord {
    /// How it is known to be gone.
    #[validate(nested)]
    #[schema(inline)]
    pub evidence: Line<1000>,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub removed_at: Option<Instant>,
}

/// Why it stays.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The person cannot be seen in what is left of it." }))]
pub struct TakedownExemption {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which takedowns to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TakedownQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 3))]
    #[param(max_items = 3)]
    pub state: Vec<TakedownState>,
    /// `true`: what should be gone by now.
    #[param(nullable = false)]
    pub overdue: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(TakedownQuery);

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if !me.may_all::<ReadTakedowns>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: TakedownRow) -> Takedown {
    let open = row.state == TakedownState::Open;
    let entitled = publication_checks::entitled(me);
    let possible =
        [(TakedownAction::RecordRemoval, open && me.may::<RecordTakedown>()), (TakedownAction::Exempt, open && me.may::<ExemptTakedown>())];
    Takedown {
        id: row.id,
        state: row.state,
        overdue: open && me.now() > row.due_at,
        allowed_actions: possible.into_iter().filter_map(|(action, may)| may.then_some(action)).collect(),
        publication_id: row.publication_id,
        account_id: row.account_id,
        author_id: row.author_id,
        cause: entitled.then_some(row.cause),
        person_id: row.person_id.filter(|_| entitled),
        opened_at: row.opened_at,
        due_at: row.due_at,
        evidence: row.evidence,
        removed_at: row.removed_at,
        exempt_reason: row.exempt_reason.filter(|_| entitled),
        done_by: row.done_by,
        version: row.version,
    }
}

/// List what has to be taken down.
///
/// Oldest first. Most people see what they wrote, and what is on the accounts that they run.
#[utoipa::path(tag = "publications", security(("oauth2" = [ReadTakedowns])), params(TakedownQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((TakedownPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/takedowns")]
async fn list_takedowns(caller: Caller<ReadTakedowns>, query: Query<TakedownQuery>, format: Format) -> Result<Listed<Takedown>, Problem> {
    listed(caller, "/v1/takedowns", query, format, |conn, me, query, window| {
        let overdue_at = (query.overdue == Some(true)).then(|| me.now());
        let rows = rows::list(conn, me.school(), sight(me), &query.state, overdue_at, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Find what has to be taken down.
#[utoipa::path(tag = "publications", security(("oauth2" = [ReadTakedowns])),
    responses((status = 200, description = "The takedown.", body = Takedown), Fails<404>))]
#[get("/v1/takedowns/{id}")]
async fn find_takedown(caller: Caller<ReadTakedowns>, id: Path<TakedownId>) -> Result<Versioned<Takedown>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// The way of every move: find, check the state and the version, change, store, record.
async fn moved<P: 'static>(
    caller: Caller<P>,
    id: TakedownId,
    seen: IfMatch,
    kind: EventType,
    apply: impl FnOnce(&mut Conn, &Caller<P>, &mut TakedownRow) -> Result<(), Problem> + Send + 'static,
) -> Result<Versioned<Takedown>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight(me), id)?;
            if row.state != TakedownState::Open {
                return Err(Problem::state_conflict::<TakedownAction>([]));
            }
            seen.check(row.version)?;
            apply(tx, me, &mut row)?;
            row.done_by = me.person();
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(kind, id.uuid()).state(row.state))?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// Record that something was taken down.
///
/// With how it is known to be gone. The register says so too.
#[utoipa::path(tag = "publications", security(("oauth2" = [RecordTakedown])), params(IfMatchHeader), request_body = TakedownRecord,
    responses((status = 200, description = "Recorded.", body = Takedown), Fails<404, 409, 412, 428>))]
#[post("/v1/takedowns/{id}/record-removal")]
async fn record_takedown(
    caller: Caller<RecordTakedown>,
    id: Path<TakedownId>,
    seen: IfMatch,
    record: Valid<TakedownRecord>,
) -> Result<Versioned<Takedown>, Problem> {
    moved(caller, *id, seen, EventType::TakedownDone, move |tx, me, row| {
        let TakedownRecord { evidence, removed_at } = record.into_inner();
        let removed_at = removed_at.unwrap_or_else(|| me.now());
        if !is_past(removed_at, me.now()) {
            return Err(Problem::invalid("/removed_at", "in_the_future", "This lies in the future."));
        }
        let mut publication = publications::rows::find(tx, me.school(), publications::rows::Sight::All, row.publication_id)?;
        if publication.removed_at.is_none() {
            publication.removed_at = Some(removed_at);
            publications::rows::save(tx, &mut publication, me.now())?;
        }
        (row.state, row.evidence, row.removed_at) = (TakedownState::Removed, Some(evidence.into_inner()), Some(removed_at));
        Ok(())
    })
    .await
}

/// Decide that something stays published.
///
/// By the headteacher alone, with a reason.
#[utoipa::path(tag = "publications", security(("oauth2" = [ExemptTakedown])), params(IfMatchHeader), request_body = TakedownExemption,
    responses((status = 200, description = "It stays.", body = Takedown), Fails<404, 409, 412, 428>))]
#[post("/v1/takedowns/{id}/exempt")]
async fn exempt_takedown(
    caller: Caller<ExemptTakedown>,
    id: Path<TakedownId>,
    seen: IfMatch,
    exemption: Valid<TakedownExemption>,
) -> Result<Versioned<Takedown>, Problem> {
    moved(caller, *id, seen, EventType::TakedownExempted, move |_, _, row| {
        (row.state, row.exempt_reason) = (TakedownState::Exempt, Some(exemption.into_inner().reason.into_inner()));
        Ok(())
    })
    .await
}
