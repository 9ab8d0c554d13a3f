//! What becomes of the accounts of whoever leaves (R-IT-4): each is transferred or closed, and none is orphaned. And
//! that confidentiality continues after leaving (BEH-2d).

use std::hash::Hash;

use chrono::NaiveDate;

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use super::team::Member;

fn not_yet(detail: &str, cure: &str) -> Refusal {
    Refusal::new(Grounds::NotYet, Violation::new(Clause::RIt4, detail, cure))
}

/// The team as it is judged while leavers are handed over: they stand in it until then, and count for nothing.
/// `ran_before` says who ran the account already; whoever is named anew has to be at the school.
pub fn despite_leavers<Id>(team: Vec<Member<Id>>, ran_before: impl Fn(&Id) -> bool) -> Vec<Member<Id>> {
    let judged = |member: Member<Id>| Member { active: member.active || ran_before(&member.person), ..member };
    team.into_iter().map(judged).collect()
}

/// Whether somebody is left who can run the account: an active member of staff who may.
pub fn has_successor<Id>(team: &[Member<Id>], may_run: impl Fn(&Id) -> bool) -> bool {
    team.iter().any(|member| member.active_staff && may_run(&member.person))
}

/// Whether somebody has to take the leaver's place: the lead's always, another's unless two active members of staff who
/// may run the account are left (BC-4).
pub fn needs_successor<Id: Copy + Eq + Hash>(team: &[Member<Id>], leaver: Id, may_run: impl Fn(&Id) -> bool) -> bool {
    let led = team.iter().any(|member| member.person == leaver && member.lead);
    led || team.iter().filter(|member| member.person != leaver && member.active_staff && may_run(&member.person)).count() < 2
}

/// A leaver is not simply taken off an account: that is what the handover is for (R-IT-4).
///
/// # Errors
/// R-IT-4.
pub fn keeps_leavers(drops_leaver: bool) -> Result<(), Refusal> {
    if !drops_leaver {
        return Ok(());
    }
    Err(not_yet("Somebody who has left would be taken off the account.", "Transfer the account by the leaver's handover, or close it."))
}

/// An account that is being handed over is not taken into use before that is done (R-IT-4).
///
/// # Errors
/// R-IT-4.
pub fn none_open(being_handed_over: bool) -> Result<(), Refusal> {
    if !being_handed_over {
        return Ok(());
    }
    Err(not_yet("Somebody who ran the account has left, and it is not handed over yet.", "Complete its handovers first."))
}

/// What stands in the way of somebody's taking over, beside what is missing for running an account at all (R-IT-4).
pub fn cannot_succeed(is_active_staff: bool, shortfalls: usize) -> Option<Violation> {
    let (detail, cure) = if !is_active_staff {
        ("The person is not an active member of staff.", "Propose a member of staff who is at the school.")
    } else if shortfalls > 0 {
        ("The person may not run an account yet.", "Have what is missing made good, or propose somebody else.")
    } else {
        return None;
    };
    Some(Violation::new(Clause::RIt4, detail, cure))
}

/// Whether somebody takes the leaver's place who has to (R-IT-4, BC-4).
///
/// # Errors
/// R-IT-4.
pub fn succeeded(needed: bool, proposed: bool) -> Result<(), Refusal> {
    if proposed || !needed {
        return Ok(());
    }
    let detail = "The leaver led the account, or fewer than two active members of staff who may run it are left.";
    Err(not_yet(detail, "Propose a successor first."))
}

/// What an account's newest credentials say of whether the leaver knows them.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The school's local day of storing them.
    pub stored_on: NaiveDate,
    /// They are marked as known to somebody who ran the account and does so no more.
    pub known_to_leaver: bool,
}

