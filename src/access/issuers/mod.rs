//! External issuers (`OpenID Connect`): tokens of the school's own directory, taken for what the configuration believes
//! of them. What a person may do is the school's to say, at each request.

pub mod config;
mod keys;
mod people;

use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::{Header, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use self::config::{EmailRule, PersonRule, RolesRule, SchoolRule, Trust};
use self::keys::{Key, Keys};
use super::permissions;
use super::tokens::{self, LEEWAY};
use crate::clock::Instant;
use crate::db::types::SchoolId;
use crate::policy::roles::{PersonKind, Role};
use crate::problem::Problem;

pub use people::{identity, known_as};

/// The longest client id of an issuer that is kept.
const MAX_CLIENT: usize = 90;

/// What an issuer vouches for, read as the configuration says.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// One per person and issuer, to count requests by.
    pub subject: Uuid,
    school: SchoolId,
    person: Who,
    roles: Option<Asserted>,
    /// The permissions that the token names; all that the roles give, where it names none.
    scopes: Vec<String>,
    /// The issuer's client, under a name that none of ours has.
    client_id: String,
    /// From when until when, in seconds since 1970.
    from: i64,
    until: i64,
}

#[derive(Clone, Debug)]
pub enum Who {
    /// Source and id.
    ExternalId(String, String),
    /// In lower case.
    Email(String),
}

#[derive(Clone, Debug)]
struct Asserted {
    roles: Vec<Role>,
    grants_roles: bool,
    privileged_roles: bool,
}

impl Asserted {
    /// What becomes of the roles that the school has granted: those are kept that the issuer asserts too, and of the
    /// others that it asserts only what the configuration lets it add.
    fn roles(&self, granted: &[Role], kind: PersonKind) -> Vec<Role> {
        let adds = |role: Role| self.grants_roles && role.suits(kind) && (self.privileged_roles || !role.is_privileged());
        self.roles.iter().copied().filter(|role| granted.contains(role) || adds(*role)).collect()
    }
}

/// The issuers that are configured.
#[derive(Clone)]
pub struct Issuers(Arc<Inner>);

struct Inner {
    issuers: Vec<Issuer>,
    /// Tokens whose signature was found good, with the key that it was found good by: another key, fetched since under
    /// the same name, has not said so.
    verified: Cache<[u8; 32], (Arc<Key>, Arc<Vouched>)>,
}

struct Issuer {
    trust: Trust,
    validation: Validation,
    keys: Arc<Keys>,
}

/// Enough of a token to know whose key to take.
#[derive(Deserialize)]
struct Unchecked {
    iss: String,
}

impl Vouched {
    /// Whether the token is good at that time.
    pub fn in_force(&self, now: Instant) -> bool {
        let (now, leeway) = (now.timestamp(), LEEWAY.num_seconds());
        self.from <= now + leeway && now < self.until.saturating_add(leeway)
    }
}

impl Issuers {
    /// Reads the configuration. Nobody is asked for keys before there is a token.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn open(path: Option<&Path>, own: &str) -> Result<Self, String> {
        let trusted = path.map_or_else(|| Ok(Vec::new()), |path| config::read(path, own))?;
        let issuers = trusted.into_iter().map(|trust| {
            let mut validation = Validation::new(*trust.algorithms.first().unwrap_or(&jsonwebtoken::Algorithm::RS256));
            validation.set_audience(&trust.audiences);
            validation.set_issuer(&[&trust.issuer]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            // Times are checked below, against the program's own clock.
            validation.validate_exp = false;
            Ok(Issuer { keys: Arc::new(Keys::new(&trust.issuer)?), trust, validation })
        });
        let issuers = issuers.collect::<Result<_, String>>()?;
        Ok(Self(Arc::new(Inner { issuers, verified: Cache::new(tokens::CACHED) })))
    }

    /// The addresses of the issuers.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.0.issuers.iter().map(|issuer| issuer.trust.issuer.as_str())
    }

    /// What the token says.
    ///
    /// # Errors
    /// 401 where it is not of a configured issuer or not in force; 503 where that cannot be told, because the issuer's
    /// keys are out of reach.
    pub async fn verify(&self, token: &str, now: Instant) -> Result<Arc<Vouched>, Problem> {
        let refused = Problem::token_refused;
        let Some((issuer, header)) = self.issuer(token) else { return Err(refused()) };
        let key = issuer.key(&header, now).await?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        let vouched = match self.0.verified.get(&digest) {
            Some((checked_by, vouched)) if Arc::ptr_eq(&checked_by, &key) => vouched,
            _ => {
                let vouched = Arc::new(issuer.check(token, &header, &key).ok_or_else(refused)?);
                self.0.verified.insert(digest, (key, Arc::clone(&vouched)));
                vouched
            }
        };
        if vouched.in_force(now) { Ok(vouched) } else { Err(refused()) }
    }

    /// The issuer that the token names, if it is configured, and the token's header. Nothing is believed yet.
    fn issuer(&self, token: &str) -> Option<(&Issuer, Header)> {
        if self.0.issuers.is_empty() {
            return None;
        }
        let Unchecked { iss } = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
        let issuer = self.0.issuers.iter().find(|issuer| issuer.trust.issuer == iss)?;
        Some((issuer, jsonwebtoken::decode_header(token).ok()?))
    }
}

