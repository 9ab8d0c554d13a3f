//! Disciplinary actions out of incidents: for whoever leads alone (BEH-7).

mod api;
pub mod rows;

pub use api::{DisciplinaryKind, operations};
