//! Where a version of a policy stands, and what publishes it.

use crate::db::types::PolicyVersionId;
use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where a version of a policy stands (decisions, section 6).
    pub enum PolicyVersionState { Draft, InReview, Published, Superseded, Withdrawn }

    /// What can be done with a version of a policy.
    pub enum PolicyVersionAction { Edit, Submit, Return, Publish, Withdraw }
}

use PolicyVersionState::{Draft, InReview};

const fn possible(action: PolicyVersionAction, state: PolicyVersionState) -> bool {
    match action {
        PolicyVersionAction::Edit | PolicyVersionAction::Submit => matches!(state, Draft),
        PolicyVersionAction::Return | PolicyVersionAction::Publish => matches!(state, InReview),
        PolicyVersionAction::Withdraw => matches!(state, Draft | InReview),
    }
}

/// The actions that the state leaves to a caller who holds the permissions for `held`.
pub fn allowed(state: PolicyVersionState, held: impl Fn(PolicyVersionAction) -> bool) -> Vec<PolicyVersionAction> {
    use strum::IntoEnumIterator;
    PolicyVersionAction::iter().filter(|&action| possible(action, state) && held(action)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: PolicyVersionAction, state: PolicyVersionState, held: impl Fn(PolicyVersionAction) -> bool) -> Result<(), Problem> {
    if possible(action, state) { Ok(()) } else { Err(Problem::state_conflict(allowed(state, held))) }
}

/// What is published has a text, and was drafted from the version in force: of two versions one does not undo the
/// other unseen (R-HT-2).
///
/// # Errors
/// What has to be done first.
pub fn publishable(empty: bool, based_on: Option<PolicyVersionId>, in_force: Option<PolicyVersionId>) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    if empty {
        wrong.push(Violation::new(Clause::RHt2, "The version has no clauses.", "Return it to draft and give it a text."));
    }
    if based_on != in_force {
        wrong.push(Violation::new(
            Clause::RHt2,
            "Another version has come into force since this one was drafted.",
            "Withdraw it and draft a version anew from the one in force.",
        ));
    }
    Refusal::unless_empty(Grounds::NotYet, wrong)
}

/// The number of the first version whose acknowledgement still counts once this one is in force: a minor change
/// keeps what was acknowledged of the version before.
pub fn acknowledged_from(number: i32, minor: bool, of_superseded: Option<i32>) -> i32 {
    of_superseded.filter(|_| minor).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moves_are_those_of_the_state_machine() {
        use PolicyVersionAction::{Edit, Publish, Return, Submit, Withdraw};
        use PolicyVersionState::{Published, Superseded, Withdrawn};
        for (state, moves) in [
            (Draft, vec![Edit, Submit, Withdraw]),
            (InReview, vec![Return, Publish, Withdraw]),
            (Published, vec![]),
            (Superseded, vec![]),
            (Withdrawn, vec![]),
        ] {
            assert_eq!(allowed(state, |_| true), moves, "{state}");
        }
        assert_eq!(allowed(InReview, |action| action != Publish), [Return, Withdraw]);
    }

    #[test]
    fn only_what_was_drafted_from_the_version_in_force_and_has_a_text_is_published() {
        let (one, two) = (PolicyVersionId::new(), PolicyVersionId::new());
        let found = |empty, based_on, in_force| publishable(empty, based_on, in_force).map_err(|refusal| refusal.violations.len());
        assert_eq!(found(false, None, None), Ok(()));
        assert_eq!(found(false, Some(one), Some(one)), Ok(()));
        assert_eq!(found(false, Some(one), Some(two)), Err(1));
        assert_eq!(found(false, None, Some(one)), Err(1));
        assert_eq!(found(true, Some(one), Some(one)), Err(1));
        assert_eq!(found(true, None, Some(one)), Err(2));
    }

    #[test]
    fn minor_changes_keep_acknowledgements_however_many_follow_each_other() {
        let mut from = acknowledged_from(1, true, None);
        assert_eq!(from, 1, "there is nothing to keep");
        for (number, minor, expected) in [(2, true, 1), (3, true, 1), (5, false, 5), (6, true, 5)] {
            from = acknowledged_from(number, minor, Some(from));
            assert_eq!(from, expected, "version {number}");
        }
    }
}
