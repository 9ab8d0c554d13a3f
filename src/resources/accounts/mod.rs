//! The school's accounts on social media: created from an approved business case, run by named people
//! (R-IT-1, BC-4).

mod api;
pub mod rows;
pub mod rules;

pub use api::{AccountReason, close, named, operations, sight};
pub use rules::AccountState;
