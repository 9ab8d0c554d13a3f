//! The school: its clock, calendar and settings.

use serde_json::json;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn a_schools_calendar_and_settings_are_changed_by_those_who_may_and_checked_as_a_whole(school: School) {
        let head = school.headteacher();
        let page = head.get("/v1/schools").await.is(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        let it = head.get(format!("/v1/schools/{}", school.id)).await.is(200);
        assert_eq!(it["calendar_horizon_on"], "2030-12-31");
        let other = school.other_school().await;
        head.get(format!("/v1/schools/{}", other.id)).await.is(404);
        let url = format!("/v1/schools/{}", school.id);
        head.patch(&url, json!({"name":"x"})).await.is(428);
        school.staff().patch(&url, json!({"name":"x"})).if_match("\"1\"").await.is(403);
        head.patch(&url, json!({"time_zone":"Europe/Nowhere","business_case_lapse_days":0})).if_match("\"1\"").await.is(422).points_at(&[("/business_case_lapse_days","range"),("/time_zone","unknown_time_zone")]);
        head.patch(&url, json!({"closing_days":[{"closed_on":"2026-01-19","title":"INSET"},{"closed_on":"2026-01-19","title":"INSET"}]})).if_match("\"1\"").await.is(422).points_at(&[("/closing_days/1/closed_on","duplicate")]);
        head.patch(&url, json!({"closing_days":[{"closed_on":"2026-01-19","title":" "}]})).if_match("\"1\"").await.is(422);
        head.patch(&url, json!({"closing_days":[{"closed_on":"2026-1-19","title":" "}]})).if_match("\"1\"").await.is(400);
        head.patch(&url, json!({"name":null})).if_match("\"1\"").await.is(400);
        let same = head.patch(&url, json!({"name":"Weald School"})).if_match("\"1\"").await.is(200);
        assert_eq!(same["version"], 1);
        let done = head.patch(&url, json!({"closing_days":[{"closed_on":"2026-01-19","title":"INSET"}], "time_zone":"Europe/Paris"})).if_match("\"1\"").await.is(200);
        assert_eq!(done["version"], 2);
        assert_eq!(done["closing_days"][0]["closed_on"], "2026-01-19");
        head.patch(&url, json!({"name":"x"})).if_match("\"1\"").await.is(412);
        let events = head.get("/v1/events?limit=200").await.is(200);
        let last = events["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["type"], "school.deadlines_recomputed");
    }

    async fn a_changed_calendar_moves_the_deadlines_that_still_run_and_no_others(school: School) {
        school.clock_at("2026-01-17T12:00:00Z");
        let account = school.active_account().await;
        let comment = json!({ "account_id": account["id"], "kind": "query", "author_anonymous": true, "text": "When?", "received_at": "2026-01-17T11:00:00Z" });
        let waiting = school.staff().post("/v1/comments", &comment).await.is(201);
        let answered = school.staff().post("/v1/comments", &comment).await.is(201);
        school.staff().post(answered.url("respond"), json!({ "kind": "answer", "text": "At two." })).await.is(200);
        let closing = json!({ "closing_days": [{ "closed_on": "2026-01-19", "title": "INSET day" }] });
        school.headteacher().patch(format!("/v1/schools/{}", school.id), closing).if_match("\"1\"").await.is(200);
        assert_eq!(school.staff().get(waiting.url("")).await["due_at"], "2026-01-20T23:59:59Z");
        assert_eq!(school.staff().get(answered.url("")).await["due_at"], "2026-01-19T23:59:59Z");
        let events = school.headteacher().get("/v1/events?type=school.deadlines_recomputed").await.is(200);
        assert_eq!(events["items"][0]["data"]["count"], 1);
    }
}
