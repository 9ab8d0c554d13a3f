//! Who decides when the one who usually does has a stake in it: in a business case, in an exception, and in an incident.

use std::collections::BTreeSet;

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use super::roles::{PersonKind, Role};
use crate::words::words;

/// What matters about a business case, or an exception, and the one who wants to decide it.
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
/// delegate whom that head did not choose; nobody decides their own (R-HT-5, A10, A11). `clause` is the one under which it
/// is decided.
///
/// # Errors
/// Who has to decide instead.
pub fn may_decide(decision: Decision, clause: Clause) -> Result<(), Refusal> {
    let refuse = |detail: &str, cure: &str| Err(Refusal::new(Grounds::NotThisPerson, Violation::new(clause, detail, cure)));
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

words! {
    /// What somebody whom an incident is about is to the school, as far as it bears on who deals with it
    /// (decisions, section 3).
    pub enum Party {
        Headteacher, ChairOfGovernors, ItTechnician, Dsl, DeputyDsl, Dpo,
        /// Anybody else who works, helps or governs at the school.
        Colleague,
        ParentCarer, Pupil,
        /// Nobody known to the school.
        Unknown,
    }

    /// Who leads an incident (R-HT-3).
    pub enum LeadRole {
        Headteacher, ChairOfGovernors,
        /// The local authority's officer or the clerk, where neither of the others can.
        EscalationContact,
    }

    /// Who looks after the child's welfare.
    pub enum SafeguardingRole { Dsl, DeputyDsl }

    /// Who has to be told of an incident.
    pub enum Informed { Headteacher, ChairOfGovernors, EscalationContact, Dsl, DeputyDsl, Dpo }

    /// What an incident asks of whoever leads it.
    pub enum Duty {
        /// Within one working day (KCSIE, part four).
        ReferToLado,
        /// BEH-7.
        ReferToPolice,
        /// Unless it raises the risk to the child.
        TellParents,
        /// PU-PC-3.
        StartParentLadder,
        /// By somebody else than whom the incident is about (R-IT-2).
        RotateCredentials,
        /// Of whoever looks after the child's welfare, before the incident is closed; of the lead where that is nobody.
        DecideSafeguarding,
    }
}

impl LeadRole {
    /// As whom whoever leads is told.
    pub const fn informed(self) -> Informed {
        match self {
            Self::Headteacher => Informed::Headteacher,
            Self::ChairOfGovernors => Informed::ChairOfGovernors,
            Self::EscalationContact => Informed::EscalationContact,
        }
    }
}

/// What matters about an incident for who deals with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matter {
    /// Everything that those whom it is about are to the school.
    pub parties: BTreeSet<Party>,
    /// The reporter says, before any name, that it is about the headteacher.
    pub about_head: bool,
    /// Whose holders have withdrawn from leading it, or that nobody fills.
    pub unavailable: BTreeSet<LeadRole>,
    /// A child is, or may be, affected.
    pub child_involved: bool,
    pub may_meet_threshold: bool,
    pub illegal: bool,
    /// Personal data or confidences are concerned.
    pub data_concerned: bool,
}

/// Who deals with an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    pub lead: LeadRole,
    /// Who looks after the child's welfare, where there is reason to.
    pub safeguarding: Option<SafeguardingRole>,
    /// Whether the escalation contact stands beside the lead.
    pub escalation: bool,
    pub informed: BTreeSet<Informed>,
    pub duties: BTreeSet<Duty>,
}

/// The routing table (R-HT-3, decisions section 3): nobody leads, and nobody is told of, what is about themselves.
pub fn route(matter: &Matter) -> Routing {
    let about = |party| matter.parties.contains(&party);
    let out = |role, is_about: bool| is_about || matter.unavailable.contains(&role);
    let head_out = out(LeadRole::Headteacher, about(Party::Headteacher) || matter.about_head);
    let chair_out = out(LeadRole::ChairOfGovernors, about(Party::ChairOfGovernors));
    let lead = match (head_out, chair_out) {
        (false, _) => LeadRole::Headteacher,
        (true, false) => LeadRole::ChairOfGovernors,
        (true, true) => LeadRole::EscalationContact,
    };
    let escalation = about(Party::ChairOfGovernors) || lead == LeadRole::EscalationContact;
    let child = matter.child_involved || about(Party::Pupil);
    let safeguarding = match (about(Party::Dsl), about(Party::DeputyDsl)) {
        (false, _) => child.then_some(SafeguardingRole::Dsl),
        (true, false) => Some(SafeguardingRole::DeputyDsl),
        (true, true) => None,
    };
    let informed = [
        Some(lead.informed()),
        escalation.then_some(Informed::EscalationContact),
        safeguarding.map(|role| match role {
            SafeguardingRole::Dsl => Informed::Dsl,
            SafeguardingRole::DeputyDsl => Informed::DeputyDsl,
        }),
        (matter.data_concerned && !about(Party::Dpo)).then_some(Informed::Dpo),
    ];
    let only_pupils = about(Party::Pupil) && matter.parties.len() == 1;
    let duties = [
        (Duty::ReferToLado, matter.may_meet_threshold),
        (Duty::ReferToPolice, matter.illegal),
        (Duty::TellParents, only_pupils),
        (Duty::StartParentLadder, about(Party::ParentCarer)),
        (Duty::RotateCredentials, about(Party::ItTechnician)),
        (Duty::DecideSafeguarding, child || about(Party::Dsl)),
    ];
    Routing {
        lead,
        safeguarding,
        escalation,
        informed: informed.into_iter().flatten().collect(),
        duties: duties.into_iter().filter_map(|(duty, due)| due.then_some(duty)).collect(),
    }
}

