//! What becomes of tables of an earlier version.
//!
//! Version 1 had one row of the changelog for each place that a commit wrote:
//! `changelog (rev, nr, space, key)`.

use rusqlite::{Connection, params};

use super::{
    changelog::Entry,
    schema::{CHANGELOG, LOG, SCHEMA_VERSION},
};
use crate::{Key, Place, Revision, Space};

/// Brings tables to the present version, in one transaction.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    // Without the log, so that the version is in the file once it is in the database.
    connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         ALTER TABLE changelog RENAME TO places;
         {CHANGELOG}"
    ))?;
    gather(connection)?;
    connection.execute_batch(&format!(
        "DROP TABLE places;
         PRAGMA user_version = {SCHEMA_VERSION};
         COMMIT;"
    ))
}

/// Makes one row of all places of a commit.
fn gather(connection: &Connection) -> rusqlite::Result<()> {
    let mut select = connection.prepare("SELECT rev, space, key FROM places ORDER BY rev, nr")?;
    let mut insert = connection.prepare(LOG)?;
    let mut rows = select.query([])?;
    let mut commit: Option<(u64, Vec<Place>)> = None;
    loop {
        let next = match rows.next()? {
            Some(row) => Some((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?)),
            None => None,
        };
        if let Some((revision, places)) = commit
            .take_if(|(known, _)| next.as_ref().is_none_or(|(revision, ..)| revision != known))
        {
            let mut entry = Entry::default();
            entry.begin(Revision(revision), places.len());
            places.iter().for_each(|place| entry.add(place));
            insert.execute(params![revision, entry.as_bytes()])?;
        }
        let Some((revision, space, key)) = next else { return Ok(()) };
        // Only the names of spaces were ever written.
        let Some(space) = Space::parse(space.as_bytes()) else { continue };
        let place = Place { space, key: Key::from(key) };
        commit.get_or_insert_with(|| (revision, Vec::new())).1.push(place);
    }
}
