//! Who counts as what, what can be done with a person, and who may grant which role.

use chrono::NaiveDate;

use crate::policy::roles::{PersonKind, Role, has_left};
use crate::problem::{Code, Problem};
use crate::words::words;

words! {
    /// Whether somebody is at the school.
    pub enum PersonState { Active, Left }

    /// What can be done with a person.
    pub enum PersonAction { Edit, Leave, Rejoin, GrantRole, RevokeRole, Invite }

    /// What an adult is to a pupil.
    pub enum Relationship { Parent, StepParent, Grandparent, OtherRelative, FosterCarer, LegalGuardian, SocialWorker, Other }
}

/// The roles that a service account assigns: a person who had others would have them confirmed by a person.
pub const SYNCED: [Role; 5] = [Role::Staff, Role::Volunteer, Role::ParentCarer, Role::Pupil, Role::Governor];

/// Pupils alone are in a year group.
///
/// # Errors
/// 422 for anybody else.
pub fn check_year_group(kind: PersonKind, has_one: bool) -> Result<(), Problem> {
    if !has_one || kind == PersonKind::Pupil {
        return Ok(());
    }
    Err(Problem::invalid("/year_group", "not_a_pupil", "Only pupils are in a year group."))
}

/// Who grants and revokes roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granter {
    /// Holds a granting role: privileged roles too, but never to themselves.
    Privileged,
    /// The same, as chair of governors.
    Chair,
    /// May grant roles that are not privileged.
    Plain,
    /// A service account, which assigns what a roster says.
    Service,
    /// May not grant roles at all.
    Nobody,
}

impl Granter {
    /// Whether they decide who gets in as those who hold privileged roles.
    pub fn lets_anybody_in(self) -> bool {
        matches!(self, Self::Privileged | Self::Chair)
    }
}

/// A person as a caller finds them.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub kind: PersonKind,
    pub roles: &'a [Role],
    /// The school's escalation contact (R-HT-3).
    pub escalation_contact: bool,
    pub left_on: Option<NaiveDate>,
    pub today: NaiveDate,
    pub has_email: bool,
    /// The caller is this person.
    pub oneself: bool,
    /// The caller may change people.
    pub may_manage: bool,
    pub may_invite: bool,
    pub granter: Granter,
}

impl Standing<'_> {
    fn left(&self) -> bool {
        has_left(self.left_on, self.today)
    }

    fn conflict(&self, detail: &str) -> Problem {
        Problem::state_conflict(allowed(self)).detail(detail)
    }
}

/// The actions that are left to the caller.
pub fn allowed(person: &Standing) -> Vec<PersonAction> {
    use strum::IntoEnumIterator;
    let grants = matches!(person.granter, Granter::Privileged | Granter::Chair | Granter::Plain);
    let possible = |action: &PersonAction| match action {
        PersonAction::Edit => person.may_manage,
        PersonAction::Leave => person.may_manage && may_let_in(person).is_ok() && !person.left(),
        PersonAction::Rejoin => person.may_manage && may_let_in(person).is_ok() && person.left_on.is_some(),
        PersonAction::GrantRole => grants && !person.left(),
        PersonAction::RevokeRole => grants && person.roles.iter().any(|role| may_grant(*role, person.granter, person.oneself).is_ok()),
        PersonAction::Invite => person.may_invite && may_let_in(person).is_ok() && not_invitable(person).is_none(),
    };
    PersonAction::iter().filter(possible).collect()
}

fn forbidden(why: &str) -> Problem {
    Problem::new(Code::Forbidden).detail(why)
}

/// Privileged roles only by a holder of a granting role, and by nobody to or from themselves; the others by
/// whoever may grant roles.
///
/// # Errors
/// 403 with the reason.
pub fn may_grant(role: Role, granter: Granter, oneself: bool) -> Result<(), Problem> {
    match granter {
        Granter::Nobody => Err(forbidden("Granting and revoking roles is left to the headteacher, the chair of governors and IT.")),
        Granter::Service if SYNCED.contains(&role) => Ok(()),
        Granter::Service => {
            Err(forbidden("A service account assigns staff, volunteer, parent_carer, pupil and governor; a person grants other roles."))
        }
        _ if !role.is_privileged() => Ok(()),
        Granter::Privileged | Granter::Chair if oneself => {
            Err(forbidden("Nobody grants a privileged role to themselves or revokes one of their own."))
        }
        Granter::Privileged | Granter::Chair => Ok(()),
        Granter::Plain => Err(forbidden("Only the headteacher or the chair of governors grants and revokes privileged roles.")),
    }
}

