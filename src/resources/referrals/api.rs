//! The operations on referrals.

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, ReferralRow};
use super::rules::{self, ReferralAction};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadIncidents, ReferIncident};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{IncidentId, PersonId, ReferralId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, Prose, present};
use crate::page::{Page, PageQuery, Window};
use crate::policy::incidents::{Agency, ReferralState};
use crate::problem::Problem;
use crate::resources::comments::rules::is_past;
use crate::resources::incidents::rules::{Capacity, IncidentAction, check};
use crate::resources::{incidents, schools};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_incident_referrals)
        .service(refer_incident)
        .service(find_referral)
        .service(make_referral)
        .service(acknowledge_referral)
        .service(record_referral_outcome);
}

/// A referral of an incident to an agency outside of the school.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f5", "incident_id": "0198a4b2-6f00-7000-8000-0000000000f1", "agency": "lado",
    "state": "made", "allowed_actions": ["acknowledge", "record_outcome"], "due_at": "2026-01-15T23:59:59Z", "overdue": false,
    "reference": "LADO-2026-17", "made_at": "2026-01-14T15:00:00Z", "made_by": "0198a4b2-6f00-7000-8000-000000000001",
    "version": 2, "created_at": "2026-01-14T12:00:00Z", "updated_at": "2026-01-14T15:00:00Z"
}))]
pub struct Referral {
    pub id: ReferralId,
    pub incident_id: IncidentId,
    pub agency: Agency,
    pub state: ReferralState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ReferralAction>,
    /// By when it has to be made: to the LADO the end of the next working day (KCSIE, part four).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub due_at: Option<Instant>,
    pub overdue: bool,
    /// The agency's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub made_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub made_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub acknowledged_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 5000, nullable = false)]
    pub outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type ReferralPage = Page<Referral>;

impl Resource for Referral {
    fn location(&self) -> String {
        format!("/v1/referrals/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        self.overdue.then_some("overdue")
    }
}

/// To whom an incident is to be referred.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "agency": "lado" }))]
pub struct NewReferral {
    pub agency: Agency,
}

/// That a referral was made.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reference": "LADO-2026-17", "made_at": "2026-01-14T15:00:00Z" }))]
pub struct ReferralMade {
    /// The agency's own.
    #[validate(nested)]
    #[schema(inline)]
    pub reference: Line<200>,
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub made_at: Option<Instant>,
}

/// When an agency acknowledged a referral.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "acknowledged_at": "2026-01-15T09:00:00Z" }))]
pub struct ReferralAcknowledged {
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub acknowledged_at: Option<Instant>,
}

/// What came of a referral.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "outcome": "The threshold is not met; the school deals with it." }))]
pub struct ReferralOutcome {
    #[validate(nested)]
    #[schema(inline)]
    pub outcome: Prose<5000>,
}

fn view<P>(me: &Caller<P>, row: ReferralRow, capacity: Capacity) -> Referral {
    let refers = matches!(capacity, Capacity::Lead | Capacity::Safeguarding);
    Referral {
        id: row.id,
        incident_id: row.incident_id,
        agency: row.agency,
        state: row.state,
        allowed_actions: rules::allowed(row.state, refers),
        overdue: row.state == ReferralState::ToMake && row.due_at.is_some_and(|due| due < me.now()),
        due_at: row.due_at,
        reference: row.reference,
        made_at: row.made_at,
        made_by: row.made_by,
        acknowledged_at: row.acknowledged_at,
        outcome: row.outcome,
        outcome_at: row.outcome_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// An instant that is said to be past: now, if it is not said.
fn past(at: Option<Instant>, now: Instant, pointer: &str) -> Result<Instant, Problem> {
    let at = at.unwrap_or(now);
    if is_past(at, now) { Ok(at) } else { Err(Problem::invalid(pointer, "in_the_future", "This lies in the future.")) }
}

/// List the referrals of an incident (R-HT-4, BEH-7).
///
/// Oldest first. For whoever leads it or protects a child or data in it (R-HT-3).
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])), params(PageQuery),
    responses((status = 200, description = "One page.", body = ReferralPage), Fails<404>))]
