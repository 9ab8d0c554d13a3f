//! Public postings about the school (PRO-1): whose business they are (SC-1), and how they were responded to (PRO-2).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::MentionState;
