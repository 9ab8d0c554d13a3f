//! Who waits for the next commit.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

/// Announces commits to whoever waits for one under the same lock.
#[derive(Default)]
pub struct Commits(Mutex<HashMap<Uuid, watch::Sender<()>>>);

impl Commits {
    fn waiting(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees every commit under `lock` from now on.
    pub fn subscribe(&self, lock: Uuid) -> watch::Receiver<()> {
        self.waiting().entry(lock).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Wakes those who wait for a commit under `lock`.
    pub fn announce(&self, lock: Uuid) {
        let mut waiting = self.waiting();
        if waiting.get(&lock).is_some_and(|sender| sender.send(()).is_err()) {
            waiting.remove(&lock);
        }
    }

    /// The locks under which somebody waits.
    pub fn awaited(&self) -> Vec<Uuid> {
        let mut waiting = self.waiting();
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        waiting.keys().copied().collect()
    }
}
