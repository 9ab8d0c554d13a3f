//! The demo's story: what people did over the last weeks, as requests to the API, each at its time.

use std::collections::HashMap;

use actix_web::body;
use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::test::{self, TestRequest};
use chrono::{Datelike, Duration, DurationRound, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;
use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::access::sessions::{self, Holder};
use weald::access::tokens::NewToken;
use weald::access::{digest, new_secret, permissions};
use weald::app::{self, State};
use weald::clock::{Clock, Instant};
use weald::config::{Service, Storage};
use weald::db::Conn;
use weald::db::schema::service_accounts;
use weald::db::types::{SchoolId, ServiceAccountId};
use weald::events::{self, Actor, Event, EventType};
use weald::policy::holidays::HolidayDivision;
use weald::policy::roles::{PersonKind, Role};
use weald::resources::invitations::rows as invitations;
use weald::resources::schools::rows as schools;
use weald::{jobs, server};

use super::{CLIENT_ID, CLIENT_SECRET, PASSWORD};
use crate::commands::people::NewPerson;
use crate::commands::schools::NewSchool;
use crate::commands::services::NewService;
use crate::commands::{Failure, people, services};

pub const SCHOOL: &str = "Weald Community Primary School";
const ZONE: Tz = chrono_tz::Europe::London;
/// As which the story's beginning stands in the log.
const CLIENT: &str = "weald-demo";

/// Somebody at the school.
pub struct Person {
    /// The name before the at sign, and in the story.
    pub name: &'static str,
    pub given_name: &'static str,
    pub family_name: &'static str,
    kind: PersonKind,
    role: Role,
}

impl Person {
    pub fn email(&self) -> String {
        format!("{}@weald.example", self.name)
    }
}

const fn person(name: &'static str, given_name: &'static str, family_name: &'static str, kind: PersonKind, role: Role) -> Person {
    Person { name, given_name, family_name, kind, role }
}

/// One person per role, named by it, and a few more.
pub const PEOPLE: &[Person] = &[
    person("headteacher", "Hannah", "Okafor", PersonKind::Staff, Role::Headteacher),
    person("leadership_team", "Daniel", "Price", PersonKind::Staff, Role::LeadershipTeam),
    person("it_technician", "Imran", "Shah", PersonKind::Staff, Role::ItTechnician),
    person("staff", "Sarah", "Whitfield", PersonKind::Staff, Role::Staff),
    person("volunteer", "Victor", "Lane", PersonKind::Volunteer, Role::Volunteer),
    person("parent_carer", "Priya", "Nair", PersonKind::ParentCarer, Role::ParentCarer),
    person("pupil", "Poppy", "Nair", PersonKind::Pupil, Role::Pupil),
    person("governor", "George", "Bell", PersonKind::Governor, Role::Governor),
    person("chair_of_governors", "Catherine", "Moore", PersonKind::Governor, Role::ChairOfGovernors),
    person("dsl", "Dawn", "Fletcher", PersonKind::Staff, Role::Dsl),
    person("deputy_dsl", "Benjamin", "Adeyemi", PersonKind::Staff, Role::DeputyDsl),
    person("dpo", "Olivia", "Grant", PersonKind::Visitor, Role::Dpo),
    person("tom.hughes", "Tom", "Hughes", PersonKind::Staff, Role::Staff),
    person("ruth.evans", "Ruth", "Evans", PersonKind::Staff, Role::Staff),
    person("liam.carter", "Liam", "Carter", PersonKind::ParentCarer, Role::ParentCarer),
    person("noah.carter", "Noah", "Carter", PersonKind::Pupil, Role::Pupil),
    person("maya.nair", "Maya", "Nair", PersonKind::Pupil, Role::Pupil),
];

/// A request that somebody makes.
struct Step {
    at: Instant,
    who: &'static str,
    /// Method and path; `{name}` stands for the id of what was called so.
    call: &'static str,
    body: Option<Value>,
    /// What the answer's thing is called from now on.
    known_as: Option<&'static str>,
}

/// The days of the story, by the Monday that lies last before today.
struct Calendar {
    now: Instant,
    monday: NaiveDate,
}

impl Calendar {
    fn new(now: Instant) -> Self {
        let now = now.duration_trunc(Duration::minutes(1)).map_or(now, Instant::from);
        let yesterday = now.with_timezone(&ZONE).date_naive() - Duration::days(1);
        Self { now, monday: yesterday.week(Weekday::Mon).first_day() }
    }

    /// `days` after the Monday, at a local time of day.
    fn on(&self, days: i64, hour: u32, minute: u32) -> Instant {
        let local = self.day(days).and_hms_opt(hour, minute, 0);
        local.and_then(|local| ZONE.from_local_datetime(&local).earliest()).map_or(self.now, |at| at.to_utc().into())
    }

    /// The date `days` after the Monday.
    fn day(&self, days: i64) -> NaiveDate {
        self.monday + Duration::days(days)
    }

    fn ago(&self, hours: i64) -> Instant {
        self.now + -Duration::hours(hours)
    }

    /// The last instant on a weekday that lies `hours` or whole days more back.
    fn weekday_ago(&self, hours: i64) -> Instant {
        let mut at = self.ago(hours);
        while matches!(at.with_timezone(&ZONE).weekday(), Weekday::Sat | Weekday::Sun) {
            at = at + -Duration::days(1);
        }
        at
    }
}

/// Tells the story, up to `now`, into an empty database.
pub async fn tell(storage: &Storage, service: Service, now: Instant) -> Result<(), Failure> {
    let calendar = Calendar::new(now);
    let clock = Clock::standing_at(calendar.on(-28, 9, 0));
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
    let mut steps = school(&calendar);
    steps.extend(proposals(&calendar));
    steps.extend(comments(&calendar));
    // The sort is stable: what happens at the same time happens in the order in which it is written.
    steps.sort_by_key(|step| step.at);
    for step in steps {
        run_jobs_until(&state, step.at).await?;
        let said = take(&state, &call, &step, &names).await?;
        if let (Some(name), Some(id)) = (step.known_as, said["id"].as_str().and_then(|id| id.parse().ok())) {
            names.insert(name, id);
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
async fn begin(state: &State, storage: &Storage) -> Result<HashMap<&'static str, Uuid>, Failure> {
    let now = state.clock.now();
    let hash = state.passwords.hash(PASSWORD.into()).await?;
    let school = NewSchool { name: SCHOOL.into(), time_zone: ZONE.name().into(), holiday_division: HolidayDivision::EnglandAndWales };
    let school = school.row(storage, now)?;
    state.db.write(school.id.uuid(), move |tx| set_up(tx, &school, &hash, now)).await
}

fn set_up(tx: &mut Conn, school: &schools::SchoolRow, hash: &str, now: Instant) -> Result<HashMap<&'static str, Uuid>, Failure> {
    let mut names = HashMap::from([("school", school.id.uuid())]);
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
        names.insert(person.name, id.uuid());
    }
    let all = services::grantable().map(str::to_owned).collect();
    let mis = NewService { school: school.id, name: "Management information system".into(), permissions: all };
    services::add(tx, &mis, CLIENT_ID, &digest(CLIENT_SECRET), CLIENT, now)?;
    let id: ServiceAccountId =
        service_accounts::table.filter(service_accounts::client_id.eq(CLIENT_ID)).select(service_accounts::id).first(tx)?;
    names.insert("mis", id.uuid());
    Ok(names)
}

/// Makes the request, bound to the version of the thing that is there, and reads the answer.
async fn take(
    state: &State,
    call: &impl AsyncFn(TestRequest) -> Result<Value, Failure>,
    step: &Step,
    names: &HashMap<&'static str, Uuid>,
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
async fn token(state: &State, who: &str, names: &HashMap<&'static str, Uuid>) -> Result<String, Failure> {
    let (now, school, id) = (state.clock.now(), SchoolId::from(names["school"]), names[who]);
    let person = PEOPLE.iter().find(|person| person.name == who);
    let (holder, client_id, roles) = match person {
        Some(person) => (Holder::Person(id.into()), "weald", [person.role]),
        None => (Holder::Service(id.into()), CLIENT_ID, [Role::MisIntegration]),
    };
    let session = state.db.write(school.uuid(), move |tx| Ok::<_, Failure>(sessions::open(tx, school, holder, client_id, now)?)).await?;
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

/// Puts ids in the place of names in braces.
fn filled(text: &str, names: &HashMap<&'static str, Uuid>) -> String {
    names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), &id.to_string()))
}

