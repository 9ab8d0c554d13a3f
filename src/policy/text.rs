//! The text of a policy, clause by clause, and what tells one text from another.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// The social media policy as it stands (A28: without the typo), `{school}` in place of the school's name.
const SOCIAL_MEDIA: &str = include_str!("../../data/social-media-policy.json");

/// One clause of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyClause {
    /// By which the clause is cited; unique in its version.
    #[schema(max_length = 20)]
    pub id: String,
    #[schema(max_length = 200)]
    pub title: String,
    #[schema(max_length = 5000)]
    pub text: String,
}

/// The text that every school begins with.
///
/// # Errors
/// None: a test shows that the shipped file can be read.
pub fn social_media(school: &str) -> serde_json::Result<Vec<PolicyClause>> {
    let clauses: Vec<PolicyClause> = serde_json::from_str(SOCIAL_MEDIA)?;
    let named = |clause: PolicyClause| PolicyClause { text: clause.text.replace("{school}", school), ..clause };
    Ok(clauses.into_iter().map(named).collect())
}

/// The form in which clauses are stored and hashed: JSON without spaces, members in the order `id`, `title`, `text`.
///
/// # Errors
/// None: text can always be written as JSON.
pub fn canonical(clauses: &[PolicyClause]) -> serde_json::Result<String> {
    serde_json::to_string(clauses)
}

/// SHA-256 of the canonical form, in hexadecimal.
pub fn content_hash(canonical: &str) -> String {
    format!("{:x}", Sha256::digest(canonical))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strum::IntoEnumIterator;

    use super::*;
    use crate::policy::clauses::Clause;

    #[test]
    fn the_shipped_text_names_the_school_and_has_every_clause_that_the_program_cites() {
        let clauses = social_media("Ashdown School").unwrap();
        assert!(clauses[1].text.starts_with("Ashdown School recognises the numerous benefits"), "{}", clauses[1].text);
        let ids: HashSet<&str> = clauses.iter().map(|clause| clause.id.as_str()).collect();
        assert_eq!(ids.len(), clauses.len(), "each id once");
        for clause in Clause::iter() {
            assert!(ids.contains(clause.id()), "{} is missing", clause.id());
        }
        for clause in &clauses {
            let PolicyClause { id, title, text } = clause;
            let within = |text: &str, max| (1..=max).contains(&text.chars().count()) && text.trim() == text;
            assert!(within(id, 20) && within(title, 200) && within(text, 5000), "{clause:?}");
            assert!(!text.contains('{') && !text.contains("_GoBack") && !text.starts_with('·'), "{clause:?}");
        }
    }

    #[test]
    fn the_hash_is_that_of_the_json_that_anybody_can_make() {
        let clause = |text: &str| PolicyClause { id: "A-1".into(), title: "Tone".into(), text: text.into() };
        let written = canonical(&[clause("Be \"kind\" – always.\n")]).unwrap();
        assert_eq!(written, r#"[{"id":"A-1","title":"Tone","text":"Be \"kind\" – always.\n"}]"#);
        // printf '[{"id":"A-1","title":"Tone","text":"Be kind."}]' | sha256sum
        let hash = content_hash(&canonical(&[clause("Be kind.")]).unwrap());
        assert_eq!(hash, "be228dbd6a6ab591b0a0748a35fdc47fd3a2113e28546a695ed4918c5dcc70d2");
        assert_ne!(hash, content_hash(&canonical(&[clause("Be kind")]).unwrap()));
        assert_ne!(hash, content_hash(&canonical(&[clause("Be kind."), clause("")]).unwrap()));
    }
}
