//! A page costs the same however many rows there are: each list walks an index that has its order.

use std::marker::PhantomData;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Integer, Text};
use weald::db::types::{CommentId, MonitoringCheckId};
use weald::db::{Conn, MultiBackend};
use weald::page::Window;
use weald::resources::accounts::rows as accounts;
use weald::resources::comments::CommentState;
use weald::resources::comments::rows::{self, CommentRow, Filter, Key, Order, Sight};
use weald::resources::monitoring::rows::{self as checks, CheckRow};

use crate::support::{School, on_both_engines};

/// Asks an engine how it would run a query: in its words, and with its columns.
struct Explained<Q, Row>(&'static str, Q, PhantomData<Row>);

impl<Q: QueryFragment<MultiBackend>, Row> QueryFragment<MultiBackend> for Explained<Q, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(self.0);
        self.1.walk_ast(out)
    }
}

impl<Q, Row> QueryId for Explained<Q, Row> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, Row> Query for Explained<Q, Row> {
    type SqlType = Row;
}

impl<Q, Row> RunQueryDsl<Conn> for Explained<Q, Row> {}

fn plan(conn: &mut Conn, query: impl QueryFragment<MultiBackend>) -> QueryResult<String> {
    let lines: Vec<String> = if matches!(conn, Conn::Sqlite(_)) {
        let explained = Explained("EXPLAIN QUERY PLAN ", query, PhantomData::<(Integer, Integer, Integer, Text)>);
        explained.load::<(i32, i32, i32, String)>(conn)?.into_iter().map(|row| row.3).collect()
    } else {
        // Few rows are quicker sorted than walked in order; what is asked is whether there is a walk at all.
        conn.batch_execute("SET enable_sort = off; SET enable_bitmapscan = off; SET enable_seqscan = off")?;
        Explained("EXPLAIN ", query, PhantomData::<Text>).load(conn)?
    };
    Ok(lines.join("\n"))
}

/// Fills the queue with copies of one comment, a minute apart; all but every tenth are closed.
fn fill(tx: &mut Conn) -> QueryResult<()> {
    let model: CommentRow = weald::db::schema::comments::table.select(CommentRow::as_select()).first(tx)?;
    for minute in 1..3_000_i64 {
        let at = model.due_at + chrono::Duration::minutes(minute);
        let closed = minute % 10 != 0;
        let row = CommentRow {
            id: CommentId::new(),
            state: if closed { CommentState::Closed } else { CommentState::Received },
            is_open: !closed,
            awaits_response: !closed,
            due_at: at,
            updated_at: at,
            ..model.clone()
        };
        rows::insert(tx, &row)?;
    }
    diesel::sql_query("ANALYZE").execute(tx)?;
    Ok(())
}

/// Fills the list with copies of the checks of two accounts, a minute apart.
fn fill_checks(tx: &mut Conn) -> QueryResult<()> {
    let models: Vec<CheckRow> = weald::db::schema::monitoring_checks::table.select(CheckRow::as_select()).load(tx)?;
    for (minute, model) in (1..2_000_i64).zip(models.iter().cycle()) {
        let checked_at = model.checked_at + chrono::Duration::minutes(minute);
        checks::insert(tx, &CheckRow { id: MonitoringCheckId::new(), checked_at, ..model.clone() }, &[])?;
    }
    diesel::sql_query("ANALYZE").execute(tx)?;
    Ok(())
}

