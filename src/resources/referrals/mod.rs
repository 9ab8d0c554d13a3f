//! Referrals of incidents to agencies outside of the school (R-HT-4, BEH-7).

mod api;
pub mod rows;
pub mod rules;

pub use api::{open, operations};
