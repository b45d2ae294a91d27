//! Runs steps one after another, tells each in a line with its duration, and sums up at the end.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::count::{Count, Runner};
use crate::failure::Failure;
use crate::paths;

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
        self.step_side_by_side(name, runner, std::slice::from_mut(command))
    }

    /// Runs `commands` at the same time as the step `name`, each with a log of its own, and adds up
    /// what they count. True when all succeeded.
    pub(crate) fn step_side_by_side(
        &mut self,
        name: &str,
        runner: Runner,
        commands: &mut [Command],
    ) -> Result<bool, Failure> {
        announce(name);
        let began = Instant::now();
        let logs = (1..=commands.len()).map(|number| match number {
            1 => log_path(name),
            number => log_path(&format!("{name} {number}")),
        });
        let logs = logs.collect::<Result<Vec<_>, _>>()?;
        let ended = std::thread::scope(|scope| {
            let running: Vec<_> = commands
                .iter_mut()
                .zip(&logs)
                .map(|(command, log)| scope.spawn(|| run_logged(command, log)))
                .collect();
            let died = |_| Failure::Found("a thread that waits for a program died".to_owned());
            let ended = running.into_iter().map(|one| one.join().map_err(died)?);
            ended.collect::<Result<Vec<_>, Failure>>()
        })?;
        let mut total = Count::default();
        let mut failed = None;
        for (log, success) in logs.iter().zip(ended) {
            let output = fs::read(log).map_err(|e| Failure::file(log, e))?;
            let output = String::from_utf8_lossy(&output).into_owned();
            let count = runner.count(&output, success);
            total.passed += count.passed;
            total.failed += count.failed;
            if count.failed > 0 && failed.is_none() {
                failed = Some((log.clone(), output));
            }
        }
        let (log, output) = failed.unwrap_or_default();
        self.add(name, total, began.elapsed(), &log);
        if total.failed > 0 {
            print_tail(&output);
        }
        Ok(total.failed == 0)
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

/// Runs `command` with no input and all output in `log`. True when it ended well.
pub(crate) fn run_logged(command: &mut Command, log: &std::path::Path) -> Result<bool, Failure> {
    let file = File::create(log).map_err(|e| Failure::file(log, e))?;
    let errors = file.try_clone().map_err(|e| Failure::file(log, e))?;
    let status = command.stdin(Stdio::null()).stdout(file).stderr(errors).status();
    let program = command.get_program().to_string_lossy().into_owned();
    status.map(|status| status.success()).map_err(|source| Failure::Start { program, source })
}

/// The log file of the step `name`; makes its folder.
pub(crate) fn log_path(name: &str) -> Result<PathBuf, Failure> {
    let folder = paths::logs();
    fs::create_dir_all(&folder).map_err(|e| Failure::file(&folder, e))?;
    let file: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(folder.join(format!("{file}.log")))
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
