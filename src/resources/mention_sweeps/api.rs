//! The operations on sweeps.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Key, SweepRow};
use crate::access::caller::Caller;
use crate::access::permissions::{LogMentionSweep, ReadMentionSweeps};
use crate::clock::Instant;
use crate::db::types::{MentionSweepId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::{Day, Line, Prose, present};
use crate::page::{Page, PageQuery, Window};
use crate::policy::deadline::local_day;
use crate::policy::mentions;
use crate::policy::platforms::{self, Platform};
use crate::problem::{Code, Problem};
use crate::resources::comments::rules::is_past;
use crate::resources::schools;
use crate::words::joined;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_mention_sweeps).service(log_mention_sweep).service(tell_mention_sweep_status).service(find_mention_sweep);
}

/// Somebody searched the web for public postings about the school (PRO-1). It is never changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000b1", "swept_by": "0198a4b2-6f00-7000-8000-000000000002", "swept_at": "2026-01-14T10:00:00Z",
    "swept_on": "2026-01-14", "terms": ["Weald Primary School", "\"Weald CPS\""], "sources": ["facebook", "x"], "result_count": 3,
    "created_at": "2026-01-14T10:05:00Z"
}))]
pub struct MentionSweep {
    pub id: MentionSweepId,
    pub swept_by: PersonId,
    pub swept_at: Instant,
    /// The school's local day of the sweep.
    pub swept_on: Day,
    /// What was searched for.
    #[schema(max_items = 20, value_type = Vec<Line<100>>, inline)]
    pub terms: Vec<String>,
    /// Why a pupil was searched for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000, nullable = false)]
    pub pupil_name_reason: Option<String>,
    /// Where it was searched.
    #[schema(max_items = 12)]
    pub sources: Vec<Platform>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub platform_other_name: Option<String>,
    #[schema(minimum = 0, maximum = 100_000)]
    pub result_count: i32,
    /// When it was logged.
    pub created_at: Instant,
}

type MentionSweepPage = Page<MentionSweep>;

impl Resource for MentionSweep {
    fn location(&self) -> String {
        format!("/v1/mention-sweeps/{}", self.id)
    }
    /// There is never another one.
    fn version(&self) -> i64 {
        1
    }
}

/// A search of the web.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "terms": ["Weald Primary School", "\"Weald CPS\""], "sources": ["facebook", "x"], "result_count": 3 }))]
pub struct NewMentionSweep {
    /// Now, if absent.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub swept_at: Option<Instant>,
    #[validate(length(min = 1, max = 20), nested)]
    #[schema(inline, min_items = 1, max_items = 20)]
    pub terms: Vec<Line<100>>,
    /// Why a pupil, present or former, is searched for by name.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub pupil_name_reason: Option<Prose<1000>>,
    #[validate(length(min = 1, max = 12))]
    #[schema(min_items = 1, max_items = 12)]
    pub sources: Vec<Platform>,
    /// The name of an `other` source.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub platform_other_name: Option<Line<100>>,
    /// How many postings it found.
    #[validate(range(min = 0, max = 100_000))]
    #[schema(minimum = 0, maximum = 100_000)]
    pub result_count: i32,
}

/// Whether the next search is due (PRO-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "last_swept_on": "2026-01-14", "next_due_on": "2026-01-21", "overdue": false }))]
pub struct MentionSweepStatus {
    /// Absent where nobody has yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_swept_on: Option<Day>,
    /// The last day for the next one: `sweep_interval_days` of the school after the last one.
    pub next_due_on: Day,
    /// That day is over.
    pub overdue: bool,
}

fn view(row: SweepRow) -> MentionSweep {
    MentionSweep {
        id: row.id,
        swept_by: row.swept_by,
        swept_at: row.swept_at,
        swept_on: Day(row.swept_on),
        terms: row.terms.lines().map(str::to_owned).collect(),
        sources: row.sources(),
        pupil_name_reason: row.pupil_name_reason,
        platform_other_name: row.platform_other_name,
        result_count: row.result_count,
        created_at: row.created_at,
    }
}

