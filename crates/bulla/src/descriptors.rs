//! How many connections there can be at once, by what the system lets the process have open.
//!
//! The usual limit of 1,024 files is less than a handful of slow clients can take, and the journal
//! and the store need files too: so the limit is raised as far as the system allows, and
//! connections leave some to them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::connection::MAX_CONNECTIONS;

/// Files that are kept for the store, the journal and the runtime. They use some 30.
const RESERVED: u64 = 256;

/// Raises the limit of open files as far as connections need, and tells how many of them there
/// can be: at most [`MAX_CONNECTIONS`].
pub(crate) fn connections() -> usize {
    let most = u64::try_from(MAX_CONNECTIONS).unwrap_or(u64::MAX);
    let limit = raised(getrlimit(Resource::Nofile), most.saturating_add(RESERVED));
    let current = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.current,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files can't be raised");
            getrlimit(Resource::Nofile).current
        }
    };
    let connections = room(current);
    if connections < MAX_CONNECTIONS {
        tracing::info!(connections, "the limit of open files leaves less room (ulimit -n)");
    }
    connections
}

/// The limit with `wanted` files, or as near to it as it may come.
fn raised(limit: Rlimit, wanted: u64) -> Rlimit {
    let wanted = limit.maximum.map_or(wanted, |most| wanted.min(most));
    let current = limit.current.map(|current| current.max(wanted));
    Rlimit { current, maximum: limit.maximum }
}

/// The connections that so many files leave room for; half of few files.
fn room(files: Option<u64>) -> usize {
    let Some(files) = files else { return MAX_CONNECTIONS };
    let left = files.saturating_sub(RESERVED).max(files / 2).max(1);
    usize::try_from(left).map_or(MAX_CONNECTIONS, |left| left.min(MAX_CONNECTIONS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        let limit = |current, maximum| Rlimit { current, maximum };
        assert_eq!(raised(limit(Some(1024), Some(4096)), 3000).current, Some(3000));
        assert_eq!(raised(limit(Some(1024), Some(2048)), 3000).current, Some(2048));
        assert_eq!(raised(limit(Some(1024), None), 3000).current, Some(3000));
        assert_eq!(raised(limit(Some(5000), Some(5000)), 3000).current, Some(5000));
        assert_eq!(raised(limit(None, None), 3000).current, None);
    }

    #[test]
    fn some_files_are_kept_for_the_rest() {
        assert_eq!(room(None), MAX_CONNECTIONS);
        assert_eq!(room(Some(1_048_576)), MAX_CONNECTIONS);
        assert_eq!(room(Some(1024)), 768);
        assert_eq!(room(Some(100)), 50);
        assert_eq!(room(Some(0)), 1);
    }
}
