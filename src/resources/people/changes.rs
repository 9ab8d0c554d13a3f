//! What becomes of people, whoever says so: a request about one, a batch or an import. Decided in memory, one after
//! another; written together, in as many statements for a thousand as for one.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::rows::{self, Person, PersonRow};
use super::rules::{self, Granter, PersonState, Shift, Standing};
use crate::access::caller::Caller;
use crate::access::permissions::{GrantRoles, InvitePeople, ManagePeople};
use crate::access::sessions;
use crate::db::Conn;
use crate::db::bulk;
use crate::db::types::{AccountId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::policy::handover;
use crate::policy::publication::TakedownCause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::policy::roles::{PersonKind, Role, has_left, is_staff};
use crate::policy::team::{self, Member};
use crate::problem::{Code, Problem};
use crate::resources::accounts::rows::Account;
use crate::resources::business_cases::rows::Manager;
use crate::resources::publications::touch::{self, Reach};
use crate::resources::{accounts, credentials, handovers, incidents, invitations};

/// What somebody who changes people may do.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    /// Absent for a program.
    pub person: Option<PersonId>,
    pub today: NaiveDate,
    pub may_manage: bool,
    pub may_invite: bool,
    pub granter: Granter,
}

/// Who changes people: a caller, or an import on behalf of one.
#[derive(Clone, Debug)]
pub struct Agent {
    pub actor: Actor,
    pub power: Power,
}

impl<P> From<&Caller<P>> for Power {
    fn from(me: &Caller<P>) -> Self {
        Self {
            person: me.person(),
            today: me.today(),
            may_manage: me.may::<ManagePeople>(),
            may_invite: me.may::<InvitePeople>(),
            granter: match me.person() {
                None => Granter::Service,
                Some(_) if !me.may::<GrantRoles>() => Granter::Nobody,
                Some(_) if me.roles().contains(&Role::ChairOfGovernors) => Granter::Chair,
                Some(_) if me.roles().iter().any(|role| role.grants_privileged()) => Granter::Privileged,
                Some(_) => Granter::Plain,
            },
        }
    }
}

impl<P> From<&Caller<P>> for Agent {
    fn from(me: &Caller<P>) -> Self {
        Self { actor: me.into(), power: me.into() }
    }
}

impl Power {
    /// A person as whoever has this power finds them, for the rules.
    pub fn standing<'a>(&self, person: &'a Person) -> Standing<'a> {
        let row = &person.row;
        Standing {
            kind: row.kind,
            roles: &person.roles,
            escalation_contact: person.escalation_contact,
            left_on: row.left_on,
            today: self.today,
            has_email: row.email.is_some(),
            oneself: self.person == Some(row.id),
            may_manage: self.may_manage,
            may_invite: self.may_invite,
            granter: self.granter,
        }
    }
}

/// What somebody becomes; decided, and written by [`write`].
#[derive(Clone, Debug)]
pub struct Change {
    /// As they were; absent for somebody new.
    pub old: Option<PersonRow>,
    /// As they will be, with the roles that they will hold.
    pub person: Person,
    shift: Shift,
}

impl Change {
    /// Somebody's roles, as they come and go.
    pub fn of_roles(mut person: Person, shift: Shift) -> Self {
        let old = Some(person.row.clone());
        person.roles.retain(|role| !shift.revoked.contains(role));
        person.roles.extend(&shift.granted);
        Self { old, person, shift }
    }

    /// `person.row` is what was wanted of somebody who was `old`, `person.roles` what they hold; `roles` are all that
    /// they are to hold, if it is said. `linked`: they have guardians or are one.
    ///
    /// # Errors
    /// What the rules say against it.
    pub fn of_details(
        power: &Power,
        old: Option<PersonRow>,
        person: Person,
        roles: Option<&[Role]>,
        linked: bool,
    ) -> Result<Self, Problem> {
        let row = &person.row;
        if old.as_ref().is_some_and(|old| known_by(old) != known_by(row)) {
            rules::readdress(&power.standing(&person))?;
        }
        let shift = rules::shift(&power.standing(&person), roles)?;
        rules::check_year_group(row.kind, row.year_group.is_some())?;
        if old.as_ref().is_some_and(|old| crosses(old.kind, row.kind)) && linked {
            return Err(Problem::new(Code::InUse).detail("This person has guardians or is one; remove these links first."));
        }
        Ok(Self { old, ..Self::of_roles(person, shift) })
    }

