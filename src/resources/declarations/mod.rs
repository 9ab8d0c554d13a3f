//! Declarations of personal accounts that name or affect the school (SC-6, SC-7, R-ST-4, APX-2).

mod api;
pub mod rows;
pub mod rules;

pub use api::operations;
pub use rules::DeclarationState;