fn step(at: Instant, who: &'static str, call: &'static str) -> Step {
    Step { at, who, call, body: None, known_as: None }
}

impl Step {
    fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn known_as(mut self, name: &'static str) -> Self {
        self.known_as = Some(name);
        self
    }
}

/// A case with all that a submission asks for.
fn case(name: &str, platform: &str, aim: &str, audiences: &[&str], visibility: &str, team: [&str; 2]) -> Value {
    json!({
        "name": name, "platform": platform, "aim": aim, "audiences": audiences, "visibility": visibility,
        "promotion_plan": "In the newsletter and on the school's website.",
        "managers": [{ "person_id": format!("{{{}}}", team[0]), "lead": true }, { "person_id": format!("{{{}}}", team[1]) }],
    })
}

/// Guardians, a closing day, and who acts for the headteacher next week.
fn school(calendar: &Calendar) -> Vec<Step> {
    let start = calendar.on(-28, 9, 30);
    let guardian = |pupil, guardian: &str| {
        let body = json!({ "guardian_id": format!("{{{guardian}}}"), "relationship": "parent", "has_parental_responsibility": true });
        step(start, "headteacher", pupil).with(body)
    };
    vec![
        guardian("POST /v1/people/{pupil}/set-guardian", "parent_carer"),
        guardian("POST /v1/people/{maya.nair}/set-guardian", "parent_carer"),
        guardian("POST /v1/people/{noah.carter}/set-guardian", "liam.carter"),
        step(calendar.on(-27, 9, 0), "headteacher", "PATCH /v1/schools/{school}")
            .with(json!({ "closing_days": [{ "closed_on": calendar.day(18), "title": "INSET day" }] })),
        step(calendar.on(-1, 18, 0), "headteacher", "POST /v1/delegations").with(json!({ "delegate_id": "{leadership_team}",
            "starts_on": calendar.day(14), "ends_on": calendar.day(16), "reason": "The headteacher is at a conference." })),
    ]
}

