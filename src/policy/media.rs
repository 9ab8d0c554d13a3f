//! Journalists: the media policy is followed before anybody responds (BEH-4).

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// Where a media enquiry stands (decisions, section 6).
    pub enum EnquiryState { Received, AwaitingClearance, Cleared, Declined, Responded, Closed }

    /// What can be done with a media enquiry.
    pub enum EnquiryAction { RequestClearance, Clear, Decline, Respond, Close }
}

use EnquiryState::{AwaitingClearance, Cleared, Closed, Declined, Received, Responded};

/// Whether the state leaves room for an action.
pub const fn possible(action: EnquiryAction, state: EnquiryState) -> bool {
    match action {
        EnquiryAction::RequestClearance => matches!(state, Received | Declined),
        EnquiryAction::Clear | EnquiryAction::Decline => matches!(state, AwaitingClearance),
        EnquiryAction::Respond => matches!(state, Cleared),
        EnquiryAction::Close => matches!(state, Declined | Responded),
    }
}

/// Nobody responds to a journalist before the answer is cleared (BEH-4).
///
/// # Errors
/// 409 until it is.
pub fn may_respond(state: EnquiryState) -> Result<(), Refusal> {
    if matches!(state, Cleared | Responded | Closed) {
        return Ok(());
    }
    let cure = "Propose an answer and have the headteacher, or the press lead, clear it under the media policy.";
    Err(Refusal::new(Grounds::NotYet, Violation::new(Clause::Beh4, "The answer to this journalist has not been cleared.", cure)))
}

/// The headteacher clears, or the press lead whom the headteacher named (BEH-4).
///
/// # Errors
/// 403 for anybody else.
pub fn may_clear(acts_as_head: bool, is_press_lead: bool) -> Result<(), Refusal> {
    if acts_as_head || is_press_lead {
        return Ok(());
    }
    let violation = Violation::new(Clause::Beh4, "Only the headteacher or the press lead clears this.", "Leave it to one of them.");
    Err(Refusal::new(Grounds::NotThisPerson, violation))
}

/// It is cleared under a media policy that is in force (BEH-4).
///
/// # Errors
/// 409 where there is none.
pub fn needs_policy<V>(published: Option<V>) -> Result<V, Refusal> {
    published.ok_or_else(|| {
        let cure = "Publish the school's media policy first.";
        Refusal::new(Grounds::NotYet, Violation::new(Clause::Beh4, "No media policy is in force.", cure))
    })
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn nobody_responds_before_it_is_cleared() {
        for state in EnquiryState::iter() {
            assert_eq!(may_respond(state).is_err(), matches!(state, Received | AwaitingClearance | Declined), "{state}");
            assert!(possible(EnquiryAction::Respond, state) <= may_respond(state).is_ok());
        }
    }

    #[test]
    fn an_enquiry_moves_along_its_states() {
        use EnquiryAction::{Clear, Close, Decline, RequestClearance, Respond};
        for (state, moves) in [
            (Received, vec![RequestClearance]),
            (AwaitingClearance, vec![Clear, Decline]),
            (Cleared, vec![Respond]),
            (Declined, vec![RequestClearance, Close]),
            (Responded, vec![Close]),
            (Closed, vec![]),
        ] {
            let left: Vec<EnquiryAction> = EnquiryAction::iter().filter(|&action| possible(action, state)).collect();
            assert_eq!(left, moves, "{state}");
        }
    }

    #[test]
    fn the_head_or_the_press_lead_clears_under_a_policy_in_force() {
        assert!(may_clear(true, false).is_ok() && may_clear(false, true).is_ok() && may_clear(false, false).is_err());
        assert!(needs_policy(Some(1)).is_ok() && needs_policy::<i32>(None).is_err());
    }
}
