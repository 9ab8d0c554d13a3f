//! The times that the law sets beside the policy's 24 hours (LEG-2): UK GDPR, Data Protection Act 2018, Freedom of
//! Information Act 2000.

use chrono::{DateTime, Days, Months, TimeDelta, Utc};

use super::deadline::{PastCalendarHorizon, SchoolCalendar, day_begins, local_day};
use crate::words::words;

words! {
    /// What came in, or was found, that the law sets a time for.
    pub enum StatutoryKind {
        /// 30 days.
        DataProtectionComplaint,
        /// One calendar month.
        SubjectAccessRequest,
        /// 20 working days.
        FreedomOfInformationRequest,
        /// 72 hours, to the Information Commissioner.
        PersonalDataBreach,
    }

    /// How a clock stands.
    pub enum StatutoryState { Running, Overdue, Met, MetLate }
}

/// By when the law asks for it.
///
/// A breach has 72 elapsed hours, weekends and nights included (UK GDPR, article 33). Everything else ends with a local
/// day, the day of receipt not counted: a month at its corresponding date, or at its last day where there is none, and
/// where that is no working day at the end of the next one (articles 12 and 15; ICO guidance); a complaint after 30
/// days; a freedom of information request with the twentieth working day (section 10).
///
/// # Errors
/// [`PastCalendarHorizon`] where it depends on bank holidays that are not on file.
pub fn due_at(kind: StatutoryKind, started_at: DateTime<Utc>, calendar: &SchoolCalendar) -> Result<DateTime<Utc>, PastCalendarHorizon> {
    let zone = calendar.time_zone;
    let past_horizon = PastCalendarHorizon { last_day: calendar.bank_holidays.horizon(calendar.division) };
    let received = local_day(started_at, zone);
    let end_of = |day: chrono::NaiveDate| {
        let next = day.checked_add_days(Days::new(1)).ok_or(past_horizon)?;
        Ok(day_begins(next, zone) - TimeDelta::seconds(1))
    };
    match kind {
        StatutoryKind::PersonalDataBreach => started_at.checked_add_signed(TimeDelta::hours(72)).ok_or(past_horizon),
        StatutoryKind::DataProtectionComplaint => end_of(received.checked_add_days(Days::new(30)).ok_or(past_horizon)?),
        StatutoryKind::SubjectAccessRequest => {
            let day = received.checked_add_months(Months::new(1)).ok_or(past_horizon)?;
            if day > past_horizon.last_day {
                return Err(past_horizon);
            }
            if calendar.is_working_day(day) { end_of(day) } else { calendar.end_of_next_working_day(day).ok_or(past_horizon) }
        }
        StatutoryKind::FreedomOfInformationRequest => {
            let later = received.iter_days().skip(1).take_while(|day| *day <= past_horizon.last_day);
            end_of(later.filter(|day| calendar.is_working_day(*day)).nth(19).ok_or(past_horizon)?)
        }
    }
}

