//! Publication checks in the database, and the facts that they rest on.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::api::CheckSight;
use crate::clock::Instant;
use crate::db::schema::{publication_check_subjects, publication_check_works, publication_checks, second_opinions};
use crate::db::types::{AccountId, ContentPermissionId, PersonId, PublicationCheckId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::consent::{Purpose, purpose_of};
use crate::policy::copyright;
use crate::policy::eligibility::ComplianceLevel;
use crate::policy::platforms::Platform;
use crate::policy::publication::{self, CheckState, Facts, Flag, Pictured, Target, Verdict, objection_holds};
use crate::policy::refusal::Violation;
use crate::problem::Problem;
use crate::resources::accounts::rows::Sight as AccountSight;
use crate::resources::consents::rows::{Moment, standings};
use crate::resources::{accounts, content_permissions, do_not_publish, eligibility, image_objections};
use crate::words::split;

/// One row of `publication_checks`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = publication_checks, primary_key(school_id, id), treat_none_as_null = true)]
pub struct CheckRow {
    pub school_id: SchoolId,
    pub id: PublicationCheckId,
    pub state: CheckState,
    pub account_id: Option<AccountId>,
    pub unregistered_account: Option<String>,
    /// What the subjects have to have consented to.
    pub consent_purpose: Purpose,
    pub author_id: PersonId,
    /// Why it is checked.
    pub reason: String,
    pub text: Option<String>,
    /// JSON.
    pub links: String,
    /// Words, separated by spaces.
    pub flags: String,
    pub attestations: String,
    pub taken_on: Option<NaiveDate>,
    pub content_hash: String,
    /// JSON: `Blocker`s, all of them.
    pub blockers: String,
    pub concerns: String,
    pub expires_at: Instant,
    pub decided_by: Option<PersonId>,
    pub decided_at: Option<Instant>,
    pub feedback: Option<String>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl CheckRow {
    pub fn flags(&self) -> BTreeSet<Flag> {
        split(&self.flags).into_iter().collect()
    }

    /// Where it stands, by the clock too.
    pub fn state_at(&self, now: Instant) -> CheckState {
        let lapses = matches!(self.state, CheckState::Cleared | CheckState::Approved | CheckState::NeedsApproval);
        if lapses && now > self.expires_at { CheckState::Expired } else { self.state }
    }
}

/// A check with whom and what it is about.
#[derive(Clone, Debug)]
pub struct Check {
    pub row: CheckRow,
    pub subjects: Vec<PersonId>,
    pub works: Vec<ContentPermissionId>,
    pub opinions: Vec<OpinionRow>,
}

/// One row of `second_opinions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = second_opinions)]
pub struct OpinionRow {
    pub school_id: SchoolId,
    pub check_id: PublicationCheckId,
    pub person_id: PersonId,
    pub requested_at: Instant,
    pub agrees: Option<bool>,
    pub comment: Option<String>,
    pub given_at: Option<Instant>,
}

fn visible<'a>(school: SchoolId, sight: CheckSight) -> publication_checks::BoxedQuery<'a, MultiBackend> {
    let all = publication_checks::table.filter(publication_checks::school_id.eq(school)).into_boxed();
    match sight {
        CheckSight::All => all,
        CheckSight::Own(person) => {
            let asked = second_opinions::table
                .filter(second_opinions::school_id.eq(school))
                .filter(second_opinions::person_id.eq(person))
                .select(second_opinions::check_id);
            all.filter(publication_checks::author_id.eq(person).or(publication_checks::id.eq_any(asked)))
        }
    }
}

fn complete(conn: &mut Conn, school: SchoolId, rows: Vec<CheckRow>) -> QueryResult<Vec<Check>> {
    let ids: Vec<PublicationCheckId> = rows.iter().map(|row| row.id).collect();
    let mut subjects: HashMap<PublicationCheckId, Vec<PersonId>> = HashMap::new();
    let named: Vec<(PublicationCheckId, PersonId)> = publication_check_subjects::table
        .filter(publication_check_subjects::school_id.eq(school))
        .filter(publication_check_subjects::check_id.eq_any(&ids))
        .order(publication_check_subjects::person_id)
        .select((publication_check_subjects::check_id, publication_check_subjects::person_id))
        .load(conn)?;
    for (check, person) in named {
        subjects.entry(check).or_default().push(person);
    }
    let mut works: HashMap<PublicationCheckId, Vec<ContentPermissionId>> = HashMap::new();
    let used: Vec<(PublicationCheckId, ContentPermissionId)> = publication_check_works::table
        .filter(publication_check_works::school_id.eq(school))
        .filter(publication_check_works::check_id.eq_any(&ids))
        .select((publication_check_works::check_id, publication_check_works::content_permission_id))
        .load(conn)?;
    for (check, work) in used {
        works.entry(check).or_default().push(work);
    }
    let mut opinions: HashMap<PublicationCheckId, Vec<OpinionRow>> = HashMap::new();
    let asked: Vec<OpinionRow> = second_opinions::table
        .filter(second_opinions::school_id.eq(school))
        .filter(second_opinions::check_id.eq_any(&ids))
        .select(OpinionRow::as_select())
        .load(conn)?;
    for opinion in asked {
        opinions.entry(opinion.check_id).or_default().push(opinion);
    }
    let check = |row: CheckRow| Check {
        subjects: subjects.remove(&row.id).unwrap_or_default(),
        works: works.remove(&row.id).unwrap_or_default(),
        opinions: opinions.remove(&row.id).unwrap_or_default(),
        row,
    };
    Ok(rows.into_iter().map(check).collect())
}

/// The check, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: CheckSight, id: PublicationCheckId) -> Result<Check, Problem> {
    let rows: Vec<CheckRow> = visible(school, sight).filter(publication_checks::id.eq(id)).select(CheckRow::as_select()).load(conn)?;
    complete(conn, school, rows)?.pop().ok_or_else(Problem::not_found)
}

/// The query behind a page, newest first.
pub fn listing<'a>(
    school: SchoolId,
    sight: CheckSight,
    states: &[CheckState],
    window: &Window<PublicationCheckId>,
) -> publication_checks::BoxedQuery<'a, MultiBackend> {
    let mut query = visible(school, sight).order(publication_checks::id.desc()).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(publication_checks::state.eq_any(states.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(publication_checks::id.lt(after));
    }
    query
}

