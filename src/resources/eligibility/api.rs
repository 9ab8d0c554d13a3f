//! The operations on eligibility and compliance.

use actix_web::get;
use actix_web::web::Path;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::rows::{self, Assessment};
use crate::access::caller::Caller;
use crate::access::permissions::ReadEligibility;
use crate::clock::Instant;
use crate::db::types::{AccountId, PersonId};
use crate::http::document::Fails;
use crate::http::reply::Plain;
use crate::http::text::Day;
use crate::policy::eligibility::{ComplianceLevel, Requirement, Shortfall, compliance};
use crate::policy::training::Activity;
use crate::problem::Problem;
use crate::resources::{accounts, people};

pub fn operations(config: &mut ServiceConfig) {
    config.service(find_eligibility).service(find_account_compliance);
}

/// Something that is asked of whoever runs an account and that somebody lacks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MissingRequirement {
    pub requirement: Requirement,
    /// The policy version to acknowledge, or the course to complete; absent where there is nothing to acknowledge yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<Uuid>,
    #[schema(max_length = 200)]
    pub name: String,
    #[schema(max_length = 500)]
    pub detail: String,
    /// What would satisfy it.
    #[schema(max_length = 500)]
    pub cure: String,
    /// The last day on which it is overlooked for an account that is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub grace_until_on: Option<Day>,
}

/// Whether somebody may run an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "person_id": "0198a4b2-6f00-7000-8000-000000000002", "activity": "account_manager", "eligible": false, "compliance": "non_compliant",
    "missing": [{
        "requirement": "training", "id": "0198a4b2-6f00-7000-8000-0000000000c1", "name": "Safeguarding",
        "detail": "The course \"Safeguarding\" has not been completed.",
        "cure": "Complete it, and have the headteacher, a safeguarding lead or the trainer record it."
    }]
}))]
pub struct Eligibility {
    pub person_id: PersonId,
    pub activity: Activity,
    /// Nothing is missing: they may begin.
    pub eligible: bool,
    /// How they stand if they run an account already.
    pub compliance: ComplianceLevel,
    #[schema(max_items = 100)]
    pub missing: Vec<MissingRequirement>,
}

/// How an account stands by those who run it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "account_id": "0198a4b2-6f00-7000-8000-00000000000a", "compliance": "compliant", "assessed_at": "2026-01-15T09:00:00Z",
    "managers": [{ "person_id": "0198a4b2-6f00-7000-8000-000000000002", "activity": "account_manager", "eligible": true, "compliance": "compliant", "missing": [] }]
}))]
pub struct AccountCompliance {
    pub account_id: AccountId,
    /// The worst of those who run it.
    pub compliance: ComplianceLevel,
    pub assessed_at: Instant,
    #[schema(max_items = 20)]
    pub managers: Vec<Eligibility>,
}

fn missing(shortfall: &Shortfall) -> MissingRequirement {
    MissingRequirement {
        requirement: shortfall.requirement,
        id: shortfall.id,
        name: shortfall.name.clone(),
        detail: shortfall.detail.clone(),
        cure: shortfall.cure.clone(),
        grace_until_on: shortfall.grace_until.map(Day),
    }
}

fn view(assessment: &Assessment, person_id: PersonId) -> Eligibility {
    let shortfalls = assessment.of(person_id);
    Eligibility {
        person_id,
        activity: Activity::AccountManager,
        eligible: shortfalls.is_empty(),
        compliance: compliance(shortfalls),
        missing: shortfalls.iter().map(missing).collect(),
    }
}

/// Find out whether a person may run an account (ELIG-1, ELIG-2).
///
/// All that is missing, and how to make it good; the same for those whom the school does not employ.
#[utoipa::path(tag = "eligibility", security(("oauth2" = [ReadEligibility])),
    responses((status = 200, description = "How they stand.", body = Eligibility), Fails<404>))]
#[get("/v1/people/{id}/eligibility")]
async fn find_eligibility(caller: Caller<ReadEligibility>, id: Path<PersonId>) -> Result<Plain<Eligibility>, Problem> {
    caller
        .read(move |conn, me| {
            if me.own_only() && !me.is(*id) {
                return Err(Problem::not_found());
            }
            people::rows::find(conn, me.school(), people::rows::Sight::Everyone, *id)?;
            let assessment = rows::assess(conn, me.school(), &[*id], me.now())?;
            Plain::new(&view(&assessment, *id))
        })
        .await
}

/// Find out how an account stands by those who run it (ELIG-1, ELIG-2).
///
/// It is as compliant as the least of them. A new version of the policy, or training that runs out, makes it
/// non-compliant after the school's days of grace, and is made good in the same way as at first.
#[utoipa::path(tag = "eligibility", security(("oauth2" = [ReadEligibility])),
    responses((status = 200, description = "How it stands.", body = AccountCompliance), Fails<404>))]
#[get("/v1/accounts/{id}/compliance")]
async fn find_account_compliance(caller: Caller<ReadEligibility>, id: Path<AccountId>) -> Result<Plain<AccountCompliance>, Problem> {
    caller
        .read(move |conn, me| {
            let sight = match me.person() {
                Some(person) if me.own_only() => accounts::rows::Sight::Own(person),
                _ => accounts::rows::Sight::All,
            };
            let account = accounts::rows::find(conn, me.school(), sight, *id)?;
            let people: Vec<PersonId> = account.managers.iter().map(|manager| manager.person_id).collect();
            let assessment = rows::assess(conn, me.school(), &people, me.now())?;
            Plain::new(&AccountCompliance {
                account_id: *id,
                compliance: assessment.of_account(&account),
                assessed_at: me.now(),
                managers: people.into_iter().map(|person| view(&assessment, person)).collect(),
            })
        })
        .await
}
