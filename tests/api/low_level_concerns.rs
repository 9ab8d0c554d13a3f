//! Decisions, section 3, rule 10: who may know of a low-level concern, and who may not know that there is one.

use std::collections::BTreeSet;

use diesel::prelude::*;
use serde_json::{Value, json};
use weald::db::MultiBackend;
use weald::db::schema::{events, low_level_concerns};
use weald::db::types::{LowLevelConcernId, PersonId, SubjectId};
use weald::policy::roles::Role;
use weald::resources::low_level_concerns::rows::{Reader, hidden_from};

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines, with};

const CONCERNS: &str = "/v1/low-level-concerns";

fn concern(about: PersonId, members: Value) -> Value {
    let concern =
        json!({ "about_person_id": about, "occurred_on": "2026-01-13", "what_happened": "canary happening", "context": "canary context" });
    with(concern, members)
}

impl School {
    pub async fn concern_about(&self, by: &Caller<'_>, about: &Caller<'_>) -> Reply {
        by.post(CONCERNS, concern(about.id(), json!({}))).await.is(201)
    }
}

fn path(receipt: &Reply) -> String {
    receipt.header("location").to_owned()
}

on_both_engines! {
    async fn whoever_records_a_concern_gets_a_receipt_and_no_more(school: School) {
        let recorded = school.staff().post(CONCERNS, concern(school.second_staff().id(), json!({ "action_taken": "Told him." }))).await.is(201);
        assert_eq!(recorded.json(), &json!({ "id": recorded["id"], "recorded_at": "2026-01-14T10:00:00Z" }));
        for caller in [school.staff(), school.second_staff(), school.leadership(), school.it_technician(), school.dpo(), school.governor(), school.parent(), school.service()] {
            caller.get(path(&recorded)).await.is(403);
            caller.get(CONCERNS).await.is(403);
        }
        for caller in [school.chair(), school.with_role(Role::DeputyDsl)] {
            caller.get(path(&recorded)).await.is(404).problem("not_found");
            assert_eq!(caller.get(CONCERNS).await.is(200).items(), [] as [Value; 0]);
        }
        for caller in [school.headteacher(), school.dsl()] {
            let found = caller.get(path(&recorded)).await.is(200);
            assert_eq!((&found["what_happened"], &found["action_taken"], &found["self_reported"]), (&json!("canary happening"), &json!("Told him."), &json!(false)));
            assert_eq!((&found["recorded_by"], &found["about_person_id"]), (&json!(school.staff().id()), &json!(school.second_staff().id())));
            assert_eq!(caller.get(CONCERNS).await.is(200).each("id"), [&recorded["id"]]);
        }
        let event = &school.headteacher().get("/v1/events?type=low_level_concern.recorded").await.is(200)["items"][0];
        assert_eq!((&event["subject"], event["data"].get("related")), (&recorded["id"], None));
        assert!(!event.to_string().contains("canary"), "{event}");
        school.other_school().await.headteacher().get(path(&recorded)).await.is(404);
    }

    async fn nobody_sees_a_concern_about_themselves_and_somebody_else_does(school: School) {
        let deputy = school.with_role(Role::DeputyDsl);
        let (head, dsl, chair) = (school.headteacher(), school.dsl(), school.chair());
        let everybody = [&head, &dsl, &chair, &deputy];
        for (about, seen_by) in [
            (school.second_staff(), vec![&head, &dsl]),
            (school.governor(), vec![&head, &dsl]),
            (school.volunteer(), vec![&head, &dsl]),
            (head.clone(), vec![&dsl, &chair]),
            (dsl.clone(), vec![&head, &deputy]),
            (chair.clone(), vec![&head, &dsl]),
            (deputy.clone(), vec![&head, &dsl]),
        ] {
            let recorded = school.concern_about(&school.staff(), &about).await;
            let url = format!("{CONCERNS}?about_person_id={}", about.id());
            for caller in everybody {
                let sees = seen_by.iter().any(|one| one.id() == caller.id());
                caller.get(path(&recorded)).await.is(if sees { 200 } else { 404 });
                assert_eq!(caller.get(&url).await.is(200).items().len(), usize::from(sees), "{} of {}", caller.id(), about.id());
                assert_eq!(caller.get(CONCERNS).await.is(200).each("id").contains(&&recorded["id"]), sees);
            }
        }
    }

    async fn a_head_who_is_the_safeguarding_lead_too_is_known_to_neither_office(school: School) {
        let both = school.person("both", &[Role::Headteacher, Role::Dsl]).await;
        let about_head = school.concern_about(&school.staff(), &school.headteacher()).await;
        let about_both = school.concern_about(&school.staff(), &both).await;
        both.get(path(&about_head)).await.is(404);
        for caller in [&both, &school.headteacher(), &school.dsl()] {
            caller.get(path(&about_both)).await.is(404);
        }
        for caller in [school.chair(), school.with_role(Role::DeputyDsl)] {
            caller.get(path(&about_both)).await.is(200);
        }
    }

    async fn a_delegate_of_the_head_does_not_see_concerns(school: School) {
        let recorded = school.concern_about(&school.staff(), &school.second_staff()).await;
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        school.leadership().get(path(&recorded)).await.is(403);
        school.leadership().post(format!("{}/review", path(&recorded)), json!({ "outcome": "advice", "reason": "x" })).if_match("\"1\"").await.is(403);
    }

    async fn what_is_hidden_in_one_place_is_what_other_lists_are_told_to_hide(school: School) {
        let deputy = school.with_role(Role::DeputyDsl);
        for about in [school.second_staff(), school.headteacher(), school.dsl(), school.chair()] {
            school.concern_about(&school.staff(), &about).await;
        }
        let all: BTreeSet<LowLevelConcernId> = school.read(|conn| low_level_concerns::table.select(low_level_concerns::id).load(conn)).await.into_iter().collect();
        assert_eq!(all.len(), 4);
        let id = school.id;
        let hidden = async |person: PersonId, roles: &[Role]| {
            let reader = Reader::new(person, roles);
            let ids: Vec<SubjectId> = school
                .read(move |conn| events::table.into_boxed::<MultiBackend>().filter(events::subject_id.eq_any(hidden_from(id, reader))).select(events::subject_id).load(conn))
                .await;
            ids.into_iter().map(|id| id.uuid().into()).collect::<BTreeSet<LowLevelConcernId>>()
        };
        for (caller, role) in [(school.headteacher(), Role::Headteacher), (school.dsl(), Role::Dsl), (school.chair(), Role::ChairOfGovernors), (deputy, Role::DeputyDsl)] {
            let seen: BTreeSet<LowLevelConcernId> =
                caller.get(CONCERNS).await.is(200).items().iter().map(|item| item["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap().into()).collect();
            assert_eq!(hidden(caller.id(), &[role]).await, &all - &seen, "{role}");
        }
        for caller in [school.staff(), school.dpo(), school.second_staff()] {
            assert_eq!(hidden(caller.id(), &[Role::Staff, Role::Dpo]).await, all);
        }
    }

    async fn concerns_are_recorded_by_staff_about_those_who_work_with_the_school(school: School) {
        let deputy = school.with_role(Role::DeputyDsl);
        for caller in [school.headteacher(), school.leadership(), school.it_technician(), school.staff(), school.dsl(), deputy] {
            school.concern_about(&caller, &school.second_staff()).await;
        }
        for caller in [school.volunteer(), school.parent(), school.pupil(), school.governor(), school.chair(), school.dpo(), school.service()] {
            caller.post(CONCERNS, concern(school.staff().id(), json!({}))).await.is(403).problem("forbidden");
        }
        let post = |about: PersonId, members| school.staff().post(CONCERNS, concern(about, members));
        for about in [school.pupil(), school.parent()] {
            post(about.id(), json!({})).await.is(422).points_at(&[("/about_person_id", "no_colleague")]);
        }
        let theirs = school.other_school().await;
        post(theirs.staff().id(), json!({})).await.is(422).points_at(&[("/about_person_id", "unknown")]);
        let about = school.second_staff().id();
        post(about, json!({ "shared_by_id": theirs.staff().id() })).await.is(422).points_at(&[("/shared_by_id", "unknown")]);
        post(about, json!({ "occurred_on": "2026-01-15" })).await.is(422).points_at(&[("/occurred_on", "in_the_future")]);
        post(about, json!({ "what_happened": " " })).await.is(422).points_at(&[("/what_happened", "blank")]);
        post(about, json!({ "context": "x".repeat(5001) })).await.is(422).points_at(&[("/context", "too_long")]);
        post(about, json!({ "outcome": "advice" })).await.is(400).points_at(&[("/outcome", "unknown_field")]);
    }

    async fn what_somebody_reports_of_themselves_says_so(school: School) {
        let own = school.concern_about(&school.staff(), &school.staff()).await;
        let told = school.dsl().post(CONCERNS, concern(school.staff().id(), json!({ "shared_by_id": school.staff().id() }))).await.is(201);
        let heard = school.dsl().post(CONCERNS, concern(school.staff().id(), json!({ "shared_by_id": school.second_staff().id() }))).await.is(201);
        for (recorded, own) in [(own, true), (told, true), (heard, false)] {
            assert_eq!(school.headteacher().get(path(&recorded)).await.is(200)["self_reported"], own);
        }
    }

    async fn several_concerns_about_the_same_person_are_a_pattern(school: School) {
        let (head, about) = (school.headteacher(), school.second_staff());
        let pattern = async || head.get(format!("{CONCERNS}?about_person_id={}", about.id())).await.is(200).each("pattern").into_iter().all(|flag| *flag == json!(true));
        let other = school.concern_about(&school.staff(), &school.governor()).await;
        for expected in [false, false, true, true] {
            school.concern_about(&school.staff(), &about).await;
            assert_eq!(pattern().await, expected);
        }
        assert_eq!(head.get(path(&other)).await["pattern"], false);
        let settings = format!("/v1/schools/{}", school.id);
        head.patch(&settings, json!({ "concern_pattern_at": 1 })).if_match("\"1\"").await.is(422).points_at(&[("/concern_pattern_at", "range")]);
        head.patch(&settings, json!({ "concern_pattern_at": 5 })).if_match("\"1\"").await.is(200);
        assert!(!pattern().await);
        let first = head.get(format!("{CONCERNS}?limit=3")).await.is(200);
        let rest = head.get(format!("{CONCERNS}?limit=3&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((first.items().len(), rest.items().len()), (3, 2));
    }

    async fn the_head_decides_once_what_follows_and_the_chair_where_it_is_about_the_head(school: School) {
        let recorded = school.concern_about(&school.staff(), &school.second_staff()).await;
        let review = json!({ "outcome": "advice", "reason": "Reminded of the rule." });
        let url = format!("{}/review", path(&recorded));
        let head = school.headteacher();
        assert_eq!(head.get(path(&recorded)).await["allowed_actions"], json!(["review"]));
        assert_eq!(school.dsl().get(path(&recorded)).await["allowed_actions"], json!([]));
        for caller in [school.dsl(), school.staff(), school.second_staff(), school.with_role(Role::DeputyDsl)] {
            caller.post(&url, &review).if_match("\"1\"").await.is(403).problem("forbidden");
        }
        school.chair().post(&url, &review).if_match("\"1\"").await.is(404);
        head.post(&url, &review).await.is(428);
        head.post(&url, &review).if_match("\"2\"").await.is(412);
        head.post(&url, json!({ "outcome": "sack", "reason": "x" })).if_match("\"1\"").await.is(400);
        let reviewed = head.post(&url, &review).if_match("\"1\"").await.is(200);
        assert_eq!((&reviewed["state"], &reviewed["outcome"], &reviewed["review_reason"]), (&json!("reviewed"), &json!("advice"), &json!("Reminded of the rule.")));
        assert_eq!((&reviewed["reviewed_by"], &reviewed["allowed_actions"]), (&json!(head.id()), &json!([])));
        head.post(&url, &review).if_match(reviewed.etag()).await.is(409).problem("state_conflict");
        let own = school.concern_about(&school.staff(), &head).await;
        let url = format!("{}/review", path(&own));
        head.post(&url, &review).if_match("\"1\"").await.is(404);
        school.chair().post(&url, &review).if_match("\"1\"").await.is(200);
    }

    async fn it_is_kept_at_least_until_the_person_leaves(school: School) {
        let about = school.second_staff();
        let recorded = school.concern_about(&school.staff(), &about).await;
        let head = school.headteacher();
        assert_eq!(head.get(path(&recorded)).await.is(200).json().get("retention_until"), None);
        head.post(about.url("leave"), json!({ "left_on": "2026-03-31" })).if_match("\"1\"").await.is(200);
        assert_eq!(head.get(path(&recorded)).await.is(200)["retention_until"], "2026-03-31");
    }
}
