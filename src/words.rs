//! Closed lists of words: one enum for code, JSON, document and database.

/// Declares enums whose variants are spoken as `snake_case` words everywhere.
macro_rules! words {
    ($($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
                 strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        $vis enum $name { $($(#[$vmeta])* $variant),* }
    )*};
}
pub(crate) use words;

/// Words as one column holds them: each once, separated by spaces.
pub fn joined<W: Copy + Into<&'static str>>(words: &[W]) -> String {
    let mut words: Vec<&str> = words.iter().map(|&word| word.into()).collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// The words out of such a column.
pub fn split<W: std::str::FromStr>(text: &str) -> Vec<W> {
    text.split(' ').filter_map(|word| word.parse().ok()).collect()
}
