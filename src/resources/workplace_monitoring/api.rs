//! The operations on records of monitoring.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, MonitoringRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadWorkplaceMonitoring, RecordWorkplaceMonitoring};
use crate::clock::Instant;
use crate::db::types::{PersonId, WorkplaceMonitoringId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Line, present, unless_blank};
use crate::page::{Page, PageQuery, Window};
use crate::policy::workplace::{self, LawfulBasis, WorkplaceMonitoringAction, WorkplaceMonitoringState};
use crate::problem::{Code, Problem};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_workplace_monitoring)
        .service(record_workplace_monitoring)
        .service(find_workplace_monitoring)
        .service(end_workplace_monitoring);
}

/// That staff's use at work is monitored (BEH-6). It says so, and holds nothing of what anybody did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000e1", "state": "recorded", "allowed_actions": ["end"],
    "activity": "Web filter on the school's network", "lawful_basis": "public_task",
    "policy_reference": "Acceptable use agreement for staff, section 4", "notice_given_on": "2026-01-05", "dpia_reference": "DPIA 2025/3",
    "starts_on": "2026-01-12", "recorded_by": "0198a4b2-6f00-7000-8000-000000000001", "version": 1,
    "created_at": "2026-01-14T10:00:00Z", "updated_at": "2026-01-14T10:00:00Z"
}))]
pub struct WorkplaceMonitoring {
    pub id: WorkplaceMonitoringId,
    pub state: WorkplaceMonitoringState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<WorkplaceMonitoringAction>,
    /// What is monitored.
    #[schema(max_length = 200)]
    pub activity: String,
    pub lawful_basis: LawfulBasis,
    /// The policy under which staff are monitored.
    #[schema(max_length = 200)]
    pub policy_reference: String,
    /// When staff were told.
    pub notice_given_on: Day,
    /// The data protection impact assessment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub dpia_reference: Option<String>,
    pub starts_on: Day,
    /// The last day; before `starts_on` where it was ended before it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ends_on: Option<Day>,
    pub recorded_by: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type WorkplaceMonitoringPage = Page<WorkplaceMonitoring>;

impl Resource for WorkplaceMonitoring {
    fn location(&self) -> String {
        format!("/v1/workplace-monitoring/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That staff's use at work is monitored.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "activity": "Web filter on the school's network", "lawful_basis": "public_task",
    "policy_reference": "Acceptable use agreement for staff, section 4", "notice_given_on": "2026-01-05", "dpia_reference": "DPIA 2025/3",
    "starts_on": "2026-01-12"
}))]
pub struct NewWorkplaceMonitoring {
    /// What is monitored.
    #[validate(nested)]
    #[schema(inline)]
    pub activity: Line<200>,
    pub lawful_basis: LawfulBasis,
    /// The policy under which staff are monitored (BEH-6).
    #[serde(default, deserialize_with = "unless_blank")]
    #[validate(nested)]
    #[schema(inline, required, nullable = false)]
    pub policy_reference: Option<Line<200>>,
    /// When staff were told: not ahead, and not after the start (BEH-6).
    #[serde(default, deserialize_with = "present")]
    #[schema(required, nullable = false)]
    pub notice_given_on: Option<Day>,
    /// The data protection impact assessment.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub dpia_reference: Option<Line<200>>,
    pub starts_on: Day,
    /// The last day, where it is known.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub ends_on: Option<Day>,
}

fn view<P>(me: &Caller<P>, row: MonitoringRow) -> WorkplaceMonitoring {
    WorkplaceMonitoring {
        id: row.id,
        state: row.state,
        allowed_actions: workplace::allowed(row.state, me.may::<RecordWorkplaceMonitoring>()),
        activity: row.activity,
        lawful_basis: row.lawful_basis,
        policy_reference: row.policy_reference,
        notice_given_on: Day(row.notice_given_on),
        dpia_reference: row.dpia_reference,
        starts_on: Day(row.starts_on),
        ends_on: row.ends_on.map(Day),
        recorded_by: row.recorded_by,
        ended_by: row.ended_by,
        ended_at: row.ended_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// List what of staff's use at work is monitored (BEH-6).
///
/// Oldest first. Whoever may be monitored sees all of it.
#[utoipa::path(tag = "workplace-monitoring", security(("oauth2" = [ReadWorkplaceMonitoring])), params(PageQuery),
    responses((status = 200, description = "One page.", body = WorkplaceMonitoringPage)))]
