//! The operations on the response procedure.

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::{Validate, ValidationError};

use super::rows::{self, ResponseProcedureRow, Sight};
use super::rules::{self, ResponseProcedureAction, ResponseProcedureState};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageResponseProcedures, ReadResponseProcedures};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{PersonId, ResponseProcedureId, SchoolId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid, objects, present_objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, Patch, Prose, present};
use crate::page::{Page, Window};
use crate::policy::procedures::{self, Fault, ProcedureAnswer, ProcedureBranch, ProcedureNode, Tree};
use crate::problem::{Code, FieldError, Problem};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_response_procedures)
        .service(draft_response_procedure)
        .service(find_response_procedure)
        .service(edit_response_procedure)
        .service(publish_response_procedure);
}

/// A version of the procedure by which others' comments are responded to (PRO-2): a decision tree.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f1", "number": 2, "state": "draft", "allowed_actions": ["edit", "publish"],
    "nodes": [{ "id": "tone", "question": "What is it?", "answers": [
        { "answer": "Praise.", "branch": "thank" }, { "answer": "Anything else.", "branch": "answer" }] }],
    "branches": [{ "code": "thank", "title": "Say thank you", "guidance": "Thank the author in the school's name." },
        { "code": "answer", "title": "Answer", "guidance": "Answer with what is public." }],
    "drafted_by": "0198a4b2-6f00-7000-8000-000000000003",
    "version": 1, "created_at": "2026-01-13T09:00:00Z", "updated_at": "2026-01-13T09:00:00Z"
}))]
pub struct ResponseProcedure {
    pub id: ResponseProcedureId,
    /// 1 for the school's first version.
    #[schema(minimum = 1)]
    pub number: i32,
    pub state: ResponseProcedureState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ResponseProcedureAction>,
    /// The questions, the first one first; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50, nullable = false)]
    pub nodes: Option<Vec<ProcedureNode>>,
    /// What is done in the end; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 50, nullable = false)]
    pub branches: Option<Vec<ProcedureBranch>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub change_summary: Option<String>,
    /// Absent where the procedure came with the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub drafted_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub published_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub published_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type ResponseProcedurePage = Page<ResponseProcedure>;

impl Resource for ResponseProcedure {
    fn location(&self) -> String {
        format!("/v1/response-procedures/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A question of a draft.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProcedureNode {
    /// By which answers lead to it; unique in the version.
    #[validate(custom(function = "code"))]
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$")]
    pub id: String,
    #[validate(nested)]
    #[schema(inline)]
    pub question: Line<300>,
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 2, max = 10), nested)]
    #[schema(min_items = 2, max_items = 10)]
    pub answers: Vec<NewProcedureAnswer>,
}

/// An answer to a question: it leads either to a question after its own, or to a branch.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProcedureAnswer {
    #[validate(nested)]
    #[schema(inline)]
    pub answer: Line<300>,
    /// The id of a question.
    #[serde(default, deserialize_with = "present")]
    #[validate(custom(function = "code"))]
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$", nullable = false)]
    pub next: Option<String>,
    /// The code of a branch.
    #[serde(default, deserialize_with = "present")]
    #[validate(custom(function = "code"))]
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$", nullable = false)]
    pub branch: Option<String>,
}

/// A branch of a draft.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProcedureBranch {
    /// By which it is recorded; unique in the version.
    #[validate(custom(function = "code"))]
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$")]
    pub code: String,
    #[validate(nested)]
    #[schema(inline)]
    pub title: Line<200>,
    #[validate(nested)]
    #[schema(inline)]
    pub guidance: Prose<2000>,
}

fn code(code: &str) -> Result<(), ValidationError> {
    let sound = code.len() <= 40
        && code.starts_with(|c: char| c.is_ascii_lowercase())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let wrong = || ValidationError::new("not_a_code").with_message("Must be small letters, digits and underscores, a letter first.".into());
    if sound { Ok(()) } else { Err(wrong()) }
}

/// A new draft.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "nodes": [{ "id": "tone", "question": "What is it?", "answers": [
        { "answer": "Praise.", "branch": "thank" }, { "answer": "Anything else.", "branch": "answer" }] }],
    "branches": [{ "code": "thank", "title": "Say thank you", "guidance": "Thank the author in the school's name." },
        { "code": "answer", "title": "Answer", "guidance": "Answer with what is public." }]
}))]
pub struct NewResponseProcedure {
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 50), nested)]
    #[schema(min_items = 1, max_items = 50)]
    pub nodes: Vec<NewProcedureNode>,
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 50), nested)]
    #[schema(min_items = 1, max_items = 50)]
    pub branches: Vec<NewProcedureBranch>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub change_summary: Option<Prose<2000>>,
}

