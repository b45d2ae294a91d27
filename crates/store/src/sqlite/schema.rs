//! The tables, how a connection is set up, and what SQLite's errors mean.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{files::Files, migrate::migrate};
use crate::StoreError;

/// Version of the tables below. A database of a newer one is refused, one of an older one migrated.
pub(super) const SCHEMA_VERSION: u32 = 2;
/// Marks a SQLite file as Bulla's: "Bull".
const APPLICATION_ID: u32 = 0x4275_6c6c;
/// Where SQLite's file format keeps the schema version and the mark (sqlite.org/fileformat.html).
const HEADER_BYTES: u64 = 100;
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;
/// Only an operator's own tools, such as a backup, can make us wait.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The log is cut back to this when it starts anew, in bytes.
const WAL_BYTES_KEPT: u32 = 64 << 20;

// Without rowid: one tree, read once for a key. Names that commits write often are short.
const TABLES: &str = "
    CREATE TABLE kv (
        space TEXT NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (space, key)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1), rev INTEGER NOT NULL, attestation BLOB
    ) STRICT;
    INSERT INTO head (one, rev) VALUES (1, 0);";

/// `changelog.rs` says what is in a row.
pub(super) const CHANGELOG: &str =
    "CREATE TABLE changelog (rev INTEGER PRIMARY KEY, places BLOB NOT NULL) STRICT;";
/// Writes a row of the changelog.
pub(super) const LOG: &str = "INSERT INTO changelog (rev, places) VALUES (?1, ?2)";

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
    Checkpointer,
}

impl Role {
    /// Negative: in KiB. The hot path is cached above the store.
    fn cache_size(self) -> i32 {
        match self {
            Self::Writer => -8192,
            Self::Reader => -2048,
            // It reads no rows.
            Self::Checkpointer => -64,
        }
    }
}

/// The writer's connection to the database, which is made if there is none.
pub(super) fn open(files: &Files) -> Result<Connection, StoreError> {
    let fresh = check_head(files)?;
    files.settle_log()?;
    let connection = connect(files, Role::Writer)?;
    prepare(files, &connection, fresh).map_err(|error| explain(&error, files))?;
    Ok(connection)
}

/// Whether the database is empty. Looks at the file before SQLite does, which would at once
/// replay a log into a database that may not be ours to touch.
fn check_head(files: &Files) -> Result<bool, StoreError> {
    let head = files.database_head(HEADER_BYTES)?;
    if head.is_empty() {
        return Ok(true);
    }
    let file = files.database.clone();
    let number = |at: usize| {
        let bytes = head.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    let (Some(version), Some(id)) = (number(USER_VERSION_AT), number(APPLICATION_ID_AT)) else {
        return Err(StoreError::Corrupt { file, detail: "it is cut short".into() });
    };
    if !head.starts_with(b"SQLite format 3\0") {
        let detail = "it does not begin as a database".into();
        return Err(StoreError::Corrupt { file, detail });
    }
    if id != APPLICATION_ID {
        return Err(StoreError::Foreign { file });
    }
    if version > SCHEMA_VERSION {
        return Err(StoreError::Newer { file, found: version, known: SCHEMA_VERSION });
    }
    Ok(false)
}

fn prepare(files: &Files, connection: &Connection, fresh: bool) -> rusqlite::Result<()> {
    if fresh {
        // Before the log is turned on, so that mark and version are in the file from the start.
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {SCHEMA_VERSION};
             {TABLES}
             {CHANGELOG}
             COMMIT;"
        ))?;
    } else {
        migrate(connection)?;
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let detail = format!("the file system of {} allows no WAL", files.database.display());
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        return Err(rusqlite::Error::SqliteFailure(code, Some(detail)));
    }
    Ok(())
}

/// A connection to a database that exists.
pub(super) fn connect(files: &Files, role: Role) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let set_up = || {
        let connection = Connection::open_with_flags(&files.database, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Else SQLite compiles a statement anew with each value that it is given, as its plan could
        // depend on it. Here none does.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // `fullfsync`: macOS only, where a plain fsync does not reach the disk.
        // `secure_delete`: a deleted key's bytes are overwritten, though they are sealed.
        connection.execute_batch(&format!(
            "PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA journal_size_limit = {WAL_BYTES_KEPT};
             PRAGMA cache_size = {};
             PRAGMA query_only = {};",
            role.cache_size(),
            i32::from(role == Role::Reader),
        ))?;
        Ok(connection)
    };
    set_up().map_err(|error: rusqlite::Error| explain(&error, files))
}

/// What an error of SQLite means to the caller.
pub(super) fn explain(error: &rusqlite::Error, files: &Files) -> StoreError {
    let file = files.database.clone();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { file, detail: error.to_string() }
        }
        Some(_) => {
            StoreError::Io { attempt: format!("use {}", file.display()), cause: error.to_string() }
        }
        // The rest are columns of an unexpected type, tables or rows that are missing.
        None => StoreError::Corrupt { file, detail: error.to_string() },
    }
}