/// Business cases in every state that can come about within a month, and the accounts that came out of them.
fn proposals(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let draft = |at, who, name, body| step(at, who, "POST /v1/business-cases").with(body).known_as(name);
    vec![
        draft(
            on(-21, 8, 40),
            "staff",
            "page case",
            case(
                "Weald Community Primary School",
                "facebook",
                "Tell families and neighbours what happens at school.",
                &["parents", "local_community"],
                "open",
                ["staff", "tom.hughes"],
            ),
        ),
        step(on(-21, 8, 55), "staff", "POST /v1/business-cases/{page case}/submit"),
        step(on(-21, 16, 10), "headteacher", "POST /v1/business-cases/{page case}/approve")
            .with(json!({ "reason": "Clear aim, and two people who have the time." })),
        step(on(-20, 9, 5), "it_technician", "POST /v1/accounts")
            .known_as("page")
            .with(json!({ "business_case_id": "{page case}", "handle": "wealdprimary", "url": "https://social.example/wealdprimary" })),
        step(on(-20, 9, 20), "it_technician", "POST /v1/accounts/{page}/activate"),
        draft(
            on(-20, 12, 30),
            "tom.hughes",
            "sport case",
            case(
                "Weald Sport",
                "x",
                "Results and fixtures of the school's teams.",
                &["parents", "alumni"],
                "open",
                ["tom.hughes", "ruth.evans"],
            ),
        ),
        step(on(-20, 12, 45), "tom.hughes", "POST /v1/business-cases/{sport case}/submit"),
        step(on(-19, 8, 15), "headteacher", "POST /v1/business-cases/{sport case}/approve").with(json!({})),
        step(on(-18, 10, 0), "it_technician", "POST /v1/accounts")
            .known_as("sport")
            .with(json!({ "business_case_id": "{sport case}", "handle": "@WealdSport" })),
        step(on(-18, 10, 10), "it_technician", "POST /v1/accounts/{sport}/activate"),
        step(on(-3, 15, 0), "headteacher", "POST /v1/accounts/{sport}/suspend")
            .with(json!({ "reason": "Both managers are away with Year 6: nobody can watch the account." })),
        draft(
            on(-14, 19, 30),
            "parent_carer",
            "friends case",
            json!({ "name": "Friends of Weald", "platform": "facebook",
            "aim": "Bring families together for fairs and fundraising.", "audiences": ["parents"] }),
        ),
        step(on(-13, 8, 20), "staff", "PATCH /v1/business-cases/{friends case}").with(json!({ "visibility": "closed",
            "promotion_plan": "At the school gate, and in the newsletter.",
            "managers": [{ "person_id": "{ruth.evans}", "lead": true }, { "person_id": "{staff}" }, { "person_id": "{parent_carer}" }] })),
        step(on(-13, 8, 30), "staff", "POST /v1/business-cases/{friends case}/submit"),
        step(on(-12, 16, 40), "headteacher", "POST /v1/business-cases/{friends case}/approve").with(json!({})),
        step(on(-11, 9, 0), "it_technician", "POST /v1/accounts")
            .known_as("friends")
            .with(json!({ "business_case_id": "{friends case}", "handle": "friendsofweald" })),
        draft(
            on(-11, 13, 0),
            "volunteer",
            "garden case",
            case(
                "Gardening at Weald",
                "tiktok",
                "Show what grows in the school garden.",
                &["parents", "local_community"],
                "open",
                ["tom.hughes", "ruth.evans"],
            ),
        ),
        step(on(-11, 13, 20), "volunteer", "POST /v1/business-cases/{garden case}/submit"),
        step(on(-10, 9, 30), "headteacher", "POST /v1/business-cases/{garden case}/request-changes")
            .with(json!({ "reason": "Please say how it stays free of pictures of pupils." })),
        draft(
            on(-10, 15, 50),
            "staff",
            "blocks case",
            case(
                "Weald Blocks",
                "minecraft",
                "Build the school as it was a hundred years ago.",
                &["pupils"],
                "private",
                ["staff", "ruth.evans"],
            ),
        ),
        step(on(-10, 16, 0), "staff", "POST /v1/business-cases/{blocks case}/submit"),
        step(on(-9, 8, 50), "headteacher", "POST /v1/business-cases/{blocks case}/reject")
            .with(json!({ "reason": "Nobody could watch it in the evenings, when pupils would play." })),
        draft(
            on(-7, 11, 0),
            "dsl",
            "safety case",
            case("Safer Internet Week", "youtube", "Short films for parents.", &["parents"], "open", ["dsl", "deputy_dsl"]),
        ),
        step(on(-6, 11, 0), "dsl", "POST /v1/business-cases/{safety case}/withdraw"),
        draft(
            on(-6, 9, 0),
            "it_technician",
            "website case",
            case(
                "Comments on the website",
                "website_comments",
                "Let visitors ask questions where they read.",
                &["prospective_parents"],
                "open",
                ["it_technician", "staff"],
            ),
        ),
        step(on(-6, 9, 10), "it_technician", "POST /v1/business-cases/{website case}/submit"),
        step(on(-5, 8, 30), "headteacher", "POST /v1/business-cases/{website case}/approve").with(json!({})),
        draft(
            on(-4, 10, 30),
            "tom.hughes",
            "nature case",
            case(
                "Weald Nature Club",
                "youtube",
                "A film a month about the animals around the school.",
                &["parents", "pupils"],
                "open",
                ["tom.hughes", "ruth.evans"],
            ),
        ),
        step(on(-4, 10, 40), "tom.hughes", "POST /v1/business-cases/{nature case}/submit"),
        draft(
            on(-4, 14, 0),
            "leadership_team",
            "jobs case",
            case("Working at Weald", "linkedin", "Find new colleagues.", &["staff", "other"], "open", ["leadership_team", "staff"]),
        ),
        step(on(-4, 14, 10), "leadership_team", "POST /v1/business-cases/{jobs case}/submit"),
        draft(on(-1, 20, 15), "liam.carter", "class case", json!({ "name": "Parents of Year 4", "platform": "whatsapp" })),
        // The headteacher's own: the chair of governors decides (A11).
        draft(
            on(0, 12, 0),
            "headteacher",
            "letters case",
            case(
                "Letters from the headteacher",
                "learning_platform",
                "A letter to families each month.",
                &["parents"],
                "closed",
                ["headteacher", "leadership_team"],
            ),
        ),
        step(on(0, 12, 10), "headteacher", "POST /v1/business-cases/{letters case}/submit"),
    ]
}

