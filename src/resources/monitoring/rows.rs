//! Monitoring checks in the database.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};

use super::rules::FindingKind;
use crate::clock::Instant;
use crate::db::schema::{accounts, monitoring_checks, monitoring_findings, monitoring_states};
use crate::db::types::{AccountId, MonitoringCheckId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::monitoring::{Limits, MonitoringLevel, Watched};
use crate::problem::Problem;
use crate::resources::accounts::AccountState;
use crate::resources::accounts::rows::{Sight, run_by, visible};

/// One row of `monitoring_checks`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = monitoring_checks)]
pub struct CheckRow {
    pub school_id: SchoolId,
    pub id: MonitoringCheckId,
    pub account_id: AccountId,
    /// The school's local day of the check.
    pub checked_on: NaiveDate,
    pub checked_at: Instant,
    pub checked_by: PersonId,
    pub note: Option<String>,
    pub created_at: Instant,
}

/// One row of `monitoring_findings`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = monitoring_findings)]
pub struct FindingRow {
    pub school_id: SchoolId,
    pub check_id: MonitoringCheckId,
    /// Its place in the list.
    pub number: i32,
    pub kind: FindingKind,
    pub note: Option<String>,
}

/// One row of `monitoring_states`: an account's last check, and what the log says of it since.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = monitoring_states, primary_key(school_id, account_id), treat_none_as_null = true)]
pub struct StateRow {
    pub school_id: SchoolId,
    pub account_id: AccountId,
    pub last_checked_on: Option<NaiveDate>,
    pub last_checked_at: Option<Instant>,
    /// The worst level that was recorded since the account was green.
    pub recorded_level: Option<MonitoringLevel>,
    pub recorded_at: Option<Instant>,
}

impl StateRow {
    /// Of an account that nobody has checked.
    pub fn new(school_id: SchoolId, account_id: AccountId) -> Self {
        Self { school_id, account_id, last_checked_on: None, last_checked_at: None, recorded_level: None, recorded_at: None }
    }

    /// What counts of an account that was activated then.
    pub fn watched(&self, activated_at: Instant) -> Watched {
        Watched { activated_at: *activated_at, last_checked_on: self.last_checked_on, last_checked_at: self.last_checked_at.map(|at| *at) }
    }
}

/// Which checks a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub accounts: Vec<AccountId>,
    pub findings: Vec<FindingKind>,
    pub checked_from: Option<Instant>,
    pub checked_to: Option<Instant>,
}

/// Where a page of checks starts: by their time, and then by id.
pub type Key = (Instant, MonitoringCheckId);

type Query<'a> = monitoring_checks::BoxedQuery<'a, MultiBackend>;

fn seen<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = monitoring_checks::table.filter(monitoring_checks::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(monitoring_checks::account_id.eq_any(run_by(school, person))),
    }
}

/// The check, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: MonitoringCheckId) -> Result<CheckRow, Problem> {
    let row = seen(school, sight).filter(monitoring_checks::id.eq(id)).select(CheckRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page of checks, oldest first.
pub fn listing<'a>(school: SchoolId, sight: Sight, filter: &Filter, window: &Window<Key>) -> Query<'a> {
    let mut query = seen(school, sight).order((monitoring_checks::checked_at, monitoring_checks::id)).limit(window.fetch());
    // One account is the second column of an index whose next ones are the order.
    if let [account] = filter.accounts[..] {
        query = query.filter(monitoring_checks::account_id.eq(account));
    } else if !filter.accounts.is_empty() {
        query = query.filter(monitoring_checks::account_id.eq_any(filter.accounts.clone()));
    }
    if !filter.findings.is_empty() {
        let with_one = monitoring_findings::table
            .filter(monitoring_findings::school_id.eq(school))
            .filter(monitoring_findings::kind.eq_any(filter.findings.clone()));
        query = query.filter(monitoring_checks::id.eq_any(with_one.select(monitoring_findings::check_id)));
    }
    if let Some(from) = filter.checked_from {
        query = query.filter(monitoring_checks::checked_at.ge(from));
    }
    if let Some(to) = filter.checked_to {
        query = query.filter(monitoring_checks::checked_at.lt(to));
    }
    if let Some((at, id)) = window.after {
        query = query
            .filter(monitoring_checks::checked_at.ge(at))
            .filter(monitoring_checks::checked_at.gt(at).or(monitoring_checks::id.gt(id)));
    }
    query
}

/// One page of checks.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, sight: Sight, filter: &Filter, window: &Window<Key>) -> QueryResult<Vec<CheckRow>> {
    listing(school, sight, filter, window).select(CheckRow::as_select()).load(conn)
}

