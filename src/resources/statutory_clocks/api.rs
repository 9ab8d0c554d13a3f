//! The operations on statutory clocks.

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ClockRow, Key};
use crate::access::caller::Caller;
use crate::access::permissions::{MeetStatutoryClock, ReadComments, ReadStatutoryClocks, StartStatutoryClock};
use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{CommentId, PersonId, StatutoryClockId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, Prose, present};
use crate::page::{Page, Window};
use crate::policy::statutory::{self, StatutoryKind, StatutoryState};
use crate::problem::Problem;
use crate::resources::comments::rules::is_past;
use crate::resources::{comments, schools};
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_statutory_clocks).service(start_statutory_clock).service(find_statutory_clock).service(meet_statutory_clock);
}

words! {
    /// What can be done with a clock.
    pub enum StatutoryAction { Meet }
}

/// By when the law asks for an answer (LEG-2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000a8", "kind": "subject_access_request", "state": "running", "allowed_actions": ["meet"],
    "description": "A parent asks for all that is kept about their child.", "started_at": "2026-01-14T10:00:00Z",
    "due_at": "2026-02-16T23:59:59Z", "started_by": "0198a4b2-6f00-7000-8000-000000000002",
    "version": 1, "created_at": "2026-01-14T11:00:00Z", "updated_at": "2026-01-14T11:00:00Z"
}))]
pub struct StatutoryClock {
    pub id: StatutoryClockId,
    pub kind: StatutoryKind,
    pub state: StatutoryState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<StatutoryAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub comment_id: Option<CommentId>,
    #[schema(max_length = 2000)]
    pub description: String,
    /// When it was received, or the breach became known.
    pub started_at: Instant,
    pub due_at: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub met_at: Option<Instant>,
    /// Of what was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub reference: Option<String>,
    pub started_by: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub met_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type StatutoryClockPage = Page<StatutoryClock>;

impl Resource for StatutoryClock {
    fn location(&self) -> String {
        format!("/v1/statutory-clocks/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        (self.state == StatutoryState::Overdue).then_some("overdue")
    }
}

/// Something for which the law sets a time.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "subject_access_request", "description": "A parent asks for all that is kept about their child.", "started_at": "2026-01-14T10:00:00Z"
}))]
pub struct NewStatutoryClock {
    pub kind: StatutoryKind,
    /// The comment in which it came, if it did.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub comment_id: Option<CommentId>,
    #[validate(nested)]
    #[schema(inline)]
    pub description: Prose<2000>,
    /// When it was received, or the breach became known; when the comment was received, or now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub started_at: Option<Instant>,
}

/// That it was done.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reference": "SAR-2026-3" }))]
pub struct StatutoryClockMet {
    /// Of what was sent.
    #[validate(nested)]
    #[schema(inline)]
    pub reference: Line<200>,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub met_at: Option<Instant>,
}

/// Which clocks to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatutoryClockQuery {
    /// Of one of these kinds.
    #[serde(default)]
    #[validate(length(max = 4))]
    #[param(max_items = 4)]
    pub kind: Vec<StatutoryKind>,
    /// Not done yet, or done.
    #[param(nullable = false)]
    pub open: Option<bool>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view<P>(me: &Caller<P>, row: ClockRow) -> StatutoryClock {
    let open = row.met_at.is_none() && me.may::<MeetStatutoryClock>();
    StatutoryClock {
        id: row.id,
        kind: row.kind,
        state: statutory::state(*row.due_at, row.met_at.map(|at| *at), *me.now()),
        allowed_actions: if open { vec![StatutoryAction::Meet] } else { Vec::new() },
        comment_id: row.comment_id,
        description: row.description,
        started_at: row.started_at,
        due_at: row.due_at,
        met_at: row.met_at,
        reference: row.reference,
        started_by: row.started_by,
        met_by: row.met_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// List by when the law asks for answers (LEG-2).
///
/// The nearest first.
#[utoipa::path(tag = "statutory-clocks", security(("oauth2" = [ReadStatutoryClocks])), params(StatutoryClockQuery),
    responses((status = 200, description = "One page.", body = StatutoryClockPage)))]
