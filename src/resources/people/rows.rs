//! People in the database.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use strum::IntoEnumIterator;

use super::rules::Relationship;
use crate::access::caller::Caller;
use crate::clock::Instant;
use crate::db::bulk::{self, insert_all};
use crate::db::schema::{delegations, events, guardians, invitations, people, person_roles, schools};
use crate::db::types::{PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::roles::{PersonKind, Role, has_left, is_staff};
use crate::policy::team::Member;
use crate::problem::{Code, Problem};
use crate::resources::business_cases::rows::Manager;
use crate::resources::education_sessions::YearGroup;

/// One row of `people`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = people, primary_key(school_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct PersonRow {
    pub school_id: SchoolId,
    pub id: PersonId,
    pub given_name: String,
    pub family_name: String,
    pub email: Option<String>,
    pub kind: PersonKind,
    pub external_source: Option<String>,
    pub external_id: Option<String>,
    /// The day from which the person is no longer at the school.
    pub left_on: Option<NaiveDate>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// A pupil's.
    pub year_group: Option<YearGroup>,
}

/// A person with their roles, as far as a caller may see them.
#[derive(Clone, Debug)]
pub struct Person {
    pub row: PersonRow,
    pub roles: Vec<Role>,
    /// With all details, not only name, kind, state and roles.
    pub whole: bool,
    /// The school's escalation contact (R-HT-3).
    pub escalation_contact: bool,
}

/// One row of `guardians`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = guardians)]
pub struct GuardianRow {
    pub school_id: SchoolId,
    pub pupil_id: PersonId,
    pub guardian_id: PersonId,
    pub relationship: Relationship,
    pub has_parental_responsibility: bool,
    pub created_at: Instant,
}

/// What a caller may see of a school's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everyone, with all details.
    Everyone,
    /// The names of staff, volunteers, governors and pupils; with all details what [`Sight::Own`] sees.
    Colleagues(PersonId),
    /// The person and the children whose guardian they are.
    Own(PersonId),
}

/// Which people a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kinds: Vec<PersonKind>,
    pub roles: Vec<Role>,
    /// Source and id there.
    pub external: Option<(String, String)>,
    pub updated_since: Option<Instant>,
}

type Query<'a> = people::BoxedQuery<'a, MultiBackend>;

/// The caller and their children, where they do not see everyone anyway.
fn own(conn: &mut Conn, school: SchoolId, sight: Sight) -> QueryResult<Vec<PersonId>> {
    let (Sight::Colleagues(me) | Sight::Own(me)) = sight else { return Ok(Vec::new()) };
    let links = guardians::table.filter(guardians::school_id.eq(school)).filter(guardians::guardian_id.eq(me));
    let mut own: Vec<PersonId> = links.select(guardians::pupil_id).load(conn)?;
    own.push(me);
    Ok(own)
}

fn visible<'a>(school: SchoolId, sight: Sight, own: &[PersonId]) -> Query<'a> {
    let query = people::table.filter(people::school_id.eq(school)).into_boxed();
    let own = people::id.eq_any(own.to_vec());
    let colleagues = vec![PersonKind::Staff, PersonKind::Volunteer, PersonKind::Governor, PersonKind::Pupil];
    match sight {
        Sight::Everyone => query,
        Sight::Own(_) => query.filter(own),
        Sight::Colleagues(_) => query.filter(people::kind.eq_any(colleagues).or(own)),
    }
}

fn complete(conn: &mut Conn, school: SchoolId, sight: Sight, own: &[PersonId], rows: Vec<PersonRow>) -> QueryResult<Vec<Person>> {
    let mut roles = roles_of(conn, school, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
    let whole = |id| !matches!(sight, Sight::Colleagues(_)) || own.contains(&id);
    let contact: Option<PersonId> = schools::table.find(school).select(schools::escalation_contact_id).first(conn)?;
    let person = |row: PersonRow| Person {
        whole: whole(row.id),
        roles: roles.remove(&row.id).unwrap_or_default(),
        escalation_contact: contact == Some(row.id),
        row,
    };
    Ok(rows.into_iter().map(person).collect())
}

/// The person, as far as this caller may see them.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: PersonId) -> Result<Person, Problem> {
    let own = own(conn, school, sight)?;
    let rows: Vec<PersonRow> = visible(school, sight, &own).filter(people::id.eq(id)).select(PersonRow::as_select()).load(conn)?;
    complete(conn, school, sight, &own, rows)?.pop().ok_or_else(Problem::not_found)
}

