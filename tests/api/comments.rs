//! MON-2: every comment has its deadline, is responded to, and is never lost or doubled.

use diesel::prelude::*;
use serde_json::{Value, json};
use weald::db::schema::people;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines, with};

impl School {
    /// A comment that came in a moment ago, with some members replaced.
    fn comment_on(&self, account: &Reply, members: Value) -> Value {
        let comment = json!({
            "account_id": account["id"], "kind": "query", "author_name": "A parent", "text": "When does the fair start?",
            "received_at": self.now(),
        });
        with(comment, members)
    }

    /// What was logged so by a member of staff.
    pub async fn logged(&self, account: &Reply, members: Value) -> Reply {
        self.staff().post("/v1/comments", self.comment_on(account, members)).await.is(201)
    }
}

/// What a list shows, by text.
fn texts(page: &Reply) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect()
}

on_both_engines! {
    async fn a_comment_of_a_weekday_is_due_within_24_hours_and_one_of_a_weekend_by_the_end_of_the_next_working_day(school: School) {
        school.clock_at("2026-01-19T09:00:00Z");
        let account = school.active_account().await;
        let friday = school.logged(&account, json!({ "received_at": "2026-01-16T18:00:00Z" })).await;
        assert_eq!(friday["due_at"], "2026-01-17T18:00:00Z");
        assert_eq!((&friday["deadline_rule"], &friday["due_on_weekend"], &friday["overdue"]), (&json!("within_24_hours"), &json!(true), &json!(true)));
        let saturday = school.logged(&account, json!({ "received_at": "2026-01-17T00:00:00Z" })).await;
        assert_eq!(saturday["due_at"], "2026-01-19T23:59:59Z");
        assert_eq!((&saturday["deadline_rule"], &saturday["overdue"]), (&json!("next_working_day"), &json!(false)));
        assert!(saturday["deadline_explanation"].as_str().unwrap().contains("Monday 19 January 2026"), "{saturday}");
        let preview = school.staff().post("/v1/deadlines/preview", json!({ "received_at": "2026-01-17T00:00:00Z" })).await.is(200);
        for field in ["received_at", "due_at", "deadline_rule", "deadline_explanation", "due_on_weekend"] {
            assert_eq!(preview[field], saturday[field], "{field}");
        }
    }

    async fn past_the_bank_holidays_on_file_the_program_says_so(school: School) {
        school.staff().post("/v1/deadlines/preview", json!({ "received_at": "2031-02-01T10:00:00Z" })).await.is(422).problem("calendar_horizon");
        school.staff().post("/v1/deadlines/preview", json!({ "received_at": "2031-02-01T10:00:00" })).await.is(400).points_at(&[("/received_at", "wrong_type")]);
    }

    async fn the_first_response_stops_the_clock_for_good(school: School) {
        let account = school.active_account().await;
        let comment = school.logged(&account, json!({})).await;
        school.clock_at("2026-01-15T10:00:00Z");
        let response = json!({ "kind": "acknowledgement", "text": "We will find out." });
        let acknowledged = school.second_staff().post(comment.url("respond"), &response).await.is(200);
        assert_eq!((&acknowledged["state"], &acknowledged["on_time"]), (&json!("acknowledged"), &json!(true)), "exactly when it was due is in time");
        school.clock_at("2026-01-20T10:00:00Z");
        let answered = school.staff().post(comment.url("respond"), json!({ "kind": "answer", "text": "At two." })).await.is(200);
        assert_eq!((&answered["state"], &answered["on_time"]), (&json!("answered"), &json!(true)));
        assert_eq!(answered["first_responded_at"], "2026-01-15T10:00:00Z");
        assert_eq!(answered["responses"].as_array().unwrap().len(), 2);
        let closed = school.staff().post(comment.url("close"), json!({})).if_match(answered.etag()).await.is(200);
        assert_eq!((&closed["state"], &closed["allowed_actions"]), (&json!("closed"), &json!([])));
        school.staff().post(comment.url("respond"), response).await.is(409).problem("state_conflict");
    }

    async fn a_response_a_second_late_is_late(school: School) {
        let account = school.active_account().await;
        let comment = school.logged(&account, json!({})).await;
        school.clock_at("2026-01-15T10:00:01Z");
        let found = school.staff().get(comment.url("")).await.is(200);
        assert_eq!(found["overdue"], true);
        let late = school.staff().post(comment.url("respond"), json!({ "kind": "answer", "text": "Sorry." })).await.is(200);
        assert_eq!((&late["on_time"], &late["overdue"]), (&json!(false), &json!(false)));
    }

    async fn one_reply_answers_several_comments(school: School) {
        let account = school.active_account().await;
        let (one, two) = (school.logged(&account, json!({})).await, school.logged(&account, json!({})).await);
        let answer = json!({ "kind": "answer", "text": "At two.", "answers": [two["id"], two["id"], one["id"]] });
        school.staff().post(one.url("respond"), answer).await.is(200);
        for comment in [one, two] {
            let comment = school.staff().get(comment.url("")).await.is(200);
            assert_eq!((&comment["state"], comment["responses"].as_array().unwrap().len()), (&json!("answered"), 1), "{comment}");
        }
    }

    async fn an_answer_to_something_that_cannot_be_answered_leaves_no_trace(school: School) {
        let account = school.active_account().await;
        let (one, spam) = (school.logged(&account, json!({})).await, school.logged(&account, json!({})).await);
        school.staff().post(spam.url("no-response-required"), json!({ "reason": "Spam." })).if_match(spam.etag()).await.is(200);
        let answer = json!({ "kind": "answer", "text": "At two.", "answers": [spam["id"], uuid::Uuid::now_v7()] });
        let reply = school.staff().post(one.url("respond"), answer).await.is(422);
        reply.points_at(&[("/answers/0", "state_conflict"), ("/answers/1", "unknown")]);
        assert_eq!(school.staff().get(one.url("")).await["state"], "received");
    }

    async fn nothing_is_closed_before_it_has_been_responded_to(school: School) {
        let account = school.active_account().await;
        let comment = school.logged(&account, json!({})).await;
        let refused = school.staff().post(comment.url("close"), json!({})).if_match(comment.etag()).await.is(409).problem("state_conflict");
        assert_eq!(refused["allowed_actions"], json!(["respond", "no_response_required", "flag_offensive"]));
        school.staff().post(comment.url("no-response-required"), json!({ "reason": " " })).if_match(comment.etag()).await.is(422);
        school.staff().post(comment.url("no-response-required"), json!({ "reason": "Praise." })).await.is(428);
        let waived = school.staff().post(comment.url("no-response-required"), json!({ "reason": "Praise." })).if_match(comment.etag()).await.is(200);
        assert_eq!((&waived["state"], &waived["no_response_reason"]), (&json!("no_response_required"), &json!("Praise.")));
    }

    async fn what_was_found_overdue_is_not_made_timely_by_those_who_were_late(school: School) {
        let account = school.active_account().await;
        let comment = school.logged(&account, json!({})).await;
        school.clock_at("2026-01-15T11:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        let early = json!({ "kind": "answer", "text": "Yes.", "responded_at": "2026-01-14T11:00:00Z" });
        school.staff().post(comment.url("respond"), &early).await.is(403).problem("conflict_of_interest").violates(&["MON-2"]);
        let answered = school.it_technician().post(comment.url("respond"), &early).await.is(200);
        assert_eq!((&answered["on_time"], &answered["responses"][0]["logged_at"]), (&json!(true), &json!("2026-01-15T11:00:00Z")));
    }

    async fn what_is_overdue_can_be_asked_for_and_what_is_not(school: School) {
        let account = school.active_account().await;
        let late = school.logged(&account, json!({ "received_at": "2026-01-12T10:00:00Z", "noticed_at": "2026-01-12T10:00:00Z" })).await;
        let new = school.logged(&account, json!({})).await;
        for (query, expected) in [("overdue=true", vec![&late]), ("overdue=false", vec![&new]), ("overdue=true&open=false", vec![]), ("open=true", vec![&late, &new])] {
            for caller in [school.staff(), school.headteacher()] {
                let page = caller.get(format!("/v1/comments?{query}")).await.is(200);
                let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
                assert_eq!(ids, expected.iter().map(|comment| &comment["id"]).collect::<Vec<_>>(), "{query}");
            }
        }
        let before = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z", "noticed_at": "2026-01-14T08:59:59Z" });
        school.staff().post("/v1/comments", before).await.is(422).points_at(&[("/noticed_at", "before_receipt")]);
    }

    async fn whoever_only_logs_does_not_read_the_responses(school: School) {
        let account = school.active_account().await;
        let members = json!({ "external_id": "fb-1" });
        let comment = school.logged(&account, members.clone()).await;
        school.staff().post(comment.url("respond"), json!({ "kind": "answer", "text": "Between us." })).await.is(200);
        let body = json!({ "account_id": account["id"], "kind": "comment", "external_id": "fb-1", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z" });
        let again = school.service().post("/v1/comments", body).await.is(200);
        assert_eq!((&again["id"], &again["responses"]), (&comment["id"], &json!([])));
    }

    async fn the_same_external_id_on_the_same_account_is_the_same_comment(school: School) {
        let (account, other) = (school.active_account().await, school.active_account().await);
        let comment = school.comment_on(&account, json!({ "external_id": "fb-1" }));
        let first = school.service().post("/v1/comments", &comment).await.is(201);
        let again = school.service().post("/v1/comments", &comment).await.is(200);
        assert_eq!((&again["id"], &again["version"]), (&first["id"], &first["version"]));
        let elsewhere = school.service().post("/v1/comments", school.comment_on(&other, json!({ "external_id": "fb-1" }))).await.is(201);
        assert_ne!(elsewhere["id"], first["id"]);
        assert_eq!(school.headteacher().get("/v1/comments").await["items"].as_array().unwrap().len(), 2);
    }

    async fn an_author_is_named_or_flagged_as_anonymous(school: School) {
        let account = school.active_account().await;
        let mut nobody = school.comment_on(&account, json!({}));
        nobody.as_object_mut().unwrap().remove("author_name");
        school.staff().post("/v1/comments", &nobody).await.is(422).violates(&["BEH-3"]);
        nobody["author_anonymous"] = true.into();
        assert_eq!(school.staff().post("/v1/comments", nobody).await.is(201)["author_anonymous"], true);
    }

    async fn the_future_is_refused_and_the_far_past_is_overdue_at_once(school: School) {
        let account = school.active_account().await;
        let ahead = school.comment_on(&account, json!({ "received_at": "2026-01-14T10:05:01Z", "noticed_at": "2026-01-15T10:00:00Z" }));
        let refused = school.staff().post("/v1/comments", ahead).await.is(422);
        refused.points_at(&[("/received_at", "in_the_future"), ("/noticed_at", "in_the_future")]);
        school.logged(&account, json!({ "received_at": "2026-01-14T10:05:00Z" })).await;
        for impossible in ["-262142-01-01T00:00:00Z", "+10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z"] {
            let comment = school.comment_on(&account, json!({ "received_at": impossible }));
            school.staff().post("/v1/comments", comment).await.is(400).points_at(&[("/received_at", "wrong_type")]);
        }
        assert_eq!(school.logged(&account, json!({ "received_at": "0000-01-01T00:00:00Z" })).await["overdue"], true);
        assert_eq!(school.logged(&account, json!({ "received_at": "2009-06-01T10:00:00+01:00" })).await["overdue"], true);
    }

    async fn only_those_who_run_an_account_see_and_answer_its_comments(school: School) {
        let account = school.active_account().await;
        let comment = school.logged(&account, json!({})).await;
        let bystander = school.person("bystander", &[weald::policy::roles::Role::Staff]).await;
        bystander.get(comment.url("")).await.is(404);
        assert_eq!(bystander.get("/v1/comments").await.is(200)["items"], json!([]));
        bystander.post("/v1/comments", school.comment_on(&account, json!({}))).await.is(403);
        bystander.post(comment.url("respond"), json!({ "kind": "answer", "text": "Hello." })).await.is(404);
        school.parent().post("/v1/comments", school.comment_on(&account, json!({}))).await.is(422).points_at(&[("/account_id", "unknown")]);
        school.dsl().get("/v1/comments").await.is(403);
        school.service().get("/v1/comments").await.is(403);
        school.headteacher().post(comment.url("respond"), json!({ "kind": "answer", "text": "Hello." })).await.is(200);
    }

    async fn the_queue_shows_the_nearest_deadline_first_and_pages_without_gap_or_repeat(school: School) {
        school.clock_at("2026-01-16T12:00:00Z");
        let account = school.active_account().await;
        for (text, received_at) in [("third", "2026-01-16T11:00:00Z"), ("first", "2026-01-14T11:00:00Z"), ("second", "2026-01-15T11:00:00Z"), ("second", "2026-01-15T11:00:00Z")] {
            school.logged(&account, json!({ "text": text, "received_at": received_at })).await;
        }
        let head = school.headteacher();
        assert_eq!(texts(&head.get("/v1/comments?open=true").await.is(200)), ["first", "second", "second", "third"]);
        assert_eq!(texts(&head.get("/v1/comments?overdue=true").await.is(200)).len(), 3);
        assert_eq!(texts(&head.get("/v1/comments?due_from=2026-01-16T11:00:00Z&due_to=2026-01-17T11:00:00Z").await.is(200)), ["second", "second"]);
        assert_eq!(texts(&head.get("/v1/comments?state=closed&state=answered").await.is(200)).len(), 0);
        let mut url = "/v1/comments?open=true&limit=1".to_owned();
        let mut seen = Vec::new();
        loop {
            let page = head.get(&url).await.is(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split_once('>')) else { break };
            next.0.clone_into(&mut url);
        }
        assert_eq!(seen.len(), 4);
        seen.dedup();
        assert_eq!(seen.len(), 4, "no repeat");
        school.staff().post(format!("/v1/comments/{}/respond", seen[0].as_str().unwrap()), json!({ "kind": "answer", "text": "Yes." })).await.is(200);
        assert_eq!(texts(&head.get("/v1/comments?open=true").await.is(200)), ["second", "second", "third"], "what is answered leaves the queue");
        let cursor = head.get("/v1/comments?open=true&limit=1").await["next_cursor"].as_str().unwrap().to_owned();
        head.get(format!("/v1/comments?open=false&cursor={cursor}")).await.is(400).problem("invalid_cursor");
        head.get(format!("/v1/comments?cursor={cursor}x")).await.is(400).problem("invalid_cursor");
    }

    async fn what_became_overdue_is_recorded_once_and_escalated_to_the_headteacher(school: School) {
        let account = school.active_account().await;
        let (due, answered) = (school.logged(&account, json!({})).await, school.logged(&account, json!({})).await);
        school.staff().post(answered.url("respond"), json!({ "kind": "answer", "text": "Yes." })).await.is(200);
        let overdue = async || {
            weald::jobs::run_all(school.state()).await.unwrap();
            school.headteacher().get("/v1/events?type=comment.overdue").await.is(200)["items"].as_array().unwrap().clone()
        };
        assert_eq!(overdue().await, [] as [Value; 0]);
        let read = school.staff().get(due.url("")).await.is(200);
        school.clock_at("2026-01-15T10:00:01Z");
        let late = school.staff().get(due.url("")).header("if-none-match", read.etag()).await.is(200);
        assert_eq!(late["overdue"], true, "time alone changed it, and its tag says so");
        let recorded = overdue().await;
        school.staff().get(due.url("")).header("if-none-match", late.etag()).await.is(200);
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0]["subject"], due["id"]);
        assert_eq!(recorded[0]["data"]["related"]["escalated_to"], school.headteacher().id().to_string());
        school.clock_at("2026-01-15T11:00:00Z");
        assert_eq!(overdue().await.len(), 1, "once");
        // The next one when the head has left: the delegate, and without one the chair of governors.
        let (id, head) = (school.id, school.headteacher().id());
        let left = "2026-01-16".parse::<chrono::NaiveDate>().unwrap();
        school.write(move |tx| diesel::update(people::table.find((id, head))).set(people::left_on.eq(left)).execute(tx)).await;
        school.delegation(&school.leadership(), "2026-01-16", "2026-01-16").await;
        for (day, told) in [(16, school.leadership()), (20, school.chair())] {
            school.clock_at(&format!("2026-01-{}T09:00:00Z", day - 2));
            school.logged(&account, json!({ "received_at": format!("2026-01-{}T08:59:00Z", day - 2), "noticed_at": format!("2026-01-{}T08:59:00Z", day - 2) })).await;
            school.clock_at(&format!("2026-01-{day}T23:59:59Z"));
            weald::jobs::run_all(school.state()).await.unwrap();
            let last = school.dpo().get("/v1/events?type=comment.overdue").await.is(200)["items"].as_array().unwrap().last().unwrap().clone();
            assert_eq!(last["data"]["related"]["escalated_to"], told.id().to_string(), "{day}");
        }
        assert_eq!(school.staff().get(due.url("")).await["escalated_at"], "2026-01-15T10:00:01Z");
    }
}
