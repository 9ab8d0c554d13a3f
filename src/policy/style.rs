//! In which tone the school writes where (TONE-2).

use serde::Deserialize;

use super::platforms::Platform;

/// What every school begins with.
const SHIPPED: &str = include_str!("../../data/style-guides.json");

/// How the school writes on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Style {
    /// Absent in the one for all platforms that have none of their own.
    #[serde(default)]
    platform: Option<Platform>,
    pub tone_keywords: Vec<String>,
    pub text: String,
}

/// The style guides that every school begins with: one of each platform, in the order of `platforms`.
///
/// # Errors
/// None: a test shows that the shipped file can be read.
pub fn shipped(platforms: impl IntoIterator<Item = Platform>) -> serde_json::Result<Vec<(Platform, Style)>> {
    let all: Vec<Style> = serde_json::from_str(SHIPPED)?;
    let of = |platform| all.iter().find(|style| style.platform.is_none_or(|own| own == platform)).cloned();
    Ok(platforms.into_iter().filter_map(|platform| Some((platform, of(platform)?))).collect())
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn each_platform_has_a_tone_and_some_are_friendly() {
        let shipped = shipped(Platform::iter()).unwrap();
        assert_eq!(shipped.iter().map(|(platform, _)| *platform).collect::<Vec<_>>(), Platform::iter().collect::<Vec<_>>());
        for (platform, style) in &shipped {
            let keywords = &style.tone_keywords;
            assert!((1..=20).contains(&keywords.len()) && keywords.iter().all(|word| (1..=40).contains(&word.len())), "{platform}");
            assert!((1..=5000).contains(&style.text.len()), "{platform}");
            let is = |word: &str| keywords.iter().any(|one| one == word);
            let all = ["engaging", "conversational", "informative", "friendly"].into_iter().all(is);
            assert_eq!(
                (all, is("friendly")),
                match platform {
                    Platform::Facebook => (true, true),
                    Platform::Instagram => (false, true),
                    _ => (false, false),
                },
                "{platform}"
            );
        }
    }
}
