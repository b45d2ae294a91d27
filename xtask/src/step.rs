//! One step of the suite: programs that run at the same time, each with a log of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::count::{Count, Runner};
use crate::failure::Failure;
use crate::paths;

/// Programs that make one step, and who reads what they print.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) runner: Runner,
    pub(crate) commands: Vec<Command>,
}

/// How a step went.
pub(crate) struct Ended {
    /// What all its programs counted.
    pub(crate) count: Count,
    pub(crate) took: Duration,
    /// The log of the first program that failed, and what it says.
    pub(crate) failed: Option<(PathBuf, String)>,
}

/// Runs `commands` at the same time as the step `name`, and adds up what they count.
///
/// # Errors
/// When one can't be started, or its log can't be written or read.
pub(crate) fn run(name: &str, runner: Runner, commands: &mut [Command]) -> Result<Ended, Failure> {
    let began = Instant::now();
    let logs = (1..=commands.len()).map(|number| match number {
        1 => log_path(name),
        number => log_path(&format!("{name} {number}")),
    });
    let logs = logs.collect::<Result<Vec<_>, _>>()?;
    let successes = side_by_side(
        commands.iter_mut().zip(&logs).map(|(command, log)| move || run_logged(command, log)),
    )?;
    let (mut count, mut failed) = (Count::default(), None);
    for (log, success) in logs.into_iter().zip(successes) {
        let output = fs::read(&log).map_err(|e| Failure::file(&log, e))?;
        let output = String::from_utf8_lossy(&output).into_owned();
        let one = runner.count(&output, success);
        count.passed += one.passed;
        count.failed += one.failed;
        if one.failed > 0 && failed.is_none() {
            failed = Some((log, output));
        }
    }
    Ok(Ended { count, took: began.elapsed(), failed })
}

/// Does all of `work` at the same time. What comes of it is in its order; of errors, the first.
pub(crate) fn side_by_side<T: Send>(
    work: impl Iterator<Item = impl FnOnce() -> Result<T, Failure> + Send>,
) -> Result<Vec<T>, Failure> {
    std::thread::scope(|scope| {
        let running: Vec<_> = work.map(|one| scope.spawn(one)).collect();
        let died = |_| Failure::Found("a thread that waits for a program died".to_owned());
        running.into_iter().map(|one| one.join().map_err(died)?).collect()
    })
}

/// Runs `command` with no input and all output in `log`. True when it ended well.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<bool, Failure> {
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
