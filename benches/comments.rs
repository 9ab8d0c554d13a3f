//! Three claims, each as a ratio against a baseline of the same run: group commit against one commit per write, a page out
//! of 100,000 comments against one out of 1,000, and a check of a picture with 300 people against one with a single person.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark says no by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use weald::clock::Instant;
use weald::db::types::{AccountId, BusinessCaseId, CommentId, ConsentId, PersonId, SchoolId};
use weald::db::{Conn, DatabaseUrl, Db};
use weald::page::Window;
use weald::policy::concerns::PATTERN_AT;
use weald::policy::consent::{Answer, Purpose};
use weald::policy::deadline::DeadlineRule;
use weald::policy::holidays::HolidayDivision;
use weald::policy::mentions::SWEEP_INTERVAL_DAYS;
use weald::policy::monitoring::{AMBER_DAYS, RED_HOURS};
use weald::policy::platforms::{Platform, Visibility};
use weald::policy::publication::Target;
use weald::policy::roles::PersonKind;
use weald::problem::Problem;
use weald::resources::accounts::AccountState;
use weald::resources::accounts::rows::{Account, AccountRow};
use weald::resources::business_cases::BusinessCaseState;
use weald::resources::business_cases::rows::{BusinessCase, BusinessCaseRow};
use weald::resources::comments::rows::{self, CommentRow, Filter, Order, Sight};
use weald::resources::comments::{CommentKind, CommentState};
use weald::resources::consents::rows::{ConsentRow, Moment};
use weald::resources::people::rows::PersonRow;
use weald::resources::publication_checks::rows::Matter;
use weald::resources::schools::rows::SchoolRow;
use weald::resources::{accounts, business_cases, consents, publication_checks, schools};

const CLIENTS: usize = 16;

struct Fixture {
    folder: TempDir,
    db: Db,
    school: SchoolId,
    account: AccountId,
}

fn at(minutes: i64) -> Instant {
    chrono::DateTime::from_timestamp(1_767_225_600 + minutes * 60, 0).unwrap_or_default().into()
}

impl Fixture {
    fn new(runtime: &Runtime, comments: i64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("weald.db")), 4).expect("a database");
        let (school, account) = (SchoolId::new(), AccountId::new());
        runtime.block_on(db.write(school.uuid(), move |tx| seed(tx, school, account, comments))).expect("a school");
        Self { folder, db, school, account }
    }
}

