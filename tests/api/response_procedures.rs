//! PRO-2: others' comments are responded to by a defined process, in versions.

use serde_json::{Value, json};
use weald::policy::roles::Role;

use crate::support::caller::Reply;
use crate::support::{School, on_both_engines, with};

const PROCEDURES: &str = "/v1/response-procedures";

fn small(members: Value) -> Value {
    let small = json!({
        "nodes": [
            { "id": "tone", "question": "What is it?", "answers": [{ "answer": "Praise.", "branch": "thank" }, { "answer": "Else.", "next": "more" }] },
            { "id": "more", "question": "A question?", "answers": [{ "answer": "Yes.", "branch": "answer" }, { "answer": "No.", "branch": "thank" }] },
        ],
        "branches": [{ "code": "thank", "title": "Thank", "guidance": "Say thanks." }, { "code": "answer", "title": "Answer", "guidance": "Answer it." }],
    });
    with(small, members)
}

impl School {
    pub async fn procedure_draft(&self) -> Reply {
        self.headteacher().post(PROCEDURES, small(json!({}))).await.is(201)
    }

    async fn published_procedure(&self) -> Reply {
        let draft = self.procedure_draft().await;
        self.headteacher().post(draft.url("publish"), json!({})).if_match(draft.etag()).await.is(200)
    }

    async fn negative_comment(&self) -> Reply {
        let account = self.active_account().await;
        let comment = self.logged(&account, json!({ "sentiment": "negative" })).await;
        self.staff().post(comment.url("respond"), json!({ "kind": "answer", "text": "Sorry." })).await.is(200)
    }
}