/// One page of people, in the order in which they became known.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, sight: Sight, filter: &Filter, window: &Window<PersonId>) -> Result<Vec<Person>, Problem> {
    let own = own(conn, school, sight)?;
    let mut query = visible(school, sight, &own).order(people::id).limit(window.fetch());
    if !filter.kinds.is_empty() {
        query = query.filter(people::kind.eq_any(filter.kinds.clone()));
    }
    if !filter.roles.is_empty() {
        let holding =
            person_roles::table.filter(person_roles::school_id.eq(school)).filter(person_roles::role.eq_any(filter.roles.clone()));
        query = query.filter(people::id.eq_any(holding.select(person_roles::person_id)));
    }
    if let Some((source, id)) = &filter.external {
        query = query.filter(people::external_source.eq(source.clone())).filter(people::external_id.eq(id.clone()));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(people::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(people::id.gt(after));
    }
    let rows: Vec<PersonRow> = query.select(PersonRow::as_select()).load(conn)?;
    Ok(complete(conn, school, sight, &own, rows)?)
}

/// Whom a source knows by that id.
///
/// # Errors
/// Where the database gives none.
pub fn by_external_id(conn: &mut Conn, school: SchoolId, source: &str, id: &str) -> QueryResult<Option<PersonId>> {
    people::table
        .filter(people::school_id.eq(school))
        .filter(people::external_source.eq(source))
        .filter(people::external_id.eq(id))
        .select(people::id)
        .first(conn)
        .optional()
}

/// Everybody whom one of these sources knows by one of these ids, by both; with all details.
///
/// # Errors
/// Where the database gives none.
pub fn by_external_ids(
    conn: &mut Conn,
    school: SchoolId,
    sources: Vec<&str>,
    ids: Vec<&str>,
) -> QueryResult<HashMap<(String, String), Person>> {
    let rows: Vec<PersonRow> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::external_source.eq_any(sources))
        .filter(people::external_id.eq_any(ids))
        .select(PersonRow::as_select())
        .load(conn)?;
    let people = complete(conn, school, Sight::Everyone, &[], rows)?;
    let key = |person: &Person| Some((person.row.external_source.clone()?, person.row.external_id.clone()?));
    Ok(people.into_iter().filter_map(|person| Some((key(&person)?, person))).collect())
}

/// Those of some addresses that somebody at the school has who is let in by few.
///
/// # Errors
/// Where the database gives none.
pub fn guarded_addresses(conn: &mut Conn, school: SchoolId, addresses: Vec<String>, today: NaiveDate) -> QueryResult<HashSet<String>> {
    let guarded: Vec<Role> = Role::iter().filter(|role| role.is_guarded()).collect();
    let holders = person_roles::table.filter(person_roles::school_id.eq(school)).filter(person_roles::role.eq_any(guarded));
    let contact: Option<PersonId> = schools::table.find(school).select(schools::escalation_contact_id).first(conn)?;
    let found: Vec<Option<String>> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::email.eq_any(addresses))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .filter(people::id.eq_any(holders.select(person_roles::person_id)).or(people::id.eq_any(Vec::from_iter(contact))))
        .select(people::email)
        .load(conn)?;
    Ok(found.into_iter().flatten().collect())
}

/// Stores a new person.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &PersonRow) -> QueryResult<()> {
    diesel::insert_into(people::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed person under their next version.
///
/// # Errors
/// 412 where they have been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut PersonRow, now: Instant) -> Result<(), Problem> {
    row.version += 1;
    row.updated_at = now;
    Ok(bulk::upsert_people(tx, std::slice::from_ref(row))?)
}

