//! Comments in the database.

use std::collections::HashMap;

use diesel::prelude::*;

use super::rules::{self, CommentKind, CommentState, ResponseKind};
use crate::clock::Instant;
use crate::db::schema::{comment_procedures, comments, responses};
use crate::db::types::{AccountId, CommentId, PersonId, ResponseId, ResponseProcedureId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::events::{self, Actor, Event, EventType};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::deadline::{self, DeadlineRule, SchoolCalendar};
use crate::policy::mentions::Sentiment;
use crate::problem::Problem;
use crate::resources::accounts::rows::run_by;

/// One row of `comments`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = comments, primary_key(school_id, id), treat_none_as_null = true)]
pub struct CommentRow {
    pub school_id: SchoolId,
    pub id: CommentId,
    pub account_id: AccountId,
    pub kind: CommentKind,
    pub state: CommentState,
    /// What the state says, for the index of the queue.
    pub is_open: bool,
    /// Nobody has responded and somebody has to.
    pub awaits_response: bool,
    pub external_id: Option<String>,
    pub author_name: Option<String>,
    pub author_anonymous: bool,
    pub url: Option<String>,
    pub text: String,
    pub received_at: Instant,
    pub noticed_at: Instant,
    /// Absent where a service logged it.
    pub logged_by: Option<PersonId>,
    pub due_at: Instant,
    pub deadline_rule: DeadlineRule,
    pub deadline_explanation: String,
    pub due_on_weekend: bool,
    pub first_responded_at: Option<Instant>,
    pub on_time: Option<bool>,
    pub overdue_recorded_at: Option<Instant>,
    pub no_response_reason: Option<String>,
    pub closed_at: Option<Instant>,
    /// Offensive: comes first in the queue.
    pub urgent: bool,
    pub urgent_due_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    pub sentiment: Option<Sentiment>,
}

/// One row of `responses`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = responses)]
pub struct ResponseRow {
    pub school_id: SchoolId,
    pub id: ResponseId,
    pub comment_id: CommentId,
    pub kind: ResponseKind,
    pub text: String,
    pub automated: bool,
    pub responded_at: Instant,
    pub responded_by: Option<PersonId>,
    pub created_at: Instant,
}

/// One row of `comment_procedures`: how a comment was closed (PRO-2).
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = comment_procedures)]
pub struct FollowedRow {
    pub school_id: SchoolId,
    pub comment_id: CommentId,
    pub procedure_version_id: ResponseProcedureId,
    pub branch: String,
}

/// What a caller may see of a school's comments.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those on accounts that the person runs.
    Managed(PersonId),
}

/// Which comments a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub states: Vec<CommentState>,
    pub accounts: Vec<AccountId>,
    pub kinds: Vec<CommentKind>,
    pub open: Option<bool>,
    /// Whether a response is awaited that was due before this instant.
    pub overdue: Option<(bool, Instant)>,
    pub due_from: Option<Instant>,
    pub due_to: Option<Instant>,
    pub updated_since: Option<Instant>,
}

/// Where a page of comments starts: by deadline or by change, and then by id.
pub type Key = (Instant, CommentId);

/// By what a list of comments is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Due,
    Updated,
}

type Query<'a> = comments::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = comments::table.filter(comments::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Managed(person) => all.filter(comments::account_id.eq_any(run_by(school, person))),
    }
}

