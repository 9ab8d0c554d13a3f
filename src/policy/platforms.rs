//! Where a school can have an account (CTX-1), for whom (BC-2) and how open (BC-5).

use super::clauses::Clause;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// Any platform where people interact, some games and video sites included (CTX-1).
    pub enum Platform {
        Facebook, X, Instagram, Linkedin, Youtube, Tiktok, Whatsapp, Minecraft, Wow, LearningPlatform, WebsiteComments,
        /// Named in `platform_other_name`.
        Other,
    }

    /// Who can see the account (BC-5).
    pub enum Visibility { Open, Closed, Private }

    /// Whom the account is for (BC-2).
    pub enum Audience { Parents, ProspectiveParents, LocalCommunity, Alumni, Pupils, Staff, Other }
}

/// A platform that is not on the list is named (CTX-1).
///
/// # Errors
/// 422 where its name is missing.
pub fn named(platform: Platform, other_name: Option<&str>) -> Result<(), Refusal> {
    if platform != Platform::Other || other_name.is_some() {
        return Ok(());
    }
    let violation = Violation::new(Clause::Ctx1, "The other platform is not named.", "Name it in platform_other_name.");
    Err(Refusal::new(Grounds::NotAcceptable, violation.at("/platform_other_name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_that_is_not_on_the_list_is_named() {
        assert!(named(Platform::X, None).is_ok() && named(Platform::Other, Some("Bebo")).is_ok() && named(Platform::Other, None).is_err());
    }
}
