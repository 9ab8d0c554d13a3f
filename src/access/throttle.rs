//! Slows guessing without locking the owner out.
//!
//! Failures are counted per account and address, and per account over all addresses; each count earns growing
//! waits. An address from which the owner has got in before is judged by its own count alone. What is counted
//! is the name that was typed, so an unknown user is treated like a known one.

use chrono::Duration;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::login_attempts::dsl::{account_hash, address_hash, blocked_until, failures, known_good, login_attempts, updated_at};

/// The row that counts an account over all addresses.
const EVERYWHERE: &str = "*";
/// Counts are forgotten after a day without a failure.
const MEMORY: Duration = Duration::hours(24);

/// Counts an attempt before it is evaluated, so that many at once do not slip through together.
///
/// # Errors
/// How long to wait, where there have been too many.
pub fn admit(conn: &mut Conn, now: Instant, account: &str, address: &str) -> QueryResult<Result<(), Duration>> {
    let (here, trusted) = count(conn, now, account, address)?;
    let (everywhere, _) = count(conn, now, account, EVERYWHERE)?;
    let wait = [Some(here), (!trusted).then_some(everywhere)].into_iter().flatten().filter_map(|(_, until)| until).max();
    if let Some(until) = wait.filter(|until| *until > now) {
        return Ok(Err(until - now));
    }
    store(conn, now, account, address, here.0 + 1, wait_after(here.0 + 1, 5, 20))?;
    store(conn, now, account, EVERYWHERE, everywhere.0 + 1, wait_after(everywhere.0 + 1, 50, 100))?;
    Ok(Ok(()))
}

/// The owner got in: the counts start anew, and the address is known as the owner's.
///
/// # Errors
/// Where the database gives none.
pub fn succeeded(conn: &mut Conn, now: Instant, account: &str, address: &str) -> QueryResult<()> {
    diesel::update(login_attempts.find((account, address)))
        .set((failures.eq(0), blocked_until.eq(None::<Instant>), known_good.eq(true), updated_at.eq(now)))
        .execute(conn)?;
    // This attempt was counted everywhere too; those of others stay counted.
    let ((elsewhere, until), _) = count(conn, now, account, EVERYWHERE)?;
    let left = (elsewhere - 1).max(0);
    let until = until.filter(|_| left >= 50);
    diesel::update(login_attempts.find((account, EVERYWHERE)))
        .set((failures.eq(left), blocked_until.eq(until), updated_at.eq(now)))
        .execute(conn)?;
    Ok(())
}

type Count = (i32, Option<Instant>);

fn count(conn: &mut Conn, now: Instant, account: &str, address: &str) -> QueryResult<(Count, bool)> {
    let row: Option<(i32, Option<Instant>, bool, Instant)> =
        login_attempts.find((account, address)).select((failures, blocked_until, known_good, updated_at)).first(conn).optional()?;
    Ok(match row {
        None => ((0, None), false),
        Some((.., trusted, at)) if at + MEMORY < now => ((0, None), trusted),
        Some((failed, until, trusted, _)) => ((failed, until), trusted),
    })
}

/// None for the first `free`, then one second doubling, up to a day from `most` on.
fn wait_after(failed: i32, free: i32, most: i32) -> Duration {
    match failed {
        f if f < free => Duration::zero(),
        f if f >= most => MEMORY,
        f => Duration::seconds(1 << (f - free).min(9)),
    }
}

fn store(conn: &mut Conn, now: Instant, account: &str, address: &str, failed: i32, wait: Duration) -> QueryResult<()> {
    let until = (wait > Duration::zero()).then(|| now + wait);
    let updated = diesel::update(login_attempts.find((account, address)))
        .set((failures.eq(failed), blocked_until.eq(until), updated_at.eq(now)))
        .execute(conn)?;
    if updated == 0 {
        diesel::insert_into(login_attempts)
            .values((
                account_hash.eq(account),
                address_hash.eq(address),
                failures.eq(failed),
                blocked_until.eq(until),
                known_good.eq(false),
                updated_at.eq(now),
            ))
            .execute(conn)?;
    }
    Ok(())
}