/// Changes to a draft (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "change_summary": "Asks for the press first." }))]
pub struct ResponseProcedurePatch {
    /// All of them: replaces the ones on file.
    #[serde(default, deserialize_with = "present_objects")]
    #[validate(length(min = 1, max = 50), nested)]
    #[schema(min_items = 1, max_items = 50, nullable = false)]
    pub nodes: Option<Vec<NewProcedureNode>>,
    /// All of them: replaces the ones on file.
    #[serde(default, deserialize_with = "present_objects")]
    #[validate(length(min = 1, max = 50), nested)]
    #[schema(min_items = 1, max_items = 50, nullable = false)]
    pub branches: Option<Vec<NewProcedureBranch>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub change_summary: Patch<Prose<2000>>,
}

/// Which versions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ResponseProcedureQuery {
    /// In one of these states.
    #[serde(default)]
    #[validate(length(max = 3))]
    #[param(max_items = 3)]
    pub state: Vec<ResponseProcedureState>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    if me.may::<ManageResponseProcedures>() { Sight::All } else { Sight::Published }
}

fn nodes(new: Vec<NewProcedureNode>) -> Vec<ProcedureNode> {
    let answer = |new: NewProcedureAnswer| ProcedureAnswer { answer: new.answer.into_inner(), next: new.next, branch: new.branch };
    let node = |new: NewProcedureNode| ProcedureNode {
        id: new.id,
        question: new.question.into_inner(),
        answers: new.answers.into_iter().map(answer).collect(),
    };
    new.into_iter().map(node).collect()
}

fn branches(new: Vec<NewProcedureBranch>) -> Vec<ProcedureBranch> {
    let branch =
        |new: NewProcedureBranch| ProcedureBranch { code: new.code, title: new.title.into_inner(), guidance: new.guidance.into_inner() };
    new.into_iter().map(branch).collect()
}

/// A tree as it is stored: one that can be walked (PRO-2).
fn written(tree: &Tree) -> Result<String, Problem> {
    let error = |fault: Fault| FieldError::new(fault.pointer, fault.code, fault.detail);
    let errors: Vec<FieldError> = procedures::faults(tree).into_iter().map(error).collect();
    if !errors.is_empty() {
        return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
    }
    serde_json::to_string(tree).map_err(Problem::internal)
}

fn tree(row: &ResponseProcedureRow) -> Result<Tree, Problem> {
    serde_json::from_str(&row.tree).map_err(Problem::internal)
}

fn view<P>(me: &Caller<P>, row: ResponseProcedureRow, tree: Option<Tree>) -> ResponseProcedure {
    let (nodes, branches) = tree.map(|tree| (tree.nodes, tree.branches)).unzip();
    ResponseProcedure {
        id: row.id,
        number: row.number,
        state: row.state,
        allowed_actions: rules::allowed(row.state, me.may::<ManageResponseProcedures>()),
        nodes,
        branches,
        change_summary: row.change_summary,
        drafted_by: row.drafted_by,
        published_at: row.published_at,
        published_by: row.published_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn whole<P>(me: &Caller<P>, row: ResponseProcedureRow) -> Result<ResponseProcedure, Problem> {
    let tree = tree(&row)?;
    Ok(view(me, row, Some(tree)))
}

/// The procedure that a body names was followed, by one of its branches (PRO-2).
///
/// # Errors
/// 422 where there is none, where it is not in force, and where it has no such branch.
pub fn followed(conn: &mut Conn, school: SchoolId, id: ResponseProcedureId, branch: &str) -> Result<(), Problem> {
    let row = rows::look_up(conn, school, Sight::Published, id)?
        .ok_or_else(|| Problem::invalid("/procedure_version_id", "unknown", "There is no such version for this caller."))?;
    Ok(procedures::follows(row.state == ResponseProcedureState::Published, &tree(&row)?, branch)?)
}

/// Finds the version, checks that it is a draft and the one that was read, changes it, stores it and records what
/// happened.
fn change(
    tx: &mut Conn,
    me: &Caller<ManageResponseProcedures>,
    id: ResponseProcedureId,
    seen: &IfMatch,
    apply: impl FnOnce(&mut Conn, &mut ResponseProcedureRow) -> Result<Vec<Event>, Problem>,
) -> Result<Versioned<ResponseProcedure>, Problem> {
    let mut row = rows::look_up(tx, me.school(), sight(me), id)?.ok_or_else(Problem::not_found)?;
    rules::check(row.state)?;
    seen.check(row.version)?;
    let happened = apply(tx, &mut row)?;
    rows::save(tx, &mut row, me.now())?;
    events::record_all(tx, me, happened)?;
    Versioned::new(&whole(me, row)?)
}

fn happened(event: EventType, row: &ResponseProcedureRow) -> Event {
    Event::new(event, row.id.uuid()).state(row.state)
}

/// List the versions of the response procedure.
///
/// The first one first, without their trees (PRO-2). The headteacher sees drafts too.
#[utoipa::path(tag = "response-procedures", security(("oauth2" = [ReadResponseProcedures])), params(ResponseProcedureQuery),
    responses((status = 200, description = "One page.", body = ResponseProcedurePage)))]
