//! Where a server's CPU goes: by kind of thread, split into its own time and the kernel's.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::error::BenchError;

/// What all threads of one name used since the process began, or between two such moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use {
    /// CPU of both kinds. Linux knows this sum to the nanosecond, and the two kinds only in ticks,
    /// by looking now and then who runs.
    pub(crate) cpu: Duration,
    user_ticks: u64,
    system_ticks: u64,
    /// How often a thread went to sleep.
    pub(crate) sleeps: u64,
}

/// By thread name.
pub(crate) type Uses = BTreeMap<String, Use>;

impl Use {
    /// The part of the CPU that was the program's own, in the measure of `cpu`.
    pub(crate) fn user(&self) -> Duration {
        let ticks = (self.user_ticks + self.system_ticks).max(1);
        self.cpu.mul_f64(self.user_ticks as f64 / ticks as f64)
    }

    #[cfg(test)]
    pub(crate) fn of(cpu: Duration, user_ticks: u64, system_ticks: u64, sleeps: u64) -> Self {
        Self { cpu, user_ticks, system_ticks, sleeps }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.user_ticks += other.user_ticks;
        self.system_ticks += other.system_ticks;
        self.sleeps += other.sleeps;
    }

    fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            user_ticks: self.user_ticks.saturating_sub(before.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(before.system_ticks),
            sleeps: self.sleeps.saturating_sub(before.sleeps),
        }
    }
}

/// What the threads of a process used until now.
pub(crate) fn of(process: u32) -> Result<Uses, BenchError> {
    let mut uses = Uses::new();
    let tasks = format!("/proc/{process}/task");
    for entry in fs::read_dir(&tasks).map_err(BenchError::io(format!("read {tasks}")))? {
        let entry = entry.map_err(BenchError::io(format!("read {tasks}")))?;
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).ok();
        // A thread that has just ended has no files any more.
        let (Some(stat), Some(times), Some(status)) =
            (read("stat"), read("schedstat"), read("status"))
        else {
            continue;
        };
        let (name, used) = parse(&stat, &times, &status)
            .ok_or_else(|| BenchError::malformed("a thread's stat has another form"))?;
        uses.entry(name).or_default().add(used);
    }
    Ok(uses)
}

/// What was used between two moments.
pub(crate) fn between(before: &Uses, after: Uses) -> Uses {
    let past = |name: &String| before.get(name).copied().unwrap_or_default();
    after.into_iter().map(|(name, used)| (name.clone(), used.since(past(&name)))).collect()
}

/// See proc(5): name, utime and stime; nanoseconds on a processor; voluntary switches.
fn parse(stat: &str, times: &str, status: &str) -> Option<(String, Use)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut fields = tail.split_ascii_whitespace().skip(11);
    let user_ticks = fields.next()?.parse().ok()?;
    let system_ticks = fields.next()?.parse().ok()?;
    let nanos: u64 = times.split_ascii_whitespace().next()?.parse().ok()?;
    let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    let sleeps = switches.trim().parse().ok()?;
    let cpu = Duration::from_nanos(nanos);
    Some((name.to_owned(), Use { cpu, user_ticks, system_ticks, sleeps }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a b) c) S 1 42 42 0 -1 4194304 1 2 3 4 30 10 0 0 20 0 3 0 9 8 7";
    const STATUS: &str = "Name:\tx\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t9\n";

    #[test]
    fn a_thread_is_read_and_its_time_split() {
        let (name, used) = parse(STAT, "400000000 5 6", STATUS).unwrap();
        assert_eq!((name.as_str(), used.sleeps), ("a b) c", 7));
        assert_eq!(used.cpu, Duration::from_millis(400));
        assert_eq!(used.user(), Duration::from_millis(300));
        assert_eq!(parse("42 (x) S 1", "1 2 3", STATUS), None);
    }

    #[test]
    fn threads_of_one_name_are_summed_and_the_past_taken_off() {
        let (name, used) = parse(STAT, "400000000 5 6", STATUS).unwrap();
        let mut both = used;
        both.add(used);
        let before = Uses::from([(name.clone(), used)]);
        let after = Uses::from([(name.clone(), both), ("new".into(), used)]);
        let expected = Uses::from([(name, used), ("new".into(), used)]);
        assert_eq!(between(&before, after), expected);
    }

    #[test]
    fn this_very_process_has_threads() {
        assert!(!of(std::process::id()).unwrap().is_empty());
    }
}
