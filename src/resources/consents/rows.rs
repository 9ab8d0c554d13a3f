//! Consents in the database: append-only.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{consents, guardians, people};
use crate::db::types::{ConsentId, ConsentNoticeId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::consent::{Answer, Entry, Purpose, Standing, Terms, stand};
use crate::policy::platforms::Platform;
use crate::policy::roles::PersonKind;
use crate::problem::Problem;
use crate::resources::people::Relationship;
use crate::words::split;

/// One row of `consents`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = consents)]
pub struct ConsentRow {
    pub school_id: SchoolId,
    pub id: ConsentId,
    pub subject_id: PersonId,
    pub purpose: Purpose,
    pub answer: Answer,
    pub giver_id: PersonId,
    /// What the giver was to the child then; absent for an adult.
    pub relationship: Option<Relationship>,
    /// Counts though the giver has no parental responsibility.
    pub authorised: bool,
    pub authorisation_ref: Option<String>,
    pub notice_id: Option<ConsentNoticeId>,
    pub with_name: bool,
    pub face_identifiable: bool,
    /// Words, separated by spaces; empty: all.
    pub platforms: String,
    pub decided_at: Instant,
    pub expires_on: Option<NaiveDate>,
    pub expiry_recorded_at: Option<Instant>,
    pub evidence_sha256: Option<String>,
    pub recorded_by: Option<PersonId>,
    pub created_at: Instant,
}

impl From<&ConsentRow> for Entry {
    fn from(row: &ConsentRow) -> Self {
        Self {
            giver: row.giver_id.uuid(),
            answer: row.answer,
            at: *row.decided_at,
            expires_on: row.expires_on,
            terms: Terms {
                with_name: row.with_name,
                face_identifiable: row.face_identifiable,
                platforms: split::<Platform>(&row.platforms).into_iter().collect(),
            },
            authorised: row.authorised,
        }
    }
}

/// What a caller may see of a school's consents.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// About oneself and one's children, and what one said.
    Own(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> consents::BoxedQuery<'a, MultiBackend> {
    let all = consents::table.filter(consents::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => {
            // Those alone who decide for the child: others with a part in its life have no business here.
            let children = guardians::table
                .filter(guardians::school_id.eq(school))
                .filter(guardians::guardian_id.eq(person))
                .filter(guardians::has_parental_responsibility.eq(true))
                .select(guardians::pupil_id);
            all.filter(consents::subject_id.eq(person).or(consents::giver_id.eq(person)).or(consents::subject_id.eq_any(children)))
        }
    }
}

/// The consent, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ConsentId) -> Result<ConsentRow, Problem> {
    let row = visible(school, sight).filter(consents::id.eq(id)).select(ConsentRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page, oldest first.
pub fn listing<'a>(
    school: SchoolId,
    sight: Sight,
    subject: Option<PersonId>,
    purpose: Option<Purpose>,
    window: &Window<ConsentId>,
) -> consents::BoxedQuery<'a, MultiBackend> {
    let mut query = visible(school, sight).order(consents::id).limit(window.fetch());
    if let Some(subject) = subject {
        query = query.filter(consents::subject_id.eq(subject));
    }
    if let Some(purpose) = purpose {
        query = query.filter(consents::purpose.eq(purpose));
    }
    if let Some(since) = window.updated_since {
        query = query.filter(consents::created_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(consents::id.gt(after));
    }
    query
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    subject: Option<PersonId>,
    purpose: Option<Purpose>,
    window: &Window<ConsentId>,
) -> QueryResult<Vec<ConsentRow>> {
    listing(school, sight, subject, purpose, window).select(ConsentRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ConsentRow) -> QueryResult<()> {
    diesel::insert_into(consents::table).values(row).execute(tx)?;
    Ok(())
}

/// When something is asked: the instant, and its local day.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: Instant,
    pub day: NaiveDate,
}

/// Where consent stands for several people, each with every purpose of which something was said, in as many queries as
/// for one. Everybody who is known has an entry.
///
/// # Errors
/// Where the database gives none.
pub fn standings(
    conn: &mut Conn,
    school: SchoolId,
    subjects: &[PersonId],
    purposes: &[Purpose],
    moment: Moment,
) -> QueryResult<HashMap<PersonId, HashMap<Purpose, Standing>>> {
    let known: Vec<(PersonId, PersonKind, Option<NaiveDate>)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::id.eq_any(subjects))
        .select((people::id, people::kind, people::left_on))
        .load(conn)?;
    let mut holders: HashMap<PersonId, BTreeSet<uuid::Uuid>> = HashMap::new();
    for (person, kind, _) in &known {
        if *kind != PersonKind::Pupil {
            holders.entry(*person).or_default().insert(person.uuid());
        }
    }
    let responsible: Vec<(PersonId, PersonId)> = guardians::table
        .filter(guardians::school_id.eq(school))
        .filter(guardians::pupil_id.eq_any(subjects))
        .filter(guardians::has_parental_responsibility.eq(true))
        .select((guardians::pupil_id, guardians::guardian_id))
        .load(conn)?;
    for (pupil, guardian) in responsible {
        holders.entry(pupil).or_default().insert(guardian.uuid());
    }
    let mut said: HashMap<(PersonId, Purpose), Vec<Entry>> = HashMap::new();
    let rows: Vec<ConsentRow> = consents::table
        .filter(consents::school_id.eq(school))
        .filter(consents::subject_id.eq_any(subjects))
        .filter(consents::purpose.eq_any(purposes))
        .order((consents::decided_at, consents::id))
        .select(ConsentRow::as_select())
        .load(conn)?;
    for row in &rows {
        said.entry((row.subject_id, row.purpose)).or_default().push(row.into());
    }
    let none = BTreeSet::new();
    let standing = |(person, _, left_on): (PersonId, PersonKind, Option<NaiveDate>)| {
        let of = |purpose: &Purpose| {
            let entries = said.get(&(person, *purpose)).map_or(&[][..], Vec::as_slice);
            (*purpose, stand(entries, holders.get(&person).unwrap_or(&none), left_on, *moment.at, moment.day))
        };
        (person, purposes.iter().map(of).collect())
    };
    Ok(known.into_iter().map(standing).collect())
}

/// Marks consents of which the last day is over; gives whose and for what.
///
/// # Errors
/// Where the database gives none.
pub fn mark_expired(tx: &mut Conn, school: SchoolId, today: NaiveDate, now: Instant, most: i64) -> QueryResult<Vec<ConsentRow>> {
    let rows: Vec<ConsentRow> = consents::table
        .filter(consents::school_id.eq(school))
        .filter(consents::expires_on.lt(Some(today)))
        .filter(consents::expiry_recorded_at.is_null())
        .order(consents::expires_on)
        .limit(most)
        .select(ConsentRow::as_select())
        .load(tx)?;
    let ids: Vec<ConsentId> = rows.iter().map(|row| row.id).collect();
    diesel::update(consents::table.filter(consents::school_id.eq(school)).filter(consents::id.eq_any(ids)))
        .set(consents::expiry_recorded_at.eq(Some(now)))
        .execute(tx)?;
    Ok(rows)
}