#[get("/v1/incidents/{id}/referrals")]
async fn list_incident_referrals(
    caller: Caller<ReadIncidents>,
    id: Path<IncidentId>,
    query: Query<PageQuery>,
) -> Result<Plain<ReferralPage>, Problem> {
    let path = format!("/v1/incidents/{id}/referrals");
    let window = Window::new(query.cursor.as_deref(), query.limit, &path)?;
    let page = caller
        .read(move |conn, me| {
            let (incident, capacity) = incidents::part(conn, me, *id)?;
            incidents::for_full(capacity)?;
            let rows = rows::list(conn, me.school(), incident.row.id, &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(me, row, capacity)))
        })
        .await?;
    Plain::page(&page, &path, &query.0, query.limit)
}

/// Refer an incident to an agency (R-HT-4, BEH-7).
///
/// It waits to be made. To the LADO it is due by the end of the next working day (KCSIE, part four).
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReferIncident])), request_body = NewReferral,
    responses((status = 201, description = "To be made.", body = Referral), Fails<404, 409>))]
#[post("/v1/incidents/{id}/referrals")]
async fn refer_incident(
    caller: Caller<ReferIncident>,
    id: Path<IncidentId>,
    new: Valid<NewReferral>,
    state: Data<State>,
) -> Result<Created<Referral>, Problem> {
    caller
        .write_on(
            move |tx, me| incidents::part(tx, me, *id),
            move |tx, me, (incident, capacity)| {
                check(IncidentAction::Refer, incidents::standing(me, &incident, capacity))?;
                let row = open(tx, me, &state, incident.row.id, new.into_inner().agency)?;
                Created::new(&view(me, row, capacity))
            },
        )
        .await
}

/// Has an incident be referred to an agency.
///
/// # Errors
/// Where the database gives none.
pub fn open<P>(tx: &mut Conn, me: &Caller<P>, state: &State, incident: IncidentId, agency: Agency) -> Result<ReferralRow, Problem> {
    let due_at = if agency == Agency::Lado {
        let calendar = schools::rows::calendar(tx, me.school(), &state.bank_holidays)?;
        calendar.end_of_next_working_day(me.today()).map(Instant::from)
    } else {
        None
    };
    let row = ReferralRow {
        school_id: me.school(),
        id: ReferralId::new(),
        incident_id: incident,
        agency,
        state: ReferralState::ToMake,
        due_at,
        reference: None,
        made_at: None,
        made_by: None,
        acknowledged_at: None,
        outcome: None,
        outcome_at: None,
        overdue_recorded_at: None,
        version: 1,
        created_at: me.now(),
        updated_at: me.now(),
    };
    rows::insert(tx, &row)?;
    events::record(tx, me, Event::new(EventType::IncidentReferred, incident.uuid()).related("referral_id", row.id.uuid()))?;
    Ok(row)
}

/// The referral, and the caller's part in its incident; one that the caller may not know of does not exist.
fn known<P>(conn: &mut Conn, me: &Caller<P>, id: ReferralId) -> Result<(ReferralRow, incidents::rows::Incident, Capacity), Problem> {
    let row = rows::find(conn, me.school(), id)?;
    let (incident, capacity) = incidents::part(conn, me, row.incident_id)?;
    if capacity.is_full() { Ok((row, incident, capacity)) } else { Err(Problem::not_found()) }
}

/// Find a referral (R-HT-4).
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])),
    responses((status = 200, description = "The referral.", body = Referral), Fails<404>))]
#[get("/v1/referrals/{id}")]
async fn find_referral(caller: Caller<ReadIncidents>, id: Path<ReferralId>) -> Result<Versioned<Referral>, Problem> {
    caller
        .read(move |conn, me| {
            let (row, _, capacity) = known(conn, me, *id)?;
            Versioned::new(&view(me, row, capacity))
        })
        .await
}

