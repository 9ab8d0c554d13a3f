//! What has to happen without a request. Found by queries over state, not kept in timers: each job is idempotent,
//! may be killed at any point, and runs on one of several instances at a time.

mod publications;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use diesel::prelude::*;
use uuid::Uuid;

use crate::app::State;
use crate::clock::{Instant, SKEW};
use crate::db::Conn;
use crate::db::schema::{idempotency_keys, leases, login_attempts, refresh_tokens, sessions};
use crate::db::types::{AccidentalImageId, AccountId, CommentId, IncidentId, LeaseHolder, PersonId, SchoolId};
use crate::events::{self, Actor, Event, EventType};
use crate::idempotency;
use crate::policy::conflict::Informed;
use crate::policy::deadline::local_day;
use crate::policy::eligibility::ComplianceLevel;
use crate::policy::holidays::BankHolidays;
use crate::policy::monitoring::MonitoringLevel;
use crate::problem::Problem;
use crate::resources::accounts::rows::{Account, Sight};
use crate::resources::business_cases::BusinessCaseState;
use crate::resources::{
    accidental_images, accounts, business_cases, comments, courses, eligibility, handovers, imports, incidents, mention_sweeps, monitoring,
    notifications, people, policies, referrals, response_procedures, schools, statutory_clocks,
};
use crate::webhooks;

/// As which the jobs stand in the log.
const CLIENT: &str = "weald-jobs";
/// Things that one transaction deals with: requests wait for no longer than that.
const BATCH: i64 = 200;
/// How long an instance that has died keeps the others from the jobs.
const LEASE: chrono::Duration = chrono::Duration::minutes(2);

/// Runs every job once, and delivers the webhooks that are due; how much each had to do.
///
/// # Errors
/// Where the database gives none.
pub async fn run_all(state: &State) -> Result<Vec<(&'static str, usize)>, Problem> {
    let mut done = run_jobs(state).await?;
    let delivered = webhooks::run_once(state).await?;
    if !done.is_empty() {
        done.push(("webhooks", delivered));
    }
    Ok(done)
}

/// All but the webhooks, which a running service delivers as they come.
async fn run_jobs(state: &State) -> Result<Vec<(&'static str, usize)>, Problem> {
    let holder = LeaseHolder::new();
    let now = state.clock.now();
    if !state.db.write(Uuid::nil(), move |tx| lease(tx, holder, now)).await? {
        return Ok(Vec::new());
    }
    let done = under_lease(state, now).await;
    state.db.write(Uuid::nil(), move |tx| give_back(tx, holder)).await?;
    done
}

