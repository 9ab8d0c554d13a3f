//! The vault: what must not be read where it is stored (R-IT-2). Each secret is sealed under a random key of its own,
//! and that key under a master key, which is never in the database. Without the master key the service runs, and all
//! but the vault works.

mod current;
pub mod keyring;
mod seal;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::Instant;
use crate::config::Storage;
use crate::db::types::CredentialId;
use crate::db::{Db, DbError};
use crate::problem::Problem;

pub use current::{adopt, current, ever_current, make_current, sealing_key};
pub use keyring::{Keyring, MasterKey, Source};
pub use seal::{Label, Sealed, open, reseal, seal};

/// A command that gives no usable key is not asked again at each request.
const BETWEEN_COMMANDS: Duration = Duration::from_secs(30);

/// Why a secret stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault is sealed: {0}")]
    Locked(String),
    #[error("the sealed secret {0} was altered or moved: it does not open under its own master key")]
    Damaged(CredentialId),
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

/// The master keys of a running service, and where they come from.
pub struct Vault {
    source: Source,
    ring: RwLock<Arc<Keyring>>,
    /// One reads at a time.
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    last: Option<std::time::Instant>,
    /// Why that gave no keyring.
    failed: Option<String>,
    /// What was said in the log, so that it is said once.
    warned: Option<String>,
}

impl Vault {
    /// Without any key as yet: [`Self::refresh`] reads them.
    pub fn new(storage: &Storage) -> Self {
        Self { source: Source::of(storage), ring: RwLock::default(), reading: Mutex::default() }
    }

    /// The keys as they were read last.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the keys, at the start and when a secret or the database names one that is not at hand. Where the
    /// database names none yet, the first one becomes current. A keyring that cannot be read is no reason not to
    /// run: the log says once what is wrong.
    ///
    /// # Errors
    /// Where the database gives none.
    pub async fn refresh(&self, db: &Db, now: Instant) -> Result<(), Problem> {
        let mut reading = self.reading.lock().await;
        let again = reading.last.is_none_or(|last| last.elapsed() >= BETWEEN_COMMANDS);
        if again || matches!(self.source, Source::File(_)) {
            reading.last = Some(std::time::Instant::now());
            let source = self.source.clone();
            reading.failed = match tokio::task::spawn_blocking(move || source.read()).await.map_err(|_| DbError::Panicked)? {
                Ok(ring) => {
                    *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
                    None
                }
                Err(why) => Some(why),
            };
        }
        let ring = self.keyring();
        let named = db.read(|conn| current(conn).map_err(Problem::from)).await?;
        let named = match (named, ring.first()) {
            (None, Some(first)) => {
                let first = first.id().to_owned();
                Some(db.write(uuid::Uuid::nil(), move |tx| adopt(tx, &first, now).map_err(Problem::from)).await?)
            }
            (named, _) => named,
        };
        let mut wrong = reading.failed.clone();
        if wrong.is_none() && named.is_some_and(|id| ring.get(&id).is_none()) {
            wrong = Some("the master key under which this database seals is not in the keyring".to_owned());
        }
        if let Some(why) = wrong.as_ref().filter(|_| reading.warned != wrong) {
            tracing::warn!(why, "the vault is sealed; everything else works");
        }
        reading.warned = wrong;
        Ok(())
    }
}
