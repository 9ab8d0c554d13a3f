//! The response clock: by when a comment, query or complaint has to be answered (MON-2).
//!
//! Received from Monday to Friday: within 24 hours of elapsed time. Received at a weekend: by the
//! end of the next working day. Days and weekends are those of the school's own clock, and nothing
//! pauses it (A4, A8): bank holidays and closing days only are no working days.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::{GapInfo, Tz};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use super::holidays::{BankHolidays, HolidayDivision};
use DeadlineRule::{NextWorkingDay, Within24Hours};

/// What the response clock has to know of a school.
#[derive(Clone, Debug)]
pub struct SchoolCalendar {
    pub time_zone: Tz,
    pub division: HolidayDivision,
    /// Days that the school added, with the name it gave them ("INSET day"). They are no working
    /// days; they do not pause the clock (A4).
    pub closing_days: BTreeMap<NaiveDate, String>,
    /// Whether what arrives on a bank holiday is treated as received at a weekend.
    pub bank_holidays_count_as_weekend: bool,
    pub bank_holidays: Arc<BankHolidays>,
}

/// The two halves of MON-2.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeadlineRule {
    // Snake case alone would write `within24_hours`.
    #[serde(rename = "within_24_hours")]
    #[strum(serialize = "within_24_hours")]
    Within24Hours,
    NextWorkingDay,
}

/// When a first response is due, and why then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub due_at: DateTime<Utc>,
    pub rule: DeadlineRule,
    /// One sentence in the school's local time.
    pub explanation: String,
    /// It falls on what this school counts as a weekend, so a rota has to cover it.
    pub due_on_weekend: bool,
}

/// The clock by which a school tells days. Only known names are stored; London is the policy's own.
#[must_use]
pub fn time_zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::Europe__London)
}

/// The day that it is in a zone.
#[must_use]
pub fn local_day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The instant at which a day begins in a zone: midnight, or the first one after it where clocks are put forward over it.
#[must_use]
pub fn day_begins(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = date.and_time(NaiveTime::MIN);
    let begins = zone.from_local_datetime(&midnight).earliest().or_else(|| GapInfo::new(&midnight, &zone)?.end);
    begins.map_or(midnight.and_utc(), |begins| begins.to_utc())
}

/// The deadline would lie where no bank holidays are on file, and "none on file" is not "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bank holidays are on file up to {last_day} only, and this deadline lies after that day")]
pub struct PastCalendarHorizon {
    pub last_day: NaiveDate,
}

/// When what was received at this instant has to be answered.
///
/// Before the first year on file (an import of old comments) no bank holiday is known: weekends
/// and closing days alone decide, and the explanation says so. Such a comment is overdue anyway.
///
/// A later receipt is not always due later: what arrives on a bank holiday Monday has 24 hours,
/// what arrived the Saturday before has until the end of Tuesday. Where bank holidays count as
/// weekend and no weekday is a closing day, a later receipt is never due earlier.
///
/// # Errors
/// [`PastCalendarHorizon`] when the deadline, and so all the more the receipt, lies after the last
/// day for which bank holidays are on file, or when an instant is beyond any calendar.
pub fn deadline(received_at: DateTime<Utc>, calendar: &SchoolCalendar) -> Result<Deadline, PastCalendarHorizon> {
    let past_horizon = PastCalendarHorizon { last_day: calendar.bank_holidays.horizon(calendar.division) };
    let received = calendar.local(received_at).ok_or(past_horizon)?;
    // MON-2
    let (rule, due_at) = if calendar.counts_as_weekend(received.date()) {
        // Never less than 24 hours, for what came in the last second of a Sunday either.
        (NextWorkingDay, calendar.end_of_next_working_day(received.date()).map(|due_at| due_at.max(received_at + TimeDelta::hours(24))))
    } else {
        (Within24Hours, received_at.checked_add_signed(TimeDelta::hours(24)))
    };
    let due_at = due_at.ok_or(past_horizon)?;
    let due = calendar.local(due_at).filter(|due| due.date() <= past_horizon.last_day).ok_or(past_horizon)?;
    Ok(Deadline {
        due_at,
        rule,
        explanation: calendar.explain(received, rule, due),
        due_on_weekend: calendar.counts_as_weekend(due.date()),
    })
}

/// Whether a first response was in time: exactly at the due instant is (A7).
#[must_use]
pub fn answered_on_time(first_responded_at: DateTime<Utc>, due_at: DateTime<Utc>) -> bool {
    first_responded_at <= due_at
}

