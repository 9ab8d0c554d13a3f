//! The operations on the school.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use actix_web::{get, patch, post};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::{Validate, ValidationError};

use super::rows::{self, SchoolRow};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageSchool, NameEscalationContact, NamePressLead, ReadSchool};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{PersonId, SchoolId};
use crate::events::{self, Event, EventType};
use crate::http::body::{Valid, present_objects};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Plain, Resource, Versioned};
use crate::http::text::{Day, Line, present};
use crate::page::{Page, PageQuery, Window};
use crate::policy::holidays::{BankHolidays, HolidayDivision};
use crate::policy::roles::{can_be_escalation_contact, is_staff};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::comments::rows::recompute_deadlines;
use crate::resources::{invitations, people};

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_schools).service(find_school).service(edit_school).service(name_escalation_contact).service(name_press_lead);
}

/// The school: its clock, calendar and settings.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-000000000001", "name": "Weald Primary School", "time_zone": "Europe/London",
    "holiday_division": "england_and_wales", "bank_holidays_count_as_weekend": false, "business_case_lapse_days": 90, "urgent_target_minutes": 60, "takedown_hours": 24, "content_review_days": 90,
    "monitoring_amber_days": 1, "monitoring_red_hours": 48, "eligibility_grace_days": 0,
    "sweep_interval_days": 7, "concern_pattern_at": 3,
    "closing_days": [{ "closed_on": "2026-09-01", "title": "INSET day" }], "calendar_horizon_on": "2030-12-31",
    "version": 1, "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"
}))]
pub struct School {
    pub id: SchoolId,
    #[schema(max_length = 200)]
    pub name: String,
    /// A name of the tz database: the clock by which days and weekends are told (MON-2).
    #[schema(max_length = 64)]
    pub time_zone: String,
    /// Whose bank holidays the school keeps.
    pub holiday_division: HolidayDivision,
    /// Whether what arrives on a bank holiday is treated as received at a weekend.
    pub bank_holidays_count_as_weekend: bool,
    /// Days until an approved business case lapses, unused.
    #[schema(minimum = 1, maximum = 365)]
    pub business_case_lapse_days: i32,
    /// Missed days in a row at which the headteacher is told that an account is not monitored (MON-1).
    #[schema(minimum = 1, maximum = 14)]
    pub monitoring_amber_days: i32,
    /// Hours since an account's last check at which it is red; never before it is amber.
    #[schema(minimum = 24, maximum = 336)]
    pub monitoring_red_hours: i32,
    /// Days for which an account in use stays so although a policy was published anew or training ran out (ELIG-1).
    #[schema(minimum = 0, maximum = 90)]
    pub eligibility_grace_days: i32,
    /// Minutes within which an offensive comment is to be dealt with; its deadline stays as it is (HND-1).
    #[schema(minimum = 5, maximum = 1440)]
    pub urgent_target_minutes: i32,
    /// Hours within which a publication has to go once its ground has gone (IMG-1).
    #[schema(minimum = 1, maximum = 168)]
    pub takedown_hours: i32,
    /// Days after which whoever published something looks at it again (R-ST-3).
    #[schema(minimum = 1, maximum = 365)]
    pub content_review_days: i32,
    /// Who deals with what neither headteacher nor chair of governors can: the local authority's officer, or the clerk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub escalation_contact_id: Option<PersonId>,
    /// Who clears answers to journalists beside the headteacher.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub press_lead_id: Option<PersonId>,
    /// Days between two searches of the web for postings about the school (PRO-1).
    #[schema(minimum = 1, maximum = 90)]
    pub sweep_interval_days: i32,
    /// Low-level concerns about the same person from which on they are marked as a pattern.
    #[schema(minimum = 2, maximum = 20)]
    pub concern_pattern_at: i32,
    #[schema(max_items = 400)]
    pub closing_days: Vec<ClosingDay>,
    /// The last day for which bank holidays are on file; there are no deadlines after it.
    pub calendar_horizon_on: Day,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type SchoolPage = Page<School>;

/// A day that the school adds to the bank holidays: no working day, but no pause of the clock either.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosingDay {
    pub closed_on: Day,
    #[validate(nested)]
    #[schema(inline)]
    pub title: Line<100>,
}

