//! The school: its clock, calendar and settings.

mod api;
pub mod rows;

pub use api::operations;
