//! Moderation actions in the database: append-only.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{moderation_actions, people};
use crate::db::types::{AccountId, CommentId, ModerationActionId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::moderation::{FullName, ModerationKind, ModerationReason};
use crate::policy::roles::PersonKind;
use crate::problem::Problem;
use crate::resources::accounts::rows::run_by;
use crate::resources::comments::rows::Sight;

/// One row of `moderation_actions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = moderation_actions)]
pub struct ModerationRow {
    pub school_id: SchoolId,
    pub id: ModerationActionId,
    pub comment_id: CommentId,
    pub account_id: AccountId,
    pub kind: ModerationKind,
    pub reason: ModerationReason,
    pub public_explanation: String,
    pub internal_reason: Option<String>,
    pub evidence_ref: Option<String>,
    /// The comment as it was.
    pub snapshot_text: String,
    pub snapshot_author: Option<String>,
    pub acted_by: PersonId,
    pub acted_at: Instant,
}

/// Which actions a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub comment: Option<CommentId>,
    pub accounts: Vec<AccountId>,
    pub kinds: Vec<ModerationKind>,
    pub acted_from: Option<Instant>,
    pub acted_to: Option<Instant>,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> moderation_actions::BoxedQuery<'a, MultiBackend> {
    let all = moderation_actions::table.filter(moderation_actions::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Managed(person) => all.filter(moderation_actions::account_id.eq_any(run_by(school, person))),
    }
}

/// The action, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ModerationActionId) -> Result<ModerationRow, Problem> {
    let row = visible(school, sight).filter(moderation_actions::id.eq(id)).select(ModerationRow::as_select()).first(conn).optional()?;
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
    filter: &Filter,
    window: &Window<ModerationActionId>,
) -> QueryResult<Vec<ModerationRow>> {
    let mut query = visible(school, sight).order(moderation_actions::id).limit(window.fetch());
    if let Some(comment) = filter.comment {
        query = query.filter(moderation_actions::comment_id.eq(comment));
    }
    if !filter.accounts.is_empty() {
        query = query.filter(moderation_actions::account_id.eq_any(filter.accounts.clone()));
    }
    if !filter.kinds.is_empty() {
        query = query.filter(moderation_actions::kind.eq_any(filter.kinds.clone()));
    }
    if let Some(from) = filter.acted_from {
        query = query.filter(moderation_actions::acted_at.ge(from));
    }
    if let Some(to) = filter.acted_to {
        query = query.filter(moderation_actions::acted_at.lt(to));
    }
    if let Some(after) = window.after {
        query = query.filter(moderation_actions::id.gt(after));
    }
    query.select(ModerationRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ModerationRow) -> QueryResult<()> {
    diesel::insert_into(moderation_actions::table).values(row).execute(tx)?;
    Ok(())
}

/// When comments were first moderated, of those that were.
///
/// # Errors
/// Where the database gives none.
pub fn first_of(conn: &mut Conn, school: SchoolId, comments: &[CommentId]) -> QueryResult<HashMap<CommentId, Instant>> {
    let rows: Vec<(CommentId, Instant)> = moderation_actions::table
        .filter(moderation_actions::school_id.eq(school))
        .filter(moderation_actions::comment_id.eq_any(comments))
        .order((moderation_actions::comment_id, moderation_actions::id.desc()))
        .select((moderation_actions::comment_id, moderation_actions::acted_at))
        .load(conn)?;
    // The last one that is collected is the first that was done.
    Ok(rows.into_iter().collect())
}

/// The names of all who are or were pupils.
///
/// # Errors
/// Where the database gives none.
pub fn pupils(conn: &mut Conn, school: SchoolId) -> QueryResult<Vec<FullName>> {
    let rows: Vec<(String, String)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::kind.eq(PersonKind::Pupil))
        .select((people::given_name, people::family_name))
        .load(conn)?;
    Ok(rows.into_iter().map(|(given, family)| FullName { given, family }).collect())
}
