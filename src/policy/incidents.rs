//! What an incident is, and what has to have happened before it moves on (R-HT-4, BEH-7, PU-PU-1; KCSIE, part four).

use chrono::Duration;

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// What kind of thing has happened.
    pub enum Category {
        Defamatory, Discriminatory, Offensive, Harassing, Bullying, CyberbullyingChildOnChild, DataProtectionBreach,
        ConfidentialityBreach, CopyrightBreach, Disrepute, PersonalGain, ImpersonationFakeAccount, AccountCompromise, BrandingMisuse,
        MissingDisclaimer, StaffPupilContact, ColleagueAbuse, CommentsAboutStaff, PrivacyInfringement, ImageOnPersonalAccount,
        ImageWithoutConsent, AccidentalImage, NudesSemiNudes, AiManipulatedImage, SextortionBlackmail, GroomingContact,
        ExtremismPrevent, ThreatsViolence, SelfHarmContent, ParentOffensiveComment, ExcessivePersonalUse, UseOutsideStaffroom,
        InternalGrievanceAired, InappropriateLink, JournalistContactBreach, Other,
    }

    /// How bad it is.
    pub enum Severity {
        /// Advice is enough.
        Low,
        /// The headteacher deals with it.
        Moderate,
        /// Formal; parents and governors are told.
        Serious,
        /// A child is at risk, or it may be illegal: safeguarding lead and police at once.
        Critical,
    }

    /// Which tier of KCSIE, part four, it may fall into.
    pub enum HarmThreshold { NotApplicable, LowLevelConcern, MayMeetThreshold }

    /// How it stands to the policy's scope (SC-1, SC-4).
    pub enum Scope { Professional, PersonalAssociated, PersonalImpacting, OutOfScope }

    /// Whether it may be a crime; in rising order.
    pub enum Legality { Lawful, PossiblyIllegal, Illegal }

    /// How it ended.
    pub enum Outcome {
        AdviceGiven, TrainingRequired, ContentRemoved, Apology, WrittenWarning, DisciplinaryStarted, NoFurtherAction, Referred,
        /// Of an allegation.
        Substantiated,
        Malicious, False, Unsubstantiated, Unfounded,
    }

    /// What whoever looks after the child's welfare decides.
    pub enum SafeguardingDecision {
        /// There was a concern, and it is dealt with.
        ConcernAddressed,
        /// There is none, or none any more.
        NoConcern,
    }

    /// An outside agency (decisions, section 3, rule 11).
    pub enum Agency {
        #[serde(rename = "police_101")]
        #[strum(serialize = "police_101")]
        Police101,
        #[serde(rename = "police_999")]
        #[strum(serialize = "police_999")]
        Police999,
        Lado, ChildrensSocialCare, Ceop, Iwf, ReportHarmfulContent, PoshHelpline, Ico, Dbs, Tra, Platform, Legal, LaPressOffice, Prevent,
    }

    /// Where a referral stands (decisions, section 6).
    pub enum ReferralState { ToMake, Made, Acknowledged, OutcomeReceived }

    /// What to do at once, and what not to.
    pub enum FirstStep {
        /// Do nothing more with it, not even delete it: it may be evidence.
        Stop,
        /// Do not open, copy, forward, print or save the image, and do not ask for it: no file belongs in this system.
        DoNotCopyImage,
        /// Leave the device as it is, and give it to the designated safeguarding lead at once.
        TellSafeguardingLead,
        /// If somebody is in danger now, call 999.
        CallPoliceIfInDanger,
        /// Do not pay, and do not answer; keep the messages.
        DoNotPay,
    }
}

/// A report that comes later than this after the discovery is flagged (A17).
const LATE_AFTER: Duration = Duration::hours(24);

impl Category {
    /// It is about a child's welfare whatever else it is (PU-PU-1).
    pub const fn concerns_children(self) -> bool {
        use Category::{
            AccidentalImage, CyberbullyingChildOnChild, GroomingContact, NudesSemiNudes, SelfHarmContent, SextortionBlackmail,
            StaffPupilContact,
        };
        matches!(
            self,
            AccidentalImage
                | CyberbullyingChildOnChild
                | GroomingContact
                | NudesSemiNudes
                | SelfHarmContent
                | SextortionBlackmail
                | StaffPupilContact
        )
    }

    /// It is about personal data or confidences.
    pub const fn concerns_data(self) -> bool {
        use Category::{AccountCompromise, ConfidentialityBreach, DataProtectionBreach, ImageWithoutConsent, PrivacyInfringement};
        matches!(self, AccountCompromise | ConfidentialityBreach | DataProtectionBreach | ImageWithoutConsent | PrivacyInfringement)
    }

    /// There may be an image that is a crime to hold (A19).
    pub const fn may_hold_illegal_image(self) -> bool {
        use Category::{AccidentalImage, AiManipulatedImage, GroomingContact, NudesSemiNudes, SextortionBlackmail};
        matches!(self, AccidentalImage | AiManipulatedImage | GroomingContact | NudesSemiNudes | SextortionBlackmail)
    }

