//! Whether the accounts are monitored (MON-1): looked at on each day that they are in use, seven days a week. Weekends,
//! bank holidays and school holidays count (A4).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::clauses::Clause;
use super::deadline::{day_begins, local_day};
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

/// Missed days in a row at which monitoring is amber, unless the school says otherwise.
pub const AMBER_DAYS: i32 = 1;
/// Hours since the last check at which it is red, unless the school says otherwise.
pub const RED_HOURS: i32 = 48;
/// Days that one answer covers at the most; a longer streak is counted up to here.
pub const MOST_DAYS: usize = 366;

words! {
    /// How an account is monitored now (MON-1).
    pub enum MonitoringLevel { Green, Amber, Red }
}

use MonitoringLevel::{Amber, Green, Red};

/// When the headteacher is told that an account is not monitored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Missed days in a row.
    pub amber_days: i32,
    /// Hours since the last check; it is amber at the least by then.
    pub red_hours: i32,
}

/// What is known of an account in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    pub activated_at: DateTime<Utc>,
    /// The local day of the last check, and the check itself.
    pub last_checked_on: Option<NaiveDate>,
    pub last_checked_at: Option<DateTime<Utc>>,
}

/// How an account stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub missed_in_a_row: i64,
    pub level: MonitoringLevel,
}

/// The same thresholds as instants and days, for queries: see [`Thresholds::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Amber at the least: no check on or after this day …
    pub unchecked_since: NaiveDate,
    /// … and activated before this instant.
    pub activated_before: DateTime<Utc>,
    /// And red: neither checked nor activated after this instant.
    pub untouched_since: DateTime<Utc>,
}

impl Thresholds {
    /// Red is worse than amber, so it does not come before it (MON-1).
    ///
    /// # Errors
    /// 422 where it would.
    pub fn check(self) -> Result<(), Refusal> {
        if self.red_hours >= 24 * self.amber_days {
            return Ok(());
        }
        let cure = "Give monitoring_red_hours at least 24 hours for each of the monitoring_amber_days.";
        let violation = Violation::new(Clause::Mon1, "Monitoring would be red before it is amber.", cure);
        Err(Refusal::new(Grounds::NotAcceptable, violation.at("/monitoring_red_hours")))
    }

    /// How an account stands now.
    pub fn standing(self, account: &Watched, zone: Tz, now: DateTime<Utc>) -> Standing {
        let first_day = local_day(account.activated_at, zone);
        let missed_in_a_row = missed_in_a_row(first_day, account.last_checked_on, local_day(now, zone));
        let untouched_since = account.last_checked_at.map_or(account.activated_at, |at| at.max(account.activated_at));
        let level = if missed_in_a_row < i64::from(self.amber_days) {
            Green
        } else if now - untouched_since < TimeDelta::hours(self.red_hours.into()) {
            Amber
        } else {
            Red
        };
        Standing { missed_in_a_row, level }
    }

    /// What [`Self::standing`] comes down to at this instant.
    pub fn limits(self, zone: Tz, now: DateTime<Utc>) -> Limits {
        let unchecked_since = local_day(now, zone) - TimeDelta::days(self.amber_days.into());
        Limits {
            unchecked_since,
            activated_before: day_begins(unchecked_since + TimeDelta::days(1), zone),
            untouched_since: now - TimeDelta::hours(self.red_hours.into()),
        }
    }
}

/// The days that are over since the last one that was checked; today is not over.
pub fn missed_in_a_row(first_day: NaiveDate, last_checked_on: Option<NaiveDate>, today: NaiveDate) -> i64 {
    let missed_from = last_checked_on.and_then(|day| day.succ_opt()).map_or(first_day, |day| day.max(first_day));
    (today - missed_from).num_days().max(0)
}

/// How a window of days is covered by checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The days that count: on duty, and over or checked already.
    pub days: usize,
    /// Those with a check; several on one day count once.
    pub days_checked: usize,
    /// Rounded down; absent where no day counts.
    pub percent: Option<usize>,
    /// The days without one.
    pub gaps: Vec<NaiveDate>,
    /// Checked days in a row up to `today` or the day before, at most [`MOST_DAYS`].
    pub streak: usize,
}

