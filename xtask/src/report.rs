//! Runs steps one after another, tells each in a line with its duration, and sums up at the end.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::count::{Count, Runner};
use crate::failure::Failure;
use crate::paths;
use crate::step::{self, Ended, Step, log_path};

/// Lines of a failed step's log that are shown at once; the log has the rest.
const TAIL_LINES: usize = 60;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    total: Count,
    failed_steps: Vec<(String, PathBuf)>,
}

impl Report {
    /// Runs `command` as the step `name`; what it prints goes to its log. True when it succeeded.
    pub(crate) fn step(
        &mut self,
        name: &str,
        runner: Runner,
        command: &mut Command,
    ) -> Result<bool, Failure> {
        announce(name);
        let ended = step::run(name, runner, std::slice::from_mut(command))?;
        Ok(self.tell(name, ended))
    }

    /// Runs `steps` at the same time, and tells each once all have ended.
    pub(crate) fn together(&mut self, mut steps: Vec<Step>) -> Result<(), Failure> {
        let work = steps.iter_mut().map(|Step { name, runner, commands }| {
            move || Ok((*name, step::run(name, *runner, commands)?))
        });
        for (name, ended) in step::side_by_side(work)? {
            announce(name);
            self.tell(name, ended);
        }
        Ok(())
    }

    /// Ends the line of a step that has ended. True when it succeeded.
    fn tell(&mut self, name: &str, ended: Ended) -> bool {
        let (log, output) = ended.failed.unwrap_or_default();
        self.add(name, ended.count, ended.took, &log);
        if ended.count.failed > 0 {
            print_tail(&output);
        }
        ended.count.failed == 0
    }

    /// Runs a check that is part of this program as the step `name`.
    pub(crate) fn check(
        &mut self,
        name: &str,
        check: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        announce(name);
        let began = Instant::now();
        let log = log_path(name)?;
        let outcome = check();
        let success = outcome.is_ok();
        let text = outcome.err().map(|failure| failure.to_string()).unwrap_or_default();
        fs::write(&log, &text).map_err(|e| Failure::file(&log, e))?;
        self.add(name, Runner::Whole.count("", success), began.elapsed(), &log);
        if !success {
            print_tail(&text);
        }
        Ok(success)
    }

    /// Counts a step that could not run, because one that it needs failed.
    pub(crate) fn blocked(&mut self, name: &str, needs: &str) {
        println!("{name:<24} FAILED: not run, because {needs} failed");
        self.total.failed += 1;
        self.failed_steps.push((name.to_owned(), paths::logs()));
    }

    fn add(&mut self, name: &str, count: Count, took: Duration, log: &std::path::Path) {
        self.total.passed += count.passed;
        self.total.failed += count.failed;
        let verdict = if count.failed == 0 { "ok" } else { "FAILED" };
        let tests = match (count.passed, count.failed) {
            (0 | 1, 0) => String::new(),
            (passed, 0) => format!(", {passed} tests"),
            (passed, failed) => format!(", {passed} passed, {failed} failed"),
        };
        println!("{verdict} ({:.1} s{tests})", took.as_secs_f64());
        if count.failed > 0 {
            self.failed_steps.push((name.to_owned(), log.to_owned()));
        }
    }

    /// Prints the summary; an error when anything failed.
    pub(crate) fn close(self) -> Result<(), Failure> {
        println!();
        for (name, log) in &self.failed_steps {
            println!("failed: {name}, see {}", log.display());
        }
        let Count { passed, failed } = self.total;
        println!("{passed} passed, {failed} failed");
        if failed == 0 && passed == 0 {
            return Err(Failure::Found(
                "no test was run: does the filter match a name?".to_owned(),
            ));
        }
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::Found(format!("{} step(s) failed", self.failed_steps.len())))
    }
}

/// Begins a step's line, so that one sees what is running.
fn announce(name: &str) {
    print!("{name:<24} ");
    // A closed standard output is no reason to stop testing.
    let _ = std::io::stdout().flush();
}

fn print_tail(output: &str) {
    let lines: Vec<&str> = output.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    if skipped > 0 {
        println!("    [{skipped} lines before this are in the log]");
    }
    for line in lines.iter().skip(skipped) {
        println!("    {line}");
    }
}
