//! Who decides when the one who usually does has a stake in it.

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};

/// What matters about a business case and the one who wants to decide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The decider drafted, edited or submitted the case or is named to run the account.
    pub own_case: bool,
    /// A headteacher drafted, edited or submitted the case or is named to run the account.
    pub heads_own: bool,
    /// The decider is the headteacher, or holds the headteacher's delegation (A10).
    pub acts_as_head: bool,
    /// The decider holds a delegation that somebody without a part in the case has granted.
    pub independent_delegate: bool,
    /// The decider chairs the governors.
    pub is_chair: bool,
}

/// The headteacher decides, or a delegate on record; the head's own case goes to the chair of governors, or to a
/// delegate whom that head did not choose; nobody decides their own (R-HT-5, A10, A11).
///
/// # Errors
/// Who has to decide instead.
pub fn may_decide(decision: Decision) -> Result<(), Refusal> {
    let refuse = |detail: &str, cure: &str| Err(Refusal::new(Grounds::NotThisPerson, Violation::new(Clause::RHt5, detail, cure)));
    let Decision { own_case, heads_own, acts_as_head, independent_delegate, is_chair } = decision;
    match (own_case, heads_own) {
        (true, true) => refuse("Nobody decides their own case.", "The chair of governors decides the headteacher's own case."),
        (true, false) => refuse("Nobody decides their own case.", "The headteacher, or a delegate who has no part in it, decides."),
        (false, true) if is_chair || independent_delegate => Ok(()),
        (false, false) if acts_as_head => Ok(()),
        (false, true) => refuse("This case is the headteacher's own.", "The chair of governors decides it."),
        (false, false) => refuse("The headteacher decides this case.", "Leave it to the headteacher, or to the delegate on record."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides_whose_case() {
        for (own_case, heads_own, acts_as_head, independent_delegate, is_chair, allowed) in [
            (false, false, true, false, false, true),  // the head, or a delegate, an ordinary case
            (false, false, false, false, true, false), // the chair, an ordinary case
            (true, true, true, false, false, false),   // the head's own
            (false, true, true, false, false, false),  // a second head, or a delegate of the head's choice, the head's own
            (false, true, false, false, true, true),   // the chair, the head's own
            (false, true, true, true, false, true),    // a delegate of the chair's choice, the head's own (A11, A25)
            (true, false, true, true, false, false),   // a delegate, the delegate's own
            (true, true, false, false, true, false),   // the chair, named in the head's case
            (true, false, false, false, true, false),  // the chair's own
        ] {
            let decision = Decision { own_case, heads_own, acts_as_head, independent_delegate, is_chair };
            assert_eq!(may_decide(decision).is_ok(), allowed, "{decision:?}");
        }
    }
}
