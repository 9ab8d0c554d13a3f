//! Parent ladders in the database; their steps are append-only.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{comments, parent_ladder_steps as steps, parent_ladders as ladders};
use crate::db::types::{CommentId, ParentLadderId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::ladder::{LadderChannel, LadderState};
use crate::problem::Problem;
use crate::resources::accounts::rows::run_by;

/// One row of `parent_ladders`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = ladders, primary_key(school_id, id), treat_none_as_null = true)]
pub struct LadderRow {
    pub school_id: SchoolId,
    pub id: ParentLadderId,
    pub parent_id: Option<PersonId>,
    pub comment_id: Option<CommentId>,
    pub state: LadderState,
    pub opened_by: PersonId,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// One row of `parent_ladder_steps`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = steps)]
pub struct StepRow {
    pub school_id: SchoolId,
    pub ladder_id: ParentLadderId,
    pub number: i32,
    /// To which it led.
    pub state: LadderState,
    pub channel: Option<LadderChannel>,
    /// The parent can read it.
    pub outcome: Option<String>,
    pub internal_note: Option<String>,
    /// Steps before it were left out.
    pub skipped: bool,
    pub taken_by: PersonId,
    pub taken_at: Instant,
}

/// What a caller may see of a school's ladders.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// About comments on accounts that the person runs, or opened by them; or about the person.
    Handled(PersonId),
    /// About the person.
    About(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> ladders::BoxedQuery<'a, MultiBackend> {
    let all = ladders::table.filter(ladders::school_id.eq(school)).into_boxed();
    let person = match sight {
        Sight::All => return all,
        Sight::About(person) => return all.filter(ladders::parent_id.assume_not_null().eq(person)),
        Sight::Handled(person) => person,
    };
    let handled = comments::table
        .filter(comments::school_id.eq(school))
        .filter(comments::account_id.eq_any(run_by(school, person)))
        .select(comments::id);
    all.filter(
        ladders::opened_by
            .eq(person)
            .or(ladders::parent_id.assume_not_null().eq(person))
            .or(ladders::comment_id.assume_not_null().eq_any(handled)),
    )
}

/// The ladder, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ParentLadderId) -> Result<LadderRow, Problem> {
    let row = visible(school, sight).filter(ladders::id.eq(id)).select(LadderRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    states: &[LadderState],
    parent: Option<PersonId>,
    window: &Window<ParentLadderId>,
) -> QueryResult<Vec<LadderRow>> {
    let mut query = visible(school, sight).order(ladders::id).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(ladders::state.eq_any(states.to_vec()));
    }
    if let Some(parent) = parent {
        query = query.filter(ladders::parent_id.assume_not_null().eq(parent));
    }
    if let Some(after) = window.after {
        query = query.filter(ladders::id.gt(after));
    }
    query.select(LadderRow::as_select()).load(conn)
}

/// The steps of several ladders, in their order.
///
/// # Errors
/// Where the database gives none.
pub fn steps_of(conn: &mut Conn, school: SchoolId, ids: &[ParentLadderId]) -> QueryResult<HashMap<ParentLadderId, Vec<StepRow>>> {
    let rows: Vec<StepRow> = steps::table
        .filter(steps::school_id.eq(school))
        .filter(steps::ladder_id.eq_any(ids))
        .order((steps::ladder_id, steps::number))
        .select(StepRow::as_select())
        .load(conn)?;
    let mut by_ladder: HashMap<ParentLadderId, Vec<StepRow>> = HashMap::new();
    for row in rows {
        by_ladder.entry(row.ladder_id).or_default().push(row);
    }
    Ok(by_ladder)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &LadderRow) -> QueryResult<()> {
    diesel::insert_into(ladders::table).values(row).execute(tx)?;
    Ok(())
}

/// # Errors
/// Where the database gives none.
pub fn insert_step(tx: &mut Conn, row: &StepRow) -> QueryResult<()> {
    diesel::insert_into(steps::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed ladder under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut LadderRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = ladders::table.find((row.school_id, row.id)).filter(ladders::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
