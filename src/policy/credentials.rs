//! How an account's credentials are kept (R-IT-2): when they have to be replaced, and to whom IT may give them out.

use chrono::{Days, NaiveDate};

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

/// Days after which credentials have to be replaced, whatever has happened.
pub const MOST_DAYS: u64 = 365;

words! {
    /// Why credentials have to be replaced.
    pub enum RotationReason {
        /// Somebody who ran the account, and may know them, does so no more.
        Leaver,
        /// They were released, and read.
        Released,
        /// They are old.
        Age,
    }

    /// Where a release of credentials stands.
    pub enum ReleaseState {
        /// Waits to be opened.
        Ready,
        Opened, Revoked, Expired,
        /// What was released is no longer in force, or its holder no longer runs the account.
        Void,
    }
}

/// What has happened to credentials, in the school's local days.
#[derive(Clone, Copy, Debug)]
pub struct History {
    pub stored_on: NaiveDate,
    /// When it was found that somebody who may know them ceased to run the account.
    pub leaver_on: Option<NaiveDate>,
    /// The first day away of somebody who still stands among those who run the account.
    pub manager_left_on: Option<NaiveDate>,
    /// When they were read under a release.
    pub released_on: Option<NaiveDate>,
}

/// Since when, and why, credentials have to be replaced; `None` where they need not be.
pub fn rotation_due(history: &History, today: NaiveDate) -> Option<(NaiveDate, Vec<RotationReason>)> {
    let History { stored_on, leaver_on, manager_left_on, released_on } = *history;
    // Stored on the first day away or later: the leaver never knew them.
    let manager_left_on = manager_left_on.filter(|day| *day > stored_on);
    let due = [
        (leaver_on.into_iter().chain(manager_left_on).min(), RotationReason::Leaver),
        (released_on, RotationReason::Released),
        (stored_on.checked_add_days(Days::new(MOST_DAYS)), RotationReason::Age),
    ];
    let due: Vec<_> = due.into_iter().filter_map(|(day, reason)| Some((day.filter(|day| *day <= today)?, reason))).collect();
    let since = due.iter().map(|(day, _)| *day).min()?;
    Some((since, due.into_iter().map(|(_, reason)| reason).collect()))
}

/// The last day on which somebody who is taken off an account ran it, and could know its credentials.
pub fn ran_until(left_on: Option<NaiveDate>, today: NaiveDate) -> NaiveDate {
    left_on.and_then(|day| day.pred_opt()).map_or(today, |last| last.min(today))
}

/// Somebody to whom credentials are to be released.
#[derive(Clone, Copy, Debug)]
pub struct Recipient {
    /// The one who releases them.
    pub oneself: bool,
    pub runs_account: bool,
    /// At the school now.
    pub active: bool,
}

/// Credentials go to a named, eligible manager of the account, and nobody releases them to themselves (R-IT-2).
///
/// # Errors
/// R-IT-2.
pub fn may_receive(recipient: Recipient) -> Result<(), Refusal> {
    let violation = |detail, cure| Violation::new(Clause::RIt2, detail, cure).at("/person_id");
    if recipient.oneself {
        let violation = violation("Nobody releases credentials to themselves.", "Reveal them, with a reason.");
        return Err(Refusal::new(Grounds::NotThisPerson, violation));
    }
    let mut violations = Vec::new();
    if !recipient.runs_account {
        violations.push(violation("This person does not run the account.", "Name one of its managers, or make this person one first."));
    } else if !recipient.active {
        violations.push(violation("This person has left the school.", "Name a manager who is at the school."));
    }
    Refusal::unless_empty(Grounds::NotAcceptable, violations)
}

/// What matters about a release.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    pub opened: bool,
    pub revoked: bool,
    pub expired: bool,
    /// The credentials are still in force.
    pub in_force: bool,
    /// Its holder is at the school and runs the account.
    pub holder_runs_account: bool,
}

/// Where a release stands: a release is for one reading, within its time, by somebody who still runs the account.
pub fn release_state(release: &Release) -> ReleaseState {
    match *release {
        Release { opened: true, .. } => ReleaseState::Opened,
        Release { revoked: true, .. } => ReleaseState::Revoked,
        Release { expired: true, .. } => ReleaseState::Expired,
        Release { in_force: false, .. } | Release { holder_runs_account: false, .. } => ReleaseState::Void,
        _ => ReleaseState::Ready,
    }
}

