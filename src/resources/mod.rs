//! One folder per resource, the same rooms in each: `api` (shapes and handlers), `rules` (decisions), `rows`
//! (queries).

pub mod accounts;
pub mod business_cases;
pub mod comments;
pub mod credential_releases;
pub mod credentials;
pub mod deadlines;
pub mod delegations;
pub mod eligibility;
pub mod events;
pub mod invitations;
pub mod monitoring;
pub mod people;
pub mod schools;
pub mod service;

pub mod acknowledgements;
pub mod commenting_access;
pub mod courses;
pub mod declarations;
pub mod education_sessions;
pub mod guidance;
pub mod policies;
pub mod policy_versions;
pub mod training_completions;
pub mod training_gaps;
pub mod training_sessions;

pub mod accidental_images;
pub mod content_permissions;
pub mod disciplinary_actions;
pub mod disclosures;
pub mod exit_records;
pub mod handovers;
pub mod incident_notes;
pub mod incidents;
pub mod low_level_concerns;
pub mod media_enquiries;
pub mod mention_sweeps;
pub mod mentions;
pub mod moderation_actions;
pub mod notifications;
pub mod parent_ladders;
pub mod referrals;
pub mod reporting_routes;
pub mod response_procedures;
pub mod statutory_clocks;
pub mod style_guides;
