//! Who may do what with an account, and when.

use crate::clock::Instant;
use crate::policy::clauses::Clause;
use crate::policy::platforms::Platform;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::resources::business_cases::BusinessCaseState;
use crate::resources::business_cases::rows::BusinessCaseRow;
use crate::words::words;

words! {
    /// Where an account stands (decisions, section 6).
    pub enum AccountState {
        PendingActivation, Active, Suspended,
        /// Somebody who ran it has left; the others go on (R-IT-4).
        HandoverRequired,
        Closed,
    }

    /// What can be done with an account.
    pub enum AccountAction { Edit, ChangeManagers, Activate, Suspend, Resume, Close }
}

use AccountState::{Active, Closed, HandoverRequired, PendingActivation, Suspended};

impl AccountState {
    /// The states in which people can write to an account: nobody looks away while it is suspended or handed over.
    pub const IN_USE: [Self; 3] = [Active, Suspended, HandoverRequired];

    pub fn is_in_use(self) -> bool {
        Self::IN_USE.contains(&self)
    }
}

const fn possible(action: AccountAction, state: AccountState) -> bool {
    match action {
        AccountAction::Edit | AccountAction::ChangeManagers | AccountAction::Close => !matches!(state, Closed),
        AccountAction::Activate => matches!(state, PendingActivation),
        AccountAction::Suspend => matches!(state, Active | HandoverRequired),
        AccountAction::Resume => matches!(state, Suspended),
    }
}

/// The actions that the state leaves to a caller who holds the permissions for `held`.
pub fn allowed(state: AccountState, held: impl Fn(AccountAction) -> bool) -> Vec<AccountAction> {
    use strum::IntoEnumIterator;
    AccountAction::iter().filter(|&action| possible(action, state) && held(action)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: AccountAction, state: AccountState, held: impl Fn(AccountAction) -> bool) -> Result<(), Problem> {
    if possible(action, state) { Ok(()) } else { Err(Problem::state_conflict(allowed(state, held))) }
}

/// An account needs an approved business case that has not been used and has not lapsed (R-IT-1, R-HT-5).
///
/// # Errors
/// What the case lacks.
pub fn usable(case: &BusinessCaseRow, now: Instant) -> Result<(), Refusal> {
    let lapsed = case.lapses_at.is_some_and(|at| at <= now);
    let (clause, detail, cure) = match case.state {
        BusinessCaseState::Approved if !lapsed => return Ok(()),
        BusinessCaseState::Approved | BusinessCaseState::Lapsed => {
            (Clause::RHt5, "The approval has lapsed.", "Draft a new business case and have it approved.")
        }
        BusinessCaseState::Used => {
            (Clause::RIt1, "An account was created from this business case already.", "Each account needs a business case of its own.")
        }
        _ => (Clause::RIt1, "The business case is not approved.", "Have the headteacher approve it first."),
    };
    Err(Refusal::new(Grounds::NotYet, Violation::new(clause, detail, cure).at("/business_case_id")))
}

/// An account is watched over while it is in use: not before it is activated, and not after it is closed (R-IT-1).
///
/// # Errors
/// 409 where the account is not yet or no longer in use.
pub fn check_in_use(state: AccountState) -> Result<(), Refusal> {
    if state.is_in_use() {
        return Ok(());
    }
    let cure = "Choose an account that has been activated and is not closed.";
    Err(Refusal::new(Grounds::NotYet, Violation::new(Clause::RIt1, "The account is not in use.", cure).at("/account_id")))
}

/// What makes a handle the same: the platform, and the name without its case and its at sign.
pub fn handle_key(platform: Platform, other_name: Option<&str>, handle: &str) -> String {
    let other = other_name.filter(|_| platform == Platform::Other).unwrap_or_default().to_lowercase();
    format!("{platform}/{other}/{}", handle.trim_start_matches('@').to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moves_are_those_of_the_state_machine() {
        use AccountAction::{Activate, ChangeManagers, Close, Edit, Resume, Suspend};
        for (state, moves) in [
            (PendingActivation, vec![Edit, ChangeManagers, Activate, Close]),
            (Active, vec![Edit, ChangeManagers, Suspend, Close]),
            (Suspended, vec![Edit, ChangeManagers, Resume, Close]),
            (HandoverRequired, vec![Edit, ChangeManagers, Suspend, Close]),
            (Closed, vec![]),
        ] {
            assert_eq!(allowed(state, |_| true), moves, "{state}");
        }
    }

    #[test]
    fn a_handle_is_the_same_in_any_case_and_with_or_without_its_at_sign() {
        let key = |handle| handle_key(Platform::X, None, handle);
        assert_eq!(key("@WealdCPS"), key("wealdcps"));
        assert_ne!(key("wealdcps"), handle_key(Platform::Facebook, None, "wealdcps"));
        assert_eq!(key("w"), handle_key(Platform::X, Some("Mastodon"), "w"));
        assert_ne!(handle_key(Platform::Other, Some("Bebo"), "w"), handle_key(Platform::Other, Some("Ping"), "w"));
    }
}
