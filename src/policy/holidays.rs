//! Bank holidays as data, in the shape of <https://www.gov.uk/bank-holidays.json>.
//!
//! The program ships the years 2025 to 2030 (`data/bank-holidays.json`) and reads a newer file of
//! GOV.UK as it is. What is not on file is unknown: [`BankHolidays::first_day`] and
//! [`BankHolidays::horizon`] say where knowledge begins and ends.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

const SHIPPED: &str = include_str!("../../data/bank-holidays.json");

/// The part of the United Kingdom whose bank holidays a school keeps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HolidayDivision {
    #[default]
    EnglandAndWales,
    Scotland,
    NorthernIreland,
}

/// The bank holidays of all three divisions, each without a gap from its first year to its last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BankHolidays {
    england_and_wales: Holidays,
    scotland: Holidays,
    northern_ireland: Holidays,
}

/// A file that cannot be used, with the reason and the place in it.
#[derive(Debug, thiserror::Error)]
#[error("the bank holiday file cannot be used: {0}")]
pub struct BankHolidaysError(serde_json::Error);

impl BankHolidays {
    /// The bank holidays that come with the program, 2025 to 2030.
    ///
    /// # Errors
    /// As [`BankHolidays::parse`]; a test shows that the shipped file has none.
    pub fn shipped() -> Result<Self, BankHolidaysError> {
        Self::parse(SHIPPED)
    }

    /// Reads a file in the shape of GOV.UK's. Fields that it adds one day are ignored.
    ///
    /// # Errors
    /// When the text is not JSON of that shape, a division is missing or empty, a date is not
    /// `YYYY-MM-DD`, or a division has no bank holiday in a year between its first and its last.
    pub fn parse(json: &str) -> Result<Self, BankHolidaysError> {
        serde_json::from_str(json).map_err(BankHolidaysError)
    }

    /// The title of the bank holiday on this day, as GOV.UK writes it, or `None` on any other day.
    #[must_use]
    pub fn title(&self, division: HolidayDivision, date: NaiveDate) -> Option<&str> {
        self.of(division).titles.get(&date).map(String::as_str)
    }

    /// 1 January of the first year on file.
    #[must_use]
    pub fn first_day(&self, division: HolidayDivision) -> NaiveDate {
        self.of(division).first_day
    }

    /// 31 December of the last year on file. GOV.UK publishes whole years.
    #[must_use]
    pub fn horizon(&self, division: HolidayDivision) -> NaiveDate {
        self.of(division).horizon
    }

    fn of(&self, division: HolidayDivision) -> &Holidays {
        match division {
            HolidayDivision::EnglandAndWales => &self.england_and_wales,
            HolidayDivision::Scotland => &self.scotland,
            HolidayDivision::NorthernIreland => &self.northern_ireland,
        }
    }
}

/// The bank holidays of one division.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "DivisionOnFile")]
struct Holidays {
    titles: BTreeMap<NaiveDate, String>,
    first_day: NaiveDate,
    horizon: NaiveDate,
}

#[derive(Deserialize)]
struct DivisionOnFile {
    division: String,
    events: Vec<EventOnFile>,
}

#[derive(Deserialize)]
struct EventOnFile {
    title: String,
    date: NaiveDate,
}

impl TryFrom<DivisionOnFile> for Holidays {
    type Error = String;

    fn try_from(DivisionOnFile { division, events }: DivisionOnFile) -> Result<Self, String> {
        let titles: BTreeMap<_, _> = events.into_iter().map(|event| (event.date, event.title)).collect();
        let years = || titles.keys().map(Datelike::year);
        let first_day = years().next().and_then(|year| NaiveDate::from_ymd_opt(year, 1, 1));
        let last_day = years().next_back().and_then(|year| NaiveDate::from_ymd_opt(year, 12, 31));
        let (Some(first_day), Some(horizon)) = (first_day, last_day) else {
            return Err(format!("{division} has no bank holidays"));
        };
        // A year without any would be read as a year of working days.
        match years().zip(years().skip(1)).find(|(year, next)| next - year > 1) {
            Some((year, _)) => Err(format!("{division} has no bank holidays in {}", year + 1)),
            None => Ok(Self { titles, first_day, horizon }),
        }
    }
}

