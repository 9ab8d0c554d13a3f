//! The caller of an operation. [`Caller<P>`] proves the permission `P` and is the only way to the school, the
//! time and the database: without it there is no school, and without a school no finder can be called.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::NaiveDate;
use chrono_tz::Tz;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::issuers::{self, Vouched};
use super::permissions::{self, Held, Permission, Row};
use super::sessions;
use super::tokens::Claims;
use crate::clock::Instant;
use crate::db::types::{PersonId, SchoolId, ServiceAccountId};
use crate::db::{Conn, Db};
use crate::http::reply::{Answer, Reply};
use crate::idempotency;
use crate::policy::deadline::local_day;
use crate::policy::roles::Role;
use crate::problem::{Code, Problem};

/// Whom a token belongs to, as the database knows them at this request.
#[derive(Clone, Debug)]
pub struct Identity {
    pub school: SchoolId,
    pub zone: Tz,
    /// Absent for a service account.
    pub person: Option<PersonId>,
    /// The service account, where it is one.
    pub service: Option<ServiceAccountId>,
    pub client_id: String,
    /// What the token claims and the school still grants.
    pub roles: Vec<Role>,
    /// Who granted the headteacher's delegations that this person holds today (A10).
    pub delegated_by: Vec<PersonId>,
    /// The permissions that the token carries.
    pub scopes: Vec<String>,
}

impl Identity {
    fn held(&self, row: &Row) -> Option<Held> {
        if !self.scopes.iter().any(|scope| scope == row.scope) {
            return None;
        }
        // A service has nothing of its own.
        row.held_by(&self.roles, !self.delegated_by.is_empty()).filter(|held| !held.own || self.person.is_some())
    }
}

/// What a token says, once its signature is found good.
#[derive(Clone)]
pub enum Token {
    Ours(Arc<Claims>),
    /// Of an external issuer.
    Vouched(Arc<Vouched>),
}

impl Token {
    /// Whose it is, to count requests by.
    pub fn subject(&self) -> Uuid {
        match self {
            Self::Ours(claims) => claims.sub,
            Self::Vouched(vouched) => vouched.subject,
        }
    }

    fn in_force(&self, now: Instant) -> bool {
        match self {
            Self::Ours(claims) => claims.in_force(now),
            Self::Vouched(vouched) => vouched.in_force(now),
        }
    }
}

/// A token that was verified, and from where it was presented.
#[derive(Clone)]
pub struct Bearer {
    pub token: Token,
    pub from: IpAddr,
}

/// What is known of a request before its handler runs.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

struct Inner {
    db: Db,
    now: Instant,
    identity: Result<Arc<Identity>, Problem>,
    bearer: Option<Bearer>,
    /// Of a POST: method and path with the key that the client gave; or what is wrong with the key, to be said after
    /// 401 and 403.
    idempotency_key: Result<Option<(String, String)>, Problem>,
    body: OnceLock<[u8; 32]>,
}

impl RequestContext {
    pub fn new(
        db: Db,
        now: Instant,
        identity: Result<Arc<Identity>, Problem>,
        bearer: Option<Bearer>,
        idempotency_key: Result<Option<(String, String)>, Problem>,
    ) -> Self {
        Self(Arc::new(Inner { db, now, identity, bearer, idempotency_key, body: OnceLock::new() }))
    }

    /// Remembers what was sent, to tell a repeated request from another one with the same key.
    pub fn hash_body(&self, bytes: &[u8]) {
        self.remember_body(Sha256::digest(bytes).into());
    }

    /// The same, of a body that was hashed as it came in.
    pub fn remember_body(&self, digest: [u8; 32]) {
        let _ = self.0.body.set(digest);
    }
}

/// A caller who may `P`.
pub struct Caller<P> {
    context: RequestContext,
    identity: Arc<Identity>,
    held: Held,
    permission: PhantomData<fn() -> P>,
}

impl<P> Clone for Caller<P> {
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), identity: Arc::clone(&self.identity), held: self.held, permission: PhantomData }
    }
}

impl<P: Permission> FromRequest for Caller<P> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = request.extensions().get::<RequestContext>().cloned();
        std::future::ready(context.ok_or_else(|| Problem::new(Code::Unauthenticated)).and_then(|context| {
            let identity = context.0.identity.clone()?;
            let held = identity.held(&P::ROW).ok_or_else(|| P::ROW.refusal())?;
            context.0.idempotency_key.as_ref().map_err(Problem::clone)?;
            Ok(Self { context, identity, held, permission: PhantomData })
        }))
    }
}

impl<P: Permission> Caller<P> {
    /// Somebody on whose behalf the program acts.
    ///
    /// # Errors
    /// 403 where they may not.
    pub fn on_behalf(db: &Db, identity: Identity, now: Instant) -> Result<Self, Problem> {
        let identity = Arc::new(identity);
        let held = identity.held(&P::ROW).ok_or_else(|| P::ROW.refusal())?;
        let context = RequestContext::new(db.clone(), now, Ok(Arc::clone(&identity)), None, Ok(None));
        Ok(Self { context, identity, held, permission: PhantomData })
    }

    /// The same caller as things are now, for what lasts longer than a request.
    ///
    /// # Errors
    /// 401 where the token has expired or its bearer is no longer in force, 403 where they may not any more.
    pub async fn again(&self, now: Instant) -> Result<Self, Problem> {
        let context = &self.context.0;
        let bearer = context.bearer.clone().filter(|bearer| bearer.token.in_force(now));
        let bearer = bearer.ok_or_else(Problem::token_refused)?;
        let identity = identify(&context.db, &bearer, now).await?;
        let held = identity.held(&P::ROW).ok_or_else(|| P::ROW.refusal())?;
        let context = RequestContext::new(context.db.clone(), now, Ok(Arc::clone(&identity)), Some(bearer), Ok(None));
        Ok(Self { context, identity, held, permission: PhantomData })
    }
}

