//! What can be done with a comment, and when its clock stops.

use chrono::Duration;

use super::rows::CommentRow;
use crate::clock::Instant;
use crate::policy::clauses::Clause;
use crate::policy::deadline::{self, Deadline};
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::words::words;

words! {
    /// What somebody wrote to the school (MON-2).
    pub enum CommentKind { Comment, Query, Complaint }

    /// Where a comment stands (decisions, section 6).
    pub enum CommentState { Received, Acknowledged, Answered, NoResponseRequired, Closed }

    /// What a response is; either stops the clock (A6).
    pub enum ResponseKind { Acknowledgement, Answer }

    /// What can be done with a comment.
    pub enum CommentAction { Respond, NoResponseRequired, Close, FlagOffensive }
}

use CommentState::{Acknowledged, Answered, Closed, NoResponseRequired, Received};

/// How far ahead of ours a platform's clock may be.
const CLOCKS_DIFFER: Duration = Duration::minutes(5);
/// Responses to one comment at the most.
pub const MOST_RESPONSES: usize = 50;

impl CommentState {
    /// Still to be answered.
    pub const fn is_open(self) -> bool {
        matches!(self, Received | Acknowledged)
    }
}

const fn possible(action: CommentAction, state: CommentState) -> bool {
    match action {
        CommentAction::Respond => matches!(state, Received | Acknowledged | Answered),
        CommentAction::NoResponseRequired => matches!(state, Received),
        // MON-2: nothing is closed before it has been responded to.
        CommentAction::Close => matches!(state, Acknowledged | Answered),
        CommentAction::FlagOffensive => state.is_open(),
    }
}

/// The actions that the state leaves to a caller, if they may answer at all.
pub fn allowed(state: CommentState, may_answer: bool) -> Vec<CommentAction> {
    use strum::IntoEnumIterator;
    CommentAction::iter().filter(|&action| may_answer && possible(action, state)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: CommentAction, state: CommentState) -> Result<(), Problem> {
    if possible(action, state) {
        return Ok(());
    }
    let conflict = Problem::state_conflict(allowed(state, true));
    Err(if (action, state) == (CommentAction::Close, Received) {
        let cure = "Acknowledge or answer it first, or record why it needs no response.";
        conflict.because(Violation::new(Clause::Mon2, "Nobody has responded to this comment.", cure))
    } else {
        conflict
    })
}

/// Everybody says who they are; whoever did not is flagged, not left out (BEH-3).
///
/// # Errors
/// 422 where neither a name nor its absence is recorded, or both.
pub fn check_author(name: Option<&str>, anonymous: bool) -> Result<(), Refusal> {
    let (detail, cure) = match (name, anonymous) {
        (Some(_), false) | (None, true) => return Ok(()),
        (None, false) => ("The author is missing.", "Give author_name, or set author_anonymous."),
        (Some(_), true) => ("An anonymous author has no name.", "Leave author_name out, or author_anonymous."),
    };
    Err(Refusal::new(Grounds::NotAcceptable, Violation::new(Clause::Beh3, detail, cure).at("/author_name")))
}

/// Whether an instant that is said to be past is (but for a small difference of clocks).
pub fn is_past(at: Instant, now: Instant) -> bool {
    at <= now + CLOCKS_DIFFER
}

/// A response moves the state and, if it is the first, stops the clock for good (A7, A8).
pub fn respond(row: &mut CommentRow, kind: ResponseKind, at: Instant) {
    row.state = match (row.state, kind) {
        (Received | Acknowledged, ResponseKind::Acknowledgement) => Acknowledged,
        _ => Answered,
    };
    row.is_open = row.state.is_open();
    if row.first_responded_at.is_none() {
        row.first_responded_at = Some(at);
        row.on_time = Some(deadline::answered_on_time(*at, *row.due_at));
        row.awaits_response = false;
    }
}

/// A response that is said to have been in time, although the comment was found overdue without it, is not for those
/// who were late to record (MON-2).
///
/// # Errors
/// 403 where the headteacher or IT has to.
pub fn check_backdated(row: &CommentRow, responded_at: Instant, own_only: bool) -> Result<(), Refusal> {
    if row.overdue_recorded_at.is_none() || row.first_responded_at.is_some() || responded_at > row.due_at || !own_only {
        return Ok(());
    }
    Err(Refusal::new(
        Grounds::NotThisPerson,
        Violation::new(
            Clause::Mon2,
            "The comment was found overdue, and this response would lie before its deadline.",
            "Have the headteacher or the IT technician record it, or give the time at which you are responding now.",
        )
        .at("/responded_at"),
    ))
}

/// An offensive comment comes first, with a target of its own; its deadline stays (HND-1).
pub fn flag(row: &mut CommentRow, target_minutes: i32, now: Instant) {
    row.urgent = true;
    row.urgent_due_at = Some(now + Duration::minutes(target_minutes.into()));
}

/// Moderation with an explanation counts as the response (A6); whether that changes the comment.
pub fn moderated(row: &mut CommentRow, at: Instant) -> bool {
    let waiting = row.state.is_open();
    if waiting {
        respond(row, ResponseKind::Answer, at);
    }
    waiting
}

/// No response is due after all: the clock stops without a verdict (A6).
pub fn need_no_response(row: &mut CommentRow, reason: String) {
    row.state = NoResponseRequired;
    row.no_response_reason = Some(reason);
    (row.is_open, row.awaits_response) = (false, false);
}

pub fn close(row: &mut CommentRow, at: Instant) {
    row.state = Closed;
    row.closed_at = Some(at);
    row.is_open = false;
}

/// Whether nobody has responded although it is due.
pub fn is_overdue(row: &CommentRow, now: Instant) -> bool {
    row.awaits_response && row.due_at < now
}

/// Takes a deadline over.
pub fn set_deadline(row: &mut CommentRow, deadline: Deadline) {
    row.due_at = deadline.due_at.into();
    row.deadline_rule = deadline.rule;
    row.deadline_explanation = deadline.explanation;
    row.due_on_weekend = deadline.due_on_weekend;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_closed_before_it_has_been_responded_to() {
        use CommentAction::{Close, FlagOffensive as Flag, NoResponseRequired as Waive, Respond};
        for (state, moves) in [
            (Received, vec![Respond, Waive, Flag]),
            (Acknowledged, vec![Respond, Close, Flag]),
            (Answered, vec![Respond, Close]),
            (NoResponseRequired, vec![]),
            (Closed, vec![]),
        ] {
            assert_eq!(allowed(state, true), moves, "{state}");
            assert_eq!(allowed(state, false), []);
        }
    }

    #[test]
    fn an_author_is_named_or_flagged() {
        assert!(check_author(Some("Jo"), false).is_ok() && check_author(None, true).is_ok());
        assert!(check_author(None, false).is_err() && check_author(Some("Jo"), true).is_err());
    }
}
