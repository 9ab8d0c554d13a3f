//! Who may be published, and for what (IMG-1): what people with parental responsibility, or adults for themselves, have
//! said, and what follows from it at any instant. Nothing said is a no.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Months, NaiveDate, Utc};
use uuid::Uuid;

use super::clauses::Clause;
use super::platforms::Platform;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// What a picture or a name is used for. Each is decided on its own.
    pub enum Purpose {
        SchoolDisplay, Newsletter, SchoolWebsite, SchoolSocialMedia, Press, Prospectus, VideoLivestream, LearningPlatform,
        LocalAuthority, ThirdPartyPartner,
    }

    /// What somebody says.
    pub enum Answer { Given, Refused, Withdrawn }

    /// Where the consent for one person and purpose stands.
    pub enum ConsentState {
        /// Nobody who can has said anything: that is a no.
        NotAsked,
        Given,
        Refused,
        Withdrawn,
        /// It was given, and its time is over.
        Expired,
        /// The person is no longer at the school: what was given went with them.
        Ended,
    }
}

/// How long consent lasts at the most.
pub const LASTS: Months = Months::new(12);

/// What consent is needed for to publish on a platform.
pub const fn purpose_of(platform: Platform) -> Purpose {
    match platform {
        Platform::WebsiteComments => Purpose::SchoolWebsite,
        Platform::LearningPlatform => Purpose::LearningPlatform,
        _ => Purpose::SchoolSocialMedia,
    }
}

/// To what consent was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub with_name: bool,
    pub face_identifiable: bool,
    /// Those alone; all of the purpose, if empty.
    pub platforms: BTreeSet<Platform>,
}

impl Terms {
    fn allows(&self, platform: Platform) -> bool {
        self.platforms.is_empty() || self.platforms.contains(&platform)
    }

    /// What both allow. `None` where that is no platform at all.
    fn and(&self, other: &Self) -> Option<Self> {
        let platforms = match (self.platforms.is_empty(), other.platforms.is_empty()) {
            (true, _) => other.platforms.clone(),
            (_, true) => self.platforms.clone(),
            _ => {
                let both: BTreeSet<Platform> = self.platforms.intersection(&other.platforms).copied().collect();
                if both.is_empty() {
                    return None;
                }
                both
            }
        };
        Some(Self {
            with_name: self.with_name && other.with_name,
            face_identifiable: self.face_identifiable && other.face_identifiable,
            platforms,
        })
    }
}

/// Something that was said, for one person and purpose.
#[derive(Clone, Debug)]
pub struct Entry {
    pub giver: Uuid,
    pub answer: Answer,
    pub at: DateTime<Utc>,
    /// Through the end of this local day.
    pub expires_on: Option<NaiveDate>,
    pub terms: Terms,
    /// Counts though the giver has no parental responsibility: a foster carer with the authority's reference, or one who says no.
    pub authorised: bool,
}

/// Where consent stands, for one person and purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: ConsentState,
    /// While it is given.
    pub terms: Option<Terms>,
    /// The last day on which all that was given counts.
    pub expires_on: Option<NaiveDate>,
    /// Those who decide do not say the same: the most restrictive counts (decisions, section 4).
    pub disagreed: bool,
}

impl Default for Standing {
    /// Of somebody of whom nothing is known.
    fn default() -> Self {
        Self { state: ConsentState::NotAsked, terms: None, expires_on: None, disagreed: false }
    }
}

/// Where the consent stands at an instant, on its local day, by what was said until then in the order in which it was
/// said. `holders`: who decides for the person.
pub fn stand(entries: &[Entry], holders: &BTreeSet<Uuid>, left_on: Option<NaiveDate>, at: DateTime<Utc>, day: NaiveDate) -> Standing {
    let mut last: BTreeMap<Uuid, &Entry> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.at <= at && (entry.authorised || holders.contains(&entry.giver))) {
        last.insert(entry.giver, entry);
    }
    let said = |answer| last.values().any(|entry| entry.answer == answer);
    let valid: Vec<&Entry> =
        last.values().filter(|entry| entry.answer == Answer::Given && entry.expires_on.is_none_or(|until| day <= until)).copied().collect();
    let disagreed = !valid.is_empty() && (said(Answer::Refused) || said(Answer::Withdrawn));
    let none = |state| Standing { state, terms: None, expires_on: None, disagreed };
    if left_on.is_some_and(|left| left <= day) {
        return none(ConsentState::Ended);
    }
    if said(Answer::Refused) {
        return none(ConsentState::Refused);
    }
    if said(Answer::Withdrawn) {
        return none(ConsentState::Withdrawn);
    }
    let Some((first, others)) = valid.split_first() else {
        return none(if said(Answer::Given) { ConsentState::Expired } else { ConsentState::NotAsked });
    };
    let terms = others.iter().try_fold(first.terms.clone(), |terms, entry| terms.and(&entry.terms));
    match terms {
        Some(terms) => Standing {
            state: ConsentState::Given,
            terms: Some(terms),
            expires_on: valid.iter().filter_map(|entry| entry.expires_on).min(),
            disagreed,
        },
        // Each allows what the other does not.
        None => Standing { disagreed: true, ..none(ConsentState::Refused) },
    }
}

