//! PRO-1, SC-1, SC-4, SC-5, SC-7: the web is searched for postings about the school, and what is none of its business
//! is not kept.

use diesel::prelude::*;
use serde_json::{Value, json};
use weald::db::schema::{idempotency_keys, mention_purges, mention_sweeps, mentions};
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines, with};

const MENTIONS: &str = "/v1/mentions";
const SWEEPS: &str = "/v1/mention-sweeps";

impl School {
    /// A sweep with some members replaced.
    pub async fn sweep(&self, members: Value) -> Reply {
        self.headteacher().post(SWEEPS, swept(members)).await.is(201)
    }

    /// A posting that somebody captured, with some members replaced.
    pub async fn mention(&self, by: &Caller<'_>, members: Value) -> Reply {
        by.post(MENTIONS, posting(members)).await.is(201)
    }

    /// The version of the response procedure that is in force.
    pub async fn procedure(&self) -> Reply {
        let page = self.headteacher().get("/v1/response-procedures?state=published").await.is(200);
        self.headteacher().get(format!("/v1/response-procedures/{}", page.items()[0]["id"].as_str().unwrap())).await.is(200)
    }

    async fn assessed(&self) -> Reply {
        let mention = self.mention(&self.it_technician(), json!({})).await;
        let scope = json!({ "scope": "personal_associated", "reason": "It names us." });
        self.headteacher().post(mention.url("assess"), scope).if_match(mention.etag()).await.is(200)
    }

    async fn purged(&self, query: &str) -> Value {
        self.headteacher().get(format!("{MENTIONS}/purged-count{query}")).await.is(200)["count"].clone()
    }

    async fn unswept(&self) -> Vec<Value> {
        weald::jobs::run_all(self.state()).await.unwrap();
        self.headteacher().get("/v1/events?type=mention_sweep.overdue").await.is(200).items().to_vec()
    }
}

fn swept(members: Value) -> Value {
    with(json!({ "terms": ["Weald School"], "sources": ["x", "facebook", "x"], "result_count": 2 }), members)
}

fn posting(members: Value) -> Value {
    let posting = json!({
        "url": "https://forum.example/t/42", "platform": "facebook", "public": true, "author_name": "Canary Author",
        "excerpt": "canary excerpt", "sentiment": "negative", "topics": ["canary topic", "parking"],
    });
    with(posting, members)
}

