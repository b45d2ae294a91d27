//! Figures, to be asked for: `cargo test --release -p bulla-plane figures -- --ignored
//! --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::fixtures::{decrypt, key};
use super::super::pack::{At, Packer};
use super::super::{Directory, Journal, Medium, Memory, Options, RecordRef, encoding, verify};

fn append_for(journal: &Arc<Journal>, tasks: usize, time: Duration) -> (u64, Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let start = Instant::now();
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            let journal = Arc::clone(journal);
            runtime.spawn(async move {
                let mut count = 0;
                while start.elapsed() < time {
                    journal.append(&decrypt(count)).await.unwrap();
                    count += 1;
                }
                count.unsigned_abs()
            })
        })
        .collect();
    let count = handles.into_iter().map(|handle| runtime.block_on(handle).unwrap()).sum();
    (count, start.elapsed())
}

/// The processor time of this process, all threads; in steps of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn measure(medium: &Arc<dyn Medium>, options: Options, what: &str) {
    for tasks in [1, 16, 64] {
        let (journal, _) = Journal::open(Arc::clone(medium), key(), options).unwrap();
        let journal = Arc::new(journal);
        let before = processor_time();
        let (count, elapsed) = append_for(&journal, tasks, Duration::from_secs(3));
        let processor = processor_time() - before;
        println!(
            "{what}, {tasks} tasks: {:.0} appends/s, {:.2} µs of processor each, {:.1} a group, \
             last sync {} µs",
            count as f64 / elapsed.as_secs_f64(),
            processor.as_secs_f64() * 1e6 / count as f64,
            journal.metrics().records() as f64 / journal.metrics().groups() as f64,
            journal.metrics().last_sync_micros(),
        );
    }
}

#[test]
#[ignore = "takes half a minute, and tells figures"]
fn figures() {
    let mut record = Vec::new();
    encoding::encode(&decrypt(1), &mut record);
    println!("a record of Decrypt: {} bytes encoded", record.len());
    println!(
        "encode: {:?}",
        per_turn(|| {
            record.clear();
            let fields: RecordRef<'_> = decrypt(1);
            encoding::encode(&fields, &mut record);
        })
    );
    let (mut packer, mut packed, mut sequence) = (Packer::default(), Vec::new(), 0);
    println!(
        "pack: {:?}",
        per_turn(|| {
            packed.clear();
            sequence += 1;
            packer.pack(&record, At { sequence, offset: sequence * 160 }, &mut packed);
        })
    );
    println!("a record of Decrypt like the one before: {} bytes packed", packed.len());
    let chain_key = bulla_crypto::HmacKey::new(b"k");
    for (what, bytes) in [("as it is", &record), ("packed", &packed)] {
        println!(
            "link, {what}: {:?}",
            per_turn(|| {
                std::hint::black_box(chain_key.sign(&[&[0; 32], bytes]));
            })
        );
    }

    let memory = Arc::new(Memory::default());
    let options = Options { segment_bytes: memory.segment_bytes(), ..Options::default() };
    measure(&(memory as Arc<dyn Medium>), options, "memory");

    let home = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let folder = home.path().join("journal");
    let medium: Arc<dyn Medium> = Arc::new(Directory::open(folder).unwrap());
    measure(&medium, Options::default(), "files");

    let segments = medium.list().unwrap().len();
    let start = Instant::now();
    drop(Journal::open(Arc::clone(&medium), key(), Options::default()).unwrap());
    println!("opened and closed with {segments} segments in {:?}", start.elapsed());
    let start = Instant::now();
    let report = verify(&*medium, &key(), None).unwrap();
    assert!(report.is_clean());
    println!("verified {} records in {:?}", report.records, start.elapsed());
}

fn per_turn(mut turn: impl FnMut()) -> Duration {
    let turns = 200_000;
    let start = Instant::now();
    (0..turns).for_each(|_| turn());
    start.elapsed() / turns
}
