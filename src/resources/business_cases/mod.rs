//! Business cases: what has to be approved before an account exists (BC-0 to BC-5, R-HT-5).

mod api;
pub mod rows;
pub mod rules;

pub use api::{NamedManager, named, operations};
pub use rules::BusinessCaseState;
