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
