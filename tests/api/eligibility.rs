//! ELIG-1, ELIG-2: nobody runs an account who has not read what is in force or is not trained, at first and from then on.

use serde_json::{Value, json};
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

fn eligibility(of: &Caller<'_>) -> String {
    of.url("eligibility")
}

/// Requirement and name of what is missing.
fn missing(reply: &Value) -> Vec<String> {
    let missing = reply["missing"].as_array().unwrap().iter();
    missing.map(|one| format!("{} {}", one["requirement"].as_str().unwrap(), one["name"].as_str().unwrap())).collect()
}

const ALL: [&str; 4] =
    ["acknowledgement social media", "training Social media safety", "training Safeguarding", "training Data protection"];

async fn compliance(school: &School, account: &Reply) -> Reply {
    school.headteacher().get(account.url("compliance")).await.is(200)
}

/// What the jobs have told of it.
async fn told(school: &School) -> Vec<Value> {
    weald::jobs::run_all(school.state()).await.unwrap();
    let feed = school.headteacher().get("/v1/events?type=account.compliance_changed").await.is(200);
    feed["items"].as_array().unwrap().iter().map(|event| event["data"]["state"].clone()).collect()
}

on_both_engines! {
    async fn an_account_goes_into_use_once_each_who_runs_it_has_read_and_been_trained(school: School) {
        let (it, staff, second) = (school.it_technician(), school.staff(), school.second_staff());
        let account = school.newcomers_account().await;
        let activate = || it.post(account.url("activate"), json!({})).if_match(account.etag());
        school.qualify(&[&staff]).await;
        school.acknowledge(&[&second]).await;
        let refused = activate().await.is(409).problem("policy_gate").violates(&["ELIG-1"]);
        assert_eq!(refused["violations"].as_array().unwrap().len(), 3, "each course");
        for violation in refused["violations"].as_array().unwrap() {
            assert_eq!(violation["person_id"], json!(second.id()));
            assert!(violation["detail"].as_str().unwrap().starts_with("The course"), "{violation}");
            assert!(!violation["cure"].as_str().unwrap().is_empty());
        }
        school.train(&[&second], "2025-01-13").await;
        activate().await.is(409).violates(&["ELIG-1"]);
        school.train(&[&second], "2025-01-14").await;
        activate().await.is(200);
    }

    async fn a_parent_is_not_exempt_when_joining(school: School) {
        let (it, parent) = (school.it_technician(), school.parent());
        let account = school.active_account().await;
        let managers = json!({ "managers": [
            { "person_id": school.staff().id(), "lead": true }, { "person_id": school.second_staff().id() }, { "person_id": parent.id() },
        ] });
        let join = || it.post(account.url("change-managers"), &managers).if_match(account.etag());
        school.train(&[&parent], "2026-01-02").await;
        let refused = join().await.is(409).problem("policy_gate").violates(&["ELIG-2"]);
        assert_eq!(refused["violations"][0]["person_id"], json!(parent.id()));
        school.acknowledge(&[&parent]).await;
        join().await.is(200);
    }

    async fn whoever_runs_it_already_does_not_keep_others_from_joining_but_from_resuming(school: School) {
        let it = school.it_technician();
        let account = school.active_account().await;
        let third = school.person("third", &[Role::Staff]).await;
        school.published_version(json!({})).await;
        school.qualify(&[&third]).await;
        let managers = json!({ "managers": [
            { "person_id": school.staff().id(), "lead": true }, { "person_id": school.second_staff().id() }, { "person_id": third.id() },
        ] });
        let joined = it.post(account.url("change-managers"), managers).if_match(account.etag()).await.is(200);
        let suspended = it.post(account.url("suspend"), json!({ "reason": "Stale." })).if_match(joined.etag()).await.is(200);
        it.post(account.url("resume"), json!({})).if_match(suspended.etag()).await.is(409).violates(&["ELIG-1"]);
        school.acknowledge(&[&school.staff(), &school.second_staff()]).await;
        it.post(account.url("resume"), json!({})).if_match(suspended.etag()).await.is(200);
    }

    async fn a_new_version_makes_an_account_non_compliant_until_it_is_acknowledged(school: School) {
        let account = school.active_account().await;
        assert_eq!(compliance(&school, &account).await["compliance"], "compliant");
        assert_eq!(told(&school).await, [] as [Value; 0]);
        school.published_version(json!({ "minor": true })).await;
        assert_eq!(compliance(&school, &account).await["compliance"], "compliant", "a minor edit keeps acknowledgements");
        school.published_version(json!({})).await;
        let stands = compliance(&school, &account).await;
        assert_eq!(stands["compliance"], "non_compliant");
        for manager in stands["managers"].as_array().unwrap() {
            assert_eq!(missing(manager), ["acknowledgement social media"]);
        }
        assert_eq!(told(&school).await, ["non_compliant"]);
        school.acknowledge(&[&school.staff()]).await;
        assert_eq!(compliance(&school, &account).await["compliance"], "non_compliant", "one is not both");
        school.acknowledge(&[&school.second_staff()]).await;
        assert_eq!(compliance(&school, &account).await["compliance"], "compliant");
        assert_eq!(told(&school).await, ["non_compliant", "compliant"]);
        assert_eq!(told(&school).await.len(), 2, "once");
    }

    async fn what_lapses_is_overlooked_for_the_schools_days_of_grace(school: School) {
        let account = school.active_account().await;
        let url = format!("/v1/schools/{}", school.id);
        school.headteacher().patch(&url, json!({ "eligibility_grace_days": 91 })).if_match("\"1\"").await.is(422);
        school.headteacher().patch(&url, json!({ "eligibility_grace_days": 7 })).if_match("\"1\"").await.is(200);
        school.clock_at("2027-01-02T23:59:59Z");
        assert_eq!(compliance(&school, &account).await["compliance"], "compliant", "through the end of the day");
        school.clock_at("2027-01-03T00:00:00Z");
        let stands = compliance(&school, &account).await;
        assert_eq!(stands["compliance"], "in_grace");
        assert_eq!(stands["managers"][0]["missing"][0]["grace_until_on"], "2027-01-09");
        assert_eq!(stands["managers"][0]["eligible"], false, "nobody begins on grace");
        assert_eq!(told(&school).await, ["in_grace"]);
        school.clock_at("2027-01-10T00:00:00Z");
        assert_eq!(compliance(&school, &account).await["compliance"], "non_compliant");
        assert_eq!(told(&school).await, ["in_grace", "non_compliant"]);
    }

    async fn what_somebody_lacks_is_named_for_them_and_for_those_who_have_to_know(school: School) {
        let staff = school.staff();
        let mine = staff.get(eligibility(&staff)).await.is(200);
        assert_eq!((&mine["eligible"], &mine["compliance"], &mine["activity"]), (&json!(false), &json!("non_compliant"), &json!("account_manager")));
        assert_eq!(missing(mine.json()), ALL);
        for knows in [school.headteacher(), school.it_technician(), school.dsl(), school.dpo()] {
            assert_eq!(missing(knows.get(eligibility(&staff)).await.is(200).json()), ALL);
        }
        school.qualify(&[&staff]).await;
        let mine = staff.get(eligibility(&staff)).await.is(200);
        assert_eq!((&mine["eligible"], &mine["missing"]), (&json!(true), &json!([])));
        school.second_staff().get(eligibility(&staff)).await.is(404);
        school.parent().get(eligibility(&staff)).await.is(404);
        school.pupil().get(eligibility(&staff)).await.is(403);
        school.other_school().await.headteacher().get(eligibility(&staff)).await.is(404);
    }

    async fn an_account_is_shown_to_those_who_run_it_and_those_who_answer_for_it(school: School) {
        let account = school.active_account().await;
        school.staff().get(account.url("compliance")).await.is(200);
        let stranger = school.person("stranger", &[Role::Staff]).await;
        for other in [stranger, school.parent()] {
            other.get(account.url("compliance")).await.is(404);
        }
        school.pupil().get(account.url("compliance")).await.is(403);
        school.other_school().await.headteacher().get(account.url("compliance")).await.is(404);
    }

    async fn an_agreement_that_the_policy_depends_on_is_asked_too(school: School) {
        let account = school.active_account().await;
        let head = school.headteacher();
        let aup = head.post("/v1/policies", json!({ "kind": "aup_staff", "title": "Acceptable use, staff" })).await.is(201);
        let clauses = json!({ "clauses": [{ "id": "1", "title": "Use", "text": "Use it well." }] });
        let draft = head.post(aup.url("versions"), clauses).await.is(201);
        let version = format!("/v1/policy-versions/{}", draft["id"].as_str().unwrap());
        let review = head.post(format!("{version}/submit"), json!({})).if_match(draft.etag()).await.is(200);
        head.post(format!("{version}/publish"), json!({})).if_match(review.etag()).await.is(200);
        let stands = compliance(&school, &account).await;
        assert_eq!(missing(&stands["managers"][0]), ["acknowledgement aup staff"], "CTX-3");
    }

    async fn of_a_version_and_an_activation_at_once_the_later_one_sees_the_other(school: School) {
        for _ in 0..8 {
            let account = school.pending_account().await;
            school.qualify(&[&school.staff(), &school.second_staff()]).await;
            let review = school.version_in_review(json!({})).await;
            let (it, head) = (school.it_technician(), school.headteacher());
            let activate = it.post(account.url("activate"), json!({})).if_match(account.etag());
            let publish = head.post(review.url("publish"), json!({})).if_match(review.etag());
            let (activated, published) = tokio::join!(activate, publish);
            published.is(200);
            let log = head.get("/v1/events?type=account.activated&type=policy_version.published&limit=200").await.is(200);
            let last = log["items"].as_array().unwrap().last().unwrap()["type"].clone();
            // In the order of the log: who was activated was so before the version was there.
            match activated.status.as_u16() {
                200 => assert_eq!(last, "policy_version.published"),
                409 => assert_eq!(activated.problem("policy_gate")["violations"][0]["clause"], "ELIG-1"),
                other => panic!("{other}"),
            }
        }
    }
}