/// One page, newest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: CheckSight,
    states: &[CheckState],
    window: &Window<PublicationCheckId>,
) -> QueryResult<Vec<Check>> {
    let rows: Vec<CheckRow> = listing(school, sight, states, window).select(CheckRow::as_select()).load(conn)?;
    complete(conn, school, rows)
}

/// How often somebody has checked since an instant.
///
/// # Errors
/// Where the database gives none.
pub fn count_since(conn: &mut Conn, school: SchoolId, author: PersonId, since: Instant) -> QueryResult<i64> {
    publication_checks::table
        .filter(publication_checks::school_id.eq(school))
        .filter(publication_checks::author_id.eq(author))
        .filter(publication_checks::created_at.gt(since))
        .count()
        .get_result(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, check: &Check) -> QueryResult<()> {
    diesel::insert_into(publication_checks::table).values(&check.row).execute(tx)?;
    let (school, id) = (check.row.school_id, check.row.id);
    for person in &check.subjects {
        diesel::insert_into(publication_check_subjects::table)
            .values((
                publication_check_subjects::school_id.eq(school),
                publication_check_subjects::check_id.eq(id),
                publication_check_subjects::person_id.eq(person),
            ))
            .execute(tx)?;
    }
    for work in &check.works {
        diesel::insert_into(publication_check_works::table)
            .values((
                publication_check_works::school_id.eq(school),
                publication_check_works::check_id.eq(id),
                publication_check_works::content_permission_id.eq(work),
            ))
            .execute(tx)?;
    }
    Ok(())
}

/// Stores a changed check under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut CheckRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = publication_checks::table.find((row.school_id, row.id)).filter(publication_checks::version.eq(read));
    precondition::saved(diesel::update(stored).set(row).execute(tx)?)
}

