mod api;
pub use api::operations;
pub mod rules {
    crate::words::words! { pub enum CommentKind { Comment, Query, Complaint } pub enum CommentState { Received, Acknowledged, Answered, Closed, NoResponseRequired } pub enum ResponseKind { Acknowledgement, Answer } }
}
pub use rules::*;
