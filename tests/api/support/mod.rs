//! What a test stands on: a school with somebody in every role, behind the real server.

pub mod caller;
pub mod cases;
pub mod contract;
pub mod database;
pub mod incidents;
pub mod issuer;
pub mod policies;
pub mod postgres;
pub mod program;
pub mod qualified;
pub mod receiver;
pub mod roster;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use actix_web::dev::ServerHandle;
use actix_web::{HttpServer, web};
use diesel::prelude::*;
use serde_json::Value;
use strum::IntoEnumIterator;
use tempfile::TempDir;
use uuid::Uuid;
use weald::access::permissions;
use weald::access::sessions::{self, Holder, Session};
use weald::access::tokens::NewToken;
use weald::app::{self, State};
use weald::clock::{Clock, Instant};
use weald::config::{Service, Storage};
use weald::db::Conn;
use weald::db::schema::{delegations, people, person_roles, service_accounts, sessions as session_rows};
use weald::db::types::{DelegationId, PersonId, SchoolId, ServiceAccountId};
use weald::policy::concerns::PATTERN_AT;
use weald::policy::holidays::HolidayDivision;
use weald::policy::mentions::SWEEP_INTERVAL_DAYS;
use weald::policy::monitoring::{AMBER_DAYS, RED_HOURS};
use weald::policy::roles::{PersonKind, Role};
use weald::problem::Problem;
use weald::resources::people::rows::PersonRow;
use weald::resources::schools::rows::{self as schools, SchoolRow};
use weald::server;

use caller::{Caller, Who};
use database::Database;
pub use database::Engine;

/// Makes each test two: `sqlite::<name>` and `postgres::<name>`.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($school:ident: $fixture:ty) $body:block)+) => {
        $($(#[$meta])* async fn $name($school: $fixture) $body)+

        mod sqlite {
            $(#[actix_web::test] async fn $name() {
                super::$name($crate::support::School::new($crate::support::Engine::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[actix_web::test] async fn $name() {
                super::$name($crate::support::School::new($crate::support::Engine::Postgres).await).await;
            })+
        }
    };
}
pub(crate) use on_both_engines;

/// When tests begin: a Wednesday in term, at ten in the morning.
pub const NOW: &str = "2026-01-14T10:00:00Z";
/// The front end that browsers may call from.
pub const ORIGIN: &str = "https://app.weald.example";
/// The secret of every school's service account.
pub const SERVICE_SECRET: &str = "the secret of the service account";

/// Keys are made once; a school needs none of its own.
static DATA_DIR: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    weald::vault::keyring::create(&folder.path().join("master-keys")).unwrap();
    folder
});

/// Where the keys are, for a program of its own.
pub fn data_dir() -> &'static std::path::Path {
    DATA_DIR.path()
}

/// A school with one person per role and a second member of staff.
pub struct School {
    pub id: SchoolId,
    people: HashMap<Role, PersonId>,
    second_staff: PersonId,
    service: ServiceAccountId,
    server: Rc<Server>,
}

