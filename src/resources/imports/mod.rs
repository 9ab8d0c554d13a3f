//! Lists of people from other systems: taken in as files, laid down record by record, and dealt with by a job that can be
//! stopped and killed at any time.

mod api;
pub mod formats;
pub mod intake;
pub mod rows;
pub mod rules;
pub mod work;

pub use api::operations;
pub use rules::{ImportAction, ImportFormat, ImportMode, ImportState, RecordKind};