on_both_engines! {
    async fn every_order_of_the_queue_walks_an_index(school: School) {
        let account = school.active_account().await;
        let comment = serde_json::json!({ "account_id": account["id"], "kind": "comment", "author_anonymous": true, "text": "Hello.", "received_at": school.now() });
        school.staff().post("/v1/comments", comment).await.is(201);
        school.write(fill).await;
        let (id, staff, now) = (school.id, school.staff().id(), school.now());
        let account = school.read(|conn| weald::db::schema::accounts::table.select(weald::db::schema::accounts::id).first(conn)).await;
        let open = Filter { open: Some(true), ..Filter::default() };
        let of_one = Filter { accounts: vec![account], ..open.clone() };
        let overdue = Filter { overdue: Some((true, now + chrono::Duration::days(2))), ..Filter::default() };
        for (filter, order, index) in [
            (open.clone(), Order::Due, "comments_open_by_due"),
            (Filter { states: vec![CommentState::Received, CommentState::Acknowledged], ..Filter::default() }, Order::Due, "comments_open_by_due"),
            (overdue, Order::Due, "comments_awaiting_by_due"),
            (Filter::default(), Order::Due, "comments_by_due"),
            (Filter::default(), Order::Updated, "comments_by_update"),
            (of_one, Order::Due, "_by_due"),
        ] {
            for sight in [Sight::All, Sight::Managed(staff)] {
                for after in [None, Some::<Key>((now, CommentId::new()))] {
                    let mut window = Window::<Key>::new(None, None, &"").unwrap();
                    window.after = after;
                    let filter = filter.clone();
                    let plan = school.read(move |conn| plan(conn, rows::listing(id, sight, &filter, order, &window).select(CommentRow::as_select()))).await;
                    assert!(plan.contains(index), "{index} is not walked:\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan on comments"), "rows are sorted:\n{plan}");
                }
            }
        }
    }

    async fn every_filter_of_the_acknowledgements_walks_an_index(school: School) {
        use weald::db::types::{AcknowledgementId, PolicyId, PolicyVersionId};
        use weald::resources::acknowledgements::rows::{AcknowledgementRow, Filter, Sight, listing};
        school.acknowledgement(&school.staff()).await;
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let (id, staff, parent) = (school.id, school.staff().id(), school.parent().id());
        for filter in [
            Filter::default(),
            Filter { people: vec![staff], ..Filter::default() },
            Filter { people: vec![staff, parent], ..Filter::default() },
            Filter { policies: vec![PolicyId::new()], ..Filter::default() },
            Filter { versions: vec![PolicyVersionId::new()], ..Filter::default() },
        ] {
            for sight in [Sight::All, Sight::Own(staff)] {
                for after in [None, Some(AcknowledgementId::new())] {
                    let mut window = Window::<AcknowledgementId>::new(None, None, &"").unwrap();
                    window.after = after;
                    let filter = filter.clone();
                    let plan = school.read(move |conn| plan(conn, listing(id, sight, &filter, &window).select(AcknowledgementRow::as_select()))).await;
                    assert!(plan.to_lowercase().contains("index"), "no index is walked:\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "rows are sorted:\n{plan}");
                }
            }
        }
    }

    async fn every_filter_of_the_mentions_walks_an_index(school: School) {
        use weald::db::types::{AccountId, MentionId, MentionSweepId};
        use weald::policy::mentions::Sentiment;
        use weald::resources::mentions::MentionState;
        use weald::resources::mentions::rows::{Filter, MentionRow, Sight, listing};
        school.mention(&school.staff(), serde_json::json!({})).await;
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let (id, staff) = (school.id, school.staff().id());
        for filter in [
            Filter::default(),
            Filter { states: vec![MentionState::Captured], ..Filter::default() },
            Filter { sentiments: vec![Sentiment::Negative, Sentiment::Mixed], ..Filter::default() },
            Filter { accounts: vec![AccountId::new()], ..Filter::default() },
            Filter { sweeps: vec![MentionSweepId::new()], ..Filter::default() },
        ] {
            for sight in [Sight::All, Sight::Own(staff)] {
                for after in [None, Some(MentionId::new())] {
                    let mut window = Window::<MentionId>::new(None, None, &"").unwrap();
                    window.after = after;
                    let filter = filter.clone();
                    let plan = school.read(move |conn| plan(conn, listing(id, sight, &filter, &window).select(MentionRow::as_select()))).await;
                    assert!(plan.to_lowercase().contains("index"), "no index is walked:\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "rows are sorted:\n{plan}");
                }
            }
        }
    }

    async fn every_list_of_checks_walks_an_index(school: School) {
        for account in [school.active_account().await, school.active_account().await] {
            school.staff().post("/v1/monitoring-checks", serde_json::json!({ "account_id": account["id"] })).await.is(201);
        }
        school.write(fill_checks).await;
        let (id, staff, now) = (school.id, school.staff().id(), school.now());
        let account = school.read(|conn| weald::db::schema::accounts::table.select(weald::db::schema::accounts::id).first(conn)).await;
        for (of, index) in [(vec![], "monitoring_checks_by_time"), (vec![account], "_by_time")] {
            for sight in [accounts::Sight::All, accounts::Sight::Own(staff)] {
                for after in [None, Some::<checks::Key>((now, MonitoringCheckId::new()))] {
                    let mut window = Window::<checks::Key>::new(None, None, &"").unwrap();
                    window.after = after;
                    let filter = checks::Filter { accounts: of.clone(), ..checks::Filter::default() };
                    let plan = school.read(move |conn| plan(conn, checks::listing(id, sight, &filter, &window).select(CheckRow::as_select()))).await;
                    assert!(plan.contains(index), "{index} is not walked:\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan on monitoring_checks"), "rows are sorted:\n{plan}");
                }
            }
        }
    }

    async fn every_list_of_handovers_and_exit_records_walks_an_index(school: School) {
        use weald::db::types::{AccountId, ExitRecordId, HandoverId};
        use weald::resources::exit_records::rows::{self as exits, ExitRecordRow};
        use weald::resources::handovers::HandoverState;
        use weald::resources::handovers::rows::{self as handovers, HandoverRow};
        school.handover().await;
        school.exit_record(&school.governor()).await;
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let (id, staff) = (school.id, school.staff().id());
        let check = |plan: String| {
            assert!(plan.to_lowercase().contains("index"), "no index is walked:\n{plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "rows are sorted:\n{plan}");
        };
        for filter in [
            handovers::Filter::default(),
            handovers::Filter { states: vec![HandoverState::Open], ..handovers::Filter::default() },
            handovers::Filter { accounts: vec![AccountId::new()], ..handovers::Filter::default() },
        ] {
            for sight in [accounts::Sight::All, accounts::Sight::Own(staff)] {
                for after in [None, Some(HandoverId::new())] {
                    let mut window = Window::<HandoverId>::new(None, None, &"").unwrap();
                    window.after = after;
                    let filter = filter.clone();
                    check(school.read(move |conn| plan(conn, handovers::listing(id, sight, &filter, &window).select(HandoverRow::as_select()))).await);
                }
            }
        }
        for sight in [exits::Sight::All, exits::Sight::Own(staff)] {
            for person in [None, Some(staff)] {
                let window = Window::<ExitRecordId>::new(None, None, &"").unwrap();
                check(school.read(move |conn| plan(conn, exits::listing(id, sight, person, &window).select(ExitRecordRow::as_select()))).await);
            }
        }
    }

    async fn every_list_of_the_registers_walks_an_index(school: School) {
        use weald::db::types::{ContactDeclarationId, ContactExceptionId, WorkplaceMonitoringId};
        use weald::policy::contact::ContactExceptionState;
        use weald::resources::contact_declarations::rows::{self as declarations, ContactDeclarationRow};
        use weald::resources::contact_exceptions::rows::{self as exceptions, ContactExceptionRow};
        use weald::resources::workplace_monitoring::rows::{self as monitoring, MonitoringRow};
        school.workplace_monitoring().await;
        school.contact_exception(&school.staff()).await;
        school.staff().post("/v1/contact-declarations", serde_json::json!({ "no_contact": true })).await.is(201);
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let (id, staff) = (school.id, school.staff().id());
        let check = |plan: String| {
            assert!(plan.to_lowercase().contains("index"), "no index is walked:\n{plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "rows are sorted:\n{plan}");
        };
        let window = Window::<WorkplaceMonitoringId>::new(None, None, &"").unwrap();
        check(school.read(move |conn| plan(conn, monitoring::listing(id, &window).select(MonitoringRow::as_select()))).await);
        for sight in [exceptions::Sight::All, exceptions::Sight::Heads(staff), exceptions::Sight::Own(staff)] {
            for states in [vec![], vec![ContactExceptionState::Requested]] {
                let window = Window::<ContactExceptionId>::new(None, None, &"").unwrap();
                check(school.read(move |conn| plan(conn, exceptions::listing(id, sight, &states, &window).select(ContactExceptionRow::as_select()))).await);
            }
        }
        for sight in [declarations::Sight::All, declarations::Sight::Own(staff)] {
            let window = Window::<ContactDeclarationId>::new(None, None, &"").unwrap();
            check(school.read(move |conn| plan(conn, declarations::listing(id, sight, &window).select(ContactDeclarationRow::as_select()))).await);
        }
    }

    async fn every_list_of_what_was_checked_and_published_walks_an_index(school: School) {
        use weald::db::types::{ConsentId, PublicationCheckId, PublicationId, TakedownId};
        use weald::policy::consent::Purpose;
        use weald::policy::publication::{CheckState, TakedownState};
        use weald::resources::consents::rows::{self as consents, ConsentRow};
        use weald::resources::publication_checks::CheckSight;
        use weald::resources::publication_checks::rows::{self as checked, CheckRow};
        use weald::resources::publications::rows::{self as published, PublicationRow};
        use weald::resources::takedowns::rows::{self as takedowns, TakedownRow};
        let account = school.active_account().await;
        let child = school.child_of(&school.parent(), "year_1").await;
        let notice = school.notice("school_social_media").await;
        school.said(&school.parent(), &child, &notice, "given", serde_json::json!({})).await.is(201);
        school.published(&account, &[&child]).await;
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let (id, staff, parent) = (school.id, school.staff().id(), school.parent().id());
        let check = |plan: String| {
            assert!(plan.to_lowercase().contains("index"), "no index is walked:\n{plan}");
            assert!(!plan.contains("TEMP B-TREE FOR ORDER") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "rows are sorted:\n{plan}");
        };
        for sight in [consents::Sight::All, consents::Sight::Own(parent)] {
            for (subject, purpose) in [(None, None), (Some(staff), None), (Some(staff), Some(Purpose::Press))] {
                let window = Window::<ConsentId>::new(None, None, &"").unwrap();
                let page = school.read(move |conn| plan(conn, consents::listing(id, sight, subject, purpose, &window).select(ConsentRow::as_select())));
                check(page.await);
            }
        }
        for sight in [CheckSight::All, CheckSight::Own(staff)] {
            for states in [vec![], vec![CheckState::NeedsApproval]] {
                let window = Window::<PublicationCheckId>::new(None, None, &"").unwrap();
                check(school.read(move |conn| plan(conn, checked::listing(id, sight, &states, &window).select(CheckRow::as_select()))).await);
            }
        }
        for sight in [published::Sight::All, published::Sight::Own(staff)] {
            for filter in [published::Filter::default(), published::Filter { live: Some(true), ..published::Filter::default() }] {
                let window = Window::<PublicationId>::new(None, None, &"").unwrap();
                check(school.read(move |conn| plan(conn, published::listing(id, sight, &filter, &window).select(PublicationRow::as_select()))).await);
            }
        }
        for sight in [takedowns::Sight::All, takedowns::Sight::Own(staff)] {
            let window = Window::<TakedownId>::new(None, None, &"").unwrap();
            check(school.read(move |conn| plan(conn, takedowns::listing(id, sight, &[TakedownState::Open], None, &window).select(TakedownRow::as_select()))).await);
        }
    }

    async fn whom_an_issuer_names_is_found_by_an_index(school: School) {
        use weald::access::issuers::{Who, known_as};
        use weald::resources::people::rows::PersonRow;
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let id = school.id;
        for (who, index) in [
            (Who::Email("staff@weald.example".into()), ["people_by_email", "people_by_email"]),
            (Who::ExternalId("directory".into(), "d-7".into()), ["sqlite_autoindex_people_2", "people_school_id_external_source_external_id_key"]),
        ] {
            let plan = school.read(move |conn| plan(conn, known_as(id, &who).select(PersonRow::as_select()))).await;
            assert!(index.iter().any(|index| plan.contains(index)), "no index is walked:\n{plan}");
        }
    }

    async fn every_list_of_deliveries_walks_an_index(school: School) {
        use weald::db::types::{WebhookDeliveryId, WebhookEndpointId};
        use weald::resources::webhook_endpoints::WebhookDeliveryState;
        use weald::resources::webhook_endpoints::rows::{DeliveryRow, Filter, listing};
        let endpoint = school.service().new_endpoint("http://127.0.0.1:9/", &[]).await.is(201);
        school.service().post(endpoint.url("replay"), serde_json::json!({ "since": "2026-01-01T00:00:00Z" })).await.is(200);
        weald::webhooks::run_once(school.state()).await.unwrap();
        school.write(|tx| diesel::sql_query("ANALYZE").execute(tx)).await;
        let (id, endpoint) = (school.id, WebhookEndpointId::from(endpoint["id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap()));
        for filter in [
            Filter::default(),
            Filter { states: vec![WebhookDeliveryState::Pending], ..Filter::default() },
            Filter { types: vec!["comment.logged".into()], ..Filter::default() },
        ] {
            for after in [None, Some(WebhookDeliveryId::new())] {
                let filter = filter.clone();
                let plan = school.read(move |conn| plan(conn, listing(id, endpoint, &filter, after, 50).select(DeliveryRow::as_select()))).await;
                assert!(plan.contains("webhook_deliveries_by_endpoint"), "no index is walked:\n{plan}");
                assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "rows are sorted:\n{plan}");
            }
        }
    }
}
