//! Versions of policies, from the draft to the one in force: R-HT-2.

use std::future::IntoFuture;

use diesel::prelude::*;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::db::schema::policy_versions;
use weald::db::types::{PolicyVersionId, SubjectId};
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

fn clauses(text: &str) -> Value {
    json!({ "clauses": [{ "id": "MON-1", "title": "Accounts are monitored", "text": text }] })
}

/// The numbers and states of the social media policy's versions, as somebody sees them.
async fn listed(school: &School, caller: &Caller<'_>) -> Vec<(i64, String)> {
    let page = caller.get(school.social_media_policy().await.url("versions")).await.is(200);
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (item["number"].as_i64().unwrap(), item["state"].as_str().unwrap().to_owned())).collect()
}

/// What the log says of a version, oldest first.
async fn log_of(school: &School, version: &Reply) -> Vec<(String, String, Vec<String>)> {
    use weald::db::schema::events;
    let id: Uuid = version["id"].as_str().unwrap().parse().unwrap();
    let rows: Vec<(String, String, String)> = school
        .read(move |conn| {
            events::table
                .filter(events::subject_id.eq(SubjectId::from(id)))
                .order(events::number)
                .select((events::event_type, events::actor_role, events::data))
                .load(conn)
        })
        .await;
    let changed = |data: &str| serde_json::from_str::<weald::events::Data>(data).unwrap().changed;
    rows.into_iter().map(|(kind, role, data)| (kind, role, changed(&data))).collect()
}

