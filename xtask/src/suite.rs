//! `cargo xtask test`: everything that must hold, cheapest first.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::conformance;
use crate::count::Runner;
use crate::coverage;
use crate::failure::Failure;
use crate::models;
use crate::paths;
use crate::report::Report;
use crate::step::Step;
use crate::tidy;

/// Everything that is off by default. Lints and tests are compiled once, with all of it; the
/// program that the tests from outside run has none of it.
const FEATURES: &str = "bulla/s3,bulla/sm2,bulla/traces,bulla-envelope/aws-sdk-kms,\
                        aws-sdk-kms/default-https-client";
/// What the tests over AWS's own client of KMS are called; they need a running server.
const AWS_SDK: &str = "aws_sdk";

/// What of the suite to run.
#[derive(Debug, Default)]
struct Options {
    fast: bool,
    filter: Option<String>,
}

fn parse(args: &[String]) -> Result<Options, Failure> {
    let usage = || Failure::Usage("usage: cargo xtask test [--fast] [--filter X]".to_owned());
    let mut options = Options::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--fast" => options.fast = true,
            "--filter" => options.filter = Some(rest.next().ok_or_else(usage)?.clone()),
            _ => return Err(usage()),
        }
    }
    Ok(options)
}

/// Runs the suite; an error when anything failed.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let options = parse(args)?;
    let filter = options.filter.as_deref();
    let began = Instant::now();
    if std::env::var_os("BULLA_VECTORS").is_none() {
        println!("BULLA_VECTORS is not set: the tests over AWS's vectors are left out");
    }
    let mut report = Report::default();
    if filter.is_none() {
        style(&mut report)?;
    }
    rust_tests(&mut report, filter)?;
    if !options.fast {
        from_outside(&mut report, filter)?;
    }
    println!("\nall steps took {:.0} s", began.elapsed().as_secs_f64());
    report.close()
}

/// What needs no test to run.
fn style(report: &mut Report) -> Result<(), Failure> {
    report.step("fmt", Runner::Whole, paths::cargo().args(["fmt", "--all", "--check"]))?;
    report.check("tidy", tidy::check)?;
    report.check("models", || models::run(true).map_err(Failure::Found))?;
    let mut clippy = paths::cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--features", FEATURES]);
    clippy.args(["--", "--deny", "warnings"]);
    report.step("clippy", Runner::Whole, &mut clippy)?;
    Ok(())
}

fn rust_tests(report: &mut Report, filter: Option<&str>) -> Result<(), Failure> {
    let (mut tests, runner) = if has_nextest() {
        let mut tests = paths::cargo();
        tests.args(["nextest", "run", "--workspace", "--features", FEATURES, "--no-fail-fast"]);
        tests.args(["--no-tests=pass", "-E"]).arg(format!("not test(/^{AWS_SDK}::/)")).args(filter);
        (tests, Runner::Nextest)
    } else {
        let mut tests = paths::cargo();
        tests.args(["test", "--workspace", "--features", FEATURES, "--no-fail-fast"]);
        tests.arg("--all-targets").args(filter).args(["--", "--skip", AWS_SDK]);
        (tests, Runner::Libtest)
    };
    report.step("unit and integration", runner, &mut tests)?;
    let mut doctests = paths::cargo();
    doctests.args(["test", "--workspace", "--features", FEATURES, "--no-fail-fast", "--doc"]);
    report.step("doctests", Runner::Libtest, doctests.args(filter))?;
    // What is compiled only where a feature is off.
    let mut without = paths::cargo();
    without.args(["test", "--package", "bulla-crypto", "--lib", "without_sm2"]);
    if filter.is_none_or(|filter| "without_sm2".contains(filter)) {
        report.step("without sm2", Runner::Libtest, &mut without)?;
    }
    Ok(())
}

/// What runs against the program as users run it.
fn from_outside(report: &mut Report, filter: Option<&str>) -> Result<(), Failure> {
    // Together: the one has something to do while the other is linked.
    if !conformance::build(report, &["bulla", "bulla-torture"])? {
        for name in [
            "coverage table",
            "python conformance",
            "js conformance",
            "aws-sdk-kms",
            "torture slice",
        ] {
            report.blocked(name, "the release build");
        }
        return Ok(());
    }
    if filter.is_none() {
        report.check("coverage table", coverage::check)?;
    }
    let mut steps = conformance::steps(report, filter)?;
    if filter.is_none_or(|filter| AWS_SDK.contains(filter)) {
        steps.push(aws_sdk());
    }
    report.together(steps)?;
    if filter.is_none() {
        // Alone, as it has bounds on times. Run by `cargo`, it would be compiled again: for another
        // set of packages, with other features of what they share.
        let mut torture = Command::new(paths::release("bulla-torture"));
        torture.arg("--slice").env("BULLA_BIN", paths::bulla()).current_dir(paths::root());
        report.step("torture slice", Runner::Whole, &mut torture)?;
    }
    Ok(())
}

/// The envelope over AWS's own client of KMS, as it was compiled with the other tests.
fn aws_sdk() -> Step {
    let mut tests = paths::cargo();
    let runner = if has_nextest() {
        tests.args(["nextest", "run", "--workspace", "--features", FEATURES, "--no-fail-fast"]);
        tests.arg("-E").arg(format!("test(/^{AWS_SDK}::/)"));
        Runner::Nextest
    } else {
        tests.args(["test", "--workspace", "--features", FEATURES, "--test", "it", AWS_SDK]);
        Runner::Libtest
    };
    tests.env("BULLA_BIN", paths::bulla());
    Step { name: "aws-sdk-kms", runner, commands: vec![tests] }
}

fn has_nextest() -> bool {
    let mut probe = Command::new("cargo-nextest");
    probe.args(["nextest", "--version"]);
    let output = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    output.is_ok_and(|status| status.success())
}
