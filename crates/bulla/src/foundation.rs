//! What the house stands on: the store, sealed; the journal; the anchor beside them.
//!
//! A data directory holds the store's files, `seal.json` and `journal/`. Its key file and anchor
//! are beside it, so that a copy of the directory alone is of no use, and an old one is found out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_crypto::{Crypto, CryptoError, HmacKey};
use bulla_plane::journal::{self, ChainKey, Durability, Journal, MEMORY_BYTES, Options};
use bulla_plane::outbox;
use bulla_plane::root::{self, Anchor, RootKey, SealKind, header_path};
use bulla_plane::trail;
use bulla_store::{Barrier, DATABASE_FILE, Memory, Sqlite, Store, StoreError};

use crate::cli::SealOption;
use crate::config::Data;
use crate::error::Error;
use crate::seal::Opener;

/// The journal's folder in the data directory.
const JOURNAL_FOLDER: &str = "journal";

/// An open store and journal.
pub(crate) struct Foundation {
    pub(crate) crypto: Crypto,
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) journal: Arc<Journal>,
    /// None where nothing outlives the process.
    pub(crate) anchor: Option<Anchor>,
    /// The data directory; none where nothing outlives the process.
    pub(crate) directory: Option<PathBuf>,
    /// What the root key is sealed by.
    pub(crate) seal: &'static str,
}

impl Foundation {
    /// In memory: gone with the process.
    pub(crate) async fn in_memory(crypto: Crypto) -> Result<Self, Error> {
        let barrier =
            Barrier::create(Arc::new(Memory::new()), crypto.clone(), crypto.generate_key()?);
        let place = Path::new("memory");
        let barrier = barrier.await.map_err(|error| Error::Barrier(place.into(), error))?;
        let medium = journal::Memory::new(MEMORY_BYTES);
        let options = Options { segment_bytes: medium.segment_bytes(), ..Options::default() };
        let chain = ChainKey::new(HmacKey::new(crypto.generate_key()?.expose()));
        let (journal, _) = Journal::open(Arc::new(medium), Arc::new(chain), options)
            .map_err(|error| Error::Journal(place.into(), error))?;
        let (barrier, journal) = (Arc::new(barrier), Arc::new(journal));
        Ok(Self {
            crypto,
            barrier,
            journal,
            anchor: None,
            directory: None,
            seal: "none: in memory",
        })
    }

    /// Makes a data directory, which must not hold one yet.
    pub(crate) async fn create(
        crypto: Crypto,
        data: &Data,
        seal: SealOption,
    ) -> Result<Self, Error> {
        let opener = Opener::new(data, seal)?;
        let engine = Arc::new(Sqlite::open(&data.directory)?);
        let root = opener.create(&crypto, &data.directory)?;
        Self::over(crypto, data, engine, &root, true, Durability::default()).await
    }

    /// Opens a data directory that `bulla init` made.
    pub(crate) async fn open(
        crypto: Crypto,
        data: &Data,
        durability: Durability,
    ) -> Result<Self, Error> {
        let opener = Opener::of(data)?;
        let engine = Arc::new(Sqlite::open(&data.directory)?);
        let root = opener.unseal(&crypto, &data.directory)?;
        if !is_initialized(&*engine, &data.directory).await? {
            return Err(Error::Unfinished(data.directory.clone()));
        }
        Self::over(crypto, data, engine, &root, false, durability).await
    }

    /// Opens a data directory, or makes one: for `bulla dev`, which needs no access key.
    pub(crate) async fn open_or_create(
        crypto: Crypto,
        data: &Data,
        durability: Durability,
    ) -> Result<Self, Error> {
        // Whoever holds the store's lock decides: a second process must not make a second root key.
        let engine = Arc::new(Sqlite::open(&data.directory)?);
        let sealed = header_path(&data.directory).exists();
        let root = if sealed {
            Opener::of(data)?.unseal(&crypto, &data.directory)?
        } else {
            Opener::new(data, SealOption::Keyfile)?.create(&crypto, &data.directory)?
        };
        let is_new = !is_initialized(&*engine, &data.directory).await?;
        Self::over(crypto, data, engine, &root, is_new, durability).await
    }

