//! What has to happen without a request. Found by queries over state, not kept in timers: each job is idempotent,
//! may be killed at any point, and runs on one of several instances at a time.

use std::time::Duration;

use actix_web::web;
use diesel::prelude::*;
use uuid::Uuid;

use crate::app::State;
use crate::clock::Instant;
use crate::db::schema::{idempotency_keys, leases, login_attempts, refresh_tokens, sessions};
use crate::db::types::SchoolId;
use crate::db::{Conn, types::LeaseHolder};
use crate::events::{self, Actor, Event, EventType};
use crate::idempotency;
use crate::policy::monitoring::MonitoringLevel;
use crate::policy::roles::Role;
use crate::problem::Problem;
use crate::resources::business_cases::BusinessCaseState;
use crate::resources::{business_cases, comments, monitoring, people, schools};

/// As which the jobs stand in the log.
const CLIENT: &str = "weald-jobs";
/// Things that one transaction deals with: requests wait for no longer than that.
const BATCH: i64 = 200;
/// How long an instance that has died keeps the others from the jobs.
const LEASE: chrono::Duration = chrono::Duration::minutes(2);

/// Runs every job once; how much each had to do.
///
/// # Errors
/// Where the database gives none.
pub async fn run_all(state: &State) -> Result<Vec<(&'static str, usize)>, Problem> {
    let holder = LeaseHolder::new();
    let now = state.clock.now();
    if !state.db.write(Uuid::nil(), move |tx| lease(tx, holder, now)).await? {
        return Ok(Vec::new());
    }
    let mut done = vec![("calendar", 0), ("overdue", 0), ("lapsed", 0), ("unmonitored", 0)];
    let schools = state.db.read(|conn| Ok::<_, Problem>(events::chain::schools_on_file(conn)?)).await?;
    for (school, _) in schools {
        done[0].1 += recompute(state, school).await?;
        done[1].1 += batches(state, school, mark_overdue).await?;
        done[2].1 += batches(state, school, lapse).await?;
        done[3].1 += batches(state, school, record_unmonitored).await?;
    }
    done.push(("forgotten", state.db.write(Uuid::nil(), move |tx| forget(tx, now)).await?));
    state.limits.general.forget_idle();
    state.limits.login.forget_idle();
    state.db.write(Uuid::nil(), move |tx| give_back(tx, holder)).await?;
    Ok(done)
}

/// Runs the jobs at intervals for as long as the service runs.
pub fn spawn(state: web::Data<State>) {
    actix_web::rt::spawn(async move {
        let mut interval = tokio::time::interval(Duration::from_secs(state.service.jobs_interval));
        loop {
            interval.tick().await;
            match run_all(&state).await {
                Ok(done) => tracing::debug!(?done, "jobs"),
                Err(problem) => tracing::error!(cause = problem.cause(), "the jobs could not run; they will be tried again"),
            }
        }
    });
}

fn lease(tx: &mut Conn, holder: LeaseHolder, now: Instant) -> Result<bool, Problem> {
    let held: Option<Instant> = leases::table.find("jobs").select(leases::expires_at).first(tx).optional()?;
    if held.is_some_and(|until| until > now && until <= now + LEASE) {
        return Ok(false);
    }
    diesel::delete(leases::table.find("jobs")).execute(tx)?;
    diesel::insert_into(leases::table)
        .values((leases::name.eq("jobs"), leases::holder.eq(holder), leases::expires_at.eq(now + LEASE)))
        .execute(tx)?;
    Ok(true)
}

fn give_back(tx: &mut Conn, holder: LeaseHolder) -> Result<(), Problem> {
    diesel::delete(leases::table.find("jobs").filter(leases::holder.eq(holder))).execute(tx)?;
    Ok(())
}

/// A job on one school: deals with at most [`BATCH`] things and says how many there were.
type Job = fn(&mut Conn, SchoolId, Instant) -> Result<usize, Problem>;

async fn batches(state: &State, school: SchoolId, job: Job) -> Result<usize, Problem> {
    let mut total = 0;
    loop {
        let now = state.clock.now();
        let dealt = state.db.write(school.uuid(), move |tx| job(tx, school, now)).await?;
        total += dealt;
        if i64::try_from(dealt).unwrap_or(BATCH) < BATCH {
            return Ok(total);
        }
    }
}

