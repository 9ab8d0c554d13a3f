//! Who waits for events: woken by a commit for their school, whichever instance made it, and sent away when the service
//! stops.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web;
use diesel::prelude::*;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::State;
use crate::db::Db;
use crate::db::schema::event_heads;
use crate::db::types::SchoolId;
use crate::problem::{Code, Problem};

/// How many places one caller holds at a time.
const PLACES: usize = 20;
/// How soon the commits of other instances are seen.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// Why somebody who waited was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something was committed for the school.
    News,
    /// The time is up.
    Late,
    /// The service stops.
    Closing,
}

/// Everybody who waits.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Inner>);

struct Inner {
    closing: watch::Sender<bool>,
    held: Mutex<HashMap<String, usize>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { closing: watch::Sender::new(false), held: Mutex::default() }
    }
}

impl Waiting {
    /// A place to wait at for the commits of a school from now on.
    ///
    /// # Errors
    /// 429 where the caller holds too many.
    pub fn admit(&self, db: &Db, school: SchoolId, who: String) -> Result<Place, Problem> {
        let mut all = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(who.clone()).or_default();
        if *held >= PLACES {
            return Err(Problem::new(Code::RateLimited).detail("Too many requests of this caller wait for events already.").retry_after(5));
        }
        *held += 1;
        Ok(Place { waiting: self.clone(), who, commits: db.commits(school.uuid()), closing: self.0.closing.subscribe() })
    }

    /// Sees when the service stops.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.0.closing.subscribe()
    }

    /// Sends everybody away: a request that waits would hold up the end of the service.
    pub fn close(&self) {
        self.0.closing.send_replace(true);
    }
}

/// One who waits.
pub struct Place {
    waiting: Waiting,
    who: String,
    commits: watch::Receiver<()>,
    closing: watch::Receiver<bool>,
}

impl Place {
    /// Waits for a commit since the last call, or since the place was taken, but not for longer than `until`.
    pub async fn wait(&mut self, until: Instant) -> Woken {
        tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => Woken::Closing,
            () = tokio::time::sleep_until(until) => Woken::Late,
            _ = self.commits.changed() => Woken::News,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.waiting.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get_mut(&self.who) {
            *held -= 1;
            if *held == 0 {
                all.remove(&self.who);
            }
        }
    }
}

/// Watches the heads of the logs for which somebody waits here, for what another instance or a command has committed.
pub fn spawn(state: web::Data<State>) {
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(ELSEWHERE);
        let mut seen: HashMap<SchoolId, i64> = HashMap::new();
        loop {
            interval.tick().await;
            let awaited: Vec<SchoolId> = state.db.awaited().into_iter().map(SchoolId::from).collect();
            let schools: HashSet<SchoolId> = awaited.iter().copied().collect();
            seen.retain(|school, _| schools.contains(school));
            if awaited.is_empty() {
                continue;
            }
            let heads = state.db.read(move |conn| {
                let heads = event_heads::table.filter(event_heads::school_id.eq_any(awaited));
                Ok::<Vec<(SchoolId, i64)>, Problem>(heads.select((event_heads::school_id, event_heads::number)).load(conn)?)
            });
            // A database that is out of reach has no news.
            for (school, number) in heads.await.unwrap_or_default() {
                if seen.insert(school, number) != Some(number) {
                    state.db.announce(school.uuid());
                }
            }
        }
    });
}
