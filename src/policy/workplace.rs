//! Staff's use at work is monitored openly and by a policy. The record says so; nothing here captures any use (BEH-6, A24).

use chrono::NaiveDate;

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// On which basis of Article 6 of the UK GDPR staff are monitored.
    pub enum LawfulBasis { Consent, Contract, LegalObligation, VitalInterests, PublicTask, LegitimateInterests }

    /// Where the record of a monitoring stands.
    pub enum WorkplaceMonitoringState { Recorded, Ended }

    /// What can be done with the record of a monitoring.
    pub enum WorkplaceMonitoringAction { End }
}

/// Monitoring rests on a policy, and on a notice to staff that comes before it (BEH-6).
///
/// # Errors
/// 422 with all that is missing.
pub fn is_open<P>(policy: Option<P>, notice_given_on: Option<NaiveDate>, starts_on: NaiveDate) -> Result<(P, NaiveDate), Refusal> {
    let violation = |detail, cure, pointer| Violation::new(Clause::Beh6, detail, cure).at(pointer);
    let no_policy =
        || violation("No policy is named under which staff are monitored.", "Say in policy_reference which it is.", "/policy_reference");
    let covert = |detail| violation(detail, "Give staff notice first, and say in notice_given_on when that was.", "/notice_given_on");
    let without_notice = match notice_given_on {
        None => Some(covert("Staff are not monitored without notice.")),
        Some(notice) if notice > starts_on => Some(covert("Staff are not monitored before they have notice of it.")),
        Some(_) => None,
    };
    match (policy, notice_given_on, without_notice) {
        (Some(policy), Some(notice), None) => Ok((policy, notice)),
        (policy, _, without_notice) => {
            let missing = policy.is_none().then(no_policy).into_iter().chain(without_notice).collect();
            Err(Refusal { grounds: Grounds::NotAcceptable, violations: missing })
        }
    }
}

/// What is left to somebody who may, or may not, end it.
pub fn allowed(state: WorkplaceMonitoringState, may_end: bool) -> Vec<WorkplaceMonitoringAction> {
    if may_end && state == WorkplaceMonitoringState::Recorded { vec![WorkplaceMonitoringAction::End] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_are_monitored_by_a_policy_and_with_notice() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let (before, start, after) = (day("2026-01-11"), day("2026-01-12"), day("2026-01-13"));
        for (policy, notice, wrong) in [
            (Some("AUP 4"), Some(before), vec![]),
            (Some("AUP 4"), Some(start), vec![]),
            (Some("AUP 4"), Some(after), vec!["/notice_given_on"]),
            (Some("AUP 4"), None, vec!["/notice_given_on"]),
            (None, Some(start), vec!["/policy_reference"]),
            (None, None, vec!["/policy_reference", "/notice_given_on"]),
        ] {
            let found = is_open(policy, notice, start).err().map_or_else(Vec::new, |refusal| refusal.violations);
            assert_eq!(found.iter().filter_map(|violation| violation.pointer).collect::<Vec<_>>(), wrong);
        }
    }

    #[test]
    fn a_monitoring_is_ended_once() {
        use WorkplaceMonitoringState::{Ended, Recorded};
        assert_eq!((allowed(Recorded, true).len(), allowed(Recorded, false).len(), allowed(Ended, true).len()), (1, 0, 0));
    }
}