/// Whether the caller may grant this role to this person.
///
/// # Errors
/// 403 where the caller may not, 409 where the person has left or holds the role, 422 where it does not suit them.
pub fn grant(person: &Standing, role: Role) -> Result<(), Problem> {
    may_grant(role, person.granter, person.oneself)?;
    if person.left() {
        Err(person.conflict("This person has left."))
    } else if person.roles.contains(&role) {
        Err(Problem::new(Code::AlreadyExists).detail("This person holds the role already."))
    } else if role.suits(person.kind) {
        Ok(())
    } else {
        Err(unsuitable("/role"))
    }
}

fn unsuitable(pointer: &str) -> Problem {
    Problem::invalid(pointer, "unsuitable_role", "This role does not suit a person of this kind.")
}

/// Whether the caller may revoke this role of this person. `other_heads`: somebody else at the school is
/// headteacher too.
///
/// # Errors
/// 403 where the caller may not, 409 where the person does not hold it or is the last headteacher.
pub fn revoke(person: &Standing, role: Role, other_heads: bool) -> Result<(), Problem> {
    may_grant(role, person.granter, person.oneself)?;
    may_take(person, role)?;
    if !person.roles.contains(&role) {
        Err(person.conflict("This person does not hold the role."))
    } else if role == Role::Headteacher && !other_heads && !person.left() {
        Err(person.conflict("This is the last headteacher; grant the role to the next one first."))
    } else {
        Ok(())
    }
}

/// Whether the caller may take this role away. What guards a way in must not fall first: so who may not let somebody in
/// takes no guarded role from them either, and nobody but a chair the roles of those whom reports about the headteacher
/// go to (R-HT-3).
fn may_take(person: &Standing, role: Role) -> Result<(), Problem> {
    let above = role == Role::ChairOfGovernors || (person.escalation_contact && role == Role::Governor);
    if above && person.granter != Granter::Chair {
        return Err(forbidden(
            "Reports about the headteacher go to this person in this role: only a chair of governors revokes it; where there is none, \
             `weald person add` makes one.",
        ));
    }
    if role.is_guarded() { may_let_in(person) } else { Ok(()) }
}

/// The plain roles that come and go as a roster says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    pub granted: Vec<Role>,
    pub revoked: Vec<Role>,
}

impl Shift {
    pub fn is_empty(&self) -> bool {
        self.granted.is_empty() && self.revoked.is_empty()
    }
}

/// What has to come and go so that a person holds the `wanted` roles, and of the others only those that this
/// caller does not assign. `person.kind` is the new one; without `wanted` the roles stay, and must suit it.
///
/// # Errors
/// 403 where a role is not this caller's to assign, 409 where the person has left or keeps a role that does not
/// suit them, 422 where a wanted one does not suit them.
pub fn shift(person: &Standing, wanted: Option<&[Role]>) -> Result<Shift, Problem> {
    let assigns = |role: Role| !role.is_privileged() && may_grant(role, person.granter, person.oneself).is_ok();
    let mut shift = Shift::default();
    if let Some(wanted) = wanted {
        for (index, &role) in wanted.iter().enumerate() {
            if role.is_privileged() {
                return Err(forbidden("A privileged role is not assigned with a person's details; grant it as an action of its own."));
            }
            may_grant(role, person.granter, person.oneself)?;
            if !role.suits(person.kind) {
                return Err(unsuitable(&format!("/roles/{index}")));
            }
            if !person.roles.contains(&role) && !shift.granted.contains(&role) {
                shift.granted.push(role);
            }
        }
        shift.revoked = person.roles.iter().copied().filter(|&role| assigns(role) && !wanted.contains(&role)).collect();
        shift.revoked.iter().try_for_each(|&role| may_take(person, role))?;
    }
    if person.left() && !shift.granted.is_empty() {
        return Err(person.conflict("This person has left."));
    }
    if person.roles.iter().any(|role| !shift.revoked.contains(role) && !role.suits(person.kind)) {
        return Err(person.conflict("This person holds a role that does not suit the new kind; revoke it first."));
    }
    Ok(shift)
}

