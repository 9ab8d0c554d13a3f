//! Queries on what is the caller's own.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{guardians, people};
use crate::db::types::{PersonId, SchoolId};
use crate::resources::education_sessions::YearGroup;

/// A child whom somebody is a guardian of.
pub type Child = (PersonId, String, String, Option<YearGroup>, bool);

/// The names of a person.
///
/// # Errors
/// Where the database gives none.
pub fn names(conn: &mut Conn, school: SchoolId, person: PersonId) -> QueryResult<(String, String)> {
    people::table.find((school, person)).select((people::given_name, people::family_name)).first(conn)
}

/// The children at the school whom the person is a guardian of.
///
/// # Errors
/// Where the database gives none.
pub fn children(conn: &mut Conn, school: SchoolId, guardian: PersonId, today: NaiveDate) -> QueryResult<Vec<Child>> {
    guardians::table
        .inner_join(people::table.on(people::school_id.eq(guardians::school_id).and(people::id.eq(guardians::pupil_id))))
        .filter(guardians::school_id.eq(school))
        .filter(guardians::guardian_id.eq(guardian))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .order(people::id)
        .limit(50)
        .select((people::id, people::given_name, people::family_name, people::year_group, guardians::has_parental_responsibility))
        .load(conn)
}
