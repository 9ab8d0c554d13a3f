//! Who may run an account (BC-4): at least two members of staff, one of them the lead.

use std::collections::HashSet;
use std::hash::Hash;

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};

/// Somebody named to run an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<Id> {
    pub person: Id,
    pub lead: bool,
    /// An active employee of the school, the head and IT included (A13); volunteers and parents are not.
    pub active_staff: bool,
    /// Known to the school, and has not left.
    pub active: bool,
    /// A pupil or a visitor, who runs no account (A26).
    pub unsuitable: bool,
}

/// Each person is named once.
///
/// # Errors
/// BC-4.
pub fn distinct<Id: Eq + Hash>(people: impl IntoIterator<Item = Id>) -> Result<(), Refusal> {
    let mut named = HashSet::new();
    if people.into_iter().all(|person| named.insert(person)) {
        return Ok(());
    }
    let twice = Violation::new(Clause::Bc4, "A person is named twice.", "Name each manager once.").at("/managers");
    Err(Refusal::new(Grounds::NotAcceptable, twice))
}

/// Everything that is wrong with a team, at once.
pub fn violations<Id: Copy + Eq + Hash>(team: &[Member<Id>]) -> Vec<Violation> {
    let wrong = |detail: &str, cure: &str| Violation::new(Clause::Bc4, detail, cure).at("/managers");
    let mut found = Vec::new();
    if team.iter().any(|member| !member.active) {
        found.push(wrong("A manager is not an active person of this school.", "Name people who are at the school now."));
    }
    if team.iter().any(|member| member.unsuitable) {
        found.push(wrong("A pupil or a visitor is named.", "Name members of staff; volunteers and parents can be named in addition."));
    }
    let staff: HashSet<Id> = team.iter().filter(|member| member.active_staff).map(|member| member.person).collect();
    if staff.len() < 2 {
        found.push(wrong(
            "Fewer than two active members of staff are named.",
            "Name at least two different members of staff; volunteers and parents can be named in addition.",
        ));
    }
    if team.iter().filter(|member| member.lead).count() != 1 {
        found.push(wrong("There is not exactly one lead.", "Mark one of the managers as the lead."));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(person: u8, lead: bool, active_staff: bool) -> Member<u8> {
        Member { person, lead, active_staff, active: true, unsuitable: false }
    }

    #[test]
    fn two_members_of_staff_with_a_lead_can_run_an_account_and_a_parent_may_join_them() {
        assert_eq!(violations(&[member(1, true, true), member(2, false, true)]), []);
        assert_eq!(violations(&[member(1, false, true), member(2, false, true), member(3, true, false)]), []);
    }

    #[test]
    fn each_shortfall_is_named() {
        let details = |team: &[Member<u8>]| violations(team).into_iter().map(|v| v.detail).collect::<Vec<_>>();
        let too_few = "Fewer than two active members of staff are named.".to_owned();
        let no_lead = "There is not exactly one lead.".to_owned();
        assert_eq!(details(&[]), [too_few.clone(), no_lead.clone()]);
        assert_eq!(details(&[member(1, true, true)]), std::slice::from_ref(&too_few));
        assert_eq!(details(&[member(1, true, true), member(2, false, false)]), std::slice::from_ref(&too_few));
        assert_eq!(details(&[member(1, true, true), member(1, false, true)]), [too_few], "the same one twice is one");
        assert!(distinct([1, 2]).is_ok() && distinct([1, 2, 1]).is_err());
        let pupil = Member { unsuitable: true, ..member(3, false, false) };
        assert_eq!(details(&[member(1, true, true), member(2, false, true), pupil]), ["A pupil or a visitor is named."]);
        assert_eq!(details(&[member(1, true, true), member(2, true, true)]), [no_lead]);
        let gone = Member { active: false, active_staff: false, ..member(3, false, true) };
        assert_eq!(details(&[member(1, true, true), member(2, false, true), gone]), ["A manager is not an active person of this school."]);
    }
}
