//! The program on a disk of our own.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Faults, Mounted, Tree};
use crate::run::say;
use crate::server::Site;

/// A data directory on a disk of our own.
pub(crate) struct Disk {
    // Unmounted before the folder goes.
    mounted: Option<Mounted>,
    tree: Arc<Tree>,
    data: PathBuf,
    pub(crate) site: Site,
}

impl Disk {
    /// A new site; nothing where this process may not mount, which is told.
    pub(crate) fn new(seed: u64) -> Result<Option<Self>, String> {
        let home = tempfile::tempdir().map_err(say)?;
        let data = home.path().join("data");
        DirBuilder::new().mode(0o700).create(&data).map_err(say)?;
        let tree = Arc::new(Tree::new(seed));
        let mounted = match Mounted::new(&data, Arc::clone(&tree)) {
            Ok(mounted) => Some(mounted),
            Err(error) => {
                eprintln!("without a disk of our own, what needs one is left out: {error}");
                return Ok(None);
            }
        };
        let site = Site::within(home, "keyfile", Vec::new(), None)?;
        Ok(Some(Self { mounted, tree, data, site }))
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.tree.faults
    }

    /// Loses what was not synced. No server may run.
    pub(crate) fn cut_power(&mut self) -> Result<(), String> {
        self.mounted = None;
        self.tree.cut_power();
        self.mounted = Some(Mounted::new(&self.data, Arc::clone(&self.tree))?);
        Ok(())
    }
}
