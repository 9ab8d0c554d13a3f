//! The procedure by which others' comments are responded to, in versions (PRO-2).

mod api;
pub mod rows;
pub mod rules;
pub mod seed;

pub use api::{followed, operations};
pub use rules::ResponseProcedureState;
