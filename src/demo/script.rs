//! The demo's story: who is at the school, and what they did over the last weeks.

use chrono::{Datelike, Duration, DurationRound, NaiveDate, TimeZone, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};
use weald::clock::Instant;
use weald::policy::roles::{PersonKind, Role};

pub const SCHOOL: &str = "Weald Community Primary School";
pub const ZONE: Tz = chrono_tz::Europe::London;

/// Somebody at the school.
pub struct Person {
    /// The name before the at sign, and in the story.
    pub name: &'static str,
    pub given_name: &'static str,
    pub family_name: &'static str,
    pub kind: PersonKind,
    pub role: Role,
}

impl Person {
    pub fn email(&self) -> String {
        format!("{}@weald.example", self.name)
    }
}

const fn person(name: &'static str, given_name: &'static str, family_name: &'static str, kind: PersonKind, role: Role) -> Person {
    Person { name, given_name, family_name, kind, role }
}

/// Somebody who has left, and cannot log in.
pub const LEAVER: &str = "nadia.khan";

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
    person(LEAVER, "Nadia", "Khan", PersonKind::Staff, Role::Staff),
    person("liam.carter", "Liam", "Carter", PersonKind::ParentCarer, Role::ParentCarer),
    person("noah.carter", "Noah", "Carter", PersonKind::Pupil, Role::Pupil),
    person("maya.nair", "Maya", "Nair", PersonKind::Pupil, Role::Pupil),
];

/// A request that somebody makes.
#[derive(Clone)]
pub struct Step {
    pub at: Instant,
    pub who: &'static str,
    /// Method and path; `{name}` stands for the id of what was called so.
    pub call: &'static str,
    pub body: Option<Value>,
    /// What the answer's thing is called from now on.
    pub known_as: Option<&'static str>,
}

/// The days of the story, by the Monday that lies last before today.
pub struct Calendar {
    pub now: Instant,
    monday: NaiveDate,
}

impl Calendar {
    pub fn new(now: Instant) -> Self {
        let now = now.duration_trunc(Duration::minutes(1)).map_or(now, Instant::from);
        let yesterday = now.with_timezone(&ZONE).date_naive() - Duration::days(1);
        Self { now, monday: yesterday.week(Weekday::Mon).first_day() }
    }

