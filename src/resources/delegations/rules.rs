//! When a delegation is in force, and to whom the headteacher's duties can go.

use chrono::NaiveDate;

use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::FieldError;
use crate::words::words;

words! {
    /// Where a delegation stands today.
    pub enum DelegationState { Upcoming, Active, Ended, Revoked }

    /// What can be done with a delegation.
    pub enum DelegationAction { Revoke }
}

/// The most days that a delegation covers.
const MOST_DAYS: i64 = 366;

/// Where a delegation from the first to the last day stands.
pub fn state(starts_on: NaiveDate, ends_on: NaiveDate, revoked: bool, today: NaiveDate) -> DelegationState {
    if revoked {
        DelegationState::Revoked
    } else if today > ends_on {
        DelegationState::Ended
    } else if today < starts_on {
        DelegationState::Upcoming
    } else {
        DelegationState::Active
    }
}

/// The actions that are left to a caller.
pub fn allowed(state: DelegationState, may_manage: bool) -> Vec<DelegationAction> {
    let in_force = matches!(state, DelegationState::Upcoming | DelegationState::Active);
    if may_manage && in_force { vec![DelegationAction::Revoke] } else { Vec::new() }
}

/// Everything that is wrong with the days of a new delegation.
pub fn wrong_days(starts_on: NaiveDate, ends_on: NaiveDate, today: NaiveDate) -> Vec<FieldError> {
    let wrong = |code, detail| FieldError::new("/ends_on", code, detail);
    let mut errors = Vec::new();
    if ends_on < starts_on {
        errors.push(wrong("before_start", "Must not lie before the first day."));
    } else if (ends_on - starts_on).num_days() >= MOST_DAYS {
        errors.push(wrong("too_long", "A delegation covers at most 366 days."));
    }
    if ends_on < today {
        errors.push(wrong("past", "Must not lie in the past."));
    } else if starts_on < today {
        errors.push(FieldError::new("/starts_on", "past", "Must not lie in the past: nobody delegates afterwards."));
    }
    errors
}

/// The headteacher's duties go to a named, active person of the leadership team, and nobody takes them for
/// themselves (A10).
///
/// # Errors
/// R-HT-5.
pub fn delegate(oneself: bool, active: bool, in_leadership_team: bool) -> Result<(), Refusal> {
    let violation = |detail, cure| Violation::new(Clause::RHt5, detail, cure).at("/delegate_id");
    if oneself {
        let violation = violation("Nobody delegates the headteacher's duties to themselves.", "Name somebody else of the leadership team.");
        return Err(Refusal::new(Grounds::NotThisPerson, violation));
    }
    let mut violations = Vec::new();
    if !active {
        violations.push(violation("The delegate has left the school.", "Name somebody who is at the school."));
    }
    if !in_leadership_team {
        violations.push(violation("The delegate is not of the leadership team.", "Name somebody of the leadership team."));
    }
    Refusal::unless_empty(Grounds::NotAcceptable, violations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DelegationState::{Active, Ended, Revoked, Upcoming};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_delegation_is_in_force_from_its_first_day_to_its_last() {
        for (today, expected) in [("2026-05-31", Upcoming), ("2026-06-01", Active), ("2026-06-05", Active), ("2026-06-06", Ended)] {
            let at = |revoked| state(day("2026-06-01"), day("2026-06-05"), revoked, day(today));
            assert_eq!(at(false), expected, "{today}");
            assert_eq!(at(true), Revoked, "{today}");
        }
    }

    #[test]
    fn it_can_be_revoked_until_it_is_over() {
        let revoke = [DelegationAction::Revoke];
        assert_eq!(allowed(Upcoming, true), revoke);
        assert_eq!(allowed(Active, true), revoke);
        assert_eq!(allowed(Active, false), []);
        assert_eq!(allowed(Ended, true), []);
        assert_eq!(allowed(Revoked, true), []);
    }

    #[test]
    fn its_days_are_in_order_bounded_and_not_past() {
        let codes = |starts: &str, ends: &str| {
            wrong_days(day(starts), day(ends), day("2026-06-15")).into_iter().map(|error| error.code).collect::<Vec<_>>()
        };
        assert_eq!(codes("2026-06-15", "2026-06-15"), [""; 0]);
        assert_eq!(codes("2026-06-14", "2026-06-15"), ["past"], "from yesterday on");
        assert_eq!(codes("2026-07-01", "2027-07-01"), [""; 0], "366 days");
        assert_eq!(codes("2026-07-01", "2027-07-02"), ["too_long"]);
        assert_eq!(codes("2026-07-02", "2026-07-01"), ["before_start"]);
        assert_eq!(codes("2026-06-01", "2026-06-14"), ["past"]);
    }

    #[test]
    fn the_delegate_is_somebody_else_active_and_of_the_leadership_team() {
        assert!(delegate(false, true, true).is_ok());
        assert_eq!(delegate(true, true, true).unwrap_err().grounds, Grounds::NotThisPerson);
        let refusal = delegate(false, false, false).unwrap_err();
        assert_eq!((refusal.grounds, refusal.violations.len()), (Grounds::NotAcceptable, 2));
    }
}