/// One running instance.
pub struct Server {
    pub state: web::Data<State>,
    url: String,
    client: reqwest::Client,
    sessions: RefCell<HashMap<Uuid, Session>>,
    handle: ServerHandle,
    database: Rc<Database>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl School {
    pub async fn new(engine: Engine) -> Self {
        let server = Server::start(Rc::new(Database::new(engine)), Clock::standing_at(at(NOW)), |_, _| ());
        Self::seed(Rc::new(server)).await
    }

    /// Another school in the same database.
    pub async fn other_school(&self) -> Self {
        Self::seed(Rc::clone(&self.server)).await
    }

    /// The same school through a second instance, which is set up as `configure` says.
    pub fn second_instance(&self, configure: impl FnOnce(&mut Service)) -> Self {
        self.instance(|service, _| configure(service))
    }

    /// The same school through an instance that has its master keys from this file.
    pub fn with_master_keys(&self, path: &std::path::Path) -> Self {
        self.instance(|_, storage| storage.master_keys = Some(path.into()))
    }

    fn instance(&self, configure: impl FnOnce(&mut Service, &mut Storage)) -> Self {
        let server = Server::start(Rc::clone(&self.server.database), self.server.state.clock.clone(), configure);
        let Self { id, ref people, second_staff, service, .. } = *self;
        Self { id, people: people.clone(), second_staff, service, server: Rc::new(server) }
    }

    async fn seed(server: Rc<Server>) -> Self {
        let school = SchoolId::new();
        let state = &server.state;
        let now = state.clock.now();
        let work = move |tx: &mut Conn| {
            let row = SchoolRow {
                id: school,
                name: "Weald School".into(),
                time_zone: "Europe/London".into(),
                holiday_division: HolidayDivision::EnglandAndWales,
                bank_holidays_count_as_weekend: false,
                business_case_lapse_days: 90,
                monitoring_amber_days: AMBER_DAYS,
                monitoring_red_hours: RED_HOURS,
                eligibility_grace_days: 0,
                escalation_contact_id: None,
                press_lead_id: None,
                urgent_target_minutes: 60,
                takedown_hours: 24,
                content_review_days: 90,
                calendar_fingerprint: String::new(),
                version: 1,
                created_at: now,
                updated_at: now,
                sweep_interval_days: SWEEP_INTERVAL_DAYS,
                concern_pattern_at: PATTERN_AT,
            };
            schools::create(tx, &row, "test")?;
            let mut people = HashMap::new();
            for role in Role::iter().filter(|&role| role != Role::MisIntegration) {
                people.insert(role, add_person(tx, school, &role.to_string(), &[role], now)?);
            }
            let second_staff = add_person(tx, school, "second_staff", &[Role::Staff], now)?;
            let service = ServiceAccountId::new();
            diesel::insert_into(service_accounts::table)
                .values((
                    service_accounts::school_id.eq(school),
                    service_accounts::id.eq(service),
                    service_accounts::client_id.eq(service.to_string()),
                    service_accounts::name.eq("MIS"),
                    service_accounts::secret_hash.eq(weald::access::digest(SERVICE_SECRET)),
                    service_accounts::permissions.eq(permissions::scopes_of(&[Role::MisIntegration]).join(" ")),
                    service_accounts::created_at.eq(now),
                ))
                .execute(tx)?;
            Ok::<_, Problem>((people, second_staff, service))
        };
        let (people, second_staff, service) = state.db.write(school.uuid(), work).await.unwrap();
        Self { id: school, people, second_staff, service, server }
    }

    pub fn state(&self) -> &State {
        &self.server.state
    }

    /// Where the server answers, for clients of another kind.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// The database's URL, for tests that look behind the server.
    pub fn database_url(&self) -> weald::db::DatabaseUrl {
        self.server.database.url()
    }

    /// Moves the clock, for every school on this server.
    pub fn clock_at(&self, time: &str) {
        self.server.state.clock.set(at(time));
    }

    /// The server's time.
    pub fn now(&self) -> Instant {
        self.server.state.clock.now()
    }

    /// Writes rows behind the server's back.
    pub async fn write<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> QueryResult<T> + Send + 'static) -> T {
        self.server.state.db.write(self.id.uuid(), |tx| work(tx).map_err(Problem::from)).await.unwrap()
    }