/// MON-2: a comment that nobody responded to in time is recorded once, and the headteacher is told.
fn mark_overdue(tx: &mut Conn, school: SchoolId, now: Instant) -> Result<usize, Problem> {
    let overdue = comments::rows::mark_overdue(tx, school, now, BATCH)?;
    if overdue.is_empty() {
        return Ok(0);
    }
    let head = people::rows::holding(tx, school, Role::Headteacher)?.into_iter().min();
    let happened = overdue.iter().map(|(comment, account)| {
        let event = Event::new(EventType::CommentOverdue, comment.uuid()).related("account_id", account.uuid());
        match head {
            Some(head) => event.related("escalated_to", head.uuid()),
            None => event,
        }
    });
    events::record_all(tx, Actor::system(school, CLIENT, now), happened.collect())?;
    Ok(overdue.len())
}

/// R-HT-5: an approval that is not used in time lapses.
fn lapse(tx: &mut Conn, school: SchoolId, now: Instant) -> Result<usize, Problem> {
    let lapsed = business_cases::rows::lapse(tx, school, now, BATCH)?;
    let happened = lapsed.iter().map(|id| Event::new(EventType::BusinessCaseLapsed, id.uuid()).state(BusinessCaseState::Lapsed));
    events::record_all(tx, Actor::system(school, CLIENT, now), happened.collect())?;
    Ok(lapsed.len())
}

/// MON-1: an account that nobody checks is recorded once as amber and once as red, and the headteacher is told.
fn record_unmonitored(tx: &mut Conn, school: SchoolId, now: Instant) -> Result<usize, Problem> {
    let row = schools::rows::find(tx, school)?;
    let limits = row.thresholds().limits(row.zone(), *now);
    let mut happened = Vec::new();
    for (level, kind) in
        [(MonitoringLevel::Red, EventType::AccountMonitoringRed), (MonitoringLevel::Amber, EventType::AccountMonitoringAmber)]
    {
        let lapsed = monitoring::rows::record_lapsed(tx, school, level, limits, now, BATCH)?;
        happened.extend(lapsed.into_iter().map(|account| Event::new(kind, account.uuid())));
    }
    if happened.is_empty() {
        return Ok(0);
    }
    if let Some(head) = people::rows::holding(tx, school, Role::Headteacher)?.into_iter().min() {
        happened = happened.into_iter().map(|event| event.related("told", head.uuid())).collect();
    }
    let found = happened.len();
    events::record_all(tx, Actor::system(school, CLIENT, now), happened)?;
    Ok(found)
}

/// A newer bank holiday file changes deadlines as a changed calendar does.
async fn recompute(state: &State, school: SchoolId) -> Result<usize, Problem> {
    let (bank_holidays, now) = (state.bank_holidays.clone(), state.clock.now());
    state
        .db
        .write(school.uuid(), move |tx| {
            let mut row = schools::rows::find(tx, school)?;
            let fingerprint = schools::rows::fingerprint(&bank_holidays);
            if row.calendar_fingerprint == fingerprint {
                return Ok(0);
            }
            row.calendar_fingerprint = fingerprint;
            schools::rows::save(tx, &mut row, now)?;
            let calendar = schools::rows::calendar(tx, school, &bank_holidays)?;
            comments::rows::recompute_deadlines(tx, Actor::system(school, CLIENT, now), &calendar)
        })
        .await
}

/// What has served its time: answers kept for repeated requests, dead sessions, old counts of failed logins.
fn forget(tx: &mut Conn, now: Instant) -> Result<usize, Problem> {
    let kept_since = now + -idempotency::KEPT;
    let yesterday = now + -chrono::Duration::days(2);
    let mut forgotten = diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(kept_since))).execute(tx)?;
    forgotten += diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(yesterday))).execute(tx)?;
    let dead = sessions::table.filter(sessions::expires_at.lt(yesterday)).select(sessions::id);
    forgotten += diesel::delete(refresh_tokens::table.filter(refresh_tokens::session_id.eq_any(dead))).execute(tx)?;
    forgotten += diesel::delete(sessions::table.filter(sessions::expires_at.lt(yesterday))).execute(tx)?;
    forgotten +=
        diesel::delete(login_attempts::table.filter(login_attempts::updated_at.lt(yesterday)).filter(login_attempts::known_good.eq(false)))
            .execute(tx)?;
    Ok(forgotten)
}
