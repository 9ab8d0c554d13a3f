//! Who can do what with an incident, and when (decisions, section 6; R-HT-3, R-HT-4).

use chrono::NaiveDate;

use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::policy::roles::{PersonKind, has_left};
use crate::problem::Problem;
use crate::words::words;

words! {
    /// Where an incident stands.
    pub enum IncidentState { Reported, Assessed, Investigating, ActionTaken, Closed, Dismissed }

    /// What can be done with an incident.
    pub enum IncidentAction {
        Assess, ChangeSubjects, Involve, Recuse, ProposeLegality, ConfirmLegality, DecideSafeguarding, Investigate, RecordAction, Close,
        Dismiss, Reopen, AddNote, Refer, Discipline,
    }

    /// What somebody has to do with what happened.
    pub enum SubjectPart {
        /// It is about what they are said to have done.
        Alleged,
        /// It was done to them.
        Affected,
    }

    /// What somebody was to the school when they were named (BEH-2d).
    pub enum SubjectStatus {
        Staff, FormerStaff, Volunteer, FormerVolunteer, ParentCarer, FormerParentCarer, Pupil, FormerPupil, Governor, FormerGovernor,
        Visitor, FormerVisitor, Unknown,
    }

    /// As what somebody sees an incident; the first that fits.
    pub enum Capacity {
        Lead,
        /// Looks after the child's welfare.
        Safeguarding,
        DataProtection,
        /// Was asked by the lead to take part.
        Involved,
        Reporter,
    }
}

use IncidentState::{ActionTaken, Assessed, Closed, Dismissed, Investigating, Reported};

impl IncidentState {
    pub const fn is_open(self) -> bool {
        !matches!(self, Closed | Dismissed)
    }
}

impl Capacity {
    /// Sees everything but what is for the lead alone.
    pub const fn is_full(self) -> bool {
        matches!(self, Self::Lead | Self::Safeguarding | Self::DataProtection)
    }
}

/// How an incident and the caller stand.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub state: IncidentState,
    pub capacity: Capacity,
    /// There is somebody other than the lead who looks after the child's welfare.
    pub has_safeguarding: bool,
    /// A lower legality waits for a second person; whether the caller proposed it.
    pub proposed_by_caller: Option<bool>,
}

const fn possible(action: IncidentAction, standing: Standing) -> bool {
    let state = standing.state;
    match action {
        IncidentAction::Assess => matches!(state, Reported | Assessed | Investigating),
        IncidentAction::Investigate | IncidentAction::Dismiss => matches!(state, Assessed),
        IncidentAction::RecordAction => matches!(state, Investigating | ActionTaken),
        IncidentAction::Close => matches!(state, ActionTaken),
        IncidentAction::Reopen => !state.is_open(),
        IncidentAction::ProposeLegality => matches!(state, Assessed | Investigating | ActionTaken),
        IncidentAction::ConfirmLegality => state.is_open() && standing.proposed_by_caller.is_some(),
        IncidentAction::AddNote => true,
        IncidentAction::ChangeSubjects
        | IncidentAction::Involve
        | IncidentAction::Recuse
        | IncidentAction::DecideSafeguarding
        | IncidentAction::Refer
        | IncidentAction::Discipline => state.is_open(),
    }
}

fn held(action: IncidentAction, standing: Standing) -> bool {
    match (action, standing.capacity) {
        (IncidentAction::AddNote, _) | (IncidentAction::DecideSafeguarding | IncidentAction::Refer, Capacity::Safeguarding) => true,
        (IncidentAction::ConfirmLegality, capacity) => capacity.is_full() && standing.proposed_by_caller != Some(true),
        (IncidentAction::DecideSafeguarding, capacity) => capacity == Capacity::Lead && !standing.has_safeguarding,
        (_, capacity) => capacity == Capacity::Lead,
    }
}

/// The actions that are left to a caller.
pub fn allowed(standing: Standing) -> Vec<IncidentAction> {
    use strum::IntoEnumIterator;
    IncidentAction::iter().filter(|&action| possible(action, standing) && held(action, standing)).collect()
}

