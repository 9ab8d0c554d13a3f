//! The API from outside: a real server, a database of its own for each test, on both engines.
//!
//! Every reply of every test is held against the OpenAPI document (`support/contract.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "a test says no by panicking")]

mod support;

mod access;
mod accounts;
mod acknowledgements;
mod business_cases;
mod comments;
mod concurrency;
mod contract;
mod credentials;
mod databases;
mod delegations;
mod durability;
mod eligibility;
mod events;
mod feed;
mod guidance;
mod hidden;
mod idempotency;
mod imports;
mod incidents;
mod invitations;
mod issuers;
mod me;
mod media_enquiries;
mod moderation;
mod monitoring;
mod notifications;
mod people;
mod people_batch;
mod permissions;
mod plans;
mod policies;
mod policy_versions;
mod publications;
mod schools;
mod service_accounts;
mod story;

mod commenting_access;
mod declarations;
mod education_sessions;
mod trainings;
mod vault;

mod content;
mod exit_records;
mod handovers;
mod lists;
mod low_level_concerns;
mod mentions;
mod registers;
mod response_procedures;
mod webhooks;
