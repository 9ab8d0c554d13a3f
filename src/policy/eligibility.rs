//! Who may run an account (ELIG-1, ELIG-2): whoever has read and understood what is in force, and whose training is in
//! date; employed by the school or not.

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use super::clauses::Clause;
use super::refusal::Violation;
use super::training::in_date;
use crate::words::words;

words! {
    /// What is asked of somebody who runs an account.
    pub enum Requirement { Acknowledgement, Training }

    /// How somebody, or an account by those who run it, stands: from the best to the worst.
    pub enum ComplianceLevel {
        Compliant,
        /// Something is missing that was there before; the school gives some days to make it good.
        InGrace,
        NonCompliant,
    }
}

/// A policy in force that somebody must have acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyAsked {
    /// The version in force; absent where the school has published none, and so nobody can have read it.
    pub version: Option<Uuid>,
    pub name: String,
    /// Its local day.
    pub published_on: Option<NaiveDate>,
    /// A version that still counts was acknowledged.
    pub acknowledged: bool,
    /// Some version was, at any time.
    pub ever_acknowledged: bool,
}

/// A course that somebody must have completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseAsked {
    pub course: Uuid,
    pub name: String,
    /// The last day on which the latest completion counts.
    pub until: Option<NaiveDate>,
}

/// Something that somebody lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub requirement: Requirement,
    /// The version to acknowledge or the course to complete; absent where there is nothing to acknowledge yet.
    pub id: Option<Uuid>,
    pub name: String,
    pub detail: String,
    pub cure: String,
    /// The last day on which it is overlooked.
    pub grace_until: Option<NaiveDate>,
}

/// All that somebody lacks to run an account; nothing, if they are eligible.
pub fn shortfalls(policies: &[PolicyAsked], courses: &[CourseAsked], today: NaiveDate, grace_days: u32) -> Vec<Shortfall> {
    let overlooked = |from: Option<NaiveDate>| {
        let until = from?.checked_add_days(Days::new(grace_days.into()))?;
        (grace_days > 0 && today <= until).then_some(until)
    };
    let unread = policies.iter().filter(|policy| !policy.acknowledged || policy.version.is_none()).map(|policy| {
        let (detail, cure) = match policy.version {
            Some(_) => ("has not been acknowledged as it is in force", "Read it, and acknowledge that it is read and understood."),
            None => ("is not in force", "Have the headteacher publish it."),
        };
        Shortfall {
            requirement: Requirement::Acknowledgement,
            id: policy.version,
            name: policy.name.clone(),
            detail: format!("The policy \"{}\" {detail}.", policy.name),
            cure: cure.to_owned(),
            grace_until: overlooked(policy.published_on.filter(|_| policy.ever_acknowledged)),
        }
    });
    let untrained = courses.iter().filter(|course| !course.until.is_some_and(|until| in_date(until, today))).map(|course| {
        let what = if course.until.is_some() { "is out of date" } else { "has not been completed" };
        Shortfall {
            requirement: Requirement::Training,
            id: Some(course.course),
            name: course.name.clone(),
            detail: format!("The course \"{}\" {what}.", course.name),
            cure: "Complete it, and have the headteacher, a safeguarding lead or the trainer record it.".to_owned(),
            grace_until: overlooked(course.until),
        }
    });
    unread.chain(untrained).collect()
}

/// How somebody with these shortfalls stands.
pub fn compliance(shortfalls: &[Shortfall]) -> ComplianceLevel {
    let each = shortfalls.iter().map(|shortfall| match shortfall.grace_until {
        Some(_) => ComplianceLevel::InGrace,
        None => ComplianceLevel::NonCompliant,
    });
    each.max().unwrap_or(ComplianceLevel::Compliant)
}

/// What stands in the way of `person`; nobody is exempt who is not employed by the school (ELIG-2).
pub fn violations(person: Uuid, is_staff: bool, shortfalls: &[Shortfall]) -> Vec<Violation> {
    let clause = if is_staff { Clause::Elig1 } else { Clause::Elig2 };
    shortfalls.iter().map(|missing| Violation::new(clause, &*missing.detail, &*missing.cure).of(person)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn policy(acknowledged: bool, ever: bool) -> PolicyAsked {
        PolicyAsked {
            version: Some(Uuid::from_u128(1)),
            name: "Social media".into(),
            published_on: Some(day("2026-06-01")),
            acknowledged,
            ever_acknowledged: ever,
        }
    }

    fn course(until: Option<&str>) -> CourseAsked {
        CourseAsked { course: Uuid::from_u128(2), name: "Safeguarding".into(), until: until.map(day) }
    }

    #[test]
    fn whoever_has_read_what_is_in_force_and_is_in_date_is_eligible_to_the_end_of_the_last_day() {
        let missing = |today: &str| shortfalls(&[policy(true, true)], &[course(Some("2026-06-10"))], day(today), 0);
        assert_eq!(missing("2026-06-10"), []);
        assert_eq!(missing("2026-06-11").len(), 1);
    }

    #[test]
    fn each_thing_that_is_missing_is_named_at_once() {
        let unpublished = PolicyAsked { version: None, published_on: None, ..policy(false, false) };
        let missing = shortfalls(&[policy(false, false), unpublished], &[course(None), course(Some("2020-01-01"))], day("2026-06-10"), 0);
        let details: Vec<&str> = missing.iter().map(|missing| missing.detail.as_str()).collect();
        assert_eq!(
            details,
            [
                "The policy \"Social media\" has not been acknowledged as it is in force.",
                "The policy \"Social media\" is not in force.",
                "The course \"Safeguarding\" has not been completed.",
                "The course \"Safeguarding\" is out of date.",
            ]
        );
        assert_eq!(compliance(&missing), ComplianceLevel::NonCompliant);
        assert_eq!(compliance(&[]), ComplianceLevel::Compliant);
    }

    #[test]
    fn what_was_there_before_is_overlooked_for_the_days_of_grace() {
        let stand = |today: &str, grace, ever| compliance(&shortfalls(&[policy(false, ever)], &[], day(today), grace));
        assert_eq!(stand("2026-06-01", 0, true), ComplianceLevel::NonCompliant, "no grace, no day");
        assert_eq!(stand("2026-06-15", 14, true), ComplianceLevel::InGrace);
        assert_eq!(stand("2026-06-16", 14, true), ComplianceLevel::NonCompliant);
        assert_eq!(stand("2026-06-02", 14, false), ComplianceLevel::NonCompliant, "never read");
        let trained = |today: &str| compliance(&shortfalls(&[], &[course(Some("2026-06-10"))], day(today), 14));
        assert_eq!((trained("2026-06-24"), trained("2026-06-25")), (ComplianceLevel::InGrace, ComplianceLevel::NonCompliant));
        assert_eq!(compliance(&shortfalls(&[], &[course(None)], day("2026-06-10"), 14)), ComplianceLevel::NonCompliant);
    }

    #[test]
    fn nobody_is_exempt() {
        let missing = shortfalls(&[policy(false, false)], &[], day("2026-06-10"), 0);
        let clause = |is_staff| violations(Uuid::from_u128(9), is_staff, &missing)[0].clause;
        assert_eq!((clause(true), clause(false)), (Clause::Elig1, Clause::Elig2));
    }
}
