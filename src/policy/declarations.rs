//! Personal accounts: which are the school's business, and what is asked of those (SC-6, SC-7, R-ST-4, APX-2).

use chrono::{Days, NaiveDate};

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// How a declared account stands to the policy; with two things to do, the disclaimer comes first.
    pub enum Compliance { Compliant, DisclaimerRequired, BrandingMisuse }

    /// What its owner has to do.
    pub enum DeclarationTask {
        /// Say that the views are their own (SC-6).
        AddDisclaimer,
        /// Take the school's logo and branding off (APX-2).
        RemoveBranding,
    }
}

/// Days that an owner has to put a declared account right. No clause says how many.
const DAYS_TO_CURE: u64 = 14;

/// What is declared of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonalAccount {
    pub names_school: bool,
    pub impacts_school: bool,
    pub disclaimer_present: bool,
    /// The school's logo or branding, by which it refers to the school whatever else it says.
    pub uses_school_branding: bool,
}

/// What neither refers to the school nor affects it is private, and the school keeps nothing of it (SC-7).
///
/// # Errors
/// 422 for an account that is out of scope.
pub fn in_scope(account: PersonalAccount) -> Result<(), Refusal> {
    if account.names_school || account.impacts_school || account.uses_school_branding {
        return Ok(());
    }
    Err(Refusal::new(
        Grounds::NotAcceptable,
        Violation::new(
            Clause::Sc7,
            "An account that neither names nor affects the school is out of scope; nothing of it is kept.",
            "Do not declare it; withdraw a declaration that no longer applies.",
        )
        .at("/names_school"),
    ))
}

/// What the owner of an account that is in scope has to do (SC-6, R-ST-4, APX-2).
pub fn tasks(account: PersonalAccount) -> Vec<DeclarationTask> {
    let all =
        [(DeclarationTask::AddDisclaimer, !account.disclaimer_present), (DeclarationTask::RemoveBranding, account.uses_school_branding)];
    all.into_iter().filter(|(_, open)| *open).map(|(task, _)| task).collect()
}

pub fn compliance(account: PersonalAccount) -> Compliance {
    match tasks(account).first() {
        None => Compliance::Compliant,
        Some(DeclarationTask::AddDisclaimer) => Compliance::DisclaimerRequired,
        Some(DeclarationTask::RemoveBranding) => Compliance::BrandingMisuse,
    }
}

/// The last day for the owner's tasks: it stays as it was while any is open.
pub fn due_on(compliance: Compliance, before: Option<NaiveDate>, today: NaiveDate) -> Option<NaiveDate> {
    if compliance == Compliance::Compliant { None } else { before.or_else(|| today.checked_add_days(Days::new(DAYS_TO_CURE))) }
}

pub fn is_overdue(due_on: Option<NaiveDate>, today: NaiveDate) -> bool {
    due_on.is_some_and(|due| due < today)
}

/// Nobody checks their own account (R-ST-4).
///
/// # Errors
/// Who has to do it instead.
pub fn may_check(own: bool) -> Result<(), Refusal> {
    if !own {
        return Ok(());
    }
    let violation =
        Violation::new(Clause::RSt4, "Nobody checks their own account.", "Have the headteacher or the IT technician look at it.");
    Err(Refusal::new(Grounds::NotThisPerson, violation))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Compliance::{BrandingMisuse, Compliant, DisclaimerRequired};

    fn account((names_school, impacts_school, disclaimer_present, uses_school_branding): (bool, bool, bool, bool)) -> PersonalAccount {
        PersonalAccount { names_school, impacts_school, disclaimer_present, uses_school_branding }
    }

    #[test]
    fn what_an_account_asks_of_its_owner() {
        for (declared, expected) in [
            ((true, false, true, false), Compliant),
            ((false, true, true, false), Compliant),
            ((true, false, false, false), DisclaimerRequired),
            ((false, true, false, false), DisclaimerRequired),
            ((true, false, true, true), BrandingMisuse),
            ((false, false, true, true), BrandingMisuse),
            ((true, true, false, true), DisclaimerRequired),
        ] {
            assert!(in_scope(account(declared)).is_ok(), "{declared:?}");
            assert_eq!(compliance(account(declared)), expected, "{declared:?}");
        }
        let both = [DeclarationTask::AddDisclaimer, DeclarationTask::RemoveBranding];
        assert_eq!(tasks(account((true, true, false, true))), both);
    }

    #[test]
    fn a_task_is_due_after_a_fortnight_and_stays_so_until_it_is_done() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let (today, due) = (day("2026-01-14"), day("2026-01-28"));
        assert_eq!(due_on(DisclaimerRequired, None, today), Some(due));
        assert_eq!(due_on(BrandingMisuse, Some(due), day("2026-01-20")), Some(due));
        assert_eq!(due_on(Compliant, Some(due), today), None);
        assert!(!is_overdue(Some(due), due) && is_overdue(Some(due), day("2026-01-29")) && !is_overdue(None, due));
        assert!(may_check(false).is_ok() && may_check(true).is_err());
    }

    proptest! {
        #[test]
        fn an_account_is_compliant_when_nothing_is_left_to_do(declared in any::<(bool, bool, bool, bool)>()) {
            let account = account(declared);
            prop_assert_eq!(compliance(account) == Compliant, tasks(account).is_empty());
            prop_assert_eq!(in_scope(account).is_err(), !declared.0 && !declared.1 && !declared.3);
        }
    }
}
