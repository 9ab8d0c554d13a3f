//! The people with gaps, found in the database.

use chrono::NaiveDate;
use diesel::dsl::count;
use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::{account_managers, accounts, people, training_completions};
use crate::db::types::{CourseId, PersonId, SchoolId};
use crate::page::Window;
use crate::resources::accounts::AccountState;

/// One page of the people at the school who run an account that is not closed and lack a completion, in date, of one
/// of the courses at least.
///
/// # Errors
/// Where the database gives none.
pub fn account_managers_lacking(
    conn: &mut Conn,
    school: SchoolId,
    courses: &[CourseId],
    today: NaiveDate,
    window: &Window<PersonId>,
) -> QueryResult<Vec<PersonId>> {
    let all = i64::try_from(courses.len()).unwrap_or(i64::MAX);
    let managers = account_managers::table
        .inner_join(
            accounts::table.on(accounts::school_id.eq(account_managers::school_id).and(accounts::id.eq(account_managers::account_id))),
        )
        .filter(account_managers::school_id.eq(school))
        .filter(accounts::state.ne(AccountState::Closed))
        .select(account_managers::person_id);
    let trained = training_completions::table
        .filter(training_completions::school_id.eq(school))
        .filter(training_completions::course_id.eq_any(courses.to_vec()))
        .filter(training_completions::revoked_at.is_null())
        .filter(training_completions::expires_on.ge(today))
        .group_by(training_completions::person_id)
        .having(count(training_completions::course_id).aggregate_distinct().eq(all))
        .select(training_completions::person_id);
    let mut query = people::table
        .filter(people::school_id.eq(school))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .filter(people::id.eq_any(managers))
        .filter(people::id.ne_all(trained))
        .order(people::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(people::id.gt(after));
    }
    query.select(people::id).load(conn)
}
