//! The operation on training gaps.

use actix_web::get;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows;
use crate::access::caller::Caller;
use crate::access::permissions::ReadTrainingGaps;
use crate::db::types::{CourseId, PersonId};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::query::Query;
use crate::http::text::Day;
use crate::page::{Page, paged};
use crate::policy::training::{self, Activity, Missing};
use crate::problem::Problem;
use crate::resources::{courses, training_completions};

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_training_gaps);
}

/// Somebody who lacks training for what they do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "person_id": "0198a4b2-6f00-7000-8000-000000000003",
    "missing": [{ "course_id": "0198a4b2-6f00-7000-8000-0000000000d1", "last_expired_on": "2025-12-31" }]
}))]
pub struct TrainingGap {
    pub person_id: PersonId,
    /// The required courses of which they have no completion that counts.
    #[schema(max_items = 1000)]
    pub missing: Vec<MissingCourse>,
}

type TrainingGapPage = Page<TrainingGap>;

/// A required course that somebody has not completed, or too long ago.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MissingCourse {
    pub course_id: CourseId,
    /// The last day on which they had it; absent where they never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_expired_on: Option<Day>,
}

impl From<Missing<CourseId>> for MissingCourse {
    fn from(missing: Missing<CourseId>) -> Self {
        Self { course_id: missing.course, last_expired_on: missing.last_expired_on.map(Day) }
    }
}

/// For which activity.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrainingGapQuery {
    /// `account_manager`, if absent: of those who run an account that is not closed.
    #[param(inline, nullable = false)]
    pub activity: Option<Activity>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(TrainingGapQuery);

/// List who lacks training for what they do (R-HT-1, R-ST-2).
///
/// Those at the school who run an account and have no completion, in date, of one of the courses that this requires.
#[utoipa::path(tag = "training", security(("oauth2" = [ReadTrainingGaps])), params(TrainingGapQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((TrainingGapPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/training-gaps")]
async fn list_training_gaps(
    caller: Caller<ReadTrainingGaps>,
    query: Query<TrainingGapQuery>,
    format: Format,
) -> Result<Listed<TrainingGap>, Problem> {
    listed(caller, "/v1/training-gaps", query, format, |conn, me, query, window| {
        let activity = query.activity.unwrap_or(Activity::AccountManager);
        let required = courses::rows::required_for(conn, me.school(), activity)?;
        let lacking = match activity {
            Activity::AccountManager => rows::account_managers_lacking(conn, me.school(), &required, me.today(), window)?,
        };
        let validity = training_completions::rows::valid_until(conn, me.school(), activity, &lacking)?;
        let gap = |person_id| {
            let missing = training::missing(validity.of(person_id), me.today());
            TrainingGap { person_id, missing: missing.into_iter().map(MissingCourse::from).collect() }
        };
        Ok(window.page(lacking, |&person| person, gap))
    })
    .await
}
