//! Business cases in the database.

use std::collections::HashMap;

use diesel::prelude::*;

use super::rules::BusinessCaseState;
use crate::clock::Instant;
use crate::db::schema::{business_case_contributors, business_case_managers, business_cases};
use crate::db::types::{BusinessCaseId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::platforms::{Audience, Platform, Visibility};
use crate::problem::Problem;
use crate::words::split;

/// One row of `business_cases`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = business_cases, primary_key(school_id, id), treat_none_as_null = true)]
pub struct BusinessCaseRow {
    pub school_id: SchoolId,
    pub id: BusinessCaseId,
    pub state: BusinessCaseState,
    pub proposer_id: PersonId,
    /// Proposed by somebody who is not staff.
    pub community: bool,
    pub name: String,
    pub platform: Option<Platform>,
    pub platform_other_name: Option<String>,
    pub aim: Option<String>,
    /// Words, separated by spaces.
    pub audiences: String,
    pub direct_messages_enabled: bool,
    pub promotion_plan: Option<String>,
    pub visibility: Option<Visibility>,
    pub submitted_at: Option<Instant>,
    pub submitted_by: Option<PersonId>,
    pub decided_at: Option<Instant>,
    pub decided_by: Option<PersonId>,
    pub decision_reason: Option<String>,
    pub lapses_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl BusinessCaseRow {
    pub fn audiences(&self) -> Vec<Audience> {
        split(&self.audiences)
    }
}

/// Somebody named to run the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable)]
pub struct Manager {
    pub person_id: PersonId,
    pub lead: bool,
}

/// A business case with the people that it names.
#[derive(Clone, Debug)]
pub struct BusinessCase {
    pub row: BusinessCaseRow,
    pub managers: Vec<Manager>,
    /// Who drafted, edited or submitted it.
    pub contributors: Vec<PersonId>,
}

impl BusinessCase {
    /// Drafted, edited or submitted it, or is named to run the account.
    pub fn has_part(&self, person: PersonId) -> bool {
        self.contributors.contains(&person) || self.managers.iter().any(|manager| manager.person_id == person)
    }
}

/// What a caller may see of a school's cases.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    /// Everything: for the program's own decisions, not for showing.
    All,
    /// Everything but what other members of staff have not submitted.
    Staff(PersonId),
    /// What the person proposed or is named in.
    Own(PersonId),
}

/// Which cases a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<BusinessCaseState>,
    pub updated_since: Option<Instant>,
}

type Query<'a> = business_cases::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let named = |person: PersonId| {
        business_case_managers::table
            .filter(business_case_managers::school_id.eq(school))
            .filter(business_case_managers::person_id.eq(person))
            .select(business_case_managers::business_case_id)
    };
    let cases = business_cases::table.filter(business_cases::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => cases,
        Sight::Own(person) => cases.filter(business_cases::proposer_id.eq(person).or(business_cases::id.eq_any(named(person)))),
        Sight::Staff(person) => cases.filter(
            business_cases::submitted_at
                .is_not_null()
                .or(business_cases::community.eq(true))
                .or(business_cases::proposer_id.eq(person))
                .or(business_cases::id.eq_any(named(person))),
        ),
    }
}

/// The ids of the cases that others than `person` have not submitted yet and keep to themselves.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn kept_from(school: SchoolId, person: PersonId) -> _ {
    let named = business_case_managers::table
        .filter(business_case_managers::school_id.eq(school))
        .filter(business_case_managers::person_id.eq(person))
        .select(business_case_managers::business_case_id);
    business_cases::table
        .filter(business_cases::school_id.eq(school))
        .filter(business_cases::submitted_at.is_null())
        .filter(business_cases::community.eq(false))
        .filter(business_cases::proposer_id.ne(person))
        .filter(business_cases::id.ne_all(named))
        .select(business_cases::id)
}

/// The case, as far as this caller may see it.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, sight: Sight, id: BusinessCaseId) -> Result<Option<BusinessCase>, Problem> {
    let row: Option<BusinessCaseRow> =
        visible(school, sight).filter(business_cases::id.eq(id)).select(BusinessCaseRow::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    Ok(complete(conn, school, vec![row])?.pop())
}

/// The case, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: BusinessCaseId) -> Result<BusinessCase, Problem> {
    look_up(conn, school, sight, id)?.ok_or_else(Problem::not_found)
}

