//! What makes an acknowledgement one: given in person, of the version in force, in full (R-ST-1, A14).

use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::resources::policy_versions::PolicyVersionState;
use crate::resources::policy_versions::rows::PolicyVersionRow;

/// Nobody acknowledges for somebody else (R-ST-1).
///
/// # Errors
/// Where `myself` is not who acknowledges.
pub fn in_person(myself: bool) -> Result<(), Refusal> {
    if myself {
        return Ok(());
    }
    let violation = Violation::new(
        Clause::RSt1,
        "Nobody acknowledges a policy for somebody else.",
        "Leave it to the person, with a token of their own.",
    );
    Err(Refusal::new(Grounds::NotThisPerson, violation.at("/person_id")))
}

/// Only the version in force can be acknowledged (R-ST-1).
///
/// # Errors
/// Which version is in force instead.
pub fn of_force(version: &PolicyVersionRow, in_force: Option<&PolicyVersionRow>) -> Result<(), Refusal> {
    if version.state == PolicyVersionState::Published {
        return Ok(());
    }
    let cure = match in_force {
        Some(current) => format!("Read and acknowledge version {} ({}), which is.", current.number, current.id),
        None => "Wait until the headteacher has published a version.".to_owned(),
    };
    let violation = Violation::new(Clause::RSt1, "This version of the policy is not in force.", cure).at("/policy_version_id");
    Err(Refusal::new(Grounds::NotYet, violation))
}

/// What somebody declares.
#[derive(Clone, Copy, Debug)]
pub struct Attestation<'a> {
    pub read: bool,
    pub understood: bool,
    pub typed_name: &'a str,
    pub content_hash: &'a str,
}

/// Read and understood, signed with one's own name, over the text that is in force (A14); all that is wrong at once.
///
/// # Errors
/// What is missing.
pub fn complete(attestation: Attestation<'_>, given_name: &str, family_name: &str, content_hash: &str) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    let mut need = |met: bool, detail: &str, cure: &str, pointer| {
        if !met {
            missing.push(Violation::new(Clause::RSt1, detail, cure).at(pointer));
        }
    };
    need(attestation.read, "The policy has not been read.", "Read it, and say so.", "/read");
    need(attestation.understood, "The policy has not been understood.", "Ask about it until it is, and say so.", "/understood");
    let own_name = plain(attestation.typed_name) == plain(&format!("{given_name} {family_name}"));
    need(own_name, "This is not the person's name.", "Type given name and family name as the school has them.", "/typed_name");
    let same_text = attestation.content_hash.eq_ignore_ascii_case(content_hash);
    need(same_text, "Another text has been read.", "Read the version and send its content_hash.", "/content_hash");
    Refusal::unless_empty(Grounds::NotAcceptable, missing)
}

/// A name without regard to case and spaces.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    const SOUND: Attestation<'_> = Attestation { read: true, understood: true, typed_name: "Zoë van Dijk", content_hash: HASH };

    fn wrong(attestation: Attestation<'_>) -> Vec<&'static str> {
        let refusal = complete(attestation, "Zoë", "van Dijk", HASH).err();
        refusal.into_iter().flat_map(|refusal| refusal.violations).filter_map(|violation| violation.pointer).collect()
    }

    #[test]
    fn a_whole_attestation_is_taken_whatever_the_case_and_spaces_of_the_name() {
        for typed_name in ["Zoë van Dijk", "  zoë  VAN\tdijk ", "ZOË VAN DIJK"] {
            assert_eq!(wrong(Attestation { typed_name, ..SOUND }), [""; 0], "{typed_name}");
        }
        assert_eq!(wrong(Attestation { content_hash: &HASH.to_uppercase(), ..SOUND }), [""; 0]);
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once() {
        assert_eq!(wrong(Attestation { read: false, ..SOUND }), ["/read"]);
        assert_eq!(wrong(Attestation { understood: false, ..SOUND }), ["/understood"]);
        for typed_name in ["Zoë", "van Dijk", "Zoë vanDijk", "Zoe van Dijk", "van Dijk Zoë"] {
            assert_eq!(wrong(Attestation { typed_name, ..SOUND }), ["/typed_name"], "{typed_name}");
        }
        assert_eq!(wrong(Attestation { content_hash: "", ..SOUND }), ["/content_hash"]);
        let nothing = Attestation { read: false, understood: false, typed_name: "x", content_hash: "x" };
        assert_eq!(wrong(nothing), ["/read", "/understood", "/typed_name", "/content_hash"]);
    }
}
