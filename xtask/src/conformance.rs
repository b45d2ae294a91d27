//! The tests with real clients, against the release binary.

use std::fs;
use std::process::Command;

use crate::count::Runner;
use crate::failure::Failure;
use crate::paths;
use crate::report::Report;
use crate::setup;
use crate::step::Step;

/// Into how many parts the Python suite is cut.
const PYTHON_PARTS: usize = 4;

/// `cargo xtask conformance [--filter X]`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let filter = match args {
        [] => None,
        [flag, text] if flag == "--filter" => Some(text.as_str()),
        _ => return Err(Failure::Usage("usage: cargo xtask conformance [--filter X]".to_owned())),
    };
    let mut report = Report::default();
    if build(&mut report, &["bulla"])? {
        let steps = steps(&mut report, filter)?;
        report.together(steps)?;
    }
    report.close()
}

/// Builds programs as users run them.
pub(crate) fn build(report: &mut Report, packages: &[&str]) -> Result<bool, Failure> {
    let mut cargo = paths::cargo();
    cargo.args(["build", "--release"]);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    report.step("release build", Runner::Whole, &mut cargo)
}

/// The Python and the JS suite; one whose set-up fails is a step that failed.
pub(crate) fn steps(report: &mut Report, filter: Option<&str>) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    for (name, step) in [("python conformance", python(filter)), ("js conformance", js(filter))] {
        match step {
            Ok(step) => steps.push(step),
            Err(failure) => {
                report.check(name, || Err(failure))?;
            }
        }
    }
    Ok(steps)
}

fn js(filter: Option<&str>) -> Result<Step, Failure> {
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).env("PATH", setup::node()?);
    if let Some(filter) = filter {
        node.arg(format!("--test-name-pattern={filter}"));
    }
    node.current_dir(paths::root().join("tests/js")).env("BULLA_BIN", paths::bulla());
    Ok(Step { name: "js conformance", runner: Runner::Node, commands: vec![node] })
}

/// The Python suite in parts that run at the same time: its tests wait for servers, sockets and
/// clients most of the time. Each part has servers of its own.
fn python(filter: Option<&str>) -> Result<Step, Failure> {
    let python = setup::python()?;
    let folder = paths::root().join("tests/conformance");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|e| Failure::file(&folder, e))? {
        let path = entry.map_err(|e| Failure::file(&folder, e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("test_") && name.ends_with(".py") {
            files.push(path);
        }
    }
    files.sort();
    // A part in which a filter finds nothing would fail.
    let count = if filter.is_some() { 1 } else { PYTHON_PARTS };
    let path = python.parent().map(setup::path_with).transpose()?;
    let parts = (0..count).map(|part| {
        let mut pytest = Command::new(&python);
        pytest.args(["-m", "pytest", "-q", "--no-header"]);
        pytest.args(files.iter().skip(part).step_by(count));
        pytest.current_dir(paths::root()).env("BULLA_BIN", paths::bulla());
        if let Some(path) = &path {
            pytest.env("PATH", path);
        }
        if let Some(filter) = filter {
            pytest.args(["-k", filter]);
        }
        pytest
    });
    let commands = parts.collect();
    Ok(Step { name: "python conformance", runner: Runner::Pytest, commands })
}
