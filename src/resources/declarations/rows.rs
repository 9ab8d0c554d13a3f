//! Declarations in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::rules::DeclarationState;
use crate::clock::Instant;
use crate::db::schema::personal_account_declarations::{self, dsl};
use crate::db::types::{DeclarationId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::declarations::{Compliance, PersonalAccount};
use crate::policy::platforms::Platform;
use crate::problem::Problem;

/// One row of `personal_account_declarations`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = personal_account_declarations, primary_key(school_id, id), treat_none_as_null = true)]
pub struct DeclarationRow {
    pub school_id: SchoolId,
    pub id: DeclarationId,
    pub person_id: PersonId,
    pub state: DeclarationState,
    pub platform: Platform,
    pub platform_other_name: Option<String>,
    /// Forgotten once it is withdrawn.
    pub handle: Option<String>,
    /// What makes the account the same one: see `accounts::rules::handle_key`.
    pub handle_key: Option<String>,
    pub names_school: bool,
    pub impacts_school: bool,
    pub disclaimer_present: bool,
    pub disclaimer_text: Option<String>,
    pub uses_school_branding: bool,
    /// Absent once it is withdrawn.
    pub compliance: Option<Compliance>,
    /// The last day for what the owner has to do, if there is something.
    pub due_on: Option<NaiveDate>,
    pub checked_at: Option<Instant>,
    pub checked_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl DeclarationRow {
    /// What the policy looks at.
    pub fn account(&self) -> PersonalAccount {
        PersonalAccount {
            names_school: self.names_school,
            impacts_school: self.impacts_school,
            disclaimer_present: self.disclaimer_present,
            uses_school_branding: self.uses_school_branding,
        }
    }
}

/// What a caller may see of a school's declarations.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    Own(PersonId),
}

/// Which declarations a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub compliance: Vec<Compliance>,
    /// Was due before this day.
    pub due_before: Option<NaiveDate>,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> personal_account_declarations::BoxedQuery<'a, MultiBackend> {
    let all = dsl::personal_account_declarations.filter(dsl::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(dsl::person_id.eq(person)),
    }
}

/// The declaration, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: DeclarationId) -> Result<DeclarationRow, Problem> {
    let row = visible(school, sight).filter(dsl::id.eq(id)).select(DeclarationRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of declarations, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<DeclarationId>,
) -> QueryResult<Vec<DeclarationRow>> {
    let mut query = visible(school, sight).order(dsl::id).limit(window.fetch());
    if !filter.compliance.is_empty() {
        query = query.filter(dsl::compliance.eq_any(filter.compliance.clone()));
    }
    if let Some(day) = filter.due_before {
        query = query.filter(dsl::due_on.lt(day));
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(DeclarationRow::as_select()).load(conn)
}

/// # Errors
/// 409 where the person has declared the account already.
pub fn insert(tx: &mut Conn, row: &DeclarationRow) -> QueryResult<()> {
    diesel::insert_into(dsl::personal_account_declarations).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed declaration under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile, 409 where the person has declared that account already.
pub fn save(tx: &mut Conn, row: &mut DeclarationRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::personal_account_declarations.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