/// How a clock stands: what is done by its end is in time (A7).
pub fn state(due_at: DateTime<Utc>, met_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> StatutoryState {
    match met_at {
        Some(met) if met <= due_at => StatutoryState::Met,
        Some(_) => StatutoryState::MetLate,
        None if now <= due_at => StatutoryState::Running,
        None => StatutoryState::Overdue,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;
    use crate::policy::holidays::{BankHolidays, HolidayDivision};
    use StatutoryKind::{DataProtectionComplaint, FreedomOfInformationRequest, PersonalDataBreach, SubjectAccessRequest};

    fn england() -> SchoolCalendar {
        SchoolCalendar {
            time_zone: chrono_tz::Europe::London,
            division: HolidayDivision::EnglandAndWales,
            closing_days: BTreeMap::new(),
            bank_holidays_count_as_weekend: false,
            bank_holidays: Arc::new(BankHolidays::shipped().unwrap()),
        }
    }

    fn due(kind: StatutoryKind, started_at: &str) -> String {
        let due = due_at(kind, started_at.parse().unwrap(), &england()).unwrap();
        due.with_timezone(&chrono_tz::Europe::London).format("%a %Y-%m-%d %H:%M:%S").to_string()
    }

    #[test]
    fn a_breach_has_72_elapsed_hours() {
        assert_eq!(due(PersonalDataBreach, "2026-01-16T17:00:00Z"), "Mon 2026-01-19 17:00:00", "over a weekend");
        assert_eq!(due(PersonalDataBreach, "2026-03-28T12:00:00Z"), "Tue 2026-03-31 13:00:00", "the clocks go forward");
        assert_eq!(due(PersonalDataBreach, "2026-10-24T11:00:00Z"), "Tue 2026-10-27 11:00:00", "and back");
        assert_eq!(due(PersonalDataBreach, "2028-02-27T10:00:00Z"), "Wed 2028-03-01 10:00:00", "a leap year");
    }

    #[test]
    fn a_month_ends_at_its_corresponding_date_or_its_last_and_on_a_working_day() {
        assert_eq!(due(SubjectAccessRequest, "2026-01-14T10:00:00Z"), "Mon 2026-02-16 23:59:59", "14 February is a Saturday");
        assert_eq!(due(SubjectAccessRequest, "2026-03-31T10:00:00Z"), "Thu 2026-04-30 23:59:59", "there is no 31 April");
        assert_eq!(due(SubjectAccessRequest, "2027-01-29T10:00:00Z"), "Mon 2027-03-01 23:59:59", "28 February 2027 is a Sunday");
        assert_eq!(due(SubjectAccessRequest, "2028-01-31T10:00:00Z"), "Tue 2028-02-29 23:59:59", "a leap year");
        assert_eq!(
            due(SubjectAccessRequest, "2026-11-25T10:00:00Z"),
            "Tue 2026-12-29 23:59:59",
            "Christmas, Boxing Day and its substitute"
        );
        assert_eq!(due(SubjectAccessRequest, "2026-03-03T10:00:00Z"), "Tue 2026-04-07 23:59:59", "Easter");
        assert_eq!(due(SubjectAccessRequest, "2026-06-14T23:30:00Z"), "Wed 2026-07-15 23:59:59", "received on the 15th in summer time");
    }

    #[test]
    fn a_complaint_has_thirty_days() {
        assert_eq!(due(DataProtectionComplaint, "2026-01-14T10:00:00Z"), "Fri 2026-02-13 23:59:59");
        assert_eq!(due(DataProtectionComplaint, "2028-02-01T10:00:00Z"), "Thu 2028-03-02 23:59:59", "a leap year");
        assert_eq!(due(DataProtectionComplaint, "2026-03-10T10:00:00Z"), "Thu 2026-04-09 23:59:59", "the clocks go forward");
    }

    #[test]
    fn freedom_of_information_has_twenty_working_days() {
        assert_eq!(due(FreedomOfInformationRequest, "2026-01-14T10:00:00Z"), "Wed 2026-02-11 23:59:59");
        assert_eq!(due(FreedomOfInformationRequest, "2026-12-01T10:00:00Z"), "Thu 2026-12-31 23:59:59", "two bank holidays");
        assert_eq!(due(FreedomOfInformationRequest, "2026-03-20T10:00:00Z"), "Tue 2026-04-21 23:59:59", "Easter");
        let mut closed = england();
        closed.closing_days.insert("2026-01-15".parse().unwrap(), "INSET".into());
        let later = due_at(FreedomOfInformationRequest, "2026-01-14T10:00:00Z".parse().unwrap(), &closed).unwrap();
        assert_eq!(later.to_rfc3339(), "2026-02-12T23:59:59+00:00");
    }

    #[test]
    fn past_the_bank_holidays_on_file_it_says_so() {
        let at = "2030-12-20T10:00:00Z".parse().unwrap();
        for kind in [SubjectAccessRequest, FreedomOfInformationRequest] {
            assert!(due_at(kind, at, &england()).is_err(), "{kind}");
        }
        assert!(due_at(PersonalDataBreach, at, &england()).is_ok());
    }

    #[test]
    fn what_is_done_by_the_end_is_in_time() {
        let (due, second): (DateTime<Utc>, _) = ("2026-01-19T17:00:00Z".parse().unwrap(), TimeDelta::seconds(1));
        assert_eq!(state(due, Some(due), due + second), StatutoryState::Met);
        assert_eq!(state(due, Some(due + second), due + second), StatutoryState::MetLate);
        assert_eq!((state(due, None, due), state(due, None, due + second)), (StatutoryState::Running, StatutoryState::Overdue));
    }

    proptest! {
        #[test]
        fn no_clock_is_shorter_than_three_days_and_later_is_never_due_sooner(hours in 0i64..30_000, gap in 0i64..400) {
            let start: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
            let (earlier, later) = (start + TimeDelta::hours(hours), start + TimeDelta::hours(hours + gap));
            for kind in StatutoryKind::iter() {
                let first = due_at(kind, earlier, &england()).unwrap();
                prop_assert!(first - earlier >= TimeDelta::hours(72));
                prop_assert!(due_at(kind, later, &england()).unwrap() >= first);
            }
        }
    }
}
