//! Who counts as what, and who may grant which role.

use crate::policy::roles::Role;

/// Whether somebody with these roles is a member of staff: employees, the head and IT included (A13).
pub fn is_staff(roles: &[Role]) -> bool {
    use Role::{DeputyDsl, Dsl, Headteacher, ItTechnician, LeadershipTeam, Staff};
    roles.iter().any(|role| matches!(role, Headteacher | LeadershipTeam | ItTechnician | Staff | Dsl | DeputyDsl))
}
