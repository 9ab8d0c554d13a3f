//! Which master key seals now: the database says so, in the transaction that seals. What is sealed at all is sealed
//! under a key that was current at that moment.

use diesel::prelude::*;

use super::VaultError;
use super::keyring::{Keyring, MasterKey};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::vault_keys;

/// The id of the key that seals now, if there has been one yet.
///
/// # Errors
/// Where the database gives none.
pub fn current(conn: &mut Conn) -> QueryResult<Option<String>> {
    vault_keys::table.filter(vault_keys::is_current.eq(true)).select(vault_keys::id).first(conn).optional()
}

/// The ids of all keys that have sealed.
///
/// # Errors
/// Where the database gives none.
pub fn ever_current(conn: &mut Conn) -> QueryResult<Vec<String>> {
    vault_keys::table.select(vault_keys::id).load(conn)
}

/// The key that seals now.
///
/// # Errors
/// [`VaultError::Locked`] where it is not at hand, or none is named yet.
pub fn sealing_key<'r>(tx: &mut Conn, ring: &'r Keyring) -> Result<&'r MasterKey, VaultError> {
    let id = current(tx)?.ok_or_else(|| VaultError::Locked("there is no master key yet".into()))?;
    ring.find(&id)
}

/// Makes a key current where none is yet, and says which one is. Under the lock of the whole installation.
///
/// # Errors
/// Where the database gives none.
pub fn adopt(tx: &mut Conn, id: &str, now: Instant) -> QueryResult<String> {
    match current(tx)? {
        Some(named) => Ok(named),
        None => make_current(tx, id, now).map(|()| id.to_owned()),
    }
}

/// Makes another key current, from the next statement of any transaction on. Under the lock of the whole installation.
///
/// # Errors
/// Where the database gives none.
pub fn make_current(tx: &mut Conn, id: &str, now: Instant) -> QueryResult<()> {
    diesel::update(vault_keys::table.filter(vault_keys::is_current.eq(true))).set(vault_keys::is_current.eq(false)).execute(tx)?;
    diesel::insert_into(vault_keys::table)
        .values((vault_keys::id.eq(id), vault_keys::is_current.eq(true), vault_keys::since.eq(now)))
        .execute(tx)?;
    Ok(())
}