    /// What to do at once, and what not to.
    pub fn guidance(self) -> Vec<FirstStep> {
        let image = self.may_hold_illegal_image();
        let danger = matches!(self, Self::ThreatsViolence | Self::SelfHarmContent | Self::GroomingContact | Self::SextortionBlackmail);
        [
            // What somebody took by accident is deleted, unless it may be a crime to hold (IMG-5, A19).
            (FirstStep::Stop, image && self != Self::AccidentalImage),
            (FirstStep::DoNotCopyImage, image),
            (FirstStep::TellSafeguardingLead, image || self.concerns_children()),
            (FirstStep::CallPoliceIfInDanger, danger),
            (FirstStep::DoNotPay, self == Self::SextortionBlackmail),
        ]
        .into_iter()
        .filter_map(|(guidance, holds)| holds.then_some(guidance))
        .collect()
    }
}

impl Agency {
    pub const fn is_police(self) -> bool {
        matches!(self, Self::Police101 | Self::Police999)
    }
}

/// Whether a report came late after the discovery (BEH-5, A17).
pub fn is_late(discovered_at: chrono::DateTime<chrono::Utc>, reported_at: chrono::DateTime<chrono::Utc>) -> bool {
    reported_at - discovered_at > LATE_AFTER
}

/// Evidence is words, links and hashes. Where an image may be a crime to hold, not even a link is kept (A19, IMG-5).
///
/// # Errors
/// 422 with what to do instead.
pub fn may_keep_evidence(category: Option<Category>, given: bool) -> Result<(), Refusal> {
    if !given || !category.is_some_and(Category::may_hold_illegal_image) {
        return Ok(());
    }
    let violation = Violation::new(
        Clause::Img5,
        "No link to an image that may be illegal is kept here.",
        "Do not open, copy or forward it. Leave the device as it is and tell the designated safeguarding lead at once.",
    );
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/evidence")))
}

/// Suspected excessive use is reported with how the duties suffer (PU-ST-3).
///
/// # Errors
/// 422 where that is missing.
pub fn needs_evidence(category: Option<Category>, given: bool) -> Result<(), Refusal> {
    if given || category != Some(Category::ExcessivePersonalUse) {
        return Ok(());
    }
    let violation =
        Violation::new(Clause::PuSt3, "It is not said how the duties suffer.", "Describe in evidence what was not done because of it.");
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/evidence")))
}

/// What was found out so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    pub legality: Legality,
    pub harm_threshold: HarmThreshold,
    pub safeguarding: bool,
    /// A lower legality waits for a second person.
    pub downgrade_proposed: bool,
}

/// What has been done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// A referral to the police was made, with its reference.
    pub police_told: bool,
    pub lado_told: bool,
    pub safeguarding_decided: bool,
}

/// Every assessment says how the incident stands to the policy's scope (SC-1).
///
/// # Errors
/// 422 where it does not.
pub fn scoped(scope: Option<Scope>) -> Result<Scope, Refusal> {
    scope.ok_or_else(|| {
        let violation = Violation::new(Clause::Sc1, "The scope is missing.", "Say whether it is professional, personal or out of scope.");
        Refusal::new(Grounds::NotAcceptable, violation.at("/scope"))
    })
}

/// An assessment never lowers the legality by itself: that takes a reason and a second person (R-HT-4).
///
/// # Errors
/// 409 with the way to do it.
pub fn may_assess(before: Option<Legality>, now: Legality) -> Result<(), Refusal> {
    if before.is_none_or(|before| now >= before) {
        return Ok(());
    }
    let violation = Violation::new(
        Clause::RHt4,
        "This was assessed as more serious before.",
        "Propose the lower legality with its reason; a second person confirms it.",
    );
    Err(Refusal::new(Grounds::NotYet, violation.at("/legality")))
}

/// What is lower than before is proposed, what is not is assessed (R-HT-4).
///
/// # Errors
/// 422 where there is nothing to lower.
pub fn may_propose(before: Legality, proposed: Legality) -> Result<(), Refusal> {
    if proposed < before {
        return Ok(());
    }
    let violation = Violation::new(Clause::RHt4, "This is not lower than what was assessed.", "Assess the incident again instead.");
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/legality")))
}

/// Who has judged the case once is no second person (R-HT-4).
///
/// # Errors
/// 403 for whoever proposed it.
pub fn may_confirm(is_proposer: bool) -> Result<(), Refusal> {
    if !is_proposer {
        return Ok(());
    }
    let violation = Violation::new(
        Clause::RHt4,
        "Nobody confirms their own proposal.",
        "Have the designated safeguarding lead, the data protection officer or somebody else who leads confirm it.",
    );
    Err(Refusal::new(Grounds::NotThisPerson, violation))
}

/// Nobody investigates what may meet the harm threshold before the LADO has given advice (KCSIE, part four; R-HT-4).
///
/// # Errors
/// 409 until the LADO has been told.
pub fn may_investigate(findings: Findings, steps: Steps) -> Result<(), Refusal> {
    if findings.harm_threshold != HarmThreshold::MayMeetThreshold || steps.lado_told {
        return Ok(());
    }
    Err(Refusal::new(Grounds::NotYet, lado()))
}

