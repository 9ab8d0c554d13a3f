//! External issuers: whom they let in and as what, which of their tokens are refused, and how their keys are asked for.

use std::future::IntoFuture;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use futures_util::future::Either;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use weald::db::schema::{people, person_roles};
use weald::policy::roles::Role;

use crate::support::issuer::{Issuer, Key};
use crate::support::{School, on_both_engines, with};

impl School {
    async fn leaves(&self, person: weald::db::types::PersonId, day: &str) {
        let (school, day) = (self.id, day.parse::<chrono::NaiveDate>().unwrap());
        self.write(move |tx| diesel::update(people::table.find((school, person))).set(people::left_on.eq(day)).execute(tx)).await;
    }
}

/// What an honest issuer's token does not say; `bait` is an address of somebody who listens.
fn wrong_claims(issuer: &str, bait: &str, now: i64) -> Vec<(&'static str, Value)> {
    vec![
        ("another issuer", json!({ "iss": "https://evil.example" })),
        ("another issuer that listens", json!({ "iss": bait.strip_suffix("/keys") })),
        ("the issuer with a slash", json!({ "iss": format!("{issuer}/") })),
        ("a list of issuers", json!({ "iss": [issuer, "https://evil.example"] })),
        ("weald itself as the issuer", json!({ "iss": "https://weald.example" })),
        ("no issuer", json!({ "iss": null })),
        ("another audience", json!({ "aud": "front-end" })),
        ("other audiences", json!({ "aud": ["front-end", "weald"] })),
        ("no audience", json!({ "aud": null })),
        ("an empty list of audiences", json!({ "aud": [] })),
        ("an audience that is no text", json!({ "aud": { "weald-api": true } })),
        ("no end", json!({ "exp": null })),
        ("an end that is no number", json!({ "exp": (now + 600).to_string() })),
        ("expired", json!({ "exp": now - 30 })),
        ("expired long ago", json!({ "exp": -1 })),
        ("not yet", json!({ "nbf": now + 31 })),
        ("never", json!({ "nbf": 1e300 })),
        ("a beginning that is no number", json!({ "nbf": "now" })),
        ("made tomorrow", json!({ "iat": now + 86_400 })),
        ("made at no time", json!({ "iat": true })),
        ("nobody", json!({ "sub": null })),
        ("nobody in particular", json!({ "sub": 7 })),
    ]
}

