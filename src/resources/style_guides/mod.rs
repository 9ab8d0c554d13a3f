//! In which tone the school writes on each platform (TONE-2).

mod api;
pub mod rows;

pub use api::operations;
