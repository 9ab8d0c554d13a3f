//! `weald school`: schools are set up by whoever runs the service.

use clap::{Args, Subcommand};
use weald::clock::{Clock, Instant};
use weald::config::Storage;
use weald::db::types::SchoolId;
use weald::policy::concerns::PATTERN_AT;
use weald::policy::holidays::HolidayDivision;
use weald::policy::mentions::SWEEP_INTERVAL_DAYS;
use weald::policy::monitoring::{AMBER_DAYS, RED_HOURS};
use weald::resources::schools::rows::{self, SchoolRow};
use weald::server;

use super::{CLIENT, Failure};

/// Days until an approved business case lapses, unused, unless the school says otherwise.
const LAPSE_DAYS: i32 = 90;

#[derive(Subcommand)]
pub enum SchoolCommand {
    /// Set a school up, and print its id
    Add {
        #[command(flatten)]
        school: NewSchool,
        #[command(flatten)]
        storage: Storage,
    },
}

#[derive(Args)]
pub struct NewSchool {
    /// What the school is called
    #[arg(value_parser = super::line::<200>)]
    pub name: String,

    /// Where its days begin and end: a name of the tz database
    #[arg(long, default_value = "Europe/London", value_parser = time_zone, value_name = "ZONE")]
    pub time_zone: String,

    /// Whose bank holidays it keeps
    #[arg(long, default_value = "england_and_wales", value_parser = super::words::<HolidayDivision>(), value_name = "DIVISION")]
    pub holiday_division: HolidayDivision,
}

pub async fn run(command: SchoolCommand) -> Result<(), Failure> {
    let SchoolCommand::Add { school, storage } = command;
    let row = school.row(&storage, Clock::System.now())?;
    let id = row.id;
    super::open(&storage)?.write(id.uuid(), move |tx| rows::create(tx, &row, CLIENT).map_err(Failure::from)).await?;
    println!("{id}");
    Ok(())
}

impl NewSchool {
    /// The school as it begins.
    pub fn row(self, storage: &Storage, now: Instant) -> Result<SchoolRow, Failure> {
        Ok(SchoolRow {
            id: SchoolId::new(),
            name: self.name,
            time_zone: self.time_zone,
            holiday_division: self.holiday_division,
            bank_holidays_count_as_weekend: false,
            business_case_lapse_days: LAPSE_DAYS,
            monitoring_amber_days: AMBER_DAYS,
            monitoring_red_hours: RED_HOURS,
            eligibility_grace_days: 0,
            escalation_contact_id: None,
            press_lead_id: None,
            urgent_target_minutes: 60,
            takedown_hours: 24,
            content_review_days: 90,
            calendar_fingerprint: rows::fingerprint(&server::bank_holidays(storage)?),
            version: 1,
            created_at: now,
            updated_at: now,
            sweep_interval_days: SWEEP_INTERVAL_DAYS,
            concern_pattern_at: PATTERN_AT,
        })
    }
}

fn time_zone(text: &str) -> Result<String, String> {
    let zone: Result<chrono_tz::Tz, _> = text.parse();
    zone.map(|zone| zone.name().to_owned()).map_err(|_| "expected a name like Europe/London".into())
}
