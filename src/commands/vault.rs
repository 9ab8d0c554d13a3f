//! `weald vault`: makes the master key, proves that every secret opens, and changes the master key while the service
//! runs.

use std::fs::TryLockError;
use std::path::Path;

use clap::Subcommand;
use uuid::Uuid;
use weald::clock::Clock;
use weald::config::{Storage, private_file};
use weald::db::Db;
use weald::db::types::{CredentialId, SchoolId};
use weald::events::chain;
use weald::resources::credentials::rows;
use weald::resources::webhook_endpoints::rows as webhooks;
use weald::vault::keyring;
use weald::vault::{self, Keyring, MasterKey, Source};

use super::Failure;

/// Secrets that one transaction or query deals with: requests wait for no longer than that.
const BATCH: i64 = 200;

#[derive(Subcommand)]
pub enum VaultCommand {
    /// Make the keyring with one new master key, for its owner alone; never in place of one
    Init {
        #[command(flatten)]
        storage: Storage,
    },
    /// Open every secret and say which do not open; fails if one does not
    Check {
        #[command(flatten)]
        storage: Storage,
    },
    /// Change the master key, while the service runs; killed at any point it can be run again
    Rotate {
        /// Go on although secrets are sealed under a master key that is lost: they will never open, and are to be stored anew
        #[arg(long)]
        abandon_lost: bool,
        #[command(flatten)]
        storage: Storage,
    },
}

pub async fn run(command: VaultCommand) -> Result<(), Failure> {
    match command {
        VaultCommand::Init { storage } => init(&storage),
        VaultCommand::Check { storage } => check(&storage).await,
        VaultCommand::Rotate { abandon_lost, storage } => rotate(&storage, abandon_lost).await,
    }
}

fn init(storage: &Storage) -> Result<(), Failure> {
    let source = Source::of(storage);
    let path = source.file()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
    }
    if !keyring::create(path)? {
        return Err(format!("there is a keyring {} already; `weald vault rotate` changes its key", path.display()).into());
    }
    println!("{}: one master key. Keep a copy of it apart from the backups: without it no secret opens.", path.display());
    Ok(())
}

async fn check(storage: &Storage) -> Result<(), Failure> {
    let ring = Source::of(storage).read()?;
    let db = super::open(storage)?;
    let (mut open, mut closed) = (0, 0);
    for school in schools(&db).await? {
        let (mut after, mut more) = (None, true);
        while more {
            let ring = ring.clone();
            let looked_at = db.read(move |conn| {
                let rows = rows::sealed(conn, school, after, None, BATCH)?;
                let why = |row: &rows::CredentialRow| row.open(&ring).err().map(|error| error.to_string());
                Ok::<_, Failure>(rows.iter().map(|row| (row.id, why(row))).collect::<Vec<_>>())
            });
            let looked_at = looked_at.await?;
            after = looked_at.last().map(|(id, _)| *id);
            // A short batch is the last one: what is stored meanwhile is not run after.
            more = i64::try_from(looked_at.len()) == Ok(BATCH);
            for (id, why) in looked_at {
                if let Some(why) = why {
                    closed += 1;
                    println!("credential {id} of school {school} does not open: {why}");
                } else {
                    open += 1;
                }
            }
        }
    }
    for school in schools(&db).await? {
        for secret in db.read(move |conn| webhooks::all_secrets(conn, school).map_err(Failure::from)).await? {
            match secret.open(&ring) {
                Ok(_) => open += 1,
                Err(why) => {
                    closed += 1;
                    println!("secret {} of webhook endpoint {} of school {school} does not open: {why}", secret.number, secret.endpoint_id);
                }
            }
        }
    }
    println!("{open} secrets open, {closed} do not");
    if closed == 0 { Ok(()) } else { Err(format!("{closed} secrets do not open").into()) }
}