/// Whether this person's leaving date can be `left_on`: it only ever comes earlier.
///
/// # Errors
/// 403 where somebody else has to record it, 409 where the person has left, or leaves on an earlier day.
pub fn leave(person: &Standing, left_on: NaiveDate) -> Result<(), Problem> {
    may_let_in(person)?;
    if person.left() {
        Err(person.conflict("This person has left."))
    } else if person.left_on.is_some_and(|day| day <= left_on) {
        Err(person.conflict("This person leaves on that day already, or before it."))
    } else {
        Ok(())
    }
}

/// Whether `left_on` has to be recorded, where another system says so again and again: not where that day is on record,
/// and of who has left the day on record stands.
///
/// # Errors
/// As [`leave`].
pub fn comes_to_leave(person: &Standing, left_on: NaiveDate) -> Result<bool, Problem> {
    if person.left_on == Some(left_on) || person.left() && left_on <= person.today {
        return Ok(false);
    }
    leave(person, left_on).map(|()| true)
}

/// Whether this person is at the school, as another system says.
///
/// # Errors
/// 409 where they have left: a person records that they return.
pub fn is_there(person: &Standing) -> Result<(), Problem> {
    if person.left() {
        Err(person.conflict("This person has left. If they are back, let somebody record that they rejoin first."))
    } else {
        Ok(())
    }
}

/// Whether it can be recorded that this person is at the school after all.
///
/// # Errors
/// 403 where somebody else has to record it, 409 where the person neither has left nor is about to.
pub fn rejoin(person: &Standing) -> Result<(), Problem> {
    may_let_in(person)?;
    if person.left_on.is_some() { Ok(()) } else { Err(person.conflict("This person is at the school and has no leaving date.")) }
}

/// Whether the caller may invite this person to choose a password. Who holds the link takes over the account, so
/// that of somebody with a privileged role is for a holder of a granting role to hand out.
///
/// # Errors
/// 403 where somebody else has to, 409 where the person has left or has no e-mail address.
pub fn invite(person: &Standing) -> Result<(), Problem> {
    may_let_in(person)?;
    not_invitable(person).map_or(Ok(()), |why| Err(person.conflict(why)))
}

/// Whether the caller may change by what a person is known elsewhere: an external issuer that names the new address or
/// id gets in as this person.
///
/// # Errors
/// 403 where somebody else has to.
pub fn readdress(person: &Standing) -> Result<(), Problem> {
    may_let_in(person)
}

/// Whether the caller decides who gets in and out as this person: for a guarded role, a holder of a granting role alone;
/// for those whom reports about the headteacher go to, no headteacher (R-HT-3).
fn may_let_in(person: &Standing) -> Result<(), Problem> {
    let above = person.roles.contains(&Role::ChairOfGovernors) || person.escalation_contact;
    match person.granter {
        Granter::Chair => Ok(()),
        Granter::Privileged if !above => Ok(()),
        _ if above => Err(forbidden(
            "Reports about the headteacher go to this person: only a chair of governors, or `weald person invite`, lets somebody in as \
             them, changes their e-mail address or external id, or records that they leave or return.",
        )),
        _ if !person.roles.iter().any(|role| role.is_guarded()) => Ok(()),
        _ => Err(forbidden(
            "This person holds a privileged role or can act for the headteacher: only the headteacher or the chair of governors \
             invites them, changes their e-mail address or external id, or records that they leave or return.",
        )),
    }
}

fn not_invitable(person: &Standing) -> Option<&'static str> {
    if person.left() {
        Some("This person has left.")
    } else if person.has_email {
        None
    } else {
        Some("This person has no e-mail address, which is the user name; add one first.")
    }
}

