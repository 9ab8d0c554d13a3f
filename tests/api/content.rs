//! LEG-1, DO-6: others' works are used with a right to do so. TONE-2: the tone fits the platform. IMG-5, A19: what was
//! taken by accident is deleted at once, and what may be a crime to hold is left alone.

use diesel::prelude::*;
use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;
use weald::policy::roles::Role;

use crate::support::caller::{Caller, Reply};
use crate::support::{School, on_both_engines, with};

const PERMISSIONS: &str = "/v1/content-permissions";
const GUIDES: &str = "/v1/style-guides";
const IMAGES: &str = "/v1/accidental-images";

impl School {
    /// A permission that somebody recorded, with some members replaced.
    pub async fn content_permission(&self, by: &Caller<'_>, members: Value) -> Reply {
        by.post(PERMISSIONS, work(members)).await.is(201)
    }

    /// A picture that somebody took by accident and noticed ten minutes ago, with some members replaced.
    pub async fn accidental_image(&self, by: &Caller<'_>, members: Value) -> Reply {
        by.post(IMAGES, picture(members)).await.is(201)
    }

    async fn overdue_images(&self, reader: &Caller<'_>) -> usize {
        weald::jobs::run_all(self.state()).await.unwrap();
        reader.get("/v1/events?type=accidental_image.overdue").await.is(200).items().len()
    }
}

fn work(members: Value) -> Value {
    let work = json!({
        "work": "The green", "rights_holder": "A. Villager", "basis": "licence", "licence": "cc_by_4_0", "attribution_text": "Photo: A. Villager",
    });
    with(work, members)
}

/// A work on another basis.
fn on_basis(basis: &str, members: Value) -> Value {
    with(json!({ "work": "The green", "rights_holder": "A. Villager", "basis": basis }), members)
}

fn picture(members: Value) -> Value {
    let picture = json!({
        "taken_at": "2026-01-14T09:40:00Z", "noticed_at": "2026-01-14T09:50:00Z", "description": "Canary changing.", "possibly_illegal": false,
        "places": places(),
    });
    with(picture, members)
}

fn places() -> Value {
    json!([{ "place": "device", "detail": "Tablet 3" }, { "place": "cloud_backup" }])
}

async fn told(who: &Caller<'_>) -> Vec<Value> {
    who.get("/v1/notifications").await.is(200).each("event_type").into_iter().cloned().collect()
}

