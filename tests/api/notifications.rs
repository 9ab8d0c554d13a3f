//! Who is told of what.

use serde_json::{Value, json};
use strum::IntoEnumIterator;
use weald::policy::roles::Role;

use crate::support::caller::Caller;
use crate::support::{School, on_both_engines};

async fn told(who: &Caller<'_>) -> Vec<Value> {
    who.get("/v1/notifications").await.is(200).each("event_type").into_iter().cloned().collect()
}

on_both_engines! {
    async fn whom_the_routing_names_is_told_with_the_report_and_nobody_else(school: School) {
        use Role::{ChairOfGovernors, DeputyDsl, Dpo, Dsl, Headteacher};
        for (about, members, expected) in [
            (school.staff(), json!({}), vec![Headteacher]),
            (school.staff(), json!({ "child_involved": true }), vec![Headteacher, Dsl]),
            (school.headteacher(), json!({}), vec![ChairOfGovernors]),
            (school.dsl(), json!({}), vec![Headteacher, DeputyDsl]),
            (school.staff(), json!({ "category": "data_protection_breach" }), vec![Headteacher, Dpo]),
            (school.pupil(), json!({}), vec![Headteacher, Dsl]),
        ] {
            let mut before = Vec::new();
            for role in Role::iter().filter(|role| *role != Role::MisIntegration) {
                before.push((role, told(&school.with_role(role)).await.len()));
            }
            let incident = school.reported(&about, members).await;
            for (role, known) in before {
                let now = school.with_role(role).get("/v1/notifications").await.is(200);
                let news = now.items().len() - known;
                assert_eq!(news, usize::from(expected.contains(&role)), "{role}");
                if news == 1 {
                    let newest = &now.items()[0];
                    assert_eq!((&newest["subject_id"], &newest["event_type"]), (&incident["id"], &json!("incident.reported")));
                }
            }
        }
    }

    async fn who_leads_from_now_on_is_told_once_and_who_does_no_more_is_told_nothing(school: School) {
        let (head, chair) = (school.headteacher(), school.chair());
        let incident = school.reported(&school.staff(), json!({})).await;
        assert_eq!((told(&head).await.len(), told(&chair).await.len()), (1, 0));
        let first = head.get("/v1/notifications").await.items()[0]["id"].as_str().unwrap().to_owned();
        head.moves(&incident, "assess", School::assessment(json!({}))).await.is(200);
        assert_eq!(told(&head).await.len(), 1, "once");
        head.moves(&incident, "change-subjects", json!({ "subjects": [{ "person_id": head.id() }] })).await.is(200);
        assert_eq!((told(&head).await.len(), told(&chair).await.len()), (0, 1));
        head.post(format!("/v1/notifications/{first}/read"), json!({})).await.is(404);
    }

    async fn whom_a_matter_waits_for_or_concerns_is_told(school: School) {
        let (head, chair, staff) = (school.headteacher(), school.chair(), school.staff());
        let (heads, chairs, own) = (told(&head).await.len(), told(&chair).await.len(), told(&staff).await.len());
        let case = school.submitted_case().await;
        assert_eq!((told(&head).await.len(), told(&chair).await.len()), (heads + 1, chairs));
        assert_eq!(told(&head).await[0], "business_case.submitted");
        head.post(case.url("approve"), json!({})).if_match(case.etag()).await.is(200);
        assert_eq!((told(&staff).await[0].clone(), told(&staff).await.len()), (json!("business_case.approved"), own + 1));
        let conference = json!({ "delegate_id": school.leadership().id(), "starts_on": "2026-01-15", "ends_on": "2026-01-16", "reason": "A conference." });
        head.post("/v1/delegations", conference).await.is(201);
        assert_eq!(told(&school.leadership()).await, ["delegation.granted"]);
        let account = school.active_account().await;
        school.released(&account, &staff).await;
        assert_eq!(told(&staff).await[0], "account.credentials_released");
    }

    async fn whoever_deals_with_an_incident_sees_who_was_told_and_when_they_read_it(school: School) {
        let (head, dsl) = (school.headteacher(), school.dsl());
        let incident = school.reported(&school.staff(), json!({ "child_involved": true })).await;
        let url = incident.url("escalations");
        head.post("/v1/notifications/read-all", json!({})).await.is(204);
        for reader in [&head, &dsl] {
            let told = reader.get(&url).await.is(200);
            let (mut people, expected) = (told.each("person_id"), [json!(head.id()), json!(dsl.id())]);
            people.sort_by_key(|id| **id != expected[0]);
            assert_eq!(people, expected.iter().collect::<Vec<_>>());
            let read = |item: &&Value| item.get("read_at").is_some();
            assert_eq!(told.items().iter().filter(read).map(|item| &item["person_id"]).collect::<Vec<_>>(), [&expected[0]]);
        }
        school.second_staff().get(&url).await.is(403).violates(&["R-HT-3"]);
        for other in [school.staff(), school.chair(), school.dpo()] {
            other.get(&url).await.is(404);
        }
    }

    async fn a_notification_is_read_once_and_by_oneself_alone(school: School) {
        let head = school.headteacher();
        for _ in 0..3 {
            school.reported(&school.staff(), json!({})).await;
        }
        let unread = "/v1/notifications?unread=true";
        let newest = head.get(unread).await.is(200).items()[0].clone();
        let url = format!("/v1/notifications/{}", newest["id"].as_str().unwrap());
        for other in [school.staff(), school.chair(), school.other_school().await.headteacher()] {
            other.post(format!("{url}/read"), json!({})).await.is(404);
        }
        school.service().get("/v1/notifications").await.is(403);
        let read = head.post(format!("{url}/read"), json!({})).await.is(200)["read_at"].clone();
        school.clock_at("2026-01-14T11:00:00Z");
        assert_eq!(head.post(format!("{url}/read"), json!({})).await.is(200)["read_at"], read, "the first reading");
        assert_eq!(head.get(unread).await.is(200).items().len(), 2);
        school.staff().post("/v1/notifications/read-all", json!({})).await.is(204);
        assert_eq!(head.get(unread).await.is(200).items().len(), 2);
        head.post("/v1/notifications/read-all", json!({})).await.is(204);
        assert_eq!(head.get(unread).await.is(200).items().len(), 0);
        let first = head.get("/v1/notifications?limit=2").await.is(200);
        let rest = head.get(format!("/v1/notifications?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((first.items().len(), rest.items().len(), &first.items()[0]), (2, 1, head.post(format!("{url}/read"), json!({})).await.is(200).json()));
    }

    async fn what_a_job_finds_is_brought_to_the_headteacher(school: School) {
        let account = school.active_account().await;
        let comment = json!({ "account_id": account["id"], "kind": "query", "author_anonymous": true, "text": "When?", "received_at": school.now() });
        school.service().post("/v1/comments", comment).await.is(201);
        school.clock_at("2026-01-15T10:00:01Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        assert!(told(&school.headteacher()).await.contains(&json!("comment.overdue")));
        assert_eq!(told(&school.it_technician()).await, Vec::<Value>::new());
    }
}