impl SchoolCalendar {
    /// Monday to Friday, no bank holiday of the division and no closing day of the school.
    #[must_use]
    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        !is_weekend(date) && self.day_off(date).is_none()
    }

    fn counts_as_weekend(&self, date: NaiveDate) -> bool {
        is_weekend(date) || (self.bank_holidays_count_as_weekend && self.bank_holiday(date).is_some())
    }

    fn bank_holiday(&self, date: NaiveDate) -> Option<&str> {
        self.bank_holidays.title(self.division, date)
    }

    fn day_off(&self, date: NaiveDate) -> Option<&str> {
        self.bank_holiday(date).or_else(|| self.closing_days.get(&date).map(String::as_str))
    }

    /// The last second of the first working day after a day; none past the bank holidays on file.
    #[must_use]
    pub fn end_of_next_working_day(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        let horizon = self.bank_holidays.horizon(self.division);
        let mut later = date.iter_days().skip(1).take_while(|day| *day <= horizon);
        let last_second = later.find(|day| self.is_working_day(*day))?.and_hms_opt(23, 59, 59)?;
        // Where clocks are put back over it, it comes twice: the second counts. Where they are put
        // forward over it, it never comes: the first instant after the gap counts.
        self.time_zone
            .from_local_datetime(&last_second)
            .latest()
            .or_else(|| GapInfo::new(&last_second, &self.time_zone)?.end)
            .map(|end| end.to_utc())
    }

    /// The school's local time; `None` at the ends of what the calendar can express, where reading
    /// it from a `DateTime<Tz>` would panic.
    fn local(&self, instant: DateTime<Utc>) -> Option<NaiveDateTime> {
        let utc = instant.naive_utc();
        utc.checked_add_offset(self.time_zone.offset_from_utc_datetime(&utc).fix())
    }

    fn explain(&self, received: NaiveDateTime, rule: DeadlineRule, due: NaiveDateTime) -> String {
        let due_by = match rule {
            Within24Hours => "within 24 hours, by",
            NextWorkingDay => "by the end of the next working day,",
        };
        let title = self.bank_holiday(received.date()).map(|title| format!(" ({title})"));

        let between = received.date().iter_days().skip(1).take_while(|date| *date < due.date());
        let mut skipped: Vec<_> = between.filter(|date| !is_weekend(*date)).filter_map(|date| self.day_off(date)).collect();
        skipped.dedup();
        let more = skipped.len().saturating_sub(MOST_NAMED);
        skipped.truncate(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let skipping = (!skipped.is_empty()).then(|| format!(" (skipping {}{more})", skipped.join(", ")));

        let first_day = self.bank_holidays.first_day(self.division);
        let unknown = (received.date() < first_day).then(|| format!(" (bank holidays before {} are not on file)", first_day.year()));

        format!(
            "Received on {}{}, so due {due_by} {}{}{}.",
            day_and_time(received),
            title.unwrap_or_default(),
            day_and_time(due),
            skipping.unwrap_or_default(),
            unknown.unwrap_or_default()
        )
    }
}