/// What several checks found, in the order in which it was told.
///
/// # Errors
/// Where the database gives none.
pub fn findings_of(
    conn: &mut Conn,
    school: SchoolId,
    ids: &[MonitoringCheckId],
) -> QueryResult<HashMap<MonitoringCheckId, Vec<FindingRow>>> {
    let rows: Vec<FindingRow> = monitoring_findings::table
        .filter(monitoring_findings::school_id.eq(school))
        .filter(monitoring_findings::check_id.eq_any(ids))
        .order((monitoring_findings::check_id, monitoring_findings::number))
        .select(FindingRow::as_select())
        .load(conn)?;
    let mut by_check: HashMap<MonitoringCheckId, Vec<FindingRow>> = HashMap::new();
    for row in rows {
        by_check.entry(row.check_id).or_default().push(row);
    }
    Ok(by_check)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, check: &CheckRow, findings: &[FindingRow]) -> QueryResult<()> {
    diesel::insert_into(monitoring_checks::table).values(check).execute(tx)?;
    for finding in findings {
        diesel::insert_into(monitoring_findings::table).values(finding).execute(tx)?;
    }
    Ok(())
}

/// The days from `since` on that have a check.
///
/// # Errors
/// Where the database gives none.
pub fn checked_days(conn: &mut Conn, school: SchoolId, account: AccountId, since: NaiveDate) -> QueryResult<BTreeSet<NaiveDate>> {
    let days: Vec<NaiveDate> = monitoring_checks::table
        .filter(monitoring_checks::school_id.eq(school))
        .filter(monitoring_checks::account_id.eq(account))
        .filter(monitoring_checks::checked_on.ge(since))
        .select(monitoring_checks::checked_on)
        .distinct()
        .load(conn)?;
    Ok(days.into_iter().collect())
}

/// An account's last check, and what the log says of it since.
///
/// # Errors
/// Where the database gives none.
pub fn state(conn: &mut Conn, school: SchoolId, account: AccountId) -> QueryResult<StateRow> {
    let found = monitoring_states::table.find((school, account)).select(StateRow::as_select()).first(conn).optional()?;
    Ok(found.unwrap_or_else(|| StateRow::new(school, account)))
}

/// # Errors
/// Where the database gives none.
pub fn save_state(tx: &mut Conn, state: &StateRow) -> QueryResult<()> {
    if diesel::update(monitoring_states::table.find((state.school_id, state.account_id))).set(state).execute(tx)? == 0 {
        diesel::insert_into(monitoring_states::table).values(state).execute(tx)?;
    }
    Ok(())
}

type Holds = Box<dyn BoxableExpression<accounts::table, MultiBackend, SqlType = Nullable<Bool>>>;

/// Whether an account in use is at this level: what `Thresholds::standing` says, for the engines.
fn is_at(level: MonitoringLevel, school: SchoolId, limits: Limits) -> Holds {
    let of_school = || monitoring_states::table.filter(monitoring_states::school_id.eq(school)).select(monitoring_states::account_id);
    let checked_lately = of_school().filter(monitoring_states::last_checked_on.ge(limits.unchecked_since));
    let missed = accounts::activated_at.lt(Instant::from(limits.activated_before)).and(accounts::id.ne_all(checked_lately));
    let untouched_since = Instant::from(limits.untouched_since);
    let touched = of_school().filter(monitoring_states::last_checked_at.gt(untouched_since));
    let untouched = accounts::activated_at.le(untouched_since).and(accounts::id.ne_all(touched));
    match level {
        MonitoringLevel::Green => Box::new(not(missed)),
        MonitoringLevel::Amber => Box::new(missed.and(not(untouched))),
        MonitoringLevel::Red => Box::new(missed.and(untouched)),
    }
}

