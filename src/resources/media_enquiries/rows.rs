//! Media enquiries in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{media_enquiries, policies, policy_versions};
use crate::db::types::{CommentId, MediaEnquiryId, PersonId, PolicyVersionId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::media::EnquiryState;
use crate::policy::required::PolicyKind;
use crate::problem::Problem;
use crate::resources::policy_versions::PolicyVersionState;

/// One row of `media_enquiries`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = media_enquiries, primary_key(school_id, id), treat_none_as_null = true)]
pub struct EnquiryRow {
    pub school_id: SchoolId,
    pub id: MediaEnquiryId,
    pub state: EnquiryState,
    pub outlet: String,
    pub journalist_name: Option<String>,
    pub question: String,
    pub comment_id: Option<CommentId>,
    pub received_at: Instant,
    pub deadline_at: Option<Instant>,
    pub logged_by: PersonId,
    pub proposed_answer: Option<String>,
    pub answer: Option<String>,
    /// The version of the media policy under which it was cleared.
    pub policy_version_id: Option<PolicyVersionId>,
    pub decided_by: Option<PersonId>,
    pub decided_at: Option<Instant>,
    pub decline_reason: Option<String>,
    pub responded_at: Option<Instant>,
    pub responded_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's enquiries.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those that the person logged.
    Own(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> media_enquiries::BoxedQuery<'a, MultiBackend> {
    let all = media_enquiries::table.filter(media_enquiries::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(media_enquiries::logged_by.eq(person)),
    }
}

/// The enquiry, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: MediaEnquiryId) -> Result<EnquiryRow, Problem> {
    let row = visible(school, sight).filter(media_enquiries::id.eq(id)).select(EnquiryRow::as_select()).first(conn).optional()?;
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
    states: &[EnquiryState],
    window: &Window<MediaEnquiryId>,
) -> QueryResult<Vec<EnquiryRow>> {
    let mut query = visible(school, sight).order(media_enquiries::id).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(media_enquiries::state.eq_any(states.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(media_enquiries::id.gt(after));
    }
    query.select(EnquiryRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &EnquiryRow) -> QueryResult<()> {
    diesel::insert_into(media_enquiries::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed enquiry under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut EnquiryRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = media_enquiries::table.find((row.school_id, row.id)).filter(media_enquiries::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}

/// Where the enquiries stand that came in these comments.
///
/// # Errors
/// Where the database gives none.
pub fn of_comments(conn: &mut Conn, school: SchoolId, comments: &[CommentId]) -> QueryResult<Vec<EnquiryState>> {
    media_enquiries::table
        .filter(media_enquiries::school_id.eq(school))
        .filter(media_enquiries::comment_id.eq_any(comments.iter().copied().map(Some).collect::<Vec<_>>()))
        .select(media_enquiries::state)
        .load(conn)
}

/// The version of the media policy that is in force.
///
/// # Errors
/// Where the database gives none.
pub fn media_policy(conn: &mut Conn, school: SchoolId) -> QueryResult<Option<PolicyVersionId>> {
    let media = policies::table.filter(policies::school_id.eq(school)).filter(policies::kind.eq(PolicyKind::Media));
    policy_versions::table
        .filter(policy_versions::school_id.eq(school))
        .filter(policy_versions::policy_id.eq_any(media.select(policies::id)))
        .filter(policy_versions::state.eq(PolicyVersionState::Published))
        .order(policy_versions::id)
        .select(policy_versions::id)
        .first(conn)
        .optional()
}