#[cfg(test)]
mod tests {
    use HolidayDivision::{EnglandAndWales, NorthernIreland, Scotland};
    use strum::IntoEnumIterator;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The days of one division in one year, as `MM-DD`.
    fn days(division: HolidayDivision, year: i32) -> Vec<String> {
        let on_file = BankHolidays::shipped().unwrap();
        let titles = &on_file.of(division).titles;
        titles.keys().filter(|date| date.year() == year).map(|date| date.format("%m-%d").to_string()).collect()
    }

    fn complaint(json: &str) -> String {
        BankHolidays::parse(json).unwrap_err().to_string()
    }

    /// A file whose Scotland has these events and whose other divisions are in order.
    fn file_with_scotland(events: &str) -> String {
        let fine = r#"[{"title":"New Year’s Day","date":"2025-01-01","notes":"","bunting":true}]"#;
        let division = |name, events| format!(r#""{name}":{{"division":"{name}","events":{events}}}"#);
        format!("{{{},{},{}}}", division("england-and-wales", fine), division("scotland", events), division("northern-ireland", fine))
    }

    #[test]
    fn the_shipped_file_holds_2025_to_2030_for_every_division() {
        let on_file = BankHolidays::shipped().unwrap();
        for division in HolidayDivision::iter() {
            assert_eq!(on_file.first_day(division), day("2025-01-01"));
            assert_eq!(on_file.horizon(division), day("2030-12-31"));
        }
    }

    #[test]
    fn england_and_wales_is_as_gov_uk_lists_it() {
        let years = [
            (2025, "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26"),
            (2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
            (2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28"),
            (2028, "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26"),
            (2029, "01-01 03-30 04-02 05-07 05-28 08-27 12-25 12-26"),
            (2030, "01-01 04-19 04-22 05-06 05-27 08-26 12-25 12-26"),
        ];
        for (year, expected) in years {
            assert_eq!(days(EnglandAndWales, year).join(" "), expected, "{year}");
        }
    }

    #[test]
    fn scotland_and_northern_ireland_have_their_own_days() {
        assert_eq!(days(Scotland, 2026).join(" "), "01-01 01-02 04-03 05-04 05-25 06-15 08-03 11-30 12-25 12-28");
        assert_eq!(days(Scotland, 2028).join(" "), "01-03 01-04 04-14 05-01 05-29 08-07 11-30 12-25 12-26");
        assert_eq!(days(NorthernIreland, 2026).join(" "), "01-01 03-17 04-03 04-06 05-04 05-25 07-13 08-31 12-25 12-28");
        let on_file = BankHolidays::shipped().unwrap();
        assert_eq!(on_file.title(Scotland, day("2026-06-15")), Some("World Cup bank holiday"));
        assert_eq!(on_file.title(EnglandAndWales, day("2026-06-15")), None);
    }

    #[test]
    fn a_division_is_written_in_snake_case() {
        for (division, word) in [(EnglandAndWales, "england_and_wales"), (Scotland, "scotland"), (NorthernIreland, "northern_ireland")] {
            assert_eq!(division.to_string(), word);
            assert_eq!(word.parse(), Ok(division));
            assert_eq!(serde_json::to_value(division).unwrap(), word);
        }
    }

    #[test]
    fn a_newer_file_is_read_as_it_is() {
        let newer = file_with_scotland(r#"[{"title":"2nd January","date":"2031-01-02","notes":"","bunting":true}]"#);
        let newer = BankHolidays::parse(&newer).unwrap();
        assert_eq!(newer.horizon(Scotland), day("2031-12-31"));
        assert_eq!(newer.horizon(EnglandAndWales), day("2025-12-31"));
        assert_eq!(newer.title(Scotland, day("2031-01-02")), Some("2nd January"));
    }

    #[test]
    fn an_unusable_file_is_refused_in_words() {
        let refusals = [
            (complaint("<html>"), "expected value"),
            (complaint("{}"), "missing field `england-and-wales`"),
            (complaint(&file_with_scotland("[]")), "scotland has no bank holidays at line"),
            (complaint(&file_with_scotland(r#"[{"title":"x","date":"2025-02-30"}]"#)), "out of range"),
            (
                complaint(&file_with_scotland(r#"[{"title":"x","date":"2025-01-01"},{"title":"x","date":"2027-01-01"}]"#)),
                "scotland has no bank holidays in 2026",
            ),
        ];
        for (complaint, reason) in refusals {
            assert!(complaint.starts_with("the bank holiday file cannot be used: "), "{complaint}");
            assert!(complaint.contains(reason), "{complaint}");
        }
    }
}