fn seed(tx: &mut Conn, school: SchoolId, account: AccountId, comments: i64) -> Result<(), Problem> {
    let now = at(0);
    let row = SchoolRow {
        id: school,
        name: "Bench".into(),
        time_zone: "Europe/London".into(),
        holiday_division: HolidayDivision::EnglandAndWales,
        bank_holidays_count_as_weekend: false,
        business_case_lapse_days: 90,
        monitoring_amber_days: AMBER_DAYS,
        monitoring_red_hours: RED_HOURS,
        eligibility_grace_days: 0,
        escalation_contact_id: None,
        press_lead_id: None,
        urgent_target_minutes: 60,
        takedown_hours: 24,
        content_review_days: 90,
        calendar_fingerprint: String::new(),
        version: 1,
        created_at: now,
        updated_at: now,
        sweep_interval_days: SWEEP_INTERVAL_DAYS,
        concern_pattern_at: PATTERN_AT,
    };
    schools::rows::create(tx, &row, "bench")?;
    let person = person(school, PersonId::new());
    diesel::insert_into(weald::db::schema::people::table).values(&person).execute(tx)?;
    let case = BusinessCaseRow {
        school_id: school,
        id: BusinessCaseId::new(),
        state: BusinessCaseState::Used,
        proposer_id: person.id,
        community: false,
        name: "Bench".into(),
        platform: Some(Platform::Facebook),
        platform_other_name: None,
        aim: None,
        audiences: String::new(),
        direct_messages_enabled: false,
        promotion_plan: None,
        visibility: Some(Visibility::Open),
        submitted_at: None,
        submitted_by: None,
        decided_at: None,
        decided_by: None,
        decision_reason: None,
        lapses_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let id = case.id;
    business_cases::rows::insert(tx, &BusinessCase { row: case, managers: Vec::new(), contributors: Vec::new() })?;
    let row = AccountRow {
        school_id: school,
        id: account,
        business_case_id: id,
        state: AccountState::Active,
        state_reason: None,
        platform: Platform::Facebook,
        platform_other_name: None,
        name: "Bench".into(),
        handle: "bench".into(),
        handle_key: "bench".into(),
        url: None,
        visibility: Visibility::Open,
        direct_messages_enabled: false,
        tagging_allowed: false,
        activated_at: Some(now),
        closed_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
        before_handover: None,
        reason_before_handover: None,
    };
    accounts::rows::insert(tx, &Account { row, managers: Vec::new() })?;
    for minute in 0..comments {
        rows::insert(tx, &comment(school, account, at(minute)))?;
    }
    Ok(())
}

fn person(school_id: SchoolId, id: PersonId) -> PersonRow {
    PersonRow {
        school_id,
        id,
        given_name: "Jo".into(),
        family_name: "Bench".into(),
        email: None,
        kind: PersonKind::Staff,
        external_source: None,
        external_id: None,
        left_on: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
        year_group: None,
    }
}

fn comment(school_id: SchoolId, account_id: AccountId, now: Instant) -> CommentRow {
    CommentRow {
        school_id,
        id: CommentId::new(),
        account_id,
        kind: CommentKind::Query,
        state: CommentState::Received,
        is_open: true,
        awaits_response: true,
        external_id: None,
        author_name: Some("A parent".into()),
        author_anonymous: false,
        url: None,
        text: "When does the fair start?".into(),
        received_at: now,
        noticed_at: now,
        logged_by: None,
        due_at: now,
        deadline_rule: DeadlineRule::Within24Hours,
        deadline_explanation: "Received on Wednesday 14 January 2026 at 10:00, so due within 24 hours.".into(),
        due_on_weekend: false,
        first_responded_at: None,
        on_time: None,
        overdue_recorded_at: None,
        no_response_reason: None,
        closed_at: None,
        urgent: false,
        urgent_due_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
        sentiment: None,
    }
}

/// `total` writes by 16 clients at once.
fn timed<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    total: u64,
    write: impl Fn() -> F + Clone + Send + 'static,
) -> Duration {
    runtime.block_on(async {
        let started = Stopwatch::now();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (write, share) = (write.clone(), total / 16 + u64::from((client as u64) < total % 16));
                tokio::spawn(async move {
                    for _ in 0..share {
                        write().await;
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.expect("a client");
        }
        started.elapsed()
    })
}

fn writes(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let fixture = Fixture::new(&runtime, 0);
    let (school, account) = (fixture.school, fixture.account);
    let mut group = criterion.benchmark_group("durable writes by 16 clients");
    group.throughput(Throughput::Elements(1)).sample_size(20).measurement_time(Duration::from_secs(8));

    let path = fixture.folder.path().join("weald.db");
    let mut alone = SqliteConnection::establish(&path.to_string_lossy()).expect("a connection");
    alone.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000").expect("pragmas");
    let alone = Arc::new(Mutex::new(Conn::Sqlite(alone)));
    group.bench_function("one commit each (baseline)", |bench| {
        bench.iter_custom(|total| {
            let alone = Arc::clone(&alone);
            timed(&runtime, total, move || {
                let alone = Arc::clone(&alone);
                async move {
                    let conn = &mut *alone.lock().await;
                    conn.batch_execute("BEGIN IMMEDIATE").expect("begin");
                    rows::insert(conn, &comment(school, account, at(0))).expect("insert");
                    conn.batch_execute("COMMIT").expect("commit");
                }
            })
        });
    });
    group.bench_function("group commit", |bench| {
        bench.iter_custom(|total| {
            let db = fixture.db.clone();
            timed(&runtime, total, move || {
                let db = db.clone();
                async move {
                    let write = db.write(school.uuid(), move |tx| Ok::<_, Problem>(rows::insert(tx, &comment(school, account, at(0)))?));
                    write.await.expect("a write");
                }
            })
        });
    });
    group.finish();
}

fn pages(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("page of 50 open comments");
    for size in [1_000, 100_000] {
        let fixture = Fixture::new(&runtime, size);
        let (db, school) = (fixture.db.clone(), fixture.school);
        group.bench_function(BenchmarkId::from_parameter(size), |bench| {
            bench.iter(|| {
                let page = db.read(move |conn| {
                    let window = Window::new(None, None, &"")?;
                    let filter = Filter { open: Some(true), ..Filter::default() };
                    Ok::<_, Problem>(rows::list(conn, school, Sight::All, &filter, Order::Due, &window)?)
                });
                assert_eq!(runtime.block_on(page).expect("a page").len(), 51);
            });
        });
    }
    group.finish();
}

/// People who have consented for themselves.
fn consenting(tx: &mut Conn, school: SchoolId, people: &[PersonId]) -> Result<(), Problem> {
    for &id in people {
        diesel::insert_into(weald::db::schema::people::table).values(&person(school, id)).execute(tx)?;
        let consent = ConsentRow {
            school_id: school,
            id: ConsentId::new(),
            subject_id: id,
            purpose: Purpose::SchoolSocialMedia,
            answer: Answer::Given,
            giver_id: id,
            relationship: None,
            authorised: false,
            authorisation_ref: None,
            notice_id: None,
            with_name: true,
            face_identifiable: true,
            platforms: String::new(),
            decided_at: at(0),
            expires_on: None,
            expiry_recorded_at: None,
            evidence_sha256: None,
            recorded_by: None,
            created_at: at(0),
        };
        consents::rows::insert(tx, &consent)?;
    }
    Ok(())
}

fn checks(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let fixture = Fixture::new(&runtime, 0);
    let (db, school) = (fixture.db.clone(), fixture.school);
    let people: Vec<PersonId> = (0..300).map(|_| PersonId::new()).collect();
    let named = people.clone();
    runtime.block_on(db.write(school.uuid(), move |tx| consenting(tx, school, &named))).expect("people");
    let mut group = criterion.benchmark_group("check of a picture with so many people");
    for many in [1, 300] {
        let people: Vec<PersonId> = people.iter().copied().take(many).collect();
        group.bench_function(BenchmarkId::from_parameter(many), |bench| {
            bench.iter(|| {
                let people = people.clone();
                let verdict = db.read(move |conn| {
                    let flags = BTreeSet::new();
                    let matter = Matter { account: None, flags: &flags, subjects: &people, works: &[], taken_on: None };
                    let target = Target::Account { platform: Platform::Facebook, active: true, team_eligible: true };
                    let moment = Moment { at: at(1), day: chrono::NaiveDate::default() };
                    publication_checks::rows::decide(conn, school, target, Purpose::SchoolSocialMedia, matter, moment)
                });
                assert!(runtime.block_on(verdict).expect("a verdict").blockers.is_empty());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, writes, pages, checks);
criterion_main!(benches);
