//! The operations on how the accounts are covered by checks.

use std::ops::RangeInclusive;

use actix_web::get;
use actix_web::web::Path;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::api::sight;
use super::rows::{self, StateRow};
use crate::access::caller::Caller;
use crate::access::permissions::ReadMonitoring;
use crate::clock::Instant;
use crate::db::types::AccountId;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::Plain;
use crate::http::text::Day;
use crate::page::{Page, Window};
use crate::policy::deadline::local_day;
use crate::policy::monitoring::{self, MOST_DAYS, MonitoringLevel};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::{accounts, schools};

/// Days before the last one that are shown, where the caller does not say.
const DAYS_BEFORE: Days = Days::new(27);

/// How the days of an account are covered by checks (MON-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "first_on": "2026-08-03", "last_on": "2026-08-09", "days": 7, "days_checked": 5,
    "percent": 71, "gaps": ["2026-08-08", "2026-08-09"], "streak": 0, "missed_in_a_row": 2, "level": "red",
    "last_checked_at": "2026-08-07T08:00:00Z"
}))]
pub struct MonitoringCoverage {
    pub account_id: AccountId,
    /// The first day that was asked for.
    pub first_on: Day,
    /// The last day that was asked for.
    pub last_on: Day,
    /// How many of these days count: from the account's activation to its closing, and over or checked already.
    #[schema(minimum = 0, maximum = 366)]
    pub days: usize,
    /// How many of them have a check; each counts once.
    #[schema(minimum = 0, maximum = 366)]
    pub days_checked: usize,
    /// Rounded down; absent where no day counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100, nullable = false)]
    pub percent: Option<usize>,
    /// The days without a check.
    #[schema(max_items = 366)]
    pub gaps: Vec<Day>,
    /// Days in a row with a check, up to today or yesterday; counted up to 366.
    #[schema(minimum = 0, maximum = 366)]
    pub streak: usize,
    /// Days in a row without one, up to yesterday.
    #[schema(minimum = 0)]
    pub missed_in_a_row: i64,
    /// Absent where the account is not in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub level: Option<MonitoringLevel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_checked_at: Option<Instant>,
}

/// How an account in use is monitored now (MON-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "level": "amber", "missed_in_a_row": 1, "last_checked_at": "2026-01-15T08:00:00Z"
}))]
pub struct AccountMonitoring {
    pub account_id: AccountId,
    pub level: MonitoringLevel,
    /// Days in a row without a check, up to yesterday.
    #[schema(minimum = 0)]
    pub missed_in_a_row: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_checked_at: Option<Instant>,
}

type AccountMonitoringPage = Page<AccountMonitoring>;

/// Which days to count.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CoverageQuery {
    /// The first day; if absent, 27 days before the last one.
    #[param(nullable = false)]
    pub from: Option<Day>,
    /// The last day, itself included; today, if absent. At most 366 days are counted at once.
    #[param(nullable = false)]
    pub to: Option<Day>,
}

/// Which accounts to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountMonitoringQuery {
    /// At one of these levels.
    #[serde(default)]
    #[validate(length(max = 3))]
    #[param(max_items = 3)]
    pub level: Vec<MonitoringLevel>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

impl CoverageQuery {
    fn window(&self, today: NaiveDate) -> Result<RangeInclusive<NaiveDate>, Problem> {
        let last = self.to.map_or(today, |day| day.0);
        let first = self.from.map_or(last - DAYS_BEFORE, |day| day.0);
        let wrong = |detail: &str| Problem::new(Code::MalformedQuery).with_errors(vec![FieldError::new("from", "out_of_range", detail)]);
        if first > last {
            return Err(wrong("The first day lies after the last one."));
        }
        if first.iter_days().take_while(|day| *day <= last).nth(MOST_DAYS).is_some() {
            return Err(wrong("At most 366 days are counted at once."));
        }
        Ok(first..=last)
    }
}

