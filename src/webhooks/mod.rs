//! Webhooks: events on their way to those who do not ask for them (Standard Webhooks 1.0).
//!
//! Where an endpoint stands is in the database, and one running program at a time delivers to it, under a lease: what has
//! happened becomes deliveries, those that are due are sent, and what became of them is written down in the same transaction
//! that takes up the next ones. A program that dies has delivered what it has not written down at the most: at least once.

mod round;
mod sender;
mod signature;
pub mod target;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use actix_web::web;
use futures_util::future::{BoxFuture, FutureExt, select_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant as Moment, sleep, sleep_until, timeout_at};
use uuid::Uuid;

use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{LeaseHolder, SchoolId, WebhookDeliveryId, WebhookEndpointId};
use crate::problem::Problem;
pub use round::forget;
use round::{Round, Step};
use sender::Outcome;
pub use sender::Sender;
pub use signature::new_secret;

/// Deliveries to one endpoint that are under way at a time.
const AT_ONCE: usize = 8;
/// How soon after one look for work the next one follows.
const BETWEEN: Duration = Duration::from_millis(50);
/// How soon more is taken up while deliveries are under way: one that hangs holds up nothing else.
const MEANWHILE: Duration = Duration::from_secs(1);
/// How often what has ended is written down anew, a second apart, where the database fails.
const TRIES: u32 = 30;
/// How long an endpoint is left alone after the database or the vault failed.
const LEFT_ALONE: Duration = Duration::from_secs(5);
/// At least so often work is looked for, in whatever way it came up.
const AT_LEAST: Duration = Duration::from_secs(30);
/// How long deliveries may still take when the service stops.
const LAST: Duration = Duration::from_secs(5);
/// What those wake who change an endpoint, as a commit in a school does.
const NUDGE: Uuid = Uuid::from_u128(0x77_65_62_68_6f_6f_6b_73);

/// Has endpoints looked at now.
pub fn nudge(state: &State) {
    state.db.announce(NUDGE);
}

/// How it went with one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Nothing is due.
    Idle,
    /// It is somebody else's, or cannot be worked on now.
    LeftAlone,
}

/// Delivers what is due now to all endpoints; how many deliveries were made.
///
/// # Errors
/// Where the database gives none.
pub async fn run_once(state: &State) -> Result<usize, Problem> {
    let (holder, mut total, mut left_alone) = (LeaseHolder::new(), 0, HashSet::new());
    loop {
        let now = state.clock.now();
        let found = look(state, holder).await?;
        let due = found.into_iter().filter(|(_, id, when)| *when <= now && !left_alone.contains(id));
        let mut rounds: FuturesUnordered<_> = due.map(|(school, id, _)| deliver(state, holder, school, id)).collect();
        if rounds.is_empty() {
            return Ok(total);
        }
        while let Some((id, ended, delivered)) = rounds.next().await {
            total += delivered;
            if ended == Ended::LeftAlone {
                left_alone.insert(id);
            }
        }
    }
}

/// Delivers for as long as the service runs; ends when it stops.
pub fn spawn(state: web::Data<State>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let (holder, mut closing) = (LeaseHolder::new(), state.waiting.closing());
        let mut commits = HashMap::from([(NUDGE, state.db.commits(NUDGE))]);
        let mut rounds: FuturesUnordered<BoxFuture<'_, (WebhookEndpointId, Ended, usize)>> = FuturesUnordered::new();
        let (mut busy, mut left_alone) = (HashSet::new(), HashMap::<WebhookEndpointId, Moment>::new());
        let mut look_at = Moment::now();
        loop {
            if Moment::now() >= look_at {
                let found = look(&state, holder).await;
                let (moment, now) = (Moment::now(), state.clock.now());
                look_at = moment + if found.is_ok() { AT_LEAST } else { LEFT_ALONE };
                let found = found.unwrap_or_else(|problem| {
                    tracing::error!(cause = problem.cause(), "webhooks could not be looked for; they will be again");
                    Vec::new()
                });
                left_alone.retain(|_, until| *until > moment);
                let schools: HashSet<Uuid> = found.iter().map(|(school, ..)| school.uuid()).chain([NUDGE]).collect();
                commits.retain(|lock, _| schools.contains(lock));
                for lock in schools {
                    commits.entry(lock).or_insert_with(|| {
                        // What was committed before somebody looked out for it is found at once.
                        look_at = moment + BETWEEN;
                        state.db.commits(lock)
                    });
                }
                for (school, id, when) in found.into_iter().filter(|(_, id, _)| !busy.contains(id)).collect::<Vec<_>>() {
                    if let Some(until) = left_alone.get(&id) {
                        look_at = look_at.min(*until);
                    } else if when <= now {
                        busy.insert(id);
                        rounds.push(deliver(&state, holder, school, id).boxed());
                    } else {
                        look_at = look_at.min(moment + (when - now).to_std().unwrap_or(BETWEEN).max(BETWEEN));
                    }
                }
            }
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => break,
                Some((id, ended, _)) = rounds.next(), if !rounds.is_empty() => {
                    busy.remove(&id);
                    if ended == Ended::LeftAlone {
                        left_alone.insert(id, Moment::now() + LEFT_ALONE);
                    }
                    look_at = look_at.min(Moment::now() + BETWEEN);
                }
                () = sleep_until(look_at) => {}
                () = any(&mut commits) => look_at = look_at.min(Moment::now() + BETWEEN),
            }
        }
        // Each gives its lease back, for another instance to go on at once.
        while rounds.next().await.is_some() {}
    })
}

