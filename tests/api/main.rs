//! The API from outside: a real server, a database of its own for each test, on both engines.
//!
//! Every reply of every test is held against the OpenAPI document (`support/contract.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "a test says no by panicking")]

mod support;

mod access;
mod accounts;
mod business_cases;
mod comments;
mod concurrency;
mod contract;
mod credentials;
mod databases;
mod delegations;
mod durability;
mod events;
mod idempotency;
mod invitations;
mod people;
mod permissions;
mod plans;
mod schools;
mod story;
mod vault;
