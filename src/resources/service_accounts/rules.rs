//! What a service account may be given, and by whom.

use chrono::Duration;

use crate::access::permissions::{self, Permission, ReadEventHead, Row};
use crate::policy::roles::Role;
use crate::words::words;

words! {
    /// Where a service account stands.
    pub enum ServiceAccountState { Active, Revoked }

    /// What can be done with a service account.
    pub enum ServiceAccountAction { Edit, RotateSecret, Revoke }
}

/// How long the secret before a rotation goes on working where the caller does not say.
pub const GRACE: Duration = Duration::hours(24);

/// Whether a service account can hold a permission at all.
pub fn grantable(row: &Row) -> bool {
    row.held_by(&[Role::MisIntegration], false).is_some_and(|held| !held.own)
}

/// The permissions that a service account can hold.
pub fn all_grantable() -> impl Iterator<Item = &'static str> {
    permissions::ALL.iter().filter(|row| grantable(row)).map(|row| row.scope)
}

/// Whether somebody with these roles may put a permission into a program's hands, or get hold of a secret that carries
/// it: the headteacher any, others what they hold themselves for the whole school. Otherwise whoever manages service
/// accounts could give themselves any duty by way of one. The head of the log counts what is hidden from each of them:
/// `weald service add` alone hands it out.
pub fn may_hand_out(roles: &[Role], scope: &str) -> bool {
    if scope == ReadEventHead::ROW.scope {
        return false;
    }
    roles.contains(&Role::Headteacher) || permissions::row(scope).and_then(|row| row.held_by(roles, false)).is_some_and(|held| !held.own)
}

/// What can be done with the account by somebody who manages service accounts.
pub fn allowed(revoked: bool, manages: bool, may_hold_secret: bool) -> Vec<ServiceAccountAction> {
    use ServiceAccountAction::{Edit, Revoke, RotateSecret};
    match (revoked || !manages, may_hold_secret) {
        (true, _) => Vec::new(),
        (_, true) => vec![Edit, RotateSecret, Revoke],
        (_, false) => vec![Edit, Revoke],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_head_hands_out_what_they_do_not_hold() {
        assert!(may_hand_out(&[Role::Headteacher], "training:record"));
        assert!(may_hand_out(&[Role::ItTechnician], "people:manage"));
        assert!(!may_hand_out(&[Role::ItTechnician], "training:record"));
        assert!(!may_hand_out(&[Role::ItTechnician], "events:read"), "only their own");
        assert!(!may_hand_out(&[Role::ItTechnician], "no:such"));
        assert!(!may_hand_out(&[Role::Headteacher], "events:head"), "it counts what is hidden from them");
    }

    #[test]
    fn every_permission_that_a_service_can_hold_is_for_the_whole_school() {
        assert!(all_grantable().any(|scope| scope == "people:manage"));
        assert!(!all_grantable().any(|scope| scope == "business-cases:decide"));
    }
}
