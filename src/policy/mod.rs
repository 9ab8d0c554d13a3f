//! The policy as pure code: values in, decision out. No HTTP, no SQL. Every decision cites its clause.

pub mod clauses;
pub mod conflict;
pub mod consent;
pub mod credentials;
pub mod deadline;
pub mod declarations;
pub mod eligibility;
pub mod holidays;
pub mod incidents;
pub mod ladder;
pub mod media;
pub mod moderation;
pub mod monitoring;
pub mod platforms;
pub mod publication;
pub mod refusal;
pub mod roles;
pub mod statutory;
pub mod team;

pub mod guidance;
pub mod required;
pub mod text;
pub mod training;

pub mod accidental_images;
pub mod concerns;
pub mod contact;
pub mod copyright;
pub mod handover;
pub mod mentions;
pub mod procedures;
pub mod style;
pub mod workplace;
