//! Compromising pictures that somebody took by accident: deleted at once, wherever they are (IMG-5); but what may be a
//! crime to hold is left alone and brought to the safeguarding lead (A19).

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::clauses::Clause::Img5;
use super::incidents::Category;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

/// How soon after it was noticed "immediately" ends.
pub const DELETE_WITHIN: Duration = Duration::minutes(30);

words! {
    /// What can hold a picture.
    pub enum ImagePlace { Device, CloudBackup, SharedCopy, MemoryCard, Other }

    /// Where a picture stands.
    pub enum AccidentalImageState {
        /// Whoever took it deletes it at once.
        ToDelete,
        /// It may be a crime to hold: nobody touches it but by the safeguarding lead's word.
        WithSafeguarding,
        Deleted,
    }

    /// What can be done with the record of a picture.
    pub enum AccidentalImageAction { RecordDeletion }
}

/// A place that holds a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldAt {
    pub place: ImagePlace,
    /// Which of its kind it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub detail: Option<String>,
}

/// As what a picture is reported.
pub const fn category(possibly_illegal: bool) -> Category {
    if possibly_illegal { Category::NudesSemiNudes } else { Category::AccidentalImage }
}

pub const fn state(possibly_illegal: bool, deleted: bool) -> AccidentalImageState {
    match (deleted, possibly_illegal) {
        (true, _) => AccidentalImageState::Deleted,
        (false, true) => AccidentalImageState::WithSafeguarding,
        (false, false) => AccidentalImageState::ToDelete,
    }
}

/// Whether a picture was deleted as soon as the policy asks.
pub fn is_immediate(noticed_at: DateTime<Utc>, deleted_at: DateTime<Utc>) -> bool {
    deleted_at - noticed_at <= DELETE_WITHIN
}

/// Who records that a picture was deleted: whoever took it, or deals with the incident; the latter alone, where it may
/// be a crime to hold (A19).
///
/// # Errors
/// 403 for anybody else.
pub fn may_record_deletion(possibly_illegal: bool, took_it: bool, deals_with_it: bool) -> Result<(), Refusal> {
    let (detail, cure) = match (possibly_illegal, took_it, deals_with_it) {
        (false, true, _) | (_, false, true) => return Ok(()),
        (true, true, _) => (
            "This picture may be evidence of a crime: whoever took it does not delete it.",
            "Stop, do not copy it, leave the device as it is and give it to the designated safeguarding lead at once.",
        ),
        _ => ("This is for whoever took the picture, or deals with the incident.", "Leave it to one of them."),
    };
    Err(Refusal::new(Grounds::NotThisPerson, Violation::new(Img5, detail, cure)))
}

/// A picture is deleted once it is nowhere any more.
///
/// # Errors
/// 422 with the places that are left.
pub fn covers(held: &[HeldAt], deleted: &[HeldAt]) -> Result<(), Refusal> {
    let left = held.iter().filter(|place| !deleted.contains(place));
    let left: std::collections::BTreeSet<&str> = left.map(|one| one.place.into()).collect();
    if left.is_empty() {
        return Ok(());
    }
    let cure = format!("Delete it there too, and name each place as it was reported: {}.", Vec::from_iter(left).join(", "));
    Err(Refusal::new(Grounds::NotAcceptable, Violation::new(Img5, "Not every place that held the picture is covered.", cure).at("/places")))
}

/// Nobody witnesses their own deletion.
///
/// # Errors
/// 422 where somebody would.
pub fn may_witness(is_involved: bool) -> Result<(), Refusal> {
    if !is_involved {
        return Ok(());
    }
    let violation = Violation::new(Img5, "Nobody is their own witness.", "Name somebody else who saw it, or nobody.");
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/witness_id")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::incidents::FirstStep;

    fn held(place: ImagePlace, detail: Option<&str>) -> HeldAt {
        HeldAt { place, detail: detail.map(str::to_owned) }
    }

    #[test]
    fn immediately_is_within_half_an_hour_of_noticing() {
        let at: DateTime<Utc> = "2026-03-29T00:45:00Z".parse().unwrap();
        assert!(is_immediate(at, at) && is_immediate(at, at + DELETE_WITHIN));
        assert!(!is_immediate(at, at + DELETE_WITHIN + Duration::seconds(1)));
    }

    #[test]
    fn what_may_be_a_crime_to_hold_is_not_deleted_by_whoever_took_it() {
        for (illegal, took_it, deals_with_it, may) in [
            (false, true, false, true),
            (false, true, true, true),
            (false, false, true, true),
            (false, false, false, false),
            (true, true, false, false),
            (true, true, true, false),
            (true, false, true, true),
            (true, false, false, false),
        ] {
            assert_eq!(may_record_deletion(illegal, took_it, deals_with_it).is_ok(), may, "{illegal} {took_it} {deals_with_it}");
        }
        assert_eq!(category(true).guidance(), [FirstStep::Stop, FirstStep::DoNotCopyImage, FirstStep::TellSafeguardingLead]);
        assert_eq!(state(true, false), AccidentalImageState::WithSafeguarding);
        assert_eq!((state(false, false), state(true, true)), (AccidentalImageState::ToDelete, AccidentalImageState::Deleted));
    }

    #[test]
    fn each_place_is_covered() {
        use ImagePlace::{CloudBackup, Device};
        let noted = [held(Device, Some("Tablet 3")), held(Device, Some("Camera")), held(CloudBackup, None)];
        assert!(covers(&noted, &noted).is_ok() && covers(&[], &noted).is_ok());
        let refusal = covers(&noted, &[noted[0].clone(), held(Device, None)]).unwrap_err();
        assert!(refusal.violations[0].cure.ends_with("as it was reported: cloud_backup, device."), "{refusal:?}");
    }

    #[test]
    fn nobody_is_their_own_witness() {
        assert!(may_witness(false).is_ok() && may_witness(true).is_err());
    }
}
