//! Before anything is published: the one check that joins everything (IMG-1 to IMG-4, LEG-1, LEG-2, TONE-1, DO-1, BEH-2c).

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clauses::Clause;
use super::consent::{ConsentState, Shortfall, Standing};
use super::platforms::Platform;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// What a check comes to.
    pub enum Decision { Cleared, NeedsApproval, Blocked }

    /// Where a check stands (decisions, section 6).
    pub enum CheckState {
        Cleared,
        /// The headteacher decides (DO-1).
        NeedsApproval,
        Approved,
        Refused,
        Blocked,
        /// What was checked was published.
        Used,
        Expired,
        /// Something that it relied on has changed since.
        Revoked,
    }

    /// What can be done with a check.
    pub enum CheckAction { Approve, Refuse, RequestSecondOpinion, GiveSecondOpinion, Publish }

    /// What is true of what is to be published.
    pub enum Flag {
        /// A child can be seen or is named.
        ContainsChildren,
        /// Somebody can be recognised by the face.
        FaceIdentifiable,
        /// Somebody who can be seen is named.
        WithName,
        /// It uses the work of others (LEG-1).
        ThirdPartyWork,
        /// That work was changed.
        WorkAdapted,
        /// It has controversial implications (DO-1).
        Controversial,
        /// Somebody earns by it.
        CommercialInterest,
        /// The author gains by it (BEH-2c).
        PersonalGain,
        /// It holds personal data beyond pictures and names (LEG-2).
        PersonalData,
        /// It holds something confidential (LEG-2).
        Confidential,
    }

    /// What the author vouches for.
    pub enum Attestation {
        /// The tone fits the audience (TONE-1).
        ToneFits,
        /// Everybody is dressed appropriately (IMG-4).
        AppropriatelyDressed,
        /// Nobody is ridiculed (IMG-4).
        NoRidicule,
        /// Everybody who can be recognised is named among the subjects (IMG-1).
        EverybodyNamed,
    }

    /// What stands in the way of a publication.
    pub enum Obstacle {
        AccountNotOwned, AccountNotActive, TeamNotEligible, PersonalGain, Confidential, NotAsked, ConsentRefused, ConsentWithdrawn,
        ConsentExpired, HasLeft, ConsentNotForPlatform, ConsentWithoutName, ConsentWithoutFace, Objected, DoNotPublish, WorkNotPermitted,
        /// Somebody may not be published; who and why is not for this caller.
        PeopleNotCleared,
    }

    /// Why the headteacher has to decide.
    pub enum Concern { Controversial, CommercialInterest, PersonalData }
}

/// How long a clearance lasts.
pub const LASTS: Duration = Duration::hours(24);

/// How often one person may check within an hour: nobody finds out about children by asking for each (IMG-4).
pub const CHECKS_PER_HOUR: i64 = 120;

/// What stands in the way of a publication: kept with the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    pub code: Obstacle,
    pub clause: String,
    pub detail: String,
    pub cure: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Blocker {
    fn new(code: Obstacle, violation: Violation) -> Self {
        Self {
            code,
            clause: violation.clause.id().to_owned(),
            detail: violation.detail,
            cure: violation.cure,
            person: violation.person,
            pointer: violation.pointer.map(str::to_owned),
        }
    }

    /// Speaks of somebody's consent, objection or protection.
    fn is_of_a_person(&self) -> bool {
        self.person.is_some()
    }
}

/// What others than headteacher and safeguarding lead are told: that somebody blocks, and nothing of whom, how many or why
/// (IMG-4).
pub fn opaque(blockers: Vec<Blocker>) -> Vec<Blocker> {
    let (of_people, mut others): (Vec<_>, Vec<_>) = blockers.into_iter().partition(Blocker::is_of_a_person);
    if !of_people.is_empty() {
        let cure = "Publish without people, or ask the headteacher or the safeguarding lead who can be seen.";
        let violation = Violation::new(Clause::Img4, "Not everybody who can be seen may be published.", cure).at("/subjects");
        others.push(Blocker::new(Obstacle::PeopleNotCleared, violation));
    }
    others
}

/// Where it is to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Not an account of the school.
    Unregistered,
    Account {
        platform: Platform,
        active: bool,
        team_eligible: bool,
    },
}

