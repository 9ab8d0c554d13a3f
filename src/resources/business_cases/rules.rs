//! Who may do what with a business case, and when.

use chrono::Duration;

use super::rows::BusinessCase;
use crate::clock::Instant;
use crate::policy::clauses::Clause;
use crate::policy::conflict::{self, Decision};
use crate::policy::platforms::{Audience, Platform};
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::policy::team::{self, Member};
use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where a business case stands (decisions, section 6).
    pub enum BusinessCaseState { Draft, Submitted, ChangesRequested, Approved, Rejected, Withdrawn, Used, Lapsed }

    /// What can be done with a business case.
    pub enum BusinessCaseAction { Edit, Submit, Withdraw, RequestChanges, Approve, Reject }
}

/// How the caller stands to a business case.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Holds the permission to propose.
    pub may_propose: bool,
    /// Holds the permission to decide.
    pub may_decide: bool,
    /// Drafted, edited or submitted it, or is named to run the account.
    pub has_part: bool,
    /// An employee: takes up what parents and volunteers draft (BC-0).
    pub is_staff: bool,
    pub decision: Decision,
}

use BusinessCaseState::{Approved, ChangesRequested, Draft, Submitted};

/// The states from which an action is possible.
const fn possible(action: BusinessCaseAction, state: BusinessCaseState) -> bool {
    match action {
        // An edit of an approved case undoes the approval.
        BusinessCaseAction::Edit => matches!(state, Draft | Submitted | ChangesRequested | Approved),
        BusinessCaseAction::Submit => matches!(state, Draft | ChangesRequested),
        BusinessCaseAction::Withdraw => matches!(state, Draft | Submitted),
        BusinessCaseAction::RequestChanges | BusinessCaseAction::Approve | BusinessCaseAction::Reject => matches!(state, Submitted),
    }
}

/// Whether this caller may take this action on this case.
///
/// # Errors
/// 403 where somebody else has to, 409 where the state forbids it.
pub fn check(action: BusinessCaseAction, case: &BusinessCase, standing: Standing) -> Result<(), Problem> {
    person(action, case, standing)?;
    if possible(action, case.row.state) {
        return Ok(());
    }
    let conflict = Problem::state_conflict(allowed(case, standing));
    Err(match action {
        BusinessCaseAction::RequestChanges | BusinessCaseAction::Approve | BusinessCaseAction::Reject => {
            let (detail, cure) = ("Only a submitted case is decided, and once.", "Have it submitted, complete, first.");
            conflict.because(Violation::new(Clause::RHt5, detail, cure))
        }
        _ => conflict,
    })
}

/// The actions that are left to this caller.
pub fn allowed(case: &BusinessCase, standing: Standing) -> Vec<BusinessCaseAction> {
    use strum::IntoEnumIterator;
    BusinessCaseAction::iter().filter(|&action| possible(action, case.row.state) && person(action, case, standing).is_ok()).collect()
}

fn person(action: BusinessCaseAction, case: &BusinessCase, standing: Standing) -> Result<(), Refusal> {
    let refuse = |clause, detail: &str, cure: &str| Err(Refusal::new(Grounds::NotThisPerson, Violation::new(clause, detail, cure)));
    match action {
        BusinessCaseAction::Edit | BusinessCaseAction::Submit | BusinessCaseAction::Withdraw => {
            // BC-0: staff make a parents' idea ready; what waits for its decision or has it is left to those with a part.
            let unready = matches!(case.row.state, Draft | ChangesRequested);
            let takes_up = case.row.community && standing.is_staff && unready && action != BusinessCaseAction::Withdraw;
            if standing.may_propose && (standing.has_part || takes_up) {
                Ok(())
            } else {
                refuse(
                    Clause::Bc0,
                    "This is somebody else's business case.",
                    "Leave it to the proposer or to the people named to run the account.",
                )
            }
        }
        BusinessCaseAction::RequestChanges | BusinessCaseAction::Approve | BusinessCaseAction::Reject => {
            if standing.may_decide {
                conflict::may_decide(standing.decision, Clause::RHt5)
            } else {
                refuse(Clause::RHt5, "The headteacher decides business cases.", "Leave the decision to the headteacher.")
            }
        }
    }
}

/// The five points that a case needs to be submitted (BC-1 to BC-5), the platform's name (CTX-1), and no
/// messages between staff and pupils (SC-8); everything that is missing, at once.
///
/// # Errors
/// Each clause that is not met.
pub fn complete<Id: Copy + Eq + std::hash::Hash>(case: &BusinessCase, team: &[Member<Id>]) -> Result<(), Refusal> {
    let row = &case.row;
    let audiences = row.audiences();
    let mut missing = Vec::new();
    let mut need = |absent: bool, clause, detail: &str, cure: &str, pointer| {
        if absent {
            missing.push(Violation::new(clause, detail, cure).at(pointer));
        }
    };
    need(row.platform.is_none(), Clause::Ctx1, "The platform is missing.", "Say on which platform the account will be.", "/platform");
    need(
        row.platform == Some(Platform::Other) && row.platform_other_name.is_none(),
        Clause::Ctx1,
        "The name of the other platform is missing.",
        "Name the platform.",
        "/platform_other_name",
    );
    need(
        row.platform.is_some_and(|platform| platform != Platform::Other) && row.platform_other_name.is_some(),
        Clause::Ctx1,
        "Another platform is named beside the one that was chosen.",
        "Leave platform_other_name out, or choose `other`.",
        "/platform_other_name",
    );
    need(row.aim.is_none(), Clause::Bc1, "The aim is missing.", "Say what the account is for.", "/aim");
    need(audiences.is_empty(), Clause::Bc2, "The audience is missing.", "Say whom the account is for.", "/audiences");
    need(
        row.promotion_plan.is_none(),
        Clause::Bc3,
        "How the account will be promoted is missing.",
        "Say how people will hear of the account.",
        "/promotion_plan",
    );
    need(row.visibility.is_none(), Clause::Bc5, "Open, closed or private is missing.", "Say who can see the account.", "/visibility");
    missing.extend(team::violations(team));
    if audiences.contains(&Audience::Pupils) && row.direct_messages_enabled {
        let cure = "Switch direct messages off, or take pupils out of the audience.";
        missing.push(Violation::new(Clause::Sc8, "Pupils could exchange direct messages with staff.", cure).at("/direct_messages_enabled"));
    }
    Refusal::unless_empty(Grounds::NotAcceptable, missing)
}

/// When an approved case lapses, unused.
pub fn lapses_at(approved_at: Instant, days: i32) -> Instant {
    approved_at + Duration::days(days.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moves_are_those_of_the_state_machine() {
        use BusinessCaseAction::{Approve, Edit, Reject, RequestChanges, Submit, Withdraw};
        use BusinessCaseState::{Lapsed, Rejected, Used, Withdrawn};
        use strum::IntoEnumIterator;
        for (state, moves) in [
            (Draft, vec![Edit, Submit, Withdraw]),
            (Submitted, vec![Edit, Withdraw, RequestChanges, Approve, Reject]),
            (ChangesRequested, vec![Edit, Submit]),
            (Approved, vec![Edit]),
            (Rejected, vec![]),
            (Withdrawn, vec![]),
            (Used, vec![]),
            (Lapsed, vec![]),
        ] {
            assert_eq!(BusinessCaseAction::iter().filter(|&action| possible(action, state)).collect::<Vec<_>>(), moves, "{state}");
        }
    }
}
