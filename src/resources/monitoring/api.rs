//! The operations on monitoring checks.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::coverage;
use super::rows::{self, CheckRow, Filter, FindingRow, Key};
use super::rules::{self, FindingKind};
use crate::access::caller::Caller;
use crate::access::permissions::{LogMonitoringCheck, ReadMonitoring};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, IncidentId, MonitoringCheckId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{Valid, objects};
use crate::http::document::Fails;
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::{Day, Prose, present};
use crate::page::{Page, Window, paged};
use crate::policy::deadline::local_day;
use crate::policy::monitoring::MonitoringLevel;
use crate::problem::{Code, Problem};
use crate::resources::accounts::rows::{Account, Sight};
use crate::resources::schools::rows::SchoolRow;
use crate::resources::{accounts, incidents, schools};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_monitoring_checks)
        .service(log_monitoring_check)
        .service(find_monitoring_check)
        .service(coverage::list_monitoring_coverage)
        .service(coverage::find_monitoring_coverage);
}

/// Somebody looked at an account (MON-1). It is never changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d1", "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "checked_on": "2026-01-17",
    "checked_at": "2026-01-17T08:00:00Z", "checked_by": "0198a4b2-6f00-7000-8000-000000000002",
    "findings": [{ "kind": "unanswered_comment", "note": "A question about the fair." }], "created_at": "2026-01-17T08:05:00Z"
}))]
pub struct MonitoringCheck {
    pub id: MonitoringCheckId,
    pub account_id: AccountId,
    /// The school's local day of the check: each day counts once.
    pub checked_on: Day,
    pub checked_at: Instant,
    pub checked_by: PersonId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub note: Option<String>,
    #[schema(max_items = 20)]
    pub findings: Vec<Finding>,
    /// When it was logged.
    pub created_at: Instant,
}

type MonitoringCheckPage = Page<MonitoringCheck>;

impl Resource for MonitoringCheck {
    fn location(&self) -> String {
        format!("/v1/monitoring-checks/{}", self.id)
    }
    /// There is never another one.
    fn version(&self) -> i64 {
        1
    }
}

/// Something that a check found (MON-3).
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub kind: FindingKind,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub note: Option<Prose<500>>,
}

/// A check of an account.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "0198a4b2-6f00-7000-8000-00000000000a",
    "findings": [{ "kind": "unanswered_comment", "note": "A question about the fair." }]
}))]
pub struct NewMonitoringCheck {
    pub account_id: AccountId,
    /// Now, if absent; at most 7 days back.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub checked_at: Option<Instant>,
    #[serde(default, deserialize_with = "objects")]
    #[validate(length(max = 20), nested)]
    #[schema(max_items = 20)]
    pub findings: Vec<Finding>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub note: Option<Prose<2000>>,
    /// The incident that was reported of what was found: needed where it is bullying. It is not kept with the check.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub incident_id: Option<IncidentId>,
}

/// Which checks to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MonitoringCheckQuery {
    /// Of one of these accounts.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub account_id: Vec<AccountId>,
    /// Which found one of these.
    #[serde(default)]
    #[validate(length(max = 8))]
    #[param(max_items = 8)]
    pub finding: Vec<FindingKind>,
    /// At or after this instant.
    #[param(nullable = false)]
    pub checked_from: Option<Instant>,
    /// Before this instant.
    #[param(nullable = false)]
    pub checked_to: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(MonitoringCheckQuery);

/// The accounts whose checks this caller may see: all of the school's, or those that they run.
pub(super) fn sight(me: &Caller<ReadMonitoring>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view(row: CheckRow, findings: Vec<FindingRow>) -> MonitoringCheck {
    let finding = |row: FindingRow| Finding { kind: row.kind, note: row.note.as_deref().map(Prose::from) };
    MonitoringCheck {
        id: row.id,
        account_id: row.account_id,
        checked_on: Day(row.checked_on),
        checked_at: row.checked_at,
        checked_by: row.checked_by,
        note: row.note,
        findings: findings.into_iter().map(finding).collect(),
        created_at: row.created_at,
    }
}

/// List monitoring checks.
///
/// Oldest first. Managers see the checks of the accounts that they run (MON-1).
#[utoipa::path(tag = "monitoring", security(("oauth2" = [ReadMonitoring])), params(MonitoringCheckQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((MonitoringCheckPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/monitoring-checks")]
async fn list_monitoring_checks(
    caller: Caller<ReadMonitoring>,
    query: Query<MonitoringCheckQuery>,
    format: Format,
) -> Result<Listed<MonitoringCheck>, Problem> {
    listed(caller, "/v1/monitoring-checks", query, format, |conn, me, query, window: &Window<Key>| {
        let filter = Filter {
            accounts: query.account_id.clone(),
            findings: query.finding.clone(),
            checked_from: query.checked_from,
            checked_to: query.checked_to,
        };
        let checks = rows::list(conn, me.school(), sight(me), &filter, window)?;
        let ids: Vec<MonitoringCheckId> = checks.iter().map(|row| row.id).collect();
        let mut findings = rows::findings_of(conn, me.school(), &ids)?;
        Ok(window.page(
            checks,
            |row| (row.checked_at, row.id),
            |row| {
                let found = findings.remove(&row.id).unwrap_or_default();
                view(row, found)
            },
        ))
    })
    .await
}

/// Log a monitoring check of an account.
///
/// Each account is looked at on each day of the week, in the holidays too (MON-1): by the IT technician (R-IT-3), the
/// headteacher, or those who run the account. A check is logged within 7 days of its doing, and not before. Bullying
/// that it finds is reported as an incident first, which the check is linked to (MON-3). The account is in use (R-IT-1).
#[utoipa::path(tag = "monitoring", security(("oauth2" = [LogMonitoringCheck])), request_body = NewMonitoringCheck,
    responses((status = 201, description = "Logged.", body = MonitoringCheck)))]
