//! Landlock: which files a function reaches, where the kernel has it (Linux 5.13 and later; signals
//! beyond the cell from 6.12 on). Where it has not, the function's user is the only wall.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};

/// The newest of the kernel's interfaces that is made use of.
const NEWEST: ABI = ABI::V6;

/// Lets this process, and all that it becomes or starts, reach these files alone. Answers whether
/// the kernel sees to it.
pub(super) fn build(readable: &[PathBuf], writable: &[PathBuf]) -> io::Result<bool> {
    let failed = |error: landlock::RulesetError| io::Error::other(error.to_string());
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.scope(Scope::Signal | Scope::AbstractUnixSocket))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    for (paths, access) in
        [(readable, AccessFs::from_read(NEWEST)), (writable, AccessFs::from_all(NEWEST))]
    {
        for path in paths {
            // What is not there can't be read either.
            let Ok(fd) = PathFd::new(path) else { continue };
            let access =
                if is_folder(path) { access } else { access & AccessFs::from_file(NEWEST) };
            rules = rules.add_rule(PathBeneath::new(fd, access)).map_err(failed)?;
        }
    }
    let built = rules.restrict_self().map_err(failed)?;
    Ok(built.ruleset != RulesetStatus::NotEnforced)
}

fn is_folder(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_dir())
}