async fn under_lease(state: &State, now: Instant) -> Result<Vec<(&'static str, usize)>, Problem> {
    let mut done: Vec<(&'static str, usize)> = JOBS.iter().map(|(name, _)| (*name, 0)).collect();
    let schools = state.db.read(|conn| Ok::<_, Problem>(events::chain::schools_on_file(conn)?)).await?;
    for (school, _) in schools {
        for ((name, job), (_, total)) in JOBS.iter().zip(&mut done) {
            match batches(state, school, *job).await {
                Ok(count) => *total += count,
                // What fails in one school is no reason to leave the others out.
                Err(problem) => tracing::error!(%school, job = name, cause = problem.cause(), "a job failed; it will be tried again"),
            }
        }
    }
    done.push(("forgotten", state.db.write(Uuid::nil(), move |tx| forget(tx, now)).await?));
    Ok(done)
}

/// Runs the jobs at intervals for as long as the service runs.
pub fn spawn(state: web::Data<State>) {
    actix_web::rt::spawn(async move {
        // Whoever held the jobs when the program was killed holds them for a while yet; an import needs no turn.
        match state.db.read(|conn| Ok::<_, Problem>(imports::rows::schools_that_import(conn)?)).await {
            Ok(schools) => schools.into_iter().for_each(|school| import_now(state.clone(), school)),
            Err(problem) => tracing::error!(cause = problem.cause(), "imports wait for the jobs"),
        }
        let mut interval = tokio::time::interval(Duration::from_secs(state.service.jobs_interval));
        loop {
            interval.tick().await;
            state.limits.general.forget_idle();
            state.limits.login.forget_idle();
            state.limits.reports.forget_idle();
            match run_jobs(&state).await {
                Ok(done) => tracing::debug!(?done, "jobs"),
                Err(problem) => tracing::error!(cause = problem.cause(), "the jobs could not run; they will be tried again"),
            }
        }
    });
}

fn lease(tx: &mut Conn, holder: LeaseHolder, now: Instant) -> Result<bool, Problem> {
    let held: Option<Instant> = leases::table.find("jobs").select(leases::expires_at).first(tx).optional()?;
    if held.is_some_and(|until| until > now && until <= now + LEASE + SKEW) {
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

/// One school, at the time of a run.
struct Run {
    school: SchoolId,
    now: Instant,
    bank_holidays: Arc<BankHolidays>,
}

impl Run {
    fn actor(&self) -> Actor {
        Actor::system(self.school, CLIENT, self.now)
    }
}

/// A job on one school: deals with at most [`BATCH`] things and says how many there were.
type Job = fn(&mut Conn, &Run) -> Result<usize, Problem>;

/// Every job there is, in the order in which they run.
const JOBS: &[(&str, Job)] = &[
    ("policies", seed_policy),
    ("courses", seed_courses),
    ("calendar", recompute),
    ("overdue", mark_overdue),
    ("lapsed", lapse),
    ("leavers", open_handovers),
    ("leads", follow_leads),
    ("unmonitored", record_unmonitored),
    ("compliance", record_compliance),
    ("referrals", record_overdue_referrals),
    ("statutory", record_overdue_statutory),
    ("procedures", seed_procedure),
    ("unswept", record_unswept),
    ("undeleted", record_undeleted),
    ("consents", publications::expire_consents),
    ("permissions", publications::expire_permissions),
    ("left behind", publications::open_for_leavers),
    ("clearances", publications::expire_clearances),
    ("takedowns", publications::record_overdue),
    ("imports", import),
    ("old imports", |tx, run| imports::work::forget(tx, run.school, run.now, BATCH)),
    ("old webhooks", |tx, run| webhooks::forget(tx, run.school, run.now, BATCH)),
];

async fn batches(state: &State, school: SchoolId, job: Job) -> Result<usize, Problem> {
    let mut total = 0;
    loop {
        let run = Run { school, now: state.clock.now(), bank_holidays: Arc::clone(&state.bank_holidays) };
        let dealt = state.db.write(school.uuid(), move |tx| job(tx, &run)).await?;
        total += dealt;
        if i64::try_from(dealt).unwrap_or(BATCH) < BATCH {
            return Ok(total);
        }
    }
}

/// Deals with the import of a school without waiting for the jobs to come round to it.
pub fn import_now(state: web::Data<State>, school: SchoolId) {
    actix_web::rt::spawn(async move {
        if let Err(problem) = batches(&state, school, import).await {
            tracing::error!(%school, cause = problem.cause(), "an import was held up; it will go on with the jobs");
        }
    });
}

/// Lists of people that came in, so many records in a transaction.
fn import(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    // As if each transaction dealt with a batch: there is another round until there is no more.
    let more = imports::work::advance(tx, run.school, run.now, BATCH)?;
    Ok(usize::try_from(BATCH).unwrap_or_default() * usize::from(more))
}

/// CTX-3: a school that was there before there were policies gets the social media policy.
fn seed_policy(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let name = schools::rows::find(tx, run.school)?.name;
    Ok(policies::seed::seed(tx, &name, run.actor())?.into())
}

/// MON-2: a comment that nobody responded to in time is recorded once, and the headteacher is told.
fn mark_overdue(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let overdue = comments::rows::mark_overdue(tx, run.school, run.now, BATCH)?;
    let event = |(comment, account): &(CommentId, AccountId)| {
        Event::new(EventType::CommentOverdue, comment.uuid()).related("account_id", account.uuid())
    };
    tell(tx, run, "escalated_to", overdue.iter().map(event).collect())
}

/// R-HT-5: an approval that is not used in time lapses.
fn lapse(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let &Run { school, now, .. } = run;
    let lapsed = business_cases::rows::lapse(tx, school, now, BATCH)?;
    let happened = lapsed.iter().map(|id| Event::new(EventType::BusinessCaseLapsed, id.uuid()).state(BusinessCaseState::Lapsed));
    events::record_all(tx, run.actor(), happened.collect())?;
    Ok(lapsed.len())
}

/// R-IT-4: on the day on which somebody leaves, the accounts that they run have to be handed over.
fn open_handovers(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let today = local_day(*run.now, schools::rows::find(tx, run.school)?.zone());
    handovers::open(tx, &run.actor(), None, today, BATCH)
}

/// R-HT-3: on the day on which somebody leaves or a delegation begins or ends, what they led is somebody else's.
fn follow_leads(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let today = local_day(*run.now, schools::rows::find(tx, run.school)?.zone());
    Ok(incidents::rows::follow_leads(tx, run.school, today, run.now)?.into())
}

/// A15: a school that was there before there were courses gets those that every school begins with.
fn seed_courses(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let seeded = courses::rows::seed(tx, run.school, run.now)?;
    let happened = seeded.iter().map(|id| Event::new(EventType::CourseCreated, id.uuid()));
    events::record_all(tx, run.actor(), happened.collect())?;
    Ok(seeded.len())
}

/// MON-1: an account that nobody checks is recorded once as amber and once as red, and the headteacher is told.
fn record_unmonitored(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let row = schools::rows::find(tx, run.school)?;
    let limits = row.thresholds().limits(row.zone(), *run.now);
    let mut happened = Vec::new();
    for (level, kind) in
        [(MonitoringLevel::Red, EventType::AccountMonitoringRed), (MonitoringLevel::Amber, EventType::AccountMonitoringAmber)]
    {
        let lapsed = monitoring::rows::record_lapsed(tx, run.school, level, limits, run.now, BATCH)?;
        happened.extend(lapsed.into_iter().map(|account| Event::new(kind, account.uuid())));
    }
    tell(tx, run, "told", happened)
}

/// ELIG-1: what a new version or training that ran out makes of an account is recorded, and what makes it good.
fn record_compliance(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let accounts = accounts::rows::in_use(tx, run.school, Sight::All)?;
    let people: BTreeSet<PersonId> = accounts.iter().flat_map(Account::people).collect();
    let assessment = eligibility::rows::assess(tx, run.school, &Vec::from_iter(people), run.now)?;
    let standing: Vec<(AccountId, ComplianceLevel)> =
        accounts.iter().map(|account| (account.row.id, assessment.of_account(account))).collect();
    let changed = eligibility::rows::changed(tx, run.school, run.now, &standing)?;
    let event = |(account, compliance): &(AccountId, ComplianceLevel)| {
        Event::new(EventType::AccountComplianceChanged, account.uuid()).state(*compliance)
    };
    tell(tx, run, "told", changed.iter().map(event).collect())?;
    // All accounts at once: there is nothing left for another round.
    Ok(0)
}

/// R-HT-4: a referral that was not made in time is recorded once; whoever leads is told.
fn record_overdue_referrals(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let overdue = referrals::rows::mark_overdue(tx, run.school, run.now, BATCH)?;
    let school = schools::rows::find(tx, run.school)?;
    for incident in &overdue {
        incidents::remind(tx, run.school, *incident, EventType::IncidentReferralOverdue, &[], run.now, local_day(*run.now, school.zone()))?;
    }
    let happened = overdue.iter().map(|incident| Event::new(EventType::IncidentReferralOverdue, incident.uuid()));
    events::record_all(tx, run.actor(), happened.collect())?;
    Ok(overdue.len())
}

/// LEG-2: what the law asked for and was not done in time is recorded once; headteacher and data protection officer are
/// told.
fn record_overdue_statutory(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let overdue = statutory_clocks::rows::mark_overdue(tx, run.school, run.now, BATCH)?;
    let today = local_day(*run.now, schools::rows::find(tx, run.school)?.zone());
    let officers = incidents::rows::people_of(tx, run.school, &BTreeSet::from([Informed::Dpo]), today)?;
    for clock in &overdue {
        notifications::rows::notify(tx, run.school, &officers, EventType::StatutoryClockOverdue, clock.uuid(), run.now)?;
    }
    tell(tx, run, "told", overdue.iter().map(|clock| Event::new(EventType::StatutoryClockOverdue, clock.uuid())).collect())
}

/// PRO-2: a school that was there before there were response procedures gets the one that every school begins with.
fn seed_procedure(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    Ok(response_procedures::seed::seed(tx, run.actor())?.into())
}

/// PRO-1: that nobody has searched the web for too long is recorded once, and the headteacher is told.
fn record_unswept(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let school = schools::rows::find(tx, run.school)?;
    if !mention_sweeps::rows::record_lapse(tx, &school, run.now)? {
        return Ok(0);
    }
    tell(tx, run, "told", vec![Event::new(EventType::MentionSweepOverdue, school.id.uuid())])
}

/// IMG-5: a picture that was not deleted at once is recorded once; the headteacher is told, and whoever leads, unless the
/// incident is hidden from them.
fn record_undeleted(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let kind = EventType::AccidentalImageOverdue;
    let overdue = accidental_images::rows::mark_overdue(tx, run.school, run.now, BATCH)?;
    let today = local_day(*run.now, schools::rows::find(tx, run.school)?.zone());
    for (_, incident) in &overdue {
        incidents::remind(tx, run.school, *incident, kind, &[Informed::Headteacher], run.now, today)?;
    }
    let event = |(image, incident): &(AccidentalImageId, IncidentId)| {
        Event::new(kind, incident.uuid()).related("accidental_image_id", image.uuid())
    };
    events::record_all(tx, run.actor(), overdue.iter().map(event).collect())?;
    Ok(overdue.len())
}

/// Records what whoever answers for the school has to know, with their id as `name`.
fn tell(tx: &mut Conn, run: &Run, name: &str, mut happened: Vec<Event>) -> Result<usize, Problem> {
    if happened.is_empty() {
        return Ok(0);
    }
    let today = local_day(*run.now, schools::rows::find(tx, run.school)?.zone());
    if let Some(person) = people::rows::in_charge(tx, run.school, today)? {
        for event in &happened {
            notifications::rows::notify(tx, run.school, &[person], event.kind, event.subject.uuid(), run.now)?;
        }
        happened = happened.into_iter().map(|event| event.related(name, person.uuid())).collect();
    }
    let count = happened.len();
    events::record_all(tx, run.actor(), happened)?;
    Ok(count)
}

/// A newer bank holiday file changes deadlines as a changed calendar does.
fn recompute(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let mut row = schools::rows::find(tx, run.school)?;
    let fingerprint = schools::rows::fingerprint(&run.bank_holidays);
    if row.calendar_fingerprint == fingerprint {
        return Ok(0);
    }
    row.calendar_fingerprint = fingerprint;
    schools::rows::save(tx, &mut row, run.now)?;
    let calendar = schools::rows::calendar(tx, run.school, &run.bank_holidays)?;
    comments::rows::recompute_deadlines(tx, run.actor(), &calendar)
}

/// What has served its time: answers kept for repeated requests, dead sessions, old counts of failed logins.
fn forget(tx: &mut Conn, now: Instant) -> Result<usize, Problem> {
    let kept_since = now + -idempotency::KEPT;
    let long_over = now + -chrono::Duration::days(2);
    let mut forgotten = diesel::delete(idempotency_keys::table.filter(idempotency_keys::created_at.lt(kept_since))).execute(tx)?;
    forgotten += diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(long_over))).execute(tx)?;
    forgotten += diesel::delete(sessions::table.filter(sessions::expires_at.lt(long_over))).execute(tx)?;
    forgotten +=
        diesel::delete(login_attempts::table.filter(login_attempts::updated_at.lt(long_over)).filter(login_attempts::known_good.eq(false)))
            .execute(tx)?;
    Ok(forgotten)
}
