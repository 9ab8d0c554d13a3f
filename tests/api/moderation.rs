//! Offensive comments: first in the queue, moderated with an explanation, parents dealt with step by step; and the
//! times that the law sets.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines, with};

const ACTIONS: &str = "/v1/moderation-actions";
const LADDERS: &str = "/v1/parent-ladders";
const CLOCKS: &str = "/v1/statutory-clocks";

async fn comment(school: &School, account: &Reply, members: Value) -> Reply {
    let plain = json!({
        "account_id": account["id"], "kind": "comment", "author_name": "A parent", "text": "You are all idiots.", "received_at": school.now()
    });
    school.staff().post("/v1/comments", with(plain, members)).await.is(201)
}

fn action(comment: &Reply, members: Value) -> Value {
    let plain = json!({
        "comment_id": comment["id"], "kind": "delete", "reason": "offensive", "public_explanation": "We have removed an insult.",
        "internal_reason": "The third this week."
    });
    with(plain, members)
}

on_both_engines! {
    async fn a_comment_is_moderated_with_an_explanation_which_counts_as_the_response(school: School) {
        let account = school.active_account().await;
        let comment = comment(&school, &account, json!({})).await;
        let done = school.staff().post(ACTIONS, action(&comment, json!({}))).await.is(201);
        assert_eq!((&done["snapshot_text"], &done["snapshot_author"]), (&json!("You are all idiots."), &json!("A parent")));
        let seen = school.headteacher().get(comment.url("")).await.is(200);
        assert_eq!((&seen["state"], &seen["on_time"], &seen["moderated_at"]), (&json!("answered"), &json!(true), &json!("2026-01-14T10:00:00Z")));
        school.clock_at("2026-01-20T10:00:00Z");
        school.it_technician().post(ACTIONS, action(&comment, json!({ "kind": "block_author" }))).await.is(201);
        let again = school.headteacher().get(comment.url("")).await.is(200);
        assert_eq!((&again["on_time"], &again["moderated_at"]), (&json!(true), &seen["moderated_at"]), "the first stops the clock");
        assert_eq!(school.headteacher().get(format!("{ACTIONS}?comment_id={}", comment["id"].as_str().unwrap())).await.is(200).items().len(), 2);
        assert_eq!(school.headteacher().get(format!("{ACTIONS}?kind=hide")).await.is(200).items().len(), 0);
        school.headteacher().get(done.url("")).await.is(200);
        for method in [reqwest::Method::PATCH, reqwest::Method::DELETE, reqwest::Method::PUT] {
            school.headteacher().send(method, done.url("")).await.is(405);
        }
        assert!(!school.headteacher().get("/v1/events").await.is(200).text.contains("idiots"));
    }

    async fn nothing_is_removed_without_telling_the_audience_why_and_no_pupil_is_named(school: School) {
        let account = school.active_account().await;
        let comment = comment(&school, &account, json!({})).await;
        let refused = async |members: Value| school.headteacher().post(ACTIONS, action(&comment, members)).await;
        for blank in ["", "  "] {
            refused(json!({ "public_explanation": blank })).await.is(422).problem("policy_refused").violates(&["HND-2"]).points_at(&[("/public_explanation", "HND-2")]);
        }
        let named = refused(json!({ "public_explanation": "It was about Pupil WEALD." })).await.is(422).violates(&["HND-2"]);
        assert!(!named.text.to_lowercase().contains("pupil weald"), "{named}");
        let mut without = action(&comment, json!({}));
        without.as_object_mut().unwrap().remove("public_explanation");
        school.headteacher().post(ACTIONS, without).await.is(422).violates(&["HND-2"]);
        refused(json!({ "internal_reason": "It was about pupil Weald." })).await.is(201);
        refused(json!({ "comment_id": Uuid::now_v7() })).await.is(422).points_at(&[("/comment_id", "unknown")]);
        refused(json!({ "reason": "mood" })).await.is(400);
        let outsider = school.second_staff();
        school.volunteer().post(ACTIONS, action(&comment, json!({}))).await.is(422).points_at(&[("/comment_id", "unknown")]);
        for other in [school.pupil(), school.governor(), school.chair(), school.dpo(), school.service()] {
            other.post(ACTIONS, action(&comment, json!({}))).await.is(403).violates(&["HND-2"]);
        }
        outsider.get(ACTIONS).await.is(200);
        let theirs = school.other_school().await;
        theirs.headteacher().post(ACTIONS, action(&comment, json!({}))).await.is(422);
        assert_eq!(theirs.headteacher().get(ACTIONS).await.is(200).items().len(), 0);
        assert_eq!(school.volunteer().get(ACTIONS).await.is(200).items().len(), 0);
    }

    async fn a_batch_has_one_reason_and_a_result_for_each(school: School) {
        let account = school.active_account().await;
        let (one, two) = (comment(&school, &account, json!({})).await, comment(&school, &account, json!({})).await);
        let batch = json!({
            "comment_ids": [one["id"], Uuid::now_v7(), two["id"], one["id"]], "kind": "hide", "reason": "spam", "public_explanation": "We have hidden advertisements."
        });
        school.staff().post("/v1/moderation/batch", &batch).await.is(400);
        let done = school.staff().post("/v1/moderation/batch", &batch).idempotency_key("once").await.is(207);
        let statuses: Vec<&Value> = done["results"].as_array().unwrap().iter().map(|result| &result["status"]).collect();
        assert_eq!(statuses, [201, 404, 201, 404]);
        school.staff().post("/v1/moderation/batch", &batch).idempotency_key("once").await.is(207);
        assert_eq!(school.headteacher().get(ACTIONS).await.is(200).items().len(), 2);
        let unexplained = with(batch, json!({ "public_explanation": "" }));
        school.staff().post("/v1/moderation/batch", unexplained).idempotency_key("other").await.is(422).violates(&["HND-2"]);
    }

    async fn an_offensive_comment_comes_first_in_the_queue_with_a_target_of_its_own(school: School) {
        let account = school.active_account().await;
        let head = school.headteacher();
        let mut ids = Vec::new();
        for (day, offensive) in [("10", false), ("11", true), ("12", false), ("13", true)] {
            let members = json!({ "received_at": format!("2026-01-{day}T09:00:00Z"), "offensive": offensive });
            ids.push(comment(&school, &account, members).await);
        }
        let order = async |url: &str| head.get(url).await.is(200).each("id").into_iter().cloned().collect::<Vec<_>>();
        let expected: Vec<Value> = [1, 3, 0, 2].iter().map(|&index: &usize| ids[index]["id"].clone()).collect();
        assert_eq!(order("/v1/comment-queue").await, expected);
        let (mut url, mut seen) = ("/v1/comment-queue?limit=1".to_owned(), Vec::new());
        loop {
            let page = head.get(&url).await.is(200);
            seen.extend(page.each("id").into_iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            url = format!("/v1/comment-queue?limit=1&cursor={cursor}");
        }
        assert_eq!(seen, expected, "page by page");
        let urgent = &ids[1];
        assert_eq!(urgent["urgent_due_at"], "2026-01-14T11:00:00Z");
        let flagged = school.staff().post(ids[2].url("flag-offensive"), json!({})).if_match(ids[2].etag()).await.is(200);
        assert_eq!((&flagged["urgent"], &flagged["due_at"]), (&json!(true), &ids[2]["due_at"]), "the deadline stays");
        school.staff().post(ids[0].url("flag-offensive"), json!({})).await.is(428);
        school.volunteer().post(ids[0].url("flag-offensive"), json!({})).if_match(ids[0].etag()).await.is(404);
        assert_eq!(order("/v1/comment-queue").await[1], ids[2]["id"]);
        assert_eq!(school.volunteer().get("/v1/comment-queue").await.is(200).items().len(), 0);
        let answered = school.staff().post(ids[0].url("respond"), json!({ "kind": "answer", "text": "Sorry." })).await.is(200);
        school.staff().post(ids[0].url("flag-offensive"), json!({})).if_match(answered.etag()).await.is(409).problem("state_conflict");
        assert_eq!(order("/v1/comment-queue").await.len(), 3);
    }

    async fn a_parent_is_dealt_with_step_by_step(school: School) {
        let (head, staff, parent) = (school.headteacher(), school.staff(), school.parent());
        let account = school.active_account().await;
        let comment = comment(&school, &account, json!({})).await;
        let new = json!({ "parent_id": parent.id(), "comment_id": comment["id"] });
        let ladder = staff.post(LADDERS, &new).await.is(201);
        let step = json!({ "channel": "telephone", "outcome": "Will take it down.", "internal_note": "Was angry." });
        let go = async |who: &crate::support::caller::Caller<'_>, action: &str, body: &Value| {
            let tag = head.get(ladder.url("")).await.etag().to_owned();
            who.post(ladder.url(action), body).if_match(tag).await
        };
        for early in ["invite-discussion", "resolve", "refer-to-complaints"] {
            go(&staff, early, &step).await.is(409).problem("policy_gate").violates(&["PU-PC-3"]);
        }
        go(&staff, "request-removal", &json!({})).await.is(400);
        staff.post(ladder.url("request-removal"), &step).await.is(428);
        staff.post(ladder.url("request-removal"), &step).if_match("\"9\"").await.is(412);
        go(&staff, "request-removal", &step).await.is(200);
        go(&staff, "refer-to-complaints", &step).await.is(409).violates(&["PU-PC-3"]);
        go(&staff, "skip", &json!({ "to": "complaints_referred", "reason": "A threat." })).await.is(403).violates(&["PU-PC-3"]);
        go(&staff, "invite-discussion", &step).await.is(200);
        let done = go(&staff, "refer-to-complaints", &step).await.is(200);
        assert_eq!((done["steps"].as_array().unwrap().len(), &done["allowed_actions"]), (3, &json!([])));
        go(&staff, "resolve", &step).await.is(409);
        let own = parent.get(ladder.url("")).await.is(200);
        assert!(own.text.contains("Will take it down.") && !own.text.contains("angry"), "{own}");
        parent.post(LADDERS, &new).await.is(403).violates(&["PU-PC-3"]);
        let other_parent = school.person("other", &[weald::policy::roles::Role::ParentCarer]).await;
        other_parent.get(ladder.url("")).await.is(404);
        assert_eq!(other_parent.get(LADDERS).await.is(200).items().len(), 0);
    }

    async fn nobody_deals_with_what_they_wrote_themselves_nor_reads_as_a_parent_what_others_wrote(school: School) {
        use weald::policy::roles::Role;
        let head = school.headteacher();
        let both = school.person("both", &[Role::LeadershipTeam, Role::ParentCarer]).await;
        let ladder = head.post(LADDERS, json!({ "parent_id": both.id() })).await.is(201);
        let seen = both.get(ladder.url("")).await.is(200);
        assert_eq!(seen["allowed_actions"], json!([]));
        let step = json!({ "channel": "telephone", "internal_note": "All is well." });
        both.post(ladder.url("request-removal"), &step).if_match(seen.etag()).await.is(403).problem("conflict_of_interest").violates(&["PU-PC-3"]);
        both.post(LADDERS, json!({ "parent_id": both.id() })).await.is(403).problem("conflict_of_interest");
        head.post(ladder.url("request-removal"), &step).if_match(seen.etag()).await.is(200);
        // A parent who runs the account on which another one wrote.
        let account = school.active_account().await;
        let comment = comment(&school, &account, json!({})).await;
        let of_comment = school.staff().post(LADDERS, json!({ "comment_id": comment["id"] })).await.is(201);
        let (helper, id, staff) = (school.person("helper", &[Role::ParentCarer]).await, school.id, school.staff().id());
        let to = helper.id();
        school.write(move |tx| {
            use diesel::prelude::*;
            use weald::db::schema::account_managers::{dsl, table};
            diesel::update(table.filter(dsl::school_id.eq(id)).filter(dsl::person_id.eq(staff))).set(dsl::person_id.eq(to)).execute(tx)
        }).await;
        helper.get(format!("/v1/comments/{}", comment["id"].as_str().unwrap())).await.is(200);
        helper.get(of_comment.url("")).await.is(404);
        assert_eq!(helper.get(LADDERS).await.is(200).items().len(), 0);
    }

    async fn the_head_leaves_steps_out_with_a_reason_that_the_parent_does_not_read(school: School) {
        let (head, parent) = (school.headteacher(), school.parent());
        let ladder = head.post(LADDERS, json!({ "parent_id": parent.id() })).await.is(201);
        head.post(ladder.url("skip"), json!({ "to": "opened", "reason": "x" })).if_match(ladder.etag()).await.is(409).violates(&["PU-PC-3"]);
        head.post(ladder.url("skip"), json!({ "to": "complaints_referred", "reason": " " })).if_match(ladder.etag()).await.is(422);
        let done = head.post(ladder.url("skip"), json!({ "to": "complaints_referred", "reason": "A threat to a teacher." })).if_match(ladder.etag()).await.is(200);
        assert_eq!((&done["state"], &done["steps"][0]["skipped"]), (&json!("complaints_referred"), &json!(true)));
        assert!(!parent.get(ladder.url("")).await.is(200).text.contains("threat"));
        head.post(LADDERS, json!({})).await.is(422);
        head.post(LADDERS, json!({ "parent_id": school.staff().id() })).await.is(422).points_at(&[("/parent_id", "unknown")]);
        head.post(LADDERS, json!({ "comment_id": Uuid::now_v7() })).await.is(422).points_at(&[("/comment_id", "unknown")]);
        assert_eq!(head.get(format!("{LADDERS}?state=opened")).await.is(200).items().len(), 0);
        assert_eq!(head.get(format!("{LADDERS}?person_id={}", parent.id())).await.is(200).items().len(), 1);
        let theirs = school.other_school().await;
        theirs.headteacher().get(ladder.url("")).await.is(404);
    }

    async fn the_times_that_the_law_sets_run_beside_the_24_hours(school: School) {
        let (head, dpo) = (school.headteacher(), school.dpo());
        let account = school.active_account().await;
        let comment = comment(&school, &account, json!({ "text": "Send me all that you keep about my child." })).await;
        let new = json!({ "kind": "subject_access_request", "description": "A parent asks.", "comment_id": comment["id"] });
        let clock = school.staff().post(CLOCKS, new).await.is(201);
        assert_eq!((&clock["started_at"], &clock["due_at"], &clock["state"]), (&comment["received_at"], &json!("2026-02-16T23:59:59Z"), &json!("running")));
        let breach = json!({ "kind": "personal_data_breach", "description": "A lost phone.", "started_at": "2026-01-13T10:00:00Z" });
        let breach = head.post(CLOCKS, breach).await.is(201);
        assert_eq!(breach["due_at"], "2026-01-16T10:00:00Z");
        head.post(CLOCKS, json!({ "kind": "personal_data_breach", "description": "x", "started_at": "2026-01-14T10:06:00Z" })).await.is(422).points_at(&[("/started_at", "in_the_future")]);
        head.post(CLOCKS, json!({ "kind": "personal_data_breach", "description": "x", "comment_id": Uuid::now_v7() })).await.is(422);
        school.parent().get(CLOCKS).await.is(403);
        school.staff().get(clock.url("")).await.is(403);
        school.staff().post(clock.url("meet"), json!({ "reference": "x" })).if_match("\"1\"").await.is(403).violates(&["LEG-2"]);
        assert_eq!(head.get(CLOCKS).await.is(200).each("id"), [&breach["id"], &clock["id"]], "the nearest first");
        school.clock_at("2026-01-16T10:00:00Z");
        assert_eq!(head.get(breach.url("")).await.is(200)["state"], "running");
        weald::jobs::run_all(school.state()).await.unwrap();
        school.clock_at("2026-01-16T10:00:01Z");
        assert_eq!(head.get(breach.url("")).await.is(200)["state"], "overdue");
        for _ in 0..2 {
            weald::jobs::run_all(school.state()).await.unwrap();
        }
        for officer in [&head, &dpo] {
            let told = officer.get("/v1/notifications").await.is(200);
            assert_eq!(told.each("event_type").into_iter().filter(|kind| **kind == "statutory_clock.overdue").count(), 1);
        }
        dpo.post(breach.url("meet"), json!({ "reference": "ICO-1", "met_at": "2026-01-12T10:00:00Z" })).if_match(breach.etag()).await.is(422);
        let late = dpo.post(breach.url("meet"), json!({ "reference": "ICO-1" })).if_match(breach.etag()).await.is(200);
        assert_eq!((&late["state"], &late["allowed_actions"]), (&json!("met_late"), &json!([])));
        dpo.post(breach.url("meet"), json!({ "reference": "ICO-1" })).if_match(late.etag()).await.is(409);
        dpo.post(clock.url("meet"), json!({ "reference": "SAR-1" })).await.is(428);
        assert_eq!(dpo.post(clock.url("meet"), json!({ "reference": "SAR-1" })).if_match(clock.etag()).await.is(200)["state"], "met");
        assert_eq!(head.get(format!("{CLOCKS}?open=true")).await.is(200).items().len(), 0);
        assert_eq!(head.get(format!("{CLOCKS}?open=false&kind=personal_data_breach")).await.is(200).items().len(), 1);
        let theirs = school.other_school().await;
        theirs.headteacher().get(clock.url("")).await.is(404);
    }

    async fn past_the_bank_holidays_on_file_a_clock_says_so(school: School) {
        school.clock_at("2030-12-20T10:00:00Z");
        let new = json!({ "kind": "freedom_of_information_request", "description": "x" });
        school.headteacher().post(CLOCKS, new).await.is(422).problem("calendar_horizon");
    }
}
