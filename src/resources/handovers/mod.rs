//! Handovers of the accounts that a leaver ran (R-IT-4): transferred to others, or closed.

mod api;
mod moves;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use moves::{close_all, end_returned, open};
pub use rules::{HandoverOutcome, HandoverState};