impl Issuer {
    /// The key for a token with this header. The key comes out of the issuer's own, by its id; what else the header
    /// offers (jku, jwk, x5u) is not looked at, and what it asks to be understood (crit) is not.
    async fn key(&self, header: &Header, now: Instant) -> Result<Arc<Key>, Problem> {
        let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        let known = self.trust.types.iter().any(|known| known.eq_ignore_ascii_case(kind));
        match &header.kid {
            Some(id) if known && header.crit.is_none() && self.trust.algorithms.contains(&header.alg) => {
                self.keys.find(id, header.alg, now).await
            }
            _ => Err(Problem::token_refused()),
        }
    }

    fn check(&self, token: &str, header: &Header, key: &Key) -> Option<Vouched> {
        let validation = Validation { algorithms: vec![header.alg], ..self.validation.clone() };
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key.verifier, &validation).ok()?.claims;
        let read = self.read(&claims);
        if let Err(why) = read {
            // Of a token that the issuer signed: whoever set this up wants to know. Nothing of a person in it.
            tracing::info!(issuer = self.trust.issuer, why, "a token of an external issuer was refused");
        }
        read.ok()
    }

    fn read(&self, claims: &Map<String, Value>) -> Result<Vouched, &'static str> {
        let trust = &self.trust;
        // The library takes a list too.
        if text(claims, "iss") != Some(&trust.issuer) {
            return Err("iss is not a single issuer");
        }
        let until = seconds(claims, "exp")?.ok_or("exp is missing")?;
        let from = seconds(claims, "nbf")?.into_iter().chain(seconds(claims, "iat")?).max().unwrap_or(i64::MIN);
        let school = match &trust.school {
            SchoolRule::Id(school) => *school,
            SchoolRule::By(by) => {
                let value = text(claims, &by.claim).ok_or("the claim that tells the school is missing")?;
                *by.values.get(value).ok_or("the claim that tells the school has a value that is not configured")?
            }
        };
        let person = match &trust.person {
            PersonRule::ExternalId(id) => {
                let value = text(claims, &id.claim).ok_or("the claim with the external id is missing")?;
                Who::ExternalId(id.source.clone(), value.to_owned())
            }
            PersonRule::Email(rule) => Who::Email(email(claims, rule)?),
        };
        let subject = text(claims, "sub").ok_or("sub is not text")?;
        let digest = Sha256::digest(format!("{}\n{subject}", trust.issuer));
        let client = ["azp", "appid", "client_id"].into_iter().find_map(|name| text(claims, name)).unwrap_or("unknown");
        Ok(Vouched {
            subject: Uuid::from_slice(&digest[..16]).unwrap_or_default(),
            school,
            person,
            roles: trust.roles.as_ref().map(|rule| asserted(claims, rule)),
            scopes: scopes(claims),
            client_id: format!("oidc:{}", client.chars().filter(char::is_ascii_graphic).take(MAX_CLIENT).collect::<String>()),
            from,
            until,
        })
    }
}

/// A claim by its name; one inside another by its JSON Pointer (RFC 6901), which begins with a slash.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let Some(inner) = name.strip_prefix('/') else { return claims.get(name) };
    let (outer, rest) = inner.split_once('/').map_or((inner, None), |(outer, rest)| (outer, Some(rest)));
    let outer = claims.get(&outer.replace("~1", "/").replace("~0", "~"))?;
    rest.map_or(Some(outer), |rest| outer.pointer(&format!("/{rest}")))
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claim(claims, name)?.as_str().filter(|text| !text.is_empty() && !text.contains('\0'))
}

/// The texts of a claim, which has one or a list of them.
fn texts<'a>(claims: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a str> {
    let value = claim(claims, name);
    value.and_then(Value::as_array).into_iter().flatten().chain(value).filter_map(Value::as_str)
}

/// An instant of a claim: whole seconds or a fraction (RFC 7519, section 2), and nothing else.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, &'static str> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "saturates; no clock shows such times")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    seconds.map(Some).ok_or("exp, nbf or iat is not a number")
}

fn email(claims: &Map<String, Value>, rule: &EmailRule) -> Result<String, &'static str> {
    let address = text(claims, &rule.claim).ok_or("the claim with the e-mail address is missing")?;
    // Not beyond ASCII: there, several letters have the same small one.
    let address = address.trim().to_ascii_lowercase();
    if !rule.always_verified && claim(claims, &rule.verified_claim) != Some(&Value::Bool(true)) {
        return Err("the e-mail address is not verified");
    }
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    if rule.domains.is_empty() || rule.domains.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
        Ok(address)
    } else {
        Err("the e-mail address is of a domain that is not configured")
    }
}

fn asserted(claims: &Map<String, Value>, rule: &RolesRule) -> Asserted {
    let mut roles: Vec<Role> = texts(claims, &rule.claim).filter_map(|value| rule.values.get(value).copied()).collect();
    roles.sort_unstable();
    roles.dedup();
    Asserted { roles, grants_roles: rule.grants_roles, privileged_roles: rule.privileged_roles }
}

/// The scopes of ours that a token names; others are somebody else's.
fn scopes(claims: &Map<String, Value>) -> Vec<String> {
    let named = ["scope", "scp"].into_iter().flat_map(|name| texts(claims, name)).flat_map(|words| words.split(' '));
    named.filter(|scope| permissions::row(scope).is_some()).map(str::to_owned).collect()
}
