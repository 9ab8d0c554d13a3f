//! The operations on imports.

use actix_web::web::{Data, Path};
use actix_web::{get, post};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::formats::ImportDocument;
use super::intake::{self, Complaint, Order};
use super::rows::{self, ImportRow, RecordRow};
use super::rules::{self, ImportAction, ImportFormat, ImportMode, ImportState, RecordKind};
use super::work;
use crate::access::caller::Caller;
use crate::access::permissions::{ReadImports, RunImports};
use crate::app::State;
use crate::clock::Instant;
use crate::db::types::{ImportId, PersonId};
use crate::events::Actor;
use crate::http::body::NoBody;
use crate::http::document::{Fails, IdempotencyKeyHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::KeyRequired;
use crate::http::query::Query;
use crate::http::reply::{Accepted, Reply, Resource, Versioned};
use crate::http::text::Line;
use crate::http::upload::Upload;
use crate::jobs;
use crate::page::{Page, Window, paged};
use crate::policy::roles::Role;
use crate::problem::{Code, FieldError, Problem};
use crate::resources::people::bulk::ItemOutcome;
use crate::words::split;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_imports).service(start_import).service(find_import).service(cancel_import).service(list_import_results);
}

/// A list of people that came in from another system.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f5", "state": "running", "allowed_actions": ["cancel"], "source": "mis", "format": "oneroster",
    "mode": "snapshot", "dry_run": false, "leaving": 12,
    "progress": { "total": 5662, "done": 2400, "created": 0, "updated": 31, "unchanged": 2369, "left": 0, "refused": 0,
                  "records_per_second": 1150.5, "estimated_finish_at": "2026-09-07T06:00:05Z" },
    "client_id": "0198a4b2-6f00-7000-8000-0000000000f1", "started_at": "2026-09-07T06:00:01Z",
    "version": 13, "created_at": "2026-09-07T06:00:00Z", "updated_at": "2026-09-07T06:00:03Z"
}))]
pub struct Import {
    pub id: ImportId,
    pub state: ImportState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ImportAction>,
    #[schema(max_length = 50)]
    pub source: String,
    pub format: ImportFormat,
    pub mode: ImportMode,
    /// It only shows what would change.
    pub dry_run: bool,
    /// How many people leave by it: those whom the file says so of and, by a snapshot, those whom it does not name.
    #[schema(minimum = 0)]
    pub leaving: i64,
    pub progress: ImportProgress,
    /// Absent where a program started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub started_by: Option<PersonId>,
    #[schema(max_length = 100)]
    pub client_id: String,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<RecordProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub started_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub finished_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type ImportPage = Page<Import>;

impl Resource for Import {
    fn location(&self) -> String {
        format!("/v1/imports/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// How far an import is: records are people, links to guardians, and those who are not in the file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportProgress {
    #[schema(minimum = 0)]
    pub total: i64,
    #[schema(minimum = 0)]
    pub done: i64,
    #[schema(minimum = 0)]
    pub created: i64,
    #[schema(minimum = 0)]
    pub updated: i64,
    #[schema(minimum = 0)]
    pub unchanged: i64,
    #[schema(minimum = 0)]
    pub left: i64,
    #[schema(minimum = 0)]
    pub refused: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 1_000_000_000.0, nullable = false)]
    pub records_per_second: Option<f64>,
    /// When it will be finished if it goes on like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub estimated_finish_at: Option<Instant>,
}

/// Why a record, or a whole import, was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordProblem {
    /// For programs: as in a problem.
    #[schema(max_length = 60)]
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub detail: Option<String>,
    /// What is wrong with the record, all at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<FieldError>,
}

impl RecordProblem {
    fn kept(json: Option<&str>) -> Option<Self> {
        let Complaint { code, detail, errors } = serde_json::from_str(json?).ok()?;
        Some(Self { code, detail, errors })
    }
}

/// What became of one record.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "number": 17, "kind": "person", "external_id": "S-1042", "outcome": "created", "status": 201, "withheld_roles": ["headteacher"],
    "person_id": "0198a4b2-6f00-7000-8000-000000000002"
}))]
pub struct ImportResult {
    /// Its place: people in the order of the file, then their guardians, then those who are not in the file.
    #[schema(minimum = 1)]
    pub number: i64,
    pub kind: RecordKind,
    /// By which the source knows the person; of a link, the pupil. Empty where the record does not say.
    #[schema(max_length = 100)]
    pub external_id: String,
    /// Of a link, by which the source knows the guardian.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub guardian_external_id: Option<String>,
    /// Absent until it has been dealt with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<ItemOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 200, maximum = 499, nullable = false)]
    pub status: Option<i32>,
    /// Why it was refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 60, nullable = false)]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub detail: Option<String>,
    /// What is wrong with the record, all at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub errors: Vec<FieldError>,
    /// Roles that the other system gives and no import grants: the headteacher or the chair of governors does, if they
    /// are right.
    #[schema(max_items = 12)]
    pub withheld_roles: Vec<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
}