/// The way of every move of a referral.
async fn moved(
    caller: Caller<ReferIncident>,
    id: ReferralId,
    seen: IfMatch,
    action: ReferralAction,
    kind: EventType,
    apply: impl FnOnce(&Caller<ReferIncident>, &mut ReferralRow) -> Result<(), Problem> + Send + 'static,
) -> Result<Versioned<Referral>, Problem> {
    caller
        .write_on(
            move |tx, me| known(tx, me, id),
            move |tx, me, (mut row, incident, capacity)| {
                check(IncidentAction::Refer, incidents::standing(me, &incident, capacity))?;
                rules::check(action, row.state)?;
                seen.check(row.version)?;
                apply(me, &mut row)?;
                rows::save(tx, &mut row, me.now())?;
                let event = Event::new(kind, row.incident_id.uuid()).related("referral_id", row.id.uuid());
                events::record(tx, me, event.state(row.state))?;
                Versioned::new(&view(me, row, capacity))
            },
        )
        .await
}

/// Record that a referral was made (BEH-7, R-HT-4).
///
/// With the agency's reference.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReferIncident])), params(IfMatchHeader), request_body = ReferralMade,
    responses((status = 200, description = "Made.", body = Referral), Fails<404, 409, 412, 428>))]
#[post("/v1/referrals/{id}/make")]
async fn make_referral(
    caller: Caller<ReferIncident>,
    id: Path<ReferralId>,
    seen: IfMatch,
    made: Valid<ReferralMade>,
) -> Result<Versioned<Referral>, Problem> {
    moved(caller, *id, seen, ReferralAction::Make, EventType::IncidentReferralMade, move |me, row| {
        let ReferralMade { reference, made_at } = made.into_inner();
        row.state = ReferralState::Made;
        row.made_at = Some(past(made_at, me.now(), "/made_at")?);
        (row.reference, row.made_by) = (Some(reference.into_inner()), me.person());
        Ok(())
    })
    .await
}

/// Record that an agency acknowledged a referral (R-HT-4).
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReferIncident])), params(IfMatchHeader), request_body = ReferralAcknowledged,
    responses((status = 200, description = "Acknowledged.", body = Referral), Fails<404, 409, 412, 428>))]
#[post("/v1/referrals/{id}/acknowledge")]
async fn acknowledge_referral(
    caller: Caller<ReferIncident>,
    id: Path<ReferralId>,
    seen: IfMatch,
    acknowledged: Valid<ReferralAcknowledged>,
) -> Result<Versioned<Referral>, Problem> {
    moved(caller, *id, seen, ReferralAction::Acknowledge, EventType::IncidentReferralAcknowledged, move |me, row| {
        row.state = ReferralState::Acknowledged;
        row.acknowledged_at = Some(past(acknowledged.into_inner().acknowledged_at, me.now(), "/acknowledged_at")?);
        Ok(())
    })
    .await
}

/// Record what came of a referral (R-HT-4).
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReferIncident])), params(IfMatchHeader), request_body = ReferralOutcome,
    responses((status = 200, description = "Recorded.", body = Referral), Fails<404, 409, 412, 428>))]
#[post("/v1/referrals/{id}/record-outcome")]
async fn record_referral_outcome(
    caller: Caller<ReferIncident>,
    id: Path<ReferralId>,
    seen: IfMatch,
    outcome: Valid<ReferralOutcome>,
) -> Result<Versioned<Referral>, Problem> {
    moved(caller, *id, seen, ReferralAction::RecordOutcome, EventType::IncidentReferralAnswered, move |me, row| {
        row.state = ReferralState::OutcomeReceived;
        (row.outcome, row.outcome_at) = (Some(outcome.into_inner().outcome.into_inner()), Some(me.now()));
        Ok(())
    })
    .await
}
