//! `docs/coverage.md`: what of each service is served, from the program's own rows.

use std::fs;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::paths;

/// `cargo xtask coverage [--check]`: builds the program and writes (or compares) the table.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let check_only = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err(Failure::Usage("usage: cargo xtask coverage [--check]".to_owned())),
    };
    let mut cargo = paths::cargo();
    cargo.args(["build", "--release", "--package", "bulla"]);
    let status =
        cargo.status().map_err(|source| Failure::Start { program: "cargo".into(), source })?;
    if !status.success() {
        return Err(Failure::Found("the program does not build".to_owned()));
    }
    if check_only { check() } else { write() }
}

/// Compares `docs/coverage.md` with what the built program serves.
pub(crate) fn check() -> Result<(), Failure> {
    let path = paths::root().join("docs/coverage.md");
    let written = fs::read(&path).map_err(|e| Failure::file(&path, e))?;
    if written == table()? {
        return Ok(());
    }
    Err(Failure::Found(
        "docs/coverage.md is not true any more: run `cargo xtask coverage`".to_owned(),
    ))
}

fn write() -> Result<(), Failure> {
    let path = paths::root().join("docs/coverage.md");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Failure::file(folder, e))?;
    }
    fs::write(&path, table()?).map_err(|e| Failure::file(&path, e))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// What `bulla coverage` prints.
fn table() -> Result<Vec<u8>, Failure> {
    let bulla = paths::bulla();
    let output = Command::new(&bulla).arg("coverage").stdin(Stdio::null()).output();
    let output =
        output.map_err(|source| Failure::Start { program: bulla.display().to_string(), source })?;
    if output.status.success() && !output.stdout.is_empty() {
        return Ok(output.stdout);
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::Found(format!("`bulla coverage` did not print a table: {errors}")))
}
