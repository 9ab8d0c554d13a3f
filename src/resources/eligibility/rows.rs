//! What the database knows of who may run an account.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::compliance_states;
use crate::db::types::{AccountId, PersonId, SchoolId};
use crate::policy::deadline::local_day;
use crate::policy::eligibility::{ComplianceLevel, CourseAsked, PolicyAsked, Shortfall, compliance, shortfalls, violations};
use crate::policy::refusal::{Grounds, Refusal};
use crate::policy::required::{PolicyKind, required};
use crate::policy::roles::is_staff;
use crate::policy::training::Activity;
use crate::problem::Problem;
use crate::resources::accounts::rows::Account;
use crate::resources::{courses, people, policies, schools, training_completions};

/// What each of several people lacks to run an account; nothing for who is eligible.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    shortfalls: HashMap<PersonId, Vec<Shortfall>>,
    staff: BTreeSet<PersonId>,
}

impl Assessment {
    pub fn of(&self, person: PersonId) -> &[Shortfall] {
        self.shortfalls.get(&person).map_or(&[], Vec::as_slice)
    }

    /// Whether somebody may go on with an account that they run already: the days of grace are for them.
    pub fn may_go_on(&self, person: PersonId) -> bool {
        compliance(self.of(person)) != ComplianceLevel::NonCompliant
    }

    /// How an account stands: as the worst of those who run it.
    pub fn of_account(&self, account: &Account) -> ComplianceLevel {
        let each = account.managers.iter().map(|manager| compliance(self.of(manager.person_id)));
        each.max().unwrap_or(ComplianceLevel::NonCompliant)
    }

    /// Whether all of `people` may run an account from now on: no grace for who begins.
    ///
    /// # Errors
    /// 409 with all that each of them lacks (ELIG-1, ELIG-2).
    pub fn gate(&self, people: impl IntoIterator<Item = PersonId>) -> Result<(), Refusal> {
        let found = people.into_iter().flat_map(|person| violations(person.uuid(), self.staff.contains(&person), self.of(person)));
        Refusal::unless_empty(Grounds::NotYet, found.collect())
    }
}

/// Assesses several people at once, in as many queries as for one.
///
/// # Errors
/// Where the database gives none.
pub fn assess(conn: &mut Conn, school: SchoolId, of: &[PersonId], now: Instant) -> Result<Assessment, Problem> {
    let row = schools::rows::find(conn, school)?;
    let today = local_day(*now, row.zone());
    let grace = row.eligibility_grace_days.unsigned_abs();
    let kinds = people::rows::kinds(conn, school, of)?;
    let roles = people::rows::roles_of(conn, school, of)?;
    let acknowledged = policies::rows::acknowledged(conn, school, of)?;
    let training = training_completions::rows::valid_until(conn, school, Activity::AccountManager, of)?;
    let titles = courses::rows::titles(conn, school)?;
    let in_force = acknowledged.in_force.iter().map(|policy| policy.kind).collect();
    let mut assessment = Assessment::default();
    for &person in of {
        let Some(&kind) = kinds.get(&person) else { continue };
        let held = roles.get(&person).map_or(&[][..], Vec::as_slice);
        if is_staff(held) {
            assessment.staff.insert(person);
        }
        let asked = required(kind, held, &acknowledged.depends_on, &in_force).into_iter().map(|kind| {
            let published = acknowledged.in_force.iter().find(|policy| policy.kind == kind);
            PolicyAsked {
                version: published.map(|policy| policy.version_id.uuid()),
                name: name_of(kind),
                published_on: published.map(|policy| local_day(*policy.published_at, row.zone())),
                acknowledged: published.is_some_and(|policy| policy.acknowledged_by.contains(&person)),
                ever_acknowledged: published.is_some_and(|policy| policy.last_acknowledged_at.contains_key(&person)),
            }
        });
        let courses = training.of(person).map(|(course, until)| CourseAsked {
            course: course.uuid(),
            name: titles.get(&course).cloned().unwrap_or_default(),
            until,
        });
        let missing = shortfalls(&asked.collect::<Vec<_>>(), &courses.collect::<Vec<_>>(), today, grace);
        assessment.shortfalls.insert(person, missing);
    }
    Ok(assessment)
}

fn name_of(kind: PolicyKind) -> String {
    kind.to_string().replace('_', " ")
}

/// Stores how these accounts stand now; gives those that stand otherwise than the log last said.
///
/// # Errors
/// Where the database gives none.
pub fn changed(
    tx: &mut Conn,
    school: SchoolId,
    now: Instant,
    standing: &[(AccountId, ComplianceLevel)],
) -> QueryResult<Vec<(AccountId, ComplianceLevel)>> {
    let before: HashMap<AccountId, ComplianceLevel> = compliance_states::table
        .filter(compliance_states::school_id.eq(school))
        .select((compliance_states::account_id, compliance_states::compliance))
        .load(tx)?
        .into_iter()
        .collect();
    let moved: Vec<(AccountId, ComplianceLevel)> = standing
        .iter()
        .filter(|(account, compliance)| before.get(account).copied().unwrap_or(ComplianceLevel::Compliant) != *compliance)
        .copied()
        .collect();
    for (account, compliance) in &moved {
        diesel::delete(compliance_states::table.find((school, *account))).execute(tx)?;
        diesel::insert_into(compliance_states::table)
            .values((
                compliance_states::school_id.eq(school),
                compliance_states::account_id.eq(account),
                compliance_states::compliance.eq(compliance),
                compliance_states::since.eq(now),
            ))
            .execute(tx)?;
    }
    Ok(moved)
}