/// One page of cases, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<BusinessCaseId>,
) -> Result<Vec<BusinessCase>, Problem> {
    let mut query = visible(school, sight).order(business_cases::id).limit(window.fetch());
    if !filter.states.is_empty() {
        query = query.filter(business_cases::state.eq_any(filter.states.clone()));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(business_cases::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(business_cases::id.gt(after));
    }
    let rows: Vec<BusinessCaseRow> = query.select(BusinessCaseRow::as_select()).load(conn)?;
    complete(conn, school, rows)
}

/// The cases with the people who have a part in them.
fn complete(conn: &mut Conn, school: SchoolId, rows: Vec<BusinessCaseRow>) -> Result<Vec<BusinessCase>, Problem> {
    let ids: Vec<BusinessCaseId> = rows.iter().map(|row| row.id).collect();
    let mut managers = managers(conn, school, &ids)?;
    let contributors: Vec<(BusinessCaseId, PersonId)> = business_case_contributors::table
        .filter(business_case_contributors::school_id.eq(school))
        .filter(business_case_contributors::business_case_id.eq_any(&ids))
        .select((business_case_contributors::business_case_id, business_case_contributors::person_id))
        .load(conn)?;
    let of = |id| contributors.iter().filter(|(case, _)| *case == id).map(|(_, person)| *person).collect();
    let case =
        |row: BusinessCaseRow| BusinessCase { managers: managers.remove(&row.id).unwrap_or_default(), contributors: of(row.id), row };
    Ok(rows.into_iter().map(case).collect())
}

/// Records that somebody drafted, edited or submitted the case.
///
/// # Errors
/// Where the database gives none.
pub fn take_part(tx: &mut Conn, case: &mut BusinessCase, person: PersonId) -> QueryResult<()> {
    if case.contributors.contains(&person) {
        return Ok(());
    }
    diesel::insert_into(business_case_contributors::table)
        .values((
            business_case_contributors::school_id.eq(case.row.school_id),
            business_case_contributors::business_case_id.eq(case.row.id),
            business_case_contributors::person_id.eq(person),
        ))
        .execute(tx)?;
    case.contributors.push(person);
    Ok(())
}

fn managers(conn: &mut Conn, school: SchoolId, ids: &[BusinessCaseId]) -> QueryResult<HashMap<BusinessCaseId, Vec<Manager>>> {
    let rows: Vec<(BusinessCaseId, Manager)> = business_case_managers::table
        .filter(business_case_managers::school_id.eq(school))
        .filter(business_case_managers::business_case_id.eq_any(ids))
        .order((business_case_managers::business_case_id, business_case_managers::lead.desc(), business_case_managers::person_id))
        .select((business_case_managers::business_case_id, (business_case_managers::person_id, business_case_managers::lead)))
        .load(conn)?;
    let mut by_case: HashMap<BusinessCaseId, Vec<Manager>> = HashMap::new();
    for (id, manager) in rows {
        by_case.entry(id).or_default().push(manager);
    }
    Ok(by_case)
}

/// Stores a new case.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, case: &BusinessCase) -> Result<(), Problem> {
    diesel::insert_into(business_cases::table).values(&case.row).execute(tx)?;
    insert_managers(tx, case)
}

/// Stores a changed case under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, case: &mut BusinessCase, now: Instant) -> Result<(), Problem> {
    let read = case.row.version;
    case.row.version += 1;
    case.row.updated_at = now;
    let row = &case.row;
    let saved = diesel::update(business_cases::table.find((row.school_id, row.id)).filter(business_cases::version.eq(read)))
        .set(row)
        .execute(tx)?;
    precondition::saved(saved)
}

/// Replaces the people that a case names.
///
/// # Errors
/// Where the database gives none.
pub fn replace_managers(tx: &mut Conn, case: &BusinessCase) -> Result<(), Problem> {
    diesel::delete(
        business_case_managers::table
            .filter(business_case_managers::school_id.eq(case.row.school_id))
            .filter(business_case_managers::business_case_id.eq(case.row.id)),
    )
    .execute(tx)?;
    insert_managers(tx, case)
}

fn insert_managers(tx: &mut Conn, case: &BusinessCase) -> Result<(), Problem> {
    for manager in &case.managers {
        diesel::insert_into(business_case_managers::table)
            .values((
                business_case_managers::school_id.eq(case.row.school_id),
                business_case_managers::business_case_id.eq(case.row.id),
                business_case_managers::person_id.eq(manager.person_id),
                business_case_managers::lead.eq(manager.lead),
            ))
            .execute(tx)?;
    }
    Ok(())
}

/// Lets approved cases whose time is over lapse, at most `most`, for the job.
///
/// # Errors
/// Where the database gives none.
pub fn lapse(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<BusinessCaseId>> {
    let ids: Vec<BusinessCaseId> = business_cases::table
        .filter(business_cases::school_id.eq(school))
        .filter(business_cases::state.eq(BusinessCaseState::Approved))
        .filter(business_cases::lapses_at.le(Some(now)))
        .order(business_cases::id)
        .limit(most)
        .select(business_cases::id)
        .load(tx)?;
    diesel::update(business_cases::table.filter(business_cases::school_id.eq(school)).filter(business_cases::id.eq_any(&ids)))
        .set((
            business_cases::state.eq(BusinessCaseState::Lapsed),
            business_cases::version.eq(business_cases::version + 1),
            business_cases::updated_at.eq(now),
        ))
        .execute(tx)?;
    Ok(ids)
}