#[get("/v1/statutory-clocks")]
async fn list_statutory_clocks(
    caller: Caller<ReadStatutoryClocks>,
    query: Query<StatutoryClockQuery>,
) -> Result<Plain<StatutoryClockPage>, Problem> {
    let window = Window::<Key>::new(query.cursor.as_deref(), query.limit, &("statutory-clocks", &query.0))?;
    let (kinds, open) = (query.kind.clone(), query.open);
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), &kinds, open, &window)?;
            Ok(window.page(rows, |row| (row.due_at, row.id), |row| view(me, row)))
        })
        .await?;
    Plain::page(&page, "/v1/statutory-clocks", &query.0, query.limit)
}

/// Record that something came in, or was found, for which the law sets a time (LEG-2).
///
/// A data-protection complaint has 30 days, a subject access request one calendar month, a freedom-of-information
/// request 20 working days, and a personal data breach 72 hours to the Information Commissioner. Beside, and not
/// instead of, the 24 hours (MON-2).
#[utoipa::path(tag = "statutory-clocks", security(("oauth2" = [StartStatutoryClock])), request_body = NewStatutoryClock,
    responses((status = 201, description = "Started.", body = StatutoryClock)))]
#[post("/v1/statutory-clocks")]
async fn start_statutory_clock(
    caller: Caller<StartStatutoryClock>,
    new: Valid<NewStatutoryClock>,
    state: Data<State>,
) -> Result<Created<StatutoryClock>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let comment = match new.comment_id {
                Some(id) => Some(
                    comments::rows::find(tx, me.school(), comments::sight::<_, ReadComments>(me), id)
                        .map_err(|_| Problem::invalid("/comment_id", "unknown", "There is no such comment for this caller."))?,
                ),
                None => None,
            };
            let started_at = new.started_at.or(comment.as_ref().map(|row| row.received_at)).unwrap_or_else(|| me.now());
            if !is_past(started_at, me.now()) {
                return Err(Problem::invalid("/started_at", "in_the_future", "This lies in the future."));
            }
            let calendar = schools::rows::calendar(tx, me.school(), &state.bank_holidays)?;
            let row = ClockRow {
                school_id: me.school(),
                id: StatutoryClockId::new(),
                kind: new.kind,
                comment_id: new.comment_id,
                description: new.description.into_inner(),
                started_at,
                due_at: statutory::due_at(new.kind, *started_at, &calendar)?.into(),
                met_at: None,
                reference: None,
                overdue_recorded_at: None,
                started_by: me.person().ok_or_else(Problem::not_found)?,
                met_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::StatutoryClockStarted, row.id.uuid()))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find by when the law asks for an answer.
#[utoipa::path(tag = "statutory-clocks", security(("oauth2" = [ReadStatutoryClocks])),
    responses((status = 200, description = "The clock.", body = StatutoryClock), Fails<404>))]
#[get("/v1/statutory-clocks/{id}")]
async fn find_statutory_clock(
    caller: Caller<ReadStatutoryClocks>,
    id: Path<StatutoryClockId>,
) -> Result<Versioned<StatutoryClock>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), *id)?))).await
}

/// Record that what the law asks for was done (LEG-2).
///
/// With the reference of what was sent.
#[utoipa::path(tag = "statutory-clocks", security(("oauth2" = [MeetStatutoryClock])), params(IfMatchHeader), request_body = StatutoryClockMet,
    responses((status = 200, description = "Recorded.", body = StatutoryClock), Fails<404, 409, 412, 428>))]
#[post("/v1/statutory-clocks/{id}/meet")]
async fn meet_statutory_clock(
    caller: Caller<MeetStatutoryClock>,
    id: Path<StatutoryClockId>,
    seen: IfMatch,
    met: Valid<StatutoryClockMet>,
) -> Result<Versioned<StatutoryClock>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), *id)?;
            if row.met_at.is_some() {
                return Err(Problem::state_conflict(Vec::<StatutoryAction>::new()));
            }
            seen.check(row.version)?;
            let StatutoryClockMet { reference, met_at } = met.into_inner();
            let met_at = met_at.unwrap_or_else(|| me.now());
            if !is_past(met_at, me.now()) || met_at < row.started_at {
                return Err(Problem::invalid("/met_at", "not_in_between", "This lies before its beginning or in the future."));
            }
            (row.met_at, row.met_by, row.reference) = (Some(met_at), me.person(), Some(reference.into_inner()));
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::StatutoryClockMet, id.uuid()))?;
            Versioned::new(&view(me, row))
        })
        .await
}