/// Somebody who can be seen or is named.
#[derive(Clone, Debug)]
pub struct Pictured {
    pub person: Uuid,
    pub consent: Standing,
    pub objected: bool,
    /// On the do-not-publish list.
    pub listed: bool,
}

/// All that a decision rests on.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub target: Target,
    pub flags: &'a BTreeSet<Flag>,
    pub subjects: &'a [Pictured],
    /// Why the works in it may not be used (LEG-1).
    pub works: Vec<Violation>,
}

/// What a check comes to, with everything that stands in the way at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub blockers: Vec<Blocker>,
    pub concerns: Vec<Concern>,
}

impl Verdict {
    pub fn decision(&self) -> Decision {
        if !self.blockers.is_empty() {
            Decision::Blocked
        } else if self.concerns.is_empty() {
            Decision::Cleared
        } else {
            Decision::NeedsApproval
        }
    }
}

/// Whether something may be published.
pub fn decide(facts: &Facts<'_>) -> Verdict {
    let has = |flag| facts.flags.contains(&flag);
    let mut blockers = Vec::new();
    let mut block = |code, violation| blockers.push(Blocker::new(code, violation));
    match facts.target {
        Target::Unregistered => {
            let clause = if has(Flag::ContainsChildren) { Clause::Img3 } else { Clause::RIt1 };
            let violation = Violation::new(clause, "This is not an account of the school.", "Publish on an active account of the school.");
            block(Obstacle::AccountNotOwned, violation.at("/unregistered_account"));
        }
        Target::Account { active, team_eligible, .. } => {
            if !active {
                let violation = Violation::new(Clause::Img3, "The account is not active.", "Have it activated, or choose another one.");
                block(Obstacle::AccountNotActive, violation.at("/account_id"));
            }
            if !team_eligible {
                let cure = "See GET /v1/accounts/{id}/compliance for what is missing.";
                let violation = Violation::new(Clause::Elig1, "Those who run the account are not eligible.", cure);
                block(Obstacle::TeamNotEligible, violation.at("/account_id"));
            }
        }
    }
    if has(Flag::PersonalGain) {
        let violation = Violation::new(Clause::Beh2c, "School accounts are not for personal gain.", "Leave it out.");
        block(Obstacle::PersonalGain, violation.at("/flags"));
    }
    if has(Flag::Confidential) {
        let violation = Violation::new(Clause::Leg2, "It holds something confidential.", "Take it out.");
        block(Obstacle::Confidential, violation.at("/flags"));
    }
    for violation in &facts.works {
        block(Obstacle::WorkNotPermitted, violation.clone());
    }
    let platform = match facts.target {
        Target::Account { platform, .. } => platform,
        Target::Unregistered => Platform::Other,
    };
    for subject in facts.subjects {
        for (code, violation) in of_subject(subject, platform, has(Flag::WithName), has(Flag::FaceIdentifiable)) {
            block(code, violation.of(subject.person));
        }
    }
    let concern = |flag, concern| has(flag).then_some(concern);
    let concerns = [
        concern(Flag::Controversial, Concern::Controversial),
        concern(Flag::CommercialInterest, Concern::CommercialInterest),
        concern(Flag::PersonalData, Concern::PersonalData),
    ];
    Verdict { blockers, concerns: concerns.into_iter().flatten().collect() }
}