/// Counts the days of `window` on which an account was on duty: from its first day on, up to today. A closed
/// account's `today` is the day of its closing for good.
pub fn coverage(checked: &BTreeSet<NaiveDate>, first_day: NaiveDate, window: &RangeInclusive<NaiveDate>, today: NaiveDate) -> Coverage {
    let on_duty = first_day.max(*window.start()).iter_days().take_while(|day| day <= window.end() && *day <= today);
    let (checked_days, unchecked): (Vec<NaiveDate>, Vec<NaiveDate>) = on_duty.partition(|day| checked.contains(day));
    let gaps: Vec<NaiveDate> = unchecked.into_iter().filter(|day| *day < today).collect();
    let (days_checked, days) = (checked_days.len(), checked_days.len() + gaps.len());
    let last = if checked.contains(&today) { Some(today) } else { today.pred_opt() };
    let backwards = std::iter::successors(last, NaiveDate::pred_opt).take(MOST_DAYS);
    let streak = backwards.take_while(|day| *day >= first_day && checked.contains(day)).count();
    Coverage { days, days_checked, percent: (days_checked * 100).checked_div(days), gaps, streak }
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn days(texts: &[&str]) -> Vec<NaiveDate> {
        texts.iter().map(|text| day(text)).collect()
    }

    const DEFAULT: Thresholds = Thresholds { amber_days: AMBER_DAYS, red_hours: RED_HOURS };

    /// The coverage of an account that has been in use for years.
    fn of(checked: &[NaiveDate], window: [&str; 2], today: &str) -> Coverage {
        coverage(&checked.iter().copied().collect(), day("2020-01-01"), &(day(window[0])..=day(window[1])), day(today))
    }

    #[test]
    fn checks_from_monday_to_friday_cover_five_days_of_seven_in_august_too() {
        for week in [["2026-01-12", "2026-01-18"], ["2026-08-03", "2026-08-09"]] {
            let monday = day(week[0]);
            let checked: Vec<NaiveDate> = monday.iter_days().take(5).collect();
            let found = of(&checked, week, "2026-09-01");
            assert_eq!((found.days, found.days_checked, found.percent), (7, 5, Some(71)));
            assert_eq!(found.gaps, [monday + TimeDelta::days(5), day(week[1])]);
        }
    }

    #[test]
    fn a_bank_holiday_counts_like_any_day() {
        let found = of(&days(&["2026-12-24", "2026-12-26"]), ["2026-12-24", "2026-12-26"], "2027-01-04");
        assert_eq!((found.gaps, found.percent), (days(&["2026-12-25"]), Some(66)));
    }

    #[test]
    fn today_is_no_gap_before_it_is_over_but_counts_once_it_is_checked() {
        let window = ["2026-01-12", "2026-01-14"];
        let open = of(&days(&["2026-01-12", "2026-01-13"]), window, "2026-01-14");
        assert_eq!((open.days, open.percent, open.streak, open.gaps), (2, Some(100), 2, vec![]));
        let done = of(&days(&["2026-01-12", "2026-01-13", "2026-01-14"]), window, "2026-01-14");
        assert_eq!((done.days, done.percent, done.streak), (3, Some(100), 3));
        let over = of(&days(&["2026-01-12", "2026-01-13"]), window, "2026-01-15");
        assert_eq!((over.days, over.percent, over.streak, over.gaps), (3, Some(66), 0, days(&["2026-01-14"])));
    }

    #[test]
    fn days_before_the_activation_do_not_count() {
        let window = day("2026-01-12")..=day("2026-01-18");
        let checked = days(&["2026-01-13", "2026-01-15"]).into_iter().collect();
        let found = coverage(&checked, day("2026-01-15"), &window, day("2026-01-17"));
        assert_eq!((found.days, found.days_checked, found.gaps), (2, 1, days(&["2026-01-16"])));
        assert_eq!(coverage(&checked, day("2026-01-19"), &window, day("2026-01-20")), Coverage::default());
    }

    #[test]
    fn without_any_check_every_day_is_a_gap() {
        let found = of(&[], ["2026-01-12", "2026-01-18"], "2026-01-18");
        assert_eq!((found.days, found.percent, found.gaps.len(), found.streak), (6, Some(0), 6, 0));
        assert_eq!(missed_in_a_row(day("2026-01-12"), None, day("2026-01-18")), 6);
        assert_eq!(missed_in_a_row(day("2026-01-18"), None, day("2026-01-18")), 0, "the first day is not over");
    }

    #[test]
    fn a_streak_does_not_depend_on_the_window_and_is_counted_up_to_a_year() {
        let all: Vec<NaiveDate> = day("2024-01-01").iter_days().take(900).collect();
        let today = all[899].to_string();
        assert_eq!(of(&all, ["2024-02-01", "2024-02-02"], &today).streak, MOST_DAYS);
        assert_eq!(of(&all[898..], ["2024-02-01", "2024-02-02"], &today).streak, 2);
    }

    fn standing(activated_at: &str, checked_at: Option<&str>, zone: Tz, now: &str) -> (i64, MonitoringLevel) {
        let last_checked_at = checked_at.map(at);
        let last_checked_on = last_checked_at.map(|at| local_day(at, zone));
        let watched = Watched { activated_at: at(activated_at), last_checked_on, last_checked_at };
        let Standing { missed_in_a_row, level } = DEFAULT.standing(&watched, zone, at(now));
        (missed_in_a_row, level)
    }

    #[test]
    fn amber_after_a_missed_day_and_red_after_48_hours() {
        let (activated, checked) = ("2026-01-05T09:00:00Z", Some("2026-01-14T10:00:00Z"));
        for (now, expected) in [
            ("2026-01-14T10:00:00Z", (0, Green)),
            ("2026-01-15T23:59:59Z", (0, Green)),
            ("2026-01-16T00:00:00Z", (1, Amber)),
            ("2026-01-16T09:59:59Z", (1, Amber)),
            ("2026-01-16T10:00:00Z", (1, Red)),
            ("2026-01-20T10:00:00Z", (5, Red)),
        ] {
            assert_eq!(standing(activated, checked, Tz::Europe__London, now), expected, "{now}");
        }
        assert_eq!(standing(activated, None, Tz::Europe__London, "2026-01-06T00:00:00Z"), (1, Amber), "never checked");
        assert_eq!(standing(activated, None, Tz::Europe__London, "2026-01-07T09:00:00Z"), (2, Red));
        let before_it_was_in_use = Some("2026-01-04T09:00:00Z");
        assert_eq!(standing(activated, before_it_was_in_use, Tz::Europe__London, "2026-01-06T10:00:00Z"), (1, Amber));
    }

    #[test]
    fn the_nights_on_which_clocks_change_make_and_lose_no_day() {
        let london = |checked, now| standing("2026-01-05T09:00:00Z", Some(checked), Tz::Europe__London, now);
        // Sunday 29 March 2026 has 23 hours in London, Sunday 25 October 25.
        assert_eq!(london("2026-03-28T23:30:00Z", "2026-03-29T22:59:59Z"), (0, Green));
        assert_eq!(london("2026-03-28T23:30:00Z", "2026-03-29T23:00:00Z"), (1, Amber));
        assert_eq!(london("2026-10-24T22:30:00Z", "2026-10-25T23:59:59Z"), (0, Green));
        assert_eq!(london("2026-10-24T22:30:00Z", "2026-10-26T00:00:00Z"), (1, Amber));
        // Checked as Sunday begins: 48 hours later it is Monday still, and no day has been missed.
        assert_eq!(london("2026-10-24T23:00:00Z", "2026-10-26T23:30:00Z"), (0, Green));
        assert_eq!(london("2026-10-24T23:00:00Z", "2026-10-27T00:00:00Z"), (1, Red));
        // Apia, a day ahead of most, changed its clocks in April and September 2013.
        for (checked, over) in [("2013-04-07T05:00:00Z", "2013-04-08T11:00:00Z"), ("2013-09-29T05:00:00Z", "2013-09-30T10:00:00Z")] {
            let last = at(over) - TimeDelta::seconds(1);
            assert_eq!(standing("2013-01-01T09:00:00Z", Some(checked), Tz::Pacific__Apia, &last.to_rfc3339()), (0, Green));
            assert_eq!(standing("2013-01-01T09:00:00Z", Some(checked), Tz::Pacific__Apia, over), (1, Amber));
        }
    }

    #[test]
    fn red_does_not_come_before_amber() {
        for (amber_days, red_hours, allowed) in
            [(1, 48, true), (1, 24, true), (2, 47, false), (2, 48, true), (14, 336, true), (14, 335, false)]
        {
            assert_eq!(Thresholds { amber_days, red_hours }.check().is_ok(), allowed, "{amber_days} {red_hours}");
        }
    }

    /// Any second of the years 2024 to 2030.
    fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
        let seconds = at("2024-01-01T00:00:00Z").timestamp()..at("2031-01-01T00:00:00Z").timestamp();
        seconds.prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
    }

    fn any_zone() -> impl Strategy<Value = Tz> {
        prop::sample::select(vec![
            Tz::Europe__London,
            Tz::UTC,
            Tz::Asia__Kathmandu,
            Tz::Pacific__Apia,
            Tz::Pacific__Chatham,
            Tz::America__Nuuk,
            Tz::America__Santiago,
            Tz::Africa__Cairo,
            Tz::Australia__Lord_Howe,
        ])
    }

    proptest! {
        #[test]
        fn every_day_of_a_window_is_checked_or_a_gap_or_does_not_count(
            checked in prop::collection::btree_set(0..60_i64, 0..60), first in 0..60_i64, start in 0..60_i64, length in 0..60_i64, today in 0..60_i64,
        ) {
            let on = |offset: i64| day("2026-03-01") + TimeDelta::days(offset);
            let checked: BTreeSet<NaiveDate> = checked.into_iter().map(on).collect();
            let found = coverage(&checked, on(first), &(on(start)..=on(start + length)), on(today));
            prop_assert_eq!(found.days, found.days_checked + found.gaps.len());
            prop_assert!(found.percent.is_none_or(|percent| percent <= 100 && (percent == 100) == found.gaps.is_empty()));
            prop_assert_eq!(found.percent.is_none(), found.days == 0);
            for offset in 0..130 {
                let (date, counts) = (on(offset), (first.max(start)..=today.min(start + length)).contains(&offset));
                prop_assert_eq!(found.gaps.contains(&date), counts && offset < today && !checked.contains(&date));
            }
            let last = checked.range(..=on(today)).next_back().copied();
            let missed = missed_in_a_row(on(first), last, on(today));
            prop_assert!(missed == 0 || found.streak == 0, "{missed} {}", found.streak);
        }

        #[test]
        fn each_local_day_has_one_beginning(instant in any_instant(), zone in any_zone()) {
            let today = local_day(instant, zone);
            prop_assert!(day_begins(today, zone) <= instant && instant < day_begins(today + TimeDelta::days(1), zone));
            prop_assert_eq!(local_day(day_begins(today, zone), zone), today);
        }

        #[test]
        fn the_limits_for_queries_say_what_the_standing_says(
            now in any_instant(), zone in any_zone(), activated in 0..2_000_000_i64, checked in prop::option::of(0..2_000_000_i64),
            amber_days in 1..15_i32, hours in 0..336_i32,
        ) {
            let thresholds = Thresholds { amber_days, red_hours: (24 * amber_days + hours).min(336) };
            let ago = |seconds: i64| now - TimeDelta::seconds(seconds);
            let last_checked_at = checked.map(ago);
            let last_checked_on = last_checked_at.map(|at| local_day(at, zone));
            let watched = Watched { activated_at: ago(activated), last_checked_on, last_checked_at };
            let limits = thresholds.limits(zone, now);
            let missed = watched.activated_at < limits.activated_before && last_checked_on.is_none_or(|day| day < limits.unchecked_since);
            let untouched = watched.activated_at <= limits.untouched_since && last_checked_at.is_none_or(|at| at <= limits.untouched_since);
            let level = if missed && untouched { Red } else if missed { Amber } else { Green };
            prop_assert_eq!(thresholds.standing(&watched, zone, now).level, level);
        }

        #[test]
        fn checks_on_every_day_keep_an_account_green_and_a_month_without_makes_it_red(now in any_instant(), zone in any_zone(), hour in 0..24_i64) {
            let today = local_day(now, zone);
            let checked_at = day_begins(today - TimeDelta::days(1), zone) + TimeDelta::hours(hour);
            let activated_at = now - TimeDelta::days(400);
            let daily = Watched { activated_at, last_checked_on: Some(local_day(checked_at, zone)), last_checked_at: Some(checked_at) };
            prop_assert!(checked_at > now || DEFAULT.standing(&daily, zone, now).level == Green);
            let never = Watched { activated_at, last_checked_on: None, last_checked_at: None };
            prop_assert_eq!(DEFAULT.standing(&never, zone, now).level, Red);
        }
    }

    #[test]
    fn weekends_are_among_the_gaps() {
        let found = of(&[], ["2026-01-01", "2026-12-31"], "2027-06-01");
        assert_eq!((found.days, found.gaps.len()), (365, 365));
        assert_eq!(found.gaps.iter().filter(|day| matches!(chrono::Datelike::weekday(*day), Weekday::Sat | Weekday::Sun)).count(), 104);
    }
}
