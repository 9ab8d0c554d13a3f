//! Notes on incidents: for those who deal with it, for everybody who takes part, or between reporter and lead.

mod api;
pub mod rows;

pub use api::{NoteAudience, operations};
