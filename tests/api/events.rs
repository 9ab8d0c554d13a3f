//! The log: who sees what, in which order, and what the chain finds.

use diesel::prelude::*;
use serde_json::{Value, json};
use weald::db::schema::{event_heads, events};
use weald::db::types::EventId;
use weald::events::chain::{self, Break, Head};

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn a_follower_sees_every_event_once_and_in_order(school: School) {
        school.active_account().await;
        let head = school.headteacher();
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let feed = head.get(format!("/v1/events?limit=2{after}")).await.is(200);
            seen.extend(feed["items"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()));
            after = format!("&after={}", feed["next_cursor"].as_str().unwrap());
            if feed["has_more"] == false {
                break;
            }
        }
        let id = school.id;
        let logged: Vec<EventId> = school
            .read(move |conn| events::table.filter(events::school_id.eq(id)).order(events::number).select(events::id).load(conn))
            .await;
        assert_eq!((seen.len(), seen), (10, logged.iter().map(ToString::to_string).collect::<Vec<_>>()));
        let latest = head.get("/v1/events?after=latest").await.is(200);
        assert_eq!(latest["items"], json!([]));
        let draft = school.draft().await;
        let after = format!("/v1/events?after={}", latest["next_cursor"].as_str().unwrap());
        assert_eq!(head.get(&after).await.is(200)["items"], json!([]), "what is not submitted is its proposer's own");
        assert_eq!(school.staff().get(&after).await.is(200)["items"][0]["type"], "business_case.drafted");
        school.staff().post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        assert_eq!(head.get(&after).await.is(200)["items"][0]["type"], "business_case.drafted");
        head.get("/v1/events?after=nonsense").await.is(400).problem("invalid_cursor");
        let (id, ahead) = (school.id, latest["next_cursor"].as_str().unwrap().to_owned());
        school.write(move |tx| {
            diesel::delete(events::table.filter(events::school_id.eq(id)).filter(events::number.gt(6))).execute(tx)?;
            diesel::update(event_heads::table.find(id)).set(event_heads::number.eq(6)).execute(tx)
        }).await;
        head.get(format!("/v1/events?after={ahead}")).await.is(410).problem("cursor_expired");
        head.get("/v1/events?subject_type=nonsense").await.is(400).problem("malformed_query");
        head.get("/v1/events?type=nonsense").await.is(400).problem("malformed_query");
    }

    async fn a_filter_shows_the_history_of_one_thing_and_its_cursor_steps_over_the_rest(school: School) {
        let case = school.approved_case().await;
        school.draft().await;
        let history = school.headteacher().get(format!("/v1/events?subject_id={}&limit=200", case["id"].as_str().unwrap())).await.is(200);
        assert_eq!(history["items"].as_array().unwrap().len(), 3);
        let rest = school.headteacher().get(format!("/v1/events?after={}", history["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!(rest["items"], json!([]), "the draft was read over");
    }

    async fn staff_see_what_they_did_themselves(school: School) {
        school.approved_case().await;
        let actors = async |feed: Value| feed["items"].as_array().unwrap().iter().map(|event| event["data"]["actor_id"].clone()).collect::<Vec<_>>();
        let staff = school.staff();
        let seen = actors(staff.get("/v1/events").await.is(200).json().clone()).await;
        assert_eq!(seen, vec![json!(staff.id()); 2]);
        assert_eq!(school.second_staff().get("/v1/events").await.is(200)["items"], json!([]));
        school.pupil().get("/v1/events").await.is(403);
        let account = school.active_account().await;
        let body = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z" });
        school.service().post("/v1/comments", &body).await.is(201);
        school.staff().post("/v1/comments", &body).await.is(201);
        let feed = school.service().get("/v1/events").await.is(200);
        let types: Vec<_> = feed["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["school.created", "policy.created", "account.created", "account.activated", "comment.logged"], "what it may read, and what it did");
    }

    async fn events_hold_ids_and_names_of_fields_and_no_values(school: School) {
        let draft = school.staff().post("/v1/business-cases", json!({ "name": "canary-name" })).await.is(201);
        school.staff().patch(draft.url(""), json!({ "aim": "canary-aim" })).if_match(draft.etag()).await.is(200);
        let feed = school.staff().get("/v1/events").await.is(200);
        assert!(!feed.text.contains("canary"), "{feed}");
        assert_eq!(feed["items"][1]["data"]["changed"], json!(["aim"]));
    }

    async fn the_chain_finds_a_changed_a_removed_and_a_swapped_row(school: School) {
        school.approved_case().await;
        let id = school.id;
        let verify = async || school.read(move |conn| chain::verify(conn, id)).await;
        assert_eq!(verify().await, Ok(7));
        let drafted = move || events::table.find((id, 5_i64));
        let set_type = move |to: &'static str| move |tx: &mut weald::db::Conn| diesel::update(drafted()).set(events::event_type.eq(to)).execute(tx);
        school.write(set_type("business_case.rejected")).await;
        assert_eq!(verify().await, Err(Break::Changed(5)));
        school.write(set_type("business_case.drafted")).await;
        assert_eq!(verify().await, Ok(7));

        let renumber = move |from: i64, to: i64| {
            move |tx: &mut weald::db::Conn| diesel::update(events::table.find((id, from))).set(events::number.eq(to)).execute(tx)
        };
        for (from, to) in [(5, 9), (6, 5), (9, 6)] {
            school.write(renumber(from, to)).await;
        }
        assert_eq!(verify().await, Err(Break::Changed(5)), "two rows swapped");
        for (from, to) in [(6, 9), (5, 6), (9, 5)] {
            school.write(renumber(from, to)).await;
        }
        assert_eq!(verify().await, Ok(7));

        school.write(move |tx| diesel::delete(events::table.find((id, 7_i64))).execute(tx)).await;
        assert_eq!(verify().await, Err(Break::Truncated { found: 6, head: 7 }));
        school.write(move |tx| diesel::delete(drafted()).execute(tx)).await;
        assert_eq!(verify().await, Err(Break::Missing(5)));
    }

    async fn a_signed_head_that_was_kept_shows_that_the_log_was_cut_off(school: School) {
        school.approved_case().await;
        let head = school.service().get("/v1/events/head").await.is(200);
        assert_eq!((&head["number"], head["hash"].as_str().map(str::len)), (&json!(7), Some(43)), "{head}");
        let signed = head["signed_head"].as_str().unwrap();
        let keys = &school.state().tokens;
        let kept = Head::read(signed, keys).unwrap();
        assert_eq!((kept.school, kept.number, json!(kept.hash)), (school.id, 7, head["hash"].clone()));
        assert_eq!(Head::read(&school.dpo().token().await, keys), None, "an access token is no head");
        assert_eq!(Head::read(&format!("{}A{}", &signed[..60], &signed[61..]), keys), None, "altered");
        school.bearer(signed).get("/v1/events/head").await.is(401);

        let leads = async || {
            let kept = kept.clone();
            school.read(move |conn| chain::leads_to(conn, &kept)).await
        };
        school.draft().await;
        assert_eq!(leads().await, Ok(()), "what came later changes nothing");
        let (id, cut) = (school.id, kept.number);
        school.write(move |tx| {
            diesel::delete(events::table.filter(events::school_id.eq(id)).filter(events::number.ge(cut))).execute(tx)?;
            let hash: String = events::table.find((id, cut - 1)).select(events::hash).first(tx)?;
            diesel::update(event_heads::table.find(id)).set((event_heads::number.eq(cut - 1), event_heads::hash.eq(hash))).execute(tx)
        }).await;
        assert_eq!(school.read(move |conn| chain::verify(conn, id)).await, Ok(6), "the chain alone cannot tell");
        assert_eq!(leads().await, Err(Break::NotTheHead(7)));
        school.draft().await;
        assert_eq!(leads().await, Err(Break::NotTheHead(7)), "written anew");
    }
}
