//! Which policies a school has (CTX-3), and which of them somebody must have acknowledged to run an account (ELIG-1).

use std::collections::{BTreeMap, BTreeSet};

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use super::roles::{PersonKind, Role, is_staff};
use crate::words::words;

words! {
    /// What a policy is about; a school has one of each at the most (CTX-3).
    pub enum PolicyKind {
        SocialMedia, ESafety,
        /// The acceptable use agreement of staff, volunteers and governors.
        AupStaff,
        AupParent, AupPupil, Media, Images, Complaints, Disciplinary, DataProtection,
    }
}

/// What each policy of a school depends on.
pub type Dependencies = BTreeMap<PolicyKind, Vec<PolicyKind>>;

/// All that a policy depends on, whatever lies between.
fn reach(from: PolicyKind, depends_on: &Dependencies) -> BTreeSet<PolicyKind> {
    let mut reached = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(kind) = ahead.pop() {
        ahead.extend(depends_on.get(&kind).into_iter().flatten().filter(|next| reached.insert(**next)));
    }
    reached
}

/// A policy does not depend on itself, nor on one that depends on it (CTX-3).
///
/// # Errors
/// Where it would.
pub fn depends_soundly(kind: PolicyKind, depends_on: &Dependencies) -> Result<(), Refusal> {
    if reach(kind, depends_on).contains(&kind) {
        let cure = "Leave out the policy itself and those that depend on it.";
        let violation = Violation::new(Clause::Ctx3, "The policy would depend on itself.", cure).at("/depends_on");
        return Err(Refusal::new(Grounds::NotAcceptable, violation));
    }
    Ok(())
}

/// What somebody must have acknowledged to run an account (ELIG-1, ELIG-2): the social media policy, and what it
/// depends on as far as that is `published` and is meant for them (CTX-3).
pub fn required(person: PersonKind, roles: &[Role], depends_on: &Dependencies, published: &BTreeSet<PolicyKind>) -> BTreeSet<PolicyKind> {
    let meant_for = |kind: &PolicyKind| match kind {
        PolicyKind::AupStaff => matches!(person, PersonKind::Staff | PersonKind::Volunteer | PersonKind::Governor) || is_staff(roles),
        PolicyKind::AupParent => person == PersonKind::ParentCarer,
        PolicyKind::AupPupil => false,
        _ => true,
    };
    let mut required = reach(PolicyKind::SocialMedia, depends_on);
    required.retain(|kind| published.contains(kind) && meant_for(kind));
    required.insert(PolicyKind::SocialMedia);
    required
}

#[cfg(test)]
mod tests {
    use PolicyKind::{AupParent, AupPupil, AupStaff, Complaints, DataProtection, ESafety, Images, Media, SocialMedia};
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;

    fn dependencies(pairs: &[(PolicyKind, &[PolicyKind])]) -> Dependencies {
        pairs.iter().map(|(kind, on)| (*kind, on.to_vec())).collect()
    }

    #[test]
    fn each_acknowledges_what_is_meant_for_them() {
        let depends_on = dependencies(&[(SocialMedia, &[ESafety, AupStaff, AupParent, AupPupil]), (ESafety, &[DataProtection])]);
        let published: BTreeSet<PolicyKind> = PolicyKind::iter().collect();
        let of = |person, roles: &[Role]| required(person, roles, &depends_on, &published).into_iter().collect::<Vec<_>>();
        let staff = [SocialMedia, ESafety, AupStaff, DataProtection];
        assert_eq!(of(PersonKind::Staff, &[Role::Staff]), staff);
        assert_eq!(of(PersonKind::Volunteer, &[Role::Volunteer]), staff);
        assert_eq!(of(PersonKind::Governor, &[Role::Governor]), staff);
        assert_eq!(of(PersonKind::ParentCarer, &[Role::ParentCarer]), [SocialMedia, ESafety, AupParent, DataProtection]);
        assert_eq!(of(PersonKind::ParentCarer, &[Role::Staff]), [SocialMedia, ESafety, AupStaff, AupParent, DataProtection]);
        assert_eq!(of(PersonKind::Visitor, &[]), [SocialMedia, ESafety, DataProtection]);
    }

    #[test]
    fn only_what_is_published_can_be_acknowledged_and_the_social_media_policy_is_always_asked_for() {
        let depends_on = dependencies(&[(SocialMedia, &[ESafety]), (ESafety, &[Images]), (Media, &[Complaints])]);
        let of = |published: &[PolicyKind]| {
            let published = published.iter().copied().collect();
            required(PersonKind::Staff, &[], &depends_on, &published).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [SocialMedia]);
        assert_eq!(of(&[SocialMedia, ESafety, Media, Complaints]), [SocialMedia, ESafety]);
        assert_eq!(of(&[SocialMedia, Images]), [SocialMedia, Images], "through one that is not published yet");
    }

    #[test]
    fn a_circle_is_found_however_long() {
        let sound = |kind, pairs: &[(PolicyKind, &[PolicyKind])]| depends_soundly(kind, &dependencies(pairs)).is_ok();
        assert!(sound(SocialMedia, &[(SocialMedia, &[ESafety, Images]), (ESafety, &[Images])]));
        assert!(!sound(SocialMedia, &[(SocialMedia, &[SocialMedia])]));
        assert!(!sound(ESafety, &[(SocialMedia, &[ESafety]), (ESafety, &[Images]), (Images, &[SocialMedia])]));
    }

    proptest! {
        #[test]
        fn what_only_depends_on_later_kinds_has_no_circle(edges in prop::collection::vec((0_usize..10, 0_usize..10), 0..30)) {
            let kinds: Vec<PolicyKind> = PolicyKind::iter().collect();
            let mut depends_on = Dependencies::new();
            for (from, to) in edges.into_iter().filter(|(from, to)| from < to) {
                depends_on.entry(kinds[from]).or_default().push(kinds[to]);
            }
            for kind in kinds {
                prop_assert!(depends_soundly(kind, &depends_on).is_ok());
                for reached in reach(kind, &depends_on) {
                    let mut back = depends_on.clone();
                    back.entry(reached).or_default().push(kind);
                    prop_assert!(depends_soundly(kind, &back).is_err() && depends_soundly(reached, &back).is_err());
                }
            }
        }
    }
}