    /// Stands on an engine, whose lock keeps other processes off the whole directory.
    async fn over(
        crypto: Crypto,
        data: &Data,
        engine: Arc<Sqlite>,
        root: &RootKey,
        is_new: bool,
        durability: Durability,
    ) -> Result<Self, Error> {
        let barrier = Arc::new(barrier(&crypto, data, engine, root, is_new).await?);
        let failed = |error| Error::Barrier(data.directory.clone(), error);
        let revision = barrier.attested().await.map_err(failed)?.revision.0;
        let journal = Arc::new(open_journal(&crypto, &data.directory, root, durability)?);
        let anchor = Anchor::open(&crypto, &data.directory, root)?;
        anchor.check(revision, journal.anchor().sequence)?;
        if anchor.is_first() && !is_new {
            tracing::warn!(
                data = %data.directory.display(),
                "there is no anchor beside the data directory, so an old copy of it would not be \
                 noticed; one is made now"
            );
        }
        outbox::settle(&barrier, &journal).await.map_err(Error::Outbox)?;
        trail::settle(&barrier, &journal).await.map_err(Error::Outbox)?;
        let revision = barrier.attested().await.map_err(failed)?.revision.0;
        anchor.record(revision, journal.anchor().sequence)?;
        let directory = Some(data.directory.clone());
        let seal = match root::kind_of(&data.directory)? {
            SealKind::KeyFile => "key file",
            SealKind::Passphrase => "passphrase",
        };
        Ok(Self { crypto, barrier, journal, anchor: Some(anchor), directory, seal })
    }
}

async fn barrier(
    crypto: &Crypto,
    data: &Data,
    engine: Arc<Sqlite>,
    root: &RootKey,
    is_new: bool,
) -> Result<Barrier, Error> {
    let key = root.barrier_key(crypto)?;
    let barrier = if is_new {
        Barrier::create(engine, crypto.clone(), key).await
    } else {
        Barrier::open(engine, crypto.clone(), key).await
    };
    barrier.map_err(|error| Error::Barrier(data.directory.clone(), error))
}

/// The store of a data directory, to check it; nothing while a server runs on it.
pub(crate) async fn store_to_check(
    crypto: &Crypto,
    data: &Data,
    root: &RootKey,
) -> Result<Option<Barrier>, Error> {
    if !data.directory.join(DATABASE_FILE).exists() {
        return Err(Error::Unfinished(data.directory.clone()));
    }
    match Sqlite::open(&data.directory) {
        Err(StoreError::InUse { .. }) => Ok(None),
        engine => barrier(crypto, data, Arc::new(engine?), root, false).await.map(Some),
    }
}

async fn is_initialized(engine: &dyn Store, directory: &Path) -> Result<bool, Error> {
    let answer = Barrier::is_initialized(engine).await;
    answer.map_err(|error| Error::Barrier(directory.into(), error))
}

fn open_journal(
    crypto: &Crypto,
    directory: &Path,
    root: &RootKey,
    durability: Durability,
) -> Result<Journal, Error> {
    let folder = directory.join(JOURNAL_FOLDER);
    let medium = journal::Directory::open(&folder)
        .map_err(|cause| Error::io(format!("open the journal in {}", folder.display()), cause))?;
    let key = Arc::new(chain_key(crypto, root)?);
    let options = Options { durability, ..Options::default() };
    let (journal, recovery) = Journal::open(Arc::new(medium), key, options)
        .map_err(|error| Error::Journal(folder.clone(), error))?;
    if recovery.cut_bytes > 0 {
        tracing::info!(bytes = recovery.cut_bytes, "an unacknowledged end of the journal was cut");
    }
    for fault in &recovery.faults {
        eprintln!(
            "bulla: the journal in {} is damaged: {fault}. Run `bulla audit verify`",
            folder.display()
        );
    }
    Ok(journal)
}

/// The key of the journal's chain.
pub(crate) fn chain_key(crypto: &Crypto, root: &RootKey) -> Result<ChainKey, CryptoError> {
    ChainKey::of(crypto, root)
}

/// The journal of a data directory, to read only.
pub(crate) fn journal_to_read(directory: &Path) -> Result<journal::Directory, Error> {
    let folder = directory.join(JOURNAL_FOLDER);
    journal::Directory::open_to_read(&folder)
        .map_err(|cause| Error::io(format!("read the journal in {}", folder.display()), cause))
}
