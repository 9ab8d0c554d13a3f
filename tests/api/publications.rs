//! Before anything is published: who has consented, who objects, who must not be published; what is published, and what
//! has to go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use diesel::connection::{Connection, InstrumentationEvent};
use futures_util::future::join;
use serde_json::{Value, json};
use uuid::Uuid;
use weald::db::Conn;
use weald::policy::consent::Purpose;
use weald::policy::publication::Target;
use weald::policy::roles::Role;
use weald::resources::consents::rows::Moment;
use weald::resources::publication_checks::rows::{self as checks, Matter};

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines, with};

const CHECKS: &str = "/v1/publication-checks";
const CONSENTS: &str = "/v1/consents";

impl School {
    /// A pupil of whom `parent` is a parent.
    pub async fn child_of(&self, parent: &Caller<'_>, year_group: &str) -> Reply {
        let new = json!({ "given_name": "Robin", "family_name": "Wren", "kind": "pupil", "year_group": year_group });
        let child = self.headteacher().post("/v1/people", new).await.is(201);
        self.linked(&child, parent, json!({})).await;
        child
    }

    async fn linked(&self, child: &Reply, guardian: &Caller<'_>, members: Value) {
        let link = json!({ "guardian_id": guardian.id(), "relationship": "parent", "has_parental_responsibility": true });
        self.headteacher().moves(child, "set-guardian", with(link, members)).await.is(200);
    }

    /// What people are told of pictures on the school's social media.
    pub async fn notice(&self, purpose: &str) -> Reply {
        let notice = json!({ "purpose": purpose, "language": "en", "text": "We show what happens here.", "retention": "Three years." });
        self.headteacher().post("/v1/consent-notices", notice).await.is(201)
    }

    /// What `parent` says about a child's pictures on social media, so that the face can be recognised.
    pub async fn said(&self, parent: &Caller<'_>, child: &Reply, notice: &Reply, answer: &str, members: Value) -> Reply {
        let said = json!({ "subject_id": child["id"], "purpose": notice["purpose"], "answer": answer, "notice_id": notice["id"],
            "face_identifiable": answer == "given" });
        parent.post(CONSENTS, with(said, members)).await
    }

    /// A child whose parent has consented.
    async fn willing_child(&self, notice: &Reply) -> Reply {
        let child = self.child_of(&self.parent(), "year_4").await;
        self.said(&self.parent(), &child, notice, "given", json!({})).await.is(201);
        child
    }

    pub fn picture(account: &Reply, children: &[&Reply], members: Value) -> Value {
        let subjects: Vec<&Value> = children.iter().map(|child| &child["id"]).collect();
        let picture = json!({
            "account_id": account["id"], "reason": "The sports day.", "text": "What a day!", "subjects": subjects,
            "flags": ["face_identifiable"], "attestations": ["tone_fits", "everybody_named", "appropriately_dressed", "no_ridicule"],
        });
        with(picture, members)
    }

    /// A picture of children that was cleared and published.
    pub async fn published(&self, account: &Reply, children: &[&Reply]) -> Reply {
        let check = self.staff().post(CHECKS, Self::picture(account, children, json!({}))).await.is(201);
        assert_eq!(check["state"], "cleared", "{check}");
        self.publishes(&self.staff(), &check).await.is(201)
    }

    pub async fn publishes(&self, who: &Caller<'_>, check: &Reply) -> Reply {
        let publication = json!({ "check_id": check["id"], "content_hash": check["content_hash"], "url": "https://social.example/p/7" });
        who.post("/v1/publications", publication).await
    }
}

