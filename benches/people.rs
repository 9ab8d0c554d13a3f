//! 1,000 people by one request, as a ratio to bare multi-row inserts of the same rows, on both engines.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark says no by panicking")]

use std::time::{Duration, Instant as Stopwatch};

use actix_web::test::{TestRequest, call_and_read_body_json, call_service, init_service};
use clap::Parser;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::access::services::{self, ServiceAccountRow};
use weald::clock::Clock;
use weald::config::{Service, Storage};
use weald::db::Conn;
use weald::db::schema::people;
use weald::db::types::{PersonId, SchoolId};
use weald::policy::concerns::PATTERN_AT;
use weald::policy::holidays::HolidayDivision;
use weald::policy::mentions::SWEEP_INTERVAL_DAYS;
use weald::policy::monitoring::{AMBER_DAYS, RED_HOURS};
use weald::policy::roles::PersonKind;
use weald::problem::Problem;
use weald::resources::people::rows::PersonRow;
use weald::resources::schools::rows::{self as schools, SchoolRow};
use weald::{app, server};

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/api/support/postgres.rs"]
mod postgres;

const PEOPLE: usize = 1000;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    storage: Storage,
    #[command(flatten)]
    service: Service,
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1,000 people");
    group.throughput(Throughput::Elements(PEOPLE as u64)).sample_size(10).measurement_time(Duration::from_secs(5));
    for engine in ["SQLite", "PostgreSQL"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = folder.path().to_string_lossy().into_owned();
        let mut flags = vec!["bench".to_owned(), "--data-dir".into(), data_dir, "--rate-limit".into(), "1000000".into()];
        if engine == "PostgreSQL" {
            flags.extend(["--database-url".into(), postgres::create_database()]);
        }
        let Flags { storage, service } = Flags::parse_from(flags);
        let runtime = actix_web::rt::System::new();
        let state = server::open(&storage, service, Clock::System).expect("a service");
        let (school, now) = (SchoolId::new(), state.clock.now());
        let account = ServiceAccountRow::new(school, "MIS".into(), &["people:manage".into()], "secret", now);
        let client_id = account.client_id.clone();
        let seed = state.db.write(school.uuid(), move |tx| {
            schools::create(tx, &school_row(school, now), "bench")?;
            Ok::<_, Problem>(services::insert(tx, &account)?)
        });
        runtime.block_on(seed).expect("a school");
        let service = runtime.block_on(init_service(app::app(state.clone())));
        let form = [("grant_type", "client_credentials"), ("client_id", &client_id), ("client_secret", "secret")];
        let login = TestRequest::post().uri("/oauth/token").set_form(form).to_request();
        let token: Value = runtime.block_on(call_and_read_body_json(&service, login));
        let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));

        group.bench_function(format!("{engine}: bare inserts (baseline)"), |bench| {
            bench.iter_custom(|rounds| {
                let mut took = Duration::ZERO;
                for _ in 0..rounds {
                    let rows: Vec<PersonRow> = (0..PEOPLE).map(|_| person(school, now)).collect();
                    let started = Stopwatch::now();
                    let write = state.db.write(school.uuid(), move |tx| Ok::<_, Problem>(bare(tx, &rows)?));
                    runtime.block_on(write).expect("a write");
                    took += started.elapsed();
                }
                took
            });
        });
        group.bench_function(format!("{engine}: one request"), |bench| {
            bench.iter_custom(|rounds| {
                let mut took = Duration::ZERO;
                for _ in 0..rounds {
                    let items: Vec<Value> = (0..PEOPLE).map(|_| item()).collect();
                    let request = TestRequest::post()
                        .uri("/v1/people/batch")
                        .insert_header(("authorization", bearer.as_str()))
                        .insert_header(("idempotency-key", Uuid::now_v7().to_string()))
                        .set_json(json!({ "items": items }))
                        .to_request();
                    let started = Stopwatch::now();
                    let answer = runtime.block_on(call_service(&service, request));
                    took += started.elapsed();
                    assert_eq!(answer.status(), 207);
                }
                took
            });
        });
        // What a worker holds of the database has to go before the folder does.
        drop((service, state, runtime));
    }
    group.finish();
}

fn bare(tx: &mut Conn, rows: &[PersonRow]) -> QueryResult<usize> {
    match tx {
        Conn::Sqlite(conn) => diesel::insert_into(people::table).values(rows).execute(conn),
        Conn::Postgres(conn) => diesel::insert_into(people::table).values(rows).execute(conn),
    }
}

fn item() -> Value {
    json!({
        "external_source": "mis", "external_id": Uuid::now_v7(), "given_name": "Jo", "family_name": "Bench", "kind": "pupil",
        "year_group": "year_3", "roles": ["pupil"],
    })
}

fn person(school_id: SchoolId, now: weald::clock::Instant) -> PersonRow {
    PersonRow {
        school_id,
        id: PersonId::new(),
        given_name: "Jo".into(),
        family_name: "Bench".into(),
        email: None,
        kind: PersonKind::Pupil,
        external_source: Some("mis".into()),
        external_id: Some(Uuid::now_v7().to_string()),
        left_on: None,
        version: 1,
        created_at: now,
        updated_at: now,
        year_group: None,
    }
}

fn school_row(id: SchoolId, now: weald::clock::Instant) -> SchoolRow {
    SchoolRow {
        id,
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
    }
}

criterion_group!(benches, batches);
criterion_main!(benches);
