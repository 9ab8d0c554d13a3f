//! That staff's use at work is monitored: openly, and by a policy (BEH-6).

mod api;
pub mod rows;

pub use api::operations;