    /// Reads rows behind the server's back.
    pub async fn read<T: Send + 'static>(&self, work: impl FnOnce(&mut Conn) -> QueryResult<T> + Send + 'static) -> T {
        self.server.state.db.read(|conn| work(conn).map_err(Problem::from)).await.unwrap()
    }

    /// Adds a person with these roles, and lets them call.
    pub async fn person(&self, name: &str, roles: &[Role]) -> Caller<'_> {
        let (school, name, roles, now) = (self.id, name.to_owned(), roles.to_vec(), self.now());
        let id = self.write(move |tx| add_person(tx, school, &name, &roles, now)).await;
        self.somebody(id)
    }

    /// Lets somebody act for the headteacher from one day to another (A10).
    pub async fn delegation(&self, delegate: &Caller<'_>, starts_on: &str, ends_on: &str) -> DelegationId {
        let (school, id, now, delegate, head) = (self.id, DelegationId::new(), self.now(), delegate.id(), self.headteacher().id());
        let [starts_on, ends_on]: [chrono::NaiveDate; 2] = [starts_on, ends_on].map(|day| day.parse().unwrap());
        let row = (
            delegations::school_id.eq(school),
            delegations::id.eq(id),
            delegations::delegate_id.eq(delegate),
            delegations::granted_by.eq(head),
            delegations::starts_on.eq(starts_on),
            delegations::ends_on.eq(ends_on),
            delegations::reason.eq("On leave."),
            delegations::version.eq(1),
            delegations::created_at.eq(now),
            delegations::updated_at.eq(now),
        );
        self.write(move |tx| diesel::insert_into(delegations::table).values(row).execute(tx)).await;
        id
    }

    /// A person by id; their roles are those that the database holds when they call.
    pub fn somebody(&self, id: PersonId) -> Caller<'_> {
        Caller::new(self, Who::Person(id))
    }

    /// The one with this role and no other.
    pub fn with_role(&self, role: Role) -> Caller<'_> {
        if role == Role::MisIntegration { self.service() } else { self.somebody(self.people[&role]) }
    }

    pub fn second_staff(&self) -> Caller<'_> {
        self.somebody(self.second_staff)
    }

    /// A token of somebody, with these roles and scopes alone.
    pub async fn token_with(&self, holder: Holder, roles: &[Role], scopes: &[&str]) -> String {
        self.server.token_with(self.id, holder, roles, scopes).await
    }

    /// The service account of the school's management information system.
    pub fn service(&self) -> Caller<'_> {
        Caller::new(self, Who::Service(self.service))
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Caller<'_> {
        Caller::new(self, Who::Anybody)
    }

    /// Whoever holds this token.
    pub fn bearer(&self, token: &str) -> Caller<'_> {
        Caller::new(self, Who::Bearer(token.to_owned()))
    }
}