/// The comment, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: CommentId) -> Result<CommentRow, Problem> {
    let row = visible(school, sight).filter(comments::id.eq(id)).select(CommentRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// Those of `ids` that this caller may see, in no order.
///
/// # Errors
/// Where the database gives none.
pub fn find_all(conn: &mut Conn, school: SchoolId, sight: Sight, ids: &[CommentId]) -> QueryResult<Vec<CommentRow>> {
    visible(school, sight).filter(comments::id.eq_any(ids.to_vec())).select(CommentRow::as_select()).load(conn)
}

/// The comment that came in on this account under the platform's own id.
///
/// # Errors
/// Where the database gives none.
pub fn by_external_id(conn: &mut Conn, school: SchoolId, account: AccountId, external_id: &str) -> QueryResult<Option<CommentRow>> {
    comments::table
        .filter(comments::school_id.eq(school))
        .filter(comments::account_id.eq(account))
        .filter(comments::external_id.eq(external_id))
        .select(CommentRow::as_select())
        .first(conn)
        .optional()
}

/// The query behind a page of comments.
pub fn listing<'a>(school: SchoolId, sight: Sight, filter: &Filter, order: Order, window: &Window<Key>) -> Query<'a> {
    let mut query = visible(school, sight).limit(window.fetch());
    // Each equality below is the second column of an index whose next ones are the order.
    let open = filter.open.or_else(|| common(filter.states.iter().map(|state| state.is_open())));
    match filter.overdue {
        Some((true, now)) => query = query.filter(comments::awaits_response.eq(true)).filter(comments::due_at.lt(now)),
        Some((false, now)) => query = query.filter(comments::awaits_response.eq(false).or(comments::due_at.ge(now))),
        None => {}
    }
    if let Some(open) = open {
        query = query.filter(comments::is_open.eq(open));
    }
    if let [account] = filter.accounts[..] {
        query = query.filter(comments::account_id.eq(account));
    } else if !filter.accounts.is_empty() {
        query = query.filter(comments::account_id.eq_any(filter.accounts.clone()));
    }
    if !filter.states.is_empty() {
        query = query.filter(comments::state.eq_any(filter.states.clone()));
    }
    if !filter.kinds.is_empty() {
        query = query.filter(comments::kind.eq_any(filter.kinds.clone()));
    }
    if let Some(before) = filter.due_to {
        query = query.filter(comments::due_at.lt(before));
    }
    if let Some(from) = filter.due_from {
        query = query.filter(comments::due_at.ge(from));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(comments::updated_at.ge(since));
    }
    // `>=` on the first key bounds the walk of the index; the rest steps over what was shown already.
    match (order, window.after) {
        (Order::Due, after) => {
            if let Some((at, id)) = after {
                query = query.filter(comments::due_at.ge(at)).filter(comments::due_at.gt(at).or(comments::id.gt(id)));
            }
            query.order((comments::due_at, comments::id))
        }
        (Order::Updated, after) => {
            if let Some((at, id)) = after {
                query = query.filter(comments::updated_at.ge(at)).filter(comments::updated_at.gt(at).or(comments::id.gt(id)));
            }
            query.order((comments::updated_at, comments::id))
        }
    }
}

/// The one value that all have, if they do.
fn common(mut values: impl Iterator<Item = bool>) -> Option<bool> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// One page of comments.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    order: Order,
    window: &Window<Key>,
) -> QueryResult<Vec<CommentRow>> {
    let Sight::Managed(person) = sight else {
        return listing(school, sight, filter, order, window).select(CommentRow::as_select()).load(conn);
    };
    // The few accounts first: whoever runs one walks the index of that one, not of the school.
    let mut run: Vec<AccountId> = run_by(school, person).load(conn)?;
    run.retain(|account| filter.accounts.is_empty() || filter.accounts.contains(account));
    if run.is_empty() {
        return Ok(Vec::new());
    }
    let filter = Filter { accounts: run, ..filter.clone() };
    listing(school, Sight::All, &filter, order, window).select(CommentRow::as_select()).load(conn)
}

/// The sort key of the queue.
pub type QueueKey = (bool, Instant, CommentId);

/// One page of what is open: offensive ones first, then by deadline.
///
/// # Errors
/// Where the database gives none.
pub fn queue(conn: &mut Conn, school: SchoolId, sight: Sight, window: &Window<QueueKey>) -> QueryResult<Vec<CommentRow>> {
    let mut rows = Vec::new();
    for urgent in [true, false] {
        let after = match window.after {
            // The urgent ones have been shown.
            Some((false, ..)) if urgent => continue,
            Some((of, at, id)) if of == urgent => Some((at, id)),
            _ => None,
        };
        let left = window.fetch() - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let mut query = visible(school, sight)
            .filter(comments::is_open.eq(true))
            .filter(comments::urgent.eq(urgent))
            .order((comments::due_at, comments::id))
            .limit(left.max(0));
        if let Some((at, id)) = after {
            query = query.filter(comments::due_at.ge(at)).filter(comments::due_at.gt(at).or(comments::id.gt(id)));
        }
        rows.extend(query.select(CommentRow::as_select()).load(conn)?);
    }
    Ok(rows)
}

