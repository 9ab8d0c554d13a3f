//! What can be done with a posting, and when.

use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where a posting stands.
    pub enum MentionState { Captured, Assessed, Responded, NoResponseRequired, Closed }

    /// What can be done with a posting.
    pub enum MentionAction { Assess, Respond, NoResponse, Close }
}

use MentionState::{Assessed, Captured, NoResponseRequired, Responded};

const fn possible(action: MentionAction, state: MentionState) -> bool {
    match action {
        // Until somebody has acted on it: a wrong decision would keep what is private.
        MentionAction::Assess => matches!(state, Captured | Assessed),
        MentionAction::Respond | MentionAction::NoResponse => matches!(state, Assessed),
        MentionAction::Close => matches!(state, Responded | NoResponseRequired),
    }
}

/// The actions that the state leaves to a caller who holds the permissions for `held`.
pub fn allowed(state: MentionState, held: impl Fn(MentionAction) -> bool) -> Vec<MentionAction> {
    use strum::IntoEnumIterator;
    MentionAction::iter().filter(|&action| possible(action, state) && held(action)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: MentionAction, state: MentionState, held: impl Fn(MentionAction) -> bool) -> Result<(), Problem> {
    if possible(action, state) { Ok(()) } else { Err(Problem::state_conflict(allowed(state, held))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_responded_to_before_it_is_known_whose_business_it_is() {
        use MentionAction::{Assess, Close, NoResponse, Respond};
        for (state, moves) in [
            (Captured, vec![Assess]),
            (Assessed, vec![Assess, Respond, NoResponse]),
            (Responded, vec![Close]),
            (NoResponseRequired, vec![Close]),
            (MentionState::Closed, vec![]),
        ] {
            assert_eq!(allowed(state, |_| true), moves, "{state}");
        }
        assert_eq!(allowed(Assessed, |action| action != Assess), [Respond, NoResponse]);
    }
}
