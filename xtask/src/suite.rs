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
use crate::tidy;

/// What the tests over AWS's own client of KMS are called, and what they are compiled with: the
/// client's own HTTP is none of the library's business.
const AWS_SDK: &str = "aws_sdk";
const AWS_SDK_FEATURES: &str = "aws-sdk-kms,aws-sdk-kms/default-https-client";

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
        features(&mut report, filter)?;
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
    clippy.args(["clippy", "--workspace", "--all-targets", "--features", "bulla/traces"]);
    clippy.args(["--", "--deny", "warnings"]);
    report.step("clippy", Runner::Whole, &mut clippy)?;
    Ok(())
}

fn rust_tests(report: &mut Report, filter: Option<&str>) -> Result<(), Failure> {
    let mut tests = paths::cargo();
    if has_nextest() {
        tests.args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests=pass"]);
        tests.args(filter);
        report.step("unit and integration", Runner::Nextest, &mut tests)?;
    } else {
        tests.args(["test", "--workspace", "--no-fail-fast", "--all-targets"]).args(filter);
        report.step("unit and integration", Runner::Libtest, &mut tests)?;
    }
    let mut doctests = paths::cargo();
    doctests.args(["test", "--workspace", "--no-fail-fast", "--doc"]).args(filter);
    report.step("doctests", Runner::Libtest, &mut doctests)?;
    Ok(())
}

/// What is behind features that are off by default.
fn features(report: &mut Report, filter: Option<&str>) -> Result<(), Failure> {
    if !has_nextest() || filter.is_some_and(|filter| !filter.contains("sm2")) {
        return Ok(());
    }
    let mut sm2 = paths::cargo();
    sm2.args(["nextest", "run", "--no-fail-fast", "--package", "bulla-crypto"]);
    sm2.args(["--package", "bulla-kms", "--features", "bulla-kms/sm2", "sm2"]);
    report.step("the feature sm2", Runner::Nextest, &mut sm2)?;
    let mut s3 = paths::cargo();
    s3.args(["nextest", "run", "--no-fail-fast", "--package", "bulla-trail", "--features", "s3"]);
    s3.arg("s3");
    report.step("the feature s3", Runner::Nextest, &mut s3)?;
    let mut traces = paths::cargo();
    traces.args(["nextest", "run", "--no-fail-fast", "--package", "bulla-plane"]);
    traces.args(["--package", "bulla", "--features", "bulla/traces", "traces"]);
    report.step("the feature traces", Runner::Nextest, &mut traces)?;
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
    conformance::steps(report, filter)?;
    if filter.is_none_or(|filter| AWS_SDK.contains(filter)) {
        aws_sdk(report)?;
    }
    if filter.is_none() {
        let mut torture = paths::cargo();
        torture.args(["run", "--quiet", "--release", "--package", "bulla-torture", "--"]);
        torture.arg("--slice").env("BULLA_BIN", paths::bulla());
        report.step("torture slice", Runner::Whole, &mut torture)?;
    }
    Ok(())
}

/// The envelope over AWS's own client of KMS. The default build has nothing of that client, whose
/// hundred crates nothing else needs.
fn aws_sdk(report: &mut Report) -> Result<(), Failure> {
    let features = ["--package", "bulla-envelope", "--features", AWS_SDK_FEATURES];
    let mut clippy = paths::cargo();
    clippy.arg("clippy").args(features).args(["--all-targets", "--", "--deny", "warnings"]);
    report.step("aws-sdk-kms clippy", Runner::Whole, &mut clippy)?;
    let mut tests = paths::cargo();
    tests.arg("test").args(features).args(["--test", "it", AWS_SDK]);
    tests.env("BULLA_BIN", paths::bulla());
    report.step("aws-sdk-kms", Runner::Libtest, &mut tests)?;
    Ok(())
}

fn has_nextest() -> bool {
    let mut probe = Command::new("cargo-nextest");
    probe.args(["nextest", "--version"]);
    let output = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    output.is_ok_and(|status| status.success())
}
