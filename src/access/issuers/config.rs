//! The file of `--issuers`: who else may say who somebody is, and how their tokens are read. `docs/single-sign-on.md`
//! explains each line to those who write it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use reqwest::Url;
use serde::Deserialize;

use crate::db::types::SchoolId;
use crate::policy::roles::Role;

/// The paths of Microsoft Entra that speak for more than one directory.
const SHARED_BY_DIRECTORIES: [&str; 3] = ["common", "organizations", "consumers"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    issuer: Vec<Trust>,
}

/// One issuer, and how far it is believed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Exactly as its tokens and its discovery document name it.
    pub issuer: String,
    /// Of these, a token has to be for one.
    pub audiences: Vec<String>,
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// The kinds of token (`typ`); without one a token is a `JWT`.
    #[serde(default = "usual_types")]
    pub types: Vec<String>,
    pub school: SchoolRule,
    pub person: PersonRule,
    /// Without it, people hold what the school has granted them.
    pub roles: Option<RolesRule>,
}

/// Which school a token is for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchoolRule {
    /// Always this one.
    Id(SchoolId),
    /// The one that a claim's value stands for.
    By(Mapping<SchoolId>),
}

/// A claim, and what its values stand for here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping<T> {
    pub claim: String,
    pub values: BTreeMap<String, T>,
}

/// Whom a token is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonRule {
    /// The one whose external id of this source the claim holds.
    ExternalId(ExternalId),
    /// The one with this e-mail address, which the issuer has verified.
    Email(EmailRule),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalId {
    pub source: String,
    pub claim: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailRule {
    #[serde(default = "usual_email")]
    pub claim: String,
    /// The claim that has to be `true`.
    #[serde(default = "usual_verified")]
    pub verified_claim: String,
    /// The issuer has verified each address of `domains`, and does not say so in a claim.
    #[serde(default)]
    pub always_verified: bool,
    /// What is behind the `@`; any, where there are none.
    #[serde(default)]
    pub domains: Vec<String>,
}

/// What the issuer says about roles, and how much of it counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolesRule {
    pub claim: String,
    pub values: BTreeMap<String, Role>,
    /// A person gets a plain role that the school has not granted.
    #[serde(default)]
    pub grants_roles: bool,
    /// And a privileged one.
    #[serde(default)]
    pub privileged_roles: bool,
}

fn usual_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::RS256, Algorithm::ES256]
}

fn usual_types() -> Vec<String> {
    ["at+jwt", "JWT"].map(str::to_owned).into()
}

fn usual_email() -> String {
    "email".to_owned()
}

fn usual_verified() -> String {
    "email_verified".to_owned()
}

/// Reads the file; `own` is the issuer of weald's own tokens.
///
/// # Errors
/// A sentence for the operator.
pub fn read(path: &Path, own: &str) -> Result<Vec<Trust>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read the issuers in {}: {error}", path.display()))?;
    parse(&text, own).map_err(|why| format!("{}: {why}", path.display()))
}

/// The same, from the text.
///
/// # Errors
/// A sentence for the operator.
pub fn parse(text: &str, own: &str) -> Result<Vec<Trust>, String> {
    let File { issuer: all } = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let mut seen = BTreeSet::from([own]);
    for trust in &all {
        trust.check().map_err(|why| format!("issuer {}: {why}", trust.issuer))?;
        if !seen.insert(trust.issuer.trim_end_matches('/')) {
            return Err(format!("issuer {}: it is there already, or weald itself; each has one entry", trust.issuer));
        }
    }
    Ok(all)
}

/// Where an issuer or its keys may be: behind TLS, or on this machine.
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether this is an address of the machine itself.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn given<'a>(name: &str, values: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let values: Vec<&String> = values.into_iter().collect();
    if values.is_empty() || values.iter().any(|value| value.trim().is_empty()) {
        return Err(format!("{name}: expected at least one value, and none that is empty"));
    }
    Ok(())
}

