//! Test 5: records swapped, rolled back, removed, brought back, moved; a whole old store put back.

use std::fs;
use std::sync::Arc;

use bulla_store::{DATABASE_FILE, Sqlite};

use crate::intruder::{Intruded, RECORDS, Sealed, name};
use crate::random::Random;
use crate::run::{Counts, Run, demand, say, wait};
use crate::store::open;

/// What an intruder may do to rows, and undo.
#[derive(Clone, Copy, Debug)]
enum Attack {
    Swap,
    RollBack,
    OldValueNewVersion,
    Remove,
    BringBack,
    Rename,
}

const ATTACKS: [Attack; 6] = [
    Attack::Swap,
    Attack::RollBack,
    Attack::OldValueNewVersion,
    Attack::Remove,
    Attack::BringBack,
    Attack::Rename,
];

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    counts.add("attempts on rows", wait(rows(run))?);
    while run.goes_on(100) {
        wait(whole(run.random.next()))?;
        counts.add("old stores put back", 1);
    }
    counts.all_of(&["attempts on rows", "old stores put back"])
}

async fn rows(run: &mut Run) -> Result<u64, String> {
    let store = Intruded::new(run.seed).await?;
    let old = (0..RECORDS).map(|record| store.sealed(record)).collect::<Result<Vec<_>, _>>()?;
    for record in 0..RECORDS {
        store.write(record, 2).await?;
    }
    let mut count = 0_u64;
    while run.goes_on(80) {
        let index = usize::try_from(count).map_err(say)? % ATTACKS.len();
        let attack = ATTACKS.get(index).copied().ok_or("no attacks")?;
        attempt(&store, attack, &old, &mut run.random)
            .await
            .map_err(|error| format!("{attack:?}, attempt {count}: {error}"))?;
        count += 1;
    }
    Ok(count)
}

/// Attacks, looks whether it is noticed, and puts everything back as it was.
async fn attempt(
    store: &Intruded,
    attack: Attack,
    old: &[Sealed],
    random: &mut Random,
) -> Result<(), String> {
    let record = random.below(RECORDS);
    let other = (record + 1 + random.below(RECORDS - 1)) % RECORDS;
    let (mine, theirs) = (store.sealed(record)?, store.sealed(other)?);
    let older = old.get(record).ok_or("no such record")?;
    match attack {
        Attack::Swap => {
            store.replace(record, &theirs)?;
            store.replace(other, &mine)?;
        }
        Attack::RollBack => store.replace(record, older)?,
        Attack::OldValueNewVersion => {
            store.replace(record, &Sealed { version: mine.version, ..older.clone() })?;
        }
        Attack::Remove => store.delete(&name(record))?,
        Attack::BringBack => store.insert("foreign", older)?,
        Attack::Rename => store.rename(&name(record), "foreign")?,
    }
    let verified = store.barrier.verify_all().await.map_err(say)?;
    demand(!verified.is_intact(), || "not noticed".into())?;
    match attack {
        Attack::Remove => store.insert(&name(record), &mine)?,
        Attack::BringBack => store.delete("foreign")?,
        Attack::Rename => store.rename("foreign", &name(record))?,
        _ => {}
    }
    store.replace(record, &mine)?;
    store.replace(other, &theirs)?;
    let verified = store.barrier.verify_all().await.map_err(say)?;
    demand(verified.is_intact(), || format!("undone, and yet: {verified}"))
}

/// A whole old store is consistent in itself: what was kept elsewhere shows it.
async fn whole(seed: u64) -> Result<(), String> {
    let (directory, file) = Intruded::new(seed).await?.close().await?;
    let old = fs::read(&file).map_err(say)?;
    let newest = {
        let engine = Arc::new(Sqlite::open(directory.path()).map_err(say)?);
        let barrier = open(engine, seed).await.map_err(say)?;
        let batch = bulla_store::SealedBatch::new().put(
            crate::store::KEYS,
            "one more",
            bulla_store::Expected::Absent,
            b"value".to_vec(),
        );
        barrier.commit(batch).await.map_err(say)?;
        let kept = barrier.attested().await.map_err(say)?;
        barrier.engine().close().await.map_err(say)?;
        kept
    };
    for side in ["-wal", "-shm"] {
        // Mostly they are not there.
        let _ = fs::remove_file(directory.path().join(format!("{DATABASE_FILE}{side}")));
    }
    fs::write(&file, old).map_err(say)?;
    let engine = Arc::new(Sqlite::open(directory.path()).map_err(say)?);
    let barrier = open(engine, seed).await.map_err(say)?;
    let found = barrier.attested().await.map_err(say)?;
    demand(found.revision < newest.revision && found.fingerprint != newest.fingerprint, || {
        "an old store looks like the newest".into()
    })
}