macro_rules! callers {
    ($($name:ident: $role:ident),* $(,)?) => {
        impl School {
            $(pub fn $name(&self) -> Caller<'_> { self.with_role(Role::$role) })*
        }
    };
}

callers! {
    headteacher: Headteacher, leadership: LeadershipTeam, it_technician: ItTechnician, staff: Staff, volunteer: Volunteer,
    parent: ParentCarer, pupil: Pupil, governor: Governor, chair: ChairOfGovernors, dsl: Dsl, dpo: Dpo,
}

impl Server {
    fn start(database: Rc<Database>, clock: Clock, configure: impl FnOnce(&mut Service, &mut Storage)) -> Self {
        let mut storage = Storage {
            database_url: Some(database.url()),
            database_url_file: None,
            database_connections: 4,
            data_dir: DATA_DIR.path().into(),
            bank_holidays: None,
            master_keys: None,
            master_key_command: None,
        };
        let mut service = Service {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: Some("https://weald.example".into()),
            signing_keys: Vec::new(),
            issuers: None,
            cors_origins: vec![ORIGIN.into()],
            trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
            rate_limit: 1_000_000.try_into().unwrap(),
            password_login: true,
            workers: Some(1),
            jobs_interval: 3600,
            webhook_allow: vec!["127.0.0.1".parse().unwrap()],
        };
        configure(&mut service, &mut storage);
        let state = server::open(&storage, service, clock).unwrap();
        let listener = std::net::TcpListener::bind(state.service.listen).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        weald::events::watch::spawn(state.clone());
        let shared = state.clone();
        // Not `server::listen`: its handlers of signals would keep Ctrl-C from ending the tests.
        let server = HttpServer::new(move || app::app(shared.clone())).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        // Plain http: reading the certificates of the machine would be the dearest part of many a test.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).tls_certs_only([]).build().unwrap();
        Self { state, url, client, sessions: RefCell::default(), handle, database }
    }

    /// A token of the holder as things are now, without the password endpoint.
    pub async fn token(&self, school: SchoolId, holder: Holder) -> String {
        let roles = match holder {
            Holder::Person(id) => {
                self.state.db.read(move |conn| sessions::roles_of(conn, school, id).map_err(Problem::from)).await.unwrap()
            }
            Holder::Service(_) => vec![Role::MisIntegration],
        };
        self.token_with(school, holder, &roles, &permissions::scopes_of(&roles)).await
    }

    /// The same, with these roles and scopes alone.
    pub async fn token_with(&self, school: SchoolId, holder: Holder, roles: &[Role], scopes: &[&str]) -> String {
        let session = self.session(school, holder).await;
        let grant = NewToken {
            subject: holder.uuid(),
            school: school.uuid(),
            session: session.id.uuid(),
            client_id: &session.client_id,
            scopes,
            roles,
        };
        self.state.tokens.issue(self.state.clock.now(), &grant).unwrap()
    }

    /// One session per holder, in force however far the test moves the clock.
    async fn session(&self, school: SchoolId, holder: Holder) -> Session {
        let known = self.sessions.borrow().get(&holder.uuid()).cloned();
        if let Some(session) = known {
            return session;
        }
        let now = self.state.clock.now();
        let client = if matches!(holder, Holder::Service(_)) { holder.uuid().to_string() } else { "weald".into() };
        let open = move |tx: &mut Conn| {
            let session = sessions::open(tx, school, holder, &client, None, now)?;
            diesel::update(session_rows::table.find((school, session.id)))
                .set(session_rows::expires_at.eq(at("2099-01-01T00:00:00Z")))
                .execute(tx)?;
            Ok::<_, Problem>(session)
        };
        let session = self.state.db.write(school.uuid(), open).await.unwrap();
        self.sessions.borrow_mut().insert(holder.uuid(), session.clone());
        session
    }
}

/// A JSON object with some members replaced.
pub fn with(mut object: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("no object: {members}") };
    object.as_object_mut().unwrap().extend(members);
    object
}

/// An instant, as people write it.
pub fn at(time: &str) -> Instant {
    time.parse::<chrono::DateTime<chrono::Utc>>().unwrap().into()
}

/// What somebody with these roles is to the school: what the first of them says that suits the others too.
fn kind_of(roles: &[Role]) -> PersonKind {
    let natural = |role: &Role| match role {
        Role::Volunteer => PersonKind::Volunteer,
        Role::ParentCarer => PersonKind::ParentCarer,
        Role::Pupil => PersonKind::Pupil,
        Role::Governor | Role::ChairOfGovernors => PersonKind::Governor,
        // Often an outside service.
        Role::Dpo => PersonKind::Visitor,
        _ => PersonKind::Staff,
    };
    let suits_all = |kind: &PersonKind| roles.iter().all(|role| role.suits(*kind));
    roles.iter().map(natural).find(suits_all).expect("a kind of person for these roles")
}

fn add_person(tx: &mut Conn, school: SchoolId, name: &str, roles: &[Role], now: Instant) -> QueryResult<PersonId> {
    let id = PersonId::new();
    let row = PersonRow {
        school_id: school,
        id,
        given_name: name.into(),
        family_name: "Weald".into(),
        email: Some(format!("{name}@weald.example")),
        kind: kind_of(roles),
        external_source: None,
        external_id: None,
        left_on: None,
        version: 1,
        created_at: now,
        updated_at: now,
        year_group: None,
    };
    diesel::insert_into(people::table).values(&row).execute(tx)?;
    for role in roles {
        diesel::insert_into(person_roles::table)
            .values((
                person_roles::school_id.eq(school),
                person_roles::person_id.eq(id),
                person_roles::role.eq(role),
                person_roles::granted_at.eq(now),
            ))
            .execute(tx)?;
    }
    Ok(id)
}
