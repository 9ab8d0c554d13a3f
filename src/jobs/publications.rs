//! What time alone does to what was cleared and published (IMG-1, LEG-1).

use super::{BATCH, Run, tell};
use crate::db::Conn;
use crate::events::{self, Event, EventType};
use crate::policy::deadline::local_day;
use crate::policy::publication::{CheckState, TakedownCause};
use crate::problem::Problem;
use crate::resources::consents::rows::Moment;
use crate::resources::publications::touch::{self, Reach};
use crate::resources::{consents, content_permissions, publication_checks, publications, schools, takedowns};

fn moment(tx: &mut Conn, run: &Run) -> Result<Moment, Problem> {
    let zone = schools::rows::find(tx, run.school)?.zone();
    Ok(Moment { at: run.now, day: local_day(*run.now, zone) })
}

/// IMG-1: consent of which the last day is over is recorded once; what it carried has to go.
pub(super) fn expire_consents(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let moment = moment(tx, run)?;
    let expired = consents::rows::mark_expired(tx, run.school, moment.day, run.now, BATCH)?;
    let event =
        |row: &consents::rows::ConsentRow| Event::new(EventType::ConsentExpired, row.id.uuid()).related("subject", row.subject_id.uuid());
    events::record_all(tx, run.actor(), expired.iter().map(event).collect())?;
    for row in &expired {
        consents::follow_up(tx, run.actor(), row, moment, TakedownCause::Expired)?;
    }
    Ok(expired.len())
}

/// LEG-1: what uses a work of which the permission has run out has to go.
pub(super) fn expire_permissions(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let moment = moment(tx, run)?;
    let expired = content_permissions::rows::mark_expired(tx, run.school, moment.day, run.now, BATCH)?;
    for permission in &expired {
        touch::touch(tx, run.school, &Reach::Work { permission: *permission }, TakedownCause::PermissionEnded, run.now)?;
    }
    Ok(expired.len())
}

/// IMG-1: on the day on which somebody leaves, what shows them has to go.
pub(super) fn open_for_leavers(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let moment = moment(tx, run)?;
    let leavers = publications::rows::left_behind(tx, run.school, moment.day, BATCH)?;
    for person in &leavers {
        touch::touch(tx, run.school, &Reach::Everything { person: *person }, TakedownCause::Left, run.now)?;
    }
    Ok(leavers.len())
}

/// A clearance that was not used in its time is recorded once.
pub(super) fn expire_clearances(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let lapsed = publication_checks::rows::lapsed(tx, run.school, run.now, BATCH)?;
    publication_checks::rows::end(tx, run.school, &lapsed, CheckState::Expired, run.now)?;
    let event =
        |id: &crate::db::types::PublicationCheckId| Event::new(EventType::PublicationCheckExpired, id.uuid()).state(CheckState::Expired);
    events::record_all(tx, run.actor(), lapsed.iter().map(event).collect())?;
    Ok(lapsed.len())
}

/// What had to go and did not go in time is recorded once, and the headteacher is told.
pub(super) fn record_overdue(tx: &mut Conn, run: &Run) -> Result<usize, Problem> {
    let overdue = takedowns::rows::mark_overdue(tx, run.school, run.now, BATCH)?;
    tell(tx, run, "told", overdue.iter().map(|id| Event::new(EventType::TakedownOverdue, id.uuid())).collect())
}