/// Who wrote what, and when it came in.
fn comment(account: &str, kind: &str, received_at: Instant, author: Option<&str>, text: &str) -> Value {
    let mut comment = json!({ "account_id": format!("{{{account}}}"), "kind": kind, "text": text, "received_at": received_at });
    match author {
        Some(name) => comment["author_name"] = name.into(),
        None => comment["author_anonymous"] = true.into(),
    }
    comment
}

/// Comments of the last days: answered in time and too late, at a weekend, overdue, and waiting.
fn comments(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let log = |at, who, name, body| step(at, who, "POST /v1/comments").with(body).known_as(name);
    let answer = |text: &str| json!({ "kind": "answer", "text": text });
    let acknowledge = |text: &str| json!({ "kind": "acknowledgement", "text": text });
    let from_mis = |mut body: Value, external_id: &str| {
        body["external_id"] = external_id.into();
        body
    };
    let missed = calendar.weekday_ago(27);
    vec![
        // In time.
        log(on(-7, 12, 30), "tom.hughes", "result", comment("sport", "query", on(-7, 12, 0), Some("Ade O."), "Who won on Saturday?")),
        step(on(-7, 13, 0), "tom.hughes", "POST /v1/comments/{result}/respond").with(answer("We did, three to one!")),
        step(on(-7, 13, 5), "tom.hughes", "POST /v1/comments/{result}/close"),
        // Too late.
        log(
            on(-6, 10, 20),
            "staff",
            "lunch",
            comment("page", "query", on(-6, 10, 0), Some("Jo Marsh"), "Is the new lunch menu on the website?"),
        ),
        step(on(-4, 9, 0), "staff", "POST /v1/comments/{lunch}/respond").with(answer("It is now, under Families. Sorry for the wait.")),
        step(on(-4, 9, 5), "staff", "POST /v1/comments/{lunch}/close"),
        // One reply to two comments (A9).
        log(
            on(-5, 16, 10),
            "staff",
            "parking",
            comment("page", "complaint", on(-5, 16, 0), Some("R. Whit"), "Cars were parked across our drive again."),
        ),
        log(
            on(-5, 18, 40),
            "staff",
            "parking too",
            comment("page", "comment", on(-5, 18, 30), Some("Dee Lowe"), "Same here, every afternoon."),
        ),
        step(on(-4, 8, 20), "staff", "POST /v1/comments/{parking}/respond").with(
            json!({ "kind": "answer", "text": "Thank you for telling us. We have written to all families.", "answers": ["{parking too}"] }),
        ),
        // Plain praise.
        log(on(-4, 17, 15), "tom.hughes", "praise", comment("page", "comment", on(-4, 17, 0), Some("Sam"), "Lovely concert!")),
        step(on(-3, 8, 30), "tom.hughes", "POST /v1/comments/{praise}/no-response-required").with(json!({ "reason": "Plain praise." })),
        // On a Friday evening: due on Saturday (A2).
        log(on(-3, 18, 30), "staff", "coat", comment("page", "query", on(-3, 18, 0), Some("Fi Dunn"), "Has a blue coat been found?")),
        step(on(-2, 9, 30), "staff", "POST /v1/comments/{coat}/respond").with(acknowledge("We will look on Monday morning.")),
        // At the weekend: due by the end of the next working day.
        log(
            on(-2, 18, 0),
            "tom.hughes",
            "fair",
            comment("page", "query", on(-2, 14, 20), Some("Kim Ashe"), "When does the winter fair start?"),
        ),
        step(on(0, 9, 15), "staff", "POST /v1/comments/{fair}/respond").with(acknowledge("We are asking the Friends of Weald.")),
        step(on(0, 15, 30), "staff", "POST /v1/comments/{fair}/respond").with(answer("At two o'clock. Do come!")),
        step(on(0, 15, 35), "staff", "POST /v1/comments/{fair}/close"),
        // At the weekend, and forgotten.
        log(
            on(-1, 20, 10),
            "mis",
            "places",
            from_mis(comment("page", "query", on(-1, 20, 5), Some("Noor B."), "Are there places in Year 2 from January?"), "fb-1001"),
        ),
        // A complaint that is overdue.
        log(
            missed + Duration::minutes(30),
            "headteacher",
            "gate",
            comment("page", "complaint", missed, Some("P. Grey"), "Nobody was at the gate this morning."),
        ),
        // Acknowledged by a program, and waiting for an answer.
        log(
            calendar.ago(20),
            "mis",
            "trip",
            from_mis(
                comment("page", "complaint", calendar.ago(20), Some("Lou Hart"), "The trip costs more than last year. Why?"),
                "fb-1002",
            ),
        ),
        step(calendar.ago(20) + Duration::minutes(1), "staff", "POST /v1/comments/{trip}/respond")
            .with(json!({ "kind": "acknowledgement", "automated": true, "text": "Thank you. A person will answer by tomorrow." })),
        // Waiting.
        log(calendar.ago(5), "staff", "noise", comment("page", "comment", calendar.ago(5), None, "The bell is too loud.")),
        log(
            calendar.ago(3),
            "mis",
            "uniform",
            from_mis(comment("page", "query", calendar.ago(3), Some("Abi Cole"), "Where do I get a uniform?"), "fb-1003"),
        ),
        log(
            calendar.ago(1),
            "tom.hughes",
            "choir",
            comment("page", "comment", calendar.ago(1), Some("Gran of two"), "Will the choir sing in town again?"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use weald::db::schema::{accounts, business_cases, comments};
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
            };
            let now: chrono::DateTime<chrono::Utc> = now.parse().unwrap();
            tell(&storage, crate::commands::configured().unwrap(), now.into()).await.unwrap_or_else(|why| panic!("{now}: {why}"));
            let db = Db::open(&storage.url().unwrap(), 2).unwrap();
            db.read(move |conn| {
                let (school, _) = chain::schools_on_file(conn)?.remove(0);
                assert!(chain::verify(conn, school)?.is_ok(), "{now}");
                let states = |states: Vec<String>| {
                    let mut counts = std::collections::BTreeMap::<String, u32>::new();
                    states.into_iter().for_each(|state| *counts.entry(state).or_default() += 1);
                    counts.into_iter().map(|(state, count)| format!("{state} {count}")).collect::<Vec<_>>().join(", ")
                };
                let text = |column: &str| diesel::dsl::sql::<diesel::sql_types::Text>(column);
                assert_eq!(
                    states(business_cases::table.select(text("state")).load(conn)?),
                    "approved 1, changes_requested 1, draft 1, rejected 1, submitted 3, used 3, withdrawn 1"
                );
                assert_eq!(states(accounts::table.select(text("state")).load(conn)?), "active 1, pending_activation 1, suspended 1");
                assert_eq!(
                    states(comments::table.select(text("state")).load(conn)?),
                    "acknowledged 2, answered 2, closed 3, no_response_required 1, received 5"
                );
                let overdue: i64 = comments::table.filter(comments::overdue_recorded_at.is_not_null()).count().get_result(conn)?;
                assert!(overdue >= 2, "{now}: {overdue}");
                Ok::<_, Failure>(())
            })
            .await
            .unwrap();
        }
    }
}