fn of_subject(subject: &Pictured, platform: Platform, with_name: bool, face: bool) -> Vec<(Obstacle, Violation)> {
    let ask = "Ask whoever decides for this person, or publish without them.";
    let without = "Publish without this person.";
    let mut found: Vec<(Obstacle, Violation)> = subject
        .consent
        .shortfalls(platform, with_name, face)
        .into_iter()
        .map(|shortfall| match shortfall {
            Shortfall::State(ConsentState::NotAsked | ConsentState::Given) => {
                (Obstacle::NotAsked, Violation::new(Clause::Img1, "Nobody has consented.", ask))
            }
            Shortfall::State(ConsentState::Refused) => {
                (Obstacle::ConsentRefused, Violation::new(Clause::Img1, "Consent is refused.", without))
            }
            Shortfall::State(ConsentState::Withdrawn) => {
                (Obstacle::ConsentWithdrawn, Violation::new(Clause::Img1, "Consent was withdrawn.", without))
            }
            Shortfall::State(ConsentState::Expired) => {
                (Obstacle::ConsentExpired, Violation::new(Clause::Img1, "Consent has expired.", ask))
            }
            Shortfall::State(ConsentState::Ended) => {
                (Obstacle::HasLeft, Violation::new(Clause::Img1, "This person has left the school.", without))
            }
            Shortfall::Platform => {
                (Obstacle::ConsentNotForPlatform, Violation::new(Clause::Img1, "Consent was not given for this platform.", ask))
            }
            Shortfall::Name => (Obstacle::ConsentWithoutName, Violation::new(Clause::Img1, "Consent was given without the name.", ask)),
            Shortfall::Face => {
                (Obstacle::ConsentWithoutFace, Violation::new(Clause::Img1, "Consent was given without a recognisable face.", ask))
            }
        })
        .collect();
    if subject.objected {
        found.push((Obstacle::Objected, Violation::new(Clause::Img2, "This person has asked not to be filmed or photographed.", without)));
    }
    if subject.listed {
        found.push((Obstacle::DoNotPublish, Violation::new(Clause::Img4, "This person must not be published.", without)));
    }
    found
}

/// What the author has to vouch for: the tone always, the rest where people can be seen (TONE-1, IMG-1, IMG-4).
///
/// # Errors
/// 422 with each that is missing.
pub fn attested(given: &BTreeSet<Attestation>, shows_people: bool) -> Result<(), Refusal> {
    use Attestation::{AppropriatelyDressed, EverybodyNamed, NoRidicule, ToneFits};
    let asked: &[(Attestation, Clause, &str)] = &[
        (ToneFits, Clause::Tone1, "that the tone fits the audience (tone_fits)"),
        (EverybodyNamed, Clause::Img1, "that everybody who can be recognised is among the subjects (everybody_named)"),
        (AppropriatelyDressed, Clause::Img4, "that everybody is dressed appropriately (appropriately_dressed)"),
        (NoRidicule, Clause::Img4, "that nobody is ridiculed (no_ridicule)"),
    ];
    let asked = if shows_people { asked } else { &asked[..1] };
    let missing = asked.iter().filter(|(what, ..)| !given.contains(what)).map(|(_, clause, words)| {
        Violation::new(*clause, "The author has not vouched for it.", format!("Look again, and attest {words}.")).at("/attestations")
    });
    Refusal::unless_empty(Grounds::NotAcceptable, missing.collect())
}

/// The works of others in it are named (LEG-1, DO-6).
///
/// # Errors
/// 422 where none is.
pub fn works_named(flags: &BTreeSet<Flag>, works: usize) -> Result<(), Refusal> {
    if !flags.contains(&Flag::ThirdPartyWork) || works > 0 {
        return Ok(());
    }
    let cure = "Record the permission for each work, and name it in content_permission_ids.";
    let violation = Violation::new(Clause::Leg1, "It uses the work of others, and names no permission.", cure);
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/content_permission_ids")))
}

/// Whether the state leaves room for an action.
pub const fn possible(action: CheckAction, state: CheckState) -> bool {
    match action {
        CheckAction::Approve | CheckAction::Refuse => matches!(state, CheckState::NeedsApproval),
        CheckAction::RequestSecondOpinion | CheckAction::GiveSecondOpinion => {
            matches!(state, CheckState::Cleared | CheckState::NeedsApproval | CheckState::Approved)
        }
        CheckAction::Publish => matches!(state, CheckState::Cleared | CheckState::Approved),
    }
}

/// A second opinion is somebody else's, who may run accounts (DO-8).
///
/// # Errors
/// 409 otherwise.
pub fn may_opine(is_author: bool, eligible: bool) -> Result<(), Refusal> {
    let refuse = |detail: &str, cure: &str| Err(Refusal::new(Grounds::NotYet, Violation::new(Clause::Do8, detail, cure)));
    match (is_author, eligible) {
        (true, _) => refuse("Nobody gives a second opinion on what they wrote.", "Ask somebody else."),
        (_, false) => refuse("This person is not eligible to run an account.", "Ask somebody who is."),
        _ => Ok(()),
    }
}