/// What a person is to the school; rights and conflicts of several roles add up.
pub fn parties(kind: PersonKind, roles: &[Role]) -> BTreeSet<Party> {
    let mut parties: BTreeSet<Party> = roles
        .iter()
        .filter_map(|role| match role {
            Role::Headteacher => Some(Party::Headteacher),
            Role::ChairOfGovernors => Some(Party::ChairOfGovernors),
            Role::ItTechnician => Some(Party::ItTechnician),
            Role::Dsl => Some(Party::Dsl),
            Role::DeputyDsl => Some(Party::DeputyDsl),
            Role::Dpo => Some(Party::Dpo),
            Role::ParentCarer => Some(Party::ParentCarer),
            Role::LeadershipTeam | Role::Staff | Role::Volunteer | Role::Governor => Some(Party::Colleague),
            Role::Pupil | Role::MisIntegration => None,
        })
        .collect();
    match kind {
        PersonKind::Pupil => parties.insert(Party::Pupil),
        PersonKind::ParentCarer => parties.insert(Party::ParentCarer),
        PersonKind::Visitor => parties.insert(Party::Unknown),
        PersonKind::Staff | PersonKind::Volunteer | PersonKind::Governor => parties.is_empty() && parties.insert(Party::Colleague),
    };
    parties
}

/// Whether those words are of a pupil.
pub fn is_pupil(parties: &str) -> bool {
    crate::words::split(parties).contains(&Party::Pupil)
}

/// Whether an incident is hidden from somebody whom it is about: from everyone but a pupil, and but who reported
/// it of themselves (DO-9).
pub fn is_hidden_from(parties: &BTreeSet<Party>, self_reported: bool) -> bool {
    !self_reported && parties.iter().any(|party| *party != Party::Pupil)
}

