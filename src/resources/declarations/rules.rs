//! Who may do what with a declaration, and when.

use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where a declaration stands.
    pub enum DeclarationState { Active, Withdrawn }

    /// What can be done with a declaration.
    pub enum DeclarationAction { Edit, Withdraw, Check }
}

/// How the caller and a declaration stand.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub state: DeclarationState,
    pub disclaimer_present: bool,
    /// The caller made it.
    pub own: bool,
    /// The caller checks other people's.
    pub may_check: bool,
}

const fn possible(action: DeclarationAction, standing: Standing) -> bool {
    let active = matches!(standing.state, DeclarationState::Active);
    match action {
        DeclarationAction::Edit | DeclarationAction::Withdraw => active,
        // There is a disclaimer to look at.
        DeclarationAction::Check => active && standing.disclaimer_present,
    }
}

/// The actions that are left to a caller.
pub fn allowed(standing: Standing) -> Vec<DeclarationAction> {
    use strum::IntoEnumIterator;
    let held = |action| if action == DeclarationAction::Check { standing.may_check && !standing.own } else { standing.own };
    DeclarationAction::iter().filter(|&action| possible(action, standing) && held(action)).collect()
}

/// Whether the state allows an action.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(action: DeclarationAction, standing: Standing) -> Result<(), Problem> {
    if possible(action, standing) { Ok(()) } else { Err(Problem::state_conflict(allowed(standing))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeclarationAction::{Check, Edit, Withdraw};

    #[test]
    fn the_owner_changes_and_withdraws_and_somebody_else_looks_at_the_disclaimer() {
        let standing = |state, disclaimer_present, own| Standing { state, disclaimer_present, own, may_check: true };
        let (active, withdrawn) = (DeclarationState::Active, DeclarationState::Withdrawn);
        assert_eq!(allowed(standing(active, true, true)), [Edit, Withdraw]);
        assert_eq!(allowed(standing(active, true, false)), [Check]);
        assert_eq!(allowed(standing(active, false, false)), []);
        assert_eq!((allowed(standing(withdrawn, true, true)), allowed(standing(withdrawn, true, false))), (vec![], vec![]));
        assert!(check(Check, standing(active, false, false)).is_err() && check(Edit, standing(active, false, true)).is_ok());
    }
}
