//! What the policy advises, for everyone to read (BEH-1, APX, DO, DONT).

use serde_json::json;
use strum::IntoEnumIterator;
use weald::policy::roles::Role;

use crate::support::{School, on_both_engines};

on_both_engines! {
    async fn everyone_with_a_token_reads_the_guidance_in_the_policys_order(school: School) {
        for role in Role::iter() {
            let all = school.with_role(role).get("/v1/guidance").await.is(200);
            let codes: Vec<&str> = all["items"].as_array().unwrap().iter().map(|piece| piece["code"].as_str().unwrap()).collect();
            assert_eq!((codes.len(), codes[0], codes[10], codes[25]), (26, "APX-1", "DO-1", "DONT-6"), "{role}");
        }
        school.anonymous().get("/v1/guidance").await.is(401);
    }

    async fn a_kind_is_read_by_itself_and_page_by_page(school: School) {
        let pupil = school.pupil();
        let donts = pupil.get("/v1/guidance?kind=dont&limit=4").await.is(200);
        assert_eq!(donts["items"][0], json!({ "code": "DONT-1", "kind": "dont", "text": "Make comments, post content or link to materials that will bring the school into disrepute" }));
        assert_eq!(donts["items"].as_array().unwrap().len(), 4);
        let cursor = donts["next_cursor"].as_str().unwrap();
        let rest = pupil.get(format!("/v1/guidance?kind=dont&limit=4&cursor={cursor}")).await.is(200);
        let codes: Vec<_> = rest["items"].as_array().unwrap().iter().map(|piece| piece["code"].clone()).collect();
        assert_eq!((codes, rest.json().get("next_cursor")), (vec![json!("DONT-5"), json!("DONT-6")], None));
        pupil.get(format!("/v1/guidance?kind=do&cursor={cursor}")).await.is(400).problem("invalid_cursor");
        pupil.get("/v1/guidance?kind=maybe").await.is(400).problem("malformed_query");
        let two = pupil.get("/v1/guidance?kind=do&kind=guidance").await.is(200);
        assert_eq!(two["items"].as_array().unwrap().len(), 20);
    }
}