/// Erases a person whom no record names, with their plain roles and invitations.
///
/// # Errors
/// 409 where a record names them.
pub fn erase(tx: &mut Conn, row: &PersonRow) -> Result<(), Problem> {
    let in_use = || Problem::new(Code::InUse).detail("Records name this person; record that they leave instead.");
    let acted = events::table.filter(events::school_id.eq(row.school_id)).filter(events::actor_id.eq(Some(row.id)));
    if diesel::select(diesel::dsl::exists(acted)).get_result(tx)? {
        return Err(in_use());
    }
    for role in roles_of(tx, row.school_id, &[row.id])?.remove(&row.id).into_iter().flatten().filter(|role| !role.is_privileged()) {
        revoke_roles(tx, row.school_id, &[(row.id, role)])?;
    }
    let invited = invitations::table.filter(invitations::school_id.eq(row.school_id)).filter(invitations::person_id.eq(row.id));
    diesel::delete(invited).execute(tx)?;
    // Every table that names people says so by a foreign key: these are the judge of whether one still does.
    match diesel::delete(people::table.find((row.school_id, row.id))).execute(tx) {
        Err(QueryError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _)) => Err(in_use()),
        result => Ok(result.map(drop)?),
    }
}

/// One row of `person_roles`.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = person_roles)]
struct RoleRow {
    school_id: SchoolId,
    person_id: PersonId,
    role: Role,
    granted_by: Option<PersonId>,
    granted_at: Instant,
}

/// Grants roles.
///
/// # Errors
/// Where the database gives none.
pub fn grant_roles(
    tx: &mut Conn,
    school_id: SchoolId,
    roles: &[(PersonId, Role)],
    granted_by: Option<PersonId>,
    granted_at: Instant,
) -> QueryResult<()> {
    let row = |&(person_id, role): &(PersonId, Role)| RoleRow { school_id, person_id, role, granted_by, granted_at };
    let rows: Vec<RoleRow> = roles.iter().map(row).collect();
    insert_all!(tx, person_roles::table, rows)
}

/// Revokes roles.
///
/// # Errors
/// Where the database gives none.
pub fn revoke_roles(tx: &mut Conn, school: SchoolId, roles: &[(PersonId, Role)]) -> QueryResult<()> {
    let mut by_role: BTreeMap<Role, Vec<PersonId>> = BTreeMap::new();
    for (person, role) in roles {
        by_role.entry(*role).or_default().push(*person);
    }
    for (role, people) in by_role {
        let held = person_roles::table.filter(person_roles::school_id.eq(school)).filter(person_roles::role.eq(role));
        diesel::delete(held.filter(person_roles::person_id.eq_any(people))).execute(tx)?;
    }
    Ok(())
}

/// Whether somebody else who has not left holds a role.
///
/// # Errors
/// Where the database gives none.
pub fn others_hold(conn: &mut Conn, person: &PersonRow, role: Role, today: NaiveDate) -> QueryResult<bool> {
    let mut others = holding(conn, person.school_id, role)?;
    others.remove(&person.id);
    let others: Vec<PersonId> = others.into_iter().collect();
    let still_there = people::table
        .filter(people::school_id.eq(person.school_id))
        .filter(people::id.eq_any(others))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)));
    diesel::select(diesel::dsl::exists(still_there)).get_result(conn)
}

type GuardianQuery<'a> = guardians::BoxedQuery<'a, MultiBackend>;

fn links<'a>(school: SchoolId, pupil: PersonId, sight: Sight) -> GuardianQuery<'a> {
    let links = guardians::table.filter(guardians::school_id.eq(school)).filter(guardians::pupil_id.eq(pupil)).into_boxed();
    match sight {
        Sight::Everyone => links,
        Sight::Colleagues(me) | Sight::Own(me) => links.filter(guardians::guardian_id.eq(me)),
    }
}

/// One page of a pupil's guardians; whoever does not see everyone sees only that they are one themselves.
///
/// # Errors
/// Where the database gives none.
pub fn guardians_of(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    pupil: PersonId,
    window: &Window<PersonId>,
) -> QueryResult<Vec<GuardianRow>> {
    let mut query = links(school, pupil, sight).order(guardians::guardian_id).limit(window.fetch());
    if let Some(after) = window.after {
        query = query.filter(guardians::guardian_id.gt(after));
    }
    query.select(GuardianRow::as_select()).load(conn)
}