/// Waits for any commit.
async fn any(commits: &mut HashMap<Uuid, watch::Receiver<()>>) {
    select_all(commits.values_mut().map(|commits| commits.changed().boxed())).await.0.ok();
}

/// The endpoints that are enabled, and when there is something to do for each.
async fn look(state: &State, holder: LeaseHolder) -> Result<Vec<(SchoolId, WebhookEndpointId, Instant)>, Problem> {
    let (now, db) = (state.clock.now(), state.db.clone());
    state.db.read(move |conn| round::look(conn, &db, holder, now)).await
}

/// Delivers what is due to one endpoint, until nothing is.
async fn deliver(state: &State, holder: LeaseHolder, school: SchoolId, endpoint: WebhookEndpointId) -> (WebhookEndpointId, Ended, usize) {
    let mut delivered = 0;
    let ended = match rounds(state, holder, school, endpoint, &mut delivered).await {
        Ok(ended) => ended,
        Err(problem) => {
            tracing::error!(%school, %endpoint, cause = problem.cause(), "webhooks could not be delivered; they will be tried again");
            Ended::LeftAlone
        }
    };
    (endpoint, ended, delivered)
}

async fn rounds(
    state: &State,
    holder: LeaseHolder,
    school: SchoolId,
    endpoint: WebhookEndpointId,
    delivered: &mut usize,
) -> Result<Ended, Problem> {
    let mut closing = state.waiting.closing();
    let mut under_way = FuturesUnordered::new();
    let mut ids: HashSet<WebhookDeliveryId> = HashSet::new();
    let mut ended: Vec<(WebhookDeliveryId, Outcome)> = Vec::new();
    let (mut refreshed, mut last, mut failures) = (false, None, 0);
    loop {
        let stop = *closing.borrow();
        let round = Round {
            school,
            endpoint,
            holder,
            ended: ended.clone(),
            under_way: ids.iter().copied().collect(),
            room: if stop { 0 } else { AT_ONCE.saturating_sub(ids.len()) },
            ring: state.vault.keyring(),
            db: state.db.clone(),
            now: state.clock.now(),
        };
        let next_step = match state.db.write(school.uuid(), move |tx| round.step(tx)).await {
            // What is under way goes on, and what has ended is not forgotten: it would be delivered twice.
            Err(problem) if failures < TRIES && !stop && !(ended.is_empty() && ids.is_empty()) => {
                tracing::warn!(%school, %endpoint, cause = problem.cause(), "deliveries could not be written down; they will be");
                failures += 1;
                sleep(MEANWHILE).await;
                continue;
            }
            written => written?,
        };
        failures = 0;
        for (_, outcome) in ended.drain(..) {
            *delivered += usize::from(outcome.error.is_none());
            state.metrics.delivered(outcome.error.map_or("delivered", Into::into));
        }
        match next_step {
            Step::Take(messages, head) => {
                let head = head.map(|head| head.sign(&state.tokens)).transpose().map_err(Problem::internal)?;
                for mut message in messages {
                    ids.insert(message.delivery);
                    message.head.clone_from(&head);
                    under_way.push(async move { (message.delivery, state.sender.send(&message, &state.clock).await) });
                }
            }
            Step::More => {}
            Step::Sealed if refreshed => return Ok(Ended::LeftAlone),
            Step::Sealed => {
                refreshed = true;
                state.vault.refresh(&state.db, state.clock.now()).await?;
            }
            Step::Idle => return Ok(Ended::Idle),
            Step::Elsewhere => return Ok(Ended::LeftAlone),
        }
        if under_way.is_empty() {
            continue;
        }
        let next = if stop {
            // What has no answer by then is delivered once more, by whoever comes after.
            let last = *last.get_or_insert_with(|| Moment::now() + LAST);
            timeout_at(last, under_way.next()).await.unwrap_or_else(|_| {
                under_way.clear();
                ids.clear();
                None
            })
        } else {
            tokio::select! {
                next = under_way.next() => next,
                () = sleep(MEANWHILE), if ids.len() < AT_ONCE => None,
                _ = closing.wait_for(|closing| *closing) => None,
            }
        };
        ended.extend(next);
        while let Some(Some(next)) = under_way.next().now_or_never() {
            ended.push(next);
        }
        for (id, _) in &ended {
            ids.remove(id);
        }
    }
}
