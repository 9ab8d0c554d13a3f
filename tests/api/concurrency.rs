//! Many at once: one decision is made, and nobody is told otherwise.

use std::collections::BTreeSet;
use std::future::IntoFuture;

use futures_util::future::join_all;
use serde_json::json;
use weald::events::chain;
use weald::policy::roles::Role;

use crate::support::{School, on_both_engines};

/// Counts by status.
fn statuses(replies: &[crate::support::caller::Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

on_both_engines! {
    async fn of_sixteen_who_approve_one_version_one_does(school: School) {
        let case = school.submitted_case().await;
        let instances = [school.second_instance(|_| ()), school.second_instance(|_| ())];
        let replies = join_all((0..16).map(|number| {
            let school = &instances[number % 2];
            school.headteacher().post(case.url("approve"), json!({})).if_match(case.etag()).into_future()
        })).await;
        assert_eq!((statuses(&replies, 200), statuses(&replies, 409) + statuses(&replies, 412)), (1, 15), "{}", replies[0]);
        let approved = school.headteacher().get(case.url("")).await.is(200);
        assert_eq!(approved["version"], 3);
    }

    async fn of_sixteen_who_edit_one_version_one_does(school: School) {
        let case = school.draft().await;
        let replies = join_all((0..16).map(|number| {
            school.staff().patch(case.url(""), json!({ "name": format!("Club {number}") })).if_match(case.etag()).into_future()
        })).await;
        assert_eq!((statuses(&replies, 200), statuses(&replies, 412)), (1, 15));
        let won = replies.iter().find(|reply| reply.status == 200).unwrap();
        assert_eq!(school.staff().get(case.url("")).await.json(), won.json());
    }

    async fn sixteen_who_write_at_once_are_all_in_the_log_which_has_no_gap(school: School) {
        let other = school.other_school().await;
        let second = school.second_instance(|_| ());
        let replies = join_all((0..48).map(|number| {
            let school = [&school, &second, &other][number % 3];
            school.staff().post("/v1/business-cases", json!({ "name": format!("Club {number}") })).into_future()
        })).await;
        assert_eq!(statuses(&replies, 201), 48);
        let ids: BTreeSet<&str> = replies.iter().map(|reply| reply["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 48);
        for (school, drafted) in [(&school, 32), (&other, 16)] {
            let id = school.id;
            let length = school.read(move |conn| chain::verify(conn, id)).await;
            assert_eq!(length, Ok(4 + drafted), "four for the school, its policy and its procedure, one for each draft");
        }
    }

    async fn a_page_read_while_others_write_is_never_refused(school: School) {
        let staff = school.staff();
        let writes = join_all((0..32).map(|number| staff.post("/v1/business-cases", json!({ "name": format!("Club {number}") })).into_future()));
        let reads = join_all((0..32).map(|_| staff.get("/v1/business-cases").into_future()));
        let (written, read) = futures_util::future::join(writes, reads).await;
        assert_eq!((statuses(&written, 201), statuses(&read, 200)), (32, 32));
    }

    async fn two_roles_who_decide_at_once_do_not_both(school: School) {
        let case = school.submitted_case().await;
        let head = school.person("co_head", &[Role::Headteacher]).await;
        let (one, two) = (school.headteacher(), head);
        let approve = one.post(case.url("approve"), json!({})).if_match(case.etag()).into_future();
        let reject = two.post(case.url("reject"), json!({ "reason": "There is one already." })).if_match(case.etag()).into_future();
        let (approved, rejected) = futures_util::future::join(approve, reject).await;
        assert_eq!(statuses(&[approved, rejected], 200), 1);
    }
}