/// Tell how the days of an account are covered by checks.
///
/// Seven days a week, weekends and holidays included (MON-1). Days before the account's activation and after its
/// closing do not count, and a day is no gap before it is over. The last 28 days, if none are named.
#[utoipa::path(tag = "monitoring", security(("oauth2" = [ReadMonitoring])), params(CoverageQuery),
    responses((status = 200, description = "The coverage.", body = MonitoringCoverage), Fails<404>))]
#[get("/v1/accounts/{id}/monitoring-coverage")]
pub async fn find_monitoring_coverage(
    caller: Caller<ReadMonitoring>,
    id: Path<AccountId>,
    query: Query<CoverageQuery>,
) -> Result<Plain<MonitoringCoverage>, Problem> {
    let window = query.window(caller.today())?;
    caller
        .read(move |conn, me| {
            let account = accounts::rows::find(conn, me.school(), sight(me), *id)?.row;
            let school = schools::rows::find(conn, me.school())?;
            let state = rows::state(conn, me.school(), account.id)?;
            let day = |at: Instant| local_day(*at, school.zone());
            let today = account.closed_at.map_or(me.today(), day);
            let since = *window.start().min(&(today - Days::new(MOST_DAYS as u64)));
            let checked = rows::checked_days(conn, me.school(), account.id, since)?;
            let first_day = account.activated_at.map(day);
            let coverage = first_day.map(|first_day| monitoring::coverage(&checked, first_day, &window, today)).unwrap_or_default();
            let standing = |at| school.thresholds().standing(&state.watched(at), school.zone(), *me.now());
            Plain::new(&MonitoringCoverage {
                account_id: account.id,
                first_on: Day(*window.start()),
                last_on: Day(*window.end()),
                days: coverage.days,
                days_checked: coverage.days_checked,
                percent: coverage.percent,
                gaps: coverage.gaps.into_iter().map(Day).collect(),
                streak: coverage.streak,
                missed_in_a_row: first_day.map_or(0, |first_day| monitoring::missed_in_a_row(first_day, state.last_checked_on, today)),
                level: account.activated_at.filter(|_| account.state.is_in_use()).map(|at| standing(at).level),
                last_checked_at: state.last_checked_at,
            })
        })
        .await
}

/// List how the accounts in use are monitored (MON-1).
///
/// Oldest account first. Managers see the accounts that they run. Amber after `monitoring_amber_days` missed days in a
/// row; red when, besides, the last check lies `monitoring_red_hours` back: both are settings of the school.
#[utoipa::path(tag = "monitoring", security(("oauth2" = [ReadMonitoring])), params(AccountMonitoringQuery),
    responses((status = 200, description = "One page.", body = AccountMonitoringPage)))]
#[get("/v1/monitoring-coverage")]
pub async fn list_monitoring_coverage(
    caller: Caller<ReadMonitoring>,
    query: Query<AccountMonitoringQuery>,
) -> Result<Plain<AccountMonitoringPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("monitoring-coverage", &query.0))?;
    let levels = query.level.clone();
    let page = caller
        .read(move |conn, me| {
            let school = schools::rows::find(conn, me.school())?;
            let (zone, thresholds) = (school.zone(), school.thresholds());
            let limits = thresholds.limits(zone, *me.now());
            let accounts = rows::watched(conn, me.school(), sight(me), &levels, limits, &window)?;
            let view = |(state, activated_at): (StateRow, Instant)| {
                let standing = thresholds.standing(&state.watched(activated_at), zone, *me.now());
                AccountMonitoring {
                    account_id: state.account_id,
                    level: standing.level,
                    missed_in_a_row: standing.missed_in_a_row,
                    last_checked_at: state.last_checked_at,
                }
            };
            Ok(window.page(accounts, |(state, _)| state.account_id, view))
        })
        .await?;
    Plain::page(&page, "/v1/monitoring-coverage", &query.0, query.limit)
}
