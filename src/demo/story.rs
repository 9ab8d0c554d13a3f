//! Tells the demo's story: requests to the API, each at its time, with the jobs running in between.

use std::collections::HashMap;

use actix_web::body;
use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::test::{self, TestRequest};
use chrono::{Duration, NaiveTime};
use diesel::prelude::*;
use serde_json::Value;
use uuid::Uuid;
use weald::access::services::ServiceAccountRow;
use weald::access::sessions::{self, Holder};
use weald::access::tokens::NewToken;
use weald::access::{digest, new_secret, permissions};
use weald::app::{self, State};
use weald::clock::{Clock, Instant};
use weald::config::{Service, Storage};
use weald::db::Conn;
use weald::db::schema::{policy_versions, response_procedures};
use weald::db::types::{PolicyVersionId, ResponseProcedureId, SchoolId};
use weald::events::{self, Actor, Event, EventType};
use weald::policy::holidays::HolidayDivision;
use weald::policy::roles::Role;
use weald::policy::training::Activity;
use weald::resources::courses;
use weald::resources::invitations::rows as invitations;
use weald::resources::schools::rows as schools;
use weald::resources::service_accounts::rules::all_grantable;
use weald::vault::{Source, keyring};
use weald::{jobs, server};

use super::script::{self, Calendar, PEOPLE, SCHOOL, Step, ZONE};
use super::{CLIENT_ID, CLIENT_SECRET, PASSWORD};
use crate::commands::people::NewPerson;
use crate::commands::schools::NewSchool;
use crate::commands::{Failure, people, services};

/// As which the story's beginning stands in the log.
const CLIENT: &str = "weald-demo";

/// The ids of people and things, by what the story calls them.
type Names = HashMap<String, String>;

/// Tells the story, up to `now`, into an empty database.
pub async fn tell(storage: &Storage, service: Service, now: Instant) -> Result<(), Failure> {
    let calendar = Calendar::new(now);
    let clock = Clock::standing_at(calendar.on(-28, 9, 0));
    keyring::create(Source::of(storage).file()?)?;
    let state = server::open(storage, service, clock)?;
    let mut names = begin(&state, storage).await?;
    let app = test::init_service(app::app(state.clone())).await;
    let call = async |request: TestRequest| -> Result<Value, Failure> {
        let response = app.call(request.to_request()).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let bytes = body::to_bytes(response.into_body()).await.map_err(|_| "an answer breaks off")?;
        if status.is_success() {
            Ok(serde_json::from_slice(&bytes).unwrap_or_default())
        } else {
            Err(format!("{status} {}", String::from_utf8_lossy(&bytes)).into())
        }
    };
    for step in script::steps(&calendar) {
        run_jobs_until(&state, step.at).await?;
        let said = take(&state, &call, &step, &names).await?;
        for (member, suffix) in [("id", ""), ("content_hash", " hash")] {
            if let (Some(name), Some(value)) = (step.known_as, said[member].as_str()) {
                names.insert(format!("{name}{suffix}"), value.to_owned());
            }
        }
    }
    run_jobs_until(&state, calendar.now).await?;
    jobs::run_all(&state).await?;
    Ok(())
}

/// Lets the time pass, and the jobs find each midnight what the day brought.
async fn run_jobs_until(state: &State, at: Instant) -> Result<(), Failure> {
    let midnight = |of: Instant| (of.date_naive() + Duration::days(1)).and_time(NaiveTime::MIN).and_utc().into();
    let mut next: Instant = midnight(state.clock.now());
    while next < at {
        state.clock.set(next);
        jobs::run_all(state).await?;
        next = midnight(next);
    }
    state.clock.set(at);
    Ok(())
}

/// The school and its people, as the commands make them; each has chosen the demo's password.
async fn begin(state: &State, storage: &Storage) -> Result<Names, Failure> {
    let now = state.clock.now();
    let hash = state.passwords.hash(PASSWORD.into()).await?;
    let school = NewSchool { name: SCHOOL.into(), time_zone: ZONE.name().into(), holiday_division: HolidayDivision::EnglandAndWales };
    let school = school.row(storage, now)?;
    state.db.write(school.id.uuid(), move |tx| set_up(tx, &school, &hash, now)).await
}

