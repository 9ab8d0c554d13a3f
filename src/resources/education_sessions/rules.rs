//! Year groups, and the years in which they are taught.

use chrono::{Datelike, NaiveDate};

use crate::words::words;

words! {
    /// A year group of a primary school.
    pub enum YearGroup {
        Nursery,
        Reception,
        // Snake case alone would write `year1`.
        #[serde(rename = "year_1")] #[strum(serialize = "year_1")] Year1,
        #[serde(rename = "year_2")] #[strum(serialize = "year_2")] Year2,
        #[serde(rename = "year_3")] #[strum(serialize = "year_3")] Year3,
        #[serde(rename = "year_4")] #[strum(serialize = "year_4")] Year4,
        #[serde(rename = "year_5")] #[strum(serialize = "year_5")] Year5,
        #[serde(rename = "year_6")] #[strum(serialize = "year_6")] Year6,
    }
}

/// The month in which a school year begins.
const SEPTEMBER: u32 = 9;

/// The school year that a day lies in, named by the year in which it begins.
pub fn school_year(day: NaiveDate) -> i32 {
    if day.month() >= SEPTEMBER { day.year() } else { day.year() - 1 }
}

/// The first and the last day of a school year: 1 September to 31 August.
pub fn days_of(school_year: i32) -> Option<(NaiveDate, NaiveDate)> {
    Some((NaiveDate::from_ymd_opt(school_year, SEPTEMBER, 1)?, NaiveDate::from_ymd_opt(school_year + 1, SEPTEMBER - 1, 31)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_school_year_begins_in_september_and_ends_in_august() {
        for (day, year) in [("2026-08-31", 2025), ("2026-09-01", 2026), ("2027-01-14", 2026), ("2027-08-31", 2026)] {
            let day: NaiveDate = day.parse().unwrap();
            assert_eq!(school_year(day), year, "{day}");
            let (first, last) = days_of(year).unwrap();
            assert!(first <= day && day <= last && school_year(first) == year && school_year(last) == year, "{day}");
        }
    }

    #[test]
    fn a_year_group_is_written_as_the_api_writes_it() {
        for (group, word) in [(YearGroup::Reception, "reception"), (YearGroup::Year1, "year_1"), (YearGroup::Year6, "year_6")] {
            assert_eq!((group.to_string().as_str(), word.parse()), (word, Ok(group)));
            assert_eq!(serde_json::to_value(group).unwrap(), word);
        }
    }
}
