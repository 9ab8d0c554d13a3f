//! The policy as pure code: values in, decision out. No HTTP, no SQL. Every decision cites its clause.

pub mod clauses;
pub mod conflict;
pub mod credentials;
pub mod deadline;
pub mod declarations;
pub mod eligibility;
pub mod holidays;
pub mod monitoring;
pub mod platforms;
pub mod refusal;
pub mod roles;
pub mod team;

pub mod guidance;
pub mod required;
pub mod text;
pub mod training;

pub mod concerns;
pub mod mentions;
pub mod procedures;