fn set_up(tx: &mut Conn, school: &schools::SchoolRow, hash: &str, now: Instant) -> Result<Names, Failure> {
    let mut names = HashMap::from([("school".to_owned(), school.id.to_string())]);
    schools::create(tx, school, CLIENT)?;
    for person in PEOPLE {
        let new = NewPerson {
            school: school.id,
            given_name: person.given_name.into(),
            family_name: person.family_name.into(),
            email: person.email(),
            kind: person.kind,
            roles: vec![person.role],
        };
        let id = people::add(tx, &new, CLIENT, now)?;
        let invitation = people::invite(tx, school.id, id, digest(&new_secret()), CLIENT, now)?;
        invitations::accept(tx, &invitation, &new.email, hash, now)?;
        let invited = Actor { school: school.id, person: Some(id), role: "invited".into(), client_id: CLIENT.into(), at: now };
        events::record(tx, invited, Event::new(EventType::PasswordChosen, id.uuid()))?;
        names.insert(person.name.into(), id.to_string());
    }
    let all: Vec<String> = all_grantable().map(str::to_owned).collect();
    let mut mis = ServiceAccountRow::new(school.id, "Management information system".into(), &all, CLIENT_SECRET, now);
    mis.client_id = CLIENT_ID.into();
    services::add(tx, &mis, CLIENT)?;
    names.insert("mis".into(), mis.id.to_string());
    let (policy, hash): (PolicyVersionId, String) = policy_versions::table
        .filter(policy_versions::school_id.eq(school.id))
        .select((policy_versions::id, policy_versions::content_hash))
        .first(tx)?;
    names.extend([("policy".into(), policy.to_string()), ("policy text".into(), hash)]);
    let procedure: ResponseProcedureId =
        response_procedures::table.filter(response_procedures::school_id.eq(school.id)).select(response_procedures::id).first(tx)?;
    names.insert("procedure".into(), procedure.to_string());
    let courses = courses::rows::required_for(tx, school.id, Activity::AccountManager)?;
    names.extend(script::COURSES.into_iter().map(str::to_owned).zip(courses.iter().map(ToString::to_string)));
    Ok(names)
}

/// Makes the request, bound to the version of the thing that is there, and reads the answer.
async fn take(
    state: &State,
    call: &impl AsyncFn(TestRequest) -> Result<Value, Failure>,
    step: &Step,
    names: &Names,
) -> Result<Value, Failure> {
    let bearer = ("Authorization", format!("Bearer {}", token(state, step.who, names).await?));
    let target = filled(step.call, names);
    let (method, path) = target.split_once(' ').unwrap_or(("GET", &target));
    let method: Method = method.parse().map_err(|_| "the story names a method that does not exist")?;
    let mut request = TestRequest::with_uri(path).method(method).insert_header(bearer.clone());
    // What there is already is read first: a decision is bound to the version that was seen.
    if let [_, "v1", collection, id, ..] = path.split('/').collect::<Vec<_>>()[..] {
        let seen = call(TestRequest::with_uri(&format!("/v1/{collection}/{id}")).insert_header(bearer)).await?;
        request = request.insert_header(("If-Match", format!("\"{}\"", seen["version"])));
    }
    if let Some(body) = &step.body {
        request = request.insert_header(("Content-Type", "application/json")).set_payload(filled(&body.to_string(), names));
    }
    call(request).await.map_err(|why| format!("{}, {}: {why}", step.who, step.call).into())
}

