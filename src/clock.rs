//! The time, from one place: nothing else in the program asks the system for it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Datelike, Duration, SubsecRound, Timelike, Utc};
use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use serde::{Deserialize, Deserializer, Serialize};

use crate::db::types::sql;

/// How far apart the clocks of two instances of the program may be before one takes what the other holds.
pub const SKEW: Duration = Duration::minutes(5);

/// An instant, in microseconds: no finer, so that it reads back from either database as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Instant)]
#[serde(transparent)]
pub struct Instant(DateTime<Utc>);

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(6))
    }
}

/// RFC 3339 knows the years 0 to 9999, and so do both databases.
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        // No leap second: what is stored could not give it back.
        let at = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc()).filter(|at| at.nanosecond() < 1_000_000_000);
        let at = at.filter(|at| (0..=9999).contains(&at.year()));
        at.map(Self::from).ok_or_else(|| serde::de::Error::custom("not an instant of RFC 3339"))
    }
}

impl std::ops::Deref for Instant {
    type Target = DateTime<Utc>;
    fn deref(&self) -> &DateTime<Utc> {
        &self.0
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;
    /// Stays at the last instant there is where the sum would lie behind it.
    fn add(self, duration: Duration) -> Self {
        self.0.checked_add_signed(duration).unwrap_or(DateTime::<Utc>::MAX_UTC).into()
    }
}

impl std::ops::Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.0 - earlier.0
    }
}

impl utoipa::PartialSchema for Instant {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::http::schema::instant()
    }
}

impl utoipa::ToSchema for Instant {}

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    #[default]
    System,
    /// Stands where it was set (microseconds since 1970); for tests.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until it is set again.
    pub fn standing_at(now: Instant) -> Self {
        Self::Set(Arc::new(AtomicI64::new(now.timestamp_micros())))
    }

    /// Moves a standing clock; the system's clock cannot be moved.
    pub fn set(&self, now: Instant) {
        if let Self::Set(micros) = self {
            micros.store(now.timestamp_micros(), Ordering::SeqCst);
        }
    }

    pub fn now(&self) -> Instant {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            Self::System => Utc::now().into(),
            Self::Set(micros) => DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or_default().into(),
        }
    }
}
