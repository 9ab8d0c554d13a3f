//! What others made is used with a right to do so, and its author is named (LEG-1, DO-6).

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::clauses::Clause::{Do6, Leg1};
use super::platforms::Platform;
use super::refusal::{Grounds, Refusal, Violation};
use crate::words::words;

words! {
    /// By what right a work is used.
    pub enum ContentBasis {
        /// The school made it.
        Own,
        /// It is open to everybody, on the terms of a licence.
        Licence,
        /// The rights holder allowed it.
        Permission,
        /// The law allows it without being asked, as it does for quotation.
        Exception,
        /// No rights are left in it.
        PublicDomain,
    }

    /// Where a content permission stands.
    pub enum ContentPermissionState { InForce, Expired, Withdrawn }
}

macro_rules! licences {
    ($($name:ident = $code:tt $title:literal $url:literal ($($term:ident)*);)*) => {
        words! {
            /// A licence that is open to everybody.
            pub enum Licence { $(#[serde(rename = $code)] #[strum(serialize = $code)] $name),* }
        }

        /// Every licence there is, with what it asks.
        pub const LICENCES: &[LicenceTerms] = &[$({
            #[allow(unused_mut, reason = "some ask for nothing")]
            let mut terms = LicenceTerms { licence: Licence::$name, title: $title, url: $url, ..FREE };
            $(licences!(@term terms $term);)*
            terms
        }),*];
    };
    (@term $terms:ident attribution) => { $terms.attribution_required = true };
    (@term $terms:ident share_alike) => { $terms.share_alike = true };
    (@term $terms:ident no_adaptations) => { $terms.adaptations_allowed = false };
    (@term $terms:ident non_commercial) => { $terms.commercial_use_allowed = false };
}

licences! {
    CcBy = "cc_by_4_0" "Creative Commons Attribution 4.0 International" "https://creativecommons.org/licenses/by/4.0/" (attribution);
    CcBySa = "cc_by_sa_4_0" "Creative Commons Attribution-ShareAlike 4.0 International" "https://creativecommons.org/licenses/by-sa/4.0/" (attribution share_alike);
    CcByNd = "cc_by_nd_4_0" "Creative Commons Attribution-NoDerivatives 4.0 International" "https://creativecommons.org/licenses/by-nd/4.0/" (attribution no_adaptations);
    CcByNc = "cc_by_nc_4_0" "Creative Commons Attribution-NonCommercial 4.0 International" "https://creativecommons.org/licenses/by-nc/4.0/" (attribution non_commercial);
    CcByNcSa = "cc_by_nc_sa_4_0" "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International" "https://creativecommons.org/licenses/by-nc-sa/4.0/" (attribution share_alike non_commercial);
    CcByNcNd = "cc_by_nc_nd_4_0" "Creative Commons Attribution-NonCommercial-NoDerivatives 4.0 International" "https://creativecommons.org/licenses/by-nc-nd/4.0/" (attribution no_adaptations non_commercial);
    Cc0 = "cc0_1_0" "Creative Commons Zero 1.0 Universal" "https://creativecommons.org/publicdomain/zero/1.0/" ();
    Ogl = "ogl_3_0" "Open Government Licence 3.0" "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/" (attribution);
    PublicDomainMark = "public_domain_mark" "Public Domain Mark 1.0" "https://creativecommons.org/publicdomain/mark/1.0/" ();
}

/// What a licence asks of whoever uses the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "licence": "cc_by_sa_4_0", "title": "Creative Commons Attribution-ShareAlike 4.0 International",
    "url": "https://creativecommons.org/licenses/by-sa/4.0/", "attribution_required": true, "adaptations_allowed": true,
    "share_alike": true, "commercial_use_allowed": true
}))]
pub struct LicenceTerms {
    pub licence: Licence,
    #[schema(max_length = 100)]
    pub title: &'static str,
    #[schema(max_length = 200)]
    pub url: &'static str,
    /// The author is named.
    pub attribution_required: bool,
    pub adaptations_allowed: bool,
    /// What is made of it comes under the same licence.
    pub share_alike: bool,
    pub commercial_use_allowed: bool,
}

const FREE: LicenceTerms = LicenceTerms {
    licence: Licence::Cc0,
    title: "",
    url: "",
    attribution_required: false,
    adaptations_allowed: true,
    share_alike: false,
    commercial_use_allowed: true,
};

impl Licence {
    pub fn terms(self) -> LicenceTerms {
        LICENCES.iter().find(|terms| terms.licence == self).copied().unwrap_or(FREE)
    }
}

/// By what right a work is used, as far as the policy asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRight {
    pub basis: ContentBasis,
    pub licence: Option<Licence>,
    /// Which exception of the law is named.
    pub exception_named: bool,
    /// It is on record how the rights holder allowed it.
    pub evidenced: bool,
    /// It is on record how the author is named.
    pub attributed: bool,
    pub granted_on: NaiveDate,
    /// The last day on which it may be used.
    pub expires_on: Option<NaiveDate>,
    pub withdrawn: bool,
    /// Where it may be used; everywhere, if empty.
    pub scope: Vec<Platform>,
}

