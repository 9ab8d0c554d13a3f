//! That a leaver has acknowledged that confidentiality continues (BEH-2d).

mod api;
pub mod rows;

pub use api::{ExitMethod, operations, void};
