//! Where a school can have an account (CTX-1), for whom (BC-2) and how open (BC-5).

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
