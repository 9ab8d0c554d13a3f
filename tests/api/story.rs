//! The policy's main line, from the proposal to the answered comment, by those whose part it is.

use serde_json::json;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn from_business_case_to_answered_comment(school: School) {
        let (parent, staff, second, head, it, mis) =
            (school.parent(), school.staff(), school.second_staff(), school.headteacher(), school.it_technician(), school.service());

        // A parent has the idea; it needs two members of staff (BC-0, BC-4).
        let draft = parent.post("/v1/business-cases", json!({ "name": "Friends of Weald", "aim": "Tell families what happens." })).await.is(201);
        parent.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(422).problem("policy_refused");

        // A member of staff takes it up and submits it, with everything it needs.
        let rest = json!({
            "platform": "facebook", "audiences": ["parents", "local_community"], "promotion_plan": "In the newsletter.", "visibility": "open",
            "managers": [{ "person_id": staff.id(), "lead": true }, { "person_id": second.id() }, { "person_id": parent.id() }],
        });
        let complete = staff.patch(draft.url(""), rest).if_match(draft.etag()).await.is(200);
        let submitted = staff.post(draft.url("submit"), json!({})).if_match(complete.etag()).await.is(200);

        // The headteacher decides on the version that was read (R-HT-5); nobody creates the account before (R-IT-1).
        let account = json!({ "business_case_id": draft["id"], "handle": "friendsofweald" });
        it.post("/v1/accounts", &account).await.is(409).violates(&["R-IT-1"]);
        it.post(draft.url("approve"), json!({})).if_match(submitted.etag()).await.is(403).problem("forbidden").violates(&["R-HT-5"]);
        head.post("/v1/accounts", &account).await.is(403).problem("forbidden").violates(&["R-IT-1"]);
        head.post(draft.url("approve"), json!({})).if_match(complete.etag()).await.is(412);
        head.post(draft.url("approve"), json!({})).if_match(submitted.etag()).await.is(200);

        // The IT technician creates and activates it, once.
        let account = it.post("/v1/accounts", account).await.is(201);
        it.post("/v1/accounts", json!({ "business_case_id": draft["id"], "handle": "second" })).await.is(409).violates(&["R-IT-1"]);
        let activate = || it.post(account.url("activate"), json!({})).if_match(account.etag());
        school.qualify(&[&staff, &second]).await;
        activate().await.is(409).problem("policy_gate").violates(&["ELIG-2"]);
        school.qualify(&[&parent]).await;
        activate().await.is(200);

        // A comment comes in on a Saturday; the service logs it.
        school.clock_at("2026-01-17T15:00:00Z");
        let comment = json!({
            "account_id": account["id"], "kind": "complaint", "external_id": "fb-17", "author_name": "A neighbour",
            "text": "The gate stands open.", "received_at": "2026-01-17T14:58:00Z",
        });
        let comment = mis.post("/v1/comments", comment).await.is(201);
        assert_eq!((&comment["deadline_rule"], &comment["due_at"]), (&json!("next_working_day"), &json!("2026-01-19T23:59:59Z")));

        // A manager acknowledges it on Monday, in time (MON-2); the parent may answer too, for they run the account.
        school.clock_at("2026-01-19T08:30:00Z");
        let acknowledged = second.post(comment.url("respond"), json!({ "kind": "acknowledgement", "text": "Thank you, we will look." })).await.is(200);
        assert_eq!((&acknowledged["state"], &acknowledged["on_time"]), (&json!("acknowledged"), &json!(true)));
        let answered = parent.post(comment.url("respond"), json!({ "kind": "answer", "text": "It is shut now." })).await.is(200);
        staff.post(comment.url("close"), json!({})).if_match(answered.etag()).await.is(200);

        // All of it stands in the log, in order, and the chain holds.
        let feed = head.get("/v1/events?limit=200").await.is(200);
        let types: Vec<&str> = feed["items"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(types, [
            "school.created", "policy.created", "policy_version.published", "response_procedure.published", "business_case.drafted", "business_case.edited", "business_case.submitted", "business_case.approved",
            "account.created", "business_case.used", "account.activated", "comment.logged", "comment.responded", "comment.responded", "comment.closed",
        ]);
        let id = school.id;
        assert_eq!(school.read(move |conn| weald::events::chain::verify(conn, id)).await, Ok(15));
    }
}
