//! BEH-2d: confidentiality continues after leaving, and whoever leaves says so.

use serde_json::{Value, json};
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::credentials::leave;
use crate::support::caller::{Caller, Reply, Request};
use crate::support::{School, on_both_engines, with};

const RECORDS: &str = "/v1/exit-records";
const OUTSTANDING: &str = "/v1/exit-records/outstanding";

impl School {
    /// What somebody acknowledged who leaves in the summer.
    pub async fn exit_record(&self, of: &Caller<'_>) -> Reply {
        leave(self, of, "2026-07-22").await;
        make(&self.headteacher(), of).await.is(201)
    }
}

fn acknowledged(of: &Caller<'_>) -> Value {
    json!({ "person_id": of.id(), "acknowledged_on": "2026-01-14", "method": "in_person" })
}

fn make<'s>(by: &Caller<'s>, of: &Caller<'_>) -> Request<'s> {
    by.post(RECORDS, acknowledged(of))
}

async fn outstanding(by: &Caller<'_>) -> Vec<Value> {
    by.get(OUTSTANDING).await.is(200).each("person_id").into_iter().cloned().collect()
}

on_both_engines! {
    async fn whoever_leaves_is_outstanding_until_it_is_recorded_once(school: School) {
        let (head, staff) = (school.headteacher(), school.staff());
        make(&head, &staff).await.is(409).problem("policy_gate").violates(&["BEH-2d"]);
        assert_eq!(outstanding(&head).await, [] as [Value; 0]);
        leave(&school, &staff, "2026-07-22").await;
        assert_eq!(head.get(OUTSTANDING).await.is(200)["items"], json!([{ "person_id": staff.id(), "left_on": "2026-07-22" }]));
        let made = head.post(RECORDS, with(acknowledged(&staff), json!({ "note": "At the last meeting." }))).await.is(201);
        assert_eq!((&made["recorded_by"], &made["note"], &made["version"]), (&json!(head.id()), &json!("At the last meeting."), &json!(1)));
        assert_eq!(head.get(made.header("location")).await.is(200).json(), made.json());
        make(&school.dpo(), &staff).await.is(409).problem("already_exists");
        assert_eq!(outstanding(&head).await, [] as [Value; 0]);
        let feed = head.get("/v1/events?type=exit_record.made").await.is(200);
        assert_eq!((&feed["items"][0]["data"]["clause"], &feed["items"][0]["data"]["related"]), (&json!("BEH-2d"), &json!({ "person_id": staff.id() })));
        assert!(!feed.text.contains("At the last meeting"), "{feed}");
    }

    async fn it_is_recorded_of_whoever_has_left_too_and_counts_no_more_once_they_return(school: School) {
        let (it, staff) = (school.it_technician(), school.staff());
        leave(&school, &staff, "2026-01-10").await;
        let made = make(&it, &staff).await.is(201);
        let person = it.get(staff.url("")).await.is(200);
        it.delete(staff.url("")).if_match(person.etag()).await.is(409).problem("in_use");
        it.post(staff.url("rejoin"), json!({})).if_match(person.etag()).await.is(200);
        let void = it.get(made.url("")).await.is(200);
        assert_eq!((&void["void_at"], &void["version"]), (&json!("2026-01-14T10:00:00Z"), &json!(2)));
        assert_eq!(it.get(format!("{RECORDS}?person_id={}", staff.id())).await.is(200).each("id"), [&made["id"]], "the record is kept");
        make(&it, &staff).await.is(409).violates(&["BEH-2d"]);
        leave(&school, &staff, "2026-02-01").await;
        assert_eq!(outstanding(&it).await, [json!(staff.id())]);
        make(&it, &staff).await.is(201);
    }

    async fn people_record_it_of_themselves_while_they_are_at_the_school(school: School) {
        let (staff, second) = (school.staff(), school.second_staff());
        for leaver in [&staff, &second] {
            leave(&school, leaver, "2026-01-15").await;
        }
        make(&staff, &second).await.is(403).problem("forbidden");
        let own = make(&staff, &staff).await.is(201);
        assert_eq!(own["recorded_by"], json!(staff.id()));
        assert_eq!((outstanding(&staff).await, outstanding(&second).await), (vec![], vec![json!(second.id())]));
        second.get(own.url("")).await.is(404);
        assert_eq!(second.get(RECORDS).await.is(200)["items"], json!([]));
        assert_eq!(staff.get(RECORDS).await.is(200).each("id"), [&own["id"]]);
        for caller in [school.pupil(), school.service()] {
            make(&caller, &second).await.is(403).problem("forbidden");
            caller.get(OUTSTANDING).await.is(403);
        }
        school.clock_at("2026-01-15T00:00:00Z");
        make(&second, &second).await.is(401);
        make(&school.dpo(), &second).await.is(201);
        let other = school.other_school().await;
        other.headteacher().get(own.url("")).await.is(404);
        make(&other.headteacher(), &staff).await.is(422).points_at(&[("/person_id", "unknown")]);
        assert_eq!(other.headteacher().get(OUTSTANDING).await.is(200)["items"], json!([]));
    }

    async fn neither_parents_nor_pupils_are_asked(school: School) {
        for leaver in [school.parent(), school.pupil(), school.volunteer(), school.governor()] {
            leave(&school, &leaver, "2026-01-20").await;
        }
        assert_eq!(outstanding(&school.dpo()).await, [json!(school.volunteer().id()), json!(school.governor().id())]);
        let first = school.dpo().get(format!("{OUTSTANDING}?limit=1")).await.is(200);
        let next = school.dpo().get(first.header("link").split(['<', '>']).nth(1).unwrap()).await.is(200);
        assert_eq!((next.each("person_id"), next.json().get("next_cursor")), (vec![&json!(school.governor().id())], None));
    }

    async fn an_exit_record_has_its_limits(school: School) {
        let staff = school.person("leaver", &[Role::Staff]).await;
        leave(&school, &staff, "2026-01-20").await;
        let post = async |members| school.headteacher().post(RECORDS, with(acknowledged(&staff), members)).await;
        post(json!({ "acknowledged_on": "2026-01-15" })).await.is(422).points_at(&[("/acknowledged_on", "in_the_future")]);
        post(json!({ "method": "rumour" })).await.is(400).points_at(&[("/method", "unknown_value")]);
        post(json!({ "note": " " })).await.is(422).points_at(&[("/note", "blank")]);
        post(json!({ "note": "x".repeat(501) })).await.is(422).points_at(&[("/note", "too_long")]);
        post(json!({ "note": null })).await.is(400).points_at(&[("/note", "wrong_type")]);
        post(json!({ "recorded_by": staff.id() })).await.is(400).points_at(&[("/recorded_by", "unknown_field")]);
        post(json!({ "person_id": Uuid::now_v7() })).await.is(422).points_at(&[("/person_id", "unknown")]);
        assert_eq!(school.headteacher().get(RECORDS).await.is(200)["items"], json!([]));
    }
}
