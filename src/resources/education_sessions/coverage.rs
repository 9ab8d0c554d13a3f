//! The operation on the coverage of the education programme.

use actix_web::get;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::rows;
use super::rules::{self, YearGroup};
use crate::access::caller::Caller;
use crate::access::permissions::ReadEducation;
use crate::http::query::Query;
use crate::http::reply::Plain;
use crate::http::text::Day;
use crate::problem::Problem;

/// Whom the education programme has reached in a school year (PU-PU-2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "school_year": 2025, "starts_on": "2025-09-01", "ends_on": "2026-08-31",
    "year_groups": [
        { "year_group": "year_2", "sessions": 3, "topics": 2, "last_held_on": "2026-01-12", "covered": true },
        { "year_group": "year_3", "sessions": 0, "topics": 0, "covered": false }
    ]
}))]
pub struct EducationCoverage {
    /// The year in which it begins.
    #[schema(minimum = 1900, maximum = 2198)]
    pub school_year: i32,
    pub starts_on: Day,
    pub ends_on: Day,
    /// Every year group, the youngest first.
    #[schema(max_items = 8)]
    pub year_groups: Vec<YearGroupCoverage>,
}

/// How much a year group was taught in a school year.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct YearGroupCoverage {
    pub year_group: YearGroup,
    #[schema(minimum = 0)]
    pub sessions: i64,
    /// How many different ones.
    #[schema(minimum = 0)]
    pub topics: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_held_on: Option<Day>,
    /// Whether there was a session at all.
    pub covered: bool,
}

/// Which school year.
#[derive(Clone, Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EducationCoverageQuery {
    /// The year in which it begins, on 1 September; the current one, if absent.
    #[validate(range(min = 1900, max = 2198))]
    #[param(minimum = 1900, maximum = 2198, nullable = false)]
    pub school_year: Option<i32>,
}

/// Find whom the education programme has reached (PU-PU-2, SC-3).
///
/// Per year group, in a school year from 1 September to 31 August: a year group without a session is a gap.
#[utoipa::path(tag = "education", security(("oauth2" = [ReadEducation])), params(EducationCoverageQuery),
    responses((status = 200, description = "The coverage.", body = EducationCoverage)))]
#[get("/v1/education-coverage")]
pub(super) async fn find_education_coverage(
    caller: Caller<ReadEducation>,
    query: Query<EducationCoverageQuery>,
) -> Result<Plain<EducationCoverage>, Problem> {
    caller
        .read(move |conn, me| {
            let school_year = query.school_year.unwrap_or_else(|| rules::school_year(me.today()));
            let (first, last) = rules::days_of(school_year).ok_or_else(|| Problem::internal("a school year without days"))?;
            let taught = rows::taught(conn, me.school(), first, last)?;
            let coverage = |year_group| {
                let found = taught.iter().find(|taught| taught.year_group == year_group);
                YearGroupCoverage {
                    year_group,
                    sessions: found.map_or(0, |taught| taught.sessions),
                    topics: found.map_or(0, |taught| taught.topics),
                    last_held_on: found.and_then(|taught| taught.last_held_on).map(Day),
                    covered: found.is_some(),
                }
            };
            let year_groups = YearGroup::iter().map(coverage).collect();
            Plain::new(&EducationCoverage { school_year, starts_on: Day(first), ends_on: Day(last), year_groups })
        })
        .await
}