impl<P> Caller<P> {
    /// The permissions that the token carries.
    pub fn scopes(&self) -> &[String] {
        &self.identity.scopes
    }

    pub fn school(&self) -> SchoolId {
        self.identity.school
    }

    /// The person; a service account is none.
    pub fn person(&self) -> Option<PersonId> {
        self.identity.person
    }

    /// The service account; a person is none.
    pub fn service(&self) -> Option<ServiceAccountId> {
        self.identity.service
    }

    /// Whether this caller is `person`.
    pub fn is(&self, person: PersonId) -> bool {
        self.identity.person == Some(person)
    }

    /// Limited to one's own things.
    pub fn own_only(&self) -> bool {
        self.held.own
    }

    pub fn roles(&self) -> &[Role] {
        &self.identity.roles
    }

    pub fn has_role(&self, role: Role) -> bool {
        self.identity.roles.contains(&role)
    }

    /// The headteacher, or a delegate on record (A10).
    pub fn acts_as_head(&self) -> bool {
        !self.identity.delegated_by.is_empty() || self.has_role(Role::Headteacher)
    }

    /// Who granted the headteacher's delegations that this caller holds.
    pub fn delegated_by(&self) -> &[PersonId] {
        &self.identity.delegated_by
    }

    /// Whether this caller may also `Q`.
    pub fn may<Q: Permission>(&self) -> bool {
        self.identity.held(&Q::ROW).is_some()
    }

    /// Whether this caller may `Q` for more than their own.
    pub fn may_all<Q: Permission>(&self) -> bool {
        self.identity.held(&Q::ROW).is_some_and(|held| !held.own)
    }

    /// The role under which this caller acts, as the log names it.
    pub fn role_used(&self) -> String {
        let Held { role, delegated, .. } = self.held;
        if delegated { format!("{role}:delegated") } else { role.to_string() }
    }

    /// Every permission that this caller holds.
    pub fn permissions(&self) -> impl Iterator<Item = (&'static Row, Held)> {
        permissions::ALL.iter().filter_map(|row| Some((row, self.identity.held(row)?)))
    }

    pub fn client_id(&self) -> &str {
        &self.identity.client_id
    }

    /// The time of the request.
    pub fn now(&self) -> Instant {
        self.context.0.now
    }

    /// The school's local day.
    pub fn today(&self) -> NaiveDate {
        local_day(*self.now(), self.identity.zone)
    }
}

impl<P: 'static> Caller<P> {
    /// Runs queries.
    ///
    /// # Errors
    /// What `f` says, or that the database is out of reach.
    pub async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Conn, &Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let me = self.clone();
        self.context.0.db.read(move |conn| f(conn, &me)).await
    }

    /// Runs `f` in one durable transaction, alone in its school. With an `Idempotency-Key` the answer is stored
    /// with the effect, and given again to the same request.
    ///
    /// # Errors
    /// What `f` says, without a trace of it; or that the database is out of reach.
    pub async fn write<R: Reply>(self, f: impl FnOnce(&mut Conn, &Self) -> Result<R, Problem> + Send + 'static) -> Result<R, Problem> {
        self.write_on(|_, _| Ok(()), move |tx, me, ()| f(tx, me)).await
    }

    /// The same, on something that can come to be hidden from the caller: it is looked up first, so that an answer
    /// which was stored before is not given again by what has become 404.
    ///
    /// # Errors
    /// What `find` and `f` say, without a trace of it; or that the database is out of reach.
    pub async fn write_on<T, R: Reply>(
        self,
        find: impl FnOnce(&mut Conn, &Self) -> Result<T, Problem> + Send + 'static,
        f: impl FnOnce(&mut Conn, &Self, T) -> Result<R, Problem> + Send + 'static,
    ) -> Result<R, Problem> {
        let db = self.context.0.db.clone();
        db.write(self.school().uuid(), move |tx| {
            let found = find(tx, &self)?;
            let Ok(Some((target, key))) = &self.context.0.idempotency_key else { return f(tx, &self, found) };
            let who = self.person().map_or_else(|| self.client_id().to_owned(), |person| person.to_string());
            let body = self.context.0.body.get().copied().unwrap_or_default();
            let request = idempotency::Request::new(self.school(), &who, self.client_id(), target, key, body);
            if let Some(answer) = request.answered(tx)? {
                return Ok(R::from(answer));
            }
            let reply = f(tx, &self, found)?;
            let answer: &Answer = reply.answer();
            request.store(tx, answer, self.now())?;
            Ok(reply)
        })
        .await
    }
}

/// Finds out whom a token belongs to.
///
/// # Errors
/// 401 where the token is not in force, or its bearer no longer is.
pub async fn identify(db: &Db, bearer: &Bearer, now: Instant) -> Result<Arc<Identity>, Problem> {
    let Bearer { token, from } = bearer.clone();
    let find = move |conn: &mut Conn| match &token {
        Token::Ours(claims) => sessions::identity(conn, claims, from, now),
        Token::Vouched(vouched) => issuers::identity(conn, vouched, now),
    };
    db.read(move |conn| find(conn).map_err(Problem::from)).await?.map(Arc::new).ok_or_else(Problem::token_refused)
}
