//! A page costs the same however many rows there are: each list walks an index that has its order.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Integer, Text};
use weald::db::types::CommentId;
use weald::db::{Conn, MultiBackend};
use weald::page::Window;
use weald::resources::comments::CommentState;
use weald::resources::comments::rows::{self, CommentRow, Filter, Key, Order, Sight};

use crate::support::{School, on_both_engines};

/// Asks the engine how it would run a query.
struct Explained<Q>(Q, bool);

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Explained<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(if self.1 { "EXPLAIN QUERY PLAN " } else { "EXPLAIN " });
        self.0.walk_ast(out)
    }
}

impl<Q> QueryId for Explained<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// SQLite's plan has four columns, PostgreSQL's one.
macro_rules! plan {
    ($conn:expr, $query:expr) => {
        match $conn {
            conn @ Conn::Sqlite(_) => {
                impl<Q> Query for Explained<Q> {
                    type SqlType = (Integer, Integer, Integer, Text);
                }
                impl<Q> RunQueryDsl<Conn> for Explained<Q> {}
                let rows: Vec<(i32, i32, i32, String)> = Explained($query, true).load(conn)?;
                rows.into_iter().map(|row| row.3).collect::<Vec<_>>().join("\n")
            }
            conn @ Conn::Postgres(_) => {
                struct One<Q>(Explained<Q>);
                impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for One<Q> {
                    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
                        self.0.walk_ast(out)
                    }
                }
                impl<Q> QueryId for One<Q> {
                    type QueryId = ();
                    const HAS_STATIC_QUERY_ID: bool = false;
                }
                impl<Q> Query for One<Q> {
                    type SqlType = Text;
                }
                impl<Q> RunQueryDsl<Conn> for One<Q> {}
                // Few rows are quicker sorted than walked in order; what is asked is whether there is a walk at all.
                diesel::connection::SimpleConnection::batch_execute(
                    conn,
                    "SET enable_sort = off; SET enable_bitmapscan = off; SET enable_seqscan = off",
                )?;
                let rows: Vec<String> = One(Explained($query, false)).load(conn)?;
                rows.join("\n")
            }
        }
    };
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
        let overdue = Filter { overdue_at: Some(now + chrono::Duration::days(2)), ..Filter::default() };
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
                    let plan = school.read(move |conn| Ok(plan!(conn, rows::listing(id, sight, &filter, order, &window).select(CommentRow::as_select())))).await;
                    assert!(plan.contains(index), "{index} is not walked:\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort") && !plan.contains("Seq Scan on comments"), "rows are sorted:\n{plan}");
                }
            }
        }
    }
}
