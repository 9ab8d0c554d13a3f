//! What was done about unacceptable comments, and what the audience was told (HND-2). Nothing of it is ever changed.

mod api;
pub mod rows;

pub use api::operations;