/// Whether the caller's part in the incident and its state allow an action: nothing before the assessment (R-HT-4),
/// and nothing but by whom the routing names (R-HT-3).
///
/// # Errors
/// 403 for whoever else sees it; 409 with the actions that are left.
pub fn check(action: IncidentAction, standing: Standing) -> Result<(), Problem> {
    // Whether somebody is the second person is asked of the proposal itself.
    let second = action == IncidentAction::ConfirmLegality && standing.capacity.is_full();
    if !(held(action, standing) || second) {
        let (clause, cure) = if action == IncidentAction::DecideSafeguarding {
            (Clause::RHt4, "Leave it to whoever looks after the child's welfare in this incident.")
        } else {
            (Clause::RHt3, "Leave it to whoever leads this incident.")
        };
        let violation = Violation::new(clause, "This is not the caller's part in this incident.", cure);
        return Err(Refusal::new(Grounds::NotThisPerson, violation).into());
    }
    if possible(action, standing) {
        return Ok(());
    }
    let conflict = Problem::state_conflict(allowed(standing));
    Err(if standing.state == Reported {
        conflict.because(Violation::new(Clause::RHt4, "This incident has not been assessed.", "Make the initial assessment first."))
    } else {
        conflict
    })
}

/// What somebody is to the school on a day.
pub fn status(kind: PersonKind, left_on: Option<NaiveDate>, today: NaiveDate) -> SubjectStatus {
    match (kind, has_left(left_on, today)) {
        (PersonKind::Staff, false) => SubjectStatus::Staff,
        (PersonKind::Staff, true) => SubjectStatus::FormerStaff,
        (PersonKind::Volunteer, false) => SubjectStatus::Volunteer,
        (PersonKind::Volunteer, true) => SubjectStatus::FormerVolunteer,
        (PersonKind::ParentCarer, false) => SubjectStatus::ParentCarer,
        (PersonKind::ParentCarer, true) => SubjectStatus::FormerParentCarer,
        (PersonKind::Pupil, false) => SubjectStatus::Pupil,
        (PersonKind::Pupil, true) => SubjectStatus::FormerPupil,
        (PersonKind::Governor, false) => SubjectStatus::Governor,
        (PersonKind::Governor, true) => SubjectStatus::FormerGovernor,
        (PersonKind::Visitor, false) => SubjectStatus::Visitor,
        (PersonKind::Visitor, true) => SubjectStatus::FormerVisitor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IncidentAction as A;

    fn standing(state: IncidentState, capacity: Capacity) -> Standing {
        Standing { state, capacity, has_safeguarding: true, proposed_by_caller: None }
    }

    #[test]
    fn the_lead_moves_an_incident_along_its_states() {
        let always = [A::ChangeSubjects, A::Involve, A::Recuse, A::AddNote, A::Refer, A::Discipline];
        for (state, moves) in [
            (Reported, &[A::Assess][..]),
            (Assessed, &[A::Assess, A::Investigate, A::Dismiss, A::ProposeLegality]),
            (Investigating, &[A::Assess, A::RecordAction, A::ProposeLegality]),
            (ActionTaken, &[A::RecordAction, A::Close, A::ProposeLegality]),
        ] {
            let mut expected = [moves, &always].concat();
            expected.sort_unstable();
            assert_eq!(allowed(standing(state, Capacity::Lead)), expected, "{state}");
        }
        for state in [Closed, Dismissed] {
            assert_eq!(allowed(standing(state, Capacity::Lead)), [A::Reopen, A::AddNote], "{state}");
        }
    }

    #[test]
    fn nothing_comes_before_the_assessment_and_the_answer_says_so() {
        for action in [A::Investigate, A::RecordAction, A::Close, A::Dismiss, A::Reopen] {
            assert!(check(action, standing(Reported, Capacity::Lead)).is_err(), "{action}");
        }
    }

    #[test]
    fn each_has_their_part() {
        assert_eq!(allowed(standing(Assessed, Capacity::Safeguarding)), [A::DecideSafeguarding, A::AddNote, A::Refer]);
        for capacity in [Capacity::DataProtection, Capacity::Involved, Capacity::Reporter] {
            assert_eq!(allowed(standing(Assessed, capacity)), [A::AddNote], "{capacity}");
        }
        let alone = Standing { has_safeguarding: false, ..standing(Assessed, Capacity::Lead) };
        assert!(
            allowed(alone).contains(&A::DecideSafeguarding) && check(A::DecideSafeguarding, standing(Assessed, Capacity::Lead)).is_err()
        );
    }

    #[test]
    fn a_second_person_confirms_and_the_first_does_not() {
        let proposed = |capacity, by_caller| Standing { proposed_by_caller: Some(by_caller), ..standing(Assessed, capacity) };
        assert!(allowed(proposed(Capacity::Safeguarding, false)).contains(&A::ConfirmLegality));
        assert!(!allowed(proposed(Capacity::Lead, true)).contains(&A::ConfirmLegality));
        assert!(!allowed(proposed(Capacity::Reporter, false)).contains(&A::ConfirmLegality));
        assert!(!allowed(standing(Assessed, Capacity::Safeguarding)).contains(&A::ConfirmLegality));
    }
}
