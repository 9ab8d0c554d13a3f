//! The log, as those see it who may.

mod api;
pub mod rows;

pub use api::{MAX_WAIT, cloud_event, eyes, operations, sight};
