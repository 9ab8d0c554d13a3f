//! Comments, queries and complaints, each with its deadline (MON-2, BEH-3).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::{CommentKind, CommentState, ResponseKind};
