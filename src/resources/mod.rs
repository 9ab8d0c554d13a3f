//! One folder per resource, the same rooms in each: `api` (shapes and handlers), `rules` (decisions), `rows`
//! (queries).

pub mod accounts;
pub mod business_cases;
pub mod comments;
pub mod credential_releases;
pub mod credentials;
pub mod deadlines;
pub mod delegations;
pub mod events;
pub mod invitations;
pub mod people;
pub mod schools;
pub mod service;
