//! Where a version of the response procedure stands.

use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where a version of the response procedure stands; one at a time is published.
    pub enum ResponseProcedureState { Draft, Published, Superseded }

    /// What can be done with a version of the response procedure.
    pub enum ResponseProcedureAction { Edit, Publish }
}

/// The actions that the state leaves to a caller, if they may manage procedures at all.
pub fn allowed(state: ResponseProcedureState, may_manage: bool) -> Vec<ResponseProcedureAction> {
    use strum::IntoEnumIterator;
    let open = may_manage && state == ResponseProcedureState::Draft;
    ResponseProcedureAction::iter().filter(|_| open).collect()
}

/// Whether the state allows changes: what was followed once stays as it was.
///
/// # Errors
/// 409 with the actions that are left.
pub fn check(state: ResponseProcedureState) -> Result<(), Problem> {
    let left = allowed(state, true);
    if left.is_empty() { Err(Problem::state_conflict(left)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_draft_changes() {
        use ResponseProcedureAction::{Edit, Publish};
        use ResponseProcedureState::{Draft, Published, Superseded};
        assert_eq!((allowed(Draft, true), allowed(Draft, false)), (vec![Edit, Publish], vec![]));
        assert!(check(Draft).is_ok() && check(Published).is_err() && check(Superseded).is_err());
    }
}
