//! Journalists, and how to report a problem.

use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

const ENQUIRIES: &str = "/v1/media-enquiries";

impl School {
    /// An enquiry that waits to be cleared.
    async fn proposed_enquiry(&self) -> Reply {
        let enquiry =
            self.staff().post(ENQUIRIES, json!({ "outlet": "Weald Gazette", "question": "Is the fair cancelled?" })).await.is(201);
        self.staff().post(enquiry.url("request-clearance"), json!({ "proposed_answer": "No." })).if_match(enquiry.etag()).await.is(200)
    }

    async fn media_policy(&self) {
        let head = self.headteacher();
        let known = head.get("/v1/policies?limit=200").await.is(200);
        let id = match known.items().iter().find(|policy| policy["kind"] == "media") {
            Some(policy) => policy["id"].as_str().unwrap().to_owned(),
            None => head.post("/v1/policies", json!({ "kind": "media", "title": "Media policy" })).await.is(201)["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        };
        let text = json!({ "clauses": [{ "id": "M-1", "title": "Who answers", "text": "The headteacher clears every answer." }] });
        let drafted = head.post(format!("/v1/policies/{id}/versions"), text).await.is(201);
        let draft = head.get(drafted.header("location")).await.is(200);
        let review = head.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        head.post(review.url("publish"), json!({})).if_match(review.etag()).await.is(200);
    }
}

async fn go(who: &Caller<'_>, enquiry: &Reply, action: &str, body: Value) -> Reply {
    let tag = who.get(enquiry.url("")).await.header("etag").to_owned();
    who.post(enquiry.url(action), body).if_match(if tag.is_empty() { "\"1\"".to_owned() } else { tag }).await
}

on_both_engines! {
    async fn nobody_responds_to_a_journalist_before_it_is_cleared(school: School) {
        let (head, staff) = (school.headteacher(), school.staff());
        let enquiry = school.proposed_enquiry().await;
        assert_eq!(head.get("/v1/notifications").await.is(200).items()[0]["event_type"], "media_enquiry.logged");
        go(&staff, &enquiry, "respond", json!({})).await.is(409).problem("policy_gate").violates(&["BEH-4"]);
        for other in [&staff, &school.leadership()] {
            go(other, &enquiry, "clear", json!({})).await.is(403).violates(&["BEH-4"]);
        }
        school.it_technician().post(enquiry.url("clear"), json!({})).if_match("\"2\"").await.is(403).violates(&["BEH-4"]);
        go(&head, &enquiry, "clear", json!({})).await.is(409).violates(&["BEH-4"]);
        school.media_policy().await;
        head.post(enquiry.url("clear"), json!({})).await.is(428);
        head.post(enquiry.url("clear"), json!({})).if_match("\"1\"").await.is(412);
        let cleared = go(&head, &enquiry, "clear", json!({ "answer": "No: 20 June." })).await.is(200);
        assert_eq!((&cleared["answer"], cleared["policy_version_id"].is_string()), (&json!("No: 20 June."), true));
        go(&staff, &enquiry, "respond", json!({ "responded_at": "2026-01-14T09:00:00Z" })).await.is(422);
        go(&staff, &enquiry, "respond", json!({})).await.is(200);
        go(&staff, &enquiry, "respond", json!({})).await.is(409).problem("state_conflict");
        assert_eq!(go(&staff, &enquiry, "close", json!({})).await.is(200)["allowed_actions"], json!([]));
    }

    async fn what_is_declined_is_proposed_anew_or_closed(school: School) {
        let (head, staff) = (school.headteacher(), school.staff());
        let enquiry = school.proposed_enquiry().await;
        go(&head, &enquiry, "decline", json!({ "reason": " " })).await.is(422);
        go(&head, &enquiry, "decline", json!({ "reason": "For the press office." })).await.is(200);
        go(&staff, &enquiry, "respond", json!({})).await.is(409).violates(&["BEH-4"]);
        go(&staff, &enquiry, "request-clearance", json!({ "proposed_answer": "Ask the press office." })).await.is(200);
        go(&staff, &enquiry, "close", json!({})).await.is(409).problem("state_conflict");
    }

    async fn the_press_lead_clears_once_the_head_has_named_one(school: School) {
        let (head, lead) = (school.headteacher(), school.leadership());
        school.media_policy().await;
        let enquiry = school.proposed_enquiry().await;
        let url = format!("/v1/schools/{}", school.id);
        let tag = head.get(&url).await.etag().to_owned();
        school.it_technician().post(format!("{url}/name-press-lead"), json!({ "person_id": lead.id() })).if_match(&tag).await.is(403);
        head.post(format!("{url}/name-press-lead"), json!({ "person_id": school.parent().id() })).if_match(&tag).await.is(422);
        head.post(format!("{url}/name-press-lead"), json!({ "person_id": school.second_staff().id() })).if_match(&tag).await.is(200);
        assert_eq!(go(&school.second_staff(), &enquiry, "clear", json!({})).await.is(200)["answer"], "No.");
    }

    async fn a_comment_of_a_journalist_is_not_answered_before_clearance_but_can_be_acknowledged(school: School) {
        let account = school.active_account().await;
        let comment = json!({ "account_id": account["id"], "kind": "query", "author_name": "Gazette", "text": "A comment?", "received_at": school.now() });
        let comment = school.staff().post("/v1/comments", comment).await.is(201);
        school.staff().post(ENQUIRIES, json!({ "outlet": "x", "question": "x", "comment_id": Uuid::now_v7() })).await.is(422).points_at(&[("/comment_id", "unknown")]);
        school.staff().post(ENQUIRIES, json!({ "outlet": "Weald Gazette", "question": "A comment?", "comment_id": comment["id"] })).await.is(201);
        let answer = |kind: &str| json!({ "kind": kind, "text": "Well." });
        school.headteacher().post(comment.url("respond"), answer("answer")).await.is(409).problem("policy_gate").violates(&["BEH-4"]);
        school.staff().post(comment.url("respond"), answer("acknowledgement")).await.is(200);
    }

    async fn enquiries_are_seen_by_who_logged_them_and_who_decides(school: School) {
        let enquiry = school.proposed_enquiry().await;
        for other in [school.second_staff(), school.it_technician(), school.other_school().await.headteacher()] {
            other.get(enquiry.url("")).await.is(404);
            assert_eq!(other.get(ENQUIRIES).await.is(200).items().len(), 0);
        }
        for other in [school.parent(), school.pupil(), school.service()] {
            other.get(ENQUIRIES).await.is(403);
        }
        assert_eq!(school.dpo().get(format!("{ENQUIRIES}?state=awaiting_clearance")).await.is(200).items().len(), 1);
        assert_eq!(school.staff().get(format!("{ENQUIRIES}?state=cleared")).await.is(200).items().len(), 0);
    }

    async fn everybody_can_read_how_to_report(school: School) {
        for role in Role::iter().filter(|role| *role != Role::MisIntegration) {
            let routes = school.with_role(role).get("/v1/reporting-routes").await.is(200);
            assert_eq!(routes["agencies"].as_array().unwrap().len(), 15, "{role}");
            assert_eq!(routes["school"][0]["names"], json!(["headteacher Weald"]));
        }
        school.anonymous().get("/v1/reporting-routes").await.is(401);
    }

    async fn local_agencies_are_reached_as_the_school_says(school: School) {
        let contact = json!({ "phone": "01233 555 010" });
        school.staff().put("/v1/reporting-routes/lado", &contact).await.is(403);
        school.headteacher().put("/v1/reporting-routes/mayor", &contact).await.is(404);
        school.headteacher().put("/v1/reporting-routes/lado", json!({ "url": "ftp://x" })).await.is(422).points_at(&[("/url", "not_a_link")]);
        school.headteacher().put("/v1/reporting-routes/lado", json!({ "phone": "old" })).await.is(200);
        school.headteacher().put("/v1/reporting-routes/lado", &contact).await.is(200);
        let lado = |routes: &Reply| routes["agencies"].as_array().unwrap().iter().find(|one| one["agency"] == "lado").unwrap()["phone"].clone();
        assert_eq!(lado(&school.pupil().get("/v1/reporting-routes").await.is(200)), "01233 555 010");
        assert_eq!(lado(&school.other_school().await.pupil().get("/v1/reporting-routes").await.is(200)), Value::Null);
    }
}