impl ContentRight {
    pub fn state(&self, today: NaiveDate) -> ContentPermissionState {
        match self.expires_on {
            _ if self.withdrawn => ContentPermissionState::Withdrawn,
            Some(last) if today > last => ContentPermissionState::Expired,
            _ => ContentPermissionState::InForce,
        }
    }
}

/// Each basis says what it rests on (LEG-1), and whose author is to be named is attributed (DO-6).
///
/// # Errors
/// 422 with everything that is missing.
pub fn may_record(right: &ContentRight) -> Result<(), Refusal> {
    use ContentBasis::{Exception, Licence, Permission};
    let found = [
        (right.basis == Licence && right.licence.is_none(), "/licence", "The licence is missing.", "Say under which licence it is."),
        (
            right.basis != Licence && right.licence.is_some(),
            "/licence",
            "Only the basis licence has one.",
            "Leave it out, or change the basis.",
        ),
        (
            right.basis == Exception && !right.exception_named,
            "/exception",
            "The exception is missing.",
            "Say which it is, such as quotation.",
        ),
        (right.basis == Permission && !right.evidenced, "/evidence", "The evidence is missing.", "Say where the permission is on record."),
    ];
    let mut violations: Vec<Violation> = found
        .into_iter()
        .filter(|(wrong, ..)| *wrong)
        .map(|(_, pointer, detail, cure)| Violation::new(Leg1, detail, cure).at(pointer))
        .collect();
    violations.extend(unattributed(right).map(|violation| violation.at("/attribution_text")));
    Refusal::unless_empty(Grounds::NotAcceptable, violations)
}

fn unattributed(right: &ContentRight) -> Option<Violation> {
    let asked = right.licence.is_some_and(|licence| licence.terms().attribution_required);
    let cure = "Give the words that name the author, the licence and the source.";
    (asked && !right.attributed).then(|| Violation::new(Do6, "The licence asks for the author to be named.", cure))
}

/// Why a work may not be used on a platform today: everything that stands in the way.
pub fn objections(right: &ContentRight, platform: Platform, today: NaiveDate, commercial: bool, adapted: bool) -> Vec<Violation> {
    let state = right.state(today);
    let terms = right.licence.map_or(FREE, Licence::terms);
    let found = [
        (state == ContentPermissionState::Withdrawn, "The permission was withdrawn.", "Obtain it anew, or leave the work out."),
        (state == ContentPermissionState::Expired, "The permission has expired.", "Obtain it anew, or leave the work out."),
        (today < right.granted_on, "The permission does not hold yet.", "Wait until the day on which it begins."),
        (
            !right.scope.is_empty() && !right.scope.contains(&platform),
            "The permission is not for this platform.",
            "Use it where it was permitted, or have it permitted here too.",
        ),
        (
            commercial && !terms.commercial_use_allowed,
            "The licence does not allow commercial use.",
            "Use it without gain, or obtain the rights holder's permission.",
        ),
        (
            adapted && !terms.adaptations_allowed,
            "The licence does not allow the work to be changed.",
            "Use it as it is, or obtain the rights holder's permission.",
        ),
    ];
    let found = found.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, detail, cure)| Violation::new(Leg1, detail, cure));
    found.chain(unattributed(right)).collect()
}