on_both_engines! {
    async fn somebody_with_a_verified_address_gets_in_as_what_the_school_says_they_are(school: School) {
        let key = Key::rs256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let school = school.trusting(&issuer.entry(&school, ""));
        let token = key.sign(&issuer.claims(&school));
        let bearer = school.bearer(&token);
        let draft = bearer.post("/v1/business-cases", school.complete_case()).await.is(201);
        assert_eq!(draft["proposer_id"], json!(school.staff().id()));
        bearer.post(draft.url("submit"), json!({})).if_match(draft.etag()).await.is(200);
        bearer.post(draft.url("approve"), json!({})).if_match("\"2\"").await.is(403).problem("forbidden");
        let said = school.dpo().get(format!("/v1/events?subject_id={}", draft["id"].as_str().unwrap())).await.is(200);
        assert_eq!((&said.items()[0]["data"]["client_id"], &said.items()[0]["data"]["actor_role"]), (&json!("oidc:front-end"), &json!("staff")));
        assert_eq!(issuer.asked(), 1);
    }

    async fn what_is_revoked_here_is_gone_with_the_next_request(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let school = school.trusting(&issuer.entry(&school, ""));
        let token = key.sign(&issuer.claims(&school));
        let bearer = school.bearer(&token);
        bearer.get("/v1/business-cases").await.is(200);
        let (id, staff) = (school.id, school.staff().id());
        school.write(move |tx| diesel::delete(person_roles::table.find((id, staff, Role::Staff))).execute(tx)).await;
        bearer.get("/v1/business-cases").await.is(403).problem("forbidden");
        school.leaves(staff, "2026-01-14").await;
        assert!(!school.admits(&token).await);
    }

    async fn somebody_is_found_by_external_id_or_by_an_address_that_is_verified_and_theirs_alone(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let school = school.trusting(&issuer.entry(&school, "person.email.domains = [\"Weald.example\"]"));
        let by_id = school.trusting(&issuer.entry(&school, "person.external_id = { source = \"directory\", claim = \"oid\" }"));
        let known = json!({ "external_source": "directory", "external_id": "d-7" });
        school.it_technician().patch(school.staff().url(""), known).if_match("\"1\"").await.is(200);
        let honest = issuer.claims(&school);
        let token = |changes: Value| key.sign(&with(honest.clone(), changes));
        assert!(by_id.admits(&token(json!({ "oid": "d-7", "email": null, "email_verified": null }))).await);
        for (why, changes) in [
            ("another id", json!({ "oid": "d-8" })),
            ("none", json!({})),
            ("an empty one", json!({ "oid": "" })),
            ("a list", json!({ "oid": ["d-7"] })),
            ("NUL", json!({ "oid": "d-7\0" })),
        ] {
            assert!(!by_id.admits(&token(changes)).await, "{why}");
        }
        assert!(school.admits(&token(json!({}))).await);
        for (why, changes) in [
            ("not verified", json!({ "email_verified": false })),
            ("verified in a word", json!({ "email_verified": "true" })),
            ("nothing said about it", json!({ "email_verified": null })),
            ("nobody's", json!({ "email": "nobody@weald.example" })),
            ("of another domain", json!({ "email": "staff@elsewhere.example" })),
            ("letters that only look the same", json!({ "email": "\u{17f}taff@weald.example" })),
            ("none", json!({ "email": null })),
            ("a list", json!({ "email": ["staff@weald.example"] })),
        ] {
            assert!(!school.admits(&token(changes)).await, "{why}");
        }
        let second = school.person("twin", &[Role::Staff]).await;
        let (id, twin) = (school.id, second.id());
        school.write(move |tx| diesel::update(people::table.find((id, twin))).set(people::email.eq("staff@weald.example")).execute(tx)).await;
        assert!(!school.admits(&token(json!({}))).await, "it is not known which of the two");
        school.leaves(twin, "2026-01-14").await;
        assert!(school.admits(&token(json!({}))).await, "one has left");
    }

    async fn addresses_that_an_issuer_does_not_verify_one_by_one_count_only_if_configured(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let school = school.trusting(&issuer.entry(&school, "person.email = { claim = \"upn\", always_verified = true, domains = [\"weald.example\"] }"));
        let claims = with(issuer.claims(&school), json!({ "upn": "staff@weald.example", "email_verified": null }));
        assert!(school.admits(&key.sign(&claims)).await);
        assert!(!school.admits(&key.sign(&with(claims, json!({ "upn": "staff@elsewhere.example" })))).await);
    }

    async fn the_school_is_the_one_that_the_claim_stands_for_and_no_other(school: School) {
        let other = school.other_school().await;
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let file = format!("school.by = {{ claim = \"hd\", values = {{ \"weald.example\" = \"{}\", \"other.example\" = \"{}\" }} }}", school.id, other.id);
        let school = school.trusting(&issuer.entry(&school, &file));
        let case = school.submitted_case().await;
        let of = |changes: Value| key.sign(&with(issuer.claims(&school), changes));
        school.bearer(&of(json!({ "hd": "weald.example" }))).get(case.url("")).await.is(200);
        school.bearer(&of(json!({ "hd": "other.example" }))).get(case.url("")).await.is(404).problem("not_found");
        for hd in [json!("third.example"), json!(null), json!(["weald.example"])] {
            assert!(!school.admits(&of(json!({ "hd": hd }))).await, "{hd}");
        }
        assert!(!school.admits(&of(json!({ "school": school.id, "school_id": school.id }))).await, "ours are not theirs to say");
    }

    async fn roles_are_what_the_school_grants_and_the_issuer_asserts(school: School) {
        const VALUES: &str = "claim = \"/access/roles\", values = { t = \"staff\", h = \"headteacher\", p = \"pupil\", it = \"it_technician\", l = \"leadership_team\" }";
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let rule = |more: &str| school.trusting(&issuer.entry(&school, &format!("roles = {{ {VALUES}{more} }}")));
        let (narrows, grants, privileged) = (rule(""), rule(", grants_roles = true"), rule(", grants_roles = true, privileged_roles = true"));
        let case = school.submitted_case().await;
        let reads = case.url("");
        let decides = case.url("approve");
        // Who, what the issuer says of them, and the answers: may they read, may they decide?
        for (at, who, asserted, read, decide) in [
            (&narrows, "staff", json!(["t"]), 200, 403),
            (&narrows, "staff", json!("t"), 200, 403),
            (&narrows, "staff", json!([]), 403, 403),
            (&narrows, "staff", json!(null), 403, 403),
            (&narrows, "staff", json!(["h", "x", 7]), 403, 403),
            (&narrows, "headteacher", json!(["h"]), 200, 412),
            (&narrows, "headteacher", json!(["t"]), 403, 403),
            (&narrows, "pupil", json!(["t"]), 403, 403),
            (&grants, "governor", json!(["t"]), 403, 403),
            (&grants, "dsl", json!(["t"]), 200, 403),
            (&grants, "staff", json!(["h"]), 403, 403),
            (&grants, "staff", json!(["t", "h"]), 200, 403),
            (&grants, "leadership_team", json!(["h"]), 403, 403),
            (&privileged, "leadership_team", json!(["h"]), 200, 412),
            (&privileged, "pupil", json!(["h", "t"]), 403, 403),
        ] {
            let claims = json!({ "email": format!("{who}@weald.example"), "access": { "roles": asserted } });
            let token = key.sign(&with(issuer.claims(&school), claims));
            let found = at.bearer(&token).get(&reads).await;
            assert_eq!(found.status, read, "{who} asserted to be {asserted}: {found}");
            // With a version that is not the case's: the one who may is told so.
            let answer = at.bearer(&token).post(&decides, json!({})).if_match("\"99\"").await;
            assert_eq!(answer.status, decide, "{who} asserted to be {asserted}: {answer}");
        }
    }

    async fn a_delegation_is_for_whom_the_school_made_a_leader(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let plain = school.trusting(&issuer.entry(&school, ""));
        let grants = school.trusting(&issuer.entry(&school, "roles = { claim = \"roles\", values = { l = \"leadership_team\" }, grants_roles = true }"));
        school.delegation(&school.leadership(), "2026-01-01", "2026-02-01").await;
        let case = school.submitted_case().await;
        let token = key.sign(&with(issuer.claims(&school), json!({ "email": "leadership_team@weald.example", "roles": ["l"] })));
        let decide = async |at: &School| at.bearer(&token).post(case.url("approve"), json!({})).if_match("\"99\"").await;
        decide(&plain).await.is(412);
        decide(&grants).await.is(412);
        let (id, leader) = (school.id, school.leadership().id());
        school.write(move |tx| diesel::delete(person_roles::table.find((id, leader, Role::LeadershipTeam))).execute(tx)).await;
        decide(&grants).await.is(403);
        grants.bearer(&token).get(case.url("")).await.is(200);
    }

    async fn a_token_that_names_permissions_of_ours_carries_no_others(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let school = school.trusting(&issuer.entry(&school, ""));
        for (scope, drafts) in [
            (json!({ "scope": "openid profile" }), 201),
            (json!({ "scope": "openid business-cases:read" }), 403),
            (json!({ "scp": ["business-cases:read"] }), 403),
            (json!({ "scope": "business-cases:read business-cases:propose business-cases:decide" }), 201),
        ] {
            let token = key.sign(&with(issuer.claims(&school), scope.clone()));
            let drafted = school.bearer(&token).post("/v1/business-cases", school.complete_case()).await;
            assert_eq!(drafted.status, drafts, "{scope}: {drafted}");
        }
        let token = key.sign(&with(issuer.claims(&school), json!({ "scope": "business-cases:decide" })));
        let case = school.submitted_case().await;
        school.bearer(&token).post(case.url("approve"), json!({})).if_match(case.etag()).await.is(403);
    }

    async fn no_forged_token_is_accepted_and_nothing_is_fetched_for_one(school: School) {
        let (rsa, ec, stranger) = (Key::rs256("rsa"), Key::es256("ec"), Key::es256("ec"));
        // What its key set says does not fit: an RSA key for another algorithm, a key to encrypt with, a secret, a key without a name.
        let other = |key: &Key, id: &str, members: Value| Key { id: id.into(), public: with(key.public.clone(), members), ..key.clone() };
        let ps = other(&rsa, "ps", json!({ "kid": "ps", "alg": "PS256" }));
        let enc = other(&ec, "enc", json!({ "kid": "enc", "use": "enc" }));
        let ops = other(&ec, "ops", json!({ "kid": "ops", "key_ops": ["deriveKey"] }));
        let nameless = other(&ec, "", json!({ "kid": null }));
        let secret = Key { id: "oct".into(), algorithm: Algorithm::HS256, signer: EncodingKey::from_secret(b"a shared secret"), public: json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode("a shared secret") }) };
        let issuer = Issuer::with_keys(&[&rsa, &ec, &ps, &enc, &ops, &nameless, &secret]);
        let school = school.trusting(&issuer.entry(&school, ""));
        let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        trap.set_nonblocking(true).unwrap();
        let bait = format!("http://{}/keys", trap.local_addr().unwrap());
        let (claims, now) = (issuer.claims(&school), school.now().timestamp());
        for key in [&rsa, &ec] {
            assert!(school.admits(&key.sign(&claims)).await, "the forge itself works: {}", key.id);
        }
        let header = |key: &Key, members: Value| with(key.header(), members);
        let signed = |header: Value| ec.sign_with(&header, &claims);
        let unsigned = |header: Value| signed(header).rsplit_once('.').unwrap().0.to_owned() + ".";
        let hmac = |bytes: &[u8], of: &Key| {
            let key = Key { signer: EncodingKey::from_secret(bytes), algorithm: Algorithm::HS256, ..of.clone() };
            key.sign_with(&header(&key, json!({})), &claims)
        };
        let decoded = |key: &Key, member: &str| URL_SAFE_NO_PAD.decode(key.public[member].as_str().unwrap()).unwrap();
        let point = [vec![4], decoded(&ec, "x"), decoded(&ec, "y")].concat();
        let mut forged = vec![
            ("no algorithm", unsigned(header(&ec, json!({ "alg": "none" })))),
            ("no algorithm, otherwise written", unsigned(header(&ec, json!({ "alg": "NoNe" })))),
            ("an algorithm that there is not", signed(header(&ec, json!({ "alg": "XX1" })))),
            ("no signature", unsigned(ec.header())),
            ("another's signature under our key's name", stranger.sign(&claims)),
            ("the public RSA key as a secret", hmac(&decoded(&rsa, "n"), &rsa)),
            ("the public key set as a secret", hmac(rsa.public.to_string().as_bytes(), &rsa)),
            ("the public point as a secret", hmac(&point, &ec)),
            ("a secret out of the key set", secret.sign(&claims)),
            ("an RSA key's name on an EC signature", signed(header(&ec, json!({ "kid": "rsa" })))),
            ("an RSA key for another algorithm", Key { id: "ps".into(), ..rsa.clone() }.sign(&claims)),
            ("an algorithm that is not configured", Key { algorithm: Algorithm::PS256, ..rsa.clone() }.sign(&claims)),
            ("an RSA key under an EC algorithm", rsa.sign_with(&header(&rsa, json!({ "alg": "ES256" })), &claims)),
            ("a key to encrypt with", enc.sign(&claims)),
            ("a key for something else", ops.sign(&claims)),
            ("no key's name", signed(json!({ "alg": "ES256", "typ": "at+jwt" }))),
            ("an empty name", signed(header(&ec, json!({ "kid": "" })))),
            ("a name that is a path", signed(header(&ec, json!({ "kid": "../../../dev/null" })))),
            ("a name that is a query", signed(header(&ec, json!({ "kid": "' OR 1=1 --" })))),
            ("a name that is no text", signed(header(&ec, json!({ "kid": 7 })))),
            ("another kind of token", signed(header(&ec, json!({ "typ": "logout+jwt" })))),
            ("a kind that is no text", signed(header(&ec, json!({ "typ": [] })))),
            ("something that has to be understood", signed(header(&ec, json!({ "crit": ["b64"], "b64": false })))),
            ("keys elsewhere (jku)", stranger.sign_with(&header(&stranger, json!({ "kid": "new", "jku": bait })), &claims)),
            ("a certificate elsewhere (x5u)", stranger.sign_with(&header(&stranger, json!({ "kid": "new", "x5u": bait })), &claims)),
            ("a key in the token itself", stranger.sign_with(&header(&stranger, json!({ "jwk": stranger.public })), &claims)),
            ("a certificate in the token itself", stranger.sign_with(&header(&stranger, json!({ "x5c": ["AAAA"] })), &claims)),
            ("one part", "x".to_owned()),
            ("five parts", format!("{}.x.y", ec.sign(&claims))),
            ("nothing but dots", "..".to_owned()),
            ("no JSON", "AAAA.AAAA.AAAA".to_owned()),
            ("much too long", ec.sign(&with(claims.clone(), json!({ "x": "y".repeat(20_000) }))).repeat(2)),
        ];
        for (why, members) in wrong_claims(&issuer.url, &bait, now) {
            forged.push((why, ec.sign(&with(claims.clone(), members))));
        }
        let parts = ec.sign(&claims);
        let parts: Vec<&str> = parts.split('.').collect();
        let changed = URL_SAFE_NO_PAD.encode(with(claims.clone(), json!({ "email": "headteacher@weald.example" })).to_string());
        forged.push(("other claims under an honest signature", format!("{}.{changed}.{}", parts[0], parts[2])));
        for (why, token) in forged {
            assert!(!school.admits(&token).await, "{why}");
        }
        for (why, good) in [
            ("a second within the leeway", json!({ "exp": now - 29, "iat": now - 600 })),
            ("a clock that is a little ahead", json!({ "nbf": now + 30, "iat": now + 30 })),
            ("one audience of several", json!({ "aud": ["front-end", "weald-api"] })),
            ("fractions of seconds", json!({ "exp": 1e12 + 0.5 })),
        ] {
            assert!(school.admits(&ec.sign(&with(claims.clone(), good))).await, "{why}");
        }
        let plain = ec.sign_with(&json!({ "alg": "ES256", "kid": "ec" }), &claims);
        assert!(school.admits(&plain).await, "without a kind it is a JWT");
        assert!(school.admits(&signed(header(&ec, json!({ "typ": "application/AT+JWT", "jku": bait, "x5u": bait })))).await, "an honest token may say where keys are; nobody looks");
        assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody came for keys");
        assert_eq!(issuer.asked(), 2, "all these names of keys are one question");
    }

    async fn keys_are_asked_for_at_most_once_a_minute_and_by_one_at_a_time(school: School) {
        let (old, new, newer) = (Key::es256("old"), Key::es256("new"), Key::es256("newer"));
        let issuer = Issuer::with_keys(&[&old]);
        let school = school.trusting(&issuer.entry(&school, ""));
        let claims = issuer.claims(&school);
        assert_eq!(issuer.asked(), 0, "nobody is asked before there is a token");
        let tokens: Vec<String> = (0..16).map(|number| old.sign(&with(claims.clone(), json!({ "jti": number })))).collect();
        let admitted = futures_util::future::join_all(tokens.iter().map(|token| school.admits(token))).await;
        assert!(admitted.into_iter().all(|admitted| admitted));
        assert_eq!(issuer.asked(), 1);

        issuer.show_keys(&[&old, &new]);
        assert!(school.admits(&new.sign(&claims)).await, "a new key is picked up");
        assert!(school.admits(&old.sign(&claims)).await);
        assert_eq!(issuer.asked(), 2);
        issuer.show_keys(&[&old, &new, &newer]);
        school.clock_at("2026-01-14T10:00:59Z");
        for _ in 0..5 {
            assert!(!school.admits(&newer.sign(&claims)).await, "asked in this minute already");
        }
        assert_eq!(issuer.asked(), 2);
        school.clock_at("2026-01-14T10:01:00Z");
        assert!(school.admits(&newer.sign(&claims)).await);
        assert_eq!(issuer.asked(), 3);
        school.clock_at("2026-01-14T10:02:00Z");
        for id in ["x", "y", "z"] {
            assert!(!school.admits(&Key { id: id.into(), ..new.clone() }.sign(&claims)).await);
        }
        assert_eq!(issuer.asked(), 4, "unknown names are one question a minute");
        school.clock_at("2026-01-14T09:30:00Z");
        assert!(!school.admits(&Key { id: "x".into(), ..new.clone() }.sign(&issuer.claims(&school))).await);
        assert_eq!(issuer.asked(), 5, "a clock that is put back does not stop it");
    }

    async fn a_key_that_the_issuer_has_taken_back_is_dead_within_the_hour(school: School) {
        let (old, new) = (Key::es256("old"), Key::es256("new"));
        let issuer = Issuer::with_keys(&[&old]);
        let school = school.trusting(&issuer.entry(&school, ""));
        let token = old.sign(&with(issuer.claims(&school), json!({ "exp": school.now().timestamp() + 86_400 })));
        assert!(school.admits(&token).await);
        issuer.show_keys(&[&new]);
        school.clock_at("2026-01-14T10:59:59Z");
        assert!(school.admits(&token).await);
        assert_eq!(issuer.asked(), 1);
        school.clock_at("2026-01-14T11:00:00Z");
        assert!(!school.admits(&token).await, "although it was found good before");
        // Another key under the old one's name.
        issuer.show_keys(&[&Key { public: with(new.public.clone(), json!({ "kid": "old" })), ..new.clone() }]);
        school.clock_at("2026-01-14T11:01:00Z");
        assert!(!school.admits(&token).await);
        assert_eq!(issuer.asked(), 3);
    }

    async fn an_issuer_that_is_out_of_reach_keeps_nobody_out_for_a_day(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        issuer.change(|shown| shown.down = true);
        let school = school.trusting(&issuer.entry(&school, ""));
        let token = || key.sign(&issuer.claims(&school));
        assert_eq!(school.answer(&token()).await, 503);
        school.staff().get("/v1/business-cases").await.is(200);
        issuer.change(|shown| shown.down = false);
        school.clock_at("2026-01-14T10:01:00Z");
        assert!(school.admits(&token()).await);
        issuer.change(|shown| shown.down = true);
        for (time, answer) in [("2026-01-14T12:00:00Z", 200), ("2026-01-15T10:00:59Z", 200), ("2026-01-15T10:02:00Z", 503)] {
            school.clock_at(time);
            assert_eq!(school.answer(&token()).await, answer, "{time}");
        }
        assert_eq!(issuer.asked(), 5);
        issuer.change(|shown| shown.down = false);
        school.clock_at("2026-01-15T10:03:00Z");
        assert!(school.admits(&token()).await);
    }

    async fn an_issuer_that_does_not_answer_holds_up_nobody_else(school: School) {
        let (key, other_key) = (Key::es256("a"), Key::es256("a"));
        let (issuer, other) = (Issuer::with_keys(&[&key]), Issuer::with_keys(&[&other_key]));
        let school = school.trusting(&[issuer.entry(&school, ""), other.entry(&school, "")].concat());
        issuer.change(|shown| shown.hangs = true);
        let token = key.sign(&issuer.claims(&school));
        let others = async {
            while issuer.asked() == 0 {
                school.staff().get("/v1/business-cases").await.is(200);
            }
            assert!(school.admits(&other_key.sign(&other.claims(&school))).await);
        };
        let waits = futures_util::future::join_all((0..8).map(|_| school.answer(&token)));
        match futures_util::future::select(std::pin::pin!(waits), std::pin::pin!(others)).await {
            Either::Right(((), waits)) => assert_eq!(waits.await, [503; 8], "given up after a while, all at once"),
            Either::Left(_) => panic!("somebody else was held up"),
        }
        assert_eq!(school.answer(&token).await, 503);
        assert_eq!(issuer.asked(), 1, "and not asked again at once");
        issuer.change(|shown| shown.hangs = false);
        school.clock_at("2026-01-14T10:01:00Z");
        assert_eq!(school.answer(&token).await, 200);
        issuer.change(|shown| shown.hangs = true);
        school.clock_at("2026-01-14T12:00:00Z");
        assert_eq!(school.answer(&key.sign(&issuer.claims(&school))).await, 200, "its key is known, though old");
    }

    async fn a_stream_ends_when_the_token_does_or_its_bearer_leaves(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let account = school.active_account().await.json().clone();
        let school = school.trusting(&issuer.entry(&school, ""));
        let claims = with(issuer.claims(&school), json!({ "email": "headteacher@weald.example" }));
        let address = "/v1/events/stream?after=latest&type=comment.logged";
        let log = async || {
            let comment = json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": "2026-01-14T09:00:00Z" });
            school.service().post("/v1/comments", comment).await.is(201)["id"].clone()
        };
        let token = key.sign(&claims);
        let mut stream = school.bearer(&token).get(address).stream().await;
        let first = log().await;
        assert_eq!(stream.next().await.unwrap().1["subject"], first);
        school.clock_at("2026-01-14T10:10:30Z");
        log().await;
        assert_eq!(stream.next().await, None, "the token has expired");

        let token = key.sign(&with(claims, json!({ "exp": school.now().timestamp() + 600 })));
        let mut stream = school.bearer(&token).get(address).stream().await;
        school.leaves(school.headteacher().id(), "2026-01-14").await;
        log().await;
        assert_eq!(stream.next().await, None, "the headteacher has left");
    }

    async fn what_an_issuer_says_of_its_keys_has_to_be_sound(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let good = json!({ "issuer": issuer.url, "jwks_uri": format!("{}/keys", issuer.url) });
        let keys = json!({ "keys": [key.public] }).to_string();
        let mut times = 0;
        for (why, discovery, keys, admitted) in [
            ("another issuer's name", json!({ "issuer": "https://evil.example" }), keys.clone(), false),
            ("nobody's name", json!({ "issuer": null }), keys.clone(), false),
            ("keys in a file", json!({ "jwks_uri": "file:///etc/passwd" }), keys.clone(), false),
            ("keys without TLS elsewhere", json!({ "jwks_uri": "http://192.0.2.1/keys" }), keys.clone(), false),
            ("no place for the keys", json!({ "jwks_uri": null }), keys.clone(), false),
            ("no keys", json!({}), json!({ "keys": [] }).to_string(), false),
            ("no JSON", json!({}), "<html>".into(), false),
            ("too much", json!({}), json!({ "keys": [key.public], "x": "y".repeat(300_000) }).to_string(), false),
            ("too deep", json!({}), "[".repeat(100_000), false),
            ("keys that are not understood beside one that is", json!({}), json!({ "keys": [7, {}, { "kty": "new" }, { "kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB" }, key.public] }).to_string(), true),
        ] {
            let at = school.trusting(&issuer.entry(&school, ""));
            issuer.change(|shown| (shown.discovery, shown.keys) = (with(good.clone(), discovery), keys));
            assert_eq!(at.answer(&key.sign(&issuer.claims(&school))).await, if admitted { 200 } else { 503 }, "{why}");
            times += 1;
            assert_eq!(issuer.asked(), times, "{why}");
        }
        issuer.change(|shown| (shown.discovery, shown.keys, shown.moved) = (good, keys, true));
        assert_eq!(school.trusting(&issuer.entry(&school, "")).answer(&key.sign(&issuer.claims(&school))).await, 503, "elsewhere");
        assert_eq!(issuer.asked(), times + 1);
    }

    async fn of_whom_two_issuers_vouch_each_is_believed_for_its_own(school: School) {
        let (key, other_key) = (Key::es256("a"), Key::es256("a"));
        let (issuer, other) = (Issuer::with_keys(&[&key]), Issuer::with_keys(&[&other_key]));
        let school = school.trusting(&[issuer.entry(&school, ""), other.entry(&school, "")].concat());
        assert!(school.admits(&key.sign(&issuer.claims(&school))).await);
        assert!(school.admits(&other_key.sign(&other.claims(&school))).await);
        assert!(!school.admits(&other_key.sign(&issuer.claims(&school))).await);
        assert!(school.admits(&school.staff().token().await).await, "and weald's own tokens go on");
        let metadata = school.anonymous().get("/.well-known/oauth-protected-resource").await.is(200);
        assert_eq!(metadata["authorization_servers"], json!(["https://weald.example", issuer.url, other.url]));
    }

    async fn without_a_configuration_no_issuer_is_believed_or_asked(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        assert!(!school.admits(&key.sign(&issuer.claims(&school))).await);
        assert_eq!(issuer.asked(), 0);
        let reply = school.anonymous().get("/v1/business-cases").await.is(401);
        assert_eq!(reply.header("www-authenticate"), r#"Bearer realm="weald""#, "there was no token to be wrong");
        let metadata = school.anonymous().get("/.well-known/oauth-protected-resource").await.is(200);
        assert_eq!(metadata["authorization_servers"], json!(["https://weald.example"]));
    }

    async fn the_requests_of_each_person_are_counted_for_themselves(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issuers.toml");
        std::fs::write(&path, issuer.entry(&school, "")).unwrap();
        let school = school.second_instance(|service| {
            service.issuers = Some(path);
            service.rate_limit = 2.try_into().unwrap();
        });
        let (one, other) = (key.sign(&issuer.claims(&school)), key.sign(&with(issuer.claims(&school), json!({ "sub": "u-2" }))));
        let get = |token: &str| school.bearer(token).get("/v1/business-cases").into_future();
        get(&one).await.is(200);
        get(&one).await.is(200);
        get(&one).await.is(429);
        get(&other).await.is(200);
    }

    async fn a_repeated_request_is_told_from_the_same_of_another_client(school: School) {
        let key = Key::es256("a");
        let issuer = Issuer::with_keys(&[&key]);
        let school = school.trusting(&issuer.entry(&school, ""));
        let draft = async |token: String| school.bearer(&token).post("/v1/business-cases", school.complete_case()).idempotency_key("once").await.is(201)["id"].clone();
        let by = |client: &str| key.sign(&with(issuer.claims(&school), json!({ "azp": client })));
        let first = draft(by("weald")).await;
        assert_eq!(draft(by("weald")).await, first);
        assert_ne!(draft(by("other")).await, first);
        assert_ne!(draft(school.staff().token().await).await, first, "a client of theirs that is named like ours is not ours");
    }

    async fn who_can_act_for_the_school_is_readdressed_by_those_who_may_invite_them(school: School) {
        let takeover = json!({ "email": "it@weald.example" });
        for change in [takeover.clone(), json!({ "external_source": "directory", "external_id": "me" })] {
            for caller in [school.it_technician(), school.service()] {
                caller.patch(school.headteacher().url(""), change.clone()).if_match("\"1\"").await.is(403).problem("forbidden");
                caller.patch(school.leadership().url(""), change.clone()).if_match("\"1\"").await.is(403).problem("forbidden");
            }
        }
        school.it_technician().patch(school.headteacher().url(""), json!({ "given_name": "Ada" })).if_match("\"1\"").await.is(200);
        school.it_technician().patch(school.staff().url(""), takeover.clone()).if_match("\"1\"").await.is(200);
        school.headteacher().patch(school.dsl().url(""), takeover).if_match("\"1\"").await.is(200);
        let mis = json!({ "external_source": "mis", "external_id": "1" });
        school.headteacher().patch(school.headteacher().url(""), mis).if_match("\"2\"").await.is(200);
        let items = |email: &str| json!({ "items": [{ "external_source": "mis", "external_id": "1", "given_name": "Ada", "family_name": "Low", "kind": "staff", "email": email }] });
        for (email, status) in [("it@weald.example", 403), ("headteacher@weald.example", 200)] {
            let reply = school.service().post("/v1/people/batch", items(email)).idempotency_key(email).await.is(207);
            assert_eq!(reply["results"][0]["status"], status, "{reply}");
        }
    }
}

#[test]
fn the_examples_in_the_documentation_are_configurations() {
    let page = include_str!("../../docs/single-sign-on.md");
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 2, "Entra and Google");
    for example in examples {
        let issuers = weald::access::issuers::config::parse(example, "https://weald.example");
        assert!(!issuers.unwrap_or_else(|why| panic!("{why}\n{example}")).is_empty());
    }
}