type ImportResultPage = Page<ImportResult>;

/// A record on each line (NDJSON).
#[derive(ToSchema)]
#[schema(
    max_length = 67_108_864,
    example = "{\"external_id\":\"P-1007\",\"given_name\":\"Ada\",\"family_name\":\"Green\",\"kind\":\"pupil\"}\n"
)]
#[allow(dead_code, reason = "for the document")]
pub struct ImportLines(String);

/// A table with a header row out of `external_id`, `given_name`, `family_name`, `email`, `kind`, `year_group`, `roles`,
/// `left_on`, `guardian_ids`; several words in a cell are separated by `;`.
#[derive(ToSchema)]
#[schema(max_length = 67_108_864, example = "external_id,given_name,family_name,kind,roles\r\nP-1007,Ada,Green,pupil,pupil\r\n")]
#[allow(dead_code, reason = "for the document")]
pub struct ImportTable(String);

/// A OneRoster 1.1 or 1.2 CSV archive.
#[derive(ToSchema)]
#[schema(format = Binary, max_length = 67_108_864, example = "")]
#[allow(dead_code, reason = "for the document")]
pub struct ImportArchive(String);

/// How a file is to be read.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// The other system's name, as in `external_source`.
    #[validate(nested)]
    #[param(inline)]
    pub source: Line<50>,
    /// `upsert` if absent.
    #[param(nullable = false)]
    pub mode: Option<ImportMode>,
    /// Change nothing, and show what would change.
    #[param(nullable = false)]
    pub dry_run: Option<bool>,
    /// How many people may leave by it, where they are more than a fifth of those whom the source knows.
    #[validate(range(min = 0, max = 200_000))]
    #[param(minimum = 0, maximum = 200_000, nullable = false)]
    pub confirm_leaving: Option<i64>,
}

/// Which imports to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportsQuery {
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub state: Vec<ImportState>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

/// Which results to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportResultQuery {
    #[serde(default)]
    #[validate(length(max = 5))]
    #[param(max_items = 5)]
    pub outcome: Vec<ItemOutcome>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(ImportsQuery, ImportResultQuery);

fn progress(row: &ImportRow) -> ImportProgress {
    let done = row.done();
    let took = row.started_at.map(|started| row.updated_at.signed_duration_since(*started)).filter(|took| *took > Duration::zero());
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let rate = took.map(|took| done as f64 / (took.num_milliseconds().max(1) as f64 / 1000.0));
    let left = took.filter(|_| done > 0 && row.state.is_open()).and_then(|took| {
        let millis = took.num_milliseconds().checked_mul(row.total - done)? / done;
        Some(row.updated_at + Duration::try_milliseconds(millis)?)
    });
    ImportProgress {
        total: row.total,
        done,
        created: row.created,
        updated: row.updated,
        unchanged: row.unchanged,
        left: row.departed,
        refused: row.refused,
        records_per_second: rate,
        estimated_finish_at: left,
    }
}