    /// The same, and from this day on they are no longer at the school.
    #[must_use]
    pub fn leaving(mut self, left_on: NaiveDate) -> Self {
        self.person.row.left_on = Some(left_on);
        self
    }

    /// Nothing changes, and nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.old.as_ref() == Some(&self.person.row) && self.shift.is_empty()
    }

    /// The e-mail address that comes with it.
    pub fn new_address(&self) -> Option<&str> {
        let address = self.person.row.email.as_deref()?;
        Some(address).filter(|_| self.old.as_ref().is_none_or(|old| old.email.as_deref() != Some(address)))
    }

    /// A leaving date comes with it.
    pub fn leaves(&self) -> bool {
        self.person.row.left_on.is_some() && self.old.as_ref().is_none_or(|old| old.left_on != self.person.row.left_on)
    }

    fn stops_being_staff(&self) -> bool {
        let held_before = self.person.roles.iter().filter(|role| !self.shift.granted.contains(role)).chain(&self.shift.revoked);
        is_staff(&held_before.copied().collect::<Vec<_>>()) && !is_staff(&self.person.roles)
    }

    fn events(&self, today: NaiveDate) -> Vec<Event> {
        let row = &self.person.row;
        let event = |kind| Event::new(kind, row.id.uuid());
        let mut happened = Vec::new();
        if let Some(old) = &self.old {
            let fields = [
                ("given_name", old.given_name != row.given_name),
                ("family_name", old.family_name != row.family_name),
                ("email", old.email != row.email),
                ("kind", old.kind != row.kind),
                ("external_source", old.external_source != row.external_source),
                ("external_id", old.external_id != row.external_id),
                ("year_group", old.year_group != row.year_group),
            ];
            if fields.iter().any(|(_, changed)| *changed) {
                happened.push(event(EventType::PersonChanged).changed(fields));
            }
        } else {
            happened.push(event(EventType::PersonCreated));
        }
        happened.extend(self.shift.granted.iter().map(|role| event(EventType::RoleGranted).role(*role)));
        happened.extend(self.shift.revoked.iter().map(|role| event(EventType::RoleRevoked).role(*role)));
        if self.leaves() {
            let state = if has_left(row.left_on, today) { PersonState::Left } else { PersonState::Active };
            happened.push(event(EventType::PersonLeft).state(state));
        }
        happened
    }
}

/// By what an external issuer finds somebody.
fn known_by(row: &PersonRow) -> [Option<&str>; 3] {
    [&row.email, &row.external_source, &row.external_id].map(Option::as_deref)
}

/// Whether somebody becomes a pupil, or stops being one.
pub fn crosses(old: PersonKind, new: PersonKind) -> bool {
    (old == PersonKind::Pupil) != (new == PersonKind::Pupil)
}

/// The teams that people drop out of who stop being staff: each is judged as if those before had happened.
#[derive(Default)]
pub struct Teams {
    /// The accounts in use and who stands for what in them, once that is asked for.
    known: Option<(Vec<Account>, Vec<Member<PersonId>>)>,
    /// Who was decided upon: at the school, and staff of it.
    decided: HashMap<PersonId, (bool, bool)>,
}

impl Teams {
    /// Nobody stops being staff while an account in use would be left with fewer than two (BC-4). Who has left counts in
    /// no team any more.
    ///
    /// # Errors
    /// 409 where one would be; what was judged before stands.
    pub fn admit(&mut self, tx: &mut Conn, agent: &Agent, change: &Change) -> Result<(), Problem> {
        let (row, today) = (&change.person.row, agent.power.today);
        let was_there = !change.old.as_ref().is_some_and(|old| has_left(old.left_on, today));
        let there = !has_left(row.left_on, today);
        if was_there && there && change.stops_being_staff() {
            self.still_enough(tx, agent, row.id)?;
        }
        self.decided.insert(row.id, (there, there && is_staff(&change.person.roles)));
        Ok(())
    }

