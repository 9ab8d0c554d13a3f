//! What a rule says when the answer is no: which clause, why, and what would satisfy it.

use uuid::Uuid;

use super::clauses::Clause;

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// This person may not, whatever the state of things: somebody else has to.
    NotThisPerson,
    /// Not as things stand; it may once the cure is done.
    NotYet,
    /// What was asked for is itself not acceptable.
    NotAcceptable,
}

/// One clause that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub clause: Clause,
    /// What is wrong, in a person's words; never repeats what was submitted.
    pub detail: String,
    /// What would satisfy the clause.
    pub cure: String,
    /// JSON Pointer to the field at fault, if it is one.
    pub pointer: Option<&'static str>,
    /// The person whom it is about, where there are several.
    pub person: Option<Uuid>,
}

impl Violation {
    pub fn new(clause: Clause, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { clause, detail: detail.into(), cure: cure.into(), pointer: None, person: None }
    }

    #[must_use]
    pub fn of(mut self, person: Uuid) -> Self {
        self.person = Some(person);
        self
    }

    #[must_use]
    pub fn at(mut self, pointer: &'static str) -> Self {
        self.pointer = Some(pointer);
        self
    }
}

/// A no for the policy's sake, with every clause that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub grounds: Grounds,
    pub violations: Vec<Violation>,
}

impl Refusal {
    pub fn new(grounds: Grounds, violation: Violation) -> Self {
        Self { grounds, violations: vec![violation] }
    }

    /// `Ok` if nothing stands in the way.
    ///
    /// # Errors
    /// All of `violations`, on these grounds.
    pub fn unless_empty(grounds: Grounds, violations: Vec<Violation>) -> Result<(), Self> {
        if violations.is_empty() { Ok(()) } else { Err(Self { grounds, violations }) }
    }
}
