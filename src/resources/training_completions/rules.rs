//! When a completion can have been, and what can be done with it.

use chrono::NaiveDate;

use crate::problem::FieldError;
use crate::words::words;

words! {
    /// What can be done with a completion.
    pub enum TrainingCompletionAction { Revoke }
}

/// The actions that are left to a caller: a completion is never changed, only revoked.
pub fn allowed(revoked: bool, may_revoke: bool) -> Vec<TrainingCompletionAction> {
    if may_revoke && !revoked { vec![TrainingCompletionAction::Revoke] } else { Vec::new() }
}

/// Everything that is wrong with the day of a completion; `held_on` is that of its session, if it names one.
pub fn wrong_day(completed_on: NaiveDate, held_on: Option<NaiveDate>, today: NaiveDate) -> Vec<FieldError> {
    let wrong = |code, detail| FieldError::new("/completed_on", code, detail);
    let mut errors = Vec::new();
    if completed_on > today {
        errors.push(wrong("in_the_future", "This lies in the future."));
    }
    if held_on.is_some_and(|held_on| completed_on < held_on) {
        errors.push(wrong("before_session", "The session was held later."));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_is_not_before_its_session_and_not_ahead() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let codes = |completed: &str, held: Option<&str>| {
            wrong_day(day(completed), held.map(day), day("2026-01-14")).into_iter().map(|error| error.code).collect::<Vec<_>>()
        };
        assert_eq!(codes("2026-01-14", None), [""; 0]);
        assert_eq!(codes("2026-01-14", Some("2026-01-14")), [""; 0]);
        assert_eq!(codes("2026-01-15", None), ["in_the_future"]);
        assert_eq!(codes("2026-01-13", Some("2026-01-14")), ["before_session"]);
        assert_eq!(codes("2026-01-15", Some("2026-01-16")), ["in_the_future", "before_session"]);
    }

    #[test]
    fn what_is_revoked_stays_so() {
        assert_eq!(allowed(false, true), [TrainingCompletionAction::Revoke]);
        assert_eq!((allowed(true, true), allowed(false, false)), (vec![], vec![]));
    }
}