/// Why consent does not carry a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    State(ConsentState),
    Platform,
    Name,
    Face,
}

impl Standing {
    /// What of a publication it does not carry.
    pub fn shortfalls(&self, platform: Platform, with_name: bool, face: bool) -> Vec<Shortfall> {
        let Some(terms) = &self.terms else { return vec![Shortfall::State(self.state)] };
        let lacking = [
            (!terms.allows(platform), Shortfall::Platform),
            (with_name && !terms.with_name, Shortfall::Name),
            (face && !terms.face_identifiable, Shortfall::Face),
        ];
        lacking.into_iter().filter_map(|(lacks, what)| lacks.then_some(what)).collect()
    }
}

/// Who answers for whom.
#[derive(Clone, Copy, Debug)]
pub struct Giver {
    /// An adult who speaks for themselves.
    pub oneself: bool,
    pub subject_is_pupil: bool,
    pub has_parental_responsibility: bool,
    pub is_foster_carer: bool,
    /// The authority's reference is given.
    pub authorised: bool,
}

/// Who decides on somebody's pictures: an adult alone; for a child who has parental responsibility for it, or a foster
/// carer whom the authority has authorised (decisions, section 4). A no of anybody with a part in the child's care counts.
///
/// # Errors
/// 422 for whoever cannot.
pub fn may_answer(giver: Giver, answer: Answer) -> Result<(), Refusal> {
    let refuse = |detail: &str, cure: &str, pointer| {
        Err(Refusal::new(Grounds::NotAcceptable, Violation::new(Clause::Img1, detail, cure).at(pointer)))
    };
    if !giver.subject_is_pupil {
        let cure = "Ask the person: adults decide on their own pictures.";
        return if giver.oneself { Ok(()) } else { refuse("Nobody else decides for an adult.", cure, "/giver_id") };
    }
    if giver.has_parental_responsibility {
        return Ok(());
    }
    if giver.is_foster_carer {
        let cure = "Give the local authority's reference in authorisation_ref.";
        let withdraws = answer != Answer::Given;
        return if giver.authorised || withdraws {
            Ok(())
        } else {
            refuse("A foster carer cannot consent without the local authority.", cure, "/authorisation_ref")
        };
    }
    refuse("This person does not have parental responsibility for the child.", "Ask somebody who has.", "/giver_id")
}

