//! Where a low-level concern stands, and what can follow from it.

use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where a low-level concern stands.
    pub enum LowLevelConcernState { Recorded, Reviewed }

    /// What can be done with a low-level concern.
    pub enum LowLevelConcernAction { Review }

    /// What follows from a low-level concern.
    pub enum ConcernOutcome {
        NoFurtherAction, Advice, Training,
        /// It is dealt with as an allegation.
        Escalate,
    }
}

/// The actions that the state leaves to a caller, if they may review at all.
pub fn allowed(state: LowLevelConcernState, may_review: bool) -> Vec<LowLevelConcernAction> {
    if may_review && state == LowLevelConcernState::Recorded { vec![LowLevelConcernAction::Review] } else { Vec::new() }
}

/// Whether the state allows a review.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(state: LowLevelConcernState) -> Result<(), Problem> {
    let left = allowed(state, true);
    if left.is_empty() { Err(Problem::state_conflict(left)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concern_is_reviewed_once() {
        use LowLevelConcernState::{Recorded, Reviewed};
        assert_eq!((allowed(Recorded, true).len(), allowed(Recorded, false).len(), allowed(Reviewed, true).len()), (1, 0, 0));
        assert!(check(Recorded).is_ok() && check(Reviewed).is_err());
    }
}
