//! Who must not be published, whatever anybody has consented to (IMG-4). Who is on the list, and why, is for a few alone.

mod api;
pub mod rows;

pub use api::{ReasonClass, operations};