impl Resource for School {
    fn location(&self) -> String {
        format!("/v1/schools/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Changes to the school (a merge patch: absent keeps).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "closing_days": [{ "closed_on": "2026-09-01", "title": "INSET day" }] }))]
pub struct SchoolPatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub name: Option<Line<200>>,
    /// A name of the tz database, such as `Europe/London`.
    #[serde(default, deserialize_with = "present")]
    #[validate(custom(function = "known_zone"))]
    #[schema(inline, nullable = false)]
    pub time_zone: Option<Line<64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub holiday_division: Option<HolidayDivision>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub bank_holidays_count_as_weekend: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 1, max = 365))]
    #[schema(minimum = 1, maximum = 365, nullable = false)]
    pub business_case_lapse_days: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 1, max = 14))]
    #[schema(minimum = 1, maximum = 14, nullable = false)]
    pub monitoring_amber_days: Option<i32>,
    /// At least 24 for each of the `monitoring_amber_days`.
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 24, max = 336))]
    #[schema(minimum = 24, maximum = 336, nullable = false)]
    pub monitoring_red_hours: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 0, max = 90))]
    #[schema(minimum = 0, maximum = 90, nullable = false)]
    pub eligibility_grace_days: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 5, max = 1440))]
    #[schema(minimum = 5, maximum = 1440, nullable = false)]
    pub urgent_target_minutes: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 1, max = 168))]
    #[schema(minimum = 1, maximum = 168, nullable = false)]
    pub takedown_hours: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 1, max = 365))]
    #[schema(minimum = 1, maximum = 365, nullable = false)]
    pub content_review_days: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 1, max = 90))]
    #[schema(minimum = 1, maximum = 90, nullable = false)]
    pub sweep_interval_days: Option<i32>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 2, max = 20))]
    #[schema(minimum = 2, maximum = 20, nullable = false)]
    pub concern_pattern_at: Option<i32>,
    /// All of them: replaces the ones on file.
    #[serde(default, deserialize_with = "present_objects")]
    #[validate(length(max = 400), nested)]
    #[schema(max_items = 400, nullable = false)]
    pub closing_days: Option<Vec<ClosingDay>>,
}

fn known_zone(zone: &Line<64>) -> Result<(), ValidationError> {
    let unknown = || ValidationError::new("unknown_time_zone").with_message("Must be a name of the tz database.".into());
    zone.as_str().parse::<chrono_tz::Tz>().map(drop).map_err(|_| unknown())
}

fn view(row: SchoolRow, closing_days: BTreeMap<NaiveDate, String>, bank_holidays: &BankHolidays) -> School {
    let closing_day = |(day, title): (NaiveDate, String)| ClosingDay { closed_on: Day(day), title: title.as_str().into() };
    School {
        calendar_horizon_on: Day(bank_holidays.horizon(row.holiday_division)),
        closing_days: closing_days.into_iter().map(closing_day).collect(),
        id: row.id,
        name: row.name,
        time_zone: row.time_zone,
        holiday_division: row.holiday_division,
        bank_holidays_count_as_weekend: row.bank_holidays_count_as_weekend,
        business_case_lapse_days: row.business_case_lapse_days,
        monitoring_amber_days: row.monitoring_amber_days,
        monitoring_red_hours: row.monitoring_red_hours,
        eligibility_grace_days: row.eligibility_grace_days,
        urgent_target_minutes: row.urgent_target_minutes,
        takedown_hours: row.takedown_hours,
        content_review_days: row.content_review_days,
        escalation_contact_id: row.escalation_contact_id,
        press_lead_id: row.press_lead_id,
        sweep_interval_days: row.sweep_interval_days,
        concern_pattern_at: row.concern_pattern_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn read(conn: &mut Conn, school: SchoolId, bank_holidays: &BankHolidays) -> Result<School, Problem> {
    Ok(view(rows::find(conn, school)?, rows::closing(conn, school)?, bank_holidays))
}

/// Each day once.
fn by_date(days: Vec<ClosingDay>) -> Result<BTreeMap<NaiveDate, String>, Problem> {
    let mut by_date = BTreeMap::new();
    let mut errors = Vec::new();
    for (index, day) in days.into_iter().enumerate() {
        if by_date.insert(day.closed_on.0, day.title.into_inner()).is_some() {
            errors.push(FieldError::new(format!("/closing_days/{index}/closed_on"), "duplicate", "This day is named already."));
        }
    }
    if errors.is_empty() { Ok(by_date) } else { Err(Problem::new(Code::ValidationFailed).with_errors(errors)) }
}

/// List schools.
///
/// A caller belongs to one school, so that is the only one in the list.
#[utoipa::path(tag = "schools", security(("oauth2" = [ReadSchool])), params(PageQuery),
    responses((status = 200, description = "One page.", body = SchoolPage)))]
