//! Who does what with an endpoint, and when a delivery is tried again.

use chrono::Duration;

use crate::words::words;

words! {
    /// Whether events are delivered there.
    pub enum WebhookEndpointState { Enabled, Disabled }

    /// Why nothing is delivered there any more.
    pub enum DisabledReason {
        /// Somebody wished so.
        Requested,
        /// The receiver answered 410.
        ReceiverGone,
        /// A delivery was tried for the last time.
        DeliveriesFailed,
        /// Whoever made it is gone, or may not follow events any more.
        OwnerNotPermitted,
        /// Its secret does not open any more: rotate it, then enable it.
        SecretDamaged,
    }

    /// What can be done with an endpoint.
    pub enum WebhookEndpointAction { Edit, RotateSecret, Disable, Enable, Replay }

    /// Where a delivery stands.
    pub enum WebhookDeliveryState {
        /// An earlier one on the same thing comes first.
        Waiting,
        /// To be tried at its time.
        Pending,
        Delivered,
        /// Not tried any more, until the endpoint is enabled again.
        Failed,
    }

    /// Why an attempt failed.
    pub enum DeliveryError {
        /// The address is, or leads to, an internal one.
        AddressRefused,
        NoConnection,
        TimedOut,
        /// The connection broke before there was an answer.
        NoAnswer,
        Redirected,
        /// Another answer than 2xx.
        NotAccepted,
        /// 410: not wanted any more.
        Gone,
        /// It could not be signed.
        NotSent,
    }
}

/// For how long the secret before a rotation goes on signing.
pub const GRACE: Duration = Duration::hours(24);
/// How many endpoints of a school are enabled at a time at the most.
pub const MOST: i64 = 50;

/// How long after each failed attempt the next one follows (Standard Webhooks 1.0), in seconds.
const PAUSES: [i64; 9] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/// How long to wait after so many attempts, `chance` (of 256) of a tenth longer so that those who failed together do not
/// come back together; `None` after the last.
pub fn pause(attempts: i32, chance: u8) -> Option<Duration> {
    let pause = PAUSES.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    Some(Duration::milliseconds(pause * 1000 + pause * 100 * i64::from(chance) / 256))
}

/// What can be done with an endpoint by somebody who manages endpoints. What it delivers is what its owner may read: so
/// others than the owner stop it, and do nothing else with it.
pub fn allowed(state: WebhookEndpointState, manages: bool, owns: bool) -> Vec<WebhookEndpointAction> {
    use WebhookEndpointAction::{Disable, Edit, Enable, Replay, RotateSecret};
    match (state, manages, owns) {
        (_, false, _) | (WebhookEndpointState::Disabled, _, false) => Vec::new(),
        (WebhookEndpointState::Enabled, _, false) => vec![Disable],
        (WebhookEndpointState::Enabled, _, true) => vec![Edit, RotateSecret, Disable, Replay],
        (WebhookEndpointState::Disabled, _, true) => vec![Edit, RotateSecret, Enable],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_attempts_with_growing_pauses_and_a_little_chance() {
        let hours = |hours| Duration::hours(hours);
        assert_eq!(pause(1, 0), Some(Duration::seconds(5)));
        assert_eq!(pause(2, 0), Some(Duration::minutes(5)));
        assert_eq!(pause(4, 0), Some(hours(2)));
        assert_eq!(pause(9, 0), Some(hours(24)));
        assert_eq!((pause(10, 0), pause(0, 0)), (None, None));
        assert!(pause(9, 255) > Some(hours(26)) && pause(9, 255) < Some(hours(24) * 11 / 10));
    }
}
