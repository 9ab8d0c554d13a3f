//! What can be done with a handover, and what it makes of the account.

use crate::problem::Problem;
use crate::resources::accounts::AccountState;
use crate::words::words;

words! {
    /// Where a handover stands (decisions, section 6).
    pub enum HandoverState {
        Open,
        /// It is said who takes the leaver's place, and the lead's if the leaver led.
        LeadProposed,
        CredentialsRotated,
        Completed,
    }

    /// How a handover ended.
    pub enum HandoverOutcome {
        /// Others run the account.
        Transferred,
        /// The account was closed.
        Closed,
        /// The leaver is at the school after all.
        LeaverReturned,
    }

    /// What can be done with a handover.
    pub enum HandoverAction { ProposeSuccessor, ConfirmRotation, Transfer, Close }
}

const fn possible(action: HandoverAction, state: HandoverState) -> bool {
    match action {
        HandoverAction::ProposeSuccessor | HandoverAction::Close => !matches!(state, HandoverState::Completed),
        HandoverAction::ConfirmRotation => matches!(state, HandoverState::Open | HandoverState::LeadProposed),
        HandoverAction::Transfer => matches!(state, HandoverState::CredentialsRotated),
    }
}

/// The actions that the state leaves to a caller who may hand over.
pub fn allowed(state: HandoverState, may: bool) -> Vec<HandoverAction> {
    use strum::IntoEnumIterator;
    HandoverAction::iter().filter(|&action| may && possible(action, state)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: HandoverAction, state: HandoverState) -> Result<(), Problem> {
    if possible(action, state) { Ok(()) } else { Err(Problem::state_conflict(allowed(state, true))) }
}

/// What a leaving makes of an account (decisions, section 6). `first`: nobody else who left it is still to be handed over.
/// `can_go_on`: somebody is left who can run it; else it is suspended, so that no account is ever orphaned (R-IT-4).
pub fn state_on_leaving(state: AccountState, first: bool, can_go_on: bool) -> AccountState {
    match state {
        AccountState::PendingActivation | AccountState::Closed => state,
        // Suspended for another leaver, or since: nothing about this one lifts it.
        AccountState::Suspended if !first => state,
        _ if can_go_on => AccountState::HandoverRequired,
        _ => AccountState::Suspended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccountState::{Active, Closed, HandoverRequired, PendingActivation, Suspended};
    use HandoverAction::{Close, ConfirmRotation, ProposeSuccessor, Transfer};
    use HandoverState::{Completed, CredentialsRotated, LeadProposed, Open};

    #[test]
    fn the_moves_are_those_of_the_state_machine() {
        for (state, moves) in [
            (Open, vec![ProposeSuccessor, ConfirmRotation, Close]),
            (LeadProposed, vec![ProposeSuccessor, ConfirmRotation, Close]),
            (CredentialsRotated, vec![ProposeSuccessor, Transfer, Close]),
            (Completed, vec![]),
        ] {
            assert_eq!((allowed(state, true), allowed(state, false)), (moves, vec![]), "{state}");
        }
        assert!(check(Transfer, Open).is_err() && check(Transfer, CredentialsRotated).is_ok());
    }

    #[test]
    fn an_account_in_use_is_handed_over_and_one_that_nobody_can_run_is_suspended() {
        for (before, first, can_go_on, after) in [
            (Active, true, true, HandoverRequired),
            (Suspended, true, true, HandoverRequired),
            (HandoverRequired, false, true, HandoverRequired),
            (Active, true, false, Suspended),
            (HandoverRequired, false, false, Suspended),
            (Suspended, false, true, Suspended),
            (PendingActivation, true, false, PendingActivation),
            (Closed, true, true, Closed),
        ] {
            assert_eq!(state_on_leaving(before, first, can_go_on), after, "{before}, first: {first}, can go on: {can_go_on}");
        }
    }
}
