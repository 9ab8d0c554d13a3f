//! Service accounts in the database: how programs get in.

use std::net::IpAddr;

use chrono::Duration;
use diesel::prelude::*;
use ipnet::IpNet;
use subtle::ConstantTimeEq;

use super::digest;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::service_accounts;
use crate::db::types::{SchoolId, ServiceAccountId};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `service_accounts`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = service_accounts, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ServiceAccountRow {
    pub school_id: SchoolId,
    pub id: ServiceAccountId,
    pub client_id: String,
    pub name: String,
    pub secret_hash: String,
    /// Separated by spaces.
    pub permissions: String,
    pub created_at: Instant,
    pub revoked_at: Option<Instant>,
    /// Separated by spaces; none: from anywhere.
    pub allowed_networks: String,
    pub secret_rotated_at: Option<Instant>,
    /// The secret before the last rotation, and until when it works.
    pub previous_secret_hash: Option<String>,
    pub previous_secret_expires_at: Option<Instant>,
    /// When it last got a token.
    pub last_used_at: Option<Instant>,
    pub version: i64,
    pub updated_at: Instant,
}

impl ServiceAccountRow {
    /// A new account whose secret has this digest.
    pub fn new(school_id: SchoolId, name: String, permissions: &[String], secret: &str, now: Instant) -> Self {
        let id = ServiceAccountId::new();
        let mut permissions = permissions.to_vec();
        permissions.sort_unstable();
        permissions.dedup();
        Self {
            school_id,
            id,
            client_id: id.to_string(),
            name,
            secret_hash: digest(secret),
            permissions: permissions.join(" "),
            created_at: now,
            revoked_at: None,
            allowed_networks: String::new(),
            secret_rotated_at: None,
            previous_secret_hash: None,
            previous_secret_expires_at: None,
            last_used_at: None,
            version: 1,
            updated_at: now,
        }
    }

    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.permissions.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether it is one of the secrets that work now.
    fn opens(&self, secret: &str, now: Instant) -> bool {
        let given = digest(secret);
        let is = |hash: &str| bool::from(hash.as_bytes().ct_eq(given.as_bytes()));
        let previous = self.previous_secret_hash.as_deref().filter(|_| self.previous_secret_expires_at.is_some_and(|end| now < end));
        is(&self.secret_hash) | previous.is_some_and(is)
    }

    /// Puts a new secret in place; the one before goes on working for `grace`, the one before that no longer.
    pub fn rotate(&mut self, secret: &str, grace: Duration, now: Instant) {
        let before = std::mem::replace(&mut self.secret_hash, digest(secret));
        let kept = grace > Duration::zero();
        self.previous_secret_hash = kept.then_some(before);
        self.previous_secret_expires_at = kept.then(|| now + grace);
        self.secret_rotated_at = Some(now);
    }
}

/// Networks as one column holds them; none: from anywhere.
pub fn networks(column: &str) -> Vec<IpNet> {
    column.split(' ').filter_map(|network| network.parse().ok()).collect()
}

/// Whether a call from there is accepted.
pub fn admits(column: &str, from: IpAddr) -> bool {
    let from = from.to_canonical();
    column.is_empty() || networks(column).iter().any(|network| network.contains(&from))
}

/// The account that calls with this id and secret from there, marked as used; `None` where there is none in force.
///
/// # Errors
/// Where the database gives none.
pub fn authenticate(tx: &mut Conn, client_id: &str, secret: &str, from: IpAddr, now: Instant) -> QueryResult<Option<ServiceAccountRow>> {
    let found: Option<ServiceAccountRow> = service_accounts::table
        .filter(service_accounts::client_id.eq(client_id))
        .filter(service_accounts::revoked_at.is_null())
        .select(ServiceAccountRow::as_select())
        .first(tx)
        .optional()?;
    let Some(row) = found.filter(|row| row.opens(secret, now) && admits(&row.allowed_networks, from)) else { return Ok(None) };
    // No change of the account itself: its version stays.
    diesel::update(service_accounts::table.find((row.school_id, row.id))).set(service_accounts::last_used_at.eq(now)).execute(tx)?;
    Ok(Some(row))
}

/// The account.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: ServiceAccountId) -> Result<ServiceAccountRow, Problem> {
    let row = service_accounts::table.find((school, id)).select(ServiceAccountRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of accounts, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, window: &Window<ServiceAccountId>) -> QueryResult<Vec<ServiceAccountRow>> {
    let mut query = service_accounts::table
        .filter(service_accounts::school_id.eq(school))
        .order(service_accounts::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(service_accounts::id.gt(after));
    }
    query.select(ServiceAccountRow::as_select()).load(conn)
}

/// Stores a new account.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ServiceAccountRow) -> QueryResult<()> {
    diesel::insert_into(service_accounts::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed account under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ServiceAccountRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let account = service_accounts::table.find((row.school_id, row.id)).filter(service_accounts::version.eq(read));
    precondition::saved(diesel::update(account).set(row).execute(tx)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_without_networks_calls_from_anywhere_and_one_with_from_there_alone() {
        let from = |address: &str| address.parse().unwrap();
        assert!(admits("", from("203.0.113.9")));
        let column = "10.0.0.0/8 2001:db8::/32";
        for (address, admitted) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("2001:db8::1", true), ("11.0.0.1", false), ("2001:db9::1", false)]
        {
            assert_eq!(admits(column, from(address)), admitted, "{address}");
        }
    }
}