fn lado() -> Violation {
    Violation::new(
        Clause::RHt4,
        "The harm threshold may be met, and the LADO has not been told.",
        "Refer it to the LADO, within one working day, and record the referral with its reference.",
    )
}

/// What has to have happened before an incident is closed (BEH-7, PU-PU-1).
///
/// # Errors
/// 409 with everything that is missing.
pub fn may_close(findings: Findings, steps: Steps) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    if findings.legality == Legality::Illegal && !steps.police_told {
        missing.push(Violation::new(
            Clause::Beh7,
            "Illegal conduct has not been referred to the police.",
            "Make a referral to the police and record its reference and time.",
        ));
    }
    if findings.harm_threshold == HarmThreshold::MayMeetThreshold && !steps.lado_told {
        missing.push(lado());
    }
    if findings.safeguarding && !steps.safeguarding_decided {
        missing.push(Violation::new(
            Clause::PuPu1,
            "The designated safeguarding lead has not decided.",
            "Have whoever looks after the child's welfare record a decision.",
        ));
    }
    if findings.downgrade_proposed {
        missing.push(Violation::new(
            Clause::RHt4,
            "A lower legality is proposed and not confirmed.",
            "Have a second person confirm it, or assess the incident again.",
        ));
    }
    Refusal::unless_empty(Grounds::NotYet, missing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::IntoEnumIterator;

    use super::*;

    fn clauses(result: Result<(), Refusal>) -> Vec<&'static str> {
        result.err().into_iter().flat_map(|refusal| refusal.violations).map(|violation| violation.clause.id()).collect()
    }

    fn findings() -> Findings {
        Findings {
            legality: Legality::Lawful,
            harm_threshold: HarmThreshold::NotApplicable,
            safeguarding: false,
            downgrade_proposed: false,
        }
    }

    #[test]
    fn each_thing_that_is_missing_keeps_an_incident_open() {
        let nothing = Steps::default();
        assert!(may_close(findings(), nothing).is_ok());
        assert_eq!(clauses(may_close(Findings { legality: Legality::Illegal, ..findings() }, nothing)), ["BEH-7"]);
        assert!(may_close(Findings { legality: Legality::PossiblyIllegal, ..findings() }, nothing).is_ok());
        assert_eq!(clauses(may_close(Findings { safeguarding: true, ..findings() }, nothing)), ["PU-PU-1"]);
        let all = Findings {
            legality: Legality::Illegal,
            harm_threshold: HarmThreshold::MayMeetThreshold,
            safeguarding: true,
            downgrade_proposed: true,
        };
        assert_eq!(clauses(may_close(all, nothing)), ["BEH-7", "R-HT-4", "PU-PU-1", "R-HT-4"]);
        let done = Steps { police_told: true, lado_told: true, safeguarding_decided: true };
        assert!(may_close(Findings { downgrade_proposed: false, ..all }, done).is_ok());
        assert_eq!(clauses(may_close(all, done)), ["R-HT-4"]);
    }

    #[test]
    fn nobody_investigates_before_the_lado_knows() {
        let threshold = Findings { harm_threshold: HarmThreshold::MayMeetThreshold, ..findings() };
        assert_eq!(clauses(may_investigate(threshold, Steps::default())), ["R-HT-4"]);
        assert!(may_investigate(threshold, Steps { lado_told: true, ..Steps::default() }).is_ok());
        assert!(may_investigate(findings(), Steps::default()).is_ok());
    }

    #[test]
    fn no_link_to_what_may_be_illegal_is_kept() {
        for category in Category::iter() {
            assert_eq!(
                may_keep_evidence(Some(category), true).is_err(),
                category.guidance().contains(&FirstStep::DoNotCopyImage),
                "{category}"
            );
            assert!(may_keep_evidence(Some(category), false).is_ok());
            assert_eq!(needs_evidence(Some(category), false).is_err(), category == Category::ExcessivePersonalUse);
        }
        assert!(may_keep_evidence(None, true).is_ok());
    }

    #[test]
    fn late_is_more_than_a_day_after_the_discovery() {
        let at: chrono::DateTime<chrono::Utc> = "2026-03-28T12:00:00Z".parse().unwrap();
        assert!(!is_late(at, at + Duration::hours(24)) && is_late(at, at + Duration::hours(24) + Duration::seconds(1)));
    }

    #[test]
    fn the_agencies_have_the_names_of_the_list() {
        let names: Vec<String> = Agency::iter().map(|agency| agency.to_string()).collect();
        assert_eq!(names[..3], ["police_101", "police_999", "lado"]);
        assert_eq!(serde_json::to_value(Agency::Police999).unwrap(), "police_999");
    }

    proptest! {
        #[test]
        fn legality_goes_down_by_a_proposal_alone(before in 0usize..3, now in 0usize..3) {
            let all: Vec<Legality> = Legality::iter().collect();
            let (before, now) = (all[before], all[now]);
            prop_assert!(may_assess(Some(before), now).is_ok() != may_propose(before, now).is_ok());
        }
    }
}