/// Stores a second opinion in place of the one before it.
///
/// # Errors
/// Where the database gives none.
pub fn put_opinion(tx: &mut Conn, row: &OpinionRow) -> QueryResult<()> {
    diesel::delete(second_opinions::table.find((row.school_id, row.check_id, row.person_id))).execute(tx)?;
    diesel::insert_into(second_opinions::table).values(row).execute(tx)?;
    Ok(())
}

/// What is to be decided on.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    pub account: Option<AccountId>,
    pub flags: &'a BTreeSet<Flag>,
    pub subjects: &'a [PersonId],
    pub works: &'a [ContentPermissionId],
    pub taken_on: Option<NaiveDate>,
}

/// The account that somebody may publish on, and what its subjects have to have consented to.
///
/// # Errors
/// 422 where there is no such account for the author.
pub fn target(
    conn: &mut Conn,
    school: SchoolId,
    account: Option<AccountId>,
    only_of: Option<PersonId>,
    now: Instant,
) -> Result<(Target, Purpose), Problem> {
    let unknown = || Problem::invalid("/account_id", "unknown", "There is no such account for this caller.");
    let id = match (account, only_of) {
        (Some(id), _) => id,
        (None, None) => return Ok((Target::Unregistered, Purpose::SchoolSocialMedia)),
        // Volunteers and parents check for the accounts that they run alone (decisions, section 5).
        (None, Some(_)) => return Err(unknown()),
    };
    let account = accounts::rows::look_up(conn, school, AccountSight::All, id)?.ok_or_else(unknown)?;
    if only_of.is_some_and(|person| !account.is_run_by(person)) {
        return Err(unknown());
    }
    let assessment = eligibility::rows::assess(conn, school, &account.people(), now)?;
    let platform = account.row.platform;
    let target = Target::Account {
        platform,
        active: account.row.state == accounts::AccountState::Active,
        team_eligible: assessment.of_account(&account) != ComplianceLevel::NonCompliant,
    };
    Ok((target, purpose_of(platform)))
}

/// Decides, by what is so now. As many queries for three hundred people as for one.
///
/// # Errors
/// Where the database gives none.
pub fn decide(
    conn: &mut Conn,
    school: SchoolId,
    target: Target,
    purpose: Purpose,
    matter: Matter<'_>,
    moment: Moment,
) -> Result<Verdict, Problem> {
    let mut standing = standings(conn, school, matter.subjects, &[purpose], moment)?;
    let objections = image_objections::rows::of(conn, school, matter.subjects)?;
    let listed = do_not_publish::rows::among(conn, school, matter.subjects)?;
    let pictured = |&person: &PersonId| {
        let consent = standing.remove(&person).and_then(|mut all| all.remove(&purpose)).unwrap_or_default();
        Pictured {
            person: person.uuid(),
            consent,
            objected: objections.get(&person).is_some_and(|days| days.iter().any(|&day| objection_holds(day, matter.taken_on))),
            listed: listed.contains(&person),
        }
    };
    let subjects: Vec<Pictured> = matter.subjects.iter().map(pictured).collect();
    let platform = match target {
        Target::Account { platform, .. } => platform,
        Target::Unregistered => Platform::Other,
    };
    let works = works(conn, school, matter, platform, moment.day)?;
    Ok(publication::decide(&Facts { target, flags: matter.flags, subjects: &subjects, works }))
}

