//! Whose access is recorded, and what can be done with it.

use chrono::NaiveDate;

use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where an access stands.
    pub enum CommentingAccessState {
        /// Nobody has informed the parent of acceptable use.
        Uninformed,
        Informed,
        Ended,
    }

    /// What can be done with an access.
    pub enum CommentingAccessAction { Inform, End }

    /// How a parent was informed.
    pub enum NoticeChannel { Letter, Email, Meeting, PlatformNotice }
}

use CommentingAccessState::{Ended, Informed, Uninformed};

pub const fn state(informed_on: Option<NaiveDate>, ended_on: Option<NaiveDate>) -> CommentingAccessState {
    match (informed_on, ended_on) {
        (_, Some(_)) => Ended,
        (Some(_), None) => Informed,
        (None, None) => Uninformed,
    }
}

const fn possible(action: CommentingAccessAction, state: CommentingAccessState) -> bool {
    match action {
        CommentingAccessAction::Inform => matches!(state, Uninformed),
        CommentingAccessAction::End => !matches!(state, Ended),
    }
}

/// The actions that are left to a caller.
pub fn allowed(state: CommentingAccessState, may_manage: bool) -> Vec<CommentingAccessAction> {
    use strum::IntoEnumIterator;
    CommentingAccessAction::iter().filter(|&action| may_manage && possible(action, state)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: CommentingAccessAction, state: CommentingAccessState) -> Result<(), Problem> {
    if possible(action, state) { Ok(()) } else { Err(Problem::state_conflict(allowed(state, true))) }
}

/// The notice is for parents and carers (PU-PC-1).
///
/// # Errors
/// 422 for anybody else.
pub fn is_for(parent: bool) -> Result<(), Refusal> {
    if parent {
        return Ok(());
    }
    let violation = Violation::new(Clause::PuPc1, "The person is no parent or carer.", "Name a parent or carer of the school.");
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/person_id")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use CommentingAccessAction::{End, Inform};

    #[test]
    fn a_parent_is_informed_once_while_they_can_comment() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 14);
        for (informed_on, ended_on, expected, moves) in [
            (None, None, Uninformed, vec![Inform, End]),
            (day, None, Informed, vec![End]),
            (None, day, Ended, vec![]),
            (day, day, Ended, vec![]),
        ] {
            assert_eq!((state(informed_on, ended_on), allowed(expected, true), allowed(expected, false)), (expected, moves, vec![]));
        }
        assert!(check(Inform, Uninformed).is_ok() && check(Inform, Informed).is_err() && check(End, Ended).is_err());
        assert!(is_for(true).is_ok() && is_for(false).is_err());
    }
}
