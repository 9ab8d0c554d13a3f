mod api;
pub use api::operations;
pub mod rules {
    crate::words::words! { pub enum AccountState { PendingActivation, Active, Suspended, Closed } }
}
pub use rules::AccountState;