/// Days off that an explanation names; the rest are counted.
const MOST_NAMED: usize = 4;

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// "Saturday 17 January 2026 at 00:00", with seconds only where there are some.
fn day_and_time(local: NaiveDateTime) -> String {
    let seconds = if local.second() == 0 { "" } else { ":%S" };
    local.format(&format!("%A %-d %B %Y at %H:%M{seconds}")).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CASES: &str = include_str!("../../tests/data/deadlines.csv");

    #[derive(Deserialize)]
    struct Case {
        received_at: DateTime<Utc>,
        received_local: String,
        deadline_rule: DeadlineRule,
        due_at: DateTime<Utc>,
        due_local: String,
    }

    fn england() -> SchoolCalendar {
        SchoolCalendar {
            time_zone: Tz::Europe__London,
            division: HolidayDivision::EnglandAndWales,
            closing_days: BTreeMap::new(),
            bank_holidays_count_as_weekend: false,
            bank_holidays: Arc::new(BankHolidays::shipped().unwrap()),
        }
    }

    fn scotland() -> SchoolCalendar {
        SchoolCalendar { division: HolidayDivision::Scotland, ..england() }
    }

    fn closed_on(days: &[(&str, &str)]) -> SchoolCalendar {
        let closing_days = days.iter().map(|(date, name)| (date.parse().unwrap(), (*name).to_owned()));
        SchoolCalendar { closing_days: closing_days.collect(), ..england() }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn due(text: &str, calendar: &SchoolCalendar) -> Deadline {
        deadline(at(text), calendar).unwrap()
    }

    #[test]
    fn every_case_of_the_policy_holds() {
        let calendar = england();
        let local = |instant: DateTime<Utc>| instant.with_timezone(&calendar.time_zone).to_rfc3339();
        let cases: Vec<Case> = csv::Reader::from_reader(CASES.as_bytes()).deserialize().map(Result::unwrap).collect();
        assert_eq!(cases.len(), 11);
        for case in cases {
            let found = deadline(case.received_at, &calendar).unwrap();
            assert_eq!(local(case.received_at), case.received_local);
            assert_eq!((found.rule, found.due_at), (case.deadline_rule, case.due_at), "{}", case.received_at);
            assert_eq!(local(found.due_at), case.due_local);
        }
    }

    #[test]
    fn a_rule_is_written_as_the_api_writes_it() {
        for (rule, word) in [(Within24Hours, "within_24_hours"), (NextWorkingDay, "next_working_day")] {
            assert_eq!(rule.to_string(), word);
            assert_eq!(word.parse(), Ok(rule));
            assert_eq!(serde_json::to_value(rule).unwrap(), word);
        }
    }

    #[test]
    fn the_explanation_says_what_was_decided_in_local_time() {
        let sentences = [
            (
                "2026-01-17T00:00:00Z",
                "Received on Saturday 17 January 2026 at 00:00, so due by the end of the next working day, \
                 Monday 19 January 2026 at 23:59:59.",
            ),
            (
                "2026-06-08T10:00:30Z",
                "Received on Monday 8 June 2026 at 11:00:30, so due within 24 hours, by \
                 Tuesday 9 June 2026 at 11:00:30.",
            ),
            (
                "2027-12-25T10:00:00Z",
                "Received on Saturday 25 December 2027 at 10:00, so due by the end of the next working day, \
                 Wednesday 29 December 2027 at 23:59:59 (skipping Christmas Day, Boxing Day).",
            ),
            (
                "2026-04-03T09:00:00Z",
                "Received on Friday 3 April 2026 at 10:00 (Good Friday), so due within 24 hours, by \
                 Saturday 4 April 2026 at 10:00.",
            ),
        ];
        for (received_at, sentence) in sentences {
            assert_eq!(due(received_at, &england()).explanation, sentence);
        }
    }

    #[test]
    fn friday_evening_is_due_on_saturday_evening_and_says_so() {
        let friday = due("2026-01-16T18:00:00Z", &england());
        assert_eq!((friday.due_at, friday.due_on_weekend), (at("2026-01-17T18:00:00Z"), true));
        assert!(!due("2026-01-15T18:00:00Z", &england()).due_on_weekend);
        assert!(!due("2026-01-17T18:00:00Z", &england()).due_on_weekend);
    }

    #[test]
    fn a_bank_holiday_counts_as_weekend_only_where_the_school_says_so() {
        let good_friday = "2026-04-03T09:00:00Z";
        let by_default = due(good_friday, &england());
        assert_eq!((by_default.rule, by_default.due_at), (Within24Hours, at("2026-04-04T09:00:00Z")));

        let calendar = SchoolCalendar { bank_holidays_count_as_weekend: true, ..england() };
        let as_weekend = due(good_friday, &calendar);
        assert_eq!((as_weekend.rule, as_weekend.due_at), (NextWorkingDay, at("2026-04-07T22:59:59Z")));
        assert!(as_weekend.explanation.contains("10:00 (Good Friday), so"), "{}", as_weekend.explanation);
        assert!(as_weekend.explanation.ends_with("(skipping Easter Monday)."), "{}", as_weekend.explanation);
        assert!(due("2026-04-02T09:00:00Z", &calendar).due_on_weekend);
        assert!(!due("2026-04-02T09:00:00Z", &england()).due_on_weekend);
    }

    #[test]
    fn a_closing_day_is_no_working_day_but_pauses_nothing() {
        let calendar = closed_on(&[("2026-01-19", "INSET day"), ("2026-01-20", "INSET day"), ("2026-01-24", "Fair")]);
        let saturday = due("2026-01-17T10:00:00Z", &calendar);
        assert_eq!(saturday.due_at, at("2026-01-21T23:59:59Z"));
        assert!(saturday.explanation.ends_with("23:59:59 (skipping INSET day)."), "{}", saturday.explanation);

        let on_the_day = due("2026-01-19T10:00:00Z", &calendar);
        assert_eq!((on_the_day.rule, on_the_day.due_at), (Within24Hours, at("2026-01-20T10:00:00Z")));
        let flagged = SchoolCalendar { bank_holidays_count_as_weekend: true, ..calendar };
        assert_eq!(due("2026-01-19T10:00:00Z", &flagged).rule, Within24Hours);
    }

    #[test]
    fn each_division_keeps_its_own_bank_holidays() {
        let world_cup_weekend = "2026-06-13T10:00:00Z";
        assert_eq!(due(world_cup_weekend, &england()).due_at, at("2026-06-15T22:59:59Z"));
        assert_eq!(due(world_cup_weekend, &scotland()).due_at, at("2026-06-16T22:59:59Z"));
        let easter = "2026-04-04T10:00:00Z";
        assert_eq!(due(easter, &england()).due_at, at("2026-04-07T22:59:59Z"));
        assert_eq!(due(easter, &scotland()).due_at, at("2026-04-06T22:59:59Z"));
    }

    #[test]
    fn past_the_bank_holidays_on_file_there_is_no_deadline() {
        let past_horizon = PastCalendarHorizon { last_day: "2030-12-31".parse().unwrap() };
        assert_eq!(due("2030-12-30T23:59:59Z", &england()).due_at, at("2030-12-31T23:59:59Z"));
        for received_at in ["2030-12-31T00:00:00Z", "2031-01-04T10:00:00Z", "2031-06-02T10:00:00Z"] {
            assert_eq!(deadline(at(received_at), &england()), Err(past_horizon), "{received_at}");
        }
        let closed_at_the_end = closed_on(&[("2030-12-30", "Christmas"), ("2030-12-31", "Christmas")]);
        assert_eq!(due("2030-12-28T10:00:00Z", &england()).due_at, at("2030-12-30T23:59:59Z"));
        assert_eq!(deadline(at("2030-12-28T10:00:00Z"), &closed_at_the_end), Err(past_horizon));
        assert_eq!(past_horizon.to_string(), "bank holidays are on file up to 2030-12-31 only, and this deadline lies after that day");
    }

    #[test]
    fn before_the_first_year_on_file_only_weekends_and_closing_days_count() {
        let old = due("2018-12-29T10:00:00Z", &england());
        assert_eq!((old.rule, old.due_at), (NextWorkingDay, at("2018-12-31T23:59:59Z")));
        assert!(old.explanation.ends_with("23:59:59 (bank holidays before 2025 are not on file)."), "{}", old.explanation);
        let weekday = due("2018-12-25T10:00:00Z", &england());
        assert_eq!((weekday.rule, weekday.due_at), (Within24Hours, at("2018-12-26T10:00:00Z")));
        assert!(weekday.explanation.ends_with("at 10:00 (bank holidays before 2025 are not on file)."), "{}", weekday.explanation);
    }

    #[test]
    fn the_end_of_a_day_that_comes_twice_counts_the_second_time() {
        // Tehran put its clocks back at 24:00 on Monday 21 September 2015.
        let tehran = SchoolCalendar { time_zone: Tz::Asia__Tehran, ..england() };
        assert_eq!(due("2015-09-20T10:00:00Z", &tehran).due_at, at("2015-09-21T20:29:59Z"));
    }

    #[test]
    fn the_end_of_a_day_that_never_comes_counts_as_the_next_instant() {
        // Pyongyang put its clocks forward from 23:30 on Friday 4 May 2018 to midnight.
        let monday_to_thursday = ["2018-04-30", "2018-05-01", "2018-05-02", "2018-05-03"].map(|date| (date, "Closed"));
        let pyongyang = SchoolCalendar { time_zone: Tz::Asia__Pyongyang, ..closed_on(&monday_to_thursday) };
        assert_eq!(due("2018-04-29T10:00:00Z", &pyongyang).due_at, at("2018-05-04T15:00:00Z"));
    }

    #[test]
    fn no_instant_makes_it_panic() {
        for time_zone in chrono_tz::TZ_VARIANTS {
            let calendar = SchoolCalendar { time_zone, ..england() };
            for hours in 0..72 {
                let (earliest, latest) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
                let _ = deadline(earliest + TimeDelta::hours(hours), &calendar);
                assert!(deadline(latest - TimeDelta::hours(hours), &calendar).is_err());
            }
        }
    }

    #[test]
    fn exactly_at_the_due_instant_is_on_time() {
        let due_at = at("2026-01-15T10:00:00Z");
        assert!(answered_on_time(due_at, due_at));
        assert!(!answered_on_time(due_at + TimeDelta::nanoseconds(1), due_at));
    }

    #[test]
    fn a_bank_holiday_monday_is_due_before_the_saturday_that_came_earlier() {
        let (saturday, monday) = ("2026-05-23T10:00:00Z", "2026-05-25T08:00:00Z");
        assert!(due(monday, &england()).due_at < due(saturday, &england()).due_at);
        let flagged = SchoolCalendar { bank_holidays_count_as_weekend: true, ..england() };
        assert!(due(monday, &flagged).due_at >= due(saturday, &flagged).due_at);
    }

    /// Any instant from 2024 to 2030, to the nanosecond.
    fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
        let seconds = at("2024-01-01T00:00:00Z").timestamp()..at("2031-01-01T00:00:00Z").timestamp();
        (seconds, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
    }

    prop_compose! {
        fn any_calendar(closing_days: std::ops::Range<usize>)(
            time_zone in prop::sample::select(vec![
                Tz::Europe__London, Tz::UTC, Tz::Asia__Kathmandu, Tz::Pacific__Apia, Tz::Pacific__Chatham,
                Tz::America__Nuuk, Tz::America__Santiago, Tz::Africa__Cairo, Tz::Australia__Lord_Howe,
            ]),
            division in prop::sample::select(vec![
                HolidayDivision::EnglandAndWales, HolidayDivision::Scotland, HolidayDivision::NorthernIreland,
            ]),
            bank_holidays_count_as_weekend: bool,
            days in prop::collection::vec(0..2557_u64, closing_days),
        ) -> SchoolCalendar {
            let first: NaiveDate = "2024-01-01".parse().unwrap();
            let closing_days = days.into_iter().map(|days| (first + chrono::Days::new(days), "Closed".to_owned()));
            SchoolCalendar {
                time_zone,
                division,
                bank_holidays_count_as_weekend,
                closing_days: closing_days.collect(),
                ..england()
            }
        }
    }

    proptest! {
        #[test]
        fn any_deadline_keeps_to_the_policy(received_at in any_instant(), calendar in any_calendar(0..900)) {
            let local = |instant: DateTime<Utc>| instant.with_timezone(&calendar.time_zone).naive_local();
            let works = |date: NaiveDate| date.weekday().num_days_from_monday() < 5
                && calendar.bank_holidays.title(calendar.division, date).is_none()
                && !calendar.closing_days.contains_key(&date);
            let found = deadline(received_at, &calendar);
            prop_assert_eq!(&found, &deadline(received_at, &calendar));
            let Ok(found) = found else {
                prop_assert!(received_at > at("2030-12-01T00:00:00Z"));
                return Ok(());
            };
            prop_assert!(found.due_at >= received_at + TimeDelta::hours(24));
            let (received, due) = (local(received_at), local(found.due_at));
            match found.rule {
                Within24Hours => {
                    prop_assert!(!is_weekend(received.date()));
                    prop_assert_eq!(found.due_at, received_at + TimeDelta::hours(24));
                    prop_assert_eq!(found.due_on_weekend, calendar.counts_as_weekend(due.date()));
                }
                NextWorkingDay => {
                    prop_assert!(works(due.date()) && !found.due_on_weekend);
                    prop_assert!(due.time().to_string().starts_with("23:59:59"));
                    let mut between = received.date().iter_days().skip(1).take_while(|date| *date < due.date());
                    prop_assert!(!between.any(works));
                }
            }
        }

        #[test]
        fn where_bank_holidays_count_as_weekend_later_is_never_due_earlier(
            earlier in any_instant(),
            gap in 0..864_000_i64,
            calendar in any_calendar(0..1),
        ) {
            let calendar = SchoolCalendar { bank_holidays_count_as_weekend: true, ..calendar };
            let later = deadline(earlier + TimeDelta::seconds(gap), &calendar);
            if let (Ok(earlier), Ok(later)) = (deadline(earlier, &calendar), later) {
                prop_assert!(earlier.due_at <= later.due_at);
            }
        }
    }
}
