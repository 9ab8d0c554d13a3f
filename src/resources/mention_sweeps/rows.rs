//! Sweeps in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{mention_sweep_lapses, mention_sweeps, people};
use crate::db::types::{MentionSweepId, PersonId, SchoolId};
use crate::page::Window;
use crate::policy::deadline::local_day;
use crate::policy::mentions;
use crate::policy::platforms::Platform;
use crate::policy::roles::PersonKind;
use crate::problem::Problem;
use crate::resources::schools::rows::SchoolRow;
use crate::words::split;

/// One row of `mention_sweeps`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = mention_sweeps)]
pub struct SweepRow {
    pub school_id: SchoolId,
    pub id: MentionSweepId,
    pub swept_by: PersonId,
    pub swept_at: Instant,
    /// The school's local day of the sweep.
    pub swept_on: NaiveDate,
    /// One a line.
    pub terms: String,
    pub pupil_name_reason: Option<String>,
    /// Words, separated by spaces.
    pub sources: String,
    pub platform_other_name: Option<String>,
    pub result_count: i32,
    pub created_at: Instant,
}

impl SweepRow {
    pub fn sources(&self) -> Vec<Platform> {
        split(&self.sources)
    }
}

/// Where a page of sweeps starts: by their time, and then by id.
pub type Key = (Instant, MentionSweepId);

/// The sweep, if there is one.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, id: MentionSweepId) -> QueryResult<Option<SweepRow>> {
    mention_sweeps::table.find((school, id)).select(SweepRow::as_select()).first(conn).optional()
}

/// One page of sweeps, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, window: &Window<Key>) -> QueryResult<Vec<SweepRow>> {
    let mut query = mention_sweeps::table
        .filter(mention_sweeps::school_id.eq(school))
        .order((mention_sweeps::swept_at, mention_sweeps::id))
        .limit(window.fetch())
        .into_boxed();
    if let Some((at, id)) = window.after {
        query = query.filter(mention_sweeps::swept_at.ge(at)).filter(mention_sweeps::swept_at.gt(at).or(mention_sweeps::id.gt(id)));
    }
    query.select(SweepRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &SweepRow) -> QueryResult<()> {
    diesel::insert_into(mention_sweeps::table).values(row).execute(tx)?;
    Ok(())
}

/// Given and family name of everyone who is a pupil or was one (A23).
///
/// # Errors
/// Where the database gives none.
pub fn pupils(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<(String, String)>> {
    people::table
        .filter(people::school_id.eq(school))
        .filter(people::kind.eq(PersonKind::Pupil))
        .select((people::given_name, people::family_name))
        .load(conn)
}

/// When the school was last swept, and when it is due again.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub last_on: Option<NaiveDate>,
    /// The day of the last sweep, or the school's first day.
    pub since_on: NaiveDate,
    pub due_on: NaiveDate,
}

/// # Errors
/// Where the database gives none.
pub fn standing(conn: &mut Conn, school: &SchoolRow) -> QueryResult<Standing> {
    let last_on: Option<NaiveDate> = mention_sweeps::table
        .filter(mention_sweeps::school_id.eq(school.id))
        .order((mention_sweeps::swept_at.desc(), mention_sweeps::id.desc()))
        .select(mention_sweeps::swept_on)
        .first(conn)
        .optional()?;
    let since_on = last_on.unwrap_or_else(|| local_day(*school.created_at, school.zone()));
    Ok(Standing { last_on, since_on, due_on: mentions::next_due_on(since_on, school.sweep_interval_days) })
}

/// Records that the next sweep is overdue, for the job: once for each lapse. Whether it did.
///
/// # Errors
/// Where the database gives none.
pub fn record_lapse(tx: &mut Conn, school: &SchoolRow, now: Instant) -> Result<bool, Problem> {
    let standing = standing(tx, school)?;
    let lapse = mention_sweep_lapses::table.find((school.id, standing.since_on));
    if !mentions::is_overdue(standing.due_on, local_day(*now, school.zone()))
        || diesel::select(diesel::dsl::exists(lapse)).get_result(tx)?
    {
        return Ok(false);
    }
    diesel::insert_into(mention_sweep_lapses::table)
        .values((
            mention_sweep_lapses::school_id.eq(school.id),
            mention_sweep_lapses::since_on.eq(standing.since_on),
            mention_sweep_lapses::recorded_at.eq(now),
        ))
        .execute(tx)?;
    Ok(true)
}