/// A clearance is used for what was checked, and in its time.
///
/// # Errors
/// 409 where it is not that, or not any more.
pub fn usable(state: CheckState, expires_at: DateTime<Utc>, now: DateTime<Utc>, same: bool) -> Result<(), Refusal> {
    let refuse = |detail: &str, cure: &str| Err(Refusal::new(Grounds::NotYet, Violation::new(Clause::Img1, detail, cure)));
    match state {
        CheckState::Cleared | CheckState::Approved if now > expires_at => refuse("The clearance has expired.", "Have it checked anew."),
        CheckState::Cleared | CheckState::Approved if !same => {
            refuse("This is not what was checked.", "Publish what was checked, or have it checked anew.")
        }
        CheckState::Cleared | CheckState::Approved => Ok(()),
        CheckState::NeedsApproval => refuse("The headteacher has still to decide.", "Wait for the decision."),
        CheckState::Revoked => refuse("What the clearance relied on has changed.", "Have it checked anew."),
        CheckState::Used => refuse("The clearance has been used.", "Have it checked anew."),
        CheckState::Blocked | CheckState::Refused | CheckState::Expired => refuse("It was not cleared.", "Have it checked anew."),
    }
}

/// An objection holds for everything, or for what was taken on its day; a picture of which nobody knows the day counts as
/// taken on it (IMG-2).
pub fn objection_holds(limited_to: Option<NaiveDate>, taken_on: Option<NaiveDate>) -> bool {
    limited_to.is_none_or(|event| taken_on.is_none_or(|taken| taken == event))
}