/// Whether a release in that state can still be opened (R-IT-2).
///
/// # Errors
/// R-IT-2.
pub fn may_open(state: ReleaseState) -> Result<(), Refusal> {
    let detail = match state {
        ReleaseState::Ready => return Ok(()),
        ReleaseState::Opened => "This release has been opened; it was for one reading.",
        ReleaseState::Revoked => "This release was revoked.",
        ReleaseState::Expired => "The time of this release has run out.",
        ReleaseState::Void => "The credentials have changed since, or you no longer run the account.",
    };
    Err(Refusal::new(Grounds::NotYet, Violation::new(Clause::RIt2, detail, "Ask the IT technician to release them anew.")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;
    use RotationReason::{Age, Leaver, Released};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn stored(on: &str) -> History {
        History { stored_on: day(on), leaver_on: None, manager_left_on: None, released_on: None }
    }

    fn due(history: &History, today: &str) -> Option<(String, Vec<RotationReason>)> {
        rotation_due(history, day(today)).map(|(since, reasons)| (since.to_string(), reasons))
    }

    #[test]
    fn credentials_age() {
        assert_eq!(due(&stored("2026-01-14"), "2027-01-13"), None);
        assert_eq!(due(&stored("2026-01-14"), "2027-01-14"), Some(("2027-01-14".into(), vec![Age])));
        assert_eq!(due(&stored("2027-03-01"), "2028-02-29"), Some(("2028-02-29".into(), vec![Age])));
        assert_eq!(due(&History { stored_on: NaiveDate::MAX, ..stored("2026-01-14") }, "2027-01-14"), None);
    }

    #[test]
    fn a_leaver_makes_them_due_from_the_first_day_away() {
        let leaving = History { manager_left_on: Some(day("2026-02-01")), ..stored("2026-01-14") };
        assert_eq!(due(&leaving, "2026-01-31"), None);
        assert_eq!(due(&leaving, "2026-02-01"), Some(("2026-02-01".into(), vec![Leaver])));
        assert_eq!(due(&History { stored_on: day("2026-02-01"), ..leaving }, "2026-02-02"), None, "stored after they had left");
        let taken_off = History { leaver_on: Some(day("2026-01-14")), ..leaving };
        assert_eq!(due(&taken_off, "2026-03-01"), Some(("2026-01-14".into(), vec![Leaver])), "on the very day, and the earlier of both");
    }

    #[test]
    fn each_reason_is_named_and_the_earliest_day_counts() {
        let all = History { leaver_on: Some(day("2026-05-02")), released_on: Some(day("2026-05-01")), ..stored("2026-01-14") };
        assert_eq!(due(&all, "2026-05-01"), Some(("2026-05-01".into(), vec![Released])));
        assert_eq!(due(&all, "2027-05-01"), Some(("2026-05-01".into(), vec![Leaver, Released, Age])));
    }

    #[test]
    fn who_is_taken_off_could_know_them_until_then_or_until_they_left() {
        assert_eq!(ran_until(None, day("2026-03-10")), day("2026-03-10"));
        assert_eq!(ran_until(Some(day("2026-03-01")), day("2026-03-10")), day("2026-02-28"));
        assert_eq!(ran_until(Some(day("2026-07-22")), day("2026-03-10")), day("2026-03-10"));
    }

    #[test]
    fn credentials_are_released_to_somebody_else_who_runs_the_account_and_may() {
        let recipient = Recipient { oneself: false, runs_account: true, active: true };
        assert!(may_receive(recipient).is_ok());
        let refused = |recipient| may_receive(recipient).unwrap_err();
        assert_eq!(refused(Recipient { oneself: true, ..recipient }).grounds, Grounds::NotThisPerson);
        for wrong in [Recipient { runs_account: false, ..recipient }, Recipient { active: false, ..recipient }] {
            let refusal = refused(wrong);
            assert_eq!((refusal.grounds, refusal.violations.len()), (Grounds::NotAcceptable, 1));
            assert_eq!(refusal.violations[0].pointer, Some("/person_id"));
        }
    }

    #[test]
    fn only_a_ready_release_opens() {
        for state in ReleaseState::iter() {
            assert_eq!(may_open(state).is_ok(), state == ReleaseState::Ready, "{state}");
        }
    }

    proptest! {
        #[test]
        fn a_release_is_ready_while_nothing_stands_against_it(opened: bool, revoked: bool, expired: bool, in_force: bool, holder_runs_account: bool) {
            let state = release_state(&Release { opened, revoked, expired, in_force, holder_runs_account });
            let nothing_against = !opened && !revoked && !expired && in_force && holder_runs_account;
            prop_assert_eq!(state == ReleaseState::Ready, nothing_against);
            prop_assert_eq!(state == ReleaseState::Opened, opened);
        }

        #[test]
        fn once_due_they_stay_due_until_they_are_replaced(left in 0u64..800, released in 0u64..800, today in 0u64..800, later in 0u64..800) {
            let start = day("2026-01-01");
            let history = History { leaver_on: Some(start + Days::new(left)), released_on: Some(start + Days::new(released)), ..stored("2026-01-01") };
            if let Some((since, reasons)) = rotation_due(&history, start + Days::new(today)) {
                let (still, more) = rotation_due(&history, start + Days::new(today + later)).unwrap();
                prop_assert_eq!(since, still);
                prop_assert!(reasons.iter().all(|reason| more.contains(reason)));
            }
        }
    }
}