/// Whether somebody of this kind can be the guardian of somebody of that kind.
///
/// # Errors
/// 409 where the one is no pupil or the other is.
pub fn guardian(pupil: PersonKind, guardian: PersonKind) -> Result<(), Problem> {
    if pupil == PersonKind::Pupil && guardian != PersonKind::Pupil {
        Ok(())
    } else {
        Err(Problem::new(Code::StateConflict).detail("Only a pupil has guardians, and no pupil is one."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Granter::{Nobody, Plain, Privileged, Service};
    use Role::{Dpo, Dsl, Governor, Headteacher, LeadershipTeam, MisIntegration, ParentCarer, Pupil, Staff};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn person(kind: PersonKind, roles: &[Role], granter: Granter) -> Standing<'_> {
        Standing {
            kind,
            roles,
            escalation_contact: false,
            left_on: None,
            today: day("2026-06-15"),
            has_email: true,
            oneself: false,
            may_manage: true,
            may_invite: true,
            granter,
        }
    }

    fn staff(roles: &[Role], granter: Granter) -> Standing<'_> {
        person(PersonKind::Staff, roles, granter)
    }

    fn code<T: std::fmt::Debug>(result: Result<T, Problem>) -> Code {
        result.unwrap_err().code()
    }

    #[test]
    fn privileged_roles_are_granted_by_head_and_chair_to_others_alone() {
        for (role, granter, oneself, allowed) in [
            (Staff, Plain, false, true),
            (Staff, Plain, true, true),
            (Dsl, Plain, false, false),
            (Dsl, Privileged, false, true),
            (Dsl, Privileged, true, false),
            (Headteacher, Privileged, false, true),
            (LeadershipTeam, Plain, false, true),
            (LeadershipTeam, Service, false, false),
            (ParentCarer, Service, false, true),
            (Dpo, Service, false, false),
            (Staff, Nobody, false, false),
        ] {
            assert_eq!(may_grant(role, granter, oneself).is_ok(), allowed, "{role} by {granter:?}, oneself: {oneself}");
        }
    }

    #[test]
    fn a_role_is_granted_once_to_somebody_it_suits_who_is_still_there() {
        assert!(grant(&staff(&[], Plain), Staff).is_ok());
        assert_eq!(code(grant(&staff(&[Staff], Plain), Staff)), Code::AlreadyExists);
        assert_eq!(code(grant(&person(PersonKind::Pupil, &[], Plain), Staff)), Code::ValidationFailed);
        assert_eq!(code(grant(&staff(&[], Privileged), MisIntegration)), Code::ValidationFailed);
        let gone = Standing { left_on: Some(day("2026-06-15")), ..staff(&[], Plain) };
        assert_eq!(code(grant(&gone, Staff)), Code::StateConflict);
        let leaving = Standing { left_on: Some(day("2026-06-16")), ..gone };
        assert!(grant(&leaving, Staff).is_ok());
    }

    #[test]
    fn the_last_headteacher_stays_one() {
        let head = staff(&[Headteacher], Privileged);
        assert_eq!(code(revoke(&head, Headteacher, false)), Code::StateConflict);
        assert!(revoke(&head, Headteacher, true).is_ok());
        assert!(revoke(&Standing { left_on: Some(head.today), ..head }, Headteacher, false).is_ok());
        assert_eq!(code(revoke(&Standing { oneself: true, ..head }, Headteacher, true)), Code::Forbidden);
        assert_eq!(code(revoke(&head, Dsl, true)), Code::StateConflict);
    }

    #[test]
    fn a_roster_moves_plain_roles_and_leaves_the_others() {
        let held = [Dsl, LeadershipTeam, Staff];
        let synced = shift(&staff(&held, Service), Some(&[Governor, Governor])).unwrap();
        assert_eq!(synced, Shift { granted: vec![Governor], revoked: vec![Staff] });
        assert!(shift(&staff(&held, Service), None).unwrap().is_empty());
        assert!(shift(&staff(&held, Service), Some(&[Staff])).unwrap().is_empty());
        assert_eq!(shift(&staff(&held, Privileged), Some(&[])).unwrap().revoked, [LeadershipTeam, Staff]);
        assert_eq!(code(shift(&staff(&held, Plain), Some(&[]))), Code::Forbidden, "leadership_team guards a way in");
        for granter in [Privileged, Plain, Service, Nobody] {
            assert_eq!(code(shift(&staff(&[], granter), Some(&[Dsl]))), Code::Forbidden, "{granter:?}");
        }
        assert_eq!(code(shift(&staff(&[], Service), Some(&[LeadershipTeam]))), Code::Forbidden);
        assert_eq!(code(shift(&staff(&[], Nobody), Some(&[Staff]))), Code::Forbidden);
        assert_eq!(code(shift(&staff(&[], Service), Some(&[Pupil]))), Code::ValidationFailed);
    }

    #[test]
    fn a_new_kind_must_suit_the_roles_that_stay() {
        let governor = person(PersonKind::Governor, &[Staff], Service);
        assert_eq!(code(shift(&governor, None)), Code::StateConflict);
        assert!(shift(&governor, Some(&[Governor])).is_ok());
        assert_eq!(code(shift(&person(PersonKind::Governor, &[Dsl], Service), Some(&[Governor]))), Code::StateConflict);
    }

    #[test]
    fn a_leaving_date_only_comes_earlier() {
        let leaving = Standing { left_on: Some(day("2026-07-22")), ..staff(&[], Plain) };
        assert!(leave(&staff(&[], Plain), day("2030-01-01")).is_ok());
        assert!(leave(&leaving, day("2026-07-21")).is_ok());
        assert_eq!(code(leave(&leaving, day("2026-07-22"))), Code::StateConflict);
        assert_eq!(code(leave(&Standing { today: day("2026-07-22"), ..leaving }, day("2026-01-01"))), Code::StateConflict);
        assert_eq!(comes_to_leave(&leaving, day("2026-07-22")).ok(), Some(false), "said again");
        assert_eq!(comes_to_leave(&leaving, day("2026-07-21")).ok(), Some(true));
        assert_eq!(code(comes_to_leave(&leaving, day("2026-07-23"))), Code::StateConflict);
        let gone = Standing { today: day("2026-07-22"), ..leaving };
        assert_eq!(comes_to_leave(&gone, day("2026-07-01")).ok(), Some(false), "the day on record stands");
        assert_eq!(code(comes_to_leave(&gone, day("2026-07-23"))), Code::StateConflict);
        assert!(rejoin(&leaving).is_ok());
        assert_eq!(code(rejoin(&staff(&[], Plain))), Code::StateConflict);
    }

    #[test]
    fn who_holds_a_privileged_role_leaves_and_returns_by_the_word_of_head_or_chair() {
        for (granter, allowed) in [(Privileged, true), (Plain, false), (Service, false), (Nobody, false)] {
            let head = staff(&[Headteacher], granter);
            assert_eq!(leave(&head, day("2026-07-22")).is_ok(), allowed, "{granter:?}");
            assert_eq!(rejoin(&Standing { left_on: Some(day("2026-07-22")), ..head }).is_ok(), allowed, "{granter:?}");
            assert_eq!(leave(&staff(&[Staff, LeadershipTeam], granter), day("2026-07-22")).is_ok(), allowed, "{granter:?}");
            assert!(leave(&staff(&[Staff], granter), day("2026-07-22")).is_ok());
        }
    }

    #[test]
    fn who_holds_a_privileged_role_is_invited_by_head_or_chair() {
        assert!(invite(&staff(&[Staff], Plain)).is_ok());
        assert_eq!(code(invite(&staff(&[Headteacher], Plain))), Code::Forbidden);
        assert_eq!(code(invite(&staff(&[Staff, Dsl], Nobody))), Code::Forbidden);
        assert_eq!(code(invite(&staff(&[LeadershipTeam], Plain))), Code::Forbidden, "may be the headteacher's delegate one day");
        assert!(invite(&staff(&[Headteacher], Privileged)).is_ok());
        assert_eq!(code(invite(&Standing { has_email: false, ..staff(&[], Plain) })), Code::StateConflict);
        assert_eq!(code(invite(&Standing { left_on: Some(day("2026-01-01")), ..staff(&[], Plain) })), Code::StateConflict);
    }

    #[test]
    fn who_holds_a_privileged_role_is_readdressed_by_head_or_chair() {
        for (granter, allowed) in [(Privileged, true), (Plain, false), (Service, false), (Nobody, false)] {
            assert_eq!(readdress(&staff(&[Headteacher], granter)).is_ok(), allowed, "{granter:?}");
            assert_eq!(readdress(&staff(&[LeadershipTeam], granter)).is_ok(), allowed, "{granter:?}");
            assert!(readdress(&staff(&[Staff], granter)).is_ok());
        }
    }

    #[test]
    fn the_actions_shown_are_those_that_are_left() {
        use PersonAction::{Edit, GrantRole, Invite, Leave, Rejoin, RevokeRole};
        assert_eq!(allowed(&staff(&[Staff], Plain)), [Edit, Leave, GrantRole, RevokeRole, Invite]);
        assert_eq!(allowed(&staff(&[Dsl], Plain)), [Edit, GrantRole]);
        assert_eq!(allowed(&Standing { left_on: Some(day("2026-01-01")), ..staff(&[Staff], Plain) }), [Edit, Rejoin, RevokeRole]);
        assert_eq!(allowed(&Standing { may_manage: false, may_invite: false, ..staff(&[Staff], Nobody) }), []);
    }

    #[test]
    fn guardians_are_grown_up() {
        assert!(guardian(PersonKind::Pupil, PersonKind::Staff).is_ok());
        assert_eq!(code(guardian(PersonKind::Pupil, PersonKind::Pupil)), Code::StateConflict);
        assert_eq!(code(guardian(PersonKind::Staff, PersonKind::ParentCarer)), Code::StateConflict);
    }
}