/// A token for somebody of the story.
async fn token(state: &State, who: &str, names: &Names) -> Result<String, Failure> {
    let id = |name: &str| names[name].parse::<Uuid>().map_err(|error| error.to_string());
    let (now, school, id) = (state.clock.now(), SchoolId::from(id("school")?), id(who)?);
    let person = PEOPLE.iter().find(|person| person.name == who);
    let (holder, client_id, roles) = match person {
        Some(person) => (Holder::Person(id.into()), "weald", [person.role]),
        None => (Holder::Service(id.into()), CLIENT_ID, [Role::MisIntegration]),
    };
    let session =
        state.db.write(school.uuid(), move |tx| Ok::<_, Failure>(sessions::open(tx, school, holder, client_id, None, now)?)).await?;
    let grant = NewToken {
        subject: id,
        school: school.uuid(),
        session: session.id.uuid(),
        client_id,
        scopes: &permissions::scopes_of(&roles),
        roles: &roles,
    };
    state.tokens.issue(now, &grant).map_err(|error| error.to_string().into())
}

/// Puts what was named in the place of names in braces.
fn filled(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
}

#[cfg(test)]
mod tests {
    use weald::db::schema::{accounts, business_cases, comments, handovers, incidents, publication_checks, takedowns};
    use weald::db::{DatabaseUrl, Db};
    use weald::events::chain;

    use super::*;

    /// Through every day of a week, a bank holiday at Christmas, and both nights on which clocks change.
    #[actix_web::test]
    async fn the_story_can_be_told_on_any_day() {
        for now in [
            "2026-11-16T09:30:00Z",
            "2026-11-17T00:10:00Z",
            "2026-11-18T12:00:00Z",
            "2026-11-19T23:59:00Z",
            "2026-11-20T17:00:00Z",
            "2026-11-21T08:00:00Z",
            "2026-11-22T20:00:00Z",
            "2026-12-29T10:00:00Z",
            "2026-03-29T01:30:00Z",
            "2026-10-25T01:30:00Z",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let storage = Storage {
                database_url: Some(DatabaseUrl::Sqlite(folder.path().join("weald.db"))),
                database_url_file: None,
                database_connections: 2,
                data_dir: folder.path().into(),
                bank_holidays: None,
                master_keys: None,
                master_key_command: None,
            };
            let now: chrono::DateTime<chrono::Utc> = now.parse().unwrap();
            tell(&storage, crate::commands::configured().unwrap(), now.into()).await.unwrap_or_else(|why| panic!("{now}: {why}"));
            let db = Db::open(&storage.url().unwrap(), 2).unwrap();
            db.read(move |conn| {
                let (school, _) = chain::schools_on_file(conn)?.remove(0);
                assert!(chain::verify(conn, school)?.is_ok(), "{now}");
                let states = |states: Vec<String>| {
                    let mut counts = std::collections::BTreeMap::<String, u32>::new();
                    for state in states {
                        *counts.entry(state).or_default() += 1;
                    }
                    counts.into_iter().map(|(state, count)| format!("{state} {count}")).collect::<Vec<_>>().join(", ")
                };
                let text = |column: &str| diesel::dsl::sql::<diesel::sql_types::Text>(column);
                assert_eq!(
                    states(business_cases::table.select(text("state")).load(conn)?),
                    "approved 1, changes_requested 1, draft 1, rejected 1, submitted 3, used 4, withdrawn 1"
                );
                assert_eq!(
                    states(accounts::table.select(text("state")).load(conn)?),
                    "active 1, handover_required 1, pending_activation 1, suspended 1"
                );
                assert_eq!(states(handovers::table.select(text("state")).load(conn)?), "open 1");
                assert_eq!(
                    states(comments::table.select(text("state")).load(conn)?),
                    "acknowledged 2, answered 3, closed 3, no_response_required 1, received 5"
                );
                assert_eq!(states(incidents::table.select(text("state")).load(conn)?), "closed 1, reported 3");
                let checks: Vec<String> = publication_checks::table.select(text("state")).load(conn)?;
                assert_eq!(states(checks), "blocked 1, expired 1, used 2");
                let tasks: Vec<String> = takedowns::table.select(text("state")).load(conn)?;
                assert_eq!(states(tasks), "open 1");
                let overdue: i64 = comments::table.filter(comments::overdue_recorded_at.is_not_null()).count().get_result(conn)?;
                assert!(overdue >= 2, "{now}: {overdue}");
                Ok::<_, Failure>(())
            })
            .await
            .unwrap();
        }
    }
}