/// List the searches of the web for postings about the school (PRO-1).
///
/// Oldest first.
#[utoipa::path(tag = "mentions", security(("oauth2" = [ReadMentionSweeps])), params(PageQuery),
    responses((status = 200, description = "One page.", body = MentionSweepPage)))]
#[get("/v1/mention-sweeps")]
async fn list_mention_sweeps(caller: Caller<ReadMentionSweeps>, query: Query<PageQuery>) -> Result<Plain<MentionSweepPage>, Problem> {
    let window = Window::<Key>::new(query.cursor.as_deref(), query.limit, &"mention-sweeps")?;
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), &window)?;
            Ok(window.page(rows, |row| (row.swept_at, row.id), view))
        })
        .await?;
    Plain::page(&page, "/v1/mention-sweeps", &query.0, query.limit)
}

/// Log a search of the web for public postings about the school (PRO-1).
///
/// A search term that holds the full name of somebody who is or was a pupil needs a reason.
#[utoipa::path(tag = "mentions", security(("oauth2" = [LogMentionSweep])), request_body = NewMentionSweep,
    responses((status = 201, description = "Logged.", body = MentionSweep)))]
#[post("/v1/mention-sweeps")]
async fn log_mention_sweep(caller: Caller<LogMentionSweep>, new: Valid<NewMentionSweep>) -> Result<Created<MentionSweep>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let swept_at = new.swept_at.unwrap_or_else(|| me.now());
            if !is_past(swept_at, me.now()) {
                return Err(Problem::invalid("/swept_at", "in_the_future", "This lies in the future."));
            }
            let platform_other_name = new.platform_other_name.map(Line::into_inner);
            for source in &new.sources {
                platforms::named(*source, platform_other_name.as_deref())?;
            }
            let terms: Vec<String> = new.terms.into_iter().map(Line::into_inner).collect();
            let pupil_name_reason = new.pupil_name_reason.map(Prose::into_inner);
            mentions::searchable(&terms, &rows::pupils(tx, me.school())?, pupil_name_reason.as_deref())?;
            let row = SweepRow {
                school_id: me.school(),
                id: MentionSweepId::new(),
                swept_by: me.person().ok_or_else(|| Problem::new(Code::Forbidden))?,
                swept_at,
                swept_on: local_day(*swept_at, schools::rows::find(tx, me.school())?.zone()),
                terms: terms.join("\n"),
                pupil_name_reason,
                sources: joined(&new.sources),
                platform_other_name,
                result_count: new.result_count,
                created_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::MentionSweepLogged, row.id.uuid()))?;
            Created::new(&view(row))
        })
        .await
}

/// Tell whether the next search of the web is due (PRO-1).
///
/// A school that has never searched counts from its first day here.
#[utoipa::path(tag = "mentions", security(("oauth2" = [ReadMentionSweeps])),
    responses((status = 200, description = "The status.", body = MentionSweepStatus)))]
#[get("/v1/mention-sweeps/status")]
async fn tell_mention_sweep_status(caller: Caller<ReadMentionSweeps>) -> Result<Plain<MentionSweepStatus>, Problem> {
    caller
        .read(move |conn, me| {
            let school = schools::rows::find(conn, me.school())?;
            let standing = rows::standing(conn, &school)?;
            Plain::new(&MentionSweepStatus {
                last_swept_on: standing.last_on.map(Day),
                next_due_on: Day(standing.due_on),
                overdue: mentions::is_overdue(standing.due_on, me.today()),
            })
        })
        .await
}

/// Find a search of the web (PRO-1).
#[utoipa::path(tag = "mentions", security(("oauth2" = [ReadMentionSweeps])),
    responses((status = 200, description = "The search.", body = MentionSweep), Fails<404>))]
#[get("/v1/mention-sweeps/{id}")]
async fn find_mention_sweep(caller: Caller<ReadMentionSweeps>, id: Path<MentionSweepId>) -> Result<Plain<MentionSweep>, Problem> {
    caller.read(move |conn, me| Plain::new(&view(rows::look_up(conn, me.school(), *id)?.ok_or_else(Problem::not_found)?))).await
}
