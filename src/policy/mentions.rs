//! What the web says of the school: how it is looked for (PRO-1), and what of it is the school's business
//! (SC-1, SC-4, SC-5, SC-7).

use chrono::{Days, NaiveDate};

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// Whose business a posting is (SC-1).
    pub enum MentionScope {
        /// On an official channel, on a school account, or in the school's name (SC-5).
        Professional,
        /// A personal posting that is associated with the school.
        PersonalAssociated,
        /// A private posting that harms professional standards or the school's reputation (SC-4).
        PersonalImpacting,
        /// Neither refers to the school nor affects it: only a count is kept (SC-7).
        OutOfScope,
    }

    /// How somebody speaks of the school.
    pub enum Sentiment { Positive, Neutral, Negative, Mixed }
}

/// Days between two sweeps, where the school does not say.
pub const SWEEP_INTERVAL_DAYS: i32 = 7;

fn refuse(clause: Clause, pointer: &'static str, detail: &str, cure: &str) -> Refusal {
    Refusal::new(Grounds::NotAcceptable, Violation::new(clause, detail, cure).at(pointer))
}

/// Only what anybody can read is recorded (PRO-1).
///
/// # Errors
/// 422 for what is not public.
pub fn recordable(public: bool) -> Result<(), Refusal> {
    let cure = "Leave what is not public alone; nothing of it was kept.";
    if public { Ok(()) } else { Err(refuse(Clause::Pro1, "/public", "The posting is not public.", cure)) }
}

/// What is posted on an account of the school is professional without being asked (SC-5).
pub fn scope_of_itself(on_registered_account: bool) -> Option<MentionScope> {
    on_registered_account.then_some(MentionScope::Professional)
}

/// A decision on somebody's privacy has its reason, and nothing takes what is on the school's own accounts out of its
/// scope (SC-4, SC-5).
///
/// # Errors
/// 422 where the reason is missing or there is nothing to decide.
pub fn assessable(on_registered_account: bool, reason: Option<&str>) -> Result<(), Refusal> {
    if on_registered_account {
        let cure = "Leave it as it is: an account of the school is professional.";
        return Err(refuse(Clause::Sc5, "/scope", "What is posted on an account of the school is professional.", cure));
    }
    let cure = "Say why the posting is, or is not, the school's business.";
    if reason.is_some() { Ok(()) } else { Err(refuse(Clause::Sc4, "/reason", "The decision has no reason.", cure)) }
}

/// The words of a text in lower case, one space around each.
fn spaced(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(String::from(" "), |spaced, word| spaced + word + " ")
}

/// Nobody looks for a child by name without a reason on record, whether the child is still at the school or was once
/// (PRO-1, A23). `pupils` are given and family names.
///
/// # Errors
/// 422 without a word of whose name it is.
pub fn searchable(terms: &[String], pupils: &[(String, String)], reason: Option<&str>) -> Result<(), Refusal> {
    let terms: Vec<String> = terms.iter().map(|term| spaced(term)).collect();
    let named = |(given, family): &(String, String)| {
        let names = [spaced(&format!("{given} {family}")), spaced(&format!("{family} {given}"))];
        // A name of no letters is in everything.
        names.iter().any(|name| name.trim() != "" && terms.iter().any(|term| term.contains(name.as_str())))
    };
    if reason.is_some() || !pupils.iter().any(named) {
        return Ok(());
    }
    let cure = "Search without pupils' names, or give pupil_name_reason.";
    Err(refuse(Clause::Pro1, "/pupil_name_reason", "A search term holds the full name of a present or former pupil.", cure))
}

/// The last day for the next sweep (PRO-1).
pub fn next_due_on(last_on: NaiveDate, interval_days: i32) -> NaiveDate {
    last_on.checked_add_days(Days::new(interval_days.unsigned_abs().into())).unwrap_or(NaiveDate::MAX)
}

pub fn is_overdue(due_on: NaiveDate, today: NaiveDate) -> bool {
    due_on < today
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn allowed(term: &str, reason: Option<&str>) -> bool {
        let pupils = [("Poppy", "Nair"), ("Zoë Anne", "O'Brien-Lee"), ("-", "?")].map(|(given, family)| (given.into(), family.into()));
        searchable(&["weald school".into(), term.into()], &pupils, reason).is_ok()
    }

    #[test]
    fn a_pupil_is_not_searched_for_by_name_without_a_reason() {
        for named in ["Poppy Nair", "poppy  NAIR", "\"Poppy Nair\" weald", "weald poppy nair school", "Nair, Poppy", "zoë anne o'brien lee"]
        {
            assert!(!allowed(named, None) && allowed(named, Some("Her parents asked.")), "{named}");
        }
        for other in ["Poppy", "Nair", "poppy nairn", "xpoppy nair", "poppy weald nair", "weald primary", "zoë o'brien", "#"] {
            assert!(allowed(other, None), "{other}");
        }
    }

    #[test]
    fn a_refusal_does_not_say_whose_name_it_is() {
        let refusal = searchable(&["Poppy Nair".into()], &[("Poppy".into(), "Nair".into())], None).unwrap_err();
        assert!(!format!("{refusal:?}").to_lowercase().contains("poppy"));
    }

    #[test]
    fn what_is_on_an_account_of_the_school_is_professional_and_the_rest_is_decided_with_a_reason() {
        assert_eq!((scope_of_itself(true), scope_of_itself(false)), (Some(MentionScope::Professional), None));
        let clause = |linked, reason| assessable(linked, reason).map_err(|refusal| refusal.violations[0].clause);
        assert_eq!(clause(false, Some("It names us.")), Ok(()));
        assert_eq!(clause(false, None), Err(Clause::Sc4));
        assert_eq!(clause(true, Some("It names us.")), Err(Clause::Sc5));
        assert!(recordable(true).is_ok() && recordable(false).is_err());
    }

    #[test]
    fn a_sweep_is_overdue_the_day_after_it_was_due() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let due = next_due_on(day("2026-01-14"), 7);
        assert_eq!(due, day("2026-01-21"));
        assert!(!is_overdue(due, day("2026-01-21")) && is_overdue(due, day("2026-01-22")));
    }

    proptest! {
        #[test]
        fn a_pupils_name_is_found_whatever_stands_around_it(given in "[A-Za-z]{1,8}", family in "[A-Za-z]{1,8}", before in "[a-z ]{0,8}", after in "[a-z ]{0,8}") {
            let term = format!("{before} {given} {family} {after}").to_uppercase();
            prop_assert!(searchable(&[term], &[(given, family)], None).is_err());
        }
    }
}