on_both_engines! {
    async fn each_basis_says_what_it_rests_on(school: School) {
        let record = async |body: Value| school.staff().post(PERMISSIONS, body).await;
        for (body, clause, pointer) in [
            (on_basis("licence", json!({})), "LEG-1", "/licence"),
            (on_basis("own", json!({ "licence": "cc0_1_0" })), "LEG-1", "/licence"),
            (on_basis("exception", json!({})), "LEG-1", "/exception"),
            (on_basis("permission", json!({})), "LEG-1", "/evidence"),
            (on_basis("licence", json!({ "licence": "cc_by_4_0" })), "DO-6", "/attribution_text"),
            (on_basis("licence", json!({ "licence": "ogl_3_0" })), "DO-6", "/attribution_text"),
        ] {
            let refused = record(body).await.is(422).problem("policy_refused").violates(&[clause]).points_at(&[(pointer, clause)]);
            assert!(!refused["violations"][0]["cure"].as_str().unwrap().is_empty(), "{refused}");
        }
        for body in [
            on_basis("own", json!({})),
            on_basis("public_domain", json!({})),
            on_basis("exception", json!({ "exception": "quotation" })),
            on_basis("permission", json!({ "evidence": "Letter of 3 January" })),
            on_basis("licence", json!({ "licence": "public_domain_mark" })),
            work(json!({ "expires_on": "2026-01-14", "granted_on": "2026-01-14", "scope": ["x", "facebook", "x"] })),
        ] {
            let made = record(body).await.is(201);
            assert_eq!((&made["state"], &made["allowed_actions"], &made["granted_on"]), (&json!("in_force"), &json!(["withdraw"]), &json!("2026-01-14")));
            assert_eq!(school.headteacher().get(made.url("")).await.is(200).json(), made.json());
        }
        record(work(json!({ "attribution_text": " " }))).await.is(422).points_at(&[("/attribution_text", "blank")]);
        record(work(json!({ "licence": "cc_by_3_0" }))).await.is(400).points_at(&[("/licence", "unknown_value")]);
        record(work(json!({ "scope": ["myspace"] }))).await.is(400);
        record(work(json!({ "granted_on": "2026-01-15" }))).await.is(422).points_at(&[("/granted_on", "in_the_future")]);
        record(work(json!({ "expires_on": "2026-01-13" }))).await.is(422).points_at(&[("/expires_on", "before_granted")]);
        let page = school.dsl().get(PERMISSIONS).await.is(200);
        assert_eq!((page.items().len(), &page.items()[5]["scope"], &page.items()[0]["scope"]), (6, &json!(["facebook", "x"]), &json!([])));
    }

    async fn a_permission_holds_through_its_last_local_day(school: School) {
        school.clock_at("2026-07-01T10:00:00Z");
        let (head, last) = (school.headteacher(), school.content_permission(&school.staff(), json!({ "expires_on": "2026-07-10" })).await);
        let endless = school.content_permission(&school.it_technician(), json!({})).await;
        let valid = async |day: &str| head.get(format!("{PERMISSIONS}?valid_on={day}")).await.is(200).each("id").into_iter().cloned().collect::<Vec<_>>();
        school.clock_at("2026-07-10T22:59:59Z"); // One second before midnight in London.
        assert_eq!(head.get(last.url("")).await.is(200)["state"], "in_force");
        school.clock_at("2026-07-10T23:00:00Z");
        let expired = head.get(last.url("")).header("if-none-match", last.etag()).await.is(200);
        assert_eq!((&expired["state"], expired.etag()), (&json!("expired"), "\"1.expired\""));
        assert_eq!(valid("2026-07-10").await, [last["id"].clone(), endless["id"].clone()]);
        assert_eq!((valid("2026-07-11").await, valid("2026-06-30").await), (vec![endless["id"].clone()], vec![]));
        head.post(endless.url("withdraw"), json!({ "reason": "It is sold." })).if_match(endless.etag()).await.is(200);
        assert_eq!((valid("2026-07-10").await.len(), valid("2026-07-11").await), (2, vec![]), "withdrawn on the 11th");
        head.get(format!("{PERMISSIONS}?valid_on=yesterday")).await.is(400);
        let first = head.get(format!("{PERMISSIONS}?limit=1")).await.is(200);
        assert_eq!(head.get(format!("{PERMISSIONS}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200).each("id"), [&endless["id"]]);
    }

    async fn who_recorded_a_permission_or_the_head_withdraws_it_once(school: School) {
        let (staff, head) = (school.staff(), school.headteacher());
        let reason = json!({ "reason": "Canary reason." });
        let made = school.content_permission(&staff, json!({})).await;
        for other in [school.second_staff(), school.it_technician(), school.leadership(), school.dsl()] {
            assert_eq!(other.get(made.url("")).await.is(200)["allowed_actions"], json!([]));
            other.post(made.url("withdraw"), &reason).if_match("\"1\"").await.is(403).problem("conflict_of_interest").violates(&["LEG-1"]);
        }
        staff.post(made.url("withdraw"), &reason).await.is(428);
        staff.post(made.url("withdraw"), &reason).if_match("\"7\"").await.is(412);
        staff.post(made.url("withdraw"), json!({ "reason": " " })).if_match("\"1\"").await.is(422).points_at(&[("/reason", "blank")]);
        let gone = staff.post(made.url("withdraw"), &reason).if_match(made.etag()).await.is(200);
        assert_eq!((&gone["state"], &gone["allowed_actions"], &gone["withdrawn_by"]), (&json!("withdrawn"), &json!([]), &json!(staff.id())));
        head.post(made.url("withdraw"), &reason).if_match(gone.etag()).await.is(409).problem("state_conflict");
        let second = school.content_permission(&staff, json!({})).await;
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        school.leadership().post(second.url("withdraw"), &reason).if_match(second.etag()).await.is(200);
        let log = head.get("/v1/events?subject_type=content_permission").await.is(200);
        assert_eq!(log.each("type"), ["recorded", "withdrawn", "recorded", "withdrawn"].map(|word| json!(format!("content_permission.{word}"))).iter().collect::<Vec<_>>());
        assert!(!log.text.contains("Canary") && !log.text.contains("Villager"), "{log}");
        for other in [school.parent(), school.volunteer(), school.pupil(), school.governor(), school.service(), school.dpo()] {
            other.get(PERMISSIONS).await.is(403);
            other.post(PERMISSIONS, work(json!({}))).await.is(403);
            other.get("/v1/licences").await.is(403);
        }
    }

    async fn what_each_licence_asks_can_be_read(school: School) {
        let all = school.staff().get("/v1/licences").await.is(200);
        assert_eq!(all.items().len(), 9);
        let terms = all.items().iter().find(|one| one["licence"] == "cc_by_nc_sa_4_0").unwrap();
        assert_eq!(
            terms,
            &json!({
                "licence": "cc_by_nc_sa_4_0", "title": "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
                "url": "https://creativecommons.org/licenses/by-nc-sa/4.0/", "attribution_required": true, "adaptations_allowed": true,
                "share_alike": true, "commercial_use_allowed": false,
            })
        );
        let first = school.staff().get("/v1/licences?limit=8").await.is(200);
        let rest = school.staff().get(format!("/v1/licences?cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!(rest.each("licence"), ["public_domain_mark"]);
    }

    async fn everybody_reads_in_which_tone_the_school_writes(school: School) {
        for role in Role::iter() {
            let caller = school.with_role(role);
            let facebook = caller.get(format!("{GUIDES}/facebook")).await.is(200);
            assert_eq!((&facebook["tone_keywords"], &facebook["version"]), (&json!(["engaging", "conversational", "informative", "friendly"]), &json!(1)), "{role}");
            let linkedin = caller.get(format!("{GUIDES}/linkedin")).await.is(200);
            assert!(!linkedin["tone_keywords"].as_array().unwrap().contains(&json!("friendly")), "{role}");
            let all = caller.get(GUIDES).await.is(200);
            assert_eq!((all.items().len(), &all.items()[0]["platform"], &all.items()[11]["platform"]), (12, &json!("facebook"), &json!("other")), "{role}");
        }
        school.anonymous().get(GUIDES).await.is(401);
        school.staff().get(format!("{GUIDES}/myspace")).await.is(404);
        let first = school.pupil().get(format!("{GUIDES}?limit=11")).await.is(200);
        let rest = school.pupil().get(format!("{GUIDES}?limit=11&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
        assert_eq!(rest.each("platform"), ["other"]);
    }

    async fn the_head_changes_the_tone_and_what_was_before_stays_on_record(school: School) {
        use weald::db::schema::style_guides;
        let (head, other) = (school.headteacher(), school.other_school().await);
        let (url, new) = (format!("{GUIDES}/linkedin"), json!({ "tone_keywords": ["canary", "short"], "text": "Canary text." }));
        for caller in [school.leadership(), school.staff(), school.it_technician(), school.dsl(), school.chair(), school.service()] {
            caller.put(&url, &new).if_match("\"1\"").await.is(403).problem("forbidden");
        }
        head.put(&url, &new).await.is(428);
        head.put(&url, &new).if_match("\"2\"").await.is(412);
        head.put(format!("{GUIDES}/myspace"), &new).if_match("\"1\"").await.is(404);
        let put = async |members: Value| head.put(&url, with(new.clone(), members)).if_match("\"1\"").await;
        put(json!({ "tone_keywords": [] })).await.is(422).points_at(&[("/tone_keywords", "length")]);
        put(json!({ "tone_keywords": vec!["x"; 21] })).await.is(422);
        put(json!({ "tone_keywords": ["fine", " "] })).await.is(422).points_at(&[("/tone_keywords/1", "blank")]);
        put(json!({ "text": " " })).await.is(422).points_at(&[("/text", "blank")]);
        put(json!({ "version": 7 })).await.is(400);
        let changed = put(json!({})).await.is(200);
        assert_eq!((&changed["version"], &changed["tone_keywords"], &changed["changed_by"]), (&json!(2), &json!(["canary", "short"]), &json!(head.id())));
        put(json!({})).await.is(412);
        school.delegation(&school.leadership(), "2026-01-14", "2026-01-14").await;
        let again = school.leadership().put(&url, json!({ "tone_keywords": ["canary", "short"], "text": "Other." })).if_match(changed.etag()).await.is(200);
        assert_eq!(school.pupil().get(&url).await.is(200).json(), again.json());
        assert_eq!(school.pupil().get(GUIDES).await.is(200).items()[3], *again.json());
        assert_eq!(other.headteacher().get(&url).await.is(200)["version"], 1);
        let kept: Vec<(i64, String)> =
            school.read(|conn| style_guides::table.order(style_guides::version).select((style_guides::version, style_guides::text)).load(conn)).await;
        assert_eq!(kept, [(2, "Canary text.".to_owned()), (3, "Other.".to_owned())]);
        let log = head.get("/v1/events?type=style_guide.changed").await.is(200);
        let fields: Vec<&Value> = log.items().iter().map(|event| &event["data"]["changed"]).collect();
        assert_eq!((fields, log.each("subject")), (vec![&json!(["tone_keywords", "text"]), &json!(["text"])], vec![&changed["id"], &again["id"]]));
        assert!(!log.text.to_lowercase().contains("canary"), "{log}");
    }

    async fn a_picture_is_reported_and_deleted_at_once(school: School) {
        let (staff, head) = (school.staff(), school.headteacher());
        let image = school.accidental_image(&staff, json!({})).await;
        assert_eq!((&image["state"], &image["allowed_actions"], &image["guidance"]), (&json!("to_delete"), &json!(["record_deletion"]), &json!([])));
        let deletion = |members: Value| with(json!({ "deleted_at": "2026-01-14T10:00:00Z", "places": places(), "witness_id": school.second_staff().id() }), members);
        let delete = |members: Value| staff.post(image.url("record-deletion"), deletion(members)).if_match(image.etag());
        staff.post(image.url("record-deletion"), deletion(json!({}))).await.is(428);
        staff.post(image.url("record-deletion"), deletion(json!({}))).if_match("\"7\"").await.is(412);
        let refused = delete(json!({ "places": [{ "place": "device", "detail": "Tablet 3" }] })).await.is(422);
        let refused = refused.problem("policy_refused").violates(&["IMG-5"]).points_at(&[("/places", "IMG-5")]);
        assert!(refused["violations"][0]["cure"].as_str().unwrap().ends_with(": cloud_backup."), "{refused}");
        delete(json!({ "places": [] })).await.is(422).points_at(&[("/places", "length")]);
        delete(json!({ "places": [{ "place": "attic" }] })).await.is(400);
        delete(json!({ "witness_id": staff.id() })).await.is(422).violates(&["IMG-5"]).points_at(&[("/witness_id", "IMG-5")]);
        delete(json!({ "witness_id": Uuid::now_v7() })).await.is(422).points_at(&[("/witness_id", "unknown")]);
        delete(json!({ "deleted_at": "2026-01-14T09:45:00Z" })).await.is(422).points_at(&[("/deleted_at", "out_of_order")]);
        delete(json!({ "deleted_at": "2026-01-14T10:10:00Z" })).await.is(422).points_at(&[("/deleted_at", "in_the_future")]);
        let gone = delete(json!({})).await.is(200);
        assert_eq!((&gone["state"], &gone["immediate"], &gone["allowed_actions"]), (&json!("deleted"), &json!(true), &json!([])));
        assert_eq!((&gone["deleted_places"], &gone["witness_id"]), (&places(), &json!(school.second_staff().id())));
        staff.post(image.url("record-deletion"), deletion(json!({}))).if_match(gone.etag()).await.is(409).problem("state_conflict");
        assert_eq!(head.get(image.url("")).await.is(200).json(), gone.json());
        let log = head.get(format!("/v1/events?subject_id={}", image["incident_id"].as_str().unwrap())).await.is(200);
        assert_eq!(log.each("type"), ["incident.reported", "accidental_image.reported", "accidental_image.deleted"]);
        assert!(!log.text.contains("Canary") && !log.text.contains(&staff.id().to_string()), "the log does not say who reported it: {log}");
        assert_eq!(log.items()[1]["data"]["related"], json!({ "accidental_image_id": image["id"] }));
    }

    async fn a_picture_that_is_deleted_hours_later_was_not_deleted_immediately(school: School) {
        let image = school.accidental_image(&school.volunteer(), json!({ "noticed_at": "2026-01-14T09:45:00Z" })).await;
        school.clock_at("2026-01-14T10:15:00Z");
        assert_eq!(school.volunteer().get(image.url("")).await.is(200)["overdue"], false);
        school.clock_at("2026-01-14T13:00:00Z");
        let late = school.volunteer().get(image.url("")).header("if-none-match", image.etag()).await.is(200);
        assert_eq!((&late["overdue"], late.json().get("immediate")), (&json!(true), None));
        let gone = school.headteacher().post(image.url("record-deletion"), json!({ "places": places() })).if_match(late.etag()).await.is(200);
        assert_eq!((&gone["immediate"], &gone["overdue"], &gone["deleted_at"]), (&json!(false), &json!(false), &json!("2026-01-14T13:00:00Z")));
        let same = json!({ "deleted_at": "2026-01-14T10:20:00Z", "witness_id": school.staff().id() });
        let at_once = school.accidental_image(&school.dsl(), same).await;
        assert_eq!((&at_once["state"], &at_once["immediate"], &at_once["deleted_places"]), (&json!("deleted"), &json!(true), &places()));
        let lists = async |query: &str| school.headteacher().get(format!("{IMAGES}?{query}")).await.is(200).items().len();
        assert_eq!((lists("deleted=true").await, lists("deleted=false").await, lists("limit=1").await), (2, 0, 1));
    }

    async fn a_report_of_a_picture_is_refused_for_what_is_wrong_with_it(school: School) {
        let report = async |members: Value| school.staff().post(IMAGES, picture(members)).await;
        report(json!({ "taken_at": "2026-01-14T09:51:00Z" })).await.is(422).points_at(&[("/noticed_at", "out_of_order")]);
        report(json!({ "noticed_at": "2026-01-14T10:10:00Z" })).await.is(422).points_at(&[("/noticed_at", "in_the_future")]);
        report(json!({ "deleted_at": "2026-01-14T09:49:00Z" })).await.is(422).points_at(&[("/deleted_at", "out_of_order")]);
        report(json!({ "witness_id": school.staff().id() })).await.is(422).violates(&["IMG-5"]);
        report(json!({ "witness_id": school.other_school().await.staff().id() })).await.is(422).points_at(&[("/witness_id", "unknown")]);
        report(json!({ "description": " " })).await.is(422).points_at(&[("/description", "blank")]);
        report(json!({ "places": [] })).await.is(422);
        report(json!({ "places": [["device", "x"]] })).await.is(400);
        for caller in [school.parent(), school.pupil(), school.governor(), school.service()] {
            caller.post(IMAGES, picture(json!({}))).await.is(403);
        }
        // No picture in any form.
        for member in ["file", "image", "attachment", "content", "url", "thumbnail"] {
            report(json!({ member: "data:image/jpeg;base64,/9j/4AAQSkZJRg==" })).await.is(400).points_at(&[(&format!("/{member}"), "unknown_field")]);
        }
        report(json!({ "places": [{ "place": "device", "image": "x" }] })).await.is(400).points_at(&[("/places/0/image", "unknown_field")]);
        for kind in ["image/jpeg", "image/png", "multipart/form-data; boundary=x", "application/octet-stream"] {
            school.staff().send(reqwest::Method::POST, IMAGES).body(kind, picture(json!({})).to_string()).await.is(415);
        }
        assert_eq!(school.headteacher().get("/v1/incidents").await.is(200).items().len(), 0, "no trace");
        assert_eq!(school.headteacher().get(IMAGES).await.is(200).items().len(), 0);
    }

    async fn a_picture_opens_an_incident_that_others_lead(school: School) {
        let (staff, head) = (school.staff(), school.headteacher());
        let image = school.accidental_image(&staff, json!({})).await;
        let url = format!("/v1/incidents/{}", image["incident_id"].as_str().unwrap());
        let incident = head.get(&url).await.is(200);
        assert_eq!((&incident["category"], &incident["capacity"], &incident["self_reported"]), (&json!("accidental_image"), &json!("lead"), &json!(true)));
        assert_eq!((&incident["occurred_at"], &incident["discovered_at"]), (&image["taken_at"], &image["noticed_at"]));
        assert_eq!(staff.get(&url).await.is(200)["capacity"], "reporter");
        assert_eq!((told(&head).await, told(&school.dsl()).await), (vec![json!("incident.reported")], vec![json!("incident.reported")]));
        for other in [school.second_staff(), school.it_technician(), school.leadership(), school.chair(), school.dpo(), school.other_school().await.headteacher()] {
            other.get(image.url("")).await.is(404);
            assert_eq!(other.get(IMAGES).await.is(200).items().len(), 0);
        }
        assert_eq!(school.dsl().get(IMAGES).await.is(200).each("id"), [&image["id"]]);
        // The headteacher's own goes to the chair of governors, and is no secret to the headteacher, who reported it (R-HT-3).
        let own = school.accidental_image(&head, json!({})).await;
        let incident = school.chair().get(format!("/v1/incidents/{}", own["incident_id"].as_str().unwrap())).await.is(200);
        assert_eq!((&incident["lead_role"], &incident["capacity"]), (&json!("chair_of_governors"), &json!("lead")));
        assert_eq!(head.get(own.url("")).await.is(200)["allowed_actions"], json!(["record_deletion"]));
        school.chair().get(own.url("")).await.is(200);
    }

    async fn what_may_be_a_crime_to_hold_is_left_alone_and_both_safeguarding_leads_are_told(school: School) {
        let (staff, deputy, dsl) = (school.staff(), school.with_role(Role::DeputyDsl), school.dsl());
        let image = school.accidental_image(&staff, json!({ "possibly_illegal": true })).await;
        assert_eq!(image["guidance"], json!(["stop", "do_not_copy_image", "tell_safeguarding_lead"]));
        assert_eq!((&image["state"], &image["allowed_actions"]), (&json!("with_safeguarding"), &json!([])), "the reporter is not asked to delete it");
        let url = format!("/v1/incidents/{}", image["incident_id"].as_str().unwrap());
        for (caller, capacity) in [(&dsl, "safeguarding"), (&deputy, "involved"), (&school.headteacher(), "lead")] {
            assert_eq!(caller.get(&url).await.is(200)["capacity"], capacity);
            assert_eq!(caller.get(&url).await["category"], "nudes_semi_nudes");
            assert_eq!(told(caller).await, ["incident.reported"]);
            caller.get(image.url("")).await.is(200);
        }
        let deletion = json!({ "places": places() });
        let refused = staff.post(image.url("record-deletion"), &deletion).if_match(image.etag()).await.is(403);
        refused.problem("conflict_of_interest").violates(&["IMG-5"]);
        deputy.post(image.url("record-deletion"), &deletion).if_match(image.etag()).await.is(403).violates(&["IMG-5"]);
        school.clock_at("2026-01-16T10:00:00Z");
        assert_eq!(school.overdue_images(&school.headteacher()).await, 0, "it is not asked for");
        assert_eq!(staff.get(image.url("")).await.is(200)["overdue"], false);
        dsl.post(image.url("record-deletion"), &deletion).if_match(image.etag()).await.is(200);
        // The safeguarding lead's own goes to the deputy.
        let own = school.accidental_image(&dsl, json!({ "possibly_illegal": true, "taken_at": "2026-01-16T09:00:00Z", "noticed_at": "2026-01-16T09:30:00Z" })).await;
        dsl.post(own.url("record-deletion"), &deletion).if_match(own.etag()).await.is(403).violates(&["IMG-5"]);
        assert_eq!(deputy.get(own.url("")).await.is(200)["allowed_actions"], json!(["record_deletion"]));
    }

    async fn a_picture_that_stays_is_overdue_once_and_the_head_is_told(school: School) {
        let (head, staff) = (school.headteacher(), school.staff());
        let image = school.accidental_image(&staff, json!({})).await;
        school.accidental_image(&staff, json!({ "deleted_at": "2026-01-14T09:55:00Z" })).await;
        school.clock_at("2026-01-14T10:20:00Z");
        assert_eq!(school.overdue_images(&head).await, 0, "exactly half an hour is in time");
        school.clock_at("2026-01-14T10:20:01Z");
        assert_eq!((school.overdue_images(&head).await, school.overdue_images(&head).await), (1, 1));
        assert_eq!(told(&head).await.iter().filter(|kind| **kind == "accidental_image.overdue").count(), 1);
        let events = head.get("/v1/events?type=accidental_image.overdue").await.is(200);
        assert_eq!((&events.items()[0]["subject"], &events.items()[0]["data"]["related"]["accidental_image_id"]), (&image["incident_id"], &image["id"]));
        // The headteacher's own: the chair, who leads, is told too.
        let own = school.accidental_image(&head, json!({})).await;
        assert_eq!(school.overdue_images(&head).await, 2);
        assert_eq!((told(&head).await[0].clone(), told(&school.chair()).await[0].clone()), (json!("accidental_image.overdue"), json!("accidental_image.overdue")));
        assert_eq!(own["overdue"], true);
    }

    async fn a_picture_whose_incident_comes_to_be_hidden_from_the_head_is_gone_for_the_head(school: School) {
        let (head, chair, staff) = (school.headteacher(), school.chair(), school.staff());
        let image = school.accidental_image(&staff, json!({})).await;
        let url = format!("/v1/incidents/{}", image["incident_id"].as_str().unwrap());
        let deletion = || head.post(image.url("record-deletion"), json!({ "places": places() })).if_match(image.etag()).idempotency_key("again");
        let seen = head.get(&url).await.is(200);
        let body = json!({ "subjects": [{ "person_id": head.id() }] });
        head.post(format!("{url}/change-subjects"), body).if_match(seen.etag()).await.is(200);
        school.clock_at("2026-01-14T12:00:00Z");
        assert_eq!(school.overdue_images(&head).await, 0);
        assert_eq!((told(&head).await, told(&chair).await), (vec![], vec![json!("accidental_image.overdue"), json!("incident.reported")]));
        for reply in [head.get(image.url("")).await, deletion().await] {
            reply.is(404).problem("not_found");
        }
        assert_eq!(head.get(IMAGES).await.is(200).items().len(), 0);
        assert!(!head.get("/v1/events?limit=200").await.is(200).text.contains(image["id"].as_str().unwrap()));
        assert_eq!(chair.get(image.url("")).await.is(200)["allowed_actions"], json!(["record_deletion"]));
        assert_eq!(staff.get(image.url("")).await.is(200)["allowed_actions"], json!(["record_deletion"]));
        chair.post(image.url("record-deletion"), json!({ "places": places() })).if_match(image.etag()).await.is(200);
        school.anonymous().get("/metrics").await.is(200).text.lines().for_each(|line| assert!(!line.contains("accidental"), "{line}"));
    }
}
