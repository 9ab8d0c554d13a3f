//! Who is who in the school (decisions, section 5). What a role may do is said in `access/permissions.rs` alone.

use chrono::NaiveDate;

use crate::words::words;

words! {
    /// A role out of the policy's split of duties. A person may have several: rights add up.
    pub enum Role {
        Headteacher, LeadershipTeam, ItTechnician, Staff, Volunteer, ParentCarer, Pupil, Governor,
        ChairOfGovernors, Dsl, DeputyDsl, Dpo,
        /// The service account of a school's management information system; never a person's.
        MisIntegration,
    }

    /// What a person is to the school, whatever their duties.
    pub enum PersonKind {
        /// Employed by the school or contracted to work as its staff.
        Staff,
        Volunteer, ParentCarer, Pupil, Governor, Visitor,
    }
}

impl Role {
    /// Granted only by a person who holds a granting role, or on the command line (decisions, section 5).
    pub const fn is_privileged(self) -> bool {
        matches!(self, Self::Headteacher | Self::ItTechnician | Self::Dsl | Self::DeputyDsl | Self::ChairOfGovernors | Self::Dpo)
    }

    /// Whoever gets in as its holder can do a headteacher's or another guarded duty: privileged, or open to the
    /// headteacher's delegation (A10). Who may hand out a way in, or record that they leave, is limited by it.
    pub const fn is_guarded(self) -> bool {
        self.is_privileged() || matches!(self, Self::LeadershipTeam)
    }

    /// May grant privileged roles to others (decisions, section 5).
    pub const fn grants_privileged(self) -> bool {
        matches!(self, Self::Headteacher | Self::ChairOfGovernors)
    }

    /// Whether somebody of this kind can have the role at all.
    pub const fn suits(self, kind: PersonKind) -> bool {
        match self {
            Self::Headteacher | Self::LeadershipTeam | Self::ItTechnician | Self::Staff | Self::Dsl | Self::DeputyDsl => {
                matches!(kind, PersonKind::Staff)
            }
            Self::Pupil => matches!(kind, PersonKind::Pupil),
            // The data protection officer is often an outside service.
            Self::Volunteer | Self::ParentCarer | Self::Governor | Self::ChairOfGovernors | Self::Dpo => !matches!(kind, PersonKind::Pupil),
            Self::MisIntegration => false,
        }
    }
}

/// Whether somebody with these roles can deal with what neither headteacher nor chair of governors can (R-HT-3).
pub fn can_be_escalation_contact(roles: &[Role]) -> bool {
    roles.contains(&Role::Governor) && !roles.iter().any(|role| matches!(role, Role::Headteacher | Role::ChairOfGovernors))
}

/// Whether somebody with these roles is a member of staff: employees, the head and IT included (A13).
pub fn is_staff(roles: &[Role]) -> bool {
    use Role::{DeputyDsl, Dsl, Headteacher, ItTechnician, LeadershipTeam, Staff};
    roles.iter().any(|role| matches!(role, Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl))
}

/// Whether somebody is a parent or carer, whatever else they are.
pub fn is_parent(kind: PersonKind, roles: &[Role]) -> bool {
    kind == PersonKind::ParentCarer || roles.contains(&Role::ParentCarer)
}

/// Whether somebody with this leaving date has left; the date is the first day away.
pub fn has_left(left_on: Option<NaiveDate>, today: NaiveDate) -> bool {
    left_on.is_some_and(|day| day <= today)
}