#[get("/v1/workplace-monitoring")]
async fn list_workplace_monitoring(
    caller: Caller<ReadWorkplaceMonitoring>,
    query: Query<PageQuery>,
) -> Result<Plain<WorkplaceMonitoringPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"workplace-monitoring")?;
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(me, row)))
        })
        .await?;
    Plain::page(&page, "/v1/workplace-monitoring", &query.0, query.limit)
}

/// Record that staff's use at work is monitored (BEH-6).
///
/// Under a policy, and after notice to staff: monitoring without notice is refused. What staff do is not recorded.
#[utoipa::path(tag = "workplace-monitoring", security(("oauth2" = [RecordWorkplaceMonitoring])), request_body = NewWorkplaceMonitoring,
    responses((status = 201, description = "Recorded.", body = WorkplaceMonitoring)))]
#[post("/v1/workplace-monitoring")]
async fn record_workplace_monitoring(
    caller: Caller<RecordWorkplaceMonitoring>,
    new: Valid<NewWorkplaceMonitoring>,
) -> Result<Created<WorkplaceMonitoring>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let (policy, notice) = workplace::is_open(new.policy_reference, new.notice_given_on.map(|day| day.0), new.starts_on.0)?;
            if new.ends_on.is_some_and(|day| day < new.starts_on) {
                return Err(Problem::invalid("/ends_on", "before_start", "This lies before the first day."));
            }
            let row = MonitoringRow {
                school_id: me.school(),
                id: WorkplaceMonitoringId::new(),
                state: WorkplaceMonitoringState::Recorded,
                activity: new.activity.into_inner(),
                lawful_basis: new.lawful_basis,
                policy_reference: policy.into_inner(),
                notice_given_on: Day(notice).not_after(me.today(), "/notice_given_on")?,
                dpia_reference: new.dpia_reference.map(Line::into_inner),
                starts_on: new.starts_on.0,
                ends_on: new.ends_on.map(|day| day.0),
                recorded_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                ended_by: None,
                ended_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::WorkplaceMonitoringRecorded, row.id.uuid()).state(row.state))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find the record of a monitoring.
#[utoipa::path(tag = "workplace-monitoring", security(("oauth2" = [ReadWorkplaceMonitoring])),
    responses((status = 200, description = "The record.", body = WorkplaceMonitoring), Fails<404>))]
#[get("/v1/workplace-monitoring/{id}")]
async fn find_workplace_monitoring(
    caller: Caller<ReadWorkplaceMonitoring>,
    id: Path<WorkplaceMonitoringId>,
) -> Result<Versioned<WorkplaceMonitoring>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), *id)?))).await
}

/// End a monitoring (BEH-6).
///
/// With today, unless its last day has come already.
#[utoipa::path(tag = "workplace-monitoring", security(("oauth2" = [RecordWorkplaceMonitoring])), params(IfMatchHeader),
    responses((status = 200, description = "Ended.", body = WorkplaceMonitoring), Fails<404, 409, 412, 428>))]
#[post("/v1/workplace-monitoring/{id}/end")]
async fn end_workplace_monitoring(
    caller: Caller<RecordWorkplaceMonitoring>,
    id: Path<WorkplaceMonitoringId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<WorkplaceMonitoring>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), *id)?;
            let left = workplace::allowed(row.state, true);
            if left.is_empty() {
                return Err(Problem::state_conflict(left));
            }
            seen.check(row.version)?;
            row.state = WorkplaceMonitoringState::Ended;
            row.ends_on = Some(row.ends_on.map_or(me.today(), |planned| planned.min(me.today())));
            (row.ended_at, row.ended_by) = (Some(me.now()), me.person());
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::WorkplaceMonitoringEnded, row.id.uuid()).state(row.state))?;
            Versioned::new(&view(me, row))
        })
        .await
}
