//! What the audience is told when something is hidden, deleted or reported (HND-2, A21).

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// What is done about an unacceptable comment.
    pub enum ModerationKind { Hide, Delete, BlockAuthor, ReportToPlatform }

    /// Why, in the words of the policy's list of what not to do (DONT-1 to DONT-6), and of what it calls unacceptable.
    pub enum ModerationReason {
        Disrepute, Confidential, LegalBreach, InappropriateLink, Derogatory, Grievance, Offensive, Discriminatory, Harassing, Bullying,
        Threats, PersonalData, Spam, Other,
    }
}

/// A full name of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullName {
    pub given: String,
    pub family: String,
}

fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|token| !token.is_empty()).map(str::to_lowercase).collect()
}

/// Whether a text names somebody in full, in either order and however it is written.
pub fn names(text: &str, name: &FullName) -> bool {
    let (given, family) = (tokens(&name.given), tokens(&name.family));
    if given.is_empty() || family.is_empty() {
        return false;
    }
    let text = tokens(text);
    let orders = [[given.clone(), family.clone()].concat(), [family, given].concat()];
    orders.iter().any(|name| text.windows(name.len()).any(|words| words == name))
}

/// The audience is told why, and no pupil is named in telling it (HND-2, A21).
///
/// # Errors
/// 422 where the explanation is missing or names a pupil, present or former; the name is not repeated.
pub fn check_explanation(explanation: &str, pupils: &[FullName]) -> Result<(), Refusal> {
    let refuse =
        |detail, cure| Err(Refusal::new(Grounds::NotAcceptable, Violation::new(Clause::Hnd2, detail, cure).at("/public_explanation")));
    if explanation.trim().is_empty() {
        return refuse("The audience is not told why.", "Say in public_explanation exactly why, without names.");
    }
    if pupils.iter().any(|pupil| names(explanation, pupil)) {
        return refuse(
            "The explanation names somebody who is or was a pupil.",
            "Explain it without names; internal_reason is for the rest.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(given: &str, family: &str) -> FullName {
        FullName { given: given.into(), family: family.into() }
    }

    #[test]
    fn a_full_name_is_found_in_either_order_and_however_it_is_written() {
        let ada = name("Ada", "O'Brien-Smith");
        for text in ["ADA O'BRIEN-SMITH was named.", "about O'Brien Smith, Ada", "(ada  o brien smith)"] {
            assert!(names(text, &ada), "{text}");
        }
        for text in ["Ada was named.", "O'Brien-Smith", "Adam O'Brien-Smith", "Ada and O'Brien-Smith", ""] {
            assert!(!names(text, &ada), "{text}");
        }
        assert!(!names("anything", &name("", "")) && !names("anything", &name("Ada", "--")));
    }

    #[test]
    fn the_audience_is_told_why_and_no_pupil_is_named() {
        let pupils = [name("Ada", "Green")];
        assert!(check_explanation("This broke our rule against insults.", &pupils).is_ok());
        assert!(check_explanation("  ", &pupils).is_err());
        let refusal = check_explanation("It was about Ada Green.", &pupils).unwrap_err();
        assert!(!format!("{refusal:?}").contains("Green"), "not repeated");
    }

    proptest! {
        #[test]
        fn a_name_is_found_wherever_it_stands(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}", given in "[A-Z][a-z]{1,8}", family in "[A-Z][a-z]{1,8}") {
            let name = name(&given, &family);
            let (plain, turned) = (format!("{before} {given} {family} {after}"), format!("{before} {family}, {given}. {after}"));
            prop_assert!(names(&plain, &name) && names(&turned, &name));
        }
    }
}
