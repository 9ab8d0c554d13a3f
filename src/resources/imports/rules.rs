//! What an import is, and how many may leave by one.

use crate::words::words;

words! {
    /// The shape of a file. `oneroster` is the CSV form of 1EdTech's OneRoster 1.1 or 1.2, in a zip.
    pub enum ImportFormat {
        Json, Ndjson, Csv,
        // Snake case alone would write `one_roster`.
        #[serde(rename = "oneroster")] #[strum(serialize = "oneroster")] OneRoster,
    }

    /// What the file says of those who are not in it: nothing, or (of the same source) that they are no longer at the
    /// school.
    pub enum ImportMode { Upsert, Snapshot }

    /// How far an import is.
    pub enum ImportState { Queued, Running, Completed, Cancelled, Failed }

    /// What can be done with an import.
    pub enum ImportAction { Cancel }

    /// What a record is about: a person of the file, who is whose guardian, or somebody who is not in the file.
    pub enum RecordKind { Person, Guardian, Absent }
}

impl ImportFormat {
    /// The format that a media type stands for.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json" => Some(Self::Json),
            "application/x-ndjson" => Some(Self::Ndjson),
            "text/csv" => Some(Self::Csv),
            "application/zip" => Some(Self::OneRoster),
            _ => None,
        }
    }
}

impl ImportState {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// What can be done with an import.
pub fn allowed(state: ImportState, may_run: bool) -> Vec<ImportAction> {
    if may_run && state.is_open() { vec![ImportAction::Cancel] } else { Vec::new() }
}

/// How many of those whom a source knows may leave by one import without being counted: a fifth.
const USUAL: i64 = 5;

/// Whether so many may leave, of so many who are at the school. A broken export must not empty a school.
pub fn may_leave(leaving: i64, present: i64, confirmed: Option<i64>) -> bool {
    leaving * USUAL <= present || confirmed == Some(leaving)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_fifth_leaves_only_if_their_number_was_confirmed() {
        assert!(may_leave(0, 0, None));
        assert!(may_leave(20, 100, None));
        assert!(!may_leave(21, 100, None));
        assert!(may_leave(21, 100, Some(21)));
        assert!(!may_leave(22, 100, Some(21)), "another number was confirmed");
        assert!(!may_leave(20, 99, None));
        assert!(!may_leave(1, 1, None));
    }
}