    fn still_enough(&mut self, tx: &mut Conn, agent: &Agent, person: PersonId) -> Result<(), Problem> {
        if self.known.is_none() {
            let school = agent.actor.school;
            let accounts = accounts::rows::in_use(tx, school, accounts::rows::Sight::All)?;
            let named: Vec<Manager> = accounts.iter().flat_map(|account| account.managers.iter().copied()).collect();
            let members = rows::members_on(tx, school, agent.power.today, &named)?;
            self.known = Some((accounts, members));
        }
        let (accounts, members) = self.known.as_ref().map_or((&[][..], &[][..]), |(accounts, members)| (accounts, members));
        let mut rest = members;
        for account in accounts {
            let (team, others) = rest.split_at(account.managers.len().min(rest.len()));
            rest = others;
            if !account.is_run_by(person) {
                continue;
            }
            let as_decided = |member: &Member<PersonId>| {
                let (active, staff) = self.decided.get(&member.person).copied().unwrap_or((member.active, member.active_staff));
                Member { active, active_staff: staff && member.person != person, ..*member }
            };
            let team = handover::despite_leavers(team.iter().map(as_decided).collect(), |_| true);
            let short = team::violations(&team).into_iter().map(|violation| Violation { pointer: None, ..violation }).collect();
            Refusal::unless_empty(Grounds::NotYet, short)?;
        }
        Ok(())
    }
}

/// Writes what was decided, with all that follows from it.
///
/// # Errors
/// 412 where somebody has been changed meanwhile, 409 where an external id was taken.
pub fn write<'c>(tx: &mut Conn, agent: &Agent, changes: impl IntoIterator<Item = &'c mut Change>) -> Result<(), Problem> {
    let (school, now, today) = (agent.actor.school, agent.actor.at, agent.power.today);
    let (mut people, mut happened) = (Vec::new(), Vec::new());
    let (mut granted, mut revoked, mut let_into, mut left) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        let row = &mut change.person.row;
        row.version = change.old.as_ref().map_or(1, |old| old.version + 1);
        row.updated_at = now;
        people.push(row.clone());
        let id = row.id;
        happened.extend(change.events(today));
        granted.extend(change.shift.granted.iter().map(|&role| (id, role)));
        revoked.extend(change.shift.revoked.iter().map(|&role| (id, role)));
        if change.shift.granted.iter().any(|role| role.is_guarded()) {
            let_into.push(id);
        }
        if change.leaves() && has_left(change.person.row.left_on, today) {
            left.push(id);
        }
    }
    if people.is_empty() {
        return Ok(());
    }
    bulk::upsert_people(tx, &people)?;
    if !let_into.is_empty() {
        // Whoever made a link for a plain account must not get into a guarded one by it.
        invitations::rows::end_open(tx, school, &let_into, now)?;
    }
    rows::grant_roles(tx, school, &granted, agent.actor.person, now)?;
    rows::revoke_roles(tx, school, &revoked)?;
    granted.append(&mut revoked);
    incidents::rows::reroute_for(tx, school, &granted, now)?;
    if !left.is_empty() {
        sessions::revoke_all(tx, school, &left, now)?;
        invitations::rows::end_made_by(tx, school, &left, now)?;
        // R-IT-2: recorded late, the leaver could know what was stored until now.
        let accounts: Vec<AccountId> = accounts::rows::run_by_any(tx, school, &left)?;
        credentials::rows::mark_leaver(tx, school, &accounts, today, today)?;
    }
    events::record_all(tx, agent.actor.clone(), happened)?;
    if !left.is_empty() {
        // R-IT-4: at once for who has left; a day that lies ahead is the job's.
        handovers::open(tx, &agent.actor, Some(&left), today, i64::MAX)?;
        for person in touch::concerned(tx, school, &left)? {
            touch::touch(tx, school, &Reach::Everything { person }, TakedownCause::Left, now)?;
        }
    }
    Ok(())
}
