//! Schools in the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use chrono_tz::Tz;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::{closing_days, schools};
use crate::db::types::{PersonId, SchoolId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::precondition;
use crate::policy::deadline::{self, SchoolCalendar};
use crate::policy::holidays::{BankHolidays, HolidayDivision};
use crate::policy::monitoring::Thresholds;
use crate::problem::Problem;
use crate::resources::courses;
use crate::resources::policies::seed;
use crate::resources::response_procedures;

/// One row of `schools`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = schools)]
pub struct SchoolRow {
    pub id: SchoolId,
    pub name: String,
    /// A name of the tz database.
    pub time_zone: String,
    pub holiday_division: HolidayDivision,
    pub bank_holidays_count_as_weekend: bool,
    /// Days until an approved business case lapses, unused.
    pub business_case_lapse_days: i32,
    /// Missed days in a row at which an account's monitoring is amber.
    pub monitoring_amber_days: i32,
    /// Hours since the last check at which it is red.
    pub monitoring_red_hours: i32,
    /// Days for which what has lapsed is overlooked (ELIG-1).
    pub eligibility_grace_days: i32,
    /// Who deals with what neither headteacher nor chair of governors can (R-HT-3).
    pub escalation_contact_id: Option<PersonId>,
    /// Who clears answers to journalists beside the headteacher (BEH-4).
    pub press_lead_id: Option<PersonId>,
    /// Minutes within which an offensive comment is to be dealt with (HND-1).
    pub urgent_target_minutes: i32,
    /// The bank holiday file by which the open deadlines were last computed.
    pub calendar_fingerprint: String,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// Days between two searches of the web (PRO-1).
    pub sweep_interval_days: i32,
    /// Low-level concerns about the same person from which on they are a pattern.
    pub concern_pattern_at: i32,
    /// Hours within which a publication has to go once its ground has gone (IMG-1).
    pub takedown_hours: i32,
    /// Days after which whoever published something looks at it again (R-ST-3).
    pub content_review_days: i32,
}

impl SchoolRow {
    /// The clock by which the school tells days.
    pub fn zone(&self) -> Tz {
        deadline::time_zone(&self.time_zone)
    }

    /// When the headteacher is told that an account is not monitored (MON-1).
    pub fn thresholds(&self) -> Thresholds {
        Thresholds { amber_days: self.monitoring_amber_days, red_hours: self.monitoring_red_hours }
    }
}

/// # Errors
/// Where the database gives none.
pub fn find(conn: &mut Conn, school: SchoolId) -> QueryResult<SchoolRow> {
    schools::table.find(school).select(SchoolRow::as_select()).first(conn)
}

/// The days that the school added, by date.
///
/// # Errors
/// Where the database gives none.
pub fn closing(conn: &mut Conn, school: SchoolId) -> QueryResult<BTreeMap<NaiveDate, String>> {
    let days: Vec<(NaiveDate, String)> = closing_days::table
        .filter(closing_days::school_id.eq(school))
        .order(closing_days::closed_on)
        .select((closing_days::closed_on, closing_days::title))
        .load(conn)?;
    Ok(days.into_iter().collect())
}

/// What the response clock has to know of the school.
///
/// # Errors
/// Where the database gives none.
pub fn calendar(conn: &mut Conn, school: SchoolId, bank_holidays: &Arc<BankHolidays>) -> QueryResult<SchoolCalendar> {
    let row = find(conn, school)?;
    Ok(SchoolCalendar {
        time_zone: row.zone(),
        division: row.holiday_division,
        closing_days: closing(conn, school)?,
        bank_holidays_count_as_weekend: row.bank_holidays_count_as_weekend,
        bank_holidays: Arc::clone(bank_holidays),
    })
}

/// Sets a school up, with the beginning of its log and its social media policy.
/// Sets a school up, with the beginning of its log and the courses that every school begins with (A15).
///
/// # Errors
/// Where the database gives none.
pub fn create(tx: &mut Conn, row: &SchoolRow, by: &str) -> QueryResult<()> {
    diesel::insert_into(schools::table).values(row).execute(tx)?;
    courses::rows::seed(tx, row.id, row.created_at)?;
    events::begin(tx, row.id)?;
    let system = Actor::system(row.id, by, row.created_at);
    events::record(tx, system.clone(), Event::new(EventType::SchoolCreated, row.id.uuid()))?;
    seed::seed(tx, &row.name, system.clone())?;
    response_procedures::seed::seed(tx, system)?;
    Ok(())
}

/// Stores changed settings under the next version.
///
/// # Errors
/// 412 where they have been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut SchoolRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let saved = diesel::update(schools::table.find(row.id).filter(schools::version.eq(read))).set(&*row).execute(tx)?;
    precondition::saved(saved)
}

/// Replaces the closing days.
///
/// # Errors
/// Where the database gives none.
pub fn replace_closing(tx: &mut Conn, school: SchoolId, days: &BTreeMap<NaiveDate, String>) -> QueryResult<()> {
    diesel::delete(closing_days::table.filter(closing_days::school_id.eq(school))).execute(tx)?;
    for (day, title) in days {
        diesel::insert_into(closing_days::table)
            .values((closing_days::school_id.eq(school), closing_days::closed_on.eq(day), closing_days::title.eq(title)))
            .execute(tx)?;
    }
    Ok(())
}

/// Tells one bank holiday file from another.
pub fn fingerprint(bank_holidays: &BankHolidays) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{bank_holidays:?}")))
}