fn codes(check: &Reply) -> Vec<&str> {
    let blockers = check["blockers"].as_array().unwrap();
    let mut codes: Vec<&str> = blockers.iter().map(|blocker| blocker["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    codes
}

/// What a reply says apart from ids, hashes, times and the people asked about.
fn told(reply: &Reply) -> (u16, Vec<String>, Value) {
    let mut body = reply.json().clone();
    for member in ["id", "content_hash", "created_at", "updated_at", "expires_at", "subjects"] {
        body.as_object_mut().unwrap().remove(member);
    }
    let mut headers: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
    headers.sort_unstable();
    (reply.status.as_u16(), headers, body)
}

on_both_engines! {
    async fn a_class_photo_is_blocked_by_each_child_that_may_not_be_published_and_clears_without_them(school: School) {
        let (head, parent, other) = (school.headteacher(), school.parent(), school.person("dad", &[Role::ParentCarer]).await);
        let account = school.active_account().await;
        let (social, website) = (school.notice("school_social_media").await, school.notice("school_website").await);
        school.clock_at("2025-01-13T10:00:00Z");
        let expired = school.child_of(&parent, "year_4").await;
        school.said(&parent, &expired, &social, "given", json!({})).await.is(201);
        school.clock_at("2026-01-14T10:00:00Z");
        let mut willing = Vec::new();
        for _ in 0..23 {
            willing.push(school.willing_child(&social).await);
        }
        let (listed, refused, website_only) = (school.willing_child(&social).await, school.child_of(&parent, "year_4").await, school.child_of(&parent, "year_4").await);
        let (disagreed, left, objecting) = (school.willing_child(&social).await, school.willing_child(&social).await, school.willing_child(&social).await);
        school.dsl().post("/v1/do-not-publish", json!({ "person_id": listed["id"], "reason_class": "court_order" })).await.is(201);
        school.said(&parent, &refused, &social, "refused", json!({})).await.is(201);
        school.said(&parent, &website_only, &website, "given", json!({})).await.is(201);
        school.linked(&disagreed, &other, json!({})).await;
        school.said(&other, &disagreed, &social, "refused", json!({})).await.is(201);
        head.moves(&left, "leave", json!({ "left_on": "2026-01-14" })).await.is(200);
        parent.post("/v1/image-objections", json!({ "person_id": objecting["id"], "event_on": "2026-01-13", "event_name": "Sports day" })).await.is(201);

        let mut everybody: Vec<&Reply> = willing.iter().collect();
        everybody.extend([&listed, &refused, &website_only, &expired, &disagreed, &left, &objecting]);
        let photo = |children: &[&Reply]| School::picture(&account, children, json!({ "taken_on": "2026-01-13" }));
        let entitled = head.post(CHECKS, photo(&everybody)).await.is(201);
        assert_eq!((&entitled["state"], codes(&entitled)), (&json!("blocked"), vec!["consent_expired", "consent_refused", "consent_refused", "do_not_publish", "has_left", "not_asked", "objected"]));
        let of = |check: &Reply, person: &Reply| {
            let blockers = check["blockers"].as_array().unwrap();
            blockers.iter().filter(|blocker| blocker["person_id"] == person["id"]).map(|blocker| blocker["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (person, code) in [(&listed, "do_not_publish"), (&refused, "consent_refused"), (&website_only, "not_asked"), (&expired, "consent_expired"), (&disagreed, "consent_refused"), (&left, "has_left"), (&objecting, "objected")] {
            assert_eq!(of(&entitled, person), [code]);
            let alone = head.post(CHECKS, photo(&[person])).await.is(201);
            assert_eq!(codes(&alone), [code]);
            // Whoever is not entitled learns that it is blocked, and no more.
            let alone = school.staff().post(CHECKS, photo(&[person])).await.is(201);
            assert_eq!((codes(&alone), alone["blockers"][0].get("person_id")), (vec!["people_not_cleared"], None));
        }
        let blocked = school.staff().post(CHECKS, photo(&everybody)).await.is(201);
        assert_eq!(codes(&blocked), ["people_not_cleared"]);
        assert_eq!(codes(&school.staff().get(blocked.url("")).await.is(200)), ["people_not_cleared"], "also when it is read again");
        assert_eq!(codes(&school.dsl().get(blocked.url("")).await.is(200)).len(), 7);
        let cleared = school.staff().post(CHECKS, photo(&everybody[..23])).await.is(201);
        assert_eq!((&cleared["state"], &cleared["expires_at"]), (&json!("cleared"), &json!("2026-01-15T10:00:00Z")));
        // On another day the objection does not hold; where the day is not known, it does.
        assert_eq!(codes(&head.post(CHECKS, School::picture(&account, &[&objecting], json!({ "taken_on": "2026-01-12" }))).await), [""; 0]);
        assert_eq!(codes(&head.post(CHECKS, School::picture(&account, &[&objecting], json!({}))).await), ["objected"]);
        // The whole year group.
        let year = json!({ "subjects": [], "year_groups": ["year_4"], "taken_on": "2026-01-13" });
        let year = head.post(CHECKS, School::picture(&account, &[], year)).await.is(201);
        assert_eq!((&year["subject_count"], codes(&year).len()), (&json!(29), 6), "who has left is in no year group");
    }

    async fn nobody_without_the_right_can_tell_a_listed_child_from_one_without_consent(school: School) {
        let account = school.active_account().await;
        let notice = school.notice("school_social_media").await;
        let (listed, unasked) = (school.willing_child(&notice).await, school.child_of(&school.parent(), "year_4").await);
        school.dsl().post("/v1/do-not-publish", json!({ "person_id": listed["id"], "reason_class": "refuge" })).await.is(201);
        let (mut took, mut said) = ([Vec::new(), Vec::new()], Vec::new());
        for round in 0..40 {
            for (which, child) in [&listed, &unasked].into_iter().enumerate() {
                let started = Stopwatch::now();
                let reply = school.staff().post(CHECKS, School::picture(&account, &[child], json!({}))).await.is(201);
                took[which].push(started.elapsed());
                if round == 0 {
                    said.push(told(&reply));
                    said.push(told(&school.staff().get(reply.url("")).await));
                }
            }
        }
        assert_eq!((&said[0], &said[1]), (&said[2], &said[3]));
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2]
        };
        let [of_listed, of_unasked] = &mut took;
        println!("a check of a listed child: {:?}, of one without consent: {:?}", median(of_listed), median(of_unasked));
        for other in [school.staff(), school.it_technician(), school.leadership(), school.parent(), school.chair()] {
            other.get("/v1/do-not-publish").await.is(403).violates(&["IMG-4"]);
            assert!(!other.get("/v1/events?limit=200").await.text.contains("do_not_publish"));
        }
        let entry = school.dpo().get("/v1/do-not-publish").await.is(200);
        assert_eq!((entry.items().len(), entry.items()[0].get("reason_class")), (1, None), "the reason is for head and safeguarding leads");
        assert_eq!(school.headteacher().get("/v1/do-not-publish").await.items()[0]["reason_class"], "refuge");
    }

    async fn the_list_is_not_mined(school: School) {
        let account = school.active_account().await;
        let child = school.child_of(&school.parent(), "year_1").await;
        let picture = School::picture(&account, &[&child], json!({}));
        let mut unreasoned = picture.clone();
        unreasoned.as_object_mut().unwrap().remove("reason");
        school.staff().post(CHECKS, unreasoned).await.is(400);
        for _ in 0..120 {
            school.staff().post(CHECKS, &picture).await.is(201);
        }
        school.staff().post(CHECKS, &picture).await.is(429).problem("rate_limited");
        school.second_staff().post(CHECKS, &picture).await.is(201);
        school.clock_at("2026-01-14T11:00:01Z");
        school.staff().post(CHECKS, &picture).await.is(201);
        let events = school.headteacher().get("/v1/events?type=publication_check.made&limit=200").await.is(200);
        assert_eq!(events.items().len(), 122, "each is in the log");
    }

    async fn consent_is_given_by_who_decides_and_for_one_purpose(school: School) {
        let (head, parent, staff) = (school.headteacher(), school.parent(), school.staff());
        let notice = school.notice("school_social_media").await;
        let child = school.child_of(&parent, "year_2").await;
        let gran = school.person("gran", &[Role::ParentCarer]).await;
        school.linked(&child, &gran, json!({ "relationship": "grandparent", "has_parental_responsibility": false })).await;
        let carer = school.person("carer", &[Role::ParentCarer]).await;
        school.linked(&child, &carer, json!({ "relationship": "foster_carer", "has_parental_responsibility": false })).await;
        school.said(&gran, &child, &notice, "given", json!({})).await.is(422).violates(&["IMG-1"]);
        school.said(&carer, &child, &notice, "given", json!({})).await.is(422).violates(&["IMG-1"]);
        let bundle = json!({ "subject_id": child["id"], "purposes": ["school_website", "press"], "answer": "given" });
        parent.post(CONSENTS, bundle).await.is(422).problem("policy_refused").violates(&["IMG-1"]);
        school.said(&parent, &child, &notice, "given", json!({ "notice_id": Uuid::now_v7() })).await.is(422).violates(&["IMG-1"]);
        school.said(&parent, &child, &notice, "given", json!({ "purpose": "press" })).await.is(422).violates(&["IMG-1"]);
        school.said(&parent, &child, &notice, "given", json!({ "expires_on": "2027-01-15" })).await.is(422).violates(&["IMG-1"]);
        // Somebody else's child is not there; nobody speaks for another adult.
        school.said(&school.volunteer(), &child, &notice, "given", json!({})).await.is(422).points_at(&[("/subject_id", "unknown")]);
        school.said(&staff, &child, &notice, "given", json!({ "subject_id": school.second_staff().id() })).await.is(422).points_at(&[("/subject_id", "unknown")]);
        school.said(&head, &child, &notice, "given", json!({ "giver_id": staff.id(), "subject_id": school.second_staff().id(), "evidence_sha256": "a".repeat(64) })).await.is(422).violates(&["IMG-1"]);
        let paper = json!({ "giver_id": parent.id(), "decided_at": "2026-01-12T09:00:00Z" });
        school.said(&head, &child, &notice, "given", paper.clone()).await.is(422).violates(&["IMG-1"]);
        let paper = with(paper, json!({ "evidence_sha256": "a".repeat(64) }));
        let recorded = school.said(&head, &child, &notice, "given", paper).await.is(201);
        assert_eq!((&recorded["expires_on"], &recorded["relationship"]), (&json!("2027-01-12"), &json!("parent")));
        assert_eq!(parent.get(recorded.url("")).await.is(200)["giver_id"], json!(parent.id()));
        for other in [&staff, &gran, &school.volunteer()] {
            other.get(recorded.url("")).await.is(404);
            assert_eq!(other.get(CONSENTS).await.is(200).items().len(), 0);
            other.get(child.url("consents")).await.is(404);
        }
        let receipt = parent.get(recorded.url("receipt")).await.is(200);
        assert_eq!((&receipt["processing"]["privacy_notice"], &receipt["event"]["event_state"]), (&notice["id"], &json!("given")));
        school.said(&carer, &child, &notice, "given", json!({ "authorisation_ref": "LA-77" })).await.is(201);
        school.said(&staff, &child, &notice, "given", json!({ "subject_id": staff.id() })).await.is(201);
        // The newest notice is what people are to be told.
        school.notice("school_social_media").await;
        school.said(&parent, &child, &notice, "given", json!({})).await.is(422).violates(&["IMG-1"]);
    }

    async fn the_most_restrictive_of_two_parents_counts_and_the_head_is_told(school: School) {
        let (mum, dad) = (school.parent(), school.person("dad", &[Role::ParentCarer]).await);
        let notice = school.notice("school_social_media").await;
        let child = school.child_of(&mum, "year_2").await;
        school.linked(&child, &dad, json!({})).await;
        let told = async || {
            let kinds = school.headteacher().get("/v1/notifications").await;
            kinds.items().iter().filter(|one| one["event_type"] == "consent.disagreed").count()
        };
        let state = async || {
            let states = school.dpo().get(child.url("consents")).await.is(200);
            let social = states.json()["items"].as_array().unwrap().iter().find(|one| one["purpose"] == "school_social_media").unwrap().clone();
            (social["state"].as_str().unwrap().to_owned(), social["disagreed"] == true)
        };
        school.said(&mum, &child, &notice, "given", json!({})).await.is(201);
        assert_eq!((state().await, told().await), (("given".into(), false), 0));
        school.said(&dad, &child, &notice, "refused", json!({})).await.is(201);
        assert_eq!((state().await, told().await), (("refused".into(), true), 1));
        // Anybody who decides withdraws everything, in one call and without a reason.
        dad.post(child.url("withdraw-consents"), json!({})).await.is(200);
        school.said(&dad, &child, &notice, "given", json!({})).await.is(201);
        assert_eq!(state().await, ("given".into(), false));
        mum.post(child.url("withdraw-consents"), json!({ "purposes": ["school_social_media"] })).await.is(200);
        assert_eq!(state().await, ("withdrawn".into(), true));
        school.staff().post(child.url("withdraw-consents"), json!({})).await.is(404);
    }

    async fn the_state_at_any_instant_follows_from_twenty_changes(school: School) {
        let parent = school.parent();
        let notice = school.notice("school_social_media").await;
        let child = school.child_of(&parent, "year_2").await;
        let mut expected = vec![("2026-01-14T10:00:00Z".to_owned(), "not_asked")];
        for change in 0..20 {
            let at = format!("2026-{:02}-{:02}T09:00:00Z", 2 + change / 10, 1 + change % 10);
            school.clock_at(&at);
            let (answer, state) = [("given", "given"), ("refused", "refused"), ("given", "given"), ("withdrawn", "withdrawn")][change % 4];
            school.said(&parent, &child, &notice, answer, json!({})).await.is(201);
            expected.push((at, state));
        }
        for (at, state) in &expected {
            let states = parent.get(format!("{}?at={at}", child.url("consents"))).await.is(200);
            assert_eq!(states["items"][3]["state"], *state, "{at}");
        }
        let between = parent.get(format!("{}?at=2026-02-02T08:59:59Z", child.url("consents"))).await.is(200);
        assert_eq!(between["items"][3]["state"], "given");
        assert_eq!(parent.get(format!("{CONSENTS}?limit=200")).await.items().len(), 20, "nothing is ever overwritten");
    }

    async fn the_mis_records_many_answers_at_once(school: School) {
        let notice = school.notice("school_website").await;
        let (child, parent) = (school.child_of(&school.parent(), "year_1").await, school.parent().id());
        let item = json!({ "subject_id": child["id"], "purpose": "school_website", "answer": "given", "giver_id": parent, "notice_id": notice["id"] });
        let items = [item.clone(), with(item.clone(), json!({ "giver_id": school.staff().id() })), with(item, json!({ "answer": "refused" }))];
        let batch = school.service().post("/v1/consent-answers/batch", json!({ "items": items })).idempotency_key("answers-1").await.is(207);
        let statuses: Vec<&Value> = batch["results"].as_array().unwrap().iter().map(|result| &result["status"]).collect();
        assert_eq!(statuses, [&json!(201), &json!(422), &json!(201)]);
        school.service().post("/v1/consent-answers/batch", json!({ "items": [] })).await.is(400);
        assert_eq!(school.service().get(CONSENTS).await.is(200).items().len(), 2);
    }

    async fn an_objection_needs_no_reason_overrides_consent_and_is_lifted_by_whom_it_is_of(school: School) {
        let (parent, staff) = (school.parent(), school.staff());
        let account = school.active_account().await;
        let notice = school.notice("school_social_media").await;
        let child = school.willing_child(&notice).await;
        let check = staff.post(CHECKS, School::picture(&account, &[&child], json!({}))).await.is(201);
        let objection = staff.post("/v1/image-objections", json!({ "person_id": child["id"] })).await.is(201);
        assert_eq!(staff.get(check.url("")).await["state"], "revoked");
        school.publishes(&staff, &check).await.is(409).violates(&["IMG-1"]);
        staff.moves(&objection, "lift", json!({})).await.is(403).violates(&["IMG-2"]);
        school.headteacher().moves(&objection, "lift", json!({})).await.is(403).violates(&["IMG-2"]);
        school.volunteer().get(objection.url("")).await.is(404);
        parent.moves(&objection, "lift", json!({})).await.is(200);
        parent.moves(&objection, "lift", json!({})).await.is(409);
        assert_eq!(staff.post(CHECKS, School::picture(&account, &[&child], json!({}))).await["state"], "cleared");
        staff.post("/v1/image-objections", json!({ "description": "The visitor with the red hat" })).await.is(201);
        school.pupil().post("/v1/image-objections", json!({})).await.is(201);
        school.volunteer().post("/v1/image-objections", json!({ "person_id": child["id"] })).await.is(422);
        assert_eq!(school.headteacher().get("/v1/image-objections?in_force=true").await.is(200).items().len(), 2);
    }

    async fn a_guardian_without_responsibility_neither_reads_objections_nor_withdraws_consents(school: School) {
        let (parent, other) = (school.parent(), school.person("other", &[Role::ParentCarer]).await);
        let child = school.willing_child(&school.notice("school_social_media").await).await;
        school.linked(&child, &other, json!({ "has_parental_responsibility": false })).await;
        let objection = parent.post("/v1/image-objections", json!({ "person_id": child["id"] })).await.is(201);
        other.get(objection.url("")).await.is(404);
        assert_eq!(other.get("/v1/image-objections").await.is(200).items().len(), 0);
        let withdrawal = json!({ "purposes": ["school_social_media"] });
        other.post(child.url("withdraw-consents"), &withdrawal).await.is(404);
        parent.post(child.url("withdraw-consents"), &withdrawal).await.is(200);
    }

    async fn parents_do_not_ask_who_may_be_shown_but_for_accounts_that_they_run(school: School) {
        let child = school.willing_child(&school.notice("school_social_media").await).await;
        let parent = school.parent();
        let picture = |members: Value| with(json!({ "unregistered_account": "A page", "reason": "x", "text": "x", "flags": [], "attestations": ["tone_fits", "everybody_named", "appropriately_dressed", "no_ridicule"] }), members);
        parent.post(CHECKS, picture(json!({ "subjects": [child["id"]] }))).await.is(422).points_at(&[("/account_id", "unknown")]);
        parent.post(CHECKS, picture(json!({ "year_groups": ["year_4"] }))).await.is(422).points_at(&[("/year_groups", "not_allowed")]);
    }

    async fn what_is_controversial_waits_for_the_head_and_nobody_decides_their_own(school: School) {
        let (head, chair, staff) = (school.headteacher(), school.chair(), school.staff());
        let account = school.active_account().await;
        let plain = json!({ "account_id": account["id"], "reason": "The election.", "text": "Vote!", "flags": ["controversial"], "attestations": ["tone_fits"] });
        staff.post(CHECKS, with(plain.clone(), json!({ "attestations": [] }))).await.is(422).violates(&["TONE-1"]);
        let check = staff.post(CHECKS, &plain).await.is(201);
        assert_eq!((&check["state"], &check["concerns"]), (&json!("needs_approval"), &json!(["controversial"])));
        school.publishes(&staff, &check).await.is(409).problem("policy_gate").violates(&["IMG-1"]);
        staff.moves(&check, "approve", json!({})).await.is(403).violates(&["DO-1"]);
        chair.moves(&check, "approve", json!({})).await.is(403).violates(&["DO-1"]);
        head.moves(&check, "refuse", json!({ "feedback": " " })).await.is(422);
        head.moves(&check, "approve", json!({})).await.is(200);
        school.publishes(&staff, &check).await.is(201);
        school.publishes(&staff, &check).await.is(409).violates(&["IMG-1"]);
        let own = head.post(CHECKS, &plain).await.is(201);
        head.moves(&own, "approve", json!({})).await.is(403).violates(&["DO-1"]);
        let refused = chair.moves(&own, "refuse", json!({ "feedback": "It takes sides." })).await.is(200);
        assert_eq!((&refused["state"], &refused["feedback"]), (&json!("refused"), &json!("It takes sides.")));
        school.publishes(&head, &own).await.is(409);
        // A second opinion is somebody else's.
        let doubtful = staff.post(CHECKS, with(plain, json!({ "flags": [] }))).await.is(201);
        staff.moves(&doubtful, "request-second-opinion", json!({ "person_id": staff.id() })).await.is(409).violates(&["DO-8"]);
        staff.moves(&doubtful, "request-second-opinion", json!({ "person_id": school.volunteer().id() })).await.is(409).violates(&["DO-8"]);
        school.second_staff().get(doubtful.url("")).await.is(404);
        staff.moves(&doubtful, "request-second-opinion", json!({ "person_id": school.second_staff().id() })).await.is(200);
        let opinion = school.second_staff().moves(&doubtful, "give-second-opinion", json!({ "agrees": false, "comment": "It can hurt." })).await.is(200);
        assert_eq!(opinion["second_opinions"][0]["agrees"], false);
        staff.moves(&doubtful, "give-second-opinion", json!({ "agrees": true })).await.is(409);
    }

    async fn children_are_published_on_active_accounts_of_the_school_alone(school: School) {
        let staff = school.staff();
        let account = school.active_account().await;
        let child = school.willing_child(&school.notice("school_social_media").await).await;
        let personal = json!({ "account_id": null, "unregistered_account": "@mrs_wren" });
        let mut elsewhere = School::picture(&account, &[&child], personal);
        elsewhere.as_object_mut().unwrap().remove("account_id");
        let blocked = staff.post(CHECKS, elsewhere).await.is(201);
        assert!(codes(&blocked).contains(&"account_not_owned"), "{blocked}");
        assert!(blocked["blockers"].as_array().unwrap().iter().any(|blocker| blocker["clause"] == "IMG-3"));
        let picture = School::picture(&account, &[&child], json!({}));
        for (flag, code) in [("personal_gain", "personal_gain"), ("confidential", "confidential"), ("with_name", "people_not_cleared")] {
            let flags = json!({ "flags": [flag] });
            assert_eq!(codes(&staff.post(CHECKS, with(picture.clone(), flags)).await.is(201)), [code]);
        }
        let cleared = staff.post(CHECKS, &picture).await.is(201);
        staff.post("/v1/publications", json!({ "check_id": cleared["id"], "content_hash": "0".repeat(64), "url": "https://social.example/p/1" })).await.is(409).violates(&["IMG-1"]);
        let suspended = school.headteacher().moves(&account, "suspend", json!({ "reason": "x" })).await.is(200);
        school.it_technician().moves(&suspended, "resume", json!({})).await.is(200);
        assert_eq!(staff.get(cleared.url("")).await["state"], "revoked", "it does not come to life again");
        school.publishes(&staff, &cleared).await.is(409);
        let cleared = staff.post(CHECKS, &picture).await.is(201);
        school.clock_at("2026-01-15T10:00:01Z");
        assert_eq!(staff.get(cleared.url("")).await["state"], "expired");
        school.publishes(&staff, &cleared).await.is(409);
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(school.headteacher().get("/v1/events?type=publication_check.expired").await.items().len(), 1);
    }

    async fn whoever_publishes_is_somebody_and_a_program_says_who(school: School) {
        let account = school.active_account().await;
        let text = json!({ "account_id": account["id"], "reason": "News.", "text": "Snow!", "attestations": ["tone_fits"] });
        let by = async |who: &Caller<'_>, author: Value| who.post(CHECKS, with(text.clone(), json!({ "author_id": author }))).await;
        by(&school.staff(), json!(school.headteacher().id())).await.is(422).points_at(&[("/author_id", "unknown")]);
        school.service().post(CHECKS, &text).await.is(422).points_at(&[("/author_id", "unknown")]);
        for nobody in [json!(Uuid::now_v7()), json!(school.parent().id())] {
            by(&school.service(), nobody).await.is(422).points_at(&[("/author_id", "unknown")]);
        }
        let check = by(&school.service(), json!(school.staff().id())).await.is(201);
        assert_eq!(school.staff().get(check.url("")).await.is(200)["author_id"], json!(school.staff().id()));
        school.publishes(&school.service(), &check).await.is(201);
    }

    async fn the_works_of_others_are_used_by_right_alone(school: School) {
        let staff = school.staff();
        let account = school.active_account().await;
        let text = json!({ "account_id": account["id"], "reason": "A map.", "text": "Look!", "flags": ["third_party_work"], "attestations": ["tone_fits"] });
        staff.post(CHECKS, &text).await.is(422).violates(&["LEG-1"]);
        let permission = staff.post("/v1/content-permissions", json!({ "work": "A map", "rights_holder": "A neighbour", "basis": "permission", "evidence": "A letter" })).await.is(201);
        let using = with(text.clone(), json!({ "content_permission_ids": [permission["id"]] }));
        staff.post(CHECKS, with(text, json!({ "content_permission_ids": [Uuid::now_v7()] }))).await.is(422);
        let check = staff.post(CHECKS, &using).await.is(201);
        let publication = school.publishes(&staff, &check).await.is(201);
        let open = staff.post(CHECKS, &using).await.is(201);
        staff.moves(&permission, "withdraw", json!({ "reason": "They want to sell it." })).await.is(200);
        assert_eq!(staff.get(open.url("")).await["state"], "revoked");
        let takedowns = staff.get("/v1/takedowns").await.is(200);
        assert_eq!((takedowns.items().len(), &takedowns.items()[0]["publication_id"]), (1, &publication["id"]));
        assert_eq!(codes(&staff.post(CHECKS, &using).await.is(201)), ["work_not_permitted"]);
    }

    async fn what_is_withdrawn_has_to_go_exactly_where_it_shows(school: School) {
        let (head, parent, staff) = (school.headteacher(), school.parent(), school.staff());
        let account = school.active_account().await;
        let notice = school.notice("school_social_media").await;
        let (child, other) = (school.willing_child(&notice).await, school.willing_child(&notice).await);
        let (one, both, without) = (school.published(&account, &[&child]).await, school.published(&account, &[&child, &other]).await, school.published(&account, &[&other]).await);
        let gone = school.published(&account, &[&child]).await;
        staff.moves(&gone, "record-removal", json!({})).await.is(200);
        // Consent for something else is something else.
        let press = school.notice("press").await;
        school.said(&parent, &child, &press, "refused", json!({})).await.is(201);
        assert_eq!(staff.get("/v1/takedowns").await.items().len(), 0);
        parent.post(child.url("withdraw-consents"), json!({})).await.is(200);
        let takedowns = staff.get("/v1/takedowns").await.is(200);
        let mut ids: Vec<&Value> = takedowns.each("publication_id");
        ids.sort_by_key(ToString::to_string);
        let mut expected = [&one["id"], &both["id"]];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(ids, expected);
        assert_eq!((takedowns.items()[0].get("cause"), takedowns.items()[0].get("person_id")), (None, None), "why and for whose sake is for a few");
        let known = school.dsl().get("/v1/takedowns").await.is(200);
        assert_eq!((&known.items()[0]["cause"], &known.items()[0]["person_id"], &known.items()[0]["due_at"]), (&json!("withdrawn"), &child["id"], &json!("2026-01-15T10:00:00Z")));
        let task = staff.get(format!("/v1/takedowns/{}", takedowns.items()[0]["id"].as_str().unwrap())).await.is(200);
        let later = staff.get(format!("/v1/takedowns/{}", takedowns.items()[1]["id"].as_str().unwrap())).await.is(200);
        school.clock_at("2026-01-15T10:00:01Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(head.get("/v1/events?type=takedown.overdue").await.items().len(), 2, "each once");
        let task_url = |reply: &Reply, action: &str| format!("/v1/takedowns/{}/{action}", reply["id"].as_str().unwrap());
        staff.post(task_url(&task, "record-removal"), json!({ "evidence": " " })).if_match(task.etag()).await.is(422);
        staff.post(task_url(&task, "record-removal"), json!({ "evidence": "It answers 404." })).if_match(task.etag()).await.is(200);
        staff.post(task_url(&later, "exempt"), json!({ "reason": "x" })).if_match(later.etag()).await.is(403).violates(&["IMG-1"]);
        head.post(task_url(&later, "exempt"), json!({ "reason": "Nobody can be seen in it." })).if_match(later.etag()).await.is(200);
        staff.post(task_url(&later, "record-removal"), json!({ "evidence": "x" })).if_match(later.etag()).await.is(409);
        let removed = task["publication_id"].as_str().unwrap();
        assert_eq!(staff.get(format!("/v1/publications/{removed}")).await["live"], false);
        assert_eq!(staff.get(without.url("")).await["live"], true);
        school.volunteer().get(without.url("")).await.is(404);
    }

    async fn whose_word_does_not_count_any_more_carries_nothing(school: School) {
        let (head, parent, staff) = (school.headteacher(), school.parent(), school.staff());
        let account = school.active_account().await;
        let child = school.willing_child(&school.notice("school_social_media").await).await;
        let publication = school.published(&account, &[&child]).await;
        let open = staff.post(CHECKS, School::picture(&account, &[&child], json!({}))).await.is(201);
        school.linked(&child, &parent, json!({})).await;
        assert_eq!(staff.get("/v1/takedowns").await.items().len(), 0, "nothing has changed");
        head.moves(&child, "remove-guardian", json!({ "guardian_id": parent.id() })).await.is(204);
        assert_eq!(staff.get("/v1/takedowns").await.each("publication_id"), [&publication["id"]]);
        assert_eq!(staff.get(open.url("")).await["state"], "revoked");
    }

    async fn what_time_ends_has_to_go_too(school: School) {
        let (head, staff) = (school.headteacher(), school.staff());
        let account = school.active_account().await;
        let notice = school.notice("school_social_media").await;
        let (expiring, leaving, listed) = (school.willing_child(&notice).await, school.willing_child(&notice).await, school.willing_child(&notice).await);
        school.said(&school.parent(), &expiring, &notice, "given", json!({ "expires_on": "2026-01-14" })).await.is(201);
        for child in [&expiring, &leaving, &listed] {
            school.published(&account, &[child]).await;
        }
        head.moves(&leaving, "leave", json!({ "left_on": "2026-01-15" })).await.is(200);
        head.post("/v1/do-not-publish", json!({ "person_id": listed["id"], "reason_class": "adoption" })).await.is(201);
        head.post("/v1/do-not-publish", json!({ "person_id": listed["id"], "reason_class": "adoption" })).await.is(409);
        let causes = async || {
            let tasks = head.get("/v1/takedowns").await.is(200);
            let mut causes: Vec<String> = tasks.each("cause").into_iter().map(|cause| cause.as_str().unwrap().to_owned()).collect();
            causes.sort_unstable();
            causes
        };
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(causes().await, ["listed"]);
        school.clock_at("2026-01-15T00:00:00Z");
        weald::jobs::run_all(school.state()).await.unwrap();
        weald::jobs::run_all(school.state()).await.unwrap();
        assert_eq!(causes().await, ["expired", "left", "listed"]);
        // What is published is looked at again, and audited each term.
        assert_eq!(staff.get("/v1/publications?stale=true").await.items().len(), 0);
        school.clock_at("2026-04-14T10:00:00Z");
        let stale = staff.get("/v1/publications?stale=true").await.is(200);
        assert_eq!(stale.items().len(), 3);
        let first = staff.get(format!("/v1/publications/{}", stale.items()[0]["id"].as_str().unwrap())).await.is(200);
        staff.moves(&first, "mark-reviewed", json!({})).await.is(200);
        assert_eq!(staff.get("/v1/publications?stale=true").await.items().len(), 2);
        staff.moves(&first, "audit", json!({ "face_on": true })).await.is(403);
        head.moves(&first, "audit", json!({ "face_on": true })).await.is(200);
        assert_eq!((head.get("/v1/publications?audit_due=true").await.items().len(), head.get("/v1/publications?face_on=true").await.items().len()), (2, 1));
    }

    async fn a_withdrawal_at_the_moment_of_publication_leaves_nothing_on_a_dead_clearance(school: School) {
        let (parent, staff) = (school.parent(), school.staff());
        let account = school.active_account().await;
        let notice = school.notice("school_social_media").await;
        let child = school.willing_child(&notice).await;
        let (mut published, mut refused) = (0, 0);
        for round in 0..200 {
            if round % 100 == 0 {
                school.clock_at(if round == 0 { "2026-01-14T10:00:00Z" } else { "2026-01-14T11:00:01Z" });
            }
            school.said(&parent, &child, &notice, "given", json!({})).await.is(201);
            let check = staff.post(CHECKS, School::picture(&account, &[&child], json!({}))).await.is(201);
            let publish = async { school.publishes(&staff, &check).await };
            let withdraw = async { parent.post(child.url("withdraw-consents"), json!({})).await };
            let (publication, withdrawn) = if round % 2 == 0 {
                join(publish, withdraw).await
            } else {
                let (withdrawn, publication) = join(withdraw, publish).await;
                (publication, withdrawn)
            };
            withdrawn.is(200);
            if publication.status == 201 {
                published += 1;
                let tasks = staff.get("/v1/takedowns?state=open").await.is(200);
                assert_eq!(tasks.each("publication_id"), [&publication["id"]], "what came before the withdrawal has to go");
                let task = staff.get(format!("/v1/takedowns/{}", tasks.items()[0]["id"].as_str().unwrap())).await.is(200);
                let url = format!("/v1/takedowns/{}/record-removal", task["id"].as_str().unwrap());
                staff.post(url, json!({ "evidence": "x" })).if_match(task.etag()).await.is(200);
            } else {
                refused += 1;
                publication.is(409).problem("policy_gate");
                assert_eq!(staff.get(check.url("")).await["state"], "revoked");
            }
            assert_eq!(staff.get("/v1/takedowns?state=open").await.items().len(), 0);
        }
        println!("{published} published first, {refused} refused");
        assert!(published > 0 && refused > 0, "both orders come about");
    }

    async fn three_hundred_people_are_as_many_queries_as_one(school: School) {
        let notice = school.notice("school_social_media").await;
        let mut children = Vec::new();
        for _ in 0..3 {
            children.push(school.willing_child(&notice).await["id"].as_str().unwrap().parse::<Uuid>().unwrap());
        }
        let (school_id, now) = (school.id, school.now());
        let mut counts = Vec::new();
        for many in [1, 300] {
            let people: Vec<weald::db::types::PersonId> = (0..many).map(|n| children.get(n).copied().unwrap_or_else(Uuid::now_v7).into()).collect();
            let counted = school
                .read(move |conn| {
                    let count = Arc::new(AtomicUsize::new(0));
                    let counter = Arc::clone(&count);
                    let count_queries = move |event: InstrumentationEvent<'_>| {
                        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                            counter.fetch_add(1, Ordering::Relaxed);
                        }
                    };
                    let instrumented = |conn: &mut Conn, on: bool, watch: Box<dyn diesel::connection::Instrumentation>| {
                        let watch: Box<dyn diesel::connection::Instrumentation> = if on { watch } else { Box::new(|_: InstrumentationEvent<'_>| {}) };
                        match conn {
                            Conn::Sqlite(conn) => conn.set_instrumentation(watch),
                            Conn::Postgres(conn) => conn.set_instrumentation(watch),
                        }
                    };
                    instrumented(conn, true, Box::new(count_queries));
                    let flags = std::collections::BTreeSet::new();
                    let matter = Matter { account: None, flags: &flags, subjects: &people, works: &[], taken_on: None };
                    let moment = Moment { at: now, day: "2026-01-14".parse().unwrap() };
                    let verdict = checks::decide(conn, school_id, Target::Unregistered, Purpose::SchoolSocialMedia, matter, moment).unwrap();
                    instrumented(conn, false, Box::new(|_: InstrumentationEvent<'_>| {}));
                    assert_eq!(verdict.blockers.len(), 1 + many.saturating_sub(3), "who is not known has not consented");
                    Ok(count.load(Ordering::Relaxed))
                })
                .await;
            counts.push(counted);
        }
        assert!(counts[0] > 0);
        assert_eq!(counts[0], counts[1]);
    }
}