/// The last day of consent that is given on a day: as asked for, and never more than 12 months on.
///
/// # Errors
/// 422 where it is asked for longer, or for the past.
pub fn expiry(given_on: NaiveDate, asked: Option<NaiveDate>) -> Result<NaiveDate, Refusal> {
    let latest = given_on.checked_add_months(LASTS).unwrap_or(given_on);
    let expires_on = asked.unwrap_or(latest);
    if (given_on..=latest).contains(&expires_on) {
        return Ok(expires_on);
    }
    let violation = Violation::new(Clause::Img1, "Consent lasts for 12 months at the most.", "Leave the date out, or name an earlier one.");
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/expires_on")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}T12:00:00Z").parse().unwrap()
    }

    const MUM: Uuid = Uuid::from_u128(1);
    const DAD: Uuid = Uuid::from_u128(2);

    fn terms(platforms: &[Platform]) -> Terms {
        Terms { with_name: true, face_identifiable: true, platforms: platforms.iter().copied().collect() }
    }

    fn said(giver: Uuid, answer: Answer, on: &str) -> Entry {
        let expires_on = (answer == Answer::Given).then(|| expiry(day(on), None).unwrap());
        Entry { giver, answer, at: at(on), expires_on, terms: terms(&[]), authorised: false }
    }

    fn state(entries: &[Entry], on: &str) -> (ConsentState, bool) {
        let standing = stand(entries, &BTreeSet::from([MUM, DAD]), None, at(on), day(on));
        assert_eq!(standing.terms.is_some(), standing.state == ConsentState::Given);
        (standing.state, standing.disagreed)
    }

    #[test]
    fn nothing_said_is_a_no_and_the_last_word_of_each_counts() {
        use Answer::{Given, Refused, Withdrawn};
        assert_eq!(state(&[], "2026-01-14"), (ConsentState::NotAsked, false));
        let history = [
            said(MUM, Given, "2025-09-01"),
            said(DAD, Refused, "2025-10-01"),
            said(DAD, Given, "2025-11-01"),
            said(MUM, Withdrawn, "2025-12-01"),
            said(MUM, Given, "2026-01-01"),
        ];
        for (on, expected) in [
            ("2025-08-31", (ConsentState::NotAsked, false)),
            ("2025-09-01", (ConsentState::Given, false)),
            ("2025-10-01", (ConsentState::Refused, true)),
            ("2025-11-01", (ConsentState::Given, false)),
            ("2025-12-01", (ConsentState::Withdrawn, true)),
            ("2026-01-01", (ConsentState::Given, false)),
            ("2026-11-01", (ConsentState::Given, false)),
            // Dad's has run out, mum's has not.
            ("2026-11-02", (ConsentState::Given, false)),
            ("2027-01-01", (ConsentState::Given, false)),
            ("2027-01-02", (ConsentState::Expired, false)),
        ] {
            assert_eq!(state(&history, on), expected, "{on}");
        }
    }

    #[test]
    fn whoever_has_no_say_any_more_is_not_counted_and_a_leaver_is_not_published() {
        let entries = [said(MUM, Answer::Given, "2026-01-01"), said(DAD, Answer::Refused, "2026-01-01")];
        let alone = BTreeSet::from([MUM]);
        let of = |left: Option<&str>| stand(&entries, &alone, left.map(day), at("2026-01-14"), day("2026-01-14")).state;
        assert_eq!(of(None), ConsentState::Given);
        assert_eq!(of(Some("2026-01-15")), ConsentState::Given);
        assert_eq!(of(Some("2026-01-14")), ConsentState::Ended);
        let carer = Entry { giver: Uuid::from_u128(3), authorised: true, ..said(MUM, Answer::Given, "2026-01-01") };
        assert_eq!(stand(&[carer], &BTreeSet::new(), None, at("2026-01-14"), day("2026-01-14")).state, ConsentState::Given);
    }

    #[test]
    fn what_both_allow_is_allowed() {
        let given = |giver, platforms: &[Platform], with_name| Entry {
            terms: Terms { with_name, ..terms(platforms) },
            ..said(giver, Answer::Given, "2026-01-01")
        };
        let both = |first: &[Platform], second: &[Platform]| {
            let entries = [given(MUM, first, true), given(DAD, second, false)];
            stand(&entries, &BTreeSet::from([MUM, DAD]), None, at("2026-01-14"), day("2026-01-14"))
        };
        let common = both(&[Platform::Facebook, Platform::X], &[Platform::X]);
        assert_eq!(common.shortfalls(Platform::X, false, true), []);
        assert_eq!(common.shortfalls(Platform::Facebook, true, true), [Shortfall::Platform, Shortfall::Name]);
        assert_eq!(both(&[], &[Platform::X]).shortfalls(Platform::Facebook, false, false), [Shortfall::Platform]);
        let apart = both(&[Platform::Facebook], &[Platform::X]);
        assert_eq!((apart.state, apart.disagreed), (ConsentState::Refused, true));
        let faceless = Standing { terms: Some(Terms { face_identifiable: false, ..terms(&[]) }), ..both(&[], &[]) };
        assert_eq!(faceless.shortfalls(Platform::X, false, true), [Shortfall::Face]);
    }

    #[test]
    fn who_may_answer_for_whom() {
        let parent =
            Giver { oneself: false, subject_is_pupil: true, has_parental_responsibility: true, is_foster_carer: false, authorised: false };
        assert!(may_answer(parent, Answer::Given).is_ok());
        let aunt = Giver { has_parental_responsibility: false, ..parent };
        assert!(may_answer(aunt, Answer::Given).is_err() && may_answer(aunt, Answer::Refused).is_err());
        let carer = Giver { is_foster_carer: true, ..aunt };
        assert!(may_answer(carer, Answer::Given).is_err() && may_answer(carer, Answer::Withdrawn).is_ok());
        assert!(may_answer(Giver { authorised: true, ..carer }, Answer::Given).is_ok());
        let adult = Giver { oneself: true, subject_is_pupil: false, has_parental_responsibility: false, ..parent };
        assert!(may_answer(adult, Answer::Given).is_ok());
        assert!(may_answer(Giver { oneself: false, ..adult }, Answer::Given).is_err());
        // A child does not decide alone.
        assert!(may_answer(Giver { oneself: true, has_parental_responsibility: false, ..parent }, Answer::Given).is_err());
    }

    #[test]
    fn consent_lasts_for_twelve_months_at_the_most() {
        assert_eq!(expiry(day("2024-02-29"), None), Ok(day("2025-02-28")));
        assert_eq!(expiry(day("2026-01-14"), Some(day("2026-07-21"))), Ok(day("2026-07-21")));
        assert!(expiry(day("2026-01-14"), Some(day("2027-01-15"))).is_err());
        assert!(expiry(day("2026-01-14"), Some(day("2026-01-13"))).is_err());
    }
}
