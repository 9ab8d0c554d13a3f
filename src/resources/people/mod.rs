//! People, their roles and guardians.

mod api;
pub mod rows;
pub mod rules;

pub use api::{operations, standing};
pub use rules::Relationship;
