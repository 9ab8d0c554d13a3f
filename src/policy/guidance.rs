//! What the policy advises everyone (APX-1 to APX-10, DO-1 to DO-10, DONT-1 to DONT-6), in its own words.

use super::text;
use crate::words::words;

words! {
    /// What a piece of guidance is.
    pub enum GuidanceKind {
        /// Out of the appendix (APX).
        Guidance,
        Do, Dont,
    }
}

/// One piece of guidance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guidance {
    /// By which the policy's clauses cite it.
    pub code: String,
    pub kind: GuidanceKind,
    pub text: String,
}

/// All guidance there is, in the order of the policy.
///
/// # Errors
/// None: a test shows that the shipped file can be read.
pub fn all() -> serde_json::Result<Vec<Guidance>> {
    let piece = |clause: text::PolicyClause| {
        let kind = match clause.id.split('-').next()? {
            "APX" => GuidanceKind::Guidance,
            "DO" => GuidanceKind::Do,
            "DONT" => GuidanceKind::Dont,
            _ => return None,
        };
        Some(Guidance { code: clause.id, kind, text: clause.text })
    };
    Ok(text::social_media("the school")?.into_iter().filter_map(piece).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_pieces_of_advice_ten_dos_and_six_donts() {
        let all = all().unwrap();
        let codes = |prefix: &'static str, most| (1..=most).map(move |number| format!("{prefix}-{number}"));
        let expected: Vec<String> = codes("APX", 10).chain(codes("DO", 10)).chain(codes("DONT", 6)).collect();
        assert_eq!(all.iter().map(|one| one.code.clone()).collect::<Vec<_>>(), expected);
        let last = all.last().map(|one| (one.kind, one.text.as_str()));
        assert_eq!(last, Some((GuidanceKind::Dont, "Use social media to air internal grievances")));
        assert_eq!((all[0].kind, all[10].kind), (GuidanceKind::Guidance, GuidanceKind::Do));
    }
}
