//! Who lacks training for what they do (R-HT-1, ELIG-1).

mod api;
pub mod rows;

pub use api::operations;
