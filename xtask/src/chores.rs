//! The long runs: bench, torture and fuzzing. Each is a program of its own; here it is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::paths;
use crate::setup;

/// Minutes that `cargo xtask fuzz` gives each target when none are named.
const FUZZ_MINUTES: u64 = 5;
/// An input that takes longer is a fault, in seconds. Fuzz builds are some ten times slower.
const FUZZ_HANG_SECONDS: u64 = 10;

/// `cargo xtask bench`: arguments go on to the bench program.
pub(crate) fn bench(args: &[String]) -> Result<(), Failure> {
    let mut args = args.to_vec();
    if args.first().is_some_and(|first| first == "envelope") {
        args.extend(rivals());
    }
    release("bulla-bench", &args)
}

/// Others' implementations of the envelope, as options of the bench. What can't be had is told, and
/// left out.
fn rivals() -> Vec<String> {
    let shown = |path: &Path| path.display().to_string();
    let mut options = Vec::new();
    let mut found = |name: &str, outcome: Result<Vec<String>, Failure>| match outcome {
        Ok(more) => options.extend(more),
        Err(failure) => println!("bench: without {name}: {failure}"),
    };
    found("aws-esdk", aws_esdk().map(|program| vec!["--aws-esdk".to_owned(), shown(&program)]));
    found("Python", setup::python().map(|python| vec!["--python".to_owned(), shown(&python)]));
    let node = setup::node_program().map(|node| {
        let packages = paths::root().join("tests/js");
        let options = ["--node", "--node-packages"].map(str::to_owned);
        options.into_iter().zip([shown(&node), shown(&packages)]).flat_map(<[_; 2]>::from).collect()
    });
    found("JavaScript", node);
    options
}

/// Builds AWS's own implementation in Rust, which takes some minutes once.
fn aws_esdk() -> Result<PathBuf, Failure> {
    let target = paths::target().join("rivals");
    let mut build = paths::cargo();
    build.args(["build", "--release", "--manifest-path", "bench/rivals/Cargo.toml"]);
    watched(build.arg("--target-dir").arg(&target))?;
    Ok(target.join("release/bulla-bench-aws-esdk"))
}

/// `cargo xtask torture`: arguments go on to the torture program.
pub(crate) fn torture(args: &[String]) -> Result<(), Failure> {
    release("bulla-torture", args)
}

/// Builds the program and `package` for release, then runs `package` with the binary's path.
fn release(package: &str, args: &[String]) -> Result<(), Failure> {
    let mut build = paths::cargo();
    build.args(["build", "--release", "--package", "bulla", "--package", package]);
    watched(&mut build)?;
    let mut run = Command::new(paths::release(package));
    run.args(args).env("BULLA_BIN", paths::bulla()).current_dir(paths::root());
    watched(&mut run)
}

/// `cargo xtask fuzz [TARGET] [--minutes M]`: one target, or each in turn.
pub(crate) fn fuzz(args: &[String]) -> Result<(), Failure> {
    let usage = || Failure::Usage("usage: cargo xtask fuzz [TARGET] [--minutes M]".to_owned());
    let mut only = None;
    let mut minutes = FUZZ_MINUTES;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--minutes" => {
                minutes = rest.next().and_then(|m| m.parse().ok()).ok_or_else(usage)?;
            }
            name if !name.starts_with('-') && only.is_none() => only = Some(name.to_owned()),
            _ => return Err(usage()),
        }
    }
    let targets = match only {
        Some(name) => vec![name],
        None => fuzz_targets()?,
    };
    for target in targets {
        println!("fuzz: {target} for {minutes} minutes");
        watched(&mut fuzz_run(&target, minutes)?)?;
    }
    Ok(())
}

/// A target's run: it begins with the kept corpus, and what it finds goes to a folder of its own.
fn fuzz_run(target: &str, minutes: u64) -> Result<Command, Failure> {
    let fuzz = paths::root().join("fuzz");
    let (found, corpus) = (fuzz.join("found").join(target), fuzz.join("corpus").join(target));
    for folder in [&found, &corpus] {
        fs::create_dir_all(folder).map_err(|e| Failure::file(folder, e))?;
    }
    let dictionary = fuzz.join("dictionaries").join(target).with_extension("dict");
    let mut cargo = Command::new("cargo");
    cargo.args(["+nightly", "fuzz", "run", target]).args([found, corpus]).arg("--");
    cargo.arg(format!("-max_total_time={}", minutes.saturating_mul(60)));
    cargo.arg(format!("-timeout={FUZZ_HANG_SECONDS}"));
    if dictionary.exists() {
        cargo.arg(format!("-dict={}", dictionary.display()));
    }
    cargo.current_dir(paths::root());
    Ok(cargo)
}

/// The fuzz targets: one file each in `fuzz/fuzz_targets`.
fn fuzz_targets() -> Result<Vec<String>, Failure> {
    let folder = paths::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|e| Failure::file(&folder, e))? {
        let path = entry.map_err(|e| Failure::file(&folder, e))?.path();
        if path.extension().is_some_and(|ext| ext == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Runs `command` on this terminal.
fn watched(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| Failure::Start { program, source })?;
    if status.success() { Ok(()) } else { Err(Failure::Found(format!("ended with {status}"))) }
}