fn view<P>(me: &Caller<P>, row: ImportRow) -> Import {
    Import {
        id: row.id,
        state: row.state,
        allowed_actions: rules::allowed(row.state, me.may::<RunImports>()),
        progress: progress(&row),
        problem: RecordProblem::kept(row.problem.as_deref()),
        source: row.source,
        format: row.format,
        mode: row.mode,
        dry_run: row.dry_run,
        leaving: row.leaving,
        started_by: row.started_by,
        client_id: row.client_id,
        started_at: row.started_at,
        finished_at: row.finished_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn result(row: RecordRow) -> ImportResult {
    let (code, detail, errors) =
        RecordProblem::kept(row.problem.as_deref()).map_or((None, None, Vec::new()), |said| (Some(said.code), said.detail, said.errors));
    ImportResult {
        number: row.number,
        kind: row.kind,
        external_id: row.external_id,
        guardian_external_id: row.guardian_id,
        outcome: row.outcome,
        status: row.status,
        code,
        detail,
        errors,
        withheld_roles: split(&row.withheld),
        person_id: row.person_id,
    }
}

/// List imports.
///
/// Oldest first. Their results are kept for 30 days.
#[utoipa::path(tag = "imports", security(("oauth2" = [ReadImports])), params(ImportsQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((ImportPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/imports")]
async fn list_imports(caller: Caller<ReadImports>, query: Query<ImportsQuery>, format: Format) -> Result<Listed<Import>, Problem> {
    listed(caller, "/v1/imports", query, format, |conn, me, query, window| {
        let rows = rows::list(conn, me.school(), &query.state, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Import a list of people.
///
/// Takes the file in and answers before it is dealt with; `GET /v1/imports/{id}` says how far it is. One import at a time.
/// Roles of trust are never granted by a file: the results of a OneRoster file name them as withheld, and a record of
/// another format that asks for one is refused. A file by which more than a fifth of the
/// source's people would leave is refused until their number is confirmed. Who leaves hands over what they run (R-IT-4).
/// At most 64 MiB and 200,000 records. Needs an `Idempotency-Key`.
#[utoipa::path(tag = "imports", security(("oauth2" = [RunImports])), params(ImportQuery, IdempotencyKeyHeader),
    request_body(content((ImportDocument = "application/json"), (ImportLines = "application/x-ndjson"), (ImportTable = "text/csv"),
        (ImportArchive = "application/zip"))),
    responses((status = 202, description = "It is taken in.", body = Import)))]
#[post("/v1/imports")]
async fn start_import(
    caller: Caller<RunImports>,
    _: KeyRequired,
    query: Query<ImportQuery>,
    upload: Upload,
    state: Data<State>,
) -> Result<Accepted<Import>, Problem> {
    let Query(query) = query;
    let Some(format) = ImportFormat::of(&upload.media_type) else {
        let detail = "Send application/json, application/x-ndjson, text/csv or application/zip.";
        return Err(Problem::new(Code::UnsupportedMediaType).detail(detail));
    };
    let order = Order {
        source: query.source.into_inner(),
        format,
        mode: query.mode.unwrap_or(ImportMode::Upsert),
        dry_run: query.dry_run.unwrap_or_default(),
        confirm_leaving: query.confirm_leaving,
    };
    let school = caller.school();
    let laid = intake::lay_down(&state.db, upload.file, order, &Actor::from(&caller)).await?;
    let mut import = laid.clone();
    let accepted = caller
        .write(move |tx, me| {
            intake::admit(tx, &mut import, &me.into(), me.today())?;
            Accepted::new(&view(me, import))
        })
        .await;
    match &accepted {
        Ok(reply) if !reply.answer().replayed => jobs::import_now(state, school),
        // Answered before, or refused: what was laid down is no import.
        _ => intake::discard(&state.db, &laid).await?,
    }
    accepted
}

/// Read one import.
#[utoipa::path(tag = "imports", security(("oauth2" = [ReadImports])),
    responses((status = 200, description = "The import.", body = Import), Fails<404>))]
#[get("/v1/imports/{id}")]
async fn find_import(caller: Caller<ReadImports>, id: Path<ImportId>) -> Result<Versioned<Import>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), *id)?))).await
}

/// Cancel an import.
///
/// What it has done stays.
#[utoipa::path(tag = "imports", security(("oauth2" = [RunImports])),
    responses((status = 200, description = "The import as it is now.", body = Import), Fails<404, 409>))]
#[post("/v1/imports/{id}/cancel")]
async fn cancel_import(caller: Caller<RunImports>, id: Path<ImportId>, _: NoBody) -> Result<Versioned<Import>, Problem> {
    caller
        .write(move |tx, me| {
            let mut import = rows::find(tx, me.school(), *id)?;
            if !import.state.is_open() {
                return Err(Problem::state_conflict(Vec::<ImportAction>::new()).detail("This import is over."));
            }
            work::cancel(tx, &mut import, me.into())?;
            Versioned::new(&view(me, import))
        })
        .await
}

/// List what became of each record of an import.
#[utoipa::path(tag = "imports", security(("oauth2" = [ReadImports])), params(ImportResultQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((ImportResultPage = "application/json"), (Table = "text/csv"))), Fails<404>))]
#[get("/v1/imports/{id}/results")]
async fn list_import_results(
    caller: Caller<ReadImports>,
    id: Path<ImportId>,
    query: Query<ImportResultQuery>,
    format: Format,
) -> Result<Listed<ImportResult>, Problem> {
    let path = format!("/v1/imports/{id}/results");
    listed(caller, path, query, format, move |conn, me, query, window: &Window<i64>| {
        let import = rows::find(conn, me.school(), *id)?;
        let rows = rows::results(conn, me.school(), import.id, &query.outcome, window)?;
        Ok(window.page(rows, |row| row.number, result))
    })
    .await
}