/// Whoever leads may withdraw, if somebody is left to lead (decisions, section 3, rule 4).
///
/// # Errors
/// 409 where nobody would be left.
pub fn may_recuse(matter: &Matter, lead: LeadRole, escalation_contact_known: bool) -> Result<Routing, Refusal> {
    let mut without = matter.clone();
    without.unavailable.insert(lead);
    let next = route(&without);
    let nobody = lead == LeadRole::EscalationContact || (next.lead == LeadRole::EscalationContact && !escalation_contact_known);
    if nobody {
        let violation = Violation::new(
            Clause::RHt3,
            "Nobody would be left to lead this incident.",
            "Have the school name its escalation contact first (the local authority's officer or the clerk).",
        );
        return Err(Refusal::new(Grounds::NotYet, violation));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

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
            assert_eq!(may_decide(decision, Clause::RHt5).is_ok(), allowed, "{decision:?}");
        }
    }

    fn about(parties: &[Party]) -> Matter {
        Matter { parties: parties.iter().copied().collect(), ..Matter::default() }
    }

    fn informed(matter: &Matter) -> Vec<Informed> {
        route(matter).informed.into_iter().collect()
    }

    #[test]
    fn the_routing_table_row_by_row() {
        use Informed as I;
        for (parties, lead, told) in [
            (&[Party::Colleague][..], LeadRole::Headteacher, &[I::Headteacher][..]),
            (&[Party::Headteacher], LeadRole::ChairOfGovernors, &[I::ChairOfGovernors]),
            (&[Party::ChairOfGovernors], LeadRole::Headteacher, &[I::Headteacher, I::EscalationContact]),
            (&[Party::Headteacher, Party::ChairOfGovernors], LeadRole::EscalationContact, &[I::EscalationContact]),
            (&[Party::ItTechnician], LeadRole::Headteacher, &[I::Headteacher]),
            (&[Party::Dsl], LeadRole::Headteacher, &[I::Headteacher, I::DeputyDsl]),
            (&[Party::Headteacher, Party::Dsl], LeadRole::ChairOfGovernors, &[I::ChairOfGovernors, I::DeputyDsl]),
            (&[Party::Pupil], LeadRole::Headteacher, &[I::Headteacher, I::Dsl]),
            (&[Party::ParentCarer], LeadRole::Headteacher, &[I::Headteacher]),
            (&[Party::Unknown], LeadRole::Headteacher, &[I::Headteacher]),
            (&[], LeadRole::Headteacher, &[I::Headteacher]),
        ] {
            let matter = about(parties);
            assert_eq!((route(&matter).lead, informed(&matter)), (lead, told.to_vec()), "{parties:?}");
        }
    }

    #[test]
    fn what_is_said_to_be_about_the_head_goes_past_the_head_before_any_name() {
        let matter = Matter { about_head: true, child_involved: true, ..Matter::default() };
        assert_eq!(route(&matter).lead, LeadRole::ChairOfGovernors);
        assert_eq!(informed(&matter), [Informed::ChairOfGovernors, Informed::Dsl]);
    }

    #[test]
    fn each_duty_has_its_cause() {
        let duties = |matter: Matter| route(&matter).duties.into_iter().collect::<Vec<_>>();
        assert_eq!(duties(about(&[Party::Colleague])), []);
        assert_eq!(duties(Matter { may_meet_threshold: true, ..about(&[Party::Headteacher]) }), [Duty::ReferToLado]);
        assert_eq!(duties(Matter { illegal: true, ..about(&[Party::Unknown]) }), [Duty::ReferToPolice]);
        assert_eq!(duties(about(&[Party::Pupil])), [Duty::TellParents, Duty::DecideSafeguarding]);
        assert_eq!(duties(about(&[Party::Pupil, Party::Colleague])), [Duty::DecideSafeguarding]);
        assert_eq!(duties(about(&[Party::ParentCarer])), [Duty::StartParentLadder]);
        assert_eq!(duties(about(&[Party::ItTechnician])), [Duty::RotateCredentials]);
    }

    #[test]
    fn the_data_protection_officer_is_told_of_data_unless_it_is_about_them() {
        let matter = Matter { data_concerned: true, ..about(&[Party::Colleague]) };
        assert_eq!(informed(&matter), [Informed::Headteacher, Informed::Dpo]);
        assert_eq!(informed(&Matter { parties: BTreeSet::from([Party::Dpo]), ..matter }), [Informed::Headteacher]);
    }

    #[test]
    fn a_lead_withdraws_only_if_somebody_is_left() {
        let led = |matter: &Matter, lead, known| may_recuse(matter, lead, known).map(|routing| routing.lead).ok();
        let colleague = about(&[Party::Colleague]);
        assert_eq!(led(&colleague, LeadRole::Headteacher, false), Some(LeadRole::ChairOfGovernors));
        let chair = about(&[Party::ChairOfGovernors]);
        assert_eq!(led(&chair, LeadRole::Headteacher, false), None);
        assert_eq!(led(&chair, LeadRole::Headteacher, true), Some(LeadRole::EscalationContact));
        assert_eq!(led(&about(&[Party::Headteacher, Party::ChairOfGovernors]), LeadRole::EscalationContact, true), None);
    }

    #[test]
    fn several_roles_of_one_person_add_up() {
        let both = parties(PersonKind::Staff, &[Role::Headteacher, Role::Dsl]);
        assert_eq!(both, BTreeSet::from([Party::Headteacher, Party::Dsl]));
        assert_eq!(parties(PersonKind::Staff, &[]), BTreeSet::from([Party::Colleague]));
        assert_eq!(parties(PersonKind::Staff, &[Role::Staff, Role::ParentCarer]), BTreeSet::from([Party::Colleague, Party::ParentCarer]));
        assert_eq!(parties(PersonKind::Pupil, &[Role::Pupil]), BTreeSet::from([Party::Pupil]));
        assert!(is_hidden_from(&both, false) && !is_hidden_from(&both, true) && !is_hidden_from(&BTreeSet::from([Party::Pupil]), false));
    }

    fn any_matter() -> impl Strategy<Value = Matter> {
        let parties = proptest::sample::subsequence(Party::iter().collect::<Vec<_>>(), 0..=Party::iter().count());
        let unavailable = proptest::sample::subsequence(vec![LeadRole::Headteacher, LeadRole::ChairOfGovernors], 0..=2);
        (parties, unavailable, any::<[bool; 5]>()).prop_map(
            |(parties, unavailable, [about_head, child_involved, may_meet_threshold, illegal, data_concerned])| {
                let (parties, unavailable) = (parties.into_iter().collect(), unavailable.into_iter().collect());
                Matter { parties, about_head, unavailable, child_involved, may_meet_threshold, illegal, data_concerned }
            },
        )
    }

    proptest! {
        #[test]
        fn nobody_leads_or_is_told_of_what_is_about_themselves(matter in any_matter()) {
            let Routing { lead, informed, safeguarding, .. } = route(&matter);
            for (party, role, told) in [
                (Party::Headteacher, Some(LeadRole::Headteacher), Informed::Headteacher),
                (Party::ChairOfGovernors, Some(LeadRole::ChairOfGovernors), Informed::ChairOfGovernors),
                (Party::Dsl, None, Informed::Dsl),
                (Party::DeputyDsl, None, Informed::DeputyDsl),
                (Party::Dpo, None, Informed::Dpo),
            ] {
                if matter.parties.contains(&party) {
                    prop_assert!(Some(lead) != role && !informed.contains(&told), "{party}");
                }
            }
            prop_assert!(!(matter.about_head && (lead == LeadRole::Headteacher || informed.contains(&Informed::Headteacher))));
            let both_out = matter.parties.contains(&Party::Dsl) && matter.parties.contains(&Party::DeputyDsl);
            prop_assert!(safeguarding.is_some() || both_out || !matter.child_involved);
        }
    }
}
