//! What the conformance tests need, made ready: a Python environment, Node, the JS packages.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::failure::Failure;
use crate::paths;
use crate::step::{log_path, run_logged};

/// The oldest Node that the pinned JS SDK runs on.
const OLDEST_NODE: u32 = 20;

/// The Python of the tests' own virtual environment, made or brought up to date first.
pub(crate) fn python() -> Result<PathBuf, Failure> {
    let pins = paths::root().join("tests/conformance/requirements.txt");
    let venv = venv();
    let python = venv.join("bin/python");
    if is_current(&venv.join("requirements.installed"), &pins)? && python.exists() {
        return Ok(python);
    }
    if !python.exists() {
        let base = std::env::var_os("PYTHON").unwrap_or_else(|| OsString::from("python3"));
        let mut create = Command::new(base);
        create.args(["-m", "venv", "--clear"]).arg(&venv);
        prepare("virtual environment", &mut create).map_err(|failure| {
            let hint = "python3 with its venv module is needed (Debian: apt install python3-venv)";
            Failure::Setup(format!("{failure}; {hint}"))
        })?;
    }
    prepare("python packages", &mut pip_install(&python, &pins))?;
    mark_current(&venv.join("requirements.installed"), &pins)?;
    Ok(python)
}

/// The folder that has `node` and `npm`, to be put first on the path, with the JS packages there.
pub(crate) fn node() -> Result<OsString, Failure> {
    let path = match machine_node() {
        Some(path) => path,
        None => node_from_pypi()?,
    };
    let js = paths::root().join("tests/js");
    let lock = js.join("package-lock.json");
    let marker = paths::target().join("js-packages.installed");
    if !is_current(&marker, &lock)? || !js.join("node_modules").exists() {
        let mut npm = Command::new(find(&path, "npm").unwrap_or_else(|| PathBuf::from("npm")));
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&js).env("PATH", &path);
        prepare("js packages", &mut npm)?;
        mark_current(&marker, &lock)?;
    }
    Ok(path)
}

/// Node itself, with the JS packages there.
pub(crate) fn node_program() -> Result<PathBuf, Failure> {
    let path = node()?;
    find(&path, "node").ok_or_else(|| Failure::Setup("there is no node on the path".to_owned()))
}

/// The path with the environment's programs first (`aws` and the rest).
pub(crate) fn path_with(folder: &Path) -> Result<OsString, Failure> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders)
        .map_err(|e| Failure::Setup(format!("{} cannot be put on PATH: {e}", folder.display())))
}

fn venv() -> PathBuf {
    paths::target().join("venv")
}

fn pip_install(python: &Path, pins: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r"]);
    pip.arg(pins);
    pip
}

/// The machine's path when its Node is young enough and brings npm.
fn machine_node() -> Option<OsString> {
    let path = std::env::var_os("PATH")?;
    find(&path, "npm")?;
    let node = find(&path, "node")?;
    let output = Command::new(node).arg("--version").stdin(Stdio::null()).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    let major: u32 = version.trim().trim_start_matches('v').split('.').next()?.parse().ok()?;
    (major >= OLDEST_NODE).then_some(path)
}

fn node_from_pypi() -> Result<OsString, Failure> {
    let python = python()?;
    let pins = paths::root().join("tests/conformance/requirements-node.txt");
    let marker = venv().join("node.installed");
    if !is_current(&marker, &pins)? {
        prepare("node from PyPI", &mut pip_install(&python, &pins))?;
        mark_current(&marker, &pins)?;
    }
    path_with(&venv().join("bin"))
}

fn find(path: &OsString, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether `marker` was written for what `pins` holds now.
fn is_current(marker: &Path, pins: &Path) -> Result<bool, Failure> {
    let wanted = fs::read(pins).map_err(|e| Failure::file(pins, e))?;
    Ok(fs::read(marker).is_ok_and(|installed| installed == wanted))
}

fn mark_current(marker: &Path, pins: &Path) -> Result<(), Failure> {
    fs::copy(pins, marker).map(|_| ()).map_err(|e| Failure::file(marker, e))
}

/// Runs one step of the set-up, telling it in a line; its output is in its log.
fn prepare(what: &str, command: &mut Command) -> Result<(), Failure> {
    let began = Instant::now();
    let log = log_path(&format!("set-up {what}"))?;
    println!("set-up: {what}");
    if run_logged(command, &log)? {
        println!("set-up: {what} ready ({:.1} s)", began.elapsed().as_secs_f64());
        return Ok(());
    }
    Err(Failure::Setup(format!("set-up of {what} failed, see {}", log.display())))
}
