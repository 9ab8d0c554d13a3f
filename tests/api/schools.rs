//! The school: its clock, calendar and settings.

use serde_json::{Value, json};

use crate::support::caller::Request;
use crate::support::{School, on_both_engines};

/// A Monday.
const INSET: &str = "2026-01-19";

impl School {
    fn path(&self) -> String {
        format!("/v1/schools/{}", self.id)
    }

    /// A change by the headteacher, of the school as it is in the beginning.
    fn edit(&self, patch: Value) -> Request<'_> {
        self.headteacher().patch(self.path(), patch).if_match("\"1\"")
    }
}

/// That the school is closed on these days.
fn closed(days: &[(&str, &str)]) -> Value {
    let days: Vec<Value> = days.iter().map(|(day, title)| json!({ "closed_on": day, "title": title })).collect();
    json!({ "closing_days": days })
}

on_both_engines! {
    async fn a_caller_sees_their_own_school_and_no_other(school: School) {
        let (head, other) = (school.headteacher(), school.other_school().await);
        assert_eq!(head.get("/v1/schools").await.is(200).each("id"), [&json!(school.id)]);
        head.get(school.path()).await.is(200);
        head.get(other.path()).await.is(404).problem("not_found");
    }

    async fn a_school_tells_how_far_the_bank_holidays_on_file_reach(school: School) {
        assert_eq!(school.headteacher().get(school.path()).await.is(200)["calendar_horizon_on"], "2030-12-31");
    }

    async fn staff_do_not_change_the_school(school: School) {
        school.staff().patch(school.path(), json!({ "name": "x" })).if_match("\"1\"").await.is(403).problem("forbidden");
    }

    async fn a_change_is_bound_to_the_version_that_was_read(school: School) {
        let rename = || school.headteacher().patch(school.path(), json!({ "name": "x" }));
        rename().await.is(428);
        assert_eq!(rename().if_match("\"1\"").await.is(200)["version"], 2);
        rename().if_match("\"1\"").await.is(412);
    }

    async fn a_change_to_what_is_there_makes_no_version(school: School) {
        assert_eq!(school.edit(json!({ "name": "Weald School" })).await.is(200)["version"], 1);
    }

    async fn closing_days_and_settings_are_changed_at_once(school: School) {
        let mut patch = closed(&[(INSET, "INSET day")]);
        patch["time_zone"] = "Europe/Paris".into();
        let changed = school.edit(patch.clone()).await.is(200);
        assert_eq!((&changed["version"], &changed["time_zone"]), (&json!(2), &patch["time_zone"]));
        assert_eq!(changed["closing_days"], patch["closing_days"]);
    }

    async fn all_settings_that_are_wrong_are_named_at_once(school: School) {
        let refused = school.edit(json!({ "time_zone": "Europe/Nowhere", "business_case_lapse_days": 0 })).await.is(422);
        refused.points_at(&[("/business_case_lapse_days", "range"), ("/time_zone", "unknown_time_zone")]);
    }

    async fn a_closing_day_is_named_once_and_has_a_title(school: School) {
        let twice = school.edit(closed(&[(INSET, "INSET day"), (INSET, "INSET day")])).await.is(422);
        twice.points_at(&[("/closing_days/1/closed_on", "duplicate")]);
        school.edit(closed(&[(INSET, " ")])).await.is(422).points_at(&[("/closing_days/0/title", "blank")]);
    }

    async fn a_day_is_written_in_full_and_a_name_is_not_cleared(school: School) {
        for (patch, pointer) in [(closed(&[("2026-1-19", " ")]), "/closing_days/0/closed_on"), (json!({ "name": null }), "/name")] {
            school.edit(patch).await.is(400).problem("malformed_body").points_at(&[(pointer, "wrong_type")]);
        }
    }

    async fn the_log_says_when_a_change_computes_the_deadlines_anew(school: School) {
        let log = async || school.headteacher().get("/v1/events?limit=200").await.is(200);
        school.edit(json!({ "name": "x" })).await.is(200);
        assert_eq!(log().await.each("type"), ["school.created", "policy.created", "policy_version.published", "response_procedure.published", "school.changed"]);
        school.headteacher().patch(school.path(), closed(&[(INSET, "INSET day")])).if_match("\"2\"").await.is(200);
        assert_eq!(log().await.each("type")[5..], ["school.changed", "school.deadlines_recomputed"]);
    }

    async fn a_changed_calendar_moves_the_deadlines_that_still_run_and_no_others(school: School) {
        school.clock_at("2026-01-17T12:00:00Z");
        let account = school.active_account().await;
        let received = json!({ "received_at": "2026-01-17T11:00:00Z" });
        let (waiting, answered) = (school.logged(&account, received.clone()).await, school.logged(&account, received).await);
        school.staff().post(answered.url("respond"), json!({ "kind": "answer", "text": "At two." })).await.is(200);
        school.edit(closed(&[(INSET, "INSET day")])).await.is(200);
        assert_eq!(school.staff().get(waiting.url("")).await["due_at"], "2026-01-20T23:59:59Z");
        assert_eq!(school.staff().get(answered.url("")).await["due_at"], "2026-01-19T23:59:59Z");
        let recomputed = school.headteacher().get("/v1/events?type=school.deadlines_recomputed").await.is(200);
        assert_eq!(recomputed.items()[0]["data"]["count"], 1);
    }
}
