//! How handovers begin and end by what happens elsewhere: somebody leaves or returns, an account is closed.

use std::collections::{BTreeSet, HashSet};

use chrono::NaiveDate;

use super::rows::{self, HandoverRow};
use super::rules::{HandoverOutcome, HandoverState, state_on_leaving};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{AccountId, HandoverId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::policy::handover::has_successor;
use crate::problem::Problem;
use crate::resources::accounts::rows::Account;
use crate::resources::accounts::{self, AccountState};
use crate::resources::business_cases::rows::Manager;
use crate::resources::{eligibility, notifications, people};

/// Why an account is suspended that nobody is left to run.
const ORPHANED: &str = "Whoever ran this account has left, and nobody who is left can run it (R-IT-4).";

/// Opens the handovers that are due today, `most` at once: those of some leavers, or of everybody. How many there were.
///
/// This alone is how an account comes to be handed over, whoever says that somebody has left.
///
/// # Errors
/// Where the database gives none.
pub fn open(tx: &mut Conn, actor: &Actor, leavers: Option<&[PersonId]>, today: NaiveDate, most: i64) -> Result<usize, Problem> {
    let (school, now) = (actor.school, actor.at);
    let due = rows::due(tx, school, leavers, today, most)?;
    if due.is_empty() {
        return Ok(0);
    }
    let mut happened = Vec::new();
    for leaving in &due {
        let row = HandoverRow {
            school_id: school,
            id: HandoverId::new(),
            account_id: leaving.account_id,
            leaver_id: leaving.leaver_id,
            left_on: leaving.left_on.unwrap_or(today),
            leaver_was_lead: leaving.lead,
            state: HandoverState::Open,
            outcome: None,
            successor_id: None,
            credentials_rotated_at: None,
            opened_at: now,
            completed_at: None,
            completed_by: None,
            version: 1,
            updated_at: now,
        };
        rows::insert(tx, &row)?;
        happened.push(event(EventType::HandoverOpened, &row));
    }
    let accounts: BTreeSet<AccountId> = due.iter().map(|leaving| leaving.account_id).collect();
    let accounts = accounts::rows::several(tx, school, &Vec::from_iter(accounts))?;
    let named: Vec<Manager> = accounts.iter().flat_map(|account| account.managers.iter().copied()).collect();
    let people: BTreeSet<PersonId> = named.iter().map(|manager| manager.person_id).collect();
    let members = people::rows::members_on(tx, school, today, &named)?;
    let assessment = eligibility::rows::assess(tx, school, &Vec::from_iter(people), now)?;
    let in_charge = people::rows::in_charge(tx, school, today)?;
    for mut account in accounts {
        let team: Vec<_> = members.iter().filter(|member| account.is_run_by(member.person)).copied().collect();
        let can_go_on = has_successor(&team, |person| assessment.may_go_on(*person));
        happened.extend(leave(tx, &mut account, can_go_on, in_charge, now)?);
    }
    events::record_all(tx, actor.clone(), happened)?;
    Ok(due.len())
}

/// Has an account be handed over, unless it is already and this leaver changes nothing about how it stands.
fn leave(
    tx: &mut Conn,
    account: &mut Account,
    can_go_on: bool,
    in_charge: Option<PersonId>,
    now: Instant,
) -> Result<Option<Event>, Problem> {
    let row = &mut account.row;
    let first = !row.is_being_handed_over();
    let next = state_on_leaving(row.state, first, can_go_on);
    if !first && next == row.state {
        return Ok(None);
    }
    if first {
        row.before_handover = Some(row.state);
        row.reason_before_handover = row.state_reason.take();
    }
    row.state = next;
    let orphaned = next == AccountState::Suspended;
    row.state_reason = orphaned.then(|| ORPHANED.to_owned());
    let kind = if orphaned { EventType::AccountOrphaned } else { EventType::AccountHandoverRequired };
    let mut event = Event::new(kind, row.id.uuid()).state(next);
    if let Some(told) = in_charge.filter(|_| orphaned) {
        event = event.related("told", told.uuid());
        notifications::rows::notify(tx, row.school_id, &[told], EventType::AccountOrphaned, row.id.uuid(), now)?;
    }
    accounts::rows::save(tx, account, now)?;
    Ok(Some(event))
}

/// Ends the handovers of somebody who is at the school after all; accounts that nobody else has left are as they were.
///
/// # Errors
/// Where the database gives none.
pub fn end_returned(tx: &mut Conn, actor: &Actor, leaver: PersonId) -> Result<(), Problem> {
    let ended = rows::open_of_leaver(tx, actor.school, leaver)?;
    let ids: Vec<AccountId> = ended.iter().map(|row| row.account_id).collect();
    let mut happened = Vec::new();
    for mut row in ended {
        happened.push(complete(tx, actor, &mut row, HandoverOutcome::LeaverReturned)?);
    }
    let others: HashSet<AccountId> = rows::open_of(tx, actor.school, &ids)?.into_iter().map(|row| row.account_id).collect();
    for mut account in accounts::rows::several(tx, actor.school, &ids)? {
        if !others.contains(&account.row.id) {
            happened.push(settle(&mut account));
            accounts::rows::save(tx, &mut account, actor.at)?;
        }
    }
    Ok(events::record_all(tx, actor.clone(), happened)?)
}

/// Ends the handovers of an account that is closed.
///
/// # Errors
/// Where the database gives none.
pub fn close_all(tx: &mut Conn, actor: &Actor, account: AccountId) -> Result<(), Problem> {
    let mut happened = Vec::new();
    for mut row in rows::open_of(tx, actor.school, &[account])? {
        happened.push(complete(tx, actor, &mut row, HandoverOutcome::Closed)?);
    }
    Ok(events::record_all(tx, actor.clone(), happened)?)
}

/// Ends a handover, and says so.
pub(super) fn complete(tx: &mut Conn, actor: &Actor, row: &mut HandoverRow, outcome: HandoverOutcome) -> Result<Event, Problem> {
    row.state = HandoverState::Completed;
    row.outcome = Some(outcome);
    row.completed_at = Some(actor.at);
    row.completed_by = actor.person;
    rows::save(tx, row, actor.at)?;
    let kind = match outcome {
        HandoverOutcome::Transferred => EventType::HandoverTransferred,
        HandoverOutcome::Closed => EventType::HandoverClosed,
        HandoverOutcome::LeaverReturned => EventType::HandoverLeaverReturned,
    };
    Ok(event(kind, row))
}

/// An account whose last handover has ended is what it was before.
pub(super) fn settle(account: &mut Account) -> Event {
    let row = &mut account.row;
    row.state = row.before_handover.take().unwrap_or(row.state);
    row.state_reason = row.reason_before_handover.take();
    Event::new(EventType::AccountHandoverEnded, row.id.uuid()).state(row.state)
}

pub(super) fn event(kind: EventType, row: &HandoverRow) -> Event {
    let of = Event::new(kind, row.id.uuid()).state(row.state);
    of.related("account_id", row.account_id.uuid()).related("leaver_id", row.leaver_id.uuid())
}