fn in_use<'a>(school: SchoolId, sight: Sight) -> accounts::BoxedQuery<'a, MultiBackend> {
    visible(school, sight).filter(accounts::state.eq_any(AccountState::IN_USE)).order(accounts::id)
}

/// One page of the accounts in use at one of these levels (at any, where none is named), oldest first, each with the
/// instant of its activation.
///
/// # Errors
/// Where the database gives none.
pub fn watched(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    levels: &[MonitoringLevel],
    limits: Limits,
    window: &Window<AccountId>,
) -> QueryResult<Vec<(StateRow, Instant)>> {
    let mut query = in_use(school, sight).limit(window.fetch());
    if let Some(wanted) = levels.iter().map(|level| is_at(*level, school, limits)).reduce(|one, other| Box::new(one.or(other))) {
        query = query.filter(wanted);
    }
    if let Some(after) = window.after {
        query = query.filter(accounts::id.gt(after));
    }
    let found: Vec<(AccountId, Instant)> = query.select((accounts::id, accounts::activated_at.assume_not_null())).load(conn)?;
    let ids: Vec<AccountId> = found.iter().map(|(id, _)| *id).collect();
    let states: Vec<StateRow> = monitoring_states::table
        .filter(monitoring_states::school_id.eq(school))
        .filter(monitoring_states::account_id.eq_any(ids))
        .select(StateRow::as_select())
        .load(conn)?;
    let mut states: HashMap<AccountId, StateRow> = states.into_iter().map(|state| (state.account_id, state)).collect();
    let mut state = |id| states.remove(&id).unwrap_or_else(|| StateRow::new(school, id));
    Ok(found.into_iter().map(|(id, activated_at)| (state(id), activated_at)).collect())
}

/// Records that accounts have come down to a level, at most `most` of them, for the job: each once until it is green
/// again. What was recorded as red is not recorded as amber after it.
///
/// # Errors
/// Where the database gives none.
pub fn record_lapsed(
    tx: &mut Conn,
    school: SchoolId,
    level: MonitoringLevel,
    limits: Limits,
    now: Instant,
    most: i64,
) -> QueryResult<Vec<AccountId>> {
    let recorded = monitoring_states::table
        .filter(monitoring_states::school_id.eq(school))
        .filter(monitoring_states::recorded_level.eq_any([level, MonitoringLevel::Red]))
        .select(monitoring_states::account_id);
    let lapsed: Vec<AccountId> = in_use(school, Sight::All)
        .filter(is_at(level, school, limits))
        .filter(accounts::id.ne_all(recorded))
        .limit(most)
        .select(accounts::id)
        .load(tx)?;
    let known = monitoring_states::table.filter(monitoring_states::school_id.eq(school)).select(monitoring_states::account_id);
    let unknown = accounts::table
        .filter(accounts::school_id.eq(school))
        .filter(accounts::id.eq_any(lapsed.clone()))
        .filter(accounts::id.ne_all(known))
        .select((accounts::school_id, accounts::id));
    diesel::insert_into(monitoring_states::table)
        .values(unknown)
        .into_columns((monitoring_states::school_id, monitoring_states::account_id))
        .execute(tx)?;
    diesel::update(
        monitoring_states::table
            .filter(monitoring_states::school_id.eq(school))
            .filter(monitoring_states::account_id.eq_any(lapsed.clone())),
    )
    .set((monitoring_states::recorded_level.eq(Some(level)), monitoring_states::recorded_at.eq(Some(now))))
    .execute(tx)?;
    Ok(lapsed)
}
