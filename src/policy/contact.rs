//! Staff do not follow or engage with current or former pupils on personal accounts, but for what was granted (PU-PU-1);
//! that somebody was a pupil has no end (A23).

use chrono::{Months, NaiveDate};

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// What a pupil is to the member of staff who asks for an exception.
    pub enum ContactRelationship { OwnChild, Relative, Other }

    /// Where an exception stands.
    pub enum ContactExceptionState { Requested, Granted, Refused, Ended }

    /// What can be done with an exception.
    pub enum ContactExceptionAction { Grant, Refuse, End }
}

/// How long a declaration counts.
const YEARLY: Months = Months::new(12);

/// Whether the state leaves room for an action.
pub const fn possible(action: ContactExceptionAction, state: ContactExceptionState) -> bool {
    match action {
        ContactExceptionAction::Grant | ContactExceptionAction::Refuse => matches!(state, ContactExceptionState::Requested),
        ContactExceptionAction::End => matches!(state, ContactExceptionState::Granted),
    }
}

fn lacking(detail: &str, cure: &str, pointer: &'static str) -> Violation {
    Violation::new(Clause::PuPu1, detail, cure).at(pointer)
}

/// An exception is for one pupil, who is known to the school or described, and says why unless it is for a relative (PU-PU-1).
///
/// # Errors
/// 422 with all that is missing.
pub fn is_complete(known: bool, described: bool, relationship: ContactRelationship, explained: bool) -> Result<(), Refusal> {
    let whom = match (known, described) {
        (false, false) => {
            Some(("It is not said for which pupil.", "Give pupil_id, or pupil_description where the pupil is not on record."))
        }
        (true, true) => Some(("The pupil is both named and described.", "Leave pupil_description out.")),
        _ => None,
    };
    let unexplained = relationship == ContactRelationship::Other && !explained;
    let why = unexplained.then(|| lacking("It is not said why.", "Say in explanation what the pupil is to you.", "/explanation"));
    let whom = whom.map(|(detail, cure)| lacking(detail, cure, if known { "/pupil_description" } else { "/pupil_id" }));
    Refusal::unless_empty(Grounds::NotAcceptable, whom.into_iter().chain(why).collect())
}

/// Whoever declares that they are in contact says with what (PU-PU-1).
///
/// # Errors
/// 422 without an explanation.
pub fn explains(no_contact: bool, explained: bool) -> Result<(), Refusal> {
    let silent = !no_contact && !explained;
    let why = silent.then(|| lacking("It is not said what the contact is.", "Say in explanation what it is.", "/explanation"));
    Refusal::unless_empty(Grounds::NotAcceptable, why.into_iter().collect())
}

/// The first day on which a declaration was made that counts still (PU-PU-1).
pub fn counts_since(today: NaiveDate) -> NaiveDate {
    today.checked_sub_months(YEARLY).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn an_exception_is_decided_once_and_ended_once() {
        use ContactExceptionAction::{End, Grant, Refuse};
        use ContactExceptionState::{Ended, Granted, Refused, Requested};
        for (state, moves) in [(Requested, vec![Grant, Refuse]), (Granted, vec![End]), (Refused, vec![]), (Ended, vec![])] {
            let left: Vec<_> = ContactExceptionAction::iter().filter(|&action| possible(action, state)).collect();
            assert_eq!(left, moves, "{state}");
        }
    }

    #[test]
    fn an_exception_is_for_one_pupil_and_says_why() {
        use ContactRelationship::{Other, OwnChild, Relative};
        for (known, described, relationship, explained, wrong) in [
            (true, false, OwnChild, false, vec![]),
            (false, true, Relative, false, vec![]),
            (true, false, Other, true, vec![]),
            (true, false, Other, false, vec!["/explanation"]),
            (false, false, OwnChild, true, vec!["/pupil_id"]),
            (true, true, Relative, true, vec!["/pupil_description"]),
            (false, false, Other, false, vec!["/pupil_id", "/explanation"]),
        ] {
            let found = is_complete(known, described, relationship, explained).err().map_or_else(Vec::new, |refusal| refusal.violations);
            assert_eq!(found.iter().filter_map(|violation| violation.pointer).collect::<Vec<_>>(), wrong);
        }
        assert!(explains(true, false).is_ok() && explains(false, true).is_ok() && explains(false, false).is_err());
    }

    #[test]
    fn a_declaration_counts_for_a_year() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (today, since) in [("2026-01-14", "2025-01-14"), ("2028-02-29", "2027-02-28")] {
            assert_eq!(counts_since(day(today)), day(since));
        }
    }
}