on_both_engines! {
    async fn a_sweep_is_kept_as_it_was_logged(school: School) {
        let sweep = school.leadership().post(SWEEPS, swept(json!({ "terms": [" Weald School ", "\"Weald CPS\""], "swept_at": "2026-01-13T23:30:00+01:00" }))).await.is(201);
        assert_eq!((&sweep["terms"], &sweep["sources"]), (&json!(["Weald School", "\"Weald CPS\""]), &json!(["facebook", "x"])));
        assert_eq!((&sweep["swept_at"], &sweep["swept_on"]), (&json!("2026-01-13T22:30:00Z"), &json!("2026-01-13")));
        assert_eq!(sweep["swept_by"], json!(school.leadership().id()));
        assert_eq!(school.dsl().get(sweep.url("")).await.is(200).json(), sweep.json());
        let later = school.sweep(json!({})).await;
        assert_eq!(school.it_technician().get(SWEEPS).await.is(200).each("id"), [&sweep["id"], &later["id"]]);
        let first = school.headteacher().get(format!("{SWEEPS}?limit=1")).await.is(200);
        let rest = school.headteacher().get(format!("{SWEEPS}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!((first.each("id"), rest.each("id")), (vec![&sweep["id"]], vec![&later["id"]]));
        let feed = school.headteacher().get("/v1/events?subject_type=mention_sweep").await.is(200);
        assert_eq!(feed.each("type"), ["mention_sweep.logged"; 2]);
        assert!(!feed.text.contains("CPS"), "the log holds no terms");
        school.headteacher().patch(sweep.url(""), json!({})).if_match("\"1\"").await.is(405);
        school.other_school().await.headteacher().get(sweep.url("")).await.is(404);
    }

    async fn sweeps_are_for_those_who_look_out_for_the_school(school: School) {
        let sweep = school.sweep(json!({})).await;
        for caller in [school.headteacher(), school.leadership(), school.it_technician(), school.dsl()] {
            caller.post(SWEEPS, swept(json!({}))).await.is(201);
        }
        for caller in [school.staff(), school.volunteer(), school.parent(), school.pupil(), school.governor(), school.chair(), school.dpo(), school.with_role(Role::DeputyDsl), school.service()] {
            caller.post(SWEEPS, swept(json!({}))).await.is(403).problem("forbidden");
            caller.get(SWEEPS).await.is(403);
            caller.get(sweep.url("")).await.is(403);
            caller.get(format!("{SWEEPS}/status")).await.is(403);
        }
    }

    async fn no_pupil_is_searched_for_by_name_without_a_reason(school: School) {
        let pupil = school.pupil().id();
        school.headteacher().post(format!("/v1/people/{pupil}/leave"), json!({ "left_on": "2025-07-20" })).if_match("\"1\"").await.is(200);
        let before: i64 = school.read(|conn| mention_sweeps::table.count().get_result(conn)).await;
        for term in ["pupil weald", "news PUPIL  Weald!", "Weald, Pupil"] {
            let refused = school.it_technician().post(SWEEPS, swept(json!({ "terms": ["school", term] }))).await.is(422);
            assert!(!refused.text.to_lowercase().contains("pupil weald"), "{refused}");
            refused.problem("policy_refused").violates(&["PRO-1"]).points_at(&[("/pupil_name_reason", "PRO-1")]);
        }
        assert_eq!(school.read(|conn| mention_sweeps::table.count().get_result::<i64>(conn)).await, before, "nothing was kept");
        for allowed in ["pupil", "pupils weald", "staff weald", "a pupil of weald"] {
            school.sweep(json!({ "terms": [allowed] })).await;
        }
        let reasoned = school.sweep(json!({ "terms": ["Pupil Weald"], "pupil_name_reason": "A parent asked." })).await;
        assert_eq!(reasoned["pupil_name_reason"], "A parent asked.");
        let other = school.other_school().await;
        other.sweep(json!({ "terms": ["pupils weald"] })).await;
    }

    async fn a_sweep_has_its_limits(school: School) {
        let post = |members| school.headteacher().post(SWEEPS, swept(members));
        post(json!({ "terms": [] })).await.is(422).points_at(&[("/terms", "length")]);
        post(json!({ "terms": vec!["x"; 21] })).await.is(422).points_at(&[("/terms", "length")]);
        post(json!({ "terms": ["x", " "] })).await.is(422).points_at(&[("/terms/1", "blank")]);
        post(json!({ "terms": ["x\ny"] })).await.is(422).points_at(&[("/terms/0", "control_character")]);
        post(json!({ "terms": ["x".repeat(101)] })).await.is(422).points_at(&[("/terms/0", "too_long")]);
        post(json!({ "sources": [] })).await.is(422).points_at(&[("/sources", "length")]);
        post(json!({ "sources": ["gossip"] })).await.is(400).points_at(&[("/sources/0", "unknown_value")]);
        post(json!({ "sources": ["other"] })).await.is(422).violates(&["CTX-1"]);
        post(json!({ "sources": ["other"], "platform_other_name": "Townsfolk" })).await.is(201);
        post(json!({ "result_count": -1 })).await.is(422).points_at(&[("/result_count", "range")]);
        post(json!({ "result_count": 100_001 })).await.is(422).points_at(&[("/result_count", "range")]);
        post(json!({ "swept_at": "2026-01-14T10:05:01Z" })).await.is(422).points_at(&[("/swept_at", "in_the_future")]);
        post(json!({ "swept_by": school.staff().id() })).await.is(400).points_at(&[("/swept_by", "unknown_field")]);
    }

    async fn whoever_answers_for_the_school_is_told_once_that_nobody_sweeps(school: School) {
        let status = async || school.headteacher().get(format!("{SWEEPS}/status")).await.is(200).json().clone();
        assert_eq!(status().await, json!({ "next_due_on": "2026-01-21", "overdue": false }));
        school.clock_at("2026-01-21T23:59:59Z");
        assert_eq!(school.unswept().await, [] as [Value; 0]);
        school.clock_at("2026-01-22T00:00:00Z");
        assert_eq!(status().await, json!({ "next_due_on": "2026-01-21", "overdue": true }));
        let told = school.unswept().await;
        assert_eq!((told.len(), &told[0]["subject"]), (1, &json!(school.id)));
        assert_eq!((&told[0]["data"]["related"], &told[0]["data"]["clause"]), (&json!({ "told": school.headteacher().id() }), &json!("PRO-1")));
        school.clock_at("2026-01-30T10:00:00Z");
        assert_eq!(school.unswept().await.len(), 1, "once");
        school.sweep(json!({})).await;
        school.sweep(json!({ "swept_at": "2026-01-16T10:00:00Z" })).await;
        assert_eq!(status().await, json!({ "last_swept_on": "2026-01-30", "next_due_on": "2026-02-06", "overdue": false }), "the last one counts");
        let settings = format!("/v1/schools/{}", school.id);
        school.headteacher().patch(&settings, json!({ "sweep_interval_days": 0 })).if_match("\"1\"").await.is(422);
        let seen = school.headteacher().get(&settings).await.is(200);
        let edited = school.headteacher().patch(&settings, json!({ "sweep_interval_days": 3 })).if_match(seen.etag()).await.is(200);
        assert_eq!(edited["sweep_interval_days"], 3);
        assert_eq!(status().await["next_due_on"], "2026-02-02");
        school.clock_at("2026-02-02T10:00:00Z");
        assert_eq!(school.unswept().await.len(), 1);
        school.clock_at("2026-02-03T10:00:00Z");
        assert_eq!(school.unswept().await.len(), 2, "a lapse of its own");
    }

    async fn only_what_anybody_can_read_is_recorded(school: School) {
        let refused = school.staff().post(MENTIONS, posting(json!({ "public": false }))).idempotency_key("a").await.is(422);
        assert!(!refused.text.contains("canary"), "{refused}");
        refused.problem("policy_refused").violates(&["PRO-1"]).points_at(&[("/public", "PRO-1")]);
        let left = school.read(|conn| {
            let rows: i64 = mentions::table.count().get_result(conn)?;
            let keys: i64 = idempotency_keys::table.count().get_result(conn)?;
            Ok((rows, keys))
        }).await;
        assert_eq!(left, (0, 0));
    }

    async fn a_posting_is_captured_by_staff_and_seen_by_those_who_look_out_for_the_school(school: School) {
        let sweep = school.sweep(json!({})).await;
        let mine = school.mention(&school.staff(), json!({ "sweep_id": sweep["id"], "sentiment": "positive" })).await;
        assert_eq!((&mine["state"], mine.json().get("scope"), &mine["allowed_actions"]), (&json!("captured"), None, &json!([])));
        assert_eq!((&mine["topics"], &mine["captured_by"]), (&json!(["canary topic", "parking"]), &json!(school.staff().id())));
        let other = school.mention(&school.dsl(), json!({ "url": "https://forum.example/t/43", "author_name": "x" })).await;
        for caller in [school.headteacher(), school.leadership(), school.it_technician(), school.dsl()] {
            assert_eq!(caller.get(MENTIONS).await.is(200).each("id"), [&mine["id"], &other["id"]]);
            caller.get(mine.url("")).await.is(200);
        }
        assert_eq!(school.staff().get(MENTIONS).await.is(200).each("id"), [&mine["id"]]);
        school.staff().get(other.url("")).await.is(404).problem("not_found");
        assert_eq!(school.second_staff().get(MENTIONS).await.is(200).items(), [] as [Value; 0]);
        for caller in [school.volunteer(), school.parent(), school.pupil(), school.governor(), school.chair(), school.dpo(), school.service()] {
            caller.get(mine.url("")).await.is(403);
            caller.post(MENTIONS, posting(json!({}))).await.is(403).problem("forbidden");
        }
        assert_eq!(school.headteacher().get(mine.url("")).await["allowed_actions"], json!(["assess"]));
        let found = async |query: &str| school.headteacher().get(format!("{MENTIONS}?{query}")).await.is(200).each("id").into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(found("sentiment=positive").await, [mine["id"].clone()]);
        assert_eq!(found("sentiment=positive&sentiment=negative&state=captured").await.len(), 2);
        assert_eq!(found(&format!("sweep_id={}", sweep["id"].as_str().unwrap())).await, [mine["id"].clone()]);
        assert_eq!(found("state=assessed&state=closed").await, [] as [Value; 0]);
        school.headteacher().get(format!("{MENTIONS}?sentiment=angry")).await.is(400);
        school.other_school().await.headteacher().get(mine.url("")).await.is(404);
        let feed = school.headteacher().get("/v1/events?subject_type=mention").await.is(200);
        assert!(!feed.text.contains("canary") && !feed.text.contains("Canary"), "{feed}");
    }

    async fn an_address_is_on_record_once(school: School) {
        school.mention(&school.staff(), json!({})).await;
        school.headteacher().post(MENTIONS, posting(json!({ "excerpt": "Again." }))).await.is(409).problem("already_exists");
        school.mention(&school.headteacher(), json!({ "url": "https://forum.example/t/42#2" })).await;
        let other = school.other_school().await;
        other.mention(&other.staff(), json!({})).await;
    }

    async fn a_posting_has_its_limits(school: School) {
        let post = |members| school.staff().post(MENTIONS, posting(members));
        post(json!({ "url": "javascript:alert(1)" })).await.is(422).points_at(&[("/url", "not_a_link")]);
        post(json!({ "author_anonymous": true })).await.is(422).violates(&["BEH-3"]);
        post(json!({ "platform": "other" })).await.is(422).violates(&["CTX-1"]);
        post(json!({ "excerpt": " " })).await.is(422).points_at(&[("/excerpt", "blank")]);
        post(json!({ "excerpt": "x".repeat(5001) })).await.is(422).points_at(&[("/excerpt", "too_long")]);
        post(json!({ "topics": vec!["x"; 21] })).await.is(422).points_at(&[("/topics", "length")]);
        post(json!({ "sentiment": "angry" })).await.is(400).points_at(&[("/sentiment", "unknown_value")]);
        post(json!({ "scope": "professional" })).await.is(400).points_at(&[("/scope", "unknown_field")]);
        post(json!({ "captured_at": "2026-01-15T10:00:00Z" })).await.is(422).points_at(&[("/captured_at", "in_the_future")]);
        post(json!({ "sweep_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/sweep_id", "unknown")]);
        post(json!({ "account_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/account_id", "unknown")]);
        let long = format!("https://forum.example/{}", "é".repeat(1978));
        assert_eq!(post(json!({ "url": long, "topics": [] })).await.is(201)["topics"], json!([]));
    }

    async fn what_is_on_an_account_of_the_school_is_professional_without_being_asked(school: School) {
        let account = school.active_account().await;
        let mention = school.mention(&school.staff(), json!({ "account_id": account["id"] })).await;
        assert_eq!((&mention["scope"], &mention["state"]), (&json!("professional"), &json!("assessed")));
        assert_eq!((mention.json().get("assessed_by"), &mention["assessed_at"]), (None, &json!("2026-01-14T10:00:00Z")));
        let head = school.headteacher();
        assert_eq!(head.get(mention.url("")).await["allowed_actions"], json!(["respond", "no_response"]));
        let out = json!({ "scope": "out_of_scope", "reason": "It is not ours." });
        head.post(mention.url("assess"), out).if_match(mention.etag()).await.is(422).violates(&["SC-5"]).points_at(&[("/scope", "SC-5")]);
        let url = format!("{MENTIONS}?account_id={}", account["id"].as_str().unwrap());
        assert_eq!(head.get(url).await.is(200).each("id"), [&mention["id"]]);
    }

    async fn only_the_head_decides_whose_business_a_posting_is_and_says_why(school: School) {
        let mention = school.mention(&school.staff(), json!({})).await;
        let scope = json!({ "scope": "personal_impacting", "reason": "It harms our reputation." });
        for caller in [school.staff(), school.it_technician(), school.dsl(), school.leadership(), school.chair(), school.dpo()] {
            caller.post(mention.url("assess"), &scope).if_match(mention.etag()).await.is(403).problem("forbidden").violates(&["SC-4"]);
        }
        let head = school.headteacher();
        head.post(mention.url("assess"), &scope).await.is(428);
        head.post(mention.url("assess"), &scope).if_match("\"2\"").await.is(412);
        head.post(mention.url("assess"), json!({ "scope": "personal_impacting" })).if_match(mention.etag()).await.is(422).violates(&["SC-4"]).points_at(&[("/reason", "SC-4")]);
        head.post(mention.url("assess"), json!({ "scope": "out_of_scope" })).if_match(mention.etag()).await.is(422).violates(&["SC-4"]);
        head.post(mention.url("assess"), json!({ "reason": "So." })).if_match(mention.etag()).await.is(400).points_at(&[("", "missing")]);
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        let decided = school.leadership().post(mention.url("assess"), &scope).if_match(mention.etag()).await.is(200);
        assert_eq!((&decided["scope"], &decided["scope_reason"], &decided["state"]), (&json!("personal_impacting"), &json!("It harms our reputation."), &json!("assessed")));
        assert_eq!(decided["assessed_by"], json!(school.leadership().id()));
        let again = head.post(mention.url("assess"), json!({ "scope": "personal_associated", "reason": "Not so bad." })).if_match(decided.etag()).await.is(200);
        assert_eq!((&again["scope"], &again["version"]), (&json!("personal_associated"), &json!(3)));
        let log = head.get("/v1/events?type=mention.assessed").await.is(200);
        assert_eq!((log.items().len(), &log.items()[0]["data"]["actor_role"]), (2, &json!("headteacher:delegated")));
    }

    async fn what_is_out_of_scope_is_deleted_and_only_counted(school: School) {
        assert_eq!(school.purged("").await, 0);
        let mention = school.staff().post(MENTIONS, posting(json!({}))).idempotency_key("a").await.is(201);
        let kept = school.mention(&school.staff(), json!({ "url": "https://forum.example/t/43" })).await;
        let out = json!({ "scope": "out_of_scope", "reason": "It is a private matter." });
        let gone = school.headteacher().post(mention.url("assess"), &out).if_match(mention.etag()).idempotency_key("b").await.is(204);
        assert_eq!(gone.text, "");
        school.headteacher().post(mention.url("assess"), &out).if_match(mention.etag()).idempotency_key("b").await.is(204);
        for caller in [school.headteacher(), school.staff()] {
            caller.get(mention.url("")).await.is(404).problem("not_found");
            assert_eq!(caller.get(MENTIONS).await.is(200).each("id"), [&kept["id"]]);
        }
        school.headteacher().post(mention.url("assess"), &out).if_match(mention.etag()).await.is(404);
        let id = mention["id"].as_str().unwrap().to_owned();
        let left = school.read(move |conn| {
            let rows: i64 = mentions::table.count().get_result(conn)?;
            let answers: Vec<Option<String>> = idempotency_keys::table.select(idempotency_keys::body).load(conn)?;
            let counted: Vec<i32> = mention_purges::table.select(mention_purges::purged).load(conn)?;
            Ok((rows, answers.iter().flatten().filter(|body| body.contains(&id)).count(), counted))
        }).await;
        assert_eq!(left, (1, 0, vec![1]));
        school.staff().post(MENTIONS, posting(json!({}))).idempotency_key("a").await.is(409).problem("answer_shown_once");
        let log = school.headteacher().get("/v1/events?type=mention.purged").await.is(200);
        let data = &log.items()[0]["data"];
        assert!(data.get("state").is_none() && data.get("related").is_none() && data.get("changed").is_none(), "{data}");
        school.clock_at("2026-01-20T10:00:00Z");
        school.headteacher().post(kept.url("assess"), &out).if_match(kept.etag()).await.is(204);
        let again = school.mention(&school.staff(), json!({})).await;
        school.headteacher().post(again.url("assess"), &out).if_match(again.etag()).await.is(204);
        for (query, count) in [("", 3), ("?from=2026-01-15", 2), ("?to=2026-01-19", 1), ("?from=2026-01-14&to=2026-01-20", 3), ("?from=2026-01-21", 0)] {
            assert_eq!(school.purged(query).await, count, "{query}");
        }
        school.headteacher().get(format!("{MENTIONS}/purged-count?from=2026-01-02&to=2026-01-01")).await.is(400).points_at(&[("from", "out_of_range")]);
        school.parent().get(format!("{MENTIONS}/purged-count")).await.is(403);
        assert_eq!(school.other_school().await.purged("").await, 0);
    }

    async fn a_posting_is_responded_to_by_a_branch_of_the_procedure_in_force(school: School) {
        let (procedure, mention) = (school.procedure().await, school.assessed().await);
        let it = school.it_technician();
        let respond = |members| it.post(mention.url("respond"), with(json!({ "procedure_version_id": procedure["id"], "branch": "thank", "note": "Thanked them." }), members)).if_match(mention.etag());
        respond(json!({ "branch": "shout" })).await.is(422).violates(&["PRO-2"]).points_at(&[("/branch", "PRO-2")]);
        respond(json!({ "procedure_version_id": uuid::Uuid::now_v7() })).await.is(422).points_at(&[("/procedure_version_id", "unknown")]);
        respond(json!({ "responded_at": "2026-01-15T10:00:00Z" })).await.is(422).points_at(&[("/responded_at", "in_the_future")]);
        school.staff().post(mention.url("respond"), json!({ "procedure_version_id": procedure["id"], "branch": "thank", "note": "x" })).if_match(mention.etag()).await.is(403);
        it.post(mention.url("close"), json!({})).if_match(mention.etag()).await.is(409).problem("state_conflict");
        let responded = respond(json!({ "responded_at": "2026-01-14T09:00:00Z" })).await.is(200);
        assert_eq!((&responded["state"], &responded["branch"], &responded["procedure_version_id"]), (&json!("responded"), &json!("thank"), &procedure["id"]));
        assert_eq!((&responded["responded_at"], &responded["responded_by"], &responded["allowed_actions"]), (&json!("2026-01-14T09:00:00Z"), &json!(it.id()), &json!(["close"])));
        respond(json!({})).await.is(409);
        school.headteacher().post(mention.url("assess"), json!({ "scope": "out_of_scope", "reason": "Late." })).if_match(responded.etag()).await.is(409);
        it.post(mention.url("close"), json!({})).if_match(mention.etag()).await.is(412);
        let closed = it.post(mention.url("close"), json!({})).if_match(responded.etag()).await.is(200);
        assert_eq!((&closed["state"], &closed["closed_at"], &closed["allowed_actions"]), (&json!("closed"), &json!("2026-01-14T10:00:00Z"), &json!([])));
    }

    async fn that_a_posting_needs_no_response_has_its_branch_and_reason(school: School) {
        let (procedure, mention) = (school.procedure().await, school.assessed().await);
        let captured = school.mention(&school.staff(), json!({ "url": "https://forum.example/t/43" })).await;
        let why = json!({ "procedure_version_id": procedure["id"], "branch": "no_response", "reason": "Repeats our news." });
        school.dsl().post(captured.url("no-response"), &why).if_match(captured.etag()).await.is(409).problem("state_conflict");
        school.dsl().post(mention.url("no-response"), with(why.clone(), json!({ "reason": " " }))).if_match(mention.etag()).await.is(422);
        school.dsl().post(mention.url("no-response"), with(why.clone(), json!({ "branch": "nothing" }))).if_match(mention.etag()).await.is(422).violates(&["PRO-2"]);
        school.dsl().post(mention.url("no-response"), &why).await.is(428);
        let waived = school.dsl().post(mention.url("no-response"), &why).if_match(mention.etag()).await.is(200);
        assert_eq!((&waived["state"], &waived["no_response_reason"]), (&json!("no_response_required"), &json!("Repeats our news.")));
        school.leadership().post(mention.url("close"), json!({})).if_match(waived.etag()).await.is(200);
        let log = school.headteacher().get("/v1/events?subject_type=mention").await.is(200);
        assert_eq!(log.each("type"), ["mention.captured", "mention.assessed", "mention.captured", "mention.no_response_required", "mention.closed"]);
    }
}
