//! The moves of a referral (decisions, section 6).

use crate::policy::incidents::ReferralState;
use crate::problem::Problem;
use crate::words::words;

words! {
    /// What can be done with a referral.
    pub enum ReferralAction { Make, Acknowledge, RecordOutcome }
}

const fn possible(action: ReferralAction, state: ReferralState) -> bool {
    match action {
        ReferralAction::Make => matches!(state, ReferralState::ToMake),
        ReferralAction::Acknowledge => matches!(state, ReferralState::Made),
        ReferralAction::RecordOutcome => matches!(state, ReferralState::Made | ReferralState::Acknowledged),
    }
}

/// The actions that the state leaves to a caller, if they refer at all.
pub fn allowed(state: ReferralState, may_refer: bool) -> Vec<ReferralAction> {
    use strum::IntoEnumIterator;
    ReferralAction::iter().filter(|&action| may_refer && possible(action, state)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: ReferralAction, state: ReferralState) -> Result<(), Problem> {
    if possible(action, state) { Ok(()) } else { Err(Problem::state_conflict(allowed(state, true))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReferralAction::{Acknowledge, Make, RecordOutcome};

    #[test]
    fn a_referral_is_made_acknowledged_and_answered() {
        for (state, moves) in [
            (ReferralState::ToMake, vec![Make]),
            (ReferralState::Made, vec![Acknowledge, RecordOutcome]),
            (ReferralState::Acknowledged, vec![RecordOutcome]),
            (ReferralState::OutcomeReceived, vec![]),
        ] {
            assert_eq!(allowed(state, true), moves, "{state}");
            assert_eq!(allowed(state, false), []);
        }
    }
}
