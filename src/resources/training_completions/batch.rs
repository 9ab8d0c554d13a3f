//! The register of a session: many completions in one transaction, with a result for each.

use std::collections::HashMap;

use actix_web::post;
use actix_web::web::Path;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::api::record;
use super::rows::{self, Sight};
use crate::access::caller::Caller;
use crate::access::permissions::RecordTraining;
use crate::db::types::{PersonId, TrainingCompletionId, TrainingSessionId};
use crate::events;
use crate::http::body::{Valid, objects};
use crate::http::document::{Fails, IdempotencyKeyHeader};
use crate::http::precondition::KeyRequired;
use crate::http::reply::Multi;
use crate::http::text::{Prose, present};
use crate::policy::refusal::Refusal;
use crate::policy::roles::PersonKind;
use crate::policy::training;
use crate::problem::{Code, Problem};
use crate::resources::{courses, people, training_sessions};

/// Who completed a session.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "items": [
    { "person_id": "0198a4b2-6f00-7000-8000-000000000003" },
    { "person_id": "0198a4b2-6f00-7000-8000-000000000004", "evidence": "Passed the quiz." }
] }))]
pub struct TrainingRegister {
    #[serde(deserialize_with = "objects")]
    #[validate(length(min = 1, max = 1000), nested)]
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<TrainingRegisterItem>,
}

/// Somebody who completed a session.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingRegisterItem {
    pub person_id: PersonId,
    /// Text or a link; that they attended, if absent.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub evidence: Option<Prose<2000>>,
}

/// What became of each item of a register, in their order.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "results": [
    { "index": 0, "status": 201, "completion_id": "0198a4b2-6f00-7000-8000-0000000000d3" },
    { "index": 1, "status": 403, "code": "conflict_of_interest", "detail": "Nobody records or revokes their own training." }
] }))]
pub struct TrainingRegisterResults {
    #[schema(max_items = 1000)]
    pub results: Vec<TrainingRegisterResult>,
}

/// What became of one item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrainingRegisterResult {
    /// Its place in the register, from 0.
    #[schema(minimum = 0, maximum = 999)]
    pub index: usize,
    /// 201 recorded, 200 recorded before; else why not.
    #[schema(minimum = 200, maximum = 499)]
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub completion_id: Option<TrainingCompletionId>,
    /// What is wrong, for programs: as in a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 60, nullable = false)]
    pub code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub detail: Option<String>,
}

/// Whose completion of a session this caller cannot record, and why.
fn refused(me: &Caller<RecordTraining>, person: PersonId, kind: Option<PersonKind>) -> Option<(Code, String)> {
    let Some(kind) = kind else { return Some((Code::ValidationFailed, "There is no such person for this caller.".to_owned())) };
    let refusal: Refusal = training::may_vouch(me.is(person)).and_then(|()| training::is_trained(kind)).err()?;
    let detail = refusal.violations.iter().map(|violation| violation.detail.as_str()).collect::<Vec<_>>().join(" ");
    Some((Problem::from(refusal).code(), detail))
}

/// Record who completed a session (R-ST-2).
///
/// All in one transaction, on the day of the session, with a result for each: what is refused keeps nothing else
/// back. Nobody records their own. Needs an `Idempotency-Key`.
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])), params(IdempotencyKeyHeader), request_body = TrainingRegister,
    responses((status = 207, description = "One result per item.", body = TrainingRegisterResults), Fails<404, 409>))]
#[post("/v1/training-sessions/{id}/completions/batch")]
pub(super) async fn record_training_completions(
    caller: Caller<RecordTraining>,
    id: Path<TrainingSessionId>,
    _: KeyRequired,
    register: Valid<TrainingRegister>,
) -> Result<Multi<TrainingRegisterResults>, Problem> {
    caller
        .write(move |tx, me| {
            let session = training_sessions::rows::find(tx, me.school(), training_sessions::sight(me), *id)?;
            training::is_held(session.held_on, me.today())?;
            let course = courses::rows::look_up(tx, me.school(), session.course_id)?.ok_or_else(Problem::not_found)?;
            training::is_offered(course.retired_at.is_some())?;
            let people: Vec<PersonId> = register.items.iter().map(|item| item.person_id).collect();
            let kinds = people::rows::kinds(tx, me.school(), &people)?;
            // Whoever may record a completion is told that it is on file, not what it says.
            let on_file = rows::recorded(tx, me.school(), Sight::All, (&people, course.id, session.held_on))?;
            let mut known: HashMap<PersonId, TrainingCompletionId> = on_file.into_iter().map(|row| (row.person_id, row.id)).collect();
            let (mut results, mut happened) = (Vec::with_capacity(people.len()), Vec::new());
            for (index, item) in register.into_inner().items.into_iter().enumerate() {
                let answer = |status| TrainingRegisterResult { index, status, completion_id: None, code: None, detail: None };
                let person = item.person_id;
                results.push(if let Some((code, detail)) = refused(me, person, kinds.get(&person).copied()) {
                    TrainingRegisterResult { code: Some(code.name()), detail: Some(detail), ..answer(code.status()) }
                } else if let Some(&id) = known.get(&person) {
                    TrainingRegisterResult { completion_id: Some(id), ..answer(200) }
                } else {
                    let evidence = item.evidence.map_or_else(|| format!("Attended the session of {}.", session.held_on), Prose::into_inner);
                    let (row, event) = record(me, (person, session.held_on), &course, Some(session.id), evidence);
                    rows::insert(tx, &row)?;
                    known.insert(person, row.id);
                    happened.push(event);
                    TrainingRegisterResult { completion_id: Some(row.id), ..answer(201) }
                });
            }
            events::record_all(tx, me, happened)?;
            Multi::new(&TrainingRegisterResults { results })
        })
        .await
}
