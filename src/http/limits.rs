//! How many requests a caller may make: per person or service, per address where there is no token, and a small
//! bucket of its own for the token endpoint, and one for reports without a token.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Caller(Uuid),
    Address(IpAddr),
}

impl Key {
    /// An address; of IPv6 the network that one subscriber has (/64).
    pub fn address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

type Limiter = RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

/// One bucket per key.
pub struct Limit {
    limiter: Limiter,
    per_minute: NonZeroU32,
    clock: DefaultClock,
}

impl Limit {
    fn new(per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute)).with_middleware();
        Self { limiter, per_minute, clock: DefaultClock::default() }
    }

    /// Counts a request. The two values are for the `RateLimit` and `RateLimit-Policy` headers
    /// (draft-ietf-httpapi-ratelimit-headers).
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub fn count(&self, key: Key) -> Result<(String, String), Problem> {
        match self.limiter.check_key(&key) {
            Ok(state) => {
                Ok((format!("\"default\";r={};t=60", state.remaining_burst_capacity()), format!("\"default\";q={};w=60", self.per_minute)))
            }
            Err(until) => {
                let seconds = until.wait_time_from(self.clock.now()).as_secs() + 1;
                Err(Problem::new(Code::RateLimited).retry_after(seconds))
            }
        }
    }

    /// Forgets keys that have their whole bucket back.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
    }
}

/// The buckets of the service.
pub struct Limits {
    pub general: Limit,
    pub login: Limit,
    /// Reports without a token: apart from logins, so that neither keeps the other out.
    pub reports: Limit,
}

impl Limits {
    pub fn new(per_minute: NonZeroU32) -> Self {
        let small = NonZeroU32::new(per_minute.get() / 10).unwrap_or(per_minute);
        Self { general: Limit::new(per_minute), login: Limit::new(small), reports: Limit::new(small) }
    }
}
