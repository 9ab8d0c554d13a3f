//! What a monitoring check can say, and when it can be logged.

use chrono::Duration;

use crate::clock::Instant;
use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::resources::comments::rules::is_past;
use crate::words::words;

words! {
    /// What a check can find (MON-3).
    pub enum FindingKind {
        Bullying, OffensiveContent, UnansweredComment, WrongInformation, Impersonation, PrivacyConcern, TechnicalProblem, Other,
    }
}

/// How far back a check can be logged: nobody documents a month afterwards.
const LOGGED_WITHIN: Duration = Duration::days(7);

/// A check has happened, and not long ago (MON-1).
///
/// # Errors
/// 422 where it lies in the future or too far back.
pub fn check_time(checked_at: Instant, now: Instant) -> Result<(), Refusal> {
    let (detail, cure) = if !is_past(checked_at, now) {
        ("The check lies in the future.", "Log a check once it is done.")
    } else if now - checked_at > LOGGED_WITHIN {
        ("The check lies more than 7 days back.", "Log checks within 7 days; a day without one stays a gap.")
    } else {
        return Ok(());
    };
    Err(Refusal::new(Grounds::NotAcceptable, Violation::new(Clause::Mon1, detail, cure).at("/checked_at")))
}

/// Bullying is not only found but acted on: it is reported as an incident (MON-3).
///
/// # Errors
/// 422 where no incident is named.
pub fn check_followed_up(bullying: bool, incident_named: bool) -> Result<(), Refusal> {
    if !bullying || incident_named {
        return Ok(());
    }
    let cure = "Report it as an incident, and name that in incident_id.";
    Err(Refusal::new(
        Grounds::NotAcceptable,
        Violation::new(Clause::Mon3, "Bullying was found, and no incident is named.", cure).at("/incident_id"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_logged_within_seven_days_and_not_before_it_is_done() {
        let now: Instant = "2026-01-14T10:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().into();
        for (seconds, allowed) in [(0, true), (300, true), (301, false), (-604_800, true), (-604_801, false)] {
            assert_eq!(check_time(now + Duration::seconds(seconds), now).is_ok(), allowed, "{seconds}");
        }
    }
}