/// The responses to several comments, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn responses_to(conn: &mut Conn, school: SchoolId, ids: &[CommentId]) -> QueryResult<HashMap<CommentId, Vec<ResponseRow>>> {
    let rows: Vec<ResponseRow> = responses::table
        .filter(responses::school_id.eq(school))
        .filter(responses::comment_id.eq_any(ids))
        .order((responses::comment_id, responses::id))
        .select(ResponseRow::as_select())
        .load(conn)?;
    let mut by_comment: HashMap<CommentId, Vec<ResponseRow>> = HashMap::new();
    for row in rows {
        by_comment.entry(row.comment_id).or_default().push(row);
    }
    Ok(by_comment)
}

/// By which procedure several comments were closed.
///
/// # Errors
/// Where the database gives none.
pub fn followed_by(conn: &mut Conn, school: SchoolId, ids: &[CommentId]) -> QueryResult<HashMap<CommentId, FollowedRow>> {
    let rows: Vec<FollowedRow> = comment_procedures::table
        .filter(comment_procedures::school_id.eq(school))
        .filter(comment_procedures::comment_id.eq_any(ids))
        .select(FollowedRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.comment_id, row)).collect())
}

/// # Errors
/// Where the database gives none.
pub fn insert_followed(tx: &mut Conn, row: &FollowedRow) -> QueryResult<()> {
    diesel::insert_into(comment_procedures::table).values(row).execute(tx)?;
    Ok(())
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &CommentRow) -> QueryResult<()> {
    diesel::insert_into(comments::table).values(row).execute(tx)?;
    Ok(())
}

/// # Errors
/// Where the database gives none.
pub fn insert_response(tx: &mut Conn, row: &ResponseRow) -> QueryResult<()> {
    diesel::insert_into(responses::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed comment under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut CommentRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let saved = diesel::update(comments::table.find((row.school_id, row.id)).filter(comments::version.eq(read))).set(&*row).execute(tx)?;
    precondition::saved(saved)
}

/// Computes the deadlines of the comments that still await a response anew, and records that it did.
///
/// # Errors
/// Where the database gives none.
pub fn recompute_deadlines(tx: &mut Conn, actor: Actor, calendar: &SchoolCalendar) -> Result<usize, Problem> {
    let school = actor.school;
    let waiting: Vec<CommentRow> = comments::table
        .filter(comments::school_id.eq(school))
        .filter(comments::awaits_response.eq(true))
        .order((comments::due_at, comments::id))
        .select(CommentRow::as_select())
        .load(tx)?;
    let mut changed = 0;
    for mut row in waiting {
        let before = row.clone();
        // A deadline that the new calendar cannot tell stays as it was told.
        let Ok(deadline) = deadline::deadline(*row.received_at, calendar) else { continue };
        rules::set_deadline(&mut row, deadline);
        if row != before {
            save(tx, &mut row, actor.at)?;
            changed += 1;
        }
    }
    events::record(tx, actor, Event::new(EventType::DeadlinesRecomputed, school.uuid()).count(changed))?;
    Ok(changed)
}

/// Marks comments that have become overdue, at most `most`, for the job: each once.
///
/// # Errors
/// Where the database gives none.
pub fn mark_overdue(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<(CommentId, AccountId)>> {
    let overdue: Vec<(CommentId, AccountId)> = comments::table
        .filter(comments::school_id.eq(school))
        .filter(comments::awaits_response.eq(true))
        .filter(comments::due_at.lt(now))
        .filter(comments::overdue_recorded_at.is_null())
        .order((comments::due_at, comments::id))
        .limit(most)
        .select((comments::id, comments::account_id))
        .load(tx)?;
    let ids: Vec<CommentId> = overdue.iter().map(|(id, _)| *id).collect();
    diesel::update(comments::table.filter(comments::school_id.eq(school)).filter(comments::id.eq_any(ids)))
        .set((comments::overdue_recorded_at.eq(Some(now)), comments::updated_at.eq(now), comments::version.eq(comments::version + 1)))
        .execute(tx)?;
    Ok(overdue)
}