/// The leaver's credentials are replaced: on the first day away or later, and after the leaving was on record (R-IT-4).
///
/// # Errors
/// R-IT-4.
pub fn rotated(left_on: NaiveDate, newest: Option<Rotation>) -> Result<(), Refusal> {
    let detail = match newest {
        None => "No credentials of this account are in the vault, so there is nothing to show that they were replaced.",
        Some(Rotation { stored_on, known_to_leaver }) if stored_on < left_on || known_to_leaver => {
            "The credentials of this account were stored while the leaver could know them."
        }
        Some(_) => return Ok(()),
    };
    Err(not_yet(detail, "Change them on the platform, and store the new ones."))
}

/// Only of somebody who leaves is it recorded that confidentiality continues (BEH-2d).
///
/// # Errors
/// BEH-2d.
pub fn may_acknowledge_exit(left_on: Option<NaiveDate>) -> Result<(), Refusal> {
    if left_on.is_some() {
        return Ok(());
    }
    let violation = Violation::new(Clause::Beh2d, "This person has no leaving date.", "Record first that, and when, the person leaves.");
    Err(Refusal::new(Grounds::NotYet, violation.at("/person_id")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::team;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn member(person: u8, lead: bool, active_staff: bool, active: bool) -> Member<u8> {
        Member { person, lead, active_staff, active, unsuitable: false }
    }

    #[test]
    fn a_leaver_stands_in_the_team_until_the_handover_and_counts_for_nothing() {
        let team = vec![member(1, true, false, false), member(2, false, true, true), member(3, false, true, true)];
        assert_eq!(team::violations(&team).len(), 1);
        assert_eq!(team::violations(&despite_leavers(team.clone(), |person| *person == 1)), []);
        assert_eq!(team::violations(&despite_leavers(team.clone(), |_| false)).len(), 1, "nobody who has left is named anew");
        assert_eq!(team::violations(&despite_leavers(team[..2].to_vec(), |_| true)).len(), 1, "two members of staff without the leaver");
    }

    #[test]
    fn the_leads_place_is_always_taken_and_anothers_unless_two_are_left() {
        let team =
            [member(1, true, true, true), member(2, false, true, true), member(3, false, false, false), member(4, false, false, true)];
        assert!(!needs_successor(&team, 3, |_| true));
        assert!(needs_successor(&team, 3, |person| *person != 2), "who may not run it does not count");
        assert!(needs_successor(&team, 1, |_| true));
        assert!(needs_successor(&team[1..], 2, |_| true));
        assert!(succeeded(true, false).is_err() && succeeded(true, true).is_ok() && succeeded(false, false).is_ok());
    }

    #[test]
    fn an_active_member_of_staff_who_may_can_carry_on() {
        let parent_alone = [member(1, false, false, true)];
        assert!(!has_successor(&parent_alone, |_| true), "a parent joins members of staff");
        assert!(has_successor(&[member(2, false, true, true)], |_| true));
        assert!(!has_successor(&[member(2, false, true, true)], |_| false));
    }

    #[test]
    fn who_takes_over_is_active_staff_and_may() {
        assert_eq!(cannot_succeed(true, 0), None);
        assert_ne!(cannot_succeed(false, 0).unwrap().detail, cannot_succeed(true, 2).unwrap().detail);
    }

    #[test]
    fn an_exit_is_acknowledged_by_whoever_leaves() {
        assert!(may_acknowledge_exit(Some(day("2026-07-22"))).is_ok());
        assert_eq!(may_acknowledge_exit(None).unwrap_err().violations[0].clause, Clause::Beh2d);
    }

    proptest! {
        #[test]
        fn credentials_are_replaced_from_the_leaving_day_on(left in 0u64..400, stored in 0u64..400, known_to_leaver: bool) {
            let at = |days| day("2026-01-01") + chrono::Days::new(days);
            let rotation = Rotation { stored_on: at(stored), known_to_leaver };
            prop_assert_eq!(rotated(at(left), Some(rotation)).is_ok(), stored >= left && !known_to_leaver);
            prop_assert!(rotated(at(left), None).is_err());
        }
    }
}
