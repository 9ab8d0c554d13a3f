//! Who may know of a low-level concern about somebody who works with the school (decisions, section 3, rule 10;
//! KCSIE, part four).

use super::roles::{PersonKind, Role, is_staff};

/// Concerns about the same person from which on they are a pattern, where the school does not say.
pub const PATTERN_AT: i32 = 3;

/// What the one is in the school whom a concern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub head: bool,
    pub dsl: bool,
}

impl About {
    /// Everybody is one of these.
    pub const ALL: [Self; 4] = [
        Self { head: false, dsl: false },
        Self { head: false, dsl: true },
        Self { head: true, dsl: false },
        Self { head: true, dsl: true },
    ];
}

/// Headteacher and designated safeguarding lead see concerns, but none about the one or the other who holds their own
/// duty: those about the head are seen by the chair of governors, those about the lead by the deputy. That nobody sees
/// those about themselves goes beyond their roles, and is said where the person is known.
pub fn may_see(reader: &[Role], about: About) -> bool {
    let is = |role| reader.contains(&role);
    let conflicted = about.head && is(Role::Headteacher) || about.dsl && is(Role::Dsl);
    let stands_in = about.head && is(Role::ChairOfGovernors) || about.dsl && is(Role::DeputyDsl);
    !conflicted && (is(Role::Headteacher) || is(Role::Dsl) || stands_in)
}

/// A concern is about somebody who works with the school, for pay or not: never about a pupil, nor about a parent who
/// is nothing else.
pub fn can_be_about(kind: PersonKind, roles: &[Role]) -> bool {
    match kind {
        PersonKind::Pupil => false,
        PersonKind::ParentCarer => {
            is_staff(roles) || roles.iter().any(|role| matches!(role, Role::Volunteer | Role::Governor | Role::ChairOfGovernors))
        }
        PersonKind::Staff | PersonKind::Volunteer | PersonKind::Governor | PersonKind::Visitor => true,
    }
}

#[cfg(test)]
mod tests {
    use Role::{ChairOfGovernors, DeputyDsl, Dpo, Dsl, Governor, Headteacher, LeadershipTeam, Staff, Volunteer};

    use super::*;

    #[test]
    fn who_sees_concerns_about_whom() {
        let [anybody, dsl, head, both] = About::ALL;
        for (reader, seen) in [
            (&[Headteacher][..], vec![anybody, dsl]),
            (&[Dsl], vec![anybody, head]),
            (&[ChairOfGovernors], vec![head, both]),
            (&[DeputyDsl], vec![dsl, both]),
            // In a small school the head is the safeguarding lead too.
            (&[Headteacher, Dsl], vec![anybody]),
            (&[Headteacher, ChairOfGovernors], vec![anybody, dsl]),
            (&[Staff, LeadershipTeam, Dpo, Governor], vec![]),
            (&[], vec![]),
        ] {
            let found: Vec<About> = About::ALL.into_iter().filter(|about| may_see(reader, *about)).collect();
            assert_eq!(found, seen, "{reader:?}");
        }
    }

    #[test]
    fn a_concern_is_about_those_who_work_with_the_school() {
        for kind in [PersonKind::Staff, PersonKind::Volunteer, PersonKind::Governor, PersonKind::Visitor] {
            assert!(can_be_about(kind, &[]), "{kind}");
        }
        assert!(can_be_about(PersonKind::ParentCarer, &[Role::ParentCarer, Volunteer]));
        assert!(!can_be_about(PersonKind::ParentCarer, &[Role::ParentCarer]) && !can_be_about(PersonKind::Pupil, &[Role::Pupil]));
    }
}