async fn rotate(storage: &Storage, abandon_lost: bool) -> Result<(), Failure> {
    let source = Source::of(storage);
    let path = source.file()?;
    // One at a time; the system lets the lock go however this ends.
    let lock = private_file(&path.with_extension("lock")).map_err(|error| format!("cannot lock the keyring: {error}"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err("another rotation is under way".into()),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let db = super::open(storage)?;
    let ring = source.read()?;
    let in_use = keys_in_use(&db).await?;
    if let Some(lost) = in_use.iter().find(|id| !abandon_lost && ring.get(id).is_none()) {
        let path = path.display();
        return Err(format!("secrets are sealed under the master key {lost}, which is not in {path}: add it, or see --abandon-lost").into());
    }
    begin(&db, path, &ring).await?;

    // The service has both keys from here on: it reads the file again when it meets the new one.
    let ring = source.read()?;
    let mut resealed = 0;
    for school in schools(&db).await? {
        resealed += reseal(&db, &ring, school).await?;
    }
    let current = db.read(|conn| vault::current(conn).map_err(Failure::from)).await?.ok_or("the database names no master key")?;
    let left = keys_in_use(&db).await?;
    if left.iter().any(|id| *id != current && ring.get(id).is_some()) {
        return Err("some secrets do not open, so the old key stays: see `weald vault check`, store those anew, and run this again".into());
    }
    keyring::keep_only(path, &current)?;
    println!("{resealed} secrets sealed anew under the master key {current}; the old one is out of {}", path.display());
    Ok(())
}

/// Makes another key current: one that was put into the keyring and has never sealed, else a new one. Where a rotation
/// was interrupted its key is current already, and the keyring still has the old one: that one is finished.
async fn begin(db: &Db, path: &Path, ring: &Keyring) -> Result<(), Failure> {
    let ever = db.read(|conn| vault::ever_current(conn).map_err(Failure::from)).await?;
    let has_sealed = |key: &MasterKey| ever.iter().any(|id| id == key.id());
    let next = if let Some(waiting) = ring.iter().find(|key| !has_sealed(key)) {
        waiting.id().to_owned()
    } else if ring.iter().count() > 1 {
        println!("finishing the rotation that was begun before");
        return Ok(());
    } else {
        let new = MasterKey::random();
        keyring::add(path, &new)?;
        new.id().to_owned()
    };
    let now = Clock::System.now();
    db.write(Uuid::nil(), move |tx| vault::make_current(tx, &next, now).map_err(Failure::from)).await
}

async fn reseal(db: &Db, ring: &Keyring, school: SchoolId) -> Result<usize, Failure> {
    let (mut after, mut total): (Option<CredentialId>, usize) = (None, 0);
    loop {
        let ring = ring.clone();
        // Under the school's lock: who seals meanwhile has read which key is current before, and is found here, or after.
        let dealt = db.write(school.uuid(), move |tx| {
            rows::reseal(tx, &ring, school, after, BATCH).map_err(|error| Failure::from(error.to_string()))
        });
        let Some((last, resealed)) = dealt.await? else { break };
        after = Some(last);
        total += resealed;
    }
    let ring = ring.clone();
    let of_webhooks =
        db.write(school.uuid(), move |tx| webhooks::reseal(tx, &ring, school).map_err(|error| Failure::from(error.to_string())));
    Ok(total + of_webhooks.await?)
}

/// The ids of the master keys under which anything is sealed.
async fn keys_in_use(db: &Db) -> Result<Vec<String>, Failure> {
    db.read(|conn| Ok::<_, Failure>([rows::master_keys_in_use(conn)?, webhooks::master_keys_in_use(conn)?].concat())).await
}

async fn schools(db: &Db) -> Result<Vec<SchoolId>, Failure> {
    let schools = db.read(|conn| chain::schools_on_file(conn).map_err(Failure::from)).await?;
    Ok(schools.into_iter().map(|(school, _)| school).collect())
}
