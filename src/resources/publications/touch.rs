//! What a withdrawal, an objection, a listing, a leaver or an expiry means for what was cleared and what was published:
//! clearances die, and each publication has to go, in the same transaction (IMG-1, decisions, section 4).

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{Duration, NaiveDate};
use uuid::Uuid;

use super::rows::{self, PublicationRow};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, ContentPermissionId, PersonId, PublicationCheckId, PublicationId, SchoolId, TakedownId};
use crate::events::{self, Actor, Event, EventType};
use crate::policy::consent::{Purpose, Standing};
use crate::policy::platforms::Platform;
use crate::policy::publication::{CheckState, Flag, TakedownCause, TakedownState, objection_holds};
use crate::problem::Problem;
use crate::resources::publication_checks::rows::{self as checks, CheckRow};
use crate::resources::takedowns::rows::{self as takedowns, TakedownRow};
use crate::resources::{notifications, schools};
use crate::words::split;

/// As whom what follows stands in the log: whoever reads it does not learn from it who said no.
const CLIENT: &str = "weald";

/// What a change reaches.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// What is about a person and goes beyond the consent for its purpose as it is now.
    Consent { person: PersonId, standings: &'a HashMap<Purpose, Standing> },
    /// What is about a person, on one day or on any.
    Objection { person: PersonId, event_on: Option<NaiveDate> },
    /// All that is about a person.
    Everything { person: PersonId },
    /// What uses a work.
    Work { permission: ContentPermissionId },
}

impl Reach<'_> {
    fn person(&self) -> Option<PersonId> {
        match self {
            Reach::Consent { person, .. } | Reach::Objection { person, .. } | Reach::Everything { person } => Some(*person),
            Reach::Work { .. } => None,
        }
    }

    fn goes_for(&self, purpose: Purpose, flags: &str, taken_on: Option<NaiveDate>, platform: Option<Platform>) -> bool {
        match self {
            Reach::Consent { standings, .. } => {
                let flags: Vec<Flag> = split(flags);
                let has = |flag| flags.contains(&flag);
                // Consent for some platforms alone ends a clearance: it has to be checked anew.
                let platform = platform.unwrap_or(Platform::Other);
                standings
                    .get(&purpose)
                    .is_some_and(|standing| !standing.shortfalls(platform, has(Flag::WithName), has(Flag::FaceIdentifiable)).is_empty())
            }
            Reach::Objection { event_on, .. } => objection_holds(*event_on, taken_on),
            Reach::Everything { .. } | Reach::Work { .. } => true,
        }
    }
}

/// Those of `people` whom a change can reach at all: they are cleared for or shown by something.
///
/// # Errors
/// Where the database gives none.
pub fn concerned(tx: &mut Conn, school: SchoolId, people: &[PersonId]) -> Result<BTreeSet<PersonId>, Problem> {
    let mut concerned = BTreeSet::from_iter(checks::subjects_of_open(tx, school, people)?);
    concerned.extend(rows::subjects_of_live(tx, school, people)?);
    Ok(concerned)
}

/// Ends what a change reaches: clearances at once, publications by a takedown each.
///
/// # Errors
/// Where the database gives none.
pub fn touch(tx: &mut Conn, school: SchoolId, reach: &Reach<'_>, cause: TakedownCause, now: Instant) -> Result<(), Problem> {
    let (open, live) = match reach {
        Reach::Work { permission } => (checks::open_with(tx, school, *permission)?, rows::live_with(tx, school, *permission)?),
        Reach::Consent { person, .. } | Reach::Objection { person, .. } | Reach::Everything { person } => {
            (checks::open_about(tx, school, *person)?, rows::live_about(tx, school, *person)?)
        }
    };
    let reached = |row: &&CheckRow| reach.goes_for(row.consent_purpose, &row.flags, row.taken_on, None);
    revoke(tx, school, open.iter().filter(reached).map(|row| row.id).collect(), now)?;
    let live: Vec<PublicationRow> = live
        .into_iter()
        .filter(|(row, platform)| reach.goes_for(row.consent_purpose, &row.flags, row.taken_on, Some(*platform)))
        .map(|(row, _)| row)
        .collect();
    take_down(tx, school, &live, cause, reach.person(), now)
}

/// An account that cannot be published on, or a policy that was published anew, ends clearances (A16).
///
/// # Errors
/// Where the database gives none.
pub fn revoke_on(tx: &mut Conn, school: SchoolId, account: Option<AccountId>, now: Instant) -> Result<(), Problem> {
    let open = checks::open_on(tx, school, account)?;
    revoke(tx, school, open.iter().map(|row| row.id).collect(), now)
}

fn revoke(tx: &mut Conn, school: SchoolId, ids: Vec<PublicationCheckId>, now: Instant) -> Result<(), Problem> {
    checks::end(tx, school, &ids, CheckState::Revoked, now)?;
    let event = |id: PublicationCheckId| Event::new(EventType::PublicationCheckRevoked, id.uuid()).state(CheckState::Revoked);
    let system = Actor::system(school, CLIENT, now);
    Ok(events::record_all(tx, system, ids.into_iter().map(event).collect())?)
}

fn take_down(
    tx: &mut Conn,
    school: SchoolId,
    live: &[PublicationRow],
    cause: TakedownCause,
    person: Option<PersonId>,
    now: Instant,
) -> Result<(), Problem> {
    let ids: Vec<PublicationId> = live.iter().map(|row| row.id).collect();
    let pending: HashSet<PublicationId> = takedowns::pending(tx, school, &ids)?.into_iter().collect();
    let due_at = now + Duration::hours(schools::rows::find(tx, school)?.takedown_hours.into());
    let mut happened = Vec::new();
    for row in live.iter().filter(|row| !pending.contains(&row.id)) {
        let takedown = TakedownRow {
            school_id: school,
            id: TakedownId::new(),
            publication_id: row.id,
            account_id: row.account_id,
            author_id: row.author_id,
            state: TakedownState::Open,
            cause,
            person_id: person,
            opened_at: now,
            due_at,
            overdue_recorded_at: None,
            evidence: None,
            removed_at: None,
            exempt_reason: None,
            done_by: None,
            version: 1,
            updated_at: now,
        };
        takedowns::insert(tx, &takedown)?;
        let id: Uuid = takedown.id.uuid();
        notifications::rows::notify(tx, school, &[row.author_id], EventType::TakedownOpened, id, now)?;
        happened.push(Event::new(EventType::TakedownOpened, id).state(TakedownState::Open).related("publication", row.id.uuid()));
    }
    Ok(events::record_all(tx, Actor::system(school, CLIENT, now), happened)?)
}