impl Trust {
    fn check(&self) -> Result<(), String> {
        let url = Url::parse(&self.issuer).ok().filter(|url| is_safe(url) && url.query().is_none() && url.fragment().is_none());
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none() && !self.issuer.contains(['{', '}', ' ']));
        let Some(url) = url else {
            return Err("expected an address like https://login.example/tenant, without a placeholder, query or fragment".into());
        };
        let first = url.path_segments().and_then(|mut path| path.next().map(str::to_owned)).unwrap_or_default();
        if url.host_str() == Some("login.microsoftonline.com") && SHARED_BY_DIRECTORIES.contains(&first.as_str()) {
            return Err("this address speaks for every directory there is; \
                        use the school's own: https://login.microsoftonline.com/<tenant id>/v2.0"
                .into());
        }
        if url.host_str() == Some("accounts.google.com") && !matches!(&self.school, SchoolRule::By(by) if by.claim == "hd") {
            return Err("this issuer speaks for every Google account there is; \
                        name the school's own domain: school.by = { claim = \"hd\", values = { \"school.example\" = \"<school id>\" } }"
                .into());
        }
        given("audiences", &self.audiences)?;
        given("types", &self.types)?;
        if self.algorithms.is_empty() || self.algorithms.iter().any(|algorithm| algorithm.family() == AlgorithmFamily::Hmac) {
            return Err("algorithms: expected signatures with a public key, like RS256 and ES256; \
                        with HS256 and its kin everybody who can check a token can make one"
                .into());
        }
        match &self.school {
            SchoolRule::By(by) if by.values.is_empty() => {
                return Err("school.by: expected at least one value of the claim and the id of its school".into());
            }
            SchoolRule::By(by) => given("school.by", by.values.keys().chain([&by.claim]))?,
            SchoolRule::Id(_) => {}
        }
        match &self.person {
            PersonRule::ExternalId(id) => given("person.external_id", [&id.source, &id.claim])?,
            PersonRule::Email(email) => {
                given("person.email", [&email.claim, &email.verified_claim].into_iter().chain(&email.domains))?;
                if email.always_verified && email.domains.is_empty() {
                    return Err("person.email: always_verified needs domains, those whose addresses the issuer itself gives out".into());
                }
            }
        }
        let Some(roles) = &self.roles else { return Ok(()) };
        given("roles", [&roles.claim].into_iter().chain(roles.values.keys()))?;
        if roles.values.is_empty() {
            return Err("roles.values: expected at least one value of the claim and the role that it stands for".into());
        }
        if roles.values.values().any(|role| *role == Role::MisIntegration) {
            return Err("roles.values: mis_integration is for service accounts; no person has it".into());
        }
        if roles.privileged_roles && !roles.grants_roles {
            return Err("roles: privileged_roles adds to what grants_roles allows; set both".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://weald.example";
    const SCHOOL: &str = "0198a4b2-6f00-7000-8000-000000000001";

    fn said(lines: &str) -> String {
        parse(lines, OWN).unwrap_err()
    }

    /// An entry in which each of `lines` takes the place of what has its name.
    fn entry(lines: &[&str]) -> String {
        let usual = [
            "issuer = \"https://login.example/school\"".to_owned(),
            "audiences = [\"weald\"]".to_owned(),
            format!("school.id = \"{SCHOOL}\""),
            "person.email = {}".to_owned(),
        ];
        let name = |line: &str| line.split([' ', '.']).next().unwrap().to_owned();
        let kept = usual.iter().map(String::as_str).filter(|line| !lines.iter().any(|new| name(new) == name(line)));
        let all: Vec<&str> = std::iter::once("[[issuer]]").chain(kept).chain(lines.iter().copied()).collect();
        all.join("\n")
    }

    #[test]
    fn what_is_left_out_has_a_cautious_default() {
        let trust = parse(&entry(&["roles = { claim = \"roles\", values = { head = \"headteacher\" } }"]), OWN).unwrap().remove(0);
        assert_eq!(trust.algorithms, [Algorithm::RS256, Algorithm::ES256]);
        assert_eq!(trust.types, ["at+jwt", "JWT"]);
        let PersonRule::Email(email) = trust.person else { panic!("by e-mail address") };
        assert_eq!((email.claim.as_str(), email.verified_claim.as_str(), email.always_verified), ("email", "email_verified", false));
        let roles = trust.roles.unwrap();
        assert!(!roles.grants_roles && !roles.privileged_roles);
        for issuer in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000", "https://x.example/"] {
            assert!(parse(&entry(&[&format!("issuer = \"{issuer}\"")]), OWN).is_ok(), "{issuer}");
        }
    }

    #[test]
    fn wrong_values_are_refused_with_what_is_expected() {
        for (line, expected) in [
            ("issuer = \"http://login.example\"", "expected an address like https://"),
            ("issuer = \"login.example\"", "expected an address like https://"),
            ("issuer = \"http://127.0.0.1.evil.example\"", "expected an address like https://"),
            ("issuer = \"https://login.example?tenant=1\"", "without a placeholder, query"),
            ("issuer = \"https://user:pass@login.example\"", "expected an address like https://"),
            ("issuer = \"https://login.microsoftonline.com/{tenantid}/v2.0\"", "without a placeholder"),
            ("issuer = \"https://login.microsoftonline.com/common/v2.0\"", "use the school's own"),
            ("issuer = \"https://accounts.google.com\"", "name the school's own domain"),
            ("issuer = \"https://weald.example/\"", "weald itself"),
            ("audiences = []", "audiences: expected at least one value"),
            ("audiences = [\" \"]", "audiences: expected at least one value"),
            ("algorithms = []", "algorithms: expected signatures with a public key"),
            ("algorithms = [\"RS256\", \"HS256\"]", "algorithms: expected signatures with a public key"),
            ("algorithms = [\"none\"]", "unknown variant `none`"),
            ("types = []", "types: expected at least one value"),
            ("school.id = \"1\"", "UUID"),
            ("school.name = \"Ashdown\"", "unknown variant `name`"),
            ("school = {}", "wanted exactly 1 element"),
            ("school.by = { claim = \"hd\", values = {} }", "school.by: expected at least one value"),
            ("person.email = { always_verified = true }", "always_verified needs domains"),
            ("person.email = { domain = \"x\" }", "unknown field `domain`"),
            ("person.external_id = { source = \"\", claim = \"oid\" }", "person.external_id: expected"),
            ("person = { email = {}, external_id = { source = \"a\", claim = \"b\" } }", "wanted exactly 1 element"),
            ("roles = { claim = \"roles\", values = {} }", "roles.values: expected at least one"),
            ("roles = { claim = \"roles\", values = { a = \"caretaker\" } }", "unknown variant `caretaker`"),
            ("roles = { claim = \"roles\", values = { a = \"mis_integration\" } }", "mis_integration is for service accounts"),
            ("roles = { claim = \"roles\", values = { a = \"dsl\" }, privileged_roles = true }", "set both"),
            ("role = {}", "unknown field `role`"),
        ] {
            let said = said(&entry(&[line]));
            assert!(said.contains(expected), "{line}: {said}");
        }
        assert!(said("").contains("missing field `issuer`"));
        assert!(said(&[entry(&[]), entry(&[])].join("\n")).contains("each has one entry"));
        assert!(read(Path::new("/nowhere/issuers.toml"), OWN).unwrap_err().contains("cannot read the issuers in /nowhere/issuers.toml"));
    }
}
