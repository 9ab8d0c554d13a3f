//! Weald: the backend that makes a school's social media policy run. In reading order:

pub mod access; // who may, and how people get in
pub mod app; // the list of resources: routes and document
pub mod clock; // the time
pub mod config; // flags and variables
pub mod db; // two engines, two doors
pub mod events; // the one log
pub mod http; // how requests are read and answers written
pub mod idempotency; // the same request, the same answer
pub mod jobs; // what happens without a request
pub mod metrics; // figures
pub mod page; // lists
pub mod policy; // the policy as pure code
pub mod problem; // every way to say no
pub mod resources; // one folder per resource: api, rules, rows
pub mod server; // the running service
pub mod vault; // sealed credentials, and their master keys
pub mod webhooks; // events on their way to those who do not ask
mod words; // closed lists