words! {
    /// Why something that was published has to go.
    pub enum TakedownCause { Withdrawn, Objected, Listed, Left, Expired, PermissionEnded }

    /// Where a takedown stands (decisions, section 6).
    pub enum TakedownState { Open, Removed, Exempt }

    /// What can be done with a takedown.
    pub enum TakedownAction { RecordRemoval, Exempt }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::super::consent::Terms;
    use super::*;

    const POPPY: Uuid = Uuid::from_u128(7);

    fn given() -> Standing {
        let terms = Terms { with_name: false, face_identifiable: true, platforms: BTreeSet::new() };
        Standing { state: ConsentState::Given, terms: Some(terms), expires_on: None, disagreed: false }
    }

    fn pictured(consent: Standing) -> Pictured {
        Pictured { person: POPPY, consent, objected: false, listed: false }
    }

    const PAGE: Target = Target::Account { platform: Platform::Facebook, active: true, team_eligible: true };

    fn codes(target: Target, flags: &[Flag], subjects: &[Pictured]) -> Vec<Obstacle> {
        let flags = flags.iter().copied().collect();
        let verdict = decide(&Facts { target, flags: &flags, subjects, works: Vec::new() });
        assert_eq!(verdict.decision() == Decision::Blocked, !verdict.blockers.is_empty());
        verdict.blockers.into_iter().map(|blocker| blocker.code).collect()
    }

    #[test]
    fn each_obstacle_alone() {
        use Flag::{Confidential, ContainsChildren, FaceIdentifiable, PersonalGain, WithName};
        let state = |state| pictured(Standing { state, terms: None, ..given() });
        assert_eq!(codes(PAGE, &[ContainsChildren, FaceIdentifiable], &[pictured(given())]), []);
        assert_eq!(codes(PAGE, &[WithName], &[pictured(given())]), [Obstacle::ConsentWithoutName]);
        for (consent, expected) in [
            (ConsentState::NotAsked, Obstacle::NotAsked),
            (ConsentState::Refused, Obstacle::ConsentRefused),
            (ConsentState::Withdrawn, Obstacle::ConsentWithdrawn),
            (ConsentState::Expired, Obstacle::ConsentExpired),
            (ConsentState::Ended, Obstacle::HasLeft),
        ] {
            assert_eq!(codes(PAGE, &[], &[state(consent)]), [expected]);
        }
        assert_eq!(codes(PAGE, &[], &[Pictured { objected: true, ..pictured(given()) }]), [Obstacle::Objected]);
        assert_eq!(codes(PAGE, &[], &[Pictured { listed: true, ..pictured(given()) }]), [Obstacle::DoNotPublish]);
        assert_eq!(codes(PAGE, &[PersonalGain], &[]), [Obstacle::PersonalGain]);
        assert_eq!(codes(PAGE, &[Confidential], &[]), [Obstacle::Confidential]);
        assert_eq!(codes(Target::Unregistered, &[ContainsChildren], &[]), [Obstacle::AccountNotOwned]);
        let asleep = Target::Account { platform: Platform::Facebook, active: false, team_eligible: false };
        assert_eq!(codes(asleep, &[], &[]), [Obstacle::AccountNotActive, Obstacle::TeamNotEligible]);
    }

    #[test]
    fn all_obstacles_are_named_at_once_and_to_others_none_of_them() {
        let listed =
            Pictured { listed: true, objected: true, ..pictured(Standing { state: ConsentState::Refused, terms: None, ..given() }) };
        let unasked = pictured(Standing { state: ConsentState::NotAsked, terms: None, ..given() });
        let verdict = |subjects: &[Pictured]| {
            let flags = BTreeSet::from([Flag::PersonalGain]);
            decide(&Facts { target: PAGE, flags: &flags, subjects, works: Vec::new() })
        };
        let several = verdict(&[listed.clone(), unasked.clone()]).blockers;
        assert_eq!(several.len(), 5);
        assert!(several.iter().skip(1).all(|blocker| blocker.person == Some(POPPY)));
        assert_eq!(opaque(several), opaque(verdict(&[unasked]).blockers), "who blocks, and why, does not show");
        assert_eq!(opaque(verdict(&[]).blockers).len(), 1);
    }

    #[test]
    fn what_is_controversial_commercial_or_personal_is_decided_by_the_head() {
        for (flag, concern) in [
            (Flag::Controversial, Concern::Controversial),
            (Flag::CommercialInterest, Concern::CommercialInterest),
            (Flag::PersonalData, Concern::PersonalData),
        ] {
            let flags = BTreeSet::from([flag]);
            let verdict = decide(&Facts { target: PAGE, flags: &flags, subjects: &[], works: Vec::new() });
            assert_eq!((verdict.decision(), verdict.concerns), (Decision::NeedsApproval, vec![concern]));
        }
        assert!(may_opine(false, true).is_ok() && may_opine(true, true).is_err() && may_opine(false, false).is_err());
    }

    #[test]
    fn the_author_vouches() {
        let all: BTreeSet<Attestation> = Attestation::iter().collect();
        assert!(attested(&all, true).is_ok());
        assert_eq!(attested(&BTreeSet::new(), true).unwrap_err().violations.len(), 4);
        assert_eq!(attested(&BTreeSet::new(), false).unwrap_err().violations.len(), 1);
        assert!(works_named(&BTreeSet::from([Flag::ThirdPartyWork]), 0).is_err());
        assert!(works_named(&BTreeSet::from([Flag::ThirdPartyWork]), 1).is_ok() && works_named(&BTreeSet::new(), 0).is_ok());
    }

    #[test]
    fn a_clearance_is_used_in_its_time_for_what_was_checked() {
        let now: DateTime<Utc> = "2026-01-14T10:00:00Z".parse().unwrap();
        for state in CheckState::iter() {
            let open = matches!(state, CheckState::Cleared | CheckState::Approved);
            assert_eq!(usable(state, now, now, true).is_ok(), open, "{state}");
            assert_eq!(possible(CheckAction::Publish, state), open, "{state}");
            assert!(usable(state, now, now, false).is_err() && usable(state, now, now + Duration::seconds(1), true).is_err());
        }
    }

    #[test]
    fn an_objection_that_is_limited_holds_on_its_day_and_where_the_day_is_not_known() {
        let day = |text: &str| Some(text.parse().unwrap());
        assert!(objection_holds(None, None) && objection_holds(None, day("2026-01-14")));
        assert!(objection_holds(day("2026-01-14"), day("2026-01-14")) && objection_holds(day("2026-01-14"), None));
        assert!(!objection_holds(day("2026-01-14"), day("2026-01-15")));
    }
}
