//! Test 6: everybody calls while the audit sink is full, fails, hangs, is slow and is moved away.
//! Every answer has its record and every record its answer, also of denied and malformed calls;
//! while nothing can be recorded nothing is answered, and when it can be again, all goes on by
//! itself.

mod callers;
mod records;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::callers::{Answer, Caller, Cast};
use crate::fuse::{Disk, Errno, Mood};
use crate::run::{Counts, Run, at, demand, say};
use crate::server::Site;

/// How many call at once.
const CALLERS: usize = 6;
/// How long the sink is in trouble, at least, and how much longer by chance.
const TROUBLE: Duration = Duration::from_millis(300);
const MORE_TROUBLE_MS: usize = 1500;
/// How long each change of a slow sink takes.
const SLOWLY: Duration = Duration::from_millis(60);
/// So many calls must succeed before the next trouble.
const CALM_CALLS: u64 = 300;
/// A server that lets nobody in again by then does not recover by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many troubles a server lives through.
const TROUBLES_OF_A_SERVER: usize = 15;
/// How long everybody may call between two troubles, at most.
const MOST_CALM_MS: usize = 8_000;
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Full,
    Failing,
    Blocked,
    Slow,
    MovedAway,
}

const ALL: [Trouble; 5] =
    [Trouble::Full, Trouble::Failing, Trouble::Blocked, Trouble::Slow, Trouble::MovedAway];

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "times full",
            Self::Failing => "times failing",
            Self::Blocked => "times blocked",
            Self::Slow => "times slow",
            Self::MovedAway => "times moved away",
        }
    }

    /// What it is on a disk of our own.
    fn mood(self) -> Mood {
        match self {
            Self::Full => Mood::Failing(Errno::Full),
            Self::Failing => Mood::Failing(Errno::Io),
            Self::Blocked => Mood::Blocked,
            Self::Slow => Mood::Slow(SLOWLY),
            Self::MovedAway => Mood::Well,
        }
    }
}

/// Where the server's data are.
enum Place {
    /// On a disk of our own.
    Own(Box<Disk>),
    /// Where this process may not mount one: only some troubles can be made.
    Usual(Site),
}

impl Place {
    fn site(&self) -> &Site {
        match self {
            Self::Own(disk) => &disk.site,
            Self::Usual(site) => site,
        }
    }

    fn set(&self, mood: Mood) {
        if let Self::Own(disk) = self {
            disk.faults().set(mood);
        }
    }
}

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut first = true;
    while first || run.goes_on(100) {
        first = false;
        let seed = run.random.next();
        server(seed, run, &mut counts).map_err(|error| format!("seed {seed}: {error}"))?;
    }
    counts.all_of(&["answers with their records", "denied or malformed", "recoveries"])
}

/// A server's life.
fn server(seed: u64, run: &mut Run, counts: &mut Counts) -> Result<(), String> {
    let place = match Disk::new(seed)? {
        Some(disk) => Place::Own(Box::new(disk)),
        None => Place::Usual(Site::new("keyfile", Vec::new(), None)?),
    };
    let (server, address, _) = place.site().start()?;
    let cast = Cast::new(address, place.site())?;
    let over = AtomicBool::new(false);
    let succeeded = AtomicU64::new(0);
    let answers = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let mut caller = Caller::new(&cast, number);
                let (over, succeeded) = (&over, &succeeded);
                scope.spawn(move || caller.call_until(over, succeeded))
            })
            .collect();
        let troubled = troubles(&place, run, &succeeded, counts);
        place.set(Mood::Well);
        over.store(true, Ordering::Relaxed);
        let mut answers = cast.answers.clone();
        for caller in callers {
            answers.extend(caller.join().map_err(|_| "a caller panicked".to_owned())??);
        }
        troubled.map(|times| (answers, times))
    });
    let (answers, times) = answers.inspect_err(|_| place.set(Mood::Well))?;
    failed_closed(&answers, &times, counts)?;
    let status = server.end_by("TERM")?;
    demand(status.success(), || format!("asked to end, it ended with {status}"))?;
    records::bring_back(&place.site().data())?;
    records::compare(place.site(), &answers, counts)
}

/// When nothing could be recorded: from, and to.
type Times = Vec<(Trouble, Instant, Instant)>;

/// Makes one trouble after the other, and waits until calls succeed again after each.
fn troubles(
    place: &Place,
    run: &mut Run,
    succeeded: &AtomicU64,
    counts: &mut Counts,
) -> Result<Times, String> {
    let mut times = Times::new();
    calm(succeeded, CALM_CALLS)?;
    for number in 0..TROUBLES_OF_A_SERVER {
        // Each once, also where there is no time.
        if number >= ALL.len() && !run.goes_on(100) {
            break;
        }
        let trouble = ALL.get(number % ALL.len()).copied().ok_or("no troubles")?;
        if matches!(place, Place::Usual(_)) && trouble != Trouble::MovedAway {
            continue;
        }
        let longer = if run.goes_on(100) { run.random.below(MORE_TROUBLE_MS) } else { 0 };
        place.set(trouble.mood());
        let from = Instant::now();
        if trouble == Trouble::MovedAway {
            move_away(place.site().data(), number)?;
        }
        wait(TROUBLE + Duration::from_millis(longer as u64));
        let to = Instant::now();
        place.set(Mood::Well);
        let before = succeeded.load(Ordering::Relaxed);
        calm(succeeded, 1)?;
        if trouble != Trouble::Slow {
            let took = u64::try_from(to.elapsed().as_millis()).map_err(say)?;
            counts.most("ms to recover at most", took);
            counts.add("recoveries", u64::from(succeeded.load(Ordering::Relaxed) > before));
        }
        counts.add(trouble.name(), 1);
        times.push((trouble, from, to));
        calm(succeeded, CALM_CALLS)?;
        if run.goes_on(100) && number >= ALL.len() {
            wait(Duration::from_millis(run.random.below(MOST_CALM_MS) as u64));
        }
    }
    Ok(times)
}

/// Waits for a time that the sink's trouble takes.
fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(rest);
    }
}

/// Waits until so many more calls succeeded.
fn calm(succeeded: &AtomicU64, more: u64) -> Result<(), String> {
    let (goal, since) = (succeeded.load(Ordering::Relaxed) + more, Instant::now());
    while succeeded.load(Ordering::Relaxed) < goal {
        demand(since.elapsed() < PATIENCE, || "it does not recover by itself".into())?;
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(())
}

/// Takes the journal's folder away, as somebody does who makes room.
fn move_away(data: PathBuf, number: usize) -> Result<(), String> {
    let (from, to) = (data.join("journal"), data.join(format!("journal.away-{number:03}")));
    fs::rename(from, to).map_err(at("move the journal away"))
}

/// Nothing that was called while nothing could be recorded was answered but by a fault.
fn failed_closed(answers: &[Answer], times: &Times, counts: &mut Counts) -> Result<(), String> {
    for (trouble, from, to) in times {
        if matches!(trouble, Trouble::Slow | Trouble::MovedAway) {
            continue;
        }
        for answer in answers.iter().filter(|answer| answer.began > *from && answer.began < *to) {
            let open = !answer.our_fault && answer.ended < *to;
            demand(!open, || format!("{trouble:?}, and yet the call {:x} is answered", answer.id))?;
            let took = answer.ended.duration_since(answer.began).as_millis();
            counts.most("ms to fail at most", u64::try_from(took).map_err(say)?);
            counts.add("calls that failed closed", u64::from(answer.our_fault));
        }
    }
    Ok(())
}
