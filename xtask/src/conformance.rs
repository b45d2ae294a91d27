//! The tests with real clients, against the release binary.

use std::process::Command;

use crate::count::Runner;
use crate::failure::Failure;
use crate::paths;
use crate::report::Report;
use crate::setup;

/// `cargo xtask conformance [--filter X]`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let filter = match args {
        [] => None,
        [flag, text] if flag == "--filter" => Some(text.as_str()),
        _ => return Err(Failure::Usage("usage: cargo xtask conformance [--filter X]".to_owned())),
    };
    let mut report = Report::default();
    if build(&mut report)? {
        steps(&mut report, filter)?;
    }
    report.close()
}

/// Builds the program as users run it.
pub(crate) fn build(report: &mut Report) -> Result<bool, Failure> {
    let mut cargo = paths::cargo();
    cargo.args(["build", "--release", "--package", "bulla"]);
    report.step("release build", Runner::Whole, &mut cargo)
}

/// The Python and the JS suite.
pub(crate) fn steps(report: &mut Report, filter: Option<&str>) -> Result<(), Failure> {
    match setup::python() {
        Ok(python) => {
            let mut pytest = Command::new(&python);
            pytest.args(["-m", "pytest", "-q", "--no-header", "tests/conformance"]);
            pytest.current_dir(paths::root()).env("BULLA_BIN", paths::bulla());
            if let Some(folder) = python.parent() {
                pytest.env("PATH", setup::path_with(folder)?);
            }
            if let Some(filter) = filter {
                pytest.args(["-k", filter]);
            }
            report.step("python conformance", Runner::Pytest, &mut pytest)?;
        }
        Err(failure) => {
            report.check("python conformance", || Err(failure))?;
        }
    }
    match setup::node() {
        Ok(path) => {
            let mut node = Command::new("node");
            node.args(["--test", "--test-reporter=spec"]).env("PATH", path);
            if let Some(filter) = filter {
                node.arg(format!("--test-name-pattern={filter}"));
            }
            node.current_dir(paths::root().join("tests/js")).env("BULLA_BIN", paths::bulla());
            report.step("js conformance", Runner::Node, &mut node)?;
        }
        Err(failure) => {
            report.check("js conformance", || Err(failure))?;
        }
    }
    Ok(())
}