#[get("/v1/schools")]
async fn list_schools(caller: Caller<ReadSchool>, query: Query<PageQuery>, state: Data<State>) -> Result<Plain<Page<School>>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"schools")?;
    let school = caller.read(move |conn, me| read(conn, me.school(), &state.bank_holidays)).await?;
    let rows = if window.after.is_some() { vec![] } else { vec![school] };
    Plain::new(&window.page(rows, |school| school.id, |school| school))
}

/// Find a school.
#[utoipa::path(tag = "schools", security(("oauth2" = [ReadSchool])),
    responses((status = 200, description = "The school.", body = School), Fails<404>))]
#[get("/v1/schools/{id}")]
async fn find_school(caller: Caller<ReadSchool>, id: Path<SchoolId>, state: Data<State>) -> Result<Versioned<School>, Problem> {
    caller
        .read(move |conn, me| {
            own(me, *id)?;
            Versioned::new(&read(conn, *id, &state.bank_holidays)?)
        })
        .await
}

/// Another school does not exist for this caller.
fn own<P>(me: &Caller<P>, id: SchoolId) -> Result<(), Problem> {
    if id == me.school() { Ok(()) } else { Err(Problem::not_found()) }
}

/// Edit a school.
///
/// A change of the calendar (time zone, bank holidays, closing days) computes the deadlines of open comments anew
/// (MON-2), and the log says so. An account's monitoring is never red before it is amber (MON-1).
#[utoipa::path(tag = "schools", security(("oauth2" = [ManageSchool])), params(IfMatchHeader), request_body = SchoolPatch,
    responses((status = 200, description = "Edited.", body = School), Fails<404, 412, 422, 428>))]
#[patch("/v1/schools/{id}")]
async fn edit_school(
    caller: Caller<ManageSchool>,
    id: Path<SchoolId>,
    seen: IfMatch,
    patch: Valid<SchoolPatch>,
    state: Data<State>,
) -> Result<Versioned<School>, Problem> {
    caller
        .write(move |tx, me| {
            own(me, *id)?;
            let mut row = rows::find(tx, *id)?;
            seen.check(row.version)?;
            let (settings, calendar) = edit(tx, &mut row, patch.into_inner())?;
            let calendar_changed = calendar.iter().any(|(_, changed)| *changed);
            if calendar_changed || settings.iter().any(|(_, changed)| *changed) {
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(EventType::SchoolChanged, id.uuid()).changed(settings.into_iter().chain(calendar)))?;
            }
            if calendar_changed {
                let calendar = rows::calendar(tx, *id, &state.bank_holidays)?;
                recompute_deadlines(tx, me.into(), &calendar)?;
            }
            Versioned::new(&view(row, rows::closing(tx, *id)?, &state.bank_holidays))
        })
        .await
}

/// Who deals with what neither headteacher nor chair of governors can.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000008" }))]
pub struct EscalationContact {
    pub person_id: PersonId,
}

/// Name the school's escalation contact (R-HT-3).
///
/// The local authority's officer or the clerk, recorded as a governor of the school: leads what is about both
/// headteacher and chair of governors, and is told of what is about the chair. Neither of these two themselves.
#[utoipa::path(tag = "schools", security(("oauth2" = [NameEscalationContact])), params(IfMatchHeader), request_body = EscalationContact,
    responses((status = 200, description = "Named.", body = School), Fails<404, 412, 428>))]
#[post("/v1/schools/{id}/name-escalation-contact")]
async fn name_escalation_contact(
    caller: Caller<NameEscalationContact>,
    id: Path<SchoolId>,
    seen: IfMatch,
    contact: Valid<EscalationContact>,
    state: Data<State>,
) -> Result<Versioned<School>, Problem> {
    caller
        .write(move |tx, me| {
            own(me, *id)?;
            let mut row = rows::find(tx, *id)?;
            seen.check(row.version)?;
            let person = contact.into_inner().person_id;
            let roles = people::rows::roles_of(tx, *id, &[person])?.remove(&person).unwrap_or_default();
            if !can_be_escalation_contact(&roles) {
                return Err(Problem::invalid("/person_id", "unsuitable", "Name a governor who is neither headteacher nor chair."));
            }
            row.escalation_contact_id = Some(person);
            // Whoever made a link for a plain governor must not get into what is confidential by it.
            invitations::rows::end_open(tx, *id, &[person], me.now())?;
            rows::save(tx, &mut row, me.now())?;
            let event = Event::new(EventType::SchoolEscalationContactNamed, id.uuid()).related("person_id", person.uuid());
            events::record(tx, me, event)?;
            Versioned::new(&view(row, rows::closing(tx, *id)?, &state.bank_holidays))
        })
        .await
}

/// Who clears answers to journalists beside the headteacher.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "person_id": "0198a4b2-6f00-7000-8000-000000000002" }))]
pub struct PressLead {
    pub person_id: PersonId,
}

