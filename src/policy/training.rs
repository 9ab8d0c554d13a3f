//! Training (R-HT-1, R-ST-2): what is asked of whom, how long it counts, and who may vouch for it.

use chrono::{Months, NaiveDate};

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use super::roles::PersonKind;
use crate::words::words;

words! {
    /// What somebody can do for the school that asks for training (A15).
    pub enum Activity {
        /// Run an account of the school (ELIG-1).
        AccountManager,
    }
}

/// The courses that every school begins with, each required of account managers (A15).
pub const FIRST_COURSES: [&str; 3] = ["Social media safety", "Safeguarding", "Data protection"];
/// How long those count, in months (A15).
pub const FIRST_VALIDITY: i32 = 12;

/// The last day on which a completion counts. Where the month has no such day it is the month's last one.
pub fn expires_on(completed_on: NaiveDate, validity_months: i32) -> NaiveDate {
    completed_on.checked_add_months(Months::new(validity_months.unsigned_abs())).unwrap_or(NaiveDate::MAX)
}

/// Whether what expires on a day still counts: to the end of that day.
pub fn in_date(expires_on: NaiveDate, today: NaiveDate) -> bool {
    today <= expires_on
}

/// A required course of which somebody has no completion that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing<Id> {
    pub course: Id,
    /// When the last one ceased to count; absent where there was none.
    pub last_expired_on: Option<NaiveDate>,
}

/// What is missing, of the required courses, each with the last day on which a completion of it counts (R-ST-2).
pub fn missing<Id>(required: impl IntoIterator<Item = (Id, Option<NaiveDate>)>, today: NaiveDate) -> Vec<Missing<Id>> {
    let lacking = required.into_iter().filter(|(_, until)| !until.is_some_and(|until| in_date(until, today)));
    lacking.map(|(course, last_expired_on)| Missing { course, last_expired_on }).collect()
}

/// Nobody vouches for their own training, whoever they are (R-ST-2).
///
/// # Errors
/// Who has to do it instead.
pub fn may_vouch(for_oneself: bool) -> Result<(), Refusal> {
    if !for_oneself {
        return Ok(());
    }
    Err(Refusal::new(
        Grounds::NotThisPerson,
        Violation::new(
            Clause::RSt2,
            "Nobody records or revokes their own training.",
            "Have the trainer, the headteacher or a safeguarding lead do it.",
        ),
    ))
}

/// Training is for those who work with or for the school (R-ST-2); pupils have education sessions (PU-PU-2).
///
/// # Errors
/// 422 for a pupil.
pub fn is_trained(kind: PersonKind) -> Result<(), Refusal> {
    if kind != PersonKind::Pupil {
        return Ok(());
    }
    Err(Refusal::new(
        Grounds::NotAcceptable,
        Violation::new(Clause::RSt2, "A pupil has no training record.", "Record what pupils are taught as an education session.")
            .at("/person_id"),
    ))
}

/// Nothing new is recorded of a course that is no longer offered (R-HT-1).
///
/// # Errors
/// 409 for a retired course.
pub fn is_offered(retired: bool) -> Result<(), Refusal> {
    if !retired {
        return Ok(());
    }
    Err(Refusal::new(
        Grounds::NotYet,
        Violation::new(Clause::RHt1, "The course is retired.", "Choose a course that is offered, or set up a new one.").at("/course_id"),
    ))
}

/// Nobody has completed a session that is still to be held (R-ST-2).
///
/// # Errors
/// 409 before its day.
pub fn is_held(held_on: NaiveDate, today: NaiveDate) -> Result<(), Refusal> {
    if held_on <= today {
        return Ok(());
    }
    Err(Refusal::new(
        Grounds::NotYet,
        Violation::new(Clause::RSt2, "The session has not been held yet.", "Record completions on its day or later."),
    ))
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_completion_counts_to_the_same_day_of_the_last_month_or_to_its_end() {
        for (completed, months, expires) in [
            ("2026-01-14", 12, "2027-01-14"),
            ("2026-01-31", 1, "2026-02-28"),
            ("2023-08-31", 6, "2024-02-29"),
            ("2024-02-29", 12, "2025-02-28"),
            ("2024-02-29", 48, "2028-02-29"),
            ("2026-12-31", 60, "2031-12-31"),
        ] {
            assert_eq!(expires_on(day(completed), months), day(expires), "{completed} and {months} months");
        }
        assert!(in_date(day("2027-01-14"), day("2027-01-14")), "through the end of the day");
        assert!(!in_date(day("2027-01-14"), day("2027-01-15")));
    }

    proptest! {
        #[test]
        fn it_expires_in_the_month_that_was_meant_and_longer_never_ends_earlier(days in 0..100_000_u32, months in 1..=60_i32) {
            let completed = day("1900-01-01") + chrono::Days::new(days.into());
            let expires = expires_on(completed, months);
            let number = |date: NaiveDate| date.year() * 12 + date.month0().cast_signed();
            prop_assert_eq!(number(expires) - number(completed), months);
            prop_assert!(expires.day() == completed.day() || expires.succ_opt().unwrap().day() == 1 && expires.day() < completed.day());
            prop_assert!(expires < expires_on(completed, months + 1));
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_day_it_ceased_to_count() {
        let today = day("2026-01-14");
        let required = [("counts", Some(today)), ("lapsed", Some(day("2026-01-13"))), ("never", None)];
        let lapsed = Missing { course: "lapsed", last_expired_on: Some(day("2026-01-13")) };
        assert_eq!(missing(required, today), [lapsed, Missing { course: "never", last_expired_on: None }]);
    }

    #[test]
    fn nobody_vouches_for_themselves_and_pupils_are_not_trained() {
        assert!(may_vouch(false).is_ok() && is_trained(PersonKind::Volunteer).is_ok() && is_offered(false).is_ok());
        assert_eq!(may_vouch(true).unwrap_err().grounds, Grounds::NotThisPerson);
        assert_eq!(is_trained(PersonKind::Pupil).unwrap_err().grounds, Grounds::NotAcceptable);
        assert_eq!(is_offered(true).unwrap_err().grounds, Grounds::NotYet);
        assert!(is_held(day("2026-01-14"), day("2026-01-14")).is_ok() && is_held(day("2026-01-15"), day("2026-01-14")).is_err());
    }
}
