//! Many rows at once, where the engines differ: `PostgreSQL` takes them in one statement, for each costs a journey; on
//! `SQLite` a prepared statement per row is as fast, and diesel knows no other way.

use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use diesel::upsert::excluded;

use super::schema::{guardians, people};
use super::{Conn, DbError};
use crate::resources::people::rows::{GuardianRow, PersonRow};

/// Rows in one statement: `PostgreSQL` takes 65,535 values in one, and no table has more than 32 columns.
pub(crate) const PER_STATEMENT: usize = 2000;

/// Inserts all rows of a slice; gives a `QueryResult<()>`.
macro_rules! insert_all {
    ($conn:expr, $table:expr, $rows:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite(conn) => {
                $rows.iter().try_for_each(|row| diesel::insert_into($table).values(row).execute(conn).map(drop))
            }
            $crate::db::Conn::Postgres(conn) => $rows
                .chunks($crate::db::bulk::PER_STATEMENT)
                .try_for_each(|rows| diesel::insert_into($table).values(rows).execute(conn).map(drop)),
        }
    };
}
pub(crate) use insert_all;

/// Stores people, new ones (of version 1) and changed ones (under the version after the one that was read).
///
/// # Errors
/// [`DbError::Stale`] where one has been changed meanwhile.
pub fn upsert_people(tx: &mut Conn, rows: &[PersonRow]) -> Result<(), DbError> {
    let stored = match tx {
        Conn::Sqlite(conn) => rows.iter().try_fold(0, |stored, row| {
            Ok::<_, diesel::result::Error>(
                stored
                    + if row.version == 1 {
                        diesel::insert_into(people::table).values(row).execute(conn)?
                    } else {
                        let read = QueryDsl::filter(people::table.find((row.school_id, row.id)), people::version.eq(row.version - 1));
                        diesel::update(read).set(row).execute(conn)?
                    },
            )
        })?,
        Conn::Postgres(conn) => rows.chunks(PER_STATEMENT).try_fold(0, |stored, rows| {
            let upsert = diesel::insert_into(people::table).values(rows).on_conflict((people::school_id, people::id)).do_update().set((
                people::given_name.eq(excluded(people::given_name)),
                people::family_name.eq(excluded(people::family_name)),
                people::email.eq(excluded(people::email)),
                people::kind.eq(excluded(people::kind)),
                people::external_source.eq(excluded(people::external_source)),
                people::external_id.eq(excluded(people::external_id)),
                people::left_on.eq(excluded(people::left_on)),
                people::version.eq(excluded(people::version)),
                people::updated_at.eq(excluded(people::updated_at)),
                people::year_group.eq(excluded(people::year_group)),
            ));
            let written = FilterDsl::filter(upsert, excluded(people::version).eq(people::version + 1)).execute(conn)?;
            Ok::<_, diesel::result::Error>(stored + written)
        })?,
    };
    if stored == rows.len() { Ok(()) } else { Err(DbError::Stale) }
}

/// Stores links between pupils and guardians, each in place of the one before it, if there was one.
///
/// # Errors
/// Where the database gives none.
pub fn upsert_guardians(tx: &mut Conn, links: &[GuardianRow]) -> QueryResult<()> {
    match tx {
        Conn::Sqlite(conn) => links.iter().try_for_each(|link| {
            diesel::delete(guardians::table.find((link.school_id, link.pupil_id, link.guardian_id))).execute(conn)?;
            diesel::insert_into(guardians::table).values(link).execute(conn).map(drop)
        }),
        Conn::Postgres(conn) => links.chunks(PER_STATEMENT).try_for_each(|links| {
            diesel::insert_into(guardians::table)
                .values(links)
                .on_conflict((guardians::school_id, guardians::pupil_id, guardians::guardian_id))
                .do_update()
                .set((
                    guardians::relationship.eq(excluded(guardians::relationship)),
                    guardians::has_parental_responsibility.eq(excluded(guardians::has_parental_responsibility)),
                ))
                .execute(conn)
                .map(drop)
        }),
    }
}