/// The link between a pupil and a guardian.
///
/// # Errors
/// Where the database gives none.
pub fn guardian(conn: &mut Conn, school: SchoolId, pupil: PersonId, guardian: PersonId) -> QueryResult<Option<GuardianRow>> {
    guardians::table.find((school, pupil, guardian)).select(GuardianRow::as_select()).first(conn).optional()
}

/// Those of `people` who have guardians, or are one.
///
/// # Errors
/// Where the database gives none.
pub fn with_guardian_links(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<HashSet<PersonId>> {
    let links = guardians::table.filter(guardians::school_id.eq(school));
    let links: Vec<(PersonId, PersonId)> = links
        .filter(guardians::pupil_id.eq_any(people).or(guardians::guardian_id.eq_any(people)))
        .select((guardians::pupil_id, guardians::guardian_id))
        .load(conn)?;
    Ok(links.into_iter().flat_map(|(pupil, guardian)| [pupil, guardian]).collect())
}

/// The links of some pupils, by pupil and guardian.
///
/// # Errors
/// Where the database gives none.
pub fn guardian_links(conn: &mut Conn, school: SchoolId, pupils: &[PersonId]) -> QueryResult<HashMap<(PersonId, PersonId), GuardianRow>> {
    let links = guardians::table.filter(guardians::school_id.eq(school)).filter(guardians::pupil_id.eq_any(pupils));
    let links: Vec<GuardianRow> = links.select(GuardianRow::as_select()).load(conn)?;
    Ok(links.into_iter().map(|link| ((link.pupil_id, link.guardian_id), link)).collect())
}

/// Removes a link.
///
/// # Errors
/// Where the database gives none.
pub fn remove_guardian(tx: &mut Conn, link: &GuardianRow) -> QueryResult<()> {
    diesel::delete(guardians::table.find((link.school_id, link.pupil_id, link.guardian_id))).execute(tx)?;
    Ok(())
}

/// Who holds a role.
///
/// # Errors
/// Where the database gives none.
pub fn holding(conn: &mut Conn, school: SchoolId, role: Role) -> QueryResult<HashSet<PersonId>> {
    let ids: Vec<PersonId> = person_roles::table
        .filter(person_roles::school_id.eq(school))
        .filter(person_roles::role.eq(role))
        .select(person_roles::person_id)
        .load(conn)?;
    Ok(ids.into_iter().collect())
}

/// Who answers for the school today: the headteacher, else the delegate (A25), else the chair of governors.
///
/// # Errors
/// Where the database gives none.
pub fn in_charge(conn: &mut Conn, school: SchoolId, today: NaiveDate) -> QueryResult<Option<PersonId>> {
    let there: Vec<(PersonId, Role)> = person_roles::table
        .inner_join(people::table.on(people::school_id.eq(person_roles::school_id).and(people::id.eq(person_roles::person_id))))
        .filter(person_roles::school_id.eq(school))
        .filter(person_roles::role.eq_any([Role::Headteacher, Role::ChairOfGovernors]))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .order(person_roles::person_id)
        .select((person_roles::person_id, person_roles::role))
        .load(conn)?;
    let holding = |wanted: Role| there.iter().find(|(_, role)| *role == wanted).map(|(person, _)| *person);
    if let Some(head) = holding(Role::Headteacher) {
        return Ok(Some(head));
    }
    let delegate: Option<PersonId> = delegations::table
        .inner_join(people::table.on(people::school_id.eq(delegations::school_id).and(people::id.eq(delegations::delegate_id))))
        .filter(delegations::school_id.eq(school))
        .filter(delegations::starts_on.le(today))
        .filter(delegations::ends_on.ge(today))
        .filter(delegations::revoked_at.is_null())
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .order(delegations::id)
        .select(delegations::delegate_id)
        .first(conn)
        .optional()?;
    Ok(delegate.or_else(|| holding(Role::ChairOfGovernors)))
}

/// Those of `ids` that are people of the school.
///
/// # Errors
/// Where the database gives none.
pub fn known(conn: &mut Conn, school: SchoolId, ids: &[PersonId]) -> QueryResult<HashSet<PersonId>> {
    let ids: Vec<PersonId> =
        people::table.filter(people::school_id.eq(school)).filter(people::id.eq_any(ids)).select(people::id).load(conn)?;
    Ok(ids.into_iter().collect())
}

/// The pupils of several year groups who are at the school.
///
/// # Errors
/// Where the database gives none.
pub fn of_year_groups(conn: &mut Conn, school: SchoolId, groups: &[YearGroup], today: NaiveDate) -> QueryResult<Vec<PersonId>> {
    people::table
        .filter(people::school_id.eq(school))
        .filter(people::year_group.eq_any(groups.iter().copied().map(Some).collect::<Vec<_>>()))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .limit(1000)
        .select(people::id)
        .load(conn)
}

/// The leaving date of a person of the school, if one is on record; `None` where there is no such person.
///
/// # Errors
/// Where the database gives none.
pub fn left_on(conn: &mut Conn, school: SchoolId, id: PersonId) -> QueryResult<Option<Option<NaiveDate>>> {
    people::table.find((school, id)).select(people::left_on).first(conn).optional()
}

/// What the policy asks of the people who run an account (BC-4).
///
/// # Errors
/// Where the database gives none.
pub fn members<P>(conn: &mut Conn, me: &Caller<P>, managers: &[Manager]) -> QueryResult<Vec<Member<PersonId>>> {
    members_on(conn, me.school(), me.today(), managers)
}

/// The same, of a day that nobody asks from.
///
/// # Errors
/// Where the database gives none.
pub fn members_on(conn: &mut Conn, school: SchoolId, today: NaiveDate, managers: &[Manager]) -> QueryResult<Vec<Member<PersonId>>> {
    let ids: Vec<PersonId> = managers.iter().map(|manager| manager.person_id).collect();
    let known: Vec<(PersonId, Option<NaiveDate>, PersonKind)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::id.eq_any(&ids))
        .select((people::id, people::left_on, people::kind))
        .load(conn)?;
    let known: HashMap<PersonId, (Option<NaiveDate>, PersonKind)> =
        known.into_iter().map(|(id, left_on, kind)| (id, (left_on, kind))).collect();
    let roles = roles_of(conn, school, &ids)?;
    Ok(managers
        .iter()
        .map(|manager| {
            let person = known.get(&manager.person_id);
            let active = person.is_some_and(|(left_on, _)| !has_left(*left_on, today));
            let unsuitable = person.is_some_and(|(_, kind)| matches!(kind, PersonKind::Pupil | PersonKind::Visitor));
            let staff = roles.get(&manager.person_id).is_some_and(|roles| is_staff(roles));
            Member { person: manager.person_id, lead: manager.lead, active_staff: active && staff, active, unsuitable }
        })
        .collect())
}

/// The roles of several people at once.
///
/// # Errors
/// Where the database gives none.
pub fn roles_of(conn: &mut Conn, school: SchoolId, ids: &[PersonId]) -> QueryResult<HashMap<PersonId, Vec<Role>>> {
    let rows: Vec<(PersonId, Role)> = person_roles::table
        .filter(person_roles::school_id.eq(school))
        .filter(person_roles::person_id.eq_any(ids))
        .order((person_roles::person_id, person_roles::role))
        .select((person_roles::person_id, person_roles::role))
        .load(conn)?;
    let mut roles: HashMap<PersonId, Vec<Role>> = HashMap::new();
    for (person, role) in rows {
        roles.entry(person).or_default().push(role);
    }
    Ok(roles)
}

/// What those of `ids` are to the school who are people of it.
///
/// # Errors
/// Where the database gives none.
pub fn kinds(conn: &mut Conn, school: SchoolId, ids: &[PersonId]) -> QueryResult<HashMap<PersonId, PersonKind>> {
    let kinds = people::table.filter(people::school_id.eq(school)).filter(people::id.eq_any(ids)).select((people::id, people::kind));
    Ok(kinds.load(conn)?.into_iter().collect())
}