#[post("/v1/monitoring-checks")]
async fn log_monitoring_check(
    caller: Caller<LogMonitoringCheck>,
    new: Valid<NewMonitoringCheck>,
) -> Result<Created<MonitoringCheck>, Problem> {
    caller
        .write(move |tx, me| {
            let (new, now) = (new.into_inner(), me.now());
            let checked_by = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            let account = accounts::named(tx, me, new.account_id)?;
            accounts::rules::check_in_use(account.row.state)?;
            let checked_at = new.checked_at.unwrap_or(now);
            rules::check_time(checked_at, now)?;
            let bullying = new.findings.iter().any(|finding| finding.kind == FindingKind::Bullying);
            rules::check_followed_up(bullying, new.incident_id.is_some())?;
            let incident = new.incident_id.map(|id| incidents::named(tx, me, id)).transpose()?;
            let school = schools::rows::find(tx, me.school())?;
            let check = CheckRow {
                school_id: me.school(),
                id: MonitoringCheckId::new(),
                account_id: account.row.id,
                checked_on: local_day(*checked_at, school.zone()),
                checked_at,
                checked_by,
                note: new.note.map(Prose::into_inner),
                created_at: now,
            };
            let finding = |(number, finding): (i32, Finding)| FindingRow {
                school_id: me.school(),
                check_id: check.id,
                number,
                kind: finding.kind,
                note: finding.note.map(Prose::into_inner),
            };
            let findings: Vec<FindingRow> = (1..).zip(new.findings).map(finding).collect();
            rows::insert(tx, &check, &findings)?;
            let (check_id, account_id) = (check.id.uuid(), check.account_id.uuid());
            let mut happened = vec![Event::new(EventType::MonitoringCheckLogged, check_id).related("account_id", account_id)];
            if let Some(incident) = incident {
                incidents::rows::link_check(tx, &incident, check.id)?;
            }
            if bullying {
                happened.push(Event::new(EventType::BullyingFound, check_id).related("account_id", account_id));
            }
            if take_note(tx, &school, &account, &check)? {
                happened.push(Event::new(EventType::AccountMonitoringResumed, account_id).related("monitoring_check_id", check_id));
            }
            events::record_all(tx, me, happened)?;
            Created::new(&view(check, findings))
        })
        .await
}

/// Takes a check into the account's state. Says whether a lapse that was recorded ends with it: a check of days ago
/// may leave one as it is.
fn take_note(tx: &mut Conn, school: &SchoolRow, account: &Account, check: &CheckRow) -> Result<bool, Problem> {
    let mut state = rows::state(tx, school.id, account.row.id)?;
    state.last_checked_on = state.last_checked_on.max(Some(check.checked_on));
    state.last_checked_at = state.last_checked_at.max(Some(check.checked_at));
    let activated_at = account.row.activated_at.unwrap_or(check.created_at);
    let standing = school.thresholds().standing(&state.watched(activated_at), school.zone(), *check.created_at);
    let resumed = state.recorded_level.is_some() && standing.level == MonitoringLevel::Green;
    if resumed {
        (state.recorded_level, state.recorded_at) = (None, None);
    }
    rows::save_state(tx, &state)?;
    Ok(resumed)
}

/// Find a monitoring check.
#[utoipa::path(tag = "monitoring", security(("oauth2" = [ReadMonitoring])),
    responses((status = 200, description = "The check.", body = MonitoringCheck), Fails<404>))]
#[get("/v1/monitoring-checks/{id}")]
async fn find_monitoring_check(caller: Caller<ReadMonitoring>, id: Path<MonitoringCheckId>) -> Result<Plain<MonitoringCheck>, Problem> {
    caller
        .read(move |conn, me| {
            let check = rows::find(conn, me.school(), sight(me), *id)?;
            let findings = rows::findings_of(conn, me.school(), &[check.id])?.remove(&check.id).unwrap_or_default();
            Plain::new(&view(check, findings))
        })
        .await
}