#[get("/v1/response-procedures")]
async fn list_response_procedures(
    caller: Caller<ReadResponseProcedures>,
    query: Query<ResponseProcedureQuery>,
) -> Result<Plain<ResponseProcedurePage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("response-procedures", &query.0))?;
    let states = query.state.clone();
    let page = caller
        .read(move |conn, me| {
            let rows = rows::list(conn, me.school(), sight(me), &states, &window)?;
            Ok(window.page(rows, |row| row.number, |row| view(me, row, None)))
        })
        .await?;
    Plain::page(&page, "/v1/response-procedures", &query.0, query.limit)
}

/// Draft a version of the response procedure (PRO-2).
///
/// The first question is asked first. Each answer leads either to a question after its own, or to a branch; every
/// question and every branch is reached.
#[utoipa::path(tag = "response-procedures", security(("oauth2" = [ManageResponseProcedures])), request_body = NewResponseProcedure,
    responses((status = 201, description = "Drafted.", body = ResponseProcedure)))]
#[post("/v1/response-procedures")]
async fn draft_response_procedure(
    caller: Caller<ManageResponseProcedures>,
    new: Valid<NewResponseProcedure>,
) -> Result<Created<ResponseProcedure>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let row = ResponseProcedureRow {
                school_id: me.school(),
                id: ResponseProcedureId::new(),
                number: rows::next_number(tx, me.school())?,
                state: ResponseProcedureState::Draft,
                tree: written(&Tree { nodes: nodes(new.nodes), branches: branches(new.branches) })?,
                change_summary: new.change_summary.map(Prose::into_inner),
                drafted_by: me.person(),
                published_at: None,
                published_by: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, happened(EventType::ResponseProcedureDrafted, &row))?;
            Created::new(&whole(me, row)?)
        })
        .await
}

/// Find a version of the response procedure.
///
/// Superseded versions stay readable: what was done is judged by them (PRO-2).
#[utoipa::path(tag = "response-procedures", security(("oauth2" = [ReadResponseProcedures])),
    responses((status = 200, description = "The version.", body = ResponseProcedure), Fails<404>))]
#[get("/v1/response-procedures/{id}")]
async fn find_response_procedure(
    caller: Caller<ReadResponseProcedures>,
    id: Path<ResponseProcedureId>,
) -> Result<Versioned<ResponseProcedure>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::look_up(conn, me.school(), sight(me), *id)?.ok_or_else(Problem::not_found)?;
            Versioned::new(&whole(me, row)?)
        })
        .await
}

/// Edit a draft of the response procedure (PRO-2).
#[utoipa::path(tag = "response-procedures", security(("oauth2" = [ManageResponseProcedures])), params(IfMatchHeader),
    request_body = ResponseProcedurePatch,
    responses((status = 200, description = "Edited.", body = ResponseProcedure), Fails<404, 409, 412, 422, 428>))]
#[patch("/v1/response-procedures/{id}")]
async fn edit_response_procedure(
    caller: Caller<ManageResponseProcedures>,
    id: Path<ResponseProcedureId>,
    seen: IfMatch,
    patch: Valid<ResponseProcedurePatch>,
) -> Result<Versioned<ResponseProcedure>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, |_, row| {
                let (before, old, patch) = (row.clone(), tree(row)?, patch.into_inner());
                let new = Tree {
                    nodes: patch.nodes.map_or_else(|| old.nodes.clone(), nodes),
                    branches: patch.branches.map_or_else(|| old.branches.clone(), branches),
                };
                row.tree = written(&new)?;
                row.change_summary = patch.change_summary.map(Prose::into_inner).apply(row.change_summary.take());
                let changed = [
                    ("nodes", old.nodes != new.nodes),
                    ("branches", old.branches != new.branches),
                    ("change_summary", before.change_summary != row.change_summary),
                ];
                Ok(vec![happened(EventType::ResponseProcedureEdited, row).changed(changed)])
            })
        })
        .await
}

/// Publish a version of the response procedure (PRO-2).
///
/// By the headteacher or a delegate on record. It supersedes the one in force: exactly one is at a time.
#[utoipa::path(tag = "response-procedures", security(("oauth2" = [ManageResponseProcedures])), params(IfMatchHeader),
    responses((status = 200, description = "In force.", body = ResponseProcedure), Fails<404, 409, 412, 428>))]
#[post("/v1/response-procedures/{id}/publish")]
async fn publish_response_procedure(
    caller: Caller<ManageResponseProcedures>,
    id: Path<ResponseProcedureId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<ResponseProcedure>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, |tx, row| {
                row.state = ResponseProcedureState::Published;
                (row.published_at, row.published_by) = (Some(me.now()), me.person());
                let mut happened_now = vec![happened(EventType::ResponseProcedurePublished, row)];
                if let Some(mut old) = rows::in_force(tx, me.school())? {
                    old.state = ResponseProcedureState::Superseded;
                    rows::save(tx, &mut old, me.now())?;
                    happened_now.push(happened(EventType::ResponseProcedureSuperseded, &old));
                }
                Ok(happened_now)
            })
        })
        .await
}
