//! Policies in the database.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{acknowledgements, policies, policy_versions, schools};
use crate::db::types::{PersonId, PolicyId, PolicyVersionId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::required::{Dependencies, PolicyKind};
use crate::problem::Problem;
use crate::resources::policy_versions::PolicyVersionState;

/// One row of `policies`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = policies, primary_key(school_id, id))]
pub struct PolicyRow {
    pub school_id: SchoolId,
    pub id: PolicyId,
    pub kind: PolicyKind,
    pub title: String,
    /// Words, separated by spaces.
    pub depends_on: String,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The kinds that a row names.
pub fn kinds(words: &str) -> Vec<PolicyKind> {
    words.split(' ').filter_map(|word| word.parse().ok()).collect()
}

/// The policy, or 404.
///
/// # Errors
/// 404 where the school has none of this id.
pub fn find(conn: &mut Conn, school: SchoolId, id: PolicyId) -> Result<PolicyRow, Problem> {
    let row = policies::table.find((school, id)).select(PolicyRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of policies, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, of: &[PolicyKind], window: &Window<PolicyId>) -> QueryResult<Vec<PolicyRow>> {
    let mut query = policies::table.filter(policies::school_id.eq(school)).order(policies::id).limit(window.fetch()).into_boxed();
    if !of.is_empty() {
        query = query.filter(policies::kind.eq_any(of.to_vec()));
    }
    if let Some(since) = window.updated_since {
        query = query.filter(policies::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(policies::id.gt(after));
    }
    query.select(PolicyRow::as_select()).load(conn)
}

/// What each policy of the school depends on.
///
/// # Errors
/// Where the database gives none.
pub fn dependencies(conn: &mut Conn, school: SchoolId) -> QueryResult<Dependencies> {
    let rows: Vec<(PolicyKind, String)> =
        policies::table.filter(policies::school_id.eq(school)).select((policies::kind, policies::depends_on)).load(conn)?;
    Ok(rows.into_iter().map(|(kind, words)| (kind, kinds(&words))).collect())
}

/// The published version of each of these policies that has one.
///
/// # Errors
/// Where the database gives none.
pub fn published(conn: &mut Conn, school: SchoolId, of: &[PolicyId]) -> QueryResult<HashMap<PolicyId, PolicyVersionId>> {
    let rows: Vec<(PolicyId, PolicyVersionId)> = policy_versions::table
        .filter(policy_versions::school_id.eq(school))
        .filter(policy_versions::policy_id.eq_any(of))
        .filter(policy_versions::state.eq(PolicyVersionState::Published))
        .select((policy_versions::policy_id, policy_versions::id))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &PolicyRow) -> QueryResult<()> {
    diesel::insert_into(policies::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed policy under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut PolicyRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let saved = diesel::update(policies::table.find((row.school_id, row.id)).filter(policies::version.eq(read))).set(&*row).execute(tx)?;
    precondition::saved(saved)
}

/// The schools that have no social media policy yet, with their names.
///
/// # Errors
/// Where the database gives none.
pub fn schools_without(conn: &mut Conn) -> QueryResult<Vec<(SchoolId, String)>> {
    let with = policies::table.filter(policies::kind.eq(PolicyKind::SocialMedia)).select(policies::school_id);
    schools::table.filter(schools::id.ne_all(with)).order(schools::id).select((schools::id, schools::name)).load(conn)
}

/// A policy in force, and who has acknowledged it.
#[derive(Clone, Debug)]
pub struct InForce {
    pub kind: PolicyKind,
    pub version_id: PolicyVersionId,
    pub number: i32,
    pub published_at: Instant,
    /// The number of the first version whose acknowledgement still counts.
    pub acknowledged_from: i32,
    /// Who has acknowledged a version that still counts.
    pub acknowledged_by: HashSet<PersonId>,
    /// When each last acknowledged any version.
    pub last_acknowledged_at: HashMap<PersonId, Instant>,
}

/// What is asked before somebody runs an account (ELIG-1): for `policy::required`.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub in_force: Vec<InForce>,
    pub depends_on: Dependencies,
}

/// Which of `people` have acknowledged which of the school's policies in force.
///
/// # Errors
/// Where the database gives none.
pub fn acknowledged(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<Acknowledged> {
    type Published = (PolicyId, PolicyKind, PolicyVersionId, i32, Option<Instant>, Option<i32>);
    let published: Vec<Published> = policy_versions::table
        .inner_join(policies::table.on(policies::school_id.eq(policy_versions::school_id).and(policies::id.eq(policy_versions::policy_id))))
        .filter(policy_versions::school_id.eq(school))
        .filter(policy_versions::state.eq(PolicyVersionState::Published))
        .order(policies::kind)
        .select((
            policies::id,
            policies::kind,
            policy_versions::id,
            policy_versions::number,
            policy_versions::published_at,
            policy_versions::acknowledged_from,
        ))
        .load(conn)?;
    let given: Vec<(PolicyId, PersonId, i32, Instant)> = acknowledgements::table
        .filter(acknowledgements::school_id.eq(school))
        .filter(acknowledgements::person_id.eq_any(people))
        .order(acknowledgements::id)
        .select((acknowledgements::policy_id, acknowledgements::person_id, acknowledgements::number, acknowledgements::acknowledged_at))
        .load(conn)?;
    let mut by_policy: HashMap<PolicyId, Vec<(PersonId, i32, Instant)>> = HashMap::new();
    for (policy, person, number, at) in given {
        by_policy.entry(policy).or_default().push((person, number, at));
    }
    let in_force = published.into_iter().filter_map(|(policy, kind, version_id, number, published_at, acknowledged_from)| {
        let (published_at, acknowledged_from) = (published_at?, acknowledged_from?);
        let given = by_policy.remove(&policy).unwrap_or_default();
        Some(InForce {
            kind,
            version_id,
            number,
            published_at,
            acknowledged_from,
            acknowledged_by: given.iter().filter(|(_, number, _)| *number >= acknowledged_from).map(|(person, ..)| *person).collect(),
            // In the order in which they were given: the last one stays.
            last_acknowledged_at: given.iter().map(|(person, _, at)| (*person, *at)).collect(),
        })
    });
    Ok(Acknowledged { in_force: in_force.collect(), depends_on: dependencies(conn, school)? })
}
