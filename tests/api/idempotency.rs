//! The same request, the same answer: `Idempotency-Key`.

use std::future::IntoFuture;

use diesel::prelude::*;
use futures_util::future::join_all;
use serde_json::json;
use weald::db::schema::{events, idempotency_keys};

use crate::support::caller::{Caller, Request};
use crate::support::{School, on_both_engines};

const CASES: &str = "/v1/business-cases";

async fn cases(caller: &Caller<'_>) -> usize {
    caller.get(CASES).await.is(200)["items"].as_array().unwrap().len()
}

/// How many answers are kept.
async fn kept(school: &School) -> i64 {
    school.read(|conn| idempotency_keys::table.count().get_result(conn)).await
}

fn draft<'s>(caller: &Caller<'s>, name: &str) -> Request<'s> {
    caller.post(CASES, json!({ "name": name }))
}

on_both_engines! {
    async fn the_same_request_gets_the_same_answer_and_takes_effect_once(school: School) {
        let first = draft(&school.staff(), "Chess club").idempotency_key("a").await.is(201);
        assert_eq!(first.header("idempotency-replayed"), "");
        school.clock_at("2026-01-16T09:59:59Z");
        let again = draft(&school.staff(), "Chess club").idempotency_key("a").await.is(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!((first.json(), first.etag(), first.header("location")), (again.json(), again.etag(), again.header("location")));
        assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
        assert_eq!(cases(&school.staff()).await, 1);
        let drafted: i64 = school.read(|conn| events::table.filter(events::event_type.eq("business_case.drafted")).count().get_result(conn)).await;
        assert_eq!(drafted, 1);
    }

    async fn without_a_key_each_request_takes_effect(school: School) {
        for _ in 0..2 {
            draft(&school.staff(), "Chess club").await.is(201);
        }
        assert_eq!((cases(&school.staff()).await, kept(&school).await), (2, 0));
    }

    async fn a_key_belongs_to_one_body(school: School) {
        draft(&school.staff(), "Chess club").idempotency_key("a").await.is(201);
        draft(&school.staff(), "Running club").idempotency_key("a").await.is(422).problem("idempotency_key_reused");
        draft(&school.staff(), "Running club").idempotency_key("b").await.is(201);
        assert_eq!(cases(&school.staff()).await, 2);
    }

    async fn a_key_belongs_to_one_caller_and_one_address(school: School) {
        let mut made = Vec::new();
        let other = school.other_school().await;
        for caller in [school.staff(), school.second_staff(), school.parent(), other.staff()] {
            let reply = draft(&caller, "Chess club").idempotency_key("a").await.is(201);
            assert_eq!(reply.header("idempotency-replayed"), "");
            made.push(reply["id"].clone());
        }
        made.dedup();
        assert_eq!(made.len(), 4);
        let (one, two) = (school.draft().await, school.draft().await);
        for case in [&one, &two] {
            let submitted = school.staff().post(case.url("submit"), json!({})).if_match(case.etag()).idempotency_key("a").await.is(200);
            assert_eq!((&submitted["id"], submitted.header("idempotency-replayed")), (&case["id"], ""));
        }
    }

    async fn a_refused_request_leaves_nothing_to_repeat(school: School) {
        let case = school.draft().await;
        let submit = |etag: &str| school.staff().post(case.url("submit"), json!({})).if_match(etag).idempotency_key("a");
        submit("\"9\"").await.is(412);
        draft(&school.staff(), " ").idempotency_key("b").await.is(422);
        draft(&school.pupil(), "Gamers").idempotency_key("c").await.is(403);
        assert_eq!(kept(&school).await, 0);
        let submitted = submit(case.etag()).await.is(200);
        assert_eq!(submitted.header("idempotency-replayed"), "");
        draft(&school.staff(), "Chess club").idempotency_key("b").await.is(201);
    }

    async fn a_decision_is_repeated_although_the_version_has_moved_on(school: School) {
        let case = school.submitted_case().await;
        let approve = || school.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).idempotency_key("a");
        let approved = approve().await.is(200);
        let again = approve().await.is(200);
        assert_eq!((approved.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    }

    async fn whoever_has_lost_the_right_is_not_told_the_answer(school: School) {
        let case = school.submitted_case().await;
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        let approve = || school.leadership().post(case.url("approve"), json!({})).if_match(case.etag()).idempotency_key("a");
        approve().await.is(200);
        school.clock_at("2026-01-15T10:00:00Z");
        approve().await.is(403).problem("forbidden");
    }

    async fn sixteen_at_once_make_one_thing(school: School) {
        let staff = school.staff();
        let replies = join_all((0..16).map(|_| draft(&staff, "Chess club").idempotency_key("a").into_future())).await;
        for reply in &replies {
            assert_eq!((reply.status.as_u16(), &reply["id"]), (201, &replies[0]["id"]));
        }
        let first = replies.iter().filter(|reply| reply.header("idempotency-replayed").is_empty());
        assert_eq!((first.count(), cases(&staff).await), (1, 1));
    }
}