on_both_engines! {
    async fn a_school_begins_with_a_procedure_and_has_it_once(school: School) {
        let first = school.procedure().await;
        assert_eq!((&first["number"], &first["state"], first.json().get("published_by")), (&json!(1), &json!("published"), None));
        assert_eq!(first["nodes"][0]["id"], "child_at_risk");
        let codes: Vec<&Value> = first["branches"].as_array().unwrap().iter().map(|branch| &branch["code"]).collect();
        assert_eq!(codes, ["safeguarding", "data_protection", "media_policy", "moderate", "acknowledge_and_talk", "answer", "thank", "no_response"]);
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(school.headteacher().get(PROCEDURES).await.is(200).items().len(), 1);
    }

    async fn a_school_that_was_there_before_gets_the_procedure_by_the_jobs(school: School) {
        use diesel::prelude::*;
        school.write(|tx| diesel::delete(weald::db::schema::response_procedures::table).execute(tx)).await;
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(school.procedure().await["number"], 1);
    }

    async fn everyone_who_may_answer_reads_what_is_or_was_in_force_and_the_head_reads_drafts(school: School) {
        let (first, draft) = (school.procedure().await, school.procedure_draft().await);
        for caller in [school.leadership(), school.it_technician(), school.staff(), school.volunteer(), school.parent(), school.governor(), school.chair(), school.dsl(), school.with_role(Role::DeputyDsl), school.dpo()] {
            assert_eq!(caller.get(PROCEDURES).await.is(200).each("id"), [&first["id"]]);
            assert_eq!(caller.get(first.url("")).await.is(200)["nodes"], first["nodes"]);
            caller.get(draft.url("")).await.is(404);
            caller.post(PROCEDURES, small(json!({}))).await.is(403).problem("forbidden");
            caller.post(draft.url("publish"), json!({})).if_match(draft.etag()).await.is(403).problem("forbidden");
            caller.patch(draft.url(""), json!({})).if_match(draft.etag()).await.is(403);
        }
        for caller in [school.pupil(), school.service()] {
            caller.get(PROCEDURES).await.is(403);
        }
        let page = school.headteacher().get(PROCEDURES).await.is(200);
        assert_eq!(page.each("number"), [1, 2]);
        assert!(page.items()[0].get("nodes").is_none(), "lists are short");
        school.other_school().await.headteacher().get(draft.url("")).await.is(404);
    }

    async fn publishing_supersedes_the_version_in_force(school: School) {
        let (first, draft, head) = (school.procedure().await, school.procedure_draft().await, school.headteacher());
        assert_eq!((&draft["number"], &draft["allowed_actions"]), (&json!(2), &json!(["edit", "publish"])));
        head.post(draft.url("publish"), json!({})).await.is(428);
        head.post(draft.url("publish"), json!({})).if_match("\"7\"").await.is(412);
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        let published = school.leadership().post(draft.url("publish"), json!({})).if_match(draft.etag()).await.is(200);
        assert_eq!((&published["state"], &published["published_by"]), (&json!("published"), &json!(school.leadership().id())));
        assert_eq!(school.staff().get(first.url("")).await.is(200)["state"], "superseded");
        assert_eq!(school.procedure().await["id"], draft["id"]);
        head.post(draft.url("publish"), json!({})).if_match(published.etag()).await.is(409).problem("state_conflict");
        head.patch(draft.url(""), json!({ "change_summary": "x" })).if_match(published.etag()).await.is(409);
        let log = head.get("/v1/events?subject_type=response_procedure").await.is(200);
        assert_eq!(log.each("type"), ["response_procedure.published", "response_procedure.drafted", "response_procedure.published", "response_procedure.superseded"]);
        assert_eq!(school.published_procedure().await["number"], 3);
    }

    async fn a_draft_is_edited_and_stays_sound(school: School) {
        let (draft, head) = (school.procedure_draft().await, school.headteacher());
        let branches = json!([{ "code": "thank", "title": "Thank", "guidance": "Say thanks." }]);
        head.patch(draft.url(""), json!({ "branches": branches })).if_match(draft.etag()).await.is(422).points_at(&[("/nodes/1/answers/0/branch", "unknown")]);
        head.patch(draft.url(""), json!({ "nodes": null })).if_match(draft.etag()).await.is(400);
        head.patch(draft.url(""), json!({ "change_summary": "x" })).await.is(428);
        let edited = head.patch(draft.url(""), json!({
            "branches": branches, "change_summary": "Only thanks.",
            "nodes": [{ "id": "tone", "question": "What?", "answers": [{ "answer": "This.", "branch": "thank" }, { "answer": "That.", "branch": "thank" }] }],
        })).if_match(draft.etag()).await.is(200);
        assert_eq!((edited["nodes"].as_array().unwrap().len(), &edited["change_summary"]), (1, &json!("Only thanks.")));
        head.patch(draft.url(""), json!({ "change_summary": null })).if_match(draft.etag()).await.is(412);
        let cleared = head.patch(draft.url(""), json!({ "change_summary": null })).if_match(edited.etag()).await.is(200);
        assert_eq!(cleared.json().get("change_summary"), None);
        let log = head.get("/v1/events?type=response_procedure.edited").await.is(200);
        assert_eq!(log.items()[0]["data"]["changed"], json!(["nodes", "branches", "change_summary"]));
        assert!(!log.text.contains("thanks"), "{log}");
    }

    async fn what_is_no_tree_is_refused_with_its_place(school: School) {
        let post = |members| school.headteacher().post(PROCEDURES, small(members));
        let answers = |answers: Value| json!([{ "id": "tone", "question": "What?", "answers": answers }]);
        let fine = json!({ "answer": "This.", "branch": "thank" });
        post(json!({ "nodes": [] })).await.is(422).points_at(&[("/nodes", "length")]);
        post(json!({ "nodes": answers(json!([fine])) })).await.is(422).points_at(&[("/nodes/0/answers", "length")]);
        post(json!({ "nodes": answers(json!([fine, { "answer": "That.", "branch": "thank" }])) })).await.is(422).points_at(&[("/branches/1", "unreachable")]);
        post(json!({ "nodes": answers(json!([fine, { "answer": "That.", "next": "tone" }])), "branches": [small(json!({}))["branches"][0]] }))
            .await.is(422).points_at(&[("/nodes/0/answers/1/next", "leads_back")]);
        post(json!({ "nodes": answers(json!([fine, { "answer": "That.", "branch": "answer", "next": "tone" }])) }))
            .await.is(422).points_at(&[("/nodes/0/answers/1", "one_of"), ("/branches/1", "unreachable")]);
        post(json!({ "nodes": answers(json!([fine, ["That.", "thank"]])) })).await.is(400).points_at(&[("/nodes/0/answers/1", "wrong_type")]);
        post(json!({ "nodes": answers(json!([fine, { "answer": "That.", "branch": "Thank!" }])) })).await.is(422).points_at(&[("/nodes/0/answers/1/branch", "not_a_code")]);
        post(json!({ "start": "tone" })).await.is(400).points_at(&[("/start", "unknown_field")]);
    }

    async fn a_negative_comment_is_not_closed_without_the_procedure_that_was_followed(school: School) {
        let (comment, procedure) = (school.negative_comment().await, school.procedure().await);
        let close = |body: Value| school.staff().post(comment.url("close"), body).if_match(comment.etag());
        close(json!({})).await.is(422).problem("policy_refused").violates(&["PRO-2"]).points_at(&[("/procedure_version_id", "PRO-2")]);
        close(json!({ "branch": "thank" })).await.is(422).violates(&["PRO-2"]);
        close(json!({ "procedure_version_id": procedure["id"] })).await.is(422).violates(&["PRO-2"]).points_at(&[("/branch", "PRO-2")]);
        close(json!({ "procedure_version_id": procedure["id"], "branch": "shout" })).await.is(422).violates(&["PRO-2"]).points_at(&[("/branch", "PRO-2")]);
        close(json!({ "procedure_version_id": school.procedure_draft().await["id"], "branch": "thank" })).await.is(422).points_at(&[("/procedure_version_id", "unknown")]);
        let theirs = school.other_school().await.procedure().await;
        close(json!({ "procedure_version_id": theirs["id"], "branch": "thank" })).await.is(422).points_at(&[("/procedure_version_id", "unknown")]);
        let newer = school.published_procedure().await;
        close(json!({ "procedure_version_id": procedure["id"], "branch": "thank" })).await.is(422).violates(&["PRO-2"]).points_at(&[("/procedure_version_id", "PRO-2")]);
        assert_eq!(school.staff().get(comment.url("")).await["state"], "answered");
        let closed = close(json!({ "procedure_version_id": newer["id"], "branch": "answer" })).await.is(200);
        assert_eq!((&closed["procedure_version_id"], &closed["branch"], &closed["sentiment"]), (&newer["id"], &json!("answer"), &json!("negative")));
        assert_eq!(school.headteacher().get("/v1/comments?state=closed").await.is(200).items(), std::slice::from_ref(closed.json()));
    }

    async fn how_a_comment_speaks_is_said_when_it_is_logged_or_responded_to(school: School) {
        let account = school.active_account().await;
        let (comment, other) = (school.logged(&account, json!({})).await, school.logged(&account, json!({ "sentiment": "mixed" })).await);
        assert_eq!((comment.json().get("sentiment"), &other["sentiment"]), (None, &json!("mixed")));
        let response = json!({ "kind": "answer", "text": "Sorry.", "sentiment": "negative", "answers": [other["id"]] });
        let responded = school.staff().post(comment.url("respond"), response).await.is(200);
        assert_eq!(responded["sentiment"], "negative");
        let other = school.staff().get(other.url("")).await.is(200);
        assert_eq!(other["sentiment"], "mixed", "each comment speaks for itself");
        school.staff().post(comment.url("close"), json!({})).if_match(responded.etag()).await.is(422).violates(&["PRO-2"]);
        school.staff().post(other.url("close"), json!({})).if_match(other.etag()).await.is(200);
        let log = school.headteacher().get("/v1/events?type=comment.responded").await.is(200);
        let changed: Vec<&Value> = log.items().iter().map(|event| &event["data"]["changed"]).collect();
        assert_eq!(changed, [&json!(["sentiment"]), &Value::Null]);
        school.staff().post("/v1/comments", json!({ "sentiment": "angry" })).await.is(400);
    }
}