/// A permission is withdrawn by whoever recorded it, or by the headteacher (LEG-1).
///
/// # Errors
/// 403 for anybody else.
pub fn may_withdraw(acts_as_head: bool, recorded_it: bool) -> Result<(), Refusal> {
    if acts_as_head || recorded_it {
        return Ok(());
    }
    let detail = "Somebody else recorded this permission.";
    Err(Refusal::new(Grounds::NotThisPerson, Violation::new(Leg1, detail, "Leave it to whoever recorded it, or to the headteacher.")))
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn own() -> ContentRight {
        ContentRight {
            basis: ContentBasis::Own,
            licence: None,
            exception_named: false,
            evidenced: false,
            attributed: false,
            granted_on: day("2026-01-10"),
            expires_on: None,
            withdrawn: false,
            scope: Vec::new(),
        }
    }

    fn licensed(licence: Licence) -> ContentRight {
        ContentRight { basis: ContentBasis::Licence, licence: Some(licence), attributed: true, ..own() }
    }

    /// Where a record is wrong, and by which clause.
    fn wrong(right: &ContentRight) -> Vec<(&'static str, &'static str)> {
        let violations = may_record(right).err().into_iter().flat_map(|refusal| refusal.violations);
        violations.map(|one| (one.clause.id(), one.pointer.unwrap())).collect()
    }

    /// What is said against using it on a platform.
    fn against(right: &ContentRight, on: &str, commercial: bool, adapted: bool) -> Vec<(&'static str, String)> {
        let found = objections(right, Platform::Facebook, day(on), commercial, adapted);
        found.into_iter().map(|one| (one.clause.id(), one.detail)).collect()
    }

    #[test]
    fn each_basis_says_what_it_rests_on() {
        use ContentBasis::{Exception, Permission, PublicDomain};
        let of = |basis| ContentRight { basis, ..own() };
        assert_eq!(wrong(&own()), []);
        assert_eq!(wrong(&of(PublicDomain)), []);
        assert_eq!(wrong(&of(ContentBasis::Licence)), [("LEG-1", "/licence")]);
        assert_eq!(wrong(&of(Exception)), [("LEG-1", "/exception")]);
        assert_eq!(wrong(&ContentRight { exception_named: true, ..of(Exception) }), []);
        assert_eq!(wrong(&of(Permission)), [("LEG-1", "/evidence")]);
        assert_eq!(wrong(&ContentRight { evidenced: true, ..of(Permission) }), []);
        assert_eq!(wrong(&ContentRight { licence: Some(Licence::Cc0), ..own() }), [("LEG-1", "/licence")]);
    }

    #[test]
    fn whose_author_is_to_be_named_is_attributed() {
        for licence in Licence::iter() {
            let silent = ContentRight { attributed: false, ..licensed(licence) };
            let free = matches!(licence, Licence::Cc0 | Licence::PublicDomainMark);
            assert_eq!(wrong(&silent).is_empty(), free, "{licence}");
            assert_eq!(against(&silent, "2026-01-14", false, false).is_empty(), free, "{licence}");
            assert_eq!(wrong(&licensed(licence)), [], "{licence}");
        }
        assert_eq!(wrong(&ContentRight { attributed: false, ..licensed(Licence::CcBy) }), [("DO-6", "/attribution_text")]);
    }

    #[test]
    fn each_licence_is_in_the_list_and_asks_what_its_name_says() {
        let codes: Vec<String> = LICENCES.iter().map(|terms| terms.licence.to_string()).collect();
        assert_eq!(codes, Licence::iter().map(|licence| licence.to_string()).collect::<Vec<_>>());
        for terms in LICENCES {
            let code = terms.licence.to_string();
            assert_eq!(serde_json::to_value(terms.licence).unwrap(), code);
            let parts: Vec<&str> = code.split('_').collect();
            let says = |part| parts.contains(&part);
            assert_eq!(terms.attribution_required, says("by") || says("ogl"), "{code}");
            assert_eq!(
                (terms.commercial_use_allowed, terms.adaptations_allowed, terms.share_alike),
                (!says("nc"), !says("nd"), says("sa")),
                "{code}"
            );
        }
    }

    #[test]
    fn a_permission_holds_through_the_end_of_its_last_day() {
        let until = ContentRight { expires_on: Some(day("2026-01-14")), ..own() };
        assert_eq!(
            (until.state(day("2026-01-14")), against(&until, "2026-01-14", false, false)),
            (ContentPermissionState::InForce, vec![])
        );
        assert_eq!(until.state(day("2026-01-15")), ContentPermissionState::Expired);
        assert_eq!(against(&until, "2026-01-15", false, false), [("LEG-1", "The permission has expired.".to_owned())]);
        assert_eq!(against(&until, "2026-01-09", false, false), [("LEG-1", "The permission does not hold yet.".to_owned())]);
        let withdrawn = ContentRight { withdrawn: true, ..until };
        assert_eq!(against(&withdrawn, "2026-01-15", false, false), [("LEG-1", "The permission was withdrawn.".to_owned())]);
    }

    #[test]
    fn a_permission_holds_where_it_was_given_for() {
        let here = ContentRight { scope: vec![Platform::X, Platform::Facebook], ..own() };
        let elsewhere = ContentRight { scope: vec![Platform::X], ..own() };
        assert_eq!(against(&here, "2026-01-14", true, true), []);
        assert_eq!(against(&elsewhere, "2026-01-14", false, false), [("LEG-1", "The permission is not for this platform.".to_owned())]);
    }

    #[test]
    fn what_is_not_for_gain_or_not_to_be_changed_is_neither_sold_nor_changed() {
        for licence in Licence::iter() {
            let (right, terms) = (licensed(licence), licence.terms());
            assert_eq!(against(&right, "2026-01-14", false, false), [], "{licence}");
            assert_eq!(against(&right, "2026-01-14", true, false).is_empty(), terms.commercial_use_allowed, "{licence}");
            assert_eq!(against(&right, "2026-01-14", false, true).is_empty(), terms.adaptations_allowed, "{licence}");
        }
        let both = ContentRight { attributed: false, ..licensed(Licence::CcByNcNd) };
        let clauses: Vec<&str> = against(&both, "2026-01-14", true, true).into_iter().map(|(clause, _)| clause).collect();
        assert_eq!(clauses, ["LEG-1", "LEG-1", "DO-6"], "everything at once");
    }

    #[test]
    fn who_recorded_it_or_the_head_withdraws_it() {
        assert!(may_withdraw(true, false).is_ok() && may_withdraw(false, true).is_ok() && may_withdraw(false, false).is_err());
    }
}
