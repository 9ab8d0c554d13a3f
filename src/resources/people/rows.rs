//! People in the database.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::rules;
use crate::access::caller::Caller;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{people, person_roles};
use crate::db::types::{PersonId, SchoolId};
use crate::policy::roles::{PersonKind, Role};
use crate::policy::team::Member;
use crate::resources::business_cases::rows::Manager;

/// One row of `people`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = people, primary_key(school_id, id), treat_none_as_null = true)]
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

/// Those of `ids` that are people of the school.
///
/// # Errors
/// Where the database gives none.
pub fn known(conn: &mut Conn, school: SchoolId, ids: &[PersonId]) -> QueryResult<HashSet<PersonId>> {
    let ids: Vec<PersonId> =
        people::table.filter(people::school_id.eq(school)).filter(people::id.eq_any(ids)).select(people::id).load(conn)?;
    Ok(ids.into_iter().collect())
}

/// What the policy asks of the people who run an account (BC-4).
///
/// # Errors
/// Where the database gives none.
pub fn members<P>(conn: &mut Conn, me: &Caller<P>, managers: &[Manager]) -> QueryResult<Vec<Member<PersonId>>> {
    let ids: Vec<PersonId> = managers.iter().map(|manager| manager.person_id).collect();
    let left: HashMap<PersonId, Option<NaiveDate>> = people::table
        .filter(people::school_id.eq(me.school()))
        .filter(people::id.eq_any(&ids))
        .select((people::id, people::left_on))
        .load(conn)?
        .into_iter()
        .collect();
    let roles = roles_of(conn, me.school(), &ids)?;
    let today = me.today();
    Ok(managers
        .iter()
        .map(|manager| {
            let active = left.get(&manager.person_id).is_some_and(|left_on| left_on.is_none_or(|day| day > today));
            let staff = roles.get(&manager.person_id).is_some_and(|roles| rules::is_staff(roles));
            Member { person: manager.person_id, lead: manager.lead, active_staff: active && staff, active }
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
