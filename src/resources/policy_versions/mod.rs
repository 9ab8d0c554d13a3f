//! Versions of policies, from the draft to the one in force (R-HT-2).

mod api;
pub mod rows;
pub mod rules;

pub use api::{operations, sight};
pub use rules::PolicyVersionState;