/// Name the school's press lead (BEH-4).
///
/// A member of staff, who clears answers to journalists beside the headteacher.
#[utoipa::path(tag = "schools", security(("oauth2" = [NamePressLead])), params(IfMatchHeader), request_body = PressLead,
    responses((status = 200, description = "Named.", body = School), Fails<404, 412, 428>))]
#[post("/v1/schools/{id}/name-press-lead")]
async fn name_press_lead(
    caller: Caller<NamePressLead>,
    id: Path<SchoolId>,
    seen: IfMatch,
    lead: Valid<PressLead>,
    state: Data<State>,
) -> Result<Versioned<School>, Problem> {
    caller
        .write(move |tx, me| {
            own(me, *id)?;
            let mut row = rows::find(tx, *id)?;
            seen.check(row.version)?;
            let person = lead.into_inner().person_id;
            let roles = people::rows::roles_of(tx, *id, &[person])?.remove(&person).unwrap_or_default();
            if !is_staff(&roles) {
                return Err(Problem::invalid("/person_id", "unsuitable", "Name a member of staff."));
            }
            row.press_lead_id = Some(person);
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::SchoolPressLeadNamed, id.uuid()).related("person_id", person.uuid()))?;
            Versioned::new(&view(row, rows::closing(tx, *id)?, &state.bank_holidays))
        })
        .await
}

type Changes<const N: usize> = [(&'static str, bool); N];

/// Applies the patch: which settings change, and what of the calendar.
fn edit(tx: &mut Conn, row: &mut SchoolRow, patch: SchoolPatch) -> Result<(Changes<10>, Changes<4>), Problem> {
    let before = row.clone();
    let mut closing_days_changed = false;
    if let Some(days) = patch.closing_days {
        let days = by_date(days)?;
        closing_days_changed = days != rows::closing(tx, row.id)?;
        if closing_days_changed {
            rows::replace_closing(tx, row.id, &days)?;
        }
    }
    if let Some(name) = patch.name {
        row.name = name.into_inner();
    }
    if let Some(zone) = patch.time_zone {
        row.time_zone = zone.into_inner();
    }
    row.holiday_division = patch.holiday_division.unwrap_or(row.holiday_division);
    row.bank_holidays_count_as_weekend = patch.bank_holidays_count_as_weekend.unwrap_or(row.bank_holidays_count_as_weekend);
    row.business_case_lapse_days = patch.business_case_lapse_days.unwrap_or(row.business_case_lapse_days);
    row.monitoring_amber_days = patch.monitoring_amber_days.unwrap_or(row.monitoring_amber_days);
    row.monitoring_red_hours = patch.monitoring_red_hours.unwrap_or(row.monitoring_red_hours);
    row.eligibility_grace_days = patch.eligibility_grace_days.unwrap_or(row.eligibility_grace_days);
    row.urgent_target_minutes = patch.urgent_target_minutes.unwrap_or(row.urgent_target_minutes);
    row.takedown_hours = patch.takedown_hours.unwrap_or(row.takedown_hours);
    row.content_review_days = patch.content_review_days.unwrap_or(row.content_review_days);
    row.sweep_interval_days = patch.sweep_interval_days.unwrap_or(row.sweep_interval_days);
    row.concern_pattern_at = patch.concern_pattern_at.unwrap_or(row.concern_pattern_at);
    row.thresholds().check()?;
    let settings = [
        ("name", before.name != row.name),
        ("business_case_lapse_days", before.business_case_lapse_days != row.business_case_lapse_days),
        ("monitoring_amber_days", before.monitoring_amber_days != row.monitoring_amber_days),
        ("monitoring_red_hours", before.monitoring_red_hours != row.monitoring_red_hours),
        ("eligibility_grace_days", before.eligibility_grace_days != row.eligibility_grace_days),
        ("urgent_target_minutes", before.urgent_target_minutes != row.urgent_target_minutes),
        ("takedown_hours", before.takedown_hours != row.takedown_hours),
        ("content_review_days", before.content_review_days != row.content_review_days),
        ("sweep_interval_days", before.sweep_interval_days != row.sweep_interval_days),
        ("concern_pattern_at", before.concern_pattern_at != row.concern_pattern_at),
    ];
    let calendar = [
        ("time_zone", before.time_zone != row.time_zone),
        ("holiday_division", before.holiday_division != row.holiday_division),
        ("bank_holidays_count_as_weekend", before.bank_holidays_count_as_weekend != row.bank_holidays_count_as_weekend),
        ("closing_days", closing_days_changed),
    ];
    Ok((settings, calendar))
}
