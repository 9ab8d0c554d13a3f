//! How requests are read and answers written: the same few pieces for every operation.

pub mod body;
pub mod document;
pub mod edge;
pub mod limits;
pub mod listing;
pub mod precondition;
pub mod query;
pub mod reply;
pub mod schema;
pub mod secret;
pub mod text;
