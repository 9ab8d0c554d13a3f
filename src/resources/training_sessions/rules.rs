//! Who gives a training session.

use crate::db::types::PersonId;
use crate::problem::{Code, FieldError, Problem};

/// A session has one trainer: a person of the school, or somebody from outside by name.
///
/// # Errors
/// 422 where there is none, or two.
pub fn one_trainer(person: bool, name: bool) -> Result<(), Problem> {
    let detail = match (person, name) {
        (true, false) | (false, true) => return Ok(()),
        (false, false) => "Name the trainer: trainer_id, or trainer_name for somebody from outside.",
        (true, true) => "A session has one trainer: leave trainer_id or trainer_name out.",
    };
    Err(Problem::new(Code::ValidationFailed).with_errors(vec![FieldError::new("/trainer_id", "one_trainer", detail)]))
}

/// Whoever records only their own sessions is the trainer of them, and stays it.
///
/// # Errors
/// 403 for the session of somebody else.
pub fn own_session(own_only: bool, trainer: Option<PersonId>, me: Option<PersonId>) -> Result<(), Problem> {
    if own_only && (trainer.is_none() || trainer != me) {
        return Err(Problem::new(Code::Forbidden).detail("Only sessions that you give yourself: be the trainer."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_trainer() {
        assert!(one_trainer(true, false).is_ok() && one_trainer(false, true).is_ok());
        assert!(one_trainer(false, false).is_err() && one_trainer(true, true).is_err());
    }

    #[test]
    fn whoever_records_only_their_own_sessions_is_the_trainer() {
        let (me, other) = (Some(PersonId::new()), Some(PersonId::new()));
        assert!(own_session(true, me, me).is_ok() && own_session(false, other, me).is_ok() && own_session(false, None, None).is_ok());
        assert!(own_session(true, other, me).is_err() && own_session(true, None, me).is_err() && own_session(true, None, None).is_err());
    }
}
