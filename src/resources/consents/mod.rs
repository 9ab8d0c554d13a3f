//! Who has consented to what (IMG-1): what was said, in the order in which it was said, and what follows from it.

mod api;
mod batch;
mod receipt;
pub mod rows;

pub use api::{follow_up, operations, reassess};