on_both_engines! {
    async fn a_draft_starts_from_the_version_in_force_is_edited_reviewed_and_published(school: School) {
        let (one, head, dsl) = (school.version_in_force().await, school.headteacher(), school.dsl());
        let policy = school.social_media_policy().await;
        let drafted = dsl.post(policy.url("versions"), json!({ "change_summary": "Says who answers." })).await.is(201);
        let draft = dsl.get(drafted.header("location")).await.is(200);
        assert_eq!(drafted.json(), draft.json());
        assert_eq!((&draft["number"], &draft["state"], &draft["minor"]), (&json!(2), &json!("draft"), &json!(false)));
        assert_eq!((&draft["clauses"], &draft["content_hash"]), (&one["clauses"], &one["content_hash"]));
        assert_eq!((&draft["based_on_version_id"], &draft["drafted_by"]), (&one["id"], &json!(dsl.id())));
        assert_eq!(draft["allowed_actions"], json!(["edit", "submit", "withdraw"]));

        let edited = dsl.patch(draft.url(""), clauses("Every day.")).if_match(draft.etag()).await.is(200);
        assert_eq!((&edited["clauses"], &edited["change_summary"]), (&clauses("Every day.")["clauses"], &json!("Says who answers.")));
        assert_ne!(edited["content_hash"], one["content_hash"], "the hash changes when a clause changes");
        let submitted = dsl.post(draft.url("submit"), json!({})).if_match(edited.etag()).await.is(200);
        assert_eq!((&submitted["state"], &submitted["allowed_actions"]), (&json!("in_review"), &json!(["return", "withdraw"])));
        let returned = head.post(draft.url("return"), json!({})).if_match(submitted.etag()).await.is(200);
        assert_eq!(returned["state"], "draft");
        let submitted = dsl.post(draft.url("submit"), json!({})).if_match(returned.etag()).await.is(200);
        assert_eq!(head.get(draft.url("")).await["allowed_actions"], json!(["return", "publish", "withdraw"]));

        school.clock_at("2026-01-15T09:30:00Z");
        let published = head.post(draft.url("publish"), json!({})).if_match(submitted.etag()).await.is(200);
        assert_eq!((&published["state"], &published["acknowledged_from"]), (&json!("published"), &json!(2)));
        assert_eq!((&published["published_at"], &published["published_by"]), (&json!("2026-01-15T09:30:00Z"), &json!(head.id())));
        let now = head.get(policy.url("")).await.is(200);
        assert_eq!(now["published_version_id"], draft["id"]);
        head.get(policy.url("")).header("if-none-match", policy.etag()).await.is(200);
        let before = school.pupil().get(one.url("")).await.is(200);
        assert_eq!((&before["state"], &before["clauses"]), (&json!("superseded"), &one["clauses"]), "still readable");

        let event = |kind: &str, role: &str, changed: &[&str]| (kind.to_owned(), role.to_owned(), changed.iter().map(ToString::to_string).collect());
        assert_eq!(log_of(&school, &draft).await, [
            event("policy_version.drafted", "dsl", &[]), event("policy_version.edited", "dsl", &["clauses"]),
            event("policy_version.submitted", "dsl", &[]), event("policy_version.returned", "headteacher", &[]),
            event("policy_version.submitted", "dsl", &[]), event("policy_version.published", "headteacher", &[]),
        ]);
        assert_eq!(log_of(&school, &one).await, [event("policy_version.published", "system", &[]), event("policy_version.superseded", "headteacher", &[])]);
    }

    async fn two_publishers_at_once_fifty_times_and_each_time_one_is_told_to_start_anew(school: School) {
        let second = school.second_instance(|_| ());
        for round in 0..50 {
            let one = school.version_in_review(clauses(&format!("One {round}."))).await;
            let two = school.version_in_review(clauses(&format!("Two {round}."))).await;
            let instance = if round % 2 == 0 { &school } else { &second };
            let first = instance.headteacher().post(one.url("publish"), json!({})).if_match(one.etag()).into_future();
            let other = school.headteacher().post(two.url("publish"), json!({})).if_match(two.etag()).into_future();
            let (one, two) = futures_util::future::join(first, other).await;
            let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
            let won = won.is(200);
            let lost = lost.is(409).problem("policy_gate").violates(&["R-HT-2"]);
            assert_eq!(lost["violations"][0]["cure"], "Withdraw it and draft a version anew from the one in force.");
            assert_eq!(school.version_in_force().await["id"], won["id"], "round {round}");
        }
        let page = school.pupil().get(format!("{}?limit=200", school.social_media_policy().await.url("versions"))).await.is(200);
        let states: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|version| &version["state"]).collect();
        assert_eq!((states.len(), states.iter().filter(|state| **state == "published").count()), (51, 1));
    }

    async fn the_database_itself_holds_no_two_published_versions_of_a_policy(school: School) {
        let draft = school.draft_version(json!({})).await;
        let (school_id, id): (_, PolicyVersionId) = (school.id, draft["id"].as_str().unwrap().parse::<Uuid>().unwrap().into());
        let publish = school.state().db.write(school_id.uuid(), move |tx| {
            let row = policy_versions::table.find((school_id, id));
            diesel::update(row).set(policy_versions::state.eq("published")).execute(tx).map_err(weald::problem::Problem::from)
        });
        assert_eq!(publish.await.unwrap_err().code().name(), "already_exists");
    }

    async fn what_was_drafted_before_another_was_published_starts_anew(school: School) {
        let (head, stale) = (school.headteacher(), school.version_in_review(clauses("Stale.")).await);
        let published = school.published_version(json!({})).await;
        head.post(stale.url("publish"), json!({})).if_match(stale.etag()).await.is(409).problem("policy_gate").violates(&["R-HT-2"]);
        assert_eq!(head.get(stale.url("")).await.json(), stale.json(), "a refusal leaves no trace");
        let withdrawn = head.post(stale.url("withdraw"), json!({})).if_match(stale.etag()).await.is(200);
        assert_eq!((&withdrawn["state"], &withdrawn["allowed_actions"]), (&json!("withdrawn"), &json!([])));
        let anew = school.published_version(json!({})).await;
        assert_eq!((&anew["number"], &anew["based_on_version_id"]), (&json!(4), &published["id"]));
        let states = listed(&school, &head).await.into_iter().map(|(number, state)| format!("{number} {state}")).collect::<Vec<_>>();
        assert_eq!(states, ["1 superseded", "2 withdrawn", "3 superseded", "4 published"]);
    }

    async fn a_first_version_is_drafted_from_nothing_and_not_published_without_a_text(school: School) {
        let head = school.headteacher();
        let policy = head.post("/v1/policies", json!({ "kind": "media", "title": "Media Policy" })).await.is(201);
        let drafted = head.post(policy.url("versions"), json!({ "minor": true })).await.is(201);
        assert_eq!((&drafted["clauses"], drafted.json().get("based_on_version_id"), &drafted["number"]), (&json!([]), None, &json!(1)));
        let version = head.get(drafted.header("location")).await.is(200);
        let submitted = head.post(version.url("submit"), json!({})).if_match(version.etag()).await.is(200);
        let refused = head.post(version.url("publish"), json!({})).if_match(submitted.etag()).await.is(409).problem("policy_gate").violates(&["R-HT-2"]);
        assert_eq!(refused["violations"][0]["cure"], "Return it to draft and give it a text.");
        let returned = head.post(version.url("return"), json!({})).if_match(submitted.etag()).await.is(200);
        let edited = head.patch(version.url(""), clauses("Call the head first.")).if_match(returned.etag()).await.is(200);
        let submitted = head.post(version.url("submit"), json!({})).if_match(edited.etag()).await.is(200);
        let published = head.post(version.url("publish"), json!({})).if_match(submitted.etag()).await.is(200);
        assert_eq!(published["acknowledged_from"], 1, "minor, but there is nothing to keep");
    }

    async fn a_minor_version_keeps_what_was_acknowledged_and_the_next_one_does_not(school: School) {
        assert_eq!(school.published_version(json!({})).await["acknowledged_from"], 2);
        assert_eq!(school.published_version(json!({ "minor": true })).await["acknowledged_from"], 2);
        assert_eq!(school.published_version(json!({ "minor": true })).await["acknowledged_from"], 2);
        assert_eq!(school.published_version(json!({ "minor": false })).await["acknowledged_from"], 5);
    }

    async fn who_does_not_draft_sees_only_what_is_or_was_in_force(school: School) {
        let (draft, review) = (school.draft_version(json!({})).await, school.version_in_review(json!({})).await);
        let withdrawn = school.draft_version(json!({})).await;
        school.headteacher().post(withdrawn.url("withdraw"), json!({})).if_match(withdrawn.etag()).await.is(200);
        for role in Role::iter() {
            let (caller, drafts) = (school.with_role(role), matches!(role, Role::Headteacher | Role::LeadershipTeam | Role::Dsl | Role::Dpo));
            for version in [&draft, &review, &withdrawn] {
                let reply = caller.get(version.url("")).await.is(if drafts { 200 } else { 404 });
                assert!(drafts || reply["code"] == "not_found", "{reply}");
            }
            assert_eq!(listed(&school, &caller).await.len(), if drafts { 4 } else { 1 }, "{role}");
        }
        let url = school.social_media_policy().await.url("versions");
        let asked = school.staff().get(format!("{url}?state=draft&state=in_review&state=withdrawn")).await.is(200);
        assert_eq!(asked["items"], json!([]));
        let asked = school.dsl().get(format!("{url}?state=draft&state=in_review")).await.is(200);
        assert_eq!(asked["items"].as_array().unwrap().len(), 2);
        assert!(asked["items"][0].get("clauses").is_none(), "lists come without the texts");
    }

    async fn versions_are_read_page_by_page(school: School) {
        for _ in 0..4 {
            school.draft_version(json!({})).await;
        }
        let url = school.social_media_policy().await.url("versions");
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = school.dpo().get(format!("{url}?limit=2{cursor}")).await.is(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["number"].as_i64().unwrap()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            assert!(page.header("link").contains(&format!("{url}?limit=2&cursor=")), "{page}");
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        school.dpo().get(format!("/v1/policies/{}/versions", Uuid::now_v7())).await.is(404).problem("not_found");
    }

    async fn drafting_and_publishing_are_for_those_who_may(school: School) {
        let (url, draft, review) = (school.social_media_policy().await.url("versions"), school.draft_version(json!({})).await, school.version_in_review(json!({})).await);
        for role in Role::iter().filter(|&role| role != Role::Headteacher) {
            let caller = school.with_role(role);
            caller.post(review.url("publish"), json!({})).if_match(review.etag()).await.is(403).problem("forbidden").violates(&["R-HT-2"]);
            if !matches!(role, Role::LeadershipTeam | Role::Dsl | Role::Dpo) {
                caller.post(&url, json!({})).await.is(403).problem("forbidden");
                caller.patch(draft.url(""), json!({ "minor": true })).if_match(draft.etag()).await.is(403).problem("forbidden");
                for action in ["submit", "withdraw", "return"] {
                    caller.post(draft.url(action), json!({})).if_match(draft.etag()).await.is(403).problem("forbidden");
                }
            }
        }
        for (caller, number) in [(school.leadership(), 4), (school.dsl(), 5), (school.dpo(), 6)] {
            assert_eq!(caller.post(&url, json!({})).await.is(201)["number"], number);
        }
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        let published = school.leadership().post(review.url("publish"), json!({})).if_match(review.etag()).await.is(200);
        assert_eq!(published["published_by"], json!(school.leadership().id()), "a delegate on record");
    }

    async fn only_the_moves_of_the_state_machine_are_made_and_on_the_version_that_was_read(school: School) {
        let (head, draft) = (school.headteacher(), school.draft_version(json!({})).await);
        let act = |action: &str| head.post(draft.url(action), json!({}));
        for action in ["return", "publish"] {
            let refused = act(action).if_match(draft.etag()).await.is(409).problem("state_conflict");
            assert_eq!(refused["allowed_actions"], json!(["edit", "submit", "withdraw"]));
        }
        for action in ["submit", "withdraw"] {
            act(action).await.is(428).problem("precondition_required");
            act(action).if_match("\"9\"").await.is(412).problem("version_conflict");
        }
        head.patch(draft.url(""), json!({ "minor": true })).await.is(428);
        head.patch(draft.url(""), json!({ "minor": true })).if_match("\"9\"").await.is(412);
        let review = act("submit").if_match(draft.etag()).await.is(200);
        act("submit").if_match(review.etag()).await.is(409).problem("state_conflict");
        head.patch(draft.url(""), clauses("Changed in review.")).if_match(review.etag()).await.is(409).problem("state_conflict");
        for action in ["return", "publish", "withdraw"] {
            act(action).await.is(428);
            act(action).if_match(draft.etag()).await.is(412).problem("version_conflict");
        }
        let published = act("publish").if_match(review.etag()).await.is(200);
        for action in ["submit", "return", "publish", "withdraw"] {
            let refused = act(action).if_match(published.etag()).await.is(409).problem("state_conflict");
            assert_eq!(refused["allowed_actions"], json!([]));
        }
        head.patch(draft.url(""), clauses("Changed in force.")).if_match(published.etag()).await.is(409).problem("state_conflict");
        head.delete(draft.url("")).await.is(405);
    }

    async fn a_text_is_bounded_and_its_clauses_have_ids_of_their_own(school: School) {
        let (head, url) = (school.headteacher(), school.social_media_policy().await.url("versions"));
        let clause = |id: &str| json!({ "id": id, "title": "Title", "text": "Text." });
        let post = |clauses: Value| head.post(&url, json!({ "clauses": clauses }));
        post(json!([clause("A-1"), clause("A-2"), clause("A-1")])).await.is(422).problem("validation_failed").points_at(&[("/clauses/2/id", "duplicate")]);
        for id in ["", "A 1", "-1", "A-", "A--1", "Ä-1", "A-12345678901234567890"] {
            post(json!([clause(id)])).await.is(422).problem("validation_failed").points_at(&[("/clauses/0/id", "not_a_clause_id")]);
        }
        post(json!([clause("MON-2"), clause("BEH-2a"), clause("4.1")])).await.is(201);
        post(json!([{ "id": "A-1", "title": " ", "text": "\n" }])).await.is(422).points_at(&[("/clauses/0/text", "blank"), ("/clauses/0/title", "blank")]);
        post(json!([{ "id": "A-1", "title": "x".repeat(201), "text": "x".repeat(5001) }])).await.is(422)
            .points_at(&[("/clauses/0/text", "too_long"), ("/clauses/0/title", "too_long")]);
        post(json!((0..201).map(|number| clause(&format!("A-{number}"))).collect::<Vec<_>>())).await.is(422).points_at(&[("/clauses", "length")]);
        post(json!((0..200).map(|number| clause(&format!("A-{number}"))).collect::<Vec<_>>())).await.is(201);
        post(json!([["A-1", "Title", "Text."]])).await.is(400).points_at(&[("/clauses/0", "wrong_type")]);
        post(json!([{ "id": "A-1", "title": "Title", "text": "Text.", "note": "x" }])).await.is(400).points_at(&[("/clauses/0/note", "unknown_field")]);
        post(Value::Null).await.is(400).points_at(&[("/clauses", "wrong_type")]);
        head.post(&url, json!({ "change_summary": "x".repeat(2001) })).await.is(422).points_at(&[("/change_summary", "too_long")]);
        head.post(&url, json!({ "state": "published" })).await.is(400).points_at(&[("/state", "unknown_field")]);
        let draft = school.draft_version(json!({ "change_summary": "Once." })).await;
        let cleared = head.patch(draft.url(""), json!({ "change_summary": null, "minor": true })).if_match(draft.etag()).await.is(200);
        assert_eq!((cleared.json().get("change_summary"), &cleared["minor"], &cleared["clauses"]), (None, &json!(true), &draft["clauses"]));
        let same = head.patch(draft.url(""), clauses("Same.")).if_match(cleared.etag()).await.is(200);
        let again = head.patch(draft.url(""), clauses("  Same.  ")).if_match(same.etag()).await.is(200);
        assert_eq!(again["content_hash"], same["content_hash"]);
    }

    async fn events_name_the_policy_and_no_text(school: School) {
        let version = school.published_version(json!({ "change_summary": "canary-summary", "clauses": [{ "id": "A-1", "title": "canary-title", "text": "canary-text" }] })).await;
        let feed = school.headteacher().get("/v1/events?limit=200").await.is(200);
        assert!(!feed.text.contains("canary"), "{feed}");
        let published: Vec<&Value> = feed["items"].as_array().unwrap().iter().filter(|event| event["subject"] == version["id"]).collect();
        let last = &published.last().unwrap()["data"];
        assert_eq!((&last["state"], &last["clause"], &last["related"]["policy_id"]), (&json!("published"), &json!("R-HT-2"), &version["policy_id"]));
    }
}