    /// `days` after the Monday, at a local time of day.
    pub fn on(&self, days: i64, hour: u32, minute: u32) -> Instant {
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

/// All that happened, in the order in which it happened.
pub fn steps(calendar: &Calendar) -> Vec<Step> {
    let mut steps = [
        school(calendar),
        training(calendar),
        accounts(calendar),
        monitoring(calendar),
        proposals(calendar),
        comments(calendar),
        leaver(calendar),
        conduct(calendar),
        mentions(calendar),
        enquiries(calendar),
        trouble(calendar),
        pictures(calendar),
        registers(calendar),
        content(calendar),
    ]
    .concat();
    // The sort is stable: what happens at the same time happens in the order in which it is written.
    steps.sort_by_key(|step| step.at);
    steps
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

/// What the story calls the courses that are required of whoever runs an account.
pub const COURSES: [&str; 3] = ["course 1", "course 2", "course 3"];

/// Four members of staff read the policy and are trained; the parent who is to join them has still to be.
fn training(calendar: &Calendar) -> Vec<Step> {
    let mut steps = Vec::new();
    for person in PEOPLE.iter().filter(|person| ["staff", "tom.hughes", "ruth.evans", LEAVER].contains(&person.name)) {
        let name = format!("{} {}", person.given_name, person.family_name);
        steps.push(step(calendar.on(-27, 16, 0), person.name, "POST /v1/acknowledgements").with(json!({
            "policy_version_id": "{policy}", "content_hash": "{policy text}", "read": true, "understood": true, "typed_name": name,
        })));
        for course in COURSES {
            steps.push(step(calendar.on(-26, 15, 30), "dsl", "POST /v1/training-completions").with(json!({
                "person_id": format!("{{{}}}", person.name), "course_id": format!("{{{course}}}"), "completed_on": calendar.day(-26),
                "evidence": "The signed list of the INSET day.",
            })));
        }
    }
    steps
}

/// Somebody looks after the page each day, but for one that was missed.
fn monitoring(calendar: &Calendar) -> Vec<Step> {
    let days = (-19..7).filter(|day| *day != -9 && calendar.on(*day, 17, 45) < calendar.now);
    let check = |day| {
        let who = if day % 2 == 0 { "staff" } else { "tom.hughes" };
        step(calendar.on(day, 17, 45), who, "POST /v1/monitoring-checks").with(json!({ "account_id": "{page}" }))
    };
    days.map(check).collect()
}

/// Business cases that became accounts: in use, suspended, and waiting to be activated.
fn accounts(calendar: &Calendar) -> Vec<Step> {
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
    ]
}

/// The library's account, whose lead has left: its handover is open.
fn leaver(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let credentials = |login: &str, password: &str| json!({ "login": login, "password": password });
    let mut library =
        case("Weald Library", "instagram", "New books, and what pupils read.", &["parents", "pupils"], "open", [LEAVER, "ruth.evans"]);
    if let Some(managers) = library["managers"].as_array_mut() {
        managers.push(json!({ "person_id": "{staff}" }));
    }
    vec![
        step(on(-17, 9, 30), "it_technician", "POST /v1/accounts/{page}/credentials")
            .with(credentials("page@weald.example", "nine-geese-cross-the-lane")),
        step(on(-17, 13, 0), LEAVER, "POST /v1/business-cases").with(library).known_as("library case"),
        step(on(-17, 13, 10), LEAVER, "POST /v1/business-cases/{library case}/submit"),
        step(on(-16, 8, 20), "headteacher", "POST /v1/business-cases/{library case}/approve").with(json!({})),
        step(on(-16, 9, 0), "it_technician", "POST /v1/accounts")
            .known_as("library")
            .with(json!({ "business_case_id": "{library case}", "handle": "wealdlibrary" })),
        step(on(-16, 9, 10), "it_technician", "POST /v1/accounts/{library}/activate"),
        step(on(-16, 9, 20), "it_technician", "POST /v1/accounts/{library}/credentials")
            .with(credentials("library@weald.example", "four-owls-under-the-roof")),
        step(on(-4, 15, 30), "headteacher", "POST /v1/people/{nadia.khan}/leave").with(json!({ "left_on": calendar.day(-2) })),
        step(on(-3, 14, 0), "headteacher", "POST /v1/exit-records").with(json!({
            "person_id": "{nadia.khan}", "acknowledged_on": calendar.day(-3), "method": "in_person",
        })),
    ]
}

/// What pupils are taught of safe use, and the personal accounts of two members of staff: one has its disclaimer still to get.
fn conduct(calendar: &Calendar) -> Vec<Step> {
    let taught = |days, who, year_group: &str, topic: &str| {
        step(calendar.on(days, 15, 0), "dsl", "POST /v1/education-sessions").with(json!({
            "year_group": year_group, "topic": topic, "held_on": calendar.day(days), "deliverer_id": format!("{{{who}}}"),
        }))
    };
    let declared = |days, who, handle: &str, disclaimer_present: bool| {
        step(calendar.on(days, 18, 30), who, "POST /v1/personal-account-declarations").with(json!({
            "platform": "x", "handle": handle, "names_school": true, "impacts_school": false, "disclaimer_present": disclaimer_present,
            "uses_school_branding": false,
        }))
    };
    vec![
        taught(-25, "staff", "nursery", "Ask a grown-up first"),
        taught(-25, "staff", "reception", "Ask a grown-up first"),
        taught(-24, "ruth.evans", "year_1", "What is private"),
        taught(-24, "ruth.evans", "year_2", "What is private"),
        taught(-21, "tom.hughes", "year_3", "Kind words online"),
        taught(-20, "tom.hughes", "year_4", "Kind words online"),
        taught(-11, "dsl", "year_5", "Who is behind a name"),
        taught(-10, "dsl", "year_6", "Who is behind a name"),
        taught(-4, "dsl", "year_6", "What stays on the net"),
        declared(-12, "staff", "sarah_teaches", true),
        declared(-6, "tom.hughes", "tomruns", false),
    ]
}

/// Business cases in the other states that can come about within a month.
fn proposals(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let draft = |at, who, name, body| step(at, who, "POST /v1/business-cases").with(body).known_as(name);
    vec![
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

/// A sweep of the web each week, what it found, how that was responded to, and a concern.
fn mentions(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let sweep = |days, name, results| {
        step(on(days, 14, 0), "leadership_team", "POST /v1/mention-sweeps").known_as(name).with(json!({
            "terms": ["Weald Community Primary School", "Weald CPS"], "sources": ["facebook", "x"], "result_count": results,
        }))
    };
    let found = |at, name, url: &str, sentiment: &str, topic: &str, excerpt: &str| {
        step(at, "leadership_team", "POST /v1/mentions").known_as(name).with(json!({
            "sweep_id": "{sweep}", "url": url, "platform": "facebook", "public": true, "author_anonymous": true, "excerpt": excerpt,
            "sentiment": sentiment, "topics": [topic],
        }))
    };
    let assess =
        |call, scope: &str, reason: &str| step(on(-5, 8, 0), "headteacher", call).with(json!({ "scope": scope, "reason": reason }));
    vec![
        sweep(-20, "first sweep", 0),
        sweep(-13, "second sweep", 1),
        sweep(-6, "sweep", 3),
        found(on(-6, 14, 10), "praised", "https://social.example/p/1", "positive", "concert", "Weald's concert was the best in years."),
        found(on(-6, 14, 15), "criticised", "https://social.example/p/2", "negative", "parking", "Weald does nothing about the parking."),
        found(on(-6, 14, 20), "private matter", "https://social.example/p/3", "neutral", "other", "We had a lovely week in Wales."),
        assess("POST /v1/mentions/{praised}/assess", "personal_associated", "A parent speaks of the school."),
        assess("POST /v1/mentions/{criticised}/assess", "personal_associated", "A neighbour speaks of the school."),
        assess("POST /v1/mentions/{private matter}/assess", "out_of_scope", "It has nothing to do with the school."),
        step(on(-5, 9, 0), "leadership_team", "POST /v1/mentions/{criticised}/respond").with(json!({
            "procedure_version_id": "{procedure}", "branch": "acknowledge_and_talk",
            "note": "Thanked the author, and offered to talk at the gate.",
        })),
        step(on(-5, 9, 30), "leadership_team", "POST /v1/mentions/{criticised}/close"),
        step(on(-4, 16, 0), "ruth.evans", "POST /v1/low-level-concerns").with(json!({
            "about_person_id": "{tom.hughes}", "occurred_on": calendar.day(-4),
            "what_happened": "Took a picture of the class on a phone of his own.", "context": "On a trip; the school's tablet was flat.",
        })),
    ]
}

/// A journalist, who is answered after clearance alone, and a request on which the law sets a month.
fn enquiries(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    vec![
        step(on(-22, 9, 0), "headteacher", "POST /v1/policies")
            .known_as("media policy")
            .with(json!({ "kind": "media", "title": "Media policy" })),
        step(on(-22, 9, 10), "headteacher", "POST /v1/policies/{media policy}/versions").known_as("media text").with(json!({
            "clauses": [{ "id": "M-1", "title": "Who answers", "text": "The headteacher clears what journalists are told." }],
        })),
        step(on(-22, 9, 20), "headteacher", "POST /v1/policy-versions/{media text}/submit"),
        step(on(-22, 16, 0), "headteacher", "POST /v1/policy-versions/{media text}/publish"),
        step(on(-5, 11, 0), "staff", "POST /v1/media-enquiries").known_as("gazette").with(json!({
            "outlet": "Weald Gazette", "journalist_name": "K. Reporter", "question": "Does the winter fair take place?",
        })),
        step(on(-5, 11, 20), "staff", "POST /v1/media-enquiries/{gazette}/request-clearance")
            .with(json!({ "proposed_answer": "It does, at two o'clock." })),
        step(on(-5, 12, 0), "headteacher", "POST /v1/media-enquiries/{gazette}/clear")
            .with(json!({ "answer": "The winter fair takes place. Everybody is welcome." })),
        step(on(-5, 12, 30), "staff", "POST /v1/media-enquiries/{gazette}/respond").with(json!({})),
        step(on(-1, 12, 0), "headteacher", "POST /v1/media-enquiries")
            .with(json!({ "outlet": "County Radio", "question": "What do you do about the parking?" })),
        step(on(-9, 10, 0), "dpo", "POST /v1/statutory-clocks").with(json!({
            "kind": "subject_access_request", "description": "A family asks for all that is kept about their child.",
        })),
    ]
}

/// A parent's insult, a fake account, a pupil's worry, and a report that the headteacher must not see.
fn trouble(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let fake = step(on(-10, 8, 30), "tom.hughes", "POST /v1/incidents").known_as("fake").with(json!({
        "category": "impersonation_fake_account", "description": "Somebody posts as the school, with its logo.",
        "subjects": [{ "description": "Whoever runs the account" }], "evidence": [{ "kind": "link", "value": "https://social.example/fake" }],
    }));
    vec![
        step(on(-9, 16, 30), "staff", "POST /v1/comments").known_as("insult").with(comment(
            "page",
            "comment",
            on(-9, 16, 0),
            Some("Liam C."),
            "The lady at the gate is a useless cow.",
        )),
        step(on(-9, 16, 40), "staff", "POST /v1/comments/{insult}/flag-offensive"),
        step(on(-9, 16, 50), "staff", "POST /v1/moderation-actions").with(json!({
            "comment_id": "{insult}", "kind": "hide", "reason": "offensive",
            "public_explanation": "We have hidden a comment that insulted a member of staff. Please keep it civil.",
        })),
        step(on(-8, 9, 0), "headteacher", "POST /v1/parent-ladders")
            .known_as("ladder")
            .with(json!({ "comment_id": "{insult}", "parent_id": "{liam.carter}" })),
        step(on(-8, 9, 30), "headteacher", "POST /v1/parent-ladders/{ladder}/request-removal")
            .with(json!({ "channel": "telephone", "outcome": "Did not see the harm in it." })),
        step(on(-8, 9, 40), "headteacher", "POST /v1/parent-ladders/{ladder}/invite-discussion")
            .with(json!({ "channel": "telephone", "outcome": "Comes in on Friday." })),
        fake,
        step(on(-10, 10, 0), "headteacher", "POST /v1/incidents/{fake}/assess").with(json!({
            "category": "impersonation_fake_account", "harm_threshold": "not_applicable", "legality": "lawful", "safeguarding": false,
            "scope": "personal_associated", "severity": "moderate", "reasons": "Families may take it for the school's.",
        })),
        step(on(-10, 10, 10), "headteacher", "POST /v1/incidents/{fake}/investigate"),
        step(on(-9, 11, 0), "headteacher", "POST /v1/incidents/{fake}/record-action")
            .with(json!({ "action_taken": "Reported to the platform; families were told." })),
        step(on(-8, 11, 0), "headteacher", "POST /v1/incidents/{fake}/close")
            .with(json!({ "outcome": "content_removed", "outcome_notice": "The account is gone. Thank you for telling us." })),
        step(on(-3, 19, 0), "pupil", "POST /v1/incidents")
            .known_as("worry")
            .with(json!({ "description": "Somebody in my class writes mean things about me.", "child_involved": true })),
        step(on(-2, 9, 0), "dsl", "POST /v1/incidents/{worry}/notes")
            .with(json!({ "audience": "internal", "text": "I will talk to Poppy and to her class teacher on Monday." })),
        step(on(-2, 9, 30), "headteacher", "POST /v1/incidents/{worry}/notes")
            .with(json!({ "audience": "reporter", "text": "Thank you for telling us. Mrs Fletcher will talk to you on Monday." })),
        step(on(-2, 20, 0), "ruth.evans", "POST /v1/incidents").with(json!({
            "category": "disrepute", "description": "A quarrel about the school on a private account that parents can read.",
            "subjects": [{ "person_id": "{headteacher}" }],
        })),
    ]
}

/// How staff's use at work is monitored, who may be in contact with which pupil, and what staff declared of that. One request
/// has still to be decided, and some have declared nothing.
fn registers(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let monitored = |name, activity: &str, starts| {
        step(on(-24, 9, 0), "headteacher", "POST /v1/workplace-monitoring").known_as(name).with(json!({
            "activity": activity, "lawful_basis": "public_task", "policy_reference": "Acceptable use agreement for staff, section 4",
            "notice_given_on": calendar.day(-25), "dpia_reference": "DPIA 3", "starts_on": calendar.day(starts),
        }))
    };
    let asked = |days, who, name, body| step(on(days, 16, 30), who, "POST /v1/contact-exceptions").known_as(name).with(body);
    let declared = |days, who, body| step(on(days, 16, 45), who, "POST /v1/contact-declarations").with(body);
    vec![
        monitored("web filter", "Web filter on the school's network", -21),
        monitored("mail trial", "Trial of a filter on the school's e-mail", -20),
        step(on(-9, 9, 0), "headteacher", "POST /v1/workplace-monitoring/{mail trial}/end"),
        asked(-18, "staff", "niece", json!({ "pupil_id": "{maya.nair}", "relationship": "relative", "explanation": "My niece." })),
        step(on(-17, 9, 0), "headteacher", "POST /v1/contact-exceptions/{niece}/grant").with(json!({})),
        asked(
            -18,
            "tom.hughes",
            "team mate",
            json!({
                "pupil_description": "A former pupil who runs in the same club.", "relationship": "other", "explanation": "We arrange training.",
            }),
        ),
        step(on(-17, 9, 10), "headteacher", "POST /v1/contact-exceptions/{team mate}/refuse")
            .with(json!({ "reason": "The club has an account of its own for that." })),
        asked(-16, "headteacher", "son", json!({ "pupil_description": "My son, who has left.", "relationship": "own_child" })),
        step(on(-15, 19, 0), "chair_of_governors", "POST /v1/contact-exceptions/{son}/grant")
            .with(json!({ "reason": "A parent and a child." })),
        asked(-3, "ruth.evans", "godchild", json!({ "pupil_id": "{noah.carter}", "relationship": "other", "explanation": "My godchild." })),
        declared(-14, "headteacher", json!({ "no_contact": true })),
        declared(-14, "staff", json!({ "no_contact": true })),
        declared(-13, "dsl", json!({ "no_contact": true })),
        declared(-13, "tom.hughes", json!({ "no_contact": false, "explanation": "Two former pupils of the running club follow me." })),
    ]
}

/// By what right others' works are used, in which tone the school writes, and a picture that was deleted at once.
fn content(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let permission = |at, who, name, body| step(at, who, "POST /v1/content-permissions").with(body).known_as(name);
    let tablet = json!([{ "place": "device", "detail": "Tablet 3" }, { "place": "cloud_backup" }]);
    vec![
        step(on(-24, 8, 30), "headteacher", "PUT /v1/style-guides/x").with(json!({
            "tone_keywords": ["informative", "friendly", "short"], "text": "One thing at a time, as one would say it at the gate.",
        })),
        permission(
            on(-20, 9, 10),
            "tom.hughes",
            "green",
            json!({ "work": "Photograph of the village green", "rights_holder": "A. Villager", "basis": "licence", "licence": "cc_by_4_0",
                "attribution_text": "Photo: A. Villager, CC BY 4.0" }),
        ),
        permission(
            on(-19, 9, 10),
            "staff",
            "song",
            json!({ "work": "Song of the summer fair", "rights_holder": "The village choir", "basis": "permission",
                "evidence": "Letter of the choir, in the office", "scope": ["facebook"], "expires_on": calendar.day(-2) }),
        ),
        permission(
            on(-18, 9, 10),
            "staff",
            "map",
            json!({ "work": "Map of the nature trail", "rights_holder": "A neighbour", "basis": "permission", "evidence": "An e-mail" }),
        ),
        step(on(-10, 9, 10), "headteacher", "POST /v1/content-permissions/{map}/withdraw")
            .with(json!({ "reason": "The neighbour wants to sell it." })),
        step(on(-5, 11, 20), "ruth.evans", "POST /v1/accidental-images").known_as("picture").with(json!({
            "taken_at": on(-5, 11, 0), "noticed_at": on(-5, 11, 15), "description": "A child in the background was changing.",
            "possibly_illegal": false, "places": tablet,
        })),
        step(on(-5, 11, 30), "ruth.evans", "POST /v1/accidental-images/{picture}/record-deletion")
            .with(json!({ "places": tablet, "witness_id": "{tom.hughes}" })),
    ]
}

/// What families said about pictures, who must not be published, and what was published: one picture has to go again.
fn pictures(calendar: &Calendar) -> Vec<Step> {
    let on = |days, hour, minute| calendar.on(days, hour, minute);
    let notice = |name, purpose: &str, text: &str| {
        step(on(-27, 10, 0), "headteacher", "POST /v1/consent-notices").known_as(name).with(json!({
            "purpose": purpose, "language": "en", "text": text, "retention": "Until it is taken down, at most three years.",
        }))
    };
    let said = |days, who, child: &str, purpose: &str, notice: &str, answer: &str| {
        step(on(days, 19, 0), who, "POST /v1/consents").with(json!({
            "subject_id": format!("{{{child}}}"), "purpose": purpose, "notice_id": format!("{{{notice}}}"), "answer": answer,
            "face_identifiable": answer == "given",
        }))
    };
    let check = |days, who, name, body: Value| {
        let mut all =
            json!({ "account_id": "{page}", "attestations": ["tone_fits", "everybody_named", "appropriately_dressed", "no_ridicule"] });
        for (member, value) in body.as_object().into_iter().flatten() {
            all[member] = value.clone();
        }
        step(on(days, 13, 0), who, "POST /v1/publication-checks").known_as(name).with(all)
    };
    let publish = |days, who, name, check: &str, hash: &str| {
        step(on(days, 13, 5), who, "POST /v1/publications").known_as(name).with(json!({
            "check_id": format!("{{{check}}}"), "content_hash": format!("{{{hash}}}"), "url": format!("https://social.example/wealdprimary/{}", -days),
        }))
    };
    let year = |child, year_group: &str| step(on(-28, 10, 0), "it_technician", child).with(json!({ "year_group": year_group }));
    vec![
        year("PATCH /v1/people/{pupil}", "year_4"),
        year("PATCH /v1/people/{noah.carter}", "year_4"),
        year("PATCH /v1/people/{maya.nair}", "year_2"),
        notice("social notice", "school_social_media", "We show what happens at school on the school's own accounts."),
        notice("website notice", "school_website", "We show what happens at school on the school's website."),
        said(-26, "parent_carer", "pupil", "school_social_media", "social notice", "given"),
        said(-26, "parent_carer", "maya.nair", "school_social_media", "social notice", "given"),
        said(-26, "parent_carer", "pupil", "school_website", "website notice", "given"),
        said(-25, "liam.carter", "noah.carter", "school_website", "website notice", "refused"),
        step(on(-24, 11, 0), "dsl", "POST /v1/do-not-publish").with(json!({ "person_id": "{noah.carter}", "reason_class": "court_order" })),
        step(on(-23, 8, 30), "parent_carer", "POST /v1/image-objections")
            .with(json!({ "person_id": "{maya.nair}", "event_on": calendar.day(-6), "event_name": "Swimming gala" })),
        check(
            -12,
            "staff",
            "choir check",
            json!({ "reason": "The choir in town.", "text": "Our choir sang in the square.",
            "subjects": ["{pupil}", "{maya.nair}"], "flags": ["face_identifiable"], "taken_on": calendar.day(-13) }),
        ),
        publish(-12, "staff", "choir picture", "choir check", "choir check hash"),
        check(-11, "staff", "allotment check", json!({ "reason": "The allotment.", "text": "First beans!", "subjects": ["{pupil}"] })),
        publish(-11, "staff", "allotment picture", "allotment check", "allotment check hash"),
        check(
            -6,
            "tom.hughes",
            "gala check",
            json!({ "reason": "The swimming gala.", "text": "What a splash!",
            "subjects": ["{maya.nair}"], "year_groups": ["year_4"], "taken_on": calendar.day(-6) }),
        ),
        check(
            -5,
            "staff",
            "vote check",
            json!({ "reason": "The parish vote.", "text": "The parish votes on our crossing.",
            "flags": ["controversial"] }),
        ),
        step(on(-1, 20, 0), "parent_carer", "POST /v1/people/{maya.nair}/withdraw-consents")
            .with(json!({ "purposes": ["school_social_media"] })),
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
        step(on(-7, 13, 5), "tom.hughes", "POST /v1/comments/{result}/close").with(json!({})),
        // Too late.
        log(
            on(-6, 10, 20),
            "staff",
            "lunch",
            comment("page", "query", on(-6, 10, 0), Some("Jo Marsh"), "Is the new lunch menu on the website?"),
        ),
        step(on(-4, 9, 0), "staff", "POST /v1/comments/{lunch}/respond").with(answer("It is now, under Families. Sorry for the wait.")),
        step(on(-4, 9, 5), "staff", "POST /v1/comments/{lunch}/close").with(json!({})),
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
        step(on(0, 15, 35), "staff", "POST /v1/comments/{fair}/close").with(json!({})),
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
