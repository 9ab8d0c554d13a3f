//! Read and understood, by each for themselves: R-ST-1, ELIG-1.

use std::collections::BTreeMap;
use std::future::IntoFuture;

use futures_util::future::join_all;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::policy::required::{PolicyKind, required};
use weald::policy::roles::{PersonKind, Role};
use weald::resources::policies::rows::acknowledged;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines};

const ACKNOWLEDGEMENTS: &str = "/v1/acknowledgements";

async fn listed(caller: &Caller<'_>, query: &str) -> Vec<Value> {
    let page = caller.get(format!("{ACKNOWLEDGEMENTS}{query}")).await.is(200);
    page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
}

fn with(mut attestation: Value, members: Value) -> Value {
    attestation.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    attestation
}

on_both_engines! {
    async fn everyone_but_pupils_and_services_acknowledges_the_version_in_force(school: School) {
        let version = school.version_in_force().await;
        for role in Role::iter().filter(|role| !matches!(role, Role::Pupil | Role::MisIntegration)) {
            let caller = school.with_role(role);
            let attestation = school.attestation(&caller, &version).await;
            let given = caller.post(ACKNOWLEDGEMENTS, &attestation).await.is(201);
            assert_eq!((&given["person_id"], &given["policy_version_id"]), (&json!(caller.id()), &version["id"]));
            assert_eq!((&given["number"], &given["content_hash"]), (&json!(1), &version["content_hash"]));
            assert_eq!((&given["acknowledged_at"], &given["policy_id"]), (&json!("2026-01-14T10:00:00Z"), &version["policy_id"]));
            assert_eq!(caller.get(given.header("location")).await.is(200).json(), given.json());
            school.clock_at("2026-01-14T11:00:00Z");
            let again = caller.post(ACKNOWLEDGEMENTS, with(attestation, json!({ "person_id": caller.id() }))).await.is(200);
            assert_eq!((again.json(), again.etag()), (given.json(), given.etag()), "the same one");
            school.clock_at("2026-01-14T10:00:00Z");
            let log = school.headteacher().get(format!("/v1/events?subject_id={}", given["id"].as_str().unwrap())).await.is(200);
            let event = &log["items"][0];
            assert_eq!((log["items"].as_array().unwrap().len(), &event["type"], &event["data"]["clause"]), (1, &json!("acknowledgement.given"), &json!("R-ST-1")));
            assert_eq!(event["data"]["related"], json!({ "person_id": caller.id(), "policy_version_id": version["id"] }));
            assert_eq!(event["data"]["actor_role"], role.to_string());
        }
        let pupils = with(school.attestation(&school.staff(), &version).await, json!({ "typed_name": "pupil Weald" }));
        for caller in [school.pupil(), school.service()] {
            caller.post(ACKNOWLEDGEMENTS, &pupils).await.is(403).problem("forbidden");
            caller.get(ACKNOWLEDGEMENTS).await.is(403).problem("forbidden");
        }
    }

    async fn nobody_acknowledges_for_somebody_else(school: School) {
        let (version, staff) = (school.version_in_force().await, school.staff());
        let of_staff = with(school.attestation(&staff, &version).await, json!({ "person_id": staff.id() }));
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        for caller in [school.headteacher(), school.second_staff(), school.leadership(), school.dpo()] {
            let refused = caller.post(ACKNOWLEDGEMENTS, &of_staff).await.is(403).problem("conflict_of_interest").violates(&["R-ST-1"]);
            assert_eq!(refused["violations"][0]["pointer"], "/person_id");
        }
        assert_eq!(listed(&school.headteacher(), "").await, [json!(null); 0]);
        staff.post(ACKNOWLEDGEMENTS, of_staff).await.is(201);
        let as_delegate = school.attestation(&school.leadership(), &version).await;
        let given = school.leadership().post(ACKNOWLEDGEMENTS, as_delegate).await.is(201);
        let log = school.dpo().get(format!("/v1/events?subject_id={}", given["id"].as_str().unwrap())).await.is(200);
        assert_eq!(log["items"][0]["data"]["actor_role"], "leadership_team", "for themselves, not for the head");
    }

    async fn read_understood_named_and_of_this_text(school: School) {
        let (version, parent) = (school.version_in_force().await, school.parent());
        let sound = school.attestation(&parent, &version).await;
        let say = |members: Value| parent.post(ACKNOWLEDGEMENTS, with(sound.clone(), members));
        for (members, pointer) in [
            (json!({ "read": false }), "/read"),
            (json!({ "understood": false }), "/understood"),
            (json!({ "typed_name": "parent_carer" }), "/typed_name"),
            (json!({ "typed_name": "staff Weald" }), "/typed_name"),
            (json!({ "content_hash": "0".repeat(64) }), "/content_hash"),
            (json!({ "content_hash": "x" }), "/content_hash"),
        ] {
            say(members).await.is(422).problem("policy_refused").violates(&["R-ST-1"]).points_at(&[(pointer, "R-ST-1")]);
        }
        say(json!({ "read": false, "understood": false, "typed_name": "X", "content_hash": "x" })).await.is(422)
            .points_at(&[("/read", "R-ST-1"), ("/understood", "R-ST-1"), ("/typed_name", "R-ST-1"), ("/content_hash", "R-ST-1")]);
        assert_eq!(listed(&parent, "").await, [json!(null); 0], "a refusal leaves no trace");
        say(json!({ "read": "yes" })).await.is(400).points_at(&[("/read", "wrong_type")]);
        say(json!({ "read": null })).await.is(400).points_at(&[("/read", "wrong_type")]);
        say(json!({ "person_id": null })).await.is(400).points_at(&[("/person_id", "wrong_type")]);
        say(json!({ "quiz": 10 })).await.is(400).points_at(&[("/quiz", "unknown_field")]);
        say(json!({ "typed_name": " " })).await.is(422).points_at(&[("/typed_name", "blank")]);
        say(json!({ "typed_name": "x".repeat(401) })).await.is(422).points_at(&[("/typed_name", "too_long")]);
        say(json!({ "content_hash": "0".repeat(65) })).await.is(422).points_at(&[("/content_hash", "too_long")]);
        parent.post(ACKNOWLEDGEMENTS, json!({ "policy_version_id": version["id"] })).await.is(400).points_at(&[("", "missing")]);
        let given = say(json!({ "typed_name": "  Parent_Carer   WEALD " })).await.is(201);
        assert_eq!(given["typed_name"], "Parent_Carer   WEALD", "as it was typed");
    }

    async fn only_the_version_in_force_can_be_acknowledged_and_the_refusal_names_it(school: School) {
        let (one, staff, dsl) = (school.version_in_force().await, school.staff(), school.dsl());
        let of_one = school.attestation(&staff, &one).await;
        staff.post(ACKNOWLEDGEMENTS, &of_one).await.is(201);
        let two = school.published_version(json!({})).await;
        for caller in [&staff, &school.second_staff()] {
            let of_one = school.attestation(caller, &one).await;
            let refused = caller.post(ACKNOWLEDGEMENTS, of_one).await.is(409).problem("policy_gate").violates(&["R-ST-1"]);
            assert_eq!(refused["violations"][0]["cure"], format!("Read and acknowledge version 2 ({}), which is.", two["id"].as_str().unwrap()));
        }
        let draft = school.draft_version(json!({})).await;
        dsl.post(ACKNOWLEDGEMENTS, school.attestation(&dsl, &draft).await).await.is(409).problem("policy_gate").violates(&["R-ST-1"]);
        let hidden = staff.post(ACKNOWLEDGEMENTS, school.attestation(&staff, &draft).await).await.is(422).problem("validation_failed");
        let nobody = staff.post(ACKNOWLEDGEMENTS, with(of_one, json!({ "policy_version_id": Uuid::now_v7() }))).await.is(422).points_at(&[("/policy_version_id", "unknown")]);
        assert_eq!(hidden["errors"], nobody["errors"], "a draft does not exist for staff");
        let media = school.headteacher().post("/v1/policies", json!({ "kind": "media", "title": "Media Policy" })).await.is(201);
        let first = school.headteacher().post(media.url("versions"), json!({})).await.is(201);
        let refused = dsl.post(ACKNOWLEDGEMENTS, school.attestation(&dsl, &first).await).await.is(409).violates(&["R-ST-1"]);
        assert_eq!(refused["violations"][0]["cure"], "Wait until the headteacher has published a version.");
    }

    async fn what_was_acknowledged_stays_readable_when_a_new_version_comes(school: School) {
        let staff = school.staff();
        let of_one = school.acknowledgement(&staff).await;
        school.published_version(json!({})).await;
        let of_two = school.acknowledgement(&staff).await;
        assert_eq!(of_two["number"], 2);
        for caller in [&staff, &school.headteacher(), &school.dpo()] {
            assert_eq!(caller.get(of_one.url("")).await.is(200).json(), of_one.json());
            assert_eq!(listed(caller, &format!("?person_id={}", staff.id())).await, [of_one["id"].clone(), of_two["id"].clone()], "oldest first");
        }
        staff.patch(of_one.url(""), json!({})).await.is(405);
        staff.delete(of_one.url("")).await.is(405);
        school.it_technician().delete(format!("/v1/people/{}", staff.id())).if_match("\"1\"").await.is(409).problem("in_use");
    }

    async fn the_headteacher_and_the_dpo_see_all_and_everyone_else_their_own(school: School) {
        let mut all = Vec::new();
        for role in Role::iter().filter(|role| !matches!(role, Role::Pupil | Role::MisIntegration)) {
            all.push((role, school.acknowledgement(&school.with_role(role)).await));
        }
        let ids: Vec<Value> = all.iter().map(|(_, given)| given["id"].clone()).collect();
        for (role, own) in &all {
            let caller = school.with_role(*role);
            if matches!(role, Role::Headteacher | Role::Dpo) {
                assert_eq!(listed(&caller, "").await, ids, "{role}");
            } else {
                assert_eq!(listed(&caller, "").await, [own["id"].clone()], "{role}");
                assert_eq!(listed(&caller, &format!("?person_id={}", school.headteacher().id())).await, [json!(null); 0]);
                caller.get(all[0].1.url("")).await.is(404).problem("not_found");
            }
        }
        let other = school.other_school().await;
        other.headteacher().get(all[0].1.url("")).await.is(404);
        assert_eq!(listed(&other.headteacher(), &format!("?policy_id={}", all[0].1["policy_id"].as_str().unwrap())).await, [json!(null); 0]);
    }

    async fn acknowledgements_are_filtered_and_read_page_by_page(school: School) {
        let head = school.headteacher();
        let (staff, parent) = (school.staff(), school.parent());
        let [one, two] = [school.acknowledgement(&staff).await, school.acknowledgement(&parent).await];
        school.published_version(json!({})).await;
        let three = school.acknowledgement(&staff).await;
        let id = |reply: &Reply, member: &str| reply[member].as_str().unwrap().to_owned();
        for (query, expected) in [
            (format!("?person_id={}", staff.id()), vec![&one, &three]),
            (format!("?person_id={}&person_id={}", staff.id(), parent.id()), vec![&one, &two, &three]),
            (format!("?policy_version_id={}", id(&one, "policy_version_id")), vec![&one, &two]),
            (format!("?policy_version_id={}&person_id={}", id(&three, "policy_version_id"), staff.id()), vec![&three]),
            (format!("?policy_id={}", id(&one, "policy_id")), vec![&one, &two, &three]),
            (format!("?policy_id={}", Uuid::now_v7()), vec![]),
        ] {
            let expected: Vec<Value> = expected.into_iter().map(|given| given["id"].clone()).collect();
            assert_eq!(listed(&head, &query).await, expected, "{query}");
        }
        let first = head.get(format!("{ACKNOWLEDGEMENTS}?limit=2")).await.is(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        assert_eq!(listed(&head, &format!("?limit=2&cursor={cursor}")).await, [three["id"].clone()]);
        head.get(format!("{ACKNOWLEDGEMENTS}?cursor={cursor}&person_id={}", staff.id())).await.is(400).problem("invalid_cursor");
        head.get(format!("{ACKNOWLEDGEMENTS}?person=x")).await.is(400).problem("malformed_query");
    }

    async fn sixteen_times_at_once_is_one_acknowledgement(school: School) {
        let staff = school.staff();
        let attestation = school.attestation(&staff, &school.version_in_force().await).await;
        let second = school.second_instance(|_| ());
        let replies = join_all((0..16).map(|number| {
            [&school, &second][number % 2].staff().post(ACKNOWLEDGEMENTS, &attestation).into_future()
        })).await;
        let of = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((of(201), of(200)), (1, 15), "{}", replies[0]);
        assert_eq!(listed(&staff, "").await.len(), 1);
    }

    async fn what_the_check_before_running_an_account_is_told(school: School) {
        let (head, staff, parent) = (school.headteacher(), school.staff(), school.parent());
        let (id, people) = (school.id, vec![staff.id(), parent.id()]);
        let told = async || {
            let people = people.clone();
            school.read(move |conn| acknowledged(conn, id, &people)).await
        };
        school.acknowledgement(&staff).await;
        school.acknowledgement(&head).await;
        let first = told().await;
        let [social_media] = &first.in_force[..] else { panic!("{first:?}") };
        assert_eq!((social_media.kind, social_media.number, social_media.acknowledged_from), (PolicyKind::SocialMedia, 1, 1));
        assert_eq!(social_media.acknowledged_by.iter().collect::<Vec<_>>(), [&staff.id()], "of those who were asked about");
        assert_eq!(first.depends_on, BTreeMap::from([(PolicyKind::SocialMedia, vec![PolicyKind::AupParent, PolicyKind::AupStaff, PolicyKind::ESafety])]));

        let acknowledged_at = school.now();
        school.clock_at("2026-01-20T10:00:00Z");
        school.published_version(json!({ "minor": true })).await;
        assert!(told().await.in_force[0].acknowledged_by.contains(&staff.id()), "a minor version keeps it");
        school.published_version(json!({})).await;
        let after = told().await;
        assert_eq!((after.in_force[0].number, after.in_force[0].acknowledged_from, after.in_force[0].published_at), (3, 3, school.now()));
        assert!(after.in_force[0].acknowledged_by.is_empty(), "a new one asks for it anew");
        assert_eq!(after.in_force[0].last_acknowledged_at, [(staff.id(), acknowledged_at)].into());
        school.acknowledgement(&parent).await;

        let agreement = head.post("/v1/policies", json!({ "kind": "aup_staff", "title": "Agreement" })).await.is(201);
        let draft = head.post(agreement.url("versions"), json!({ "clauses": [{ "id": "1", "title": "One", "text": "One." }] })).await.is(201);
        let draft = head.get(draft.header("location")).await.is(200);
        assert_eq!(told().await.in_force.len(), 1, "a draft is not in force");
        let review = head.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        head.post(draft.url("publish"), json!({})).if_match(review.etag()).await.is(200);
        let last = told().await;
        let published = last.in_force.iter().map(|one| one.kind).collect();
        let asked = |kind, roles: &[Role]| required(kind, roles, &last.depends_on, &published).into_iter().collect::<Vec<_>>();
        assert_eq!(asked(PersonKind::Staff, &[Role::Staff]), [PolicyKind::SocialMedia, PolicyKind::AupStaff]);
        assert_eq!(asked(PersonKind::ParentCarer, &[Role::ParentCarer]), [PolicyKind::SocialMedia]);
        let by = |kind| &last.in_force.iter().find(|one| one.kind == kind).unwrap().acknowledged_by;
        assert!(by(PolicyKind::SocialMedia).contains(&parent.id()) && by(PolicyKind::AupStaff).is_empty());
        assert_eq!(school.read(move |conn| acknowledged(conn, id, &[])).await.in_force.len(), 2);
    }
}