fn works(conn: &mut Conn, school: SchoolId, matter: Matter<'_>, platform: Platform, today: NaiveDate) -> QueryResult<Vec<Violation>> {
    let commercial = matter.flags.contains(&Flag::CommercialInterest);
    let adapted = matter.flags.contains(&Flag::WorkAdapted);
    let permissions = content_permissions::rows::several(conn, school, matter.works)?;
    Ok(permissions.iter().flat_map(|row| copyright::objections(&row.right(), platform, today, commercial, adapted)).collect())
}

/// Checks that have not been used yet and name somebody.
///
/// # Errors
/// Where the database gives none.
pub fn open_about(conn: &mut Conn, school: SchoolId, person: PersonId) -> QueryResult<Vec<CheckRow>> {
    let about = publication_check_subjects::table
        .filter(publication_check_subjects::school_id.eq(school))
        .filter(publication_check_subjects::person_id.eq(person))
        .select(publication_check_subjects::check_id);
    open(school).filter(publication_checks::id.eq_any(about)).select(CheckRow::as_select()).load(conn)
}

/// Those of `people` whom a check is about that has not been used yet.
///
/// # Errors
/// Where the database gives none.
pub fn subjects_of_open(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<Vec<PersonId>> {
    publication_check_subjects::table
        .inner_join(
            publication_checks::table.on(publication_checks::school_id
                .eq(publication_check_subjects::school_id)
                .and(publication_checks::id.eq(publication_check_subjects::check_id))),
        )
        .filter(publication_check_subjects::school_id.eq(school))
        .filter(publication_check_subjects::person_id.eq_any(people))
        .filter(publication_checks::state.eq_any(UNUSED))
        .select(publication_check_subjects::person_id)
        .load(conn)
}

/// Checks that have not been used yet and rest on a permission.
///
/// # Errors
/// Where the database gives none.
pub fn open_with(conn: &mut Conn, school: SchoolId, permission: ContentPermissionId) -> QueryResult<Vec<CheckRow>> {
    let with = publication_check_works::table
        .filter(publication_check_works::school_id.eq(school))
        .filter(publication_check_works::content_permission_id.eq(permission))
        .select(publication_check_works::check_id);
    open(school).filter(publication_checks::id.eq_any(with)).select(CheckRow::as_select()).load(conn)
}

/// Checks that have not been used yet, for an account or for all of them.
///
/// # Errors
/// Where the database gives none.
pub fn open_on(conn: &mut Conn, school: SchoolId, account: Option<AccountId>) -> QueryResult<Vec<CheckRow>> {
    let mut query = open(school);
    if let Some(account) = account {
        query = query.filter(publication_checks::account_id.eq(account));
    }
    query.select(CheckRow::as_select()).load(conn)
}

/// The states of a check that has not been used yet.
const UNUSED: [CheckState; 3] = [CheckState::Cleared, CheckState::Approved, CheckState::NeedsApproval];

fn open<'a>(school: SchoolId) -> publication_checks::BoxedQuery<'a, MultiBackend> {
    publication_checks::table.filter(publication_checks::school_id.eq(school)).filter(publication_checks::state.eq_any(UNUSED)).into_boxed()
}

/// Puts checks into another state.
///
/// # Errors
/// Where the database gives none.
pub fn end(tx: &mut Conn, school: SchoolId, ids: &[PublicationCheckId], state: CheckState, now: Instant) -> QueryResult<()> {
    diesel::update(publication_checks::table.filter(publication_checks::school_id.eq(school)).filter(publication_checks::id.eq_any(ids)))
        .set((
            publication_checks::state.eq(state),
            publication_checks::version.eq(publication_checks::version + 1),
            publication_checks::updated_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

/// Checks whose time is over, though nothing has said so yet.
///
/// # Errors
/// Where the database gives none.
pub fn lapsed(conn: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<PublicationCheckId>> {
    open(school).filter(publication_checks::expires_at.lt(now)).limit(most).select(publication_checks::id).load(conn)
}
