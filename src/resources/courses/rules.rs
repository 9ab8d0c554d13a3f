//! What can be done with a course.

use crate::problem::Problem;
use crate::words::words;

words! {
    /// What can be done with a course.
    pub enum CourseAction { Edit, Retire }
}

/// The actions that are left to a caller: none once it is retired.
pub fn allowed(retired: bool, may_manage: bool) -> Vec<CourseAction> {
    if may_manage && !retired { vec![CourseAction::Edit, CourseAction::Retire] } else { Vec::new() }
}

/// Whether the course can still be changed.
///
/// # Errors
/// 409 once it is retired.
pub fn check(retired: bool) -> Result<(), Problem> {
    if retired { Err(Problem::state_conflict(allowed(true, true))) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_with_a_retired_course() {
        assert_eq!(allowed(false, true), [CourseAction::Edit, CourseAction::Retire]);
        assert_eq!((allowed(false, false), allowed(true, true)), (vec![], vec![]));
        assert!(check(false).is_ok() && check(true).is_err());
    }
}
