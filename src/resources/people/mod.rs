//! People, their roles and guardians.

mod api;
mod batch;
pub mod bulk;
pub mod changes;
mod guardians_batch;
pub mod rows;
pub mod rules;

pub use api::{operations, standing};
pub use batch::PersonItem;
pub use rules::Relationship;
