//! Which parents and carers can comment where, and whether they were informed of acceptable use (PU-PC-1).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::NoticeChannel;
