//! How an offensive comment of a parent is dealt with: step by step (PU-PC-3).

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// Where it stands (decisions, section 6).
    pub enum LadderState { Opened, RemovalRequested, DiscussionInvited, Resolved, ComplaintsReferred }

    /// How the parent was reached.
    pub enum LadderChannel { InPerson, Telephone, Letter, Email, PlatformMessage, Other }
}

use LadderState::{ComplaintsReferred, DiscussionInvited, Opened, RemovalRequested, Resolved};

impl LadderState {
    pub const fn is_over(self) -> bool {
        matches!(self, Resolved | ComplaintsReferred)
    }
}

/// The steps that come next. What is put right is resolved at any step; nothing else leaves one out.
pub fn next(state: LadderState) -> &'static [LadderState] {
    match state {
        Opened => &[RemovalRequested],
        RemovalRequested => &[DiscussionInvited, Resolved],
        DiscussionInvited => &[Resolved, ComplaintsReferred],
        Resolved | ComplaintsReferred => &[],
    }
}

/// A step is taken in its turn: the request comes before the invitation, and both before the complaints procedure
/// (PU-PC-3).
///
/// # Errors
/// 409 with the step that comes first.
pub fn may_step(state: LadderState, to: LadderState) -> Result<(), Refusal> {
    if next(state).contains(&to) {
        return Ok(());
    }
    let (detail, cure) = match state {
        Opened => ("The parent has not been asked to remove it.", "Ask the parent to remove it first."),
        RemovalRequested => ("The parent has not been invited to talk.", "Invite the parent to discuss it in person first."),
        DiscussionInvited => ("This step was taken before.", "Resolve it, or refer it to the complaints procedure."),
        Resolved | ComplaintsReferred => ("This is over.", "Open another one if it happens again."),
    };
    Err(Refusal::new(Grounds::NotYet, Violation::new(Clause::PuPc3, detail, cure)))
}

/// The headteacher alone leaves steps out, forwards and with a reason, as for a threat (PU-PC-3).
///
/// # Errors
/// 403 for anybody else, 409 backwards.
pub fn may_skip(state: LadderState, to: LadderState, acts_as_head: bool) -> Result<(), Refusal> {
    let violation = |detail, cure| Violation::new(Clause::PuPc3, detail, cure);
    if !acts_as_head {
        let violation = violation("Only the headteacher leaves a step out.", "Take the steps in their turn, or ask the headteacher.");
        return Err(Refusal::new(Grounds::NotThisPerson, violation));
    }
    if state.is_over() || to <= state {
        return Err(Refusal::new(Grounds::NotYet, violation("This step lies behind.", "Choose a step that is still to come.")));
    }
    Ok(())
}

/// Whether somebody may deal with what is about `parent`.
///
/// # Errors
/// 403 for the parent themselves.
pub fn may_deal(is_the_parent: bool) -> Result<(), Refusal> {
    if !is_the_parent {
        return Ok(());
    }
    let violation = Violation::new(Clause::PuPc3, "Nobody deals with what they wrote themselves.", "Leave it to somebody else.");
    Err(Refusal::new(Grounds::NotThisPerson, violation))
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn the_steps_are_taken_in_their_order() {
        for (state, steps) in [
            (Opened, vec![RemovalRequested]),
            (RemovalRequested, vec![DiscussionInvited, Resolved]),
            (DiscussionInvited, vec![Resolved, ComplaintsReferred]),
            (Resolved, vec![]),
            (ComplaintsReferred, vec![]),
        ] {
            for to in LadderState::iter() {
                assert_eq!(may_step(state, to).is_ok(), steps.contains(&to), "{state} to {to}");
            }
        }
    }

    #[test]
    fn the_head_alone_leaves_steps_out_and_never_goes_back() {
        for state in LadderState::iter() {
            for to in LadderState::iter() {
                assert_eq!(may_skip(state, to, true).is_ok(), to > state && !state.is_over(), "{state} to {to}");
                assert_eq!(may_skip(state, to, false).unwrap_err().grounds, Grounds::NotThisPerson);
            }
        }
    }
}
